//! The arithmetic: matrix products and the passes between them, for panels of 32 tokens. All unsafe
//! code of the crate is here, in the files named after instruction sets. Nothing here knows of texts.
//!
//! [`simd`] says what a machine must offer, [`tile`] is the innermost loop, [`product`], [`attention`]
//! and [`norm`] are the passes. Another instruction set is one more file beside `avx2.rs`.

pub(crate) mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(crate) mod format;
mod math;
pub(crate) mod norm;
pub(crate) mod packed;
pub(crate) mod panels;
mod portable;
pub(crate) mod product;
#[cfg(test)]
mod product_tests;
pub(crate) mod simd;
#[cfg(test)]
mod testing;
mod tile;

pub(crate) use simd::{LANES, Row};

use simd::Pass;

/// The instructions that the kernels use on this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Machine {
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16(avx512::Avx512<true>),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512<false>),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    Portable(portable::Portable),
}

impl Machine {
    /// The best that the processor has.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(token) = avx512::Avx512::detect() {
                return Self::Avx512Bf16(token);
            }
            if let Some(token) = avx512::Avx512::detect() {
                return Self::Avx512(token);
            }
            if let Some(token) = avx2::Avx2::detect() {
                return Self::Avx2(token);
            }
        }
        Self::Portable(portable::Portable)
    }

    /// Whether there are instructions for bf16; without them it is slower than f32.
    pub(crate) fn has_bf16(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(_) => true,
            _ => false,
        }
    }

    /// Runs a kernel.
    pub(crate) fn run(self, pass: impl Pass) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(token) => token.run(pass),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(token) => token.run(pass),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => token.run(pass),
            Self::Portable(token) => token.run(pass),
        }
    }
}
