//! The arithmetic: matrix products and the passes between them, for panels of 32 tokens. All unsafe code of the crate
//! is in this module, in the files named after instruction sets.
//!
//! [`simd`] defines what a machine must provide. [`tile`] is the innermost loop. [`product`], [`attention`] and
//! [`norm`] are the passes. To add an instruction set, add a file like `avx2.rs`.

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

/// Instruction sets, in order of increasing speed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instructions {
    /// The instructions that every machine of the architecture has.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    Avx512,
    /// AVX-512 F, BW, DQ and VL, and AVX-512 BF16.
    #[default]
    Avx512Bf16,
}

impl Machine {
    /// Returns the fastest instructions of the processor.
    pub(crate) fn detect() -> Self {
        Self::up_to(Instructions::default())
    }

    /// Returns the fastest instructions of the processor up to `limit`.
    pub(crate) fn up_to(limit: Instructions) -> Self {
        let mut machines = Self::all().into_iter();
        machines.find(|machine| machine.instructions() <= limit).unwrap_or(Self::Portable(portable::Portable))
    }

    /// Returns all supported instruction sets of the processor, the fastest first.
    pub(crate) fn all() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        let special = [
            avx512::Avx512::detect().map(Self::Avx512Bf16),
            avx512::Avx512::detect().map(Self::Avx512),
            avx2::Avx2::detect().map(Self::Avx2),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let special: [Option<Self>; 0] = [];
        special.into_iter().flatten().chain([Self::Portable(portable::Portable)]).collect()
    }

    fn instructions(self) -> Instructions {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(_) => Instructions::Avx512Bf16,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => Instructions::Avx512,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => Instructions::Avx2,
            Self::Portable(_) => Instructions::Portable,
        }
    }

    /// Returns whether the processor has instructions for bf16. Without them, bf16 is slower than f32.
    pub(crate) fn has_bf16(self) -> bool {
        self.instructions() == Instructions::Avx512Bf16
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
