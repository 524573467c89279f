//! What keeps two runs from being compared: a control beside an ordinary run, other scorers, other references or options.

use serde_json::Value;

use super::ids::{Ids, SampleEpoch};
use super::samples::{Hashes, Samples};
use super::{ComparedEntry, ScoredRun};
use crate::record::{RecordError, for_each_last};
use crate::text::{counted, shown_value};
use crate::types::{EncoderSpec, SampleRecord, ScorerSpec};

/// The differences between two runs that a look at their scorers shows, each as a clause.
pub(super) fn differing_scorers(baseline: &ScoredRun, other: &ScoredRun) -> Vec<String> {
    let mut found = Vec::new();
    let controls = [baseline, other].map(|run| run.scored.results.control);
    if let [Some(control), None] | [None, Some(control)] = controls {
        found.push(format!("one of them is a control ({control})"));
    }
    for entry in &baseline.entries {
        if let Some(others) = other.entry_of(entry) {
            found.extend(differences(&entry.spec, &others.spec));
            if entry.spec.uses_encoder && others.spec.uses_encoder {
                found.extend(other_encoder(entry, baseline, other));
            }
        }
    }
    found
}

fn differences(own: &ScorerSpec, other: &ScorerSpec) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, own: String, other: String| {
        if own != other {
            let (own, other) = (shown_value(&own), shown_value(&other));
            found.push(format!("{what} is {own} in the baseline and {other} in the other run"));
        }
    };
    let name = &own.name;
    if own.scorer != other.scorer {
        compare(&format!("the scorer of {name:?}"), own.scorer.clone(), other.scorer.clone());
        return found;
    }
    compare(
        &format!("the version of the scorer {name:?}"),
        own.version.to_string(),
        other.version.to_string(),
    );
    let shown = |value: Option<&Value>| value.map_or_else(|| "absent".to_owned(), ToString::to_string);
    let only_other = other.parameters.keys().filter(|key| !own.parameters.contains_key(*key));
    for key in own.parameters.keys().chain(only_other) {
        let values = [own, other].map(|spec| shown(spec.parameters.get(key)));
        let [own, other] = values;
        compare(&format!("the parameter {key:?} of the scorer {name:?}"), own, other);
    }
    found
}

fn other_encoder(entry: &ComparedEntry, baseline: &ScoredRun, other: &ScoredRun) -> Option<String> {
    let encoder = |run: &ScoredRun| run.scored.results.encoder.clone();
    let (own, others) = (encoder(baseline)?, encoder(other)?);
    let shown = |encoder: &EncoderSpec| serde_json::to_string(encoder).unwrap_or_default();
    // The same weights can have another name, such as that of the folder that they are in.
    let is_same = match (&own.sha256, &others.sha256) {
        (Some(sha256), Some(other)) => sha256 == other && own.precision == others.precision,
        _ => own == others,
    };
    (!is_same).then(|| {
        let (own, others) = (shown_value(&shown(&own)), shown_value(&shown(&others)));
        let name = &entry.spec.name;
        format!("the encoder of {name:?} is {own} in the baseline and {others} in the other run")
    })
}

/// Two runs whose samples are compared.
pub(super) struct SamplePair<'a> {
    pub(super) baseline: (&'a ScoredRun, &'a Samples),
    pub(super) other: (&'a ScoredRun, &'a Samples),
    pub(super) ids: &'a Ids,
}

impl SamplePair<'_> {
    /// The references and options that both records have of a sample and that differ, each with the first sample as a
    /// clause.
    ///
    /// # Errors
    /// [`RecordError`] if a record cannot be read again for the values.
    pub(super) fn differing_samples(&self) -> Result<Vec<String>, RecordError> {
        let ((_, own), (_, others)) = (self.baseline, self.other);
        let mut found = Vec::new();
        for (target, hashes) in &own.targets {
            if let Some(other_hashes) = others.targets.get(target) {
                let values = |record: &SampleRecord| json(record.targets.get(target));
                found.extend(self.differing(
                    hashes,
                    other_hashes,
                    &format!("references in {target:?}"),
                    values,
                )?);
            }
        }
        let values = |record: &SampleRecord| json(record.choices.as_ref());
        found.extend(self.differing(&own.options, &others.options, "options or another label", values)?);
        Ok(found)
    }

    fn differing(
        &self,
        own: &Hashes,
        others: &Hashes,
        what: &str,
        values: impl Fn(&SampleRecord) -> String,
    ) -> Result<Option<String>, RecordError> {
        let shared = self.baseline.1.shared(self.other.1);
        let differing: Vec<SampleEpoch> = shared.filter(|number| own.differ(others, *number)).collect();
        let Some(first) = differing.first() else { return Ok(None) };
        let value = |run: &ScoredRun| self.value(run, *first, &values);
        let (own, other) = (value(self.baseline.0)?, value(self.other.0)?);
        let more = match differing.len() - 1 {
            0 => String::new(),
            more => format!(" (and {} more)", counted(more, "sample")),
        };
        let id = self.ids.id(*first);
        Ok(Some(format!(
            "the sample {id:?} has other {what}: {own} in the baseline and {other} in the other run{more}"
        )))
    }

    fn value(
        &self,
        run: &ScoredRun,
        number: SampleEpoch,
        values: &impl Fn(&SampleRecord) -> String,
    ) -> Result<String, RecordError> {
        let (id, epoch) = (self.ids.id(number), self.ids.epoch(number));
        let mut found = String::new();
        for_each_last(&run.folder.samples_path(), |record| {
            if record.id == id && record.epoch == epoch {
                found = shown_value(&values(record));
            }
        })?;
        Ok(found)
    }
}

fn json(value: Option<&impl serde::Serialize>) -> String {
    serde_json::to_string(&value).unwrap_or_default()
}
