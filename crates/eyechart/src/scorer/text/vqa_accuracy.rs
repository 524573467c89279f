//! `vqa_accuracy`: agreement with the answers of several people, as in VQA v2.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::python_str::{is_decimal_digit, split, strip};
use crate::scorer::declaration::{ConfiguredScorer, Declaration, KeyFault};
use crate::scorer::measure::{Item, Measure, Outcome};
use crate::types::{Formula, Metric, ScoreEntry};

/// Minimum number of references: each reference needs 3 others to agree with.
const LEAST_REFERENCES: usize = 4;

/// Number of matching references that makes an answer fully right.
const FULL_AGREEMENT: f64 = 3.0;

const PUNCTUATION: [char; 21] = [
    ';', '/', '[', ']', '"', '{', '}', '(', ')', '=', '+', '\\', '_', '-', '>', '<', '@', '`', ',', '?', '!',
];

const ARTICLES: [&str; 3] = ["a", "an", "the"];

/// Words that people type without the apostrophe. The normalisation puts the apostrophe back.
const CONTRACTIONS: &str = "ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd \
    he's how'd how'll how's isn't it'd it'll ma'am mightn't might've mustn't must've needn't o'clock oughtn't shan't \
    should've shouldn't that's there'd there're there's they'd they'll they're they've wasn't we've weren't what'll \
    what're what's what've when's where'd where's where've who'd who'll who's who've why'll why're why's won't \
    would've wouldn't y'all you'd you'll you're you've";

/// The sample has too few references for the VQA accuracy; the number is how many it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("vqa_accuracy needs at least 4 references, the sample has {0}")]
pub struct TooFewReferences(pub usize);

/// Returns the agreement of the answer with the references, in [0, 1]. Each reference is left out in turn: the value is
/// then a third of the matches among the other references, at most 1. The result is the mean of these values.
///
/// The answer and the references are normalised as in the VQA evaluation: punctuation, the numbers "none" to "ten",
/// articles and contractions. Source: Goyal et al. 2017, the official evaluation script.
///
/// # Errors
/// [`TooFewReferences`] for fewer than 4 references.
pub fn vqa_accuracy(answer: &str, references: &[impl AsRef<str>]) -> Result<f64, TooFewReferences> {
    if references.len() < LEAST_REFERENCES {
        return Err(TooFewReferences(references.len()));
    }
    let answer = normalize(answer);
    let matches =
        references.iter().filter(|reference| normalize(reference.as_ref()) == answer).count() as f64;
    let total = references.len() as f64;
    let agreement = |others: f64| (others / FULL_AGREEMENT).min(1.0);
    Ok((matches * agreement(matches - 1.0) + (total - matches) * agreement(matches)) / total)
}

fn normalize(text: &str) -> String {
    let text = text.replace(['\n', '\t'], " ");
    let text = without_periods(&without_punctuation(strip(&text))).to_lowercase();
    let words: Vec<&str> =
        split(&text).map(digit_of).filter(|word| !ARTICLES.contains(word)).map(with_apostrophe).collect();
    words.join(" ")
}

/// Deletes a punctuation mark that is next to a space anywhere in the text, and replaces other marks by a space. All
/// marks are deleted from a text with a comma between digits.
fn without_punctuation(text: &str) -> String {
    let has_digit_comma = has_comma_between_digits(text);
    let deleted: Vec<char> = PUNCTUATION
        .into_iter()
        .filter(|mark| {
            has_digit_comma || text.contains(&format!("{mark} ")) || text.contains(&format!(" {mark}"))
        })
        .collect();
    text.chars()
        .filter(|character| !deleted.contains(character))
        .map(|character| if PUNCTUATION.contains(&character) { ' ' } else { character })
        .collect()
}

fn has_comma_between_digits(text: &str) -> bool {
    let followers = text.chars().zip(text.chars().skip(1).zip(text.chars().skip(2)));
    followers.into_iter().any(|(a, (b, c))| b == ',' && is_decimal_digit(a) && is_decimal_digit(c))
}

