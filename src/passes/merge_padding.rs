//! Merges padding with the convolution that reads it.
//!
//! A layer of padding is a loop of its own over all pixels in a streaming design; in the windows of
//! a convolution it costs nothing.

use super::{Pass, Report};
use crate::ir::{Conv, Gather, Graph, NodeId, Op, Tensor, Window};

pub(super) const PASS: Pass = Pass {
    name: "merge_padding",
    purpose: "Moves padding and cropping behind an image into the windows of the convolution that reads it.",
    run,
};

fn run(graph: &mut Graph, _: &mut Report) {
    for node in graph.topological_order() {
        merge(graph, node);
    }
}

/// Makes a convolution of padded pixels take the pixels; `None` if it is none, or its result would
/// get another format.
fn merge(graph: &mut Graph, node: NodeId) -> Option<()> {
    let Op::Conv(conv) = &graph[node].op else { return None };
    let padded = *graph.operands(node).first()?;
    let Op::Gather(gather) = &graph[padded].op else { return None };
    let source = *graph.operands(padded).first()?;
    let x = &graph[source].tensor;
    let window = window_of(&conv.window, gather, x)?;
    let op: Op = Conv { window, ..conv.clone() }.into();
    let result = op.infer(&[x]).ok()?;
    let same =
        result.format == graph[node].tensor.format && result.shape == graph[node].tensor.shape;
    same.then(|| {
        graph.set_operands(node, &[source]);
        graph[node].op = op;
        graph[node].tensor = result;
    })
}

