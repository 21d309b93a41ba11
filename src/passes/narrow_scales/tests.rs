//! Narrowed graphs against exact ones, code by code.

use ndarray::{ArrayD, IxDyn};
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use proptest::prelude::*;

use super::{Outcome, PASS, narrow};
use crate::fixed::{Codes, Format, FormatError, Overflow, Quantization, Range, Rounding};
use crate::ir::{
    Affine, Cast, Clamp, Constant, Graph, Leaky, Linear, NodeId, Op, OpError, Reshape, Scale,
    StepFunction, validate,
};
use crate::passes::test::assert_pass;
use crate::passes::{Report, for_hardware};
use crate::sim;

type Outcomes = Result<(), Box<dyn std::error::Error>>;

/// A constant of one axis.
fn list(codes: &[i64], fraction: i32) -> Result<Constant, FormatError> {
    let codes: Vec<BigInt> = codes.iter().map(|code| BigInt::from(*code)).collect();
    Constant::of_codes(ndarray::Array1::from_vec(codes).into_dyn(), fraction)
}

/// A constant of float32 numbers.
fn floats(values: &[f32]) -> Result<Constant, crate::ir::ConstantError> {
    let values: ndarray::Array1<f64> = values.iter().map(|v| f64::from(*v)).collect();
    Constant::covering(values.into_dyn().view())
}

/// Adds a node with a name of its own.
fn add(graph: &mut Graph, x: NodeId, op: impl Into<Op>) -> Result<NodeId, OpError> {
    let name = format!("n{}", graph.nodes.node_count());
    graph.add(name, op, &[x])
}

fn cast(graph: &mut Graph, x: NodeId, to: &str) -> Result<NodeId, Box<dyn std::error::Error>> {
    Ok(add(graph, x, Cast::from(to.parse::<Quantization>()?))?)
}

/// Outputs of `graph` for every code of its input, the same in all channels.
fn outputs(graph: &Graph) -> Result<Vec<(String, Codes)>, Box<dyn std::error::Error>> {
    let tensor = &graph[graph.inputs[0]].tensor;
    let all = tensor.format.codes();
    let ends = all.low().to_i64().zip(all.high().to_i64());
    let (low, high) = ends.ok_or("too wide for all codes")?;
    let repeated = (low..=high).flat_map(|code| std::iter::repeat_n(code, tensor.len()));
    let shape = [&[(high - low + 1) as usize][..], &tensor.shape].concat();
    let samples = ArrayD::from_shape_vec(IxDyn(&shape), repeated.collect())?;
    Ok(sim::run(graph, &[Codes::Narrow(samples)])?.outputs(graph))
}

/// An input of `format` for each scale, and the affine operation.
fn scaled(format: &str, affine: Affine) -> Result<(Graph, NodeId), Box<dyn std::error::Error>> {
    let mut graph = Graph::new("g");
    let x = graph.add_input("x", vec![affine.scale.codes.len()], format.parse()?);
    let y = add(&mut graph, x, affine)?;
    Ok((graph, y))
}

/// The graph for hardware, whose outputs have been compared for every code, and the line on its
/// scales.
fn narrowed(graph: &Graph) -> Result<(Graph, Report), Box<dyn std::error::Error>> {
    validate(graph)?;
    let (narrow, report) = for_hardware(graph)?;
    assert_eq!(outputs(graph)?, outputs(&narrow)?);
    Ok((narrow, report))
}

fn text(report: &Report) -> Vec<String> {
    report.scales.iter().map(ToString::to_string).collect()
}

/// Scales of elements, behind which channels are other ones that differ as well.
#[test]
fn scales_of_elements_are_narrowed_where_channels_differ() -> Outcomes {
    let affine = Affine { scale: floats(&[0.3, -0.071, 0.5, 0.25])?, bias: Some(floats(&[0.4])?) };
    let (mut graph, y) = scaled("fixed<8,3>", affine)?;
    let y = add(&mut graph, y, Reshape { shape: vec![2, 2] })?;
    let y = cast(&mut graph, y, "ufixed<6,2,RND_CONV,SAT>")?;
    assert_eq!(graph[y].tensor.ranges.len(), 4);
    graph.add_output("y", y);
    narrowed(&graph)?;
    Ok(())
}