/// Deletes each period that is not followed by a digit.
fn without_periods(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '.' || characters.peek().is_some_and(|next| is_decimal_digit(*next)) {
            kept.push(character);
        }
    }
    kept
}

fn digit_of(word: &str) -> &str {
    match word {
        "none" | "zero" => "0",
        "one" => "1",
        "two" => "2",
        "three" => "3",
        "four" => "4",
        "five" => "5",
        "six" => "6",
        "seven" => "7",
        "eight" => "8",
        "nine" => "9",
        "ten" => "10",
        _ => word,
    }
}

fn with_apostrophe(word: &str) -> &str {
    static BY_LETTERS: LazyLock<HashMap<String, &str>> =
        LazyLock::new(|| CONTRACTIONS.split(' ').map(|word| (word.replace('\'', ""), word)).collect());
    BY_LETTERS.get(word).copied().unwrap_or(word)
}

/// The scorer `vqa_accuracy`.
pub(in crate::scorer) const VQA_ACCURACY: Declaration =
    Declaration { reads_all_references: true, ..Declaration::new("vqa_accuracy", build) };

fn build(_: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let meaning = "mean agreement with the human answers as in VQA v2: 1 if at least 3 are the same";
    let accuracy = Metric::new("accuracy", Formula::Mean, meaning);
    let score = |item: &Item<'_>| match vqa_accuracy(item.text, &item.references) {
        Ok(accuracy) => Outcome::value(accuracy),
        Err(reason) => Outcome::unscored(reason.to_string()),
    };
    Ok(ConfiguredScorer::plain(vec![accuracy], Measure::of_item(score)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accuracy(answer: &str, references: &[(&str, usize)]) -> Result<f64, TooFewReferences> {
        let references: Vec<String> =
            references.iter().flat_map(|(text, count)| vec![(*text).to_owned(); *count]).collect();
        vqa_accuracy(answer, &references)
    }

    #[test]
    fn three_matches_of_ten_are_nine_tenths_right() {
        assert_eq!(accuracy("dog", &[("dog", 4), ("cat", 6)]), Ok(1.0));
        assert!((accuracy("dog", &[("dog", 3), ("cat", 7)]).unwrap() - 0.9).abs() < 1e-12);
        assert!((accuracy("dog", &[("dog", 1), ("cat", 9)]).unwrap() - 0.3).abs() < 1e-12);
        assert_eq!(accuracy("dog", &[("cat", 10)]), Ok(0.0));
    }

    #[test]
    fn fewer_than_four_references_are_an_error() {
        assert_eq!(accuracy("dog", &[("dog", 3)]), Err(TooFewReferences(3)));
        assert_eq!(
            TooFewReferences(3).to_string(),
            "vqa_accuracy needs at least 4 references, the sample has 3"
        );
    }

    #[test]
    fn a_mark_next_to_a_space_is_deleted_and_another_mark_becomes_a_space() {
        assert_eq!(normalize("stop-sign"), "stop sign");
        assert_eq!(normalize("stop -sign"), "stop sign");
        assert_eq!(normalize("bath-tub and a hair -dryer"), "bathtub and hair dryer");
    }

    #[test]
    fn a_comma_between_digits_deletes_all_marks() {
        assert_eq!(normalize("2,500"), "2500");
        assert_eq!(normalize("2,500 stop-signs"), "2500 stopsigns");
    }

    #[test]
    fn only_a_decimal_point_stays() {
        assert_eq!(normalize("Mr. Ed is 2.5 ft."), "mr ed is 2.5 ft");
        assert_eq!(normalize("....5"), ".5");
    }

    #[test]
    fn number_words_articles_and_contractions_are_normalised() {
        assert_eq!(normalize("The None or Ten"), "0 or 10");
        assert_eq!(normalize("eleven"), "eleven");
        assert_eq!(normalize("Yall cant"), "y'all can't");
        assert_eq!(normalize("they've"), "they've");
    }
}
