//! WebP: a RIFF container whose first chunk gives the size in one of three ways.

use super::header::{Format, Header, Size, orientation, take};

/// Offset of the first chunk's data: after `RIFF`, length, `WEBP`, and the chunk's type and length.
const DATA: usize = 20;

/// The flag of an extended file with frames.
const ANIMATED: u8 = 0x02;

/// The header from the chunks, if the container is as long as it announces. Bytes after it are ignored.
pub(super) fn header(bytes: &[u8]) -> Result<Header, String> {
    let short = || format!("the WebP is cut off after {} bytes", bytes.len());
    let promised = u64::from(take(bytes, 4).map(u32::from_le_bytes).ok_or_else(short)?) + 8;
    if (bytes.len() as u64) < promised {
        return Err(format!("the WebP is cut off: it has {} of {promised} bytes", bytes.len()));
    }
    let kind: [u8; 4] = take(bytes, 12).ok_or_else(short)?;
    match &kind {
        b"VP8 " => lossy(bytes).map(|size| Header::new(Format::WebP, size)),
        b"VP8L" => lossless(bytes).map(|size| Header::new(Format::WebP, size)),
        b"VP8X" => extended(bytes).ok_or_else(short),
        other => Err(format!("the WebP starts with an unknown chunk {:?}", String::from_utf8_lossy(other))),
    }
}

/// Three bytes of frame tag, three of start code, then 14 bits for each side.
fn lossy(bytes: &[u8]) -> Result<Size, String> {
    let damaged = || "the WebP has no frame header where one should be".to_owned();
    let [a, b, c, width_0, width_1, height_0, height_1] = take(bytes, DATA + 3).ok_or_else(damaged)?;
    if [a, b, c] != [0x9D, 0x01, 0x2A] {
        return Err(damaged());
    }
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
    Ok(Size { width: side(width_0, width_1), height: side(height_0, height_1) })
}

/// A signature byte, then 14 bits for each side, minus one.
fn lossless(bytes: &[u8]) -> Result<Size, String> {
    let damaged = || "the WebP has no lossless header where one should be".to_owned();
    let [signature, rest @ ..]: [u8; 5] = take(bytes, DATA).ok_or_else(damaged)?;
    if signature != 0x2F {
        return Err(damaged());
    }
    let bits = u32::from_le_bytes(rest);
    Ok(Size { width: (bits & 0x3FFF) + 1, height: ((bits >> 14) & 0x3FFF) + 1 })
}

/// Four bytes of flags, then 24 bits for each side, minus one. The orientation is in a later chunk.
fn extended(bytes: &[u8]) -> Option<Header> {
    let [flags, _, _, _, w0, w1, w2, h0, h1, h2] = take(bytes, DATA)?;
    let side = |bytes| u32::from_le_bytes(bytes) + 1;
    let size = Size { width: side([w0, w1, w2, 0]), height: side([h0, h1, h2, 0]) };
    let plain = Header::new(Format::WebP, size);
    let turned = chunk(bytes, *b"EXIF").and_then(orientation);
    let is_animated = flags & ANIMATED != 0;
    Some(Header { is_animated, orientation: turned.unwrap_or(plain.orientation), ..plain })
}

/// The data of the first chunk of this type.
fn chunk(bytes: &[u8], wanted: [u8; 4]) -> Option<&[u8]> {
    let mut at = 12;
    loop {
        let kind: [u8; 4] = take(bytes, at)?;
        let length = usize::try_from(u32::from_le_bytes(take(bytes, at + 4)?)).ok()?;
        let end = length.checked_add(at + 8)?;
        if kind == wanted {
            return bytes.get(at + 8..end);
        }
        // A chunk with an odd length is followed by a padding byte.
        at = end.checked_add(length % 2)?;
    }
}
