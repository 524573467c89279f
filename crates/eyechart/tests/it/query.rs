//! Parameters of the query: a version of the API in the address, and others whose values reach no file.

use crate::common::{Place, endpoint, eyechart, rule, run_at, stderr, stdout};
use serde_json::json;

const SECRET: &str = "t0ken+of/mine-987654";

#[test]
fn the_version_of_an_api_stays_in_the_address_of_every_request() {
    let place = Place::new();
    let task = place.texts(1);
    let server = endpoint(Vec::new());
    let base = server.url();
    for end in ["", "/", "/chat/completions"] {
        let place = Place::new();
        let mut command = eyechart();
        let address = format!("{base}{end}?api-version=2024-10-21");
        command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", &address, "--no-score"]);
        command.arg("--out").arg(place.runs()).assert().code(0);
        let spec = place.run().json("spec.json");
        assert_eq!(spec["answers"]["endpoint"]["base_url"], format!("{base}?api-version=2024-10-21"));
    }
    let paths: Vec<_> = server.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/v1/chat/completions?api-version=2024-10-21"; 3]);
}

#[test]
fn another_parameter_in_the_address_is_refused_with_a_hint_and_without_its_value() {
    let place = Place::new();
    let task = place.texts(1);
    for address in ["http://127.0.0.1:1/v1?token=s3cret-value", "http://127.0.0.1:1/v1?s3cret-value"] {
        let mut command = eyechart();
        command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", address, "--no-score"]);
        let said = stderr(command.assert().code(2).get_output());
        assert!(said.contains("--query KEY=VALUE") && !said.contains("s3cret"), "{said}");
    }
}

#[test]
fn the_value_of_a_parameter_is_sent_and_shows_up_nowhere() {
    let place = Place::new();
    let task = place.texts(2);
    let quoted =
        json!({"error": {"message": format!("no {SECRET}, no ?t=t0ken%2Bof%2Fmine-987654"), "code": 400}});
    let server = endpoint(vec![rule(json!({"status": 400, "body": quoted.to_string()}))]);
    let mut command = run_at(&server, &place, &task);
    command.args(["--query", &format!("t={SECRET}"), "--query", "plain=1", "--log-http"]);
    let output = command.arg(place.path("http.jsonl")).assert().code(1).get_output().clone();
    assert_eq!(server.requests()[0].path, "/v1/chat/completions?t=t0ken%2Bof%2Fmine-987654&plain=1");
    assert_eq!(place.run().json("spec.json")["answers"]["endpoint"]["query"], json!(["t", "plain"]));
    let mut traces = stdout(&output) + &stderr(&output);
    for file in ["spec.json", "samples.jsonl", "../../http.jsonl"] {
        traces += &std::fs::read_to_string(place.run().path().join(file)).unwrap();
    }
    assert!(traces.contains("no [key], no ?t=[key]"), "{traces}");
    assert!(!traces.contains("mine-987654"), "{traces}");
    // A resumed run needs the value again.
    std::fs::write(place.run().path().join("samples.jsonl"), "").unwrap();
    let mut resumed = eyechart();
    resumed.arg("run").arg("--resume").arg(place.run().path());
    let said = stderr(resumed.assert().code(2).get_output());
    assert!(said.contains("--query t"), "{said}");
}

#[test]
fn a_parameter_without_a_name_is_bad_usage_and_is_not_quoted() {
    let place = Place::new();
    let task = place.texts(1);
    let server = endpoint(Vec::new());
    let mut command = run_at(&server, &place, &task);
    let said = stderr(command.args(["--query", SECRET]).assert().code(2).get_output());
    assert!(said.contains("--query: expected KEY=VALUE") && !said.contains("mine"), "{said}");
}
