//! Tasks: from a name or a TOML file to samples that can be asked.

mod check;
mod choices;
mod data_error;
mod derange;
mod first_rows;
mod guess;
mod kept;
#[cfg(test)]
mod keys;
mod loaded_task;
mod message;
mod missing_columns;
mod mistake;
mod option_order;
mod pick;
mod picture_files;
mod picture_value;
mod prompt;
mod registry;
mod scoring;
mod shuffled_options;
mod source;
mod starter;
mod survey;
mod task_data;

pub use check::REFUSED_FIELDS;
pub use data_error::DataError;
pub(crate) use derange::{NoExchange, PictureHash, derange};
pub use first_rows::{Column, FirstRows, FirstRowsError};
pub use guess::{Guess, GuessedColumn, GuessedLabel, GuessedOptions, GuessedPictures, UnreadOptions};
pub(crate) use kept::KeptColumns;
pub(crate) use kept::cluster_of;
pub use loaded_task::{LoadedTask, TaskError, load};
pub(crate) use option_order::OptionOrder;
pub use registry::{Suite, builtin_tasks, suites};
pub(crate) use shuffled_options::shuffle_options;
pub use source::DataAccess;
pub use starter::starter;
pub use survey::{Eligible, Survey};
pub(crate) use task_data::{Donor, Donors, RowPictures};
pub use task_data::{SampleFailure, SampleResult, TaskData};
