//! Gates on differences and on values, without runs.

use serde_json::json;

use super::*;
use crate::types::{Direction, Results};

fn gate(text: &str) -> Gate {
    let (rule, condition) = match text.strip_prefix("unless ") {
        Some(condition) => (Rule::FailUnless, condition),
        None => (Rule::FailIf, text),
    };
    Gate { rule, condition: condition.parse().unwrap() }
}

fn difference(interval: [f64; 2]) -> MeasuredDifference<'static> {
    MeasuredDifference {
        figure: "a.accuracy",
        is_primary: true,
        range: [0.0, 1.0],
        direction: Direction::Higher,
        difference: f64::midpoint(interval[0], interval[1]),
        interval: Ok(interval),
        won: 2,
        lost: 3,
        same: 45,
    }
}

/// Why the gate fails for one pair; empty if it passes.
fn of_pair(text: &str, difference: MeasuredDifference<'_>) -> Result<String, GateError> {
    let ids = ["a.accuracy".to_owned(), "b.mean".to_owned()];
    let pair = MeasuredPair { name: "new against old".to_owned(), differences: vec![difference], ids: &ids };
    let gates = [gate(text)];
    let outcomes = check(&gates, &[], &[pair])?;
    Ok(outcomes[0].failures.iter().map(|failure| failure.reason.clone()).collect())
}

#[test]
fn the_whole_interval_must_be_on_one_side_of_the_margin() {
    for (text, low, high, fails) in [
        ("accuracy worse", -0.05, -0.001, true),
        ("accuracy worse", -0.05, 0.0, false),
        ("accuracy worse", -0.05, 0.01, false),
        ("accuracy worse by 2pp", -0.05, -0.021, true),
        ("accuracy worse by 2pp", -0.05, -0.02, false),
        ("a.accuracy worse by 0.02", -0.05, -0.021, true),
        ("unless accuracy not worse by 2pp", -0.019, 0.05, false),
        ("unless accuracy not worse by 2pp", -0.02, 0.05, true),
        ("unless accuracy not worse by 2pp", -0.05, -0.03, true),
    ] {
        let reason = of_pair(text, difference([low, high])).unwrap();
        assert_eq!(!reason.is_empty(), fails, "{text} [{low}, {high}]: {reason}");
    }
    let reason = of_pair("accuracy worse", difference([-0.05, -0.01])).unwrap();
    assert_eq!(reason, "a.accuracy differs by -3pp [-5pp, -1pp]");
}

#[test]
fn where_lower_is_better_a_rise_is_worse() {
    let rise = MeasuredDifference { direction: Direction::Lower, ..difference([0.03, 0.05]) };
    assert!(of_pair("accuracy worse by 2pp", rise).unwrap().contains("(lower is better)"));
    assert!(!of_pair("unless accuracy not worse by 2pp", rise).unwrap().is_empty());
    let fall = MeasuredDifference { interval: Ok([-0.05, -0.03]), ..rise };
    assert_eq!(of_pair("accuracy worse", fall).unwrap(), "");
    assert_eq!(of_pair("unless accuracy not worse by 2pp", fall).unwrap(), "");
}

#[test]
fn a_difference_without_an_interval_fails_both_kinds_of_gates() {
    let lone = MeasuredDifference { interval: Err("one cluster"), ..difference([0.0, 0.1]) };
    for text in ["accuracy worse", "unless accuracy not worse by 2pp"] {
        assert_eq!(of_pair(text, lone).unwrap(), "the difference of a.accuracy has no interval: one cluster");
        assert!(of_pair(&text.replace("accuracy", "b.mean"), lone).unwrap().contains("is absent"), "{text}");
    }
}

#[test]
fn outcomes_of_pairs_are_counts_or_shares_of_the_primary_figure() {
    for (text, reason) in [
        ("lost > 2", "lost is 3 of 50 (6%)"),
        ("lost > 3", ""),
        ("lost > 5%", "lost is 3 of 50 (6%)"),
        ("won < 4%", ""),
        ("unless same >= 95%", "same is 45 of 50 (90%)"),
    ] {
        assert_eq!(of_pair(text, difference([0.0, 0.1])).unwrap(), reason, "{text}");
    }
    let other = MeasuredDifference { is_primary: false, ..difference([0.0, 0.1]) };
    assert_eq!(of_pair("won < 1", other).unwrap(), "won is absent: the primary figure is not compared");
}

