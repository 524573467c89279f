//! Options that change how pictures are sent. A run records them.

use std::num::NonZeroU32;

use clap::{Args, ValueEnum};
use eyechart::types::{ImageDetail, ImageFormat, ImagesOverride};

/// Options that override keys of the task's `[images]`.
#[derive(Debug, Args)]
pub struct ImageArguments {
    /// Scale pictures with a longer side down to N pixels
    #[arg(long, value_name = "N", value_parser = parse_side)]
    image_max_side: Option<NonZeroU32>,

    /// Re-encode pictures of another format
    #[arg(long, value_enum, value_name = "FORMAT")]
    image_format: Option<FormatArgument>,

    /// Level of detail for models of OpenAI's protocol (image_url.detail)
    #[arg(long, value_enum, value_name = "DETAIL")]
    image_detail: Option<DetailArgument>,

    /// Send JPEGs that lack their last bytes, completed with an end-of-image marker
    #[arg(long)]
    image_allow_truncated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArgument {
    Jpeg,
    Png,
    Webp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DetailArgument {
    Low,
    High,
    Auto,
}

impl ImageArguments {
    /// The options that are given.
    pub fn given(&self) -> ImagesOverride {
        ImagesOverride {
            max_side: self.image_max_side,
            format: self.image_format.map(ImageFormat::from),
            detail: self.image_detail.map(ImageDetail::from),
            allow_truncated: self.image_allow_truncated,
        }
    }
}

fn parse_side(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "expected a whole number of pixels from 1 up".to_owned())
}

impl From<FormatArgument> for ImageFormat {
    fn from(format: FormatArgument) -> Self {
        match format {
            FormatArgument::Jpeg => Self::Jpeg,
            FormatArgument::Png => Self::Png,
            FormatArgument::Webp => Self::WebP,
        }
    }
}

impl From<DetailArgument> for ImageDetail {
    fn from(detail: DetailArgument) -> Self {
        match detail {
            DetailArgument::Low => Self::Low,
            DetailArgument::High => Self::High,
            DetailArgument::Auto => Self::Auto,
        }
    }
}
