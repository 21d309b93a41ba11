//! The steps of a process along an axis of an image.

/// Rows of an image, or the pixels of a row, as a process takes them and gives windows.
///
/// A window is given as soon as its last pixel has been taken. A process takes padding like pixels,
/// before and behind the image. Where windows overlap by less than a pixel (upsampling, transposed
/// convolution), several windows are given between two pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Pixels of the image.
    pub pixels: usize,
    /// Consecutive pixels that a window spans at most.
    pub span: usize,
    /// Steps from one pixel to the next where they are equally far apart; else 1.
    pub scale: usize,
    /// The steps.
    pub steps: Vec<Step>,
}

/// A step along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The pixel that it takes, if any.
    pub takes: Take,
    /// Set if it gives a window.
    pub gives: bool,
}

impl Step {
    /// Takes a pixel and gives a window.
    pub(super) const PASS: Self = Self { takes: Take::Pixel, gives: true };
}

/// A pixel that a step takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// None: the window stays.
    Nothing,
    /// The next pixel of the image.
    Pixel,
    /// Padding.
    Padding,
}

/// Spacing of windows: window n ends at position n · `stride` + `end` of the pixels, which are
/// `scale` positions apart. Pixel 0 has the position 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spacing {
    /// Positions from one pixel to the next.
    pub scale: usize,
    /// Positions from one window to the next.
    pub stride: usize,
    /// Last position of window 0.
    pub end: isize,
}

impl Spacing {
    /// The last position of `window`.
    fn last(&self, window: usize) -> isize {
        (window * self.stride) as isize + self.end
    }

    /// The last pixel at or before the end of `window`; negative before the image.
    fn pixel(&self, window: usize) -> isize {
        self.last(window).div_euclid(self.scale as isize)
    }
}

impl Axis {
    /// `windows` windows at `positions` over an axis of `pixels`, each of which spans `span` of them.
    pub(super) fn of_positions(
        pixels: usize,
        span: usize,
        positions: Spacing,
        windows: usize,
    ) -> Self {
        let scale = positions.scale;
        // Padding to take before the first pixel, and pixels to take with it.
        let lead = (-positions.pixel(0)).max(0) as usize;
        let last = positions.pixel(windows - 1) + lead as isize;
        let taken = (last + 1).max((lead + pixels) as isize) as usize;
        let step = |at: usize| {
            let pixel = at / scale;
            let takes = match at % scale {
                0 if (lead..lead + pixels).contains(&pixel) => Take::Pixel,
                0 => Take::Padding,
                _ => Take::Nothing,
            };
            Step { takes, gives: false }
        };
        let mut steps: Vec<Step> = (0..taken * scale).map(step).collect();
        for window in 0..windows {
            let at = positions.last(window) + (lead * scale) as isize;
            steps[at as usize].gives = true;
        }
        let idle = Step { takes: Take::Nothing, gives: false };
        while steps.last() == Some(&idle) {
            steps.pop();
        }
        Self { pixels, span, scale, steps }
    }

    /// Windows of one of `pixels` each: window n is pixel `sources[n]`, or padding. `None` if the
    /// pixels do not follow one another.
    pub(super) fn of_sources(pixels: usize, sources: &[Option<usize>]) -> Option<Self> {
        let present = sources.iter().flatten();
        if !present.clone().is_sorted() || present.clone().any(|source| *source >= pixels) {
            return None;
        }
        let listed = Self::listed(pixels, sources);
        let regular = positions(sources)
            .map(|positions| Self::of_positions(pixels, 1, positions, sources.len()))
            .filter(|axis| axis.sources() == sources);
        match (regular, listed) {
            // Equal distances are worth the steps between two pixels.
            (Some(regular), Some(listed)) => {
                let most = listed.steps.len() + regular.scale;
                Some(if regular.steps.len() <= most { regular } else { listed })
            }
            (regular, listed) => regular.or(listed),
        }
    }

    /// The fewest steps that give pixels `sources`.
    fn listed(pixels: usize, sources: &[Option<usize>]) -> Option<Self> {
        let mut steps = Vec::new();
        let mut taken = 0;
        let mut held = None;
        for source in sources {
            let takes = match source {
                same if held == Some(*same) => Take::Nothing,
                None => Take::Padding,
                // It has been dropped for padding.
                Some(source) if *source < taken => return None,
                Some(source) => {
                    let skipped = Step { takes: Take::Pixel, gives: false };
                    steps.extend(std::iter::repeat_n(skipped, source - taken));
                    taken = source + 1;
                    Take::Pixel
                }
            };
            held = Some(*source);
            steps.push(Step { takes, gives: true });
        }
        let unread = Step { takes: Take::Pixel, gives: false };
        steps.extend(std::iter::repeat_n(unread, pixels - taken));
        Some(Self { pixels, span: 1, scale: 1, steps })
    }

