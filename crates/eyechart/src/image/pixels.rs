//! Pixels: decodes them, converts them to 8 bits, scales and flattens them. Does not know files or tasks.

use std::borrow::Cow;
use std::error::Error;
use std::io::Cursor;

use ::image::{
    DynamicImage, ImageBuffer, ImageFormat as Codec, ImageReader, Limits, Pixel, RgbImage, RgbaImage,
};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{IntoImageView, MulDiv, PixelType, ResizeOptions, Resizer};

use super::header::{Format, Header, Size};
use super::png;
use crate::types::Colour;

/// Bytes of a decoded pixel: four channels of 16 bits. TIFF may have channels of 32 bits, which are refused beyond half
/// the number of pixels.
const BYTES_PER_PIXEL: u64 = 8;

/// Bytes that a decoder may allocate in addition to the pixels.
const OVERHEAD: u64 = 64 << 20;

/// The longest side that JPEG supports.
const MAX_SIDE: u32 = 65_535;

/// Decodes the picture as it is stored; of several frames only the first. Palettes are resolved and CMYK becomes RGB.
/// Colour profiles are not applied.
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<DynamicImage, String> {
    let codec = match header.format {
        Format::Png => Codec::Png,
        Format::Jpeg => Codec::Jpeg,
        Format::WebP => Codec::WebP,
        Format::Gif => Codec::Gif,
        Format::Bmp => Codec::Bmp,
        Format::Tiff => Codec::Tiff,
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(header.size.pixels() * BYTES_PER_PIXEL + OVERHEAD);
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    let bytes = match header.format {
        Format::Png => png::without_packed_metadata(bytes),
        _ => Cow::Borrowed(bytes),
    };
    let mut reader = ImageReader::with_format(Cursor::new(&bytes), codec);
    reader.limits(limits);
    reader.decode().map_err(|error| format!("the picture cannot be decoded: {error}"))
}

/// Whether a channel has more than 8 bits.
pub(super) fn is_deep(picture: &DynamicImage) -> bool {
    let color = picture.color();
    color.bytes_per_pixel() > color.channel_count()
}

/// Converts the picture to one of three kinds with 8 bits per channel: gray, RGB, or RGB with an alpha channel that
/// is not fully opaque.
pub(super) fn to_eight_bits(picture: DynamicImage) -> DynamicImage {
    let color = picture.color();
    if color.has_alpha() {
        let rgba = picture.into_rgba8();
        let is_opaque = rgba.pixels().all(|pixel| pixel.0[3] == u8::MAX);
        let picture = DynamicImage::from(rgba);
        if is_opaque { picture.into_rgb8().into() } else { picture }
    } else if color.has_color() {
        picture.into_rgb8().into()
    } else {
        picture.into_luma8().into()
    }
}

/// Scales to `size` with a Lanczos filter of three lobes over the stored values, as Pillow's `LANCZOS` does. Colours
/// are weighted by their opacity.
pub(super) fn scale(picture: &DynamicImage, size: Size) -> Result<DynamicImage, String> {
    let scaled = match picture {
        DynamicImage::ImageLuma8(gray) => scale_as(gray, size, PixelType::U8).map(Into::into),
        DynamicImage::ImageRgb8(rgb) => scale_as(rgb, size, PixelType::U8x3).map(Into::into),
        DynamicImage::ImageRgba8(rgba) => scale_with_alpha(rgba, size).map(Into::into),
        other => Err(format!("it is {:?}, not 8 bits a channel", other.color()).into()),
    };
    scaled.map_err(|error: Box<dyn Error>| format!("the picture cannot be scaled: {error}"))
}

fn scale_as<P: Pixel<Subpixel = u8>>(
    picture: &ImageBuffer<P, Vec<u8>>,
    size: Size,
    kind: PixelType,
) -> Result<ImageBuffer<P, Vec<u8>>, Box<dyn Error>> {
    let from = ImageRef::new(picture.width(), picture.height(), picture.as_raw(), kind)?;
    into_buffer(convolve(&from, size)?)
}

fn scale_with_alpha(picture: &RgbaImage, size: Size) -> Result<RgbaImage, Box<dyn Error>> {
    let (width, height, kind) = (picture.width(), picture.height(), PixelType::U8x4);
    let mut weighed = Image::new(width, height, kind);
    let alpha = MulDiv::new();
    alpha.multiply_alpha(&ImageRef::new(width, height, picture.as_raw(), kind)?, &mut weighed)?;
    let mut scaled = convolve(&weighed, size)?;
    alpha.divide_alpha_inplace(&mut scaled)?;
    into_buffer(scaled)
}

/// Scales the width first and then the height, with 8 bits between the two steps, as Pillow does. The other order
/// gives values that differ by up to a dozen at hard edges.
fn convolve(from: &impl IntoImageView, size: Size) -> Result<Image<'static>, Box<dyn Error>> {
    let kind = from.pixel_type().ok_or("its pixels are of no known kind")?;
    // The default is Lanczos with three lobes.
    let (mut resizer, options) = (Resizer::new(), ResizeOptions::new().use_alpha(false));
    let mut across = Image::new(size.width, from.height(), kind);
    resizer.resize(from, &mut across, &options)?;
    let mut down = Image::new(size.width, size.height, kind);
    resizer.resize(&across, &mut down, &options)?;
    Ok(down)
}

fn into_buffer<P: Pixel<Subpixel = u8>>(
    image: Image<'static>,
) -> Result<ImageBuffer<P, Vec<u8>>, Box<dyn Error>> {
    let (width, height) = (image.width(), image.height());
    ImageBuffer::from_raw(width, height, image.into_vec()).ok_or_else(|| "its pixels do not fill it".into())
}

/// Puts the picture on `background` if it has an alpha channel.
pub(super) fn flatten(picture: &DynamicImage, background: Colour) -> DynamicImage {
    let DynamicImage::ImageRgba8(rgba) = picture else { return picture.clone() };
    let mut flat = RgbImage::new(rgba.width(), rgba.height());
    for (to, from) in flat.pixels_mut().zip(rgba.pixels()) {
        let [red, green, blue, alpha] = from.0;
        for ((to, value), behind) in to.0.iter_mut().zip([red, green, blue]).zip(background.0) {
            *to = mix(value, behind, alpha);
        }
    }
    flat.into()
}

fn mix(value: u8, behind: u8, alpha: u8) -> u8 {
    let [value, behind, alpha] = [value, behind, alpha].map(u16::from);
    // At most 255, because it is a weighted mean of two bytes.
    ((value * alpha + behind * (255 - alpha) + 127) / 255) as u8
}
