//! Nested models, operations, merging layers and layout operations.

use bitkiln::front::{FrontError, load};
use bitkiln::model::Model;
use serde_json::{Value, json};

use super::{expect, layer, load_json, load_one};
use crate::{dense, fixture, names};

/// Loads a Functional model of the inputs `a`, \[2, 3\], and `b`, \[3\], and one layer `x` of both.
fn both(class: &str, mut config: Value) -> Result<Model, FrontError> {
    config["name"] = json!("x");
    let input = |name: &str, shape: Value| {
        json!({"class_name": "InputLayer", "name": name, "inbound_nodes": [],
               "config": {"name": name, "batch_shape": shape}})
    };
    let layers = json!([
        input("a", json!([null, 2, 3])),
        input("b", json!([null, 3])),
        {"class_name": class, "name": "x", "config": config,
         "inbound_nodes": [[["a", 0, 0, {}], ["b", 0, 0, {}]]]},
    ]);
    let config = json!({"class_name": "Functional", "config": {
        "name": "m", "layers": layers, "input_layers": [["a", 0, 0], ["b", 0, 0]],
        "output_layers": [["x", 0, 0]],
    }});
    load_json(&config, &fixture("weights.h5"))
}

/// Loads a model of one operation `x` on the input `a`, \[2, 3\].
fn operation(function: &str, call: Value) -> Result<Model, FrontError> {
    let config = json!({"class_name": "Functional", "config": {
        "name": "m",
        "layers": [
            {"class_name": "InputLayer", "name": "a", "inbound_nodes": [],
             "config": {"name": "a", "batch_shape": [null, 2, 3]}},
            {"class_name": "TFOpLambda", "name": "x", "inbound_nodes": [call],
             "config": {"name": "x", "function": function}},
        ],
        "input_layers": [["a", 0, 0]], "output_layers": [["x", 0, 0]],
    }});
    load_json(&config, &fixture("weights.h5"))
}

/// Loads a model of the input `in` of this shape, and of two layers, each on the layer that it names.
fn two_layers(shape: Value, layers: [(&str, &str, Value, &str); 2]) -> Result<Model, FrontError> {
    let entry = |class: &str, name: &str, mut config: Value, calls: Value| {
        config["name"] = json!(name);
        json!({"class_name": class, "name": name, "config": config, "inbound_nodes": calls})
    };
    let mut entries =
        vec![entry("InputLayer", "in", json!({"batch_input_shape": shape}), json!([]))];
    for (class, name, config, source) in layers {
        let arguments = json!({"perm": [1, 0, 2]});
        let call = match class {
            "TFOpLambda" => json!([source, 0, 0, arguments]),
            _ => json!([[source, 0, 0, {}]]),
        };
        entries.push(entry(class, name, config, json!([call])));
    }
    let config = json!({"class_name": "Functional", "config": {
        "name": "m", "layers": entries, "input_layers": [["in", 0, 0]],
        "output_layers": [[entries[1]["name"], 0, 0], [entries[2]["name"], 0, 0]],
    }});
    load_json(&config, &fixture("weights.h5"))
}

