//! Dot products by the instructions of x86-64: VNNI, or the multiply-add of pairs of AVX2.
//!
//! A tile of rows and panels keeps its sums in registers. Each group of a row is broadcast, and
//! multiplied with a line of each panel.

use std::arch::x86_64::*;

use super::{Factors, GROUP, Line, Matrix, PANEL, Rows};

/// The memory that a tile reads and writes: pointers with the sizes that [`Matrix::dot`] asserts.
#[derive(Clone, Copy)]
struct Tile<'m> {
    matrix: &'m Matrix,
    /// First element of the array of rows.
    x: *const u8,
    /// Bytes of an element.
    element: usize,
    /// First of the results.
    y: *mut i32,
}

impl<'m> Tile<'m> {
    fn new(matrix: &'m Matrix, rows: Rows<'_>, y: &mut [i32]) -> Self {
        let (x, element) = match rows {
            Rows::Bytes(array, _) => (array.as_ptr(), 1),
            Rows::Words(array, _) => (array.as_ptr().cast(), 2),
        };
        Self { matrix, x, element, y: y.as_mut_ptr() }
    }

    /// The first bytes of rows.
    #[inline(always)]
    fn rows<const R: usize>(self, starts: &[usize]) -> [*const u8; R] {
        let mut rows = [self.x; R];
        for (row, start) in rows.iter_mut().zip(starts) {
            *row = row.wrapping_add(start * self.element);
        }
        rows
    }

    /// Lines of a panel.
    fn lines(&self) -> usize {
        self.matrix.segments.len() * self.matrix.groups
    }

    fn panels(&self) -> usize {
        self.matrix.bias.len() / PANEL
    }
}

fn starts(rows: Rows<'_>) -> &[usize] {
    match rows {
        Rows::Bytes(_, starts) | Rows::Words(_, starts) => starts,
    }
}

/// [`Matrix::dot`] with AVX-512 VNNI.
///
/// # Safety
/// The processor has AVX-512 F, BW, VL and VNNI; sizes are those that [`Matrix::dot`] asserts.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) unsafe fn dot512(matrix: &Matrix, rows: Rows<'_>, y: &mut [i32]) {
    let tile = Tile::new(matrix, rows, y);
    let starts = starts(rows);
    // SAFETY: the caller's, see above.
    unsafe {
        match matrix.factors {
            Factors::Bytes | Factors::WideBytes => panels512::<false>(tile, starts),
            Factors::Words => panels512::<true>(tile, starts),
        }
    }
}

/// All panels, several at a time.
///
/// # Safety
/// As of [`dot512`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn panels512<const WORDS: bool>(tile: Tile<'_>, starts: &[usize]) {
    let mut panel = 0;
    while panel < tile.panels() {
        // SAFETY: the panels are those of the matrix.
        unsafe {
            if panel + 4 <= tile.panels() {
                rows512::<WORDS, 6, 4>(tile, starts, panel);
                panel += 4;
            } else if panel + 2 <= tile.panels() {
                rows512::<WORDS, 12, 2>(tile, starts, panel);
                panel += 2;
            } else {
                rows512::<WORDS, 16, 1>(tile, starts, panel);
                panel += 1;
            }
        }
    }
}

/// All rows for `P` panels from `panel` on, `R` rows at a time.
///
/// # Safety
/// As of [`dot512`]; the matrix has the panels.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn rows512<const WORDS: bool, const R: usize, const P: usize>(
    tile: Tile<'_>,
    starts: &[usize],
    panel: usize,
) {
    let mut row = 0;
    while row + R <= starts.len() {
        // SAFETY: the rows exist.
        unsafe { tile512::<WORDS, R, P>(tile, &starts[row..row + R], row, panel) };
        row += R;
    }
    while row + 4 <= starts.len() {
        // SAFETY: as above.
        unsafe { tile512::<WORDS, 4, P>(tile, &starts[row..row + 4], row, panel) };
        row += 4;
    }
    while row < starts.len() {
        // SAFETY: as above.
        unsafe { tile512::<WORDS, 1, P>(tile, &starts[row..=row], row, panel) };
        row += 1;
    }
}

