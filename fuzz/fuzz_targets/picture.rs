//! Any bytes as a picture, sent as they are, re-encoded and scaled: prepared or refused, never a panic.
#![no_main]

use std::num::NonZeroU32;

use bytes::Bytes;
use eyechart::image::Preparer;
use eyechart::types::{ImageFormat, ImageLimits, ImageSource, ImagesSpec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(store) = tempfile::tempdir() else { return };
    let source = ImageSource::Bytes { bytes: Bytes::copy_from_slice(bytes), origin: "fuzz".to_owned() };
    for (format, max_side) in [(None, None), (Some(ImageFormat::Jpeg), None), (None, NonZeroU32::new(16))] {
        let allow_truncated = max_side.is_some();
        let spec = ImagesSpec { format, max_side, allow_truncated, ..ImagesSpec::of_column("image") };
        let preparer = Preparer::new(spec, ImageLimits::default(), store.path().to_owned(), false);
        let _ = preparer.prepare(&source);
    }
});
