//! What a command may use up, what it has used up, and when it has to stop.
//!
//! One meter for all runs of a command, so that a suite of four tasks costs no more than one limit.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::RunError;
use crate::analyze::busy_seconds;
use crate::types::{Budget, Price, SampleRecord, Tokens};

/// Samples under way at once while nobody knows yet what one costs.
const BLIND: usize = 4;

/// What has been used up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// Tokens that the endpoint reported.
    pub tokens: Tokens,
    /// Samples that they are of.
    pub samples: u64,
    /// Seconds in which samples were under way.
    pub seconds: f64,
}

impl Spent {
    /// What a record says.
    #[must_use]
    pub fn of(records: &[SampleRecord]) -> Self {
        let mut spent = Self { seconds: busy_seconds(records), ..Self::default() };
        records.iter().for_each(|record| spent.add(record.tokens()));
        spent
    }

    fn add(&mut self, tokens: Tokens) {
        self.tokens = self.tokens + tokens;
        self.samples += u64::from(!tokens.is_zero());
    }
}

impl std::iter::Sum for Spent {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            tokens: a.tokens + b.tokens,
            samples: a.samples + b.samples,
            seconds: a.seconds + b.seconds,
        })
    }
}

/// Why the budget stops a run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Exhausted {
    /// The money is gone.
    #[error("--max-cost {limit} is used up: {spent:.4} USD, by the price of {date}")]
    Cost {
        /// In US dollars.
        limit: f64,
        /// In US dollars.
        spent: f64,
        /// Of the price.
        date: String,
    },
    /// The tokens are gone.
    #[error("--max-tokens-total {limit} is used up: {spent} tokens")]
    Tokens {
        /// In tokens.
        limit: u64,
        /// In tokens.
        spent: u64,
    },
    /// The time is gone.
    #[error("--max-time is used up: {limit} s")]
    Time {
        /// In seconds.
        limit: f64,
    },
    /// Nobody can tell what is gone.
    #[error(
        "the endpoint does not say how many tokens an answer took, so {option} cannot be kept: limit the run by \
         --max-time instead"
    )]
    Uncounted {
        /// The option.
        option: &'static str,
    },
}

impl Exhausted {
    /// The option that has to be given anew to go on, with what stands for its value.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Cost { .. } => "--max-cost MORE",
            Self::Tokens { .. } => "--max-tokens-total MORE",
            Self::Time { .. } => "--max-time MORE",
            Self::Uncounted { option } if *option == COST => "--max-cost none --max-time LIMIT",
            Self::Uncounted { .. } => "--max-tokens-total none --max-time LIMIT",
        }
    }
}

const COST: &str = "--max-cost";
const TOKENS: &str = "--max-tokens-total";

/// Counts what is used up.
#[derive(Debug)]
pub struct Meter {
    budget: Budget,
    price: Option<Price>,
    deadline: Option<Instant>,
    count: Mutex<Count>,
}

#[derive(Debug)]
struct Count {
    spent: Spent,
    uncounted: bool,
}

impl Meter {
    /// A meter that has counted what was `spent` already. Its time begins now.
    #[must_use]
    pub fn new(budget: Budget, price: Option<Price>, spent: Spent) -> Self {
        let left = budget.seconds.map(|limit| (limit - spent.seconds).max(0.0));
        let left = left.and_then(|left| Duration::try_from_secs_f64(left).ok());
        let deadline = left.and_then(|left| Instant::now().checked_add(left));
        Self { budget, price, deadline, count: Mutex::new(Count { spent, uncounted: false }) }
    }

    /// # Errors
    /// [`RunError::Budget`] where something is used up.
    pub fn check(&self) -> Result<(), RunError> {
        let count = self.lock();
        let exhausted = self.cost(&count).or_else(|| self.tokens(&count)).or_else(|| self.time());
        exhausted.or_else(|| self.uncounted(&count)).map_or(Ok(()), |exhausted| Err(exhausted.into()))
    }

    /// Whether another sample may be started beside those `under_way`, going by what the others cost on average: the
    /// nearer the limit, the fewer at once, so that it is passed by an answer or so and not by hundreds.
    pub(super) fn admits(&self, under_way: usize) -> bool {
        if self.budget.cost.is_none() && self.budget.tokens.is_none() {
            return true;
        }
        let Spent { tokens, samples, .. } = self.lock().spent;
        if samples == 0 {
            return under_way < BLIND;
        }
        let expected = 1.0 + under_way as f64 / samples as f64;
        let within = |limit: Option<f64>, spent: f64| limit.is_none_or(|limit| spent * expected < limit);
        let price = self.price.as_ref();
        within(self.budget.cost, price.map_or(0.0, |price| price.of(tokens)))
            && within(self.budget.tokens.map(|limit| limit as f64), tokens.total() as f64)
    }

    /// Counts a sample that has just ended; `earlier` tokens of it have been counted before.
    pub(super) fn count(&self, record: &SampleRecord) {
        let tokens = record.tokens();
        let own = Tokens {
            input: tokens.input - record.earlier.input,
            output: tokens.output - record.earlier.output,
        };
        let mut count = self.lock();
        count.spent.add(own);
        count.uncounted |= record.is_uncounted();
    }

    /// Waits until the time is up; for ever where it is not limited.
    pub(super) async fn time_up(&self) {
        match self.deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    }

    fn cost(&self, count: &Count) -> Option<Exhausted> {
        let (limit, price) = (self.budget.cost?, self.price.as_ref()?);
        let spent = price.of(count.spent.tokens);
        (spent >= limit).then(|| Exhausted::Cost { limit, spent, date: price.date.clone() })
    }

    fn tokens(&self, count: &Count) -> Option<Exhausted> {
        let (limit, spent) = (self.budget.tokens?, count.spent.tokens.total());
        (spent >= limit).then_some(Exhausted::Tokens { limit, spent })
    }

    fn time(&self) -> Option<Exhausted> {
        let limit = self.budget.seconds?;
        (self.deadline? <= Instant::now()).then_some(Exhausted::Time { limit })
    }

    fn uncounted(&self, count: &Count) -> Option<Exhausted> {
        let option = match self.budget {
            Budget { cost: Some(_), .. } => COST,
            Budget { tokens: Some(_), .. } => TOKENS,
            _ => return None,
        };
        count.uncounted.then_some(Exhausted::Uncounted { option })
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        // A few numbers, whole at every instant.
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
