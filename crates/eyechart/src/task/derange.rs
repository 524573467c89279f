//! A seeded exchange of pictures among samples in which no sample keeps a picture. Knows hashes only.

use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use self::flow::Classes;
use super::pick::below;

mod flow;

/// SHA-256 of a picture's bytes, or of its address where only the address is sent.
pub(crate) type PictureHash = [u8; 32];

/// The generator's stream, so that the exchange and [`super::pick`] draw different numbers from one seed.
const STREAM: u64 = 1;

/// Steps after which the search ends, so that it takes about ten seconds at most in a release build. A step looks at
/// a sample or at one of its pictures. Without a hard case, the search takes a few steps for each sample.
const MAX_STEPS: u64 = 1_000_000_000;

/// Classes of free donors that are tried for a sample before other samples are moved for it.
const FREE_TRIES: usize = 250;

/// Samples that are tried as partners of a swap, and classes of free donors that are tried for each of them.
const SWAP_TRIES: usize = 1_000;
const SWAP_FREE_TRIES: usize = 8;

/// Why pictures cannot be exchanged. Samples are positions in the list that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoExchange {
    /// There are fewer than two samples.
    TooFew,
    /// More than half of the samples have the same picture: these ones.
    TooCommon(Vec<usize>),
    /// The samples share so many pictures that this sample, or another one in its place, keeps one of its own.
    Entangled(usize),
    /// The search reached its limit before it found a donor for this sample. An exchange may exist.
    NotFound(usize),
}

/// For each sample, the sample whose pictures it is sent instead of its own. Each sample gives its pictures to exactly
/// one other sample, and no sample is sent a picture with the hash of one of its own.
///
/// The result depends on the hashes and the seed only. Samples are put in a seeded order, grouped by the most frequent
/// of their pictures, and the order is rotated by the size of the largest group. If every sample has one picture, the
/// rotation is the exchange. Samples with several pictures that still meet one of their own get a free donor, or swap
/// with another sample. The last of them are placed along augmenting paths, which find an exchange whenever one exists,
/// unless the search reaches its limit.
///
/// # Errors
/// [`NoExchange`] if there is no such exchange, or if the search reaches its limit.
pub(crate) fn derange(samples: &[Vec<PictureHash>], seed: u64) -> Result<Vec<usize>, NoExchange> {
    derange_within(MAX_STEPS, samples, seed)
}

fn derange_within(max_steps: u64, samples: &[Vec<PictureHash>], seed: u64) -> Result<Vec<usize>, NoExchange> {
    if samples.len() < 2 {
        return Err(NoExchange::TooFew);
    }
    let counts = count_samples(samples);
    if let Some(sharing) = shared_by_most(samples, &counts) {
        return Err(NoExchange::TooCommon(sharing));
    }
    let shared = SharedPictures::new(samples, &counts);
    let order = shuffled(samples.len(), seed);
    let mut exchange = Exchange::new(&shared, &order, max_steps);
    exchange.rotate(&shared.groups(&order));
    exchange.place_one_by_one();
    exchange.place_by_class()?;
    Ok(exchange.into_donors())
}

