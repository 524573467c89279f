//! `eyechart run`: the main job.

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
use eyechart::run::{PlannedRun, meter_of, refuse_unpriced};

pub use arguments::RequestArguments;
use arguments::{ControlArgument, OutputArguments, SendingArguments};
use budget::BudgetArguments;

use super::embedder::EmbedderArguments;
use super::images::ImageArguments;
use super::interrupt::Interrupt;
use super::score::ScoringTools;
use super::values::{at_least_one, label};
use super::{Exit, output};

/// Ask a model about every sample of a task, record, score, show
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// Built-in tasks, suites, or paths of TOML files (`eyechart tasks` lists what is built in)
    #[arg(required_unless_present = "resume", value_name = "TASK")]
    tasks: Vec<String>,

    /// PROVIDER/NAME: a preset (openai, mistral, openrouter, gemini, together, tune, ollama, vllm, lmstudio), any
    /// name with --base-url, or recorded/COLUMN to replay a column of the dataset
    #[arg(long, required_unless_present = "resume", value_name = "PROVIDER/NAME")]
    model: Option<String>,

    /// The endpoint's address, before /chat/completions
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,

    /// The folder that holds the dataset; for a suite, the folder that holds a folder for each
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Score these outputs, lines of {"id": …, "output": …}, instead of asking; --model then only names them
    #[arg(long, value_name = "FILE.jsonl", conflicts_with = "base_url")]
    outputs: Option<PathBuf>,

    /// A text that tells this run from others of the same model; tables show it
    #[arg(long, value_name = "TEXT", value_parser = label)]
    label: Option<String>,

    /// Make a control: a run of its own that shows how much of the score needs the pictures (docs/controls.md)
    #[arg(long, value_enum, value_name = "CONTROL")]
    control: Option<ControlArgument>,

    /// Samples to ask [default: the task's own number, else all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<usize>,

    /// Which samples: the same seed picks the same ones everywhere [default: 0]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,

    #[command(flatten)]
    request: RequestArguments,

    #[command(flatten)]
    images: ImageArguments,

    #[command(flatten)]
    sending: SendingArguments,

    #[command(flatten)]
    budget: BudgetArguments,

    /// Where runs are recorded, each in a folder of its own [default: runs, or the folder of runs to --resume]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Go on with a run: its folder (alone, or with its command line repeated), or a folder of runs
    #[arg(long, value_name = "PATH")]
    resume: Option<PathBuf>,

    /// Look at every sample, say what the run would take and what is wrong, and stop: nothing is sent
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    embedder: EmbedderArguments,

    #[command(flatten)]
    output: OutputArguments,
}

const EXAMPLES: &str = "\
Examples:
  eyechart run vlm-benchmarks --model mistral/pixtral-12b-2409 --data data
  eyechart run charts.toml --model custom/my-model --base-url http://localhost:8000/v1 --limit 50
  eyechart run visit-bench-multi --model recorded/gpt4_prediction --data visit
  eyechart run charts.toml --model openai/gpt-4o --limit 50 --control no-images
  eyechart run --resume runs/20261124T101500Z-charts-custom-my-model-3f9a2b

Ctrl-C once finishes and records what is in flight; twice stops at once. Nothing recorded is lost.";

impl Run {
    pub fn call(self) -> anyhow::Result<Exit> {
        let interrupt = Interrupt::listen()?;
        // Everything that can be wrong with any task is found before anything is fetched or asked.
        let planned = self.planned()?;
        refuse_unpriced(&planned)?;
        if self.dry_run {
            return self.call_dry(planned);
        }
        let scoring = ScoringTools::new(&self.embedder, self.output.allow_command);
        let scores = !self.output.no_score && planned.iter().any(PlannedRun::scores);
        let embeds = scores && planned.iter().any(PlannedRun::needs_encoder);
        // Found before the first request: a night's answers must not wait for it in the morning.
        let embedder = embeds.then(|| scoring.embedder()).transpose()?;
        Self::print_forecast(&planned)?;
        embedder.map_or(Ok(()), Embedder::check)?;
        let entries = if scores {
            self.measure(planned, &interrupt, &scoring)?
        } else {
            self.each_task(planned, &interrupt, |folder, _| execution::unscored(folder))?
        };
        let Some(entries) = entries else { return Ok(Exit::Interrupted) };
        output::result(&render(&entries, self.output.format.into()));
        for entry in &entries {
            output::say(&format!("record: {}", entry.folder.display()));
        }
        let control = entries.iter().find(|entry| entry.results.control.is_some());
        if let Some(runs) = control.and_then(|entry| entry.folder.parent()) {
            let runs = runs.display();
            output::hint(&format!("eyechart results {runs} shows a control beneath the run with pictures"));
        }
        Ok(self.exit(&entries))
    }

    /// Asks, records and scores, task after task; `None` where Ctrl-C came first.
    pub fn measure(
        &self,
        planned: Vec<PlannedRun>,
        interrupt: &Interrupt,
        scoring: &ScoringTools,
    ) -> anyhow::Result<Option<Vec<Entry>>> {
        scoring.report_refused(planned.iter().flat_map(PlannedRun::commands));
        self.each_task(planned, interrupt, |folder, task_folder| scoring.score(folder, task_folder))
    }

    fn each_task(
        &self,
        planned: Vec<PlannedRun>,
        interrupt: &Interrupt,
        show: impl Fn(&RunFolder, Option<&Path>) -> anyhow::Result<Entry>,
    ) -> anyhow::Result<Option<Vec<Entry>>> {
        let mut entries = Vec::new();
        let (tasks, meter) = (planned.len(), Arc::new(meter_of(&planned)));
        for planned in planned {
            let task_folder = planned.plan.task_folder.clone();
            let Some(folder) = execution::ask(planned, interrupt, &meter)? else {
                if tasks > 1 {
                    let out = self.settings()?.out();
                    let out = out.display();
                    output::say(&format!("for all {tasks} tasks: the same command line with --resume {out}"));
                }
                return Ok(None);
            };
            entries.push(show(&folder, task_folder.as_deref())?);
        }
        Ok(Some(entries))
    }

    fn exit(&self, entries: &[Entry]) -> Exit {
        let samples = || entries.iter().map(|entry| &entry.results.samples);
        let total: usize = samples().map(|samples| samples.total).sum();
        // What has no record counts too, whatever the reason.
        let failed = total - samples().map(|samples| samples.completed).sum::<usize>().min(total);
        if failed as f64 > self.output.fail_on_error * total as f64 {
            Exit::SamplesFailed
        } else {
            Exit::Success
        }
    }
}
