//! Every rule of `validate`, broken once.

use ndarray::array;
use num_bigint::BigInt;

use super::{Affine, Constant, Graph, Leaky, Linear, NodeId, Op, StepFunction, Tensor, validate};
use crate::fixed::{Overflow, Range, Rounding};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn tensor(format: &str, low: i64, high: i64) -> Result<Tensor, crate::fixed::FormatError> {
    let channels = vec![Range::new(low, high)];
    Ok(Tensor { shape: vec![2], format: format.parse()?, channels })
}

/// A valid network: an input, a dense layer, an output.
fn network() -> Result<(Graph, NodeId, NodeId), Box<dyn std::error::Error>> {
    let mut graph = Graph::new("g");
    let x = graph.add_input("x", tensor("fixed<4,1>", -8, 7)?);
    let weights = Constant::covering(array![[1.0, 0.5], [-1.0, 0.25]].into_dyn().view())?;
    let bias = Some(Constant::covering(array![0.5, 0.0].into_dyn().view())?);
    let linear = Linear { weights, bias };
    let sums = linear.sums(&graph[x].tensor).ok_or("no sums")?;
    // 4·[-8, 7] - 4·[-8, 7] + 16, and 2·[-8, 7] + [-8, 7], in steps of 1/32.
    assert_eq!(sums.channels, [Range::new(-44, 76), Range::new(-24, 21)]);
    assert_eq!((sums.fraction, sums.partial), (5, Range::new(-60, 76)));
    let format = crate::fixed::Format::covering(&Range::new(-60, 76), 5)?;
    let y = Tensor { shape: vec![2], format, channels: sums.channels };
    let y = graph.add("y", Op::Linear(linear), &[x], y);
    graph.add_output("y", y);
    graph.layers = vec![("y".into(), y)];
    validate(&graph)?;
    Ok((graph, x, y))
}

/// The rule that `graph` breaks.
fn broken(graph: &Graph) -> String {
    validate(graph).err().map_or_else(|| "none".into(), |error| error.rule)
}

#[test]
fn rules_of_the_graph() -> Outcome {
    let (mut graph, x, y) = network()?;
    graph[y].name = "x".into();
    assert_eq!(broken(&graph), "its name is empty or taken");

    let (mut graph, x2, y2) = network()?;
    assert_eq!((x, y), (x2, y2));
    graph.nodes.add_edge(y, y, 1);
    assert_eq!(broken(&graph), "it lies on a cycle");

    let (mut graph, ..) = network()?;
    graph.nodes.add_edge(x, y, 1);
    assert_eq!(broken(&graph), "its operands are not those that the operation takes");

    let (mut graph, ..) = network()?;
    graph.inputs.clear();
    assert_eq!(broken(&graph), "the inputs are not its Input nodes, each once");

    let (mut graph, ..) = network()?;
    graph.outputs.clear();
    assert_eq!(broken(&graph), "there is no output");

    let (mut graph, ..) = network()?;
    graph.layers.push(("z".into(), NodeId::new(9)));
    assert_eq!(broken(&graph), "an output or a layer names a node that does not exist");
    Ok(())
}

#[test]
fn rules_of_a_tensor() -> Outcome {
    let (mut graph, x, _) = network()?;
    graph[x].tensor.shape = vec![0];
    assert_eq!(broken(&graph), "its tensor has no elements");

    let (mut graph, x, _) = network()?;
    graph[x].tensor.channels = vec![Range::point(0); 3];
    assert_eq!(broken(&graph), "it has neither one range nor one for each channel");

    let (mut graph, x, _) = network()?;
    graph[x].tensor.channels = vec![Range::new(-8, 8)];
    assert_eq!(broken(&graph), "a range leaves the format");
    Ok(())
}

