//! Options of `eyechart run`, in groups.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use eyechart::files::append_regular;
use eyechart::provider::{Header, HttpLog, QueryParameter};
use eyechart::run::{BudgetLimit, ExecutionSettings, StartRules};
use eyechart::types::{Connections, Control};
use serde_json::Value;

use super::super::score::RunFormat;
use super::super::values::{
    parse_bytes, parse_connections, parse_header, parse_per_minute, parse_query, parse_rate,
    parse_request_field, parse_sample_count, parse_seconds, parse_whole,
};

/// Request fields and headers.
#[derive(Debug, Args)]
pub struct RequestArguments {
    /// Add or override a request field, such as max_tokens=1024
    #[arg(long, value_name = "KEY=JSON", value_parser = parse_request_field)]
    pub param: Vec<(String, Value)>,

    /// Leave out a request field, such as max_tokens or temperature, which some models refuse
    #[arg(long, value_name = "KEY")]
    pub drop_param: Vec<String>,

    /// Send a header; its value is never recorded
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_header)]
    pub header: Vec<Header>,

    /// Send a query parameter; its value is never recorded
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_query)]
    pub query: Vec<QueryParameter>,
}

/// How requests are sent. A resumed run may change these options.
#[derive(Debug, Args)]
pub struct SendingArguments {
    /// Maximum number of requests in flight; auto: as many as the endpoint can handle [default: auto]
    #[arg(long, value_name = "N|auto", value_parser = parse_connections)]
    pub max_connections: Option<Connections>,

    /// Maximum number of requests per minute
    #[arg(long, value_name = "N", value_parser = parse_per_minute)]
    pub rpm: Option<f64>,

    /// Maximum number of tokens per minute, of prompts and answers together
    #[arg(long, value_name = "N", value_parser = parse_per_minute)]
    pub tpm: Option<f64>,

    /// Stop the run after this time without an answer from the endpoint [default: 300]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub give_up_after: Option<f64>,

    /// Wait this long, such as 10m, for an endpoint that still starts or loads its model
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub wait_for_endpoint: Option<f64>,

    /// Stop the run if its first N samples all fail with the same 4xx error; none: never [default: 10]
    #[arg(long, value_name = "N|none", value_parser = parse_sample_count)]
    pub stop_after_same_error: Option<BudgetLimit<usize>>,

    /// Maximum number of retries per sample; 429s do not count [default: 5]
    #[arg(long, value_name = "N", value_parser = parse_whole::<u32>)]
    pub max_retries: Option<u32>,

    /// Time limit of an attempt [default: 120]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub timeout: Option<f64>,

    /// Maximum memory of all prepared requests; one request is always allowed [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub max_request_memory: Option<u64>,

    /// Store every picture beside the runs, not only those that exist nowhere else
    #[arg(long)]
    pub keep_images: bool,

    /// Reuse answers of earlier runs with --cache to the same request at temperature 0, and store new answers
    #[arg(long)]
    pub cache: bool,

    /// Fetch pictures also from addresses that are not public (`send = "fetch"`)
    #[arg(long)]
    pub allow_private_urls: bool,

    /// Do not verify the endpoint's certificate; --ca FILE is safer
    #[arg(long)]
    pub insecure: bool,

    /// Log every request and reply to this file without keys and values of --header (docs/formats.md)
    #[arg(long, value_name = "FILE.jsonl")]
    pub log_http: Option<PathBuf>,
}

/// Scoring and output.
#[derive(Debug, Args)]
pub struct OutputArguments {
    /// Do not score; `eyechart score` does it later
    #[arg(long)]
    pub no_score: bool,

    /// Start the programs of `command` scorers, which are not started otherwise
    #[arg(long)]
    pub allow_command: bool,

    /// Output format
    #[arg(long, value_enum, default_value_t = RunFormat::Table)]
    pub format: RunFormat,

    /// Share of failed samples, from 0 to 1, above which the exit code is 1
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = parse_rate)]
    pub fail_on_error: f64,
}

/// The kind of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ControlArgument {
    /// The same prompts without pictures
    NoImages,
    /// Each sample with the pictures of another sample, chosen by --seed
    ShuffleImages,
    /// Each sample with its options in an order of its own in each of the --epochs, drawn by --seed
    ShuffleOptions,
}

impl From<ControlArgument> for Control {
    fn from(control: ControlArgument) -> Self {
        match control {
            ControlArgument::NoImages => Self::NoImages,
            ControlArgument::ShuffleImages => Self::ShuffleImages,
            ControlArgument::ShuffleOptions => Self::ShuffleOptions,
        }
    }
}

impl SendingArguments {
    /// The log that `--log-http` asks for.
    pub fn log(&self) -> anyhow::Result<Option<Arc<HttpLog>>> {
        let Some(path) = &self.log_http else { return Ok(None) };
        let file = append_regular(path);
        let file = file.with_context(|| format!("cannot open {} (--log-http)", path.display()))?;
        Ok(Some(Arc::new(HttpLog::new(file))))
    }

    /// The options for the start of a run.
    pub fn start_rules(&self) -> StartRules {
        let default = StartRules::default();
        StartRules {
            wait_for_endpoint: self.wait_for_endpoint.map(Duration::from_secs_f64),
            stop_after_same_error: match self.stop_after_same_error {
                Some(limit) => limit.into(),
                None => default.stop_after_same_error,
            },
        }
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
            insecure: self.insecure,
            ..ExecutionSettings::default()
        }
    }
}
