//! `eyechart calc`: the functions behind the tables, held against reference figures.

use crate::common::shared::shared_json;
use crate::common::{eyechart, stdout};
use serde_json::{Value, json};

fn calc(lines: &[Value], code: i32) -> Vec<Value> {
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let output = eyechart().arg("calc").write_stdin(input).assert().code(code).get_output().clone();
    let found: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(found.len(), lines.len(), "one line of output for each of input");
    found
}

/// Where `found` differs from `expected`: numbers by more than `tolerance`, `null` where the key must be absent.
fn differences(expected: &Value, found: Option<&Value>, tolerance: f64) -> Vec<String> {
    match (expected, found) {
        (Value::Object(keys), found) => {
            let of_key = |(key, value)| {
                let found = found.and_then(|found| found.get(key));
                differences(value, found, tolerance).into_iter().map(move |what| format!("{key}: {what}"))
            };
            keys.iter().flat_map(of_key).collect()
        }
        (Value::Null, None) => Vec::new(),
        (Value::Array(expected), Some(Value::Array(found))) if expected.len() == found.len() => {
            let pairs = expected.iter().zip(found);
            pairs.flat_map(|(expected, found)| differences(expected, Some(found), tolerance)).collect()
        }
        (Value::Number(number), Some(Value::Number(found))) => {
            let (expected, found) = (number.as_f64().unwrap(), found.as_f64().unwrap());
            let is_close = (expected - found).abs() <= tolerance * expected.abs().max(1.0);
            if is_close { Vec::new() } else { vec![format!("{found}, expected {expected}")] }
        }
        (expected, found) => vec![format!("{found:?}, expected {expected}")],
    }
}

/// Calls the golden cases that `is_ours` and compares all figures. Returns the number of cases.
fn check_golden(is_ours: impl Fn(&Value) -> bool) -> usize {
    let golden = shared_json("golden/stats.json");
    let cases: Vec<&Value> =
        golden["cases"].as_array().unwrap().iter().filter(|case| is_ours(case)).collect();
    let lines: Vec<Value> =
        cases.iter().map(|case| json!({"fn": case["fn"], "args": case["args"]})).collect();
    for (case, found) in cases.iter().zip(calc(&lines, 0)) {
        assert!(!case["expect"].as_object().unwrap().is_empty(), "{}", case["id"]);
        let wrong = differences(&case["expect"], Some(&found), case["tol"].as_f64().unwrap());
        assert!(wrong.is_empty(), "{}: {wrong:?}", case["id"]);
    }
    cases.len()
}

#[test]
#[ignore = "reads the shared folder: set EYECHART_SHARED and run scripts/test"]
fn every_text_scorer_gives_the_figures_of_the_reference_implementations() {
    // The corpus' chrF is for reference only: no metric uses it.
    let cases = check_golden(|case| case["issue"] == "scorers" && case["fn"] != "chrf_corpus");
    assert!(cases >= 60, "{cases} cases");
}

/// Reference values of methods that eyechart does not use, and functions that it does not have.
const NOT_OURS: [&str; 9] = [
    "benjamini_hochberg",
    "bonett_price",
    "bradley_terry",
    "bradley_terry_by_prompt",
    "clopper_pearson",
    "decided",
    "elo",
    "judge_with_labels",
    "newcombe_paired",
];

#[test]
#[ignore = "reads the shared folder: set EYECHART_SHARED and run scripts/test"]
fn every_statistic_gives_the_figures_of_the_reference_implementations() {
    let cases =
        check_golden(|case| case["issue"] == "statistics" && NOT_OURS.iter().all(|name| case["fn"] != *name));
    assert!(cases >= 130, "{cases} cases");
}

