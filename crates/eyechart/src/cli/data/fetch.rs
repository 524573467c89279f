//! `eyechart data fetch`: what a run would fetch, before it.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Args;
use eyechart::run::{RunError, fetch_addresses};
use eyechart::types::ImageSource;

use super::super::fetching::{FETCHES, FetchProgress, web_for};
use super::{Choice, Chosen, Exit, output, tasks};

/// Failures that are shown.
const SHOWN: usize = 5;

/// Fetch what a run would need, and no more
#[derive(Debug, Args)]
pub struct Fetch {
    /// Tasks, suites, or paths of TOML files
    #[arg(required = true, value_name = "TASK")]
    tasks: Vec<String>,

    #[command(flatten)]
    choice: Choice,
}

impl Fetch {
    pub fn call(self) -> anyhow::Result<Exit> {
        let mut exit = Exit::Success;
        for task in tasks(&self.tasks)? {
            let progress = FetchProgress::default();
            let mut chosen = self.choice.choose(task, &self.choice.access(), &progress)?;
            chosen.dataset.notices().iter().for_each(|text| output::notice(text));
            chosen.dataset.bring(&chosen.picked, &progress).map_err(RunError::Config)?;
            drop(progress);
            if self.finish(chosen)? > 0 {
                exit = Exit::SamplesFailed;
            }
        }
        Ok(exit)
    }

    /// Fetches pictures at addresses where the task wants that, and says what is here now; the number of samples that
    /// cannot be asked.
    fn finish(&self, chosen: Chosen) -> anyhow::Result<usize> {
        let Chosen { task, dataset, picked, .. } = chosen;
        let (folder, count) = (dataset.folder().display().to_string(), picked.len());
        let (mut failures, mut urls) = (Vec::new(), BTreeSet::new());
        let web = web_for(&task.task, self.choice.allow_private_urls)?;
        for sample in dataset.samples(picked)? {
            match sample? {
                Ok(sample) => urls.extend(sample.images.into_iter().filter_map(|image| match image {
                    ImageSource::Url(url) => Some(url),
                    _ => None,
                })),
                Err(unmade) => failures.push(format!("{}: {}", unmade.picked.id, unmade.failure.message)),
            }
        }
        if let Some(web) = web.map(Arc::new) {
            output::say(&format!("fetching {} pictures from their addresses", urls.len()));
            let failed = fetch_addresses(&web, urls.into_iter().collect(), FETCHES)?;
            failures.extend(failed.into_iter().map(|failure| failure.message));
        }
        failures.iter().take(SHOWN).for_each(|failure| output::notice(failure));
        let name = &task.task.name;
        output::result(&match failures.len() {
            0 => format!("{name}: all that {count} samples need is here, the rows in {folder}\n"),
            failed => format!(
                "{name}: {failed} of {count} samples or their pictures cannot be had, the rows are in {folder}\n"
            ),
        });
        Ok(failures.len())
    }
}
