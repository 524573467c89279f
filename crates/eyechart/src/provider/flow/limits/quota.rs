//! The limits that an endpoint reports in its headers, carried forward from reply to reply.
//!
//! Servers refill in two ways. Some fill up at a constant rate, and their *reset* is the time until nothing is missing
//! (OpenAI, Groq, Anthropic). For others the *reset* is the end of a period, when everything is back at once. Two
//! replies show which: in the first case the reset grows with the missing amount, in the second it falls as time
//! passes. Until then the second is assumed, which waits longer.

use std::time::Duration;

use tokio::time::Instant;

use super::{Clearance, EndedAttempt, Limit, NextRequest, Pause, SentRequest};
use crate::provider::flow::allowance::{Allowance, Unit};

/// Two replies are compared if what is missing differs by this factor.
const APART: f64 = 2.0;

/// No quota holds requests back for longer.
const LONGEST: Duration = Duration::from_secs(600);

/// All quotas that the endpoint has reported.
#[derive(Debug, Default)]
pub(super) struct Quotas(Vec<Quota>);

/// When an allowance was reported, and what has happened since the request that it answers.
#[derive(Debug, Clone, Copy)]
struct Report {
    /// When the request was sent. The reply does not include later requests.
    sent: Instant,
    /// Requests that were sent later.
    later_requests: u64,
    /// Tokens that each of them is expected to cost.
    tokens: f64,
    now: Instant,
}

/// One quota.
#[derive(Debug)]
struct Quota {
    name: &'static str,
    unit: Unit,
    /// The most that can remain.
    limit: Option<f64>,
    /// What remained at `at`.
    level: f64,
    at: Instant,
    /// When the request was sent whose reply reported the level.
    sent: Instant,
    refill: Refill,
    /// The reply that the next one is compared with.
    compared: Shortfall,
    /// Whether replies differ in the limit, as those of several endpoints behind one address do. Such a quota holds
    /// nothing back: it is not known which of the endpoints the next request meets.
    is_of_several: bool,
}

/// How a quota is refilled.
#[derive(Debug, Clone, Copy)]
enum Refill {
    AtOnce { at: Instant },
    Steady { per_second: f64 },
}

/// What a reply reported as missing, and the time until it is back.
#[derive(Debug, Clone, Copy)]
struct Shortfall {
    missing: f64,
    reset: Duration,
    at: Instant,
}

impl Limit for Quotas {
    fn clearance(&mut self, next: &NextRequest) -> Clearance {
        Clearance::at(self.exhausted_until(next), next.now)
    }

    fn request_sent(&mut self, sent: &SentRequest) {
        for quota in &mut self.0 {
            quota.level -= quota.cost(sent.tokens);
        }
    }

    fn attempt_ended(&mut self, ended: &EndedAttempt<'_>) {
        let report = Report {
            sent: ended.request.at,
            later_requests: ended.latest - ended.request.number,
            tokens: ended.usual_tokens,
            now: ended.now,
        };
        for allowance in ended.allowances {
            self.update(allowance, report);
        }
    }

    fn pause(&mut self, next: &NextRequest) -> Option<Pause> {
        self.exhausted_until(next).map(|until| Pause { until, may_be_down: false })
    }
}

impl Quotas {
    fn update(&mut self, allowance: &Allowance, report: Report) {
        match self.0.iter_mut().find(|quota| quota.name == allowance.name) {
            Some(quota) if quota.is_of_several => {}
            Some(quota) if quota.limit != allowance.limit => quota.is_of_several = true,
            // The reply to an older request says less than is known.
            Some(quota) if report.sent < quota.sent => {}
            Some(quota) => quota.update(allowance, report),
            None => self.0.push(Quota::new(allowance, report)),
        }
    }

    /// Until when the next request exceeds a quota; `None` if it exceeds none.
    fn exhausted_until(&mut self, next: &NextRequest) -> Option<Instant> {
        let single = self.0.iter_mut().filter(|quota| !quota.is_of_several);
        single.filter_map(|quota| quota.exhausted_until(next)).max()
    }
}

