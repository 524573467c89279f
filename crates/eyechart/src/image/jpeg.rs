//! JPEG: marked segments up to the first scan, then compressed data, then the end-of-image marker.

use super::Truncated;
use super::header::{Format, Header, Size, orientation, take};

/// The first bytes of an APP1 segment with EXIF data.
const EXIF: &[u8] = b"Exif\0\0";

/// The end-of-image marker.
pub(super) const END: [u8; 2] = [0xFF, 0xD9];

const ALLOW: &str = " (`allow_truncated = true` in [images] or --image-allow-truncated sends such pictures)";

/// The header from the segments. A frame header, a scan and an end-of-image marker after the scan must be present.
/// Cameras append their own data, so the marker is searched from the end; it cannot occur within compressed data. The
/// marker may be missing if `truncated` allows that.
pub(super) fn header(bytes: &[u8], truncated: Truncated) -> Result<Header, String> {
    let cut =
        |before: &str| format!("the JPEG is cut off: its {} bytes end before its {before}", bytes.len());
    let (mut at, mut size, mut turned) = (2, None, None);
    loop {
        let (marker, start) = marker(bytes, at)?.ok_or_else(|| cut("picture data"))?;
        if marker == 0xD9 {
            return Err("the JPEG ends before its picture data".to_owned());
        }
        if is_standalone(marker) {
            at = start;
            continue;
        }
        let length = take(bytes, start).map(u16::from_be_bytes).ok_or_else(|| cut("picture data"))?;
        let end = start + usize::from(length.max(2));
        if is_frame(marker) {
            size = Some(frame_size(bytes, start).ok_or_else(|| cut("size in pixels"))?);
        }
        if marker == 0xE1 && turned.is_none() {
            let data = bytes.get(start + 2..end).filter(|data| data.starts_with(EXIF));
            turned = data.and_then(orientation);
        }
        if marker == 0xDA {
            let size =
                size.ok_or_else(|| "the JPEG has no frame header before its picture data".to_owned())?;
            let plain = Header::new(Format::Jpeg, size);
            let header = Header { orientation: turned.unwrap_or(plain.orientation), ..plain };
            let data = bytes.get(end..).unwrap_or_default();
            let is_truncated = !data.windows(2).rev().any(|pair| pair == END);
            return match is_truncated && truncated == Truncated::Refuse {
                true => Err(cut("end-of-image marker") + ALLOW),
                false => Ok(Header { is_truncated, ..header }),
            };
        }
        at = end;
    }
}

/// The next marker from `at` and the start of its segment; `None` at the end. Any number of `FF` bytes may precede a
/// marker.
fn marker(bytes: &[u8], at: usize) -> Result<Option<(u8, usize)>, String> {
    match bytes.get(at) {
        None => return Ok(None),
        Some(0xFF) => {}
        Some(other) => return Err(format!("the JPEG has {other:02x} at byte {at}, expected a marker (ff)")),
    }
    let fill = bytes[at..].iter().take_while(|byte| **byte == 0xFF).count();
    Ok(bytes.get(at + fill).map(|&marker| (marker, at + fill + 1)))
}

/// Markers without a segment: restarts, the start of the image, and one for private use.
fn is_standalone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xD0..=0xD8)
}

/// Frame headers of all compression methods. The three excluded markers are tables.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

/// The height and then the width follow the length of the segment and the sample precision.
fn frame_size(bytes: &[u8], start: usize) -> Option<Size> {
    let side = |at| take(bytes, at).map(|side| u32::from(u16::from_be_bytes(side)));
    Some(Size { width: side(start + 5)?, height: side(start + 3)? })
}
