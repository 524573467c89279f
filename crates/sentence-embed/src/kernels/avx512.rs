//! x86-64 with AVX-512: 16 numbers per vector, 32 registers, with or without the instructions for bf16.

use std::arch::x86_64::*;

use super::simd::{HALF, Pass, Row, Simd};

/// The proof that the machine has AVX-512 F, BW, DQ and VL, and BF16 if `BF16`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512<const BF16: bool>(());

impl<const BF16: bool> Avx512<BF16> {
    pub(crate) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        (has && (!BF16 || is_x86_feature_detected!("avx512bf16"))).then_some(Self(()))
    }

    pub(crate) fn run(self, pass: impl Pass) {
        // SAFETY: `self` exists only where the machine has the features that the function is compiled for.
        unsafe { if BF16 { inside_bf16(self, pass) } else { inside(self, pass) } }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn inside<const BF16: bool>(s: Avx512<BF16>, pass: impl Pass) {
    pass.run(s);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
fn inside_bf16<const BF16: bool>(s: Avx512<BF16>, pass: impl Pass) {
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

impl<const BF16: bool> Simd for Avx512<BF16> {
    type F = __m512;
    type W = __m512i;
    type Mask = __mmask16;
    const WIDTH: usize = HALF;

    #[inline(always)]
    fn prefetch(self, at: *const u8) {
        // SAFETY: a prefetch of an address that is not mapped does nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        has!(_mm512_set1_ps(x))
    }

    #[inline(always)]
    fn load(self, row: &Row, v: usize) -> __m512 {
        let lanes: &[f32] = &row.0[v * HALF..(v + 1) * HALF];
        // SAFETY: the token proves AVX-512 F; the slice has the 16 numbers that are read.
        unsafe { _mm512_loadu_ps(lanes.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, x: __m512, row: &mut Row, v: usize) {
        let lanes: &mut [f32] = &mut row.0[v * HALF..(v + 1) * HALF];
        // SAFETY: the token proves AVX-512 F; the slice has room for the 16 numbers that are written.
        unsafe { _mm512_storeu_ps(lanes.as_mut_ptr(), x) }
    }

    #[inline(always)]
    fn mask(self, v: usize, start: usize, end: usize) -> __mmask16 {
        let below = |lane: usize| (1_u32 << lane.saturating_sub(v * HALF).min(HALF)) - 1;
        (below(end) & !below(start)) as __mmask16
    }

    #[inline(always)]
    fn store_masked(self, x: __m512, row: &mut Row, v: usize, mask: __mmask16) {
        let lanes: &mut [f32] = &mut row.0[v * HALF..(v + 1) * HALF];
        // SAFETY: the token proves AVX-512 F; the slice has room for all 16 numbers.
        unsafe { _mm512_mask_storeu_ps(lanes.as_mut_ptr(), mask, x) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        has!(_mm512_add_ps(a, b))
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        has!(_mm512_sub_ps(a, b))
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        has!(_mm512_mul_ps(a, b))
    }

    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        has!(_mm512_div_ps(a, b))
    }

    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        has!(_mm512_max_ps(a, b))
    }

    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        has!(_mm512_min_ps(a, b))
    }

    #[inline(always)]
    fn sqrt(self, a: __m512) -> __m512 {
        has!(_mm512_sqrt_ps(a))
    }

    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        has!(_mm512_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn round(self, x: __m512) -> __m512 {
        has!(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x))
    }

    #[inline(always)]
    fn scale(self, x: __m512, n: __m512) -> __m512 {
        has!(_mm512_scalef_ps(x, n))
    }

    #[inline(always)]
    fn splat_word(self, word: u32) -> __m512i {
        has!(_mm512_set1_epi32(word as i32))
    }

    #[inline(always)]
    fn load_words(self, row: &Row<u32>, v: usize) -> __m512i {
        let lanes: &[u32] = &row.0[v * HALF..(v + 1) * HALF];
        // SAFETY: the token proves AVX-512 F; the slice has the 16 words that are read.
        unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store_words(self, words: __m512i, row: &mut Row<u32>, v: usize) {
        let lanes: &mut [u32] = &mut row.0[v * HALF..(v + 1) * HALF];
        // SAFETY: the token proves AVX-512 F; the slice has room for the 16 words that are written.
        unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().cast(), words) }
    }

    #[inline(always)]
    fn pack_bf16(self, low: __m512, high: __m512) -> __m512i {
        let half = |x| if BF16 { has!(half_bf16(x)) } else { has!(half_by_integers(x)) };
        let (low, high) = (half(low), half(high));
        has!(_mm512_or_si512(low, _mm512_slli_epi32::<16>(high)))
    }

    #[inline(always)]
    fn add_bf16(self, sum: __m512, a: __m512i, b: __m512i) -> __m512 {
        if BF16 { has!(dot_bf16(sum, a, b)) } else { has!(dot_by_floats(sum, a, b)) }
    }
}

/// Rounds each number to the nearest bf16, in the lower half of its word.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn half_bf16(x: __m512) -> __m512i {
    // SAFETY: both types are 256 bits without invalid values.
    let halves = unsafe { std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(x)) };
    _mm512_cvtepu16_epi32(halves)
}

/// [`half_bf16`] without the instruction for it.
#[inline]
#[target_feature(enable = "avx512f")]
fn half_by_integers(x: __m512) -> __m512i {
    let bits = _mm512_castps_si512(x);
    let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
    let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    _mm512_srli_epi32::<16>(rounded)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn dot_bf16(sum: __m512, a: __m512i, b: __m512i) -> __m512 {
    // SAFETY: both types are 512 bits without invalid values.
    let words = |x| unsafe { std::mem::transmute::<__m512i, __m512bh>(x) };
    _mm512_dpbf16_ps(sum, words(a), words(b))
}

/// [`dot_bf16`] without the instruction for it.
#[inline]
#[target_feature(enable = "avx512f")]
fn dot_by_floats(sum: __m512, a: __m512i, b: __m512i) -> __m512 {
    let mask = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
    let (low_a, low_b) = (_mm512_slli_epi32::<16>(a), _mm512_slli_epi32::<16>(b));
    let (high_a, high_b) = (_mm512_and_si512(a, mask), _mm512_and_si512(b, mask));
    let low = _mm512_fmadd_ps(_mm512_castsi512_ps(low_a), _mm512_castsi512_ps(low_b), sum);
    _mm512_fmadd_ps(_mm512_castsi512_ps(high_a), _mm512_castsi512_ps(high_b), low)
}
