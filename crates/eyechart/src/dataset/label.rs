//! Finds the option of a multiple-choice question that a dataset's label names.
//!
//! For labels of datasets, not for answers of models: running text is not interpreted.

use crate::types::LabelForm;

/// The position in `options` of the option that `label` names; `None` if it names none or more than one.
///
/// A label is the option's text, with or without the option's own letter, or a letter with or without a text: `A`,
/// `a`, `(A)`, `A)`, `A.`, `A:`, `[A]`, `Option A`, `A. Red`, `(A) Red`. Case and the amount of white space do not
/// matter. The rules in order:
///
/// 1. If the label is the whole text of exactly one option, it names that option, even if it could also be read as a
///    letter (`A` among the options `B`, `A` is the second).
/// 2. If the label has a letter, it names the option with this letter. Options may have their own letters (`B) Red`);
///    otherwise the position counts, and `A` is the first. If text follows the letter and only other options have this
///    text, the label contradicts itself and names none.
/// 3. If the label is the text of exactly one option after the option's own letter, it names that option.
#[must_use]
pub(crate) fn resolve_label(label: &str, options: &[String]) -> Option<usize> {
    let label = normal(label);
    let options: Vec<_> = options.iter().map(|option| Choice::new(option)).collect();
    if label.is_empty() {
        return None;
    }
    match positions(&options, |option| option.whole == label).as_slice() {
        [only] => return Some(*only),
        [] => {}
        _ => return None,
    }
    if let Some((letter, text)) = lettered(&label) {
        return by_letter(letter, text, &options);
    }
    only(&positions(&options, |option| option.text == label))
}

/// Whether `label` is the whole text of one option and, read as a letter, names another one.
#[must_use]
pub(crate) fn is_ambiguous_label(label: &str, options: &[String]) -> bool {
    let label = normal(label);
    let options: Vec<_> = options.iter().map(|option| Choice::new(option)).collect();
    let as_text = only(&positions(&options, |option| option.whole == label));
    let as_letter = lettered(&label).and_then(|(letter, text)| by_letter(letter, text, &options));
    as_text.zip(as_letter).is_some_and(|(text, letter)| text != letter)
}

/// As [`resolve_label`], but the label is only read as a letter, or only as a text.
#[must_use]
pub(crate) fn resolve_label_as(form: LabelForm, label: &str, options: &[String]) -> Option<usize> {
    let label = normal(label);
    let options: Vec<_> = options.iter().map(|option| Choice::new(option)).collect();
    match form {
        LabelForm::Letter => lettered(&label).and_then(|(letter, text)| by_letter(letter, text, &options)),
        LabelForm::Text if label.is_empty() => None,
        LabelForm::Text => match positions(&options, |option| option.whole == label).as_slice() {
            [] => only(&positions(&options, |option| option.text == label)),
            found => only(found),
        },
        LabelForm::Position => None,
    }
}

/// An option, normalised.
struct Choice {
    whole: String,
    /// The letter before its text, if it has one.
    letter: Option<usize>,
    /// Its text without the letter.
    text: String,
}

impl Choice {
    fn new(option: &str) -> Self {
        let whole = normal(option);
        let (letter, text) = match lettered(&whole) {
            Some((letter, text)) => (Some(letter), text.to_owned()),
            None => (None, whole.clone()),
        };
        // A single letter is a text here: options such as `A`, `B`, `AB` have no letters of their own.
        match text.is_empty() && whole.len() == 1 {
            true => Self { text: whole.clone(), whole, letter: None },
            false => Self { whole, letter, text },
        }
    }
}

fn by_letter(letter: usize, text: &str, options: &[Choice]) -> Option<usize> {
    let named = match positions(options, |option| option.letter == Some(letter)).as_slice() {
        [] if options.get(letter)?.letter.is_none() => letter,
        found => only(found)?,
    };
    let is_text = |option: &Choice| !text.is_empty() && (option.text == text || option.whole == text);
    (is_text(&options[named]) || !options.iter().any(is_text)).then_some(named)
}

