//! Data files of text: found to be files, unpacked, and decoded to UTF-8. Does not know formats.
//!
//! A sequence of bytes that the encoding does not have becomes a byte that UTF-8 does not have, so that the reader of a
//! format finds the row that has it.

mod decode;
mod detect;
mod unpack;

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use encoding_rs::{Encoding, UTF_8};

use self::decode::Decoded;
use self::detect::{Legacy, Marked, legacy_encoding, marked_encoding};
use super::{DatasetError, io_error};

/// The text of a data file, in UTF-8.
pub(super) type Text = Box<dyn BufRead + Send>;

/// A data file of text, and what is known of its encoding.
#[derive(Debug)]
pub(super) struct TextFile {
    pub(super) path: PathBuf,
    /// The encoding that the task names.
    named: Option<&'static Encoding>,
    /// Whether a file that is not UTF-8 may be Windows-1252.
    may_be_legacy: bool,
    legacy: OnceLock<Legacy>,
}

impl TextFile {
    /// A file in the encoding `named`; otherwise in UTF-8, or in UTF-16 if its first bytes show that.
    pub(super) fn new(path: &Path, named: Option<&'static Encoding>) -> Self {
        Self { path: path.to_owned(), named, may_be_legacy: false, legacy: OnceLock::new() }
    }

    /// As [`Self::new`], of a kind that spreadsheets also write in Windows-1252.
    pub(super) fn of_spreadsheet(path: &Path, named: Option<&'static Encoding>) -> Self {
        Self { may_be_legacy: true, ..Self::new(path, named) }
    }

    /// Opens the file. Reads it once from start to end, if that is needed to know its encoding.
    ///
    /// # Errors
    /// [`DatasetError`] if the file cannot be read, is not a file with the data, or has an unknown encoding.
    pub(super) fn open(&self) -> Result<Text, DatasetError> {
        let error = io_error(&self.path);
        let mut bytes = unpack::open(&self.path)?;
        let Marked { encoding, mark } = marked_encoding(bytes.fill_buf().map_err(&error)?);
        bytes.consume(mark);
        // A byte order mark always counts: no other text begins with one.
        let named = self.named.filter(|_| mark == 0);
        match named.or(encoding) {
            Some(encoding) if encoding == UTF_8 => return Ok(bytes),
            Some(encoding) => return Ok(Box::new(Decoded::new(bytes, encoding))),
            None if !self.may_be_legacy => return Ok(bytes),
            None => {}
        }
        match self.legacy()? {
            Legacy::Utf8 => Ok(bytes),
            Legacy::Windows1252 => Ok(Box::new(Decoded::new(bytes, encoding_rs::WINDOWS_1252))),
        }
    }

    /// What the user should know of the encoding, if it was guessed.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn notice(&self) -> Result<Option<String>, DatasetError> {
        drop(self.open()?);
        let guessed = self.legacy.get() == Some(&Legacy::Windows1252);
        Ok(guessed.then(|| {
            "it is not UTF-8 and is read as Windows-1252 (Western Europe): if its letters are wrong, name its `encoding` in \
             [dataset], such as \"windows-1250\" (Central Europe) or \"windows-1254\" (Turkish)"
                .to_owned()
        }))
    }

    fn legacy(&self) -> Result<Legacy, DatasetError> {
        if let Some(known) = self.legacy.get() {
            return Ok(*known);
        }
        let found = legacy_encoding(unpack::open(&self.path)?).map_err(io_error(&self.path))?;
        let found = found.ok_or_else(|| DatasetError::UnknownEncoding { path: self.path.clone() })?;
        Ok(*self.legacy.get_or_init(|| found))
    }
}

/// The encoding with a name such as `utf-8`, `utf-16le`, `windows-1252` or `gbk`.
///
/// # Errors
/// What was expected.
pub(super) fn encoding_named(name: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label_no_replacement(name.as_bytes()).ok_or_else(|| {
        format!(
            "no encoding {name:?}: expected a name of the WHATWG encoding standard, such as utf-8, utf-16le, \
             windows-1252, shift_jis or gbk"
        )
    })
}
