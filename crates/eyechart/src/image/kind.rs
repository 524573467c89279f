//! What bytes are that cannot be sent as a picture, and how they become one.
//!
//! Shows nothing of the bytes: they may be a secret in the wrong place.

use crate::files::{LFS_POINTER, is_lfs_pointer};
use crate::types::PICTURE_FORMATS;

/// Bytes at the start in which a text is recognised.
const LOOKED_AT: usize = 1024;

/// What a picture in another format is, and a command that makes a PNG of it.
struct Other {
    name: &'static str,
    command: Option<&'static str>,
}

/// Why these bytes are not a picture, and what to do.
pub(super) fn not_a_picture(bytes: &[u8]) -> String {
    match other(bytes) {
        _ if is_lfs_pointer(bytes) => format!("not a picture: {LFS_POINTER}"),
        _ if bytes.is_empty() => "not a picture: it is empty".to_owned(),
        Some(Other { name, command: Some(command) }) => {
            format!("it is {name}, expected {PICTURE_FORMATS}: convert it, for example with `{command}`")
        }
        Some(Other { name, command: None }) => {
            format!("it is {name}, expected a picture ({PICTURE_FORMATS})")
        }
        None => format!("not a picture: expected {PICTURE_FORMATS}"),
    }
}

/// Whether the bytes are of a kind that has a name here.
pub(super) fn is_known(bytes: &[u8]) -> bool {
    is_lfs_pointer(bytes) || other(bytes).is_some()
}

/// The kind that a name ends in, if pictures of this kind are not read, and a command that converts them.
pub(crate) fn unread_kind(extension: &str) -> Option<(&'static str, &'static str)> {
    let Other { name, command } = match extension {
        "heic" | "heif" | "hif" => HEIC,
        "avif" => AVIF,
        "jxl" => JPEG_XL,
        "jp2" | "j2k" | "jpf" => JPEG_2000,
        "pdf" => PDF,
        "svg" => SVG,
        "ico" | "psd" | "dng" | "cr2" | "cr3" | "nef" | "arw" => ANOTHER,
        _ => return None,
    };
    Some((name.trim_start_matches("an ").trim_start_matches("a "), command?))
}

const PDF: Other = Other { name: "a PDF", command: Some("pdftoppm -r 150 -png FILE.pdf PAGE") };
const SVG: Other = Other { name: "an SVG", command: Some("rsvg-convert FILE.svg -o FILE.png") };
const HEIC: Other = Other { name: "a HEIC picture", command: Some("heif-convert FILE.heic FILE.png") };
const AVIF: Other = Other { name: "an AVIF picture", command: Some("avifdec FILE.avif FILE.png") };
const JPEG_XL: Other = Other { name: "a JPEG XL picture", command: Some("djxl FILE.jxl FILE.png") };
const JPEG_2000: Other =
    Other { name: "a JPEG 2000 picture", command: Some("opj_decompress -i FILE.jp2 -o FILE.png") };
const ANOTHER: Other = Other { name: "a picture", command: Some("magick FILE FILE.png") };
const BIG_TIFF: Other = Other { name: "a BigTIFF", command: Some("magick FILE.tif FILE.png") };
const PAGE: Other = Other { name: "a web page", command: None };

fn other(bytes: &[u8]) -> Option<Other> {
    match bytes {
        [b'%', b'P', b'D', b'F', b'-', ..] => Some(PDF),
        [0xFF, 0x0A, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => Some(JPEG_XL),
        [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] | [0xFF, 0x4F, 0xFF, 0x51, ..] => Some(JPEG_2000),
        [b'I', b'I', 43, 0, ..] | [b'M', b'M', 0, 43, ..] => Some(BIG_TIFF),
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand.get(..4)? {
            b"avif" | b"avis" => Some(AVIF),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => Some(HEIC),
            _ => None,
        },
        _ => text(&bytes[..bytes.len().min(LOOKED_AT)]),
    }
}

/// The kind of a text, by how it starts.
fn text(start: &[u8]) -> Option<Other> {
    let start = String::from_utf8_lossy(start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start)).to_lowercase();
    let start = start.trim_start();
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        Some(PAGE)
    } else if start.starts_with("<svg") || (start.starts_with('<') && start.contains("<svg")) {
        Some(SVG)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_kinds_are_named_with_the_command_that_converts_them() {
        for (bytes, name, command) in [
            (&b"%PDF-1.7\n"[..], "it is a PDF, expected PNG", "`pdftoppm -r 150 -png FILE.pdf PAGE`"),
            (b"\0\0\0\x18ftypheic\0\0", "it is a HEIC picture", "`heif-convert FILE.heic FILE.png`"),
            (b"\0\0\0\x18ftypavif\0\0", "it is an AVIF picture", "`avifdec "),
            (b"<?xml version=\"1.0\"?>\n<svg xmlns=", "it is an SVG", "`rsvg-convert FILE.svg -o FILE.png`"),
            (b"II\x2B\0\x08\0", "it is a BigTIFF", "`magick "),
        ] {
            let message = not_a_picture(bytes);
            assert!(message.starts_with(name) && message.contains(command), "{message}");
        }
    }

    #[test]
    fn nothing_of_the_bytes_is_shown() {
        let expected = "not a picture: expected PNG, JPEG, WebP, GIF, BMP or TIFF";
        assert_eq!(not_a_picture(b"sk-secret-key"), expected);
        assert_eq!(not_a_picture(b"\x01\x02"), expected);
        let page = "it is a web page, expected a picture (PNG, JPEG, WebP, GIF, BMP or TIFF)";
        assert_eq!(not_a_picture(b"<!DOCTYPE html><html>secret"), page);
        assert_eq!(not_a_picture(b""), "not a picture: it is empty");
    }
}