#[test]
fn a_quantizer_leaves_few_bits_of_a_scale() -> Outcomes {
    let affine = Affine { scale: floats(&[0.3, -0.071, 0.0113])?, bias: Some(floats(&[0.4])?) };
    let (mut graph, y) = scaled("fixed<8,3>", affine)?;
    let y = cast(&mut graph, y, "ufixed<6,2,RND_CONV,SAT>")?;
    graph.add_output("y", y);
    let (_, report) = narrowed(&graph)?;
    let expected = "scales: n1 fixed<30,0> -> fixed<12,0>, bias ufixed<24,-1> -> \
                    ufixed<12,-1>, proven on 35 thresholds";
    assert_eq!(text(&report), [expected]);
    let json = serde_json::to_value(&report)?;
    assert_eq!(json["scales"][0]["outcome"]["kind"], "proven");
    Ok(())
}

#[test]
fn one_bit_less_gives_other_results() -> Outcomes {
    let exact = Affine { scale: floats(&[0.3])?, bias: None };
    let with = |affine: &Affine| -> Result<Graph, Box<dyn std::error::Error>> {
        let (mut graph, y) = scaled("fixed<10,3>", affine.clone())?;
        let y = cast(&mut graph, y, "fixed<7,2,RND_CONV,SAT_SYM>")?;
        graph.add_output("y", y);
        Ok(graph)
    };
    let graph = with(&exact)?;
    let (narrow, _) = narrowed(&graph)?;
    let affine = narrow.topological_order().into_iter().find_map(|id| match &narrow[id].op {
        Op::Affine(affine) => Some(affine.clone()),
        _ => None,
    });
    let found = affine.ok_or("no affine operation")?.scale;
    assert!(found.format.width() < 12, "{}", found.format);
    // The exact scale with one fractional bit fewer, rounded either way.
    let dropped =
        (exact.scale.format.fractional_bits() - found.format.fractional_bits() + 1).unsigned_abs();
    let code = exact.scale.codes.get(0).ok_or("no scale")? >> dropped;
    for code in [code.clone(), code + 1] {
        let codes = ndarray::arr1(&[code]).into_dyn();
        let scale = Constant::of_codes(codes, found.format.fractional_bits() - 1)?;
        let coarser = with(&Affine { scale, bias: None })?;
        assert_ne!(outputs(&graph)?, outputs(&coarser)?);
    }
    Ok(())
}

#[test]
fn the_ranges_of_channels_count() -> Outcomes {
    let mut widths = Vec::new();
    for reach in [512, 20, 3] {
        let mut graph = Graph::new("g");
        let x = graph.add_input("x", vec![1], "fixed<10,3>".parse()?);
        let limits = Clamp { low: Some((-reach).into()), high: Some((reach - 1).into()) };
        let x = add(&mut graph, x, limits)?;
        let y = add(&mut graph, x, Affine { scale: floats(&[0.3])?, bias: None })?;
        let y = cast(&mut graph, y, "fixed<9,2,RND_CONV,SAT_SYM>")?;
        graph.add_output("y", y);
        let (_, report) = for_hardware(&graph)?;
        widths.push(report.scales[0].after.scale.width());
    }
    assert_eq!(widths, [11, 7, 3]);
    Ok(())
}

#[test]
fn channels_with_types_of_their_own_are_narrowed() {
    let report = assert_pass(
        PASS,
        "x = input shape=[2] format=fixed<4,2>
         y = affine x scale=ufixed<24,0>[2]{10066330, 3355443}
         z = cast y to=[2]{fixed<3,1,RND,SAT>, fixed<4,2,RND,SAT>}
         output z",
        "x = input shape=[2] format=fixed<4,2> : [2] fixed<4,2> [-8, 7]
         y = affine x scale=ufixed<6,0>[2]{38, 13} : [2] fixed<10,2> {[-304, 266], [-104, 91]}
         z = cast y to=[2]{fixed<3,1,RND,SAT>, fixed<4,2,RND,SAT>} : [2] fixed<4,2> {[-4, 3], [-2, 1]}
         output z",
    );
    assert_eq!(report.scales.len(), 1);
}

