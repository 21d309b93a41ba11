//! Tests of dot products with real-valued scales.

use ndarray::{Array2, array};

use super::tests::{Outcome, chain, message, nodes, settings};
use super::{LayerSettings, LowerWarning, Settings, lower};
use crate::ir::{Affine, Graph, Op};
use crate::model::{
    Activation, BatchNorm, BatchNormQuantizers, Dense, LayerKind, Model, ScaleShift,
};

/// A dense layer `fc` whose kernel has the quantizer `kernel`, with `quantized_relu(4,2)` inside.
fn model(weights: Array2<f32>, kernel: &str) -> Result<Model, Box<dyn std::error::Error>> {
    let bias = array![0.25, -0.5].slice_move(ndarray::s![..weights.ncols()]);
    let dense = Dense {
        bias: Some(bias),
        kernel: weights,
        kernel_quantizer: Some(kernel.parse()?),
        bias_quantizer: Some("quantized_bits(4,0,1,alpha=1)".parse()?),
        folded: None,
        activation: Activation::Quantizer("quantized_relu(4,2)".parse()?),
    };
    Ok(chain(dense.kernel.nrows(), vec![("fc", LayerKind::Dense(dense))]))
}

/// A layer that quantizes its operand.
fn quantized() -> Result<LayerKind, Box<dyn std::error::Error>> {
    Ok(LayerKind::Activation(Activation::Quantizer("quantized_relu(4,2)".parse()?)))
}

fn affine(graph: &Graph) -> Option<&Affine> {
    graph.nodes.node_weights().find_map(|node| match &node.op {
        Op::Affine(affine) => Some(affine),
        _ => None,
    })
}

#[test]
fn a_real_scale_multiplies_the_sum_before_the_bias() -> Outcome {
    let weights = array![[0.9, 0.3], [-0.45, 0.1]];
    let lowered =
        lower(&model(weights, "quantized_bits(4,0,1,alpha=0.3)")?, &settings("fixed<4,1>")?)?;
    assert_eq!(lowered.warnings, []);
    let expected =
        [("x", "input"), ("fc", "linear"), ("fc_scaled", "affine"), ("fc_activation", "cast")];
    assert_eq!(nodes(&lowered.graph), expected.map(|(name, op)| (name.to_string(), op)));
    let linear = lowered.graph.nodes.node_weights().find_map(|node| match &node.op {
        Op::Linear(linear) => Some(linear),
        _ => None,
    });
    let linear = linear.ok_or("no sum")?;
    // The codes without the scale, as wide as the quantizer; no bias.
    assert_eq!(linear.weights.format, "fixed<4,1>".parse()?);
    assert_eq!(linear.bias, None);
    let affine = affine(&lowered.graph).ok_or("no scale")?;
    // One float32 scale for both outputs, exact.
    let scale = affine.scale.codes.to_values(affine.scale.format);
    assert_eq!(scale, array![f64::from(0.3_f32)].into_dyn());
    let bias = affine.bias.as_ref().ok_or("no bias")?;
    assert_eq!(bias.codes.to_values(bias.format), array![0.25, -0.5].into_dyn());
    Ok(())
}

#[test]
fn computed_scales_are_per_output() -> Outcome {
    let weights = array![[0.9, 0.3], [-0.45, 0.1]];
    let lowered =
        lower(&model(weights, "quantized_bits(4,0,1,alpha='auto')")?, &settings("fixed<4,1>")?)?;
    let affine = affine(&lowered.graph).ok_or("no scale")?;
    assert_eq!(affine.scale.codes.shape(), [2]);
    Ok(())
}

/// Settings with a type for the scale of `fc`.
fn with_scale(precision: &str) -> Result<Settings, Box<dyn std::error::Error>> {
    let mut settings = settings("fixed<4,1>")?;
    let own = LayerSettings { scale: Some(precision.parse()?), ..LayerSettings::default() };
    settings.layers.insert("fc".into(), own);
    Ok(settings)
}

