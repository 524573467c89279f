//! What the kernels ask of a machine: vectors of f32 and the few instructions that they need.
//!
//! Kernels are written once, generic over [`Simd`]. A value of a type that implements it is the proof
//! that the machine has the instructions: it comes from [`Machine::detect`](super::Machine::detect)
//! alone, and so the methods are safe to call. All of them, and all that calls them in a loop, must be
//! `#[inline(always)]`: only within the function of a machine's own `run` does the compiler use the
//! machine's instructions.

/// How many tokens stand side by side in a [`Row`].
pub(crate) const LANES: usize = 32;

/// How many lanes the kernels compute at least: a half of a row.
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

/// A kernel: what is to be run with the best instructions at hand.
pub(crate) trait Pass {
    /// Runs it. Implementations are `#[inline(always)]`.
    fn run<S: Simd>(self, s: S);
}

/// A machine's vectors. See the module's documentation for the rules.
///
/// Vector `v` of a row is its lanes `v * WIDTH..(v + 1) * WIDTH`.
pub(crate) trait Simd: Copy {
    /// `WIDTH` numbers.
    type F: Copy;
    /// `WIDTH` words of 32 bits, which hold small floats or integers.
    type W: Copy;
    /// Which lanes of a vector to store.
    type Mask: Copy;
    /// The numbers of a vector: 8 or 16.
    const WIDTH: usize;

    /// Asks for the cache line at `at`, which may be any address, to be brought into the second cache.
    fn prefetch(self, at: *const u8);

    fn splat(self, x: f32) -> Self::F;
    fn load(self, row: &Row, v: usize) -> Self::F;
    fn store(self, x: Self::F, row: &mut Row, v: usize);
    /// The mask of vector `v` for the lanes `start..end` of a row.
    fn mask(self, v: usize, start: usize, end: usize) -> Self::Mask;
    /// Stores the lanes of `mask` and leaves the others.
    fn store_masked(self, x: Self::F, row: &mut Row, v: usize, mask: Self::Mask);

    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    fn sqrt(self, a: Self::F) -> Self::F;
    /// a * b + c, rounded once where the machine can do so quickly.
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The nearest whole number, for |x| below 2^22.
    fn round(self, x: Self::F) -> Self::F;
    /// x * 2^n for whole n in [-126, 127].
    fn scale(self, x: Self::F, n: Self::F) -> Self::F;

    fn splat_word(self, word: u32) -> Self::W;
    fn load_words(self, row: &Row<u32>, v: usize) -> Self::W;
    fn store_words(self, words: Self::W, row: &mut Row<u32>, v: usize);
    /// Two bf16 a word, rounded to nearest, ties to even: `low` in the lower half. NaN may become infinite.
    fn pack_bf16(self, low: Self::F, high: Self::F) -> Self::W;
    /// `sum` and the products of both pairs of bf16.
    fn add_bf16(self, sum: Self::F, a: Self::W, b: Self::W) -> Self::F;
}
