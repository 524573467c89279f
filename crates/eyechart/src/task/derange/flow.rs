//! The last part of an exchange: samples are placed along augmenting paths between classes of samples that have the same
//! shared pictures. However many samples a class has, a search visits it once.

use std::collections::{BTreeMap, VecDeque};

use super::{Exchange, NoExchange};

/// Which samples have the same shared pictures, so that the same donors are allowed for them.
pub(super) struct Classes {
    /// One sample of each class.
    pub(super) first: Vec<usize>,
    /// The class of each sample.
    pub(super) of: Vec<usize>,
}

impl Classes {
    /// These samples by class, for each class.
    pub(super) fn split(&self, samples: impl Iterator<Item = usize>) -> Vec<Vec<usize>> {
        let mut split = vec![Vec::new(); self.first.len()];
        samples.for_each(|sample| split[self.of[sample]].push(sample));
        split
    }
}

/// Moves a sample of the class `takers` to a donor of the class `donors`.
#[derive(Clone, Copy)]
struct Move {
    takers: usize,
    donors: usize,
}

/// An exchange as a flow from classes of donors to classes of takers.
struct Flow {
    /// For each class its samples that have no donor.
    waiting: Vec<Vec<usize>>,
    /// For each class its samples that no sample takes from.
    free: Vec<Vec<usize>>,
    /// For each class of donors the samples that take from it, by their classes.
    takers_of: Vec<BTreeMap<usize, Vec<usize>>>,
}

impl Flow {
    fn new(exchange: &Exchange) -> Self {
        let Exchange { classes, donor_of, order, .. } = exchange;
        let mut takers_of = vec![BTreeMap::<usize, Vec<usize>>::new(); classes.first.len()];
        for &taker in *order {
            if let Some(donor) = donor_of[taker] {
                takers_of[classes.of[donor]].entry(classes.of[taker]).or_default().push(taker);
            }
        }
        Self {
            waiting: classes.split(order.iter().copied().filter(|&taker| donor_of[taker].is_none())),
            free: classes.split(exchange.free.iter().flatten().copied()),
            takers_of,
        }
    }

    /// The samples of which the move at `step` of `path` takes one: samples of its class that the move before frees.
    fn movable(&mut self, path: &[Move], step: usize) -> &mut Vec<usize> {
        let takers = path[step].takers;
        match path.get(step + 1) {
            Some(before) => self.takers_of[before.donors].entry(takers).or_default(),
            None => &mut self.waiting[takers],
        }
    }

    fn has_samples_for(&mut self, path: &[Move]) -> bool {
        path.first().is_some_and(|last| !self.free[last.donors].is_empty())
            && (0..path.len()).all(|step| !self.movable(path, step).is_empty())
    }

    /// Makes each move of `path` for one sample.
    fn follow(&mut self, path: &[Move], donor_of: &mut [Option<usize>]) {
        let mut donor = path.first().and_then(|last| self.free[last.donors].pop());
        for (step, Move { takers, donors }) in path.iter().enumerate() {
            let Some(taker) = self.movable(path, step).pop() else { break };
            donor = std::mem::replace(&mut donor_of[taker], donor);
            self.takers_of[*donors].entry(*takers).or_default().push(taker);
        }
    }
}

impl Exchange<'_> {
    /// Finds donors for all samples that have none yet, moving other samples to other donors. A sample without shared
    /// pictures may keep its own here, so that samples of one class are interchangeable.
    pub(super) fn place_by_class(&mut self) -> Result<(), NoExchange> {
        let mut flow = Flow::new(self);
        for class in 0..self.classes.first.len() {
            while let Some(&taker) = flow.waiting[class].last() {
                let path = self.find_path(class, &flow);
                if self.steps_left == 0 {
                    return Err(NoExchange::NotFound(taker));
                }
                let path = path.ok_or(NoExchange::Entangled(taker))?;
                // A path usually serves many samples of its classes.
                while flow.has_samples_for(&path) {
                    self.spend(path.len());
                    flow.follow(&path, &mut self.donor_of);
                }
            }
        }
        Ok(())
    }

    /// An augmenting path from the class `start` to a class with a free donor, last move first: a breadth-first search.
    /// If there is none, no exchange of all samples exists.
    fn find_path(&mut self, start: usize, flow: &Flow) -> Option<Vec<Move>> {
        let count = self.classes.first.len();
        let mut unreached: Vec<usize> = (0..count).collect();
        let mut queue = VecDeque::from([start]);
        // The move by which each class of donors was reached, and each class of takers freed.
        let (mut reached_by, mut freed_by) = (vec![None; count], vec![None; count]);
        while let Some(takers) = queue.pop_front()
            && self.steps_left > 0
        {
            let taker = self.classes.first[takers];
            let is_reached = |donors: &mut usize| self.is_disjoint(taker, self.classes.first[*donors]);
            let reached: Vec<usize> = unreached.extract_if(.., is_reached).collect();
            for donors in reached {
                let reaching = Move { takers, donors };
                reached_by[donors] = Some(reaching);
                if !flow.free[donors].is_empty() {
                    let before =
                        |last: &Move| freed_by[last.takers].and_then(|donors: usize| reached_by[donors]);
                    return Some(std::iter::successors(Some(reaching), before).collect());
                }
                for (&freed, samples) in &flow.takers_of[donors] {
                    self.spend(1);
                    if !samples.is_empty() && freed != start && freed_by[freed].is_none() {
                        freed_by[freed] = Some(donors);
                        queue.push_back(freed);
                    }
                }
            }
        }
        None
    }
}
