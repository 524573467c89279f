//! Options that limit the cost, tokens and time of a command.

use std::path::PathBuf;

use clap::Args;
use eyechart::run::{BudgetLimit, ExecutionSettings};
use eyechart::text::parse_duration;

/// Limits on all tasks of the command together. What a resumed run has used before counts.
#[derive(Debug, Args)]
pub struct BudgetArguments {
    /// Stop the run at this cost; none removes the limit of a resumed run
    #[arg(long, value_name = "USD", value_parser = parse_cost)]
    max_cost: Option<BudgetLimit<f64>>,

    /// Stop the run at this number of tokens of prompts and answers
    #[arg(long, value_name = "N", value_parser = parse_tokens)]
    max_tokens_total: Option<BudgetLimit<u64>>,

    /// Stop the run after this time, such as 90s, 45m, 8h or 1h30m
    #[arg(long, value_name = "DURATION", value_parser = parse_time)]
    max_time: Option<BudgetLimit<f64>>,

    /// Your own prices, used before the built-in ones (docs/budgets.md)
    #[arg(long, value_name = "FILE.toml", env = "EYECHART_PRICES")]
    pub prices: Option<PathBuf>,
}

impl BudgetArguments {
    /// `settings` with the limits of these options.
    pub fn over(&self, settings: ExecutionSettings) -> ExecutionSettings {
        ExecutionSettings {
            max_cost: self.max_cost,
            max_tokens: self.max_tokens_total,
            max_seconds: self.max_time,
            ..settings
        }
    }
}

fn parse_cost(text: &str) -> Result<BudgetLimit<f64>, String> {
    or_none(text, |text| {
        let usd = text.strip_prefix('$').unwrap_or(text).parse().ok();
        usd.filter(|usd: &f64| usd.is_finite() && *usd > 0.0)
            .ok_or_else(|| "expected US dollars above 0, such as 2.50, or none".to_owned())
    })
}

fn parse_tokens(text: &str) -> Result<BudgetLimit<u64>, String> {
    or_none(text, |text| match text.parse() {
        Ok(tokens @ 1..) => Ok(tokens),
        _ => Err("expected a whole number from 1 up, or none".to_owned()),
    })
}

fn parse_time(text: &str) -> Result<BudgetLimit<f64>, String> {
    or_none(text, |text| {
        seconds_of(text).ok_or_else(|| "expected a time such as 90s, 45m, 8h or 1h30m, or none".to_owned())
    })
}

fn or_none<T>(text: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<BudgetLimit<T>, String> {
    if text == "none" { Ok(BudgetLimit::Unlimited) } else { parse(text).map(BudgetLimit::At) }
}

/// A duration above 0 and of at most a year, in seconds.
fn seconds_of(text: &str) -> Option<f64> {
    let seconds = parse_duration(text)?.as_secs_f64();
    (seconds > 0.0 && seconds <= 366.0 * 86_400.0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_above_nothing_or_none() {
        assert_eq!(parse_time("1h30m"), Ok(BudgetLimit::At(5400.0)));
        for text in ["0s", "367d", "90", "1m1h"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
        assert_eq!(parse_time("none"), Ok(BudgetLimit::Unlimited));
        assert_eq!(parse_cost("$2.50"), Ok(BudgetLimit::At(2.5)));
        for text in ["0", "-1", "inf", "nan", "ten"] {
            assert!(parse_cost(text).is_err() && parse_tokens(text).is_err(), "{text}");
        }
    }
}
