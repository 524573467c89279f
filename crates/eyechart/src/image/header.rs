//! The facts in a picture's header: format, size in pixels, orientation, number of frames. Shared by the readers of
//! all formats.

use ::image::DynamicImage;
use ::image::metadata::Orientation;

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Png,
    Jpeg,
    WebP,
    Gif,
    Bmp,
    Tiff,
}

impl Format {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
        }
    }

    /// Whether endpoints accept the format. Pictures of other formats are always re-encoded.
    pub(super) fn is_accepted(self) -> bool {
        !matches!(self, Self::Bmp | Self::Tiff)
    }

    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some(Self::Bmp),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(Self::Tiff),
            _ => None,
        }
    }
}

/// The facts that are known without decoding the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) format: Format,
    pub(super) size: Size,
    /// The rotation that makes the stored pixels upright, from the EXIF data.
    pub(super) orientation: Orientation,
    /// Whether the picture has more than one frame or page.
    pub(super) is_animated: bool,
    /// Whether a JPEG has no end-of-image marker.
    pub(super) is_truncated: bool,
}

impl Header {
    /// The header of an upright picture with one frame.
    pub(super) fn new(format: Format, size: Size) -> Self {
        Self { format, size, orientation: Orientation::NoTransforms, is_animated: false, is_truncated: false }
    }

    /// Whether the picture must be rotated to be upright.
    pub(super) fn is_turned(&self) -> bool {
        self.orientation != Orientation::NoTransforms
    }
}

/// Width and height in pixels, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Size {
    pub(super) fn of(picture: &DynamicImage) -> Self {
        Self { width: picture.width(), height: picture.height() }
    }

    pub(super) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    pub(super) fn longest_side(self) -> u32 {
        self.width.max(self.height)
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} × {}", self.width, self.height)
    }
}

/// The orientation in EXIF data (a TIFF structure, with or without its JPEG prefix); `None` if it has none or an
/// invalid one.
pub(super) fn orientation(exif: &[u8]) -> Option<Orientation> {
    Orientation::from_exif_chunk(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif))
}

/// The `N` bytes from `at`.
pub(super) fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
