//! Numbers for ids and clusters, so that the scores of two runs of 100,000 samples fit in memory.

use std::collections::HashMap;
use std::sync::Arc;

use crate::types::Epoch;

/// The number of a sample in one of its epochs, in the order in which they are first read.
pub(super) type SampleEpoch = u32;

/// The numbers of all ids of a comparison. Runs share them.
#[derive(Debug, Default)]
pub(super) struct Ids {
    samples: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
    epochs: HashMap<(u32, Epoch), SampleEpoch>,
    of_epochs: Vec<(u32, Epoch)>,
    clusters: HashMap<String, u32>,
}

impl Ids {
    /// The number of an id and epoch.
    pub(super) fn number(&mut self, id: &str, epoch: Epoch) -> SampleEpoch {
        let sample = match self.samples.get(id) {
            Some(sample) => *sample,
            None => {
                let name: Arc<str> = id.into();
                self.names.push(Arc::clone(&name));
                let next = self.samples.len() as u32;
                self.samples.insert(name, next);
                next
            }
        };
        let next = self.of_epochs.len() as SampleEpoch;
        let number = *self.epochs.entry((sample, epoch)).or_insert(next);
        if number == next {
            self.of_epochs.push((sample, epoch));
        }
        number
    }

    /// The number of a cluster that a record names.
    pub(super) fn cluster(&mut self, name: &str) -> u32 {
        if let Some(number) = self.clusters.get(name) {
            return *number;
        }
        let next = self.clusters.len() as u32;
        self.clusters.insert(name.to_owned(), next);
        next
    }

    /// The number of the sample, which all its epochs share.
    pub(super) fn sample_of(&self, number: SampleEpoch) -> u32 {
        self.of_epochs[number as usize].0
    }

    /// The id.
    pub(super) fn id(&self, number: SampleEpoch) -> &str {
        &self.names[self.sample_of(number) as usize]
    }

    /// The epoch.
    pub(super) fn epoch(&self, number: SampleEpoch) -> Epoch {
        self.of_epochs[number as usize].1
    }
}
