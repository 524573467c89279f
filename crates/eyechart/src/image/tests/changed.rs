//! What a changed picture looks like, and what its record says was done to it.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Barrier;

use ::image::{GenericImageView, GrayImage, ImageBuffer, Luma, Rgba, RgbaImage};

use super::*;
use crate::types::Colour;

/// As large as the fixture that Pillow scaled.
const PATTERN: (u32, u32) = (97, 61);

fn spec(keys: &str) -> ImagesSpec {
    toml::from_str(&format!("column = \"image\"\n{keys}")).unwrap()
}

fn made(bytes: impl Into<Bytes>, keys: &str) -> Prepared {
    prepare(&held(bytes), &spec(keys)).unwrap()
}

fn changed(prepared: &Prepared) -> &str {
    prepared.record.changed.as_deref().unwrap_or("nothing")
}

/// The picture that went out, decoded, and of the size and type that its record says.
fn decoded(prepared: &Prepared) -> DynamicImage {
    let picture = ::image::load_from_memory(sent(prepared)).unwrap();
    let record = &prepared.record;
    assert_eq!((record.width, record.height), (Some(picture.width()), Some(picture.height())));
    assert_eq!(record.bytes, Some(sent(prepared).len() as u64));
    assert_eq!(record.sha256, Some(sha256_hex(sent(prepared))));
    let guessed = ::image::guess_format(sent(prepared)).unwrap();
    assert_eq!(record.media_type.as_deref(), Some(guessed.to_mime_type()));
    picture
}

fn near(found: &[u8], expected: &[u8], tolerance: u8) {
    assert_eq!(found.len(), expected.len());
    let largest = found.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(largest <= Some(tolerance), "{largest:?} apart, expected at most {tolerance}");
}

#[test]
fn every_format_becomes_the_one_that_is_asked_for_and_that_one_is_left_alone() {
    for (wanted, media_type, how) in [
        ("jpeg", "image/jpeg", ", quality 75"),
        ("png", "image/png", ""),
        ("webp", "image/webp", ", quality 75"),
    ] {
        for (own, bytes) in samples() {
            let prepared = made(bytes.clone(), &format!("format = \"{wanted}\""));
            let picture = decoded(&prepared);
            assert_eq!(picture.dimensions(), (40, 30));
            if own == media_type {
                assert_eq!(sent(&prepared), &bytes);
                assert_eq!(prepared.record.changed, None);
            } else {
                let first = if own == "image/gif" { "first frame of an animation taken, " } else { "" };
                let words = format!("{first}re-encoded from {own} as {media_type}{how}");
                assert_eq!(changed(&prepared), words);
            }
        }
    }
}

#[test]
fn png_loses_nothing() {
    let prepared = made(encode(&colours(), Encoding::WebP), "format = \"png\"");
    assert_eq!(decoded(&prepared).into_rgb8(), colours().into_rgb8());
}

