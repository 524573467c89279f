//! The captions of a run as numbers: each distinct text is tokenized once, and each distinct n-gram has one number.

use std::collections::HashMap;

use super::ptb::{is_white_space, ptb_tokens};

/// Length of the longest n-gram that the scores use, in words.
pub(super) const LONGEST: usize = 4;

/// A tokenized caption with its n-grams.
#[derive(Debug, Default)]
pub(super) struct Caption {
    /// The tokens that ROUGE-L compares, split at spaces. A caption without tokens has one empty token.
    pub(super) spaced: Vec<u32>,
    /// Number of words. A token that contains a no-break space is several words.
    pub(super) length: usize,
    /// For n = 1 to 4: the distinct n-grams with their counts, in the order of the numbers of the n-grams.
    pub(super) grams: [Vec<GramCount>; LONGEST],
}

/// How often an n-gram occurs in a caption.
#[derive(Clone, Copy, Debug)]
pub(super) struct GramCount {
    /// The number of the n-gram among all n-grams of this length.
    pub(super) gram: u32,
    /// The number of occurrences, at least 1.
    pub(super) count: u32,
}

/// The distinct captions of a run and their n-grams.
#[derive(Default)]
pub(super) struct Vocabulary<'a> {
    places: HashMap<&'a str, usize>,
    captions: Vec<Caption>,
    tokens: HashMap<String, u32>,
    /// For each n from 2: the number of each n-gram, by its (n-1)-gram and its last word.
    longer: [HashMap<(u32, u32), u32>; LONGEST - 1],
}

impl<'a> Vocabulary<'a> {
    /// Returns the number of the caption `text`. A new text is tokenized.
    pub(super) fn caption(&mut self, text: &'a str) -> usize {
        if let Some(&place) = self.places.get(text) {
            return place;
        }
        let place = self.captions.len();
        let caption = self.count(&ptb_tokens(text));
        self.captions.push(caption);
        self.places.insert(text, place);
        place
    }

    /// Returns the caption with the number `place`.
    pub(super) fn get(&self, place: usize) -> &Caption {
        &self.captions[place]
    }

    /// Returns the number of distinct n-grams of `n + 1` words so far.
    pub(super) fn distinct(&self, n: usize) -> usize {
        if n == 0 { self.tokens.len() } else { self.longer[n - 1].len() }
    }

    fn number(&mut self, token: &str) -> u32 {
        if let Some(&number) = self.tokens.get(token) {
            return number;
        }
        let number = next_number(self.tokens.len());
        self.tokens.insert(token.to_owned(), number);
        number
    }

    fn count(&mut self, tokens: &[String]) -> Caption {
        let mut spaced: Vec<u32> = tokens.iter().map(|token| self.number(token)).collect();
        if spaced.is_empty() {
            spaced.push(self.number(""));
        }
        let words: Vec<u32> = tokens
            .iter()
            .flat_map(|token| token.split(is_white_space))
            .filter(|word| !word.is_empty())
            .map(|word| self.number(word))
            .collect();
        let mut grams = [const { Vec::new() }; LONGEST];
        let mut shorter = words.clone();
        for (n, counts) in grams.iter_mut().enumerate() {
            if n > 0 {
                shorter = self.lengthen(n, &shorter, &words);
            }
            *counts = count_sorted(shorter.clone());
        }
        Caption { spaced, length: words.len(), grams }
    }

    /// Returns the n-grams of `n + 1` words at each position, from the n-grams of `n` words.
    fn lengthen(&mut self, n: usize, shorter: &[u32], words: &[u32]) -> Vec<u32> {
        let numbers = &mut self.longer[n - 1];
        let pairs = shorter.iter().zip(words.iter().skip(n));
        pairs
            .map(|(&shorter, &word)| {
                let next = next_number(numbers.len());
                *numbers.entry((shorter, word)).or_insert(next)
            })
            .collect()
    }
}

/// Returns the number of the next n-gram after `count` n-grams. A run whose captions have more than 2^32 distinct
/// n-grams does not fit in memory.
fn next_number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn count_sorted(mut grams: Vec<u32>) -> Vec<GramCount> {
    grams.sort_unstable();
    let mut counts: Vec<GramCount> = Vec::new();
    for gram in grams {
        match counts.last_mut() {
            Some(last) if last.gram == gram => last.count += 1,
            _ => counts.push(GramCount { gram, count: 1 }),
        }
    }
    counts
}

/// Returns the counts of the n-grams that two captions share, as (first, second), in the order of their numbers.
pub(super) fn shared<'c>(
    first: &'c [GramCount],
    second: &'c [GramCount],
) -> impl Iterator<Item = (GramCount, GramCount)> + 'c {
    let mut rest = second.iter().copied().peekable();
    first.iter().filter_map(move |&one| {
        while rest.next_if(|other| other.gram < one.gram).is_some() {}
        rest.next_if(|other| other.gram == one.gram).map(|other| (one, other))
    })
}
