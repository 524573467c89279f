//! Small pictures of every format, whole, cut, damaged and mislabelled.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use ::image::codecs::gif::GifEncoder;
use ::image::{DynamicImage, GrayImage, ImageFormat as Encoding, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

use super::*;

static SENT_AS_BYTES: ImagesSpec = spec(SendAs::Bytes, None);

static AS_JPEG: ImagesSpec = spec(SendAs::Bytes, Some(ImageFormat::Jpeg));

static SENT_AS_URL: ImagesSpec = spec(SendAs::Url, None);

const fn spec(send: SendAs, format: Option<ImageFormat>) -> ImagesSpec {
    ImagesSpec { column: String::new(), send, format }
}

/// One pixel in WebP's lossy form, which the encoder at hand cannot write.
const LOSSY_WEBP: &[u8] = b"RIFF\x22\0\0\0WEBPVP8 \x16\0\0\0\x30\x01\0\x9D\x01\x2A\x01\0\x01\0\x0E\xC0\xFE\x25\xA4\0\x03\x70\0\0\0\0";

fn colours() -> DynamicImage {
    RgbImage::from_fn(40, 30, |x, y| Rgb([(x * 6) as u8, (y * 8) as u8, (x * y) as u8])).into()
}

fn encode(picture: &DynamicImage, encoding: Encoding) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), encoding).unwrap();
    bytes
}

fn png() -> Vec<u8> {
    encode(&colours(), Encoding::Png)
}

fn jpeg() -> Vec<u8> {
    encode(&colours(), Encoding::Jpeg)
}

fn gif() -> Vec<u8> {
    let mut bytes = Vec::new();
    let frames = [colours(), colours().fliph()].map(|frame| ::image::Frame::new(frame.into_rgba8()));
    GifEncoder::new(&mut bytes).encode_frames(frames).unwrap();
    bytes
}

/// A picture of each format, all of 40 × 30 pixels.
fn samples() -> [(&'static str, Vec<u8>); 4] {
    let webp = encode(&colours(), Encoding::WebP);
    [("image/png", png()), ("image/jpeg", jpeg()), ("image/webp", webp), ("image/gif", gif())]
}

fn held(bytes: impl Into<Bytes>) -> ImageSource {
    ImageSource::Bytes { bytes: bytes.into(), origin: "a.parquet row 7 column image".to_owned() }
}

fn sent(prepared: &Prepared) -> &Bytes {
    match &prepared.request {
        RequestImage::Bytes { bytes, .. } => bytes,
        RequestImage::Url(url) => panic!("expected bytes, not {url}"),
    }
}

/// Why these bytes are refused, without the picture's name.
fn refused(bytes: &[u8]) -> String {
    let failure = prepare(&held(bytes.to_vec()), &SENT_AS_BYTES).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Image);
    failure.message.strip_prefix("a.parquet row 7 column image: ").unwrap().to_owned()
}

fn refused_file(path: &Path) -> String {
    let failure = prepare(&ImageSource::File(path.to_owned()), &SENT_AS_BYTES).unwrap_err();
    failure.message.strip_prefix(&format!("{}: ", path.display())).unwrap().to_owned()
}

#[test]
fn an_untouched_picture_goes_out_byte_for_byte_and_without_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    for (media_type, bytes) in samples() {
        let bytes = Bytes::from(bytes);
        let path = folder.path().join("picture");
        fs::write(&path, &bytes).unwrap();
        let from_file = prepare(&ImageSource::File(path.clone()), &SENT_AS_BYTES).unwrap();
        let from_bytes = prepare(&held(bytes.clone()), &SENT_AS_BYTES).unwrap();
        assert_eq!(from_file.request, from_bytes.request);
        assert_eq!(sent(&from_bytes).as_ptr(), bytes.as_ptr());
        let record = from_file.record;
        assert_eq!(record.source, path.to_string_lossy());
        assert_eq!(record.media_type.as_deref(), Some(media_type));
        assert_eq!((record.width, record.height), (Some(40), Some(30)));
        assert_eq!((record.bytes, record.changed), (Some(bytes.len() as u64), None));
        assert!(!from_file.made);
    }
}

#[test]
fn the_hash_is_that_of_the_bytes_sent() {
    let prepared = prepare(&held(LOSSY_WEBP), &SENT_AS_BYTES).unwrap();
    let expected: String = Sha256::digest(LOSSY_WEBP).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(prepared.record.sha256, Some(expected));
    let remade = prepare(&held(LOSSY_WEBP), &AS_JPEG).unwrap();
    let expected: String = Sha256::digest(sent(&remade)).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(remade.record.sha256, Some(expected));
    assert_eq!((remade.record.width, remade.record.height), (Some(1), Some(1)));
}

