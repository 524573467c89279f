//! A model that answers prompts, asked by its wire protocol.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::flow::attempts::{Asker, Read};
use super::flow::{Asked, Gate, Halt, RetryPolicy};
use super::http::{Client, HttpSettings};
use super::key::ApiKey;
use super::openai;
use crate::types::{Endpoint, ModelOutput, Request};

/// A model at an endpoint, ready to be asked from many tasks at once.
#[derive(Debug)]
pub struct Provider {
    asker: Asker,
    model: String,
    params: Map<String, Value>,
}

impl Provider {
    /// A provider for `endpoint`; opens no connection yet.
    ///
    /// # Errors
    /// A text that says which header or setting HTTP does not allow.
    pub fn new(
        endpoint: &Endpoint,
        key: Option<ApiKey>,
        http: &HttpSettings,
        policy: RetryPolicy,
    ) -> Result<Self, String> {
        let url = format!("{}{}", endpoint.base_url, openai::PATH);
        Ok(Self {
            asker: Asker { client: Client::new(url, key, http)?, policy },
            model: endpoint.model.clone(),
            params: endpoint.params.clone(),
        })
    }

    /// The address that requests go to.
    #[must_use]
    pub fn url(&self) -> &str {
        self.asker.client.url()
    }

    /// The body of a request. Worth a blocking thread where it has pictures.
    #[must_use]
    pub fn body(&self, request: &Request) -> bytes::Bytes {
        openai::body(&self.model, &self.params, request)
    }

    /// Sends `body` through `gate` until it is answered, refused for good, or given up. `None`: `stopped` came
    /// first, while it waited, and the sample has not ended.
    ///
    /// # Errors
    /// [`Halt`] where the run cannot go on; the sample has not ended.
    pub async fn ask(
        &self,
        body: bytes::Bytes,
        gate: &Arc<Gate>,
        stopped: impl Future<Output = ()>,
    ) -> Result<Option<Asked>, Halt> {
        self.asker.ask(body, gate, stopped, |reply| self.read(reply)).await
    }

    fn read(&self, reply: &[u8]) -> Read<ModelOutput> {
        let without_keys = |output| self.asker.client.without_keys(output);
        let (outcome, unusable) = match openai::parse(reply) {
            Ok(output) => (Ok(without_keys(output)), None),
            Err((failure, unusable)) => (Err(failure), unusable.map(|output| without_keys(*output))),
        };
        let said = outcome.as_ref().ok().or(unusable.as_ref());
        let tokens = said.and_then(|output| output.usage).map(|usage| usage.total());
        Read { outcome, unusable, tokens }
    }
}
