//! Which addresses may be connected to. Checks IP addresses in a URL, and the addresses of a name when the connection
//! is made, so that they cannot change between check and use.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::public_address::is_public;

/// Which IP addresses may be connected to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guard {
    pub(crate) allows: fn(IpAddr) -> bool,
    /// What the error of a refused address says at its end.
    pub(crate) consequence: &'static str,
}

impl Guard {
    /// Only addresses that are reachable from everywhere.
    pub(crate) const PUBLIC: Self =
        Self { allows: is_public, consequence: "nothing is fetched from there without --allow-private-urls" };
    /// All addresses.
    pub(crate) const ANY: Self = Self { allows: |_| true, consequence: "" };

    /// Refuses other schemes, credentials, and IP addresses that are not allowed. Looks up no name.
    pub(crate) fn check(self, url: &Url) -> Result<(), String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("expected an address with http or https, it has {}", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an address with a user name or password is not fetched: remove them".to_owned());
        }
        let host = url.host_str().unwrap_or_default();
        match literal(host) {
            Some(address) if !(self.allows)(address) => {
                Err(self.refused(host.to_owned(), address).to_string())
            }
            _ => Ok(()),
        }
    }

    fn refused(self, host: String, address: IpAddr) -> Refused {
        Refused { host, address, consequence: self.consequence }
    }
}

/// The host as an IP address, if it is one. Parsing the URL has normalised other spellings (`127.1`, `0x7f.0.0.1`, …).
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// A host that must not be connected to.
#[derive(Debug)]
pub(crate) struct Refused {
    host: String,
    address: IpAddr,
    consequence: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match literal(&self.host) {
            Some(_) => write!(f, "{} is not a public address", self.host)?,
            None => {
                write!(f, "{} resolves to {}, which is not a public address", self.host, self.address)?;
            }
        }
        write!(f, ": {}", self.consequence)
    }
}

impl std::error::Error for Refused {}

/// Looks names up and returns only the addresses that the guard allows.
pub(crate) struct GuardedNames {
    pub(crate) names: Arc<dyn Resolve>,
    pub(crate) guard: Guard,
    /// Hosts whose addresses are not checked.
    pub(crate) trusted: Vec<String>,
}

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (host, guard) = (name.as_str().to_owned(), self.guard);
        let found = self.names.resolve(name);
        if self.trusted.contains(&host) {
            return found;
        }
        Box::pin(async move {
            let (allowed, refused): (Vec<_>, Vec<_>) =
                found.await?.partition(|found| (guard.allows)(found.ip()));
            match refused.first() {
                Some(found) if allowed.is_empty() => Err(guard.refused(host, found.ip()).into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

/// The system's resolver.
pub(crate) struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
