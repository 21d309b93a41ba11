//! EinsumDense: a dense layer, or one per group, between two transpositions.

use std::collections::HashMap;

use ndarray::{ArrayD, Axis, IxDyn};
use serde_json::Value;

use super::{Built, Class, LayerReader, check_size};
use crate::front::error::FrontError;
use crate::front::keras::attributes::{list, natural};
use crate::front::layer_problem::LayerProblem;
use crate::model::{Activation, Conv, Dense, Einsum, Kernel, LayerKind, Layout, WindowSpec};

pub(super) const CLASSES: &[Class] = &[("EinsumDense", einsum_dense)];

/// Axes of an equation, without the batch, by their letters. Axes of an ellipsis have digits.
struct Equation {
    input: Vec<char>,
    kernel: Vec<char>,
    output: Vec<char>,
}

/// The meaning of the axes.
struct Roles {
    /// Of input and output: each position by itself.
    rows: Vec<char>,
    /// Of input, kernel and output, or of input, output and bias: a matrix for each position.
    groups: Vec<char>,
    /// Of input and kernel: summed.
    inputs: Vec<char>,
    /// Of kernel and output.
    units: Vec<char>,
}

impl Equation {
    /// Parses `...ab,bc->...ac` for samples of `axes` axes; `None` for another form.
    fn parse(text: &str, axes: usize) -> Option<Self> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (left, output) = text.split_once("->")?;
        let (input, kernel) = left.split_once(',')?;
        let (is_left_elided, is_right_elided) = (input.starts_with("..."), input.ends_with("..."));
        let named = input.trim_matches('.').len();
        // The axes of the ellipsis, the batch included.
        let elided = (axes + 1).checked_sub(named)?;
        if elided > 0 && !(is_left_elided || is_right_elided) || elided > 9 {
            return None;
        }
        let digits: String = ('0'..='9').take(elided).collect();
        let letters = |text: &str| -> Option<Vec<char>> {
            let text: Vec<char> = text.replace("...", &digits).chars().collect();
            let unique = (1..text.len()).all(|at| !text[..at].contains(&text[at]));
            (unique && text.iter().all(char::is_ascii_alphanumeric)).then_some(text)
        };
        let [mut input, kernel, mut output] = [letters(input)?, letters(kernel)?, letters(output)?];
        let batch = *input.first()?;
        if output.first() != Some(&batch) || kernel.contains(&batch) {
            return None;
        }
        input.remove(0);
        output.remove(0);
        (!output.is_empty()).then_some(Self { input, kernel, output })
    }

    /// Returns the meaning of the axes; `None` if one is summed or repeated alone.
    fn roles(&self, bias: &[char]) -> Option<Roles> {
        let Self { input, kernel, output } = self;
        let known = |axis: &char| input.contains(axis) || output.contains(axis);
        let from_one = |axis: &char| input.contains(axis) || kernel.contains(axis);
        let to_one = |axis: &char| output.contains(axis) || kernel.contains(axis);
        if !kernel.iter().all(known) || !output.iter().all(from_one) || !input.iter().all(to_one) {
            return None;
        }
        let pick = |all: &[char], wanted: &dyn Fn(&char) -> bool| -> Vec<char> {
            all.iter().copied().filter(wanted).collect()
        };
        let kept = |axis: &char| output.contains(axis);
        let is_group = |axis: &char| kept(axis) && (kernel.contains(axis) || bias.contains(axis));
        Some(Roles {
            rows: pick(input, &|axis| kept(axis) && !is_group(axis)),
            groups: pick(input, &is_group),
            inputs: pick(input, &|axis| !kept(axis)),
            units: pick(output, &|axis| !input.contains(axis)),
        })
    }
}

