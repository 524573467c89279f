//! Network mechanics: HTTP clients, headers, and retries of downloads.
//!
//! Knows no host and no protocol above HTTP. The retries of model requests are in `provider`.

mod client;
mod coding;
mod guard;
mod headers;
mod proxy;
mod public_address;
mod retries;
mod retry_after;
mod tls;

pub(crate) use client::{http_client, shortage_in};
pub(crate) use coding::{ACCEPTED_CODINGS, CodingError, Unpacker};
pub(crate) use guard::{Guard, GuardedNames, Refused, SystemNames};
pub(crate) use headers::{header_text, redirect_target};
pub(crate) use proxy::Proxy;
pub(crate) use retries::{Retries, RetrySchedule};
pub(crate) use retry_after::retry_after;
pub use tls::{Certificates, CertificatesError, trust_certificates};
