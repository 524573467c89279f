//! `mme`: accuracy per question and per picture in each category, as in MME.

use std::collections::{BTreeMap, HashMap};

use super::ratio;
use super::yes_no::LabelledAnswer;
use crate::scorer::declaration::{ConfiguredScorer, Declaration, KeyFault, right_or_wrong, text};
use crate::scorer::measure::{Item, Measure, Outcome};
use crate::types::{Counts, Epoch, Formula, Metric, READABLE, ScoreEntry, Unparsed, readable_metric};
use serde_json::{Map, json};

/// One answered question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MmeItem<'a> {
    /// The category of the question.
    pub category: &'a str,
    /// The key of the picture. The same key in two categories counts as two pictures.
    pub picture: &'a str,
    /// Whether the answer is right.
    pub is_right: bool,
}

/// The counts of one category.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MmeCategory {
    /// Number of questions.
    pub questions: u64,
    /// Number of questions answered right.
    pub right_questions: u64,
    /// Number of pictures.
    pub pictures: u64,
    /// Number of pictures with all their questions answered right.
    pub right_pictures: u64,
}

impl MmeCategory {
    /// Returns the share of questions answered right, in [0, 1]; `None` without questions.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.right_questions, self.questions)
    }

    /// Returns the share of pictures with all their questions answered right, in [0, 1]; `None` without pictures.
    #[must_use]
    pub fn accuracy_plus(&self) -> Option<f64> {
        ratio(self.right_pictures, self.pictures)
    }
}

/// The counts of all categories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MmeFigures {
    /// The counts by category, ordered by name.
    pub categories: BTreeMap<String, MmeCategory>,
}

impl MmeFigures {
    /// Returns the sum of accuracy and accuracy+ in percent over all categories, in [0, 200 × categories]; `None`
    /// without categories. Source: Fu et al. 2023 (MME).
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        let shares =
            self.categories.values().map(|category| Some(category.accuracy()? + category.accuracy_plus()?));
        let sum = shares.sum::<Option<f64>>()?;
        (!self.categories.is_empty()).then_some(100.0 * sum)
    }
}

/// Counts questions and pictures per category. The order of the items does not matter.
#[must_use]
pub fn mme<'a>(items: impl IntoIterator<Item = MmeItem<'a>>) -> MmeFigures {
    let mut categories: BTreeMap<String, MmeCategory> = BTreeMap::new();
    let mut pictures: HashMap<(&str, &str), bool> = HashMap::new();
    for MmeItem { category, picture, is_right } in items {
        let counts = categories.entry(category.to_owned()).or_default();
        counts.questions += 1;
        counts.right_questions += u64::from(is_right);
        *pictures.entry((category, picture)).or_insert(true) &= is_right;
    }
    for ((category, _), is_right) in pictures {
        if let Some(counts) = categories.get_mut(category) {
            counts.pictures += 1;
            counts.right_pictures += u64::from(is_right);
        }
    }
    MmeFigures { categories }
}

/// The scorer `mme`.
pub(in crate::scorer) const MME: Declaration = Declaration {
    keys: &["category"],
    reads_all_references: true,
    needs_cluster: true,
    ..Declaration::new("mme", build)
};

/// The highest possible score: 200 for each of the 14 categories of the benchmark.
const HIGHEST: f64 = 2800.0;

/// The prefixes of the names of counts. The name of the category follows.
const QUESTIONS: &str = "questions/";
const RIGHT_QUESTIONS: &str = "right_questions/";
const PICTURES: &str = "pictures/";
const RIGHT_PICTURES: &str = "right_pictures/";

