//! Every fault of the built-in endpoint, met by a run: answered in the end or failed for its true reason, and nothing
//! hangs, is lost, or is counted wrongly.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{self, Place, RunFiles, endpoint, eyechart, rule, run_at, stderr};
use eyechart::rehearse::{Capacity, Fault, Faults, Options, Rule, Server, Stats};
use serde_json::{Value, json};

/// Faults that asking again can help with, and how the attempt that met one is counted.
const PASSING: [(&str, &str); 23] = [
    ("429", "rate_limited"),
    ("429-seconds", "rate_limited"),
    ("429-date", "rate_limited"),
    ("429-llm", "rate_limited"),
    ("429-code", "rate_limited"),
    ("429-storm", "rate_limited"),
    ("500", "server_error"),
    ("500-error", "server_error"),
    ("502-html", "server_error"),
    ("503", "server_error"),
    ("error-200", "server_error"),
    ("error-inside", "server_error"),
    ("stream-error", "server_error"),
    ("stream-cut", "malformed"),
    ("html-200", "malformed"),
    ("truncated", "malformed"),
    ("utf8", "malformed"),
    ("huge", "malformed"),
    ("drop", "connection"),
    ("reset", "connection"),
    ("length-long", "connection"),
    ("hang", "timeout"),
    ("stall", "timeout"),
];

/// Faults that end a sample, and how it is counted.
const FINAL: [(&str, &str); 5] = [
    ("400-context", "too_large"),
    ("413-html", "too_large"),
    ("400-filter", "refused"),
    ("403-flagged", "refused"),
    ("422-detail", "bad_request"),
];

/// Faults that stop a run.
const STOPPING: [&str; 5] = ["400-key", "401", "402", "404", "429-quota"];

/// Faults that an answer survives, and those with a test of their own.
const OTHERS: [&str; 3] = ["drip", "length-short", "stream"];

fn fault(index: usize, name: &str) -> Value {
    json!({"prompt": format!("What is {index}?"), "fault": name})
}

fn kinds(sample: &Value) -> Vec<Value> {
    let attempts = sample["attempts"].as_array().unwrap();
    attempts.iter().map(|attempt| attempt["error"]["kind"].clone()).collect()
}

fn attempts(run: &RunFiles) -> usize {
    run.samples().iter().map(|sample| sample["attempts"].as_array().unwrap().len()).sum()
}

#[test]
fn every_fault_there_is_has_its_test() {
    let tested = PASSING.iter().chain(&FINAL).map(|(name, _)| *name).chain(STOPPING).chain(OTHERS);
    let mut tested: Vec<&str> = tested.collect();
    let mut all: Vec<&str> = Fault::all().map(Fault::name).collect();
    tested.sort_unstable();
    all.sort_unstable();
    assert_eq!(tested, all);
}

#[test]
fn a_fault_that_passes_costs_an_attempt_and_no_answer() {
    let place = Place::new();
    let task = place.texts(PASSING.len() + 2);
    let once = |(index, (name, _)): (usize, &(&str, &str))| {
        let mut rule = fault(index, name);
        rule["times"] = json!(1);
        common::rule(rule)
    };
    let borne = ["drip", "stream"].iter().enumerate();
    let borne = borne.map(|(index, name)| rule(fault(PASSING.len() + index, name)));
    let rules: Vec<Rule> = PASSING.iter().enumerate().map(once).chain(borne).collect();
    let server = endpoint(rules);
    let mut command = run_at(&server, &place, &task);
    command.args(["--max-connections", "8", "--timeout", "8"]).assert().code(0);
    let run = place.run();
    assert_eq!(run.samples().len(), PASSING.len() + 2);
    for (index, (name, kind)) in PASSING.iter().enumerate() {
        assert_eq!(kinds(&run.sample(&format!("t-{index}"))), [json!(kind), Value::Null], "{name}");
    }
    for index in [0, 1] {
        let sample = run.sample(&format!("t-{}", PASSING.len() + index));
        assert_eq!(kinds(&sample), [Value::Null]);
        assert!(sample["output"]["text"].as_str().unwrap().starts_with("No answer was scripted"));
    }
    assert_eq!(server.stats().requests as usize, attempts(&run), "every request is in the record");
}

