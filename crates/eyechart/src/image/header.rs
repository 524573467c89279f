//! What a picture's bytes say of themselves: format, size in pixels, and whether they are all there.
//!
//! Reads headers and block lengths, never pixels: well under a tenth of a millisecond for a usual picture.

use super::read::MAX_BYTES;
use super::{gif, jpeg, png, webp};

/// Pictures beyond this many pixels are refused.
pub(super) const MAX_PIXELS: u64 = 100_000_000;

/// How many bytes of something else are shown.
const SHOWN_BYTES: usize = 16;

/// The formats that endpoints take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Png,
    Jpeg,
    WebP,
    Gif,
}

impl Format {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            _ => None,
        }
    }
}

/// Format and size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) format: Format,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// The header of a picture that is whole and of a usual size, or what is wrong with it.
pub(super) fn check(bytes: &[u8]) -> Result<Header, String> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(bytes.len() as u64));
    }
    let format = Format::of(bytes).ok_or_else(|| not_a_picture(bytes))?;
    let (width, height) = match format {
        Format::Png => png::size(bytes)?,
        Format::Jpeg => jpeg::size(bytes)?,
        Format::WebP => webp::size(bytes)?,
        Format::Gif => gif::size(bytes)?,
    };
    if width == 0 || height == 0 {
        return Err(format!("the picture has no pixels: {width} × {height}"));
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "the picture has {width} × {height} pixels, over {} million",
            MAX_PIXELS / 1_000_000
        ));
    }
    Ok(Header { format, width, height })
}

/// For a file beyond [`MAX_BYTES`].
pub(super) fn too_large(bytes: u64) -> String {
    format!("the file has {bytes} bytes, over {} MiB", MAX_BYTES >> 20)
}

fn not_a_picture(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(SHOWN_BYTES)];
    let is_text = start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    match std::str::from_utf8(start) {
        _ if start.is_empty() => "not a picture: it is empty".to_owned(),
        Ok(text) if is_text => format!("not a picture (PNG, JPEG, WebP or GIF): starts with {text:?}"),
        _ => {
            let hex: Vec<_> = start.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("not a picture (PNG, JPEG, WebP or GIF): starts with the bytes {}", hex.join(" "))
        }
    }
}

/// The bytes from `at` on, `N` of them.
pub(super) fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
