//! The innermost loop: a block of sums stays in registers while the words of two operands are loaded.
//!
//! One operand is rows of lanes, which are loaded as vectors. Single words of the other operand are broadcast. All
//! products of the crate are this loop over different operands.

use super::format::Format;
use super::panels::Halves;
use super::simd::{LANES, Row, Simd};

/// The number of outputs of one tile of packed weights. With two vectors of 16 lanes per output, the 24 sums, two
/// vectors of lanes and the broadcast words fill the 32 registers of AVX-512.
pub(crate) const TILE: usize = 12;

/// The size of a cache line in bytes.
const LINE: usize = 64;

/// The operand whose single words are broadcast: word `k` of output `m`.
pub(super) trait Broadcast<T>: Copy {
    /// The minimum number of words of each output.
    fn depth(self) -> usize;
    fn at(self, k: usize, m: usize) -> T;
    /// Prefetches data for later steps, in the step of word `k`.
    #[inline(always)]
    fn look_ahead<S: Simd>(self, _: S, _: usize) {}
}

/// Data that is prefetched, a little in each step. Weights are read from the L3 cache or from memory, and no processor
/// prefetches them early enough by itself.
#[derive(Clone, Copy)]
pub(super) struct Look {
    next: *const u8,
    /// The number of bytes per step.
    step: usize,
}

impl Look {
    /// Prefetches as many bytes as `used` has, from its end, in the steps of `rounds` times its length.
    #[inline(always)]
    pub(super) fn past<T>(used: &[T], rounds: usize) -> Self {
        Self { next: used.as_ptr_range().end.cast(), step: size_of::<T>().div_ceil(rounds.max(1)) }
    }

    /// Returns the prefetch for a loop that starts again after `steps` steps.
    #[inline(always)]
    pub(super) fn further(self, steps: usize) -> Self {
        Self { next: self.at(steps), ..self }
    }

    #[inline(always)]
    fn at(self, k: usize) -> *const u8 {
        self.next.wrapping_add(k.wrapping_mul(self.step))
    }
}

/// A tile of packed weights, in which word `k` of all outputs are next to each other.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a, T>(pub &'a [[T; TILE]]);

impl<T: Copy> Broadcast<T> for Tile<'_, T> {
    #[inline(always)]
    fn depth(self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    fn at(self, k: usize, m: usize) -> T {
        self.0[k][m]
    }
}

/// Lanes `first..` of rows: word `k` of an output is in row `k`.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a, T> {
    pub rows: &'a [Row<T>],
    pub first: usize,
}

impl<T: Copy> Broadcast<T> for Columns<'_, T> {
    #[inline(always)]
    fn depth(self) -> usize {
        self.rows.len()
    }

    #[inline(always)]
    fn at(self, k: usize, m: usize) -> T {
        self.rows[k].0[self.first + m]
    }
}

/// Whole rows: word `k` of output `m` is in lane `k` of row `m`.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a, T>(pub &'a [Row<T>]);

impl<T: Copy> Broadcast<T> for Lines<'_, T> {
    #[inline(always)]
    fn depth(self) -> usize {
        LANES
    }

    #[inline(always)]
    fn at(self, k: usize, m: usize) -> T {
        self.0[m].0[k]
    }
}

/// Words, and the data to prefetch meanwhile.
#[derive(Clone, Copy)]
pub(super) struct Ahead<B> {
    pub words: B,
    pub look: Look,
}

impl<T, B: Broadcast<T>> Broadcast<T> for Ahead<B> {
    #[inline(always)]
    fn depth(self) -> usize {
        self.words.depth()
    }

    #[inline(always)]
    fn at(self, k: usize, m: usize) -> T {
        self.words.at(k, m)
    }

    #[inline(always)]
    fn look_ahead<S: Simd>(self, s: S, k: usize) {
        s.prefetch(self.look.at(k));
        // A row of 32 words has two cache lines, and it is read only once.
        if self.look.step > LINE {
            s.prefetch(self.look.at(k).wrapping_add(LINE));
        }
    }
}

/// Calls `each(m, v, sum)` for `R` outputs and the vectors of `halves`: the sum over `k` of word `k` of
/// `lanes` times word `k` of output `m`. `H` is half of `R`.
///
/// Machines with 16 registers compute the block in two parts of `H` outputs, and half a row at a time.
#[inline(always)]
pub(super) fn sums<S: Simd, D: Format, const R: usize, const H: usize>(
    s: S,
    lanes: &[Row<D::Word>],
    words: impl Broadcast<D::Word>,
    halves: Halves,
    mut each: impl FnMut(usize, usize, S::F),
) {
    if S::WIDTH == LANES / 2 {
        match halves {
            Halves::First => block::<S, D, R, 1>(s, lanes, words, (0, 0), each),
            Halves::Second => block::<S, D, R, 1>(s, lanes, words, (0, 1), each),
            Halves::Both => block::<S, D, R, 2>(s, lanes, words, (0, 0), each),
        }
    } else {
        for v in halves.vectors(S::WIDTH).step_by(2) {
            block::<S, D, H, 2>(s, lanes, words, (0, v), &mut each);
            block::<S, D, H, 2>(s, lanes, words, (H, v), &mut each);
        }
    }
}

/// Computes [`sums`] for at least `count` outputs, up to [`TILE`]. The number of further outputs is not defined.
#[inline(always)]
pub(super) fn at_least<S: Simd, D: Format>(
    s: S,
    count: usize,
    lanes: &[Row<D::Word>],
    (words, halves): (impl Broadcast<D::Word>, Halves),
    each: impl FnMut(usize, usize, S::F),
) {
    match count {
        0..=4 => sums::<S, D, 4, 2>(s, lanes, words, halves, each),
        5..=8 => sums::<S, D, 8, 4>(s, lanes, words, halves, each),
        _ => sums::<S, D, 12, 6>(s, lanes, words, halves, each),
    }
}

/// Computes [`sums`] for the `M` outputs and `V` vectors from `start`.
#[expect(
    clippy::needless_range_loop,
    reason = "iterators are now and then left as calls, which cost the registers"
)]
#[inline(always)]
fn block<S: Simd, D: Format, const M: usize, const V: usize>(
    s: S,
    lanes: &[Row<D::Word>],
    words: impl Broadcast<D::Word>,
    start: (usize, usize),
    mut each: impl FnMut(usize, usize, S::F),
) {
    let (first, vector) = start;
    let mut sums = [[D::zero(s); V]; M];
    assert!(words.depth() >= lanes.len());
    for (k, row) in lanes.iter().enumerate() {
        words.look_ahead(s, k);
        let mut loaded = [D::load(s, row, vector); V];
        for v in 1..V {
            loaded[v] = D::load(s, row, vector + v);
        }
        for m in 0..M {
            let word = D::splat(s, words.at(k, first + m));
            for v in 0..V {
                sums[m][v] = D::add_product(s, sums[m][v], loaded[v], word);
            }
        }
    }
    for m in 0..M {
        for v in 0..V {
            each(first + m, vector + v, D::value(s, sums[m][v]));
        }
    }
}
