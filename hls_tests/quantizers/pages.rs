//! Pages of docs/ with text that the program or a test computes: quantizers.md, and float32.md with
//! examples of QKeras' float32 arithmetic differing from exact arithmetic.

use std::path::Path;

use bitkiln::quantizer::Quantizer;
use bitkiln::report::quantizers::{catalogue, detail, markdown};
use serde_json::Value;

use super::{folder, json};

/// Checks that `text` is between two lines of a page, or writes it there if `BITKILN_WRITE_DOCS` is set.
#[track_caller]
fn hold(page: &str, first: &str, last: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    let found = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = found.split_once(first).unwrap();
    let (_, after) = rest.split_once(last).unwrap();
    let wanted = format!("{before}{first}\n{text}{last}{after}");
    if std::env::var_os("BITKILN_WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    } else {
        assert_eq!(found, wanted, "run with BITKILN_WRITE_DOCS=1 to write {page}");
    }
}

/// One test, since both parts are in one file.
#[test]
fn the_page_on_quantizers_is_what_the_program_prints() {
    let table = markdown(&catalogue());
    hold("quantizers.md", "<!-- table -->", "<!-- end of the table -->", &table);

    let call = "quantized_bits(3,0,alpha=1)";
    let quantizer: Quantizer = call.parse().unwrap();
    let shown = detail(&quantizer, false).unwrap().to_string();
    let shown: String = shown.lines().map(|line| format!("    {line}\n")).collect();
    hold(
        "quantizers.md",
        &format!("    $ bitkiln quantizers '{call}'"),
        "\nValues half-way",
        &shown,
    );
}

struct Example {
    quantizer: String,
    x: f64,
    /// QKeras' result for a tensor of one element.
    alone: f64,
    /// Its results for the first and the last of eleven equal elements.
    lanes: [f64; 2],
    why: String,
}

impl Example {
    fn read(value: &Value) -> Self {
        let number = |name: &str| value[name].as_f64().unwrap();
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        Self {
            quantizer: text("quantizer"),
            x: number("x"),
            alone: number("alone"),
            lanes: serde_json::from_value(value["lanes"].clone()).unwrap(),
            why: text("why"),
        }
    }

    fn exact(&self) -> f64 {
        self.quantizer.parse::<Quantizer>().unwrap().apply(self.x)
    }

    /// All results of QKeras.
    fn of_qkeras(&self) -> Vec<f64> {
        let mut all = vec![self.alone, self.lanes[0], self.lanes[1]];
        all.sort_by(f64::total_cmp);
        all.dedup();
        all
    }
}

fn examples() -> Vec<Example> {
    let file = json(&folder("quantizers").join("float32.json"));
    file.as_array().unwrap().iter().map(Example::read).collect()
}

#[test]
fn the_page_on_float32_lists_worked_examples() {
    let mut table = String::from(
        "| quantizer | x | QKeras | exact, as in Bitkiln | reason |\n|---|---|---|---|---|\n",
    );
    for example in examples() {
        let given: Vec<String> = example.of_qkeras().iter().map(|y| format!("{y}")).collect();
        table += &format!(
            "| `{}` | {} | {} | {} | {} |\n",
            example.quantizer,
            example.x,
            given.join(" or "),
            example.exact(),
            example.why
        );
    }
    hold("float32.md", "<!-- table -->", "<!-- end of the table -->", &table);
}

/// No example agrees with QKeras.
#[test]
fn every_example_is_an_exception() {
    let examples = examples();
    assert!(examples.len() >= 12);
    for example in examples {
        assert!(example.of_qkeras().iter().any(|y| *y != example.exact()), "{}", example.quantizer);
    }
}

/// Thresholds are exact: √2 · 2^k, or the powers themselves.
#[test]
fn powers_of_two_change_between_the_neighbours_of_the_root() {
    let nearest: Quantizer = "quantized_po2(6)".parse().unwrap();
    let floor: Quantizer = "quantized_po2(8,log2_rounding='floor')".parse().unwrap();
    for k in -6..7 {
        let power = 2.0_f64.powi(k);
        let root = (std::f64::consts::SQRT_2 * power) as f32;
        let (below, above) = if f64::from(root) < std::f64::consts::SQRT_2 * power {
            (root, root.next_up())
        } else {
            (root.next_down(), root)
        };
        assert_eq!(nearest.apply(below.into()), power);
        assert_eq!(nearest.apply(above.into()), 2.0 * power);
    }
    for k in -20..60 {
        let power = 2.0_f64.powi(k);
        assert_eq!(floor.apply(power), power);
        assert_eq!(floor.apply(f64::from((power as f32).next_down())), power / 2.0);
    }
}

/// The limits of float32 are part of QKeras' definition: no power is below 2^-126, and subnormal
/// parameters are 0, with a positive sign.
#[test]
fn the_limits_of_float32_are_kept() {
    let apply = |call: &str, x: f64| call.parse::<Quantizer>().unwrap().apply(x);
    assert_eq!(apply("quantized_relu_po2(8)", 0.0), 0.0);
    assert_eq!(apply("quantized_po2(8)", 0.0), 2.0_f64.powi(-64));
    let weights = ndarray::arr1(&[-1e-40_f32, -1e-37, 0.0]).into_dyn();
    let binary: Quantizer = "binary(alpha=1)".parse().unwrap();
    let values = binary.quantize(&weights.view()).unwrap();
    assert_eq!(values, ndarray::arr1(&[1.0, -1.0, 1.0]).into_dyn());
}
