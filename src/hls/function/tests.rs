//! Every form against the definition, on every code of the operand.

use num_bigint::BigInt;
use num_traits::ToPrimitive;
use proptest::prelude::*;

use super::*;
use crate::fixed::Format;

fn steps(thresholds: &[i64], values: &[i64]) -> ir::StepFunction {
    let constant = |codes: &[i64]| {
        let codes = codes.iter().map(|code| BigInt::from(*code)).collect::<ndarray::Array1<_>>();
        ir::Constant::of_codes(codes.into_dyn(), 0).unwrap()
    };
    ir::StepFunction { thresholds: constant(thresholds), values: constant(values) }
}

fn operand(format: &str, range: Range) -> ir::Tensor {
    let format = format.parse().unwrap();
    ir::Tensor { shape: vec![1], format, ranges: vec![range] }
}

fn all_of(format: &str) -> ir::Tensor {
    let parsed: Format = format.parse().unwrap();
    operand(format, parsed.codes())
}

/// The code that the hardware of `function` gives for `code`, step by step as the kernels do it.
fn computed(function: &ThresholdFunction, code: &BigInt) -> BigInt {
    match &function.form {
        FunctionForm::Comparators => function.at(code).clone(),
        FunctionForm::Table(index) => {
            let mut code = code.clone();
            if index.from_below {
                code = code.max(index.base.clone());
            }
            if let Some(high) = &index.high {
                code = code.min(high.clone());
            }
            let place = ((code - &index.base) >> index.dropped).to_usize().unwrap();
            assert!(place < index.entries && place < 1 << index.address_width());
            let entry = &index.base + (BigInt::from(place) << index.dropped);
            function.at(&entry).clone()
        }
        FunctionForm::Search => {
            let mut step = 0;
            for bit in (0..function.levels()).rev() {
                let next = step | 1 << bit;
                let last = function.thresholds.last().unwrap();
                if code >= function.thresholds.get(next - 1).unwrap_or(last) {
                    step = next;
                }
            }
            function.values.get(step).or(function.values.last()).unwrap().clone()
        }
    }
}

/// Checks every code that can occur; the function's size.
fn check(steps: &ir::StepFunction, x: &ir::Tensor, most_entries: usize) -> FunctionSize {
    let function = ThresholdFunction::of(steps, x, most_entries);
    let thresholds: Vec<BigInt> = steps.thresholds.codes.iter().collect();
    let values: Vec<BigInt> = steps.values.codes.iter().collect();
    let mut code = x.range().low().clone();
    while code <= *x.range().high() {
        let expected = &values[thresholds.partition_point(|threshold| *threshold <= code)];
        assert_eq!(computed(&function, &code), *expected, "at {code}: {function:?}");
        code += 1;
    }
    if let FunctionSize::Table { entries, .. } = function.size() {
        assert!(entries <= most_entries, "{function:?}");
    }
    function.size()
}

/// `count` values from a threshold at `first` on, `distance` apart.
fn staircase(first: i64, distance: i64, count: i64) -> ir::StepFunction {
    let thresholds: Vec<i64> = (0..count - 1).map(|n| first + n * distance).collect();
    let values: Vec<i64> = (0..count).map(|n| n * 3 % 64).collect();
    steps(&thresholds, &values)
}

#[test]
fn tables_are_narrowed_by_saturation_and_by_steps_that_lie_on_a_grid() {
    let table = |entries, bits| FunctionSize::Table { entries, bits };
    let x = all_of("fixed<16,6>");
    // Thresholds at -320, -304, ...: 16 codes make no difference, and all beyond is one place.
    assert_eq!(check(&staircase(-320, 16, 40), &x, 4096), table(40, 6));
    // Halfway between two steps the grid is the same.
    assert_eq!(check(&staircase(-312, 16, 40), &x, 4096), table(40, 6));
    // One threshold beside the grid: every code makes a difference between the outermost two.
    let mut beside: Vec<i64> = (0..39).map(|n| -320 + n * 16).collect();
    beside[20] += 1;
    let values: Vec<i64> = (0..40).collect();
    assert_eq!(check(&steps(&beside, &values), &x, 4096), table(38 * 16 + 2, 6));
    // All codes, where that costs less than limits.
    assert_eq!(check(&staircase(-320, 16, 40), &all_of("fixed<12,6>"), 4096), table(256, 6));
    assert_eq!(check(&staircase(1, 1, 60), &all_of("ufixed<6,6>"), 4096), table(64, 6));
    assert_eq!(check(&staircase(-31, 1, 60), &all_of("fixed<6,6>"), 4096), table(64, 6));
}