#[test]
fn steps_before_the_batch() {
    let lstm = |time_major: bool| json!({"units": 2, "time_major": time_major});
    let transpose = || ("TFOpLambda", "t", json!({"function": "compat.v1.transpose"}), "in");
    let batch_first = || json!([null, 4, 3]);

    // Transposed, the steps come first; an input has them first if a layer after it takes them so.
    let found = two_layers(batch_first(), [transpose(), ("LSTM", "x", lstm(false), "t")]);
    let message =
        "model.json: layer 'x' (LSTM): time_major = false, but its input has the steps first";
    expect(found, message, "Input(batch_shape=(20, None, 6))");
    let steps_first = [("LSTM", "a", lstm(true), "in"), ("LSTM", "x", lstm(false), "in")];
    expect(two_layers(json!([4, null, 3]), steps_first), message, "else set time_major to false");
    let row = json!({"layer": {"class_name": "LSTM", "config": lstm(true)}});
    let found = two_layers(
        json!([null, 2, 4, 3]),
        [("ReLU", "r", json!({}), "in"), ("TimeDistributed", "x", row, "r")],
    );
    let message =
        "model.json: layer 'x' (LSTM): time_major = true, but its input has the batch first";
    expect(found, message, "or a transposed tensor");

    // Other layers act on rows, or take samples along the first axis.
    let found = two_layers(batch_first(), [transpose(), ("ReLU", "x", json!({}), "t")]);
    // All layers are read: the weights are those of another model.
    expect(found, "weights.h5: holds weights that match no layer of the model: bfloat", "");
    let message = "model.json: layer 'x' (Flatten): takes samples along its first axis, but has the steps of a time-major layer there";
    let help = "transpose axes 0 and 1 back";
    expect(
        two_layers(batch_first(), [transpose(), ("Flatten", "x", json!({}), "t")]),
        message,
        help,
    );
    let row = json!({"layer": {"class_name": "Flatten", "config": {}}});
    let found = two_layers(batch_first(), [transpose(), ("TimeDistributed", "x", row, "t")]);
    expect(found, message, help);
}

#[test]
fn a_model_in_a_model_and_a_layer_called_twice() {
    let model = load(&fixture("k3_nested.keras"), None).unwrap();
    let found = names(&model);
    assert_eq!(found[1..], ["inner/input_layer_3", "inner/fc", "inner"].map(String::from)[..]);
    assert_eq!(dense(&model, "inner/fc").kernel[[0, 0]], 100.0);
    let model = load(&fixture("k3_twice.keras"), None).unwrap();
    assert_eq!(names(&model), ["in", "shared", "shared_1"]);
    assert_eq!(dense(&model, "shared").kernel, dense(&model, "shared_1").kernel);
}

#[test]
fn unsupported_arguments_of_operations() {
    let a = |arguments: Value| json!(["a", 0, 0, arguments]);
    let axes = "axes of a sample, without the batch";
    let cases = [
        ("math.reduce_sum", a(json!({"axis": [1, 2]})), "axis = [1,2]", "keepdims = true"),
        ("math.reduce_mean", a(json!({})), "axis = null", axes),
        ("math.reduce_min", a(json!({"axis": []})), "axis = []", axes),
        (
            "math.reduce_max",
            a(json!({"axis": 1, "keepdims": 1})),
            "keepdims = 1",
            "keepdims = false",
        ),
        ("math.pow", a(json!({"y": 3})), "y = 3", "y = 2"),
        (
            "split",
            a(json!({"num_or_size_splits": [1, 1], "axis": 1, "num": 3})),
            "num = 3",
            "num = 2",
        ),
        ("unstack", a(json!({"num": 3, "axis": 1})), "num = 3", "num = 2"),
        (
            "gather",
            a(json!({"indices": 0, "axis": 1, "batch_dims": 1})),
            "batch_dims = 1",
            "batch_dims = 0",
        ),
        (
            "linalg.matmul",
            a(json!({"b": ["a", 0, 0], "adjoint_b": true})),
            "adjoint_b = true",
            "adjoint_b = false",
        ),
        (
            "nn.depth_to_space",
            a(json!({"block_size": 2, "data_format": "NCHW"})),
            "data_format = \"NCHW\"",
            "data_format = \"NHWC\"",
        ),
        (
            "pad",
            a(json!({"paddings": [[0, 0], [1, 0], [0, 0]], "constant_values": 1.5})),
            "constant_values = 1.5",
            "constant_values = 0",
        ),
        ("image.resize", a(json!({"size": [4, 6]})), "size = [4,6]", "[height, width, channels]"),
        ("cast", a(json!({"dtype": "float16"})), "dtype = \"float16\"", "dtype = \"float32\""),
        (
            "nn.max_pool1d",
            a(json!({"ksize": 2, "data_format": "NCW"})),
            "data_format = \"NCW\"",
            "data_format = \"channels_last\"",
        ),
        ("nn.gelu", a(json!({"approximate": true})), "approximate = true", "approximate = false"),
        ("nn.elu", a(json!({"alpha": 2})), "alpha = 2", "alpha = 1"),
        ("nn.silu", a(json!({"beta": 2})), "beta = 2", "beta = 1"),
        (
            "compat.v1.pad",
            a(json!({"paddings": [[0, 0], [1, 0], [0, 0]], "mode": "EDGE"})),
            "mode = \"EDGE\"",
            "mode = \"CONSTANT\"",
        ),
    ];
    for (function, call, message, help) in cases {
        let message = format!("model.json: layer 'x' (TFOpLambda): {message} is not supported");
        expect(operation(function, call), &message, help);
    }
}

