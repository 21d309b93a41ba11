//! Tiles of bits: the negative products are counted, by VPOPCNTDQ or a table of half bytes.

use std::arch::x86_64::*;

use super::{HALF, Matrix, PANEL, Signs, Tile, store256, store512};

/// Rows that are counted before their tiles run.
const COUNTED: usize = 64;

/// Calls `run` with the rows at `starts` of `x`, some at a time, and the counts of their codes other
/// than 0.
///
/// # Safety
/// The processor has AVX2 and POPCNT; sizes are those that [`Matrix::dot`] asserts.
#[target_feature(enable = "avx2,popcnt")]
pub(super) unsafe fn counted<'m>(
    mut tile: Tile<'m>,
    x: &[Signs],
    starts: &[usize],
    run: impl Fn(Tile<'m>, &[usize]),
) {
    let mut nonzero = [0; COUNTED];
    for starts in starts.chunks(COUNTED) {
        count(tile.matrix, x, starts, &mut nonzero);
        tile.nonzero = nonzero.as_ptr();
        run(tile, starts);
        tile.y = tile.y.wrapping_add(starts.len() * tile.matrix.outputs);
    }
}

/// The number of codes other than 0 of each row.
#[target_feature(enable = "avx2,popcnt")]
fn count(matrix: &Matrix, x: &[Signs], starts: &[usize], nonzero: &mut [i32]) {
    for (nonzero, start) in nonzero.iter_mut().zip(starts) {
        *nonzero = 0;
        for segment in &matrix.segments {
            for x in &x[start + segment..][..matrix.groups] {
                *nonzero += x.nonzero.count_ones().cast_signed();
            }
        }
    }
}

/// `R` rows from `row` on, for `P` panels from `panel` on, with `LINES` lines of weights for a group.
///
/// # Safety
/// As of [`super::any512`]; the processor has AVX-512 VPOPCNTDQ, and the rows are counted.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx512vpopcntdq")]
pub(super) unsafe fn tile512<const LINES: usize, const R: usize, const P: usize>(
    tile: Tile<'_>,
    starts: &[usize],
    row: usize,
    panel: usize,
) {
    let matrix = tile.matrix;
    let lines = tile.lines::<P>(panel);
    let rows = tile.rows::<R>(starts);
    // SAFETY: `bias` has a whole panel for each panel; each row has the groups of each segment, and
    // each panel the lines of each of them.
    unsafe {
        let mut counts = [[_mm512_setzero_si512(); P]; R];
        let mut line = 0;
        for segment in &matrix.segments {
            for group in *segment..segment + matrix.groups {
                let mut weights = [[_mm512_setzero_si512(); LINES]; P];
                for p in 0..P {
                    for (l, weights) in weights[p].iter_mut().enumerate() {
                        *weights = _mm512_load_si512(lines[p].add(line + l).cast());
                    }
                }
                for r in 0..R {
                    let x = rows[r].cast::<Signs>().add(group);
                    let negative = _mm512_set1_epi32((*x).negative.cast_signed());
                    let mask = _mm512_set1_epi32((*x).nonzero.cast_signed());
                    for p in 0..P {
                        for weights in weights[p] {
                            // (negative ^ weights) & mask
                            let products =
                                _mm512_ternarylogic_epi32::<0x28>(negative, weights, mask);
                            let count = _mm512_popcnt_epi32(products);
                            counts[r][p] = _mm512_add_epi32(counts[r][p], count);
                        }
                    }
                }
                line += LINES;
            }
        }
        let mut bias = [_mm512_setzero_si512(); P];
        for (p, bias) in bias.iter_mut().enumerate() {
            *bias = _mm512_loadu_si512(matrix.bias.as_ptr().add((panel + p) * PANEL).cast());
        }
        for (r, counts) in counts.iter_mut().enumerate() {
            let nonzero = _mm512_set1_epi32(*tile.nonzero.add(row + r));
            for (p, count) in counts.iter_mut().enumerate() {
                // A line of two has half of the weight.
                let twice = match LINES {
                    1 => _mm512_slli_epi32::<1>(*count),
                    _ => *count,
                };
                *count = _mm512_sub_epi32(_mm512_add_epi32(bias[p], nonzero), twice);
            }
        }
        store512(tile, row, panel, &counts);
    }
}

/// `R` rows from `row` on, for the panel `panel`, with `LINES` lines of weights for a group.
///
/// # Safety
/// As of [`super::any256`]; the rows are counted.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn tile256<const LINES: usize, const R: usize>(
    tile: Tile<'_>,
    starts: &[usize],
    row: usize,
    panel: usize,
) {
    /// Groups whose counts, of 8 bits at most in each line, fit bytes.
    const GROUPS: usize = 15;
    let matrix = tile.matrix;
    let [mut line] = tile.lines(panel);
    let rows = tile.rows::<R>(starts);
    let bits = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3,
        3, 4,
    );
    let low = _mm256_set1_epi8(15);
    // SAFETY: `bias` has a whole panel for each panel; each row has the groups of each segment, and
    // each panel the lines of each of them.
    unsafe {
        let mut counts = [[_mm256_setzero_si256(); 2]; R];
        for segment in &matrix.segments {
            let end = segment + matrix.groups;
            for first in (*segment..end).step_by(GROUPS) {
                let mut bytes = [[_mm256_setzero_si256(); 2]; R];
                for group in first..end.min(first + GROUPS) {
                    for _ in 0..LINES {
                        let halves = line.cast::<__m256i>();
                        let weights = [_mm256_load_si256(halves), _mm256_load_si256(halves.add(1))];
                        for r in 0..R {
                            let x = *rows[r].cast::<Signs>().add(group);
                            let negative = _mm256_set1_epi32(x.negative.cast_signed());
                            let mask = _mm256_set1_epi32(x.nonzero.cast_signed());
                            for half in 0..2 {
                                let products = _mm256_and_si256(
                                    _mm256_xor_si256(negative, weights[half]),
                                    mask,
                                );
                                let lower = _mm256_and_si256(products, low);
                                let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(products), low);
                                let sum = _mm256_add_epi8(
                                    _mm256_shuffle_epi8(bits, lower),
                                    _mm256_shuffle_epi8(bits, upper),
                                );
                                bytes[r][half] = _mm256_add_epi8(bytes[r][half], sum);
                            }
                        }
                        line = line.add(1);
                    }
                }
                for r in 0..R {
                    for half in 0..2 {
                        let pairs = _mm256_maddubs_epi16(bytes[r][half], _mm256_set1_epi8(1));
                        let sums = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
                        counts[r][half] = _mm256_add_epi32(counts[r][half], sums);
                    }
                }
            }
        }
        for (r, counts) in counts.iter().enumerate() {
            let nonzero = _mm256_set1_epi32(*tile.nonzero.add(row + r));
            let bias = matrix.bias.as_ptr().add(panel * PANEL);
            let mut sums = [nonzero; 2];
            for (half, sum) in sums.iter_mut().enumerate() {
                let bias = _mm256_loadu_si256(bias.add(half * HALF).cast());
                // A line of two has half of the weight.
                let twice = match LINES {
                    1 => _mm256_slli_epi32::<1>(counts[half]),
                    _ => counts[half],
                };
                *sum = _mm256_sub_epi32(_mm256_add_epi32(*sum, bias), twice);
            }
            store256(tile, row + r, panel, sums);
        }
    }
}
