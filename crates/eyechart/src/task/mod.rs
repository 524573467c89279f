//! Tasks: from a name or a TOML file to samples that can be asked.

mod check;
mod columns;
mod load;
mod mistake;
mod pick;
mod prompt;
mod registry;
mod samples;

pub use load::{LoadedTask, TaskError, load};
pub use pick::pick;
pub use prompt::Prompt;
pub use registry::{Suite, builtin_tasks, suites};
pub use samples::{Dataset, SampleResult, Survey, Unmade};
