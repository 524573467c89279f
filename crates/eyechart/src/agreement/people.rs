//! The agreement of each entry with people's labels.

use std::cmp::Ordering;

use serde::Serialize;

use super::AgreementOptions;
use super::answers::{AnswerKey, Answers, Entry};
use super::labels::{Labels, Unmatched};
use super::measure::{Clusters, Measure, NoMeasure, constant_side};
use super::pairs::RankMeasures;
use crate::stats::{KappaWeights, Level, Measurement, cluster_share, kappa, krippendorff_alpha};
use crate::types::Epoch;

/// What labels are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelledSide {
    /// The scores.
    Scores,
    /// The text that the scorer read from each answer.
    Answers,
}

/// The agreement with people's labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelAgreement {
    /// The file; `record` or `data` for a column of the run.
    pub source: String,
    /// The column of the labels.
    pub column: String,
    /// What the labels are compared with.
    pub compared: LabelledSide,
    /// The number of answers with a label.
    pub labelled: usize,
    /// The answers without a label.
    pub unlabelled: Unmatched,
    /// Labels of samples that the run does not have.
    pub unknown: Unmatched,
    /// Labels of epochs that the run does not have.
    pub unknown_epochs: Unmatched,
    /// The number of labels that a later line of the file replaces.
    pub repeated: usize,
    /// The number of lines of the file that cannot be used.
    pub bad_lines: usize,
    /// The first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_bad_line: Option<String>,
    /// The entries, in the order of the task.
    pub entries: Vec<EntryAgreement>,
}

/// The agreement of one entry with the labels. The first side of each measure is the entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntryAgreement {
    /// The entry, as in the ids of figures.
    pub entry: String,
    /// The number of answers with a label and a value.
    pub n: usize,
    /// The number of their clusters.
    pub clusters: usize,
    /// Answers with a label and without a value.
    pub unscored: Unmatched,
    /// The share of answers whose value is the label.
    pub accuracy: Measure,
    /// Cohen's κ.
    pub kappa: Measure,
    /// κ with linear weights.
    pub kappa_linear: Measure,
    /// κ with quadratic weights.
    pub kappa_quadratic: Measure,
    /// Krippendorff's α, by differences of numbers, or by equality of texts.
    pub alpha: Measure,
    /// Kendall's τ-b.
    pub tau_b: Measure,
    /// Spearman's ρ.
    pub rho: Measure,
    /// The first answers whose value is not the label; for numbers, those that differ most.
    pub differing: Vec<Disagreement>,
}

/// An answer whose value is not the label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// The id of the sample.
    pub id: String,
    /// The epoch.
    pub epoch: Epoch,
    /// The value of the entry.
    pub found: String,
    /// The label.
    pub label: String,
}

/// The agreement of each entry with the labels.
pub(super) fn agreement(answers: &Answers, labels: Labels, options: &AgreementOptions) -> LabelAgreement {
    let numbers: Option<Vec<f64>> = labels.texts.iter().flatten().map(|text| number_of(text)).collect();
    let compared = options.side.unwrap_or(match numbers {
        Some(_) => LabelledSide::Scores,
        None => LabelledSide::Answers,
    });
    let has_epochs = answers.has_epochs();
    let mut unlabelled = Unmatched::default();
    for (key, _) in answers.keys.iter().zip(&labels.texts).filter(|(_, label)| label.is_none()) {
        unlabelled.add_answer(key, has_epochs);
    }
    let of_entry = |entry: &Entry| Compared::of(answers, entry, &labels, compared).agreement(options);
    LabelAgreement {
        compared,
        labelled: answers.len() - unlabelled.count,
        unlabelled,
        entries: answers.entries.iter().map(of_entry).collect(),
        bad_lines: labels.bad.len(),
        first_bad_line: labels.bad.into_iter().next(),
        source: labels.source,
        column: labels.column,
        unknown: labels.unknown,
        unknown_epochs: labels.unknown_epochs,
        repeated: labels.repeated,
    }
}

/// The number that a text is; `true` is 1 and `false` is 0.
fn number_of(text: &str) -> Option<f64> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(1.0),
        "false" => Some(0.0),
        text => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// An entry and the labels, over the answers that have both.
struct Compared<'a> {
    entry: &'a str,
    keys: Vec<&'a AnswerKey>,
    clusters: Clusters,
    unscored: Unmatched,
    values: Values,
    /// Why nothing can be compared.
    missing: Option<NoMeasure>,
}

