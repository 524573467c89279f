//! The positions in a gzip stream where decompression can start, kept in a file next to the index.
//!
//! The file is a sequence of records of the same size, each with a checksum. Everything after the last valid record
//! is dropped. Does not know tar.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::stream::StreamError;

/// The distance in bytes that deflate can refer back.
pub(super) const WINDOW: usize = 32 << 10;

/// Minimum number of decompressed bytes between two checkpoints.
pub(super) const SPAN: u64 = 16 << 20;

const FIELDS: usize = 32;
const RECORD: usize = FIELDS + WINDOW + 4;

/// The value for the number of bits if the header of a gzip member follows instead of a block.
const AT_HEADER: u8 = u8::MAX;

/// The state that is needed to start decompression in the middle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// Bytes decompressed so far, over all gzip members.
    pub(super) output: u64,
    /// Offset of the next byte in the archive.
    pub(super) input: u64,
    /// Bytes of the current gzip member that were decompressed so far, and their CRC-32.
    pub(super) member: (u64, u32),
    /// The bits of the byte before `input` that belong to the next block: their number, at most 7, and their value.
    /// Absent if the header of a gzip member follows.
    pub(super) bits: Option<(u8, u8)>,
    /// The last [`WINDOW`] decompressed bytes.
    pub(super) window: Vec<u8>,
}

impl Checkpoint {
    fn to_record(&self) -> Vec<u8> {
        let (count, bits) = self.bits.unwrap_or((AT_HEADER, 0));
        let mut record = Vec::with_capacity(RECORD);
        for number in [self.output, self.input, self.member.0] {
            record.extend(number.to_le_bytes());
        }
        record.extend(self.member.1.to_le_bytes());
        record.extend([count, bits, 0, 0]);
        record.extend(&self.window);
        record.extend(crc32fast::hash(&record).to_le_bytes());
        record
    }

    /// `None` if the record is not valid.
    fn from_record(record: &[u8]) -> Option<Self> {
        let (body, sum) = record.split_last_chunk::<4>()?;
        if record.len() != RECORD || crc32fast::hash(body) != u32::from_le_bytes(*sum) {
            return None;
        }
        let (fields, window) = body.split_at(FIELDS);
        let number = |at: usize| Some(u64::from_le_bytes(fields.get(at..at + 8)?.try_into().ok()?));
        let crc = u32::from_le_bytes(fields.get(24..28)?.try_into().ok()?);
        let bits = match (fields[28], fields[29]) {
            (AT_HEADER, _) => None,
            (count @ 0..8, bits) => Some((count, bits)),
            _ => return None,
        };
        let member = (number(16)?, crc);
        Some(Self { output: number(0)?, input: number(8)?, member, bits, window: window.to_vec() })
    }
}

/// The checkpoints of an archive, ascending.
pub(super) struct Checkpoints {
    /// The file they are kept in; absent for a stream that is only read forwards.
    file: Option<(PathBuf, File)>,
    /// The output offset of each checkpoint.
    outputs: Vec<u64>,
}

impl Checkpoints {
    /// For a stream without checkpoints.
    pub(super) fn none() -> Self {
        Self { file: None, outputs: Vec::new() }
    }

    /// The checkpoints in the file at `path`, which is created if it is missing. The caller holds the archive's lock.
    pub(super) fn open(path: &Path) -> Result<Self, StreamError> {
        let open = || -> io::Result<(File, Vec<u64>)> {
            let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
            let outputs = read_outputs(&file)?;
            file.set_len((outputs.len() * RECORD) as u64)?;
            Ok((file, outputs))
        };
        let (file, outputs) = open().map_err(|error| StreamError::Cache(path.to_owned(), error))?;
        Ok(Self { file: Some((path.to_owned(), file)), outputs })
    }

    /// Whether a checkpoint should be kept at this offset of the output.
    pub(super) fn is_due(&self, output: u64) -> bool {
        self.file.is_some() && output >= self.outputs.last().unwrap_or(&0).saturating_add(SPAN)
    }

    /// Keeps a checkpoint that [is due](Self::is_due).
    pub(super) fn add(&mut self, checkpoint: &Checkpoint) -> Result<(), StreamError> {
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        file.write_all(&checkpoint.to_record()).map_err(|error| StreamError::Cache(path.clone(), error))?;
        self.outputs.push(checkpoint.output);
        Ok(())
    }

    /// The last checkpoint at or before this offset of the output, if it is after `position`.
    pub(super) fn between(&mut self, position: u64, offset: u64) -> Result<Option<Checkpoint>, StreamError> {
        let Some((path, file)) = &mut self.file else { return Ok(None) };
        let before = self.outputs.partition_point(|output| *output <= offset);
        let Some(at) = before.checked_sub(1).filter(|at| self.outputs[*at] > position) else {
            return Ok(None);
        };
        let mut record = vec![0; RECORD];
        let read =
            file.seek(SeekFrom::Start((at * RECORD) as u64)).and_then(|_| file.read_exact(&mut record));
        read.map_err(|error| StreamError::Cache(path.clone(), error))?;
        Ok(Checkpoint::from_record(&record))
    }
}

fn read_outputs(file: &File) -> io::Result<Vec<u64>> {
    let mut reader = BufReader::with_capacity(RECORD, file);
    let mut outputs = Vec::new();
    let mut record = vec![0; RECORD];
    loop {
        match reader.read_exact(&mut record) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(outputs),
            read => read?,
        }
        let Some(checkpoint) = Checkpoint::from_record(&record) else { return Ok(outputs) };
        outputs.push(checkpoint.output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(output: u64) -> Checkpoint {
        let bits = Some((3, 5)).filter(|_| output.is_multiple_of(2));
        Checkpoint { output, input: output / 3, member: (7, 9), bits, window: vec![1; WINDOW] }
    }

    #[test]
    fn checkpoints_survive_a_torn_and_a_damaged_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        let mut kept = Checkpoints::open(&path).unwrap();
        for output in [SPAN, 2 * SPAN + 1, 4 * SPAN] {
            assert!(kept.is_due(output) && !kept.is_due(output - SPAN));
            kept.add(&checkpoint(output)).unwrap();
        }
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        (&file).write_all(&checkpoint(6 * SPAN).to_record()[..RECORD - 1]).unwrap();

        let mut kept = Checkpoints::open(&path).unwrap();
        assert_eq!(kept.between(0, 4 * SPAN - 1).unwrap(), Some(checkpoint(2 * SPAN + 1)));
        assert_eq!(kept.between(0, 9 * SPAN).unwrap(), Some(checkpoint(4 * SPAN)));
        assert_eq!(kept.between(0, SPAN - 1).unwrap(), None);
        assert_eq!(kept.between(SPAN, 2 * SPAN).unwrap(), None);

        let mut bytes = std::fs::read(&path).unwrap();
        bytes[RECORD + 100] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let mut kept = Checkpoints::open(&path).unwrap();
        assert_eq!(kept.between(0, 9 * SPAN).unwrap(), Some(checkpoint(SPAN)));
        assert!(kept.is_due(2 * SPAN));
    }
}
