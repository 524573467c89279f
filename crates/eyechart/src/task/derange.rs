//! A seeded exchange of pictures among samples in which no sample keeps a picture. Knows hashes only.

use std::collections::{HashMap, VecDeque};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::pick::below;

/// SHA-256 of a picture's bytes, or of its address where only the address is sent.
pub type PictureHash = [u8; 32];

/// The generator's stream, so that the exchange and [`super::pick`] draw different numbers from one seed.
const STREAM: u64 = 1;

/// Why pictures cannot be exchanged. Samples are positions in the list that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoExchange {
    /// There are fewer than two samples.
    TooFew,
    /// More than half of the samples have the same picture: these ones.
    TooCommon(Vec<usize>),
    /// The samples share so many pictures that this sample, or another one in its place, keeps one of its own.
    Entangled(usize),
}

/// For each sample, the sample whose pictures it is sent instead of its own. Each sample gives its pictures to exactly
/// one other sample, and no sample is sent a picture with the hash of one of its own.
///
/// The result depends on the hashes and the seed only. An exchange is found whenever one exists: samples are put in a
/// seeded order, samples with the same first picture next to each other, and the order is rotated by the size of the
/// largest such group. If every sample has one picture, that is the exchange. Samples with several pictures that still
/// meet one of their own are repaired along augmenting paths.
///
/// # Errors
/// [`NoExchange`] if there is no such exchange.
pub fn derange(samples: &[Vec<PictureHash>], seed: u64) -> Result<Vec<usize>, NoExchange> {
    if samples.len() < 2 {
        return Err(NoExchange::TooFew);
    }
    if let Some(sharing) = shared_by_most(samples) {
        return Err(NoExchange::TooCommon(sharing));
    }
    let groups = groups(samples, &shuffled(samples.len(), seed));
    let largest = groups.iter().map(Vec::len).max().unwrap_or(0);
    let order = groups.concat();
    let mut exchange = Exchange::new(samples, &order);
    for (place, &taker) in order.iter().enumerate() {
        let donor = order[(place + largest) % order.len()];
        if exchange.is_allowed(taker, donor) {
            exchange.give(taker, donor);
        }
    }
    exchange.fill();
    for &taker in &order {
        if exchange.donor_of[taker].is_none() && !exchange.augment(taker) {
            return Err(NoExchange::Entangled(taker));
        }
    }
    Ok(exchange.donor_of.into_iter().flatten().collect())
}

/// The samples with the picture that more than half of all samples have, if there is one: there are too few others to
/// send them pictures.
fn shared_by_most(samples: &[Vec<PictureHash>]) -> Option<Vec<usize>> {
    let mut counts: HashMap<&PictureHash, Count> = HashMap::new();
    for (sample, pictures) in samples.iter().enumerate() {
        for picture in pictures {
            counts.entry(picture).or_default().add(sample);
        }
    }
    let (common, count) = counts.into_iter().max_by_key(|(picture, count)| (count.samples, *picture))?;
    (count.samples > samples.len() / 2)
        .then(|| (0..samples.len()).filter(|&sample| samples[sample].contains(common)).collect())
}

/// Counts samples that are added in order, each of them once however often it is added.
#[derive(Default)]
struct Count {
    samples: usize,
    last: Option<usize>,
}

impl Count {
    fn add(&mut self, sample: usize) {
        self.samples += usize::from(self.last != Some(sample));
        self.last = Some(sample);
    }
}

/// `0..count` in an order drawn by `seed`: a Fisher–Yates shuffle.
fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(STREAM);
    let mut order: Vec<usize> = (0..count).collect();
    for place in (1..count).rev() {
        // The number is at most `place`, which is a usize.
        let drawn = below(&mut random, place as u64 + 1) as usize;
        order.swap(place, drawn);
    }
    order
}

/// The samples in groups with the same first picture, both in the order of `order`.
fn groups(samples: &[Vec<PictureHash>], order: &[usize]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<Option<&PictureHash>, usize> = HashMap::new();
    for &sample in order {
        let group = *known.entry(samples[sample].first()).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(sample);
    }
    groups
}