#[test]
fn other_formats_are_re_encoded_where_jpeg_is_asked_for_and_jpeg_is_left_alone() {
    for (media_type, bytes) in samples() {
        let prepared = prepare(&held(bytes.clone()), &AS_JPEG).unwrap();
        let is_jpeg = media_type == "image/jpeg";
        assert_eq!(prepared.made, !is_jpeg);
        assert_eq!(prepared.record.media_type.as_deref(), Some("image/jpeg"));
        let changed = format!("re-encoded from {media_type} as image/jpeg, quality 75");
        assert_eq!(prepared.record.changed, (!is_jpeg).then_some(changed));
        let (sent_bytes, picture) = (sent(&prepared), ::image::load_from_memory(sent(&prepared)).unwrap());
        assert_eq!(*sent_bytes == bytes, is_jpeg);
        assert_eq!((picture.width(), picture.height()), (40, 30));
        assert_eq!(prepared.record.bytes, Some(sent_bytes.len() as u64));
    }
}

#[test]
fn transparency_is_flattened_on_white_and_gray_stays_gray() {
    let remade = |picture: DynamicImage| {
        let prepared = prepare(&held(encode(&picture, Encoding::Png)), &AS_JPEG).unwrap();
        ::image::load_from_memory(sent(&prepared)).unwrap()
    };
    let near =
        |value: u8, expected: u8| assert!(value.abs_diff(expected) < 4, "{value}, expected {expected}");
    let clear = remade(RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0])).into()).into_rgb8();
    clear.get_pixel(4, 4).0.into_iter().for_each(|value| near(value, 255));
    let half = remade(RgbaImage::from_pixel(8, 8, Rgba([200, 0, 100, 128])).into()).into_rgb8();
    half.get_pixel(4, 4)
        .0
        .into_iter()
        .zip([227, 127, 177])
        .for_each(|(value, expected)| near(value, expected));

    let gray = remade(GrayImage::from_pixel(8, 8, Luma([90])).into());
    assert_eq!(gray.color(), ::image::ColorType::L8);
    near(gray.to_luma8().get_pixel(4, 4).0[0], 90);
    let deep = ::image::ImageBuffer::from_pixel(8, 8, Luma([0x8000_u16]));
    near(remade(deep.into()).to_luma8().get_pixel(4, 4).0[0], 128);
}

#[test]
fn an_address_passes_through_where_the_task_sends_addresses() {
    let url = "https://a.b/c.png".to_owned();
    let prepared = prepare(&ImageSource::Url(url.clone()), &SENT_AS_URL).unwrap();
    assert_eq!(prepared.request, RequestImage::Url(url.clone()));
    assert_eq!((prepared.record.source.as_str(), prepared.record.sha256), (url.as_str(), None));
    assert!(!prepared.made);
}

#[test]
fn an_address_and_a_file_each_need_the_task_to_send_them() {
    let message = |source, spec| prepare(&source, spec).unwrap_err().message;
    let fetched = message(ImageSource::Url("https://a.b/c.png".to_owned()), &SENT_AS_BYTES);
    let expected = "fetching pictures by address is not supported yet; set send = \"url\" in [images]";
    assert_eq!(fetched, format!("https://a.b/c.png: {expected}"));
    let file = message(ImageSource::File("x/a.png".into()), &SENT_AS_URL);
    assert_eq!(
        file,
        "x/a.png: the task sends addresses (send = \"url\" in [images]), but the row has a file"
    );
    assert!(message(held(png()), &SENT_AS_URL).ends_with("but the row has the picture itself"));
}

#[test]
fn what_is_no_readable_file_is_refused_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(refused_file(&folder.path().join("gone.png")), "there is no such file");
    assert_eq!(refused_file(folder.path()), "expected a file, found a folder");
    let large = folder.path().join("large.png");
    fs::File::create(&large).unwrap().set_len((50 << 20) + 1).unwrap();
    assert_eq!(refused_file(&large), "the file has 52428801 bytes, over 50 MiB");
    #[cfg(unix)]
    {
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(refused_file(&socket), "expected a file, found something else (a pipe, socket or device)");
    }
}

#[test]
fn what_is_no_picture_is_refused_with_how_it_starts() {
    let prefix = "not a picture (PNG, JPEG, WebP or GIF): starts with";
    assert_eq!(refused(b""), "not a picture: it is empty");
    assert_eq!(refused(b"<!DOCTYPE html><html>"), format!("{prefix} \"<!DOCTYPE html><\""));
    assert_eq!(refused(b"BM\x01\x02"), format!("{prefix} the bytes 42 4d 01 02"));
    assert_eq!(refused("é".as_bytes()), format!("{prefix} the bytes c3 a9"));
}

