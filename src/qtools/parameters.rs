//! Trained parameters of a layer with their quantizers, by the names of Keras' variables.

use std::borrow::Cow;

use ndarray::{Array1, ArrayD, ArrayView, Axis, Dimension};

use crate::lower::fold_normalization;
use crate::model::{Cell, Conv, Dense, Layer, LayerKind, Matrix, Parameters};
use crate::quantizer::Quantizer;

/// A trained parameter.
#[derive(Clone, Debug)]
pub(super) struct Parameter<'m> {
    /// Name of Keras' variable: `kernel`.
    pub(super) variable: &'static str,
    /// Values before quantization, in Keras' shape.
    pub(super) values: Cow<'m, ArrayD<f32>>,
    /// Quantizer, with the scale that it has in a kernel.
    pub(super) quantizer: Option<Quantizer>,
    /// The values are a variable of the file; not those of a folded batch normalization.
    pub(super) is_stored: bool,
}

const KERNEL: &str = "kernel";
const BIAS: &str = "bias";

impl<'m> Parameter<'m> {
    fn stored<D: Dimension>(
        variable: &'static str,
        values: ArrayView<'m, f32, D>,
        quantizer: Option<&Quantizer>,
    ) -> Self {
        let values = Cow::Owned(values.to_owned().into_dyn());
        Self { variable, values, quantizer: quantizer.cloned(), is_stored: true }
    }

    /// The same with the scale that its quantizer chooses in a kernel.
    fn in_kernel(self) -> Self {
        Self { quantizer: self.quantizer.as_ref().map(Quantizer::in_kernel), ..self }
    }
}

/// The parameters of `layer` that quantizers act on, in the order of Keras' variables. A batch
/// normalization that is folded into a kernel is folded here too.
pub(super) fn parameters<'m>(layer: &'m Layer) -> Vec<Parameter<'m>> {
    let kind = layer.kind.inner();
    match kind.traits().parameters {
        Parameters::None => vec![],
        Parameters::Matrix(matrix) => of_matrix(matrix),
        Parameters::BatchNorm(norm) => {
            let quantizers = &norm.quantizers;
            let all = [
                ("gamma", norm.gamma.as_ref(), &quantizers.gamma),
                ("beta", norm.beta.as_ref(), &quantizers.beta),
                ("moving_mean", Some(&norm.mean), &quantizers.mean),
                ("moving_variance", Some(&norm.variance), &quantizers.variance),
            ];
            let stored = |(variable, values, quantizer): (
                _,
                Option<&'m Array1<f32>>,
                &Option<Quantizer>,
            )| {
                Some(Parameter::stored(variable, values?.view(), quantizer.as_ref()))
            };
            // In QKeras these two choose their scale, like the quantizer of a kernel.
            let scaled = |it: Parameter<'m>| match it.variable {
                "gamma" | "moving_variance" => it.in_kernel(),
                _ => it,
            };
            all.into_iter().filter_map(stored).map(scaled).collect()
        }
        Parameters::Elements => {
            if let LayerKind::ScaleShift(shift) = kind {
                let view = |value| ArrayView::from(std::slice::from_ref(value));
                let weight = Parameter::stored(
                    "weight",
                    view(&shift.weight),
                    shift.weight_quantizer.as_ref(),
                );
                let bias = shift
                    .bias
                    .as_ref()
                    .map(|bias| Parameter::stored(BIAS, view(bias), shift.bias_quantizer.as_ref()));
                return [weight].into_iter().chain(bias).map(Parameter::in_kernel).collect();
            }
            kind.recurrent().iter().flat_map(|layer| &layer.cells).flat_map(of_cell).collect()
        }
    }
}

fn of_matrix(matrix: Matrix<'_>) -> Vec<Parameter<'_>> {
    match matrix {
        Matrix::Dense(dense) => of_dense(dense),
        Matrix::Conv(conv) => of_conv(conv),
        Matrix::Separable(pair) => {
            [&pair.depthwise, &pair.pointwise].into_iter().flat_map(of_conv).collect()
        }
        Matrix::Einsum(einsum) => einsum.product.matrix().map(of_matrix).unwrap_or_default(),
    }
}

fn of_dense(dense: &Dense) -> Vec<Parameter<'_>> {
    let [of_kernel, of_bias] = [dense.kernel_quantizer.as_ref(), dense.bias_quantizer.as_ref()];
    if let Some(folded) = &dense.folded {
        let (kernel, bias) = fold_normalization(&dense.kernel, dense.bias.as_ref(), folded);
        return folded_parameters(
            KERNEL,
            [kernel.into_dyn(), bias.into_dyn()],
            [of_kernel, of_bias],
        );
    }
    let kernel = Parameter::stored(KERNEL, dense.kernel.view(), of_kernel).in_kernel();
    let bias = dense.bias.as_ref().map(|bias| Parameter::stored(BIAS, bias.view(), of_bias));
    [kernel].into_iter().chain(bias).collect()
}

fn of_conv(conv: &Conv) -> Vec<Parameter<'_>> {
    let [of_kernel, of_bias] = [conv.kernel.quantizer.as_ref(), conv.bias_quantizer.as_ref()];
    if let Some(folded) = &conv.folded {
        let (kernel, bias) = fold_normalization(&conv.kernel.values, conv.bias.as_ref(), folded);
        return folded_parameters(
            conv.kernel.name,
            [kernel, bias.into_dyn()],
            [of_kernel, of_bias],
        );
    }
    let kernel =
        Parameter::stored(conv.kernel.name, conv.kernel.values.view(), of_kernel).in_kernel();
    let bias = conv.bias.as_ref().map(|bias| Parameter::stored(BIAS, bias.view(), of_bias));
    [kernel].into_iter().chain(bias).collect()
}

fn folded_parameters<'m>(
    name: &'static str,
    values: [ArrayD<f32>; 2],
    quantizers: [Option<&Quantizer>; 2],
) -> Vec<Parameter<'m>> {
    let [kernel, bias] = values.map(Cow::Owned);
    let [of_kernel, of_bias] = quantizers.map(Option::<&Quantizer>::cloned);
    let kernel =
        Parameter { variable: name, values: kernel, quantizer: of_kernel, is_stored: false };
    let bias = Parameter { variable: BIAS, values: bias, quantizer: of_bias, is_stored: false };
    vec![kernel.in_kernel(), bias]
}

fn of_cell(cell: &Cell) -> Vec<Parameter<'_>> {
    let of = Parameter::stored;
    let kernel = of(KERNEL, cell.kernel.view().into_dyn(), cell.kernel_quantizer.as_ref());
    let recurrent = of(
        "recurrent_kernel",
        cell.recurrent_kernel.view().into_dyn(),
        cell.recurrent_quantizer.as_ref(),
    );
    let bias = cell.bias.as_ref().map(|bias| {
        // Keras stores one row without the axis of rows.
        let values = bias.view().into_dyn();
        let values = if bias.nrows() == 1 { values.index_axis_move(Axis(0), 0) } else { values };
        of(BIAS, values, cell.bias_quantizer.as_ref())
    });
    [kernel.in_kernel(), recurrent.in_kernel()].into_iter().chain(bias).collect()
}
