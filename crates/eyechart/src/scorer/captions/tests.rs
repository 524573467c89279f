//! Tests of the scores of small corpora, computed by hand or with pycocoevalcap.

use super::{BleuCounts, CaptionScores, bleu, score};

fn close(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
}

/// The scores of pycocoevalcap for [`corpus`].
const CORPUS_BLEU: [f64; 4] = [0.784420381, 0.590490211, 0.438887793, 0.311328775];
const CORPUS_ROUGE_L: f64 = 0.732131441;
const CORPUS_CIDER: f64 = 2.640200215;
const ITEM_CIDER: [f64; 3] = [3.480925818, 2.702188742, 1.737486084];

/// Three samples with two references each.
fn corpus() -> CaptionScores {
    score(
        &["A man rides a horse.", "Two dogs play in the snow", "the cat's on a mat"],
        &[
            vec!["A man is riding a horse.", "A man rides a brown horse on a beach."],
            vec!["two dogs are playing in the snow", "dogs in snow"],
            vec!["a cat sits on the mat", "There is a cat on the mat."],
        ],
    )
}

#[test]
fn a_caption_equal_to_its_reference_has_the_highest_scores() {
    let scores = score(
        &["a red bus on a street", "one white cat sleeps there"],
        &[vec!["A red bus on a street."], vec!["One white cat sleeps there!"]],
    );
    for item in scores.items.iter().flatten() {
        item.bleu.into_iter().for_each(|value| close(value, 1.0));
        close(item.rouge_l, 1.0);
        close(item.cider.unwrap(), 10.0);
    }
}

#[test]
fn matches_are_clipped_to_the_reference_that_has_most() {
    let scores = score(&["the the the the the the the"], &[vec!["the cat is on the mat", "there is a cat"]]);
    let item = scores.items[0].as_ref().unwrap();
    assert_eq!(item.counts.matches, [2, 0, 0, 0]);
    assert_eq!(item.counts.guesses, [7, 6, 5, 4]);
    assert_eq!((item.counts.length, item.counts.reference_length), (7, 6));
    close(item.bleu[0], 2.0 / 7.0);
}

#[test]
fn of_two_equally_close_references_the_shorter_one_counts() {
    let scores = score(&["a b c"], &[vec!["a b c d", "a b"]]);
    assert_eq!(scores.items[0].as_ref().unwrap().counts.reference_length, 2);
}

#[test]
fn a_short_caption_pays_for_its_length() {
    // The only word of the answer matches, and the reference has two words: exp(1 - 2 / 1).
    let counts = BleuCounts { matches: [1, 0, 0, 0], guesses: [1, 0, 0, 0], length: 1, reference_length: 2 };
    close(bleu(&counts)[0], (-1.0_f64).exp());
}

#[test]
fn rouge_takes_the_best_precision_and_the_best_recall() {
    // "a b c d" against "a c" (common 2, precision 2/4, recall 2/2) and "b x c y d z" (common 3, 3/4 and 3/6).
    let scores = score(&["a b c d"], &[vec!["a c", "b x c y d z"]]);
    let (precision, recall, beta) = (0.75, 1.0, 1.44);
    let expected = (1.0 + beta) * precision * recall / (recall + beta * precision);
    close(scores.items[0].as_ref().unwrap().rouge_l, expected);
}

#[test]
fn rouge_finds_common_subsequences_across_blocks_of_64_words() {
    let words: Vec<String> = (0..200).map(|number| format!("w{number}")).collect();
    let every_third: Vec<&str> = words.iter().step_by(3).map(String::as_str).collect();
    let scores = score(&[&words.join(" ")], &[vec![&every_third.join(" ")]]);
    let (precision, beta) = (every_third.len() as f64 / 200.0, 1.44);
    let expected = (1.0 + beta) * precision / (1.0 + beta * precision);
    close(scores.items[0].as_ref().unwrap().rouge_l, expected);
}

#[test]
fn all_scores_of_a_small_corpus_are_those_of_pycocoevalcap() {
    let scores = corpus();
    let corpus = scores.corpus.unwrap();
    for (value, expected) in corpus.bleu.into_iter().zip(CORPUS_BLEU) {
        close(value, expected);
    }
    close(corpus.rouge_l, CORPUS_ROUGE_L);
    close(corpus.cider.unwrap(), CORPUS_CIDER);
    for (item, expected) in scores.items.iter().flatten().zip(ITEM_CIDER) {
        close(item.cider.unwrap(), expected);
    }
}

#[test]
fn the_corpus_score_comes_from_the_summed_counts() {
    let scores = corpus();
    let mut counts = BleuCounts::default();
    for item in scores.items.iter().flatten() {
        counts.add(&item.counts);
    }
    assert_eq!(bleu(&counts), scores.corpus.unwrap().bleu);
}

#[test]
fn one_sample_has_no_cider() {
    let scores = score(&["a dog"], &[vec!["a dog"]]);
    close(scores.corpus.unwrap().cider.unwrap(), 0.0);
}

#[test]
fn an_empty_answer_has_zeros() {
    let scores = score(&["", "a dog"], &[vec!["a dog runs"], vec!["a cat"]]);
    let item = scores.items[0].as_ref().unwrap();
    item.bleu.into_iter().for_each(|value| close(value, 0.0));
    close(item.rouge_l, 0.0);
    close(item.cider.unwrap(), 0.0);
}

#[test]
fn an_empty_answer_and_an_empty_reference_are_equal_for_rouge() {
    let scores = score(&["...", "a dog"], &[vec!["🐶"], vec!["a cat"]]);
    let item = scores.items[0].as_ref().unwrap();
    close(item.rouge_l, 1.0);
    item.bleu.into_iter().for_each(|value| close(value, 0.0));
}

#[test]
fn cider_is_absent_if_no_reference_has_a_word() {
    let scores = score(&["a dog", "a cat"], &[vec![""], vec!["!"]]);
    assert_eq!(scores.items[0].as_ref().unwrap().cider, None);
    assert_eq!(scores.corpus.unwrap().cider, None);
}

#[test]
fn an_answer_without_references_changes_nothing_for_the_others() {
    let with = score(&["a dog", "x", "a cat"], &[vec!["a big dog"], vec![], vec!["the cat"]]);
    let without = score(&["a dog", "a cat"], &[vec!["a big dog"], vec!["the cat"]]);
    assert_eq!(with.items[1], None);
    assert_eq!(with.corpus, without.corpus);
    assert_eq!(score(&["a dog"], &[]).corpus, None);
}

#[test]
fn scores_are_the_same_bits_every_time() {
    // Every hash map has another seed.
    let first = corpus();
    assert!((0..20).all(|_| corpus() == first));
}

#[test]
fn a_very_long_caption_is_scored() {
    let long: String = (0..20_000).map(|number| format!("w{number} ")).collect();
    let scores = score(&[&long, "a"], &[vec![&long], vec!["a"]]);
    close(scores.items[0].as_ref().unwrap().rouge_l, 1.0);
}
