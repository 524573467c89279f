//! What a run may use up, as a user limits it: money, tokens, time.

use std::path::PathBuf;

use crate::common::{Place, endpoint, eyechart, rule, run_at, stderr, stdout};
use assert_cmd::Command;
use eyechart::rehearse::Server;
use serde_json::{Value, json};

/// A reply that costs 900 tokens of prompt and 100 of answer.
fn dear() -> Value {
    let message = json!({"message": {"content": "A rise."}, "finish_reason": "stop"});
    let usage = json!({"prompt_tokens": 900, "completion_tokens": 100});
    json!({"body": json!({"model": "m", "choices": [message], "usage": usage}).to_string()})
}

/// 1 USD for a million tokens of prompt, 10 for one of answer: 0.0019 USD for a reply of [`dear`].
fn prices(place: &Place) -> PathBuf {
    let text = "[[price]]\nmodels = [\"custom/*\"]\ninput = 1\noutput = 10\ndate = \"2026-11-24\"\n";
    place.write("prices.toml", format!("{text}source = \"https://prices.example\"\n"))
}

fn priced(server: &Server, place: &Place, count: usize) -> Command {
    let mut command = run_at(server, place, &place.texts(count));
    command.arg("--prices").arg(prices(place));
    command
}

fn resume(place: &Place) -> Command {
    let mut command = eyechart();
    command.arg("run").arg("--resume").arg(place.run().path()).arg("--no-score");
    command
}

#[test]
fn a_run_stops_when_its_money_is_used_up_and_goes_on_with_more() {
    let place = Place::new();
    let server = endpoint(vec![rule(dear())]);
    let output =
        priced(&server, &place, 40).args(["--max-cost", "0.019"]).assert().code(3).get_output().clone();
    let said = stderr(&output);
    assert!(said.contains("--max-cost 0.019 is used up"), "{said}");
    assert!(said.contains("at the price of 2026-11-24"), "{said}");
    let run = place.run();
    assert!(said.contains(&format!("--resume {} --max-cost MORE", run.path().display())), "{said}");
    let asked = run.samples().len();
    assert!((10..=13).contains(&asked), "ten answers are what it buys, and {asked} were asked for");
    assert_eq!(server.stats().requests as usize, asked, "what was in flight is in the record");
    assert!(run.samples().iter().all(|sample| sample["status"] == "completed"));
    let spec = run.json("spec.json");
    assert_eq!(spec["execution"]["budget"], json!({"cost": 0.019}));
    assert_eq!(spec["price"]["source"], "https://prices.example");

    // What it has used up counts, and its limit is still its own.
    resume(&place).assert().code(3);
    assert_eq!(server.stats().requests as usize, asked);
    resume(&place).args(["--max-cost", "0.038"]).assert().code(3);
    let asked = place.run().samples().len();
    assert!((20..=23).contains(&asked), "{asked}");
    resume(&place).args(["--max-cost", "none"]).assert().code(0);
    assert_eq!((place.run().samples().len(), server.stats().requests), (40, 40));
}

#[test]
fn tokens_are_limited_as_the_endpoint_counts_them() {
    let place = Place::new();
    let server = endpoint(vec![rule(dear())]);
    let task = place.texts(40);
    let mut command = run_at(&server, &place, &task);
    let output = command
        .args(["--max-tokens-total", "10000", "--max-connections", "32"])
        .assert()
        .code(3)
        .get_output()
        .clone();
    assert!(stderr(&output).contains("--max-tokens-total 10000 is used up"), "{}", stderr(&output));
    assert!((10..=13).contains(&server.stats().requests), "{:?}", server.stats());
    assert_eq!(server.stats().requests as usize, place.run().samples().len());
}