/// A model in a TimeDistributed is checked as any other model.
#[test]
fn models_for_each_step() {
    let inner = |class: &str, more: Value| {
        let layers = json!([{"class_name": class, "config": {"name": "l"}}]);
        let mut config = json!({"layer": {"class_name": "Sequential", "config": {
            "name": "inner", "layers": layers}}});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        load_one("TimeDistributed", config)
    };
    let message = "model.json: layer 'x/l' (Conv9D): this class of layer is not supported, did you mean 'Conv1D'?";
    expect(inner("Conv9D", json!({})), message, "docs/models.md");
    let message = "model.json: layer 'x/l' (Flatten): its input has no axis besides the batch";
    expect(inner("Dense", json!({})), &message.replace("Flatten", "Dense"), "");
    let message = "model.json: layer 'x' (TimeDistributed): unknown attribute masked = 1 might \
                   change the result";
    expect(inner("Flatten", json!({"masked": 1})), message, "");
}

/// Each model calls its inner model twice, so that 20 levels give a million layers.
#[test]
fn models_that_double_with_each_level() {
    let call = |name: &str| json!([[name, 0, 0, {}]]);
    let model = |class: &str, name: &str, inner: Value| {
        let inner_name = inner["name"].as_str().unwrap().to_owned();
        json!({"class_name": class, "name": name, "inbound_nodes": [call("in"), call(name)],
               "config": {"name": name,
                   "layers": [
                       {"class_name": "InputLayer", "name": "in", "inbound_nodes": [],
                        "config": {"name": "in", "batch_shape": [null, 3]}}, inner],
                   "input_layers": [["in", 0, 0]], "output_layers": [[inner_name, 1, 0]]}})
    };
    let mut inner = json!({"class_name": "Flatten", "name": "f", "config": {"name": "f"},
                           "inbound_nodes": [call("in"), call("f")]});
    for level in 0..20 {
        inner = model("Functional", &format!("m{level}"), inner);
    }
    let whole = json!({"class_name": "Functional", "config": inner["config"]});
    let message = "model.json: the model has more than 65536 layers";
    expect(load_json(&whole, &fixture("weights.h5")), message, "less often");
}

#[test]
fn layers_of_several_tensors() {
    let differ = "its inputs have incompatible shapes [2, 3] and [3]";
    let cases = [
        ("Concatenate", json!({"axis": -1}), differ),
        ("Concatenate", json!({"axis": 0}), "axis = 0 is not an axis of its samples"),
        ("Concatenate", json!({"axis": 3}), "axis = 3 is not an axis of its samples"),
        ("Dot", json!({"axes": 1}), differ),
        ("Dot", json!({"axes": [1, 2]}), "axes = 2 is not an axis of its samples"),
        ("Dot", json!({"axes": [1, 1, 1]}), "axes = [1,1,1] is not one axis or two"),
        ("Dot", json!({"axes": [2, 1], "normalize": true}), "normalize = true is not supported"),
        ("Dot", json!({}), "has no attribute 'axes'"),
        ("Permute", json!({"dims": [1, 2]}), "expects 1 input(s), but has 2"),
    ];
    for (class, config, message) in cases {
        expect(both(class, config), &format!("model.json: layer 'x' ({class}): {message}"), "");
    }
    let message = "model.json: layer 'x' (Add): expects 2 input(s), but has 1";
    expect(load_one("Add", json!({})), message, "");
}

