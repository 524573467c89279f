//! The members of a tar archive in sequence, from any stream and from any member.
//!
//! Does not know where members are stored. Never follows a link, never writes a file.

use serde::{Deserialize, Serialize};

use super::header::{BLOCK, Changes, Header, Type, parse, parse_extended, text};
use super::stream::{ByteStream, StreamError};

/// Maximum number of bytes of padding that are read after the end.
const MAX_PADDING_BYTES: u64 = 1 << 20;

/// Longer names and pax fields are refused.
const MAX_FIELDS_BYTES: u64 = 1 << 20;

/// The kind of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::dataset) enum Kind {
    File,
    Directory,
    /// A hard or symbolic link.
    Link,
    /// A file with holes that are not in the archive.
    SparseFile,
    /// A device, a pipe, or something else.
    Special,
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::dataset) struct Entry {
    /// The path without a leading `./` or a final `/`.
    pub(in crate::dataset) name: String,
    pub(in crate::dataset) kind: Kind,
    /// Offset of the data in the decompressed archive.
    pub(in crate::dataset) at: u64,
    /// Number of bytes of data.
    pub(in crate::dataset) size: u64,
}

impl Entry {
    /// Offset of the next member's headers.
    pub(super) fn next(&self) -> u64 {
        padded(self.at, self.size)
    }
}

/// The name in the form for comparisons: without a leading `./` and a final `/`.
pub(super) fn plain_name(name: &str) -> &str {
    let mut name = name.trim_end_matches('/');
    while let Some(rest) = name.strip_prefix("./") {
        name = rest.trim_start_matches('/');
    }
    name
}

fn padded(at: u64, size: u64) -> u64 {
    at.saturating_add(size.checked_next_multiple_of(BLOCK as u64).unwrap_or(u64::MAX))
}

/// A stream read as tar.
pub(in crate::dataset) struct Tar<S> {
    stream: S,
    /// Offset of the next member's headers.
    next: u64,
}

impl<S: ByteStream> Tar<S> {
    /// Reads members from the start.
    pub(super) fn new(stream: S) -> Self {
        Self { stream, next: 0 }
    }

    /// Continues with the member whose headers start at `offset`.
    pub(super) fn continue_at(&mut self, offset: u64) {
        self.next = offset;
    }

    /// The next member; `None` at the end of the archive. Unread data of the previous member is skipped.
    ///
    /// # Errors
    /// [`StreamError::Damaged`] if the header is missing or incomplete.
    pub(in crate::dataset) fn next_entry(&mut self) -> Result<Option<Entry>, StreamError> {
        let mut changes = Changes::default();
        let mut long_name = None;
        loop {
            let Some((header, at)) = self.next_header()? else { return Ok(None) };
            match header.kind {
                Type::LongName => long_name = Some(text(&self.fields(&header)?)),
                Type::Extended => {
                    let fields = self.fields(&header)?;
                    changes = parse_extended(&fields).map_err(|reason| damaged(at, reason))?;
                }
                Type::Skipped => self.next = padded(self.stream.position(), header.size),
                _ => {
                    self.stream.member_begins();
                    return self.entry(&header, &changes, long_name).map(Some);
                }
            }
        }
    }

    /// Reads the padding after the last member. For a compressed archive, that also checks the checksum behind it.
    pub(super) fn check_end(&mut self) -> Result<(), StreamError> {
        self.stream.skip_to(self.stream.position() + MAX_PADDING_BYTES)
    }

    /// The data of a member, at most `limit` bytes.
    ///
    /// # Errors
    /// [`StreamError::Damaged`] if the archive ends within the data.
    pub(in crate::dataset) fn read(&mut self, entry: &Entry, limit: u64) -> Result<Vec<u8>, StreamError> {
        if self.stream.position() != entry.at {
            self.stream.seek(entry.at)?;
        }
        let wanted = usize::try_from(entry.size.min(limit)).unwrap_or(usize::MAX);
        let data = if self.stream.position() == entry.at { self.stream.take(wanted)? } else { Vec::new() };
        if data.len() < wanted {
            return Err(self.truncated(&format!("within the data of {}", entry.name)));
        }
        Ok(data)
    }

    fn next_header(&mut self) -> Result<Option<(Header, u64)>, StreamError> {
        loop {
            self.stream.seek(self.next)?;
            let at = self.stream.position();
            let block = self.stream.take(BLOCK)?;
            if block.is_empty() && at == self.next {
                // Some writers omit the end mark.
                return Ok(None);
            }
            if block.len() < BLOCK {
                return Err(self.truncated("where a header should be"));
            }
            self.next += BLOCK as u64;
            if let Some(header) = parse(&block).map_err(|reason| damaged(at, reason))? {
                return Ok(Some((header, at)));
            }
            // Two blocks of zeros end an archive. Some writers write only one, and then the file ends too.
            let second = self.stream.take(BLOCK)?;
            if second.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
        }
    }

    fn fields(&mut self, header: &Header) -> Result<Vec<u8>, StreamError> {
        let at = self.stream.position();
        if header.size > MAX_FIELDS_BYTES {
            return Err(damaged(at, "its name or pax fields are longer than 1 MiB"));
        }
        let fields = self.stream.take(usize::try_from(header.size).unwrap_or(usize::MAX))?;
        if (fields.len() as u64) < header.size {
            return Err(self.truncated("within a header"));
        }
        self.next = padded(at, header.size);
        Ok(fields)
    }

    fn entry(
        &mut self,
        header: &Header,
        changes: &Changes,
        long: Option<String>,
    ) -> Result<Entry, StreamError> {
        let kind = match header.kind {
            Type::Sparse => Kind::SparseFile,
            Type::File if changes.sparse => Kind::SparseFile,
            // Archives from before POSIX mark a folder like this.
            Type::File if header.name.ends_with('/') => Kind::Directory,
            Type::File => Kind::File,
            Type::Directory => Kind::Directory,
            Type::HardLink | Type::SymbolicLink => Kind::Link,
            _ => Kind::Special,
        };
        let at = self.stream.position();
        let has_data = matches!(header.kind, Type::File | Type::Sparse);
        let size = changes.size.filter(|_| has_data).unwrap_or(header.size);
        self.next = padded(at, size);
        if self.next > i64::MAX.unsigned_abs() {
            return Err(damaged(at, "its size is beyond every file's"));
        }
        let name = changes.name.as_ref().or(long.as_ref()).unwrap_or(&header.name);
        Ok(Entry { name: plain_name(name).to_owned(), kind, at, size })
    }

    fn truncated(&self, place: &str) -> StreamError {
        StreamError::Damaged(format!(
            "the archive ends at byte {} (unpacked), {place}",
            self.stream.position()
        ))
    }
}

fn damaged(at: u64, reason: &str) -> StreamError {
    StreamError::Damaged(format!("no tar header at byte {at} (unpacked): {reason}"))
}
