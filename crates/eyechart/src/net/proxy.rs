//! The proxy that the environment names for an address.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::text::shown_address;

/// The variables that name a proxy.
const VARIABLES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The schemes of proxies that are known.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// A proxy of the environment. Its text has no credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Scheme, host and port.
    address: String,
    host: String,
    secrets: Vec<String>,
}

impl Proxy {
    /// The proxy through which requests to `url` are sent; absent if they are sent directly.
    #[must_use]
    pub fn of(url: &str) -> Option<Self> {
        let found = Matcher::from_system().intercept(&url.parse::<Uri>().ok()?)?;
        let uri = found.uri();
        let address = shown_address(uri.to_string().trim_end_matches('/'));
        Some(Self { address, host: uri.host().unwrap_or_default().to_owned(), secrets: secrets(&found) })
    }

    /// Refuses a proxy in the environment that would be passed by, because its scheme is not known: requests must not go
    /// another way than the user has set.
    ///
    /// # Errors
    /// The variable, and what is expected.
    pub fn check_environment() -> Result<(), String> {
        for variable in VARIABLES {
            let Some(value) = std::env::var_os(variable) else { continue };
            let value = value.to_string_lossy();
            let scheme = value.split_once("://").map(|(scheme, _)| scheme);
            if let Some(scheme) = scheme.filter(|scheme| !SCHEMES.contains(scheme)) {
                let expected = SCHEMES.join(", ");
                return Err(format!(
                    "{variable} names a proxy with the scheme {scheme:?}: expected one of {expected}"
                ));
            }
        }
        Ok(())
    }

    /// The host of the proxy.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The texts that no file, log or error may show: the password, and user name and password together.
    #[must_use]
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {} (set by HTTP_PROXY, HTTPS_PROXY or ALL_PROXY)", self.address)
    }
}

fn secrets(found: &Intercept) -> Vec<String> {
    let basic = found.basic_auth().and_then(|header| header.to_str().ok());
    let basic = basic.and_then(|header| STANDARD.decode(header.strip_prefix("Basic ")?).ok());
    let basic = basic.and_then(|bytes| String::from_utf8(bytes).ok());
    let credentials = basic.or_else(|| found.raw_auth().map(|(user, password)| format!("{user}:{password}")));
    let Some((user, password)) = credentials.as_deref().and_then(|text| text.split_once(':')) else {
        return Vec::new();
    };
    // Without a password, the user name is the secret: a token.
    let secret = if password.is_empty() { user } else { password };
    credentials.iter().cloned().chain([secret.to_owned()]).collect()
}