#[test]
fn rules_of_a_sum() -> Outcome {
    let (mut graph, _, y) = network()?;
    graph[y].tensor.format = "fixed<7,2>".parse()?;
    graph[y].tensor.channels = vec![Range::new(-60, 60)];
    assert_eq!(broken(&graph), "its format does not hold every partial sum");

    let (mut graph, _, y) = network()?;
    graph[y].tensor.channels = vec![Range::new(-44, 75)];
    assert_eq!(broken(&graph), "its range misses codes that the operation can give");

    let (mut graph, _, y) = network()?;
    graph[y].tensor.format = "fixed<9,4>".parse()?;
    assert_eq!(broken(&graph), "none");
    graph[y].tensor.format = "fixed<10,4>".parse()?;
    assert_eq!(broken(&graph), "its fraction is not the one that the operation gives");

    let (mut graph, _, y) = network()?;
    if let Op::Linear(linear) = &mut graph[y].op {
        linear.bias = Some(Constant::covering(array![0.5].into_dyn().view())?);
    }
    assert_eq!(broken(&graph), "a constant has the wrong shape");

    let (mut graph, _, y) = network()?;
    if let Op::Linear(linear) = &mut graph[y].op {
        linear.weights.format = "fixed<2,0>".parse()?;
    }
    assert_eq!(broken(&graph), "a constant leaves its format");
    Ok(())
}

/// The rule that an operation on `fixed<4,1>` with the result `y` breaks.
fn broken_by(op: Op, y: Tensor) -> Result<String, Box<dyn std::error::Error>> {
    let mut graph = Graph::new("g");
    let x = graph.add_input("x", tensor("fixed<4,1>", -8, 7)?);
    let y = graph.add("y", op, &[x], y);
    graph.add_output("y", y);
    Ok(broken(&graph))
}

const MISSES: &str = "its range misses codes that the operation can give";
const FRACTION: &str = "its fraction is not the one that the operation gives";

#[test]
fn rules_of_the_other_operations() -> Outcome {
    let cast = || Op::Cast { rounding: Rounding::Rnd, overflow: Overflow::Sat };
    assert_eq!(broken_by(cast(), tensor("fixed<3,1>", -4, 3)?)?, "none");
    assert_eq!(broken_by(cast(), tensor("fixed<3,1>", -3, 3)?)?, MISSES);
    let flat = Tensor { shape: vec![1, 2], ..tensor("fixed<4,1>", -8, 7)? };
    assert_eq!(broken_by(cast(), flat.clone())?, "the operation keeps the shape");
    assert_eq!(broken_by(Op::Reshape, flat)?, "none");
    let longer = Tensor { shape: vec![3], ..tensor("fixed<4,1>", -8, 7)? };
    let rule = "the shapes differ in their number of elements";
    assert_eq!(broken_by(Op::Reshape, longer)?, rule);
    assert_eq!(
        broken_by(Op::Reshape, tensor("fixed<5,1>", -8, 7)?)?,
        "a reshape changes the format"
    );

    let clamp = || Op::Clamp { low: Some(BigInt::ZERO), high: None };
    assert_eq!(broken_by(clamp(), tensor("ufixed<3,0>", 0, 7)?)?, "none");
    assert_eq!(broken_by(clamp(), tensor("ufixed<3,0>", 0, 6)?)?, MISSES);
    assert_eq!(broken_by(clamp(), tensor("ufixed<4,0>", 0, 7)?)?, FRACTION);

    let leaky = |slopes: &[f64]| -> Result<Op, super::ConstantError> {
        let slopes = Constant::covering(ndarray::aview1(slopes).into_dyn())?;
        Ok(Op::Leaky(Leaky { from: BigInt::ZERO, slopes, offset: None }))
    };
    let rule = "its slopes are neither one, nor its channels', nor its elements'";
    assert_eq!(broken_by(leaky(&[0.5, 0.5, 1.0])?, tensor("fixed<5,1>", -8, 14)?)?, rule);
    assert_eq!(broken_by(leaky(&[0.5])?, tensor("fixed<5,1>", -8, 14)?)?, "none");
    assert_eq!(broken_by(leaky(&[0.5])?, tensor("fixed<4,1>", -8, 7)?)?, FRACTION);
    assert_eq!(broken_by(leaky(&[0.5])?, tensor("fixed<5,1>", -8, 13)?)?, MISSES);

    let scale = || Op::Scale { power: -2 };
    assert_eq!(broken_by(scale(), tensor("fixed<4,-1>", -8, 7)?)?, "none");
    assert_eq!(broken_by(scale(), tensor("fixed<4,1>", -8, 7)?)?, FRACTION);

    let steps = |thresholds: &[f64], values: &[f64]| -> Result<Op, super::ConstantError> {
        let constant = |v: &[f64]| Constant::covering(ndarray::aview1(v).into_dyn());
        Ok(Op::StepFunction(StepFunction {
            thresholds: constant(thresholds)?,
            values: constant(values)?,
        }))
    };
    let sign = tensor("fixed<2,2>", -1, 1)?;
    assert_eq!(broken_by(steps(&[0.0], &[-1.0, 1.0])?, sign.clone())?, "none");
    assert_eq!(broken_by(steps(&[], &[])?, sign.clone())?, "there is no step");
    let rule = "a constant has the wrong shape";
    assert_eq!(broken_by(steps(&[0.0, 1.0], &[-1.0, 1.0])?, sign.clone())?, rule);
    let rule = "the thresholds do not ascend";
    assert_eq!(broken_by(steps(&[1.0, 1.0], &[-1.0, 0.0, 1.0])?, sign.clone())?, rule);
    assert_eq!(broken_by(steps(&[0.0], &[-1.0, 2.0])?, tensor("fixed<3,3>", -1, 1)?)?, MISSES);
    Ok(())
}

