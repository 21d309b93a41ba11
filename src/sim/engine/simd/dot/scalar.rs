//! Dot products without special instructions, the definition of the others.

use super::{GROUP, Line, Matrix, PANEL, Rows, Signs};

/// See [`Matrix::dot`].
pub(super) fn dot(matrix: &Matrix, rows: Rows<'_>, y: &mut [i32]) {
    let each = matrix.segments.len() * matrix.groups * matrix.factors.lines();
    let panels = matrix.lines.chunks(each.max(1)).zip(matrix.bias.chunks_exact(PANEL));
    for (panel, (lines, bias)) in panels.enumerate() {
        let columns = PANEL.min(matrix.outputs - panel * PANEL);
        let store = |row: usize, sums: [i32; PANEL], y: &mut [i32]| {
            let at = row * matrix.outputs + panel * PANEL;
            y[at..at + columns].copy_from_slice(&sums[..columns]);
        };
        let first: [i32; PANEL] = std::array::from_fn(|column| bias[column]);
        match rows {
            Rows::Bytes(array, starts) => {
                for (row, start) in starts.iter().enumerate() {
                    let sums = sums::<_, GROUP>(matrix, lines, first, array, *start, byte_products);
                    store(row, sums, y);
                }
            }
            Rows::Words(array, starts) => {
                for (row, start) in starts.iter().enumerate() {
                    let sums = sums::<_, 2>(matrix, lines, first, array, *start, word_products);
                    store(row, sums, y);
                }
            }
            Rows::Signs(array, starts) => {
                for (row, start) in starts.iter().enumerate() {
                    store(row, signed_sums(matrix, lines, first, array, *start), y);
                }
            }
        }
    }
}

/// The sums of a row for the outputs of a panel.
#[inline]
fn sums<T: Copy, const N: usize>(
    matrix: &Matrix,
    lines: &[Line],
    mut sums: [i32; PANEL],
    array: &[T],
    start: usize,
    products: impl Fn([T; N], [i8; GROUP]) -> i32,
) -> [i32; PANEL] {
    for (segment, lines) in matrix.segments.iter().zip(lines.chunks(matrix.groups.max(1))) {
        let x = &array[start + segment..start + segment + matrix.groups * N];
        for (x, line) in x.chunks_exact(N).zip(lines) {
            let x: [T; N] = std::array::from_fn(|at| x[at]);
            for (sum, weights) in sums.iter_mut().zip(line.0) {
                *sum = sum.wrapping_add(products(x, weights));
            }
        }
    }
    sums
}

fn byte_products(x: [u8; GROUP], weights: [i8; GROUP]) -> i32 {
    x.iter().zip(weights).map(|(x, weight)| i32::from(*x) * i32::from(weight)).sum()
}

fn word_products(x: [i16; 2], weights: [i8; GROUP]) -> i32 {
    let [a, b, c, d] = weights.map(i8::cast_unsigned);
    let weights = [i16::from_le_bytes([a, b]), i16::from_le_bytes([c, d])];
    let products = x.iter().zip(weights).map(|(x, weight)| i32::from(*x) * i32::from(weight));
    products.fold(0, i32::wrapping_add)
}

/// The sums of a row of bits for the outputs of a panel.
fn signed_sums(
    matrix: &Matrix,
    lines: &[Line],
    mut sums: [i32; PANEL],
    array: &[Signs],
    start: usize,
) -> [i32; PANEL] {
    let each = matrix.factors.lines();
    let groups = matrix.segments.iter().flat_map(|segment| {
        let first = start + segment;
        &array[first..first + matrix.groups]
    });
    for (x, lines) in groups.zip(lines.chunks(each)) {
        let all = x.nonzero.count_ones().cast_signed();
        for (at, line) in lines.iter().enumerate() {
            for (sum, weights) in sums.iter_mut().zip(line.0) {
                let weights = u32::from_le_bytes(weights.map(i8::cast_unsigned));
                let negative = ((x.negative ^ weights) & x.nonzero).count_ones().cast_signed();
                // A line of two has half of the weight.
                let twice = if each == 2 { negative } else { 2 * negative };
                let first = if at == 0 { all } else { 0 };
                *sum = sum.wrapping_add(first - twice);
            }
        }
    }
    sums
}
