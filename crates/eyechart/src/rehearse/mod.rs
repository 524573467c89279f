//! The built-in endpoint: an OpenAI-compatible server with scripted answers and a latency, shared by `demo`, tests,
//! benchmarks and `eyechart rehearse`.
//!
//! It is a stand-in for somebody else's server, so it knows nothing of this crate's client, tasks or types: what it
//! accepts and sends is the wire format alone. What a rule can do beyond an answer is a `script` action; a new
//! fault is one more line in `fault`.

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
