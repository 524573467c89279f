//! Tasks: from a name or a TOML file to samples that can be asked.

mod check;
mod columns;
mod guess;
#[cfg(test)]
mod keys;
mod load;
mod look;
mod mistake;
mod pick;
mod pictures;
mod prompt;
mod registry;
mod samples;
mod source;
mod starter;
mod survey;

pub use guess::{Found, Guess, Options, Pictures};
pub use load::{LoadedTask, TaskError, load};
pub use look::{Column, Look};
pub use pick::pick;
pub use prompt::Prompt;
pub use registry::{Suite, builtin_tasks, suites};
pub use samples::{Dataset, SampleResult, Unmade};
pub use source::DataAccess;
pub use starter::starter;
pub use survey::{Eligible, Survey};
