//! Every level gives the sums of the scalar twin.

use super::dot::{Factors, Matrix, Rows, SLACK};
use super::signs::{self, Signs};
use super::{Level, Loop};

/// Pseudo-random numbers, the same in every run.
fn numbers(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}

/// Compares the levels for rows of `segments` segments of `length` elements.
fn check(rows: usize, segments: usize, length: usize, outputs: usize) {
    let mut next = numbers((rows * 64 + segments) as u64 * 4096 + (length * 64 + outputs) as u64);
    // Rows overlap.
    let offsets: Vec<usize> = (0..segments).map(|segment| segment * (length + 3)).collect();
    let starts: Vec<usize> = (0..rows).map(|row| row * 2).collect();
    let len = 2 * rows + segments * (length + 3) + SLACK;
    let bias: Vec<i32> = (0..outputs).map(|_| next() as i32).collect();
    for factors in [Factors::Bytes, Factors::WideBytes, Factors::Words] {
        let all: Vec<i16> = (0..segments * length * outputs)
            .map(|_| match factors {
                // 255 · 2 · 64 fits 16 bits.
                Factors::Bytes => (next() % 129) as i16 - 64,
                Factors::WideBytes => next() as i8 as i16,
                _ => next() as i16,
            })
            .collect();
        let bytes: Vec<u8> = (0..len).map(|_| next() as u8).collect();
        let words: Vec<i16> = (0..len).map(|_| next() as i16).collect();
        let weight = |input: usize, output: usize| all[input * outputs + output];
        let matrix = Matrix::new(factors, offsets.clone(), length, &bias, weight);
        assert_eq!(matrix.outputs(), outputs);
        let x = |at: usize| match factors {
            Factors::Words => i64::from(words[at]),
            _ => i64::from(bytes[at]),
        };
        let mut expected = Vec::new();
        for start in &starts {
            for (output, bias) in bias.iter().enumerate() {
                let mut sum = i64::from(*bias);
                for (segment, offset) in offsets.iter().enumerate() {
                    for at in 0..length {
                        let weight = i64::from(weight(segment * length + at, output));
                        sum += x(start + offset + at) * weight;
                    }
                }
                expected.push(sum as i32);
            }
        }
        for level in Level::all() {
            let mut y = vec![0; rows * outputs];
            let rows = match factors {
                Factors::Words => Rows::Words(&words, &starts),
                _ => Rows::Bytes(&bytes, &starts),
            };
            matrix.dot(level, rows, &mut y);
            assert_eq!(y, expected, "{level:?} {factors:?} {segments} {length} {outputs}");
        }
    }
}

#[test]
fn every_level_gives_the_sums_of_the_definition() {
    for outputs in 1..=40 {
        for length in 1..=40 {
            check(1 + (outputs + length) % 7, 1 + length % 3, length, outputs);
        }
    }
    for rows in 0..=40 {
        for outputs in [1, 15, 16, 17, 32, 33, 40, 64, 80, 100] {
            check(rows, 2, 5, outputs);
        }
    }
}

#[test]
#[should_panic(expected = "a row within its array")]
fn a_row_beyond_its_array_is_refused() {
    let matrix = Matrix::new(Factors::Bytes, vec![0], 4, &[0], |_, _| 1);
    matrix.dot(Level::detect(), Rows::Bytes(&[0; 7], &[4]), &mut [0]);
}

struct SquaresBelow;

impl Loop<i64> for SquaresBelow {
    type Result = i64;

    #[inline(always)]
    fn run(end: i64) -> i64 {
        (0..end).map(|x| x * x).sum()
    }
}

#[test]
fn a_loop_gives_the_same_at_every_level() {
    for level in Level::all() {
        let squares = level.run(SquaresBelow, 100);
        assert_eq!(squares, 328_350);
    }
}

/// Compares the levels for rows of `segments` segments of `length` codes from -1 to 1.
fn check_bits(rows: usize, segments: usize, length: usize, outputs: usize) {
    let mut next = numbers((rows * 64 + segments) as u64 * 8192 + (length * 128 + outputs) as u64);
    // Rows overlap: each begins at the second segment of the one before.
    let groups = length.div_ceil(signs::GROUP);
    let cells: Vec<Vec<i8>> = (0..rows + segments)
        .map(|_| (0..length).map(|_| (next() % 3) as i8 - 1).collect())
        .collect();
    let offsets: Vec<usize> = (0..segments).map(|segment| segment * groups).collect();
    let starts: Vec<usize> = (0..rows).map(|row| row * groups).collect();
    let bias: Vec<i32> = (0..outputs).map(|_| next() as i32).collect();
    for factors in [Factors::Binary, Factors::Ternary] {
        let all: Vec<i16> = (0..segments * length * outputs)
            .map(|_| match factors {
                Factors::Ternary => (next() % 3) as i16 - 1,
                _ => (next() % 2) as i16 * 2 - 1,
            })
            .collect();
        let weight = |input: usize, output: usize| all[input * outputs + output];
        let matrix = Matrix::new(factors, offsets.clone(), length, &bias, weight);
        let mut expected = Vec::new();
        for row in 0..rows {
            for (output, bias) in bias.iter().enumerate() {
                let codes = cells[row..row + segments].iter().flatten().enumerate();
                let products =
                    codes.map(|(at, code)| i32::from(*code) * i32::from(weight(at, output)));
                expected.push(products.fold(*bias, i32::wrapping_add));
            }
        }
        for level in Level::all() {
            let mut packed = vec![Signs::default(); cells.len() * groups];
            for (codes, packed) in cells.iter().zip(packed.chunks_mut(groups)) {
                signs::pack(level, codes, packed);
            }
            let mut y = vec![0; rows * outputs];
            matrix.dot(level, Rows::Signs(&packed, &starts), &mut y);
            assert_eq!(y, expected, "{level:?} {factors:?} {rows} {segments} {length} {outputs}");
        }
    }
}

#[test]
fn every_level_counts_the_bits_of_the_definition() {
    for outputs in 1..=40 {
        for length in 1..=40 {
            check_bits(1 + (outputs + length) % 7, 1 + length % 3, length, outputs);
        }
    }
    for rows in 0..=40 {
        for outputs in [1, 15, 16, 17, 32, 33, 40, 64, 80, 100] {
            check_bits(rows, 2, 35, outputs);
        }
    }
    // Counts of bytes overflow unless they are added up now and then.
    check_bits(130, 3, 32 * 40, 17);
}

#[test]
fn bits_are_packed_from_the_lowest_on() {
    for level in Level::all() {
        let mut packed = [Signs::default(); 2];
        let mut codes = [0; 33];
        codes[..3].copy_from_slice(&[1, -1, 0]);
        codes[31..].copy_from_slice(&[-1, 1]);
        signs::pack(level, &codes, &mut packed);
        let [first, second] = packed.map(|it| (it.negative, it.nonzero));
        assert_eq!(first, (1 << 31 | 0b10, 1 << 31 | 0b11), "{level:?}");
        assert_eq!(second, (0, 1), "{level:?}");
    }
}
