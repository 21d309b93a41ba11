//! Convolutions of every kind.

use ndarray::IxDyn;
use serde_json::json;

use super::windows::Dimensions::{self, One, Two};
use super::windows::Positions;
use super::{Built, Class, Site, folded};
use crate::front::error::FrontError;
use crate::front::keras::weights::Variables;
use crate::front::layer_problem::LayerProblem;
use crate::model::{Activation, Conv, Kernel, LayerKind, Separable, Sliding};
use crate::quantizer::Quantizer;

pub(super) const CLASSES: &[Class] = &[
    ("Conv1D", |site| plain(site, One, Flavour::Float)),
    ("Conv2D", |site| plain(site, Two, Flavour::Float)),
    ("QConv1D", |site| plain(site, One, Flavour::Quantized)),
    ("QConv2D", |site| plain(site, Two, Flavour::Quantized)),
    ("QConv2DBatchnorm", |site| plain(site, Two, Flavour::Folded)),
    ("DepthwiseConv1D", |site| depthwise(site, One, Flavour::Float)),
    ("DepthwiseConv2D", |site| depthwise(site, Two, Flavour::Float)),
    ("QDepthwiseConv2D", |site| depthwise(site, Two, Flavour::Quantized)),
    ("QDepthwiseConv2DBatchnorm", |site| depthwise(site, Two, Flavour::Folded)),
    ("SeparableConv1D", |site| separable(site, One, Flavour::Float)),
    ("SeparableConv2D", |site| separable(site, Two, Flavour::Float)),
    ("QSeparableConv1D", |site| separable(site, One, Flavour::Quantized)),
    ("QSeparableConv2D", |site| separable(site, Two, Flavour::Quantized)),
    ("Conv1DTranspose", |site| transposed(site, One, Flavour::Float)),
    ("Conv2DTranspose", |site| transposed(site, Two, Flavour::Float)),
    ("QConv2DTranspose", |site| transposed(site, Two, Flavour::Quantized)),
    ("QDepthwiseConv2DTranspose", depthwise_transposed),
    ("QSeparableConv2DTranspose", separable_transposed),
];

/// What a class has beside windows and weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    /// Nothing.
    Float,
    /// Quantizers.
    Quantized,
    /// Quantizers, and a batch normalisation folded into what they act on.
    Folded,
}

