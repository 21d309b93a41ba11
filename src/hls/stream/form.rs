//! The operation of a node at one position.

use crate::fixed::Range;
use crate::ir::{self, Concat, Conv, Op, Pool, Tensor, Window};

/// The form of a node's process, with the node at one position.
pub(super) enum Form {
    /// Row by row.
    Rows(Position),
    /// Window by window.
    Windows {
        /// The windows.
        window: Window,
        /// Set if padding must be below every element, not 0.
        is_max: bool,
        /// The node at one window.
        position: Position,
    },
    /// Each channel over all positions.
    Reduce(ir::PoolKind),
    /// All positions at once.
    Frame(Position),
    /// The same elements in tokens of another size.
    Repack,
}

/// A node at one position: its operation on rows or a window.
pub(super) struct Position {
    pub(super) node: ir::Node,
    pub(super) operands: Vec<ir::Node>,
}

impl Form {
    /// The form of `node`.
    pub(super) fn of(node: &ir::Node, operands: &[&ir::Node]) -> Self {
        let channels = node.tensor.channel_count();
        let of_channels =
            |constant: &ir::Constant| constant.codes.len() == 1 || constant.codes.len() == channels;
        let rows = |is_by_row: bool| match is_by_row || node.tensor.rows() == 1 {
            true => Self::Rows(Position::new(node, node.op.clone(), operands, row)),
            false => frame(node, operands),
        };
        match &node.op {
            Op::Linear(_)
            | Op::Softmax(_)
            | Op::Affine(_)
            | Op::Clamp(_)
            | Op::Scale(_)
            | Op::StepFunction(_)
            | Op::Elementwise(_) => rows(true),
            Op::Leaky(leaky) => rows(of_channels(&leaky.slopes)),
            Op::Cast(cast) => rows(cast.to.len() == 1 || cast.to.shape() == [channels]),
            Op::Concat(concat) if concat.axis + 1 == node.tensor.shape.len() => {
                let op = Concat { axis: 0 }.into();
                Self::Rows(Position::new(node, op, operands, row))
            }
            Op::Concat(_) | Op::Gather(_) | Op::Lookup(_) => frame(node, operands),
            Op::Conv(conv) => windows(node, operands, conv.window, at_window(conv)),
            Op::Pool(pool) if pool.window == Window::whole(pool.window.input) => {
                Self::Reduce(pool.kind)
            }
            Op::Pool(pool) => {
                let op = Pool { window: Window::whole(pool.window.kernel), ..*pool };
                windows(node, operands, pool.window, op.into())
            }
            Op::Input(_) | Op::Reshape(_) => Self::Repack,
        }
    }
}

impl Position {
    fn new(
        node: &ir::Node,
        op: Op,
        operands: &[&ir::Node],
        part: impl Fn(&Tensor) -> Tensor,
    ) -> Self {
        let operands = operands.iter().map(|operand| {
            let tensor = part(&operand.tensor);
            ir::Node { tensor, ..(*operand).clone() }
        });
        let tensor = row(&node.tensor);
        Self { node: ir::Node { op, tensor, ..node.clone() }, operands: operands.collect() }
    }
}

/// The form of a node that needs whole samples.
fn frame(node: &ir::Node, operands: &[&ir::Node]) -> Form {
    let operands = operands.iter().map(|operand| (*operand).clone()).collect();
    Form::Frame(Position { node: node.clone(), operands })
}

/// Any row of `tensor`.
fn row(tensor: &Tensor) -> Tensor {
    let channels = tensor.channel_count();
    let ranges = (0..channels).map(|channel| tensor.channel_range(channel).into_owned());
    Tensor { shape: vec![channels], format: tensor.format, ranges: ranges.collect() }
}

/// The form of a node that slides `window`; `op` is its operation on a window of its operand.
fn windows(node: &ir::Node, operands: &[&ir::Node], window: Window, op: Op) -> Form {
    let span = |axis: usize| (window.kernel[axis] - 1) * window.dilation[axis] + 1;
    // The first window must end on the image.
    let begins_late = (0..2).any(|axis| window.pad_before[axis] >= span(axis));
    if window.input_dilation != [1, 1] || begins_late {
        return frame(node, operands);
    }
    let is_max = matches!(&op, Op::Pool(pool) if pool.kind == ir::PoolKind::Max);
    let is_row = matches!(op, Op::Linear(_));
    let of_window = |x: &Tensor| {
        let range = |channel: usize| -> Range {
            let own = x.channel_range(channel);
            if window.is_padded() && !is_max { own.with_zero() } else { own.into_owned() }
        };
        let ranges: Vec<Range> = (0..x.channel_count()).map(range).collect();
        let [height, width] = window.kernel;
        match is_row {
            true => Tensor {
                shape: vec![window.taps() * ranges.len()],
                format: x.format,
                ranges: (0..window.taps()).flat_map(|_| ranges.clone()).collect(),
            },
            false => Tensor { shape: vec![height, width, ranges.len()], format: x.format, ranges },
        }
    };
    let mut position = Position::new(node, op, operands, of_window);
    if !is_row {
        position.node.tensor.shape.splice(0..0, [1, 1]);
    }
    Form::Windows { window, is_max, position }
}

/// A convolution at one window: a matrix, unless its channels are in groups.
fn at_window(conv: &Conv) -> Op {
    match conv.groups {
        1 => conv.linear.clone().into(),
        _ => Conv { window: Window::whole(conv.window.kernel), ..conv.clone() }.into(),
    }
}
