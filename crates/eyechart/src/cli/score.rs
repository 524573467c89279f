//! `eyechart score`: scores a recorded run again, without asking the model.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use eyechart::embed::Embedder;
use eyechart::hub::KEY_VARIABLES;
use eyechart::provider::key_variables;
use eyechart::record::{BadLine, RunFolder};
use eyechart::report::{Entry, Format, render};
use eyechart::score::Scoring;
use eyechart::scorer::{CommandAccess, CommandPermission, Embed, Tools, shown_command};
use eyechart::task::{LoadedTask, load};

use super::embedder::EmbedderArguments;
use super::interrupt::Interrupt;
use super::results::{chosen_runs, entry, shown};
use super::{Exit, output};

/// Score recorded runs again: no model is asked
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Score {
    /// Folders of runs, or a folder that holds runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// Take [[score]] and [[published]] from this task instead of from the run's own
    #[arg(long, value_name = "TASK")]
    task: Option<String>,

    /// Start the programs of `command` scorers; without it their entries stay unscored
    #[arg(long)]
    allow_command: bool,

    #[command(flatten)]
    embedder: EmbedderArguments,

    /// How to write the figures
    #[arg(long, value_enum, default_value_t = RunFormat::Table)]
    format: RunFormat,
}

const EXAMPLES: &str = "\
Examples:
  eyechart score runs/20261124T101500Z-charts-custom-my-model-3f9a2b
      the figures again, from the record
  eyechart score runs --task charts.toml
      the same answers by the scorers that charts.toml has now
  eyechart score runs --task charts.toml --allow-command
      the same with the programs that charts.toml names (docs/scorers-command.md)";

/// How a run's figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunFormat {
    /// For people
    Table,
    /// For machines
    Json,
}

impl From<RunFormat> for Format {
    fn from(format: RunFormat) -> Self {
        match format {
            RunFormat::Table => Self::Table,
            RunFormat::Json => Self::Json,
        }
    }
}

impl Score {
    pub fn call(self) -> anyhow::Result<Exit> {
        // Ctrl-C must stop the programs of `command` scorers as well.
        Interrupt::listen()?;
        let mut runs = chosen_runs(&self.runs)?;
        let file = self.task.as_deref().map(one_task).transpose()?;
        if let Some(file) = &file {
            runs.retain(|run| run.is_of_task(&file.task.name));
            anyhow::ensure!(
                !runs.is_empty(),
                "none of the runs is of the task {:?}: name one to score it all the same",
                file.task.name
            );
        }
        let scoring = ScoringTools { file, ..ScoringTools::new(&self.embedder, self.allow_command) };
        let entries = shown(&runs, |folder| scoring.score(folder, None))?;
        output::result(&render(&entries, Format::from(self.format)));
        Ok(Exit::Success)
    }
}

/// The task that `name` stands for, which must not be a suite.
pub fn one_task(name: &str) -> anyhow::Result<LoadedTask> {
    let mut tasks = load(name)?;
    if tasks.len() > 1 {
        let names: Vec<_> = tasks.iter().map(|loaded| loaded.task.name.as_str()).collect();
        anyhow::bail!("{name} is a suite; name one of its tasks: {}", names.join(", "));
    }
    tasks.pop().ok_or_else(|| anyhow::anyhow!("the suite {name} has no task"))
}

/// What scoring takes besides the run.
pub struct ScoringTools {
    embedder: EmbedderArguments,
    opened: OnceCell<Embedder>,
    /// The task that scorers and published figures are taken from, instead of the run's own.
    file: Option<LoadedTask>,
    /// Whether the programs of `command` scorers may be started.
    allow_command: bool,
    /// Programs that were reported as not allowed.
    reported: RefCell<Vec<Vec<String>>>,
}

impl ScoringTools {
    /// What scores the runs of their own tasks.
    pub fn new(embedder: &EmbedderArguments, allow_command: bool) -> Self {
        Self {
            embedder: embedder.clone(),
            opened: OnceCell::new(),
            file: None,
            allow_command,
            reported: RefCell::default(),
        }
    }

    /// Finds or fetches what embeds texts, the first time.
    pub fn embedder(&self) -> anyhow::Result<&Embedder> {
        if let Some(embedder) = self.opened.get() {
            return Ok(embedder);
        }
        let embedder = self.embedder.open()?;
        Ok(self.opened.get_or_init(|| embedder))
    }

    /// Reports the programs that are not allowed, each once.
    pub fn report_refused<'a>(&self, commands: impl Iterator<Item = &'a [String]>) {
        if self.allow_command {
            return;
        }
        let mut reported = self.reported.borrow_mut();
        let mut has_new = false;
        for argv in commands {
            if reported.iter().all(|known| known != argv) {
                output::notice(&format!("command not allowed: {}", shown_command(argv)));
                reported.push(argv.to_vec());
                has_new = true;
            }
        }
        if has_new {
            output::hint("--allow-command starts the command; read it first if the task is not your own");
        }
    }

    /// Scores one run and tells what of its record could not be read. `task_folder` is that of the run's own task file,
    /// where that is known.
    pub fn score(&self, folder: &RunFolder, task_folder: Option<&Path>) -> anyhow::Result<Entry> {
        let scoring = Scoring::new(folder, self.file.as_ref())?;
        let embedder = scoring.needs_encoder().then(|| self.embedder()).transpose()?;
        self.report_refused(scoring.commands());
        let key_variables: Vec<&str> = key_variables().chain(KEY_VARIABLES).collect();
        let access = CommandAccess {
            folder: self.file.as_ref().map_or(task_folder, |file| file.folder.as_deref()),
            recorded: None,
            key_variables: &key_variables,
            notice: &output::notice,
        };
        let tools = Tools {
            embedder: embedder.map(|embedder| embedder as &dyn Embed),
            commands: if self.allow_command {
                CommandPermission::Allowed(access)
            } else {
                CommandPermission::Denied
            },
        };
        let scored = scoring.score(&tools)?;
        notice_bad_lines(folder, &scored.bad_lines);
        Ok(entry(folder, scored))
    }
}

/// Tells which lines of a run's record could not be read.
pub fn notice_bad_lines(folder: &RunFolder, bad_lines: &[BadLine]) {
    let path = folder.samples_path();
    for BadLine { line, reason } in bad_lines {
        output::notice(&format!("{}:{line}: not a sample's record, left out: {reason}", path.display()));
    }
}