#[test]
fn layout_operations_that_do_not_apply() {
    let unfit = "its attributes do not match its input shape [3]";
    let cases = [
        ("ZeroPadding1D", json!({"padding": [1, 1]}), unfit),
        (
            "ZeroPadding1D",
            json!({"padding": [1]}),
            "padding = [1] is not a non-negative integer before and after each axis",
        ),
        (
            "Cropping1D",
            json!({"cropping": [1, 2]}),
            "cropping = [1,2] is not less than the length of its input",
        ),
        (
            "UpSampling2D",
            json!({"size": [2, 2], "interpolation": "bicubic"}),
            "interpolation = \"bicubic\" is not supported",
        ),
        ("UpSampling1D", json!({"size": 0}), "size = 0 is not a positive integer per axis"),
        (
            "Reshape",
            json!({"target_shape": [-1, 2]}),
            "target_shape = [-1,2] is not a shape with as many elements as its input",
        ),
        (
            "Reshape",
            json!({"target_shape": [-1, -1]}),
            "target_shape = [-1,-1] is not a shape with as many elements as its input",
        ),
        ("Permute", json!({"dims": [2]}), unfit),
        ("RepeatVector", json!({"n": 1 << 30}), unfit),
    ];
    for (class, config, message) in cases {
        expect(load_one(class, config), &format!("model.json: layer 'x' ({class}): {message}"), "");
    }
}

#[test]
fn layers_in_time() {
    let with = |class: &str| {
        load_one("TimeDistributed", json!({"layer": layer(class, json!({"name": "y"}))}))
    };
    let message = "model.json: layer 'x' (Conv9D): this class of layer is not supported, did you mean 'Conv1D'?";
    expect(with("Conv9D"), message, "docs/models.md");
    expect(
        with("Dense"),
        "model.json: layer 'x' (Dense): its input has no axis besides the batch",
        "",
    );
    let message = "model.json: layer 'x' (TimeDistributed): layer = 3 is not a layer";
    expect(load_one("TimeDistributed", json!({"layer": 3})), message, "");
}

