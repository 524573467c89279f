//! The run: plans it, freezes its spec, creates its folder, gets every answer and keeps the record.

mod ask_samples;
mod asking_setup;
mod budget;
mod cache;
mod control;
mod dry_run;
mod execute;
mod fetch_pictures;
mod forecast;
mod limit_changes;
mod outputs;
mod plan;
mod planned;
mod preview;
mod prices;
mod recorded;
mod recorded_address;
mod request;
mod resume;
mod same_error;
mod settings;

use crate::dataset::DatasetError;
use crate::engine::{RuntimeError, TaskFailed};
use crate::provider::{Halt, KeyError, ModelNameError, ProviderError};
use crate::record::RecordError;
use crate::task::{DataError, TaskError};
use crate::text::counted;
use crate::types::{ErrorClass, Failure};
use crate::web::WebError;

pub use asking_setup::AskingSetup;
pub use budget::{Exhausted, Meter, Spent};
pub use cache::Cache;
pub use dry_run::{DryRun, DryRunTools, Oddity, PromptLengths, Remark, dry_run};
pub use execute::Job;
pub(crate) use execute::execute;
pub use fetch_pictures::fetch_addresses;
pub use forecast::{Expected, Forecast, RequestSizer, RequestTotals, forecast};
pub(crate) use plan::{AnswersFrom, RunOptions, plan};
pub use plan::{Plan, request_fields, with_images};
pub use planned::{FETCHES, PlannedRun, StartedRun, meter_of, refuse_unpriced, web_for};
pub use preview::{Preview, sample_named};
pub use prices::Prices;
pub(crate) use resume::{find_matching, options_of, refuse_differences, refuse_insecure};
pub use settings::{BudgetLimit, ExecutionSettings, Settings, StartRules, one_run};

/// Why a run cannot start or continue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The settings make no sense: nothing was sent.
    #[error("{0}")]
    Config(String),
    /// The data cannot be found, fetched or read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The data could be read at first and later not: the run stopped.
    #[error("{0}; repair the data and resume the run")]
    Broken(DatasetError),
    /// The data ended before the last sample that was picked: the run stopped.
    #[error(
        "the data ended after {read} of {due} samples, although it had all of them when the run was planned; \
         repair the data and resume the run"
    )]
    DataEnded {
        /// Number of samples that were read.
        read: usize,
        /// Number of samples that were due.
        due: usize,
    },
    /// The name or the address of the model is not valid.
    #[error(transparent)]
    Model(#[from] ModelNameError),
    /// Requests cannot be sent to the endpoint as the settings want it.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The API key is missing or not valid.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The task cannot be read.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Pictures cannot be fetched from the web.
    #[error(transparent)]
    Web(#[from] WebError),
    /// The system has no thread left.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A defect of eyechart: the run stopped.
    #[error("{0}: this is a bug in eyechart; what is recorded stays, and the run can be resumed")]
    Defect(String),
    /// The record cannot be written: the run stopped.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The endpoint does not work: the run stopped and can be resumed.
    #[error(transparent)]
    Halt(#[from] Halt),
    /// The first samples all failed with the same error: the run stopped and can be resumed.
    #[error(
        "the first {} all failed with the same error ({failure}); check the model's name and the request fields \
         (--param, --drop-param), or ask the remaining samples too with --stop-after-same-error none",
        counted(*samples, unit)
    )]
    SameError {
        /// Number of samples.
        samples: usize,
        /// What they are called: `sample`, or `answer` if each sample is asked several times.
        unit: &'static str,
        /// The error of the first one.
        failure: Failure,
    },
    /// A limit of the user is reached: the run stopped and can be resumed.
    #[error(transparent)]
    Budget(#[from] Exhausted),
}

impl RunError {
    /// The class of the error, from which the exit code follows.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Config(_) | Self::Model(_) | Self::Provider(_) | Self::Key(_) => ErrorClass::Usage,
            Self::Data(error) => error.class(),
            Self::Task(error) => error.class(),
            Self::Web(error) => error.class(),
            Self::Broken(_) | Self::DataEnded { .. } | Self::Runtime(_) => ErrorClass::Machine,
            Self::Defect(_) => ErrorClass::Defect,
            Self::Record(error) => error.class(),
            Self::Halt(_) | Self::SameError { .. } => ErrorClass::Endpoint,
            Self::Budget(_) => ErrorClass::Budget,
        }
    }
}

impl From<DatasetError> for RunError {
    fn from(error: DatasetError) -> Self {
        Self::Data(error.into())
    }
}

impl From<TaskFailed> for RunError {
    fn from(failed: TaskFailed) -> Self {
        Self::Defect(failed.to_string())
    }
}
