//! Endpoints that answer nothing useful from the start: what stops the run, how soon, and what the user is told.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::common::site::{Page, Site};
use crate::common::{Place, endpoint, eyechart, rule, run_at, stderr, stdout};
use eyechart::rehearse::{Options, Server};
use serde_json::json;

/// An endpoint that refuses every request in the same words, apart from the number of the request.
fn refusing() -> Server {
    let error = json!({"error": {"message": "Unsupported parameter: temperature (request 17)"}});
    endpoint(vec![rule(json!({"status": 400, "body": error.to_string()}))])
}

#[test]
fn the_same_error_for_the_first_samples_stops_the_run_and_a_resumed_run_asks_them_again() {
    let (place, server) = (Place::new(), refusing());
    let task = place.texts(60);
    let mut command = run_at(&server, &place, &task);
    let output = command.args(["--max-connections", "4"]).assert().code(3).get_output().clone();
    let said = stderr(&output);
    assert!(said.contains("the first 10 samples all failed with the same error (bad_request: "), "{said}");
    assert!(said.contains("Unsupported parameter: temperature"), "{said}");
    assert!(said.contains("--stop-after-same-error none") && said.contains("--resume"), "{said}");
    let asked = place.run().samples().len();
    assert!((10..=14).contains(&asked), "{asked}");
    assert!(place.run().samples().iter().all(|sample| sample["status"] == "failed"));

    let resume = |limit: &str| {
        let mut command = eyechart();
        command.arg("run").arg("--resume").arg(place.run().path()).arg("--no-score");
        command.args(["--stop-after-same-error", limit]);
        command
    };
    let said = stderr(resume("3").assert().code(3).get_output());
    assert!(said.contains("the first 3 samples"), "{said}");
    let before = server.stats().requests;
    let output = resume("none").assert().code(1).get_output().clone();
    assert_eq!(server.stats().requests - before, 60, "also those that have failed");
    let table = stdout(&output);
    assert!(table.contains("60 of 60 failed (60 bad_request)"), "{table}");
    assert!(table.contains("first bad_request: status 400"), "{table}");
}

#[test]
fn another_failure_at_first_and_ids_of_letters_do_not_keep_the_same_error_from_stopping_the_run() {
    let place = Place::new();
    let task = place.texts(40);
    let refused =
        |id: &str| json!({"error": {"message": format!("Unsupported parameter temperature [{id}]")}});
    let ids = ["qwhzjdkf", "lpoiuytr", "mnbvcxzs", "kkdjfhgu", "uuwxyzab"];
    let mut rules = vec![rule(json!({"prompt": "What is 0?", "status": 500, "times": 1}))];
    for (index, id) in ids.iter().cycle().take(40).enumerate() {
        let prompt = format!("What is {index}?");
        rules.push(rule(json!({"prompt": prompt, "status": 400, "body": refused(id).to_string()})));
    }
    let server = endpoint(rules);
    let mut command = run_at(&server, &place, &task);
    command.args(["--max-connections", "1", "--max-retries", "0"]);
    let said = stderr(command.assert().code(3).get_output());
    assert!(said.contains("samples all failed with the same error"), "{said}");
    assert!(server.stats().requests < 15, "{:?}", server.stats());
}

#[test]
fn the_same_error_for_every_sample_ends_a_small_run_as_any_failures_do() {
    let (place, server) = (Place::new(), refusing());
    let task = place.texts(10);
    run_at(&server, &place, &task).assert().code(1);
    assert_eq!(place.run().samples().len(), 10);
}

#[test]
fn samples_that_were_answered_before_keep_the_same_error_from_stopping_a_resumed_run() {
    let place = Place::new();
    let task = place.texts(20);
    let error = json!({"error": {"message": "no such picture"}}).to_string();
    let mut rules = vec![rule(json!({"prompt": "What is 0?", "answer": "A"}))];
    rules.push(rule(json!({"status": 400, "body": error})));
    let server = endpoint(rules);
    run_at(&server, &place, &task).args(["--max-connections", "1"]).assert().code(1);
    let mut command = eyechart();
    command.arg("run").arg("--resume").arg(place.run().path()).arg("--no-score").assert().code(1);
    assert_eq!(server.stats().requests, 20 + 19);
}

#[test]
fn the_first_message_of_each_kind_is_shown_while_the_run_goes_on() {
    let place = Place::new();
    let task = place.texts(6);
    let error = |message: &str| json!({"error": {"message": message}}).to_string();
    let server = endpoint(vec![
        rule(json!({"prompt": "What is 1?", "status": 500, "body": error("out of memory"), "times": 1})),
        rule(json!({"prompt": "What is 2?", "status": 400, "body": error("no vowels")})),
        rule(json!({"prompt": "What is 3?", "status": 400, "body": error("no vowels")})),
    ]);
    let said = stderr(run_at(&server, &place, &task).assert().code(1).get_output());
    assert!(said.contains("note: first server_error: status 500"), "{said}");
    assert!(said.contains("out of memory (the request is sent again)"), "{said}");
    assert_eq!(said.matches("note: first bad_request: status 400").count(), 1, "{said}");
}