impl Quota {
    fn new(allowance: &Allowance, report: Report) -> Self {
        let refill = Refill::AtOnce { at: report.now + allowance.reset };
        let mut quota = Self {
            name: allowance.name,
            unit: allowance.unit,
            limit: allowance.limit,
            level: 0.0,
            at: report.now,
            sent: report.sent,
            refill,
            compared: Shortfall::of(allowance, report.now),
            is_of_several: false,
        };
        quota.set_level(allowance.remaining, report);
        quota
    }

    fn update(&mut self, allowance: &Allowance, report: Report) {
        self.sent = report.sent;
        self.update_refill(Shortfall::of(allowance, report.now));
        self.set_level(allowance.remaining, report);
    }

    fn update_refill(&mut self, new: Shortfall) {
        let old = self.compared;
        let passed = new.at.saturating_duration_since(old.at);
        let is_comparable = new.missing >= APART * old.missing || old.missing >= APART * new.missing;
        if passed >= old.reset || old.missing == 0.0 {
            self.compared = new;
        } else if is_comparable && new.missing > 0.0 {
            let reset_if_steady = old.reset.as_secs_f64() * new.missing / old.missing;
            let reset_if_at_once = old.reset.saturating_sub(passed).as_secs_f64();
            let reset = new.reset.as_secs_f64();
            let is_steady = (reset - reset_if_steady).abs() < (reset - reset_if_at_once).abs();
            self.refill = if is_steady && reset > 0.0 {
                Refill::Steady { per_second: new.missing / reset }
            } else {
                Refill::AtOnce { at: new.at + new.reset }
            };
        }
        if let Refill::AtOnce { at } = &mut self.refill {
            *at = new.at + new.reset;
        }
    }

    fn set_level(&mut self, remaining: f64, report: Report) {
        let seconds = report.now.saturating_duration_since(report.sent).as_secs_f64();
        let refilled = match self.refill {
            Refill::AtOnce { .. } => 0.0,
            Refill::Steady { per_second } => seconds * per_second,
        };
        let spent = report.later_requests as f64 * self.cost(report.tokens);
        // A server keeps no debt: it refuses the request.
        self.level = (remaining + refilled - spent).clamp(0.0, self.most());
        self.at = report.now;
    }

    fn exhausted_until(&mut self, next: &NextRequest) -> Option<Instant> {
        self.refill(next.now);
        // Rounding must not ask for a wait that brings nothing.
        let missing = self.cost(next.tokens) - self.level;
        if missing <= 1e-6 {
            return None;
        }
        Some(match self.refill {
            Refill::AtOnce { at } => at,
            Refill::Steady { per_second } => {
                let wait = Duration::try_from_secs_f64(missing / per_second).unwrap_or(Duration::MAX);
                next.now + wait.min(LONGEST)
            }
        })
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        match self.refill {
            Refill::Steady { per_second } => {
                self.level = (self.level + passed * per_second).min(self.most());
            }
            // The next reply reports the following period.
            Refill::AtOnce { at } if at <= now => self.level = self.most(),
            Refill::AtOnce { .. } => {}
        }
        self.at = self.at.max(now);
    }

    fn cost(&self, tokens: f64) -> f64 {
        match self.unit {
            Unit::Requests => 1.0,
            // A request that costs more than the whole quota needs all of it.
            Unit::Tokens => tokens.min(self.most()),
        }
    }

    fn most(&self) -> f64 {
        self.limit.unwrap_or(f64::INFINITY)
    }
}

impl Shortfall {
    fn of(allowance: &Allowance, at: Instant) -> Self {
        let missing = allowance.limit.map_or(0.0, |limit| limit - allowance.remaining);
        Self { missing, reset: allowance.reset, at }
    }
}

#[cfg(test)]
mod tests;