#[test]
fn what_keeps_a_scale_exact_is_said() -> Outcomes {
    let affine = || -> Result<Affine, crate::ir::ConstantError> {
        Ok(Affine { scale: floats(&[0.3])?, bias: None })
    };
    let (mut graph, y) = scaled("fixed<8,3>", affine()?)?;
    graph.add_output("out", y);
    let (same, report) = narrowed(&graph)?;
    assert_eq!(same[y].op, graph[y].op);
    assert_eq!(text(&report), ["scales: n1 ufixed<23,-1>, exact: 'out' takes it unquantized"]);
    assert!(!report.scales[0].is_limited());

    let (mut graph, y) = scaled("fixed<8,3>", affine()?)?;
    let act = cast(&mut graph, y, "fixed<6,2,RND,SAT>")?;
    let weights = Constant::covering(ndarray::array![[1.0]].into_dyn().view())?;
    let sum = graph.add("sum", Linear { weights, bias: None }, &[y])?;
    graph.add_output("act", act);
    graph.add_output("sum", sum);
    let (_, report) = narrowed(&graph)?;
    assert_eq!(text(&report), ["scales: n1 ufixed<23,-1>, exact: 'sum' takes it unquantized"]);

    // 0.3 · [-4, 4) leaves [-1, 1), but not [-2, 2).
    let (mut graph, y) = scaled("fixed<8,3>", affine()?)?;
    let y = cast(&mut graph, y, "fixed<6,1>")?;
    graph.add_output("y", y);
    let (_, report) = narrowed(&graph)?;
    assert_eq!(text(&report), ["scales: n1 ufixed<23,-1>, exact: 'n2' wraps"]);
    let (mut graph, y) = scaled("fixed<8,3>", affine()?)?;
    let y = cast(&mut graph, y, "fixed<6,2>")?;
    graph.add_output("y", y);
    let (_, report) = narrowed(&graph)?;
    assert!(text(&report)[0].contains(", proven on "), "{:?}", text(&report));

    // 0.3 · 255/32 reaches 2.39, which takes 76 steps of 1/32 and one more value.
    let (mut graph, y) = scaled("ufixed<8,3>", affine()?)?;
    let end = cast(&mut graph, y, "ufixed<8,3>")?;
    graph.add_output("y", end);
    let exact = affine()?;
    let of = |graph: &Graph, limit| narrow(&mut graph.clone(), y, &exact, limit);
    assert_eq!(of(&graph, 75), Err(Outcome::TooMany { limit: 75 }));
    assert_eq!(of(&graph, 76), Ok(Outcome::Proven { thresholds: 76 }));
    let kept = Outcome::TooMany { limit: 75 };
    let mut report = narrowed(&graph)?.1;
    report.scales[0].after = report.scales[0].before;
    report.scales[0].outcome = kept;
    let expected = "scales: n1 ufixed<23,-1>, exact: its result has more than 75 values";
    assert_eq!(text(&report), [expected]);
    report.scales[0].outcome = Outcome::TooWide;
    assert_eq!(text(&report), ["scales: n1 ufixed<23,-1>, exact: too wide to narrow"]);
    assert!(report.scales[0].is_limited());
    Ok(())
}

#[test]
fn wide_codes_are_narrowed_as_well() -> Outcomes {
    // Each code of the input counts 2^60, and the sum of scale and offset has some 100 bits.
    let affine = Affine { scale: floats(&[0.3])?, bias: Some(list(&[-12345], -10)?) };
    let (mut graph, y) = scaled("fixed<10,70>", affine)?;
    let y = cast(&mut graph, y, "fixed<7,69,RND,SAT>")?;
    graph.add_output("y", y);
    let (narrow, report) = narrowed(&graph)?;
    assert!(text(&report)[0].contains(", proven on "), "{:?}", text(&report));
    assert!(report.scales[0].after.scale.width() < 12, "{:?}", text(&report));
    validate(&narrow)?;
    Ok(())
}

/// An operation between a scale and a quantizer.
#[derive(Clone, Debug)]
enum Middle {
    Clamp(u8, u8),
    /// The slope in eighths.
    Leaky(i64),
    Scale(i32),
    Affine(i64, i64),
    Reshape,
}

/// A quantizer.
#[derive(Clone, Debug)]
enum End {
    Cast(Quantization),
    /// Thresholds as parts of 255 of the range, and values.
    Steps(Vec<(u8, i64)>),
}

fn middles() -> impl Strategy<Value = Vec<Middle>> {
    let middle = prop_oneof![
        (any::<u8>(), any::<u8>()).prop_map(|(a, b)| Middle::Clamp(a.min(b), a.max(b))),
        (-2..12_i64).prop_map(Middle::Leaky),
        (-3..4_i32).prop_map(Middle::Scale),
        (-12..13_i64, -9..10_i64).prop_map(|(scale, bias)| Middle::Affine(scale, bias)),
        Just(Middle::Reshape),
    ];
    prop::collection::vec(middle, 0..4)
}

