//! `eyechart rehearse`: the built-in endpoint, to try a run against without paying.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use eyechart::rehearse::{Options, Script, Server};

use super::{Exit, output};

/// Serve canned answers over the OpenAI protocol on this machine, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = "Example:
  eyechart rehearse --port 8080 --latency 200ms &
  eyechart run charts.toml --model custom/anything --base-url http://127.0.0.1:8080/v1")]
pub struct Rehearse {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,

    /// Answers, a JSONL file (docs/formats.md); without it every prompt gets the same kind of answer
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,

    /// Wait before each reply, such as 200ms or 1.5s
    #[arg(long, default_value = "0ms", value_parser = parse_duration)]
    latency: Duration,
}

impl Rehearse {
    pub fn call(self) -> anyhow::Result<Exit> {
        let script = self.answers.as_deref().map(Script::load).transpose()?.unwrap_or_default();
        let server =
            Server::start(Options { port: self.port, latency: self.latency, script, ..Options::default() })?;
        output::result(&format!("{}\n", server.url()));
        output::say("serving until Ctrl-C");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(tokio::signal::ctrl_c())?;
        output::say(&format!("{} requests answered", server.stats().requests));
        Ok(Exit::Success)
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected something like 200ms or 1.5s, got {text:?}");
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').ok_or_else(expected)?, 1.0),
    };
    let number: f64 = number.parse().map_err(|_| expected())?;
    Duration::try_from_secs_f64(number * unit).map_err(|_| expected())
}