#[test]
fn the_quality_that_is_asked_for_is_the_quality_of_a_jpeg_or_webp() {
    for format in ["jpeg", "webp"] {
        let size = |keys: &str| sent(&made(png(), &format!("format = \"{format}\"\n{keys}"))).len();
        assert!(size("quality = 20") < size("") && size("") < size("quality = 95"), "{format}");
        assert_eq!(size(""), size("quality = 75"), "{format}");
    }
    let prepared = made(png(), "format = \"jpeg\"\nquality = 95");
    assert!(changed(&prepared).ends_with("quality 95"));
    let apart = decoded(&prepared).into_rgb8();
    let sum: u64 =
        apart.iter().zip(colours().into_rgb8().iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(sum / (40 * 30 * 3) < 6, "{sum}");
}

#[test]
fn a_scaled_picture_keeps_its_format_and_its_aspect_ratio() {
    for (media_type, bytes) in samples() {
        let prepared = made(bytes, "max_side = 20");
        let expected = if media_type == "image/gif" { "image/png" } else { media_type };
        assert_eq!(prepared.record.media_type.as_deref(), Some(expected));
        assert_eq!(decoded(&prepared).dimensions(), (20, 15));
        assert!(changed(&prepared).contains("scaled from 40 × 30 to 20 × 15"), "{}", changed(&prepared));
    }
    let prepared = made(png(), "max_pixels = 300");
    assert_eq!(changed(&prepared), "scaled from 40 × 30 to 20 × 15, re-encoded as image/png");
    let untouched = made(png(), "max_side = 40\nmax_pixels = 1200");
    assert_eq!(untouched.record.changed, None, "nothing is touched that fits, nor enlarged");
}

/// The formula of scripts/picture-fixtures.
fn pattern() -> DynamicImage {
    let pixel = |x: u32, y: u32| {
        let square = if (x / 8 + y / 8) % 2 == 1 { 255 } else { 0 };
        Rgb([((x * 7 + y * 3) % 256) as u8, (x * y % 256) as u8, square])
    };
    RgbImage::from_fn(PATTERN.0, PATTERN.1, pixel).into()
}

#[test]
fn scaling_is_pillows_to_the_last_bit_or_so() {
    let prepared = made(encode(&pattern(), Encoding::Png), "max_side = 40");
    let theirs = ::image::load_from_memory(include_bytes!("../fixtures/lanczos.png")).unwrap();
    near(decoded(&prepared).into_rgb8().as_raw(), theirs.into_rgb8().as_raw(), 1);
}

#[test]
fn colours_under_transparency_do_not_bleed_when_scaled() {
    let half =
        RgbaImage::from_fn(64, 64, |x, _| if x < 32 { Rgba([255, 0, 0, 255]) } else { Rgba([0, 255, 0, 0]) });
    let small = decoded(&made(encode(&half.into(), Encoding::Png), "max_side = 16")).into_rgba8();
    for pixel in small.pixels().filter(|pixel| pixel.0[3] > 0) {
        assert_eq!(pixel.0[1], 0, "{pixel:?}");
    }
    assert_eq!(small.get_pixel(15, 8).0[3], 0, "a PNG stays transparent");
}

#[test]
fn a_touched_picture_stands_upright_whatever_its_orientation() {
    // Upright: red left of blue. Stored as each of the eight orientations stores it.
    let upright = RgbImage::from_fn(48, 16, |x, y| match (x < 24, y < 8) {
        (true, true) => Rgb([255, 0, 0]),
        (false, true) => Rgb([0, 0, 255]),
        (true, false) => Rgb([255, 255, 255]),
        (false, false) => Rgb([0, 0, 0]),
    });
    let upright = DynamicImage::from(upright);
    for orientation in 1..=8 {
        let stored = match orientation {
            2 => upright.fliph(),
            3 => upright.rotate180(),
            4 => upright.flipv(),
            5 => upright.rotate90().fliph(),
            6 => upright.rotate270(),
            7 => upright.rotate270().fliph(),
            8 => upright.rotate90(),
            _ => upright.clone(),
        };
        let plain = encode(&stored, Encoding::Jpeg);
        let jpeg = [&plain[..2], &exif_segment(orientation, true), &plain[2..]].concat();
        let prepared = made(jpeg, "format = \"png\"\nmax_side = 24");
        let picture = decoded(&prepared).into_rgb8();
        assert_eq!(picture.dimensions(), (24, 8), "orientation {orientation}");
        let corners = [(3, 1), (20, 1), (3, 6), (20, 6)].map(|(x, y)| picture.get_pixel(x, y).0);
        let expected = [[255, 0, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0]];
        near(corners.as_flattened(), expected.as_flattened(), 16);
        assert_eq!(changed(&prepared).contains("turned as its EXIF says"), orientation != 1);
    }
    for turned in [&include_bytes!("../fixtures/turned.png")[..], include_bytes!("../fixtures/turned.webp")] {
        assert_eq!(decoded(&made(turned, "max_side = 4")).dimensions(), (3, 4));
    }
}

#[test]
fn metadata_is_dropped() {
    let with_exif = jpeg_with(&exif_segment(3, true));
    let prepared = made(with_exif, "max_side = 20");
    assert!(!sent(&prepared).windows(4).any(|window| window == b"Exif"));
    assert_eq!(prepared.record.note, None);
}

#[test]
fn of_an_animation_the_first_frame_is_taken() {
    for bytes in [
        &include_bytes!("../fixtures/animated.gif")[..],
        include_bytes!("../fixtures/animated.png"),
        include_bytes!("../fixtures/animated.webp"),
    ] {
        let prepared = made(bytes, "max_side = 4");
        assert!(
            changed(&prepared).starts_with("first frame of an animation taken, scaled from 8 × 6 to 4 × 3")
        );
        near(&decoded(&prepared).into_rgb8().get_pixel(2, 1).0, &[255, 0, 0], 4);
    }
}

#[test]
fn transparency_is_flattened_on_the_background_and_gray_stays_gray() {
    let pixel = |picture: DynamicImage, keys: &str| {
        let prepared = made(encode(&picture, Encoding::Png), &format!("format = \"jpeg\"\n{keys}"));
        (decoded(&prepared), changed(&prepared).to_owned())
    };
    let clear = DynamicImage::from(RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0])));
    let (white, words) = pixel(clear.clone(), "");
    near(&white.to_rgb8().get_pixel(4, 4).0, &[255; 3], 3);
    assert!(words.starts_with("flattened on #ffffff, re-encoded"), "{words}");
    let (green, words) = pixel(clear, "background = \"#00c800\"");
    near(&green.to_rgb8().get_pixel(4, 4).0, &[0, 200, 0], 3);
    assert!(words.contains("#00c800"), "{words}");
    let (half, _) = pixel(RgbaImage::from_pixel(8, 8, Rgba([200, 0, 100, 128])).into(), "");
    near(&half.to_rgb8().get_pixel(4, 4).0, &[227, 127, 177], 3);
    let (_, words) = pixel(RgbaImage::from_pixel(8, 8, Rgba([200, 0, 100, 255])).into(), "");
    assert!(!words.contains("flattened"), "nothing shows through: {words}");
    let (gray, _) = pixel(GrayImage::from_pixel(8, 8, Luma([90])).into(), "");
    assert_eq!(gray.color(), ::image::ColorType::L8);
    near(gray.to_luma8().get_pixel(4, 4).0.as_slice(), &[90], 3);
}

