//! A tar archive's members one after the other, from any stream and from any member on.
//!
//! Knows nothing of where members go. Never follows a link, never writes a file.

use serde::{Deserialize, Serialize};

use super::header::{BLOCK, Changes, Header, Type, parse, parse_extended, text};
use super::stream::{ByteStream, Fault};

/// Padding after the end is read up to this.
const MAX_PADDING_BYTES: u64 = 1 << 20;

/// Names and pax fields longer than this are refused.
const MAX_FIELDS_BYTES: u64 = 1 << 20;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::dataset) enum Kind {
    File,
    Directory,
    /// Hard or symbolic.
    Link,
    /// With holes that are not in the archive.
    SparseFile,
    /// A device, a pipe, …
    Special,
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::dataset) struct Entry {
    /// Its path without a leading `./` or a final `/`.
    pub(in crate::dataset) name: String,
    pub(in crate::dataset) kind: Kind,
    /// Offset of its data in the unpacked archive.
    pub(in crate::dataset) at: u64,
    /// Number of bytes of its data.
    pub(in crate::dataset) size: u64,
}

impl Entry {
    /// Where the next member's headers begin.
    pub(super) fn next(&self) -> u64 {
        padded(self.at, self.size)
    }
}

/// The name as names are compared: without `./` in front or `/` at its end.
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
    /// Where the next member's headers begin.
    next: u64,
}

impl<S: ByteStream> Tar<S> {
    /// Reads members from the beginning.
    pub(super) fn new(stream: S) -> Self {
        Self { stream, next: 0 }
    }

    /// Goes on with the member whose headers begin at `offset`.
    pub(super) fn continue_at(&mut self, offset: u64) {
        self.next = offset;
    }

    /// The next member; `None` at the archive's end. What of the last one has not been read is skipped.
    ///
    /// # Errors
    /// [`Fault::Damaged`] where there is no header, or half of one.
    pub(in crate::dataset) fn next_entry(&mut self) -> Result<Option<Entry>, Fault> {
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

    /// Reads the padding after the last member, and with it a checksum of the whole that may stand behind it.
    pub(super) fn check_end(&mut self) -> Result<(), Fault> {
        self.stream.skip_to(self.stream.position() + MAX_PADDING_BYTES)
    }

    /// The data of a member, at most `limit` bytes of it.
    ///
    /// # Errors
    /// [`Fault::Damaged`] where the archive ends within it.
    pub(in crate::dataset) fn read(&mut self, entry: &Entry, limit: u64) -> Result<Vec<u8>, Fault> {
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

    fn next_header(&mut self) -> Result<Option<(Header, u64)>, Fault> {
        loop {
            self.stream.seek(self.next)?;
            let at = self.stream.position();
            let block = self.stream.take(BLOCK)?;
            if block.is_empty() && at == self.next {
                // Some writers leave the end mark out.
                return Ok(None);
            }
            if block.len() < BLOCK {
                return Err(self.truncated("where a header should be"));
            }
            self.next += BLOCK as u64;
            if let Some(header) = parse(&block).map_err(|reason| damaged(at, reason))? {
                return Ok(Some((header, at)));
            }
            // Two blocks of zeros end an archive. Some writers leave it at one, and then the file ends as well.
            let second = self.stream.take(BLOCK)?;
            if second.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
        }
    }

    fn fields(&mut self, header: &Header) -> Result<Vec<u8>, Fault> {
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

    fn entry(&mut self, header: &Header, changes: &Changes, long: Option<String>) -> Result<Entry, Fault> {
        let kind = match header.kind {
            Type::Sparse => Kind::SparseFile,
            Type::File if changes.sparse => Kind::SparseFile,
            // As archives from before POSIX mark a folder.
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

    fn truncated(&self, place: &str) -> Fault {
        Fault::Damaged(format!("the archive ends at byte {} (unpacked), {place}", self.stream.position()))
    }
}

fn damaged(at: u64, reason: &str) -> Fault {
    Fault::Damaged(format!("no tar header at byte {at} (unpacked): {reason}"))
}
