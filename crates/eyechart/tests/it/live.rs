//! Asking an endpoint, as a user sees it: what is sent, what is recorded, what the exit code says.

use crate::common::{self, Place, bodies, endpoint, eyechart, jpeg, rule, run_at, stderr};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn data_url(bytes: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes))
}

#[test]
fn every_sample_is_asked_once_with_its_own_prompt_and_the_original_bytes() {
    let place = Place::new();
    let task = place.charts(20);
    let server = endpoint(vec![rule(json!({"prompt": "chart 7?", "answer": " Seven. "}))]);
    run_at(&server, &place, &task).assert().code(0);

    let mut prompts: Vec<String> = bodies(&server)
        .iter()
        .map(|body| body["messages"][0]["content"][1]["text"].as_str().unwrap().to_owned())
        .collect();
    prompts.sort();
    let mut expected: Vec<String> = (0..20).map(|index| format!("What is shown in chart {index}?")).collect();
    expected.sort();
    assert_eq!(prompts, expected);

    let picture = jpeg(7, 2_000);
    let seven = bodies(&server).into_iter().find(|body| body.to_string().contains("chart 7?")).unwrap();
    assert_eq!(seven["model"], "m");
    assert_eq!(
        seven["messages"],
        json!([{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": data_url(&picture)}},
            {"type": "text", "text": "What is shown in chart 7?"}]}])
    );
    assert_eq!(seven.as_object().unwrap().len(), 2, "nothing is sent that the task does not say");

    let run = place.run();
    let sample = run.sample("c-7");
    assert_eq!(sample["status"], "completed");
    assert_eq!(sample["output"]["text"], " Seven. ");
    let image = &sample["images"][0];
    assert_eq!(image["sha256"], eyechart::text::hex(&Sha256::digest(&picture)));
    assert_eq!(image["bytes"], picture.len());
    assert_eq!(image["media_type"], "image/jpeg");
    assert_eq!((image["width"].as_u64(), image["height"].as_u64()), (Some(560), Some(600)));
    assert!(image["source"].as_str().unwrap().ends_with("images/7.jpg"));
    assert_eq!(sample["attempts"].as_array().unwrap().len(), 1);
    assert!(!place.runs().join("images").exists(), "bytes that exist in the dataset are not copied");
    let ids: Vec<Value> = run.samples().into_iter().map(|sample| sample["id"].clone()).collect();
    assert_eq!(ids, (0..20).map(|index| json!(format!("c-{index}"))).collect::<Vec<_>>(), "folded in order");
}