fn ends() -> impl Strategy<Value = End> {
    use Overflow::{Sat, SatSym, SatZero};
    let rounding = prop::sample::select(&Rounding::ALL);
    let overflow = prop::sample::select(vec![Sat, Sat, SatSym, Overflow::WRAP, SatZero]);
    let cast = (any::<bool>(), 1..9_u32, -1..9_i32, rounding, overflow);
    prop_oneof![
        3 => cast.prop_map(|(signed, width, integer, rounding, overflow)| {
            let signedness =
                if signed { crate::fixed::Signedness::Signed } else { crate::fixed::Signedness::Unsigned };
            End::Cast(Quantization::new(
                Format::literal(signedness, width, integer), rounding, overflow))
        }),
        1 => prop::collection::vec((any::<u8>(), -3..4_i64), 0..9).prop_map(End::Steps),
    ]
}

/// The code that lies `part` of 255 into the range.
fn at(range: &Range, part: u8) -> BigInt {
    range.low() + (range.high() - range.low()) * part / 255
}

/// Adds the operations of one branch; the node of its quantizer.
fn branch(
    graph: &mut Graph,
    from: NodeId,
    middles: &[Middle],
    end: &End,
) -> Result<NodeId, Box<dyn std::error::Error>> {
    let mut x = from;
    for middle in middles {
        let range = graph[x].tensor.range();
        let op: Op = match middle {
            Middle::Clamp(low, high) => {
                Clamp { low: Some(at(&range, *low)), high: Some(at(&range, *high)) }.into()
            }
            Middle::Leaky(slope) => {
                let slopes = list(&[*slope], 3)?;
                Leaky { threshold: BigInt::ZERO, slopes, bias: None }.into()
            }
            Middle::Scale(power) => Scale { power: *power }.into(),
            Middle::Affine(scale, bias) => {
                Affine { scale: list(&[*scale], 3)?, bias: Some(list(&[*bias], 2)?) }.into()
            }
            Middle::Reshape => Reshape { shape: vec![1, graph[x].tensor.len()] }.into(),
        };
        x = add(graph, x, op)?;
    }
    match end {
        End::Cast(to) => Ok(add(graph, x, Cast::from(*to))?),
        End::Steps(steps) => {
            let range = graph[x].tensor.range();
            let mut steps: Vec<(BigInt, i64)> =
                steps.iter().map(|(part, value)| (at(&range, *part), *value)).collect();
            steps.sort();
            steps.dedup_by(|a, b| a.0 == b.0);
            let thresholds: Vec<BigInt> = steps.iter().map(|(code, _)| code.clone()).collect();
            let values: Vec<i64> = [0].into_iter().chain(steps.iter().map(|s| s.1)).collect();
            let thresholds = ndarray::Array1::from_vec(thresholds).into_dyn();
            let thresholds =
                Constant::of_codes(thresholds, graph[x].tensor.format.fractional_bits())?;
            let steps = StepFunction { thresholds, values: list(&values, 0)? };
            Ok(add(graph, x, steps)?)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn narrowed_graphs_give_what_exact_ones_give(
        (signed, width, integer) in (any::<bool>(), 1..9_u32, -2..6_i32),
        scale in prop::collection::vec(-(1_i64 << 24)..1 << 24, 1..4),
        scale_fraction in 20..28_i32,
        bias in prop::option::of((-(1_i64 << 12)..1 << 12, 0..14_i32)),
        branches in prop::collection::vec((middles(), ends()), 1..3),
    ) {
        let build = || -> Result<Graph, Box<dyn std::error::Error>> {
            let bias = bias.map(|(code, fraction)| list(&[code], fraction)).transpose()?;
            let affine = Affine { scale: list(&scale, scale_fraction)?, bias };
            let u = if signed { "" } else { "u" };
            let (mut graph, y) = scaled(&format!("{u}fixed<{width},{integer}>"), affine)?;
            for (n, (middles, end)) in branches.iter().enumerate() {
                let end = branch(&mut graph, y, middles, end)?;
                graph.add_output(format!("out{n}"), end);
            }
            Ok(graph)
        };
        let graph = build().map_err(|error| TestCaseError::fail(error.to_string()))?;
        let checked = narrowed(&graph).map_err(|error| TestCaseError::fail(error.to_string()))?;
        for scale in &checked.1.scales {
            prop_assert!(scale.after.scale.width() <= scale.before.scale.width() + 1);
        }
    }
}
