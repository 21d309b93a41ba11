//! Every rule of `validate` and of the operations, broken once.

use super::text::parse;
use super::{Graph, Inferences, NodeId, validate};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const DENSE: &str = "graph g
    x = input shape=[2] format=fixed<4,1>
    y = linear x weights=fixed<4,2>[2, 2]{4, 2, -4, 1} bias=ufixed<1,0>[2]{1, 0}
    layer y
    output y";

/// The rule that `graph` breaks.
fn broken(graph: &Graph) -> String {
    validate(graph).err().map_or_else(|| "none".into(), |error| error.rule)
}

/// The rule that the graph of an input `x` of two `fixed<4,1>` and the node `y` breaks, in
/// inference or validation.
fn broken_by(y: &str) -> String {
    let text = format!("x = input shape=[2] format=fixed<4,1>\ny = {y}\noutput y");
    match parse(&text) {
        Ok(graph) => broken(&graph),
        Err(error) => error.message.replace("node 'y': ", ""),
    }
}

fn assert_rules(cases: &[(&str, &str)]) {
    for (node, rule) in cases {
        assert_eq!(broken_by(node), *rule, "{node}");
    }
}

#[test]
fn rules_of_the_graph() -> Outcome {
    let network = || parse(DENSE);
    let (x, y) = (NodeId::new(0), NodeId::new(1));
    assert_eq!(broken(&network()?), "none");

    let mut graph = network()?;
    graph[y].name = "x".into();
    assert_eq!(broken(&graph), "its name is empty or taken");

    let mut graph = network()?;
    graph.nodes.add_edge(y, y, 1);
    assert_eq!(broken(&graph), "it lies on a cycle");

    let mut graph = network()?;
    graph.nodes.add_edge(x, y, 1);
    assert_eq!(broken(&graph), "linear does not take 2 operands");

    let mut graph = network()?;
    graph.nodes.add_edge(x, y, 2);
    assert_eq!(broken(&graph), "its operands do not have one position each");

    let mut graph = network()?;
    graph.inputs.clear();
    assert_eq!(broken(&graph), "the inputs are not its Input nodes, each once");

    let mut graph = network()?;
    graph.outputs.clear();
    assert_eq!(broken(&graph), "there is no output");

    let mut graph = network()?;
    graph.layers.push(("z".into(), NodeId::new(9)));
    assert_eq!(broken(&graph), "an output or a layer names a node that does not exist");
    Ok(())
}

#[test]
fn sums_are_proven_with_every_partial_sum() -> Outcome {
    let graph = parse(DENSE)?;
    let y = &graph[graph.outputs[0].node].tensor;
    // 4·[-8, 7] - 4·[-8, 7] + 16, and 2·[-8, 7] + [-8, 7], with 5 fractional bits.
    let ranges: Vec<String> = y.ranges.iter().map(ToString::to_string).collect();
    assert_eq!(ranges, ["[-44, 76]", "[-24, 21]"]);
    // Partial sums without the bias reach -60.
    assert_eq!(y.format, "fixed<8,3>".parse()?);
    Ok(())
}

const MISSES: &str = "its range does not contain the inferred one";
const FRACTION: &str = "its fractional bits differ from the inferred ones";
const NARROW: &str = "its format is narrower than the inferred one";
const SHAPE: &str = "its shape differs from the inferred one";

#[test]
fn rules_of_a_tensor() {
    assert_rules(&[
        ("clamp x : [0] fixed<4,1> [-8, 7]", "its tensor has no elements"),
        (
            "clamp x : [2] fixed<4,1> {[0, 0], [0, 0], [0, 0]}",
            "it has neither one range, nor one per channel, nor one per element",
        ),
        ("clamp x : [2] fixed<4,1> [-8, 8]", "a range exceeds the format"),
        ("clamp x : [1, 2] fixed<4,1> [-8, 7]", SHAPE),
        ("clamp x : [2] fixed<5,2> [-8, 7]", "none"),
        ("clamp x : [2] fixed<5,1> [-8, 7]", FRACTION),
        ("clamp x : [2] fixed<4,1> {[-8, 7], [-8, 6]}", MISSES),
    ]);
}

