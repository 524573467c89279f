//! Why a sample failed, as servers in the wild say it: each kind counted as what it is, in every report.

use crate::common::{Place, endpoint, eyechart, rule, run_at, stderr, stdout, tls};
use eyechart::rehearse::{Rule, Server};
use serde_json::{Value, json};

/// Six samples of which each of the first four fails in its own way, and the fifth is cut off.
fn rules() -> Vec<Rule> {
    vec![
        rule(json!({"prompt": "chart 0?", "fault": "400-context"})),
        rule(json!({"prompt": "chart 1?", "fault": "403-flagged"})),
        rule(json!({"prompt": "chart 2?", "answer": "", "finish_reason": "length"})),
        rule(json!({"prompt": "chart 3?", "status": 400})),
        rule(json!({"prompt": "chart 4?", "answer": "A ri", "finish_reason": "length"})),
        rule(json!({"answer": "A rise."})),
    ]
}

fn report(place: &Place, format: &str) -> String {
    let mut command = eyechart();
    let output = command.arg("results").arg(place.runs()).args(["--format", format]).assert().code(0);
    stdout(output.get_output())
}

#[test]
fn each_kind_has_its_own_count_in_every_report() {
    let place = Place::new();
    let task = place.charts(6);
    let server = endpoint(rules());
    let mut command = eyechart();
    command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", &server.url(), "--out"]);
    let output = command.arg(place.runs()).assert().code(1).get_output().clone();
    let counts = "4 of 6 failed (1 too_large, 1 bad_request, 1 refused, 1 truncated)";
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in [stdout(&output), report(&place, "table"), report(&place, "markdown").replace('\\', "")] {
        assert!(one_line(&text).contains(counts), "{text}");
        assert!(one_line(&text).contains("1 answer cut off by the token limit"), "{text}");
    }
    let json: Value = serde_json::from_str(&report(&place, "json")).unwrap();
    let failures = json!({"too_large": 1, "bad_request": 1, "refused": 1, "truncated": 1});
    assert_eq!(json[0]["samples"]["failures"], failures);
    assert_eq!(json[0]["samples"]["truncated"], 1);
    let csv = report(&place, "csv");
    for line in [
        "charts,custom/m,counted,,,completed,2,6,6,4,,,,,,,,",
        "charts,custom/m,counted,,,truncated,1,6,6,4,,,,,,,,",
        "charts,custom/m,counted,,,failed,4,6,6,4,,,,,,,,",
        "charts,custom/m,counted,,,failed.too_large,1,6,6,4,,,,,,,,",
        "charts,custom/m,counted,,,failed.refused,1,6,6,4,,,,,,,,",
        "charts,custom/m,counted,,,failed.truncated,1,6,6,4,,,,,,,,",
        "charts,custom/m,counted,,,failed.bad_request,1,6,6,4,,,,,,,,",
    ] {
        assert!(csv.lines().any(|found| found == line), "{line} in\n{csv}");
    }
}

#[test]
fn a_run_without_any_answer_has_its_counts_in_every_report_too() {
    let place = Place::new();
    let task = place.charts(3);
    let server = endpoint(vec![rule(json!({"fault": "400-context"}))]);
    run_at(&server, &place, &task).assert().code(1);
    eyechart().arg("score").arg(place.run().path()).assert().code(0);
    assert!(report(&place, "table").contains("3 of 3 failed (3 too_large)"));
    assert!(report(&place, "csv").contains("charts,custom/m,counted,,,failed.too_large,3,3,3,3,,,,,,,,\n"));
}

/// What the run at `url` says, and whether it stopped with exit code 3 and nothing marked failed.
fn stopped(url: &str, arguments: &[&str]) -> String {
    let place = Place::new();
    let task = place.texts(8);
    let mut command = eyechart();
    command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", url, "--no-score"]);
    command.args(["--max-connections", "2"]).args(arguments).env_remove("SSL_CERT_FILE");
    let output = command.arg("--out").arg(place.runs()).assert().code(3).get_output().clone();
    assert_eq!(place.run().samples(), [] as [Value; 0], "nothing is marked failed that was never answered");
    stderr(&output)
}

