//! GIF: a screen header, then blocks made of sub-blocks, then the trailer.

use super::header::{Format, Header, Size, take};

/// Offset of the first block in a file without a colour table.
const HEADER: usize = 13;

/// The size of the screen, and whether there are several frames. Every block must be complete, one must be a picture,
/// and the trailer must follow. Bytes after the trailer are ignored.
pub(super) fn header(bytes: &[u8]) -> Result<Header, String> {
    let cut = || format!("the GIF is cut off: its {} bytes end before its trailer", bytes.len());
    let [width_0, width_1, height_0, height_1, flags] = take(bytes, 6).ok_or_else(cut)?;
    let (mut at, mut frames) = (HEADER + colour_table(flags), 0_u32);
    loop {
        match bytes.get(at).ok_or_else(cut)? {
            0x3B if frames == 0 => return Err("the GIF has no picture data".to_owned()),
            0x3B => break,
            0x21 => at = after_sub_blocks(bytes, at + 2).ok_or_else(cut)?,
            0x2C => {
                let flags = *bytes.get(at + 9).ok_or_else(cut)?;
                at = after_sub_blocks(bytes, at + 11 + colour_table(flags)).ok_or_else(cut)?;
                frames = frames.saturating_add(1);
            }
            other => return Err(format!("the GIF has {other:02x} at byte {at}, expected a block")),
        }
    }
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]));
    let size = Size { width: side(width_0, width_1), height: side(height_0, height_1) };
    Ok(Header { is_animated: frames > 1, ..Header::new(Format::Gif, size) })
}

/// The length of the colour table, by the flags.
fn colour_table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// The offset after a chain of sub-blocks. Each begins with its length; an empty one ends the chain.
fn after_sub_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}
