//! Tests of the rules of `json_fields`.

use serde_json::json;

use super::*;

fn score(answer: &str, expected: Value, rules: &[(&str, FieldRule)]) -> FieldsScore {
    let rules = rules.iter().map(|(path, rule)| ((*path).to_owned(), *rule)).collect();
    let options = JsonFieldsOptions { default_rule: FieldRule::Exact, rules };
    json_fields(answer, expected.as_object().unwrap(), &options)
}

fn verdicts(answer: &str, expected: Value, rules: &[(&str, FieldRule)]) -> Vec<FieldVerdict> {
    score(answer, expected, rules).fields.into_iter().map(|field| field.verdict).collect()
}

const NUMBER: FieldRule = FieldRule::Number(Tolerance { absolute: 0.0, relative: 0.0 });

#[test]
fn the_object_may_be_alone_in_a_fence_or_in_prose() {
    for answer in [
        r#"{"shop": "Lidl"}"#,
        "```json\n{\"shop\": \"Lidl\"}\n```",
        "The values {as asked} are: {\"shop\": \"Lidl\"}. I hope {this} helps.",
        r#"[{"shop": "Lidl"}]"#,
        r#"First {"shop":"Lidl"}, and again: { "shop" : "Lidl" }"#,
    ] {
        let score = score(answer, json!({"shop": "Lidl"}), &[]);
        assert_eq!(score.unreadable, None, "{answer}");
        assert_eq!(score.is_record_right(), Some(true), "{answer}");
    }
}

