//! Byte streams with a position that can be changed, and the stream that reads a source unchanged.
//!
//! Does not know archive formats.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use super::ArchiveSource;
use crate::files::FileError;
use crate::types::Progress;

const BUFFER_BYTES: usize = 256 << 10;

/// Number of bytes between two progress reports.
const TELL_BYTES: u64 = 4 << 20;

/// Why a stream cannot continue.
#[derive(Debug)]
pub(in crate::dataset) enum StreamError {
    /// The source failed. What was read is valid, and a later pass can continue.
    Source(io::Error),
    /// The archive is damaged. A later pass fails too.
    Damaged(String),
    /// The files that are kept between passes cannot be read or written.
    Cache(PathBuf, io::Error),
}

impl From<FileError> for StreamError {
    fn from(error: FileError) -> Self {
        Self::Cache(error.path, error.source)
    }
}

/// A stream of bytes with a position.
pub(in crate::dataset) trait ByteStream {
    /// Offset of the next byte.
    fn position(&self) -> u64;

    /// The next bytes, as many as are available; empty at the end.
    fn fill(&mut self) -> Result<&[u8], StreamError>;

    /// Consumes `count` of the bytes that [`ByteStream::fill`] returned.
    fn consume(&mut self, count: usize);

    /// Moves to `offset`, or to the end if that is nearer.
    fn seek(&mut self, offset: u64) -> Result<(), StreamError>;

    /// Reports the start of a member, so that the stream can detect a member that never ends.
    fn member_begins(&mut self) {}

    /// Reads forwards to `offset`, or to the end if that is nearer.
    fn skip_to(&mut self, offset: u64) -> Result<(), StreamError> {
        while self.position() < offset {
            let left = usize::try_from(offset - self.position()).unwrap_or(usize::MAX);
            let count = self.fill()?.len().min(left);
            if count == 0 {
                break;
            }
            self.consume(count);
        }
        Ok(())
    }

    /// The next byte; `None` at the end.
    fn next_byte(&mut self) -> Result<Option<u8>, StreamError> {
        let byte = self.fill()?.first().copied();
        self.consume(usize::from(byte.is_some()));
        Ok(byte)
    }

    /// The next `count` bytes; fewer only at the end.
    fn take(&mut self, count: usize) -> Result<Vec<u8>, StreamError> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            let more = self.fill()?;
            let more = &more[..more.len().min(count - bytes.len())];
            if more.is_empty() {
                break;
            }
            bytes.extend_from_slice(more);
            let taken = more.len();
            self.consume(taken);
        }
        Ok(bytes)
    }
}

impl<S: ByteStream + ?Sized> ByteStream for Box<S> {
    fn position(&self) -> u64 {
        (**self).position()
    }

    fn fill(&mut self) -> Result<&[u8], StreamError> {
        (**self).fill()
    }

    fn consume(&mut self, count: usize) {
        (**self).consume(count);
    }

    fn seek(&mut self, offset: u64) -> Result<(), StreamError> {
        (**self).seek(offset)
    }

    fn member_begins(&mut self) {
        (**self).member_begins();
    }
}

/// The bytes of a source, unchanged. The source is opened when the first byte is read.
pub(super) struct Input<'a> {
    source: Arc<dyn ArchiveSource>,
    progress: &'a dyn Progress,
    reader: Option<Box<dyn Read + Send>>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    position: u64,
    told: u64,
}

impl<'a> Input<'a> {
    pub(super) fn new(source: Arc<dyn ArchiveSource>, progress: &'a dyn Progress) -> Self {
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self { source, progress, reader: None, buffer, start: 0, end: 0, position: 0, told: 0 }
    }

    /// The message for a stream that ends too early.
    pub(super) fn truncated(&self, within: &str) -> StreamError {
        StreamError::Damaged(format!("the archive ends at byte {}, within {within}", self.position))
    }

    fn refill(&mut self) -> io::Result<()> {
        let size = self.source.size();
        if size.is_some_and(|size| self.position >= size) {
            return Ok(());
        }
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(self.source.read_from(self.position)?),
        };
        let read = loop {
            match reader.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if let (0, Some(size)) = (read, size) {
            let text = format!("it ended at byte {} of {size}", self.position);
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, text));
        }
        (self.start, self.end) = (0, read);
        Ok(())
    }

    fn tell(&mut self) {
        if self.position.abs_diff(self.told) >= TELL_BYTES {
            self.told = self.position;
            self.progress.bytes(self.position, self.source.size());
        }
    }
}

impl ByteStream for Input<'_> {
    fn position(&self) -> u64 {
        self.position
    }

    fn fill(&mut self) -> Result<&[u8], StreamError> {
        if self.start == self.end
            && let Err(error) = self.refill()
        {
            self.reader = None;
            return Err(StreamError::Source(error));
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.position += count as u64;
        self.tell();
    }

    fn seek(&mut self, offset: u64) -> Result<(), StreamError> {
        let offset = self.source.size().map_or(offset, |size| offset.min(size));
        // Bytes in the buffer are not read again, also those before the position.
        let first = self.position - self.start as u64;
        if let Some(at) = offset.checked_sub(first).filter(|at| *at <= self.end as u64) {
            (self.start, self.position) = (at as usize, offset);
            return Ok(());
        }
        let gap = offset.checked_sub(self.position);
        let buffered = (self.end - self.start) as u64;
        if gap.is_some_and(|gap| gap <= buffered.max(self.source.jump_cost())) {
            return self.skip_to(offset);
        }
        (self.reader, self.start, self.end, self.position) = (None, 0, 0, offset);
        Ok(())
    }
}
