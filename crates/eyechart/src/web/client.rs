//! Requests to one address: every hop is checked, and size, time, redirects and attempts are limited.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::dns::Resolve;
use reqwest::header::HeaderMap;
use reqwest::{Response, Url};

use super::{WebError, WebSettings};
use crate::files::Shortage;
use crate::net::{
    Certificates, Guard, GuardedNames, Proxy, Refused, Retries, RetrySchedule, http_client, redirect_target,
    retry_after, shortage_in,
};
use crate::text::{causes, now, shown_address, without_query_values};

/// Three attempts over about two seconds: a picture must not hold up a run for long.
pub(super) const SCHEDULE: RetrySchedule = RetrySchedule {
    attempts: 3,
    first_wait: Duration::from_millis(800),
    longest_wait: Duration::from_secs(30),
};

#[derive(Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    guard: Guard,
    timeout: Duration,
    pub(super) max_bytes: usize,
    max_redirects: usize,
}

/// Why a request failed.
pub(super) enum FetchError {
    /// Another attempt would fail the same way.
    Permanent(String),
    /// Another attempt can succeed, after this wait if the host asks for one.
    Transient(String, Option<Duration>),
}

impl FetchError {
    fn map(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Permanent(reason) => Self::Permanent(change(reason)),
            Self::Transient(reason, wait) => Self::Transient(change(reason), wait),
        }
    }
}

impl Client {
    pub(super) fn new(
        settings: &WebSettings,
        guard: Guard,
        names: Arc<dyn Resolve>,
    ) -> Result<Self, WebError> {
        // Every hop is checked before it is followed: see `reach`.
        let client = http_client(Certificates::Verified, |client| {
            let client = client
                .dns_resolver(GuardedNames { names, guard, trusted: Vec::new() })
                .pool_max_idle_per_host(settings.connections);
            // A proxy would look names up and connect without the check.
            if settings.allow_private { client } else { client.no_proxy() }
        });
        let client = client.map_err(WebError::Client)?;
        Ok(Self {
            client,
            guard,
            timeout: settings.timeout,
            max_bytes: settings.max_bytes,
            max_redirects: settings.max_redirects,
        })
    }

    /// The address in the form that is fetched and stored, if it may be fetched.
    pub(super) fn target(&self, url: &str) -> Result<Url, String> {
        let url = parse_url(url)?;
        self.guard.check(&url)?;
        Ok(url)
    }

    /// Fetches `url`. Tries again after a failure that another attempt can mend.
    pub(super) async fn get(&self, url: &Url) -> Result<Bytes, String> {
        let mut retries = Retries::new(SCHEDULE);
        loop {
            match self.try_once(url).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => wait_after(error, &mut retries).await?,
            }
        }
    }

    async fn try_once(&self, url: &Url) -> Result<Bytes, FetchError> {
        let ended = tokio::time::timeout(self.timeout, self.follow(url)).await;
        ended.unwrap_or_else(|_| {
            let reason = format!("no whole picture within {} s", self.timeout.as_secs_f64());
            Err(FetchError::Permanent(reason))
        })
    }

    async fn follow(&self, url: &Url) -> Result<Bytes, FetchError> {
        let reply = self.reach(url, &HeaderMap::new()).await?;
        let at = reply.url().clone();
        self.body(reply).await.map_err(|error| in_context(error, url, &at))
    }

    /// Follows redirects to the last reply, with any status. Its body is not read.
    pub(super) async fn reach(&self, url: &Url, headers: &HeaderMap) -> Result<Response, FetchError> {
        let mut at = url.clone();
        for _ in 0..=self.max_redirects {
            let reply = self.send(at.clone(), headers).await.map_err(|error| in_context(error, url, &at))?;
            match redirect_target(&reply) {
                Some(next) => at = next,
                None => return Ok(reply),
            }
        }
        Err(FetchError::Permanent(format!("more than {} redirects", self.max_redirects)))
    }

    async fn send(&self, url: Url, headers: &HeaderMap) -> Result<Response, FetchError> {
        self.guard.check(&url).map_err(FetchError::Permanent)?;
        let shortage = Shortage::begin();
        loop {
            let sent = self.client.get(url.clone()).headers(headers.clone()).send().await;
            let found = sent.as_ref().err().and_then(shortage_in);
            match found.and_then(|error| shortage.next_wait(&error)) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return sent.map_err(transport),
            }
        }
    }

    async fn body(&self, mut reply: Response) -> Result<Bytes, FetchError> {
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

    fn too_large(&self) -> FetchError {
        FetchError::Permanent(format!("over {} MiB, the most that is fetched", self.max_bytes >> 20))
    }
}

/// The address without its fragment, which servers never see.
pub(super) fn parse_url(url: &str) -> Result<Url, String> {
    let mut url = Url::parse(url).map_err(|error| format!("not an address: {error}"))?;
    url.set_fragment(None);
    Ok(url)
}

fn in_context(error: FetchError, asked: &Url, at: &Url) -> FetchError {
    match at == asked {
        true => error,
        // Addresses of storages are signed.
        false => error.map(|reason| {
            format!("redirected to {}: {reason}", without_query_values(&shown_address(at.as_str())))
        }),
    }
}

/// Waits before the next attempt. Returns the reason of the failure if no attempt is left.
pub(super) async fn wait_after(error: FetchError, retries: &mut Retries) -> Result<(), String> {
    let (reason, asked) = match error {
        FetchError::Permanent(reason) => return Err(reason),
        FetchError::Transient(reason, asked) => (reason, asked),
    };
    match retries.next_wait(asked) {
        Some(wait) => {
            tokio::time::sleep(wait).await;
            Ok(())
        }
        None => Err(format!("{reason} ({} tries)", SCHEDULE.attempts)),
    }
}

pub(super) fn check_status(reply: &Response) -> Result<(), FetchError> {
    let status = reply.status();
    let reason = || format!("status {status}");
    match status.as_u16() {
        200 => Ok(()),
        408 | 429 | 500.. => Err(FetchError::Transient(reason(), retry_after(reply.headers(), now()))),
        _ => Err(FetchError::Permanent(reason())),
    }
}

pub(super) fn transport(error: reqwest::Error) -> FetchError {
    let proxy = error.url().filter(|_| error.is_connect()).and_then(|url| Proxy::of(url.as_str()));
    // Every reason follows the address.
    let error = error.without_url();
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(cause) = next {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return FetchError::Permanent(refused.to_string());
        }
        next = cause.source();
    }
    let cause = causes(&error);
    let reason = match proxy {
        Some(proxy) => format!("{cause} ({proxy} is used only with --allow-private-urls)"),
        None => cause,
    };
    FetchError::Transient(reason, None)
}
