//! Embeddings of an endpoint, against the built-in one.

use std::process::Command;
use std::time::Duration;

use crate::common::recorded::{recorded, score, scores};
use crate::common::{Place, bodies, endpoint, eyechart, rule, stderr, stdout};
use eyechart::rehearse::Server;
use serde_json::{Value, json};

/// The arguments that name the endpoint.
fn embedder(server: &Server) -> Vec<String> {
    let url = server.url();
    ["--embedder", "custom/embed-1", "--embed-base-url", &url].map(str::to_owned).to_vec()
}

fn words(given: &[String]) -> Vec<&str> {
    given.iter().map(String::as_str).collect()
}

#[test]
fn a_run_is_scored_by_an_endpoint_which_is_recorded_and_asked_for_each_text_once() {
    let place = Place::new();
    let run = recorded(&place, 60);
    let server = endpoint(vec![]);
    let cache = place.path("cache");
    let mut arguments = embedder(&server);
    arguments.extend(
        ["--embed-cache", cache.to_str().unwrap(), "--embed-param", "dimensions=64"].map(str::to_owned),
    );
    let scored = score(&run, &words(&arguments)).code(0);
    assert_eq!(
        run.json("results.json")["encoder"],
        json!({"name": "custom/embed-1", "base_url": server.url(), "params": {"dimensions": 64}})
    );
    let said = stdout(scored.get_output());
    assert!(said.contains("similarity by custom/embed-1 at http://127.0.0.1:"), "{said}");
    let bodies = bodies(&server);
    assert_eq!(bodies.len(), 4, "120 texts, 32 in a request");
    let mut texts: Vec<&Value> = bodies.iter().flat_map(|body| body["input"].as_array().unwrap()).collect();
    assert!(bodies.iter().all(|body| body["model"] == "embed-1" && body["dimensions"] == 64));
    texts.sort_by_key(|text| text.as_str());
    texts.dedup();
    assert_eq!(texts.len(), 120, "none was sent twice");
    // The second time nobody is asked.
    let first = scores(&run);
    drop(server);
    score(&run, &words(&arguments)).code(0);
    assert_eq!(scores(&run), first);
}

#[test]
fn scores_do_not_depend_on_retries() {
    let place = Place::new();
    let run = recorded(&place, 40);
    let calm = endpoint(vec![]);
    score(&run, &words(&embedder(&calm))).code(0);
    let expected = scores(&run);
    let faults = ["429-seconds", "drop", "truncated", "503"];
    let stormy = endpoint(faults.iter().map(|fault| rule(json!({"fault": fault, "times": 1}))).collect());
    score(&run, &words(&embedder(&stormy))).code(0);
    assert_eq!(scores(&run), expected);
    assert_eq!(stormy.stats().requests, 3 + 4);
}

#[test]
fn a_server_that_takes_fewer_texts_at_once_is_asked_for_fewer() {
    let place = Place::new();
    let run = recorded(&place, 40);
    let server = endpoint(vec![]);
    score(&run, &words(&embedder(&server))).code(0);
    let expected = scores(&run);
    let small = endpoint(vec![rule(json!({"status": 413, "times": 2}))]);
    score(&run, &words(&embedder(&small))).code(0);
    assert_eq!(scores(&run), expected);
    assert_eq!(server.stats().requests + 4, small.stats().requests, "two requests became four more");
}

#[test]
fn a_refusal_ends_the_scoring_with_what_the_endpoint_said_and_no_scores() {
    let place = Place::new();
    let run = recorded(&place, 40);
    let too_long =
        json!({"path": "/embeddings", "status": 400, "body": "{\"error\": \"input 7 is too long\"}"});
    let server = endpoint(vec![rule(too_long)]);
    let failed = score(&run, &words(&embedder(&server))).code(3);
    let said = stderr(failed.get_output());
    assert!(said.contains("cannot embed the texts: embed-1 at http://127.0.0.1:"), "{said}");
    assert!(said.contains("input 7 is too long"), "{said}");
    assert!(!run.path().join("scores.jsonl").exists());
}

#[test]
fn a_batch_that_is_in_flight_is_not_waited_for_once_another_one_has_failed() {
    let place = Place::new();
    let run = recorded(&place, 30);
    let server = endpoint(vec![rule(json!({"fault": "hang", "times": 1})), rule(json!({"status": 401}))]);
    let mut command = eyechart();
    command.arg("score").arg(run.path()).args(embedder(&server)).timeout(Duration::from_secs(60));
    let said = stderr(command.assert().code(3).get_output());
    assert!(said.contains("401") && server.stats().requests == 2, "{said}");
}

