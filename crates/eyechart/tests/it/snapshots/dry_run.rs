//! What a run announces before its first request, with and without `--dry-run`.

use serde_json::{Value, json};

use super::Session;
use crate::common::{CHARTS, endpoint, rule};

const AT_NO_ENDPOINT: [&str; 4] = ["--model", "custom/m", "--base-url", "http://127.0.0.1:1/v1"];

const PRICES: &str = "[[price]]\nmodels = [\"custom/m\"]\ninput = 1\noutput = 10\ndate = \"2026-11-24\"\n";

fn dry(session: &mut Session, task: &str, more: &[&str]) {
    session.run(&[&["run", task], &AT_NO_ENDPOINT[..], &["--dry-run"], more].concat());
}

#[test]
fn a_dry_run_shows_the_forecast_with_and_without_a_price() {
    let mut session = Session::new();
    session.place.charts(30);
    session.place.write("charts.toml", format!("{CHARTS}\n[generation]\nmax_tokens = 200\n"));
    session.place.write("prices.toml", PRICES);
    dry(&mut session, "charts.toml", &[]);
    dry(&mut session, "charts.toml", &["--prices", "prices.toml", "--max-cost", "0.01"]);
    dry(&mut session, "charts.toml", &["--limit", "3", "--format", "json"]);
    session.matches("dry_run", "forecast");
}

#[test]
fn a_dry_run_lists_what_would_fail_and_what_is_odd() {
    let mut session = Session::new();
    session.place.charts(8);
    let rows = std::fs::read_to_string(session.place.path("charts.jsonl")).unwrap();
    let mut rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    rows[3].as_object_mut().unwrap().remove("answer");
    rows[4]["answer"] = json!(" ");
    rows[5]["question"] = json!(" ");
    rows[6]["question"] = json!("x".repeat(100_001));
    rows[7].as_object_mut().unwrap().remove("question");
    session.place.write_jsonl("charts.jsonl", &rows);
    std::fs::remove_file(session.place.path("images/0.jpg")).unwrap();
    session.place.write("images/1.jpg", "no picture");
    dry(&mut session, "charts.toml", &[]);
    session.matches("dry_run", "remarks");
}

#[test]
fn a_dry_run_of_a_control_and_of_a_model_without_a_key() {
    let mut session = Session::new();
    session.place.charts(4);
    dry(&mut session, "charts.toml", &["--control", "no-images"]);
    dry(&mut session, "charts.toml", &["--control", "shuffle-images"]);
    session.run(&["run", "charts.toml", "--model", "openai/gpt-4o", "--dry-run"]);
    session.matches("dry_run", "control_and_key");
}

#[test]
fn a_run_with_a_budget_prints_its_forecast_first() {
    let mut session = Session::new();
    session.place.texts(50);
    session.place.write("prices.toml", PRICES);
    let server = endpoint(vec![rule(json!({"prompt": "What is 3?", "status": 400}))]);
    let budget = ["--param", "max_tokens=1000", "--max-cost", "0.1", "--prices", "prices.toml", "--no-score"];
    session.run_at(&server, "texts.toml", &budget);
    session.matches("dry_run", "forecast_of_a_run");
}
