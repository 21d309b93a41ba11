//! Forms of small matrices, and what they take.

use super::*;
use crate::ir::{Op, StepFunction, Tensor};

fn constant(shape: &[usize], codes: &[i64], fraction: i32) -> ir::Constant {
    let codes = codes.iter().map(|code| BigInt::from(*code)).collect();
    let codes = ArrayD::from_shape_vec(IxDyn(shape), codes).unwrap();
    ir::Constant::of_codes(codes, fraction).unwrap()
}

/// A matrix of two outputs on `x`, with its form.
struct Case {
    graph: Graph,
    x: NodeId,
}

impl Case {
    /// On numbers of any sign.
    fn numbers() -> Self {
        let mut graph = Graph::new("form");
        let format = "fixed<6,2>".parse().unwrap();
        let x = graph.add_input("x", vec![3], format);
        Self { graph, x }
    }

    /// On steps to `values`, reshaped.
    fn steps(values: &[i64], fraction: i32) -> Self {
        let Self { mut graph, x } = Self::numbers();
        let thresholds: Vec<i64> = (1..values.len() as i64).collect();
        let thresholds = constant(&[values.len() - 1], &thresholds, 4);
        let values = constant(&[values.len()], values, fraction);
        let steps = graph.add("steps", StepFunction { thresholds, values }, &[x]).unwrap();
        let x = graph.add("flat", ir::Reshape { shape: vec![3] }, &[steps]).unwrap();
        Self { graph, x }
    }

    fn form(&mut self, weights: &[i64], fraction: i32, biases: &[i64]) -> (Form, Operations) {
        let outputs = weights.len() / 3;
        let weights = constant(&[3, outputs], weights, fraction);
        let bias = (!biases.is_empty()).then(|| constant(&[outputs], biases, 6));
        let linear = ir::Linear { weights, bias };
        let node = self.graph.add("fc", linear.clone(), &[self.x]).unwrap();
        let form = Form::of(&self.graph, node, self.x, &linear);
        let operations = form.operations(&linear, &Uses::of(&self.graph[node].op, 1));
        (form, operations)
    }
}

fn operations(multiplications: u64, additions: u64, shifts: u64, xnors: u64) -> Operations {
    Operations { multiplications, additions, shifts, xnors }
}

#[test]
fn binary_and_ternary_weights_are_added_and_subtracted() {
    let mut case = Case::numbers();
    let (form, counts) = case.form(&[1, -1, -1, -1, 1, 1], 0, &[]);
    assert_eq!(form, Form::Signs { moved: None });
    assert_eq!((form.name(), counts), ("add-subtract", operations(0, 4, 0, 0)));
    // A zero is no term; a bias is one, if it is not zero.
    let (form, counts) = case.form(&[4, -4, 0, -4, 4, 0], 2, &[3, 0]);
    assert_eq!((form, counts), (Form::Signs { moved: None }, operations(0, 3, 0, 0)));
}

#[test]
fn a_power_of_two_for_each_output_moves_its_sum() {
    let (form, counts) = Case::numbers().form(&[2, 0, -2, 1, 2, -1], 3, &[1, 1]);
    let Form::Signs { moved: Some(moved) } = &form else { panic!("{form:?}") };
    // Sums of fixed<6,2> times 1/4 and 1/8.
    assert_eq!((moved.shift.up, moved.shift.down.as_slice()), (0, &[2, 3][..]));
    assert_eq!(
        (moved.format.to_string(), moved.shift.format.to_string()),
        ("fixed<8,4>".to_owned(), "fixed<11,4>".to_owned())
    );
    assert_eq!(counts, operations(0, 5, 2, 0));
}

#[test]
fn powers_of_two_within_an_output_move_the_operands() {
    let (form, counts) = Case::numbers().form(&[1, 2, -16, 0, 4, 0], 2, &[]);
    let Form::Shifts { shift } = &form else { panic!("{form:?}") };
    assert_eq!((shift.up, shift.down.as_slice()), (2, &[4, 3, 0, 0, 2, 0][..]));
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
    let Form::Xnor { shift, starts } = &form else { panic!("{form:?}") };
    assert_eq!((shift.up, shift.common()), (1, Some(0)));
    assert_eq!(starts.codes.iter().collect::<Vec<_>>(), [3.into(), 3.into()]);
    assert_eq!((form.name(), counts), ("xnor-popcount", operations(0, 6, 2, 6)));
    // Both at any power of two; with biases in steps of 1/64.
    let (form, _) = Case::steps(&[1, -1], 2).form(&weights, 1, &[5, -6]);
    let Form::Xnor { starts, .. } = &form else { panic!("{form:?}") };
    assert_eq!(starts.codes.iter().collect::<Vec<_>>(), [(24 + 5).into(), (24 - 6).into()]);
    // More values, values of one sign alone, of two magnitudes, or a weight of zero: additions.
    for values in [&[-1, 0, 1][..], &[1], &[-1, 2], &[-1, 1, 2], &[3, -3]] {
        let (form, _) = Case::steps(values, 0).form(&weights, 0, &[]);
        assert_eq!(form, Form::Signs { moved: None }, "{values:?}");
    }
    let (form, _) = Case::steps(&[-1, 1], 0).form(&[1, 0, 1, 1, -1, -1], 0, &[]);
    assert_eq!(form, Form::Signs { moved: None });
}

