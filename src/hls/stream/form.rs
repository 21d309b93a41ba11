//! The operation of a node at one position.

use super::repack::gcd;
use crate::fixed::Range;
use crate::ir::{self, Concat, Conv, Gather, Linear, Op, Pool, Tensor, Window};

/// The process of a node: its form, and the sizes of the tokens that it passes.
pub(super) struct Planned {
    pub(super) form: Form,
    /// Lanes of the tokens of each operand.
    pub(super) reads: Vec<usize>,
    /// Lanes of the tokens of the result.
    pub(super) writes: usize,
}

/// The form of a node's process, with the node at one position.
pub(super) enum Form {
    /// A token from a token of each operand.
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
    /// One row, summed over its tokens.
    Accumulate(Linear),
    /// Each channel over all positions.
    Reduce(ir::PoolKind),
    /// Runs of tokens of each operand in turn.
    Concat {
        /// Number of times that each operand has its turn.
        rounds: usize,
    },
    /// All positions at once.
    Frame(Position),
}

/// A node at one position: its operation on tokens or a window.
pub(super) struct Position {
    pub(super) node: ir::Node,
    pub(super) operands: Vec<ir::Node>,
}

impl Planned {
    /// The process of `node`, whose operands come in tokens of `lanes`. Tokens of another size than
    /// it reads must be repacked.
    pub(super) fn of(node: &ir::Node, operands: &[&ir::Node], lanes: &[usize]) -> Self {
        let channels = node.tensor.channel_count();
        let of_channels =
            |constant: &ir::Constant| constant.codes.len() == 1 || constant.codes.len() == channels;
        let rows = |is_by_row: bool| match is_by_row || node.tensor.rows() == 1 {
            true => by_rows(node, operands, lanes),
            false => frame(node, operands, lanes),
        };
        match &node.op {
            Op::Linear(linear) => by_matrix(node, linear, operands, lanes),
            Op::Softmax(_)
            | Op::Affine(_)
            | Op::Clamp(_)
            | Op::Scale(_)
            | Op::StepFunction(_)
            | Op::Elementwise(_) => rows(true),
            Op::Leaky(leaky) => rows(of_channels(&leaky.slopes)),
            Op::Cast(cast) => rows(cast.to.len() == 1 || cast.to.shape() == [channels]),
            Op::Lookup(_) => {
                // An index in each token.
                let position = Position::new(node, node.op.clone(), operands, |x| row(x, 1));
                Self { form: Form::Rows(position), reads: vec![1], writes: channels }
            }
            Op::Concat(concat) => by_concat(node, *concat, operands, lanes),
            Op::Gather(gather) => by_gather(node, gather, operands, lanes),
            Op::Conv(conv) => windows(node, operands, lanes, conv.window, at_window(conv)),
            Op::Pool(pool) if pool.window == Window::whole(pool.window.input) => {
                let (form, reads) = (Form::Reduce(pool.kind), vec![channels]);
                Self { form, reads, writes: channels }
            }
            Op::Pool(pool) => {
                let op = Pool { window: Window::whole(pool.window.kernel), ..*pool };
                windows(node, operands, lanes, pool.window, op.into())
            }
            // Neither has a process: an input is a stream, a reshape another name of one.
            Op::Input(_) | Op::Reshape(_) => frame(node, operands, lanes),
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
        let tensor = row(&node.tensor, node.tensor.channel_count());
        Self { node: ir::Node { op, tensor, ..node.clone() }, operands: operands.collect() }
    }

    /// The same operation on tokens of `lanes` elements.
    fn of_tokens(node: &ir::Node, operands: &[&ir::Node], lanes: usize) -> Self {
        let mut position = Self::new(node, node.op.clone(), operands, |x| row(x, lanes));
        position.node.tensor = row(&node.tensor, lanes);
        position
    }
}

/// The process of a node that computes each row from the same rows of its operands.
///
/// If all elements are computed alike, so are all parts of a row: tokens that are parts of rows stay
/// as they are.
fn by_rows(node: &ir::Node, operands: &[&ir::Node], lanes: &[usize]) -> Planned {
    let whole = |x: &ir::Node| x.tensor.channel_count();
    let channels = whole(node);
    let same = lanes.iter().all(|other| *other == lanes[0]) && lanes[0] < channels;
    if node.op.is_uniform() && same {
        let position = Position::of_tokens(node, operands, lanes[0]);
        return Planned { form: Form::Rows(position), reads: lanes.to_vec(), writes: lanes[0] };
    }
    let position = Position::new(node, node.op.clone(), operands, |x| row(x, x.channel_count()));
    let reads = operands.iter().map(|operand| whole(operand)).collect();
    Planned { form: Form::Rows(position), reads, writes: channels }
}

/// The process of a matrix. A single row that comes in several tokens is summed over them.
fn by_matrix(node: &ir::Node, linear: &Linear, operands: &[&ir::Node], lanes: &[usize]) -> Planned {
    let inputs = operands[0].tensor.channel_count();
    let part = gcd(lanes[0], inputs);
    match node.tensor.rows() == 1 && part < inputs {
        true => {
            let (form, writes) = (Form::Accumulate(linear.clone()), node.tensor.channel_count());
            Planned { form, reads: vec![part], writes }
        }
        false => by_rows(node, operands, lanes),
    }
}

/// The process of a concatenation. Channels are joined in every token, other axes by runs of tokens;
/// so are channels of single rows that come in several tokens of the same size.
fn by_concat(node: &ir::Node, concat: Concat, operands: &[&ir::Node], lanes: &[usize]) -> Planned {
    let is_last = concat.axis + 1 == node.tensor.shape.len();
    let rounds: usize = node.tensor.shape.iter().take(concat.axis).product();
    let same = lanes.iter().all(|other| *other == lanes[0]);
    let is_split = operands.iter().any(|operand| operand.tensor.channel_count() > lanes[0]);
    let tokens = |lanes: usize| {
        let reads = vec![lanes; operands.len()];
        Planned { form: Form::Concat { rounds }, reads, writes: lanes }
    };
    if !is_last {
        return tokens(node.tensor.channel_count());
    }
    if rounds == 1 && same && is_split {
        return tokens(lanes[0]);
    }
    let op = Concat { axis: 0 }.into();
    let position = Position::new(node, op, operands, |x| row(x, x.channel_count()));
    let reads = operands.iter().map(|operand| operand.tensor.channel_count()).collect();
    Planned { form: Form::Rows(position), reads, writes: node.tensor.channel_count() }
}

/// The process of a selection by index. The same selection of channels in every row is wires.
fn by_gather(node: &ir::Node, gather: &Gather, operands: &[&ir::Node], lanes: &[usize]) -> Planned {
    let (from, to) = (operands[0].tensor.channel_count(), node.tensor.channel_count());
    let channels = gather.channels(from, operands[0].tensor.rows());
    let Some(channels) = channels.filter(|_| lanes[0] >= from) else {
        return frame(node, operands, lanes);
    };
    let op = Gather { shape: vec![to], indices: channels }.into();
    let position = Position::new(node, op, operands, |x| row(x, from));
    Planned { form: Form::Rows(position), reads: vec![from], writes: to }
}

/// The process of a node that needs whole samples.
fn frame(node: &ir::Node, operands: &[&ir::Node], lanes: &[usize]) -> Planned {
    let operands = operands.iter().map(|operand| (*operand).clone()).collect();
    let form = Form::Frame(Position { node: node.clone(), operands });
    Planned { form, reads: lanes.to_vec(), writes: node.tensor.channel_count() }
}

/// Any `lanes` consecutive elements of `tensor`, a multiple of which is a row; those of a channel
/// each if that is a whole row.
fn row(tensor: &Tensor, lanes: usize) -> Tensor {
    let ranges = match lanes == tensor.channel_count() {
        true => (0..lanes).map(|channel| tensor.channel_range(channel).into_owned()).collect(),
        false => vec![tensor.range()],
    };
    Tensor { shape: vec![lanes], format: tensor.format, ranges }
}

/// The process of a node that slides `window`; `op` is its operation on a window of its operand.
fn windows(
    node: &ir::Node,
    operands: &[&ir::Node],
    lanes: &[usize],
    window: Window,
    op: Op,
) -> Planned {
    let span = |axis: usize| (window.kernel[axis] - 1) * window.dilation[axis] + 1;
    // The first window must end on the image.
    let begins_late = (0..2).any(|axis| window.pad_before[axis] >= span(axis));
    if window.input_dilation != [1, 1] || begins_late {
        return frame(node, operands, lanes);
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
    let form = Form::Windows { window, is_max, position };
    let reads = vec![operands[0].tensor.channel_count()];
    Planned { form, reads, writes: node.tensor.channel_count() }
}

/// A convolution at one window: a matrix, unless its channels are in groups.
fn at_window(conv: &Conv) -> Op {
    match conv.groups {
        1 => conv.linear.clone().into(),
        _ => Conv { window: Window::whole(conv.window.kernel), ..conv.clone() }.into(),
    }
}
