//! x86-64 with AVX-512: 16 numbers a vector, 32 registers.

use std::arch::x86_64::*;

use super::simd::{HALF, Pass, Row, Simd};

/// The proof that the machine has AVX-512 F, BW, DQ and VL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        has.then_some(Self(()))
    }

    pub(crate) fn run(self, pass: impl Pass) {
        // SAFETY: `self` exists only where the machine has the features that `inside` is compiled for.
        unsafe { inside(self, pass) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn inside(s: Avx512, pass: impl Pass) {
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

impl Simd for Avx512 {
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
}
