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
        &[
            "top-k",
            "min-p",
            "frequency-penalty",
            "presence-penalty",
            "repetition-penalty",
            "stop",
            "reasoning-effort",
        ],
        "param",
        "--param KEY=VALUE sets a request field, such as --param top_k=40",
    ),
    other(
        &["system", "system-prompt", "system-message", "system-instruction", "prompt", "user-prompt"],
        "param",
        "prompts are in the task's file: text and system in [prompt]",
    ),
    other(
        &["cacert", "ca-cert", "cafile", "ca-file", "ca-bundle", "ca-certificate", "cert", "ssl-ca-cert"],
        "ca",
        "--ca FILE.pem",
    ),
    other(
        &[
            "no-verify-ssl",
            "no-ssl-verify",
            "no-verify",
            "skip-verify",
            "insecure-skip-verify",
            "no-check-certificate",
            "verify-ssl",
            "ssl-verify",
            "ssl-no-verify",
            "verify",
            "k",
        ],
        "insecure",
        "--insecure",
    ),
    other(
        &["proxy", "http-proxy", "https-proxy", "all-proxy", "socks-proxy", "socks5"],
        "",
        "proxies are read from the environment: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY",
    ),
    other(
        &["no-proxy", "noproxy"],
        "",
        "the environment names what needs no proxy: NO_PROXY=localhost,10.0.0.0/8",
    ),
    other(
        &["quiet", "silent", "q", "no-progress", "no-progress-bar", "log-level"],
        "",
        "progress and notes are on stderr: 2> FILE or 2> /dev/null keeps them off the screen",
    ),
    other(&["no-color", "no-colour", "color"], "", "NO_COLOR=1 in the environment turns colours off"),
    other(&["request-timeout", "read-timeout", "max-time-per-request"], "timeout", "--timeout SECONDS"),
    other(&["continue", "restart", "reuse"], "resume", "--resume RUN"),
    other(&["model-name", "model-id", "pretrained"], "model", "--model PROVIDER/NAME"),
    other(&["headers", "extra-headers", "user-agent"], "header", "--header NAME=VALUE"),
    other(&["log-file", "log-path"], "log-http", "--log-http FILE.jsonl"),
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
