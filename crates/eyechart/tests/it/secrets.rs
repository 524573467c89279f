//! Keys and values of headers reach nothing that a run leaves behind, with everything logged that can be.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{self, Place, endpoint, rule, run_at, stderr, stdout};
use assert_cmd::Command;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const KEY: &str = "sk-live-51c0ffee0123456789";
const TEAM: &str = "s3cret-of-the-team-987654";

/// An endpoint that quotes both back wherever one can.
fn indiscreet() -> eyechart::rehearse::Server {
    let both = format!("{KEY} and Bearer {KEY} and {TEAM}");
    let cookie = json!({"set-cookie": "session=c00kie-of-mine", "x-echo": both, "x-request-id": KEY});
    let filler = "x".repeat(390);
    endpoint(vec![
        rule(
            json!({"prompt": "chart 0?", "status": 400, "body": format!("{filler}{both}"), "headers": cookie}),
        ),
        rule(
            json!({"prompt": "chart 1?", "answer": format!("Your key is {both}."), "reasoning": both, "headers": cookie}),
        ),
        rule(
            json!({"prompt": "chart 2?", "status": 503, "body": both, "headers": {"retry-after": "0"}, "times": 1}),
        ),
        rule(
            json!({"prompt": "chart 3?", "body": json!({"error": {"message": both, "code": 400}}).to_string()}),
        ),
        rule(json!({"prompt": "chart 4?", "body": format!("<html>{both}</html>"), "times": 1})),
        rule(
            json!({"prompt": "chart 5?", "body": json!({"choices": [{"message": {"refusal": both}}]}).to_string()}),
        ),
        rule(
            json!({"prompt": "chart 6?", "status": 401, "body": json!({"error": both}).to_string(), "times": 1}),
        ),
    ])
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(all_files(&path)) } else { files.push(path) }
    }
    files
}

fn with_secrets(mut command: Command, log: &Path) -> Command {
    command.args(["--header", &format!("X-Team: {TEAM}"), "--max-connections", "1", "--log-http"]).arg(log);
    command.env("EYECHART_API_KEY", KEY).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    command
}

