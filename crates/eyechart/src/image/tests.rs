//! What goes out untouched, and what is refused. Here is also what the other tests share: small pictures of every
//! format, and a preparer of their own.

mod changed;
mod hostile;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use ::image::codecs::gif::GifEncoder;
use ::image::{DynamicImage, ImageFormat as Encoding, Rgb, RgbImage};
use bytes::Bytes;

use super::*;
use crate::files::sha256_hex;
use crate::types::{
    Failure, FailureKind, ImageFormat, ImageLimits, ImageSource, ImagesSpec, RequestImage, SendAs,
};

fn plain() -> ImagesSpec {
    toml::from_str("column = \"image\"").unwrap()
}

fn as_jpeg() -> ImagesSpec {
    ImagesSpec { format: Some(ImageFormat::Jpeg), ..plain() }
}

fn sent_as_url() -> ImagesSpec {
    ImagesSpec { send: SendAs::Url, ..plain() }
}

/// By a preparer that has seen no other picture.
fn prepare(source: &ImageSource, spec: &ImagesSpec) -> Result<Prepared, Failure> {
    prepare_within(source, spec, ImageLimits::default())
}

fn prepare_within(source: &ImageSource, spec: &ImagesSpec, limits: ImageLimits) -> Result<Prepared, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let preparer = Preparer::new(spec.clone(), limits, folder.path().to_owned(), false);
    preparer.prepare(source).map_err(|error| match error {
        PrepareError::Picture(failure) => failure,
        PrepareError::Store(folder, error) => panic!("{}: {error}", folder.display()),
    })
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

/// A picture of each format that is sent unchanged, all of 40 × 30 pixels.
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
    let failure = prepare(&held(bytes.to_vec()), &plain()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Image);
    failure.message.strip_prefix("a.parquet row 7 column image: ").unwrap().to_owned()
}

fn refused_file(path: &Path) -> String {
    let failure = prepare(&ImageSource::File(path.to_owned()), &plain()).unwrap_err();
    failure.message.strip_prefix(&format!("{}: ", path.display())).unwrap().to_owned()
}

#[test]
fn an_untouched_picture_goes_out_byte_for_byte_and_without_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    for (media_type, bytes) in samples() {
        let bytes = Bytes::from(bytes);
        let path = folder.path().join("picture");
        fs::write(&path, &bytes).unwrap();
        let from_file = prepare(&ImageSource::File(path.clone()), &plain()).unwrap();
        let from_bytes = prepare(&held(bytes.clone()), &plain()).unwrap();
        assert_eq!(from_file.request, from_bytes.request);
        assert_eq!(sent(&from_bytes).as_ptr(), bytes.as_ptr());
        let record = from_file.record;
        assert_eq!(record.source, path.to_string_lossy());
        assert_eq!(record.media_type.as_deref(), Some(media_type));
        assert_eq!((record.width, record.height), (Some(40), Some(30)));
        assert_eq!((record.bytes, record.changed), (Some(bytes.len() as u64), None));
    }
}

#[test]
fn the_hash_is_that_of_the_bytes_sent() {
    let prepared = prepare(&held(LOSSY_WEBP), &plain()).unwrap();
    let expected = sha256_hex(LOSSY_WEBP);
    assert_eq!(prepared.record.sha256, Some(expected));
    let remade = prepare(&held(LOSSY_WEBP), &as_jpeg()).unwrap();
    let expected = sha256_hex(sent(&remade));
    assert_eq!(remade.record.sha256, Some(expected));
    assert_eq!((remade.record.width, remade.record.height), (Some(1), Some(1)));
}

#[test]
fn an_address_passes_through_where_the_task_sends_addresses() {
    let url = "https://a.b/c.png".to_owned();
    let prepared = prepare(&ImageSource::Url(url.clone()), &sent_as_url()).unwrap();
    assert_eq!(prepared.request, RequestImage::Url(url.clone()));
    assert_eq!((prepared.record.source.as_str(), prepared.record.sha256), (url.as_str(), None));
}

#[test]
fn an_address_and_a_file_each_need_the_task_to_send_them() {
    let message = |source, spec: &ImagesSpec| prepare(&source, spec).unwrap_err().message;
    let fetched = message(ImageSource::Url("https://a.b/c.png".to_owned()), &plain());
    let expected = "https://a.b/c.png: the row has an address: set send = \"fetch\" in [images]";
    assert!(fetched.starts_with(expected), "{fetched}");
    let file = message(ImageSource::File("x/a.png".into()), &sent_as_url());
    assert_eq!(
        file,
        "x/a.png: the task sends addresses (send = \"url\" in [images]), but the row has a file"
    );
    assert!(message(held(png()), &sent_as_url()).ends_with("but the row has the picture itself"));
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
        assert_eq!(refused_file(&socket), "expected a file, found a pipe, socket or device");
    }
}

#[test]
fn what_is_no_picture_is_refused_without_its_bytes() {
    assert_eq!(refused(b""), "not a picture: it is empty");
    assert_eq!(refused(b"BM\x01\x02"), "not a picture: expected PNG, JPEG, WebP, GIF, BMP or TIFF");
}

