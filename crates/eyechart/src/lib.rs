//! Evaluates vision-language models that are served over HTTP: sends every picture once, records every answer durably,
//! scores the answers, and computes figures with their uncertainty.
//!
//! This example runs a task against an endpoint on this machine, from the data to a figure:
//!
//! ```
//! use eyechart::rehearse::{Options, Script, Server};
//! use eyechart::run::Settings;
//! use eyechart::score::Scoring;
//! use eyechart::scorer::Tools;
//! use eyechart::task::LoadedTask;
//! use eyechart::types::Silent;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let data = eyechart::demo::unpack(&folder.path().join("data"))?;
//! let script = Script::load(&data.join(eyechart::demo::ANSWERS))?;
//! let server = Server::start(Options { script, ..Options::default() })?;
//!
//! let text = r#"
//!     name = "charts"
//!     [dataset]
//!     file = "charts.jsonl"
//!     id = "id"
//!     choices = { options = "options", label = "label" }
//!     [prompt]
//!     text = "{{ question }} {{ options | join(', ') }}"
//!     [images]
//!     column = "image"
//!     [[score]]
//!     scorer = "choice"
//! "#;
//! let task = LoadedTask::parse("charts.toml", text.to_owned(), Some(data))?;
//!
//! let settings = Settings {
//!     model: Some("demo/large".to_owned()),
//!     base_url: Some(server.url()),
//!     out: Some(folder.path().join("runs")),
//!     ..Settings::default()
//! };
//! let run = settings.plan(&task, &Silent)?.run()?;
//! let scored = Scoring::new(&run, None)?.score(&Tools::default())?;
//! let accuracy = scored.results.figure("choice.accuracy")?;
//! println!("accuracy {:.1}% of {} answers", accuracy.value.unwrap_or_default() * 100.0, accuracy.n);
//! # assert!(accuracy.value.is_some_and(|accuracy| accuracy > 0.5));
//! # Ok(())
//! # }
//! ```
//!
//! `ARCHITECTURE.md` describes the data flow and the dependency rule. The library never prints; only the command line
//! does.

pub mod agreement;
pub mod analyze;
pub mod calc;
pub mod compare;
pub mod dataset;
pub mod demo;
pub mod embed;
pub mod engine;
pub mod files;
pub mod gate;
pub mod hub;
pub mod image;
pub mod net;
pub mod power;
pub mod provider;
pub mod record;
pub mod rehearse;
pub mod report;
pub mod run;
pub mod score;
pub mod scorer;
pub mod stats;
pub mod task;
pub mod text;
pub mod types;
pub mod web;
pub mod weights;
