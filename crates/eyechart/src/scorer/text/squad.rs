//! The text normalisation of SQuAD 1.1, shared by `exact_match` and `token_f1`.
//!
//! Source: the normalisation of the official SQuAD evaluation script.

use super::python_str::{is_word_character, join_white_space};

const ARTICLES: [&str; 3] = ["a", "an", "the"];

/// Returns the text in lower case, without ASCII punctuation, without the words "a", "an" and "the", and with one space
/// between words. Punctuation is deleted before articles are, so `12,5` becomes `125`.
pub(super) fn normalize(text: &str) -> String {
    let kept: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    join_white_space(&without_articles(&kept))
}

/// Replaces each article by a space. An article is a whole run of word characters.
fn without_articles(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = is_word_character(first);
        let end = rest.find(|c| is_word_character(c) != is_word).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        kept.push_str(if ARTICLES.contains(&run) { " " } else { run });
        rest = after;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_punctuation_articles_and_spaces_do_not_count() {
        assert_eq!(normalize("  The  (big)\tDog's  bowl! "), "big dogs bowl");
    }

    #[test]
    fn an_article_inside_a_word_stays() {
        assert_eq!(normalize("another theory, banana"), "another theory banana");
    }

    #[test]
    fn an_article_beside_other_punctuation_than_ascii_is_removed() {
        assert_eq!(normalize("“the” a–b"), "“ ” –b");
    }

    #[test]
    fn punctuation_joins_what_it_separated() {
        assert_eq!(normalize("a-b the-n 3.5"), "ab then 35");
    }
}