/// `window`, which slides over the pixels that `gather` selects, over the pixels of `x`; `None`
/// unless those are the pixels of `x` with padding around them, or without some behind that no window
/// would then see.
fn window_of(window: &Window, gather: &Gather, x: &Tensor) -> Option<Window> {
    let channels = x.channel_count();
    let pixels = x.len().checked_div(channels)?;
    let width = match x.shape.len() {
        2 => pixels,
        3 => x.shape[1],
        _ => return None,
    };
    let [_, columns] = window.input;
    if gather.shape.last() != Some(&channels) || window.input_dilation != [1, 1] {
        return None;
    }
    // The first pixel of the image lies behind all padding.
    let first = gather.indices.iter().position(|index| *index == Some(0))? / channels;
    let before = [first / columns, first % columns];
    let input = [pixels / width, width];
    let index = |element: usize| {
        let (pixel, channel) = (element / channels, element % channels);
        let row = (pixel / columns).checked_sub(before[0]).filter(|row| *row < input[0])?;
        let column = (pixel % columns).checked_sub(before[1]).filter(|column| *column < width)?;
        Some((row * width + column) * channels + channel)
    };
    let is_padding = gather.indices.iter().enumerate().all(|(at, it)| *it == index(at));
    let pad_before = [0, 1].map(|axis| window.pad_before[axis] + before[axis]);
    // A window that reaches beyond the selected pixels takes zeros, not the pixels that were cropped.
    let sees_cropped = [0, 1].iter().any(|axis| {
        let is_cropped = before[*axis] + input[*axis] > window.input[*axis];
        is_cropped && window.end(*axis) > window.input[*axis]
    });
    (is_padding && !sees_cropped).then_some(Window { input, pad_before, ..*window })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::Format;
    use crate::ir::validate;
    use crate::passes::test::graph;
    use crate::sim;

    /// Pixels of 2 x 3 with `indices` as an image of this shape, under a convolution.
    fn convolved(shape: [usize; 2], source: impl Fn(usize, usize) -> Option<usize>) -> Graph {
        let mut graph = Graph::new("padded");
        let x = graph.add_input("x", vec![2, 3, 2], Format::signed(4, 2).expect("a format"));
        let pixels = (0..shape[0]).flat_map(|y| (0..shape[1]).map(move |x| (y, x)));
        let indices = pixels.flat_map(|(y, x)| {
            let pixel = source(y, x);
            [0, 1].map(|channel| Some(2 * pixel? + channel))
        });
        let (shape, indices) = (vec![shape[0], shape[1], 2], indices.collect());
        let padded = graph.add("padded", Gather { shape: shape.clone(), indices }, &[x]);
        let weights = crate::ir::Constant::of_codes(
            ndarray::Array2::from_shape_fn((8, 1), |(row, _)| (row as i64 - 3).into()).into_dyn(),
            1,
        );
        let linear = crate::ir::Linear { weights: weights.expect("weights"), bias: None };
        let window = Window {
            kernel: [2, 2],
            output: [shape[0] - 1, shape[1] - 1],
            ..Window::whole([shape[0], shape[1]])
        };
        let conv = Conv { window, groups: 1, linear };
        let conv = graph.add("conv", conv, &[padded.expect("pixels")]).expect("a convolution");
        graph.add_output("conv", conv);
        graph
    }

    /// The padding before the image of the convolution after the pass, if it reads the input.
    fn merged(before: &Graph) -> Option<[usize; 2]> {
        let mut after = before.clone();
        (PASS.run)(&mut after, &mut Report::default());
        validate(&after).expect("a valid graph");
        let samples = sim::vectors(before, 50);
        let outputs = |graph: &Graph| sim::run(graph, &samples).expect("samples").outputs(graph);
        assert_eq!(outputs(before), outputs(&after));
        let conv = after.outputs[0].node;
        let Op::Conv(conv_op) = &after[conv].op else { return None };
        (after.operands(conv) == after.inputs).then_some(conv_op.window.pad_before)
    }

    #[test]
    fn windows_take_padding_on_every_side() {
        let at = |y: usize, x: usize| (y < 2 && x < 3).then_some(3 * y + x);
        assert_eq!(
            merged(&convolved([4, 5], |y, x| at(y.checked_sub(1)?, x.checked_sub(1)?))),
            Some([1, 1])
        );
        assert_eq!(merged(&convolved([5, 3], |y, x| at(y.checked_sub(2)?, x))), Some([2, 0]));
        assert_eq!(merged(&convolved([3, 6], at)), Some([0, 0]));
        // Cropped behind.
        assert_eq!(merged(&convolved([2, 2], at)), Some([0, 0]));
    }

    #[test]
    fn cropped_pixels_stay_out_of_padded_windows() {
        let at = |y: usize, x: usize| Some(3 * y + x);
        // Windows of 2 x 2 that reach a pixel beyond the 2 x 2 that are left, on one axis or none.
        let padded = |pad: [usize; 2]| {
            let mut graph = convolved([2, 2], at);
            let conv = graph.outputs[0].node;
            let Op::Conv(conv_op) = &graph[conv].op else { unreachable!("a convolution") };
            let [rows, columns] = pad.map(|pad| 1 + pad);
            let window = Window { output: [rows, columns], ..conv_op.window };
            let op: Op = Conv { window, ..conv_op.clone() }.into();
            let x = &graph[graph.operands(conv)[0]].tensor;
            let tensor = op.infer(&[x]).expect("a result");
            graph[conv].op = op;
            graph[conv].tensor = tensor;
            graph
        };
        assert_eq!(merged(&padded([0, 0])), Some([0, 0]));
        // No row is cropped, so that there is nothing but padding behind the last.
        assert_eq!(merged(&padded([1, 0])), Some([0, 0]));
        assert_eq!(merged(&padded([0, 1])), None);
    }

    #[test]
    fn other_selections_stay() {
        let at = |y: usize, x: usize| (y < 2 && x < 3).then_some(3 * y + x);
        // Cropped before the image, repeated, mirrored, with a hole.
        assert_eq!(merged(&convolved([2, 2], |y, x| at(y, x + 1))), None);
        assert_eq!(merged(&convolved([4, 6], |y, x| at(y / 2, x / 2))), None);
        assert_eq!(merged(&convolved([2, 3], |y, x| at(1 - y, 2 - x))), None);
        assert_eq!(merged(&convolved([3, 4], |y, x| at(y, x).filter(|pixel| *pixel != 4))), None);
    }

    #[test]
    fn the_padded_image_stays_for_others() {
        let mut graph = graph(
            "x = input shape=[2, 1] format=fixed<4,2>
             padded = gather x shape=[3, 1] indices=[_, 0, 1]
             output padded",
        );
        let before = graph.clone();
        (PASS.run)(&mut graph, &mut Report::default());
        assert_eq!(crate::ir::text::print(&before, None), crate::ir::text::print(&graph, None));
    }
}