#[test]
fn points_are_for_shares_and_margins_must_be_possible() {
    let score = MeasuredDifference { range: [0.0, 2000.0], ..difference([-9.0, -8.0]) };
    let mistake = of_pair("accuracy worse by 2pp", score).unwrap_err().to_string();
    assert!(mistake.contains("--fail-if 'accuracy worse by 2pp': a.accuracy is not a share"), "{mistake}");
    assert_eq!(of_pair("accuracy worse by 7", score).unwrap(), "a.accuracy differs by -8.5 [-9, -8]");
    let mistake = of_pair("accuracy worse by 2", difference([0.0, 0.1])).unwrap_err().to_string();
    assert!(
        mistake.contains("200pp is out of range: a difference of a.accuracy is from 0pp to 100pp"),
        "{mistake}"
    );
    let mistake = of_pair("accurcy worse", difference([0.0, 0.1])).unwrap_err().to_string();
    assert!(mistake.contains("did you mean \"accuracy\"?"), "{mistake}");
}

/// Results with a share `a.accuracy` and a mean `b.score`, and with these keys.
fn results(more: serde_json::Value) -> Results {
    let figure = |id: &str, value: f64, range: [f64; 2], kind: &str| {
        json!({"id": id, "name": "n", "scorer": "s", "part": "answer", "metric": "m", "kind": kind, "title": "t",
            "value": value, "n": 40, "low": value - 0.1, "range": range, "direction": "higher", "method": "m"})
    };
    let mut results = json!({"format": Results::FORMAT, "task": "t", "model": "m", "scorers": [],
        "samples": {"total": 50, "completed": 48, "failed": 1},
        "figures": [figure("a.accuracy", 0.7, [0.0, 1.0], "share"), figure("b.score", 30.5, [0.0, 2000.0], "mean")]});
    results.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(results).unwrap()
}

fn of_run(text: &str, results: &Results) -> Result<String, GateError> {
    let ids = ["a.accuracy", "b.score", "c.mean"].map(str::to_owned);
    let run = MeasuredRun { name: "m", results, ids: &ids };
    let gates = [gate(text)];
    let outcomes = check(&gates, &[run], &[])?;
    Ok(outcomes[0].failures.iter().map(|failure| failure.reason.clone()).collect())
}

#[test]
fn values_are_compared_in_their_units_and_absent_ones_fail() {
    let results = results(json!({
        "speed": {"inferences_per_hour": 1.0, "latency_p50": 1.5, "latency_p95": 20.25, "requests": 9},
        "cost": {"usd": 2.5, "price": {"input": 1.0, "output": 1.0, "date": "2026-01-01", "source": "s"}},
    }));
    for (text, reason) in [
        ("accuracy < 70%", ""),
        ("accuracy <= 70%", "a.accuracy is 70%"),
        ("unless accuracy >= 0.75", "a.accuracy is 70%"),
        ("accuracy.low < 65%", "a.accuracy.low is 60%"),
        ("accuracy.high < 65%", "a.accuracy.high is absent: the figure is not defined for these scores"),
        ("accuracy.worst < 65%", "a.accuracy.worst is absent: the figure has no worst and best case"),
        ("accuracy.n < 41", "a.accuracy.n is 40"),
        ("score < 31", "b.score is 30.5"),
        ("c.mean > 0.1", "c.mean is absent: the run has no answer to score"),
        ("unless c.mean > 0.1", "c.mean is absent: the run has no answer to score"),
        ("failed > 2", ""),
        ("failed > 1", "failed is 2 of 50 (4%)"),
        ("failed > 3.9%", "failed is 2 of 50 (4%)"),
        ("failed > 4%", ""),
        ("cost > 2.4", "cost is 2.5000 USD"),
        ("latency_p95 > 20s", "latency_p95 is 20.25 s"),
        ("latency_p95 > 20300ms", ""),
        ("latency_p99 > 1h", "latency_p99 is absent: the run measured no latency"),
    ] {
        assert_eq!(of_run(text, &results).unwrap(), reason, "{text}");
    }
    for (text, mistake) in [
        ("accuracy < 75", "7500% is out of range: a.accuracy is from 0% to 100%"),
        ("score < 75%", "b.score is not a share"),
        ("accuracy.n < 5%", "a.accuracy.n is not a share"),
        ("accuracy worse", "`eyechart compare` checks it"),
        ("lost > 3", "`eyechart compare` checks it"),
        ("accuracy.hihg < 1", "no figure \"accuracy.hihg\""),
    ] {
        let message = of_run(text, &results).unwrap_err().to_string();
        assert!(message.contains(mistake), "{text}: {message}");
    }
}

#[test]
fn a_cost_that_misses_answers_is_unknown() {
    let price = json!({"input": 1.0, "output": 1.0, "date": "2026-01-01", "source": "s"});
    let results = results(json!({"cost": {"usd": 0.1, "price": price, "uncounted": 3}}));
    assert!(of_run("cost > 5", &results).unwrap().contains("did not report the tokens of 3 answers"));
    assert!(of_run("cost > 5", &self::results(json!({}))).unwrap().contains("cost is unknown"));
}
