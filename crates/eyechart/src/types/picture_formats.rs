//! The formats of pictures that can be sent. A new format is named here and gets a decoder in `image`.

/// The formats, for messages.
pub(crate) const PICTURE_FORMATS: &str = "PNG, JPEG, WebP, GIF, BMP or TIFF";

/// The extensions of their files, in lower case.
pub(crate) const PICTURE_EXTENSIONS: [&str; 10] =
    ["png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "tif", "tiff"];