#[test]
fn a_fault_that_stays_fails_its_sample_with_the_true_kind() {
    let lasting = [
        ("429", "rate_limited"),
        ("500", "server_error"),
        ("502-html", "server_error"),
        ("html-200", "malformed"),
        ("reset", "connection"),
        ("stall", "timeout"),
    ];
    let place = Place::new();
    let task = place.texts(20);
    let faults = lasting.iter().chain(&FINAL).enumerate();
    let rules = faults.clone().map(|(index, (name, _))| rule(fault(index, name))).collect();
    let server = endpoint(rules);
    let mut command = run_at(&server, &place, &task);
    command.args(["--max-connections", "4", "--timeout", "3", "--max-retries", "1"]).assert().code(1);
    let run = place.run();
    for (index, (name, kind)) in faults {
        let sample = run.sample(&format!("t-{index}"));
        assert_eq!(sample["error"]["kind"], *kind, "{name}");
        let tries = kinds(&sample);
        // Of those that are asked again some were in doubt, until another sample was answered.
        let expected = if FINAL.contains(&(*name, *kind)) { 1..=1 } else { 2..=20 };
        assert!(
            expected.contains(&tries.len()) && tries.iter().all(|try_| try_ == kind),
            "{name}: {tries:?}"
        );
    }
    let completed = run.samples().iter().filter(|sample| sample["status"] == "completed").count();
    assert_eq!((run.samples().len(), completed), (20, 20 - lasting.len() - FINAL.len()));
    assert_eq!(server.stats().requests as usize, attempts(&run));
}

#[test]
fn what_every_request_would_meet_stops_the_run_with_nothing_marked_failed() {
    for name in STOPPING {
        let place = Place::new();
        let task = place.texts(10);
        let server = endpoint(vec![rule(json!({"fault": name}))]);
        let mut command = run_at(&server, &place, &task);
        let output = command.args(["--max-connections", "2"]).assert().code(3).get_output().clone();
        assert!(stderr(&output).contains("check "), "{name}: {}", stderr(&output));
        assert_eq!(place.run().samples(), [] as [Value; 0], "{name}");
        assert!(server.stats().requests <= 4, "{name}: {:?}", server.stats());
    }
}

#[test]
fn bytes_left_on_a_connection_become_nobodys_answer() {
    let place = Place::new();
    let task = place.texts(6);
    let mut rules: Vec<Rule> = (0..6)
        .map(|index| {
            let mut rule = fault(index, "length-short");
            rule["times"] = json!(1);
            common::rule(rule)
        })
        .collect();
    let answer =
        |index| rule(json!({"prompt": format!("What is {index}?"), "answer": format!("It is {index}.")}));
    rules.extend((0..6).map(answer));
    let server = endpoint(rules);
    run_at(&server, &place, &task).args(["--max-connections", "1"]).assert().code(0);
    for index in 0..6 {
        let sample = place.run().sample(&format!("t-{index}"));
        assert_eq!(sample["output"]["text"], format!("It is {index}."));
        assert_eq!(kinds(&sample)[0], "malformed");
    }
}