#[test]
fn operations() {
    let a = |arguments: Value| json!(["a", 0, 0, arguments]);
    let argument =
        |name: &str, value: &str| format!("call argument {name} = {value} is not supported");
    let not_an_axis = |axis: &str| format!("axis = {axis} is not an axis of its samples");
    let parts = |sizes: Value, axis: u8| a(json!({"num_or_size_splits": sizes, "axis": axis}));
    let mirror = |by: Value| a(json!({"paddings": by, "mode": "REFLECT"}));
    let cases = [
        ("math.cumsum", a(json!({})), "the operation 'math.cumsum' is not supported".to_owned()),
        ("math.add", a(json!({"y": "text"})), argument("y", "\"text\"")),
        ("math.add", a(json!({"y": [1, 2]})), argument("y", "an array of shape [2]")),
        ("math.add", a(json!({})), "has no attribute 'y'".to_owned()),
        ("math.add", a(json!({"y": 1, "z": 2})), argument("z", "2")),
        ("reshape", a(json!({"shape": [3, 2]})), argument("newshape", "[3,2]")),
        (
            "reshape",
            a(json!({"shape": [-1, 5]})),
            "newshape = [-1,5] is not a shape with as many elements as its input".to_owned(),
        ),
        ("transpose", a(json!({"perm": [1, 2, 0]})), argument("axes", "[1,2,0]")),
        (
            "concat",
            json!([["a", 0, 0, {"axis": 0}]]),
            "axis = 0 is not an axis of its samples".to_owned(),
        ),
        (
            "concat",
            json!([["a", 0, 0, {"axis": 1}], ["_CONSTANT_VALUE", -1, 1, {"axis": 1}]]),
            argument("xs", "a list with tensors"),
        ),
        ("nn.softmax", a(json!({"axis": 1})), argument("axis", "1")),
        (
            "clip_by_value",
            a(json!({"clip_value_min": "b", "clip_value_max": 1})),
            argument("x_min", "\"b\""),
        ),
        ("__operators__.getitem", a(json!({"slice_spec": [0]})), argument("key", "[0]")),
        ("compat.v1.pad", a(json!({"paddings": [[1, 0], [0, 0], [0, 0]]})), {
            argument("pad_width", "[[1,0],[0,0],[0,0]]")
        }),
        ("repeat", a(json!({"repeats": [1, 2], "axis": 1})), argument("repeats", "[1,2]")),
        ("expand_dims", a(json!({"axis": 0})), argument("axis", "0")),
        ("compat.v1.squeeze", a(json!({"axis": 1})), argument("axis", "1")),
        ("nn.leaky_relu", a(json!({"alpha": "a"})), argument("negative_slope", "\"a\"")),
        ("nn.max_pool1d", a(json!({"ksize": 0})), argument("pool_size", "0")),
        (
            "nn.avg_pool1d",
            a(json!({"ksize": 2, "padding": "FULL"})),
            argument("padding", "\"FULL\""),
        ),
        ("math.reduce_sum", a(json!({"axis": 0})), not_an_axis("0")),
        ("math.reduce_sum", a(json!({"axis": [1, 3]})), not_an_axis("3")),
        ("math.truediv", a(json!({"y": 0})), argument("y", "0")),
        ("realdiv", a(json!({"y": [1, 0, 2]})), argument("y", "[1,0,2]")),
        ("math.truediv", a(json!({"y": 1e60})), argument("y", "1e+60")),
        ("math.truediv", a(json!({"y": [1, 2]})), argument("y", "an array of shape [2]")),
        ("math.truediv", a(json!({"y": ["a", 0, 0]})), argument("y", "a tensor")),
        (
            "linalg.matmul",
            a(json!({"b": ["a", 0, 0]})),
            "its inputs have incompatible shapes [2, 3] and [2, 3]".to_owned(),
        ),
        ("linalg.matmul", a(json!({"b": 2})), "expects 2 input(s), but has 1".to_owned()),
        ("split", a(json!({"num_or_size_splits": 2})), not_an_axis("0")),
        ("split", parts(json!(2), 2), argument("num_or_size_splits", "2")),
        ("split", parts(json!(0), 1), argument("num_or_size_splits", "0")),
        (
            "split",
            parts(json!(1_u64 << 62), 1),
            argument("num_or_size_splits", "4611686018427387904"),
        ),
        ("split", parts(json!([1, 1]), 2), argument("num_or_size_splits", "[1,1]")),
        ("split", parts(json!([-1, -1]), 2), argument("num_or_size_splits", "[-1,-1]")),
        ("split", parts(json!([-2, 5]), 2), argument("num_or_size_splits", "[-2,5]")),
        ("split", parts(json!([4, -1]), 2), argument("num_or_size_splits", "[4,-1]")),
        (
            "split",
            parts(json!([u64::MAX, 4]), 2),
            argument("num_or_size_splits", "[18446744073709551615,4]"),
        ),
        ("split", parts(json!([]), 2), argument("num_or_size_splits", "[]")),
        (
            "split",
            parts(json!([0, 3]), 2),
            "its attributes do not match its input shape [2, 3]".to_owned(),
        ),
        ("unstack", a(json!({})), not_an_axis("0")),
        ("stack", json!([["a", 0, 0, {}]]), argument("axis", "0")),
        ("stack", json!([["a", 0, 0, {"axis": 4}]]), argument("axis", "4")),
        ("stack", a(json!({"axis": 1})), argument("xs", "a tensor")),
        ("pad", mirror(json!([[0, 0], [2, 0], [0, 0]])), {
            argument("pad_width", "[[0,0],[2,0],[0,0]]")
        }),
        ("pad", mirror(json!([[1, 0], [0, 0], [0, 0]])), {
            argument("pad_width", "[[1,0],[0,0],[0,0]]")
        }),
        ("pad", mirror(json!([[0, 0], [0, 0]])), argument("pad_width", "[[0,0],[0,0]]")),
        ("reverse", a(json!({"axis": [0]})), not_an_axis("0")),
        ("tile", a(json!({"multiples": [2, 1, 1]})), argument("repeats", "[2,1,1]")),
        ("tile", a(json!({"multiples": [1, 1, 1, 1]})), argument("repeats", "[1,1,1,1]")),
        ("tile", a(json!({"multiples": [1, 0, 1]})), argument("repeats", "[1,0,1]")),
        (
            "tile",
            a(json!({"multiples": [1, 1_u64 << 40, 1_u64 << 40]})),
            "a sample has too many elements".to_owned(),
        ),
        (
            "tile",
            a(json!({"multiples": [1, 1 << 30, 1]})),
            "a sample has too many elements".to_owned(),
        ),
        ("roll", a(json!({"shift": [1, 2], "axis": 1})), argument("shift", "[1,2]")),
        ("roll", a(json!({"shift": 1, "axis": 0})), not_an_axis("0")),
        ("roll", a(json!({"shift": 0.5, "axis": 1})), argument("shift", "0.5")),
        ("gather", a(json!({"indices": [0]})), not_an_axis("0")),
        ("gather", a(json!({"indices": [2], "axis": 1})), argument("indices", "[2]")),
        ("gather", a(json!({"indices": -1, "axis": 1})), argument("indices", "-1")),
        ("gather", a(json!({"indices": [[0]], "axis": 1})), argument("indices", "[[0]]")),
        ("gather", a(json!({"indices": ["a", 0, 0], "axis": 1})), argument("indices", "a tensor")),
        ("nn.depth_to_space", a(json!({"block_size": 2})), argument("block_size", "2")),
        ("slice", a(json!({"begin": [1, 0, 0], "size": [-1, 1, 1]})), argument("size", "[-1,1,1]")),
    ];
    for (function, call, message) in cases {
        expect(
            operation(function, call),
            &format!("model.json: layer 'x' (TFOpLambda): {message}"),
            "",
        );
    }
}