#[test]
fn no_secret_is_in_anything_that_a_run_leaves_behind() {
    let place = Place::new();
    let task = place.charts(8);
    let server = indiscreet();
    let log = place.path("http.jsonl");
    let everything = |command| {
        let mut command = with_secrets(command, &log);
        command.args(["--keep-images", "--cache", "--param", "temperature=0"]);
        command.env("XDG_CACHE_HOME", place.path("cache"));
        command
    };
    let stopped = everything(run_at(&server, &place, &task)).assert().code(3).get_output().clone();
    assert!(stderr(&stopped).contains("[key]"), "{}", stderr(&stopped));
    let mut printed = stderr(&stopped) + &stdout(&stopped);
    let mut resumed = common::eyechart();
    resumed.arg("run").arg("--resume").arg(place.run().path()).args(["--base-url", &server.url()]);
    let resumed = everything(resumed).assert().code(1).get_output().clone();
    let mut check = common::eyechart();
    let checked = check.arg("check").arg(place.runs()).assert().code(0).get_output().clone();
    for output in [&resumed, &checked] {
        printed += &(stderr(output) + &stdout(output));
    }
    let sent = server.requests();
    assert!(sent.iter().all(|request| request.header("x-team") == Some(TEAM)), "they were sent");
    assert!(sent.iter().all(|request| request.header("authorization").unwrap().ends_with(KEY)));
    for secret in [KEY, TEAM, "c00kie-of-mine", &KEY[..20], &TEAM[..16]] {
        assert!(!printed.contains(secret), "{printed}");
        for path in all_files(&place.path("")) {
            let found = String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(secret);
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
    assert!(place.path("cache/eyechart/answers").is_dir(), "there was a cache to look at");
    let sample = place.run().sample("c-1");
    assert_eq!(sample["output"]["text"], "Your key is [key] and Bearer [key] and [key].");
}

#[test]
fn the_log_of_requests_and_replies_shows_what_went_over_the_wire() {
    let place = Place::new();
    let task = place.charts(3);
    let server = endpoint(vec![
        rule(
            json!({"prompt": "chart 0?", "status": 400, "body": "too odd", "headers": {"x-served-by": "node-7"}}),
        ),
        rule(json!({"prompt": "chart 1?", "drop": true, "times": 1})),
    ]);
    let log = place.path("http.jsonl");
    let command = run_at(&server, &place, &task);
    with_secrets(command, &log).assert().code(1);
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len() as u64, server.stats().requests);
    let refused = lines.iter().find(|line| line["status"] == 400).unwrap();
    assert_eq!(refused["url"], format!("{}/chat/completions", server.url()));
    assert_eq!((&refused["reply"]["body"], &refused["reply"]["bytes"]), (&json!("too odd"), &json!(7)));
    assert_eq!(refused["reply"]["headers"]["x-served-by"], "node-7");
    assert_eq!(refused["request"]["headers"]["authorization"], "[key]");
    assert_eq!(refused["error"], "bad_request: status 400 Bad Request: too odd");
    assert!(refused["request"]["bytes"].as_u64().unwrap() > 2_000, "a picture is counted, not kept");
    let dropped = lines.iter().find(|line| line.get("status").is_none()).unwrap();
    assert!(dropped["error"].as_str().unwrap().starts_with("connection: "), "{dropped}");
}

#[test]
fn a_header_is_read_as_curl_has_it_too_and_one_that_is_none_is_not_quoted() {
    let place = Place::new();
    let task = place.charts(1);
    let server = endpoint(Vec::new());
    let bearer = format!("Authorization: Bearer {KEY}");
    run_at(&server, &place, &task).args(["--header", &bearer]).assert().code(0);
    assert_eq!(server.requests()[0].header("authorization"), Some(&bearer["Authorization: ".len()..]));
    let mut command = run_at(&server, &place, &task);
    let output = command.args(["--header", &format!("Bearer {KEY}")]).assert().code(2).get_output().clone();
    assert!(stderr(&output).contains("--header: expected NAME=VALUE"), "{}", stderr(&output));
    assert!(!stderr(&output).contains(KEY), "{}", stderr(&output));
}

#[test]
fn a_log_that_cannot_be_opened_is_bad_usage_before_anything_is_sent() {
    let place = Place::new();
    let task = place.charts(1);
    let server = endpoint(Vec::new());
    let nowhere = place.path("no/such/folder/http.jsonl");
    let mut command = run_at(&server, &place, &task);
    let output = command.arg("--log-http").arg(nowhere).assert().code(2).get_output().clone();
    assert!(stderr(&output).contains("--log-http"), "{}", stderr(&output));
    assert_eq!(server.stats().requests, 0);
}

#[test]
fn a_key_is_hidden_in_the_spelling_of_every_format_that_quotes_it() {
    const KEY: &str = "sk-live/9aB3+ZZtopSecret0123==";
    let percent: String = KEY.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let entities: String = KEY.bytes().map(|byte| format!("&#{byte};")).collect();
    let unicode: String = KEY.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let place = Place::new();
    let task = place.charts(4);
    let bodies = [
        format!(
            r#"{{"error":{{"message":"php {}, net {}"}}}}"#,
            KEY.replace('/', "\\/"),
            KEY.replace('+', "\\u002B")
        ),
        format!("<html>address {percent}, page {entities}</html>"),
        json!({"error": format!(r#"{{"error":"inner {unicode}"}}"#)}).to_string(),
    ];
    let mut rules: Vec<_> = (0..3)
        .map(|index| rule(json!({"prompt": format!("chart {index}?"), "status": 400, "body": bodies[index]})))
        .collect();
    let location = format!("http://me:pass-w0rd@127.0.0.1:1/login?k={percent}&next=s3cret-session");
    rules.push(rule(json!({"status": 302, "headers": {"location": location}})));
    let server = endpoint(rules);
    let log = place.path("http.jsonl");
    let mut command = run_at(&server, &place, &task);
    command.env("EYECHART_API_KEY", KEY).args(["--max-connections", "1", "--log-http"]).arg(&log);
    let said = stderr(command.assert().code(3).get_output());
    let record = fs::read_to_string(place.run().path().join("samples.jsonl")).unwrap();
    let traces = said + &record + &fs::read_to_string(&log).unwrap();
    for shown in ["php [key], net [key]", "address [key], page [key]", "inner [key]", "/login?k=…&next=…"]
    {
        assert!(traces.contains(shown), "{shown} in {traces}");
    }
    let unescaped = traces.replace("\\\\", "\\");
    for secret in [KEY, "topSecret", &percent, &entities, &unicode, "pass-w0rd"] {
        assert!(!unescaped.contains(secret), "{secret} in {traces}");
    }
}

#[test]
fn a_password_in_an_address_with_a_mistake_is_not_quoted() {
    let place = Place::new();
    let task = place.charts(1);
    let task = task.to_str().unwrap();
    let wrong = "https:/me:pass-w0rd@a.example/v1";
    for arguments in [
        vec!["run", task, "--model", "custom/m", "--base-url", wrong],
        vec!["run", task, "--model", "custom/m", "--base-url", "me:pass-w0rd@a.example/v1"],
        vec!["run", task, "--model", "custom/m", "--base-url", "https://me:pass-w0rd/x@a.example/v1"],
        vec!["run", task, "--model", "custom/m", "--base-url", "https://me:pass-w0rd#@a.example/v1"],
        vec!["run", wrong, "--model", "custom/m", "--base-url", "http://127.0.0.1:1/v1"],
        vec!["run", task, "--model", "https://me:pass-w0rd@a.example"],
        vec!["run", task, "--model", "custom/m", "--max-connections", wrong],
        vec!["rehearse", wrong],
        vec![wrong],
    ] {
        let mut command = common::eyechart();
        let said = stderr(command.args(&arguments).assert().code(2).get_output());
        assert!(!said.contains("pass-w0rd") && said.contains("error:"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_key_is_hidden_though_it_is_cut_or_encoded_and_so_is_each_cookie() {
    const COOKIE: &str = "AbC123dEf456GhI789";
    let hex: String = KEY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let bearer = STANDARD.encode(format!("Bearer {KEY}"));
    let basic = STANDARD.encode(format!("user:{KEY}"));
    let quoted = [
        format!("no such key {}*", &KEY[..KEY.len() - 1]),
        format!("no such key ***{}", &KEY[3..]),
        format!("authorization {bearer}"),
        format!("authorization {basic}"),
        format!("key {hex}"),
        format!("session {COOKIE} has ended"),
    ];
    let place = Place::new();
    let task = place.charts(quoted.len());
    let rules = quoted.iter().enumerate().map(|(index, message)| {
        let body = json!({"error": {"message": message}}).to_string();
        rule(json!({"prompt": format!("chart {index}?"), "status": 400, "body": body}))
    });
    let server = endpoint(rules.collect());
    let log = place.path("http.jsonl");
    let mut command = run_at(&server, &place, &task);
    command.env("EYECHART_API_KEY", KEY).args(["--stop-after-same-error", "none", "--log-http"]).arg(&log);
    command.args(["--header", &format!("Cookie: theme=dark; session={COOKIE}")]);
    let said = stderr(command.assert().code(1).get_output());
    let record = fs::read_to_string(place.run().path().join("samples.jsonl")).unwrap();
    let traces = said + &record + &fs::read_to_string(&log).unwrap();
    for secret in [&KEY[3..15], &KEY[8..20], &bearer[12..28], &basic[8..24], &hex[..24], COOKIE] {
        assert!(!traces.contains(secret), "{secret}: {traces}");
    }
    assert!(traces.contains("no such key [key]*") && traces.contains("session [key] has ended"), "{traces}");
}
