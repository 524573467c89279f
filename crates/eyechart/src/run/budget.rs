//! The budget of a command: what it may use up, what it has used up, and when it has to stop.
//!
//! All runs of a command share one meter, so a limit holds for all tasks of a suite together.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::RunError;
use crate::analyze::busy_seconds;
use crate::types::{Budget, Observer, Price, RunEvent, SampleRecord, Tokens};

/// Samples in flight before the cost of the first one is known.
const MOST_BEFORE_FIRST_COST: usize = 4;

/// What has been used up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// Tokens that the endpoint reported.
    pub tokens: Tokens,
    /// Number of samples with such tokens.
    pub samples: u64,
    /// Seconds in which samples were in flight.
    pub seconds: f64,
}

impl Spent {
    /// What these records have used up.
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

/// The limit that stops a run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Exhausted {
    /// The cost has reached its limit.
    #[error("--max-cost {limit} is used up: {spent:.4} USD, at the price of {date}")]
    Cost {
        /// In US dollars.
        limit: f64,
        /// In US dollars.
        spent: f64,
        /// The date of the price.
        date: String,
    },
    /// The tokens have reached their limit.
    #[error("--max-tokens-total {limit} is used up: {spent} tokens")]
    Tokens {
        /// In tokens.
        limit: u64,
        /// In tokens.
        spent: u64,
    },
    /// The time is up.
    #[error("--max-time is used up: {limit} s")]
    Time {
        /// In seconds.
        limit: f64,
    },
    /// The endpoint does not report tokens, so the limit cannot be enforced.
    #[error(
        "the endpoint does not report token counts, so {option} cannot be enforced: limit the run with --max-time \
         instead"
    )]
    Uncounted {
        /// The option that sets the limit.
        option: &'static str,
    },
}

impl Exhausted {
    /// The options that let the run continue, with a placeholder for their values.
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

/// Counts what a command uses up, and holds its limits.
#[derive(Debug)]
pub struct Meter {
    budget: Budget,
    price: Option<Price>,
    deadline: Option<Instant>,
    count: Mutex<Count>,
    /// Signalled when an answer that broke off has used up the budget.
    used_up: Notify,
}

#[derive(Debug)]
struct Count {
    spent: Spent,
    /// Whether an answer came without its tokens.
    has_uncounted: bool,
}

impl Meter {
    /// A meter that starts with what was `spent` already. The time starts now.
    #[must_use]
    pub fn new(budget: Budget, price: Option<Price>, spent: Spent) -> Self {
        let left = budget.seconds.map(|limit| (limit - spent.seconds).max(0.0));
        let left = left.and_then(|left| Duration::try_from_secs_f64(left).ok());
        let deadline = left.and_then(|left| Instant::now().checked_add(left));
        let count = Mutex::new(Count { spent, has_uncounted: false });
        Self { budget, price, deadline, count, used_up: Notify::new() }
    }

    /// Checks all limits.
    ///
    /// # Errors
    /// [`RunError::Budget`] with the limit that is reached.
    pub fn check(&self) -> Result<(), RunError> {
        let count = self.lock();
        let exhausted = self.cost(&count).or_else(|| self.tokens(&count)).or_else(|| self.time());
        exhausted.or_else(|| self.uncounted(&count)).map_or(Ok(()), |exhausted| Err(exhausted.into()))
    }

    /// Whether another sample may start beside those `in_flight`, if each costs as much as the earlier ones on average. The
    /// nearer the limit, the fewer samples are in flight, so that the limit is exceeded by few answers.
    pub(super) fn admits(&self, in_flight: usize) -> bool {
        if self.budget.cost.is_none() && self.budget.tokens.is_none() {
            return true;
        }
        let Spent { tokens, samples, .. } = self.lock().spent;
        if samples == 0 {
            return in_flight < MOST_BEFORE_FIRST_COST;
        }
        let expected = 1.0 + in_flight as f64 / samples as f64;
        let within = |limit: Option<f64>, spent: f64| limit.is_none_or(|limit| spent * expected < limit);
        let price = self.price.as_ref();
        within(self.budget.cost, price.map_or(0.0, |price| price.of(tokens)))
            && within(self.budget.tokens.map(|limit| limit as f64), tokens.total() as f64)
    }