#[test]
fn the_tokens_of_an_answer_that_broke_off_count_though_the_sample_is_asked_again() {
    let place = Place::new();
    let choice = json!({"message": {"content": "A ri"}, "finish_reason": "error"});
    let usage = json!({"prompt_tokens": 700, "completion_tokens": 50});
    let broken_off = json!({"model": "m", "choices": [choice], "usage": usage}).to_string();
    let with = |mut reply: Value, key: &str, value: Value| {
        reply[key] = value;
        reply
    };
    let server = endpoint(vec![
        rule(json!({"prompt": "What is 0?", "body": broken_off, "times": 1})),
        rule(with(dear(), "prompt", json!("What is 0?"))),
        // Long enough for the first sample to be asked again meanwhile.
        rule(with(dear(), "latency_ms", json!(3000))),
    ]);
    let task = place.texts(9);
    let ask = |command: &mut Command, limit: &str| {
        command.args(["--max-connections", "8", "--max-tokens-total", limit]);
        stderr(command.assert().code(3).get_output())
    };
    let said = ask(&mut run_at(&server, &place, &task), "1700");
    assert!(said.contains("1700 is used up: 1750 tokens"), "{said}");
    let run = place.run();
    assert_eq!(run.samples().len(), 5, "four samples were in flight beside the first one");
    assert_eq!(run.sample("t-0")["earlier"], json!({"input_tokens": 700, "output_tokens": 50}));
    // The record has them too, so a resumed run counts them.
    let said = ask(&mut resume(&place), "5750");
    assert!(said.contains("5750 is used up: 5750 tokens"), "{said}");
}

#[test]
fn a_run_that_needs_no_more_than_it_may_use_ends_well() {
    let place = Place::new();
    let server = endpoint(vec![rule(dear())]);
    run_at(&server, &place, &place.texts(10)).args(["--max-tokens-total", "10000"]).assert().code(0);
    assert_eq!(place.run().samples().len(), 10);
}

#[test]
fn time_is_limited_and_who_waits_to_be_asked_again_is_not_waited_for() {
    let place = Place::new();
    let busy = json!({"prompt": "What is 3?", "status": 503, "headers": {"retry-after": "3000"}});
    let server = endpoint(vec![rule(busy)]);
    let task = place.texts(6);
    let mut command = run_at(&server, &place, &task);
    let output =
        command.args(["--max-time", "2s", "--max-retries", "9"]).assert().code(3).get_output().clone();
    assert!(stderr(&output).contains("--max-time is used up: 2 s"), "{}", stderr(&output));
    let run = place.run();
    assert!(run.samples().iter().all(|sample| sample["id"] != "t-3"), "it was never answered");
    assert_eq!(run.json("spec.json")["execution"]["budget"], json!({"seconds": 2.0}));
}

#[test]
fn money_cannot_be_limited_where_no_price_is_known_and_nothing_is_sent() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    let task = place.texts(2);
    // The price of OpenAI's own address is not that of another one.
    for model in ["custom/m", "openai/gpt-4o-mini"] {
        let mut command = eyechart();
        command.arg("run").arg(&task).args([
            "--model",
            model,
            "--base-url",
            &server.url(),
            "--max-cost",
            "1",
        ]);
        let output = command.arg("--out").arg(place.runs()).assert().code(2).get_output().clone();
        assert!(stderr(&output).contains("--prices"), "{}", stderr(&output));
    }
    assert_eq!((server.stats().requests, place.all_runs().len()), (0, 0));
}

#[test]
fn an_endpoint_that_counts_no_tokens_cannot_be_held_to_a_budget() {
    let place = Place::new();
    let message = json!({"choices": [{"message": {"content": "A rise."}, "finish_reason": "stop"}]});
    let server = endpoint(vec![rule(json!({"body": message.to_string()}))]);
    let output = priced(&server, &place, 40).args(["--max-cost", "1"]).assert().code(3).get_output().clone();
    assert!(stderr(&output).contains("does not report token counts"), "{}", stderr(&output));
    assert!(server.stats().requests <= 5, "{:?}", server.stats());
    assert_eq!(server.stats().requests as usize, place.run().samples().len());
}