/// The number of samples that have each picture.
fn count_samples(samples: &[Vec<PictureHash>]) -> HashMap<&PictureHash, usize> {
    let mut counts: HashMap<&PictureHash, Count> = HashMap::new();
    for (sample, pictures) in samples.iter().enumerate() {
        for picture in pictures {
            counts.entry(picture).or_default().add(sample);
        }
    }
    counts.into_iter().map(|(picture, count)| (picture, count.samples)).collect()
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

/// The samples with the picture that more than half of all samples have, if there is one: there are too few other
/// samples to send them pictures.
fn shared_by_most(samples: &[Vec<PictureHash>], counts: &HashMap<&PictureHash, usize>) -> Option<Vec<usize>> {
    let (common, count) = counts.iter().max_by_key(|(picture, count)| (**count, **picture))?;
    (*count > samples.len() / 2)
        .then(|| (0..samples.len()).filter(|&sample| samples[sample].contains(common)).collect())
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

/// The pictures that two or more samples have. Other pictures forbid no exchange.
struct SharedPictures {
    /// The shared pictures of each sample, ascending, each once. The most frequent picture of the run has number 0.
    by_sample: Vec<Vec<usize>>,
}

impl SharedPictures {
    fn new(samples: &[Vec<PictureHash>], counts: &HashMap<&PictureHash, usize>) -> Self {
        let is_shared =
            |(picture, count): (&&PictureHash, &usize)| (*count > 1).then_some((*count, **picture));
        let mut by_frequency: Vec<(usize, PictureHash)> = counts.iter().filter_map(is_shared).collect();
        by_frequency.sort_unstable_by(|a, b| b.cmp(a));
        let numbers: HashMap<&PictureHash, usize> =
            by_frequency.iter().enumerate().map(|(number, (_, picture))| (picture, number)).collect();
        let shared_of = |pictures: &Vec<PictureHash>| {
            let mut shared: Vec<usize> =
                pictures.iter().filter_map(|picture| numbers.get(picture).copied()).collect();
            shared.sort_unstable();
            shared.dedup();
            shared
        };
        Self { by_sample: samples.iter().map(shared_of).collect() }
    }

    /// The samples in groups with the same most frequent picture, both in the order of `order`.
    fn groups(&self, order: &[usize]) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut group_of: HashMap<usize, usize> = HashMap::new();
        for &sample in order {
            let new = groups.len();
            let most_frequent = self.by_sample[sample].first();
            let group = most_frequent.map_or(new, |&picture| *group_of.entry(picture).or_insert(new));
            if group == new {
                groups.push(Vec::new());
            }
            groups[group].push(sample);
        }
        groups
    }

    /// The class of each sample: samples with the same shared pictures have the same class.
    fn classes(&self, order: &[usize]) -> Classes {
        let mut classes = Classes { first: Vec::new(), of: vec![0; order.len()] };
        let mut known: HashMap<&[usize], usize> = HashMap::new();
        for &sample in order {
            let new = classes.first.len();
            let class = *known.entry(&self.by_sample[sample]).or_insert(new);
            if class == new {
                classes.first.push(sample);
            }
            classes.of[sample] = class;
        }
        classes
    }

    fn is_disjoint(&self, taker: usize, donor: usize) -> bool {
        let mut given = self.by_sample[donor].iter().peekable();
        let is_given = |own: &usize| {
            while given.next_if(|picture| *picture < own).is_some() {}
            given.peek() == Some(&own)
        };
        !self.by_sample[taker].iter().any(is_given)
    }
}

/// A matching of samples that take pictures with samples that give theirs.
struct Exchange<'a> {
    shared: &'a SharedPictures,
    order: &'a [usize],
    classes: Classes,
    donor_of: Vec<Option<usize>>,
    /// The donors that no sample takes after `rotate`, by class; no group is empty.
    free: Vec<Vec<usize>>,
    /// The place in `free` where the next search for a free donor starts.
    next_free: usize,
    /// The place in `order` where the next search for a swap starts.
    next_swap: usize,
    steps_left: u64,
}

impl<'a> Exchange<'a> {
    fn new(shared: &'a SharedPictures, order: &'a [usize], max_steps: u64) -> Self {
        Self {
            shared,
            order,
            classes: shared.classes(order),
            donor_of: vec![None; order.len()],
            free: Vec::new(),
            next_free: 0,
            next_swap: 0,
            steps_left: max_steps,
        }
    }

    fn spend(&mut self, steps: usize) {
        self.steps_left = self.steps_left.saturating_sub(steps as u64);
    }

    fn is_disjoint(&mut self, taker: usize, donor: usize) -> bool {
        self.spend(self.shared.by_sample[taker].len() + self.shared.by_sample[donor].len() + 1);
        self.shared.is_disjoint(taker, donor)
    }

    fn is_allowed(&mut self, taker: usize, donor: usize) -> bool {
        taker != donor && self.is_disjoint(taker, donor)
    }

    /// Gives each sample the donor that is as many places after it as the largest group has samples, where that is
    /// allowed. The donor is in another group unless a group has more than half of the samples.
    fn rotate(&mut self, groups: &[Vec<usize>]) {
        let largest = groups.iter().map(Vec::len).max().unwrap_or(0);
        let grouped = groups.concat();
        let mut is_free = vec![true; grouped.len()];
        for (place, &taker) in grouped.iter().enumerate() {
            let donor = grouped[(place + largest) % grouped.len()];
            if self.is_allowed(taker, donor) {
                self.donor_of[taker] = Some(donor);
                is_free[donor] = false;
            }
        }
        self.free = self.classes.split(self.order.iter().copied().filter(|&donor| is_free[donor]));
        self.free.retain(|donors| !donors.is_empty());
    }

