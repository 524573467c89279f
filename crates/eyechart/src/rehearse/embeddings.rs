//! The embeddings of the built-in endpoint. They are artificial, but texts that share words have similar vectors, so
//! that scores vary as with a real encoder.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The length of a vector.
const DIM: usize = 64;

/// A request for embeddings.
#[derive(Deserialize)]
pub(super) struct EmbeddingsRequest<'a> {
    #[serde(borrow)]
    pub(super) model: Cow<'a, str>,
    input: Input,
}

/// One text or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Several(Vec<String>),
}

impl<'a> EmbeddingsRequest<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// A message if the body is not valid. As on real servers, an empty text is not valid.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, String> {
        let request: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        match request.texts() {
            [] => Err("'input' is an empty list".to_owned()),
            texts if texts.iter().any(String::is_empty) => Err("'input' holds an empty string".to_owned()),
            _ => Ok(request),
        }
    }

    pub(super) fn texts(&self) -> &[String] {
        match &self.input {
            Input::One(text) => std::slice::from_ref(text),
            Input::Several(texts) => texts,
        }
    }

    /// Returns the body of the reply.
    pub(super) fn reply(&self) -> Value {
        let entry = |(index, text): (usize, &String)| json!({"object": "embedding", "index": index, "embedding": vector(text)});
        let data: Vec<Value> = self.texts().iter().enumerate().map(entry).collect();
        // An estimate of four characters per token, as for answers.
        let tokens: usize = self.texts().iter().map(|text| text.chars().count().div_ceil(4)).sum();
        let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
        json!({"object": "list", "model": self.model, "data": data, "usage": usage})
    }
}

/// Returns the sum of one vector per word, ignoring case, scaled to length 1.
fn vector(text: &str) -> Vec<f32> {
    let mut sum = [0.0_f32; DIM];
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    // A text without words gets the vector of the empty word, because a vector of zeros has no direction.
    for word in words.chain(lower.trim().is_empty().then_some("")) {
        let hashes = [0_u8, 1].map(|half| Sha256::digest([&[half], word.as_bytes()].concat()));
        for (number, &byte) in sum.iter_mut().zip(hashes.iter().flatten()) {
            *number += f32::from(byte) - 127.5;
        }
    }
    let length = sum.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    sum.iter().map(|number| number / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        vector(a).iter().zip(vector(b)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn texts_that_share_words_are_alike() {
        assert!((cosine("A dog runs.", "a DOG runs") - 1.0).abs() < 1e-6);
        let (near, far) = (cosine("a dog runs", "a dog sleeps"), cosine("a dog runs", "green tea"));
        assert!(near > far + 0.2, "{near} {far}");
        assert!((cosine(" ", " ") - 1.0).abs() < 1e-6);
        assert!(cosine("?!", "?!").is_finite());
    }
}
