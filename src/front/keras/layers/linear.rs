//! Dense layers and convolutions: layers with a kernel, a bias and an activation.

use ndarray::IxDyn;
use serde_json::json;

use super::normalization::FoldedReader;
use super::windows::Dimensions::{self, One, Two};
use super::windows::Image;
use super::{Built, Class, LayerReader};
use crate::front::error::FrontError;
use crate::front::keras::weights::Variables;
use crate::front::layer_problem::LayerProblem;
use crate::model::{Activation, Conv, Dense, Kernel, LayerKind, Separable, WindowSpec};
use crate::quantizer::Quantizer;

pub(super) const CLASSES: &[Class] = &[
    ("Dense", |layer| dense(layer, Family::Keras)),
    ("QDense", |layer| dense(layer, Family::QKeras)),
    ("QDenseBatchnorm", |layer| dense(layer, Family::Folded)),
    ("Conv1D", |layer| conv(layer, One, Family::Keras)),
    ("Conv2D", |layer| conv(layer, Two, Family::Keras)),
    ("QConv1D", |layer| conv(layer, One, Family::QKeras)),
    ("QConv2D", |layer| conv(layer, Two, Family::QKeras)),
    ("QConv2DBatchnorm", |layer| conv(layer, Two, Family::Folded)),
    ("DepthwiseConv1D", |layer| depthwise(layer, One, Family::Keras)),
    ("DepthwiseConv2D", |layer| depthwise(layer, Two, Family::Keras)),
    ("QDepthwiseConv2D", |layer| depthwise(layer, Two, Family::QKeras)),
    ("QDepthwiseConv2DBatchnorm", |layer| depthwise(layer, Two, Family::Folded)),
    ("SeparableConv1D", |layer| separable(layer, One, Family::Keras)),
    ("SeparableConv2D", |layer| separable(layer, Two, Family::Keras)),
    ("QSeparableConv1D", |layer| separable(layer, One, Family::QKeras)),
    ("QSeparableConv2D", |layer| separable(layer, Two, Family::QKeras)),
    ("Conv1DTranspose", |layer| transposed(layer, One, Family::Keras)),
    ("Conv2DTranspose", |layer| transposed(layer, Two, Family::Keras)),
    ("QConv2DTranspose", |layer| transposed(layer, Two, Family::QKeras)),
    ("QDepthwiseConv2DTranspose", depthwise_transposed),
    ("QSeparableConv2DTranspose", separable_transposed),
];

/// Family of a class, which decides on its attributes and weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Classes of Keras, without quantizers.
    Keras,
    /// Classes of QKeras.
    QKeras,
    /// Classes of QKeras with a folded batch normalization.
    Folded,
}

impl Family {
    /// Returns the attribute of a quantizer; `None` for classes of Keras.
    fn quantizer(self, attribute: &'static str) -> Option<&'static str> {
        match self {
            Self::Keras => None,
            Self::QKeras | Self::Folded => Some(attribute),
        }
    }

    fn read_quantizer(
        self,
        layer: &mut LayerReader<'_>,
        attribute: &'static str,
    ) -> Result<Option<Quantizer>, FrontError> {
        match self.quantizer(attribute) {
            Some(attribute) => layer.attributes.quantizer(attribute),
            None => Ok(None),
        }
    }

    fn folded(self, layer: &mut LayerReader<'_>) -> Result<Option<FoldedReader>, FrontError> {
        match self {
            Self::Folded => FoldedReader::read(layer).map(Some),
            Self::Keras | Self::QKeras => Ok(None),
        }
    }
}

/// Returns the names of the variables of a layer with these kernels.
fn variable_names(
    kernels: &[&'static str],
    use_bias: bool,
    folded: Option<&FoldedReader>,
) -> Vec<&'static str> {
    let bias = use_bias.then_some("bias");
    let folded = folded.into_iter().flat_map(FoldedReader::names);
    kernels.iter().copied().chain(bias).chain(folded).collect()
}

/// Attributes that act on weights during training.
const TRAINING_ATTRIBUTES: &[&str] = &[
    "kernel_initializer",
    "depthwise_initializer",
    "pointwise_initializer",
    "bias_initializer",
    "kernel_regularizer",
    "depthwise_regularizer",
    "pointwise_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "depthwise_constraint",
    "pointwise_constraint",
    "bias_constraint",
];

/// Attributes that QKeras ignores, with a warning.
pub(super) const RANGE_ATTRIBUTES: &[&str] =
    &["kernel_range", "depthwise_range", "pointwise_range", "bias_range"];

impl LayerReader<'_> {
    /// Accounts for attributes that do not change the weights, and rejects those that do: adapters
    /// are trained beside the kernel, and a layer that Keras itself quantized stores codes.
    pub(super) fn check_training_attributes(&mut self) -> Result<(), FrontError> {
        self.attributes.inert(TRAINING_ATTRIBUTES);
        let other_weights = [
            ("lora_rank", WITHOUT_ADAPTERS),
            ("lora_alpha", WITHOUT_ADAPTERS),
            ("quantization_config", WITHOUT_CODES),
            ("quantization_mode", WITHOUT_CODES),
        ];
        for (name, help) in other_weights {
            if let Some(value) = self.attributes.get(name) {
                return Err(self.attributes.unsupported(name, value, help.to_owned()));
            }
        }
        Ok(())
    }
}

