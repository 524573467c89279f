//! x86-64 with AVX2 and FMA: 8 numbers per vector, 16 registers.

use std::arch::x86_64::*;

use super::simd::{Pass, Row, Simd};

const WIDTH: usize = 8;

/// The proof that the machine has AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    pub(crate) fn run(self, pass: impl Pass) {
        // SAFETY: `self` exists only where the machine has the features that `inside` is compiled for.
        unsafe { inside(self, pass) }
    }
}

#[target_feature(enable = "avx2,fma")]
fn inside(s: Avx2, pass: impl Pass) {
    pass.run(s);
}

/// Calls an intrinsic.
macro_rules! has {
    ($call:expr) => {
        // SAFETY: the token `self` exists only where the machine has the features that it needs, and
        // the intrinsics called through here touch no memory.
        unsafe { $call }
    };
}

impl Simd for Avx2 {
    type F = __m256;
    type W = __m256i;
    type Mask = __m256i;
    const WIDTH: usize = WIDTH;

    #[inline(always)]
    fn prefetch(self, at: *const u8) {
        // SAFETY: a prefetch of an address that is not mapped does nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        has!(_mm256_set1_ps(x))
    }

    #[inline(always)]
    fn load(self, row: &Row, v: usize) -> __m256 {
        let lanes: &[f32] = &row.0[v * WIDTH..(v + 1) * WIDTH];
        // SAFETY: the token proves AVX; the slice has the 8 numbers that are read.
        unsafe { _mm256_loadu_ps(lanes.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, x: __m256, row: &mut Row, v: usize) {
        let lanes: &mut [f32] = &mut row.0[v * WIDTH..(v + 1) * WIDTH];
        // SAFETY: the token proves AVX; the slice has room for the 8 numbers that are written.
        unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), x) }
    }

    #[inline(always)]
    fn mask(self, v: usize, start: usize, end: usize) -> __m256i {
        let bound = |lane: usize| lane.saturating_sub(v * WIDTH).min(WIDTH) as i32;
        let (start, end) = (bound(start), bound(end));
        has!({
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let below_end = _mm256_cmpgt_epi32(_mm256_set1_epi32(end), lanes);
            let below_start = _mm256_cmpgt_epi32(_mm256_set1_epi32(start), lanes);
            _mm256_andnot_si256(below_start, below_end)
        })
    }

    #[inline(always)]
    fn store_masked(self, x: __m256, row: &mut Row, v: usize, mask: __m256i) {
        let lanes: &mut [f32] = &mut row.0[v * WIDTH..(v + 1) * WIDTH];
        // SAFETY: the token proves AVX; the slice has room for all 8 numbers.
        unsafe { _mm256_maskstore_ps(lanes.as_mut_ptr(), mask, x) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        has!(_mm256_add_ps(a, b))
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        has!(_mm256_sub_ps(a, b))
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        has!(_mm256_mul_ps(a, b))
    }

    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        has!(_mm256_div_ps(a, b))
    }

    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        has!(_mm256_max_ps(a, b))
    }

    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        has!(_mm256_min_ps(a, b))
    }

    #[inline(always)]
    fn sqrt(self, a: __m256) -> __m256 {
        has!(_mm256_sqrt_ps(a))
    }

    #[inline(always)]
    fn fma(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        has!(_mm256_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn round(self, x: __m256) -> __m256 {
        has!(_mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x))
    }

    #[inline(always)]
    fn scale(self, x: __m256, n: __m256) -> __m256 {
        has!({
            let biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
            _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased)))
        })
    }

    #[inline(always)]
    fn splat_word(self, word: u32) -> __m256i {
        has!(_mm256_set1_epi32(word as i32))
    }

    #[inline(always)]
    fn load_words(self, row: &Row<u32>, v: usize) -> __m256i {
        let lanes: &[u32] = &row.0[v * WIDTH..(v + 1) * WIDTH];
        // SAFETY: the token proves AVX; the slice has the 8 words that are read.
        unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store_words(self, words: __m256i, row: &mut Row<u32>, v: usize) {
        let lanes: &mut [u32] = &mut row.0[v * WIDTH..(v + 1) * WIDTH];
        // SAFETY: the token proves AVX; the slice has room for the 8 words that are written.
        unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), words) }
    }

    #[inline(always)]
    fn pack_bf16(self, low: __m256, high: __m256) -> __m256i {
        let (low, high) = (has!(half(low)), has!(half(high)));
        has!(_mm256_or_si256(low, _mm256_slli_epi32::<16>(high)))
    }

    #[inline(always)]
    fn add_bf16(self, sum: __m256, a: __m256i, b: __m256i) -> __m256 {
        has!(dot_by_floats(sum, a, b))
    }
}

/// Rounds each number to the nearest bf16, in the lower half of its word.
#[inline]
#[target_feature(enable = "avx2")]
fn half(x: __m256) -> __m256i {
    let bits = _mm256_castps_si256(x);
    let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
    let rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    _mm256_srli_epi32::<16>(rounded)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn dot_by_floats(sum: __m256, a: __m256i, b: __m256i) -> __m256 {
    let mask = _mm256_set1_epi32(0xffff_0000_u32.cast_signed());
    let (low_a, low_b) = (_mm256_slli_epi32::<16>(a), _mm256_slli_epi32::<16>(b));
    let (high_a, high_b) = (_mm256_and_si256(a, mask), _mm256_and_si256(b, mask));
    let low = _mm256_fmadd_ps(_mm256_castsi256_ps(low_a), _mm256_castsi256_ps(low_b), sum);
    _mm256_fmadd_ps(_mm256_castsi256_ps(high_a), _mm256_castsi256_ps(high_b), low)
}