fn einsum_dense(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.check_training_attributes()?;
    let value = layer.attributes.require("equation")?;
    let shape = layer.input()?.to_vec();
    let unsupported = |layer: &LayerReader<'_>| {
        let help = "supported: sums over axes of the input and the kernel, as in \"abc,cd->abd\"";
        layer.attributes.unsupported("equation", value, help.to_owned())
    };
    let equation = value.as_str().and_then(|text| Equation::parse(text, shape.len()));
    let equation = equation.ok_or_else(|| unsupported(layer))?;
    let bias_axes: Vec<char> = match layer.attributes.get("bias_axes") {
        None => vec![],
        Some(axes) => {
            let text = axes.as_str().map(|text| text.chars().collect::<Vec<_>>());
            let inside = |axes: &Vec<char>| {
                axes.iter().all(|axis| axis.is_ascii_alphabetic() && equation.output.contains(axis))
            };
            let expected = "axes of the output";
            text.filter(inside)
                .ok_or_else(|| layer.attributes.malformed("bias_axes", axes, expected))?
        }
    };
    let roles = equation.roles(&bias_axes).ok_or_else(|| unsupported(layer))?;
    let lengths = lengths(layer, &equation, &shape)?;
    let of = |axes: &[char]| -> Vec<usize> { axes.iter().map(|axis| lengths[axis]).collect() };
    let count = |axes: &[char]| -> Result<usize, FrontError> {
        check_size(layer.owner, &of(axes))?;
        Ok(of(axes).iter().product())
    };
    let [rows, groups, inputs, units] =
        [count(&roles.rows)?, count(&roles.groups)?, count(&roles.inputs)?, count(&roles.units)?];
    let result = of(&equation.output);
    check_size(layer.owner, &result)?;
    check_size(layer.owner, &[inputs, groups, units])?;

    let columns = [roles.groups.as_slice(), &roles.units].concat();
    let product = [roles.rows.as_slice(), &columns].concat();
    let activation = layer.activation("activation")?;
    // Functions of a row: softmax, and quantizers with scales along axes.
    let is_by_row = activation == Activation::Softmax
        || activation.quantizer().is_some_and(|quantizer| quantizer.scaled().is_some());
    if is_by_row && (product != equation.output || columns.len() != 1) {
        let help = "use a separate activation layer after this one".to_owned();
        let value = layer.attributes.get("activation").cloned().unwrap_or_default();
        return Err(layer.attributes.unsupported("activation", &value, help));
    }
    let names: &[_] = if bias_axes.is_empty() { &["kernel"] } else { &["kernel", "bias"] };
    let mut variables = layer.weights.variables(names)?;
    let kernel: ArrayD<f32> = variables.next(IxDyn(&of(&equation.kernel)))?;
    let matrix = [roles.inputs.as_slice(), &columns].concat();
    let kernel = arranged(kernel, &equation.kernel, &matrix, &lengths);
    let bias = match bias_axes.is_empty() {
        true => None,
        false => {
            // From the first axis of the bias on, an axis of length 1 for each other one.
            let first = equation.output.iter().position(|axis| bias_axes.contains(axis));
            let own = &equation.output[first.unwrap_or(0)..];
            let length = |axis: &char| if bias_axes.contains(axis) { lengths[axis] } else { 1 };
            let shape: Vec<usize> = own.iter().map(length).collect();
            let mut bias: ArrayD<f32> = variables.next(IxDyn(&shape))?;
            // Axes other than those of the matrix have length 1.
            let mut axes = own.to_vec();
            for at in (0..axes.len()).rev().filter(|at| !columns.contains(&own[*at])) {
                bias = bias.index_axis_move(Axis(at), 0);
                axes.remove(at);
            }
            Some(arranged(bias, &axes, &columns, &lengths))
        }
    };
    let order = |from: &[char], to: &[char]| -> Vec<usize> {
        to.iter().filter_map(|axis| from.iter().position(|other| other == axis)).collect()
    };
    let table = [roles.rows.as_slice(), &roles.groups, &roles.inputs].concat();
    let before = vec![
        Layout::Permute(order(&equation.input, &table)),
        Layout::Reshape(vec![rows, groups * inputs]),
    ];
    let after =
        vec![Layout::Reshape(of(&product)), Layout::Permute(order(&product, &equation.output))];
    let too_large = |_| layer.owner.wrong(LayerProblem::TooLarge);
    let outputs = groups * units;
    let bias =
        bias.map(|bias| bias.into_shape_with_order([outputs]).map_err(too_large)).transpose()?;
    let kind = if groups == 1 {
        let kernel = kernel.into_shape_with_order([inputs, units]).map_err(too_large)?;
        let (kernel_quantizer, bias_quantizer, folded) = (None, None, None);
        let dense = Dense { kernel, bias, kernel_quantizer, bias_quantizer, folded, activation };
        LayerKind::Dense(dense)
    } else {
        // A group of channels for each matrix.
        let values =
            kernel.into_shape_with_order(IxDyn(&[1, inputs, outputs])).map_err(too_large)?;
        LayerKind::Conv(Conv {
            window: WindowSpec::POINTWISE,
            groups,
            outputs,
            kernel: Kernel {
                name: "kernel",
                values,
                attribute: "kernel_quantizer",
                quantizer: None,
                mask: None,
            },
            bias,
            bias_quantizer: None,
            folded: None,
            activation,
        })
    };
    let einsum = Einsum { before, product: Box::new(kind), after };
    Ok(Built { kind: LayerKind::Einsum(einsum), shape: result })
}