#[test]
fn a_bad_night_ends_with_every_sample_answered_once() {
    let odds = ["503:0.08", "429-storm:0.05", "reset:0.04", "drop:0.02", "truncated:0.04", "html-200:0.02"];
    let faults = Faults::new(4, odds.map(|odds| odds.parse().unwrap())).unwrap();
    let latency = Duration::from_millis(5);
    let capacity = Capacity::fixed(12);
    let server = Server::start(Options { faults, capacity, latency, ..Options::default() }).unwrap();
    let place = Place::new();
    let task = place.texts(300);
    let mut command = run_at(&server, &place, &task);
    command.args(["--max-connections", "16", "--max-retries", "20"]).assert().code(0);
    let run = place.run();
    let mut records: BTreeMap<String, usize> = BTreeMap::new();
    for sample in run.samples() {
        *records.entry(sample["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(records.len(), 300);
    assert!(records.values().all(|count| *count == 1));
    let stats = server.stats();
    assert_eq!(stats.requests as usize, attempts(&run));
    // Whatever met neither fault nor refusal was an answer, and there is one for each sample.
    let spoilt: u64 = stats.faults.values().sum::<u64>() + stats.refused;
    assert_eq!(stats.requests - spoilt, 300, "{stats:?}");
}

#[test]
fn huge_answers_do_not_fill_the_memory() {
    let most_mib = 160;
    let place = Place::new();
    let task = place.texts(5);
    // The one that hangs keeps the process alive until it has been looked at.
    let server = endpoint(vec![rule(fault(4, "hang")), rule(json!({"fault": "huge"}))]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_eyechart"))
        .arg("run")
        .arg(&task)
        .args(["--model", "custom/m", "--base-url", &server.url(), "--no-score", "--max-retries", "0"])
        .args(["--max-connections", "5", "--out"])
        .arg(place.runs())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let over = |stats: &Stats| stats.faults.values().sum::<u64>() == 5 && stats.in_flight == 1;
    assert!(server.wait_at_most(Duration::from_secs(120), over), "{:?}", server.stats());
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
    let Ok(status) = status else { return };
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib / 1024 < most_mib, "four huge answers at once took {} MiB", kib / 1024);
}

#[test]
fn a_rehearsal_serves_the_faults_it_is_told_to_and_says_what_it_saw() {
    let mut rehearsal = Command::new(env!("CARGO_BIN_EXE_eyechart"))
        .args(["rehearse", "--port", "0", "--fail", "422-detail", "--capacity", "2", "--seed", "7"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(rehearsal.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let place = Place::new();
    let task = place.texts(6);
    let mut command = eyechart();
    command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", url.trim(), "--no-score"]);
    command.args(["--max-connections", "2", "--out"]).arg(place.runs()).assert().code(1);
    assert!(Command::new("kill").args(["-INT", &rehearsal.id().to_string()]).status().unwrap().success());
    let output = rehearsal.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = stderr(&output);
    assert!(said.contains("6 requests, at most "), "{said}");
    assert!(said.contains(" at once; 6 × 422; 6 × fault 422-detail"), "{said}");
}

#[test]
fn the_documentation_lists_every_fault() {
    let docs = include_str!("../../../../docs/rehearse.md");
    for fault in Fault::all() {
        let row = format!("| `{}` | {} |", fault.name(), fault.about());
        assert!(docs.contains(&row), "docs/rehearse.md lacks {row}");
    }
}

#[test]
fn an_unknown_fault_or_share_says_what_there_is() {
    let refused = |fail: &str| {
        let output = eyechart().args(["rehearse", "--port", "0", "--fail", fail]).assert().code(2);
        stderr(output.get_output())
    };
    assert!(refused("504:0.1").contains("expected one of 429, 429-seconds"));
    assert!(refused("503:2").contains("such as 503:0.1"));
    let help = eyechart().args(["rehearse", "--help"]).assert().code(0).get_output().clone();
    for fault in Fault::all() {
        assert!(common::stdout(&help).contains(fault.about()), "{fault:?}");
    }
}

#[test]
fn an_outage_in_the_middle_of_a_run_fails_nobody() {
    for connections in ["1", "8"] {
        let place = Place::new();
        let task = place.charts(40);
        let server = endpoint(vec![
            rule(json!({"answer": "Up.", "times": 12})),
            rule(json!({"status": 503, "headers": {"retry-after": "0"}, "times": 60})),
            rule(json!({"answer": "Up again."})),
        ]);
        let arguments = ["--max-connections", connections, "--max-retries", "1"];
        run_at(&server, &place, &task).args(arguments).assert().code(0);
        let samples = place.run().samples();
        assert!(samples.iter().all(|sample| sample["status"] == "completed"), "{connections}");
        assert_eq!(server.stats().requests, 100, "{connections}: each answered once, and the outage");
    }
}