#[test]
fn tasks_of_one_command_share_its_budget() {
    let place = Place::new();
    let server = endpoint(vec![rule(dear())]);
    let first = place.texts(8);
    let text = std::fs::read_to_string(&first).unwrap();
    let second = place.write("second.toml", text.replace("name = \"texts\"", "name = \"second\""));
    let mut command = run_at(&server, &place, &first);
    let output =
        command.arg(&second).args(["--max-tokens-total", "10000"]).assert().code(3).get_output().clone();
    assert!((10..=13).contains(&server.stats().requests), "{:?}", server.stats());
    let said = stderr(&output);
    assert!(said.contains("used up"));
    assert!(said.contains("forecast for all 2 tasks: 16 requests"), "{said}");
    assert_eq!(place.all_runs().iter().map(|run| run.samples().len()).max(), Some(8));
    // The finished task is shown, and the hint resumes the other one.
    let shown = stdout(&output);
    assert!(shown.contains("\ntexts\n") && !shown.contains("\nsecond\n"), "{shown}");
    let resume = format!("--resume {} --max-tokens-total MORE", place.runs().display());
    let hint = format!("hint: 1 of 2 tasks finished; to resume, repeat the command line with {resume}\n");
    assert_eq!(said.matches("hint: ").count(), 1, "{said}");
    assert!(said.ends_with(&hint), "{said}");
    let mut again = run_at(&server, &place, &first);
    again.arg(&second).arg("--resume").arg(place.runs()).args(["--max-tokens-total", "100000"]);
    again.assert().code(0);
    assert_eq!(place.all_runs().iter().map(|run| run.samples().len()).collect::<Vec<_>>(), [8, 8]);
}

#[test]
fn what_a_run_cost_is_shown_with_its_price_and_counts_what_failed_and_was_asked_again() {
    let place = Place::new();
    let empty = json!({"message": {"content": ""}, "finish_reason": "length"});
    let usage = json!({"prompt_tokens": 900, "completion_tokens": 600});
    let body = json!({"model": "m", "choices": [empty], "usage": usage}).to_string();
    let server =
        endpoint(vec![rule(json!({"prompt": "What is 1?", "body": body, "times": 2})), rule(dear())]);
    let mut command = priced(&server, &place, 4);
    let output = command.assert().code(1).get_output().clone();
    let table = stdout(&output);
    // Three answers at 0.0019 USD and 0.0069 for the one that was cut off before it began.
    assert!(table.contains("0.0126") && table.contains("2026-11-24"), "{table}");
    assert!(table.contains("https://prices.example"), "{table}");
    resume(&place).assert().code(1);
    let output = resume(&place).args(["--format", "json"]).assert().code(0).get_output().clone();
    let cost = serde_json::from_str::<Value>(&stdout(&output)).unwrap()[0]["cost"].clone();
    // Folding has dropped the failed records, and not what they cost.
    assert!((cost["usd"].as_f64().unwrap() - (4.0 * 0.0019 + 2.0 * 0.0069)).abs() < 1e-12, "{cost}");
    assert_eq!(cost["price"]["input"], 1.0);
    assert_eq!(place.run().sample("t-1")["earlier"], json!({"input_tokens": 1800, "output_tokens": 1200}));
}

#[test]
fn without_a_price_nothing_is_said_of_money() {
    let place = Place::new();
    let server = endpoint(vec![rule(dear())]);
    let output = run_at(&server, &place, &place.texts(2))
        .args(["--format", "json"])
        .assert()
        .code(0)
        .get_output()
        .clone();
    let run = &serde_json::from_str::<Value>(&stdout(&output)).unwrap()[0];
    assert_eq!((run.get("cost"), place.run().json("spec.json").get("price")), (None, None));
}

