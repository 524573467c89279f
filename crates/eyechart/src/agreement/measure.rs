//! A measure of agreement with its interval, or the reason why there is none.

use std::collections::HashMap;

use serde::{Serialize, Serializer};

use crate::stats::{Correlation, Interval, Level};

/// A measure of agreement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measure {
    /// The value; absent if it is not defined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The lower end of the interval; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper end of the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Why the value or the interval is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<NoMeasure>,
}

/// Why a measure or its interval is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMeasure {
    /// No answer has both values.
    NoPairs,
    /// All values of the first side are equal.
    FirstConstant,
    /// All values of the second side are equal.
    SecondConstant,
    /// All answers are in one cluster, or the measure is not defined without one of the clusters. There is a value, but no
    /// interval.
    TooFewClusters,
    /// Some scores are fractions, as similarities are, and all labels are whole numbers.
    NoCategories,
    /// There are more than 100 different values.
    TooManyCategories,
    /// The values are texts, which have no order.
    Texts,
    /// The scorer reads no text from an answer.
    NoAnswers,
}

impl NoMeasure {
    /// The word in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoPairs => "no_pairs",
            Self::FirstConstant => "first_constant",
            Self::SecondConstant => "second_constant",
            Self::TooFewClusters => "too_few_clusters",
            Self::NoCategories => "no_categories",
            Self::TooManyCategories => "too_many_categories",
            Self::Texts => "texts",
            Self::NoAnswers => "no_answers",
        }
    }
}

impl Serialize for NoMeasure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Measure {
    /// A measure that is not defined.
    pub(super) fn absent(reason: NoMeasure) -> Self {
        Self { value: None, low: None, high: None, absent: Some(reason) }
    }

    /// A value with its interval, if it has one.
    pub(super) fn with(value: f64, interval: Option<Interval>) -> Self {
        Self {
            value: Some(value),
            low: interval.map(|interval| interval.low),
            high: interval.map(|interval| interval.high),
            absent: interval.is_none().then_some(NoMeasure::TooFewClusters),
        }
    }

    /// A measure by leaving out clusters.
    pub(super) fn of(found: Option<Correlation>, clusters: &Clusters, level: Level) -> Self {
        match found {
            // The sides were looked at before: what is left is that nothing can be expected by chance.
            None => Self::absent(NoMeasure::FirstConstant),
            Some(found) => Self::with(found.value, found.interval(&clusters.sizes, level)),
        }
    }
}

/// The clusters of some of the answers.
pub(super) struct Clusters {
    /// The number of each answer's cluster, from 0 on without gaps.
    pub(super) numbers: Vec<usize>,
    /// The number of answers in each cluster.
    pub(super) sizes: Vec<usize>,
}

impl Clusters {
    /// Numbers the clusters again, so that there are no gaps.
    pub(super) fn of(clusters: impl Iterator<Item = usize>) -> Self {
        let mut known: HashMap<usize, usize> = HashMap::new();
        let mut sizes = Vec::new();
        let number = |cluster| {
            let next = known.len();
            let number = *known.entry(cluster).or_insert(next);
            if number == next {
                sizes.push(0);
            }
            sizes[number] += 1;
            number
        };
        Self { numbers: clusters.map(number).collect(), sizes }
    }
}

/// The first side whose values are all equal; [`NoMeasure::NoPairs`] without values.
pub(super) fn constant_side<T: PartialEq>(first: &[T], second: &[T]) -> Option<NoMeasure> {
    let is_constant = |values: &[T]| values.windows(2).all(|pair| pair[0] == pair[1]);
    match (first.is_empty(), is_constant(first), is_constant(second)) {
        (true, _, _) => Some(NoMeasure::NoPairs),
        (_, true, _) => Some(NoMeasure::FirstConstant),
        (_, _, true) => Some(NoMeasure::SecondConstant),
        _ => None,
    }
}
