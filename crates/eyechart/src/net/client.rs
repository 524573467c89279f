//! HTTP clients.

use std::error::Error;
use std::io;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

use super::proxy::Proxy;
use super::tls::{Certificates, tls_config};
use crate::text::causes;

/// Builds a client with eyechart's user agent, TLS by rustls, and the settings of `configure`.
///
/// The client unpacks no compressed replies, and asks for none: sizes, ranges and hashes of files are those of what is sent.
/// The client follows no redirects: a caller that follows one first checks where the redirect leads.
///
/// # Errors
/// The reason why this machine cannot make a client.
pub fn http_client(
    certificates: Certificates,
    configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<Client, String> {
    let builder = Client::builder()
        .user_agent(concat!("eyechart/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls_config(certificates).map_err(|error| causes(&error))?)
        .redirect(Policy::none())
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd();
    let builder = if Proxy::is_never_used() { builder.no_proxy() } else { builder };
    configure(builder).build().map_err(|error| causes(&error))
}

/// The error of the system inside `error`, if it may be a shortage of this machine. A copy: the error stays whole.
pub fn shortage_in(error: &reqwest::Error) -> Option<io::Error> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(code) = cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return Some(io::Error::from_raw_os_error(code));
        }
        next = cause.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_can_be_made_more_than_once() {
        for _ in 0..2 {
            http_client(Certificates::Verified, |client| client.tcp_nodelay(true)).unwrap();
        }
        let refused = http_client(Certificates::Verified, |client| client.user_agent("a\nb")).unwrap_err();
        assert!(refused.contains("builder error"), "{refused}");
    }
}
