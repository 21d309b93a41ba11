//! Tests of the simulation: each operation against its definition.

use ndarray::{ArrayD, IxDyn, array};
use num_bigint::BigInt;

use super::{SimError, run, vectors};
use crate::fixed::{Codes, Format};
use crate::ir::text::parse;
use crate::ir::{NodeId, validate};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn codes(shape: &[usize], codes: &[i64]) -> Result<Codes, ndarray::ShapeError> {
    ArrayD::from_shape_vec(IxDyn(shape), codes.to_vec()).map(Codes::Narrow)
}

/// Codes of the last output of the graph of `lines` for `samples`, each a row of one input.
fn outputs(lines: &str, samples: Codes) -> Result<Vec<BigInt>, Box<dyn std::error::Error>> {
    let graph = parse(lines)?;
    validate(&graph)?;
    let trace = run(&graph, &[samples])?;
    let (_, last) = trace.outputs(&graph).pop().ok_or("no output")?;
    Ok(last.iter().collect())
}

#[test]
fn the_example_network_of_the_ir() -> Outcome {
    let lines = "x = input shape=[2] format=fixed<4,1>
        fc = linear x weights=fixed<3,1>[2, 1]{3, -2}\n";
    let samples = || codes(&[3, 2], &[7, -8, -8, 7, 4, 2]);
    // 3·7 + 2·8, -3·8 - 2·7, 3·4 - 2·2.
    let sums = outputs(&format!("{lines}output fc"), samples()?)?;
    assert_eq!(sums, [37, -38, 8].map(BigInt::from));
    let act = format!("{lines}act = cast fc to=ufixed<2,1,RND_CONV,SAT>\noutput act");
    assert_eq!(outputs(&act, samples()?)?, [2, 0, 0].map(BigInt::from));
    Ok(())
}

/// A dense layer of one output over `count` inputs, with all weights `weight` and all inputs the
/// largest of their format, computed in the word of the formats.
fn extreme_sum(
    input: &str,
    weight: i64,
    count: usize,
) -> Result<BigInt, Box<dyn std::error::Error>> {
    let weights = vec![weight.to_string(); count].join(", ");
    let lines = format!(
        "x = input shape=[{count}] format={input}
        y = linear x weights=fixed<4,4>[{count}, 1]{{{weights}}}
        output y"
    );
    let largest = input.parse::<Format>()?.codes().high().clone();
    let samples = Codes::from_big(ArrayD::from_elem(IxDyn(&[1, count]), largest));
    outputs(&lines, samples)?.pop().ok_or_else(|| "no result".into())
}

#[test]
fn sums_beyond_64_bits_are_exact() -> Outcome {
    let largest = |width: u32| (BigInt::from(1) << width) - 1;
    // 63 bits times 3: narrow operands, a wide sum.
    assert_eq!(extreme_sum("ufixed<63,63>", 3, 5)?, largest(63) * 15);
    // An unsigned operand of 64 bits is wide itself.
    assert_eq!(extreme_sum("ufixed<64,0>", 1, 1)?, largest(64));
    assert_eq!(extreme_sum("ufixed<100,3>", -5, 7)?, largest(100) * -35);
    Ok(())
}

#[test]
fn an_affine_operation_acts_on_each_channel() -> Outcome {
    let affine = |input: &str, attributes: &str, samples: &[i64]| {
        let lines =
            format!("x = input shape=[2] format={input}\ny = affine x {attributes}\noutput y");
        outputs(&lines, codes(&[samples.len() / 2, 2], samples)?)
    };
    // 3/4 and -2, and 1/2; 6·x + 4 and -16·x + 4 with 3 fractional bits, x having one.
    let scales = "scale=fixed<5,3>[2]{3, -8} bias=ufixed<1,0>[1]{1}";
    let found = affine("fixed<4,3>", scales, &[-8, 7, 3, -1])?;
    assert_eq!(found, [-20, -52, 13, 12].map(BigInt::from));
    // The same values in a wide format.
    let found = affine("fixed<80,79>", scales, &[-8, 7, 3, -1])?;
    assert_eq!(found, [-20, -52, 13, 12].map(BigInt::from));
    // A result beyond 64 bits from narrow operands.
    let scale: BigInt = (BigInt::from(1) << 52) + 1;
    let attribute = format!("scale=ufixed<53,61>[1]{{{scale}}}");
    let found = affine("fixed<40,40>", &attribute, &[1 << 38, -1])?;
    assert_eq!(found, [&scale << 38, -scale]);
    Ok(())
}

#[test]
fn leaky_clamp_and_scale_equal_their_definitions() -> Outcome {
    let lines = "x = input shape=[1] format=fixed<4,4>
        clamp = clamp x low=-3 high=5
        leaky = leaky clamp threshold=0 slopes=ufixed<1,-1>[1]{1}
        scale = scale leaky power=3
        output scale";
    let all: Vec<i64> = (-8..8).collect();
    let found = outputs(lines, codes(&[16, 1], &all)?)?;
    for (x, y) in all.iter().zip(found) {
        let clamped = (*x).clamp(-3, 5);
        // The slope 1/4 adds two fractional bits.
        let expected = if clamped < 0 { clamped } else { 4 * clamped };
        assert_eq!(y, expected.into(), "of {x}");
    }
    Ok(())
}

