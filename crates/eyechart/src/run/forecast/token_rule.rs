//! The number of tokens of a picture, if the provider has published the rule. Knows no files.

use reqwest::Url;

use crate::types::ImageDetail;

/// A published rule: a number of tokens for each picture, and a number for each of its tiles.
///
/// Source: OpenAI, guide to images, "Calculating costs". With `low`, only the base counts. Otherwise the picture is scaled
/// down to fit 2,048 × 2,048, then until its shorter side is 768, and each tile of 512 × 512 counts. With `auto` the
/// endpoint decides, so `auto` is treated as `high`, which is the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenRule {
    base: u64,
    tile: u64,
}

const LARGEST_SIDE: f64 = 2048.0;
const SHORTER_SIDE: f64 = 768.0;
const TILE: f64 = 512.0;

/// Models by the beginning of their names, longer names first: `gpt-4o-mini` is not a `gpt-4o`. `None` for models with
/// another rule.
const OPENAI: [(&str, Option<(u64, u64)>); 5] = [
    ("gpt-4o-mini", Some((2833, 5667))),
    ("gpt-4o", Some((85, 170))),
    ("gpt-4.1-mini", None),
    ("gpt-4.1-nano", None),
    ("gpt-4.1", Some((85, 170))),
];

impl TokenRule {
    /// The rule of `model` at the endpoint, if it is known.
    pub(super) fn of(base_url: &str, model: &str, detail: ImageDetail) -> Option<Self> {
        let url = Url::parse(base_url).ok()?;
        if url.host_str() != Some("api.openai.com") {
            return None;
        }
        let (_, rule) = OPENAI.iter().find(|(start, _)| is_version_of(model, start))?;
        let (base, tile) = (*rule)?;
        Some(Self { base, tile: if detail == ImageDetail::Low { 0 } else { tile } })
    }

    /// Tokens of a picture of this size in pixels.
    pub(super) fn tokens(self, width: u32, height: u32) -> u64 {
        let (width, height) = (f64::from(width), f64::from(height));
        let within = |scale: f64| scale.min(1.0);
        let first = within(LARGEST_SIDE / width.max(height));
        let second = within(SHORTER_SIDE / (width.min(height) * first));
        let tiles = |side: f64| (side * first * second / TILE).ceil().max(1.0) as u64;
        self.base + self.tile * tiles(width) * tiles(height)
    }
}

/// `gpt-4o` itself, or `gpt-4o-2024-08-06`.
fn is_version_of(model: &str, name: &str) -> bool {
    let rest = model.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix("-20").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENAI_URL: &str = "https://api.openai.com/v1";

    #[test]
    fn the_providers_own_examples_come_out() {
        let rule = TokenRule::of(OPENAI_URL, "gpt-4o-2024-08-06", ImageDetail::High).unwrap();
        assert_eq!(rule.tokens(1024, 1024), 765);
        assert_eq!(rule.tokens(2048, 4096), 1105);
        let low = TokenRule::of(OPENAI_URL, "gpt-4.1", ImageDetail::Low).unwrap();
        assert_eq!(low.tokens(4096, 8192), 85);
    }

    #[test]
    fn a_small_picture_is_not_scaled_up_and_a_strip_is_a_tile_high() {
        let rule = TokenRule::of(OPENAI_URL, "gpt-4o", ImageDetail::Auto).unwrap();
        assert_eq!(rule.tokens(512, 512), 85 + 170);
        assert_eq!(rule.tokens(513, 1), 85 + 2 * 170);
    }

    #[test]
    fn other_models_and_other_addresses_have_no_rule() {
        let of = |url, model| TokenRule::of(url, model, ImageDetail::Low);
        assert_eq!(of("https://proxy.example/v1", "gpt-4o"), None);
        for model in ["gpt-4.1-mini", "gpt-4o-audio-preview", "gpt-4.5", "gpt-5"] {
            assert_eq!(of(OPENAI_URL, model), None, "{model}");
        }
        assert_eq!(of(OPENAI_URL, "gpt-4o-mini"), Some(TokenRule { base: 2833, tile: 0 }));
    }
}
