//! How an encoder computes.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::kernels::{Instructions, Machine};

/// How an [`Encoder`](crate::Encoder) computes; the default is f32 on all cores.
///
/// ```
/// use sentence_embed::{Options, Precision};
///
/// let options = Options::default().threads(2).precision(Precision::F32);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    threads: Option<NonZeroUsize>,
    precision: Precision,
    instructions: Instructions,
}

impl Options {
    /// How many threads a call may use, the calling one included; 0, the default, stands for one a core.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads: NonZeroUsize::new(threads), ..self }
    }

    /// In which numbers the matrix products are computed.
    #[must_use]
    pub fn precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Leaves out instructions better than these, for tests and benchmarks: an encoder always takes the best.
    #[doc(hidden)]
    #[must_use]
    pub fn instructions(self, instructions: Instructions) -> Self {
        Self { instructions, ..self }
    }

    /// The instructions to compute with.
    pub(crate) fn machine(self) -> Machine {
        Machine::up_to(self.instructions)
    }

    /// The threads to use on this machine, at least one.
    pub(crate) fn thread_count(self) -> usize {
        let all = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.threads.unwrap_or_else(all).get()
    }

    pub(crate) fn get_precision(self) -> Precision {
        self.precision
    }
}

/// The numbers in which the matrix products with weights are computed. All else is f32 always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// 32-bit floats: the vectors of sentence-transformers to about 5e-7 a component. Runs everywhere.
    #[default]
    F32,
    /// bf16 weights and activations, f32 sums: about half the time of `F32`. Cosines of ordinary texts are within 2e-3
    /// of its; of texts that are one sign repeated they were seen to differ by 0.04.
    /// Needs a processor with AVX-512 BF16, such as AMD's since Zen 4 and Intel's Xeons since Cooper Lake.
    Bf16,
}

impl Precision {
    /// Every precision, the exact one first.
    pub const ALL: [Self; 2] = [Self::F32, Self::Bf16];

    /// Whether this processor has the instructions for it.
    #[must_use]
    pub fn is_supported(self) -> bool {
        match self {
            Self::F32 => true,
            Self::Bf16 => Machine::detect().has_bf16(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The error of a text that names no precision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no precision; expected f32 or bf16")]
pub struct UnknownPrecision {
    given: String,
}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> Result<Self, UnknownPrecision> {
        let unknown = || UnknownPrecision { given: name.to_owned() };
        Self::ALL.into_iter().find(|precision| precision.name() == name).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precision_is_read_by_its_name() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        let error = "f16".parse::<Precision>().unwrap_err().to_string();
        assert_eq!(error, "\"f16\" is no precision; expected f32 or bf16");
    }
}
