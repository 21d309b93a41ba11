//! A tall drawing in parts that fit on pages of paper.

use super::text::pixels;

/// Height from which a drawing is parted, in pixels. A part is printed at four fifths of its size and may be taller
/// by a layer, so that it fits on a page of A4 or Letter.
const MOST: f64 = 1000.0;

/// A part, as wide as the drawing.
pub(super) struct PartView {
    pub top: String,
    pub height: String,
}

/// The parts of a drawing of `height`, which do not cut what lies over one of `spans`, from top to bottom.
pub(super) fn parts(spans: Vec<(f64, f64)>, height: f64) -> Vec<PartView> {
    let view = |(top, end): (f64, f64)| PartView { top: pixels(top), height: pixels(end - top) };
    intervals(spans, height).into_iter().map(view).collect()
}

/// The upper and lower ends of parts of about the same height.
fn intervals(mut spans: Vec<(f64, f64)>, height: f64) -> Vec<(f64, f64)> {
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let wanted = height / (height / MOST).ceil().max(1.0);
    let (mut found, mut start, mut covered) = (Vec::new(), 0.0, 0.0);
    for (top, end) in spans {
        if top > covered && covered - start >= wanted {
            let cut = (covered + top) / 2.0;
            found.push((start, cut));
            start = cut;
        }
        covered = end.max(covered);
    }
    found.push((start, height));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_drawing_has_one_part() {
        assert_eq!(intervals(vec![(16.0, 300.0), (340.0, 700.0)], 716.0), [(0.0, 716.0)]);
        assert_eq!(intervals(vec![], 0.0), [(0.0, 0.0)]);
    }

    #[test]
    fn parts_end_between_layers() {
        // 30 layers of 80 pixels in 100 each: three parts of 1000.
        let spans: Vec<(f64, f64)> =
            (0..30).map(|at| f64::from(at) * 100.0).map(|top| (top + 10.0, top + 90.0)).collect();
        let found = intervals(spans.clone(), 3000.0);
        assert_eq!(found, [(0.0, 1100.0), (1100.0, 2200.0), (2200.0, 3000.0)]);
        // A second column, whose layers lie over some of the gaps.
        let beside = [(1080.0, 1120.0), (1150.0, 1250.0)];
        let found = intervals([&spans[..], &beside].concat(), 3000.0);
        assert_eq!(found, [(0.0, 1300.0), (1300.0, 2400.0), (2400.0, 3000.0)]);
    }
}
