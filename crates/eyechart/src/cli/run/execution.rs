//! Carrying a plan out: the answers of one task, recorded, with progress and hints.

use std::sync::Arc;

use eyechart::analyze::{Outcomes, analyze};
use eyechart::engine::EndReason;
use eyechart::record::{RunFolder, for_each_last};
use eyechart::report::Entry;
use eyechart::run::{Meter, PlannedRun, RunError, StartedRun};
use eyechart::types::Observers;

use super::super::interrupt::Interrupt;
use super::super::output;
use super::super::progress::RunProgress;
use super::super::score::notice_bad_lines;

/// Gets the answers; nothing if Ctrl-C came first.
pub fn ask(
    planned: PlannedRun,
    interrupt: &Interrupt,
    meter: &Arc<Meter>,
) -> anyhow::Result<Option<RunFolder>> {
    let resumed = planned.job.as_ref().map(|job| job.folder.clone());
    let run = planned.start(meter).inspect_err(|error| hint_to_resume(error, resumed.as_ref()))?;
    let folder = run.folder().clone();
    notice_bad_lines(&folder, &run.job.bad_lines);
    announce(&run);
    let progress = RunProgress::default();
    let observers = Observers::default().with(Arc::new(progress));
    let ended = interrupt.while_asking(|| run.ask(&interrupt.stop(), observers));
    match &ended {
        Err(error) => hint_to_resume(error, Some(&folder)),
        Ok(_) if interrupt.ordered() => say_to_resume(&folder, ""),
        Ok(_) => {}
    }
    match ended? {
        EndReason::Interrupted => Ok(None),
        EndReason::Finished if interrupt.ordered() => Ok(None),
        EndReason::Finished => Ok(Some(folder)),
    }
}

/// `folder` is absent if the run has not begun.
fn hint_to_resume(error: &RunError, folder: Option<&RunFolder>) {
    let Some(folder) = folder else { return };
    match error {
        RunError::Config(_) => {}
        RunError::Budget(exhausted) => say_to_resume(folder, &format!(" {}", exhausted.remedy())),
        _ => say_to_resume(folder, ""),
    }
}

fn say_to_resume(folder: &RunFolder, options: &str) {
    output::say(&format!("to go on: eyechart run --resume {}{options}", folder.path().display()));
}

fn announce(run: &StartedRun) {
    let (spec, job) = (run.spec(), &run.job);
    let (task, count) = (&spec.task.name, job.to_ask.len());
    if count == 0 {
        return output::say(&format!("{task}: finished already in {}", job.folder.path().display()));
    }
    let already =
        if job.already > 0 { format!(" ({} recorded already)", job.already) } else { String::new() };
    let control = spec.control.map(|control| format!(" ({control})")).unwrap_or_default();
    output::say(&format!("{task}: {count} samples{already} with {}{control}", spec.model));
}

/// A run that is recorded only: its counts and its speed are known all the same.
pub fn unscored(folder: &RunFolder) -> anyhow::Result<Entry> {
    let (spec, task) = (folder.spec()?, eyechart::score::task_of(folder)?);
    let mut outcomes = Outcomes::default();
    for_each_last(&folder.samples_path(), |record| outcomes.add(record))?;
    let results = analyze(&spec, &[], outcomes, &[]);
    Ok(Entry { folder: folder.path().to_owned(), results, task })
}
