//! `eyechart demo`: runs, scores and reports with a built-in picture set and a built-in endpoint.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser};
use eyechart::demo::{ANSWERS, MODELS, TASKS, unpack};
use eyechart::rehearse::{Options, Script, Server};
use eyechart::report::{Entry, Format, render};

use super::embedder::EmbedderArguments;
use super::interrupt::Interrupt;
use super::run::Run;
use super::score::ScoringTools;
use super::{Exit, output};

/// Time until the built-in endpoint answers, like that of a fast real one.
const LATENCY: Duration = Duration::from_millis(300);

/// Try eyechart out: built-in pictures, a built-in endpoint, real figures
#[derive(Debug, Args)]
pub struct Demo {
    /// Folder of the picture set and the runs; if it holds something already, DIR-2, DIR-3 and so on
    #[arg(long, value_name = "DIR", default_value = "runs/demo")]
    out: PathBuf,

    #[command(flatten)]
    embedder: EmbedderArguments,
}

/// The command line of each run, so that a user can repeat the demo.
#[derive(Debug, Parser)]
struct CommandLine {
    #[command(flatten)]
    run: Run,
}

impl Demo {
    pub fn call(mut self) -> anyhow::Result<Exit> {
        self.out = new_folder(&self.out)?;
        let data = unpack(&self.out.join("data"))?;
        let script = Script::load(&data.join(ANSWERS))?;
        let scoring = ScoringTools::new(&self.embedder, false);
        scoring.embedder()?.check()?;
        let server = Server::start(Options { latency: LATENCY, script, ..Options::default() })?;
        output::progress(&format!(
            "the built-in endpoint is at {} (canned answers, {LATENCY:?})",
            server.url()
        ));
        let interrupt = Interrupt::listen()?;
        let mut entries: Vec<Entry> = Vec::new();
        for model in MODELS {
            let run = self.command_line(&data, model, &server.url())?;
            let measured = run.measure(run.planned()?, &interrupt, &scoring);
            if let Some(stopped) = measured.stopped {
                return Ok(stopped.report());
            }
            entries.extend(measured.entries);
        }
        entries.sort_by_key(|entry| TASKS.iter().position(|task| entry.task.name.ends_with(stem(task))));
        output::result(&render(&entries, Format::Table { width: output::width() }));
        output::result(&self.epilogue(entries.len()));
        Ok(Exit::Success)
    }

    fn command_line(&self, data: &Path, model: &str, url: &str) -> anyhow::Result<Run> {
        let out = self.out.to_string_lossy().into_owned();
        let mut words = vec!["run".to_owned()];
        words.extend(TASKS.iter().map(|task| data.join(task).to_string_lossy().into_owned()));
        words.extend(["--model", model, "--base-url", url, "--out", &out].map(str::to_owned));
        Ok(CommandLine::try_parse_from(words)?.run)
    }

    fn epilogue(&self, runs: usize) -> String {
        let (out, data) = (self.out.display(), self.out.join("data"));
        let data = data.display();
        format!(
            "
The two models are made up: their answers were written for this demo, as were
the pictures and references. Requests, record, scores and figures are real.

  pictures, tasks, answers  {data}
  {runs} runs                    {out}
  one answer a line         samples.jsonl in each of them

Next:
  eyechart results {out} --format markdown
  eyechart run {data}/charts.toml --model PROVIDER/NAME
"
        )
    }
}

/// A folder without content: `wanted`, or else the first of `wanted-2`, `wanted-3` and so on. Creates it.
fn new_folder(wanted: &Path) -> anyhow::Result<PathBuf> {
    let mut folder = wanted.to_owned();
    let mut number = 1;
    loop {
        let shown = folder.display();
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create the folder {shown}"))?;
        let mut entries = folder.read_dir().with_context(|| format!("cannot read the folder {shown}"))?;
        if entries.next().is_none() {
            return Ok(folder);
        }
        number += 1;
        let mut name = wanted.as_os_str().to_owned();
        name.push(format!("-{number}"));
        folder = name.into();
    }
}

fn stem(task: &str) -> &str {
    task.trim_end_matches(".toml")
}
