//! A model that answers requests, asked in its wire protocol.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::answer::AnswerReader;
use super::flow::attempts::Asker;
use super::flow::{Asked, Gate, Halt, RetryPolicy};
use super::http::{Client, HttpSettings, ProviderError, Target};
use super::key::ApiKey;
use super::presets::url_below;
use super::protocol::{Parameter, Protocol};
use super::reply::{Read, ReplyReader};
use crate::types::{Endpoint, ModelOutput, Request};

/// A model at an endpoint, ready to be asked from many tasks at once.
#[derive(Debug)]
pub struct Provider {
    asker: Asker,
    protocol: &'static dyn Protocol,
    model: String,
    params: Map<String, Value>,
    keeps_reasoning: bool,
}

impl Provider {
    /// A provider for `endpoint` that speaks `protocol`. Opens no connection yet.
    ///
    /// # Errors
    /// [`ProviderError`] if HTTP does not allow a header, or the HTTP client cannot be set up.
    pub fn new(
        endpoint: &Endpoint,
        protocol: &'static dyn Protocol,
        key: Option<ApiKey>,
        http: &HttpSettings,
        policy: RetryPolicy,
    ) -> Result<Self, ProviderError> {
        let url = url_below(&endpoint.base_url, |base_url| protocol.url(base_url, &endpoint.model));
        let client = Client::new(Target { url, protocol, key }, http)?;
        let (model, params) = (endpoint.model.clone(), endpoint.params.clone());
        let keeps_reasoning = endpoint.keeps_reasoning;
        Ok(Self { asker: Asker { client, policy }, protocol, model, params, keeps_reasoning })
    }

    /// The address that requests are sent to.
    #[must_use]
    pub fn url(&self) -> &str {
        self.asker.client.url()
    }

    /// Whether requests carry a key, or a header or a parameter that may be a secret.
    #[must_use]
    pub fn sends_secret(&self) -> bool {
        self.asker.client.sends_secret()
    }

    /// The body of a request. Encodes the pictures: call it on a blocking thread if there are any.
    #[must_use]
    pub fn body(&self, request: &Request) -> bytes::Bytes {
        self.protocol.body(&self.model, &self.params, request)
    }

    /// Sends `body` through `gate` until there is an answer, or the sample has failed. `None`: the sample waited when
    /// `stopped` came, and has not ended.
    ///
    /// # Errors
    /// [`Halt`] if the run must stop; the sample has not ended.
    pub async fn ask(
        &self,
        body: bytes::Bytes,
        gate: &Arc<Gate>,
        stopped: impl Future<Output = ()>,
    ) -> Result<Option<Asked>, Halt> {
        self.asker.ask(body, gate, stopped, || self.reader()).await
    }

    fn reader(&self) -> WithoutKeys<'_> {
        let names = self.protocol.parameter_names(Parameter::MaxTokens);
        let given = self.protocol.parameter(&self.params, Parameter::MaxTokens).map(|(name, _)| name);
        let max_tokens = given.or(names.first().copied()).unwrap_or_default();
        WithoutKeys {
            reader: AnswerReader::new(self.protocol.decoder(), max_tokens)
                .keep_reasoning(self.keeps_reasoning),
            client: &self.asker.client,
        }
    }
}

/// Reads an answer, and removes API keys that the model repeats.
struct WithoutKeys<'a> {
    reader: AnswerReader,
    client: &'a Client,
}

impl ReplyReader for WithoutKeys<'_> {
    type Answer = ModelOutput;

    fn push(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
    }

    fn is_complete(&self) -> bool {
        self.reader.is_complete()
    }

    fn finish(self) -> Read<ModelOutput> {
        let without_keys = |output| self.client.without_keys(output);
        let Read { outcome, unusable, tokens } = self.reader.finish();
        Read { outcome: outcome.map(without_keys), unusable: unusable.map(without_keys), tokens }
    }
}