    /// The last pixel of each window, if that is not padding.
    pub(super) fn sources(&self) -> Vec<Option<usize>> {
        let (mut taken, mut held) = (0, None);
        let mut sources = Vec::new();
        for step in &self.steps {
            match step.takes {
                Take::Nothing => {}
                Take::Padding => held = None,
                Take::Pixel => {
                    held = Some(taken);
                    taken += 1;
                }
            }
            sources.extend(step.gives.then_some(held));
        }
        sources
    }

    /// Number of windows that are given at a step of `phase`, the number of steps modulo the scale.
    pub fn windows(&self, phase: usize) -> usize {
        let own = self.steps.iter().skip(phase).step_by(self.scale);
        own.filter(|step| step.gives).count()
    }

    /// Tells whether some step takes nothing: what was taken before is used again.
    pub fn has_repeats(&self) -> bool {
        self.steps.iter().any(|step| step.takes == Take::Nothing)
    }
}

/// The positions of windows of one pixel each, which are `sources`, if they may be equally far apart.
fn positions(sources: &[Option<usize>]) -> Option<Spacing> {
    /// Most positions from one pixel to the next.
    const MOST: usize = 64;
    let first = sources.iter().position(Option::is_some)?;
    let last = sources.iter().rposition(Option::is_some)?;
    let (begin, end) = (sources[first]?, sources[last]?);
    for scale in 1..=MOST.min(sources.len()) {
        // Window n shows pixel (n · stride + end) / scale.
        let near = (end - begin) * scale / (last - first).max(1);
        for stride in near.max(1)..=near + 1 {
            for within in 0..scale {
                let end = (begin * scale + within) as isize - (first * stride) as isize;
                let positions = Spacing { scale, stride, end };
                let fits = |(window, source): (usize, &Option<usize>)| {
                    source.is_none_or(|source| positions.pixel(window) == source as isize)
                };
                if sources.iter().enumerate().all(fits) {
                    return Some(positions);
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn steps(axis: &Axis) -> String {
        let letter = |step: &Step| match (step.takes, step.gives) {
            (Take::Nothing, true) => "=",
            (Take::Nothing, false) => ".",
            (Take::Pixel, true) => "P",
            (Take::Pixel, false) => "p",
            (Take::Padding, true) => "O",
            (Take::Padding, false) => "o",
        };
        axis.steps.iter().map(letter).collect()
    }

    #[test]
    fn pixels_are_skipped_repeated_and_padded() {
        let of = |pixels, sources: &[Option<usize>]| {
            Axis::of_sources(pixels, sources).map(|axis| (steps(&axis), axis.scale))
        };
        let each = |list: &[usize]| list.iter().map(|source| Some(*source)).collect::<Vec<_>>();
        let is = |text: &str, scale| Some((text.to_owned(), scale));
        // Cropped, strided.
        assert_eq!(of(5, &each(&[1, 2, 3])), is("pPPPp", 1));
        assert_eq!(of(6, &each(&[1, 3, 5])), is("pPpPpP", 1));
        // Repeated by two, the borders repeated, and by two thirds.
        assert_eq!(of(3, &each(&[0, 0, 1, 1, 2, 2])), is("P=P=P=", 2));
        assert_eq!(of(3, &each(&[0, 0, 1, 2, 2])), is("P=PP=", 1));
        assert_eq!(of(4, &each(&[0, 0, 1, 2, 2, 3])), is("P=PP=P", 1));
        // Padded, broadcast.
        assert_eq!(of(2, &[None, Some(0), Some(1), None]), is("OPPO", 1));
        assert_eq!(of(1, &each(&[0, 0, 0])), is("P==", 3));
        // In another order, or again after padding.
        assert_eq!(of(2, &each(&[1, 0])), None);
        assert_eq!(of(2, &[Some(0), None, Some(0)]), None);
    }

    #[test]
    fn windows_end_between_pixels() {
        // Three taps of a transposed convolution of stride 2 span two pixels.
        let positions = Spacing { scale: 2, stride: 1, end: 1 };
        let axis = Axis::of_positions(3, 2, positions, 6);
        assert_eq!((steps(&axis).as_str(), axis.windows(0), axis.windows(1)), ("p=P=P=O", 3, 3));
    }

    proptest! {
        /// Whatever is found is what was asked for, and each pixel is taken once.
        #[test]
        fn steps_give_the_sources(
            pixels in 1_usize..9,
            (scale, stride, windows) in (1_usize..5, 1_usize..4, 1_usize..20),
            end in -6_isize..6,
        ) {
            let positions = Spacing { scale, stride, end };
            let source = |window: usize| {
                let pixel = usize::try_from(positions.pixel(window)).ok()?;
                (pixel < pixels).then_some(pixel)
            };
            let sources: Vec<Option<usize>> = (0..windows).map(source).collect();
            let Some(axis) = Axis::of_sources(pixels, &sources) else {
                return Err(TestCaseError::fail("monotone sources"));
            };
            prop_assert_eq!(axis.sources(), sources);
            let taken = axis.steps.iter().filter(|step| step.takes == Take::Pixel).count();
            prop_assert_eq!(taken, pixels);
        }
    }
}