#[test]
fn a_run_waits_for_an_endpoint_that_starts_later() {
    let place = Place::new();
    let task = place.texts(3);
    // A port that is free now, and most likely still is in a moment.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut run = Command::new(env!("CARGO_BIN_EXE_eyechart"))
        .arg("run")
        .arg(&task)
        .args(["--model", "custom/m", "--base-url", &format!("http://127.0.0.1:{port}/v1"), "--no-score"])
        .args(["--wait-for-endpoint", "1m", "--out"])
        .arg(place.runs())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines();
    let waits =
        lines.by_ref().map(Result::unwrap).any(|line| line.contains("is not ready yet (connection: "));
    assert!(waits, "it says why it waits");
    let server = Server::start(Options { port, ..Options::default() }).unwrap();
    lines.for_each(|line| drop(line.unwrap()));
    assert!(run.wait().unwrap().success());
    assert_eq!(server.stats().requests, 1 + 3, "one for the list of models");
}

#[test]
fn an_endpoint_that_is_not_ready_in_time_stops_the_run() {
    let place = Place::new();
    let task = place.texts(3);
    let mut command = eyechart();
    command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", "http://127.0.0.1:9/v1"]);
    command.args(["--no-score", "--wait-for-endpoint", "1s", "--out"]).arg(place.runs());
    let said = stderr(command.assert().code(3).get_output());
    assert!(said.contains("the endpoint is not ready after 1 s (connection: "), "{said}");
    assert!(said.contains("--wait-for-endpoint waits longer") && said.contains("--resume"), "{said}");
}

#[test]
fn a_web_page_in_place_of_the_list_of_models_is_called_one() {
    let place = Place::new();
    let task = place.texts(1);
    let site = Site::start(|_, _| {
        Page::Whole(200, vec!["content-type: text/html".to_owned()], b"<html>hello</html>".to_vec())
    });
    let mut command = eyechart();
    command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", &site.url("/v1")]);
    command.args(["--no-score", "--wait-for-endpoint", "1s", "--out"]).arg(place.runs());
    let said = stderr(command.assert().code(3).get_output());
    assert!(said.contains("status 200 OK with a web page: expected the API; check the base URL"), "{said}");
}

#[test]
fn an_endpoint_that_wants_a_key_gets_the_variable_named_that_was_not_set() {
    let place = Place::new();
    let task = place.texts(3);
    let server = endpoint(vec![rule(json!({"fault": "401"}))]);
    let said = stderr(run_at(&server, &place, &task).assert().code(3).get_output());
    let expected = "no key was sent, because the environment variable EYECHART_API_KEY is not set";
    assert!(said.contains(expected), "{said}");
    let mut command = run_at(&server, &place, &task);
    let said = stderr(command.env("EYECHART_API_KEY", "k-17-wrong").assert().code(3).get_output());
    assert!(said.contains("check the API key, what it may use") && !said.contains("is not set"), "{said}");
}

#[test]
fn an_endpoint_that_reports_different_models_for_one_name_is_noted() {
    let place = Place::new();
    let task = place.texts(4);
    let answer = |model: &str| {
        let choice = json!({"message": {"content": "A rise."}, "finish_reason": "stop"});
        json!({"model": model, "choices": [choice]}).to_string()
    };
    let server = endpoint(vec![
        rule(json!({"prompt": "What is 2?", "body": answer("m-2026-11")})),
        rule(json!({"body": answer("m-2026-05")})),
    ]);
    let table = stdout(run_at(&server, &place, &task).assert().code(0).get_output());
    let words = table.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = "different models for this name: m-2026-05 (3 answers), m-2026-11 (1 answer)";
    assert!(words.contains(expected), "{table}");
    let same = endpoint(vec![rule(json!({"body": answer("m-2026-05")}))]);
    let table = stdout(run_at(&same, &place, &task).assert().code(0).get_output());
    assert!(!table.contains("different models"), "{table}");
}

#[test]
fn every_status_of_success_is_an_answer_and_an_empty_body_is_none() {
    let choice = json!({"message": {"content": "A rise."}, "finish_reason": "stop"});
    let answer = json!({"model": "m", "choices": [choice]}).to_string();
    for status in [201, 202, 203] {
        let (place, server) = (Place::new(), endpoint(vec![rule(json!({"status": status, "body": answer}))]));
        let task = place.texts(1);
        run_at(&server, &place, &task).assert().code(0);
        let sample = place.run().sample("t-0");
        assert_eq!(
            (&sample["output"]["text"], &sample["attempts"][0]["status"]),
            (&json!("A rise."), &json!(status))
        );
    }
    for (status, reason) in [(200, "200 OK"), (202, "202 Accepted"), (204, "204 No Content")] {
        let (place, server) = (Place::new(), endpoint(vec![rule(json!({"status": status, "body": " "}))]));
        let task = place.texts(1);
        run_at(&server, &place, &task).args(["--max-retries", "0"]).assert().code(1);
        let error = &place.run().sample("t-0")["error"];
        let expected = format!("status {reason} with an empty body: expected an answer");
        assert_eq!(*error, json!({"kind": "malformed", "message": expected}));
    }
}
