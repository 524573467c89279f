//! How pictures are sent: a task's `[images]`, its overrides from the command line, and the limits of a provider.
//! Does not know pixels.

use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Serialize};

use super::{InvalidKey, InvalidValue, Marker, Place};

/// The pictures of a task, and how they are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ImagesSpec {
    /// The column (or path into one) with the pictures: a path, an address, bytes, or a list of these. A task has
    /// either `column` or `columns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Several columns with pictures, in the order in which they are sent. Empty cells are skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The place of the pictures in the message; `before`, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The text that a picture replaces with `place = "markers"`. `{n}` is the number of the column in `columns`, or
    /// of the item in the list of `column`, from 1. `<image {n}>`, if absent.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<Marker>,
    /// The archive (`.tgz`, `.tar` or `.zip`) with the pictures that are not files next to the data file: a path or
    /// pattern like `dataset.file`. Only the members of picked samples are extracted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// Whether pictures are sent as bytes or as addresses, and whether addresses are fetched first.
    #[serde(default)]
    pub send: SendAs,
    /// The format that pictures of other formats are re-encoded to; every picture keeps its format, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ImageFormat>,
    /// The quality of re-encoded JPEGs and WebPs, from 1 to 100; 75, if absent.
    #[cfg_attr(test, schemars(with = "Option<u8>"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// The longest side in pixels. Larger pictures are scaled down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_side: Option<NonZeroU32>,
    /// The maximum number of pixels. Larger pictures are scaled down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pixels: Option<NonZeroU64>,
    /// The background of a transparent picture that becomes a JPEG, as `#rrggbb`; white, if absent.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Colour>,
    /// Whether JPEGs that lack their last bytes are sent, completed with an end-of-image marker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_truncated: bool,
    /// How closely the model should look at the pictures; not sent, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<ImageDetail>,
}

impl ImagesSpec {
    /// The pictures in one column, sent unchanged.
    #[must_use]
    pub fn of_column(column: impl Into<String>) -> Self {
        Self {
            column: Some(column.into()),
            columns: Vec::new(),
            place: None,
            marker: None,
            archive: None,
            send: SendAs::default(),
            format: None,
            quality: None,
            max_side: None,
            max_pixels: None,
            background: None,
            allow_truncated: false,
            detail: None,
        }
    }

    /// The columns with pictures; there is at least one.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        if self.columns.is_empty() { self.column.as_slice() } else { &self.columns }
    }

    /// The place of the pictures in the message.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place.unwrap_or_default()
    }

    /// Checks whether the keys fit together.
    ///
    /// # Errors
    /// [`InvalidKey`] for a key that would have no effect.
    pub fn check(&self) -> Result<(), InvalidKey> {
        self.check_columns()?;
        if self.marker.is_some() && self.place != Some(Place::Markers) {
            let reason =
                "`marker` has an effect only with place = \"markers\": set that, or leave `marker` out";
            return Err(InvalidKey::new("marker", reason));
        }
        let changes = [
            ("format", self.format.is_some()),
            ("quality", self.quality.is_some()),
            ("max_side", self.max_side.is_some()),
            ("max_pixels", self.max_pixels.is_some()),
            ("background", self.background.is_some()),
            ("allow_truncated", self.allow_truncated),
        ];
        match changes.iter().find(|(_, is_set)| *is_set) {
            Some((key, _)) if self.send == SendAs::Url => Err(InvalidKey::new(
                key,
                format!(
                    "send = \"url\" leaves every picture as it is at its address: set send = \"fetch\", or leave \
                     {key} out"
                ),
            )),
            _ => Ok(()),
        }
    }
}

impl ImagesSpec {
    fn check_columns(&self) -> Result<(), InvalidKey> {
        let twice = |(at, column): (usize, &String)| self.columns[..at].contains(column);
        match (&self.column, self.columns.as_slice()) {
            (None, []) => Err(InvalidKey::new(
                "column",
                "the key `column` (or `columns`, for several) is missing in [images]",
            )),
            (Some(_), [_, ..]) => Err(InvalidKey::new("columns", "both `column` and `columns`: leave one")),
            _ if self.columns.iter().enumerate().any(twice) => {
                Err(InvalidKey::new("columns", "`columns` has a column twice: each has one number"))
            }
            _ => Ok(()),
        }
    }
}

/// How a picture reaches the endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SendAs {
    /// In the request, as base64. A row with an address fails.
    #[default]
    Bytes,
    /// In the request, as base64. A picture at an address is fetched first.
    Fetch,
    /// As an address that the endpoint fetches.
    Url,
}

/// A format that pictures can be re-encoded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ImageFormat {
    /// JPEG, lossy, without transparency.
    Jpeg,
    /// PNG, lossless.
    Png,
    /// The WebP format, lossy.
    WebP,
}

impl ImageFormat {
    /// The media type, such as `image/jpeg`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }
}

/// The quality of a JPEG on libjpeg's scale or of a WebP on libwebp's scale, from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u8")]
pub struct Quality(u8);

impl Quality {
    /// The value, from 1 to 100.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for Quality {
    /// Pillow's default, 75.
    fn default() -> Self {
        Self(75)
    }
}

impl TryFrom<i64> for Quality {
    type Error = InvalidValue;

