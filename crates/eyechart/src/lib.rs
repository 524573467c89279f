//! Measures vision-language models that are served over HTTP: asks about every picture once, records every
//! answer durably, scores it, and shows figures that can be defended.
//!
//! `ARCHITECTURE.md` has the flow and the dependency rule. The library never prints; the binary's `cli` does.

pub mod analyze;
pub mod calc;
pub mod dataset;
pub mod demo;
pub mod embed;
pub mod engine;
pub mod hub;
pub mod image;
pub mod log;
pub mod provider;
pub mod rehearse;
pub mod report;
pub mod run;
pub mod score;
pub mod scorer;
pub mod stats;
pub mod task;
pub mod types;
pub mod web;
pub mod weights;
