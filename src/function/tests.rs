//! Functions against their definitions.

use super::*;

const ALL: [Function; 23] = [
    Function::Relu(Relu { max_value: None, negative_slope: 0.0, threshold: 0.0 }),
    Function::Relu(Relu { max_value: Some(2.0), negative_slope: 0.3, threshold: 0.5 }),
    Function::Relu(Relu { max_value: None, negative_slope: -0.5, threshold: -1.0 }),
    Function::Tanh,
    Function::Sigmoid,
    Function::HardSigmoid { inverse_slope: 5 },
    Function::HardTanh,
    Function::Softplus,
    Function::Softsign,
    Function::Elu { alpha: 1.0 },
    Function::Elu { alpha: -0.5 },
    Function::Selu,
    Function::Exponential,
    Function::Silu,
    Function::HardSilu,
    Function::Gelu,
    Function::Mish,
    Function::LogSigmoid,
    Function::TanhShrink,
    Function::HardShrink,
    Function::SoftShrink,
    Function::Squareplus,
    Function::SparseSigmoid,
];

/// Ascending, more than enough of them around 0.
fn numbers() -> impl Iterator<Item = f64> {
    (-160_000..=160_000).map(|n| f64::from(n) / 8192.0)
}

#[test]
fn functions_are_monotone_between_breakpoints() {
    for function in ALL.into_iter().chain([Function::SparsePlus]) {
        let breakpoints = function.breakpoints();
        assert!(breakpoints.is_sorted(), "{function}");
        let mut last: Vec<Option<f64>> = vec![None; breakpoints.len() + 1];
        let mut directions = vec![(false, false); breakpoints.len() + 1];
        for x in numbers() {
            let section = breakpoints.partition_point(|at| *at <= x);
            let y = function.value(x);
            if let Some(before) = last[section].replace(y) {
                // The last bits of a double are not monotone where the function is flat.
                let noise = 4.0 * f64::EPSILON * before.abs().max(1e-3);
                directions[section].0 |= y > before + noise;
                directions[section].1 |= y < before - noise;
            }
        }
        assert!(!directions.contains(&(true, true)), "{function}: {breakpoints:?} {directions:?}");
    }
}

#[test]
fn the_last_breakpoint_is_the_minimum() {
    for function in [Function::Silu, Function::Gelu, Function::Mish, Function::HardSilu] {
        let Some(minimum) = function.breakpoints().pop() else {
            panic!("{function} has a breakpoint")
        };
        for distance in [1e-3, 1e-5] {
            let value = |x| function.value(x);
            assert!(value(minimum - distance) > value(minimum), "{function}");
            assert!(value(minimum + distance) > value(minimum), "{function}");
        }
    }
}

#[test]
fn far_from_zero_nothing_overflows() {
    for function in ALL.into_iter().chain([Function::SparsePlus]) {
        for x in [-1e6, 1e6, -800.0, 700.0] {
            let finite = function.value(x).is_finite();
            assert!(finite || function == Function::Exponential, "{function} of {x}");
        }
    }
    assert_eq!(Function::Gelu.value(-50.0), 0.0);
    assert_eq!(Function::Softplus.value(-800.0), 0.0);
    assert_eq!(Sigmoid::Real.value(-800.0), 0.0);
    // The plain definition gives 0 here.
    assert!((Function::Squareplus.value(-1e6) - 1e-6).abs() < 1e-15);
}

#[test]
fn a_relu_excludes_its_threshold() {
    let relu = Function::Relu(Relu { max_value: Some(6.0), negative_slope: 0.25, threshold: 0.5 });
    // Values of Keras 2.15 and 3.10.
    let cases = [(-9.0, -2.375), (0.0, -0.125), (0.5, 0.0), (0.75, 0.75), (7.0, 6.0)];
    for (x, y) in cases {
        assert_eq!(relu.value(x), y, "of {x}");
    }
    assert_eq!(relu.to_string(), "relu(max_value=6.0, negative_slope=0.25, threshold=0.5)");
    let beyond = Relu { threshold: 8.0, max_value: Some(6.0), negative_slope: 0.25 };
    assert_eq!(Function::Relu(beyond).value(7.0), -0.25);
    let negative = Function::Relu(Relu { threshold: -1.0, ..Relu::default() });
    assert_eq!([-1.0, -0.5, 3.0].map(|x| negative.value(x)), [0.0, -0.5, 3.0]);
}

#[test]
fn short_slopes_are_exact() {
    let is_exact = |slope: f32| Function::Relu(Relu::leaky(slope)).is_exact();
    assert!([0.0, 0.25, 0.625, 3.0, 255.0 / 1024.0].into_iter().all(is_exact));
    assert!(![0.3, 0.2, 0.01, 257.0].into_iter().any(is_exact));
}

#[test]
fn sigmoids_are_read_by_name() {
    for (name, kind) in Sigmoid::ALL {
        assert_eq!((name.parse(), kind.to_string().as_str()), (Ok(kind), name));
    }
    let error = "soft".parse::<Sigmoid>().map_err(|error| error.to_string());
    assert_eq!(error, Err("'soft' is none of hard, smooth, real".to_owned()));
    assert_eq!(Sigmoid::Smooth.value(1.0), 0.6875);
    assert!((Sigmoid::Real.value(1.0) + Sigmoid::Real.value(-1.0) - 1.0).abs() < 1e-15);
}
