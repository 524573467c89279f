//! Decides from the header how a picture must be changed before it is sent. Does not know pixels.

use super::header::{Format, Header, Size};
use crate::types::{ImageFormat, ImageLimits, ImagesSpec};

/// Factor by which the next version stays below a limit in bytes, so that it rarely misses the limit by a little.
const MARGIN: f64 = 0.95;

/// A picture that exceeds the limit at this side length, in pixels, is given up.
const SMALLEST_SIDE: u32 = 16;

/// The required changes of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// The version to make first.
    pub(super) first: Version,
    /// Whether the format was only taken from the original, so that another format is allowed.
    may_change_format: bool,
    /// Maximum size in bytes, if limited.
    max_bytes: Option<u64>,
}

/// One way to write a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    /// Size before the picture is rotated upright.
    pub(super) size: Size,
    pub(super) format: ImageFormat,
    /// The provider's limit that led to this version, if any.
    pub(super) fits: Option<Fits>,
}

/// A limit of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fits {
    Side,
    Bytes,
}

/// The decision after the size of a version is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Fits,
    TooLarge(Version),
    NeverFits,
}

impl Plan {
    /// The required changes of a picture with `bytes` bytes; `None` if the original can be sent.
    pub(super) fn of(header: &Header, bytes: u64, spec: &ImagesSpec, limits: &ImageLimits) -> Option<Self> {
        let wanted = within_pixels(header.size, spec.max_pixels.map(u64::from));
        let wanted = within_side(wanted, spec.max_side.map(u32::from));
        let size = within_side(wanted, limits.side.map(u32::from));
        let own = own_format(header.format);
        let same_format = match spec.format {
            Some(format) => Some(format) == own,
            None => header.format.is_accepted(),
        };
        let over_bytes = limits.bytes.is_some_and(|limit| bytes > limit);
        if size == header.size && same_format && !over_bytes {
            return None;
        }
        let fits = match (size != wanted, over_bytes && size == header.size) {
            (true, _) => Some(Fits::Side),
            (false, true) => Some(Fits::Bytes),
            (false, false) => None,
        };
        let format = spec.format.or(own).unwrap_or(ImageFormat::Png);
        Some(Self {
            first: Version { size, format, fits },
            may_change_format: spec.format.is_none(),
            max_bytes: limits.bytes,
        })
    }

    /// Whether `version` can be sent with `bytes` bytes, or which version to make instead: a JPEG of the same size if
    /// the task sets no format, then smaller and smaller ones.
    pub(super) fn compare_with_limit(&self, version: Version, bytes: u64) -> Verdict {
        let Some(limit) = self.max_bytes.filter(|limit| bytes > *limit) else { return Verdict::Fits };
        let fits = Some(Fits::Bytes);
        if self.may_change_format && version.format != ImageFormat::Jpeg {
            return Verdict::TooLarge(Version { format: ImageFormat::Jpeg, fits, ..version });
        }
        if version.size.longest_side() <= SMALLEST_SIDE {
            return Verdict::NeverFits;
        }
        let factor = (limit as f64 / bytes as f64).sqrt() * MARGIN;
        Verdict::TooLarge(Version { size: scaled(version.size, factor), fits, ..version })
    }
}

/// The output format that keeps the picture's own. Other formats are never written.
fn own_format(format: Format) -> Option<ImageFormat> {
    match format {
        Format::Jpeg => Some(ImageFormat::Jpeg),
        Format::Png => Some(ImageFormat::Png),
        Format::WebP => Some(ImageFormat::WebP),
        Format::Gif | Format::Bmp | Format::Tiff => None,
    }
}

fn within_side(size: Size, limit: Option<u32>) -> Size {
    let Some(limit) = limit.filter(|limit| size.longest_side() > *limit) else { return size };
    let longest = size.longest_side();
    let side = |side| if side == longest { limit } else { rounded(f64::from(side) * ratio(limit, longest)) };
    Size { width: side(size.width), height: side(size.height) }
}

fn within_pixels(size: Size, limit: Option<u64>) -> Size {
    match limit.filter(|limit| size.pixels() > *limit) {
        Some(limit) => within_area(size, limit),
        None => size,
    }
}

