//! `eyechart data fetch`: fetches the data that a run would fetch.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Args;
use eyechart::run::fetch_addresses;
use eyechart::run::{FETCHES, web_for};
use eyechart::task::DataAccess;
use eyechart::text::counted;
use eyechart::types::{ImageSource, Sample};

use super::super::fetching::FetchProgress;
use super::super::network::NetworkArguments;
use super::{ChosenSamples, Exit, NamedTask, SampleChoice, each, output};

/// Number of failures that are shown.
const SHOWN: usize = 5;

/// Fetch the data that a run needs
#[derive(Debug, Args)]
pub struct Fetch {
    /// Tasks, suites, or paths of TOML files
    #[arg(required = true, value_name = "TASK")]
    tasks: Vec<String>,

    #[command(flatten)]
    choice: SampleChoice,

    #[command(flatten)]
    network: NetworkArguments,

    /// Fetch also from addresses that are not public
    #[arg(long)]
    allow_private_urls: bool,
}

impl Fetch {
    pub fn call(self) -> anyhow::Result<Exit> {
        self.network.apply()?;
        each(&self.tasks, |named| self.fetch(named))
    }

    fn fetch(&self, NamedTask { task, .. }: NamedTask) -> anyhow::Result<Exit> {
        let progress = FetchProgress::default();
        let access = DataAccess { allow_private_urls: self.allow_private_urls, ..self.choice.access() };
        let mut chosen = self.choice.choose(task, &access, &progress)?;
        chosen.dataset.notices()?.iter().for_each(|text| output::notice(text));
        chosen.dataset.fetch(&chosen.picked, &progress)?;
        drop(progress);
        self.finish(chosen)
    }

    /// Fetches pictures at addresses if the task wants them fetched, and prints what is on this machine.
    fn finish(&self, chosen: ChosenSamples) -> anyhow::Result<Exit> {
        let ChosenSamples { task, dataset, picked, .. } = chosen;
        let place = match dataset.has_files() {
            true => format!("its rows in {}", dataset.folder().display()),
            false => "its rows in pieces in the cache".to_owned(),
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
            output::progress(&format!("fetching {} by address", counted(urls.len(), "picture")));
            let failed = fetch_addresses(&web, urls.into_iter().collect(), FETCHES)?;
            failures.extend(failed.into_iter().map(|failure| failure.message));
        }
        failures.iter().take(SHOWN).for_each(|failure| output::notice(failure));
        if failures.is_empty() {
            let samples = counted(count, "sample");
            output::result(&format!("{name}: the data of {samples} is on this machine, {place}\n"));
            return Ok(Exit::Success);
        }
        let failed = failures.len();
        let samples = counted(count, "sample");
        output::result(&format!("{name}: the data of {failed} of {samples} cannot be fetched, {place}\n"));
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
