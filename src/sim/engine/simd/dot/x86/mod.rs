//! Dot products by the instructions of x86-64: VNNI, or the multiply-add of pairs of AVX2.
//!
//! A tile of rows and panels keeps its sums in registers. Each group of a row is broadcast, and
//! multiplied with a line of each panel. Bits are counted in [`signs`].

mod signs;

use std::arch::x86_64::*;

use super::{Factors, GROUP, Line, Matrix, PANEL, Rows, Signs};

/// Kinds of factors, as parameters of functions.
const BYTES: u8 = 0;
const WORDS: u8 = 1;
const BINARY: u8 = 2;
const TERNARY: u8 = 3;

/// Outputs of a register of AVX2.
const HALF: usize = PANEL / 2;

/// The memory that a tile reads and writes: pointers with the sizes that [`Matrix::dot`] asserts.
#[derive(Clone, Copy)]
struct Tile<'m> {
    matrix: &'m Matrix,
    /// For rows of bits, the number of codes other than 0 of each.
    nonzero: *const i32,
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
            Rows::Signs(array, _) => (array.as_ptr().cast(), size_of::<Signs>()),
        };
        Self { matrix, nonzero: std::ptr::null(), x, element, y: y.as_mut_ptr() }
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

    /// The lines of `P` panels from `panel` on.
    #[inline(always)]
    fn lines<const P: usize>(self, panel: usize) -> [*const Line; P] {
        let matrix = self.matrix;
        let each = matrix.segments.len() * matrix.groups * matrix.factors.lines();
        let mut lines = [std::ptr::null(); P];
        for (p, lines) in lines.iter_mut().enumerate() {
            *lines = matrix.lines[(panel + p) * each..].as_ptr();
        }
        lines
    }

    fn panels(&self) -> usize {
        self.matrix.bias.len() / PANEL
    }
}

/// [`Matrix::dot`] with AVX-512: VNNI, or VPOPCNTDQ for bits.
///
/// # Safety
/// The processor has AVX-512 F, BW, VL and VNNI, for bits VPOPCNTDQ; sizes are those that
/// [`Matrix::dot`] asserts.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) unsafe fn dot512(matrix: &Matrix, rows: Rows<'_>, y: &mut [i32]) {
    let tile = Tile::new(matrix, rows, y);
    // SAFETY: the caller's, see above.
    unsafe {
        match (matrix.factors, rows) {
            (Factors::Words, _) => panels512::<WORDS>(tile, rows.extent().0),
            (Factors::Binary, Rows::Signs(x, starts)) => {
                signs::counted(tile, x, starts, |tile, starts| panels512::<BINARY>(tile, starts));
            }
            (Factors::Ternary, Rows::Signs(x, starts)) => {
                signs::counted(tile, x, starts, |tile, starts| panels512::<TERNARY>(tile, starts));
            }
            _ => panels512::<BYTES>(tile, rows.extent().0),
        }
    }
}

/// All panels, several at a time.
///
/// # Safety
/// As of [`dot512`]; the matrix has factors of the kind.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn panels512<const KIND: u8>(tile: Tile<'_>, starts: &[usize]) {
    let mut panel = 0;
    while panel < tile.panels() {
        // SAFETY: the panels are those of the matrix.
        unsafe {
            // Two lines of weights for each panel take registers.
            if KIND != TERNARY && panel + 4 <= tile.panels() {
                rows512::<KIND, 6, 4>(tile, starts, panel);
                panel += 4;
            } else if panel + 2 <= tile.panels() {
                rows512::<KIND, 12, 2>(tile, starts, panel);
                panel += 2;
            } else {
                rows512::<KIND, 16, 1>(tile, starts, panel);
                panel += 1;
            }
        }
    }
}

/// All rows for `P` panels from `panel` on, `R` rows at a time.
///
/// # Safety
/// As of [`panels512`]; the matrix has the panels.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn rows512<const KIND: u8, const R: usize, const P: usize>(
    tile: Tile<'_>,
    starts: &[usize],
    panel: usize,
) {
    let mut row = 0;
    while row + R <= starts.len() {
        // SAFETY: the rows exist.
        unsafe { any512::<KIND, R, P>(tile, &starts[row..row + R], row, panel) };
        row += R;
    }
    while row + 4 <= starts.len() {
        // SAFETY: as above.
        unsafe { any512::<KIND, 4, P>(tile, &starts[row..row + 4], row, panel) };
        row += 4;
    }
    while row < starts.len() {
        // SAFETY: as above.
        unsafe { any512::<KIND, 1, P>(tile, &starts[row..=row], row, panel) };
        row += 1;
    }
}

/// `R` rows from `row` on, for `P` panels from `panel` on.
///
/// # Safety
/// As of [`rows512`]; `starts` has `R` elements.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
unsafe fn any512<const KIND: u8, const R: usize, const P: usize>(
    tile: Tile<'_>,
    starts: &[usize],
    row: usize,
    panel: usize,
) {
    // SAFETY: the caller's, see above.
    unsafe {
        match KIND {
            BINARY => signs::tile512::<1, R, P>(tile, starts, row, panel),
            TERNARY => signs::tile512::<2, R, P>(tile, starts, row, panel),
            _ => tile512::<KIND, R, P>(tile, starts, row, panel),
        }
    }
}