#[test]
fn sixteen_bits_become_eight_and_a_palette_its_colours() {
    let deep = ImageBuffer::from_pixel(8, 8, Rgb([0x8000_u16, 0xFFFF, 0x0100]));
    let prepared = made(encode(&deep.into(), Encoding::Png), "max_side = 4");
    near(&decoded(&prepared).to_rgb8().get_pixel(2, 2).0, &[128, 255, 1], 1);
    assert!(changed(&prepared).contains("reduced to 8 bits a channel"), "{}", changed(&prepared));
    let palette = decoded(&made(&include_bytes!("../fixtures/palette.png")[..], "format = \"webp\""));
    near(&palette.to_rgb8().get_pixel(3, 3).0, &[10, 200, 30], 4);
}

#[test]
fn cmyk_comes_out_in_the_colours_that_pillow_sees() {
    // White, black, cyan, magenta, yellow and a mixture; Adobe's inverted values, as they are usual in JPEG.
    let pillow = [[255; 3], [0; 3], [0, 255, 255], [255, 0, 255], [255, 255, 0], [143, 107, 72]];
    let fixture = &include_bytes!("../fixtures/cmyk.jpg")[..];
    let ycck = as_ycck(&pillow);
    for bytes in [fixture, &ycck] {
        let picture = decoded(&made(bytes.to_vec(), "format = \"png\"")).into_rgb8();
        for (index, expected) in (0..).zip(&pillow) {
            near(&picture.get_pixel(index * 16 + 8, 8).0, expected, 4);
        }
    }
}

