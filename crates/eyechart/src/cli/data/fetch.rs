//! `eyechart data fetch`: what a run would fetch, before it.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Args;
use eyechart::run::fetch_addresses;
use eyechart::run::{FETCHES, web_for};
use eyechart::task::DataAccess;
use eyechart::types::{ImageSource, Sample};

use super::super::fetching::FetchProgress;
use super::{Choice, Chosen, Exit, Named, each, output};

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

    /// Fetch from addresses that are not public too
    #[arg(long)]
    allow_private_urls: bool,
}

impl Fetch {
    pub fn call(self) -> anyhow::Result<Exit> {
        each(&self.tasks, |named| self.fetch(named))
    }

    fn fetch(&self, Named { task, .. }: Named) -> anyhow::Result<Exit> {
        let progress = FetchProgress::default();
        let access = DataAccess { allow_private_urls: self.allow_private_urls, ..self.choice.access() };
        let mut chosen = self.choice.choose(task, &access, &progress)?;
        chosen.dataset.notices().iter().for_each(|text| output::notice(text));
        chosen.dataset.fetch(&chosen.picked, &progress)?;
        drop(progress);
        self.finish(chosen)
    }

    /// Fetches pictures at addresses where the task wants that, and says what is here now.
    fn finish(&self, chosen: Chosen) -> anyhow::Result<Exit> {
        let Chosen { task, dataset, picked, .. } = chosen;
        let place = match dataset.has_files() {
            true => format!("the rows in {}", dataset.folder().display()),
            false => "the rows in pieces in the cache".to_owned(),
        };
        let (count, name) = (picked.len(), &task.task.name);
        let (mut failures, mut urls) = (Vec::new(), BTreeSet::new());
        for sample in dataset.samples(picked)? {
            match sample? {
                Ok(sample) => urls.extend(addresses(&sample)),
                Err(unmade) => failures.push(format!("{}: {}", unmade.picked.id, unmade.failure.message)),
            }
        }
        if let Some(web) = web_for(&task.task, self.allow_private_urls)?.map(Arc::new) {
            output::say(&format!("fetching {} pictures from their addresses", urls.len()));
            let failed = fetch_addresses(&web, urls.into_iter().collect(), FETCHES)?;
            failures.extend(failed.into_iter().map(|failure| failure.message));
        }
        failures.iter().take(SHOWN).for_each(|failure| output::notice(failure));
        if failures.is_empty() {
            output::result(&format!("{name}: all that {count} samples need is here, {place}\n"));
            return Ok(Exit::Success);
        }
        let failed = failures.len();
        output::result(&format!(
            "{name}: {failed} of {count} samples or their pictures cannot be had, {place}\n"
        ));
        Ok(Exit::SamplesFailed)
    }
}

fn addresses(sample: &Sample) -> Vec<String> {
    let urls = sample.messages.pictures().filter_map(|image| match image {
        ImageSource::Url(url) => Some(url.clone()),
        _ => None,
    });
    urls.collect()
}
