//! Turns errors of Parquet's decoder into those of a dataset.

use std::io;
use std::path::Path;

use ::parquet::errors::ParquetError;

use crate::dataset::{DatasetError, io_error};

/// The file does not follow its format, for this reason.
pub(super) fn damaged(path: &Path, reason: impl ToString) -> DatasetError {
    DatasetError::Malformed { path: path.to_owned(), format: "parquet", reason: reason.to_string() }
}

/// For `map_err`: adds the file to an error of the decoder.
pub(super) fn malformed(path: &Path) -> impl Fn(ParquetError) -> DatasetError + use<> {
    let path = path.to_owned();
    move |error| match io_cause(error) {
        Ok(source) if source.kind() == io::ErrorKind::Unsupported => {
            DatasetError::WholeOnly { path: path.clone(), reason: source.to_string() }
        }
        Ok(source) => io_error(&path)(source),
        Err(error) => damaged(&path, error),
    }
}

/// The I/O error behind an error of the decoder, or the error itself if it is about the content.
fn io_cause(error: ParquetError) -> Result<io::Error, ParquetError> {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            // A file that ends earlier than its own structure says.
            Ok(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                Err(ParquetError::EOF(source.to_string()))
            }
            Ok(source) if source.kind() == io::ErrorKind::InvalidData => {
                Err(ParquetError::General(source.to_string()))
            }
            Ok(source) => Ok(*source),
            Err(cause) => Err(ParquetError::External(cause)),
        },
        other => Err(other),
    }
}
