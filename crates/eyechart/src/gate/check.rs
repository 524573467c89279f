//! Checks gates against measured values.
//!
//! A mistake in a gate is a [`GateError`]. A value that is absent is none: the gate fails, with the reason.

use super::measured::{MeasuredDifference, MeasuredPair, MeasuredRun};
use super::shown::{Unit, part, rounded, shown_difference};
use super::{
    Comparison, Condition, Gate, Margin, PairOutcome, Percentile, Quantity, Relation, Rule, Statement,
    Subject,
};
use crate::text::{counted, usd};
use crate::types::{Direction, Figure, UnknownFigure, find_figure};

/// Why a gate cannot be checked: nothing was checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{gate}: {mistake}")]
pub struct GateError {
    /// The gate.
    pub gate: String,
    /// What is wrong with it.
    pub mistake: GateMistake,
}

/// What is wrong with a gate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateMistake {
    /// No run has the figure, or the id fits several.
    #[error(transparent)]
    Figure(#[from] UnknownFigure),
    /// The gate is about two runs, and there are no pairs.
    #[error("this condition is about two runs: `eyechart compare` checks it")]
    NeedsPair,
    /// The condition asks which run is better, and neither side of the figure is.
    #[error(
        "neither higher nor lower values of {figure} are better: set a limit to its value, such as '{figure} > 0.6'"
    )]
    NoBetterSide {
        /// The id of the figure.
        figure: String,
    },
    /// The unit of the condition is not that of the value.
    #[error("{name} is not a share: expected a plain number, such as 0.02")]
    NotAShare {
        /// The name of the value.
        name: String,
    },
    /// The condition is true or false whatever is measured.
    #[error("{given} is out of range: {name} is from {low} to {high}")]
    OutOfRange {
        /// The given number, in the unit of the value.
        given: String,
        /// The name of the value.
        name: String,
        /// The lowest possible value.
        low: String,
        /// The highest possible value.
        high: String,
    },
}

/// A checked gate.
#[derive(Debug, Clone, PartialEq)]
pub struct GateOutcome<'a> {
    /// The gate.
    pub gate: &'a Gate,
    /// The runs or pairs in which it fails; empty if it passed.
    pub failures: Vec<GateFailure>,
}

/// Where and why a gate fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateFailure {
    /// The name of the run or of the pair.
    pub subject: String,
    /// The value that decided, or why there is none.
    pub reason: String,
}

/// Checks gates: those on values in each of `runs`, and those on differences in each of `pairs`.
///
/// # Errors
/// [`GateError`] for the first gate that cannot be checked.
pub fn check<'a>(
    gates: &'a [Gate],
    runs: &[MeasuredRun<'_>],
    pairs: &[MeasuredPair<'_>],
) -> Result<Vec<GateOutcome<'a>>, GateError> {
    let outcome = |gate: &'a Gate| {
        let failures = failures(gate, runs, pairs);
        failures
            .map(|failures| GateOutcome { gate, failures })
            .map_err(|mistake| GateError { gate: gate.to_string(), mistake })
    };
    gates.iter().map(outcome).collect()
}

/// A value with its description, or the reason why it is absent.
type Found = Result<Measured, String>;

/// Whether a condition holds, and the value that decided.
struct Measured {
    holds: bool,
    shown: String,
}

fn failures(
    gate: &Gate,
    runs: &[MeasuredRun<'_>],
    pairs: &[MeasuredPair<'_>],
) -> Result<Vec<GateFailure>, GateMistake> {
    let Condition { statement, .. } = &gate.condition;
    let is_of_pairs = matches!(
        statement,
        Statement::Difference { .. } | Statement::Value { subject: Subject::Pairs(_), .. }
    );
    if is_of_pairs && pairs.is_empty() {
        return Err(GateMistake::NeedsPair);
    }
    let found: Vec<(&str, Found)> = match statement {
        Statement::Difference { figure, relation, margin } => {
            let ids = resolve_all(figure, pairs.iter().map(|pair| pair.ids))?;
            let found = pairs.iter().zip(ids).map(|(pair, id)| {
                let Some(id) = id else { return Ok((pair.name.as_str(), Err(lacks(figure)))) };
                Ok((pair.name.as_str(), difference(pair, id, *relation, *margin)?))
            });
            found.collect::<Result<_, GateMistake>>()?
        }
        Statement::Value { subject: Subject::Pairs(outcome), comparison, threshold } => {
            let of = |pair| outcome_of_pairs(pair, *outcome, *comparison, *threshold);
            pairs.iter().map(|pair| (pair.name.as_str(), of(pair))).collect()
        }
        Statement::Value { subject: Subject::Figure(given), comparison, threshold } => {
            let (figure, field) = figure_and_field(given, runs);
            let ids = resolve_all(figure, runs.iter().map(|run| run.ids))?;
            let found = runs.iter().zip(ids).map(|(run, id)| {
                let Some(id) = id else { return Ok((run.name, Err(lacks(figure)))) };
                Ok((run.name, value(run, id, field, *comparison, *threshold)?))
            });
            found.collect::<Result<_, GateMistake>>()?
        }
        Statement::Value { subject, comparison, threshold } => {
            runs.iter().map(|run| (run.name, of_run(run, subject, *comparison, *threshold))).collect()
        }
    };
    let failed = found.into_iter().filter_map(|(subject, found)| {
        let reason = match (found, gate.rule) {
            (Err(absent), _) => absent,
            (Ok(Measured { holds: true, shown }), Rule::FailIf) => shown,
            (Ok(Measured { holds: false, shown }), Rule::FailUnless) => shown,
            (Ok(_), _) => return None,
        };
        Some(GateFailure { subject: subject.to_owned(), reason })
    });
    Ok(failed.collect())
}

/// The id that `given` means in each list of ids; absent where the list has no such id.
///
/// # Errors
/// [`UnknownFigure`] if no list has it, or one has several.
fn resolve_all<'a>(
    given: &str,
    lists: impl Iterator<Item = &'a [String]>,
) -> Result<Vec<Option<&'a str>>, UnknownFigure> {
    let mut known: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for ids in lists {
        match find_figure(given, ids, String::as_str) {
            Ok(id) => found.push(Some(id.as_str())),
            Err(unknown) if unknown.is_ambiguous => return Err(unknown),
            Err(unknown) => {
                found.push(None);
                known.extend(unknown.candidates);
            }
        }
    }
    if found.iter().any(Option::is_some) {
        return Ok(found);
    }
    known.sort_unstable();
    known.dedup();
    Err(UnknownFigure { given: given.to_owned(), candidates: known, is_ambiguous: false })
}

