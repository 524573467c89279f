//! Everything that is tested through the binary or the public library: one crate, so that eyechart is linked once.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot continue panics; one left out prints why"
)]

mod common;

mod agreement;
mod budget;
mod cache;
mod calc;
mod certificates;
mod changing_data;
mod check;
mod choice;
mod choices;
#[cfg(unix)]
mod command;
#[cfg(unix)]
mod command_interrupt;
#[cfg(unix)]
mod command_rules;
mod compare;
mod compare_direction;
mod compare_refusals;
mod compression;
mod control;
mod coverage;
#[cfg(unix)]
mod crash;
mod data_cache;
mod data_hub;
mod data_url;
mod demo;
mod dry_run;
mod earlier_version;
mod embedder;
mod embeddings;
mod encoders;
mod epoch_figures;
mod epoch_invariance;
mod epochs;
mod escapes;
mod faults;
mod first_replies;
mod formats;
mod gates;
mod gates_compare;
mod hub;
mod hub_shared;
mod init_guesses;
mod install;
mod intervals;
mod kinds;
mod library;
mod live;
#[cfg(unix)]
mod machine_limits;
mod own_data;
mod parquet_memory;
mod parts;
mod picture_values;
mod pictures;
#[cfg(unix)]
mod pipes;
mod power;
mod protocol;
mod proxies;
mod query;
mod reasoning;
mod recorded;
mod recorded_address;
mod request_memory;
mod resume;
mod row_values;
mod runs;
mod scorer_keys;
mod scorers;
mod secrets;
mod shuffled_options;
#[cfg(unix)]
mod snapshots;
mod structure;
mod suite;
mod text_data;
mod unclear_data;
mod usage;
mod web;
mod workbooks;