#[test]
fn samples_that_do_not_fit_are_refused() -> Outcome {
    let graph = parse(
        "x = input shape=[2] format=fixed<4,1>
         z = input shape=[1] format=fixed<4,1>
         output x
         output z",
    )?;
    let good = || codes(&[1, 2], &[7, -8]);
    let cases = [
        (vec![good()?], "the network has 2 inputs, not 1"),
        (
            vec![codes(&[2], &[1, 1])?, codes(&[1, 1], &[0])?],
            "input 'x' takes samples of the shape [2], stacked along the first axis; the array has \
             the shape [2]",
        ),
        (
            vec![good()?, codes(&[3, 1], &[0, 0, 0])?],
            "input 'z' has 3 samples, the first input has 1",
        ),
        (
            vec![codes(&[1, 2], &[8, 0])?, codes(&[1, 1], &[0])?],
            "input 'x' has a code outside of its format",
        ),
    ];
    for (inputs, message) in cases {
        let error: Option<SimError> = run(&graph, &inputs).err();
        assert_eq!(error.map(|e| e.to_string()).as_deref(), Some(message));
    }
    Ok(())
}

#[test]
fn a_broken_graph_is_an_error() -> Outcome {
    let mut graph = parse("x = input shape=[2] format=fixed<4,1>\nlost = reshape x shape=[2]")?;
    graph.set_operands(NodeId::new(1), &[]);
    let error = run(&graph, &[codes(&[1, 2], &[0, 0])?]).err().map(|e| e.to_string());
    let message = "node 'lost' cannot be computed: the graph is not valid";
    assert_eq!(error.as_deref(), Some(message));
    Ok(())
}

#[test]
fn random_vectors_reach_both_ends_and_repeat() -> Outcome {
    for format in ["fixed<8,1>", "ufixed<3,0>", "fixed<1,1>", "ufixed<128,64>"] {
        let graph = parse(&format!("x = input shape=[3] format={format}"))?;
        let samples = vectors(&graph, 20);
        assert_eq!(samples, vectors(&graph, 20));
        let range = format.parse::<Format>()?.codes();
        assert_eq!(samples[0].range(), Some(range), "{format}");
        assert_eq!(samples[0].shape(), [20, 3]);
        let distinct: std::collections::HashSet<BigInt> = samples[0].iter().collect();
        assert!(distinct.len() > 1);
    }
    Ok(())
}

#[test]
fn quantizing_rounds_halves_to_even_and_counts() -> Outcome {
    let format = "fixed<4,2>".parse()?;
    let values = array![0.125, 0.375, -0.125, 1.75, 5.0, -2.0, -2.1, f64::INFINITY, 1e-320, -1e300];
    let found = super::quantize(&values.into_dyn().view(), format).ok_or("NaN")?;
    let expected = codes(&[10], &[0, 2, 0, 7, 7, -8, -8, 7, 0, -8])?;
    assert_eq!(found.codes, expected);
    assert_eq!((found.rounded, found.saturated), (4, 4));
    assert_eq!(super::quantize(&array![f64::NAN].into_dyn().view(), format), None);
    Ok(())
}

/// Values that 44 fractional bits hold, and others, are cast alike.
#[test]
fn quantizing_is_the_cast_of_the_exact_number() -> Outcome {
    let lsb = |bits: i32| libm::ldexp(1.0, -bits);
    let values = [
        0.0,
        -0.0,
        0.75,
        -0.3,
        0.1_f32.into(),
        lsb(44),
        -lsb(44),
        lsb(45),
        3.0 * lsb(46),
        lsb(1070),
        -lsb(1074),
        262_143.0,
        262_144.0,
        -262_145.5,
        1e17,
        -1e300,
        0.5 - lsb(44),
        0.5 - lsb(50),
    ];
    for to in [
        "fixed<8,4,RND_CONV,SAT>",
        "ufixed<5,2,TRN,WRAP>",
        "fixed<64,20,RND,SAT>",
        "fixed<70,30,RND_INF,SAT>",
        "fixed<6,-1000,RND,SAT>",
        "fixed<6,1000,TRN,SAT>",
    ] {
        let to = to.parse()?;
        let found =
            super::quantize_as(&ndarray::arr1(&values).into_dyn().view(), &to).ok_or("NaN")?;
        for (value, code) in values.iter().zip(found.codes.iter()) {
            assert_eq!(Some(code), crate::fixed::cast_real(*value, &to), "{value} as {to}");
        }
        let inside = |value: &&f64| {
            let (low, high) = to.held().values(to.format.fractional_bits());
            (low..=high).contains(*value)
        };
        let is_rounded =
            |value: &&f64| crate::fixed::exact_code(**value, to.format.fractional_bits()).is_none();
        assert_eq!(found.rounded, values.iter().filter(inside).filter(is_rounded).count(), "{to}");
    }
    Ok(())
}
