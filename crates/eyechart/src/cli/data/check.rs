//! `eyechart data check`: whether what is here is whole. Nobody is asked.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use eyechart::image::Preparer;
use eyechart::run::RunError;
use eyechart::types::{ImageLimits, ImageSource, Sample, Silent};
use serde::Serialize;

use super::{Choice, Chosen, Exit, offline, output, tasks};

/// Problems that are shown of a kind.
const SHOWN: usize = 5;

/// Check that files, rows and pictures on this machine are whole
#[derive(Debug, Args)]
#[command(after_help = "Exit codes:
  0 all is well   1 something is wrong   2 bad usage, or data that is not here")]
pub struct Check {
    /// Tasks, suites, or paths of TOML files
    #[arg(required = true, value_name = "TASK")]
    tasks: Vec<String>,

    #[command(flatten)]
    choice: Choice,

    /// How to write what was found
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    format: CheckFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CheckFormat {
    /// For people
    Text,
    /// For machines
    Json,
}

/// What was found of one task's data.
#[derive(Default, Serialize)]
struct Checked {
    task: String,
    /// Rows, bad ones included.
    rows: u64,
    /// Rows that can be picked.
    eligible: u64,
    /// Samples that were looked at.
    samples: usize,
    /// Pictures of theirs that are here and whole.
    pictures: usize,
    /// Pictures of theirs that stay at their addresses.
    at_addresses: usize,
    /// Everything that is wrong, in words.
    problems: Vec<String>,
}

impl Check {
    pub fn call(self) -> anyhow::Result<Exit> {
        let mut all = Vec::new();
        for task in tasks(&self.tasks)? {
            let name = task.task.name.clone();
            let mut chosen = self.choice.choose(task, &offline(self.choice.access()), &Silent)?;
            let fetch = |reason| {
                RunError::Config(format!("{reason}\nto fetch what is missing: eyechart data fetch {name}"))
            };
            chosen.dataset.bring(&chosen.picked, &Silent).map_err(fetch)?;
            all.push(Checked::of(chosen)?);
        }
        output::result(&match self.format {
            CheckFormat::Text => all.iter().map(Checked::text).collect::<String>(),
            CheckFormat::Json => serde_json::to_string_pretty(&all)? + "\n",
        });
        Ok(if all.iter().all(|checked| checked.problems.is_empty()) { Exit::Success } else { Exit::UNSOUND })
    }
}

impl Checked {
    fn of(chosen: Chosen) -> anyhow::Result<Self> {
        let Chosen { task, dataset, survey, picked } = chosen;
        let mut checked = Self {
            task: task.task.name.clone(),
            rows: survey.rows,
            eligible: survey.eligible.count(),
            samples: picked.len(),
            problems: dataset.damage(),
            ..Self::default()
        };
        checked.problems.extend(survey.bad.iter().map(ToString::to_string));
        let more = survey.bad_rows - survey.bad.len() as u64;
        if more > 0 {
            checked.problems.push(format!("{more} more bad rows"));
        }
        if survey.unresolved_labels > 0 {
            checked.problems.push(format!("{} labels name none of their options", survey.unresolved_labels));
        }
        // It keeps nothing of what it tries, so the folder is never made.
        let prepare = |spec| Preparer::new(spec, ImageLimits::default(), PathBuf::new(), false);
        let preparer = task.task.images.map(prepare);
        for sample in dataset.samples(picked)? {
            match sample? {
                Ok(sample) => checked.look_at(&sample, preparer.as_ref()),
                Err(unmade) => {
                    checked.problems.push(format!("{}: {}", unmade.picked.id, unmade.failure.message))
                }
            }
        }
        Ok(checked)
    }

    fn look_at(&mut self, sample: &Sample, preparer: Option<&Preparer>) {
        let Some(preparer) = preparer else { return };
        for image in &sample.images {
            match image {
                ImageSource::Url(_) => self.at_addresses += 1,
                image => match preparer.try_out(image) {
                    Ok(()) => self.pictures += 1,
                    Err(failure) => self.problems.push(format!("{}: {}", sample.id, failure.message)),
                },
            }
        }
    }

    fn text(&self) -> String {
        let Self { task, rows, eligible, samples, pictures, .. } = self;
        let elsewhere = match self.at_addresses {
            0 => String::new(),
            count => format!(", {count} at their addresses"),
        };
        let found = match self.problems.len() {
            0 => "all is well".to_owned(),
            1 => "1 problem".to_owned(),
            count => format!("{count} problems"),
        };
        let mut text = format!(
            "{task}: {found} in {rows} rows ({eligible} usable), {samples} samples, {pictures} pictures{elsewhere}\n"
        );
        text.extend(self.problems.iter().take(SHOWN).map(|problem| format!("  {problem}\n")));
        if self.problems.len() > SHOWN {
            text.push_str(&format!("  and {} more (--format json has all)\n", self.problems.len() - SHOWN));
        }
        text
    }
}
