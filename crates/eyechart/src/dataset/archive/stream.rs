//! Streams of bytes that know where they are and can go elsewhere, and the one that reads a source as it is.
//!
//! Knows no archive format.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use super::ArchiveSource;
use crate::files::FileError;
use crate::types::Progress;

const BUFFER_BYTES: usize = 256 << 10;

/// Progress is told about every so many bytes.
const TELL_BYTES: u64 = 4 << 20;

/// Why a stream gives no more bytes.
#[derive(Debug)]
pub(in crate::dataset) enum Fault {
    /// The source failed. What was read is good, and a later pass can go on.
    Source(io::Error),
    /// The archive is not what it should be, and will not be next time.
    Damaged(String),
    /// What is kept between passes cannot be read or written.
    Cache(PathBuf, io::Error),
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        Self::Cache(error.path, error.source)
    }
}

/// Bytes with a position.
pub(in crate::dataset) trait ByteStream {
    /// Offset of the next byte.
    fn position(&self) -> u64;

    /// The next bytes, as many as are at hand; none at the end.
    fn fill(&mut self) -> Result<&[u8], Fault>;

    /// Goes on by `count` of the bytes that [`ByteStream::fill`] gave.
    fn consume(&mut self, count: usize);

    /// Goes to `offset`, or to the end if that is nearer.
    fn seek(&mut self, offset: u64) -> Result<(), Fault>;

    /// Told where a member of the archive begins, so that a stream can notice one that never ends.
    fn member_begins(&mut self) {}

    /// Reads on to `offset`, or to the end if that is nearer.
    fn skip_to(&mut self, offset: u64) -> Result<(), Fault> {
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
    fn next_byte(&mut self) -> Result<Option<u8>, Fault> {
        let byte = self.fill()?.first().copied();
        self.consume(usize::from(byte.is_some()));
        Ok(byte)
    }

    /// The next `count` bytes, fewer only at the end.
    fn take(&mut self, count: usize) -> Result<Vec<u8>, Fault> {
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

    fn fill(&mut self) -> Result<&[u8], Fault> {
        (**self).fill()
    }

    fn consume(&mut self, count: usize) {
        (**self).consume(count);
    }

    fn seek(&mut self, offset: u64) -> Result<(), Fault> {
        (**self).seek(offset)
    }

    fn member_begins(&mut self) {
        (**self).member_begins();
    }
}

/// A source's bytes as they are. It is opened where the first byte is wanted, not before.
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

    /// Why a format's bytes stop short.
    pub(super) fn truncated(&self, within: &str) -> Fault {
        Fault::Damaged(format!("the archive ends at byte {}, within {within}", self.position))
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

    fn fill(&mut self) -> Result<&[u8], Fault> {
        if self.start == self.end
            && let Err(error) = self.refill()
        {
            self.reader = None;
            return Err(Fault::Source(error));
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.position += count as u64;
        self.tell();
    }

    fn seek(&mut self, offset: u64) -> Result<(), Fault> {
        let offset = self.source.size().map_or(offset, |size| offset.min(size));
        // What is in the buffer need not be read again, before the position either.
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