/// A matching of samples that take pictures with samples that give theirs.
struct Exchange<'a> {
    samples: &'a [Vec<PictureHash>],
    order: &'a [usize],
    donor_of: Vec<Option<usize>>,
    taker_of: Vec<Option<usize>>,
}

impl<'a> Exchange<'a> {
    fn new(samples: &'a [Vec<PictureHash>], order: &'a [usize]) -> Self {
        Self { samples, order, donor_of: vec![None; samples.len()], taker_of: vec![None; samples.len()] }
    }

    fn is_allowed(&self, taker: usize, donor: usize) -> bool {
        taker != donor && !self.samples[taker].iter().any(|picture| self.samples[donor].contains(picture))
    }

    fn give(&mut self, taker: usize, donor: usize) {
        self.donor_of[taker] = Some(donor);
        self.taker_of[donor] = Some(taker);
    }

    /// Gives samples without a donor one that is free, where that is allowed as it stands: far quicker than a search for
    /// each of them.
    fn fill(&mut self) {
        let is_free = |donor: &usize| self.taker_of[*donor].is_none();
        let mut free: Vec<usize> = self.order.iter().copied().filter(is_free).collect();
        for &taker in self.order {
            if self.donor_of[taker].is_none()
                && let Some(at) = free.iter().position(|&donor| self.is_allowed(taker, donor))
            {
                self.give(taker, free.swap_remove(at));
            }
        }
    }

    /// Finds a donor for `taker`, moving other samples to other donors where that frees one: a breadth-first search for
    /// an augmenting path. If there is none, no exchange of all samples exists.
    fn augment(&mut self, taker: usize) -> bool {
        let mut unreached = self.order.to_vec();
        let mut reached_by: HashMap<usize, usize> = HashMap::new();
        let mut queue = VecDeque::from([taker]);
        while let Some(next) = queue.pop_front() {
            let (reached, rest) = unreached.into_iter().partition(|&donor| self.is_allowed(next, donor));
            unreached = rest;
            let reached: Vec<usize> = reached;
            reached_by.extend(reached.iter().map(|&donor| (donor, next)));
            if let Some(&free) = reached.iter().find(|&&donor| self.taker_of[donor].is_none()) {
                self.shift(free, &reached_by);
                return true;
            }
            queue.extend(reached.iter().filter_map(|&donor| self.taker_of[donor]));
        }
        false
    }