#[test]
fn rules_of_an_affine_operation() -> Outcome {
    let affine = |scale: &[f64], offset: Option<&[f64]>| -> Result<Affine, super::ConstantError> {
        let constant = |v: &[f64]| Constant::covering(ndarray::aview1(v).into_dyn());
        Ok(Affine { scale: constant(scale)?, offset: offset.map(constant).transpose()? })
    };
    let two = affine(&[0.75, -1.5], Some(&[0.0, 0.03125]))?;
    let y = two.result(&tensor("fixed<4,1>", -8, 7)?)?;
    // 3·[-8, 7] and -6·[-8, 7] + 1, in steps of 1/32: an eighth times a quarter.
    assert_eq!(y.channels, [Range::new(-24, 21), Range::new(-41, 49)]);
    assert_eq!(y.format, "fixed<7,2>".parse()?);

    assert_eq!(broken_by(Op::Affine(two.clone()), y.clone())?, "none");
    let missing = vec![Range::new(-24, 21), Range::new(-40, 49)];
    assert_eq!(
        broken_by(Op::Affine(two.clone()), Tensor { channels: missing, ..y.clone() })?,
        MISSES
    );
    let finer = Tensor { format: "fixed<8,2>".parse()?, ..y.clone() };
    assert_eq!(broken_by(Op::Affine(two), finer)?, FRACTION);

    // One number for all channels keeps one range; a finer offset makes the result finer.
    let one = affine(&[-2.0], Some(&[1.0 / 64.0]))?;
    let y = one.result(&tensor("fixed<4,1>", -8, 7)?)?;
    assert_eq!((&y.channels[..], y.format), (&[Range::new(-111, 129)][..], "fixed<9,3>".parse()?));
    assert_eq!(broken_by(Op::Affine(one), y)?, "none");

    let rule = "a constant has the wrong shape";
    let three = affine(&[1.0, 1.0, 1.0], None)?;
    assert_eq!(broken_by(Op::Affine(three), tensor("fixed<4,1>", -8, 7)?)?, rule);
    let three = affine(&[1.0], Some(&[1.0, 1.0, 1.0]))?;
    assert_eq!(broken_by(Op::Affine(three), tensor("fixed<4,1>", -8, 7)?)?, rule);
    let far = affine(&[1.0], Some(&[0.5f64.powi(600)]))?;
    let rule = "a format is 1 to 128 bits wide, not 597";
    assert_eq!(broken_by(Op::Affine(far), tensor("fixed<4,1>", -8, 7)?)?, rule);
    Ok(())
}

#[test]
fn graphviz_text_names_what_an_engineer_looks_for() -> Outcome {
    let (mut graph, ..) = network()?;
    graph.name = "a \"quoted\" name".into();
    insta::assert_snapshot!(super::to_dot(&graph), @r#"
    digraph "a \"quoted\" name" {
      node [shape=box, fontname="monospace"];
      n0 [label="x\ninput [2]\nfixed<4,1> [-8, 7]"];
      n1 [label="y\nlinear [2]\nfixed<8,3> [-44, 76]"];
      n0 -> n1;
      out0 [label="y", shape=ellipse];
      n1 -> out0;
    }
    "#);
    Ok(())
}