/// Cure for adapters: the property `kernel` of the layer includes them.
const WITHOUT_ADAPTERS: &str = "build the same model without LoRA and copy the merged kernel: \
     new.get_layer(name).set_weights([np.array(old.get_layer(name).kernel), \
     np.array(old.get_layer(name).bias)])";

/// Cure for a layer that Keras itself quantized.
const WITHOUT_CODES: &str = "Keras' own quantization computes its scales from each sample: save the model as it \
     was before model.quantize(), and find types with `bitkiln profile`, or train with QKeras";

fn dense(layer: &mut LayerReader<'_>, family: Family) -> Result<Built, FrontError> {
    layer.check_training_attributes()?;
    layer.attributes.inert(RANGE_ATTRIBUTES);
    let [kernel_quantizer, bias_quantizer] =
        ["kernel_quantizer", "bias_quantizer"].map(|name| family.read_quantizer(layer, name));
    let (kernel_quantizer, bias_quantizer) = (kernel_quantizer?, bias_quantizer?);
    let folded = family.folded(layer)?;
    let mut shape = layer.input()?.to_vec();
    let last = shape.last_mut().ok_or_else(|| layer.owner.wrong(LayerProblem::Scalar))?;
    let units = layer.attributes.count("units")?;
    let inputs = std::mem::replace(last, units);
    let use_bias = layer.attributes.flag("use_bias", true)?;
    let activation = layer.activation("activation")?;

    let names = variable_names(&["kernel"], use_bias, folded.as_ref());
    let mut variables = layer.weights.variables(&names)?;
    let kernel = variables.next([inputs, units])?;
    let bias = if use_bias { Some(variables.next([units])?) } else { None };
    let folded = folded.map(|folded| folded.variables(&mut variables, units)).transpose()?;
    let dense = Dense { kernel, bias, kernel_quantizer, bias_quantizer, folded, activation };
    Ok(Built { kind: LayerKind::Dense(dense), shape })
}

fn conv(
    layer: &mut LayerReader<'_>,
    dimensions: Dimensions,
    family: Family,
) -> Result<Built, FrontError> {
    let common = Common::read(layer, dimensions, family)?;
    if dimensions == Two {
        layer.reject_causal(&common.window)?;
    }
    let channels = common.image.channels;
    let outputs = layer.attributes.count("filters")?;
    let groups = layer.attributes.count_or("groups", 1)?;
    if let Some(channels) = [channels, outputs].into_iter().find(|all| !all.is_multiple_of(groups))
    {
        return Err(layer.owner.wrong(LayerProblem::Groups { channels, groups }));
    }
    let spec = ConvSpec {
        kernel: "kernel",
        quantizer: family.quantizer("kernel_quantizer"),
        last_axes: [channels / groups, outputs],
        window: common.window,
        groups,
        outputs,
    };
    let mask = match (dimensions, family) {
        (Two, Family::QKeras) => layer.mask(common.window.kernel)?,
        // QKeras ignores it.
        (Two, Family::Folded) => layer.attributes.only("mask", &[]).map(|()| None)?,
        (Two, Family::Keras) | (One, _) => None,
    };
    let mut conv = common.only_conv(layer, spec)?;
    conv.kernel.mask = mask;
    common.built(layer, conv)
}

fn depthwise(
    layer: &mut LayerReader<'_>,
    dimensions: Dimensions,
    family: Family,
) -> Result<Built, FrontError> {
    let common = Common::read(layer, dimensions, family)?;
    layer.reject_causal(&common.window)?;
    layer.attributes.only("groups", &[json!(1)])?;
    let spec = common.depthwise(layer, family)?;
    let conv = common.only_conv(layer, spec)?;
    common.built(layer, conv)
}

fn separable(
    layer: &mut LayerReader<'_>,
    dimensions: Dimensions,
    family: Family,
) -> Result<Built, FrontError> {
    let common = Common::read(layer, dimensions, family)?;
    if dimensions == Two {
        layer.reject_causal(&common.window)?;
    }
    layer.attributes.only("groups", &[json!(1)])?;
    let outputs = layer.attributes.count("filters")?;
    let depthwise = common.depthwise(layer, family)?;
    let pointwise = ConvSpec {
        kernel: "pointwise_kernel",
        quantizer: family.quantizer("pointwise_quantizer"),
        last_axes: [depthwise.outputs, outputs],
        window: WindowSpec::POINTWISE,
        groups: 1,
        outputs,
    };
    let activation = layer.activation("activation")?;
    common.pair(layer, [depthwise, pointwise], [Activation::Linear, activation])
}