/// Values and labels side by side.
enum Values {
    Numbers {
        found: Vec<f64>,
        labels: Vec<f64>,
    },
    /// Without differences of case.
    Texts {
        found: Vec<String>,
        labels: Vec<String>,
    },
}

/// Most categories that κ is computed for: its cost grows with their square.
const MOST_CATEGORIES: usize = 100;

impl<'a> Compared<'a> {
    fn of(answers: &'a Answers, entry: &'a Entry, labels: &Labels, side: LabelledSide) -> Self {
        let (mut keys, mut clusters) = (Vec::new(), Vec::new());
        let (mut found, mut wanted, mut unscored) = (Vec::new(), Vec::new(), Unmatched::default());
        let has_epochs = answers.has_epochs();
        for (place, key) in answers.keys.iter().enumerate() {
            let Some(label) = &labels.texts[place] else { continue };
            let value = match side {
                LabelledSide::Scores => entry.values[place].map(|value| value.to_string()),
                LabelledSide::Answers => entry.texts[place].as_deref().map(|text| text.trim().to_owned()),
            };
            match value {
                None => unscored.add_answer(key, has_epochs),
                Some(value) => {
                    keys.push(key);
                    clusters.push(answers.clusters[place]);
                    found.push(value);
                    wanted.push(label.clone());
                }
            }
        }
        let has_texts = entry.texts.iter().any(Option::is_some);
        let lacks_texts = side == LabelledSide::Answers && !has_texts;
        Self {
            entry: &entry.id,
            keys,
            clusters: Clusters::of(clusters.into_iter()),
            unscored,
            values: Values::of(found, wanted),
            missing: lacks_texts.then_some(NoMeasure::NoAnswers),
        }
    }

    fn agreement(self, options: &AgreementOptions) -> EntryAgreement {
        let level = options.level;
        let ranks = self.ranks(level);
        let categories = self.missing.map_or_else(|| self.values.categories(), Err);
        let of_kappa = |weights| self.kappa(&categories, weights, level);
        EntryAgreement {
            n: self.keys.len(),
            clusters: self.clusters.sizes.len(),
            accuracy: self.accuracy(&categories, level),
            kappa: of_kappa(KappaWeights::None),
            kappa_linear: of_kappa(KappaWeights::Linear),
            kappa_quadratic: of_kappa(KappaWeights::Quadratic),
            alpha: self.alpha(&categories, level),
            tau_b: ranks.tau_b,
            rho: ranks.rho,
            differing: if categories.is_ok() { self.differing(options.samples) } else { Vec::new() },
            entry: self.entry.to_owned(),
            unscored: self.unscored,
        }
    }

    fn ranks(&self, level: Level) -> RankMeasures {
        let reason = match &self.values {
            Values::Numbers { found, labels } if self.missing.is_none() => {
                return RankMeasures::of(found, labels, &self.clusters, level);
            }
            Values::Numbers { .. } => NoMeasure::NoAnswers,
            Values::Texts { .. } => self.missing.unwrap_or(NoMeasure::Texts),
        };
        RankMeasures { tau_b: Measure::absent(reason), rho: Measure::absent(reason) }
    }

    fn accuracy(&self, categories: &Result<Categories, NoMeasure>, level: Level) -> Measure {
        let categories = match categories {
            Ok(categories) => categories,
            Err(reason) => return Measure::absent(*reason),
        };
        let is_right = |(one, other): &(usize, usize)| f64::from(u8::from(one == other));
        let scores: Vec<f64> = categories.pairs.iter().map(is_right).collect();
        match cluster_share(&scores, &self.clusters.numbers, level) {
            Some(share) => Measure::with(share.value, share.interval),
            None => Measure::absent(NoMeasure::NoPairs),
        }
    }