/// hls4ml writes a type for the weights of every layer; most of them hold the quantized values.
#[test]
fn an_overruled_type_warns_unless_it_holds_all_values() -> Outcome {
    let warnings = |quantizer: &str, weight: &str, bias: &str| {
        let mut settings = settings("fixed<4,1>")?;
        let own = LayerSettings {
            weight: Some(weight.parse()?),
            bias: Some(bias.parse()?),
            ..LayerSettings::default()
        };
        settings.layers.insert("fc".into(), own);
        let model = model(array![[0.875, 0.25], [-0.5, 0.125]], quantizer)?;
        let lowered = lower(&model, &settings)?;
        let exact = lower(&model, &super::tests::settings("fixed<4,1>")?)?;
        // The type is not used.
        assert_eq!(nodes(&lowered.graph), nodes(&exact.graph));
        let text: Vec<String> = lowered.warnings.iter().map(ToString::to_string).collect();
        Ok::<_, Box<dyn std::error::Error>>(text)
    };
    let bits = "quantized_bits(4,0,1,alpha=1)";
    assert_eq!(warnings(bits, "fixed<4,1>", "fixed<16,6>")?, [""; 0]);
    // These weights are multiples of 1/8 from -1/2 to 7/8, and the biases 1/4 and -1/2.
    assert_eq!(warnings(bits, "fixed<4,1>", "fixed<3,1>")?, [""; 0]);
    let overruled = |key: &str, precision: &str, attribute: &str| {
        format!(
            "layer 'fc': Precision {key} {precision} is not used; {attribute} takes precedence and \
             has values that this type cannot hold. Remove the type, or train with another quantizer."
        )
    };
    let weight = overruled("weight", "fixed<3,1>", "kernel_quantizer");
    assert_eq!(warnings(bits, "fixed<3,1>", "fixed<16,6>")?, [weight]);
    let bias = overruled("bias", "ufixed<8,1>", "bias_quantizer");
    assert_eq!(warnings(bits, "fixed<16,6>", "ufixed<8,1>")?, [bias]);
    // The type applies to codes without a real-valued scale.
    assert_eq!(warnings("quantized_bits(4,0,1,alpha=0.3)", "fixed<4,1>", "fixed<16,6>")?, [""; 0]);
    Ok(())
}

#[test]
fn an_overruled_type_of_a_scaled_kernel_warns() -> Outcome {
    let shift = ScaleShift {
        weight: 0.625,
        bias: Some(0.25),
        weight_quantizer: Some("quantized_bits(4,0,1,alpha=1)".parse()?),
        bias_quantizer: None,
        activation: Activation::Linear,
    };
    let model = chain(1, vec![("fc", LayerKind::ScaleShift(shift))]);
    let warnings = |weight: &str| {
        let mut settings = settings("fixed<4,1>")?;
        // Without a quantizer, no type is overruled.
        let bias = Some("fixed<2,1>".parse()?);
        let own = LayerSettings { weight: Some(weight.parse()?), bias, ..LayerSettings::default() };
        settings.layers.insert("fc".into(), own);
        Ok::<_, Box<dyn std::error::Error>>(lower(&model, &settings)?.warnings)
    };
    assert_eq!(warnings("fixed<4,1>")?, []);
    let overruled = LowerWarning::Overruled {
        layer: "fc".into(),
        key: "weight",
        precision: "fixed<3,1>".parse()?,
        attribute: "weight_quantizer",
    };
    assert_eq!(warnings("fixed<3,1>")?, [overruled]);
    Ok(())
}

