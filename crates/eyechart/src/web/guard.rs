//! Which addresses may be connected to. Checks IP addresses in a URL, and the addresses of a name when the connection
//! is made, so that they cannot change between check and use.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_public;

/// Which IP addresses may be connected to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    pub(super) allows: fn(IpAddr) -> bool,
}

impl Guard {
    /// Only addresses that are reachable from everywhere.
    pub(super) const PUBLIC: Self = Self { allows: is_public };
    /// All addresses.
    pub(super) const ANY: Self = Self { allows: |_| true };

    /// Refuses other schemes, credentials, and IP addresses that are not allowed. Looks up no name.
    pub(super) fn check(self, url: &Url) -> Result<(), String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("expected an address with http or https, it has {}", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an address with a user name or password is not fetched: remove them".to_owned());
        }
        let host = url.host_str().unwrap_or_default();
        match literal(host) {
            Some(address) if !(self.allows)(address) => {
                Err(Refused { host: host.to_owned(), address }.to_string())
            }
            _ => Ok(()),
        }
    }
}

/// The host as an IP address, if it is one. Parsing the URL has normalised other spellings (`127.1`, `0x7f.0.0.1`, …).
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// A host that must not be connected to.
#[derive(Debug)]
pub(super) struct Refused {
    host: String,
    address: IpAddr,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match literal(&self.host) {
            Some(_) => write!(f, "{} is not a public address", self.host)?,
            None => {
                write!(f, "{} resolves to {}, which is not a public address", self.host, self.address)?;
            }
        }
        f.write_str(": nothing is fetched from there without --allow-private-urls")
    }
}

impl std::error::Error for Refused {}

/// Looks names up and returns only the addresses that the guard allows.
pub(super) struct GuardedNames {
    pub(super) names: Arc<dyn Resolve>,
    pub(super) guard: Guard,
}

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (host, guard) = (name.as_str().to_owned(), self.guard);
        let found = self.names.resolve(name);
        Box::pin(async move {
            let (allowed, refused): (Vec<_>, Vec<_>) =
                found.await?.partition(|found| (guard.allows)(found.ip()));
            match refused.first() {
                Some(found) if allowed.is_empty() => Err(Refused { host, address: found.ip() }.into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

/// The system's resolver.
pub(super) struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
