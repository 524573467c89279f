//! `eyechart data check`: checks the data on this machine. Sends no request.

use std::path::PathBuf;

use clap::Args;
use eyechart::image::Preparer;
use eyechart::run::RunError;
use eyechart::run::web_for;
use eyechart::task::DataError;
use eyechart::text::{counted, wrapped};
use eyechart::types::{ImageLimits, ImageSource, Sample, Silent};
use eyechart::web::Web;
use serde::Serialize;

use super::{ChosenSamples, DataFormat, Exit, NamedTask, SampleChoice, each, offline, output};

/// Number of problems that are shown per task.
const SHOWN: usize = 5;

/// Check the files, rows and pictures on this machine
#[derive(Debug, Args)]
#[command(after_help = "Exit codes:
  0  all is well
  1  something is wrong
  2  bad usage, or data that is not on this machine")]
pub struct Check {
    /// Tasks, suites, or paths of TOML files
    #[arg(required = true, value_name = "TASK")]
    tasks: Vec<String>,

    #[command(flatten)]
    choice: SampleChoice,

    /// Output format
    #[arg(long, value_enum, default_value_t = DataFormat::Text)]
    format: DataFormat,
}

/// The result of the check of one task's data.
#[derive(Default, Serialize)]
struct Checked {
    task: String,
    /// Rows, bad ones included.
    rows: u64,
    /// Rows that can be picked.
    eligible: u64,
    /// Samples that were checked.
    samples: usize,
    /// Their pictures on this machine that can be sent.
    pictures: usize,
    /// Their pictures that are only at their addresses: sent as addresses, or not fetched yet.
    at_addresses: usize,
    /// Everything that is wrong.
    problems: Vec<String>,
}

impl Check {
    pub fn call(self) -> anyhow::Result<Exit> {
        let mut all = Vec::new();
        let exit = each(&self.tasks, |named| {
            let checked = self.check(named)?;
            let exit = if checked.problems.is_empty() { Exit::Success } else { Exit::FINDINGS };
            all.push(checked);
            Ok(exit)
        })?;
        output::result(&match self.format {
            DataFormat::Text => all.iter().map(Checked::text).collect::<String>(),
            DataFormat::Json => serde_json::to_string_pretty(&all)? + "\n",
        });
        Ok(exit)
    }

    fn check(&self, NamedTask { argument, task }: NamedTask) -> anyhow::Result<Checked> {
        let mut chosen = self.choice.choose(task, &offline(self.choice.access()), &Silent)?;
        let fetch = |error: DataError| {
            RunError::Config(format!("{error}\nto fetch the rest: eyechart data fetch {argument}"))
        };
        chosen.dataset.fetch(&chosen.picked, &Silent).map_err(fetch)?;
        Checked::of(chosen)
    }
}

impl Checked {
    fn of(chosen: ChosenSamples) -> anyhow::Result<Self> {
        let ChosenSamples { task, dataset, survey, picked } = chosen;
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
            checked.problems.push(format!("{} more", counted(more, "bad row")));
        }
        if survey.unresolved_labels > 0 {
            let labels = counted(survey.unresolved_labels, "label");
            checked.problems.push(format!("{labels} without a match among the options of the row"));
        }
        // This preparer stores no picture, so it needs no folder.
        let prepare = |spec| Preparer::new(spec, ImageLimits::default(), PathBuf::new(), false);
        let web = web_for(&task.task, true)?;
        let preparer = task.task.images.map(prepare);
        for sample in dataset.samples(picked)? {
            match sample? {
                Ok(sample) => checked.look_at(sample, preparer.as_ref(), web.as_ref()),
                Err(unmade) => {
                    checked.problems.push(format!("{}: {}", unmade.picked.id, unmade.failure.message))
                }
            }
        }
        Ok(checked)
    }

    /// Checks the pictures of a sample; those at addresses only if `web` has fetched them before.
    fn look_at(&mut self, sample: Sample, preparer: Option<&Preparer>, web: Option<&Web>) {
        let Some(preparer) = preparer else { return };
        for image in sample.messages.pictures().cloned() {
            let image = match image {
                ImageSource::Url(url) => match web.and_then(|web| web.from_cache(&url)) {
                    Some(bytes) => ImageSource::Fetched { bytes, url },
                    None => {
                        self.at_addresses += 1;
                        continue;
                    }
                },
                image => image,
            };
            match preparer.try_out(&image) {
                Ok(()) => self.pictures += 1,
                Err(failure) => self.problems.push(format!("{}: {}", sample.id, failure.message)),
            }
        }
    }

    fn text(&self) -> String {
        let Self { task, rows, eligible, samples, pictures, .. } = self;
        let elsewhere = match self.at_addresses {
            0 => String::new(),
            count => format!(", {count} only at their addresses"),
        };
        let found = match self.problems.len() {
            0 => "all is well".to_owned(),
            count => counted(count, "problem"),
        };
        let mut text = format!(
            "{task}: {found} in {} ({eligible} usable), {}, {}{elsewhere}\n",
            counted(*rows, "row"),
            counted(*samples, "sample"),
            counted(*pictures, "picture"),
        );
        text.extend(self.problems.iter().take(SHOWN).map(|problem| format!("  {problem}\n")));
        if self.problems.len() > SHOWN {
            text.push_str(&format!("  … and {} more (--format json has all)\n", self.problems.len() - SHOWN));
        }
        wrapped(&text, output::width(), 4) + "\n"
    }
}
