//! The interface between kernels and machines: vectors of f32 and the instructions that the kernels need.
//!
//! Kernels are written once, generic over [`Simd`]. A value of a type that implements [`Simd`] proves that the machine
//! has the instructions, because only [`Machine::detect`](super::Machine::detect) creates it. Therefore the methods are
//! safe to call. The methods, and all functions that call them in a loop, must be `#[inline(always)]`: the compiler
//! uses the instructions of a machine only inside the `run` function of that machine.

/// The number of tokens in a [`Row`].
pub(crate) const LANES: usize = 32;

/// The minimum number of lanes that the kernels compute: half of a row.
pub(crate) const HALF: usize = LANES / 2;

/// One feature (or one word of features) of 32 tokens; two cache lines for words of 32 bits.
#[repr(C, align(64))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row<T = f32>(pub [T; LANES]);

impl<T: Copy + Default> Default for Row<T> {
    fn default() -> Self {
        Self([T::default(); LANES])
    }
}

/// A kernel, which runs with the fastest available instructions.
pub(crate) trait Pass {
    /// Runs the kernel. Implementations must be `#[inline(always)]`.
    fn run<S: Simd>(self, s: S);
}

/// The vectors of a machine. The documentation of the module has the rules.
///
/// Vector `v` of a row is its lanes `v * WIDTH..(v + 1) * WIDTH`.
pub(crate) trait Simd: Copy {
    /// `WIDTH` numbers.
    type F: Copy;
    /// `WIDTH` words of 32 bits, which hold small floats or integers.
    type W: Copy;
    /// Selects the lanes of a vector to store.
    type Mask: Copy;
    /// The number of numbers per vector: 8 or 16.
    const WIDTH: usize;

    /// Prefetches the cache line at `at` into the L2 cache. `at` may be any address.
    fn prefetch(self, at: *const u8);

    fn splat(self, x: f32) -> Self::F;
    fn load(self, row: &Row, v: usize) -> Self::F;
    fn store(self, x: Self::F, row: &mut Row, v: usize);
    /// Returns the mask of vector `v` for the lanes `start..end` of a row.
    fn mask(self, v: usize, start: usize, end: usize) -> Self::Mask;
    /// Stores the lanes of `mask` and does not change the others.
    fn store_masked(self, x: Self::F, row: &mut Row, v: usize, mask: Self::Mask);

    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    fn sqrt(self, a: Self::F) -> Self::F;
    /// a * b + c, rounded once if the machine has a fast instruction for it.
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The nearest integer, for |x| below 2^22.
    fn round(self, x: Self::F) -> Self::F;
    /// x * 2^n for integers n in [-126, 127].
    fn scale(self, x: Self::F, n: Self::F) -> Self::F;

    fn splat_word(self, word: u32) -> Self::W;
    fn load_words(self, row: &Row<u32>, v: usize) -> Self::W;
    fn store_words(self, words: Self::W, row: &mut Row<u32>, v: usize);
    /// Packs two bf16 per word, `low` in the lower half, rounded to nearest, ties to even. NaN may become infinite.
    fn pack_bf16(self, low: Self::F, high: Self::F) -> Self::W;
    /// Adds the products of both pairs of bf16 to `sum`.
    fn add_bf16(self, sum: Self::F, a: Self::W, b: Self::W) -> Self::F;
}
