//! Runs one planned task, with progress.

use std::sync::Arc;

use eyechart::analyze::{Level, Outcomes, analyze};
use eyechart::engine::EndReason;
use eyechart::record::{RunFolder, for_each_last};
use eyechart::report::Entry;
use eyechart::run::{Meter, PlannedRun, RunError, StartedRun};
use eyechart::text::counted;
use eyechart::types::Observers;

use super::super::interrupt::Interrupt;
use super::super::output;
use super::super::progress::RunProgress;
use super::super::score::notice_bad_lines;

/// How the run of one task ended.
pub enum TaskEnd {
    /// Every sample has a record.
    Finished(RunFolder),
    /// The run stopped and can be resumed.
    Stopped {
        /// The reason; absent after Ctrl-C.
        error: Option<RunError>,
        /// The folder of the run; absent if the run has none yet.
        folder: Option<RunFolder>,
    },
}

/// Gets the answers of one task.
pub fn ask(planned: PlannedRun, interrupt: &Interrupt, meter: &Arc<Meter>) -> TaskEnd {
    let resumed = planned.job.as_ref().map(|job| job.folder.clone());
    let run = match planned.start(meter) {
        Ok(run) => run,
        Err(error) => return TaskEnd::Stopped { error: Some(error), folder: resumed },
    };
    let folder = run.folder().clone();
    notice_bad_lines(&folder, &run.job.bad_lines);
    announce(&run);
    let observers = Observers::default().with(Arc::new(RunProgress::new(run.spec().price.clone())));
    match interrupt.while_asking(|| run.ask(&interrupt.stop(), observers)) {
        Ok(EndReason::Finished) if !interrupt.is_requested() => TaskEnd::Finished(folder),
        // A folder that was deleted cannot be resumed.
        ended => TaskEnd::Stopped {
            error: ended.err(),
            folder: Some(folder).filter(|it| it.spec_path().is_file()),
        },
    }
}

fn announce(run: &StartedRun) {
    let (spec, job) = (run.spec(), &run.job);
    let (task, count) = (&spec.task.name, job.to_ask.answers());
    if count == 0 {
        return output::progress(&format!("{task}: finished already in {}", job.folder.path().display()));
    }
    let already =
        if job.already > 0 { format!(" ({} recorded already)", job.already) } else { String::new() };
    let control = spec.control.map(|control| format!(" ({control})")).unwrap_or_default();
    let samples = match spec.epochs {
        1 => counted(count, "sample"),
        epochs => format!(
            "{} of {} in {epochs} epochs",
            counted(count, "answer"),
            counted(job.to_ask.samples().len(), "sample")
        ),
    };
    output::progress(&format!("{task}: {samples}{already} with {}{control}", spec.model));
}

/// The report of a run that is not scored: its counts and its speed.
pub fn unscored(folder: &RunFolder) -> anyhow::Result<Entry> {
    let (spec, task) = (folder.spec()?, eyechart::score::task_of(folder)?);
    let mut outcomes = Outcomes::default();
    for_each_last(&folder.samples_path(), |record| outcomes.add(record))?;
    let results = analyze(&spec, &[], outcomes, &[], Level::default());
    Ok(Entry { folder: folder.path().to_owned(), results, task })
}