#[test]
fn data_that_cameras_append_does_no_harm() {
    for (media_type, mut bytes) in samples() {
        bytes.extend_from_slice(b"\0\0\0 MotionPhoto \xFF\xD8 and more");
        let prepared = prepare(&held(bytes.clone()), &plain()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(sent(&prepared), &bytes, "{media_type}");
    }
}

#[test]
fn a_thumbnails_end_is_not_taken_for_the_jpegs_own() {
    let jpeg = jpeg();
    let thumbnail = [&b"\xFF\xE1\x00\x0AExif\xFF\xD8\xFF\xD9"[..], &jpeg[2..]].concat();
    let with_thumbnail = [&jpeg[..2], &thumbnail].concat();
    assert!(prepare(&held(with_thumbnail.clone()), &plain()).is_ok());
    let cut = &with_thumbnail[..with_thumbnail.len() - 2];
    assert!(refused(cut).contains("end before its end-of-image marker"));
}

#[test]
fn sizes_come_from_the_header_of_every_kind_of_webp() {
    let size = |bytes: &[u8]| webp::header(bytes).map(|header| (header.size.width, header.size.height));
    assert_eq!(size(LOSSY_WEBP), Ok((1, 1)));
    let mut extended = b"RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0\x10\0\0\0".to_vec();
    extended.extend_from_slice(&[0x27, 0, 0, 0x1D, 0, 0]);
    assert_eq!(size(&extended), Ok((40, 30)));
    extended[15] = b'?';
    assert_eq!(size(&extended).unwrap_err(), "the WebP starts with an unknown chunk \"VP8?\"");
}

/// An EXIF segment with nothing but an orientation, of either byte order.
fn exif_segment(orientation: u8, is_big_endian: bool) -> Vec<u8> {
    let tiff: [u8; 26] = if is_big_endian {
        *b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    } else {
        *b"II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    };
    let mut tiff = tiff;
    tiff[if is_big_endian { 19 } else { 18 }] = orientation;
    [&b"\xFF\xE1\0\x22Exif\0\0"[..], &tiff].concat()
}

/// A JPEG with this segment before all others.
fn jpeg_with(segment: &[u8]) -> Vec<u8> {
    let jpeg = jpeg();
    [&jpeg[..2], segment, &jpeg[2..]].concat()
}

#[test]
fn the_orientation_of_an_untouched_jpeg_is_noted() {
    for orientation in 1..=8 {
        for is_big_endian in [false, true] {
            let bytes = jpeg_with(&exif_segment(orientation, is_big_endian));
            let prepared = prepare(&held(bytes.clone()), &plain()).unwrap();
            assert_eq!(sent(&prepared), &bytes);
            let note = format!("carries EXIF orientation {orientation}, which was not applied");
            assert_eq!(prepared.record.note, (orientation > 1).then_some(note));
        }
    }
    for nonsense in [0, 9, 255] {
        let prepared = prepare(&held(jpeg_with(&exif_segment(nonsense, false))), &plain()).unwrap();
        assert_eq!(prepared.record.note, None);
    }
}

#[test]
fn the_orientation_and_the_frames_of_other_formats_are_noted_too() {
    let note = |bytes: &'static [u8]| prepare(&held(bytes), &plain()).unwrap().record.note;
    let turned = Some("carries EXIF orientation 6, which was not applied".to_owned());
    assert_eq!(note(include_bytes!("fixtures/turned.jpg")), turned);
    assert_eq!(note(include_bytes!("fixtures/turned.png")), turned);
    assert_eq!(note(include_bytes!("fixtures/turned.webp")), turned);
    let animated = Some("animated: the endpoint may see only the first frame".to_owned());
    assert_eq!(note(include_bytes!("fixtures/animated.gif")), animated);
    assert_eq!(note(include_bytes!("fixtures/animated.png")), animated);
    assert_eq!(note(include_bytes!("fixtures/animated.webp")), animated);
    assert_eq!(note(include_bytes!("fixtures/palette.png")), None);
}

#[test]
fn originals_are_stored_once_under_their_hash_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("runs/images");
    let preparer = |keep| Preparer::new(plain(), ImageLimits::default(), images.clone(), keep);
    preparer(false).prepare(&held(png())).unwrap();
    assert!(!images.exists());
    let prepared = preparer(true).prepare(&held(png())).unwrap();
    let path = images.join(prepared.record.sha256.unwrap());
    assert_eq!(fs::read(&path).unwrap(), png());

    fs::write(&path, "left alone").unwrap();
    preparer(true).prepare(&held(png())).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"left alone");
    assert_eq!(fs::read_dir(&images).unwrap().count(), 1);
}

#[test]
fn a_message_holds_as_many_pictures_as_the_provider_takes() {
    let limits = ImageLimits { provider: "mistral", pictures: Some(8), ..ImageLimits::default() };
    let preparer = Preparer::new(plain(), limits, "nowhere".into(), false);
    assert!(preparer.admit(8).is_ok());
    let Err(PrepareError::Picture(failure)) = preparer.admit(9) else { panic!("one too many") };
    assert_eq!(failure.message, "9 pictures in one message: mistral takes at most 8");
}