/// Lengths of all axes: those of the input, and of the attribute `output_shape`.
fn lengths(
    layer: &mut LayerReader<'_>,
    equation: &Equation,
    shape: &[usize],
) -> Result<HashMap<char, usize>, FrontError> {
    let mut lengths: HashMap<char, usize> =
        equation.input.iter().copied().zip(shape.iter().copied()).collect();
    let value = layer.attributes.require("output_shape")?;
    let stated = list(value);
    // The axes of the ellipsis are not stated.
    let axes: Vec<char> =
        equation.output.iter().copied().filter(|axis| axis.is_ascii_alphabetic()).collect();
    let expected = format!("a length for each of {} axes", axes.len());
    let malformed = || layer.attributes.malformed("output_shape", value, &expected);
    if stated.len() != axes.len() {
        return Err(malformed());
    }
    for (axis, length) in axes.iter().zip(stated) {
        let length = match length {
            Value::Null => continue,
            length => natural(length).filter(|length| *length > 0).ok_or_else(malformed)?,
        };
        if *lengths.entry(*axis).or_insert(length) != length {
            return Err(malformed());
        }
    }
    match axes.iter().all(|axis| lengths.contains_key(axis)) {
        true => Ok(lengths),
        false => Err(malformed()),
    }
}

/// `values` with the axes `from`, in the order of the axes `to`; along those that it lacks, it is
/// repeated.
fn arranged(
    values: ArrayD<f32>,
    from: &[char],
    to: &[char],
    lengths: &HashMap<char, usize>,
) -> ArrayD<f32> {
    let own: Vec<usize> =
        to.iter().filter_map(|axis| from.iter().position(|other| other == axis)).collect();
    let mut view = values.view().permuted_axes(IxDyn(&own));
    for (at, axis) in to.iter().enumerate() {
        if !from.contains(axis) {
            view = view.insert_axis(Axis(at));
        }
    }
    let shape: Vec<usize> = to.iter().map(|axis| lengths[axis]).collect();
    let wide = view.broadcast(IxDyn(&shape)).expect("axes of length 1 broadcast");
    wide.as_standard_layout().into_owned()
}

#[cfg(test)]
mod tests {
    use super::Equation;

    #[test]
    fn axes_have_roles() {
        let roles = |text: &str, axes: usize, bias: &str| {
            let bias: Vec<char> = bias.chars().collect();
            let roles = Equation::parse(text, axes)?.roles(&bias)?;
            let all = [roles.rows, roles.groups, roles.inputs, roles.units];
            Some(all.map(|axes| axes.into_iter().collect::<String>()).join(" "))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(roles("ab,bc->ac", 1, ""), some("  b c"));
        assert_eq!(roles("a b c, c d -> a b d", 2, "d"), some("b  c d"));
        assert_eq!(roles("abc,cd->abd", 2, "bd"), some(" b c d"));
        assert_eq!(roles("...x,xy->...y", 3, "y"), some("12  x y"));
        assert_eq!(roles("ax...,xy->ay...", 3, ""), some("01  x y"));
        assert_eq!(roles("abc,bcd->abd", 2, ""), some(" b c d"));
        assert_eq!(roles("abcd,cde->abe", 3, ""), some("b  cd e"));
        for (text, axes) in [
            ("ab,bc->a", 1),
            ("ab,bc->abc", 2),
            ("ab,ac->c", 1),
            ("abc,cd->ad", 2),
            ("ab,bc->bc", 1),
            ("ab,bc->acd", 1),
            ("abb,bc->ac", 2),
            ("ab->a", 1),
            ("ab,bc,cd->ad", 1),
        ] {
            assert_eq!(roles(text, axes, ""), None, "{text}");
        }
    }
}
