//! Element types of arrays in files.

use num_traits::AsPrimitive;

/// Storage format of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) kind: ElementKind,
    pub(super) big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ElementKind {
    /// IEEE 754 binary16, binary32 or binary64.
    Float16,
    Float32,
    Float64,
    /// Two's complement of 1, 2, 4 or 8 bytes.
    Signed(usize),
    Unsigned(usize),
    /// One byte; any value but zero is true.
    Bool,
}

impl Element {
    /// Size of a number in bytes.
    pub(super) fn size(self) -> usize {
        match self.kind {
            ElementKind::Float16 => 2,
            ElementKind::Float32 => 4,
            ElementKind::Float64 => 8,
            ElementKind::Signed(size) | ElementKind::Unsigned(size) => size,
            ElementKind::Bool => 1,
        }
    }

    /// Decodes numbers. A number is rounded once, to nearest, if `T` is narrower.
    pub(super) fn decode<T>(self, bytes: &[u8]) -> Vec<T>
    where
        T: Copy + 'static,
        f32: AsPrimitive<T>,
        f64: AsPrimitive<T>,
        i64: AsPrimitive<T>,
        u64: AsPrimitive<T>,
    {
        bytes
            .chunks_exact(self.size())
            .map(|chunk| {
                let bits = self.bits(chunk);
                match self.kind {
                    ElementKind::Float16 => half_to_single(bits).as_(),
                    ElementKind::Float32 => f32::from_bits(bits as u32).as_(),
                    ElementKind::Float64 => f64::from_bits(bits).as_(),
                    ElementKind::Signed(size) => {
                        let unused = 64 - 8 * size as u32;
                        ((bits << unused) as i64 >> unused).as_()
                    }
                    ElementKind::Unsigned(_) => bits.as_(),
                    ElementKind::Bool => u64::from(bits != 0).as_(),
                }
            })
            .collect()
    }

    /// Encodes numbers without rounding them; `None` for a type that does not hold every float32 number.
    pub(super) fn encode(self, values: &[f32]) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(values.len() * self.size());
        for value in values {
            let mut number = match self.kind {
                ElementKind::Float32 => value.to_le_bytes().to_vec(),
                ElementKind::Float64 => f64::from(*value).to_le_bytes().to_vec(),
                ElementKind::Float16
                | ElementKind::Signed(_)
                | ElementKind::Unsigned(_)
                | ElementKind::Bool => return None,
            };
            if self.big_endian {
                number.reverse();
            }
            bytes.extend(number);
        }
        Some(bytes)
    }

    fn bits(self, chunk: &[u8]) -> u64 {
        let step = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
        if self.big_endian { chunk.iter().fold(0, step) } else { chunk.iter().rev().fold(0, step) }
    }
}

/// Converts IEEE 754 binary16 to binary32, without rounding.
fn half_to_single(bits: u64) -> f32 {
    let sign = if bits >> 15 & 1 == 1 { -1.0 } else { 1.0 };
    let exponent = (bits >> 10 & 0x1f) as i32;
    let fraction = (bits & 0x3ff) as f32;
    let magnitude = match exponent {
        0 => fraction * 2f32.powi(-24),
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    };
    sign * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    fn little(kind: ElementKind) -> Element {
        Element { kind, big_endian: false }
    }

    #[test]
    fn half_precision_is_exact() {
        // The first column is numpy.float16(value).view(numpy.uint16).
        for (bits, value) in [
            (0x0000, 0.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(half_to_single(bits), value, "{bits:#x}");
        }
        assert!(half_to_single(0x7e00).is_nan());
        assert!(half_to_single(0x8000).is_sign_negative());
    }

    #[test]
    fn integers_keep_their_sign_and_are_rounded_once() {
        assert_eq!(little(ElementKind::Signed(1)).decode::<f32>(&[0xff, 0x7f]), [-1.0, 127.0]);
        assert_eq!(little(ElementKind::Unsigned(1)).decode::<f32>(&[0xff]), [255.0]);
        assert_eq!(little(ElementKind::Bool).decode::<f64>(&[0, 1, 2]), [0.0, 1.0, 1.0]);
        // Rounding to f64 first would give a tie, and then the even neighbour below.
        let big = (1_i64 << 60) + (1 << 36) + 1;
        let single = little(ElementKind::Signed(8)).decode::<f32>(&big.to_le_bytes());
        assert_eq!(single, [big as f32]);
        assert_ne!(single, [big as f64 as f32]);
    }

    #[test]
    fn numbers_are_encoded_as_they_are_decoded() {
        for kind in [ElementKind::Float32, ElementKind::Float64] {
            for big_endian in [false, true] {
                let element = Element { kind, big_endian };
                let bytes = element.encode(&[1.5, -0.1]).unwrap();
                assert_eq!(element.decode::<f32>(&bytes), [1.5, -0.1]);
            }
        }
        for kind in [ElementKind::Float16, ElementKind::Signed(4), ElementKind::Bool] {
            assert_eq!(little(kind).encode(&[1.0]), None);
        }
    }

    #[test]
    fn byte_order_is_kept() {
        let element = Element { kind: ElementKind::Float32, big_endian: true };
        assert_eq!(element.decode::<f64>(&1.5_f32.to_be_bytes()), [1.5]);
        assert_eq!(little(ElementKind::Signed(2)).decode::<f64>(&(-3_i16).to_le_bytes()), [-3.0]);
    }
}
