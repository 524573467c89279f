//! Verdicts: p values adjusted for their number, and what they say about the other run.

use serde::Serialize;

use super::comparison::FigureComparison;
use crate::stats::holm;
use crate::types::Direction;

/// Verdicts speak at adjusted p values below this.
pub const SIGNIFICANCE: f64 = 0.05;

/// What a comparison says about the other run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The other run is better than the baseline.
    Better,
    /// The other run is worse than the baseline.
    Worse,
    /// The difference can be chance.
    CantTell,
    /// With failed samples at the bottom of the range, the verdict is another one.
    DependsOnFailures,
    /// Neither higher nor lower values of the figure are better.
    NoBetterSide,
}

impl Verdict {
    /// The name in JSON and CSV.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::CantTell => "cant_tell",
            Self::DependsOnFailures => "depends_on_failures",
            Self::NoBetterSide => "no_better_side",
        }
    }

    /// The verdict in words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::CantTell => "can't tell",
            Self::DependsOnFailures => "depends on failures",
            Self::NoBetterSide => "no better side",
        }
    }

    fn of(difference: f64, adjusted: Option<f64>, direction: Direction) -> Self {
        let is_higher = difference > 0.0;
        match adjusted {
            _ if direction == Direction::Neither => Self::NoBetterSide,
            Some(p) if p < SIGNIFICANCE && difference != 0.0 => {
                if is_higher == (direction == Direction::Higher) { Self::Better } else { Self::Worse }
            }
            _ => Self::CantTell,
        }
    }
}

/// Adjusts the p values of all comparisons for their number, and reaches the verdicts. The comparisons of the figure
/// `primary` are adjusted among themselves. Figures without a better side are not tested. A second pass takes the p values with failed samples, where there are some.
pub(super) fn reach_verdicts(comparisons: &mut [FigureComparison], primary: Option<&str>) {
    let plain = adjusted(comparisons, primary, |comparison| comparison.p);
    let with_failures = adjusted(comparisons, primary, |comparison| {
        comparison.with_failures.as_ref().map_or(comparison.p, |failures| failures.p)
    });
    for ((comparison, p), p_with_failures) in comparisons.iter_mut().zip(plain).zip(with_failures) {
        comparison.p_adjusted = p;
        comparison.verdict = Verdict::of(comparison.difference, p, comparison.direction);
        if let Some(failures) = &mut comparison.with_failures {
            failures.p_adjusted = p_with_failures;
            failures.verdict = Verdict::of(failures.difference, p_with_failures, comparison.direction);
            if failures.verdict != comparison.verdict {
                comparison.verdict = Verdict::DependsOnFailures;
            }
        }
    }
}

/// The adjusted p value of each comparison that has one.
fn adjusted(
    comparisons: &[FigureComparison],
    primary: Option<&str>,
    p_of: impl Fn(&FigureComparison) -> Option<f64>,
) -> Vec<Option<f64>> {
    let mut all = vec![None; comparisons.len()];
    for is_primary in [true, false] {
        let is_in =
            |comparison: &FigureComparison| (Some(comparison.figure.as_str()) == primary) == is_primary;
        let has_side = |comparison: &FigureComparison| comparison.direction != Direction::Neither;
        let family = comparisons.iter().enumerate();
        let family = family.filter(|(_, comparison)| is_in(comparison) && has_side(comparison));
        let family = family.filter_map(|(at, comparison)| Some((at, p_of(comparison)?)));
        let (places, p_values): (Vec<usize>, Vec<f64>) = family.unzip();
        for (place, p) in places.into_iter().zip(holm(&p_values)) {
            all[place] = Some(p);
        }
    }
    all
}
