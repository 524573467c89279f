//! BLEU, ROUGE-L and CIDEr of captions, with the numbers of pycocoevalcap.
//!
//! The functions take texts and return numbers. They know neither tasks nor records. `scorer` builds the scorer from
//! them.

mod bleu;
mod cider;
mod ptb;
mod rouge;
mod scorer;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use bleu::{BleuCounts, bleu};
pub use ptb::ptb_tokens;
pub(super) use scorer::CAPTIONS;

use cider::{WeightedCaption, Weights};
use vocabulary::{Caption, Vocabulary};

/// The scores of one caption.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptionItem {
    /// BLEU-1 to BLEU-4 of this caption, each in [0, 1].
    pub bleu: [f64; 4],
    /// The counts of this caption for the BLEU of the run.
    pub counts: BleuCounts,
    /// ROUGE-L, in [0, 1].
    pub rouge_l: f64,
    /// CIDEr, in [0, 10]; absent if no reference of the run has a word. In that case pycocoevalcap fails.
    pub cider: Option<f64>,
}

/// The scores of all captions of a run together.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptionCorpus {
    /// BLEU-1 to BLEU-4 of the summed counts, each in [0, 1]. They differ from the means over the captions.
    pub bleu: [f64; 4],
    /// The mean of ROUGE-L, in [0, 1].
    pub rouge_l: f64,
    /// The mean of CIDEr, in [0, 10]; absent if no reference of the run has a word.
    pub cider: Option<f64>,
}

/// The scores of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptionScores {
    /// The scores of all captions together; absent if no caption has a reference.
    pub corpus: Option<CaptionCorpus>,
    /// The scores of each answer, in the order of the answers; `None` for an answer without references.
    pub items: Vec<Option<CaptionItem>>,
}

/// Scores each answer against its references.
///
/// CIDEr weights the n-grams by the references of the whole run, so pass all samples of the run at once. An answer
/// without references, or beyond the end of `references`, is left out as if it were not in the run. An empty reference
/// counts as a reference. With one sample all weights are 0, and so is CIDEr. The same input gives the same bits.
pub fn score(answers: &[&str], references: &[Vec<&str>]) -> CaptionScores {
    score_repeated(answers, references, &vec![false; answers.len()])
}

/// Scores each answer against its references, as [`score`] does. The answers for which `is_repeated` is true are
/// further answers to a sample: its references count once in the weights of CIDEr.
pub fn score_repeated(answers: &[&str], references: &[Vec<&str>], is_repeated: &[bool]) -> CaptionScores {
    let mut vocabulary = Vocabulary::default();
    let places: Vec<(usize, Vec<usize>)> = answers
        .iter()
        .enumerate()
        .map(|(sample, answer)| {
            let references = references.get(sample).map_or(&[][..], Vec::as_slice);
            let references = references.iter().map(|text| vocabulary.caption(text)).collect();
            (vocabulary.caption(answer), references)
        })
        .collect();
    let captions: Vec<Sample> = places
        .iter()
        .zip(is_repeated)
        .map(|((answer, references), is_repeated)| Sample {
            answer: vocabulary.get(*answer),
            is_repeated: *is_repeated,
            references: references.iter().map(|&place| vocabulary.get(place)).collect(),
        })
        .collect();
    score_samples(&captions, &vocabulary)
}

/// One answer and its references, tokenized.
struct Sample<'a> {
    answer: &'a Caption,
    is_repeated: bool,
    references: Vec<&'a Caption>,
}

fn score_samples(samples: &[Sample], vocabulary: &Vocabulary) -> CaptionScores {
    let scored = || samples.iter().filter(|sample| !sample.references.is_empty());
    let has_words = scored().flat_map(|sample| &sample.references).any(|reference| reference.length > 0);
    let distinct = std::array::from_fn(|n| vocabulary.distinct(n));
    let first = scored().filter(|sample| !sample.is_repeated);
    let weights = has_words.then(|| Weights::new(first.map(|sample| sample.references.clone()), distinct));
    let items: Vec<Option<CaptionItem>> =
        samples.iter().map(|sample| score_item(sample, weights.as_ref())).collect();
    let corpus = summarize(&items);
    CaptionScores { corpus, items }
}

fn score_item(sample: &Sample, weights: Option<&Weights>) -> Option<CaptionItem> {
    let counts = bleu::count(sample.answer, &sample.references)?;
    let rouge_l = rouge::rouge_l(sample.answer, &sample.references)?;
    let cider = weights.and_then(|weights| {
        let references: Vec<WeightedCaption> =
            sample.references.iter().map(|reference| weights.weigh(reference)).collect();
        weights.cider(&weights.weigh(sample.answer), &references)
    });
    Some(CaptionItem { bleu: bleu(&counts), counts, rouge_l, cider })
}

fn summarize(items: &[Option<CaptionItem>]) -> Option<CaptionCorpus> {
    let scored: Vec<&CaptionItem> = items.iter().flatten().collect();
    if scored.is_empty() {
        return None;
    }
    let mut counts = BleuCounts::default();
    for item in &scored {
        counts.add(&item.counts);
    }
    let mean = |sum: f64| sum / scored.len() as f64;
    let cider: Option<f64> = scored.iter().map(|item| item.cider).sum();
    let cider = cider.map(|sum| sum + 0.0);
    Some(CaptionCorpus {
        bleu: bleu(&counts),
        rouge_l: mean(scored.iter().map(|item| item.rouge_l).sum()),
        cider: cider.map(mean),
    })
}
