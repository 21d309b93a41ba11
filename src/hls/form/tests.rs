//! Forms of small matrices, and what they take.

use super::*;
use crate::ir::Tensor;

fn constant(shape: &[usize], codes: &[i64], fraction: i32) -> ir::Constant {
    let codes = codes.iter().map(|code| BigInt::from(*code)).collect();
    let codes = ArrayD::from_shape_vec(IxDyn(shape), codes).unwrap();
    ir::Constant::of_codes(codes, fraction).unwrap()
}

/// A matrix of two outputs on `x`, with its form.
struct Case {
    x: Tensor,
    sign_power: Option<i32>,
}

impl Case {
    /// On numbers of any sign.
    fn numbers() -> Self {
        let x = Tensor::full(vec![3], "fixed<6,2>".parse().unwrap());
        Self { x, sign_power: None }
    }

    /// On the values of a step function.
    fn steps(values: &[i64], fraction: i32) -> Self {
        let values = constant(&[values.len()], values, fraction);
        let ranges = vec![values.codes.range().unwrap()];
        let x = Tensor { shape: vec![3], format: values.format, ranges };
        Self { x, sign_power: sign_power(&values) }
    }

    fn form_of(&self, linear: &ir::Linear) -> MatrixForm {
        let sums = linear.sums(&self.x).unwrap();
        let format = Format::covering(&sums.partial, sums.fraction).unwrap();
        MatrixForm::of(linear, &self.x, self.sign_power, format)
    }

    fn form(&self, weights: &[i64], fraction: i32, biases: &[i64]) -> (MatrixForm, Operations) {
        let outputs = weights.len() / 3;
        let weights = constant(&[3, outputs], weights, fraction);
        let bias = (!biases.is_empty()).then(|| constant(&[outputs], biases, 6));
        let linear = ir::Linear { weights, bias };
        let form = self.form_of(&linear);
        let operations = form.operations(&linear, &Uses::of_matrix(1));
        (form, operations)
    }
}

fn operations(multiplications: u64, additions: u64, shifts: u64, xnors: u64) -> Operations {
    Operations { multiplications, additions, shifts, xnors }
}

#[test]
fn binary_and_ternary_weights_are_added_and_subtracted() {
    let case = Case::numbers();
    let (form, counts) = case.form(&[1, -1, -1, -1, 1, 1], 0, &[]);
    assert_eq!(form, MatrixForm::Signs { shifted: None });
    assert_eq!((form.name(), counts), ("add-subtract", operations(0, 4, 0, 0)));
    // A zero is no term; a bias is one, if it is not zero.
    let (form, counts) = case.form(&[4, -4, 0, -4, 4, 0], 2, &[3, 0]);
    assert_eq!((form, counts), (MatrixForm::Signs { shifted: None }, operations(0, 3, 0, 0)));
}

#[test]
fn a_power_of_two_for_each_output_shifts_its_sum() {
    let (form, counts) = Case::numbers().form(&[2, 0, -2, 1, 2, -1], 3, &[1, 1]);
    let MatrixForm::Signs { shifted: Some(shifted) } = &form else { panic!("{form:?}") };
    // Sums of fixed<6,2> times 1/4 and 1/8.
    assert_eq!((shifted.shift.left, shifted.shift.right.as_slice()), (0, &[2, 3][..]));
    assert_eq!(
        (shifted.format.to_string(), shifted.shift.format.to_string()),
        ("fixed<8,4>".to_owned(), "fixed<11,4>".to_owned())
    );
    assert_eq!(counts, operations(0, 5, 2, 0));
}

#[test]
fn powers_of_two_within_an_output_shift_the_operands() {
    let (form, counts) = Case::numbers().form(&[1, 2, -16, 0, 4, 0], 2, &[]);
    let MatrixForm::Shifts { shift } = &form else { panic!("{form:?}") };
    assert_eq!((shift.left, shift.right.as_slice()), (2, &[4, 3, 0, 0, 2, 0][..]));
    assert_eq!((form.name(), counts), ("shift-add", operations(0, 2, 3, 0)));
}

#[test]
fn other_weights_are_products_and_powers_of_two_among_them_are_told() {
    let (form, counts) = Case::numbers().form(&[3, 0, -4, 0, 1, 0], 0, &[]);
    assert_eq!((form.name(), counts), ("multiply-add", operations(1, 2, 1, 0)));
}