#[test]
fn an_answer_without_one_object_is_unreadable_and_all_fields_are_missing() {
    for (answer, reason) in [
        ("", UnreadableJson::NoObject),
        ("shop: Lidl", UnreadableJson::NoObject),
        ("{'shop': 'Lidl'}", UnreadableJson::NoObject),
        (r#"["Lidl"]"#, UnreadableJson::NoObject),
        (r#"{"shop": "Lidl", "total": {"amount": 5}, "items": ["#, UnreadableJson::Invalid),
        (r#"{"shop": "Lidl",}"#, UnreadableJson::Invalid),
        (r#"{"shop": "Lidl"} or {"shop": "Aldi"}"#, UnreadableJson::SeveralObjects),
    ] {
        let score = score(answer, json!({"shop": "Lidl", "note": null}), &[]);
        assert_eq!(score.unreadable, Some(reason), "{answer}");
        assert!(score.fields.iter().all(|field| field.verdict == FieldVerdict::Missing), "{answer}");
        assert_eq!((score.right(), score.scored(), score.is_record_right()), (0, 2, Some(false)), "{answer}");
    }
}

#[test]
fn fields_are_right_wrong_or_missing_and_other_fields_do_not_count() {
    let answer = r#"{"shop": " LIDL  Berlin ", "date": "2024-05-03", "phone": "", "mood": "good"}"#;
    let expected = json!({"shop": "Lidl Berlin", "date": "2024-05-04", "phone": "030", "tax": "1"});
    let score = score(answer, expected, &[]);
    let verdicts: Vec<FieldVerdict> = score.fields.iter().map(|field| field.verdict).collect();
    assert_eq!(
        verdicts,
        [FieldVerdict::Right, FieldVerdict::Wrong, FieldVerdict::Missing, FieldVerdict::Missing]
    );
    assert_eq!((score.right(), score.scored(), score.is_record_right()), (1, 4, Some(false)));
}

#[test]
fn an_expected_empty_value_is_right_if_the_answer_has_no_value() {
    let expected = json!({"a": null, "b": "", "c": [], "d": null});
    let answer = r#"{"a": " ", "b": null, "d": "x"}"#;
    assert_eq!(
        verdicts(answer, expected, &[]),
        [FieldVerdict::Right, FieldVerdict::Right, FieldVerdict::Right, FieldVerdict::Wrong]
    );
}

#[test]
fn json_numbers_and_booleans_match_their_texts() {
    let answer = r#"{"total": 12.5, "count": "3", "code": "007", "paid": true, "size": "12 cm"}"#;
    let expected = json!({"total": "12.50", "count": 3.0, "code": "7", "paid": "True", "size": 12});
    assert_eq!(
        verdicts(answer, expected, &[]),
        [
            FieldVerdict::Right,
            FieldVerdict::Right,
            FieldVerdict::Wrong,
            FieldVerdict::Right,
            FieldVerdict::Wrong
        ]
    );
}

#[test]
fn a_number_field_is_read_from_its_text() {
    let answer = r#"{"total": "$1,234.50", "tax": "none", "tip": 5}"#;
    let expected = json!({"total": "1234.5", "tax": "3", "tip": "unknown"});
    let score = score(answer, expected, &[("total", NUMBER), ("tax", NUMBER), ("tip", NUMBER)]);
    let verdicts: Vec<FieldVerdict> = score.fields.iter().map(|field| field.verdict).collect();
    assert_eq!(verdicts, [FieldVerdict::Right, FieldVerdict::Wrong, FieldVerdict::NotScored]);
    assert_eq!((score.scored(), score.is_record_right()), (2, Some(false)));
}

#[test]
fn a_record_with_a_field_that_is_not_scored_is_not_right() {
    let score = score(r#"{"a": "x", "n": 1}"#, json!({"a": "x", "n": "unknown"}), &[("n", NUMBER)]);
    assert_eq!((score.right(), score.scored(), score.is_record_right()), (1, 1, None));
}

#[test]
fn nested_objects_and_paths_name_the_same_fields() {
    let answer = r#"{"total": {"amount": 5, "currency": "EUR"}, "a.b": "c", "list": [{"x": "y"}]}"#;
    for expected in [
        json!({"total": {"amount": 5, "currency": "eur"}}),
        json!({"total.amount": "5", "total.currency": "EUR"}),
    ] {
        let score = score(answer, expected, &[]);
        let paths: Vec<&str> = score.fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["total.amount", "total.currency"]);
        assert_eq!(score.is_record_right(), Some(true));
    }
    assert_eq!(score(answer, json!({"a.b": "c", "list.0.x": "y"}), &[]).is_record_right(), Some(true));
    assert_eq!(score(answer, json!({"list.1.x": "y"}), &[]).is_record_right(), Some(false));
}

#[test]
fn lists_are_compared_in_order_and_a_longer_list_makes_the_record_wrong() {
    let expected = json!({"items": [{"name": "tea", "price": "2.00"}, {"name": "bun", "price": "1.50"}]});
    let rules = [("items.price", NUMBER)];
    let right = r#"{"items": [{"name": "Tea", "price": "€2"}, {"name": "bun", "price": 1.5}]}"#;
    assert_eq!(score(right, expected.clone(), &rules).is_record_right(), Some(true));
    let swapped = r#"{"items": [{"name": "bun", "price": 1.5}, {"name": "tea", "price": 2}]}"#;
    assert_eq!(score(swapped, expected.clone(), &rules).right(), 0);
    let shorter = r#"{"items": [{"name": "tea", "price": 2}]}"#;
    assert_eq!(score(shorter, expected.clone(), &rules).right(), 2);
    let longer =
        r#"{"items": [{"name": "tea", "price": 2}, {"name": "bun", "price": 1.5}, {"name": "jam"}]}"#;
    let score = score(longer, expected, &rules);
    assert_eq!((score.right(), score.scored(), score.is_record_right()), (4, 4, Some(false)));
}

#[test]
fn the_closest_rule_counts() {
    let answer = r#"{"total": {"net": "€5", "note": "€5"}, "list": ["€1", "€1"]}"#;
    let expected = json!({"total": {"net": "5", "note": "5"}, "list": ["1", "1"]});
    let rules = [("total", NUMBER), ("total.note", FieldRule::Exact), ("list.1", NUMBER)];
    assert_eq!(
        verdicts(answer, expected, &rules),
        [FieldVerdict::Right, FieldVerdict::Wrong, FieldVerdict::Wrong, FieldVerdict::Right]
    );
}

#[test]
fn a_value_of_another_shape_is_wrong() {
    assert_eq!(verdicts(r#"{"a": {"b": 1}}"#, json!({"a": "b"}), &[]), [FieldVerdict::Wrong]);
    assert_eq!(verdicts(r#"{"a": "b"}"#, json!({"a": {"b": 1}}), &[]), [FieldVerdict::Missing]);
}

#[test]
fn no_expected_fields_have_no_verdict() {
    assert_eq!(score("{}", json!({}), &[]).is_record_right(), None);
}

#[test]
fn long_and_deep_answers_are_read_in_linear_time() {
    for text in ["{", "{\"a\":", "{\"a\":[", "{ ", "[{\"a\":1},", "{\"", "{}", "{\"a\":1}"] {
        let _ = score(&text.repeat(200_000), json!({"a": 1}), &[]);
    }
}
