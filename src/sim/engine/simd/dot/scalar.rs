//! Dot products without special instructions, the definition of the others.

use super::{GROUP, Line, Matrix, PANEL, Rows};

/// See [`Matrix::dot`].
pub(super) fn dot(matrix: &Matrix, rows: Rows<'_>, y: &mut [i32]) {
    let each = matrix.segments.len() * matrix.groups;
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
