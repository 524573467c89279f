//! Encodes pixels as JPEG, PNG or WebP.

use ::image::codecs::png::{CompressionType, FilterType, PngEncoder};
use ::image::{DynamicImage, ImageError};
use jpeg_encoder::{ColorType, Encoder as JpegEncoder, EncodingError, SamplingFactor};
use webp::Encoder;

use crate::types::{ImageFormat, Quality};

/// From this quality on, colours are stored at the full resolution.
const FULL_COLOUR_FROM: u8 = 90;

/// Encodes the picture (gray, RGB or RGB with alpha, 8 bits per channel) as `format`, without metadata. JPEG has no
/// alpha channel, so it is dropped.
pub(super) fn encode(
    picture: &DynamicImage,
    format: ImageFormat,
    quality: Quality,
) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let written = match format {
        ImageFormat::Jpeg => jpeg(picture, &mut bytes, quality.get()).map_err(|error| error.to_string()),
        ImageFormat::Png => png(picture, &mut bytes).map_err(|error| error.to_string()),
        ImageFormat::WebP => webp(picture, &mut bytes, quality.get()),
    };
    let failed = |error| format!("the picture cannot be re-encoded as {}: {error}", format.media_type());
    written.map(|()| bytes).map_err(failed)
}

fn jpeg(picture: &DynamicImage, bytes: &mut Vec<u8>, quality: u8) -> Result<(), EncodingError> {
    let (pixels, color) = match picture {
        DynamicImage::ImageLuma8(gray) => (gray.as_raw(), ColorType::Luma),
        DynamicImage::ImageRgba8(rgba) => (rgba.as_raw(), ColorType::Rgba),
        DynamicImage::ImageRgb8(rgb) => (rgb.as_raw(), ColorType::Rgb),
        other => return jpeg(&other.to_rgb8().into(), bytes, quality),
    };
    // The encoder refuses a side of 0, which stands for a side that is too long for JPEG.
    let side = |side: u32| u16::try_from(side).unwrap_or(0);
    let mut encoder = JpegEncoder::new(bytes, quality);
    encoder.set_sampling_factor(if quality < FULL_COLOUR_FROM {
        SamplingFactor::F_2_2
    } else {
        SamplingFactor::F_1_1
    });
    encoder.encode(pixels, side(picture.width()), side(picture.height()), color)
}

fn png(picture: &DynamicImage, bytes: &mut Vec<u8>) -> Result<(), ImageError> {
    let encoder = PngEncoder::new_with_quality(bytes, CompressionType::Default, FilterType::Adaptive);
    picture.write_with_encoder(encoder)
}

/// Lossy, with libwebp's defaults for everything except the quality.
fn webp(picture: &DynamicImage, bytes: &mut Vec<u8>, quality: u8) -> Result<(), String> {
    let (width, height) = (picture.width(), picture.height());
    let encoded = match picture {
        DynamicImage::ImageRgba8(rgba) => {
            Encoder::from_rgba(rgba, width, height).encode_simple(false, quality.into())
        }
        other => Encoder::from_rgb(&other.to_rgb8(), width, height).encode_simple(false, quality.into()),
    };
    // The other errors of libwebp cannot occur: the pixels are complete, and memory is available.
    bytes.extend_from_slice(&encoded.map_err(|error| format!("{error:?} (a side may have 16,383 pixels)"))?);
    Ok(())
}