impl Flavour {
    /// An attribute that states a quantizer, where the class has one.
    fn attribute(self, name: &'static str) -> Option<&'static str> {
        (self != Self::Float).then_some(name)
    }
}

/// What acts while a layer is trained, and on its weights alone. QKeras itself warns that it
/// ignores the ranges.
const OF_TRAINING: &[&str] = &[
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
    "kernel_range",
    "depthwise_range",
    "pointwise_range",
    "bias_range",
];

fn plain(
    site: &mut Site<'_>,
    dimensions: Dimensions,
    flavour: Flavour,
) -> Result<Built, FrontError> {
    let all = Common::read(site, dimensions, flavour)?;
    if dimensions == Two {
        site.refuse_causal(&all.sliding)?;
    }
    let channels = all.positions.channels;
    let outputs = site.attributes.count("filters")?;
    let groups = groups(site, [channels, outputs])?;
    let part = Part {
        weights: Weights {
            name: "kernel",
            quantizer: flavour.attribute("kernel_quantizer"),
            last: [channels / groups, outputs],
        },
        sliding: all.sliding,
        groups,
        outputs,
    };
    let mask = match (dimensions, flavour) {
        (Two, Flavour::Quantized) => site.mask(all.sliding.kernel)?,
        // QKeras does not use it here.
        (Two, Flavour::Folded) => site.attributes.only("mask", &[]).map(|()| None)?,
        _ => None,
    };
    let mut conv = all.alone(site, part, dimensions)?;
    conv.kernel.mask = mask;
    all.built(site, conv)
}

fn depthwise(
    site: &mut Site<'_>,
    dimensions: Dimensions,
    flavour: Flavour,
) -> Result<Built, FrontError> {
    let all = Common::read(site, dimensions, flavour)?;
    site.refuse_causal(&all.sliding)?;
    site.attributes.only("groups", &[json!(1)])?;
    let part = Part::depthwise(site, &all, flavour.attribute("depthwise_quantizer"))?;
    let conv = all.alone(site, part, dimensions)?;
    all.built(site, conv)
}

fn separable(
    site: &mut Site<'_>,
    dimensions: Dimensions,
    flavour: Flavour,
) -> Result<Built, FrontError> {
    let all = Common::read(site, dimensions, flavour)?;
    if dimensions == Two {
        site.refuse_causal(&all.sliding)?;
    }
    site.attributes.only("groups", &[json!(1)])?;
    let outputs = site.attributes.count("filters")?;
    let depthwise = Part::depthwise(site, &all, flavour.attribute("depthwise_quantizer"))?;
    let pointwise = Part {
        weights: Weights {
            name: "pointwise_kernel",
            quantizer: flavour.attribute("pointwise_quantizer"),
            last: [depthwise.outputs, outputs],
        },
        sliding: Sliding::POINTWISE,
        groups: 1,
        outputs,
    };
    let activation = site.attributes.activation("activation")?;
    let names = all.names(&["depthwise_kernel", "pointwise_kernel"]);
    let mut variables = site.weights.variables(&names)?;
    let depthwise = depthwise.read(site, &mut variables, dimensions)?;
    let mut pointwise = pointwise.read(site, &mut variables, dimensions)?;
    all.finish(&mut pointwise, activation, &mut variables)?;
    let shape = site.slid(&depthwise.sliding, all.positions, outputs)?;
    Ok(Built { kind: LayerKind::Separable(Separable { depthwise, pointwise }), shape })
}

fn transposed(
    site: &mut Site<'_>,
    dimensions: Dimensions,
    flavour: Flavour,
) -> Result<Built, FrontError> {
    if flavour == Flavour::Quantized {
        // QKeras' constructor takes it and drops it.
        site.attributes.only("output_padding", &[])?;
    }
    let all = Common::read(site, dimensions, flavour)?.transposed(site)?;
    site.attributes.only("groups", &[json!(1)])?;
    let outputs = site.attributes.count("filters")?;
    let part = Part {
        weights: Weights {
            name: "kernel",
            quantizer: flavour.attribute("kernel_quantizer"),
            last: [outputs, all.positions.channels],
        },
        sliding: all.sliding,
        groups: 1,
        outputs,
    };
    let conv = all.alone(site, part, dimensions)?;
    all.built(site, conv)
}

/// QDepthwiseConv2DTranspose. Its channels fall into groups of `group_size`, each with a
/// transposed convolution of its own. QKeras gives it a bias, and attributes for it and for an
/// activation, but uses none of them: the activation is `depthwise_activation`.
fn depthwise_transposed(site: &mut Site<'_>) -> Result<Built, FrontError> {
    site.attributes.only("output_padding", &[])?;
    let all = Common::read(site, Two, Flavour::Quantized)?.transposed(site)?;
    site.attributes.only("groups", &[json!(1)])?;
    site.attributes.inert(&["activation", "depth_multiplier"]);
    let channels = all.positions.channels;
    let size = match site.attributes.get("group_size") {
        None => 1,
        Some(_) => site.attributes.count("group_size")?,
    };
    let filters = site.attributes.count("filters")?;
    if !channels.is_multiple_of(size) {
        return Err(site.owner.wrong(LayerProblem::Groups { channels, groups: size }));
    }
    let part = Part {
        weights: Weights {
            name: "depthwise_kernel",
            quantizer: Some("depthwise_kernel_quantizer"),
            last: [channels, size],
        },
        sliding: all.sliding,
        groups: channels / size,
        outputs: channels,
    };
    let activation = site.attributes.activation("depthwise_activation")?;
    let mut variables = site.weights.variables(&all.names(&["depthwise_kernel"]))?;
    let conv = part.read(site, &mut variables, Two)?;
    if all.use_bias {
        variables.next([filters])?;
    }
    all.built(site, Conv { activation, ..conv })
}

/// QSeparableConv2DTranspose: the depthwise convolution alone is more than one tap wide. QKeras
/// does not use the attribute `activation`, but has one behind each convolution.
fn separable_transposed(site: &mut Site<'_>) -> Result<Built, FrontError> {
    site.attributes.only("output_padding", &[])?;
    let all = Common::read(site, Two, Flavour::Quantized)?.transposed(site)?;
    site.attributes.only("groups", &[json!(1)])?;
    site.attributes.inert(&["activation", "depth_multiplier"]);
    let outputs = site.attributes.count("filters")?;
    let channels = all.positions.channels;
    let depthwise = Part {
        weights: Weights {
            name: "depthwise_kernel",
            quantizer: Some("depthwise_kernel_quantizer"),
            last: [1, channels],
        },
        sliding: all.sliding,
        groups: channels,
        outputs: channels,
    };
    let pointwise = Part {
        weights: Weights {
            name: "pointwise_kernel",
            quantizer: Some("pointwise_kernel_quantizer"),
            last: [outputs, channels],
        },
        sliding: Sliding { transposed: all.sliding.transposed, ..Sliding::POINTWISE },
        groups: 1,
        outputs,
    };
    let between = site.attributes.activation("depthwise_activation")?;
    let activation = site.attributes.activation("pointwise_activation")?;
    let names = all.names(&["depthwise_kernel", "pointwise_kernel"]);
    let mut variables = site.weights.variables(&names)?;
    let depthwise = depthwise.read(site, &mut variables, Two)?;
    let depthwise = Conv { activation: between, ..depthwise };
    let mut pointwise = pointwise.read(site, &mut variables, Two)?;
    all.finish(&mut pointwise, activation, &mut variables)?;
    let shape = site.slid(&depthwise.sliding, all.positions, outputs)?;
    Ok(Built { kind: LayerKind::Separable(Separable { depthwise, pointwise }), shape })
}

/// What every convolution has.
struct Common {
    positions: Positions,
    dimensions: Dimensions,
    sliding: Sliding,
    use_bias: bool,
    bias_quantizer: Option<Quantizer>,
    folded: Option<folded::Stated>,
}

impl Common {
    fn read(
        site: &mut Site<'_>,
        dimensions: Dimensions,
        flavour: Flavour,
    ) -> Result<Self, FrontError> {
        site.attributes.inert(OF_TRAINING);
        // Adapters are trained beside the kernel, and a layer that Keras itself quantized stores
        // codes.
        for other_weights in ["lora_rank", "lora_alpha", "quantization_config", "quantization_mode"]
        {
            site.attributes.only(other_weights, &[])?;
        }
        site.channels_last()?;
        Ok(Self {
            positions: site.positions(dimensions)?,
            dimensions,
            sliding: site.sliding(dimensions)?,
            use_bias: site.attributes.yes("use_bias")?,
            bias_quantizer: match flavour {
                Flavour::Float => None,
                _ => site.attributes.quantizer("bias_quantizer")?,
            },
            folded: match flavour {
                Flavour::Folded => Some(folded::Stated::read(site)?),
                _ => None,
            },
        })
    }

