//! The bytes of a data file, unpacked if gzip or Zstandard has packed them.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::super::{DatasetError, io_error};
use crate::files::{open_regular, refuse_lfs_pointer};

const BUFFER_BYTES: usize = 128 << 10;

const GZIP: &[u8] = &[0x1F, 0x8B, 8];
const ZSTANDARD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];

/// A packed file may always expand to this size …
const BOMB_BYTES: u64 = 1 << 30;

/// … and to more only up to this multiple of its own size. Text rarely exceeds 20.
const BOMB_RATIO: u64 = 200;

/// Zstandard files that need more memory than 2 to this power are refused: 128 MiB, as by the program `zstd`.
const ZSTANDARD_WINDOW_LOG: u32 = 27;

/// Opens the file at `path`.
///
/// # Errors
/// [`DatasetError`] if the file cannot be opened, or is a folder, a pipe, a device or a pointer of Git LFS.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, DatasetError> {
    let error = io_error(path);
    refuse_lfs_pointer(path).map_err(&error)?;
    let file = open_regular(path).map_err(&error)?;
    let bytes = file.metadata().map_err(&error)?.len();
    let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
    let start = file.fill_buf().map_err(&error)?;
    let most = BOMB_BYTES.max(bytes.saturating_mul(BOMB_RATIO));
    if start.starts_with(GZIP) {
        return Ok(bounded(MultiGzDecoder::new(file), most));
    }
    if start.starts_with(ZSTANDARD) {
        let mut decoder = zstd::Decoder::with_buffer(file).map_err(&error)?;
        decoder.window_log_max(ZSTANDARD_WINDOW_LOG).map_err(&error)?;
        return Ok(bounded(decoder, most));
    }
    Ok(Box::new(file))
}

fn bounded(packed: impl Read + Send + 'static, most: u64) -> Box<dyn BufRead + Send> {
    Box::new(BufReader::with_capacity(BUFFER_BYTES, Bounded { packed, left: most, failed: None }))
}

/// Unpacked bytes up to a limit, behind which reading fails. Each read fills the buffer, so that what the first bytes show
/// does not depend on how the file was packed.
struct Bounded<R> {
    packed: R,
    left: u64,
    /// The error that follows the bytes that were read.
    failed: Option<io::Error>,
}

impl<R: Read> Bounded<R> {
    fn read_more(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.packed.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let reason = format!("it expands more than {BOMB_RATIO} times: refused as a decompression bomb");
            io::Error::new(io::ErrorKind::InvalidData, reason)
        })?;
        Ok(read)
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() && self.failed.is_none() {
            match self.read_more(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) => self.failed = Some(error),
            }
        }
        if filled > 0 { Ok(filled) } else { self.failed.take().map_or(Ok(0), Err) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_fails_behind_the_limit_and_not_before() {
        let mut within = bounded(io::repeat(b'a').take(9), 9);
        assert_eq!(io::copy(&mut within, &mut io::sink()).unwrap(), 9);
        let error = io::copy(&mut bounded(io::repeat(b'a'), 1 << 20), &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("decompression bomb"), "{error}");
    }

    #[test]
    fn the_first_bytes_do_not_depend_on_the_pieces_that_they_come_in() {
        let pieces = b"id;".chain(&b"question"[..]).chain(&b";answer"[..]);
        assert_eq!(bounded(pieces, 99).fill_buf().unwrap(), b"id;question;answer");
    }
}
