//! Resources of memories: tables and weights, buffers, FIFOs.

use super::Resources;
use crate::hls::plan::Storage;

/// Shapes of a block RAM of 18 Kbit with one reader and one writer: words and bits (UG473, UG573).
const BLOCK_RAM_SHAPES: [(u64, u64); 6] =
    [(512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)];

/// LUTs and flip-flops that count the words of a FIFO: an assumption.
const FIFO_CONTROL: (u64, u64) = (16, 8);

/// Block RAMs of 18 Kbit for `words` of `bits` bits.
pub fn block_rams(words: u64, bits: u64) -> u64 {
    let count = |(depth, width): (u64, u64)| words.div_ceil(depth) * bits.div_ceil(width);
    BLOCK_RAM_SHAPES.into_iter().map(count).min().unwrap_or(0)
}

/// A table of `words` constants of `bits` bits that `readers` read at a time: LUTs of six inputs
/// hold 64 words of one bit; a block RAM has two ports.
pub fn rom(words: u64, bits: u64, readers: u64) -> Resources {
    match Storage::of(words, bits) {
        Storage::Lut => {
            Resources { lut: words.div_ceil(64) * bits * readers, ..Resources::default() }
        }
        Storage::Block => {
            let bram18 = block_rams(words, bits) * readers.div_ceil(2);
            Resources { bram18, ..Resources::default() }
        }
    }
}

/// A memory of `words` of `bits` bits with one reader and one writer. Eight LUTs hold 64 words of
/// seven bits (`RAM64M8`, UG574).
pub fn ram(words: u64, bits: u64) -> Resources {
    match Storage::of(words, bits) {
        Storage::Lut => {
            Resources { lut: words.div_ceil(64) * (bits * 8).div_ceil(7), ..Resources::default() }
        }
        Storage::Block => Resources { bram18: block_rams(words, bits), ..Resources::default() },
    }
}

/// A FIFO of `depth` words of `bits` bits. A LUT is a shift register of 32 words of one bit
/// (`SRLC32E`); a block RAM has a register at its output.
pub fn fifo(depth: u64, bits: u64) -> Resources {
    let (lut, ff) = FIFO_CONTROL;
    match Storage::of(depth, bits) {
        Storage::Lut => {
            Resources { lut: lut + depth.div_ceil(32) * bits, ff, ..Resources::default() }
        }
        Storage::Block => {
            let bram18 = block_rams(depth, bits);
            Resources { lut, ff: ff + bits, bram18, ..Resources::default() }
        }
    }
}

/// `bits` bits that are delayed by `cycles` clock cycles: flip-flops, or shift registers of 32
/// stages with a flip-flop at their end.
pub fn delay_line(bits: u64, cycles: u64) -> Resources {
    match cycles {
        0..=2 => Resources { ff: bits * cycles, ..Resources::default() },
        _ => Resources { lut: bits * (cycles - 1).div_ceil(32), ff: bits, ..Resources::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_rams_take_the_best_shape() {
        assert_eq!([block_rams(512, 36), block_rams(1024, 18), block_rams(513, 36)], [1, 1, 2]);
        assert_eq!([block_rams(16384, 1), block_rams(2048, 9), block_rams(100, 3072)], [1, 1, 86]);
        // 5000 words of 8 bits: three of 2048 x 9, or four of 16384 x 2.
        assert_eq!(block_rams(5000, 8), 3);
        assert_eq!(block_rams(0, 8), 0);
    }

    #[test]
    fn small_tables_are_luts_and_each_reader_has_its_own() {
        assert_eq!(rom(64, 8, 10), Resources { lut: 80, ..Resources::default() });
        assert_eq!(rom(16, 3072, 1), Resources { lut: 3072, ..Resources::default() });
        assert_eq!(rom(65, 3072, 1), Resources { bram18: 86, ..Resources::default() });
        assert_eq!(rom(1024, 18, 5), Resources { bram18: 3, ..Resources::default() });
    }

    #[test]
    fn buffers_and_fifos_follow_their_bits() {
        assert_eq!(ram(64, 16), Resources { lut: 19, ..Resources::default() });
        assert_eq!(ram(64, 17), Resources { lut: 20, ..Resources::default() });
        assert_eq!(ram(65, 17), Resources { bram18: 1, ..Resources::default() });
        assert_eq!(fifo(2, 512), Resources { lut: 528, ff: 8, ..Resources::default() });
        assert_eq!(fifo(64, 16), Resources { lut: 48, ff: 8, ..Resources::default() });
        let deep = Resources { lut: 16, ff: 25, bram18: 1, ..Resources::default() };
        assert_eq!(fifo(65, 17), deep);
    }

    #[test]
    fn long_delays_are_shift_registers() {
        assert_eq!(delay_line(8, 0), Resources::default());
        assert_eq!(delay_line(8, 2), Resources { ff: 16, ..Resources::default() });
        assert_eq!(delay_line(8, 33), Resources { ff: 8, lut: 8, ..Resources::default() });
        assert_eq!(delay_line(8, 34), Resources { ff: 8, lut: 16, ..Resources::default() });
    }
}