fn lacks(figure: &str) -> String {
    format!("there is no figure {figure}")
}

/// What a condition on a figure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Value,
    Low,
    High,
    Worst,
    Best,
    N,
}

const FIELDS: [(&str, Field); 5] = [
    (".low", Field::Low),
    (".high", Field::High),
    (".worst", Field::Worst),
    (".best", Field::Best),
    (".n", Field::N),
];

/// The id and the field in `given`. An id that ends like a field is an id.
fn figure_and_field<'a>(given: &'a str, runs: &[MeasuredRun<'_>]) -> (&'a str, Field) {
    let is_id = runs.iter().any(|run| find_figure(given, run.ids, String::as_str).is_ok());
    let with_field = || FIELDS.iter().find_map(|(suffix, field)| Some((given.strip_suffix(suffix)?, *field)));
    with_field().filter(|_| !is_id).unwrap_or((given, Field::Value))
}

/// Whether the value of a figure is on the given side of the threshold.
fn value(
    run: &MeasuredRun<'_>,
    id: &str,
    field: Field,
    comparison: Comparison,
    threshold: Quantity,
) -> Result<Found, GateMistake> {
    let Some(figure) = run.results.figures.iter().find(|figure| figure.id == id) else {
        return Ok(Err(format!("{id} is absent: the run has no answer to score")));
    };
    let unit = if field == Field::N { Unit::Plain } else { Unit::of(figure.range) };
    let name = name_of(id, field);
    let threshold = in_unit(threshold, unit, &name)?;
    if field != Field::N && !(figure.range[0]..=figure.range[1]).contains(&threshold) {
        let [given, low, high] = [threshold, figure.range[0], figure.range[1]].map(|end| unit.value(end));
        return Err(GateMistake::OutOfRange { given, name, low, high });
    }
    Ok(match field_of(figure, field) {
        Some(value) => Ok(Measured {
            holds: comparison.holds(value, threshold),
            shown: format!("{name} is {}", unit.value(value)),
        }),
        None => Err(format!("{name} is absent: {}", why_absent(figure, field))),
    })
}

fn name_of(id: &str, field: Field) -> String {
    let suffix = FIELDS.iter().find(|(_, known)| *known == field).map_or("", |(suffix, _)| suffix);
    format!("{id}{suffix}")
}

fn field_of(figure: &Figure, field: Field) -> Option<f64> {
    match field {
        Field::Value => figure.value,
        Field::Low => figure.low,
        Field::High => figure.high,
        Field::Worst => figure.worst,
        Field::Best => figure.best,
        Field::N => Some(figure.n as f64),
    }
}

fn why_absent(figure: &Figure, field: Field) -> &'static str {
    match (field, figure.value, figure.no_interval) {
        (Field::Low | Field::High, Some(_), Some(reason)) => reason.in_words(),
        (Field::Worst | Field::Best, Some(_), _) => "the figure has no worst and best case",
        _ => "the figure is not defined for these scores",
    }
}

/// The number in a condition on a value of this unit.
fn in_unit(quantity: Quantity, unit: Unit, name: &str) -> Result<f64, GateMistake> {
    match (quantity, unit) {
        (Quantity::Percent(_) | Quantity::Points(_), Unit::Plain) => {
            Err(GateMistake::NotAShare { name: name.to_owned() })
        }
        _ => Ok(quantity.number()),
    }
}

