//! What a workbook may unpack to, checked before its reader opens it. Does not know sheets.

use std::fmt::Display;
use std::io::{self, Read, Seek, Write};

use zip::ZipArchive;

/// A workbook whose parts are larger than this together when they are unpacked is refused.
const MAX_UNPACKED_BYTES: u64 = 256 << 20;

/// What the parts of a workbook show before it is opened.
pub(super) struct Parts {
    /// Whether a sheet has merged cells.
    pub(super) have_merged_cells: bool,
    /// Whether the workbook asks to be calculated when it is opened: a library has written it. The values of its formulas are
    /// missing or 0.
    pub(super) need_calculation: bool,
}

/// Unpacks every part once and throws it away: the sizes that an archive gives for its parts may be false.
///
/// # Errors
/// Why the workbook is refused.
pub(super) fn unpack_once(file: impl Read + Seek) -> Result<Parts, String> {
    let no_workbook = |error: &dyn Display| {
        format!("{error}: expected a workbook; save one of another version as .xlsx or .csv")
    };
    let mut archive = ZipArchive::new(file).map_err(|error| no_workbook(&error))?;
    let mut left = MAX_UNPACKED_BYTES;
    let mut parts = Parts { have_merged_cells: false, need_calculation: false };
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|error| no_workbook(&error))?;
        let mut seen = Seen::default();
        let read = io::copy(&mut part.take(left + 1), &mut seen).map_err(|error| error.to_string())?;
        left = left.checked_sub(read).ok_or_else(|| {
            format!("its parts have more than {} MiB unpacked: refused", MAX_UNPACKED_BYTES >> 20)
        })?;
        if seen.strings.most > read {
            return Err(format!("a part of {read} bytes announces {} strings: refused", seen.strings.most));
        }
        parts.have_merged_cells |= seen.merged.is_found;
        parts.need_calculation |= seen.calculation.is_found;
    }
    Ok(parts)
}

/// What the bytes of a part show, in any encoding that has ASCII characters as bytes or as pairs with a zero.
struct Seen {
    strings: AnnouncedStrings,
    merged: Word,
    calculation: Word,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            strings: AnnouncedStrings::default(),
            merged: Word::new(b"<mergeCell"),
            calculation: Word::new(b"fullCalcOnLoad=\"1\""),
        }
    }
}

impl Seen {
    fn see(&mut self, byte: u8) {
        self.strings.see(byte);
        self.merged.see(byte);
        self.calculation.see(byte);
    }
}

/// Finds a word whose first byte it has only once.
struct Word {
    word: &'static [u8],
    /// Number of its bytes that were just seen.
    matched: usize,
    is_found: bool,
}

impl Word {
    fn new(word: &'static [u8]) -> Self {
        Self { word, matched: 0, is_found: false }
    }

    fn see(&mut self, byte: u8) {
        let is_next = byte == self.word[self.matched];
        self.matched = if is_next { self.matched + 1 } else { usize::from(byte == self.word[0]) };
        if self.matched == self.word.len() {
            (self.is_found, self.matched) = (true, 0);
        }
    }
}

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        bytes.iter().filter(|byte| **byte != 0).for_each(|byte| self.see(*byte));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The attribute that announces a number of strings. The reader of workbooks allocates memory for them at once.
const ATTRIBUTE: &[u8] = b"uniqueCount";

/// Finds the numbers of strings that XML announces.
#[derive(Default)]
struct AnnouncedStrings {
    most: u64,
    /// Number of bytes of the attribute that were just seen.
    matched: usize,
    number: u64,
}

impl AnnouncedStrings {
    fn see(&mut self, byte: u8) {
        if self.matched < ATTRIBUTE.len() {
            let is_next = byte == ATTRIBUTE[self.matched];
            self.matched = if is_next { self.matched + 1 } else { usize::from(byte == ATTRIBUTE[0]) };
        } else if byte.is_ascii_digit() {
            self.number = self.number.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
            self.most = self.most.max(self.number);
        } else if !matches!(byte, b'=' | b'"' | b'\'' | b'+') && !byte.is_ascii_whitespace()
            || self.number > 0
        {
            (self.matched, self.number) = (usize::from(byte == ATTRIBUTE[0]), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_numbers_are_found_in_every_form() {
        let most = |text: &[u8]| {
            let mut seen = Seen::default();
            text.chunks(3).for_each(|chunk| seen.write_all(chunk).unwrap());
            seen.strings.most
        };
        assert_eq!(most(b"<sst count=\"9\" uniqueCount=\"12\">"), 12);
        assert_eq!(
            most(b"<sst uniqueCount='3'/> <sst  uniqueCount = \n\"99999999999999999999999\">"),
            u64::MAX
        );
        assert_eq!(most(b"u uuniqueCount=\"007\" uniqueCount=\"\" 5"), 7);
        assert_eq!(most(b"<sst count=\"9\"/>"), 0);
        let utf16: Vec<u8> = "<sst uniqueCount=\"41\">".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(most(&utf16), 41);
    }
}
