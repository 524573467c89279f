//! Reasoning within the text of an answer is not part of the answer, wherever the answer comes from.

use crate::common::{Place, bodies, endpoint, eyechart, rule, run_at};
use serde_json::{Value, json};

/// A task with one text and `exact_match` against `A`, with more lines for `[generation]`.
fn task(place: &Place, generation: &str) -> std::path::PathBuf {
    place.write_jsonl("t.jsonl", &[json!({"id": "t-0", "question": "Which?", "answer": "A"})]);
    let score = "[[score]]\nscorer = \"exact_match\"\ntarget = \"answer\"\n";
    let prompt = "[prompt]\ntext = \"{{ question }}\"\n";
    let dataset = "name = \"t\"\n[dataset]\nfile = \"t.jsonl\"\nid = \"id\"\n";
    place.write("t.toml", format!("{dataset}{prompt}[generation]\n{generation}\n{score}"))
}

/// The record of the sample if the endpoint answers `content`.
fn asked(content: &str, finish_reason: &str, generation: &str) -> (Value, Value) {
    let place = Place::new();
    let task = task(&place, generation);
    let server = endpoint(vec![rule(json!({"answer": content, "finish_reason": finish_reason}))]);
    let _ = run_at(&server, &place, &task).assert();
    (place.run().sample("t-0"), bodies(&server).remove(0))
}

#[test]
fn reasoning_in_a_reply_is_split_from_the_answer() {
    for content in ["<think>\nB? No.\n</think>\n\nA", "B? No.\n</think>\n\nA", "<THINK>B? No.</THINK>A"] {
        let (sample, _) = asked(content, "stop", "");
        assert_eq!(sample["status"], "completed", "{content}");
        assert_eq!(sample["output"]["text"], "A", "{content}");
        assert_eq!(sample["output"]["reasoning"], "B? No.", "{content}");
    }
}

#[test]
fn a_reply_that_ends_within_its_reasoning_fails_as_truncated() {
    for reason in ["length", "stop"] {
        let (sample, _) = asked("<think>\nThe sky looks blue, but", reason, "");
        assert_eq!((&sample["status"], &sample["error"]["kind"]), (&json!("failed"), &json!("truncated")));
        assert_eq!(sample["output"]["reasoning"], "The sky looks blue, but");
    }
    let (sample, _) = asked("<think>It is A.</think>\n", "stop", "");
    assert_eq!(sample["error"]["kind"], "empty");
    let (sample, _) = asked("A, I believe. <think>Or", "length", "");
    assert_eq!(sample["output"]["text"].as_str().unwrap().trim(), "A, I believe.");
}

#[test]
fn keep_reasoning_leaves_it_in_the_text_and_is_not_sent() {
    let (sample, body) = asked("<think>B?</think>A", "stop", "keep_reasoning = true\ntemperature = 0");
    assert_eq!(sample["output"]["text"], "<think>B?</think>A");
    assert_eq!(sample["output"].get("reasoning"), None);
    assert_eq!((body.get("keep_reasoning"), &body["temperature"]), (None, &json!(0)));
}

#[test]
fn keep_reasoning_must_be_true_or_false() {
    let place = Place::new();
    let task = task(&place, "keep_reasoning = \"yes\"");
    let output = eyechart().args(["tasks", "check"]).arg(task).assert().code(2).get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("keep_reasoning = \"yes\": expected true or false"), "{said}");
}

#[test]
fn a_run_that_keeps_reasoning_is_resumed_as_such() {
    let place = Place::new();
    let task = task(&place, "keep_reasoning = true");
    let server = endpoint(vec![
        rule(json!({"status": 400, "times": 1})),
        rule(json!({"answer": "<think>B?</think>A"})),
    ]);
    run_at(&server, &place, &task).assert().code(1);
    let run = place.run();
    assert_eq!(run.json("spec.json")["answers"]["endpoint"]["keeps_reasoning"], true);
    eyechart().arg("run").arg("--resume").arg(run.path()).arg("--no-score").assert().code(0);
    assert_eq!(run.sample("t-0")["output"]["text"], "<think>B?</think>A");
}

#[test]
fn reasoning_in_recorded_answers_is_split_from_them_too() {
    let place = Place::new();
    let task = task(&place, "");
    let row =
        |id: &str, output: &str| json!({"id": id, "question": "Which?", "answer": "A", "theirs": output});
    let texts = [("t-0", "<think>B? No.</think>\nA"), ("t-1", "<think>B, or"), ("t-2", "no\n</think>A")];
    place.write_jsonl("t.jsonl", &texts.map(|(id, text)| row(id, text)));
    let outputs = place.write_jsonl("o.jsonl", &texts.map(|(id, text)| json!({"id": id, "output": text})));
    let from_file = ["--model", "m", "--outputs", outputs.to_str().unwrap()];
    for (number, from) in [&from_file[..], &["--model", "recorded/theirs"]].into_iter().enumerate() {
        let mut command = eyechart();
        let runs = place.path(&format!("runs-{number}"));
        command.arg("run").arg(&task).args(from).arg("--out").arg(&runs).assert().code(1);
        let folder = std::fs::read_dir(&runs).unwrap().map(|entry| entry.unwrap().path());
        let run = crate::common::RunFiles(
            folder.into_iter().find(|path| path.join("spec.json").is_file()).unwrap(),
        );
        assert_eq!(run.sample("t-0")["output"], json!({"text": "A", "reasoning": "B? No."}));
        assert_eq!(run.sample("t-1")["error"]["kind"], "truncated");
        assert_eq!(run.sample("t-2")["output"]["text"], "A");
        assert_eq!(run.figure("answer", "answer", "accuracy"), 1.0);
    }
}

#[test]
fn a_run_that_keeps_reasoning_does_not_use_cached_answers_without_it() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"answer": "<think>B?</think>A"}))]);
    let ask = |generation: &str| {
        let task = task(&place, &format!("temperature = 0\n{generation}"));
        let mut command = run_at(&server, &place, &task);
        command.arg("--cache").env("XDG_CACHE_HOME", place.path("cache")).assert().code(0);
        let text = place.run().sample("t-0")["output"]["text"].clone();
        std::fs::remove_dir_all(place.runs()).unwrap();
        text
    };
    let generations = ["", "", "keep_reasoning = true", "keep_reasoning = true"];
    assert_eq!(generations.map(ask), ["A", "A", "<think>B?</think>A", "<think>B?</think>A"]);
    assert_eq!(server.requests().len(), 2);
}
