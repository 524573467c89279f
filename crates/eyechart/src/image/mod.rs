//! Pictures: read, checked, re-encoded where the task asks for it, hashed as sent.
//!
//! Original bytes go out untouched unless the format forces otherwise, and are never decoded then. Knows nothing
//! of datasets or wire protocols.

mod encode;
mod gif;
mod header;
mod jpeg;
mod png;
mod read;
mod store;
mod webp;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::types::{
    Failure, FailureKind, ImageFormat, ImageRecord, ImageSource, ImagesSpec, RequestImage, SendAs, hex,
};

pub use store::store;

use header::Format;

/// A picture ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// What goes out.
    pub request: RequestImage,
    /// What the sample's record says of it.
    pub record: ImageRecord,
    /// Whether its bytes were made or fetched here and exist nowhere else.
    pub made: bool,
}

/// Reads and checks a picture, and re-encodes it where `spec` asks for another format. An address that is sent
/// as it is passes through untouched. Blocks on the disk and, where it re-encodes, on the processor.
///
/// # Errors
/// [`FailureKind::Image`] with the picture's path or origin and what is wrong with it.
pub fn prepare(source: &ImageSource, spec: &ImagesSpec) -> Result<Prepared, Failure> {
    let (name, bytes) = match (source, spec.send) {
        (ImageSource::Url(url), SendAs::Url) => return Ok(passed_through(url)),
        (ImageSource::Url(url), SendAs::Bytes | SendAs::Fetch) => {
            let reason = "the row has an address: set send = \"fetch\" in [images] to fetch the picture and send \
                          it, or send = \"url\" to send the address";
            return Err(failure(url, reason));
        }
        (ImageSource::Fetched { bytes, url }, _) => (url.clone(), bytes.clone()),
        (ImageSource::File(path), SendAs::Bytes | SendAs::Fetch) => {
            let name = path.to_string_lossy().into_owned();
            let bytes = read::read_file(path).map_err(|reason| failure(&name, reason))?;
            (name, bytes)
        }
        (ImageSource::Bytes { bytes, origin }, SendAs::Bytes | SendAs::Fetch) => {
            (origin.clone(), bytes.clone())
        }
        (ImageSource::File(path), SendAs::Url) => return Err(no_address(&path.to_string_lossy(), "a file")),
        (ImageSource::Bytes { origin, .. }, SendAs::Url) => {
            return Err(no_address(origin, "the picture itself"));
        }
    };
    let prepared = from_bytes(&name, bytes, spec.format).map_err(|reason| failure(&name, reason))?;
    let made = prepared.made || matches!(source, ImageSource::Fetched { .. });
    Ok(Prepared { made, ..prepared })
}

/// Whether `bytes` are a picture that can be sent: whole, of a known format and a usual size. Decodes nothing.
///
/// # Errors
/// What is wrong with them.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    header::check(bytes).map(drop)
}

fn passed_through(url: &str) -> Prepared {
    let record = ImageRecord {
        source: url.to_owned(),
        sha256: None,
        media_type: None,
        width: None,
        height: None,
        bytes: None,
        changed: None,
    };
    Prepared { request: RequestImage::Url(url.to_owned()), record, made: false }
}

fn no_address(name: &str, what: &str) -> Failure {
    let reason = format!("the task sends addresses (send = \"url\" in [images]), but the row has {what}");
    failure(name, reason)
}

fn failure(name: &str, reason: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Image, format!("{name}: {reason}"))
}

fn from_bytes(name: &str, original: Bytes, wanted: Option<ImageFormat>) -> Result<Prepared, String> {
    let header = header::check(&original)?;
    let (format, bytes, changed) = match wanted {
        Some(ImageFormat::Jpeg) if header.format != Format::Jpeg => {
            let bytes = encode::to_jpeg(&original, header.format)?;
            let (from, to) = (header.format.media_type(), Format::Jpeg.media_type());
            let changed = format!("re-encoded from {from} as {to}, quality {}", encode::JPEG_QUALITY);
            (Format::Jpeg, bytes, Some(changed))
        }
        _ => (header.format, original, None),
    };
    let made = changed.is_some();
    let record = ImageRecord {
        source: name.to_owned(),
        sha256: Some(hex(&Sha256::digest(&bytes))),
        media_type: Some(format.media_type().to_owned()),
        width: Some(header.width),
        height: Some(header.height),
        bytes: Some(bytes.len() as u64),
        changed,
    };
    let request = RequestImage::Bytes { media_type: format.media_type(), bytes };
    Ok(Prepared { request, record, made })
}

#[cfg(test)]
mod tests;
