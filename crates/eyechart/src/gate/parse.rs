//! Reads a condition such as `accuracy worse by 2pp`, `accuracy.low < 75%` or `failed > 1%`.

use std::str::FromStr;

use super::{Comparison, Condition, Margin, Quantity, Relation, Statement, Subject};
use crate::text::parse_duration;

/// Why a text is not a condition: what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConditionError(String);

fn expected<T>(what: impl Into<String>) -> Result<T, ConditionError> {
    Err(ConditionError(what.into()))
}

const FORMS: &str = "expected a condition such as 'accuracy < 75%', 'accuracy worse', 'accuracy worse by 2pp', \
                     'accuracy not worse by 2pp' or 'failed > 1%' (docs/ci.md)";

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let text = text.trim();
        let statement = match text.rfind(['<', '>']) {
            Some(at) => value_statement(text, at)?,
            None => difference_statement(text)?,
        };
        Ok(Self { text: text.to_owned(), statement })
    }
}

/// `NAME OPERATOR VALUE`, with the operator at `at`.
fn value_statement(text: &str, at: usize) -> Result<Statement, ConditionError> {
    let (name, rest) = text.split_at(at);
    let operators = [
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    let split =
        operators.into_iter().find_map(|(sign, comparison)| Some((rest.strip_prefix(sign)?, comparison)));
    let Some((value, comparison)) = split else { return expected(FORMS) };
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || name.ends_with(['=', '!', '<', '>']) || value.is_empty() {
        return expected(FORMS);
    }
    let subject = Subject::NAMED.into_iter().find(|(known, _)| *known == name).map(|(_, subject)| subject);
    let subject = subject.unwrap_or_else(|| Subject::Figure(name.to_owned()));
    let example = match subject {
        Subject::Failed | Subject::Pairs(_) => "a number such as 3, or a share of all samples such as 1%",
        Subject::Cost => "US dollars as a plain number, such as 2.50",
        Subject::Latency(_) => "a duration such as 20s or 300ms",
        Subject::Figure(_) => "a number such as 0.75, or a share such as 75%",
    };
    let threshold = match (&subject, quantity(value)) {
        (Subject::Latency(_), None) => {
            parse_duration(value).map(|time| Quantity::Seconds(time.as_secs_f64()))
        }
        (Subject::Latency(_), Some(_)) | (_, Some(Quantity::Points(_))) => None,
        (Subject::Cost, Some(Quantity::Percent(_))) => None,
        (_, quantity) => quantity,
    };
    match threshold {
        Some(threshold) => Ok(Statement::Value { subject, comparison, threshold }),
        None => expected(format!("{value:?} is not a value of {name}: expected {example}")),
    }
}

/// `FIGURE [not] worse [by MARGIN]`.
fn difference_statement(text: &str) -> Result<Statement, ConditionError> {
    let (words, margin) = match text.rsplit_once(" by ") {
        Some((words, margin)) => (words.trim_end(), Some(margin.trim())),
        None => (text, None),
    };
    let Some(figure) = words.strip_suffix(" worse").map(str::trim_end) else { return expected(FORMS) };
    let (figure, relation) = match figure.strip_suffix(" not") {
        Some(figure) => (figure.trim_end(), Relation::NotWorse),
        None => (figure, Relation::Worse),
    };
    if figure.is_empty() || figure == "not" {
        return expected(FORMS);
    }
    if let Some((name, _)) = Subject::NAMED.iter().find(|(name, _)| *name == figure) {
        return expected(format!(
            "only a figure can be worse: {name} takes a threshold, such as '{name} > …'"
        ));
    }
    let margin = match (margin, relation) {
        (Some(margin), _) => margin.parse()?,
        (None, Relation::Worse) => Margin(Quantity::Plain(0.0)),
        (None, Relation::NotWorse) => {
            return expected(format!("expected a margin: '{figure} not worse by 2pp', or by 0.02"));
        }
    };
    Ok(Statement::Difference { figure: figure.to_owned(), relation, margin })
}

impl FromStr for Margin {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let is_margin =
            |quantity: &Quantity| !matches!(quantity, Quantity::Percent(_)) && quantity.number() >= 0.0;
        match quantity(text).filter(is_margin) {
            Some(margin) => Ok(Self(margin)),
            None => expected(format!(
                "{text:?} is not a difference: expected percentage points such as 2pp, or a plain number such as 0.02"
            )),
        }
    }
}

/// A number, alone or with `%` or `pp`.
fn quantity(text: &str) -> Option<Quantity> {
    if let Some(number) = text.strip_suffix('%') {
        return hundredths(number.trim_end()).map(Quantity::Percent);
    }
    if let Some(number) = text.strip_suffix("pp") {
        return hundredths(number.trim_end()).map(Quantity::Points);
    }
    decimal(text, "").map(Quantity::Plain)
}

