//! Selects the waiting texts that are embedded together.

use std::collections::VecDeque;

/// The number of tokens of a full batch. It is large enough that loading the weights, once per batch, costs little, and
/// small enough that the activations of a batch stay in the L2 cache.
pub(crate) const FULL: usize = 256;

/// Minimum number of tokens of a batch. Smaller batches cost more for loading the weights than the even distribution
/// saves.
const LEAST: usize = 64;

/// Batches are filled to a multiple of this where the waiting texts allow: the kernels work on this many
/// tokens at once.
const STEP: usize = 32;

/// If at most this number of tokens is free in a batch, the texts are chosen to fill the batch exactly.
const EXACT: usize = 96;

/// A tokenized text that waits to be embedded.
#[derive(Debug, PartialEq)]
pub(crate) struct Text {
    /// The index in the input.
    pub index: usize,
    /// The token ids, at least one.
    pub ids: Vec<u32>,
}

/// Returns the number of tokens that a batch should have if `tokens` wait for `threads` and no more texts follow.
pub(crate) fn even_share(tokens: usize, threads: usize) -> usize {
    tokens.div_ceil(threads).next_multiple_of(STEP).clamp(LEAST, FULL)
}

/// Removes a batch of about `budget` tokens from `waiting`. The first text is always included, so that no text waits
/// forever, with other texts that fit.
pub(crate) fn take(waiting: &mut VecDeque<Text>, budget: usize) -> Vec<Text> {
    let Some(first) = waiting.pop_front() else { return Vec::new() };
    let mut free = budget.saturating_sub(first.ids.len());
    let mut batch = vec![first];
    let mut next = 0;
    while free > EXACT && next < waiting.len() {
        if waiting[next].ids.len() > free - free.min(EXACT) / 2 {
            next += 1;
        } else if let Some(text) = waiting.remove(next) {
            free -= text.ids.len();
            batch.push(text);
        }
    }
    let fill = filling(waiting.iter().map(|text| text.ids.len()), free);
    batch.extend(fill.into_iter().filter_map(|place| waiting.remove(place)));
    batch
}

/// Returns the indices of some of `lengths`, last first, whose sum is as close to `free` as possible.
fn filling(lengths: impl Iterator<Item = usize>, free: usize) -> Vec<usize> {
    // For each sum that some of the lengths so far have: the place of the last of them.
    let mut last: Vec<Option<usize>> = vec![None; free + 1];
    let mut lens = Vec::new();
    for (place, length) in lengths.enumerate() {
        lens.push(length);
        for sum in (length..=free).rev() {
            if last[sum].is_none() && (sum == length || last[sum - length].is_some()) {
                last[sum] = Some(place);
            }
        }
        if last[free].is_some() {
            break;
        }
    }
    let mut sum = (1..=free).rev().find(|&sum| last[sum].is_some()).unwrap_or(0);
    let mut places = Vec::new();
    while let Some(place) = last[sum] {
        places.push(place);
        sum -= lens[place];
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(lengths: impl IntoIterator<Item = usize>) -> VecDeque<Text> {
        let text = |(index, length)| Text { index, ids: vec![7; length] };
        lengths.into_iter().enumerate().map(text).collect()
    }

    fn tokens(batch: &[Text]) -> usize {
        batch.iter().map(|text| text.ids.len()).sum()
    }

    #[test]
    fn nothing_waiting_gives_nothing() {
        assert!(take(&mut waiting([]), FULL).is_empty());
    }

    #[test]
    fn every_text_is_in_one_batch_and_batches_are_full_while_many_wait() {
        let mut texts = waiting((0..500).map(|i| 2 + i * 37 % 90));
        let (mut seen, mut sizes) = (Vec::new(), Vec::new());
        while let Some(oldest) = texts.front().map(|text| text.index) {
            let batch = take(&mut texts, FULL);
            assert!(batch.iter().any(|text| text.index == oldest), "the oldest text waits no longer");
            sizes.push(tokens(&batch));
            seen.extend(batch.into_iter().map(|text| text.index));
        }
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..500));
        let (last, full) = sizes.split_last().unwrap();
        assert!(*last <= FULL);
        assert!(full.iter().filter(|&&size| size < FULL).count() <= 2, "{full:?}");
        assert!(full.iter().all(|&size| size <= FULL), "{full:?}");
    }

    #[test]
    fn a_text_over_the_budget_gets_a_batch_of_its_own() {
        let mut texts = waiting([500, 1, 600]);
        assert_eq!(tokens(&take(&mut texts, FULL)), 500);
        assert_eq!(tokens(&take(&mut texts, FULL)), 1);
        assert_eq!(tokens(&take(&mut texts, FULL)), 600);
    }

    #[test]
    fn a_batch_is_filled_to_the_last_token_if_that_can_be() {
        let mut texts = waiting([200, 90, 31, 60, 25, 99]);
        let batch: Vec<usize> = take(&mut texts, FULL).into_iter().map(|text| text.index).collect();
        assert_eq!(batch, [0, 4, 2]);
        assert!(texts.iter().map(|text| text.index).eq([1, 3, 5]));
    }

    #[test]
    fn few_texts_are_spread_over_the_threads() {
        assert_eq!(even_share(400, 2), 224);
        assert_eq!(even_share(10, 2), LEAST);
        assert_eq!(even_share(100_000, 4), FULL);
    }
}
