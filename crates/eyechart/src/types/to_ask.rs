//! What a run has left to ask: picked samples by epoch.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Epoch, EvalSpec, PickedSample};

/// The samples that are left to ask. All samples of an epoch are asked before those of the next one, so that a run that
/// stops early has as many different samples as possible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToAsk {
    epochs: Vec<EpochSamples>,
}

/// The samples that are left to ask in one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochSamples {
    /// The epoch.
    pub epoch: Epoch,
    /// The samples, ascending by row; at least one.
    pub samples: Vec<PickedSample>,
}

impl ToAsk {
    /// The first epoch of `samples`.
    #[must_use]
    pub fn once(samples: Vec<PickedSample>) -> Self {
        Self { epochs: vec![EpochSamples { epoch: 1, samples }] }
    }

    /// Everything that a run of `spec` asks.
    #[must_use]
    pub fn all(spec: &EvalSpec) -> Self {
        Self::except(spec, |_, _| false)
    }

    /// What a run of `spec` asks, without the ids and epochs that are completed.
    #[must_use]
    pub fn except(spec: &EvalSpec, is_completed: impl Fn(&str, Epoch) -> bool) -> Self {
        let of_epoch = |epoch| {
            let samples = spec.picked.iter().filter(|picked| !is_completed(&picked.id, epoch));
            EpochSamples { epoch, samples: samples.cloned().collect() }
        };
        let epochs = (1..=spec.epochs).map(of_epoch).filter(|epoch| !epoch.samples.is_empty());
        Self { epochs: epochs.collect() }
    }

    /// The number of answers: a sample counts once for each epoch.
    #[must_use]
    pub fn answers(&self) -> usize {
        self.epochs.iter().map(|epoch| epoch.samples.len()).sum()
    }

    /// Whether nothing is left to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers() == 0
    }

    /// The samples, each once, ascending by row.
    #[must_use]
    pub fn samples(&self) -> Cow<'_, [PickedSample]> {
        match self.epochs.as_slice() {
            [] => Cow::Borrowed(&[]),
            [only] => Cow::Borrowed(&only.samples),
            several => {
                let samples = several.iter().flat_map(|epoch| &epoch.samples);
                let by_row: BTreeMap<u64, &PickedSample> =
                    samples.map(|picked| (picked.row, picked)).collect();
                Cow::Owned(by_row.into_values().cloned().collect())
            }
        }
    }

    /// The epochs with their samples.
    #[must_use]
    pub fn into_epochs(self) -> Vec<EpochSamples> {
        self.epochs
    }
}
