//! The pause that an endpoint asks for when it turns a request away (`Retry-After`): it holds for all requests.

use super::{Clearance, EndedAttempt, Limit, NextRequest, Pause};
use crate::provider::flow::health::LONGEST_WAIT;
use crate::provider::flow::outcome::AttemptOutcome;

/// The latest end of all the pauses that the endpoint has asked for.
#[derive(Debug, Default)]
pub(super) struct AskedPause(Option<Pause>);

impl Limit for AskedPause {
    fn clearance(&mut self, next: &NextRequest) -> Clearance {
        Clearance::at(self.0.map(|pause| pause.until), next.now)
    }

    fn attempt_ended(&mut self, ended: &EndedAttempt<'_>) {
        let Some(AttemptOutcome::TurnedAway { may_be_down, wait: Some(wait), .. }) = ended.outcome else {
            return;
        };
        // A longer one stops the run, and may be more than a clock can show.
        if *wait > LONGEST_WAIT {
            return;
        }
        let until = ended.now + *wait;
        if self.0.is_none_or(|pause| pause.until < until) {
            self.0 = Some(Pause { until, may_be_down: *may_be_down });
        }
    }

    fn pause(&mut self, _: &NextRequest) -> Option<Pause> {
        self.0
    }
}
