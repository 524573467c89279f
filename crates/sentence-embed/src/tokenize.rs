//! Converts texts to token ids, truncated to the limit of the encoder and never padded.

use std::borrow::Cow;
use std::path::Path;

use tokenizers::{Tokenizer, TruncationParams};

use crate::config::Config;
use crate::error::Error;
use crate::files::{read_bytes, unsupported};
use crate::pipeline::TextSettings;

/// The tokenizer of `tokenizer.json`, with its truncation and padding replaced.
pub(crate) struct TextTokenizer {
    tokenizer: Tokenizer,
    lower_case: bool,
    /// The maximum number of tokens of a text, including the added tokens.
    max_tokens: usize,
}

/// The number of bytes per token in the beginning of a text that is tokenized first, because only a limited number of
/// tokens is used. Most tokens have 4 or 5 bytes.
const ENOUGH_BYTES: usize = 32;

/// Returns the beginning of `text` up to the last space within `length` bytes, or up to the first space after them. No
/// token contains a space, so the tokens of the beginning are those of the text. Without a space it returns the whole
/// text.
fn up_to_a_space(text: &str, length: usize) -> &str {
    if text.len() <= length {
        return text;
    }
    let is_space = |byte: &u8| *byte == b' ' || *byte == b'\n';
    let bytes = text.as_bytes();
    let end = bytes[..length].iter().rposition(is_space).filter(|end| *end > 0);
    let end = end.or_else(|| bytes[length..].iter().position(is_space).map(|end| length + end));
    &text[..end.unwrap_or(text.len())]
}

impl TextTokenizer {
    /// Reads `tokenizer.json` in `dir`. All of its ids are below `config.vocab_size`, and every text has 1 to
    /// `settings.max_tokens` ids.
    pub(crate) fn read(dir: &Path, config: &Config, settings: TextSettings) -> Result<Self, Error> {
        let TextSettings { max_tokens, lower_case } = settings;
        let path = dir.join("tokenizer.json");
        let broken = |source| Error::Tokenizer { path: path.clone(), source };
        let mut tokenizer = Tokenizer::from_bytes(read_bytes(&path)?).map_err(broken)?;
        let largest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0) as usize;
        if largest >= config.vocab_size {
            let expected = format!("below vocab_size {} of config.json", config.vocab_size);
            return Err(unsupported(&path, "the largest id", largest, &expected));
        }
        tokenizer.with_padding(None);
        // The library subtracts the number of special tokens from the limit without a check.
        tokenizer.with_truncation(None).map_err(broken)?;
        let special = tokenizer.encode_fast("", true).map_err(broken)?.len();
        if special == 0 || special >= max_tokens {
            let expected = format!("1 to {}", max_tokens.saturating_sub(1));
            let setting = "the number of tokens added to a text";
            return Err(unsupported(&path, setting, special, &expected));
        }
        let cut = TruncationParams { max_length: max_tokens, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(cut)).map_err(broken)?;
        Ok(Self { tokenizer, lower_case, max_tokens })
    }

    /// Returns the ids of a text, including special tokens. `index` is the index of the text in the input.
    pub(crate) fn encode(&self, text: &str, index: usize) -> Result<Vec<u32>, Error> {
        let mut length = self.max_tokens * ENOUGH_BYTES;
        loop {
            let beginning = up_to_a_space(text, length);
            let encoding = self.tokenizer.encode_fast(self.prepared(beginning), true);
            let encoding = encoding.map_err(|source| Error::Tokenize { index, source })?;
            if encoding.len() >= self.max_tokens || beginning.len() == text.len() {
                return Ok(encoding.get_ids().to_vec());
            }
            length *= 8;
        }
    }

    fn prepared<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.lower_case { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
    }
}
