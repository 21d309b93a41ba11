//! The quantizers against QKeras itself.

mod adaptive;
mod corners;
mod documentation;
mod float32;

use std::fs::File;
use std::path::{Path, PathBuf};

use bitkiln::quantizer::{ParseError, Quantizer};
use ndarray::{Array1, ArrayView1, ArrayViewD, IxDyn};
use ndarray_npy::NpzReader;
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests").join(name)
}

fn json(path: &Path) -> Value {
    serde_json::from_reader(File::open(path).unwrap()).unwrap()
}

/// Arrays of a file, by name.
struct Arrays(NpzReader<File>);

impl Arrays {
    fn open(path: &Path) -> Self {
        Self(NpzReader::new(File::open(path).unwrap()).unwrap())
    }

    fn get(&mut self, name: &str) -> Array1<f32> {
        self.0.by_name(&format!("{name}.npy")).or_else(|_| self.0.by_name(name)).unwrap()
    }
}

/// The vectors of generate.py: kernels of many shapes, with zero columns, tiny and huge numbers.
/// Every value is equal, not only near.
#[test]
fn parameters_have_the_values_that_qkeras_gives_them() {
    // Another folder serves vectors drawn with another seed.
    let folder = std::env::var_os("BITKILN_QUANTIZER_VECTORS")
        .map_or_else(|| folder("quantizers"), PathBuf::from);
    let mut arrays = Arrays::open(&folder.join("arrays.npz"));
    let (weights, values) = (arrays.get("weights"), arrays.get("values"));
    let cases = json(&folder.join("cases.json"));
    let mut start = 0;
    let mut wrong = vec![];
    for case in cases.as_array().unwrap() {
        let shape: Vec<usize> = serde_json::from_value(case["shape"].clone()).unwrap();
        let end = start + shape.iter().product::<usize>();
        let part = |all: &Array1<f32>| {
            let part: ArrayView1<'_, f32> = all.slice(ndarray::s![start..end]);
            part.to_owned().into_shape_with_order(IxDyn(&shape)).unwrap()
        };
        let stated: Quantizer = case["quantizer"].as_str().unwrap().parse().unwrap();
        let quantizer =
            if case["in_kernel"].as_bool().unwrap() { stated.in_kernel() } else { stated };
        let weights = part(&weights);
        let expected = part(&values).mapv(f64::from);
        let view: ArrayViewD<'_, f32> = weights.view();
        let quantized = quantizer.quantize(&view).unwrap();
        if quantized != expected {
            wrong.push(format!("{quantizer} of {weights}\ngives {quantized}\nnot {expected}"));
        }
        start = end;
    }
    assert_eq!(start, weights.len());
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// What QKeras' `get_config` wrote of each quantizer, and what it made of one vector.
#[test]
fn one_vector_becomes_what_qkeras_makes_of_it() {
    let mut arrays = Arrays::open(&folder("reference").join("quantizers.npz"));
    let cases = json(&folder("reference").join("quantizers.json"));
    let x = arrays.get("x");
    let mut compared = vec![];
    for (name, case) in cases.as_object().unwrap() {
        let Some(config) = case["config"].as_object() else { continue };
        let config: Vec<(String, Value)> =
            config.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let class = case["class"].as_str().unwrap();
        let quantizer = match Quantizer::construct(class, &[], &config) {
            Err(ParseError::NotYet { .. }) => continue,
            quantizer => quantizer.unwrap(),
        };
        let quantized = match quantizer.quantize(&x.view().into_dyn()) {
            Err(_) if name == "bits4_auto" => continue,
            quantized => quantized.unwrap(),
        };
        let expected = arrays.get(name);
        for ((x, y), expected) in x.iter().zip(&quantized).zip(&expected) {
            // QKeras gives x + (q(x) - x) in float32.
            let error = f64::from(f32::EPSILON * x.abs().max(1.0)) * 2.0;
            assert!(
                (y - f64::from(*expected)).abs() <= error,
                "{name} of {x}: {y}, not {expected}"
            );
        }
        if quantizer.stages().is_ok() {
            let applied = x.mapv(|x| quantizer.apply(x.into())).into_dyn();
            assert_eq!(applied, quantized, "{name}");
        }
        compared.push(name.as_str());
    }
    assert_eq!(
        compared,
        [
            "bits4",
            "bits6_2",
            "bits8_neg",
            "bits4_default_alpha",
            "bits4_auto_po2",
            "bits1",
            "ternary",
            "ternary_thr",
            "ternary_auto_po2",
            "binary",
            "binary_auto_po2",
            "binary01",
            "po2_4",
            "po2_3_max1",
            "act_relu6",
            "act_relu4_0",
            "act_relu_sigmoid",
            "act_relu_leaky",
            "act_relu_upper",
            "act_bits",
            "act_bits_sym",
            "act_bits_unsigned",
            "act_po2",
            "act_relu_po2",
            "act_relu_po2_max",
            "act_relu_po2_leaky",
            "act_binary",
            "act_ternary",
        ]
    );
}

/// The text of a quantizer and its configuration state the same.
#[test]
fn text_and_configuration_agree() {
    // QKeras writes no upper bound, and the slope of the other without its name.
    let lossy = ["act_relu_upper", "act_relu_po2_leaky"];
    let mut compared = 0;
    for (name, case) in json(&folder("reference").join("quantizers.json")).as_object().unwrap() {
        let (Some(text), Some(config)) = (case["repr"].as_str(), case["config"].as_object()) else {
            continue;
        };
        let config: Vec<(String, Value)> =
            config.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let configured = Quantizer::construct(case["class"].as_str().unwrap(), &[], &config);
        if !lossy.contains(&name.as_str()) {
            assert_eq!(text.parse::<Quantizer>(), configured, "{name}");
            compared += usize::from(configured.is_ok());
        }
    }
    assert_eq!(compared, 27);
}
