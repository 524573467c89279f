//! The formats in which numbers are stored and multiplied in the matrix products.

use super::panels::Halves;
use super::simd::{Row, Simd};

/// A format of numbers. A word is the content of one lane: one number, or several neighbouring numbers.
pub(crate) trait Format {
    type Word: Copy + Default + Send + Sync + std::fmt::Debug;
    /// The number of numbers per word.
    const PER_WORD: usize;
    /// A vector of words.
    type Lanes<S: Simd>: Copy;
    /// A vector of running sums.
    type Sum<S: Simd>: Copy;

    /// Returns the word of up to `PER_WORD` numbers. Missing numbers are 0.
    fn word(numbers: &[f32]) -> Self::Word;
    /// Converts each group of `PER_WORD` rows of numbers to one row of words.
    fn narrow<S: Simd>(s: S, numbers: &[Row], words: &mut [Row<Self::Word>], halves: Halves);
    fn zero<S: Simd>(s: S) -> Self::Sum<S>;
    fn load<S: Simd>(s: S, row: &Row<Self::Word>, v: usize) -> Self::Lanes<S>;
    fn splat<S: Simd>(s: S, word: Self::Word) -> Self::Lanes<S>;
    fn add_product<S: Simd>(s: S, sum: Self::Sum<S>, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Sum<S>;
    fn value<S: Simd>(s: S, sum: Self::Sum<S>) -> S::F;
}

/// 32-bit floats, one per word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Single;

impl Format for Single {
    type Word = f32;
    const PER_WORD: usize = 1;
    type Lanes<S: Simd> = S::F;
    type Sum<S: Simd> = S::F;

    fn word(numbers: &[f32]) -> f32 {
        numbers[0]
    }

    #[inline(always)]
    fn narrow<S: Simd>(s: S, numbers: &[Row], words: &mut [Row], halves: Halves) {
        for (row, word) in numbers.iter().zip(words) {
            for v in halves.vectors(S::WIDTH) {
                s.store(s.load(row, v), word, v);
            }
        }
    }

    #[inline(always)]
    fn zero<S: Simd>(s: S) -> S::F {
        s.splat(0.0)
    }

    #[inline(always)]
    fn load<S: Simd>(s: S, row: &Row, v: usize) -> S::F {
        s.load(row, v)
    }

    #[inline(always)]
    fn splat<S: Simd>(s: S, word: f32) -> S::F {
        s.splat(word)
    }

    #[inline(always)]
    fn add_product<S: Simd>(s: S, sum: S::F, a: S::F, b: S::F) -> S::F {
        s.fma(a, b, sum)
    }

    #[inline(always)]
    fn value<S: Simd>(_: S, sum: S::F) -> S::F {
        sum
    }
}

/// bf16, the upper half of a 32-bit float. A word has two numbers, the first in its lower half. Sums are f32.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bf16;

/// Rounds to the nearest bf16, ties to even.
#[inline(always)]
pub(super) fn bf16(x: f32) -> u32 {
    let bits = x.to_bits();
    bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16
}

impl Format for Bf16 {
    type Word = u32;
    const PER_WORD: usize = 2;
    type Lanes<S: Simd> = S::W;
    type Sum<S: Simd> = S::F;

    fn word(numbers: &[f32]) -> u32 {
        bf16(numbers[0]) | numbers.get(1).map_or(0, |&second| bf16(second) << 16)
    }

    #[inline(always)]
    fn narrow<S: Simd>(s: S, numbers: &[Row], words: &mut [Row<u32>], halves: Halves) {
        for (pair, word) in numbers.chunks(2).zip(words) {
            for v in halves.vectors(S::WIDTH) {
                let second = pair.get(1).map_or(s.splat(0.0), |row| s.load(row, v));
                s.store_words(s.pack_bf16(s.load(&pair[0], v), second), word, v);
            }
        }
    }

    #[inline(always)]
    fn zero<S: Simd>(s: S) -> S::F {
        s.splat(0.0)
    }

    #[inline(always)]
    fn load<S: Simd>(s: S, row: &Row<u32>, v: usize) -> S::W {
        s.load_words(row, v)
    }

    #[inline(always)]
    fn splat<S: Simd>(s: S, word: u32) -> S::W {
        s.splat_word(word)
    }

    #[inline(always)]
    fn add_product<S: Simd>(s: S, sum: S::F, a: S::W, b: S::W) -> S::F {
        s.add_bf16(sum, a, b)
    }

    #[inline(always)]
    fn value<S: Simd>(_: S, sum: S::F) -> S::F {
        sum
    }
}
