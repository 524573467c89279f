//! Tasks: from a name or a TOML file to samples that can be asked.

mod check;
mod columns;
mod data_error;
mod derange;
mod guess;
mod kept;
#[cfg(test)]
mod keys;
mod loaded_task;
mod look;
mod message;
mod mistake;
mod pick;
mod picture_files;
mod prompt;
mod registry;
mod samples;
mod scoring;
mod source;
mod starter;
mod survey;

pub use check::REFUSED_FIELDS;
pub use data_error::DataError;
pub(crate) use derange::{NoExchange, PictureHash, derange};
pub use guess::{Found, Guess, Options, Pictures};
pub(crate) use kept::KeptColumns;
pub(crate) use kept::cluster_of;
pub use loaded_task::{LoadedTask, TaskError, load};
pub use look::{Column, Look, LookError};
pub use registry::{Suite, builtin_tasks, suites};
pub use samples::{Dataset, SampleResult, Unmade};
pub(crate) use samples::{Donor, Donors, RowPictures};
pub use source::DataAccess;
pub use starter::starter;
pub use survey::{Eligible, Survey};
