//! Resuming a run: only as the same measurement.

use std::path::Path;

use super::RunError;
use super::plan::{AnswersFrom, Plan, RunOptions};
use crate::record::RunFolder;
use crate::task::DataAccess;
use crate::types::{Answers, EvalSpec, Task};

/// The options with which the run of `spec` was started. The spec has all of them except secrets and the environment of
/// the process.
#[must_use]
pub fn options_of(spec: &EvalSpec, task: &Task) -> RunOptions {
    let answers = match &spec.answers {
        // The spec has all request fields: a field that only the task has was dropped.
        Answers::Endpoint(endpoint) => {
            let is_sent =
                |key: &&String| key.as_str() == Task::KEEP_REASONING || endpoint.params.contains_key(*key);
            let dropped = task.generation.keys().filter(|key| !is_sent(key));
            AnswersFrom::Endpoint {
                endpoint: Box::new(endpoint.clone()),
                dropped: dropped.cloned().collect(),
            }
        }
        Answers::Column(column) => AnswersFrom::Column(column.clone()),
        Answers::Outputs(file) => AnswersFrom::Outputs(file.path.clone()),
    };
    RunOptions {
        model: spec.model.clone(),
        answers,
        label: spec.label.clone(),
        control: spec.control,
        data: DataAccess::of_run(spec),
        limit: spec.limit,
        epochs: Some(spec.epochs),
        seed: spec.seed,
        images: spec.images,
        execution: spec.execution,
        price: spec.price.clone(),
    }
}

/// Refuses to resume `folder` if `plan` is not the same measurement.
///
/// # Errors
/// [`RunError::Config`] with each difference.
pub fn refuse_differences(folder: &RunFolder, recorded: &EvalSpec, plan: &Plan) -> Result<(), RunError> {
    let differences = recorded.differences(&plan.spec);
    if differences.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = differences.iter().map(|difference| format!("\n  {difference}")).collect();
    Err(RunError::Config(format!(
        "cannot resume {}: it is another measurement{}\nrepeat its command line, or start a new run without --resume",
        folder.path().display(),
        lines.concat()
    )))
}

/// Refuses to resume a run without verified certificates if its record says that they were.
///
/// # Errors
/// [`RunError::Config`].
pub fn refuse_insecure(recorded: &EvalSpec, is_insecure: bool) -> Result<(), RunError> {
    match is_insecure && !recorded.execution.insecure {
        true => Err(RunError::Config(
            "--insecure: the record of the run says that the endpoint's certificate was verified; trust the certificate by \
             --ca FILE.pem, or start a new run"
                .to_owned(),
        )),
        false => Ok(()),
    }
}

/// The last run under `out` that `plan` could continue, with more epochs too: an unfinished one before a finished one, of
/// which nothing has to be asked again. Runs that cannot be read are left out.
///
/// # Errors
/// [`RunError::Record`] if the folder cannot be listed.
pub fn find_matching(out: &Path, plan: &Plan) -> Result<Option<RunFolder>, RunError> {
    let mut finished = None;
    for folder in RunFolder::all_under(out)?.into_iter().rev() {
        let Ok(spec) = folder.spec() else { continue };
        if !spec.differences(&plan.spec).is_empty() {
            continue;
        }
        if !folder.unfinished(&plan.spec)?.to_ask.is_empty() {
            return Ok(Some(folder));
        }
        finished.get_or_insert(folder);
    }
    Ok(finished)
}
