//! The options of `eyechart run`, by what they are about.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use eyechart::provider::{Header, HttpLog};
use eyechart::run::ExecutionSettings;
use eyechart::types::{Connections, Control};
use serde_json::Value;

use super::super::score::RunFormat;
use super::super::values::{
    parse_bytes, parse_connections, parse_header, parse_per_minute, parse_rate, parse_request_field,
    parse_seconds,
};

/// What is sent besides prompt and pictures.
#[derive(Debug, Args)]
pub struct RequestArguments {
    /// Add or override a request field, such as max_tokens=1024
    #[arg(long, value_name = "KEY=JSON", value_parser = parse_request_field)]
    pub param: Vec<(String, Value)>,

    /// Leave a request field out: newer models refuse max_tokens or temperature
    #[arg(long, value_name = "KEY")]
    pub drop_param: Vec<String>,

    /// Send a header; its value is never recorded
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_header)]
    pub header: Vec<Header>,
}

/// How requests are sent. Free to differ when a run is resumed.
#[derive(Debug, Args)]
pub struct SendingArguments {
    /// Requests under way at once: a number, or auto for as many as the endpoint bears [default: auto]
    #[arg(long, value_name = "N|auto", value_parser = parse_connections)]
    pub max_connections: Option<Connections>,

    /// Requests a minute, at most
    #[arg(long, value_name = "N", value_parser = parse_per_minute)]
    pub rpm: Option<f64>,

    /// Tokens a minute, at most (prompt and answer, as the endpoint counts them)
    #[arg(long, value_name = "N", value_parser = parse_per_minute)]
    pub tpm: Option<f64>,

    /// Seconds after which an endpoint that answers nothing stops the run [default: 300]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub give_up_after: Option<f64>,

    /// Requests after the first that a sample may cost, 429s not counted [default: 5]
    #[arg(long, value_name = "N")]
    pub max_retries: Option<u32>,

    /// Seconds an attempt may take [default: 120]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub timeout: Option<f64>,

    /// Memory that prepared requests may take together; one request is always possible [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub max_request_memory: Option<u64>,

    /// Store every picture sent beside the runs, not only those that exist nowhere else
    #[arg(long)]
    pub keep_images: bool,

    /// Reuse answers that earlier runs with --cache were given to the same request at temperature 0, and keep new ones
    #[arg(long)]
    pub cache: bool,

    /// Fetch pictures from loopback, private and other addresses that are not public too (`send = "fetch"`)
    #[arg(long)]
    pub allow_private_urls: bool,

    /// Log every request and reply to this file, one line of JSON each: headers, status, times, the beginning of the
    /// reply; keys and values of --header are left out
    #[arg(long, value_name = "FILE.jsonl")]
    pub log_http: Option<PathBuf>,
}

/// What happens with the answers.
#[derive(Debug, Args)]
pub struct OutputArguments {
    /// Record only; `eyechart score` scores later
    #[arg(long)]
    pub no_score: bool,

    /// Start the programs of `command` scorers; without it their entries stay unscored
    #[arg(long)]
    pub allow_command: bool,

    /// How to write the figures
    #[arg(long, value_enum, default_value_t = RunFormat::Table)]
    pub format: RunFormat,

    /// Share of failed samples, from 0 to 1, up to which the exit code is 0
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = parse_rate)]
    pub fail_on_error: f64,
}

/// What is done to the pictures of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ControlArgument {
    /// The same prompts without pictures
    NoImages,
    /// Each sample with the pictures of another sample, drawn by --seed; no sample keeps a picture of its own
    ShuffleImages,
}

impl From<ControlArgument> for Control {
    fn from(control: ControlArgument) -> Self {
        match control {
            ControlArgument::NoImages => Self::NoImages,
            ControlArgument::ShuffleImages => Self::ShuffleImages,
        }
    }
}

impl SendingArguments {
    /// The log that `--log-http` asks for.
    pub fn log(&self) -> anyhow::Result<Option<Arc<HttpLog>>> {
        let Some(path) = &self.log_http else { return Ok(None) };
        let file = File::options().create(true).append(true).open(path);
        let file = file.with_context(|| format!("cannot open {} (--log-http)", path.display()))?;
        Ok(Some(Arc::new(HttpLog::new(file))))
    }

    /// These options as settings, without a budget.
    pub fn settings(&self) -> ExecutionSettings {
        ExecutionSettings {
            max_connections: self.max_connections,
            requests_per_minute: self.rpm,
            tokens_per_minute: self.tpm,
            give_up_after: self.give_up_after,
            max_retries: self.max_retries,
            timeout: self.timeout,
            max_request_memory: self.max_request_memory,
            keep_images: self.keep_images,
            cache: self.cache,
            ..ExecutionSettings::default()
        }
    }
}