/// The same for bytes and words.
///
/// # Safety
/// As of [`any512`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
unsafe fn tile512<const KIND: u8, const R: usize, const P: usize>(
    tile: Tile<'_>,
    starts: &[usize],
    row: usize,
    panel: usize,
) {
    let matrix = tile.matrix;
    let lines = tile.lines::<P>(panel);
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
                        sums[r][p] = match KIND {
                            WORDS => _mm512_dpwssd_epi32(sums[r][p], x, weights[p]),
                            _ => _mm512_dpbusd_epi32(sums[r][p], x, weights[p]),
                        };
                    }
                }
                line += 1;
            }
        }
        store512(tile, row, panel, &sums);
    }
}

/// Stores the sums of `R` rows from `row` on, for `P` panels from `panel` on.
///
/// # Safety
/// As of [`dot512`]; the rows and the panels exist.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn store512<const R: usize, const P: usize>(
    tile: Tile<'_>,
    row: usize,
    panel: usize,
    sums: &[[__m512i; P]; R],
) {
    let (first, outputs) = (panel * PANEL, tile.matrix.outputs);
    let mut masks = [0; P];
    for (p, mask) in masks.iter_mut().enumerate() {
        *mask = u16::MAX >> (PANEL - PANEL.min(outputs - first - p * PANEL));
    }
    for (r, sums) in sums.iter().enumerate() {
        for (p, sums) in sums.iter().enumerate() {
            // SAFETY: the mask excludes what is not the row's.
            unsafe {
                let y = tile.y.add((row + r) * outputs + first + p * PANEL);
                _mm512_mask_storeu_epi32(y, masks[p], *sums);
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
    // SAFETY: the caller's, see above.
    unsafe {
        match (matrix.factors, rows) {
            (Factors::Words, _) => panels256::<WORDS>(tile, rows.extent().0),
            (Factors::Binary, Rows::Signs(x, starts)) => {
                signs::counted(tile, x, starts, |tile, starts| panels256::<BINARY>(tile, starts));
            }
            (Factors::Ternary, Rows::Signs(x, starts)) => {
                signs::counted(tile, x, starts, |tile, starts| panels256::<TERNARY>(tile, starts));
            }
            _ => panels256::<BYTES>(tile, rows.extent().0),
        }
    }
}

/// All panels.
///
/// # Safety
/// As of [`dot256`]; the matrix has factors of the kind.
#[target_feature(enable = "avx2")]
unsafe fn panels256<const KIND: u8>(tile: Tile<'_>, starts: &[usize]) {
    for panel in 0..tile.panels() {
        // SAFETY: the panel is one of the matrix.
        unsafe { rows256::<KIND>(tile, starts, panel) };
    }
}

/// All rows for the panel `panel`.
///
/// # Safety
/// As of [`panels256`]; the matrix has the panel.
#[target_feature(enable = "avx2")]
unsafe fn rows256<const KIND: u8>(tile: Tile<'_>, starts: &[usize], panel: usize) {
    const ROWS: usize = 4;
    let mut row = 0;
    while row + ROWS <= starts.len() {
        // SAFETY: the rows exist.
        unsafe { any256::<KIND, ROWS>(tile, &starts[row..row + ROWS], row, panel) };
        row += ROWS;
    }
    while row < starts.len() {
        // SAFETY: as above.
        unsafe { any256::<KIND, 1>(tile, &starts[row..=row], row, panel) };
        row += 1;
    }
}

/// `R` rows from `row` on, for the panel `panel`.
///
/// # Safety
/// As of [`rows256`]; `starts` has `R` elements.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn any256<const KIND: u8, const R: usize>(
    tile: Tile<'_>,
    starts: &[usize],
    row: usize,
    panel: usize,
) {
    // SAFETY: the caller's, see above.
    unsafe {
        match KIND {
            BINARY => signs::tile256::<1, R>(tile, starts, row, panel),
            TERNARY => signs::tile256::<2, R>(tile, starts, row, panel),
            _ => tile256::<KIND, R>(tile, starts, row, panel),
        }
    }
}

/// The same for bytes and words.
///
/// # Safety
/// As of [`any256`].
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn tile256<const KIND: u8, const R: usize>(
    tile: Tile<'_>,
    starts: &[usize],
    row: usize,
    panel: usize,
) {
    let matrix = tile.matrix;
    let [lines] = tile.lines(panel);
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
                        let products = match KIND {
                            WORDS => _mm256_madd_epi16(x, weights[half]),
                            _ => _mm256_madd_epi16(_mm256_maddubs_epi16(x, weights[half]), ones),
                        };
                        sums[r][half] = _mm256_add_epi32(sums[r][half], products);
                    }
                }
                line = line.add(1);
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            store256(tile, row + r, panel, *sums);
        }
    }
}

/// Stores the sums of a row for the outputs of a panel.
///
/// # Safety
/// As of [`dot256`]; the row and the panel exist.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn store256(tile: Tile<'_>, row: usize, panel: usize, sums: [__m256i; 2]) {
    for (half, sums) in sums.iter().enumerate() {
        let (first, outputs) = (panel * PANEL + half * HALF, tile.matrix.outputs);
        let mut mask = [0; HALF];
        mask[..outputs.saturating_sub(first).min(HALF)].fill(-1);
        // SAFETY: the mask excludes what is not the row's.
        unsafe {
            let y = tile.y.wrapping_add(row * outputs + first);
            _mm256_maskstore_epi32(y, _mm256_loadu_si256(mask.as_ptr().cast()), *sums);
        }
    }
}
