//! Gates: conditions on the figures of runs that make a command fail, for CI. `docs/ci.md` documents the language.
//!
//! `parse.rs` reads a condition, `check.rs` checks gates against measured values. Nothing here prints, reads a file or
//! knows how runs are compared.

mod check;
mod measured;
mod parse;
mod shown;
#[cfg(test)]
mod tests;

use std::fmt;

pub use check::{GateError, GateFailure, GateMistake, GateOutcome, check};
pub use measured::{MeasuredDifference, MeasuredPair, MeasuredRun};
pub use parse::ConditionError;
pub use shown::shown_difference;

/// A condition with what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// Whether the condition must hold or must not.
    pub rule: Rule,
    /// The condition.
    pub condition: Condition,
}

/// When a gate fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The gate fails if the condition holds.
    FailIf,
    /// The gate fails unless the condition holds.
    FailUnless,
}

impl fmt::Display for Gate {
    /// The gate as on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = match self.rule {
            Rule::FailIf => "--fail-if",
            Rule::FailUnless => "--fail-unless",
        };
        write!(f, "{option} '{}'", self.condition.text)
    }
}

/// A condition on one value or one difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The condition as it was given.
    text: String,
    statement: Statement,
}

/// What a condition states.
#[derive(Debug, Clone, PartialEq)]
enum Statement {
    /// The interval of a difference lies on one side of a margin.
    Difference { figure: String, relation: Relation, margin: Margin },
    /// A value is below or above a threshold.
    Value { subject: Subject, comparison: Comparison, threshold: Quantity },
}

/// Where the interval of a difference lies, in the direction in which the figure gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// Below −margin.
    Worse,
    /// Above −margin.
    NotWorse,
}

/// What a threshold is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    /// The samples without an answer.
    Failed,
    /// The cost of the run in US dollars.
    Cost,
    /// A percentile of the latency.
    Latency(Percentile),
    /// The pairs of samples with one outcome, in the primary figure.
    Pairs(PairOutcome),
    /// A figure, or one of its fields, by its id or a unique ending of it.
    Figure(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Percentile {
    P50,
    P90,
    P95,
    P99,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PairOutcome {
    Won,
    Lost,
    Same,
}

impl Subject {
    /// The subjects with a name of their own.
    const NAMED: [(&str, Self); 9] = [
        ("failed", Self::Failed),
        ("cost", Self::Cost),
        ("latency_p50", Self::Latency(Percentile::P50)),
        ("latency_p90", Self::Latency(Percentile::P90)),
        ("latency_p95", Self::Latency(Percentile::P95)),
        ("latency_p99", Self::Latency(Percentile::P99)),
        ("won", Self::Pairs(PairOutcome::Won)),
        ("lost", Self::Pairs(PairOutcome::Lost)),
        ("same", Self::Pairs(PairOutcome::Same)),
    ];

    fn name(&self) -> &str {
        match self {
            Self::Figure(id) => id,
            named => Self::NAMED.iter().find(|(_, known)| known == named).map_or("", |(name, _)| name),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
            Self::Greater => value > threshold,
            Self::GreaterOrEqual => value >= threshold,
        }
    }
}

/// A difference as users give it: `2pp` for shares, or a plain number in the unit of the figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margin(Quantity);

/// A number with its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Quantity {
    /// A number without a unit.
    Plain(f64),
    /// A share that was given in percent, as a fraction.
    Percent(f64),
    /// A difference of shares that was given in percentage points, as a fraction.
    Points(f64),
    /// Seconds.
    Seconds(f64),
}

impl Quantity {
    /// The number, a fraction if it was given in percent or points.
    fn number(self) -> f64 {
        match self {
            Self::Plain(number) | Self::Percent(number) | Self::Points(number) | Self::Seconds(number) => {
                number
            }
        }
    }
}
