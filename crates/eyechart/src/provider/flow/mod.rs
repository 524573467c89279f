//! Flow control: when a request may be sent, when it is sent again, and when a sample or the run has failed.
//!
//! The path of one attempt:
//!
//! 1. [`attempts`] asks the [`gate`] for admission. The gate admits the request once every limit of [`limits`] allows it.
//! 2. The request is sent. [`outcome`] classifies how the attempt ended, once; every part below uses that value.
//! 3. The limits adapt, and [`health`] decides whether the run can continue and whether the sample has failed.
//!
//! Three rules decide whether a sample or the endpoint is at fault (`docs/retries.md` explains them):
//!
//! - A failure counts against its sample once the endpoint has answered a request that was sent later; failures that
//!   no such answer separates count as one.
//! - A sample that has used up `--max-retries` fails if three of its failures count; once only failing samples are
//!   left, it is enough that it failed again after one that counts, or that it is the last sample.
//! - If the endpoint answers no sample for `--give-up-after`, the run stops, and no sample is marked as failed.
//!
//! Nothing here knows HTTP, a wire protocol or the record.

pub(super) mod allowance;
pub(super) mod attempts;
pub(super) mod gate;
mod halt;
pub(super) mod health;
mod limits;
mod outcome;
pub(super) mod retry;
mod sample_attempts;
#[cfg(test)]
mod simulation;
mod tokens;

pub use allowance::{Allowance, Unit};
pub use attempts::Asked;
pub use gate::{Admission, FIRST_REPLY_WITHIN, Gate, GateSettings, Slot};
pub use halt::Halt;
pub use limits::MOST_CONNECTIONS;
pub use retry::RetryPolicy;