#[test]
fn a_sample_that_fails_holds_no_budget_up() {
    let place = Place::new();
    let bad = json!({"status": 500, "headers": {"retry-after": "0"}});
    let bad = |prompt: &str| {
        let mut rule = bad.clone();
        rule["prompt"] = json!(prompt);
        rule
    };
    let task = place.charts(40);
    // The first four are all that is asked before it is known what an answer costs.
    let mut rules: Vec<_> = (0..4).map(|index| rule(bad(&format!("chart {index}?")))).collect();
    rules.push(rule(dear()));
    let server = endpoint(rules);
    for connections in ["1", "8"] {
        let arguments =
            ["--max-tokens-total", "5000", "--max-retries", "1", "--max-connections", connections];
        let output = run_at(&server, &place, &task).args(arguments).assert().code(3).get_output().clone();
        assert!(stderr(&output).contains("--max-tokens-total 5000 is used up"), "{}", stderr(&output));
    }
}

#[test]
fn a_run_that_is_resumed_with_its_task_keeps_its_recorded_limit_and_price() {
    let place = Place::new();
    let server = endpoint(vec![rule(dear())]);
    priced(&server, &place, 40).args(["--max-cost", "0.019"]).assert().code(3);
    let asked = server.stats().requests;
    let resume = || {
        let mut command = run_at(&server, &place, &place.texts(40));
        command.arg("--resume").arg(place.runs());
        command
    };
    let said = stderr(resume().assert().code(3).get_output());
    assert!(said.contains("--max-cost 0.019 is used up"), "{said}");
    assert_eq!(server.stats().requests, asked);
    resume().args(["--max-cost", "none"]).assert().code(0);
    assert_eq!((place.run().samples().len(), server.stats().requests), (40, 40));
}

#[test]
fn answers_that_broke_off_use_up_the_budget_before_their_samples_end() {
    let error = json!({"code": 502, "message": "the provider broke off"});
    let cut = json!({"message": {"content": "A ri"}, "finish_reason": "error"});
    let with_error = json!({"message": {"content": "A ri"}, "finish_reason": "error", "error": error});
    for (choices, error) in
        [(json!([cut]), Value::Null), (json!([with_error]), Value::Null), (json!([]), error)]
    {
        let usage = json!({"prompt_tokens": 1000, "completion_tokens": 1000});
        let reply = json!({"model": "m", "choices": choices, "usage": usage, "error": error});
        failed_answers_are_paid_for(200, &reply.to_string());
    }
}

#[test]
fn the_tokens_that_an_error_reports_use_up_the_budget_whatever_its_status() {
    let usage = json!({"prompt_tokens": 1000, "completion_tokens": 1000});
    let error = json!({"error": {"message": "the provider broke off"}, "usage": usage});
    for status in [500, 502, 504] {
        failed_answers_are_paid_for(status, &error.to_string());
    }
}

fn failed_answers_are_paid_for(status: u16, body: &str) {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"status": status, "body": body}))]);
    let task = place.texts(8);
    let limits = ["--max-tokens-total", "5000", "--max-connections", "1"];
    let output = run_at(&server, &place, &task).args(limits).assert().code(3).get_output().clone();
    assert!(
        stderr(&output).contains("--max-tokens-total 5000 is used up: 6000 tokens"),
        "{}",
        stderr(&output)
    );
    assert_eq!(server.stats().requests, 3);

    // The samples that waited are recorded as failed with their tokens, so that a resumed run counts them.
    let run = place.run();
    assert!(run.samples().iter().all(|sample| sample["status"] == "failed"), "{:?}", run.samples());
    let tokens = |sample: &Value| {
        let numbers = ["/earlier/input_tokens", "/earlier/output_tokens"].into_iter();
        let own = ["/output/usage/input_tokens", "/output/usage/output_tokens"].into_iter();
        numbers.chain(own).filter_map(|number| sample.pointer(number)?.as_u64()).sum::<u64>()
    };
    assert_eq!(run.samples().iter().map(tokens).sum::<u64>(), 6000);
    resume(&place).assert().code(3);
    assert_eq!(server.stats().requests, 3);
}