/// Rounds both sides down, so that their product stays within the limit. Of a very long picture the long side is cut
/// further.
fn within_area(size: Size, limit: u64) -> Size {
    let Size { width, height } = scaled(size, (limit as f64 / size.pixels() as f64).sqrt());
    let most = |other: u32| u32::try_from(limit / u64::from(other)).unwrap_or(u32::MAX).max(1);
    Size { width: width.min(most(height)), height: height.min(most(width)) }
}

fn scaled(size: Size, factor: f64) -> Size {
    let side = |side: u32| (f64::from(side) * factor).floor().clamp(1.0, f64::from(u32::MAX)) as u32;
    Size { width: side(size.width), height: side(size.height) }
}

fn ratio(part: u32, whole: u32) -> f64 {
    f64::from(part) / f64::from(whole)
}

fn rounded(side: f64) -> u32 {
    side.round().clamp(1.0, f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64};

    use super::*;

    fn spec() -> ImagesSpec {
        ImagesSpec::of_column("image")
    }

    fn header(width: u32, height: u32) -> Header {
        Header::new(Format::Png, Size { width, height })
    }

    fn size(width: u32, height: u32, spec: &ImagesSpec) -> Option<(u32, u32)> {
        let plan = Plan::of(&header(width, height), 1, spec, &ImageLimits::default())?;
        Some((plan.first.size.width, plan.first.size.height))
    }

    #[test]
    fn the_longest_side_meets_its_limit_and_the_aspect_ratio_stays() {
        let spec = ImagesSpec { max_side: NonZeroU32::new(1024), ..spec() };
        assert_eq!(size(4000, 3000, &spec), Some((1024, 768)));
        assert_eq!(size(3000, 4000, &spec), Some((768, 1024)));
        assert_eq!(size(1025, 1025, &spec), Some((1024, 1024)));
        assert_eq!(size(1024, 1024, &spec), None, "what fits is left alone");
        assert_eq!(size(10, 10, &spec), None, "nothing is enlarged");
        assert_eq!(size(50_000, 3, &spec), Some((1024, 1)), "no side vanishes");
    }

    #[test]
    fn the_number_of_pixels_stays_within_its_limit() {
        for limit in [1, 2, 100, 12_345, 1_000_000] {
            let spec = ImagesSpec { max_pixels: NonZeroU64::new(limit), ..spec() };
            for (width, height) in [(4000, 3000), (3, 90_000), (1, 2_000_000), (1001, 1000)] {
                let (width, height) = size(width, height, &spec).unwrap_or((width, height));
                assert!(u64::from(width) * u64::from(height) <= limit, "{width} × {height}, limit {limit}");
            }
        }
        let spec = ImagesSpec { max_pixels: NonZeroU64::new(786_432), ..spec() };
        assert_eq!(size(4000, 3000, &spec), Some((1024, 768)));
    }

    #[test]
    fn a_version_over_the_limit_of_bytes_becomes_a_jpeg_and_then_smaller_until_it_cannot() {
        let limits = ImageLimits { bytes: Some(1000), ..ImageLimits::default() };
        let plan = Plan::of(&header(400, 300), 4000, &spec(), &limits).unwrap();
        assert_eq!(plan.first.fits, Some(Fits::Bytes));
        assert_eq!(plan.compare_with_limit(plan.first, 1000), Verdict::Fits);
        let Verdict::TooLarge(jpeg) = plan.compare_with_limit(plan.first, 4000) else { panic!("too large") };
        assert_eq!((jpeg.format, jpeg.size), (ImageFormat::Jpeg, plan.first.size));
        let Verdict::TooLarge(smaller) = plan.compare_with_limit(jpeg, 4000) else { panic!("too large") };
        assert_eq!(smaller.size, Size { width: 190, height: 142 });
        let mut version = smaller;
        while let Verdict::TooLarge(next) = plan.compare_with_limit(version, 2000) {
            assert!(next.size.pixels() < version.size.pixels());
            version = next;
        }
        assert!(version.size.longest_side() <= SMALLEST_SIDE);
    }

    #[test]
    fn a_format_that_was_asked_for_is_kept_whatever_the_limit() {
        let limits = ImageLimits { bytes: Some(1000), ..ImageLimits::default() };
        let spec = ImagesSpec { format: Some(ImageFormat::Png), ..spec() };
        let plan = Plan::of(&header(400, 300), 4000, &spec, &limits).unwrap();
        let Verdict::TooLarge(next) = plan.compare_with_limit(plan.first, 4000) else { panic!("too large") };
        assert_eq!(next.format, ImageFormat::Png);
    }
}