    /// Counts a sample that has just ended, with the tokens of its last request.
    fn count(&self, record: &SampleRecord, tokens: Tokens) {
        let mut count = self.lock();
        count.spent.add(tokens);
        count.has_uncounted |= record.lacks_token_counts();
    }

    /// Counts an answer that broke off. Its sample may wait long for its next request, so the run is told at once.
    fn count_broken_off(&self, tokens: Tokens) {
        let mut count = self.lock();
        count.spent.tokens = count.spent.tokens + tokens;
        if self.cost(&count).or_else(|| self.tokens(&count)).is_some() {
            self.used_up.notify_one();
        }
    }

    /// Waits until the time is up, or until an answer that broke off has used up the budget.
    pub(super) async fn used_up(&self) {
        let time_up = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        if self.budget.cost.is_none() && self.budget.tokens.is_none() {
            return time_up.await;
        }
        tokio::select! {
            () = time_up => {}
            () = self.used_up.notified() => {}
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
        count.has_uncounted.then_some(Exhausted::Uncounted { option })
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        // The numbers are valid at every moment: a panic of another thread cannot damage them.
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Meter {
    fn observe(&self, event: &RunEvent<'_>) {
        match event {
            RunEvent::SampleEnded { record, tokens } => self.count(record, *tokens),
            RunEvent::AnswerBrokeOff { tokens } => self.count_broken_off(*tokens),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ModelOutput, PickedSample, Usage};

    const PRICE: (f64, f64) = (1.0, 10.0);

    fn meter(budget: Budget, spent: Spent) -> Meter {
        let (date, source) = ("2026-11-24".to_owned(), "a test".to_owned());
        Meter::new(budget, Some(Price { input: PRICE.0, output: PRICE.1, date, source }), spent)
    }

    /// A sample with an answer of this usage.
    fn answered(usage: Option<Usage>) -> SampleRecord {
        let picked = PickedSample { id: "a".to_owned(), row: 0 };
        let mut record = SampleRecord::without_sample(
            picked,
            1,
            crate::types::Failure::new(crate::types::FailureKind::Sample, "none"),
        );
        record.complete(ModelOutput { usage, ..ModelOutput::recorded("Yes.") });
        record
    }

    fn count(meter: &Meter, record: &SampleRecord) {
        meter.count(record, record.tokens());
    }

    fn counted() -> Option<Usage> {
        Some(Usage { input_tokens: Some(900), output_tokens: Some(100), reasoning_tokens: None })
    }

    #[test]
    fn the_nearer_the_limit_the_fewer_are_asked_at_once() {
        let meter = meter(Budget { tokens: Some(10_000), ..Budget::default() }, Spent::default());
        assert!(meter.admits(3) && !meter.admits(4), "the cost of a sample is not known yet");
        count(&meter, &answered(counted()));
        assert!(meter.admits(8) && !meter.admits(9), "the limit allows nine more");
        (0..8).for_each(|_| count(&meter, &answered(counted())));
        assert!(meter.admits(0) && !meter.admits(1));
        assert!(meter.check().is_ok());
        count(&meter, &answered(counted()));
        assert!(!meter.admits(0) && meter.check().is_err());
    }

    #[test]
    fn without_limits_everything_is_admitted_whatever_the_endpoint_reports() {
        let meter = meter(Budget::default(), Spent::default());
        count(&meter, &answered(None));
        assert!(meter.admits(10_000) && meter.check().is_ok());
    }

    #[test]
    fn usage_with_only_one_number_does_not_count() {
        let meter = meter(Budget { cost: Some(1.0), ..Budget::default() }, Spent::default());
        let half = Usage { input_tokens: Some(9), output_tokens: None, reasoning_tokens: None };
        count(&meter, &answered(Some(half)));
        assert!(matches!(meter.check(), Err(RunError::Budget(Exhausted::Uncounted { option: COST }))));
    }

    #[test]
    fn the_time_of_a_resumed_run_counts() {
        let budget = Budget { seconds: Some(3600.0), ..Budget::default() };
        assert!(meter(budget, Spent { seconds: 3599.0, ..Spent::default() }).check().is_ok());
        let over = meter(budget, Spent { seconds: 3600.0, ..Spent::default() }).check();
        assert_eq!(over.unwrap_err().to_string(), "--max-time is used up: 3600 s");
    }
}