#[test]
fn ctrl_c_ends_the_scoring_though_a_batch_is_in_flight() {
    let place = Place::new();
    let run = recorded(&place, 30);
    let server = endpoint(vec![rule(json!({"fault": "hang"}))]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_eyechart"))
        .arg("score")
        .arg(run.path())
        .args(embedder(&server))
        .env("EYECHART_EMBED_CACHE", "off")
        .spawn()
        .unwrap();
    server.wait_for(|stats| stats.requests >= 2);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_wrong_key_is_found_before_a_run_asks_its_model() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"path": "/embeddings", "fault": "401"}))]);
    let mut command = eyechart();
    command.arg("run").arg(place.texts(3)).args(["--model", "custom/m", "--base-url", &server.url()]);
    command
        .args(embedder(&server))
        .arg("--out")
        .arg(place.runs())
        .env("EYECHART_API_KEY", "sk-live-0123456789");
    let failed = command.assert().code(3);
    let said = stderr(failed.get_output());
    assert!(said.contains("Incorrect API key provided") && said.contains("check the API key"), "{said}");
    assert!(!said.contains("sk-live"), "{said}");
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.path == "/v1/embeddings"));
    assert_eq!(requests[0].header("authorization"), Some("Bearer sk-live-0123456789"));
}

#[test]
fn a_header_can_stand_for_the_key_and_is_in_no_file() {
    let place = Place::new();
    let run = recorded(&place, 1);
    let server = endpoint(vec![]);
    let url = server.url();
    let named =
        ["--embedder", "openai/e", "--embed-base-url", &url, "--embed-header", "api-key=s3cret-s3cret"];
    score(&run, &named).code(0);
    assert_eq!(server.requests()[0].header("api-key"), Some("s3cret-s3cret"));
    let results = std::fs::read_to_string(run.path().join("results.json")).unwrap();
    assert!(!results.contains("s3cret"), "{results}");
}

#[test]
fn a_run_and_its_embeddings_can_have_the_same_endpoint() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"path": "/chat/completions", "answer": "A"}))]);
    let mut command = eyechart();
    // No weights are looked for.
    command.env("EYECHART_ENCODER", place.path("nowhere"));
    command.arg("run").arg(place.texts(3)).args(["--model", "custom/m", "--base-url", &server.url()]);
    command.args(embedder(&server)).arg("--out").arg(place.runs());
    command.assert().code(0);
    let mean = place.run().figure("answer", "answer", "mean").as_f64().unwrap();
    assert!((mean - 1.0).abs() < 1e-6, "every answer is its reference: {mean}");
}

#[test]
fn an_empty_text_is_sent_as_a_space() {
    let place = Place::new();
    place.write_jsonl("qa.jsonl", &[json!({"rationale": "It falls.", "said": "C"})]);
    let task = place.write(
        "qa.toml",
        "name = \"qa\"\n[dataset]\nfile = \"qa.jsonl\"\n[prompt]\ntext = \"?\"\n\
         [[compare]]\npart = \"rationale\"\ntake = \"other_lines\"\ntarget = \"rationale\"\n",
    );
    let server = endpoint(vec![]);
    let mut command = eyechart();
    command.arg("run").arg(task).args(["--model", "recorded/said"]).args(embedder(&server));
    command.arg("--out").arg(place.runs()).assert().code(0);
    let inputs: Vec<Value> = bodies(&server).iter().map(|body| body["input"].clone()).collect();
    assert_eq!(
        inputs,
        [json!(["eyechart"]), json!([" ", "It falls."])],
        "the first asks whether the key is right"
    );
    assert!(place.run().figure("rationale", "rationale", "mean").is_number());
}

#[test]
fn an_embedder_that_names_nobody_is_bad_usage() {
    let place = Place::new();
    let run = recorded(&place, 1);
    for (arguments, expected) in [
        (&["--embedder", "nobody/m"][..], "no provider \"nobody\""),
        (&["--embedder", "openai"], "is not PROVIDER/NAME"),
        (&["--embedder", "openai/m"], "OPENAI_API_KEY is not set"),
        (&["--embedder", "custom/m", "--embed-precision", "f32"], "cannot be used with"),
        (&["--embed-base-url", "http://127.0.0.1:1/v1"], "--embedder"),
    ] {
        let failed = score(&run, arguments).code(2);
        let said = stderr(failed.get_output());
        assert!(said.contains(expected), "{said}");
    }
}