    fn transposed(self, site: &mut Site<'_>) -> Result<Self, FrontError> {
        site.refuse_causal(&self.sliding)?;
        let sliding = site.transposed(self.sliding, self.dimensions)?;
        Ok(Self { sliding, ..self })
    }

    /// The names of the variables of a layer with these kernels.
    fn names(&self, kernels: &[&'static str]) -> Vec<&'static str> {
        let bias = self.use_bias.then_some("bias");
        let folded = self.folded.iter().flat_map(folded::Stated::names);
        kernels.iter().copied().chain(bias).chain(folded).collect()
    }

    /// Adds to the last convolution what comes behind its products.
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

    /// The convolution of a layer that has no other.
    fn alone(
        &self,
        site: &mut Site<'_>,
        part: Part,
        dimensions: Dimensions,
    ) -> Result<Conv, FrontError> {
        let activation = site.attributes.activation("activation")?;
        let mut variables = site.weights.variables(&self.names(&[part.weights.name]))?;
        let mut conv = part.read(site, &mut variables, dimensions)?;
        self.finish(&mut conv, activation, &mut variables)?;
        Ok(conv)
    }

    fn built(&self, site: &Site<'_>, conv: Conv) -> Result<Built, FrontError> {
        let shape = site.slid(&conv.sliding, self.positions, conv.outputs)?;
        Ok(Built { kind: LayerKind::Conv(conv), shape })
    }
}

/// The weights of a convolution before they are read.
struct Weights {
    name: &'static str,
    /// The attribute, where the class has one.
    quantizer: Option<&'static str>,
    /// The last axes of the weights as Keras stores them.
    last: [usize; 2],
}

/// A convolution before its weights are read.
struct Part {
    weights: Weights,
    sliding: Sliding,
    groups: usize,
    outputs: usize,
}

impl Part {
    /// A convolution for each channel.
    fn depthwise(
        site: &mut Site<'_>,
        all: &Common,
        quantizer: Option<&'static str>,
    ) -> Result<Self, FrontError> {
        let channels = all.positions.channels;
        let multiplier = match site.attributes.get("depth_multiplier") {
            None => 1,
            Some(_) => site.attributes.count("depth_multiplier")?,
        };
        let outputs = channels.checked_mul(multiplier);
        Ok(Self {
            weights: Weights { name: "depthwise_kernel", quantizer, last: [channels, multiplier] },
            sliding: all.sliding,
            groups: channels,
            outputs: outputs.ok_or_else(|| site.owner.wrong(LayerProblem::TooLarge))?,
        })
    }

    /// Reads the quantizer and the weights.
    fn read(
        self,
        site: &mut Site<'_>,
        variables: &mut Variables<'_>,
        dimensions: Dimensions,
    ) -> Result<Conv, FrontError> {
        let Weights { name, quantizer, last } = self.weights;
        let taps = match dimensions {
            One => &self.sliding.kernel[1..],
            Two => &self.sliding.kernel,
        };
        let shape: Vec<usize> = taps.iter().chain(&last).copied().collect();
        let kernel = Kernel {
            name,
            attribute: quantizer.unwrap_or("kernel_quantizer"),
            quantizer: match quantizer {
                Some(attribute) => site.attributes.quantizer(attribute)?,
                None => None,
            },
            values: variables.next(IxDyn(&shape))?,
            mask: None,
        };
        Ok(Conv {
            sliding: self.sliding,
            groups: self.groups,
            outputs: self.outputs,
            kernel,
            bias: None,
            bias_quantizer: None,
            folded: None,
            activation: Activation::Linear,
        })
    }
}

/// How many groups channels fall into, of which there must be as many in each.
fn groups(site: &mut Site<'_>, numbers: [usize; 2]) -> Result<usize, FrontError> {
    let groups = match site.attributes.get("groups") {
        None => 1,
        Some(_) => site.attributes.count("groups")?,
    };
    match numbers.into_iter().find(|channels| !channels.is_multiple_of(groups)) {
        None => Ok(groups),
        Some(channels) => Err(site.owner.wrong(LayerProblem::Groups { channels, groups })),
    }
}