/// Loads a model that returns one result of the operation `x` on the input `a`, \[2, 3\].
fn result_of(function: &str, arguments: Value, result: u64) -> Result<Model, FrontError> {
    let config = json!({"class_name": "Functional", "config": {
        "name": "m",
        "layers": [
            {"class_name": "InputLayer", "name": "a", "inbound_nodes": [],
             "config": {"name": "a", "batch_shape": [null, 2, 3]}},
            {"class_name": "TFOpLambda", "name": "x", "inbound_nodes": [["a", 0, 0, arguments]],
             "config": {"name": "x", "function": function}},
        ],
        "input_layers": [["a", 0, 0]], "output_layers": [["x", 0, result]],
    }});
    load_json(&config, &fixture("weights.h5"))
}

/// Only results in use become layers, and a result that does not exist is an error.
#[test]
fn results_of_an_operation() {
    let model = load(&crate::project("hls_tests/reference/graph_parts/model.h5"), None).unwrap();
    let of_first =
        |name: &&str| ["tf.split", "tf.unstack"].contains(&name.split(':').next().unwrap());
    let found: Vec<&str> = names(&model).into_iter().filter(of_first).collect();
    assert_eq!(found, ["tf.split", "tf.split:2", "tf.unstack", "tf.unstack:2"]);
    for (function, arguments, result, count) in [
        ("split", json!({"num_or_size_splits": 3, "axis": 2}), 3, 3),
        ("split", json!({"num_or_size_splits": [1, -1], "axis": 2}), 1 << 60, 2),
        ("unstack", json!({"axis": 1}), 2, 2),
    ] {
        let message = format!(
            "model.json: layer 'x:{result}' (TFOpLambda): has {count} result(s), but \
             index {result} is used"
        );
        expect(result_of(function, arguments, result), &message, "save the model again");
    }
    let message = "model.json: output_layers = [[\"x\",0,1]] is not a list of the model's layers";
    expect(result_of("math.square", json!({}), 1), message, "save the model again");
}
