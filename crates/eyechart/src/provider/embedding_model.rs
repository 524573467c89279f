//! A model of embeddings at an endpoint.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::flow::attempts::Asker;
use super::flow::{Gate, Halt, RetryPolicy};
use super::http::{Client, HttpSettings, ProviderError, Target};
use super::key::ApiKey;
use super::presets::url_below;
use super::protocol::{OPENAI_CHAT, openai_embeddings};
use super::reply::{Read, ReplyReader};
use crate::types::{Endpoint, Failure, Usage};

/// A model that turns texts into vectors, ready to be asked from many tasks at once.
#[derive(Debug)]
pub struct EmbeddingModel {
    asker: Asker,
    model: String,
    params: Map<String, Value>,
}

impl EmbeddingModel {
    /// The model of `endpoint`; opens no connection yet.
    ///
    /// # Errors
    /// [`ProviderError`] if HTTP does not allow a header, or the HTTP client cannot be set up.
    pub fn new(
        endpoint: &Endpoint,
        key: Option<ApiKey>,
        http: &HttpSettings,
        policy: RetryPolicy,
    ) -> Result<Self, ProviderError> {
        let url = url_below(&endpoint.base_url, |base_url| format!("{base_url}{}", openai_embeddings::PATH));
        // Authentication and errors are those of chat completions.
        let client = Client::new(Target { url, protocol: OPENAI_CHAT, key }, http)?;
        let (model, params) = (endpoint.model.clone(), endpoint.params.clone());
        Ok(Self { asker: Asker { client, policy }, model, params })
    }

    /// One vector for each text, in their order, all of one size, or why there are none. An empty text is sent as a
    /// space.
    ///
    /// # Errors
    /// [`Halt`] if other texts would fail too.
    pub async fn embed(
        &self,
        texts: &[String],
        gate: &Arc<Gate>,
    ) -> Result<Result<Vec<Vec<f32>>, Failure>, Halt> {
        let body = openai_embeddings::body(&self.model, &self.params, texts);
        let reader = || VectorsReader { body: Vec::new(), count: texts.len() };
        let asked = self.asker.ask(body, gate, std::future::pending(), reader);
        let asked = asked.await?.expect("nothing stops it, so it has ended");
        Ok(asked.outcome)
    }
}

/// Reads the vectors of `count` texts.
struct VectorsReader {
    body: Vec<u8>,
    count: usize,
}

impl ReplyReader for VectorsReader {
    type Answer = Vec<Vec<f32>>;

    fn push(&mut self, bytes: &[u8]) {
        self.body.extend_from_slice(bytes);
    }

    fn finish(self) -> Read<Self::Answer> {
        openai_embeddings::parse(&self.body, self.count).unwrap_or_else(Read::failed)
    }

    fn fail(self, failure: Failure, usage: Usage) -> Read<Self::Answer> {
        Read { outcome: Err(failure), unusable: None, usage: Some(usage) }
    }
}
