//! The built-in endpoint: an OpenAI-compatible server with scripted answers and a latency, shared by `demo`, tests,
//! benchmarks and `eyechart rehearse`.
//!
//! It simulates a foreign server, so it shares no code with the client, the tasks or the types of this crate. It only
//! knows the wire format. To let rules do more, add an action in `script`. To add a fault, add a line in `fault`.

mod capacity;
mod draw;
mod embeddings;
mod events;
mod fault;
mod reply;
mod request;
mod script;
mod server;
mod stats;
mod wire;

pub use capacity::Capacity;
pub use draw::{Faults, Odds};
pub use fault::{Fault, FaultError};
pub use script::{Rule, Script, ScriptError};
pub use server::{Options, Server};
pub use stats::{RecordedRequest, Stats};

#[cfg(test)]
mod tests;