#[test]
fn a_certificate_that_nobody_trusts_stops_the_run_at_the_first_connection() {
    // With retries the first failure alone would take half a minute.
    let said = stopped(&tls::endpoint(), &["--max-retries", "100"]);
    assert!(said.contains("(tls: ") && said.contains("certificate"), "{said}");
    assert!(said.contains("SSL_CERT_FILE"), "{said}");
}

#[test]
fn an_endpoint_without_tls_under_https_stops_the_run_at_the_first_connection() {
    let server = endpoint(Vec::new());
    let said = stopped(&server.url().replace("http:", "https:"), &["--max-retries", "100"]);
    assert!(said.contains("(tls: ") && said.contains("https or http"), "{said}");
}

#[test]
fn an_authority_that_is_named_is_trusted() {
    let place = Place::new();
    let task = place.texts(4);
    let mut command = eyechart();
    command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", &tls::endpoint(), "--no-score"]);
    command.env("SSL_CERT_FILE", tls::authority()).arg("--out").arg(place.runs()).assert().code(0);
    assert!(place.run().samples().iter().all(|sample| sample["output"]["text"] == "A."));
}

#[test]
fn what_every_request_would_be_told_stops_the_run_whatever_its_status() {
    let mistral = r#"{"object":"error","message":"Invalid model: m","type":"invalid_model","code":"1500"}"#;
    for (answer, check) in [
        (json!({"status": 400, "body": mistral}), "the model's name"),
        (json!({"status": 405}), "--base-url"),
        (json!({"status": 402}), "credit"),
        (json!({"status": 429, "body": r#"{"error":{"code":"insufficient_quota"}}"#}), "credit"),
    ] {
        let server: Server = endpoint(vec![rule(answer)]);
        let said = stopped(&server.url(), &[]);
        assert!(said.contains("check ") && said.contains(check), "{said}");
        assert!(server.stats().requests <= 4, "{:?}", server.stats());
    }
}

#[test]
fn a_redirect_carries_the_key_to_nobody() {
    let elsewhere = endpoint(Vec::new());
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/chat/completions", elsewhere.url());
        let server = endpoint(vec![rule(json!({"status": status, "headers": {"location": location}}))]);
        let said = stopped(&server.url(), &["--header", "x-team=s3cret-of-the-team"]);
        assert!(said.contains(&format!("it redirects to {location}")), "{said}");
        assert!(server.stats().requests <= 4, "{:?}", server.stats());
    }
    assert_eq!(elsewhere.stats().connections, 0, "nobody came there, with or without a key");
}

/// What a picture's or a minute's trouble must not do: stop the night.
#[test]
fn a_limit_of_a_minute_and_one_missing_picture_stop_nothing() {
    let place = Place::new();
    let task = place.charts(4);
    let minute = r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"0.05s"}]}}]"#;
    let picture = r#"{"error":{"message":"image at https://x/y.png not found"}}"#;
    let odd = r#"{"choices":[{"message":{"content":"A rise."},"finish_reason":"stop"}],"usage":{"prompt_tokens":10.0,"completion_tokens":-1},"error":{}}"#;
    let server = endpoint(vec![
        rule(json!({"prompt": "chart 0?", "status": 429, "body": minute, "times": 1})),
        rule(json!({"prompt": "chart 1?", "status": 404, "body": picture})),
        rule(json!({"prompt": "chart 2?", "body": odd})),
        rule(json!({"answer": "A rise."})),
    ]);
    run_at(&server, &place, &task).assert().code(1);
    let samples = place.run().samples();
    let of = |id: &str| samples.iter().find(|sample| sample["id"] == id).unwrap();
    assert_eq!(of("c-0")["status"], "completed");
    assert_eq!(of("c-0")["attempts"][0]["error"]["kind"], "rate_limited");
    assert_eq!(of("c-0")["attempts"][0]["retry_after"], 0.05);
    assert_eq!(of("c-1")["error"]["kind"], "bad_request");
    assert_eq!(of("c-2")["output"]["text"], "A rise.");
    assert_eq!(of("c-2")["output"]["usage"], json!({"input_tokens": 10}));
    assert_eq!(of("c-3")["status"], "completed");
}
