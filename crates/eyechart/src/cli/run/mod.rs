//! `eyechart run`: asks, records, scores and prints.

mod arguments;
mod budget;
mod execution;
mod forecast;
mod planning;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use eyechart::embed::Embedder;
use eyechart::record::RunFolder;
use eyechart::report::{Entry, render};
use eyechart::run::{PlannedRun, RunError, meter_of, refuse_unpriced};
use eyechart::text::counted;
use eyechart::types::{Control, Epoch};

pub use arguments::RequestArguments;
use arguments::{ControlArgument, OutputArguments, SendingArguments};
use budget::BudgetArguments;
use execution::TaskEnd;

use super::embedder::EmbedderArguments;
use super::images::ImageArguments;
use super::interrupt::Interrupt;
use super::network::NetworkArguments;
use super::score::ScoringTools;
use super::values::{at_least_one, label, parse_epochs, parse_whole};
use super::{Exit, output, report_error};

/// Ask a model about every sample of a task, record and score the answers
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// Built-in tasks, suites, or paths of TOML files (`eyechart tasks` lists what is built in)
    #[arg(required_unless_present = "resume", value_name = "TASK")]
    tasks: Vec<String>,

    /// PROVIDER/NAME: a preset (openai, mistral, openrouter, gemini, together, tune, ollama, vllm, lmstudio), any
    /// name with --base-url, or recorded/COLUMN to replay a column of the dataset
    #[arg(long, required_unless_present_any = ["resume", "outputs"], value_name = "PROVIDER/NAME")]
    model: Option<String>,

    /// Address of the endpoint, without /chat/completions
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,

    /// Folder of the data; for a suite, the folder that has a folder for each task
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Score these outputs, lines of {"id": …, "output": …}, instead of asking; their name is --model, else the file's
    #[arg(long, value_name = "FILE.jsonl", conflicts_with = "base_url")]
    outputs: Option<PathBuf>,

    /// Text that tables show beside the model, to tell apart several runs of one model
    #[arg(long, value_name = "TEXT", value_parser = label)]
    label: Option<String>,

    /// Make a control, a run that shows how much of the score depends on the pictures or on the order of the options
    /// (docs/controls.md)
    #[arg(long, value_enum, value_name = "CONTROL")]
    control: Option<ControlArgument>,

    /// Number of samples [default: the task's own number, else all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<usize>,

    /// Ask each sample K times; a run that is resumed may be given more [default: 1, or as often as --outputs has answers]
    #[arg(long, value_name = "K", value_parser = parse_epochs)]
    epochs: Option<Epoch>,

    /// Seed of the choice of samples: the same seed picks the same samples [default: 0]
    #[arg(long, value_name = "S", value_parser = parse_whole::<u64>)]
    seed: Option<u64>,

    #[command(flatten)]
    request: RequestArguments,

    #[command(flatten)]
    images: ImageArguments,

    #[command(flatten)]
    sending: SendingArguments,

    #[command(flatten)]
    network: NetworkArguments,

    #[command(flatten)]
    budget: BudgetArguments,

    /// Folder of runs, in which each run gets a folder [default: runs, or the folder of runs to --resume]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Resume a run: give its folder without a task, or a folder of runs with the command line repeated
    #[arg(long, value_name = "PATH")]
    resume: Option<PathBuf>,

    /// Answer every question with yes: send the key to the address that the run to --resume has recorded
    #[arg(long)]
    yes: bool,

    /// Check every sample, print a forecast, and stop without sending a request
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    embedder: EmbedderArguments,

    #[command(flatten)]
    output: OutputArguments,
}

const EXAMPLES: &str = "\
Examples:
  eyechart run vlm-benchmarks --model mistral/pixtral-12b-2409
  eyechart run charts.toml --model custom/my-model \
      --base-url http://localhost:8000/v1 --limit 50
  eyechart run visit-bench-multi --model recorded/gpt4_prediction
  eyechart run charts.toml --model openai/gpt-4o --control no-images
  eyechart run --resume runs/20261124T101500Z-charts-custom-my-model-3f9a2b

Press Ctrl-C once to finish and record the samples in flight, twice to stop at
once. What is recorded stays.";

impl Run {
    pub fn call(self) -> anyhow::Result<Exit> {
        let interrupt = Interrupt::listen()?;
        self.network.apply()?;
        // Mistakes in any of the tasks are found before data is fetched or a sample is asked.
        let planned = self.planned()?;
        refuse_unpriced(&planned)?;
        if self.dry_run {
            return self.call_dry(planned);
        }
        let scoring = ScoringTools::new(&self.embedder, self.output.allow_command);
        let scores = !self.output.no_score && planned.iter().any(PlannedRun::scores);
        let embeds = scores && planned.iter().any(PlannedRun::needs_encoder);
        // Found before the first request, so that a run does not fail to be scored after hours of asking.
        let embedder = embeds.then(|| scoring.embedder()).transpose()?;
        Self::print_forecast(&planned)?;
        embedder.map_or(Ok(()), Embedder::check)?;
        let measured = if scores {
            self.measure(planned, &interrupt, &scoring)
        } else {
            self.each_task(planned, &interrupt, |folder, _| execution::unscored(folder))
        };
        self.print(&measured.entries);
        Ok(measured.stopped.map_or_else(|| self.exit(&measured.entries), Stopped::report))
    }