#[test]
fn a_configured_type_rounds_a_scale_with_a_warning() -> Outcome {
    let model = |alpha: &str| {
        let quantizer = format!("quantized_bits(4,0,1,alpha={alpha})");
        model(array![[0.9, 0.3], [-0.45, 0.1]], &quantizer)
    };
    let lowered = lower(&model("0.3")?, &with_scale("ufixed<8,0,RND>")?)?;
    let warnings: Vec<String> = lowered.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["layer 'fc': the scale is quantized to ufixed<8,0,RND,WRAP>, so results differ from the \
          trained network. Without this type it is exact."]
    );
    let cut = &affine(&lowered.graph).ok_or("no scale")?.scale;
    assert_eq!(cut.codes.to_values(cut.format), array![77.0 / 256.0].into_dyn());
    // A type that holds the scale changes nothing.
    assert_eq!(lower(&model("0.75")?, &with_scale("ufixed<8,0>")?)?.warnings, []);
    Ok(())
}

#[test]
fn configured_types_round_scale_and_bias_of_a_normalisation_with_warnings() -> Outcome {
    let norm = BatchNorm {
        gamma: Some(array![1.1]),
        beta: Some(array![0.3]),
        mean: array![0.0],
        variance: array![0.75],
        epsilon: 0.25,
        quantizers: BatchNormQuantizers::default(),
    };
    let model = chain(1, vec![("bn", LayerKind::BatchNorm(norm)), ("act", quantized()?)]);
    let mut settings = settings("fixed<4,1>")?;
    assert_eq!(lower(&model, &settings)?.warnings, []);
    let scale = Some("fixed<8,2,RND>".parse()?);
    let bias = Some("fixed<4,1>".parse()?);
    settings.layers.insert("bn".into(), LayerSettings { scale, bias, ..LayerSettings::default() });
    let lowered = lower(&model, &settings)?;
    let warnings: Vec<String> = lowered.warnings.iter().map(ToString::to_string).collect();
    let cut = |part, precision| {
        format!(
            "layer 'bn': the {part} is quantized to {precision}, so results differ from the \
             trained network. Without this type it is exact."
        )
    };
    assert_eq!(warnings, [cut("scale", "fixed<8,2,RND,WRAP>"), cut("bias", "fixed<4,1>")]);
    let affine = affine(&lowered.graph).ok_or("no scale")?;
    assert_eq!(affine.scale.codes.to_values(affine.scale.format), array![70.0 / 64.0].into_dyn());
    let bias = affine.bias.as_ref().ok_or("no bias")?;
    assert_eq!(bias.codes.to_values(bias.format), array![0.25].into_dyn());
    Ok(())
}

#[test]
fn a_normalisation_of_wide_operands_keeps_24_bits() -> Outcome {
    let norm = || BatchNorm {
        gamma: Some(array![1.1]),
        beta: None,
        mean: array![0.3],
        variance: array![0.7],
        epsilon: 0.001,
        quantizers: BatchNormQuantizers::default(),
    };
    let model = chain(1, vec![("bn", LayerKind::BatchNorm(norm())), ("act", quantized()?)]);
    assert_eq!(lower(&model, &settings("fixed<60,6>")?)?.warnings, []);
    let lowered = lower(&model, &settings("fixed<80,6>")?)?;
    let warnings: Vec<String> = lowered.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["layer 'bn': scales and biases are rounded to 24 bits, because exact results exceed 128 \
          bits. Quantize before this layer, or set the result type of the layer before it (LayerName: \
          Precision: result)."]
    );
    let message = message(&model, &settings("fixed<110,6>")?);
    assert!(message.ends_with("bits; at most 128 are supported"), "{message}");
    Ok(())
}

#[test]
fn a_scaled_sum_may_be_too_wide() -> Outcome {
    let model = model(array![[0.9]], "quantized_bits(4,0,1,alpha=0.3)")?;
    let settings = Settings { input: "fixed<110,1>".parse()?, ..Settings::default() };
    let text = message(&model, &settings);
    assert_eq!(text, "layer 'fc': its scaled result takes 137 bits; at most 128 are supported");
    Ok(())
}
