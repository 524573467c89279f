//! Portable kernels: arrays of 8 numbers, which the compiler turns into the vectors that every machine of the
//! architecture has (SSE2 on x86-64, NEON on 64-bit ARM). They are the reference for the other kernels.

use super::format::bf16;
use super::simd::{Pass, Row, Simd};

const WIDTH: usize = 8;

type F = [f32; WIDTH];

#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

impl Portable {
    pub(crate) fn run(self, pass: impl Pass) {
        pass.run(self);
    }
}

#[inline(always)]
fn zip(a: F, b: F, f: impl Fn(f32, f32) -> f32) -> F {
    let mut out = a;
    for i in 0..WIDTH {
        out[i] = f(a[i], b[i]);
    }
    out
}

#[inline(always)]
fn map(a: F, f: impl Fn(f32) -> f32) -> F {
    zip(a, a, |x, _| f(x))
}

impl Simd for Portable {
    type F = F;
    type W = [u32; WIDTH];
    type Mask = [bool; WIDTH];
    const WIDTH: usize = WIDTH;

    #[inline(always)]
    fn prefetch(self, _: *const u8) {}

    #[inline(always)]
    fn splat(self, x: f32) -> F {
        [x; WIDTH]
    }

    #[inline(always)]
    fn load(self, row: &Row, v: usize) -> F {
        let mut out = [0.0; WIDTH];
        out.copy_from_slice(&row.0[v * WIDTH..(v + 1) * WIDTH]);
        out
    }

    #[inline(always)]
    fn store(self, x: F, row: &mut Row, v: usize) {
        row.0[v * WIDTH..(v + 1) * WIDTH].copy_from_slice(&x);
    }

    #[inline(always)]
    fn mask(self, v: usize, start: usize, end: usize) -> Self::Mask {
        std::array::from_fn(|i| (start..end).contains(&(v * WIDTH + i)))
    }

    #[inline(always)]
    fn store_masked(self, x: F, row: &mut Row, v: usize, mask: Self::Mask) {
        let lanes = row.0[v * WIDTH..(v + 1) * WIDTH].iter_mut().zip(x).zip(mask);
        for ((lane, x), is_stored) in lanes {
            if is_stored {
                *lane = x;
            }
        }
    }

    #[inline(always)]
    fn add(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a / b)
    }

    /// Unlike `f32::max` it does not handle NaN, so it is one instruction.
    #[inline(always)]
    fn max(self, a: F, b: F) -> F {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, a: F, b: F) -> F {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn sqrt(self, a: F) -> F {
        map(a, f32::sqrt)
    }

    /// The result is rounded twice if not every machine of the architecture has a fused instruction.
    #[inline(always)]
    fn fma(self, a: F, b: F, c: F) -> F {
        let mut out = c;
        for i in 0..WIDTH {
            out[i] =
                if cfg!(target_arch = "aarch64") { a[i].mul_add(b[i], c[i]) } else { a[i] * b[i] + c[i] };
        }
        out
    }

    /// Adding 1.5 * 2^23 leaves no bits for a fraction, so the sum is rounded to an integer.
    #[inline(always)]
    fn round(self, x: F) -> F {
        const ROUNDER: f32 = 12_582_912.0;
        map(x, |x| (x + ROUNDER) - ROUNDER)
    }

    #[inline(always)]
    fn scale(self, x: F, n: F) -> F {
        zip(x, n, |x, n| x * f32::from_bits(((n as i32 + 127) as u32) << 23))
    }

    #[inline(always)]
    fn splat_word(self, word: u32) -> Self::W {
        [word; WIDTH]
    }

    #[inline(always)]
    fn load_words(self, row: &Row<u32>, v: usize) -> Self::W {
        let mut out = [0; WIDTH];
        out.copy_from_slice(&row.0[v * WIDTH..(v + 1) * WIDTH]);
        out
    }

    #[inline(always)]
    fn store_words(self, words: Self::W, row: &mut Row<u32>, v: usize) {
        row.0[v * WIDTH..(v + 1) * WIDTH].copy_from_slice(&words);
    }

    #[inline(always)]
    fn pack_bf16(self, low: F, high: F) -> Self::W {
        std::array::from_fn(|i| bf16(low[i]) | bf16(high[i]) << 16)
    }

    #[inline(always)]
    fn add_bf16(self, sum: F, a: Self::W, b: Self::W) -> F {
        let low = |x: Self::W| x.map(|word| f32::from_bits(word << 16));
        let high = |x: Self::W| x.map(|word| f32::from_bits(word & 0xffff_0000));
        self.fma(high(a), high(b), self.fma(low(a), low(b), sum))
    }
}
