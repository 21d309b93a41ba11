//! Attributes of convolutions and pooling.

use bitkiln::front::FrontError;
use bitkiln::model::Model;
use serde_json::{Value, json};

use super::{expect, layer, load_json};
use crate::fixture;

/// Loads a Sequential model of one layer, named `x`, on samples of this shape; `weights.h5` holds
/// none for it.
fn load_on(shape: &[usize], class: &str, mut config: Value) -> Result<Model, FrontError> {
    config["name"] = json!("x");
    let shape: Vec<Value> =
        std::iter::once(Value::Null).chain(shape.iter().map(|axis| json!(axis))).collect();
    let input = layer("InputLayer", json!({"name": "in", "batch_input_shape": shape}));
    let layers = json!([input, layer(class, config)]);
    let model = json!({"class_name": "Sequential", "config": {"name": "m", "layers": layers}});
    load_json(&model, &fixture("weights.h5"))
}

/// A softmax or scale inside a layer with channels first would act along the wrong axis.
#[test]
fn activations_of_layers_with_channels_first() {
    let scales = "quantized_bits(4,0,1,alpha=[0.5 1.0])";
    for (activation, help) in
        [("softmax", "use a separate Softmax layer"), (scales, "single scale")]
    {
        let config = json!({
            "pool_size": 2, "data_format": "channels_first", "activation": activation
        });
        let message = format!(
            "model.json: layer 'x' (QAveragePooling2D): activation = \"{activation}\" is not \
             supported"
        );
        expect(load_on(&[2, 4, 4], "QAveragePooling2D", config), &message, help);
    }
}

#[test]
fn values_that_change_the_result() {
    let causal = "supported: padding = \"valid\" or \"same\"";
    let conv = |more: Value| {
        let mut config = json!({"filters": 2, "kernel_size": [2, 2]});
        for (name, value) in more.as_object().into_iter().flatten() {
            config[name] = value.clone();
        }
        config
    };
    let cases = [
        ("Conv2D", conv(json!({"padding": "causal"})), "padding = \"causal\"", causal),
        ("DepthwiseConv2D", conv(json!({"padding": "causal"})), "padding = \"causal\"", causal),
        ("Conv2DTranspose", conv(json!({"padding": "causal"})), "padding = \"causal\"", causal),
        (
            "MaxPooling2D",
            json!({"pool_size": 2, "padding": "causal"}),
            "padding = \"causal\"",
            causal,
        ),
        ("Conv2D", conv(json!({"lora_rank": 2})), "lora_rank = 2", "without LoRA"),
        (
            "QConv2DTranspose",
            conv(json!({"output_padding": [1, 1]})),
            "output_padding = [1,1]",
            "remove output_padding",
        ),
        ("DepthwiseConv2D", conv(json!({"groups": 2})), "groups = 2", "supported: groups = 1"),
        ("QConv2DBatchnorm", conv(json!({"axis": [1]})), "axis = [1]", "axis = -1 or 3"),
        ("QConv2DBatchnorm", conv(json!({"center": false})), "center = false", "center = true"),
        ("QConv2DBatchnorm", conv(json!({"mask": [[1]]})), "mask = [[1]]", "remove mask"),
        (
            "QConv2DBatchnorm",
            conv(json!({"folding_mode": "none"})),
            "folding_mode = \"none\"",
            "\"ema_stats_folding\" or \"batch_stats_folding\"",
        ),
    ];
    for (class, config, value, help) in cases {
        let message = format!("model.json: layer 'x' ({class}): {value} is not supported");
        expect(load_on(&[4, 4, 4], class, config), &message, help);
    }
}

#[test]
fn values_of_the_wrong_form() {
    let cases = [
        ("Conv2D", json!({"filters": 2}), "has no attribute 'kernel_size'"),
        ("MaxPooling2D", json!({}), "has no attribute 'pool_size'"),
        (
            "Conv2D",
            json!({"filters": 2, "kernel_size": [2]}),
            "kernel_size = [2] is not a positive integer per axis",
        ),
        (
            "Conv2D",
            json!({"filters": 2, "kernel_size": [2, 0]}),
            "kernel_size = [2,0] is not a positive integer per axis",
        ),
        (
            "MaxPooling2D",
            json!({"pool_size": 2, "strides": -1}),
            "strides = -1 is not a positive integer per axis",
        ),
        (
            "MaxPooling2D",
            json!({"pool_size": 2, "padding": "full"}),
            "padding = \"full\" is not valid, same or causal",
        ),
        (
            "Conv2DTranspose",
            json!({"filters": 2, "kernel_size": 2, "output_padding": [1]}),
            "output_padding = [1] is not a non-negative integer per axis",
        ),
        (
            "QConv2D",
            json!({"filters": 2, "kernel_size": 2, "mask": [[1, 1]]}),
            "mask = [[1,1]] is not a number per element of the kernel",
        ),
        (
            "QConv2DBatchnorm",
            json!({"filters": 2, "kernel_size": 2, "epsilon": -1}),
            "epsilon = -1 is not a non-negative number",
        ),
    ];
    for (class, config, message) in cases {
        let message = format!("model.json: layer 'x' ({class}): {message}");
        expect(load_on(&[4, 4, 4], class, config), &message, "save the model again");
    }
}

#[test]
fn samples_that_do_not_fit() {
    let conv = json!({"filters": 3, "kernel_size": 2});
    let message =
        "model.json: layer 'x' (Conv2D): expects samples of 3 axes, but its input shape is [4, 4]";
    expect(load_on(&[4, 4], "Conv2D", conv.clone()), message, "save the model again");
    let message = "model.json: layer 'x' (GlobalMaxPooling1D): expects samples of 2 axes, but its input shape is [4]";
    expect(load_on(&[4], "GlobalMaxPooling1D", json!({})), message, "save the model again");

    let message =
        "model.json: layer 'x' (MaxPooling2D): its windows do not fit its input shape [2, 4, 1]";
    let pool = json!({"pool_size": 3});
    expect(load_on(&[2, 4, 1], "MaxPooling2D", pool), message, "check its kernel or pool size");

    let message =
        "model.json: layer 'x' (Conv1D): 4 channels cannot be divided into 3 equal groups";
    let groups = json!({"filters": 3, "kernel_size": 1, "groups": 3});
    expect(load_on(&[4, 4], "Conv1D", groups), message, "");

    let message = "model.json: layer 'x' (MaxPooling2D): a sample has too many elements";
    let pool = json!({"pool_size": 1 << 20, "padding": "same"});
    expect(load_on(&[64, 64, 64], "MaxPooling2D", pool), message, "");
    let message = "model.json: layer 'x' (DepthwiseConv1D): a sample has too many elements";
    let pool = json!({"kernel_size": 1, "depth_multiplier": u64::MAX});
    expect(load_on(&[4, 4], "DepthwiseConv1D", pool), message, "");
}
