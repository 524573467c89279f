//! What a workbook may unpack to, checked before its reader opens it. Does not know sheets.

use std::fmt::Display;
use std::io::{self, Read, Seek, Write};

use zip::ZipArchive;

/// A workbook whose parts are larger than this together when they are unpacked is refused.
const MAX_UNPACKED_BYTES: u64 = 256 << 20;

/// Unpacks every part once and throws it away: the sizes that an archive gives for its parts may be false.
///
/// # Errors
/// Why the workbook is refused.
pub(super) fn refuse_bomb(file: impl Read + Seek) -> Result<(), String> {
    let no_workbook = |error: &dyn Display| {
        format!("{error}: expected a workbook; save one of another version as .xlsx or .csv")
    };
    let mut archive = ZipArchive::new(file).map_err(|error| no_workbook(&error))?;
    let mut left = MAX_UNPACKED_BYTES;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|error| no_workbook(&error))?;
        let mut announced = AnnouncedStrings::default();
        let read = io::copy(&mut part.take(left + 1), &mut announced).map_err(|error| error.to_string())?;
        left = left.checked_sub(read).ok_or_else(|| {
            format!("its parts have more than {} MiB unpacked: refused", MAX_UNPACKED_BYTES >> 20)
        })?;
        if announced.most > read {
            return Err(format!("a part of {read} bytes announces {} strings: refused", announced.most));
        }
    }
    Ok(())
}

/// The attribute that announces a number of strings. The reader of workbooks allocates memory for them at once.
const ATTRIBUTE: &[u8] = b"uniqueCount";

/// Finds the numbers of strings that the XML written to it announces, in any encoding that has ASCII characters as bytes
/// or as pairs with a zero.
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

impl Write for AnnouncedStrings {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        bytes.iter().filter(|byte| **byte != 0).for_each(|byte| self.see(*byte));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_numbers_are_found_in_every_form() {
        let most = |text: &[u8]| {
            let mut announced = AnnouncedStrings::default();
            text.chunks(3).for_each(|chunk| announced.write_all(chunk).unwrap());
            announced.most
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