    /// Gives `free` to the sample that reached it, that sample's donor to the one that reached the donor, and so on.
    fn shift(&mut self, free: usize, reached_by: &HashMap<usize, usize>) {
        let mut donor = Some(free);
        while let Some(given) = donor {
            let Some(&taker) = reached_by.get(&given) else { break };
            donor = self.donor_of[taker];
            self.give(taker, given);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hashes(pictures: &[&[u8]]) -> Vec<Vec<PictureHash>> {
        pictures.iter().map(|sample| sample.iter().map(|&picture| [picture; 32]).collect()).collect()
    }

    fn shares(samples: &[Vec<PictureHash>], a: usize, b: usize) -> bool {
        samples[a].iter().any(|picture| samples[b].contains(picture))
    }

    /// Whether some exchange exists, by trying all of them.
    fn exists(samples: &[Vec<PictureHash>], taker: usize, given: &mut Vec<usize>) -> bool {
        if taker == samples.len() {
            return true;
        }
        (0..samples.len()).any(|donor| {
            if given.contains(&donor) || shares(samples, taker, donor) {
                return false;
            }
            given.push(donor);
            let found = exists(samples, taker + 1, given);
            given.pop();
            found
        })
    }

    fn assert_is_exchange(samples: &[Vec<PictureHash>], donors: &[usize]) {
        let mut given = donors.to_vec();
        given.sort_unstable();
        assert_eq!(given, (0..samples.len()).collect::<Vec<_>>(), "each sample gives its pictures once");
        for (taker, &donor) in donors.iter().enumerate() {
            assert!(!shares(samples, taker, donor), "{taker} is sent a picture of its own by {donor}");
        }
    }

    #[test]
    fn the_exchange_of_a_seed_never_changes() {
        // Written down when the function was made: other values would change what a resumed run sends.
        let distinct: Vec<Vec<PictureHash>> = (0..10).map(|number| vec![[number; 32]]).collect();
        assert_eq!(derange(&distinct, 0).unwrap(), EXCHANGE_OF_SEED_0);
        assert_eq!(derange(&distinct, 1).unwrap(), EXCHANGE_OF_SEED_1);
    }
    const EXCHANGE_OF_SEED_0: [usize; 10] = [9, 2, 3, 0, 8, 7, 1, 6, 5, 4];
    const EXCHANGE_OF_SEED_1: [usize; 10] = [1, 2, 6, 8, 3, 7, 9, 4, 0, 5];

    #[test]
    fn each_other_sample_is_about_equally_likely_to_give_its_picture() {
        let distinct: Vec<Vec<PictureHash>> = (0..5).map(|number| vec![[number; 32]]).collect();
        let mut counts = [0_u32; 5];
        (0..4_000).for_each(|seed| counts[derange(&distinct, seed).unwrap()[0]] += 1);
        // 1,000 expected of each other sample; the standard deviation is 27.
        assert!(counts[0] == 0 && counts[1..].iter().all(|count| (880..1_120).contains(count)), "{counts:?}");
    }

    #[test]
    fn the_reason_names_the_samples_that_stand_in_the_way() {
        assert_eq!(derange(&hashes(&[&[1]]), 0), Err(NoExchange::TooFew));
        assert_eq!(derange(&hashes(&[&[1], &[1]]), 0), Err(NoExchange::TooCommon(vec![0, 1])));
        let common = hashes(&[&[1], &[2], &[1, 1], &[3, 1], &[4]]);
        assert_eq!(derange(&common, 0), Err(NoExchange::TooCommon(vec![0, 2, 3])));
        // Three pairs of three pictures: any two samples share one.
        let entangled = hashes(&[&[1, 2], &[2, 3], &[3, 1], &[4], &[5]]);
        assert!(matches!(derange(&entangled, 0), Err(NoExchange::Entangled(_))));
    }

    #[test]
    fn half_of_the_samples_may_have_the_same_picture() {
        let samples = hashes(&[&[1], &[1], &[1], &[2], &[2], &[3]]);
        (0..200).for_each(|seed| assert_is_exchange(&samples, &derange(&samples, seed).unwrap()));
    }

    proptest! {
        #[test]
        fn with_one_picture_each_an_exchange_is_found_unless_one_picture_is_in_more_than_half(
            pictures in prop::collection::vec(0_u8..6, 2..60),
            seed: u64,
        ) {
            let samples: Vec<Vec<PictureHash>> = pictures.iter().map(|&picture| vec![[picture; 32]]).collect();
            let most = (0..6).map(|picture| pictures.iter().filter(|other| **other == picture).count()).max();
            match derange(&samples, seed) {
                Ok(donors) => assert_is_exchange(&samples, &donors),
                Err(reason) => {
                    prop_assert!(most.unwrap() > samples.len() / 2);
                    prop_assert!(matches!(reason, NoExchange::TooCommon(_)));
                }
            }
            prop_assert_eq!(derange(&samples, seed), derange(&samples, seed));
        }

        #[test]
        fn with_several_pictures_each_an_exchange_is_found_if_and_only_if_one_exists(
            pictures in prop::collection::vec(prop::collection::vec(0_u8..8, 1..4), 2..8),
            seed: u64,
        ) {
            let samples: Vec<Vec<PictureHash>> =
                pictures.iter().map(|sample| sample.iter().map(|&picture| [picture; 32]).collect()).collect();
            match derange(&samples, seed) {
                Ok(donors) => assert_is_exchange(&samples, &donors),
                Err(_) => prop_assert!(!exists(&samples, 0, &mut Vec::new())),
            }
        }

        #[test]
        fn samples_that_share_many_pictures_are_exchanged_all_the_same(seed: u64) {
            // Neighbours share two of their three pictures, as frames of one film do.
            let samples: Vec<Vec<PictureHash>> =
                (0..100).map(|number: u8| (number..number + 3).map(|picture| [picture / 2; 32]).collect()).collect();
            assert_is_exchange(&samples, &derange(&samples, seed).unwrap());
        }
    }
}
