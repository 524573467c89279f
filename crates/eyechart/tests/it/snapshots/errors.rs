//! Typical mistakes and failures: what is reported, and with which exit code.

use serde_json::json;

use super::Session;
use crate::common::{CHARTS, endpoint, rule};

#[test]
fn mistakes_on_the_command_line() {
    let mut session = Session::new();
    session.place.charts(2);
    let at = ["run", "charts.toml", "--model", "custom/m", "--base-url", "http://h/v1"];
    for arguments in [
        &["rnu"][..],
        &["tasks", "shwo"],
        &["caption"],
        &["run", "--modle", "x"],
        &["run"],
        &["run", "charts.toml"],
        &["run", "chart.toml", "--model", "custom/m", "--base-url", "http://h/v1"],
        &["run", "arxivqua", "--model", "openai/gpt-4o"],
        &["run", "charts.toml", "--model", "gpt-4o"],
        &["run", "charts.toml", "--model", "nobody/gpt-4o"],
        &["run", "charts.toml", "--model", "openai/gpt-4o"],
        &["results"],
    ] {
        session.run_with(session.command_without_settings(), arguments);
    }
    for option in [
        ["--param", "max_tokens=many words"],
        ["--max-time", "soon"],
        ["--max-cost", "-1"],
        ["--max-connections", "0"],
        ["--fail-on-error", "5"],
        ["--header", "b ad=1"],
        ["--control", "no-picture"],
        ["--seed", "-1"],
        ["--max-retries", "-2"],
        ["--limit", "-3"],
        ["--embed-threads", "-4"],
    ] {
        session.run_with(session.command_without_settings(), &[&at[..], &option].concat());
    }
    session.matches("errors", "command_line");
}

#[test]
fn mistakes_in_task_files() {
    let mut session = Session::new();
    session.place.charts(2);
    for (name, given, mistaken) in [
        ("section", "[images]", "[image]"),
        ("syntax", "name = \"charts\"", "name = charts"),
        ("column", "{{ question }}", "{{ query }}"),
        ("template", "{{ question }}", "{{ question"),
        ("target", "target = \"answer\"", "target = \"anwser\""),
        ("scorer", "[[compare]]", "[[score]]\nscorer = \"exact\""),
        ("type", "id = \"id\"", "id = 7"),
        ("file", "charts.jsonl", "chart.jsonl"),
    ] {
        let file = format!("{name}.toml");
        session.place.write(&file, CHARTS.replace(given, mistaken));
        session.run(&["run", &file, "--model", "recorded/answer", "--no-score"]);
    }
    session.run(&["tasks", "check", "section.toml", "scorer.toml", "charts.toml"]);
    session.matches("errors", "task_files");
}

#[test]
fn data_that_is_absent_or_damaged() {
    let mut session = Session::new();
    session.run(&["run", "vlm-benchmarks/arxivqa", "--model", "recorded/label", "--no-score"]);
    session.run(&["data", "path", "vlm-benchmarks/arxivqa"]);
    session.run(&["init", "absent.jsonl"]);
    session.place.charts(2);
    session.place.write(
        "charts.jsonl",
        "{\"id\": 1, \"question\": \"?\", \"answer\": \"A\", \"image\": \"images/0.jpg\"}\n{\"id\": 2",
    );
    session.run(&["run", "charts.toml", "--model", "recorded/answer", "--no-score"]);
    session.place.write("texts.jsonl", "{\"txt\": \"a\"}\n");
    session.run(&["embed", "--input", "texts.jsonl", "--output", "vectors.npy"]);
    session.matches("errors", "data");
}

#[test]
fn endpoints_that_refuse_a_run_or_a_sample() {
    let mut session = Session::new();
    session.place.texts(2);
    let error = |status: u16, message: &str| {
        let body = json!({"error": {"message": message}}).to_string();
        endpoint(vec![rule(json!({"status": status, "body": body}))])
    };
    for server in [
        error(401, "Incorrect API key provided"),
        error(404, "The model `m` does not exist"),
        error(400, "max_tokens is not supported with this model"),
    ] {
        session.run_at(&server, "texts.toml", &["--no-score"]);
    }
    session.matches("errors", "endpoints");
}

#[test]
fn folders_without_runs_and_runs_that_cannot_be_shown_or_resumed() {
    let mut session = Session::new();
    session.place.texts(2);
    session.place.write("empty/readme.txt", "x");
    for command in ["score", "results", "check", "show"] {
        session.run(&[command, "empty"]);
    }
    session.run(&["export", "empty", "--layout", "vlm-benchmarks", "--out", "notebooks"]);
    session.run(&["run", "--resume", "empty"]);
    for command in ["score", "results", "check", "show"] {
        session.run(&[command, "absent"]);
    }
    session.run(&["export", "absent", "--layout", "vlm-benchmarks", "--out", "notebooks"]);
    session.run(&["run", "--resume", "absent"]);
    session.run(&["run", "texts.toml", "--model", "recorded/answer", "--resume", "absent"]);
    session.run(&["run", "texts.toml", "--model", "recorded/answer", "--no-score"]);
    let run = session.run_named("runs", "texts");
    session.run(&["results", "runs"]);
    session.run(&["results", &run]);
    session.run(&["show", &run, "--sample", "t-9"]);
    session.run(&["show", &run, "--wrong"]);
    session.run(&["run", "texts.toml", "--model", "recorded/question", "--resume", &run]);
    session.run(&["score", &run, "--task", "vlm-benchmarks"]);
    session.matches("errors", "runs");
}