    fn try_from(given: i64) -> Result<Self, InvalidValue> {
        match u8::try_from(given) {
            Ok(quality @ 1..=100) => Ok(Self(quality)),
            _ => Err(InvalidValue(format!("the quality {given} is not on its scale: expected 1 to 100"))),
        }
    }
}

impl From<Quality> for u8 {
    fn from(quality: Quality) -> Self {
        quality.0
    }
}

/// An opaque colour: red, green, blue. Written `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour(pub [u8; 3]);

impl Default for Colour {
    /// White.
    fn default() -> Self {
        Self([255; 3])
    }
}

impl TryFrom<String> for Colour {
    type Error = InvalidValue;

    fn try_from(given: String) -> Result<Self, InvalidValue> {
        let digits = given.strip_prefix('#').filter(|digits| digits.len() == 6);
        // A sign would be parsed as part of the number.
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let parsed = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let invalid = || InvalidValue(format!("{given:?} is not a colour: expected one such as \"#ffffff\""));
        let [_, rgb @ ..] = parsed.ok_or_else(invalid)?.to_be_bytes();
        Ok(Self(rgb))
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// How closely the model should look at a picture, in the terms of OpenAI's protocol (`image_url.detail`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ImageDetail {
    /// A small version of the picture.
    Low,
    /// As many tiles as the picture needs.
    High,
    /// The endpoint decides.
    Auto,
}

/// Overrides of a task's `[images]` from the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagesOverride {
    /// `--image-max-side`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_side: Option<NonZeroU32>,
    /// `--image-format`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ImageFormat>,
    /// `--image-detail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<ImageDetail>,
    /// `--image-allow-truncated`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_truncated: bool,
}

impl ImagesOverride {
    /// Whether nothing is overridden.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `images` with the overrides.
    #[must_use]
    pub fn apply(self, images: ImagesSpec) -> ImagesSpec {
        ImagesSpec {
            max_side: self.max_side.or(images.max_side),
            format: self.format.or(images.format),
            detail: self.detail.or(images.detail),
            allow_truncated: self.allow_truncated || images.allow_truncated,
            ..images
        }
    }

    /// These overrides, and those of `other` for keys that are not set here.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            max_side: self.max_side.or(other.max_side),
            format: self.format.or(other.format),
            detail: self.detail.or(other.detail),
            allow_truncated: self.allow_truncated || other.allow_truncated,
        }
    }
}

/// The limits of a provider. An absent limit is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImageLimits {
    /// The name of the provider, for messages.
    pub provider: &'static str,
    /// Maximum size of one picture in bytes, before base64.
    pub bytes: Option<u64>,
    /// Maximum length of a picture's longer side in pixels.
    pub side: Option<NonZeroU32>,
    /// Maximum number of pictures in one message.
    pub pictures: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(keys: &str) -> Result<ImagesSpec, String> {
        let spec: ImagesSpec =
            toml::from_str(&format!("column = \"image\"\n{keys}")).map_err(|error| error.to_string())?;
        spec.check().map(|()| spec).map_err(|InvalidKey { key, reason }| format!("{key}: {reason}"))
    }

    #[test]
    fn every_key_is_read_and_written_as_it_was() {
        let keys = "send = \"bytes\"\nformat = \"webp\"\nquality = 100\nmax_side = 1024\nmax_pixels = 1000000\n\
                    background = \"#0a0b0c\"\ndetail = \"low\"";
        let spec = parse(keys).unwrap();
        assert_eq!((spec.quality, spec.background), (Some(Quality(100)), Some(Colour([10, 11, 12]))));
        let json = serde_json::to_value(&spec).unwrap();
        assert_eq!((&json["format"], &json["background"]), (&"webp".into(), &"#0a0b0c".into()));
        assert_eq!(serde_json::from_value::<ImagesSpec>(json).unwrap(), spec);
    }

    #[test]
    fn a_value_off_its_scale_is_refused_with_what_was_expected() {
        for (keys, expected) in [
            ("quality = 0", "expected 1 to 100"),
            ("quality = 101", "expected 1 to 100"),
            ("quality = -1", "expected 1 to 100"),
            ("max_side = 0", "nonzero"),
            ("max_pixels = -5", "nonzero"),
            ("background = \"white\"", "#ffffff"),
            ("background = \"#+12345\"", "#ffffff"),
            ("background = \"#12345é\"", "#ffffff"),
            ("format = \"gif\"", "jpeg"),
            ("detail = \"max\"", "auto"),
        ] {
            let error = parse(keys).unwrap_err();
            assert!(error.contains(expected), "{keys}: {error}");
        }
    }

    #[test]
    fn what_changes_pictures_is_refused_where_only_addresses_are_sent() {
        let error = parse("send = \"url\"\nmax_side = 5").unwrap_err();
        assert!(error.contains("max_side") && error.contains("send = \"fetch\""), "{error}");
        assert!(parse("send = \"url\"\ndetail = \"low\"").is_ok());
    }

    #[test]
    fn the_command_line_goes_before_the_task() {
        let task = parse("max_side = 100\nformat = \"png\"").unwrap();
        let given = ImagesOverride { max_side: NonZeroU32::new(50), ..ImagesOverride::default() };
        let spec = given.apply(task);
        assert_eq!((spec.max_side, spec.format), (NonZeroU32::new(50), Some(ImageFormat::Png)));
    }
}
