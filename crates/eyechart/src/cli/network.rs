//! Option for the certificates that are trusted.

use std::path::PathBuf;

use clap::Args;
use eyechart::net::trust_certificates;

/// The certificates that are trusted.
#[derive(Debug, Clone, Args)]
pub struct NetworkArguments {
    /// Trust the certificates in this file too, in every connection
    #[arg(long, value_name = "FILE.pem")]
    ca: Option<PathBuf>,
}

impl NetworkArguments {
    /// Trusts the certificates from now on.
    pub fn apply(&self) -> anyhow::Result<()> {
        self.ca.as_deref().map_or(Ok(()), |file| Ok(trust_certificates(file)?))
    }

    /// The option, for a command that repeats this one.
    pub fn to_repeat(&self) -> Option<String> {
        Some(format!(" --ca {}", self.ca.as_ref()?.display()))
    }
}
