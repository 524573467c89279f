//! TIFF: a header, and a directory of numbered entries for each page.

use ::image::metadata::Orientation;

use super::header::{Format, Header, Size, take};

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const ORIENTATION: u16 = 274;

/// Bytes of an entry: number, type, count and value.
const ENTRY: usize = 12;

/// The header from the directory of the first page. Whether all pixels are there is only known to the decoder.
pub(super) fn header(bytes: &[u8]) -> Result<Header, String> {
    let cut = || format!("the TIFF is cut off: its {} bytes end within its directory", bytes.len());
    let numbers = Numbers { bytes, is_big_endian: bytes.starts_with(b"MM") };
    let start = numbers.long(4).ok_or_else(cut)? as usize;
    let count = usize::from(numbers.short(start).ok_or_else(cut)?);
    let entries = start + 2;
    let (mut width, mut height, mut orientation) = (0, 0, Orientation::NoTransforms);
    for at in (0..count).map(|entry| entries + entry * ENTRY) {
        let value = numbers.value(at).ok_or_else(cut)?;
        match numbers.short(at).ok_or_else(cut)? {
            WIDTH => width = value,
            HEIGHT => height = value,
            ORIENTATION => {
                let exif = u8::try_from(value).ok();
                orientation = exif.and_then(Orientation::from_exif).unwrap_or(orientation);
            }
            _ => {}
        }
    }
    let next = numbers.long(entries + count * ENTRY).unwrap_or(0);
    let header = Header::new(Format::Tiff, Size { width, height });
    Ok(Header { orientation, is_animated: next != 0, ..header })
}

/// The numbers of a file in its byte order.
struct Numbers<'a> {
    bytes: &'a [u8],
    is_big_endian: bool,
}

impl Numbers<'_> {
    fn short(&self, at: usize) -> Option<u16> {
        let bytes = take(self.bytes, at)?;
        Some(if self.is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = take(self.bytes, at)?;
        Some(if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The value of an entry, which is a short number (type 3) or a long one.
    fn value(&self, entry: usize) -> Option<u32> {
        match self.short(entry + 2)? {
            3 => self.short(entry + 8).map(u32::from),
            _ => self.long(entry + 8),
        }
    }
}
