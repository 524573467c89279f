//! The tables and lists that commands print to stdout.

use serde_json::{Value, json};

use super::Session;
use crate::common::benchmarks::lay_out;
use crate::common::{CHARTS, endpoint, rule};

/// Six questions with options, answers recorded in a column and one row without an answer.
fn lay_out_choices(session: &Session) {
    let answers = ["B", "(B) Mass.", "A", "A or B, I am not sure", "B) Mass", ""];
    let row = |(number, answer): (usize, &&str)| {
        json!({"id": format!("q-{number}"), "question": format!("What grows in figure {number}?"),
            "options": ["Energy", "Mass"], "label": "B", "small": answer, "large": "B"})
    };
    session.place.write_jsonl("questions.jsonl", &answers.iter().enumerate().map(row).collect::<Vec<_>>());
    session.place.write(
        "questions.toml",
        "name = \"questions\"\n[dataset]\nfile = \"questions.jsonl\"\nid = \"id\"\n\
         choices = { options = \"options\", label = \"label\" }\n\
         [prompt]\ntext = \"{{ question }}\"\n[[score]]\nscorer = \"choice\"\n\
         [[score]]\nscorer = \"exact_match\"\ntarget = \"label\"\n",
    );
}

#[test]
fn the_demo_and_what_it_leaves_behind() {
    let mut session = Session::new();
    session.run(&["demo", "--out", "demo"]).matches("tables", "demo");
    session.transcript.clear();
    let run = session.run_named("demo", "demo-charts-demo-small");
    session.run(&["results", &run, "--format", "markdown"]).matches("tables", "markdown");
    session.transcript.clear();
    session.run(&["show", &run, "--worst", "1"]).run(&["show", &run, "--sample", "charts-04", "--full"]);
    session.matches("tables", "samples");
    session.transcript.clear();
    session.run(&["check", "demo"]).run(&["check", &run, "--format", "json"]).matches("tables", "check");
}

#[test]
fn results_of_recorded_answers_in_each_format() {
    let mut session = Session::new();
    lay_out_choices(&session);
    session.run(&["run", "questions.toml", "--model", "recorded/small"]);
    session.run(&["run", "questions.toml", "--model", "recorded/large", "--label", "second try"]);
    for format in ["table", "markdown", "csv"] {
        session.run(&["results", "runs", "--format", format]);
    }
    let run = session.run_named("runs", "recorded-small");
    session.run(&["show", &run, "--wrong"]).run(&["show", &run, "--failed"]);
    session.matches("tables", "recorded");
}

#[test]
fn the_published_comparison_beside_its_published_figures() {
    let mut session = Session::new();
    lay_out(&session.place);
    let server = endpoint(vec![
        rule(json!({"prompt": "Answer Query", "answer": " B\nThe mass curve rises.\n"})),
        rule(json!({"prompt": "Describe this image", "answer": "A man, smiling."})),
        rule(json!({"prompt": "Answer query based on the image\nWho", "answer": "He is a man."})),
        rule(json!({"prompt": "approximately 40 words", "answer": "Reference 0 of picture 0."})),
    ]);
    session.run_at(&server, "vlm-benchmarks", &["--data", "data"]);
    let run = session.run_named("runs", "visit-caption");
    session.run(&["export", &run, "--layout", "vlm-benchmarks", "--out", "notebooks"]);
    session.matches("tables", "published");
}

#[test]
fn controls_costs_and_failed_samples() {
    let mut session = Session::new();
    session.place.charts(6);
    session.place.write("charts.toml", CHARTS.replace("[[compare]]", "[[score]]\nscorer = \"exact_match\""));
    session.place.write(
        "prices.toml",
        "[[price]]\nmodels = [\"custom/m\"]\ninput = 1000\noutput = 1000\ndate = \"2026-11-24\"\n",
    );
    let message = json!({"message": {"content": "A rise in year 2."}, "finish_reason": "stop"});
    let usage = json!({"prompt_tokens": 900, "completion_tokens": 100});
    let reply = json!({"body": json!({"model": "m", "choices": [message], "usage": usage}).to_string()});
    let refused =
        json!({"prompt": "chart 3?", "status": 400, "body": "{\"error\": {\"message\": \"no charts\"}}"});
    let server = endpoint(vec![rule(refused), rule(reply)]);
    let priced = ["--prices", "prices.toml"];
    session.run_at(&server, "charts.toml", &priced);
    session.run_at(&server, "charts.toml", &[&priced[..], &["--control", "no-images"]].concat());
    session.run(&["results", "runs"]);
    session.matches("tables", "controls_and_costs");
}