#[test]
fn signs_on_both_sides_are_compared_and_counted() {
    let weights = [1, -1, -1, -1, 1, 1];
    let (form, counts) = Case::steps(&[-1, 1], 0).form(&weights, 0, &[]);
    let MatrixForm::Xnor { shift, starts } = &form else { panic!("{form:?}") };
    assert_eq!((shift.left, shift.common()), (1, Some(0)));
    assert_eq!(starts.codes.iter().collect::<Vec<_>>(), [3.into(), 3.into()]);
    assert_eq!((form.name(), counts), ("xnor-popcount", operations(0, 6, 2, 6)));
    // Both at any power of two; with biases in steps of 1/64.
    let (form, _) = Case::steps(&[1, -1], 2).form(&weights, 1, &[5, -6]);
    let MatrixForm::Xnor { starts, .. } = &form else { panic!("{form:?}") };
    assert_eq!(starts.codes.iter().collect::<Vec<_>>(), [(24 + 5).into(), (24 - 6).into()]);
    // More values, values of one sign alone, of two magnitudes, or a weight of zero: additions.
    for values in [&[-1, 0, 1][..], &[1], &[-1, 2], &[-1, 1, 2], &[3, -3]] {
        let (form, _) = Case::steps(values, 0).form(&weights, 0, &[]);
        assert_eq!(form, MatrixForm::Signs { shifted: None }, "{values:?}");
    }
    let (form, _) = Case::steps(&[-1, 1], 0).form(&[1, 0, 1, 1, -1, -1], 0, &[]);
    assert_eq!(form, MatrixForm::Signs { shifted: None });
}

#[test]
fn factors_that_are_powers_of_two_become_shifts() {
    let x = Tensor::full(vec![2, 4], "fixed<6,2>".parse().unwrap());
    let factors = |codes: &[i64]| constant(&[codes.len()], codes, 2);
    // 1/4, -1, 0 and 2.
    let powers = factors(&[1, -4, 0, 8]);
    let scaling = Scaling::of(&powers, &x);
    let Scaling::Shifts(shift) = &scaling else { panic!("{scaling:?}") };
    assert_eq!((shift.left, shift.right.as_slice()), (1, &[3, 1, 0, 0][..]));
    // Two bits of a sign, and two of a shift.
    assert_eq!(scaling.factor_bits(&powers), 16);
    let affine = ir::Affine { scale: powers.clone(), bias: Some(factors(&[1])) };
    assert_eq!(
        scaling_operations(&affine.scale, affine.bias.is_some(), x.len()),
        operations(0, 8, 4, 0)
    );
    // One factor for all needs no bit at all.
    let one = factors(&[-1]);
    assert_eq!(Scaling::of(&one, &x).factor_bits(&one), 0);
    let leaky = ir::Leaky { threshold: BigInt::ZERO, slopes: one, bias: None };
    assert_eq!(
        scaling_operations(&leaky.slopes, leaky.bias.is_some(), x.len()),
        operations(0, 0, 8, 0)
    );
    // Any other factor makes products of all.
    let mixed = factors(&[1, 3, 0, 4]);
    assert_eq!(Scaling::of(&mixed, &x), Scaling::Products);
    assert_eq!(Scaling::Products.factor_bits(&mixed), mixed.bits());
    let affine = ir::Affine { scale: mixed, bias: None };
    assert_eq!(
        scaling_operations(&affine.scale, affine.bias.is_some(), x.len()),
        operations(2, 0, 2, 0)
    );
    assert_eq!(Scaling::of(&factors(&[0]), &x), Scaling::Products);
    // Too far apart for a type.
    let far = ir::Constant::of_codes(
        ndarray::arr1(&[BigInt::from(1), BigInt::from(1) << 110]).into_dyn(),
        0,
    );
    assert_eq!(Scaling::of(&far.unwrap(), &x), Scaling::Products);
}

#[test]
fn weights_take_the_bits_of_their_form() {
    let bits = |weights: &[i64], case: Case| {
        let linear = ir::Linear { weights: constant(&[3, 2], weights, 0), bias: None };
        case.form_of(&linear).weight_bits(&linear)
    };
    assert_eq!(bits(&[1, -1, -1, -1, 1, 1], Case::numbers()), 6);
    assert_eq!(bits(&[1, -1, -1, -1, 1, 1], Case::steps(&[-1, 1], 0)), 6);
    assert_eq!(bits(&[1, -1, 0, -1, 1, 1], Case::numbers()), 12);
    // One bit a sign, and two bits for the shift of an output.
    assert_eq!(bits(&[1, -4, -1, -4, 1, 4], Case::numbers()), 6 + 2 * 2);
    assert_eq!(bits(&[1, -4, -2, -4, 1, 4], Case::numbers()), 6 * (1 + 2));
    assert_eq!(bits(&[3, -4, -2, -4, 1, 3], Case::numbers()), 6 * 3);
}

#[test]
fn types_beyond_128_bits_stay_products() {
    // Powers of two too far apart to be shifted by.
    let codes = [BigInt::from(1) << 110_u32, BigInt::from(1), BigInt::from(0)];
    let codes = ArrayD::from_shape_vec(IxDyn(&[3, 1]), codes.to_vec()).unwrap();
    let linear = ir::Linear { weights: ir::Constant::of_codes(codes, 0).unwrap(), bias: None };
    assert_eq!(Case::numbers().form_of(&linear), MatrixForm::Products);
}
