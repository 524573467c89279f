//! Option for the certificates that are trusted.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use eyechart::files::read_regular;
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
        let Some(file) = &self.ca else { return Ok(()) };
        let pem = read_regular(file)
            .with_context(|| format!("cannot use the certificates in {}", file.display()))?;
        Ok(trust_certificates(file, &pem)?)
    }

    /// The option, for a command that repeats this one.
    pub fn to_repeat(&self) -> Option<String> {
        Some(format!(" --ca {}", self.ca.as_ref()?.display()))
    }
}
