//! Seeded orders of the options of a question. Knows numbers only.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

use super::pick::below;
use crate::types::Epoch;

/// What the order of a sample's options depends on. Other samples, and the number of epochs, do not matter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OptionOrder<'a> {
    /// The seed of the run.
    pub(crate) seed: u64,
    /// The id of the sample.
    pub(crate) id: &'a str,
    /// The epoch, from 1.
    pub(crate) epoch: Epoch,
}

impl OptionOrder<'_> {
    /// For each of `count` places, the option that is put there: any order is equally likely, also the original one. The
    /// orders of a sample differ from epoch to epoch until all have been drawn; then they start again.
    pub(crate) fn draw(self, count: usize) -> Vec<usize> {
        let mut hasher = Sha256::new();
        hasher.update(b"shuffle-options");
        hasher.update(self.seed.to_le_bytes());
        hasher.update(self.id.as_bytes());
        let mut random = ChaCha8Rng::from_seed(hasher.finalize().into());
        let all =
            (1..=count as u64).try_fold(1_u64, |all, factor| all.checked_mul(factor)).unwrap_or(u64::MAX);
        let mut drawn: Vec<Vec<usize>> = Vec::new();
        for _ in 1..self.epoch {
            if drawn.len() as u64 == all {
                drawn.clear();
            }
            let next = new_order(count, &drawn, &mut random);
            drawn.push(next);
        }
        if drawn.len() as u64 == all {
            drawn.clear();
        }
        new_order(count, &drawn, &mut random)
    }
}

/// An order that is not among `drawn`, which must not have all orders.
fn new_order(count: usize, drawn: &[Vec<usize>], random: &mut ChaCha8Rng) -> Vec<usize> {
    loop {
        let mut order: Vec<usize> = (0..count).collect();
        for place in (1..count).rev() {
            // The number is at most `place`, which is a usize.
            order.swap(place, below(random, place as u64 + 1) as usize);
        }
        if !drawn.contains(&order) {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn order(seed: u64, id: &str, epoch: Epoch, count: usize) -> Vec<usize> {
        OptionOrder { seed, id, epoch }.draw(count)
    }

    #[test]
    fn the_orders_of_a_sample_differ_until_all_have_been_drawn() {
        for count in 1..=4 {
            let all = (1..=count).product::<usize>();
            let orders = |from: usize| {
                let epochs = from..from + all;
                epochs.map(|epoch| order(7, "a", epoch as Epoch + 1, count)).collect::<HashSet<_>>()
            };
            assert_eq!((orders(0).len(), orders(all).len()), (all, all), "{count} options");
        }
        assert_eq!(order(7, "a", 3, 0), [] as [usize; 0]);
    }

    #[test]
    fn the_order_of_a_seed_an_id_and_an_epoch_never_changes() {
        // Recorded when the function was written: other values would silently change the runs of every user.
        assert_eq!([1, 2, 3].map(|epoch| order(0, "q-1", epoch, 4)), ORDERS);
        assert_ne!(order(0, "q-1", 1, 9), order(0, "q-2", 1, 9));
        assert_ne!(order(0, "q-1", 1, 9), order(1, "q-1", 1, 9));
    }
    const ORDERS: [[usize; 4]; 3] = [[3, 0, 1, 2], [1, 2, 3, 0], [1, 3, 0, 2]];

    #[test]
    fn every_order_is_about_equally_likely() {
        let mut first = [0_u32; 4];
        (0..4_000).for_each(|id| first[order(0, &id.to_string(), 1, 4)[0]] += 1);
        // 1,000 expected; the standard deviation is 27.
        assert!(first.iter().all(|count| (880..1_120).contains(count)), "{first:?}");
    }
}