/// Patches of 16 pixels in these colours, without black, as a JPEG of the other kind with four channels.
fn as_ycck(colours: &[[u8; 3]]) -> Vec<u8> {
    let row = colours.iter().flat_map(|colour| [*colour; 16]);
    let row: Vec<u8> = row.flat_map(|[red, green, blue]| [255 - red, 255 - green, 255 - blue, 0]).collect();
    let (width, mut bytes) = (u16::try_from(row.len() / 4).unwrap(), Vec::new());
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.encode(&row.repeat(16), width, 16, jpeg_encoder::ColorType::CmykAsYcck).unwrap();
    bytes
}

fn noise(side: u32) -> DynamicImage {
    let mut state = 1_u32;
    RgbImage::from_fn(side, side, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgb(state.to_be_bytes()[..3].try_into().unwrap())
    })
    .into()
}

#[test]
fn a_picture_over_a_providers_limit_is_made_to_fit_and_the_record_says_so() {
    let limits =
        ImageLimits { provider: "somebody", bytes: Some(9_000), side: NonZeroU32::new(100), pictures: None };
    let fit = |picture: &DynamicImage, spec: &ImagesSpec| {
        let prepared = prepare_within(&held(encode(picture, Encoding::Png)), spec, limits).unwrap();
        assert!(sent(&prepared).len() <= 9_000);
        decoded(&prepared);
        prepared
    };
    let smooth = fit(&DynamicImage::new_rgb8(200, 100), &plain());
    let words = "scaled from 200 × 100 to 100 × 50, re-encoded as image/png, to fit somebody's limit of 100 pixels a \
                 side";
    assert_eq!(changed(&smooth), words);
    let lossy = fit(&noise(60), &plain());
    let words = "re-encoded from image/png as image/jpeg, quality 75, to fit somebody's limit of 9000 bytes";
    assert_eq!(changed(&lossy), words);
    let kept = fit(&noise(90), &spec("format = \"png\""));
    assert!(changed(&kept).starts_with("scaled from 90 × 90 to "), "{}", changed(&kept));
    let small = prepare_within(&held(png()), &plain(), limits).unwrap();
    assert_eq!(small.record.changed, None);
}

#[test]
fn limits_of_the_task_and_of_the_provider_both_hold() {
    let both = ImagesSpec {
        max_side: NonZeroU32::new(30),
        max_pixels: NonZeroU64::new(100),
        background: Some(Colour::default()),
        ..plain()
    };
    let picture = decoded(&prepare(&held(png()), &both).unwrap());
    assert_eq!(picture.dimensions(), (11, 8));
}

#[test]
fn a_picture_that_many_samples_share_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let preparer = Preparer::new(as_jpeg(), ImageLimits::default(), folder.path().to_owned(), false);
    let together = Barrier::new(4);
    let all: Vec<Prepared> = std::thread::scope(|scope| {
        let ask = |number: usize| {
            let (preparer, together) = (&preparer, &together);
            scope.spawn(move || {
                let origin = format!("row {number}");
                together.wait();
                preparer.prepare(&ImageSource::Bytes { bytes: png().into(), origin }).unwrap()
            })
        };
        let asked: Vec<_> = (0..4).map(ask).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let path = folder.path().join(all[0].record.sha256.as_ref().unwrap());
    assert!(all.iter().all(|prepared| prepared.request == all[0].request));
    assert_eq!(fs::read(&path).unwrap(), sent(&all[0])[..]);
    let sources: std::collections::BTreeSet<_> = all.iter().map(|prepared| &prepared.record.source).collect();
    assert_eq!(sources.len(), 4, "each record has its own source");

    // Whoever asks later gets what is in the store: nothing is made again.
    fs::write(&path, "from the store").unwrap();
    assert_eq!(sent(&preparer.prepare(&held(png())).unwrap())[..], b"from the store"[..]);
}

#[test]
fn a_store_that_cannot_be_written_is_no_fault_of_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("images");
    fs::write(&blocked, "a file where a folder should be").unwrap();
    let preparer = Preparer::new(as_jpeg(), ImageLimits::default(), blocked, false);
    assert!(matches!(preparer.prepare(&held(png())), Err(PrepareError::Store(..))));
}
