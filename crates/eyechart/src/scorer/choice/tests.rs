//! Tests of the reader of choices with the case file and with random texts.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::text::split_reasoning;

/// A line of `tests/data/choice.jsonl`.
#[derive(Deserialize)]
struct Case {
    trap: String,
    answer: String,
    options: Vec<String>,
    /// The expected verdict: a letter, `ambiguous` or `none`.
    verdict: String,
}

const CASES: &str = include_str!("../../../tests/data/choice.jsonl");

fn cases() -> Vec<Case> {
    CASES
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

fn verdict(answer: &str, options: &Options) -> String {
    match read(answer, options).verdict {
        Verdict::Option(index) => options.letter(index),
        Verdict::Ambiguous => "ambiguous".to_owned(),
        Verdict::None => "none".to_owned(),
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn every_case_of_the_case_file_is_read_as_a_person_reads_it() {
    let mismatches: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let found = verdict(&split_reasoning(&case.answer).answer, &Options::new(&case.options));
            let Case { trap, answer, options, verdict } = case;
            (found != *verdict)
                .then(|| format!("{trap}: {answer:?} among {options:?}: {verdict}, read as {found}"))
        })
        .collect();
    assert!(mismatches.is_empty(), "{} mismatches:\n{}", mismatches.len(), mismatches.join("\n"));
}

#[test]
fn two_options_are_ambiguous_unless_the_sentence_is_unsure() {
    let options = Options::new(&strings(&["Energy", "Mass"]));
    for (answer, expected) in [
        ("A or B", "ambiguous"),
        ("Either A or B.", "ambiguous"),
        ("A or B, I am not sure", "none"),
        ("It is unclear whether A or B.", "none"),
    ] {
        assert_eq!(verdict(answer, &options), expected, "{answer}");
    }
}

#[test]
fn the_case_file_has_at_least_350_different_cases() {
    let cases = cases();
    let distinct: std::collections::HashSet<_> =
        cases.iter().map(|case| (&case.answer, &case.options)).collect();
    assert_eq!(distinct.len(), cases.len());
    assert!(cases.len() >= 350, "{}", cases.len());
}

#[test]
fn a_reading_names_the_rule_and_the_evidence() {
    let options = Options::new(&strings(&["red", "blue", "green"]));
    let evidence = |answer: &str| {
        let reading = read(answer, &options);
        (reading.explanation, reading.span.map(|span| answer[span].to_owned()))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(evidence("The answer is B."), ("marked answer", some("B")));
    assert_eq!(evidence(r"So $\boxed{\text{C}}$"), ("boxed answer", some("C")));
    assert_eq!(evidence(r#"{"answer": "A"}"#), ("answer field of a JSON object", some("A")));
    assert_eq!(evidence("B"), ("lone letter", some("B")));
    assert_eq!(evidence("The car is green."), ("option text", some("green")));
    assert_eq!(evidence("A or B"), ("two or more options", some("A or B")));
    assert_eq!(evidence("Neither A nor B."), ("all other options are excluded", some("A nor B")));
    assert_eq!(evidence("I cannot say."), ("no option named", None));
}

#[test]
fn options_have_their_own_letters_or_letters_by_position() {
    let letters = |texts: &[&str]| {
        let options = Options::new(&strings(texts));
        (0..texts.len()).map(|at| options.letter(at)).collect::<Vec<_>>()
    };
    assert_eq!(letters(&["red", "blue"]), ["A", "B"]);
    assert_eq!(letters(&["B) red", "A) blue"]), ["B", "A"]);
    assert_eq!(letters(&["(a) red", "(c) blue"]), ["A", "C"]);
    assert_eq!(letters(&["B) red", "A) blue", "E) green"]), ["B", "A", "E"]);
    assert_eq!(letters(&["[H] red", "[C] blue"]), ["H", "C"]);
    assert_eq!(letters(&["G. Washington", "A. Lincoln"]), ["A", "B"]);
    assert_eq!(letters(&["A) red", "blue"]), ["A", "B"]);
    assert_eq!(letters(&["a.5", "e.g. this"]), ["A", "B"]);
    let own = Options::new(&strings(&["B) red", "A) blue"]));
    assert_eq!((own.index_of("a"), own.index_of("B"), own.index_of("C")), (Some(1), Some(0), None));
    assert_eq!(own.letter(2), "");
}

#[test]
fn more_than_26_options_are_picked_by_their_texts() {
    let texts: Vec<String> = (100..140).map(|number| number.to_string()).collect();
    let options = Options::new(&texts);
    assert_eq!(options.letter(25), "Z");
    assert_eq!(options.letter(26), "27");
    assert_eq!(read("The value is 130.", &options).verdict, Verdict::Option(30));
    let many: Vec<String> = (100..300).map(|number| number.to_string()).collect();
    assert_eq!(read("250", &Options::new(&many)).verdict, Verdict::None);
}

#[test]
fn without_options_nothing_is_picked() {
    let options = Options::new(&[]);
    for answer in ["", "A", "The answer is A.", "None of these", "All of the above"] {
        assert_eq!(read(answer, &options).verdict, Verdict::None, "{answer}");
    }
    assert_eq!(read("Answer: ", &Options::new(&strings(&["", " "]))).verdict, Verdict::None);
}

#[test]
fn the_final_answer_is_what_follows_the_last_mark() {
    let cases = [
        ("Answer: 2019", "2019"),
        ("The answer is **2019**.", "2019"),
        ("**Final Answer:** 12.5%", "12.5%"),
        (r"\boxed{\text{B}}", "B"),
        (r"The final answer is $\boxed{17}$.", "17"),
        ("Answer: Paris. It is the capital of France.", "Paris"),
        ("The answer is Dr. Smith because he is tall.", "Dr. Smith"),
        ("Answer: J. K. Rowling", "J. K. Rowling"),
        ("### Final Answer\n\n**U.S.**", "U.S."),
        (r#"{"answer": "12.5", "unit": "cm"}"#, "12.5"),
        ("Answer: 3\nWait, I missed one.\nAnswer: 4", "4"),
        ("Answer: [2007, 2008]", "[2007, 2008]"),
        ("The answer is: \"blue\".", "blue"),
        ("<answer> 7 apples </answer>", "7 apples"),
        ("答案是：42。", "42"),
        ("La réponse est Paris.", "Paris"),
        ("Die Antwort lautet 12,5 %.", "12,5 %"),
        ("La respuesta es Madrid.", "Madrid"),
        ("答えは42です。", "42"),
        ("정답은 42입니다.", "42"),
        ("The correct answer to the second question is 1,200.", "1,200"),
        ("What is the answer?\nAnswer: 10:30", "10:30"),
        ("Answer: $1,200", "$1,200"),
        ("Answer: $1,200$", "1,200"),
        ("The answer is $$x = 4$$.", "x = 4"),
        ("Answer: between $5 and $9", "between $5 and $9"),
        ("Answer: ~~12~~ 15", "15"),
        ("The answer is <del>red</del> **green**.", "green"),
    ];
    for (answer, expected) in cases {
        assert_eq!(final_answer(answer).map(|range| &answer[range]), Some(expected), "{answer}");
    }
    for answer in ["2019", "", "The answer is not 5.", "Is the answer 5?", "Answer:"] {
        assert_eq!(final_answer(answer), None, "{answer}");
    }
}

#[test]
fn yes_and_no_are_read_in_seven_languages() {
    let yes = [
        "Yes",
        "yes.",
        "Yes, there is a dog.",
        "Yes there is",
        "The answer is yes.",
        "Answer: Yes",
        "是",
        "是的，有一只狗。",
        "Ja.",
        "Oui",
        "Sí",
        "はい",
        "예",
        "네, 있습니다.",
        "There is a dog in the picture.",
        r#"{"answer": "yes"}"#,
    ];
    let no = [
        "No",
        "no.",
        "No, there isn't a dog.",
        "The answer is no.",
        "否",
        "不是",
        "Nein",
        "Non, il n'y a pas de chien.",
        "いいえ",
        "아니요",
        "There is no dog in the picture.",
        "There are no dogs.",
        r"\boxed{No}",
        "No dog is visible.",
        "Yes... wait, no.",
    ];
    let neither = ["", "A", "B", "Yes and no.", "Yes or no", "I am not sure.", "There is a cat, but no dog."];
    for (answers, expected) in
        [(&yes[..], Some(YesNo::Yes)), (&no[..], Some(YesNo::No)), (&neither[..], None)]
    {
        for answer in answers {
            assert_eq!(read_yes_no(answer).verdict, expected, "{answer}");
        }
    }
}

/// Builds long texts from the parts that the rules read.
fn parts() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "A",
        "B",
        " b ",
        "(C)",
        "The answer is ",
        "not ",
        " or ",
        ", ",
        ".",
        "\n",
        "red",
        " blue ",
        "\\boxed{",
        "}",
        "{\"answer\": ",
        "\"",
        "<think>",
        "</think>",
        "<answer>",
        "option ",
        "2",
        "1/",
        "3.5%",
        "答案",
        "是",
        "ではなく",
        "정답은 ",
        "𝐀",
        "Ⓑ",
        "é",
        "'",
        "if ",
        "wait",
        "none of ",
        "these",
        "\\frac{1}{",
        "\\",
        "*",
        "?",
        "-",
        "\u{2028}",
        "\u{301}",
        "~~",
        "<s>",
        "(Edit: ",
        "number ",
        "options 1 and ",
        "neither ",
        "both fit",
        "indicates ",
        "因为",
        "| ",
        "③",
        "non-",
        "B) blue ",
        "some would say ",
        " = ",
        "answer ",
        "one",
        "正しく",
    ]);
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

fn assert_span(answer: &str, span: Option<Range<usize>>) -> Result<(), TestCaseError> {
    if let Some(span) = span {
        prop_assert!(span.start <= span.end, "{span:?} of {answer:?}");
        prop_assert!(answer.get(span.clone()).is_some(), "{span:?} of {answer:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic_and_spans_lie_inside(
        answer in prop_oneof!["\\PC{0,60}", parts()],
        texts in prop::collection::vec(prop_oneof!["\\PC{0,8}", "[A-Da-d][).] [a-z]{1,5}", "[0-9]{1,3}", "red|blue|none of these"], 0..6),
    ) {
        let options = Options::new(&texts);
        let reading = read(&answer, &options);
        if let Verdict::Option(index) = reading.verdict {
            prop_assert!(index < texts.len());
            prop_assert!(reading.span.is_some());
        }
        assert_span(&answer, reading.span)?;
        assert_span(&answer, final_answer(&answer))?;
        assert_span(&answer, read_yes_no(&answer).span)?;
    }

    #[test]
    fn a_letter_in_any_usual_form_picks_its_option(
        at in 0..8_usize,
        form in prop::sample::select(vec!["?", "(?)", "?.", "**?**", "Answer: ?", "The answer is ?.", "\\boxed{?}", "{\"answer\": \"?\"}", "Option ?"]),
    ) {
        let texts = strings(&["ant", "bee", "cod", "doe", "eel", "fox", "gnu", "hen"]);
        let options = Options::new(&texts);
        let answer = form.replace('?', &options.letter(at));
        prop_assert_eq!(read(&answer, &options).verdict, Verdict::Option(at));
        let by_text = form.replace('?', &texts[at]);
        if !by_text.starts_with("Option") {
            prop_assert_eq!(read(&by_text, &options).verdict, Verdict::Option(at));
        }
    }
}