impl Margin {
    /// The number, for the figure `id` with this range.
    ///
    /// # Errors
    /// [`GateMistake`] if the unit is not that of the figure, or no difference is as large.
    pub fn within(self, id: &str, range: [f64; 2]) -> Result<f64, GateMistake> {
        let unit = Unit::of(range);
        let (margin, width) = (in_unit(self.0, unit, id)?, range[1] - range[0]);
        if margin < width {
            return Ok(margin);
        }
        let [given, low, high] = [margin, 0.0, width].map(|number| unit.difference(number));
        Err(GateMistake::OutOfRange { given, name: format!("a difference of {id}"), low, high })
    }
}

/// Whether a difference is worse, or not worse, by the margin.
fn difference(
    pair: &MeasuredPair<'_>,
    id: &str,
    relation: Relation,
    margin: Margin,
) -> Result<Found, GateMistake> {
    let Some(found) = pair.differences.iter().find(|difference| difference.figure == id) else {
        return Ok(Err(format!(
            "the difference of {id} is absent: the figure is not compared in these runs"
        )));
    };
    if found.direction == Direction::Neither {
        return Err(GateMistake::NoBetterSide { figure: id.to_owned() });
    }
    let margin = margin.within(id, found.range)?;
    let [low, high] = match found.interval {
        Ok(interval) => interval,
        Err(reason) => return Ok(Err(format!("the difference of {id} has no interval: {reason}"))),
    };
    let [gain_low, gain_high] = match found.direction {
        Direction::Lower => [-high, -low],
        Direction::Higher | Direction::Neither => [low, high],
    };
    let holds = match relation {
        Relation::Worse => gain_high < -margin,
        Relation::NotWorse => gain_low > -margin,
    };
    let [shown, low, high] =
        [found.difference, low, high].map(|number| shown_difference(found.range, number));
    let turned = if found.direction == Direction::Lower { " (lower is better)" } else { "" };
    Ok(Ok(Measured { holds, shown: format!("{id} differs by {shown} [{low}, {high}]{turned}") }))
}

fn outcome_of_pairs(
    pair: &MeasuredPair<'_>,
    outcome: PairOutcome,
    comparison: Comparison,
    threshold: Quantity,
) -> Found {
    let name = Subject::Pairs(outcome);
    let primary = pair.differences.iter().find(|difference| difference.is_primary);
    let Some(MeasuredDifference { won, lost, same, .. }) = primary else {
        return Err(format!("{} is absent: the primary figure is not compared", name.name()));
    };
    let count = match outcome {
        PairOutcome::Won => *won,
        PairOutcome::Lost => *lost,
        PairOutcome::Same => *same,
    };
    Ok(of_count(name.name(), count, won + lost + same, comparison, threshold))
}

/// A number of samples or pairs, compared as a share if the threshold is one.
fn of_count(name: &str, count: usize, total: usize, comparison: Comparison, threshold: Quantity) -> Measured {
    let (value, threshold) = match threshold {
        Quantity::Percent(share) => (count as f64 / total.max(1) as f64, share),
        _ => (count as f64, threshold.number()),
    };
    Measured { holds: comparison.holds(value, threshold), shown: format!("{name} is {}", part(count, total)) }
}

/// A condition on a value of a whole run.
fn of_run(run: &MeasuredRun<'_>, subject: &Subject, comparison: Comparison, threshold: Quantity) -> Found {
    let (results, name) = (run.results, subject.name());
    let (value, shown) = match subject {
        Subject::Failed => {
            let total = results.samples.total;
            // Samples without a record have no answer either.
            let failed = total.saturating_sub(results.samples.completed);
            return Ok(of_count(name, failed, total, comparison, threshold));
        }
        Subject::Cost => match &results.cost {
            Some(cost) if cost.uncounted > 0 => {
                let answers = counted(cost.uncounted, "answer");
                return Err(format!("cost is unknown: the endpoint did not report the tokens of {answers}"));
            }
            Some(cost) => (cost.usd, format!("{} USD", usd(cost.usd))),
            None => return Err("cost is unknown: the run has no price or no token counts".to_owned()),
        },
        Subject::Latency(percentile) => {
            let speed = results.speed.as_ref();
            let seconds = speed.and_then(|speed| match percentile {
                Percentile::P50 => Some(speed.latency_p50),
                Percentile::P90 => speed.latency_p90,
                Percentile::P95 => Some(speed.latency_p95),
                Percentile::P99 => speed.latency_p99,
            });
            let Some(seconds) = seconds else {
                return Err(format!("{name} is absent: the run measured no latency"));
            };
            (seconds, format!("{} s", rounded(seconds)))
        }
        // Checked in pairs, and by figure.
        Subject::Pairs(_) | Subject::Figure(_) => return Err(lacks(name)),
    };
    let holds = comparison.holds(value, threshold.number());
    Ok(Measured { holds, shown: format!("{name} is {shown}") })
}
