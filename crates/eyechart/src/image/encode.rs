//! Re-encoding as JPEG: the only place where pixels are decoded.

use std::io::Cursor;

use ::image::codecs::jpeg::JpegEncoder;
use ::image::{DynamicImage, ImageFormat, ImageReader, Limits, RgbImage};
use bytes::Bytes;

use super::header::Format;

/// Pillow's default quality, on libjpeg's scale from 1 to 100.
pub(super) const JPEG_QUALITY: u8 = 75;

/// What decoding may allocate, in bytes.
const MAX_ALLOCATION: u64 = 1 << 30;

/// The longest side that JPEG can say.
const MAX_SIDE: u32 = 65_535;

/// The picture (of several frames the first) as a JPEG: 8 bits a channel, gray where it is gray, transparency
/// flattened on white, metadata left out.
pub(super) fn to_jpeg(bytes: &[u8], format: Format) -> Result<Bytes, String> {
    let picture = decode(bytes, format).map_err(|error| format!("the picture cannot be decoded: {error}"))?;
    let flat = flatten(picture);
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY);
    flat.write_with_encoder(encoder).map_err(|error| format!("the picture cannot be re-encoded: {error}"))?;
    Ok(Bytes::from(jpeg))
}

fn decode(bytes: &[u8], format: Format) -> Result<DynamicImage, ::image::ImageError> {
    let format = match format {
        Format::Png => ImageFormat::Png,
        Format::Jpeg => ImageFormat::Jpeg,
        Format::WebP => ImageFormat::WebP,
        Format::Gif => ImageFormat::Gif,
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOCATION);
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    reader.decode()
}

fn flatten(picture: DynamicImage) -> DynamicImage {
    let color = picture.color();
    if color.has_alpha() {
        let rgba = picture.into_rgba8();
        let (width, height) = rgba.dimensions();
        let pixels = rgba.pixels().flat_map(|pixel| on_white(pixel.0)).collect();
        // The buffer has three bytes for each pixel, so that it always fits.
        RgbImage::from_raw(width, height, pixels).unwrap_or_default().into()
    } else if color.has_color() {
        picture.into_rgb8().into()
    } else {
        picture.into_luma8().into()
    }
}

fn on_white([red, green, blue, alpha]: [u8; 4]) -> [u8; 3] {
    let alpha = u16::from(alpha);
    [red, green, blue].map(|value| {
        let mixed = (u16::from(value) * alpha + 255 * (255 - alpha) + 127) / 255;
        u8::try_from(mixed).unwrap_or(u8::MAX)
    })
}