fn positions(options: &[Choice], is_match: impl Fn(&Choice) -> bool) -> Vec<usize> {
    (0..options.len()).filter(|&at| is_match(&options[at])).collect()
}

fn only(positions: &[usize]) -> Option<usize> {
    match positions {
        [only] => Some(*only),
        _ => None,
    }
}

/// Lower case, with single spaces.
fn normal(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The letter at the start of a normalised text, from 0 for `a`, and the rest of the text.
fn lettered(text: &str) -> Option<(usize, &str)> {
    let text = text.strip_prefix("option ").unwrap_or(text);
    let open = text.chars().next().filter(|first| matches!(first, '(' | '['));
    let rest = if open.is_some() { &text[1..] } else { text };
    let letter = rest.chars().next().filter(char::is_ascii_lowercase)?;
    let rest = rest[1..].trim_start();
    let after = match open {
        Some('(') => rest.strip_prefix(')')?,
        Some(_) => rest.strip_prefix(']')?,
        None => closed(rest)?,
    };
    Some((usize::from(letter as u8 - b'a'), after.trim_start()))
}

/// The text after the sign that ends a letter without a bracket. The end of the text also counts as a sign.
fn closed(rest: &str) -> Option<&str> {
    if let Some(after) = rest.strip_prefix(')') {
        return Some(after);
    }
    // `a.5` or `e.g.` is a text; `a. 5` is a letter and a text.
    let after = rest.strip_prefix(['.', ':']).unwrap_or(rest);
    let is_sign = after.len() < rest.len() && after.starts_with(' ');
    (is_sign || after.is_empty()).then_some(after)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resolve(label: &str, options: &[&str]) -> Option<usize> {
        resolve_label(label, &options.iter().map(|&option| option.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_letter_names_an_option_in_every_usual_form() {
        let styles: [[&str; 3]; 6] = [
            ["Red", "Dark  blue", "A green one"],
            ["A) Red", "B) Dark blue", "C) A green one"],
            ["A)Red", "B)Dark blue", "C)A green one"],
            ["(A) Red", "(B) Dark blue", "(C) A green one"],
            ["A. Red", "B. Dark blue", "C. A green one"],
            ["a: Red", "b: Dark blue", "c: A green one"],
        ];
        for options in styles {
            let forms =
                ["B", "b", " B ", "B)", "(B)", "(b)", "B.", "B:", "[B]", "Option B", "option (B)", "B )"];
            let with_text = [
                "B) Dark blue",
                "B)Dark blue",
                "(B) dark blue",
                "B. DARK BLUE",
                "B: dark blue",
                "[B] dark blue",
            ];
            for label in forms.into_iter().chain(with_text).chain(["Dark blue", "dark\n blue", "DARK BLUE"]) {
                assert_eq!(resolve(label, &options), Some(1), "{label:?} among {options:?}");
            }
            for label in
                ["D", "Z)", "(D) Dark blue", "Dark", "blue", "", " ", "BB", "é", "1", "B) Red", "(B", "B]"]
            {
                assert_eq!(resolve(label, &options), None, "{label:?} among {options:?}");
            }
        }
    }

    #[test]
    fn an_options_whole_text_wins_over_a_letter() {
        assert_eq!(resolve("A", &["B", "A"]), Some(1));
        assert_eq!(resolve("b", &["O", "AB", "B", "A"]), Some(2));
        assert_eq!(resolve("B", &["A", "AB"]), Some(1));
        assert_eq!(resolve("A. Lincoln", &["G. Washington", "A. Lincoln"]), Some(1));
        assert_eq!(resolve("Option B", &["Option A", "Option B"]), Some(1));
    }

    #[test]
    fn the_options_own_letters_win_over_their_position() {
        assert_eq!(resolve("A", &["B) Red", "A) Blue"]), Some(1));
        assert_eq!(resolve("A. Blue", &["B) Red", "A) Blue"]), Some(1));
        assert_eq!(resolve("C", &["A) Red", "C) Blue"]), Some(1));
        assert_eq!(resolve("B", &["A) Red", "C) Blue"]), None);
        assert_eq!(resolve("A", &["A) B", "B) A"]), Some(0));
        assert_eq!(resolve("B", &["A) Red", "Blue"]), Some(1));
        assert_eq!(resolve("Red", &["B) Red", "A) Blue"]), Some(0));
    }

    #[test]
    fn a_label_that_names_more_than_one_option_names_none() {
        assert_eq!(resolve("Red", &["Red", "Red"]), None);
        assert_eq!(resolve("Red", &["A) Red", "B) red"]), None);
        assert_eq!(resolve("A", &["A) Red", "A) Blue"]), None);
        assert_eq!(resolve("A) Red", &["A) Red", "A) Red"]), None);
        assert_eq!(resolve("A) Red", &["A) Red", "B) Red"]), Some(0));
    }

    #[test]
    fn a_text_after_the_letter_may_be_no_options_text_but_not_anothers_alone() {
        assert_eq!(resolve("B. because it is blue", &["Red", "Blue"]), Some(1));
        assert_eq!(resolve("B. Red", &["Red", "Blue"]), None);
        assert_eq!(resolve("A", &["A dog", "A cat"]), Some(0));
        assert_eq!(resolve("a cat", &["A dog", "A cat"]), Some(1));
        assert_eq!(resolve("a cow", &["A dog", "A cat"]), None);
        assert_eq!(resolve("A.5", &["0.5", "1.5"]), None);
    }

    #[test]
    fn no_options_resolve_to_none() {
        assert_eq!(resolve("A", &[]), None);
        assert_eq!(resolve("", &["", "x"]), None);
    }

    #[test]
    fn a_label_of_a_given_form_is_read_in_no_other_form() {
        let options = ["B", "A", "C) x"].map(str::to_owned);
        let read = |form, label| resolve_label_as(form, label, &options);
        assert_eq!([read(LabelForm::Letter, "A"), read(LabelForm::Text, "A")], [Some(0), Some(1)]);
        assert_eq!([read(LabelForm::Letter, "x"), read(LabelForm::Text, "x")], [None, Some(2)]);
        assert_eq!([read(LabelForm::Text, ""), read(LabelForm::Position, "1")], [None, None]);
    }

    #[test]
    fn a_label_is_ambiguous_if_it_is_a_letter_and_the_text_of_another_option() {
        let is = |label, options: &[&str]| {
            is_ambiguous_label(label, &options.iter().map(|&option| option.to_owned()).collect::<Vec<_>>())
        };
        assert!(is("A", &["B", "C", "D", "A"]));
        assert!(is("b", &["B", "Red"]));
        for (label, options) in [
            ("A", ["A", "B"]),
            ("B", ["Red", "Blue"]),
            ("A", ["B) A", "A) B"]),
            ("C", ["B", "C"]),
            ("", ["B", "A"]),
        ] {
            assert!(!is(label, &options), "{label} {options:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_given_the_answer_is_in_range(
            label in "\\PC{0,8}|[(\\[]?[a-dA-D][).:\\]]? ?[a-b ]{0,3}",
            options in prop::collection::vec("\\PC{0,8}|[(\\[]?[a-dA-D][).:\\]]? ?[a-b ]{0,3}", 0..5),
        ) {
            if let Some(at) = resolve_label(&label, &options) {
                prop_assert!(at < options.len());
            }
        }

        #[test]
        fn every_option_is_named_by_its_own_letter(
            texts in prop::collection::btree_set("[e-z]{2,6}", 2..6),
            at in 0..6_usize,
        ) {
            let options: Vec<_> = texts.iter().zip('A'..).map(|(text, letter)| format!("{letter}) {text}")).collect();
            let at = at % options.len();
            prop_assert_eq!(resolve_label(&options[at][..1], &options), Some(at));
            prop_assert_eq!(resolve_label(&options[at], &options), Some(at));
            prop_assert_eq!(resolve_label(&options[at][3..], &options), Some(at));
        }
    }
}
