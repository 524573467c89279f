//! `eyechart compare` and its gates for figures of which neither higher nor lower values are better.

use serde_json::json;

use crate::common::compared::{TASK, answers, compare, compared, is_close, lay_out, run_of};
use crate::common::{Place, stderr, stdout};

#[test]
fn a_figure_without_a_better_side_has_no_verdict_and_is_not_among_the_tests() {
    let place = Place::new();
    lay_out(&place, 20, |i| i);
    place.write("t.toml", TASK.replace("exact_match", "yes_no"));
    let old = run_of(&place, "old", &answers(&[(6, "yes"), (14, "no")]));
    let new = run_of(&place, "new", &answers(&[(18, "yes"), (2, "no")]));
    let comparison = compared(&[&old, &new], &[]);
    let pairs = comparison["pairs"].as_array().unwrap();
    let pair = |id: &str| pairs.iter().find(|pair| pair["figure"] == id).unwrap();
    assert_eq!(pair("yes_no.accuracy")["verdict"], "better");
    let share = pair("yes_no.yes_share");
    assert_eq!((&share["direction"], &share["verdict"]), (&json!("none"), &json!("no_better_side")));
    is_close(&share["difference"], 0.6);
    assert!(share["low"].is_number() && share.get("p_adjusted").is_none(), "{share}");
    let tested = pairs.iter().filter(|pair| pair["p"].is_number()).count() - 1;
    let table = stdout(compare(&[&old, &new], &[]).code(0).get_output());
    let table = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(table.contains(&format!("adjusted for {tested} tests (Holm)")), "{table}");
    assert!(
        table.contains("no better side") && table.contains("share of answers yes; no better side"),
        "{table}"
    );
    let figures = old.json("results.json")["figures"].clone();
    let of_run = figures.as_array().unwrap().iter().find(|figure| figure["metric"] == "yes_share").unwrap();
    assert_eq!(of_run["direction"], "none");
    crate::formats::check(&crate::formats::schema("results.schema.json"), &old.json("results.json"));
}

#[test]
fn a_gate_asks_in_vain_which_side_of_a_figure_without_a_better_side_is_worse() {
    let place = Place::new();
    lay_out(&place, 20, |i| i);
    place.write("t.toml", TASK.replace("exact_match", "yes_no"));
    let runs = [run_of(&place, "old", &["yes"; 20]), run_of(&place, "new", &["no"; 20])];
    for gate in [["--fail-if", "yes_share worse"], ["--fail-unless", "yes_share not worse by 2pp"]] {
        let done = compare(&[&runs[0], &runs[1]], &gate).code(2);
        let said = stderr(done.get_output());
        assert!(said.contains("neither higher nor lower values of yes_no.yes_share are better"), "{said}");
        assert_eq!(stdout(done.get_output()), "");
    }
    compare(&[&runs[0], &runs[1]], &["--fail-if", "yes_share > 0.6"]).code(0);
}
