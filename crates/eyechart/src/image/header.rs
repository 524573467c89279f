//! What a picture's header says: format, size in pixels, which way is up, how many frames. The words that the readers
//! of each format share.

use ::image::DynamicImage;
use ::image::metadata::Orientation;

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

    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            _ => None,
        }
    }
}

/// What is known of a picture whose pixels nobody has looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) format: Format,
    pub(super) size: Size,
    /// How the stored pixels have to be turned to stand upright, as the EXIF data says.
    pub(super) orientation: Orientation,
    /// Whether it has more than one frame.
    pub(super) is_animated: bool,
}

impl Header {
    /// Of a picture that is upright and stands still.
    pub(super) fn new(format: Format, size: Size) -> Self {
        Self { format, size, orientation: Orientation::NoTransforms, is_animated: false }
    }

    /// Whether it has to be turned to stand upright.
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

/// The orientation that EXIF data (a TIFF structure, with or without its JPEG prefix) has; `None` where it has none,
/// or one that does not exist.
pub(super) fn orientation(exif: &[u8]) -> Option<Orientation> {
    Orientation::from_exif_chunk(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif))
}

/// The bytes from `at` on, `N` of them.
pub(super) fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
