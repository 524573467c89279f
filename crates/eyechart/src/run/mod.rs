//! The run: freezes the spec, makes the folder, gets every answer, keeps the record.

mod ask_samples;
mod budget;
mod cache;
mod control;
mod dry_run;
mod execute;
mod fetch_pictures;
mod forecast;
mod limit_changes;
mod live;
mod outputs;
mod plan;
mod planned;
mod preview;
mod prices;
mod recorded;
mod request;
mod resume;
mod settings;

use crate::dataset::DatasetError;
use crate::engine::{Broken, RuntimeError};
use crate::provider::{Halt, KeyError, ModelNameError, ProviderError};
use crate::record::RecordError;
use crate::task::TaskError;
use crate::types::ErrorClass;

pub use budget::{Exhausted, Meter, Spent};
pub use cache::Cache;
pub use dry_run::{DryRun, DryRunTools, Oddity, PromptLengths, Remark, dry_run};
pub use execute::{Job, execute};
pub use fetch_pictures::fetch_addresses;
pub use forecast::{Expected, Forecast, Scales, Weight, forecast};
pub use live::Live;
pub use plan::{AnswersFrom, Plan, RunOptions, plan, request_fields, with_images};
pub use planned::{FETCHES, PlannedRun, StartedRun, meter_of, refuse_unpriced, web_for};
pub use preview::{Preview, sample_named};
pub use prices::Prices;
pub use resume::{find_matching, options_of, refuse_differences};
pub use settings::{ExecutionSettings, Limit, Settings, one_run};

/// Why a run cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// What was asked for makes no sense: nothing was sent.
    #[error("{0}")]
    Config(String),
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] DatasetError),
    /// The data could be read at first and then could not: the run stopped.
    #[error("{0}; mend it and resume the run")]
    Broken(DatasetError),
    /// The name or the address of the model makes no sense.
    #[error(transparent)]
    Model(#[from] ModelNameError),
    /// Requests cannot be sent to the endpoint as the settings want it.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The API key is missing, or cannot be one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The task cannot be read.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// This machine gives no threads.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A mistake in eyechart itself: the run stopped.
    #[error("{0}: this is a mistake in eyechart; what is recorded stays, and the run can be resumed")]
    Defect(String),
    /// The record cannot be written: the run stopped.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The endpoint cannot work: the run stopped, and what had no answer can be resumed.
    #[error(transparent)]
    Halt(#[from] Halt),
    /// What the user allows is used up: the run stopped, and what had no answer can be resumed.
    #[error(transparent)]
    Budget(#[from] Exhausted),
}

impl RunError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Config(_) | Self::Model(_) | Self::Provider(_) | Self::Key(_) => ErrorClass::Usage,
            Self::Data(_) | Self::Task(_) => ErrorClass::Data,
            Self::Broken(_) | Self::Runtime(_) => ErrorClass::Machine,
            Self::Defect(_) => ErrorClass::Defect,
            Self::Record(error) => error.class(),
            Self::Halt(_) => ErrorClass::Endpoint,
            Self::Budget(_) => ErrorClass::Budget,
        }
    }
}

impl From<Broken> for RunError {
    fn from(broken: Broken) -> Self {
        Self::Defect(broken.to_string())
    }
}