/// A hundredth of a number: `33.3` is exactly what `0.333` is.
fn hundredths(number: &str) -> Option<f64> {
    decimal(number, "e-2")
}

/// The number in decimal notation, times the power of ten that `exponent` has.
fn decimal(text: &str, exponent: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_decimal = digits.contains(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let number: f64 = is_decimal.then(|| format!("{text}{exponent}"))?.parse().ok()?;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{PairOutcome, Percentile};
    use super::*;

    fn read(text: &str) -> Result<Statement, String> {
        text.parse::<Condition>().map(|condition| condition.statement).map_err(|error| error.to_string())
    }

    fn value(subject: Subject, comparison: Comparison, threshold: Quantity) -> Statement {
        Statement::Value { subject, comparison, threshold }
    }

    fn difference(figure: &str, relation: Relation, margin: Quantity) -> Statement {
        Statement::Difference { figure: figure.to_owned(), relation, margin: Margin(margin) }
    }

    #[test]
    fn conditions_are_read_with_or_without_blanks() {
        use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
        use Quantity::{Percent, Plain, Points, Seconds};
        let figure = |id: &str| Subject::Figure(id.to_owned());
        for (text, statement) in [
            ("accuracy worse", difference("accuracy", Relation::Worse, Plain(0.0))),
            ("a b.mean worse by 2pp", difference("a b.mean", Relation::Worse, Points(0.02))),
            ("  x.y  worse  by  0.5 pp ", difference("x.y", Relation::Worse, Points(0.005))),
            ("x not worse by 0.02", difference("x", Relation::NotWorse, Plain(0.02))),
            ("x  not  worse by 0pp", difference("x", Relation::NotWorse, Points(0.0))),
            ("x < 0.75", value(figure("x"), Less, Plain(0.75))),
            ("x.low<=75%", value(figure("x.low"), LessOrEqual, Percent(0.75))),
            ("a < b >= 33.3 %", value(figure("a < b"), GreaterOrEqual, Percent(0.333))),
            ("tau > -0.2", value(figure("tau"), Greater, Plain(-0.2))),
            ("failed > 1%", value(Subject::Failed, Greater, Percent(0.01))),
            ("failed>3", value(Subject::Failed, Greater, Plain(3.0))),
            ("cost > 2.50", value(Subject::Cost, Greater, Plain(2.5))),
            ("latency_p95 > 1m20s", value(Subject::Latency(Percentile::P95), Greater, Seconds(80.0))),
            ("latency_p50 >= 300ms", value(Subject::Latency(Percentile::P50), GreaterOrEqual, Seconds(0.3))),
            ("lost > 5", value(Subject::Pairs(PairOutcome::Lost), Greater, Plain(5.0))),
        ] {
            assert_eq!(read(text), Ok(statement), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_what_is_expected() {
        let forms = [
            "",
            " ",
            "accuracy",
            "accuracy better",
            "accuracy = 1",
            "accuracy == 1",
            "accuracy =< 1",
            "< 1",
            "x <",
            "x => 1",
            "x << 1",
            "x <> 1",
            "worse",
            "not worse by 2pp",
            "worse by 2pp",
            "xworse",
            "x worse than 2pp",
        ];
        for text in forms {
            assert_eq!(read(text), Err(FORMS.to_owned()), "{text:?}");
        }
        for (text, expected) in [
            ("x not worse", "expected a margin: 'x not worse by 2pp'"),
            ("x worse by -2pp", "\"-2pp\" is not a difference"),
            ("x worse by 2%", "expected percentage points such as 2pp"),
            ("x worse by 2pp or so", "\"2pp or so\" is not a difference"),
            ("x < 1e3", "\"1e3\" is not a value of x"),
            ("x < nan", "\"nan\" is not a value of x"),
            ("x < 2pp", "expected a number such as 0.75"),
            ("x < .", "expected a number such as 0.75"),
            ("x < 1.2.3", "expected a number such as 0.75"),
            ("latency_p50 > 20", "latency_p50: expected a duration such as 20s or 300ms"),
            ("latency_p50 > 5%", "expected a duration"),
            ("cost > 5%", "expected US dollars"),
            ("cost > $5", "expected US dollars"),
            ("failed worse", "only a figure can be worse: failed takes a threshold"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(expected), "{text:?}: {message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = read(&text);
        }

        #[test]
        fn percent_is_exactly_the_decimal_fraction(whole in 0u32..1000, tenth in 0u32..10) {
            let fraction: f64 = format!("{}.{:02}{tenth}", whole / 100, whole % 100).parse().unwrap();
            prop_assert_eq!(quantity(&format!("{whole}.{tenth}%")), Some(Quantity::Percent(fraction)));
        }
    }
}
