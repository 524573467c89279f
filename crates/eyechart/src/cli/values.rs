//! Parsers of the values of options.

use std::str::FromStr;

use eyechart::analyze::Level;
use eyechart::provider::{Header, QueryParameter};
use eyechart::run::BudgetLimit;
use eyechart::task::REFUSED_FIELDS;
use eyechart::text::{json_mistake, parse_duration};
use eyechart::types::{Connections, Epoch, EvalSpec};
use serde_json::Value;

/// `KEY=JSON`.
pub fn parse_param(text: &str) -> Result<(String, Value), String> {
    let (key, json) = text.split_once('=').ok_or("expected KEY=JSON, such as max_tokens=1024")?;
    let value = serde_json::from_str(json).map_err(|error| {
        format!("{json:?} is not JSON: {}; a text needs quotes: {key}='\"text\"'", json_mistake(&error))
    })?;
    Ok((key.to_owned(), value))
}

/// `KEY=JSON` of a request to the model. Fields that no run may set are refused.
pub fn parse_request_field(text: &str) -> Result<(String, Value), String> {
    let (key, value) = parse_param(text)?;
    match REFUSED_FIELDS.into_iter().find(|(refused, _)| *refused == key) {
        Some((_, reason)) => Err(format!("`{key}` cannot be set: {reason}")),
        None => Ok((key, value)),
    }
}

/// `NAME=VALUE`, or `NAME: VALUE` as in curl. Never fails, because the error would quote the value, which can be a
/// secret. A header without a name is refused when the client is made.
pub fn parse_header(text: &str) -> Result<Header, std::convert::Infallible> {
    let (name, value) = text.split_once(['=', ':']).unwrap_or(("", text));
    Ok(Header::new(name, value.trim_start()))
}

/// `KEY=VALUE` of a query. Never fails, for the reason that [`parse_header`] has. A parameter without a key is refused when
/// the client is made.
pub fn parse_query(text: &str) -> Result<QueryParameter, std::convert::Infallible> {
    let (name, value) = text.split_once('=').unwrap_or(("", text));
    Ok(QueryParameter { name: name.to_owned(), value: value.to_owned() })
}

/// A whole number that is not negative.
pub fn parse_whole<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number from 0 up".to_owned())
}

pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err("expected a whole number from 1 up".to_owned()),
    }
}

/// A number of epochs.
pub fn parse_epochs(text: &str) -> Result<Epoch, String> {
    let most = EvalSpec::MOST_EPOCHS;
    let epochs = text.parse().ok().filter(|epochs| (1..=most).contains(epochs));
    epochs.ok_or_else(|| format!("expected a whole number from 1 to {most}"))
}

/// A confidence level.
pub fn parse_level(text: &str) -> Result<Level, String> {
    let level = text.parse().ok().and_then(Level::new);
    level.ok_or_else(|| "expected a number between 0 and 1, such as 0.9".to_owned())
}

/// A share strictly between 0 and 1.
pub fn parse_between(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("expected a number between 0 and 1, such as 0.8".to_owned()),
    }
}

/// A correlation of two models' scores. At 1, they would never differ.
pub fn parse_correlation(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(correlation) if (0.0..1.0).contains(&correlation) => Ok(correlation),
        _ => Err("expected a number from 0 to below 1, such as 0.5".to_owned()),
    }
}

/// A number of samples, or `none`.
pub fn parse_sample_count(text: &str) -> Result<BudgetLimit<usize>, String> {
    match text {
        "none" => Ok(BudgetLimit::Unlimited),
        number => at_least_one(number)
            .map(BudgetLimit::At)
            .map_err(|_| "expected a whole number from 1 up, or none".to_owned()),
    }
}

/// A text of one line that is not empty.
pub fn label(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.is_empty() || text.contains(char::is_control) || text.chars().count() > 80 {
        true => Err("expected a text of one line, up to 80 characters".to_owned()),
        false => Ok(text.to_owned()),
    }
}

pub fn parse_connections(text: &str) -> Result<Connections, String> {
    match text {
        "auto" => Ok(Connections::Auto),
        number => at_least_one(number)
            .map(Connections::Fixed)
            .map_err(|_| "expected auto, or a whole number from 1 up".to_owned()),
    }
}

/// A number of bytes with its unit: `256MiB`, `1.5GB`.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 4] = [("MiB", 1048576.0), ("GiB", 1073741824.0), ("MB", 1e6), ("GB", 1e9)];
    let bytes = UNITS.iter().find_map(|(unit, bytes)| {
        let number: f64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
        Some(number * bytes).filter(|bytes| (1e6..=1e15).contains(bytes))
    });
    bytes
        .map(|bytes| bytes as u64)
        .ok_or_else(|| "expected a size from 1MB up, such as 256MiB or 1GB".to_owned())
}

pub fn parse_per_minute(text: &str) -> Result<f64, String> {
    match text.parse() {
        // A run that sends less than one request per hour seems to hang.
        Ok(number) if (1.0 / 60.0..=1e12).contains(&number) => Ok(number),
        _ => Err("expected a number from 0.0167 up, which is 1 per hour".to_owned()),
    }
}

/// Seconds, as a plain number or with units: `120`, `2m`.
pub fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().or_else(|| Some(parse_duration(text)?.as_secs_f64()));
    seconds
        .filter(|seconds| *seconds > 0.0 && *seconds <= 86_400.0)
        .ok_or_else(|| "expected seconds above 0 and at most 86400, such as 120 or 2m".to_owned())
}

pub fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err("expected a share from 0 to 1".to_owned()),
    }
}