#[test]
fn factors_that_are_powers_of_two_move_what_they_multiply() {
    let x = Tensor::full(vec![2, 4], "fixed<6,2>".parse().unwrap());
    let factors = |codes: &[i64]| constant(&[codes.len()], codes, 2);
    // 1/4, -1, 0 and 2.
    let powers = factors(&[1, -4, 0, 8]);
    let scaling = Scaling::of(&powers, &x);
    let Scaling::Shifts(shift) = &scaling else { panic!("{scaling:?}") };
    assert_eq!((shift.up, shift.down.as_slice()), (1, &[3, 1, 0, 0][..]));
    // Two bits of a sign, and two of places.
    assert_eq!(scaling.factor_bits(&powers), 16);
    let affine = ir::Affine { scale: powers.clone(), bias: Some(factors(&[1])) };
    assert_eq!(Scaling::operations_of_affine(&affine, &x), operations(0, 8, 4, 0));
    // One factor for all needs no bit at all.
    let one = factors(&[-1]);
    assert_eq!(Scaling::of(&one, &x).factor_bits(&one), 0);
    let leaky = ir::Leaky { threshold: BigInt::ZERO, slopes: one, bias: None };
    assert_eq!(Scaling::operations_of_leaky(&leaky, &x), operations(0, 0, 8, 0));
    // Any other factor makes products of all.
    let mixed = factors(&[1, 3, 0, 4]);
    assert_eq!(Scaling::of(&mixed, &x), Scaling::Products);
    assert_eq!(Scaling::Products.factor_bits(&mixed), mixed.bits());
    let affine = ir::Affine { scale: mixed, bias: None };
    assert_eq!(Scaling::operations_of_affine(&affine, &x), operations(2, 0, 2, 0));
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
        let mut case = case;
        let (form, _) = case.form(weights, 0, &[]);
        let Op::Linear(linear) = &case.graph[case.graph.topological_order()[1]].op else {
            let linear = ir::Linear { weights: constant(&[3, 2], weights, 0), bias: None };
            return form.weight_bits(&linear);
        };
        form.weight_bits(linear)
    };
    assert_eq!(bits(&[1, -1, -1, -1, 1, 1], Case::numbers()), 6);
    assert_eq!(bits(&[1, -1, -1, -1, 1, 1], Case::steps(&[-1, 1], 0)), 6);
    assert_eq!(bits(&[1, -1, 0, -1, 1, 1], Case::numbers()), 12);
    // One bit a sign, and two bits for the places of an output.
    assert_eq!(bits(&[1, -4, -1, -4, 1, 4], Case::numbers()), 6 + 2 * 2);
    assert_eq!(bits(&[1, -4, -2, -4, 1, 4], Case::numbers()), 6 * (1 + 2));
    assert_eq!(bits(&[3, -4, -2, -4, 1, 3], Case::numbers()), 6 * 3);
}

#[test]
fn types_beyond_128_bits_stay_products() {
    let huge = Linear128::weights();
    let mut case = Case::numbers();
    let linear = ir::Linear { weights: huge, bias: None };
    let node = case.graph.add("fc", linear.clone(), &[case.x]).unwrap();
    assert_eq!(Form::of(&case.graph, node, case.x, &linear), Form::Products);
}

/// Powers of two too far apart to be moved to.
struct Linear128;

impl Linear128 {
    fn weights() -> ir::Constant {
        let codes = [BigInt::from(1) << 110_u32, BigInt::from(1), BigInt::from(0)];
        let codes = ArrayD::from_shape_vec(IxDyn(&[3, 1]), codes.to_vec()).unwrap();
        ir::Constant::of_codes(codes, 0).unwrap()
    }
}