#[test]
fn what_a_retry_can_mend_is_retried_and_each_attempt_is_recorded() {
    let place = Place::new();
    let task = place.charts(3);
    let server = endpoint(vec![
        rule(json!({"prompt": "chart 0?", "status": 503, "headers": {"retry-after": "0"}, "times": 1})),
        rule(json!({"prompt": "chart 0?", "status": 200, "body": "{\"cho", "times": 1})),
        rule(json!({"prompt": "chart 1?", "status": 429, "headers": {"retry-after": "0"}, "times": 2})),
        rule(json!({"prompt": "chart 2?", "drop": true, "times": 1})),
    ]);
    run_at(&server, &place, &task).assert().code(0);
    let run = place.run();
    let statuses = |id: &str| -> Vec<Value> {
        let sample = run.sample(id);
        sample["attempts"].as_array().unwrap().iter().map(|attempt| attempt["status"].clone()).collect()
    };
    let kinds = |id: &str| -> Vec<Value> {
        let sample = run.sample(id);
        sample["attempts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|attempt| attempt["error"]["kind"].clone())
            .collect()
    };
    assert_eq!(statuses("c-0"), [json!(503), json!(200), json!(200)]);
    assert_eq!(kinds("c-0"), [json!("server_error"), json!("malformed"), Value::Null]);
    assert_eq!(statuses("c-1"), [json!(429), json!(429), json!(200)]);
    assert_eq!(run.sample("c-1")["attempts"][0]["retry_after"], 0.0);
    assert_eq!(kinds("c-2"), [json!("connection"), Value::Null]);
}

#[test]
fn what_was_understood_and_refused_is_not_sent_again() {
    let place = Place::new();
    let task = place.charts(4);
    let server = endpoint(vec![rule(
        json!({"prompt": "chart 2?", "status": 400, "body": "{\"error\": {\"message\": \"picture too odd\"}}"}),
    )]);
    let output = run_at(&server, &place, &task).assert().code(1).get_output().clone();
    assert_eq!(server.stats().requests, 4);
    let sample = place.run().sample("c-2");
    assert_eq!(sample["status"], "failed");
    assert_eq!(sample["error"]["kind"], "bad_request");
    assert!(sample["error"]["message"].as_str().unwrap().contains("picture too odd"));
    assert!(common::stdout(&output).contains("1 of 4 failed (1 bad_request)"));
    run_at(&server, &place, &task).args(["--fail-on-error", "0.25"]).assert().code(0);
    run_at(&server, &place, &task).args(["--fail-on-error", "0.2"]).assert().code(1);
}

#[test]
fn retries_end_after_max_retries() {
    let place = Place::new();
    let task = place.charts(1);
    let server = endpoint(vec![rule(json!({"status": 500, "headers": {"retry-after": "0"}}))]);
    run_at(&server, &place, &task).args(["--max-retries", "2"]).assert().code(1);
    assert_eq!(server.stats().requests, 3);
    assert_eq!(place.run().sample("c-0")["attempts"].as_array().unwrap().len(), 3);
}

#[test]
fn an_empty_answer_is_a_failure_that_keeps_what_it_cost() {
    let place = Place::new();
    let task = place.charts(2);
    let server = endpoint(vec![rule(json!({"prompt": "chart 1?", "answer": " \n "}))]);
    run_at(&server, &place, &task).assert().code(1);
    let sample = place.run().sample("c-1");
    assert_eq!(sample["error"]["kind"], "empty");
    assert!(sample["output"]["usage"]["input_tokens"].as_u64().unwrap() > 0);
    assert_eq!(server.stats().requests, 2, "an empty answer is an answer: it is not asked again");
}

#[test]
fn a_wrong_key_stops_the_run_at_once_and_is_shown_nowhere() {
    let place = Place::new();
    let task = place.charts(50);
    let key = "sk-live-51c0ffee";
    let server = endpoint(vec![rule(
        json!({"status": 401, "body": format!("{{\"error\": \"wrong key {key}\"}}"), "latency_ms": 20}),
    )]);
    let output = run_at(&server, &place, &task)
        .args(["--max-connections", "2"])
        .env("EYECHART_API_KEY", key)
        .assert()
        .code(3)
        .get_output()
        .clone();
    assert!(server.stats().requests <= 4, "{:?}", server.stats());
    assert_eq!(server.requests()[0].header("authorization"), Some(format!("Bearer {key}").as_str()));
    assert!(stderr(&output).contains("API key") && stderr(&output).contains("--resume"));
    assert_eq!(place.run().samples(), [] as [Value; 0], "nothing is marked failed that was never answered");
    let printed = stderr(&output) + &common::stdout(&output);
    assert!(!printed.contains(key), "{printed}");
    for name in ["spec.json", "samples.jsonl"] {
        assert!(!std::fs::read_to_string(place.run().path().join(name)).unwrap().contains(key));
    }
}

#[test]
fn what_was_in_flight_when_the_run_had_to_stop_is_recorded() {
    let place = Place::new();
    let task = place.charts(20);
    let server = endpoint(vec![
        rule(json!({"prompt": "chart 0?", "answer": "Paid for.", "latency_ms": 400})),
        rule(json!({"prompt": "chart 1?", "status": 401, "latency_ms": 100})),
    ]);
    run_at(&server, &place, &task).args(["--max-connections", "2"]).assert().code(3);
    let run = place.run();
    assert_eq!(run.sample("c-0")["output"]["text"], "Paid for.");
    assert!(run.samples().iter().all(|sample| sample["id"] != "c-1"), "it was never answered");
}

#[test]
fn a_wait_that_one_request_is_told_holds_the_others_back_too() {
    let place = Place::new();
    let task = place.charts(8);
    let busy = json!({"prompt": "chart 0?", "status": 429, "headers": {"Retry-After": "1"}, "times": 1});
    let server = endpoint(vec![rule(busy), rule(json!({"answer": "Yes.", "latency_ms": 200}))]);
    run_at(&server, &place, &task).args(["--max-connections", "2"]).assert().code(0);
    let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let samples = place.run().samples();
    let refused = time(&place.run().sample("c-0")["attempts"][0]["started"]);
    let attempts = samples.iter().flat_map(|sample| sample["attempts"].as_array().unwrap());
    let meanwhile = attempts.filter(|attempt| {
        let after = time(&attempt["started"]).duration_since(refused).as_secs_f64();
        (0.1..0.9).contains(&after)
    });
    assert_eq!(meanwhile.count(), 0, "nothing was sent while the endpoint asked to wait");
}

#[test]
fn an_endpoint_that_is_not_there_stops_the_run() {
    let place = Place::new();
    let task = place.charts(5);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let mut command = eyechart();
    command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", &url, "--max-retries", "0"]);
    let output =
        command.arg("--no-score").arg("--out").arg(place.runs()).assert().code(3).get_output().clone();
    assert!(stderr(&output).contains("cannot be reached"), "{}", stderr(&output));
}

#[test]
fn request_fields_and_headers_can_be_added_overridden_and_left_out() {
    let place = Place::new();
    place.charts(1);
    let task = place.write(
        "charts.toml",
        format!(
            "{}\n[generation]\ntemperature = 0.4\nmax_tokens = 300\nfrequency_penalty = 0.2\n",
            common::CHARTS
        ),
    );
    let server = endpoint(Vec::new());
    run_at(&server, &place, &task)
        .args(["--param", "max_completion_tokens=512", "--param", "temperature=0"])
        .args(["--drop-param", "max_tokens", "--header", "X-Team=vision", "--param", "stop=[\"\\n\"]"])
        .assert()
        .code(0);
    let mut body = bodies(&server).remove(0);
    body.as_object_mut().unwrap().remove("messages");
    assert_eq!(
        body,
        json!({"model": "m", "temperature": 0, "frequency_penalty": 0.2, "max_completion_tokens": 512, "stop": ["\n"]})
    );
    assert_eq!(server.requests()[0].header("x-team"), Some("vision"));
    let spec = std::fs::read_to_string(place.run().path().join("spec.json")).unwrap();
    assert!(spec.contains("X-Team") && !spec.contains("vision\""), "a header's value can be a secret");
}

#[test]
fn reasoning_is_kept_apart_from_the_answer() {
    let place = Place::new();
    let task = place.charts(1);
    let server = endpoint(vec![rule(json!({"answer": "A rise.", "reasoning": "The line goes up."}))]);
    run_at(&server, &place, &task).assert().code(0);
    let output = &place.run().sample("c-0")["output"];
    assert_eq!((&output["text"], &output["reasoning"]), (&json!("A rise."), &json!("The line goes up.")));
}

#[test]
fn several_pictures_go_out_as_addresses_in_their_order() {
    let place = Place::new();
    let pictures = r#"["https://a.example/1.png", "https://a.example/2.png"]"#;
    let row =
        [pictures, "Compare them.", "A cube is gone.", "The cube."].map(|cell| cell.replace('"', "\"\""));
    let header = "images,instruction,gpt4_prediction,reference_output,instruction_category";
    place.write(
        "visit_bench_multi_images.csv",
        format!("{header}\n\"{}\",\"{}\",\"{}\",\"{}\",x\n", row[0], row[1], row[2], row[3]),
    );
    let server = endpoint(Vec::new());
    run_at(&server, &place, "visit-bench-multi".as_ref()).arg("--data").arg(place.path("")).assert().code(0);
    let body = bodies(&server).remove(0);
    assert_eq!((&body["temperature"], &body["max_tokens"]), (&json!(0), &json!(512)));
    assert_eq!(
        body["messages"][0]["content"],
        json!([{"type": "text", "text": "Compare them."},
            {"type": "image_url", "image_url": {"url": "https://a.example/1.png"}},
            {"type": "image_url", "image_url": {"url": "https://a.example/2.png"}}])
    );
    let images = place.run().sample("0")["images"].clone();
    assert_eq!(images, json!([{"source": "https://a.example/1.png"}, {"source": "https://a.example/2.png"}]));
}

#[test]
fn a_picture_that_is_none_fails_its_sample_alone() {
    let place = Place::new();
    let task = place.charts(4);
    let whole = jpeg(1, 30_000);
    place.write("images/1.jpg", &whole[..whole.len() / 2]);
    place.write("images/2.jpg", "<html>404</html>");
    std::fs::remove_file(place.path("images/3.jpg")).unwrap();
    let server = endpoint(Vec::new());
    run_at(&server, &place, &task).assert().code(1);
    assert_eq!(server.stats().requests, 1);
    let run = place.run();
    for id in ["c-1", "c-2", "c-3"] {
        assert_eq!(run.sample(id)["error"]["kind"], "image", "{id}");
        let message = run.sample(id)["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(&format!("{}.jpg", &id[2..])), "{message}");
    }
}

#[test]
fn a_picture_in_another_format_becomes_the_format_that_the_task_asks_for() {
    let place = Place::new();
    place.charts(1);
    let png = include_bytes!("../../demo/images/pipeline.png");
    place.write("images/0.jpg", png);
    let task = place.write(
        "charts.toml",
        common::CHARTS.replace("column = \"image\"", "column = \"image\"\nformat = \"jpeg\""),
    );
    let server = endpoint(Vec::new());
    run_at(&server, &place, &task).assert().code(0);
    let image = place.run().sample("c-0")["images"][0].clone();
    assert_eq!(image["media_type"], "image/jpeg");
    assert!(image["changed"].as_str().unwrap().contains("image/png"));
    let sha256 = image["sha256"].as_str().unwrap();
    let stored = std::fs::read(place.runs().join("images").join(sha256)).unwrap();
    assert_eq!(
        eyechart::text::hex(&Sha256::digest(&stored)),
        sha256,
        "bytes that exist nowhere else are stored"
    );
    let url = bodies(&server)[0]["messages"][0]["content"][0]["image_url"]["url"].clone();
    assert_eq!(url, data_url(&stored));
}

#[test]
fn all_pictures_are_stored_where_asked_for() {
    let place = Place::new();
    let task = place.charts(2);
    let server = endpoint(Vec::new());
    run_at(&server, &place, &task).arg("--keep-images").assert().code(0);
    let sha256 = eyechart::text::hex(&Sha256::digest(jpeg(1, 2_000)));
    assert_eq!(std::fs::read(place.runs().join("images").join(sha256)).unwrap(), jpeg(1, 2_000));
}

#[test]
fn no_more_requests_are_in_flight_than_allowed() {
    let place = Place::new();
    let task = place.charts(24);
    let server = endpoint(vec![rule(json!({"answer": "Yes.", "latency_ms": 30}))]);
    run_at(&server, &place, &task).args(["--max-connections", "4"]).assert().code(0);
    let stats = server.stats();
    assert_eq!(stats.peak_in_flight, 4, "as many as allowed, and no more");
    assert!(stats.connections <= 4, "connections are kept open: {stats:?}");
}

#[test]
fn the_same_seed_picks_the_same_samples() {
    let place = Place::new();
    let task = place.charts(40);
    let server = endpoint(Vec::new());
    let picked = |arguments: &[&str]| {
        run_at(&server, &place, &task).args(arguments).assert().code(0);
        let runs = place.all_runs();
        let ids = runs[0].samples().iter().map(|sample| sample["id"].to_string()).collect::<Vec<_>>();
        std::fs::remove_dir_all(place.runs()).unwrap();
        ids
    };
    let ten = picked(&["--limit", "10"]);
    assert_eq!(ten.len(), 10);
    assert_eq!(ten, picked(&["--limit", "10", "--seed", "0"]));
    assert_ne!(ten, picked(&["--limit", "10", "--seed", "1"]));
    assert_eq!(picked(&["--limit", "1000"]).len(), 40, "more than there are means all");
}

#[test]
fn an_attempt_that_takes_too_long_is_a_timeout() {
    let place = Place::new();
    let task = place.charts(2);
    let server =
        endpoint(vec![rule(json!({"prompt": "chart 1?", "answer": "Late.", "latency_ms": 600_000}))]);
    run_at(&server, &place, &task).args(["--timeout", "0.5", "--max-retries", "0"]).assert().code(1);
    assert_eq!(place.run().sample("c-1")["error"]["kind"], "timeout");
}

#[test]
fn a_header_that_the_endpoint_quotes_back_is_hidden() {
    let place = Place::new();
    let task = place.charts(1);
    let server = endpoint(vec![rule(json!({"status": 400, "body": "bad gateway key team-s3cret"}))]);
    run_at(&server, &place, &task).args(["--header", "x-gateway=team-s3cret"]).assert().code(1);
    let message = place.run().sample("c-0")["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("[key]") && !message.contains("s3cret"), "{message}");
}
