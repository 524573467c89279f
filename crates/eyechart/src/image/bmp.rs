//! BMP: a file header, a header with the size, then rows of pixels.

use super::header::{Format, Header, Size, take};

/// Length of the file header.
const FILE_HEADER: usize = 14;

/// The size from the header. Whether all pixels are there is only known to the decoder.
pub(super) fn header(bytes: &[u8]) -> Result<Header, String> {
    let cut = || format!("the BMP is cut off: its {} bytes end within its header", bytes.len());
    let length = take(bytes, FILE_HEADER).map(u32::from_le_bytes).ok_or_else(cut)?;
    let size = match length {
        12 => {
            let side = |at| take(bytes, at).map(|side| u32::from(u16::from_le_bytes(side)));
            Size { width: side(18).ok_or_else(cut)?, height: side(20).ok_or_else(cut)? }
        }
        // A negative height means that the first row is at the top.
        _ => {
            let side = |at| take(bytes, at).map(|side| i32::from_le_bytes(side).unsigned_abs());
            Size { width: side(18).ok_or_else(cut)?, height: side(22).ok_or_else(cut)? }
        }
    };
    let pixels = take(bytes, 10).map(u32::from_le_bytes).ok_or_else(cut)?;
    match usize::try_from(pixels).is_ok_and(|pixels| pixels < bytes.len()) {
        true => Ok(Header::new(Format::Bmp, size)),
        false => Err(format!("the BMP is cut off: its {} bytes end before its pixels", bytes.len())),
    }
}
