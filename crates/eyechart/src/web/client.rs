//! One address over HTTP: guarded at each hop, limited in size, time and redirects, tried again where that helps.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::dns::Resolve;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Response, Url};

use super::WebSettings;
use super::guard::{Guard, GuardedNames, Refused};
use crate::text::causes;

/// The waits before another try, where the host asks for none.
pub(super) const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// No host is waited for any longer.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    guard: Guard,
    timeout: Duration,
    max_bytes: usize,
    max_redirects: usize,
}

/// Why there is no picture.
pub(super) enum Trouble {
    /// Another try would end the same way.
    Lasting(String),
    /// Another try can help, after this long where the host says so.
    Passing(String, Option<Duration>),
}

impl Trouble {
    fn map(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Lasting(reason) => Self::Lasting(change(reason)),
            Self::Passing(reason, wait) => Self::Passing(change(reason), wait),
        }
    }

    pub(super) fn into_reason(self) -> String {
        match self {
            Self::Lasting(reason) | Self::Passing(reason, _) => reason,
        }
    }
}

impl Client {
    pub(super) fn new(settings: &WebSettings, guard: Guard, names: Arc<dyn Resolve>) -> Result<Self, String> {
        // An error means that a provider is installed already, which is all that is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("eyechart/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(GuardedNames { names, guard })
            .pool_max_idle_per_host(settings.connections)
            // It would look names up itself, and connect where nobody checks.
            .no_proxy()
            // Each hop is checked before it is followed.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| causes(&error))?;
        Ok(Self {
            client,
            guard,
            timeout: settings.timeout,
            max_bytes: settings.max_bytes,
            max_redirects: settings.max_redirects,
        })
    }

    /// The address as it is fetched and known, if it may be fetched at all.
    pub(super) fn target(&self, url: &str) -> Result<Url, String> {
        let url = parsed(url)?;
        self.guard.check(&url)?;
        Ok(url)
    }

    /// What is at `url`, after a few tries where they can help.
    pub(super) async fn get(&self, url: &Url) -> Result<Bytes, String> {
        for wait in WAITS {
            match self.try_once(url).await {
                Ok(bytes) => return Ok(bytes),
                Err(Trouble::Lasting(reason)) => return Err(reason),
                Err(Trouble::Passing(_, asked)) => {
                    tokio::time::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
                }
            }
        }
        let tries = WAITS.len() + 1;
        self.try_once(url).await.map_err(|trouble| format!("{} ({tries} tries)", trouble.into_reason()))
    }

    async fn try_once(&self, url: &Url) -> Result<Bytes, Trouble> {
        let ended = tokio::time::timeout(self.timeout, self.follow(url)).await;
        ended.unwrap_or_else(|_| {
            let reason = format!("no whole picture within {} s", self.timeout.as_secs_f64());
            Err(Trouble::Lasting(reason))
        })
    }

    async fn follow(&self, url: &Url) -> Result<Bytes, Trouble> {
        let reply = self.reach(url, &HeaderMap::new()).await?;
        let at = reply.url().clone();
        self.body(reply).await.map_err(|trouble| in_context(trouble, url, &at))
    }

    /// From hop to hop, to the head of the last reply, whatever its status.
    pub(super) async fn reach(&self, url: &Url, headers: &HeaderMap) -> Result<Response, Trouble> {
        let mut at = url.clone();
        for _ in 0..=self.max_redirects {
            let reply =
                self.send(at.clone(), headers).await.map_err(|trouble| in_context(trouble, url, &at))?;
            match next_hop(&at, &reply) {
                Some(next) => at = next,
                None => return Ok(reply),
            }
        }
        Err(Trouble::Lasting(format!("more than {} redirects", self.max_redirects)))
    }

    async fn send(&self, url: Url, headers: &HeaderMap) -> Result<Response, Trouble> {
        self.guard.check(&url).map_err(Trouble::Lasting)?;
        self.client.get(url).headers(headers.clone()).send().await.map_err(transport)
    }

    async fn body(&self, mut reply: Response) -> Result<Bytes, Trouble> {
        check_status(&reply)?;
        let announced = reply.content_length();
        if announced.is_some_and(|length| length > self.max_bytes as u64) {
            return Err(self.too_large());
        }
        let mut body = BytesMut::with_capacity(announced.and_then(|n| n.try_into().ok()).unwrap_or(0));
        while let Some(part) = reply.chunk().await.map_err(transport)? {
            if body.len() + part.len() > self.max_bytes {
                return Err(self.too_large());
            }
            body.extend_from_slice(&part);
        }
        Ok(body.freeze())
    }

    fn too_large(&self) -> Trouble {
        Trouble::Lasting(format!("over {} MiB, the most that is fetched", self.max_bytes >> 20))
    }
}

/// The address as it is known.
pub(super) fn parsed(url: &str) -> Result<Url, String> {
    let mut url = Url::parse(url).map_err(|error| format!("not an address: {error}"))?;
    url.set_fragment(None);
    Ok(url)
}

fn in_context(trouble: Trouble, asked: &Url, at: &Url) -> Trouble {
    match at == asked {
        true => trouble,
        false => trouble.map(|reason| format!("redirected to {at}: {reason}")),
    }
}

/// Where a redirect leads; nowhere, if the reply is none.
fn next_hop(at: &Url, reply: &Response) -> Option<Url> {
    let location = reply.headers().get(LOCATION).filter(|_| reply.status().is_redirection())?;
    at.join(location.to_str().ok()?).ok()
}

pub(super) fn check_status(reply: &Response) -> Result<(), Trouble> {
    let status = reply.status();
    let reason = || format!("status {status}");
    match status.as_u16() {
        200 => Ok(()),
        408 | 429 | 500.. => Err(Trouble::Passing(reason(), retry_after(reply.headers()))),
        _ => Err(Trouble::Lasting(reason())),
    }
}

/// Seconds alone: hosts of pictures that give a date are waited for as if they gave nothing.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

pub(super) fn transport(error: reqwest::Error) -> Trouble {
    // The address stands before every reason already.
    let error = error.without_url();
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(cause) = next {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return Trouble::Lasting(refused.to_string());
        }
        next = cause.source();
    }
    Trouble::Passing(causes(&error), None)
}