    /// κ and α need categories and two sides that vary.
    fn varying<'c>(
        &self,
        categories: &'c Result<Categories, NoMeasure>,
    ) -> Result<&'c Categories, NoMeasure> {
        let categories = categories.as_ref().map_err(|reason| *reason)?;
        let (first, second): (Vec<usize>, Vec<usize>) = categories.pairs.iter().copied().unzip();
        constant_side(&first, &second).map_or(Ok(categories), Err)
    }

    fn kappa(
        &self,
        categories: &Result<Categories, NoMeasure>,
        weights: KappaWeights,
        level: Level,
    ) -> Measure {
        let has_order = matches!(self.values, Values::Numbers { .. });
        match self.varying(categories) {
            Err(reason) => Measure::absent(reason),
            Ok(_) if weights != KappaWeights::None && !has_order => Measure::absent(NoMeasure::Texts),
            Ok(Categories { pairs, count }) => {
                let found = kappa(pairs, *count, weights, &self.clusters.numbers);
                Measure::of(found, &self.clusters, level)
            }
        }
    }

    fn alpha(&self, categories: &Result<Categories, NoMeasure>, level: Level) -> Measure {
        let pairs = match self.varying(categories) {
            Err(reason) => return Measure::absent(reason),
            Ok(categories) => &categories.pairs,
        };
        let (units, measurement): (Vec<Vec<f64>>, _) = match &self.values {
            Values::Numbers { found, labels } => {
                let units = found.iter().zip(labels).map(|(one, other)| vec![*one, *other]);
                (units.collect(), Measurement::Interval)
            }
            Values::Texts { .. } => {
                let units = pairs.iter().map(|(one, other)| vec![*one as f64, *other as f64]);
                (units.collect(), Measurement::Nominal)
            }
        };
        Measure::of(krippendorff_alpha(&units, measurement, &self.clusters.numbers), &self.clusters, level)
    }

    fn differing(&self, count: usize) -> Vec<Disagreement> {
        let distance = |at: usize| match &self.values {
            Values::Numbers { found, labels } => (found[at] - labels[at]).abs(),
            Values::Texts { found, labels } => f64::from(u8::from(found[at] != labels[at])),
        };
        let mut order: Vec<usize> = (0..self.keys.len()).filter(|at| distance(*at) > 0.0).collect();
        order.sort_by(|a, b| distance(*b).total_cmp(&distance(*a)));
        let one = |at: usize| {
            let (found, label) = match &self.values {
                Values::Numbers { found, labels } => (found[at].to_string(), labels[at].to_string()),
                Values::Texts { found, labels } => (found[at].clone(), labels[at].clone()),
            };
            Disagreement { id: self.keys[at].id.clone(), epoch: self.keys[at].epoch, found, label }
        };
        order.into_iter().take(count).map(one).collect()
    }
}

/// Values and labels as positions among all that occur.
struct Categories {
    pairs: Vec<(usize, usize)>,
    count: usize,
}

impl Values {
    /// Numbers if all of both sides are.
    fn of(found: Vec<String>, labels: Vec<String>) -> Self {
        let numbers = |texts: &[String]| texts.iter().map(|text| number_of(text)).collect::<Option<Vec<_>>>();
        match (numbers(&found), numbers(&labels)) {
            (Some(found), Some(labels)) => Self::Numbers { found, labels },
            _ => {
                let lower = |texts: Vec<String>| texts.into_iter().map(|text| text.to_lowercase()).collect();
                Self::Texts { found: lower(found), labels: lower(labels) }
            }
        }
    }

    /// The values of both sides as categories, unless there are too many. Fractions beside labels that are whole numbers
    /// are no categories.
    fn categories(&self) -> Result<Categories, NoMeasure> {
        match self {
            Self::Numbers { found, labels }
                if labels.iter().all(|label| label.fract() == 0.0)
                    && found.iter().any(|value| value.fract() != 0.0) =>
            {
                Err(NoMeasure::NoCategories)
            }
            // 0 and −0 are equal, and no number is NaN.
            Self::Numbers { found, labels } => {
                categories(found, labels, |one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal))
            }
            Self::Texts { found, labels } => categories(found, labels, String::cmp),
        }
    }
}

fn categories<T>(found: &[T], labels: &[T], order: fn(&T, &T) -> Ordering) -> Result<Categories, NoMeasure> {
    if found.is_empty() {
        return Err(NoMeasure::NoPairs);
    }
    let place = |values: &[&T], value: &T| values.binary_search_by(|one| order(one, value)).ok();
    let mut all: Vec<&T> = found.iter().chain(labels).collect();
    all.sort_unstable_by(|one, other| order(one, other));
    all.dedup_by(|one, other| order(one, other) == Ordering::Equal);
    if all.len() > MOST_CATEGORIES {
        return Err(NoMeasure::TooManyCategories);
    }
    let pairs = found.iter().zip(labels).filter_map(|(one, other)| place(&all, one).zip(place(&all, other)));
    Ok(Categories { pairs: pairs.collect(), count: all.len() })
}