fn transposed(
    layer: &mut LayerReader<'_>,
    dimensions: Dimensions,
    family: Family,
) -> Result<Built, FrontError> {
    if family == Family::QKeras {
        // QKeras' constructor drops it.
        layer.attributes.only("output_padding", &[])?;
    }
    let common = Common::read(layer, dimensions, family)?.transposed(layer)?;
    layer.attributes.only("groups", &[json!(1)])?;
    let outputs = layer.attributes.count("filters")?;
    let spec = ConvSpec {
        kernel: "kernel",
        quantizer: family.quantizer("kernel_quantizer"),
        last_axes: [outputs, common.image.channels],
        window: common.window,
        groups: 1,
        outputs,
    };
    let conv = common.only_conv(layer, spec)?;
    common.built(layer, conv)
}

/// Reads QDepthwiseConv2DTranspose: a transposed convolution per group of `group_size` channels.
/// QKeras stores a bias and attributes for it and for an activation, but uses none of them; the
/// activation is `depthwise_activation`.
fn depthwise_transposed(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.attributes.only("output_padding", &[])?;
    let common = Common::read(layer, Two, Family::QKeras)?.transposed(layer)?;
    layer.attributes.only("groups", &[json!(1)])?;
    layer.attributes.inert(&["activation", "depth_multiplier"]);
    let channels = common.image.channels;
    let size = layer.attributes.count_or("group_size", 1)?;
    let filters = layer.attributes.count("filters")?;
    if !channels.is_multiple_of(size) {
        return Err(layer.owner.wrong(LayerProblem::Groups { channels, groups: size }));
    }
    let spec = ConvSpec {
        kernel: "depthwise_kernel",
        quantizer: Some("depthwise_kernel_quantizer"),
        last_axes: [channels, size],
        window: common.window,
        groups: channels / size,
        outputs: channels,
    };
    let activation = layer.activation("depthwise_activation")?;
    let mut variables = layer.weights.variables(&common.names(&[spec.kernel]))?;
    let conv = common.conv(layer, spec, &mut variables)?;
    if common.use_bias {
        variables.next([filters])?;
    }
    common.built(layer, Conv { activation, ..conv })
}

/// Reads QSeparableConv2DTranspose. The pointwise convolution has strides of 1. QKeras ignores the
/// attribute `activation` and has an activation after each convolution.
fn separable_transposed(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.attributes.only("output_padding", &[])?;
    let common = Common::read(layer, Two, Family::QKeras)?.transposed(layer)?;
    layer.attributes.only("groups", &[json!(1)])?;
    layer.attributes.inert(&["activation", "depth_multiplier"]);
    let outputs = layer.attributes.count("filters")?;
    let channels = common.image.channels;
    let depthwise = ConvSpec {
        kernel: "depthwise_kernel",
        quantizer: Some("depthwise_kernel_quantizer"),
        last_axes: [1, channels],
        window: common.window,
        groups: channels,
        outputs: channels,
    };
    let pointwise = ConvSpec {
        kernel: "pointwise_kernel",
        quantizer: Some("pointwise_kernel_quantizer"),
        last_axes: [outputs, channels],
        window: WindowSpec { transposed: common.window.transposed, ..WindowSpec::POINTWISE },
        groups: 1,
        outputs,
    };
    let between = layer.activation("depthwise_activation")?;
    let activation = layer.activation("pointwise_activation")?;
    common.pair(layer, [depthwise, pointwise], [between, activation])
}

/// Attributes of all convolutions.
struct Common {
    image: Image,
    dimensions: Dimensions,
    window: WindowSpec,
    use_bias: bool,
    bias_quantizer: Option<Quantizer>,
    folded: Option<FoldedReader>,
}

/// A convolution before its weights are read.
struct ConvSpec {
    /// Name of the weights.
    kernel: &'static str,
    /// Attribute of the quantizer, if the class has one.
    quantizer: Option<&'static str>,
    /// Last two axes of the weights as Keras stores them; see [`Conv`].
    last_axes: [usize; 2],
    window: WindowSpec,
    groups: usize,
    outputs: usize,
}

