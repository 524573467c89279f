//! Any bytes as a picture, sent as they are and re-encoded: prepared or refused, never a panic.
#![no_main]

use bytes::Bytes;
use eyechart::image::prepare;
use eyechart::types::{ImageFormat, ImageSource, ImagesSpec, SendAs};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let source = ImageSource::Bytes { bytes: Bytes::copy_from_slice(bytes), origin: "fuzz".to_owned() };
    for format in [None, Some(ImageFormat::Jpeg)] {
        let spec = ImagesSpec { column: "image".to_owned(), send: SendAs::Bytes, format };
        let _ = prepare(&source, &spec);
    }
});
