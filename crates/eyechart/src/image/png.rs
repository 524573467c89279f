//! PNG: chunks of length, type, data and checksum, from `IHDR` to `IEND`.

use super::header::take;

/// The length of the signature before the first chunk.
const SIGNATURE: usize = 8;

/// Width and height, if every chunk is whole and the last is `IEND`. What follows that is not looked at, nor are
/// checksums.
pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), String> {
    let (mut at, mut size, mut has_data) = (SIGNATURE, None, false);
    while let Some((length, kind)) = chunk(bytes, at) {
        if size.is_none() {
            size = Some(header(bytes, at, length, kind)?);
        }
        has_data |= kind == *b"IDAT";
        let end = length.checked_add(at + 12).filter(|end| *end <= bytes.len());
        let Some(end) = end else { break };
        if kind == *b"IEND" {
            return size.filter(|_| has_data).ok_or_else(|| "the PNG has no picture data (IDAT)".to_owned());
        }
        at = end;
    }
    Err(format!("the PNG is cut off: its {} bytes end before its IEND chunk", bytes.len()))
}

/// Length of the data and type of the chunk at `at`.
fn chunk(bytes: &[u8], at: usize) -> Option<(usize, [u8; 4])> {
    let length = u32::from_be_bytes(take(bytes, at)?);
    Some((usize::try_from(length).ok()?, take(bytes, at + 4)?))
}

fn header(bytes: &[u8], at: usize, length: usize, kind: [u8; 4]) -> Result<(u32, u32), String> {
    if (length, kind) != (13, *b"IHDR") {
        return Err("the PNG does not start with an IHDR chunk".to_owned());
    }
    let side = |offset| take(bytes, at + offset).map(u32::from_be_bytes);
    let cut = || "the PNG is cut off in its IHDR chunk".to_owned();
    Ok((side(8).ok_or_else(cut)?, side(12).ok_or_else(cut)?))
}
