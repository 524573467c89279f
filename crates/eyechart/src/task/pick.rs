//! Picks the rows that are asked. The same seed gives the same rows on every machine and with every version.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Draws `limit` numbers from `0..count` without replacement, ascending. Returns all numbers if `limit` is not below
/// `count`. With the same seed and count, a larger limit includes the picks of a smaller one.
///
/// The first steps of a Fisher–Yates shuffle over a map, so that memory is bounded by `limit`. Numbers below a bound
/// come from ChaCha8's 64-bit output by rejection; the sampling of a library could change.
#[must_use]
pub(crate) fn pick(count: u64, limit: u64, seed: u64) -> Vec<u64> {
    if limit >= count {
        return (0..count).collect();
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut moved = std::collections::HashMap::new();
    let mut picked = Vec::with_capacity(usize::try_from(limit).unwrap_or(0));
    for place in 0..limit {
        let drawn = place + below(&mut random, count - place);
        picked.push(*moved.get(&drawn).unwrap_or(&drawn));
        let displaced = *moved.get(&place).unwrap_or(&place);
        moved.insert(drawn, displaced);
    }
    picked.sort_unstable();
    picked
}

/// A uniform number in `0..bound`. `bound` must not be 0.
pub(super) fn below(random: &mut ChaCha8Rng, bound: u64) -> u64 {
    let unbiased = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = random.next_u64();
        if drawn < unbiased {
            return drawn % bound;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_pick_of_a_seed_never_changes() {
        // Recorded when the function was written: other values would silently change the samples of every user.
        assert_eq!(pick(1000, 5, 0), PICK_OF_SEED_0);
        assert_eq!(pick(1000, 5, 1), PICK_OF_SEED_1);
    }
    const PICK_OF_SEED_0: [u64; 5] = [132, 230, 597, 607, 652];
    const PICK_OF_SEED_1: [u64; 5] = [201, 378, 728, 835, 845];

    #[test]
    fn picks_are_distinct_in_range_and_nested() {
        let large: HashSet<u64> = pick(500, 200, 7).into_iter().collect();
        assert_eq!(large.len(), 200);
        assert!(large.iter().all(|row| *row < 500));
        assert!(pick(500, 50, 7).iter().all(|row| large.contains(row)));
    }

    #[test]
    fn every_row_is_about_equally_likely() {
        let mut counts = [0_u32; 10];
        (0..10_000).for_each(|seed| pick(10, 3, seed).into_iter().for_each(|row| counts[row as usize] += 1));
        // 3,000 expected; the standard deviation is 46.
        assert!(counts.iter().all(|count| (2_800..3_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn asking_for_more_than_there_are_means_all() {
        assert_eq!(pick(3, 10, 0), [0, 1, 2]);
        assert_eq!(pick(0, 10, 0), [] as [u64; 0]);
    }
}