#[test]
fn rules_of_sums() {
    let linear = "linear x weights=fixed<4,2>[2, 2]{4, 2, -4, 1}";
    let conv = "conv x window=(input=[1, 2], kernel=[1, 1], output=[1, 2])";
    assert_rules(&[
        (&format!("{linear} : [2] fixed<8,3> {{[-60, 60], [-24, 21]}}"), "none"),
        (&format!("{linear} : [2] fixed<6,1> [-32, 31]"), NARROW),
        (&format!("{linear} : [2] fixed<8,3> {{[-60, 59], [-24, 21]}}"), MISSES),
        (&format!("{linear} : [2] fixed<9,3> [-128, 127]"), FRACTION),
        ("linear x weights=fixed<2,2>[2]{1, 1}", "its weights are not a matrix"),
        ("linear x weights=fixed<2,2>[2, 0]{}", "its weight matrix is empty"),
        (
            "linear x weights=fixed<2,2>[1, 1]{1}",
            "its weights have another number of inputs than its operand has channels",
        ),
        (&format!("{linear} bias=ufixed<1,1>[1]{{1}}"), "its bias is not one number per output"),
        ("linear x weights=fixed<2,2>[2, 1]{1, 2}", "a constant exceeds its format"),
        (
            &format!("{linear} bias=ufixed<1,-900>[2]{{1, 1}}"),
            "accumulator: a format is 1 to 128 bits wide, not 896",
        ),
        (
            &format!("{conv} groups=1 weights=fixed<2,2>[1, 1]{{1}}"),
            "its windows do not fit the shape of its operand",
        ),
    ]);
    let rows = "x = input shape=[2, 2] format=fixed<4,1>\ny = ";
    for (groups, inputs, rule) in [
        (3, 2, "its groups do not divide the channels of its operand"),
        (1, 3, "its weights do not fit its windows and groups"),
    ] {
        let weights = vec!["1"; inputs].join(", ");
        let text =
            format!("{rows}{conv} groups={groups} weights=ufixed<1,1>[{inputs}, 1]{{{weights}}}");
        assert_eq!(parse(&text).err().map(|e| e.message), Some(format!("node 'y': {rule}")));
    }
}

#[test]
fn rules_of_elementwise_operations() {
    assert_rules(&[
        ("cast x to=fixed<3,1,RND,SAT> : [2] fixed<3,1> [-4, 3]", "none"),
        ("cast x to=fixed<3,1,RND,SAT> : [2] fixed<3,1> [-3, 3]", MISSES),
        ("cast x to=[0]{}", "its types do not broadcast to the shape of its operand"),
        (
            "cast x to=[2]{fixed<1,120>, fixed<1,-20>}",
            "common format of the types: a format is 1 to 128 bits wide, not 141",
        ),
        ("clamp x low=0 : [2] ufixed<3,0> [0, 7]", "none"),
        ("clamp x low=0 : [2] ufixed<3,0> [0, 6]", MISSES),
        ("clamp x low=0 : [2] ufixed<4,0> [0, 7]", FRACTION),
        ("clamp x low=3 high=2", "its lower limit exceeds its upper one"),
        (
            "leaky x threshold=0 slopes=ufixed<2,1>[3]{1, 1, 2}",
            "its slopes are neither one, nor one per channel, nor one per element",
        ),
        (
            "leaky x threshold=0 slopes=ufixed<1,0>[1]{1} bias=ufixed<1,1>[2]{1, 1}",
            "its bias is not one number",
        ),
        ("leaky x threshold=0 slopes=ufixed<1,0>[1]{1} : [2] fixed<5,1> [-8, 14]", "none"),
        ("leaky x threshold=0 slopes=ufixed<1,0>[1]{1} : [2] fixed<4,1> [-8, 7]", FRACTION),
        ("leaky x threshold=0 slopes=ufixed<1,0>[1]{1} : [2] fixed<5,1> [-8, 13]", MISSES),
        ("scale x power=-2 : [2] fixed<4,-1> [-8, 7]", "none"),
        ("scale x power=-2 : [2] fixed<4,1> [-8, 7]", FRACTION),
        (
            "step_function x thresholds=ufixed<1,-2>[1]{0} values=fixed<2,2>[2]{-1, 1} : [2] fixed<2,2> [-1, 1]",
            "none",
        ),
        (
            "step_function x thresholds=ufixed<1,-2>[1]{0} values=fixed<3,3>[2]{-1, 2} : [2] fixed<3,3> [-1, 1]",
            MISSES,
        ),
        (
            "step_function x thresholds=ufixed<1,1>[0]{} values=ufixed<1,1>[0]{}",
            "its values are not a list",
        ),
        (
            "step_function x thresholds=ufixed<1,1>[2]{0, 1} values=fixed<2,2>[2]{-1, 1}",
            "its thresholds are not one fewer than its values",
        ),
        (
            "step_function x thresholds=ufixed<1,1>[2]{1, 1} values=fixed<2,2>[3]{-1, 0, 1}",
            "its thresholds do not ascend",
        ),
        ("lookup x table=fixed<2,2>[2, 1]{1, -1}", "its operand is not an integer"),
        (
            "affine x scale=fixed<4,2>[2]{3, -6} bias=ufixed<1,-4>[2]{0, 1} : [2] fixed<7,2> {[-24, 21], [-41, 49]}",
            "none",
        ),
        (
            "affine x scale=fixed<4,2>[2]{3, -6} bias=ufixed<1,-4>[2]{0, 1} : [2] fixed<7,2> {[-24, 21], [-40, 49]}",
            MISSES,
        ),
        (
            "affine x scale=fixed<4,2>[3]{3, -6, 1}",
            "its scale is neither one number nor one per channel",
        ),
        (
            "affine x scale=fixed<4,2>[1]{3} bias=ufixed<1,1>[3]{1, 1, 1}",
            "its bias is neither one number nor one per channel",
        ),
        (
            "affine x scale=ufixed<1,1>[1]{1} bias=ufixed<1,-599>[1]{1}",
            "scaled result: a format is 1 to 128 bits wide, not 597",
        ),
        ("add x", "add does not take 1 operands"),
        ("multiply x x x", "multiply does not take 3 operands"),
        ("subtract x x : [2] fixed<5,2> [-15, 15]", "none"),
    ]);
}