    /// Gives samples without a donor a free donor, or the donor of another sample that takes a free donor instead. Tries
    /// a limited number of both for each sample.
    fn place_one_by_one(&mut self) {
        for &taker in self.order {
            if self.donor_of[taker].is_none() && self.steps_left > 0 {
                match self.find_free(taker, FREE_TRIES) {
                    Some(place) => self.give_free(taker, place),
                    None => self.swap(taker),
                }
            }
        }
    }

    /// The place in `free` of a donor that is allowed for `taker`, among the next `tries` classes.
    fn find_free(&mut self, taker: usize, tries: usize) -> Option<usize> {
        let start = self.next_free.min(self.free.len());
        let mut places = (start..self.free.len()).chain(0..start).take(tries);
        let found = places.find(|&place| self.is_allowed(taker, self.free[place][0]));
        self.next_free = (found.unwrap_or(start + tries) + 1) % self.free.len().max(1);
        found
    }

    fn give_free(&mut self, taker: usize, place: usize) {
        self.donor_of[taker] = Some(self.free[place].swap_remove(0));
        if self.free[place].is_empty() {
            self.free.swap_remove(place);
        }
    }

    /// Gives `taker` the donor of another sample, and a free donor to that sample, if both are allowed.
    fn swap(&mut self, taker: usize) {
        let count = self.order.len();
        for place in (self.next_swap..count).chain(0..self.next_swap).take(SWAP_TRIES) {
            self.spend(1);
            self.next_swap = place;
            let other = self.order[place];
            let Some(donor) = self.donor_of[other] else { continue };
            if !self.is_allowed(taker, donor) {
                continue;
            }
            if let Some(free) = self.find_free(other, SWAP_FREE_TRIES) {
                self.donor_of[taker] = Some(donor);
                self.give_free(other, free);
                return;
            }
        }
    }

    /// The donor of each sample. The samples that keep their own pictures have no shared pictures, so that any exchange
    /// of donors with other samples is allowed for them.
    fn into_donors(self) -> Vec<usize> {
        let mut donors: Vec<usize> = self.donor_of.into_iter().flatten().collect();
        let kept: Vec<usize> =
            self.order.iter().copied().filter(|&sample| donors[sample] == sample).collect();
        match kept[..] {
            [] => {}
            [only] => donors.swap(only, if only == 0 { 1 } else { 0 }),
            _ => kept.windows(2).for_each(|pair| donors.swap(pair[0], pair[1])),
        }
        donors
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    fn hashes(pictures: &[&[u8]]) -> Vec<Vec<PictureHash>> {
        pictures.iter().map(|sample| sample.iter().map(|&picture| [picture; 32]).collect()).collect()
    }

    fn shares(samples: &[Vec<PictureHash>], a: usize, b: usize) -> bool {
        a == b || samples[a].iter().any(|picture| samples[b].contains(picture))
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

    /// Samples of which each has a picture of its own, then the pictures of `common_of`.
    fn with_common(count: usize, common_of: impl Fn(usize) -> Vec<u8>) -> Vec<Vec<PictureHash>> {
        let own = |number: usize| Sha256::digest(number.to_le_bytes()).into();
        let common = |number| common_of(number).into_iter().map(|picture| [picture; 32]);
        (0..count).map(|number| std::iter::once(own(number)).chain(common(number)).collect()).collect()
    }

    /// Half of the samples have the first logo, half the second, a quarter both: just as many as can be exchanged.
    fn two_logos(count: usize) -> Vec<Vec<PictureHash>> {
        with_common(count, |number| [vec![], vec![1], vec![2], vec![1, 2]][number % 4].clone())
    }

    /// The result of a search that may take `steps_each` steps for each sample.
    fn derange_quickly(samples: &[Vec<PictureHash>], steps_each: u64) -> Result<Vec<usize>, NoExchange> {
        derange_within(steps_each * samples.len() as u64, samples, 0)
    }

    #[test]
    fn a_second_picture_that_many_samples_share_needs_few_steps_however_many_samples_there_are() {
        let logo = with_common(20_000, |number| if number % 5 < 2 { vec![1] } else { vec![] });
        assert_is_exchange(&logo, &derange_quickly(&logo, 2).unwrap());
        let logos = two_logos(20_000);
        assert_is_exchange(&logos, &derange_quickly(&logos, 1_000).unwrap());
    }

    #[test]
    fn a_search_ends_at_its_limit() {
        let logos = two_logos(40);
        assert!(matches!(derange_quickly(&logos, 2), Err(NoExchange::NotFound(_))));
        assert_is_exchange(&logos, &derange(&logos, 0).unwrap());
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
            pictures in prop::collection::vec(prop::collection::vec(0_u8..8, 0..4), 2..8),
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
