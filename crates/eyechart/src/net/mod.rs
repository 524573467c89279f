//! Network mechanics: HTTP clients, headers, and retries of downloads.
//!
//! Knows no host and no protocol above HTTP. The retries of model requests are in `provider`.

mod client;
mod headers;
mod retries;
mod retry_after;

pub use client::{http_client, shortage_in};
pub use headers::{header_text, redirect_target};
pub use retries::{Retries, RetrySchedule};
pub use retry_after::retry_after;