#[test]
fn rules_of_tables() {
    let whole = "x = input shape=[2] format=ufixed<2,2>\nindex = clamp x high=2\ny = ";
    let rule = |node: &str| match parse(&format!("{whole}{node}\noutput y")) {
        Ok(graph) => broken(&graph),
        Err(error) => error.message.replace("node 'y': ", ""),
    };
    for (node, expected) in [
        ("lookup x table=fixed<2,2>[3, 1]{1, -1, 0}", "an index may exceed its table"),
        ("lookup index table=fixed<2,2>[2, 1]{1, -1}", "an index may exceed its table"),
        ("lookup index table=fixed<2,2>[3]{1, -1, 0}", "its table is not a matrix"),
        ("lookup index table=fixed<2,2>[0, 1]{}", "its table is empty"),
        (
            "lookup index table=fixed<2,2>[3, 2]{1, -1, 0, 1, -2, 0} : [2, 2] fixed<2,2> {[-2, 1], [-1, 1]}",
            "none",
        ),
        (
            "lookup index table=fixed<2,2>[3, 2]{1, -1, 0, 1, -2, 0} : [2, 2] fixed<2,2> {[0, 1], [-1, 1]}",
            MISSES,
        ),
    ] {
        assert_eq!(rule(node), expected, "{node}");
    }
}

#[test]
fn rules_of_layout_operations_and_pools() {
    assert_rules(&[
        ("reshape x shape=[1, 2] : [1, 2] fixed<4,1> [-8, 7]", "none"),
        ("reshape x shape=[1, 2] : [1, 2] fixed<5,1> [-8, 7]", FRACTION),
        ("reshape x shape=[3]", "its shape has another number of elements than its operand"),
        ("gather x shape=[2] indices=[0]", "its indices are not as many as its elements"),
        ("gather x shape=[1] indices=[2]", "an index exceeds its operand"),
        ("gather x shape=[0] indices=[]", "its tensor has no elements"),
        ("concat axis=0", "concat does not take 0 operands"),
        ("concat x x axis=1", "its operands have no such axis"),
        (
            "max_pool x window=(input=[1, 2], kernel=[1, 2], output=[1, 1])",
            "its windows do not fit the shape of its operand",
        ),
    ]);
    let two = "x = input shape=[2] format=fixed<4,1>
         z = input shape=[1, 2] format=fixed<4,1>
         w = input shape=[2] format=fixed<4,2>\n";
    for (node, rule) in [
        ("add x z", "its operands differ in their shapes"),
        ("concat x z axis=0", "its operands differ in an axis other than the joined one"),
        ("concat x w axis=0", "its operands differ in their formats"),
        (
            "max_pool z window=(input=[1, 1], kernel=[1, 1], pad_before=[0, 1], output=[1, 1])",
            "a window is empty",
        ),
    ] {
        let error = parse(&format!("{two}y = {node}")).err().map(|error| error.message);
        assert_eq!(error, Some(format!("node 'y': {rule}")));
    }
}

#[test]
fn graphviz_text_has_names_operations_shapes_and_ranges() -> Outcome {
    let mut graph = parse(DENSE)?;
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

#[test]
fn inferences_hold_until_an_operation_or_an_operand_changes() -> Outcome {
    let (x, y) = (NodeId::new(0), NodeId::new(1));
    let mut inferences = Inferences::default();
    let valid = parse(DENSE)?;
    inferences.validate(&valid)?;
    inferences.validate(&valid)?;

    let mut graph = valid.clone();
    graph[x].tensor = parse("x = input shape=[2] format=fixed<6,3>\noutput x")?[x].tensor.clone();
    let found = inferences.validate(&graph).err().map(|error| error.to_string());
    let alone = validate(&graph).err().map(|error| error.to_string());
    assert!(found.is_some());
    assert_eq!(found, alone);

    let other = DENSE.replace("{4, 2, -4, 1}", "{7, 7, 7, 7}");
    let mut graph = valid.clone();
    graph[y].op = parse(&other)?[y].op.clone();
    let found = inferences.validate(&graph).err().map(|error| error.to_string());
    assert_eq!(found, validate(&graph).err().map(|error| error.to_string()));
    assert!(found.is_some());
    inferences.validate(&valid)?;
    Ok(())
}