#[test]
fn lists_of_tasks_data_and_functions() {
    let mut session = Session::new();
    session.run(&["tasks"]).run(&["tasks", "show", "visit-bench"]).run(&["calc", "--list"]);
    session.matches("tables", "tasks");
    session.transcript.clear();
    lay_out(&session.place);
    session.place.charts(3);
    session.run(&["data", "list"]).run(&["data", "list", "charts.toml"]);
    session.run(&["data", "list", "vlm-benchmarks", "--data", "data"]);
    session.run(&["data", "check", "charts.toml"]).run(&["data", "path", "charts.toml"]);
    session.matches("tables", "data");
}

#[test]
fn lists_and_tables_in_a_terminal_of_40_columns() {
    let mut session = Session::new();
    session.columns = 40;
    lay_out_choices(&session);
    session.place.charts(3);
    session.run(&["tasks"]).run(&["data", "list", "arxivqa"]);
    session.run(&["run", "questions.toml", "--model", "recorded/small"]);
    let run = session.run_named("runs", "recorded-small");
    session.run(&["show", &run, "--sample", "q-3"]);
    let at_no_endpoint = ["--model", "custom/m", "--base-url", "http://127.0.0.1:1/v1"];
    session.run(&[&["run", "charts.toml", "--dry-run"], &at_no_endpoint[..]].concat());
    std::fs::write(session.place.path(&run).join("load.jsonl"), "{\"at\": 3}\n").unwrap();
    session.run(&["check", "runs"]);
    session.matches("tables", "narrow");
}

#[test]
fn a_task_file_is_written_checked_and_tried() {
    let mut session = Session::new();
    session.place.charts(3);
    std::fs::remove_file(session.place.path("charts.toml")).unwrap();
    session.run(&["init", "charts.jsonl"]).run(&["tasks", "show", "charts.toml"]);
    session.run(&["tasks", "check", "charts.toml"]).run(&["tasks", "show", "charts.toml", "--sample", "c-1"]);
    session.matches("tables", "init");
}

#[test]
fn findings_in_a_damaged_run() {
    let mut session = Session::new();
    lay_out_choices(&session);
    session.run(&["run", "questions.toml", "--model", "recorded/large"]);
    let run = session.run_named("runs", "recorded-large");
    let record = session.place.path(&run).join("samples.jsonl");
    let text = std::fs::read_to_string(&record).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    std::fs::write(&record, format!("{}\n{}\nnot JSON\n", lines[0], lines[0])).unwrap();
    session.transcript.clear();
    session.run(&["check", "runs"]);
    session.matches("tables", "findings");
}

/// Two runs of six questions by each model, of which the small one leaves one out.
fn lay_out_comparison(session: &mut Session) -> [String; 2] {
    lay_out_choices(session);
    session.run(&["run", "questions.toml", "--model", "recorded/small"]);
    session.run(&["run", "questions.toml", "--model", "recorded/large", "--label", "second try"]);
    session.transcript.clear();
    ["recorded-small", "recorded-large"].map(|name| session.run_named("runs", name))
}

#[test]
fn a_comparison_in_each_format() {
    let mut session = Session::new();
    let [small, large] = lay_out_comparison(&mut session);
    session.run(&["compare", &small, &large]);
    for format in ["markdown", "csv", "json"] {
        session.run(&["compare", &small, &large, "--changed", "1", "--format", format]);
    }
    session.matches("tables", "comparison");
}

#[test]
fn a_comparison_of_three_runs_in_a_terminal_of_40_columns() {
    let mut session = Session::new();
    lay_out_comparison(&mut session);
    session.columns = 40;
    session.run(&["run", "questions.toml", "--model", "recorded/small", "--label", "again"]);
    session.transcript.clear();
    session.run(&["compare", "runs", "--primary", "choice.accuracy", "--changed", "2"]);
    session.run(&["compare", "runs/none"]);
    session.matches("tables", "comparison_narrow");
}
