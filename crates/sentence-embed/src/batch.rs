//! Packs texts into ragged batches by their numbers of tokens. Knows nothing of the model.

/// The most tokens of one batch: large enough for the matrix products to run at full speed, small
/// enough that a thread's activations (15 KiB a token) stay within a few megabytes.
const MAX_BATCH_TOKENS: usize = 1024;

/// Batches below this size cost more in products of few rows than they gain in evenness.
const MIN_BATCH_TOKENS: usize = 128;

/// How many batches each thread should get at least, so that all threads end at about the same time.
const BATCHES_PER_THREAD: usize = 4;

/// Groups the texts with `lengths[i]` tokens into batches of places in the input.
///
/// Each place is in exactly one batch. The longest texts come first, so that the last batches to
/// end are of even size.
pub(crate) fn plan(lengths: &[usize], threads: usize) -> Vec<Vec<usize>> {
    let budget = token_budget(lengths.iter().sum(), threads);
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&place| std::cmp::Reverse(lengths[place]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut used = 0;
    for place in order {
        match batches.last_mut() {
            Some(batch) if used + lengths[place] <= budget => batch.push(place),
            _ => {
                used = 0;
                batches.push(vec![place]);
            }
        }
        used += lengths[place];
    }
    batches
}

fn token_budget(total: usize, threads: usize) -> usize {
    let even = total / (threads.max(1) * BATCHES_PER_THREAD);
    even.clamp(MIN_BATCH_TOKENS, MAX_BATCH_TOKENS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_texts_give_no_batches() {
        assert!(plan(&[], 2).is_empty());
    }

    #[test]
    fn every_text_is_in_one_batch_and_batches_keep_to_the_budget() {
        let lengths: Vec<usize> = (0..500).map(|i| 2 + i * 37 % 255).collect();
        let batches = plan(&lengths, 2);
        let mut seen: Vec<usize> = batches.iter().flatten().copied().collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..lengths.len()));
        for batch in &batches {
            let tokens: usize = batch.iter().map(|&place| lengths[place]).sum();
            assert!(tokens <= MAX_BATCH_TOKENS, "{tokens}");
        }
        assert!(batches.len() < 80, "{}", batches.len());
    }

    #[test]
    fn a_text_over_the_budget_gets_a_batch_of_its_own() {
        assert_eq!(plan(&[5000, 3, 6000], 1), [vec![2], vec![0], vec![1]]);
    }

    #[test]
    fn few_texts_are_spread_over_the_threads() {
        assert_eq!(plan(&[100, 100, 100, 100], 2).len(), 4);
    }
}
