//! The limits of well-known providers on pictures, as of November 2026, mostly from copies of their documentation.
//!
//! A provider that is not in the table has no known limit. `docs/images.md` shows the table.

use std::num::NonZeroU32;

use crate::types::ImageLimits;

/// The host of a provider, and its limits.
const IMAGE_LIMITS: &[(&str, ImageLimits)] = &[
    (
        "api.anthropic.com",
        ImageLimits {
            provider: "anthropic",
            // The documentation says 5 MB of base64.
            bytes: Some(3_750_000),
            side: NonZeroU32::new(8_000),
            pictures: Some(100),
        },
    ),
    (
        "generativelanguage.googleapis.com",
        ImageLimits { provider: "gemini", bytes: None, side: None, pictures: Some(3_600) },
    ),
    (
        "api.mistral.ai",
        ImageLimits { provider: "mistral", bytes: Some(10_000_000), side: None, pictures: Some(8) },
    ),
    (
        "api.openai.com",
        ImageLimits { provider: "openai", bytes: Some(20_000_000), side: None, pictures: Some(500) },
    ),
];

/// The limits of the endpoint at `base_url`; no limits if its host is not in the table.
#[must_use]
pub fn image_limits(base_url: &str) -> ImageLimits {
    let url = reqwest::Url::parse(base_url).ok();
    let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
    let known = IMAGE_LIMITS.iter().find(|(known, _)| *known == host);
    known.map(|(_, limits)| *limits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::PRESETS;

    #[test]
    fn limits_go_with_the_address_and_not_with_the_name() {
        assert_eq!(image_limits("https://api.mistral.ai/v1").pictures, Some(8));
        assert_eq!(image_limits("http://localhost:8000/v1"), ImageLimits::default());
        assert_eq!(image_limits("https://api.mistral.ai.example/v1"), ImageLimits::default());
    }

    #[test]
    fn a_preset_of_a_limited_provider_has_its_address() {
        for (host, limits) in IMAGE_LIMITS {
            let preset = PRESETS.iter().find(|preset| preset.name == limits.provider);
            assert!(preset.is_none_or(|preset| preset.base_url.contains(host)), "{host}");
        }
    }
}