impl Common {
    fn read(
        layer: &mut LayerReader<'_>,
        dimensions: Dimensions,
        family: Family,
    ) -> Result<Self, FrontError> {
        layer.check_training_attributes()?;
        layer.attributes.inert(RANGE_ATTRIBUTES);
        layer.require_channels_last()?;
        Ok(Self {
            image: layer.image(dimensions)?,
            dimensions,
            window: layer.conv_windows(dimensions)?,
            use_bias: layer.attributes.flag("use_bias", true)?,
            bias_quantizer: family.read_quantizer(layer, "bias_quantizer")?,
            folded: family.folded(layer)?,
        })
    }

    fn transposed(self, layer: &mut LayerReader<'_>) -> Result<Self, FrontError> {
        layer.reject_causal(&self.window)?;
        let spec = layer.transposed_windows(self.window, self.dimensions)?;
        Ok(Self { window: spec, ..self })
    }

    /// Returns a convolution of each channel by itself.
    fn depthwise(
        &self,
        layer: &mut LayerReader<'_>,
        family: Family,
    ) -> Result<ConvSpec, FrontError> {
        let channels = self.image.channels;
        let multiplier = layer.attributes.count_or("depth_multiplier", 1)?;
        let outputs = channels.checked_mul(multiplier);
        Ok(ConvSpec {
            kernel: "depthwise_kernel",
            quantizer: family.quantizer("depthwise_quantizer"),
            last_axes: [channels, multiplier],
            window: self.window,
            groups: channels,
            outputs: outputs.ok_or_else(|| layer.owner.wrong(LayerProblem::TooLarge))?,
        })
    }

    fn names(&self, kernels: &[&'static str]) -> Vec<&'static str> {
        variable_names(kernels, self.use_bias, self.folded.as_ref())
    }

    /// Reads the kernel of a convolution and its quantizer.
    fn conv(
        &self,
        layer: &mut LayerReader<'_>,
        spec: ConvSpec,
        variables: &mut Variables<'_>,
    ) -> Result<Conv, FrontError> {
        let window = match self.dimensions {
            One => &spec.window.kernel[1..],
            Two => &spec.window.kernel,
        };
        let shape: Vec<usize> = window.iter().chain(&spec.last_axes).copied().collect();
        let kernel = Kernel {
            name: spec.kernel,
            attribute: spec.quantizer.unwrap_or("kernel_quantizer"),
            quantizer: match spec.quantizer {
                Some(attribute) => layer.attributes.quantizer(attribute)?,
                None => None,
            },
            values: variables.next(IxDyn(&shape))?,
            mask: None,
        };
        Ok(Conv {
            window: spec.window,
            groups: spec.groups,
            outputs: spec.outputs,
            kernel,
            bias: None,
            bias_quantizer: None,
            folded: None,
            activation: Activation::Linear,
        })
    }

    /// Reads bias, batch normalization and activation of the layer's last convolution.
    fn finish(
        &self,
        conv: &mut Conv,
        activation: Activation,
        variables: &mut Variables<'_>,
    ) -> Result<(), FrontError> {
        if self.use_bias {
            conv.bias = Some(variables.next([conv.outputs])?);
        }
        conv.bias_quantizer = self.bias_quantizer.clone();
        if let Some(folded) = &self.folded {
            conv.folded = Some(folded.variables(variables, conv.outputs)?);
        }
        conv.activation = activation;
        Ok(())
    }

    /// Reads the convolution of a layer with a single one.
    fn only_conv(&self, layer: &mut LayerReader<'_>, spec: ConvSpec) -> Result<Conv, FrontError> {
        let activation = layer.activation("activation")?;
        let mut variables = layer.weights.variables(&self.names(&[spec.kernel]))?;
        let mut conv = self.conv(layer, spec, &mut variables)?;
        self.finish(&mut conv, activation, &mut variables)?;
        Ok(conv)
    }

    /// Reads a layer of a depthwise and a pointwise convolution, with an activation after each.
    fn pair(
        &self,
        layer: &mut LayerReader<'_>,
        [depthwise, pointwise]: [ConvSpec; 2],
        [between, activation]: [Activation; 2],
    ) -> Result<Built, FrontError> {
        let names = self.names(&[depthwise.kernel, pointwise.kernel]);
        let mut variables = layer.weights.variables(&names)?;
        let mut depthwise = self.conv(layer, depthwise, &mut variables)?;
        depthwise.activation = between;
        let mut pointwise = self.conv(layer, pointwise, &mut variables)?;
        self.finish(&mut pointwise, activation, &mut variables)?;
        let shape = layer.windowed_shape(&depthwise.window, self.image, pointwise.outputs)?;
        Ok(Built { kind: LayerKind::Separable(Separable { depthwise, pointwise }), shape })
    }

    fn built(&self, layer: &LayerReader<'_>, conv: Conv) -> Result<Built, FrontError> {
        let shape = layer.windowed_shape(&conv.window, self.image, conv.outputs)?;
        Ok(Built { kind: LayerKind::Conv(conv), shape })
    }
}