    /// Prints the figures of the tasks that are finished, and where their runs are.
    fn print(&self, entries: &[Entry]) {
        if entries.is_empty() {
            return;
        }
        output::result(&render(entries, self.output.format.into()));
        for entry in entries {
            output::progress(&format!("record: {}", entry.folder.display()));
        }
        let control = entries.iter().find(|entry| entry.results.control.is_some());
        if let Some(runs) = control.and_then(|entry| entry.folder.parent()) {
            let is_of_options =
                control.is_some_and(|entry| entry.results.control == Some(Control::ShuffleOptions));
            let beneath = if is_of_options { "with the original order" } else { "with pictures" };
            let runs = runs.display();
            output::hint(&format!("eyechart results {runs} shows a control beneath the run {beneath}"));
        }
    }

    /// Asks, records and scores, task after task, until all are finished or one is stopped.
    pub fn measure(
        &self,
        planned: Vec<PlannedRun>,
        interrupt: &Interrupt,
        scoring: &ScoringTools,
    ) -> Measured {
        scoring.report_refused(planned.iter().flat_map(PlannedRun::commands));
        self.each_task(planned, interrupt, |folder, task_folder| scoring.score(folder, task_folder))
    }

    fn each_task(
        &self,
        planned: Vec<PlannedRun>,
        interrupt: &Interrupt,
        entry_of: impl Fn(&RunFolder, Option<&Path>) -> anyhow::Result<Entry>,
    ) -> Measured {
        let mut measured = Measured::default();
        let (tasks, meter) = (planned.len(), Arc::new(meter_of(&planned)));
        for planned in planned {
            let out = planned.out().to_owned();
            let task_folder = planned.plan.task_folder.clone();
            let connection = self.connection_to_resume(&planned);
            let entry = match execution::ask(planned, interrupt, &meter) {
                TaskEnd::Finished(folder) => entry_of(&folder, task_folder.as_deref()),
                TaskEnd::Stopped { error, folder } => {
                    let finished = measured.entries.len();
                    let options = options_to_resume(error.as_ref());
                    let resumable =
                        if tasks == 1 { folder.as_ref().map(RunFolder::path) } else { Some(&*out) };
                    let hint = options.zip(resumable).map(|(options, path)| {
                        let connection = if tasks == 1 { &*connection } else { "" };
                        let resume = format!("--resume {}{options}{connection}", path.display());
                        hint_to_resume(&resume, finished, tasks)
                    });
                    measured.stopped = Some(Stopped { error: error.map(anyhow::Error::from), hint });
                    return measured;
                }
            };
            match entry {
                Ok(entry) => measured.entries.push(entry),
                Err(error) => {
                    measured.stopped = Some(Stopped { error: Some(error), hint: None });
                    return measured;
                }
            }
        }
        measured
    }

    /// The options of the connection that the run needs to be resumed.
    fn connection_to_resume(&self, planned: &PlannedRun) -> String {
        let base_url = planned.base_url_option().map(|address| match address.contains('?') {
            true => format!(" --base-url '{address}'"),
            false => format!(" --base-url {address}"),
        });
        let insecure = self.sending.insecure.then(|| " --insecure".to_owned());
        base_url.into_iter().chain(self.network.to_repeat()).chain(insecure).collect()
    }

    fn exit(&self, entries: &[Entry]) -> Exit {
        let samples = || entries.iter().map(|entry| &entry.results.samples);
        let total: usize = samples().map(|samples| samples.total).sum();
        // Samples without a record count as well.
        let failed = total - samples().map(|samples| samples.completed).sum::<usize>().min(total);
        if failed as f64 > self.output.fail_on_error * total as f64 {
            Exit::SamplesFailed
        } else {
            Exit::Success
        }
    }
}

/// The runs of a command.
#[derive(Default)]
pub struct Measured {
    /// The finished ones, in the order of the tasks.
    pub entries: Vec<Entry>,
    /// Why the others are not finished; absent if all are.
    pub stopped: Option<Stopped>,
}

/// Why a command stopped before all its tasks were finished.
pub struct Stopped {
    /// The reason; absent after Ctrl-C.
    error: Option<anyhow::Error>,
    /// How to resume.
    hint: Option<String>,
}

impl Stopped {
    /// Prints the reason and the hint.
    pub fn report(self) -> Exit {
        let exit = self.error.as_ref().map_or(Exit::Interrupted, report_error);
        self.hint.iter().for_each(|text| output::hint(text));
        exit
    }
}

/// The options besides `--resume` that a run stopped by `error` needs. Absent if resuming does not help.
fn options_to_resume(error: Option<&RunError>) -> Option<String> {
    match error {
        Some(RunError::Config(_)) => None,
        Some(RunError::Budget(exhausted)) => Some(format!(" {}", exhausted.remedy())),
        _ => Some(String::new()),
    }
}

fn hint_to_resume(resume: &str, finished: usize, tasks: usize) -> String {
    if tasks == 1 {
        return format!("to resume the run: eyechart run {resume}");
    }
    format!(
        "{finished} of {} finished; to resume, repeat the command line with {resume}",
        counted(tasks, "task")
    )
}
