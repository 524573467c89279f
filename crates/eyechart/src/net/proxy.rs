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
        let url = url.parse::<Uri>().ok()?;
        if is_exception(&no_proxy(), url.host()?, url.port_u16()) {
            return None;
        }
        let found = Matcher::from_system().intercept(&url)?;
        let uri = found.uri();
        let address = shown_address(uri.to_string().trim_end_matches('/'));
        Some(Self { address, host: uri.host().unwrap_or_default().to_owned(), secrets: secrets(&found) })
    }

    /// Whether the environment lets every request be sent directly.
    #[must_use]
    pub fn is_never_used() -> bool {
        no_proxy().split(',').any(|entry| entry.trim() == "*")
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

/// The addresses that are not reached through a proxy.
fn no_proxy() -> String {
    let found = ["NO_PROXY", "no_proxy"].into_iter().find_map(|name| std::env::var(name).ok());
    found.unwrap_or_default()
}

/// Whether `list` has the host in a form that the matcher does not know: `*`, which it does not apply to IP addresses, with a
/// port, or `*.` before a domain.
fn is_exception(list: &str, host: &str, port: Option<u16>) -> bool {
    list.split(',').map(str::trim).any(|entry| {
        let is_place = || {
            entry.rsplit_once(':').is_some_and(|(name, number)| {
                name.eq_ignore_ascii_case(host) && port.is_some_and(|port| number == port.to_string())
            })
        };
        let is_below = |domain: &str| {
            let host = host.to_ascii_lowercase();
            domain.starts_with('.') && host.ends_with(&domain.to_ascii_lowercase())
        };
        entry == "*" || entry.strip_prefix('*').is_some_and(is_below) || is_place()
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_read_in_the_forms_that_other_tools_know() {
        for (list, host, port) in [
            ("*", "127.0.0.1", None),
            ("a.org, *", "example.org", None),
            ("a.org,127.0.0.1:8000", "127.0.0.1", Some(8000)),
            ("[::1]:8000", "[::1]", Some(8000)),
            ("*.Example.org", "api.example.org", None),
        ] {
            assert!(is_exception(list, host, port), "{list}");
        }
        for (list, host, port) in [
            ("", "127.0.0.1", None),
            ("127.0.0.1:8000", "127.0.0.1", Some(80)),
            ("*.example.org", "example.com", None),
            ("*example.org", "myexample.org", None),
            ("::1", "[::1]", Some(1)),
        ] {
            assert!(!is_exception(list, host, port), "{list}");
        }
    }
}