/// `R` rows from `row` on, for `P` panels from `panel` on.
///
/// # Safety
/// As of [`rows512`]; `starts` has `R` elements.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
unsafe fn tile512<const WORDS: bool, const R: usize, const P: usize>(
    tile: Tile<'_>,
    starts: &[usize],
    row: usize,
    panel: usize,
) {
    let (matrix, each) = (tile.matrix, tile.lines());
    let mut lines = [std::ptr::null::<Line>(); P];
    for (p, line) in lines.iter_mut().enumerate() {
        *line = matrix.lines[(panel + p) * each..].as_ptr();
    }
    let rows = tile.rows::<R>(starts);
    // SAFETY: `bias` has a whole panel for each panel; each row has the groups of each segment, and
    // each panel a line for each of them.
    unsafe {
        // Loops instead of closures, which do not take part in the features of this function.
        let mut bias = [_mm512_setzero_si512(); P];
        for (p, bias) in bias.iter_mut().enumerate() {
            *bias = _mm512_loadu_si512(matrix.bias.as_ptr().add((panel + p) * PANEL).cast());
        }
        let mut sums = [bias; R];
        let mut line = 0;
        for segment in &matrix.segments {
            for group in 0..matrix.groups {
                let at = segment * tile.element + group * GROUP;
                let mut weights = [_mm512_setzero_si512(); P];
                for p in 0..P {
                    weights[p] = _mm512_load_si512(lines[p].add(line).cast());
                }
                for r in 0..R {
                    let x = _mm512_set1_epi32(rows[r].add(at).cast::<i32>().read_unaligned());
                    for p in 0..P {
                        sums[r][p] = match WORDS {
                            true => _mm512_dpwssd_epi32(sums[r][p], x, weights[p]),
                            false => _mm512_dpbusd_epi32(sums[r][p], x, weights[p]),
                        };
                    }
                }
                line += 1;
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (p, sums) in sums.iter().enumerate() {
                let first = (panel + p) * PANEL;
                let columns = PANEL.min(matrix.outputs - first);
                let mask = (u16::MAX) >> (PANEL - columns);
                let y = tile.y.add((row + r) * matrix.outputs + first);
                _mm512_mask_storeu_epi32(y, mask, *sums);
            }
        }
    }
}

/// [`Matrix::dot`] with AVX2, for factors other than [`Factors::WideBytes`].
///
/// # Safety
/// The processor has AVX2; sizes are those that [`Matrix::dot`] asserts.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn dot256(matrix: &Matrix, rows: Rows<'_>, y: &mut [i32]) {
    let tile = Tile::new(matrix, rows, y);
    let starts = starts(rows);
    for panel in 0..tile.panels() {
        // SAFETY: the panel is one of the matrix.
        unsafe {
            match matrix.factors {
                Factors::Bytes | Factors::WideBytes => rows256::<false>(tile, starts, panel),
                Factors::Words => rows256::<true>(tile, starts, panel),
            }
        }
    }
}

/// All rows for the panel `panel`.
///
/// # Safety
/// As of [`dot256`]; the matrix has the panel.
#[target_feature(enable = "avx2")]
unsafe fn rows256<const WORDS: bool>(tile: Tile<'_>, starts: &[usize], panel: usize) {
    const ROWS: usize = 4;
    let mut row = 0;
    while row + ROWS <= starts.len() {
        // SAFETY: the rows exist.
        unsafe { tile256::<WORDS, ROWS>(tile, &starts[row..row + ROWS], row, panel) };
        row += ROWS;
    }
    while row < starts.len() {
        // SAFETY: as above.
        unsafe { tile256::<WORDS, 1>(tile, &starts[row..=row], row, panel) };
        row += 1;
    }
}

/// `R` rows from `row` on, for the panel `panel`.
///
/// # Safety
/// As of [`rows256`]; `starts` has `R` elements.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn tile256<const WORDS: bool, const R: usize>(
    tile: Tile<'_>,
    starts: &[usize],
    row: usize,
    panel: usize,
) {
    /// Outputs of a register.
    const HALF: usize = PANEL / 2;
    let (matrix, each) = (tile.matrix, tile.lines());
    let lines = matrix.lines[panel * each..].as_ptr();
    let rows = tile.rows::<R>(starts);
    // SAFETY: `bias` has a whole panel for each panel; each row has the groups of each segment, and
    // each panel a line for each of them.
    unsafe {
        let bias = matrix.bias.as_ptr().add(panel * PANEL);
        let bias = [_mm256_loadu_si256(bias.cast()), _mm256_loadu_si256(bias.add(HALF).cast())];
        let ones = _mm256_set1_epi16(1);
        let mut sums = [bias; R];
        let mut line = lines;
        for segment in &matrix.segments {
            for group in 0..matrix.groups {
                let at = segment * tile.element + group * GROUP;
                let halves = line.cast::<__m256i>();
                let weights = [_mm256_load_si256(halves), _mm256_load_si256(halves.add(1))];
                for r in 0..R {
                    let x = _mm256_set1_epi32(rows[r].add(at).cast::<i32>().read_unaligned());
                    for half in 0..2 {
                        let products = match WORDS {
                            true => _mm256_madd_epi16(x, weights[half]),
                            false => {
                                _mm256_madd_epi16(_mm256_maddubs_epi16(x, weights[half]), ones)
                            }
                        };
                        sums[r][half] = _mm256_add_epi32(sums[r][half], products);
                    }
                }
                line = line.add(1);
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (half, sums) in sums.iter().enumerate() {
                let first = panel * PANEL + half * HALF;
                let columns = matrix.outputs.saturating_sub(first).min(HALF);
                let mut mask = [0; HALF];
                mask[..columns].fill(-1);
                let y = tile.y.wrapping_add((row + r) * matrix.outputs + first);
                _mm256_maskstore_epi32(y, _mm256_loadu_si256(mask.as_ptr().cast()), *sums);
            }
        }
    }
}