#[test]
fn the_bound_on_entries_leads_to_a_search() {
    let x = all_of("fixed<12,6>");
    let size = |most| check(&staircase(-1000, 50, 33), &x, most);
    assert_eq!(size(1024), FunctionSize::Table { entries: 777, bits: 6 });
    // 32 thresholds are one more than five comparisons tell apart.
    let search =
        |comparators, thresholds| FunctionSize::Search { comparators, thresholds, bits: 12 };
    assert_eq!(size(776), search(6, 32));
    let one_less = check(&staircase(-1000, 50, 32), &x, 64);
    assert_eq!(one_less, search(5, 31));
    assert_eq!(one_less.to_string(), "search 31 x 12 bits");
}

#[test]
fn few_boundaries_are_compared_unless_a_table_is_smaller() {
    let comparators = |comparators| FunctionSize::Comparators { comparators };
    let x = all_of("fixed<12,6>");
    assert_eq!(check(&staircase(0, 1, 2), &x, 4096), comparators(1));
    assert_eq!(check(&staircase(-3, 7, 4), &x, 4096), comparators(3));
    assert_eq!(check(&staircase(-500, 37, 16), &x, 2), comparators(15));
    assert_eq!(
        check(&staircase(-60, 8, 16), &x, 4096),
        FunctionSize::Table { entries: 16, bits: 6 }
    );
    assert_eq!(check(&steps(&[], &[5]), &x, 4096), FunctionSize::Constant);
}

#[test]
fn codes_that_cannot_occur_take_nothing() {
    let many = staircase(-1000, 50, 33);
    let x = |low, high| operand("fixed<12,6>", Range::new(low, high));
    assert_eq!(check(&many, &x(-20, 20), 4096), FunctionSize::Comparators { comparators: 1 });
    assert_eq!(check(&many, &x(-49, -1), 4096), FunctionSize::Constant);
    assert_eq!(check(&many, &x(700, 2000), 4096), FunctionSize::Constant);
    // Neither do thresholds that change nothing.
    let idle = steps(&[-5, 0, 5, 9], &[1, 1, 2, 2, 1]);
    assert_eq!(check(&idle, &x(-20, 20), 4096), FunctionSize::Comparators { comparators: 2 });
}

#[test]
fn sizes_say_what_they_are() {
    assert_eq!(FunctionSize::Table { entries: 64, bits: 6 }.to_string(), "table 64 x 6 bits");
    assert_eq!(FunctionSize::Comparators { comparators: 15 }.to_string(), "15 comparators");
    assert_eq!(FunctionSize::Comparators { comparators: 1 }.to_string(), "1 comparator");
    assert_eq!(FunctionSize::Constant.to_string(), "constant");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any thresholds, monotone or not, on any part of the operand's codes.
    #[test]
    fn every_form_is_exact_on_every_code(
        thresholds in proptest::collection::btree_set(-600_i64..600, 0..80),
        grid in 0_u32..6,
        beside in 0_i64..32,
        values in proptest::collection::vec(-40_i64..40, 81),
        low in -600_i64..600,
        length in 1_i64..1200,
        most_entries in 2_usize..2000,
        is_signed: bool,
    ) {
        let mut thresholds: Vec<i64> =
            thresholds.iter().map(|b| ((b >> grid) << grid) + beside).collect();
        thresholds.dedup();
        let values = &values[..=thresholds.len()];
        let (format, low) = match is_signed {
            true => ("fixed<12,6>", low),
            false => ("ufixed<12,6>", low + 600),
        };
        let steps = steps(&thresholds, values);
        check(&steps, &operand(format, Range::new(low, low + length)), most_entries);
        check(&steps, &all_of(format), most_entries);
    }
}
