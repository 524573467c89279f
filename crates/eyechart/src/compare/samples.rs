//! What a comparison needs of `samples.jsonl`: how each sample ended, its cluster, and hashes of what must be equal.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;

use super::ScoredRun;
use super::ids::{Ids, SampleEpoch};
use crate::analyze::ShuffledOptions;
use crate::record::{BadLine, RecordError, for_each_sample_line};
use crate::types::{Epoch, RecordedChoices, SampleRecord, Status};

/// The samples of a run, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Samples {
    statuses: Vec<Option<Status>>,
    /// The cluster that the record names, by the number of the sample.
    clusters: Vec<Option<u32>>,
    /// The number of scores that each failed sample could have had, by the entries of the run.
    pub(super) failed: BTreeMap<SampleEpoch, Vec<usize>>,
    /// Hashes of the references, by target.
    pub(super) targets: BTreeMap<String, Hashes>,
    /// Hashes of the options and the label.
    pub(super) options: Hashes,
    /// Hashes of the system message and the prompt.
    pub(super) prompts: Hashes,
    /// Hashes of the pictures as sent.
    pub(super) pictures: Hashes,
    /// The options as they were sent, if they were shuffled.
    pub(super) shuffled: ShuffledOptions,
    /// Lines that cannot be read.
    pub(super) bad_lines: Vec<BadLine>,
}

/// A hash for each sample that has one.
#[derive(Debug, Default)]
pub(super) struct Hashes(Vec<Option<u64>>);

impl Hashes {
    fn set(&mut self, number: SampleEpoch, hash: Option<u64>) {
        set(&mut self.0, number as usize, hash);
    }

    pub(super) fn get(&self, number: SampleEpoch) -> Option<u64> {
        self.0.get(number as usize).copied().flatten()
    }

    /// Whether both have a hash of the sample and the hashes differ.
    pub(super) fn differ(&self, other: &Self, number: SampleEpoch) -> bool {
        self.get(number).zip(other.get(number)).is_some_and(|(own, other)| own != other)
    }
}

fn set<T>(values: &mut Vec<Option<T>>, at: usize, value: Option<T>) {
    if values.len() <= at {
        values.resize_with(at + 1, || None);
    }
    values[at] = value;
}

/// The part of a record that a comparison reads.
#[derive(Deserialize)]
struct Outline {
    id: String,
    epoch: Epoch,
    status: Status,
    #[serde(default)]
    system: Option<String>,
    prompt: String,
    #[serde(default)]
    images: Vec<SentImage>,
    #[serde(default)]
    targets: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    choices: Option<RecordedChoices>,
    #[serde(default)]
    cluster: Option<String>,
}

#[derive(Deserialize, Hash)]
struct SentImage {
    source: String,
    #[serde(default)]
    sha256: Option<String>,
}

impl Outline {
    /// Hashes what was sent of each picture: its bytes, or its address.
    fn pictures(&self) -> Option<u64> {
        let sent = self.images.iter().map(|image| image.sha256.as_ref().unwrap_or(&image.source));
        (!self.images.is_empty()).then(|| hash(&sent.collect::<Vec<_>>()))
    }
}

/// The same value has the same hash in every process.
pub(super) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Samples {
    /// Reads the samples of `run`.
    pub(super) fn read(run: &ScoredRun, ids: &mut Ids) -> Result<Self, RecordError> {
        let mut samples = Self::default();
        let bad_lines = for_each_sample_line(&run.folder.samples_path(), |line| {
            let outline: Outline = serde_json::from_slice(line)?;
            let number = ids.number(&outline.id, outline.epoch);
            samples.failed.remove(&number);
            if outline.status == Status::Failed {
                let record: SampleRecord = serde_json::from_slice(line)?;
                let possible = run.entries.iter().map(|entry| entry.scorer.possible_scores(&record));
                samples.failed.insert(number, possible.collect());
            }
            samples.add(number, &outline, ids);
            Ok(())
        })?;
        Ok(Self { bad_lines, ..samples })
    }

    fn add(&mut self, number: SampleEpoch, outline: &Outline, ids: &mut Ids) {
        set(&mut self.statuses, number as usize, Some(outline.status));
        if let Some(cluster) = &outline.cluster {
            let cluster = ids.cluster(cluster);
            set(&mut self.clusters, ids.sample_of(number) as usize, Some(cluster));
        }
        for (target, references) in &outline.targets {
            let hash = Some(hash(references));
            match self.targets.get_mut(target) {
                Some(hashes) => hashes.set(number, hash),
                None => self.targets.entry(target.clone()).or_default().set(number, hash),
            }
        }
        self.shuffled.add(&outline.id, outline.epoch, outline.choices.as_ref());
        let options = outline.choices.as_ref().map(|choices| hash(&(&choices.options, &choices.label)));
        self.options.set(number, options);
        self.prompts.set(number, Some(hash(&(&outline.system, &outline.prompt))));
        self.pictures.set(number, outline.pictures());
    }

    /// How the sample ended; absent if the run has no record of it.
    pub(super) fn status(&self, number: SampleEpoch) -> Option<Status> {
        self.statuses.get(number as usize).copied().flatten()
    }

    /// The cluster that the record names; absent if the sample is its own.
    pub(super) fn cluster(&self, sample: u32) -> Option<u32> {
        self.clusters.get(sample as usize).copied().flatten()
    }

    /// The samples that both runs have a record of.
    pub(super) fn shared<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = SampleEpoch> + 'a {
        let numbers = 0..self.statuses.len() as SampleEpoch;
        numbers.filter(|number| self.status(*number).is_some() && other.status(*number).is_some())
    }
}
