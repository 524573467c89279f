//! Options that other tools have, and what serves the same end here.

use clap::Command;

/// What to use in place of an option that eyechart does not have.
struct OtherName {
    /// The names that other tools use, without dashes.
    names: &'static [&'static str],
    /// The option that serves the same end, without dashes; empty if it is no option.
    option: &'static str,
    /// What to type.
    instead: &'static str,
}

const fn other(names: &'static [&'static str], option: &'static str, instead: &'static str) -> OtherName {
    OtherName { names, option, instead }
}

const OTHER_NAMES: &[OtherName] = &[
    other(
        &["api-key", "apikey", "key", "token", "openai-api-key"],
        "",
        "keys are read from the environment: OPENAI_API_KEY for openai/NAME and so on, EYECHART_API_KEY with --base-url",
    ),
    other(&["temperature", "temp"], "param", "--param temperature=0"),
    other(&["top-p"], "param", "--param top_p=0.9"),
    other(
        &["max-tokens", "max-new-tokens", "max-output-tokens", "max-completion-tokens"],
        "param",
        "--param max_tokens=1024",
    ),
    other(
        &[
            "concurrency",
            "max-concurrency",
            "num-concurrent",
            "workers",
            "num-workers",
            "threads",
            "parallel",
            "jobs",
            "batch-size",
            "api-nproc",
            "nproc",
            "connections",
        ],
        "max-connections",
        "--max-connections N",
    ),
    other(
        &["api-base", "endpoint", "url", "host", "server", "openai-base-url"],
        "base-url",
        "--base-url URL",
    ),
    other(&["output", "output-dir", "output-path", "work-dir", "log-dir"], "out", "--out DIR"),
    other(&["num-samples", "max-samples", "samples", "n-samples", "num-examples"], "limit", "--limit N"),
    other(&["data-dir", "data-path", "dataset", "images"], "data", "--data DIR"),
    other(&["retries", "num-retries", "retry"], "max-retries", "--max-retries N"),
    other(&["rate-limit", "requests-per-minute"], "rpm", "--rpm N"),
    other(&["tokens-per-minute"], "tpm", "--tpm N"),
    other(&["max-budget", "budget", "cost-limit"], "max-cost", "--max-cost USD"),
    other(&["verbose", "debug"], "log-http", "--log-http FILE.jsonl"),
    other(&["json"], "format", "--format json"),
];

/// What to use in place of the option `given` of `command`, if another tool has an option of this name.
pub(super) fn instead_of(given: &str, command: &Command) -> Option<&'static str> {
    let given = given.trim_start_matches('-').replace('_', "-").to_lowercase();
    let has = |option: &str| command.get_arguments().any(|argument| argument.get_long() == Some(option));
    let serves = |other: &&OtherName| {
        let is_there = if other.option.is_empty() { has("base-url") } else { has(other.option) };
        other.names.contains(&given.as_str()) && is_there
    };
    OTHER_NAMES.iter().find(serves).map(|other| other.instead)
}
