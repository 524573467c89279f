//! PNG: chunks of length, type, data and checksum, from `IHDR` to `IEND`.

use std::borrow::Cow;

use super::header::{Format, Header, Size, orientation, take};

/// Length of the signature before the first chunk.
const SIGNATURE: usize = 8;

/// The header from the chunks. Every chunk must be complete, and the last one must be `IEND`. Bytes after it and
/// checksums are ignored.
pub(super) fn header(bytes: &[u8]) -> Result<Header, String> {
    let (mut at, mut header, mut has_data) = (SIGNATURE, None, false);
    while let Some((length, kind)) = chunk(bytes, at) {
        let header = match &mut header {
            None => header.insert(Header::new(Format::Png, size(bytes, at, length, kind)?)),
            Some(header) => header,
        };
        let end = length.checked_add(at + 12).filter(|end| *end <= bytes.len());
        let Some(end) = end else { break };
        match &kind {
            b"IDAT" => has_data = true,
            // An animation announces its frames before the first picture data.
            b"acTL" => header.is_animated |= !has_data,
            b"eXIf" => {
                header.orientation = orientation(&bytes[at + 8..end - 4]).unwrap_or(header.orientation)
            }
            b"IEND" if has_data => return Ok(*header),
            b"IEND" => return Err("the PNG has no picture data (IDAT)".to_owned()),
            _ => {}
        }
        at = end;
    }
    Err(format!("the PNG is cut off: its {} bytes end before its IEND chunk", bytes.len()))
}

/// The picture without colour profiles and texts, which are not used. They are compressed, and may unpack to any size in the
/// decoder. The chunks must be complete.
pub(super) fn without_packed_metadata(bytes: &[u8]) -> Cow<'_, [u8]> {
    let (mut at, mut kept, mut is_changed) = (SIGNATURE, bytes[..SIGNATURE.min(bytes.len())].to_vec(), false);
    while let Some((length, kind)) = chunk(bytes, at)
        && let Some(end) = length.checked_add(at + 12).filter(|end| *end <= bytes.len())
    {
        match &kind {
            b"iCCP" | b"zTXt" | b"iTXt" => is_changed = true,
            _ => kept.extend_from_slice(&bytes[at..end]),
        }
        at = end;
    }
    if is_changed { Cow::Owned(kept) } else { Cow::Borrowed(bytes) }
}

/// The data length and the type of the chunk at `at`.
fn chunk(bytes: &[u8], at: usize) -> Option<(usize, [u8; 4])> {
    let length = u32::from_be_bytes(take(bytes, at)?);
    Some((usize::try_from(length).ok()?, take(bytes, at + 4)?))
}

/// Width and height from the first chunk.
fn size(bytes: &[u8], at: usize, length: usize, kind: [u8; 4]) -> Result<Size, String> {
    if (length, kind) != (13, *b"IHDR") {
        return Err("the PNG does not start with an IHDR chunk".to_owned());
    }
    let side = |offset| take(bytes, at + offset).map(u32::from_be_bytes);
    let cut = || "the PNG is cut off in its IHDR chunk".to_owned();
    Ok(Size { width: side(8).ok_or_else(cut)?, height: side(12).ok_or_else(cut)? })
}
