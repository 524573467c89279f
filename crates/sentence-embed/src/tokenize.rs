//! Texts to token ids: cut at the encoder's limit, never padded.

use std::borrow::Cow;
use std::path::Path;

use tokenizers::{Tokenizer, TruncationParams};

use crate::config::Config;
use crate::error::Error;
use crate::files::{read_bytes, unsupported};
use crate::pipeline::TextSettings;

/// The tokenizer of `tokenizer.json`, with its own cutting and padding replaced.
pub(crate) struct TextTokenizer {
    tokenizer: Tokenizer,
    lower_case: bool,
}

impl TextTokenizer {
    /// Reads `tokenizer.json` in `dir`. Every id that it can give is below `config.vocab_size`, and
    /// every text gives 1 to `settings.max_tokens` ids.
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
        Ok(Self { tokenizer, lower_case })
    }

    /// The ids of a text, special tokens included; `index` is its place in the input.
    pub(crate) fn encode(&self, text: &str, index: usize) -> Result<Vec<u32>, Error> {
        let encoding = self.tokenizer.encode_fast(self.prepared(text), true);
        encoding
            .map(|encoding| encoding.get_ids().to_vec())
            .map_err(|source| Error::Tokenize { index, source })
    }

    fn prepared<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.lower_case { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
    }
}