#[test]
fn a_picture_cut_off_anywhere_is_refused() {
    for (media_type, bytes) in samples().into_iter().chain([("lossy", LOSSY_WEBP.to_vec())]) {
        let lengths = (0..bytes.len()).step_by(10).chain(bytes.len().saturating_sub(12)..bytes.len());
        for length in lengths {
            let cut = prepare(&held(bytes[..length].to_vec()), &SENT_AS_BYTES);
            assert!(cut.is_err(), "{media_type} cut at {length} of {}", bytes.len());
        }
    }
    let (png, jpeg) = (png(), jpeg());
    let half = &png[..png.len() / 2];
    assert_eq!(
        refused(half),
        format!("the PNG is cut off: its {} bytes end before its IEND chunk", half.len())
    );
    let most = &jpeg[..jpeg.len() - 20];
    let reason = format!("the JPEG is cut off: its {} bytes end before its end-of-image marker", most.len());
    assert_eq!(refused(most), reason);
}

#[test]
fn data_that_cameras_append_does_no_harm() {
    for (media_type, mut bytes) in samples() {
        bytes.extend_from_slice(b"\0\0\0 MotionPhoto \xFF\xD8 and more");
        let prepared =
            prepare(&held(bytes.clone()), &SENT_AS_BYTES).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(sent(&prepared), &bytes, "{media_type}");
    }
}

#[test]
fn a_thumbnails_end_is_not_taken_for_the_jpegs_own() {
    let jpeg = jpeg();
    let thumbnail = [&b"\xFF\xE1\x00\x0AExif\xFF\xD8\xFF\xD9"[..], &jpeg[2..]].concat();
    let with_thumbnail = [&jpeg[..2], &thumbnail].concat();
    assert!(prepare(&held(with_thumbnail.clone()), &SENT_AS_BYTES).is_ok());
    let cut = &with_thumbnail[..with_thumbnail.len() - 2];
    assert!(refused(cut).ends_with("end before its end-of-image marker"));
}

#[test]
fn sizes_come_from_the_header_of_every_kind_of_webp() {
    assert_eq!(webp::size(LOSSY_WEBP), Ok((1, 1)));
    let mut extended = b"RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0\x10\0\0\0".to_vec();
    extended.extend_from_slice(&[0x27, 0, 0, 0x1D, 0, 0]);
    assert_eq!(webp::size(&extended), Ok((40, 30)));
    extended[15] = b'?';
    assert_eq!(webp::size(&extended).unwrap_err(), "the WebP starts with an unknown chunk \"VP8?\"");
}

#[test]
fn a_picture_without_pixels_or_with_too_many_is_refused_unread() {
    let with_width = |width: u32| {
        let mut png = png();
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png
    };
    assert_eq!(refused(&with_width(0)), "the picture has no pixels: 0 × 30");
    assert_eq!(refused(&with_width(4_000_000)), "the picture has 4000000 × 30 pixels, over 100 million");
    assert!(refused(&with_width(u32::MAX)).ends_with("over 100 million"));
}

#[test]
fn damaged_pixels_are_found_where_they_are_decoded() {
    let mut png = png();
    let middle = png.len() / 2;
    png[middle..middle + 20].fill(0xAA);
    assert!(prepare(&held(png.clone()), &SENT_AS_BYTES).is_ok());
    let failure = prepare(&held(png), &AS_JPEG).unwrap_err();
    assert!(failure.message.contains("the picture cannot be decoded: "), "{failure}");
}

#[test]
fn pictures_are_stored_once_under_their_hash() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("runs/images");
    let prepared = prepare(&held(png()), &AS_JPEG).unwrap();
    store(&images, &prepared).unwrap();
    let path = images.join(prepared.record.sha256.as_ref().unwrap());
    assert_eq!(fs::read(&path).unwrap(), sent(&prepared)[..]);

    fs::write(&path, "left alone").unwrap();
    store(&images, &prepared).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"left alone");
    assert_eq!(fs::read_dir(&images).unwrap().count(), 1);

    let address = prepare(&ImageSource::Url("https://a.b/c".to_owned()), &SENT_AS_URL).unwrap();
    let nowhere = folder.path().join("nowhere");
    store(&nowhere, &address).unwrap();
    assert!(!nowhere.exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_the_bytes_there_is_an_answer(
        sample in 0..5_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        early in prop::collection::vec((0..40_usize, any::<u8>()), 0..2),
        end in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = samples().get(sample).map_or_else(|| LOSSY_WEBP.to_vec(), |sample| sample.1.clone());
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        for (at, value) in early {
            bytes[at] = value;
        }
        if is_cut {
            bytes.truncate(end.index(bytes.len()));
        }
        for spec in [&SENT_AS_BYTES, &AS_JPEG] {
            if let Err(failure) = prepare(&held(bytes.clone()), spec) {
                prop_assert!(failure.message.starts_with("a.parquet row 7 column image: "));
            }
        }
    }

    #[test]
    fn whatever_follows_a_signature_there_is_an_answer(
        signature in prop::sample::select(vec![
            &b"\x89PNG\r\n\x1A\n"[..], b"\xFF\xD8\xFF", b"GIF89a", b"RIFF\x10\0\0\0WEBPVP8 ", b"RIFF\0\0\0\0WEBPVP8L",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let _ = prepare(&held([signature, &rest].concat()), &SENT_AS_BYTES);
    }
}