#[test]
#[ignore = "reads the shared folder: set EYECHART_SHARED and run scripts/test"]
fn captions_are_tokenized_and_scored_as_pycocoevalcap_does_it() {
    let golden = shared_json("golden/captions.json");
    let items = golden["items"].as_array().unwrap();
    let each = |key: &str| items.iter().map(|item| item[key].clone()).collect::<Vec<_>>();
    let lines = [json!({"fn": "captions",
        "args": {"answers": each("hypothesis"), "references": each("references")}})];
    let found = calc(&lines, 0).remove(0);
    let names = [
        ("Bleu_1", "bleu_1"),
        ("Bleu_2", "bleu_2"),
        ("Bleu_3", "bleu_3"),
        ("Bleu_4", "bleu_4"),
        ("ROUGE_L", "rouge_l"),
        ("CIDEr", "cider"),
    ];
    for (theirs, ours) in names {
        let wrong = differences(&golden["corpus"][theirs], found["corpus"].get(ours), 1e-6);
        assert!(wrong.is_empty(), "{ours} of the corpus: {wrong:?}");
        for (item, index) in items.iter().zip(0..) {
            let expected = &golden["per_item"][theirs][item["id"].to_string()];
            let wrong = differences(expected, found["items"][index].get(ours), 1e-6);
            assert!(wrong.is_empty(), "{ours} of item {}: {wrong:?}", item["id"]);
        }
    }
    let tokens = |item: &Value| &golden["tokens"][item["id"].to_string()];
    let mut texts: Vec<(Value, Value)> = Vec::new();
    for item in items {
        texts.push((item["hypothesis"].clone(), tokens(item)["hypothesis"].clone()));
        let references = item["references"].as_array().unwrap().iter().cloned();
        texts.extend(references.zip(tokens(item)["references"].as_array().unwrap().iter().cloned()));
    }
    assert_eq!(differing_tokens(&texts), Vec::<String>::new());
}

#[test]
#[ignore = "reads the shared folder: set EYECHART_SHARED and run scripts/test"]
fn hard_texts_are_tokenized_as_the_reference_tokenizer_does_it() {
    let golden = shared_json("golden/ptb.json");
    let texts: Vec<(Value, Value)> = golden
        .as_array()
        .unwrap()
        .iter()
        .map(|case| (case["text"].clone(), case["tokens"].clone()))
        .collect();
    let wrong = differing_tokens(&texts);
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), texts.len());
}

fn differing_tokens(texts: &[(Value, Value)]) -> Vec<String> {
    let lines: Vec<Value> =
        texts.iter().map(|(text, _)| json!({"fn": "ptb_tokens", "args": {"text": text}})).collect();
    let found = calc(&lines, 0);
    let wrong = texts.iter().zip(&found).filter(|((_, expected), found)| &found["tokens"] != expected);
    wrong
        .map(|((text, expected), found)| format!("{text}: {}, expected {expected}", found["tokens"]))
        .collect()
}

#[test]
fn a_bad_line_is_answered_with_an_error_and_the_others_with_their_values() {
    let lines = [
        json!({"fn": "anls", "args": {"answer": "12/15/89", "references": ["12/15/88"]}}),
        json!({"fn": "anls", "args": {"answer": "a"}}),
        json!({"fn": "angels", "args": {}}),
        json!(3),
        json!({"fn": "mean", "args": {"values": []}}),
        json!({"fn": "top_k", "args": {"values": [1, 3, 2], "k": 2}}),
    ];
    let found = calc(&lines, 1);
    assert_eq!(found[0], json!({"value": 0.875}));
    assert!(found[1]["error"].as_str().unwrap().contains("references"));
    assert!(found[2]["error"].as_str().unwrap().contains("anls, captions, choice"));
    assert!(found[3]["error"].as_str().unwrap().contains("expected"));
    assert_eq!(found[4], json!({}), "a mean over nothing is absent");
    assert_eq!(found[5], json!({"value": 2.5}));
}

#[test]
fn choice_says_which_rule_read_what() {
    let found = calc(
        &[json!({"fn": "choice", "args": {"answer": "Über all: Answer: B", "options": ["red", "blue"]}})],
        0,
    );
    assert_eq!(found[0]["answer"], "B");
    assert_eq!(found[0]["explanation"], "marked answer");
    let [start, end] = serde_json::from_value::<[usize; 2]>(found[0]["span"].clone()).unwrap();
    assert_eq!("Über all: Answer: B".chars().skip(start).take(end - start).collect::<String>(), "B");
}
