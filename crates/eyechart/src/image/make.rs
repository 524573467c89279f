//! Makes a new version of a picture: decodes, scales, rotates and encodes it, and describes the changes.

use std::borrow::Cow;

use ::image::DynamicImage;

use super::header::{Format, Header, Size};
use super::plan::{Fits, Plan, Verdict, Version};
use super::{encode, pixels};
use crate::files::guarded;
use crate::types::{Colour, ImageFormat, ImageLimits, ImagesSpec, Quality};

/// A new version of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) format: ImageFormat,
    /// Size of the upright picture.
    pub(super) size: Size,
    /// All changes in words.
    pub(super) changed: String,
}

/// Makes the version that `plan` describes. Runs on one of as many threads as there are processors, because more
/// threads would only take memory. Blocks.
pub(super) fn make(
    original: &[u8],
    header: &Header,
    plan: &Plan,
    spec: &ImagesSpec,
    limits: &ImageLimits,
) -> Result<Made, String> {
    let maker = Maker { header, plan, spec, limits };
    let made = rayon::scope(|_| guarded(|| maker.make(original)));
    made.unwrap_or_else(|panicked| Err(format!("the picture cannot be decoded: {panicked}")))
}

struct Maker<'a> {
    header: &'a Header,
    plan: &'a Plan,
    spec: &'a ImagesSpec,
    limits: &'a ImageLimits,
}

impl Maker<'_> {
    fn make(&self, original: &[u8]) -> Result<Made, String> {
        let picture = pixels::decode(original, self.header)?;
        let is_deep = pixels::is_deep(&picture);
        let picture = pixels::to_eight_bits(picture);
        let mut version = self.plan.first;
        loop {
            let (upright, bytes) = self.render(&picture, version)?;
            match self.plan.compare_with_limit(version, bytes.len() as u64) {
                Verdict::TooLarge(smaller) => version = smaller,
                Verdict::NeverFits => return Err(self.never_fits()),
                Verdict::Fits => {
                    let changed = self.in_words(version, is_deep, picture.color().has_alpha());
                    return Ok(Made { bytes, format: version.format, size: upright, changed });
                }
            }
        }
    }

    /// Scales before rotating, because fewer pixels remain.
    fn render(&self, picture: &DynamicImage, version: Version) -> Result<(Size, Vec<u8>), String> {
        let mut picture = Cow::Borrowed(picture);
        if version.size != Size::of(&picture) {
            picture = Cow::Owned(pixels::scale(&picture, version.size)?);
        }
        if version.format == ImageFormat::Jpeg && picture.color().has_alpha() {
            picture = Cow::Owned(pixels::flatten(&picture, self.background()));
        }
        if self.header.is_turned() {
            picture.to_mut().apply_orientation(self.header.orientation);
        }
        let bytes = encode::encode(&picture, version.format, self.quality())?;
        Ok((Size::of(&picture), bytes))
    }

    fn background(&self) -> Colour {
        self.spec.background.unwrap_or_default()
    }

    fn quality(&self) -> Quality {
        self.spec.quality.unwrap_or_default()
    }

    fn in_words(&self, version: Version, is_deep: bool, has_alpha: bool) -> String {
        let mut done = Vec::new();
        if self.header.is_animated {
            done.push(match self.header.format {
                Format::Tiff => "first of several pages taken".to_owned(),
                _ => "first frame of an animation taken".to_owned(),
            });
        }
        if version.size != self.header.size {
            done.push(format!("scaled from {} to {}", self.header.size, version.size));
        }
        if self.header.is_turned() {
            done.push("turned as its EXIF says".to_owned());
        }
        if is_deep {
            done.push("reduced to 8 bits a channel".to_owned());
        }
        if has_alpha && version.format == ImageFormat::Jpeg {
            done.push(format!("flattened on {}", self.background()));
        }
        done.push(self.re_encoded(version.format));
        if let Some(fits) = version.fits {
            done.push(self.to_fit(fits));
        }
        done.join(", ")
    }

    fn re_encoded(&self, format: ImageFormat) -> String {
        let (from, to) = (self.header.format.media_type(), format.media_type());
        let from = if from == to { String::new() } else { format!("from {from} ") };
        let how = match format {
            ImageFormat::Jpeg | ImageFormat::WebP => format!(", quality {}", self.quality().get()),
            ImageFormat::Png => String::new(),
        };
        format!("re-encoded {from}as {to}{how}")
    }

    fn to_fit(&self, fits: Fits) -> String {
        let limit = match (fits, self.limits.side, self.limits.bytes) {
            (Fits::Side, Some(side), _) => format!("{side} pixels a side"),
            (_, _, bytes) => format!("{} bytes", bytes.unwrap_or_default()),
        };
        format!("to fit {}'s limit of {limit}", self.limits.provider)
    }

    fn never_fits(&self) -> String {
        let limit = self.to_fit(Fits::Bytes);
        format!("the picture cannot be made small enough {limit}: ask for another format in [images]")
    }
}
