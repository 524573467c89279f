//!

mod client;
mod headers;
mod retry_after;

pub use client::http_client;
pub use headers::{header_text, redirect_target};
pub use retry_after::retry_after;
