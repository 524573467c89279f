//! Takes named tensors out of a safetensors file, with their type and shape checked. Knows nothing
//! of what the tensors are for.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use crate::error::Error;

/// The tensors of one file.
pub(crate) struct Weights<'a> {
    path: PathBuf,
    tensors: SafeTensors<'a>,
}

impl<'a> Weights<'a> {
    /// Reads the table of contents of `bytes`, the content of the file at `path`.
    pub(crate) fn parse(path: &Path, bytes: &'a [u8]) -> Result<Self, Error> {
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|source| Error::Weights { path: path.to_owned(), source: Box::new(source) })?;
        Ok(Self { path: path.to_owned(), tensors })
    }

    /// The numbers of the tensor `name`, in row-major order; it must have the shape `expected`.
    pub(crate) fn take(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>, Error> {
        let missing = |_| Error::MissingTensor { path: self.path.clone(), name: name.to_owned() };
        let tensor = self.tensors.tensor(name).map_err(missing)?;
        if tensor.dtype() != Dtype::F32 {
            return Err(Error::TensorType {
                path: self.path.clone(),
                name: name.to_owned(),
                found: format!("{:?}", tensor.dtype()),
            });
        }
        if tensor.shape() != expected {
            return Err(Error::TensorShape {
                path: self.path.clone(),
                name: name.to_owned(),
                found: tensor.shape().to_vec(),
                expected: expected.to_vec(),
            });
        }
        let (numbers, _) = tensor.data().as_chunks::<4>();
        Ok(numbers.iter().map(|&b| f32::from_le_bytes(b)).collect())
    }
}
