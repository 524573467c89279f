//! `eyechart score`: scores recorded runs again. Asks no model.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use eyechart::analyze::Level;
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
use super::network::NetworkArguments;
use super::results::{chosen_runs, entry, show_each};
use super::values::parse_level;
use super::{Exit, output};

/// Score recorded runs again, without asking the model
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Score {
    /// Folder of a run, or a folder of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// Use [[score]] and [[published]] of this task instead of the run's own
    #[arg(long, value_name = "TASK")]
    task: Option<String>,

    /// Confidence level of the intervals
    #[arg(long, value_name = "LEVEL", default_value = "0.95", value_parser = parse_level)]
    level: Level,

    /// Start the programs of `command` scorers, which are not started otherwise
    #[arg(long)]
    allow_command: bool,

    #[command(flatten)]
    embedder: EmbedderArguments,

    #[command(flatten)]
    network: NetworkArguments,

    /// Output format
    #[arg(long, value_enum, default_value_t = RunFormat::Table)]
    format: RunFormat,
}

const EXAMPLES: &str = "\
Examples:
  eyechart score runs/20261124T101500Z-charts-custom-my-model-3f9a2b
      compute the figures again from the record
  eyechart score runs --task charts.toml
      use the scorers that charts.toml has now
  eyechart score runs --task charts.toml --allow-command
      also start the programs that it names (docs/scorers-command.md)";

/// The output format of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunFormat {
    /// Tables
    Table,
    /// A JSON list
    Json,
}

impl From<RunFormat> for Format {
    fn from(format: RunFormat) -> Self {
        match format {
            RunFormat::Table => Self::Table { width: output::width() },
            RunFormat::Json => Self::Json,
        }
    }
}

impl Score {
    pub fn call(self) -> anyhow::Result<Exit> {
        // Ctrl-C must stop the programs of `command` scorers as well.
        Interrupt::listen()?;
        self.network.apply()?;
        let mut runs = chosen_runs(&self.runs)?;
        let file = self.task.as_deref().map(one_task).transpose()?;
        if let Some(file) = &file {
            runs.retain(|run| run.is_of_task(&file.task.name));
            anyhow::ensure!(
                !runs.is_empty(),
                "none of the runs is of the task {:?}: name a run itself to score it with this task",
                file.task.name
            );
        }
        let scoring =
            ScoringTools { file, level: self.level, ..ScoringTools::new(&self.embedder, self.allow_command) };
        let entries = show_each(&runs, |folder| scoring.score(folder, None))?;
        output::result(&render(&entries, Format::from(self.format)));
        Ok(Exit::Success)
    }
}

/// The task with this name, which must not be a suite.
pub fn one_task(name: &str) -> anyhow::Result<LoadedTask> {
    let mut tasks = load(name)?;
    if tasks.len() > 1 {
        let names: Vec<_> = tasks.iter().map(|loaded| loaded.task.name.as_str()).collect();
        anyhow::bail!("{name} is a suite; name one of its tasks: {}", names.join(", "));
    }
    tasks.pop().ok_or_else(|| anyhow::anyhow!("the suite {name} has no tasks"))
}

/// The tools for scoring runs: the embedder and the rules for programs.
pub struct ScoringTools {
    embedder: EmbedderArguments,
    opened: OnceCell<Embedder>,
    /// The task whose scorers and published figures are used instead of the run's own.
    file: Option<LoadedTask>,
    /// The confidence level of intervals.
    level: Level,
    /// Whether the programs of `command` scorers may be started.
    allow_command: bool,
    /// Programs that were reported as not allowed.
    reported: RefCell<Vec<Vec<String>>>,
}

impl ScoringTools {
    /// Tools that score runs with their own tasks.
    pub fn new(embedder: &EmbedderArguments, allow_command: bool) -> Self {
        Self {
            embedder: embedder.clone(),
            opened: OnceCell::new(),
            file: None,
            level: Level::default(),
            allow_command,
            reported: RefCell::default(),
        }
    }

    /// The embedder. The first call finds or fetches its files.
    pub fn embedder(&self) -> anyhow::Result<&Embedder> {
        if let Some(embedder) = self.opened.get() {
            return Ok(embedder);
        }
        let embedder = self.embedder.open()?;
        Ok(self.opened.get_or_init(|| embedder))
    }

    /// Prints each program that is not allowed, once.
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

    /// Scores one run and prints the lines of its record that cannot be read. `task_folder` is the folder of the run's own
    /// task file, if it is known.
    pub fn score(&self, folder: &RunFolder, task_folder: Option<&Path>) -> anyhow::Result<Entry> {
        let scoring = Scoring::new(folder, self.file.as_ref())?.with_level(self.level);
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

/// Prints the lines of a run's record that cannot be read.
pub fn notice_bad_lines(folder: &RunFolder, bad_lines: &[BadLine]) {
    let path = folder.samples_path();
    bad_lines.iter().for_each(|line| output::notice(&line.left_out_of(&path)));
}
