//! `eyechart rehearse`: the built-in endpoint, for runs without costs.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use eyechart::rehearse::{Capacity, Fault, Faults, Odds, Options, Script, Server, Stats};
use eyechart::text::{counted, parse_duration};

use super::values::parse_whole;
use super::{Exit, output};

/// Serve canned answers over the OpenAI protocol on this machine, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = examples_and_faults())]
pub struct Rehearse {
    /// Port on 127.0.0.1; 0 means a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,

    /// JSONL file with answers (docs/formats.md); without it every prompt gets the same kind of answer
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,

    /// Wait before each reply, such as 200ms or 1.5s
    #[arg(long, default_value = "0ms", value_parser = parse_latency)]
    latency: Duration,

    /// Fail this share of the requests with a fault, such as 503:0.1; may be repeated
    #[arg(long, value_name = "FAULT[:SHARE]")]
    fail: Vec<Odds>,

    /// Seed of the choice of requests that fail
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = parse_whole::<u64>)]
    seed: u64,

    /// Maximum number of requests in flight, above which the reply is 429; 40,10@30s,40@60s changes the number after
    /// these times
    #[arg(long, value_name = "N[,N@T…]", value_parser = parse_capacity)]
    capacity: Option<Capacity>,
}

fn examples_and_faults() -> String {
    let width = Fault::all().map(|fault| fault.name().len()).max().unwrap_or_default();
    let line = |fault: Fault| format!("\n  {:width$}  {}", fault.name(), fault.about());
    let faults: String = Fault::all().map(line).collect();
    format!(
        "Examples:
  eyechart rehearse --latency 200ms --fail 503:0.1 --capacity 40 &
  eyechart run charts.toml --model custom/any \\
      --base-url http://127.0.0.1:8080/v1

Faults:{faults}"
    )
}

impl Rehearse {
    pub fn call(self) -> anyhow::Result<Exit> {
        let server = Server::start(Options {
            port: self.port,
            latency: self.latency,
            script: self.answers.as_deref().map(Script::load).transpose()?.unwrap_or_default(),
            faults: Faults::new(self.seed, self.fail)?,
            capacity: self.capacity.unwrap_or_default(),
            ..Options::default()
        })?;
        output::result(&format!("{}\n", server.url()));
        if output::unprinted().is_some() {
            // Nobody can know the address.
            return Ok(Exit::Success);
        }
        output::progress("serving until Ctrl-C");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(tokio::signal::ctrl_c())?;
        output::progress(&summary(&server.stats()));
        Ok(Exit::Success)
    }
}

/// Such as `120 requests, at most 32 at once; 100 × 200, 20 × 429; 20 above the capacity; 12 × reset`.
fn summary(stats: &Stats) -> String {
    let requests = counted(stats.requests, "request");
    let mut parts = vec![format!("{requests}, at most {} at once", stats.peak_in_flight)];
    let listed = |counts: Vec<String>| (!counts.is_empty()).then(|| counts.join(", "));
    parts
        .extend(listed(stats.answered.iter().map(|(status, count)| format!("{count} × {status}")).collect()));
    if stats.refused > 0 {
        parts.push(format!("{} above the capacity", stats.refused));
    }
    parts
        .extend(listed(stats.faults.iter().map(|(name, count)| format!("{count} × fault {name}")).collect()));
    parts.join("; ")
}

fn parse_latency(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| format!("expected something like 200ms or 1.5s, got {text:?}"))
}

/// `40`, or `40,10@30s,40@60s`: 40 at first, 10 from 30 seconds on, 40 from 60 seconds on.
fn parse_capacity(text: &str) -> Result<Capacity, String> {
    let expected = || format!("expected something like 40 or 40,10@30s,40@60s, got {text:?}");
    let (mut capacity, mut last) = (Capacity::default(), None);
    for step in text.split(',') {
        let (most, after) = step.split_once('@').unwrap_or((step, "0s"));
        let most = most.parse().map_err(|_| expected())?;
        let after = parse_duration(after).ok_or_else(expected)?;
        if last.is_some_and(|last| after <= last) {
            return Err(format!("{}; each time is after the one before", expected()));
        }
        (capacity, last) = (capacity.from(after, most), Some(after));
    }
    Ok(capacity)
}