fn build(entry: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let missing =
        || KeyFault::new("scorer", "mme needs `category`: the column with the category of the question");
    let category = text(entry, "category")?.ok_or_else(missing)?;
    let plus = "share of pictures of which every question is answered right";
    let sum = "accuracy and accuracy+ in percent, summed over the categories (0 to 200 for each)";
    let metrics = vec![
        right_or_wrong(entry, "share of answers that are the label"),
        Metric::new("accuracy_plus", Formula::OfCounts(accuracy_plus), plus).titled("accuracy+"),
        Metric::new("score", Formula::OfCounts(|counts| read(counts).score()), sum).within([0.0, HIGHEST]),
        readable_metric("share of answers that are yes or no"),
    ];
    let parameters = Map::from_iter([("category".to_owned(), json!(category))]);
    let (column, unparsed) = (category.clone(), entry.unparsed);
    let score =
        move |items: &[Item<'_>], _: &crate::scorer::Tools<'_>| Ok(outcomes(items, &column, unparsed));
    Ok(ConfiguredScorer {
        parameters,
        metrics,
        columns: vec![category],
        measure: Measure::Items(Box::new(score)),
    })
}

/// Returns the outcome of each question. The counts of a picture belong to the outcome of its first question. A picture
/// counts once in each epoch, so that figures do not depend on the number of epochs.
fn outcomes(items: &[Item<'_>], column: &str, unparsed: Unparsed) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = items.iter().map(|item| outcome(item, column, unparsed)).collect();
    let mut pictures: HashMap<(&str, &str, Epoch), (usize, bool)> = HashMap::new();
    for (at, (item, outcome)) in items.iter().zip(&outcomes).enumerate() {
        let (category, picture) = (item.record.fields.get(column), item.record.cluster.as_deref());
        // An unreadable answer counts as not right for its picture, even if `unparsed` leaves it unscored.
        let is_evaluated = outcome.has_value() || outcome.counts.contains_key(READABLE);
        if let (Some(category), Some(picture), true) = (category, picture, is_evaluated) {
            let picture = pictures.entry((category, picture, item.record.epoch)).or_insert((at, true));
            picture.1 &= outcome.number() == Some(1.0);
        }
    }
    for ((category, ..), (at, is_right)) in pictures {
        let counts = &mut outcomes[at].counts;
        counts.insert(format!("{PICTURES}{category}"), 1.0);
        counts.insert(format!("{RIGHT_PICTURES}{category}"), f64::from(u8::from(is_right)));
    }
    outcomes
}

fn outcome(item: &Item<'_>, column: &str, unparsed: Unparsed) -> Outcome {
    let Some(category) = item.record.fields.get(column) else {
        return Outcome::unscored(format!("the row has no {column}"));
    };
    if item.record.cluster.is_none() {
        return Outcome::unscored("the record has no picture of the question");
    }
    let labelled = match LabelledAnswer::read(item) {
        Ok(labelled) => labelled,
        Err(reason) => return Outcome::unscored(reason),
    };
    let right = f64::from(u8::from(labelled.is_right()));
    let mut outcome = labelled.outcome(unparsed);
    if outcome.has_value() {
        outcome.counts.insert(format!("{QUESTIONS}{category}"), 1.0);
        outcome.counts.insert(format!("{RIGHT_QUESTIONS}{category}"), right);
    }
    outcome
}

fn accuracy_plus(counts: &Counts) -> Option<f64> {
    let figures = read(counts);
    let sum = |of: fn(&MmeCategory) -> u64| figures.categories.values().map(of).sum();
    ratio(sum(|category| category.right_pictures), sum(|category| category.pictures))
}

/// Converts the sums of the counts by name, which are whole numbers, into figures.
fn read(counts: &Counts) -> MmeFigures {
    let mut figures = MmeFigures::default();
    for (name, count) in counts {
        let kinds = [QUESTIONS, RIGHT_QUESTIONS, PICTURES, RIGHT_PICTURES];
        let Some((kind, category)) = kinds.iter().find_map(|kind| Some((*kind, name.strip_prefix(kind)?)))
        else {
            continue;
        };
        let category = figures.categories.entry(category.to_owned()).or_default();
        let place = match kind {
            QUESTIONS => &mut category.questions,
            RIGHT_QUESTIONS => &mut category.right_questions,
            PICTURES => &mut category.pictures,
            _ => &mut category.right_pictures,
        };
        *place = *count as u64;
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item<'a>(category: &'a str, picture: &'a str, is_right: bool) -> MmeItem<'a> {
        MmeItem { category, picture, is_right }
    }

    #[test]
    fn a_picture_is_right_if_all_its_questions_are() {
        let figures =
            mme([item("poster", "p1", true), item("poster", "p2", true), item("poster", "p1", false)]);
        let poster = figures.categories["poster"];
        assert_eq!(poster.accuracy(), Some(2.0 / 3.0));
        assert_eq!(poster.accuracy_plus(), Some(0.5));
        assert!((figures.score().unwrap() - (200.0 / 3.0 + 50.0)).abs() < 1e-12);
    }

    #[test]
    fn a_picture_of_two_categories_counts_in_each() {
        let figures = mme([item("color", "p1", true), item("count", "p1", false)]);
        assert_eq!(figures.categories["color"].accuracy_plus(), Some(1.0));
        assert_eq!(figures.categories["count"].accuracy_plus(), Some(0.0));
        assert_eq!(figures.score(), Some(200.0));
    }

    #[test]
    fn nothing_has_no_score() {
        assert_eq!(mme([]).score(), None);
        assert_eq!(MmeCategory::default().accuracy(), None);
    }
}
