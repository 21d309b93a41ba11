//! The quantizers against QKeras itself.

mod corners;
mod pages;

use std::fs::File;
use std::path::{Path, PathBuf};

use bitkiln::quantizer::Quantizer;
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

/// Maximum error of a real scale or a power whose computation in TensorFlow depends on the processor, in
/// units of the last of float32's 24 bits.
const UNITS: f32 = 4.0;

/// The quantizer of a class and a configuration.
fn configured(case: &Value) -> Quantizer {
    let config: Vec<(String, Value)> = case["config"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Quantizer::construct(case["class"].as_str().unwrap(), &[], &config).unwrap()
}

/// The vectors of generate.py: kernels of many shapes, with zero columns, tiny and huge numbers. Every
/// value is equal, except for sums whose order depends on the processor.
#[test]
fn parameters_have_the_values_that_qkeras_gives_them() {
    // The variable names a folder of vectors with another seed.
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
        let stated = match case["quantizer"].as_str() {
            Some(call) => call.parse().unwrap(),
            None => configured(case),
        };
        let quantizer =
            if case["in_kernel"].as_bool().unwrap() { stated.in_kernel() } else { stated };
        let weights = part(&weights);
        let expected = part(&values);
        let view: ArrayViewD<'_, f32> = weights.view();
        // QKeras rounds the product of a code and a real scale to float32.
        let quantized = quantizer.quantize(&view).unwrap().mapv(|value| value as f32);
        let own = ["own_sums", "own_powers"].map(|key| case[key].as_bool() == Some(true));
        let equal = if own.contains(&true) {
            let unit = expected.mapv(|value| (value.abs() * f32::EPSILON).max(f32::MIN_POSITIVE));
            let errors = (&quantized - &expected).mapv(f32::abs) / unit;
            errors.iter().all(|error| *error <= UNITS)
        } else {
            quantized == expected
        };
        if !equal {
            wrong.push(format!("{quantizer} of {weights}\ngives {quantized}\nnot {expected}"));
        }
        start = end;
    }
    assert_eq!(start, weights.len());
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Quantizers from QKeras' `get_config` on one vector.
#[test]
fn one_vector_has_the_values_of_qkeras() {
    let mut arrays = Arrays::open(&folder("reference").join("quantizers.npz"));
    let cases = json(&folder("reference").join("quantizers.json"));
    let x = arrays.get("x");
    let mut compared = 0;
    for (name, case) in cases.as_object().unwrap() {
        let quantizer: Quantizer = match (name.as_str(), case["repr"].as_str()) {
            // QKeras' own text of these fails.
            ("linear4", _) => "quantized_linear(4,0,1,alpha=1.0)".parse().unwrap(),
            ("act_hswish", _) => "quantized_hswish(6,2,alpha=1)".parse().unwrap(),
            (_, Some(function)) if case["config"].is_null() => function.parse().unwrap(),
            _ => configured(case),
        };
        let quantized = quantizer.quantize(&x.view().into_dyn()).unwrap();
        let expected = arrays.get(name);
        for ((x, y), expected) in x.iter().zip(&quantized).zip(&expected) {
            // In float32 x/2 + 1/2 is 1/2 for these x, which rounds to 0: docs/exactness.md.
            if name.contains("act_binary_") && (0.0..=f32::EPSILON / 2.0).contains(x) {
                assert_eq!(*expected, quantizer.apply(0.0) as f32);
                continue;
            }
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
        compared += 1;
    }
    assert_eq!(compared, 46);
}

/// The text of a quantizer and its configuration state the same.
#[test]
fn text_and_configuration_agree() {
    // QKeras omits the upper bound, and the names of the slope and of the flags.
    let lossy = ["act_relu_upper", "act_relu_po2_leaky", "act_tanh_real", "act_sigmoid_real"];
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
    assert_eq!(compared, 34);
}
