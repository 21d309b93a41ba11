//! Integer bits of ranges against QKeras' `_get_integer_bits`.

use bitkiln::quantizer::{Adaptive, AdaptiveRule, Quantizer};
use ndarray::Array2;
use ndarray_npy::NpzReader;

use super::folder;

/// Ranges that end at powers of two, beside them, and anywhere.
#[test]
fn integer_bits_are_those_of_qkeras() {
    let file = std::fs::File::open(folder("reference").join("integer_bits.npz")).unwrap();
    let mut file = NpzReader::new(file).unwrap();
    let rows: Array2<f32> = file.by_name("rows.npy").or_else(|_| file.by_name("rows")).unwrap();
    assert!(rows.nrows() > 3000);
    let mut wrong = vec![];
    for row in rows.outer_iter() {
        let [low, high, bits, symmetric, negative, po2_rounding, expected] =
            <[f32; 7]>::try_from(row.to_vec()).unwrap();
        let call = if negative == 1.0 {
            format!("quantized_bits({bits},alpha=1)")
        } else {
            format!("quantized_relu({bits})")
        };
        let quantizer: Quantizer = call.parse().unwrap();
        let rule = AdaptiveRule { symmetric: symmetric == 1.0, po2_rounding: po2_rounding == 1.0 };
        let adaptive = Adaptive::new(&quantizer, rule, vec![(low, high)]).unwrap();
        let found = adaptive.integer_bits();
        if found != [expected as i32] {
            wrong.push(format!("{call} {rule:?} [{low}, {high}]: {found:?}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
