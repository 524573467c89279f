//! Reads named tensors from a safetensors file as 32-bit floats, and checks their type and shape.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use crate::error::Error;
use crate::files::{read_bytes, unsupported};

/// The name of the file with the weights.
pub(crate) const FILE: &str = "model.safetensors";
/// The prefix of tensor names if the encoder was saved as a part of a larger model.
const PREFIXES: [&str; 2] = ["", "bert."];

/// The tensors of one file.
pub(crate) struct Weights<'a> {
    path: PathBuf,
    tensors: SafeTensors<'a>,
    prefix: &'static str,
}

/// Returns the path and the bytes of the weights in `dir`.
pub(crate) fn read(dir: &Path) -> Result<(PathBuf, Vec<u8>), Error> {
    let path = dir.join(FILE);
    if !path.exists() {
        refuse_other_files(dir)?;
    }
    let bytes = read_bytes(&path)?;
    Ok((path, bytes))
}

/// Names other files with weights if the supported file is missing.
fn refuse_other_files(dir: &Path) -> Result<(), Error> {
    let others = [
        ("model.safetensors.index.json", "in several files"),
        ("pytorch_model.bin", "in PyTorch's own format"),
        ("pytorch_model.bin.index.json", "in PyTorch's own format, in several files"),
        ("tf_model.h5", "in TensorFlow's format"),
    ];
    match others.iter().find(|(name, _)| dir.join(name).exists()) {
        Some((name, found)) => {
            let expected = "one file model.safetensors (`save_pretrained` of transformers writes it)";
            Err(unsupported(&dir.join(name), "the place of the weights", found, expected))
        }
        None => Ok(()),
    }
}

impl<'a> Weights<'a> {
    /// Reads the table of contents of `bytes`, the content of the file at `path`. `landmark` is the name of a tensor
    /// from which the prefix of all names is derived.
    pub(crate) fn parse(path: &Path, bytes: &'a [u8], landmark: &str) -> Result<Self, Error> {
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|source| Error::Weights { path: path.to_owned(), source: Box::new(source) })?;
        let is_there = |prefix: &&&str| tensors.tensor(&format!("{prefix}{landmark}")).is_ok();
        let prefix = PREFIXES.iter().find(is_there).unwrap_or(&PREFIXES[0]);
        Ok(Self { path: path.to_owned(), tensors, prefix })
    }

    /// Rejects tensors that the forward pass would not use: tensors whose names begin with `prefix`.
    pub(crate) fn refuse(&self, prefix: &str, what: &'static str, expected: &str) -> Result<(), Error> {
        let beginning = format!("{}{prefix}.", self.prefix);
        match self.tensors.names().iter().find(|name| name.starts_with(&beginning)) {
            Some(name) => Err(unsupported(&self.path, what, format!("more ({name})"), expected)),
            None => Ok(()),
        }
    }

    /// Returns the numbers of the tensor `name` in row-major order. It must have the shape `expected`.
    pub(crate) fn take(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>, Error> {
        let name = format!("{}{name}", self.prefix);
        let missing = |_| Error::MissingTensor { path: self.path.clone(), name: name.clone() };
        let tensor = self.tensors.tensor(&name).map_err(missing)?;
        if tensor.shape() != expected {
            return Err(Error::TensorShape {
                path: self.path.clone(),
                found: tensor.shape().to_vec(),
                expected: expected.to_vec(),
                name,
            });
        }
        match tensor.dtype() {
            Dtype::F32 => Ok(numbers(tensor.data(), f32::from_le_bytes)),
            Dtype::F16 => Ok(numbers(tensor.data(), |bytes| from_f16(u16::from_le_bytes(bytes)))),
            Dtype::BF16 => Ok(numbers(tensor.data(), |bytes| from_bf16(u16::from_le_bytes(bytes)))),
            other => {
                let found = format!("{other:?}");
                Err(Error::TensorType { path: self.path.clone(), name, found })
            }
        }
    }
}

/// Converts each `N` bytes to a number.
fn numbers<const N: usize>(data: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    data.as_chunks::<N>().0.iter().map(|&bytes| number(bytes)).collect()
}

/// Converts a bf16 number, which is the upper half of a 32-bit float.
fn from_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// Converts a binary16 number of IEEE 754 (1 sign bit, 5 exponent bits, 10 fraction bits). The conversion is exact.
fn from_f16(bits: u16) -> f32 {
    /// The smallest positive number, 2^-24.
    const SMALLEST: f32 = 1.0 / 16_777_216.0;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction as f32 * SMALLEST,
        0x1f => f32::from_bits(0xff << 23 | fraction << 13),
        // 112 is the difference of the two formats' exponents of 1.
        _ => f32::from_bits((exponent + 112) << 23 | fraction << 13),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_floats_are_widened_exactly() {
        let cases = [
            (0x0000, 0.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x7c00, f32::INFINITY),
        ];
        for (bits, expected) in cases {
            assert_eq!(from_f16(bits), expected, "{bits:#06x}");
        }
        assert!(from_f16(0x7e00).is_nan());
        assert!(from_f16(0x8000).is_sign_negative());
        assert_eq!([from_bf16(0x3f80), from_bf16(0xc049)], [1.0, -3.140_625]);
    }
}
