//! The answer of `eyechart power`, as JSON and in words.

use eyechart::gate::shown_difference;
use eyechart::text::{counted, grouped, wrapped};
use serde::Serialize;

use super::super::output;

/// Where the numbers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Basis {
    Assumptions,
    OneRun,
    TwoRuns,
}

/// What the command prints.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) figure: String,
    #[serde(skip)]
    pub(super) range: [f64; 2],
    pub(super) basis: Basis,
    pub(super) alpha: f64,
    pub(super) power: f64,
    /// The assumed or measured share of right answers; absent if it plays no part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) correlation: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) discordant: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variance: Option<f64>,
    pub(super) design_effect: f64,
    /// What the design effect rests on; absent if nothing is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) samples: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) clusters: Option<usize>,
    pub(super) needed: Vec<Needed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<usize>,
    /// The smallest difference that `limit` samples show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detectable: Option<f64>,
}

/// One line of the table.
#[derive(Debug, Serialize)]
pub(super) struct Needed {
    pub(super) difference: f64,
    /// Absent if no number of samples shows the difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) samples: Option<u64>,
    pub(super) is_asked: bool,
}

impl Report {
    pub(super) fn in_words(&self) -> String {
        let head = format!(
            "Samples that show a difference in {} with {} power at the level {}:",
            self.figure,
            percent(self.power),
            self.alpha
        );
        let mut text = paragraph(&head);
        text.push_str("  difference     samples\n");
        for needed in &self.needed {
            let samples = needed.samples.map_or_else(|| "–".to_owned(), grouped);
            let mark = if needed.is_asked { "  <- --detect" } else { "" };
            text.push_str(&format!("  {:>10} {samples:>11}{mark}\n", self.difference(needed.difference)));
        }
        let notes =
            [self.unattainable(), self.of_limit(), Some(self.basis_in_words()), Some(self.of_clusters())];
        notes.into_iter().flatten().for_each(|note| text.push_str(&paragraph(&note)));
        text
    }

    fn difference(&self, difference: f64) -> String {
        shown_difference(self.range, difference)
    }

    fn unit(&self) -> f64 {
        Some(unit_of(self.range)).filter(|unit| unit.is_finite()).unwrap_or(1.0)
    }

    /// Why some differences have no number of samples.
    fn unattainable(&self) -> Option<String> {
        self.needed.iter().any(|needed| needed.samples.is_none()).then(|| match self.discordant {
            Some(discordant) => format!(
                "–: not possible, because only one of the models is right on {} of the samples.",
                percent(discordant)
            ),
            None => "–: unknown, because the scores do not vary.".to_owned(),
        })
    }

    fn of_limit(&self) -> Option<String> {
        let samples = counted(self.limit? as u64, "sample");
        Some(match self.detectable {
            Some(difference) => {
                // More digits would promise more than the assumptions hold.
                let rounded = (difference / self.unit() * 1e3).round() / 1e3 * self.unit();
                format!("{samples}: a difference of {} or more is found.", self.difference(rounded))
            }
            None => format!("{samples}: no possible difference is found with this power."),
        })
    }

    fn basis_in_words(&self) -> String {
        let differ = match (self.discordant, self.variance) {
            (Some(discordant), _) => {
                format!("only one of them is right on {} of the samples", percent(discordant))
            }
            (None, variance) => {
                format!("the variance of their differences is {}", rounded(variance.unwrap_or_default()))
            }
        };
        let correlation = self.correlation.map(rounded).unwrap_or_default();
        match (self.basis, self.p) {
            (Basis::TwoRuns, _) => format!("Measured on {} of both runs: {differ}.", self.counted_samples()),
            (_, Some(p)) => {
                let (p, whole) = (percent(p), self.discordant.is_some());
                let scores = if whole {
                    format!("both models are right on {p} of the samples (--p)")
                } else {
                    format!("all scores are at the ends of the range, {p} at the upper one (--p)")
                };
                format!(
                    "Assumed: {scores} and their scores correlate by {correlation} (--correlation), so {differ}."
                )
            }
            (_, None) => format!(
                "Assumed: another model's scores vary like those of this run and correlate with them by {correlation} \
                 (--correlation), so {differ}."
            ),
        }
    }

    fn counted_samples(&self) -> String {
        counted(self.samples.unwrap_or_default() as u64, "sample")
    }

    fn of_clusters(&self) -> String {
        match self.clusters {
            None => "Each sample counts as independent. `eyechart power RUN` measures how the scores of a run vary and \
                     what its clusters change."
                .to_owned(),
            Some(clusters) => format!(
                "Design effect {}: measured on {} in {}.",
                rounded(self.design_effect),
                self.counted_samples(),
                counted(clusters as u64, "cluster")
            ),
        }
    }
}

fn paragraph(text: &str) -> String {
    wrapped(text, output::width(), 2) + "\n"
}

fn percent(share: f64) -> String {
    format!("{}%", rounded(share * 100.0))
}

/// A number with at most three digits after the point.
fn rounded(number: f64) -> String {
    ((number * 1e3).round() / 1e3).to_string()
}

/// 1 for a figure that tables show in percent, else the width of the range.
pub(super) fn unit_of([low, high]: [f64; 2]) -> f64 {
    if low >= -1.0 && high <= 1.0 { 1.0 } else { high - low }
}
