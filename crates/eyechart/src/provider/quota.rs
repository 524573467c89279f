//! What an endpoint says is left of its limits, carried forward from reply to reply. Pure; time is given.
//!
//! Servers replenish in two ways. Some fill up steadily, and their *reset* is the time until nothing is missing
//! (OpenAI, Groq, Anthropic); for others it is the end of a period, at which everything is back at once. Which it is
//! shows in two replies: steadily, the reset grows with what is missing; else it falls as time goes by. As long as it
//! is not known, the second is assumed, which waits longer.

use std::time::Duration;

use tokio::time::Instant;

use super::allowance::{Allowance, Unit};

/// What is missing must differ by this factor for two replies to be compared.
const APART: f64 = 2.0;

/// No limit holds anything up for longer.
const LONGEST: Duration = Duration::from_secs(600);

/// All limits that an endpoint has spoken of.
#[derive(Debug, Default)]
pub(super) struct Quotas(Vec<Quota>);

/// Where an allowance was heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    /// When the request was sent that it answers: it knows nothing of later ones.
    pub(super) sent: Instant,
    /// Requests sent since.
    pub(super) sent_since: u64,
    /// What each of them is thought to cost in tokens.
    pub(super) tokens: f64,
    pub(super) now: Instant,
}

/// One limit.
#[derive(Debug)]
struct Quota {
    name: &'static str,
    unit: Unit,
    /// The most that can remain.
    limit: Option<f64>,
    /// What remained at `at`.
    level: f64,
    at: Instant,
    /// When the request was sent whose reply said so.
    sent: Instant,
    refill: Refill,
    /// What the refill is found out from.
    seen: Seen,
    /// Whether limits differ under this name, as those of several endpoints behind one address do: which of them a
    /// request will meet, nobody knows.
    is_of_several: bool,
}

/// How it is replenished.
#[derive(Debug, Clone, Copy)]
enum Refill {
    AtOnce { at: Instant },
    Steady { per_second: f64 },
}

/// What was missing once, and for how long.
#[derive(Debug, Clone, Copy)]
struct Seen {
    missing: f64,
    reset: Duration,
    at: Instant,
}

impl Quotas {
    /// Takes in what a reply says.
    pub(super) fn learn(&mut self, allowance: &Allowance, heard: Heard) {
        match self.0.iter_mut().find(|quota| quota.name == allowance.name) {
            Some(quota) if quota.is_of_several => {}
            Some(quota) if quota.limit != allowance.limit => quota.is_of_several = true,
            // A reply that was long under way knows less than is known.
            Some(quota) if heard.sent < quota.sent => {}
            Some(quota) => quota.learn(allowance, heard),
            None => self.0.push(Quota::new(allowance, heard)),
        }
    }

    /// Until when nothing may be sent that costs `tokens`: `None` where it may be sent now.
    pub(super) fn exhausted_until(&mut self, tokens: f64, now: Instant) -> Option<Instant> {
        let single = self.0.iter_mut().filter(|quota| !quota.is_of_several);
        single.filter_map(|quota| quota.exhausted_until(tokens, now)).max()
    }

    /// A request is sent.
    pub(super) fn spend(&mut self, tokens: f64) {
        for quota in &mut self.0 {
            quota.level -= quota.cost(tokens);
        }
    }
}

impl Quota {
    fn new(allowance: &Allowance, heard: Heard) -> Self {
        let missing = allowance.limit.map_or(0.0, |limit| limit - allowance.remaining);
        let refill = Refill::AtOnce { at: heard.now + allowance.reset };
        let mut quota = Self {
            name: allowance.name,
            unit: allowance.unit,
            limit: allowance.limit,
            level: 0.0,
            at: heard.now,
            sent: heard.sent,
            refill,
            seen: Seen { missing, reset: allowance.reset, at: heard.now },
            is_of_several: false,
        };
        quota.set_level(allowance.remaining, heard);
        quota
    }

    fn learn(&mut self, allowance: &Allowance, heard: Heard) {
        self.sent = heard.sent;
        self.learn_refill(allowance, heard.now);
        self.set_level(allowance.remaining, heard);
    }

    fn learn_refill(&mut self, allowance: &Allowance, now: Instant) {
        let missing = allowance.limit.map_or(0.0, |limit| limit - allowance.remaining);
        let seen = Seen { missing, reset: allowance.reset, at: now };
        let passed = now.saturating_duration_since(self.seen.at);
        let comparable = missing >= APART * self.seen.missing || self.seen.missing >= APART * missing;
        if passed >= self.seen.reset || self.seen.missing == 0.0 {
            self.seen = seen;
        } else if comparable && missing > 0.0 {
            let steadily = self.seen.reset.as_secs_f64() * missing / self.seen.missing;
            let at_once = self.seen.reset.saturating_sub(passed).as_secs_f64();
            let reset = allowance.reset.as_secs_f64();
            self.refill = if (reset - steadily).abs() < (reset - at_once).abs() && reset > 0.0 {
                Refill::Steady { per_second: missing / reset }
            } else {
                Refill::AtOnce { at: now + allowance.reset }
            };
        }
        if let Refill::AtOnce { at } = &mut self.refill {
            *at = now + allowance.reset;
        }
    }

    fn set_level(&mut self, remaining: f64, heard: Heard) {
        let since = heard.now.saturating_duration_since(heard.sent).as_secs_f64();
        let come_in = match self.refill {
            Refill::AtOnce { .. } => 0.0,
            Refill::Steady { per_second } => since * per_second,
        };
        let gone = heard.sent_since as f64 * self.cost(heard.tokens);
        // A server goes into no debt: it refuses.
        self.level = (remaining + come_in - gone).clamp(0.0, self.most());
        self.at = heard.now;
    }

    fn exhausted_until(&mut self, tokens: f64, now: Instant) -> Option<Instant> {
        self.refill(now);
        // Rounding must not ask for a wait that brings nothing.
        let lacking = self.cost(tokens) - self.level;
        if lacking <= 1e-6 {
            return None;
        }
        Some(match self.refill {
            Refill::AtOnce { at } => at,
            Refill::Steady { per_second } => {
                now + Duration::try_from_secs_f64(lacking / per_second).unwrap_or(Duration::MAX).min(LONGEST)
            }
        })
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        match self.refill {
            Refill::Steady { per_second } => {
                self.level = (self.level + passed * per_second).min(self.most());
            }
            // What comes after that, the next reply will say.
            Refill::AtOnce { at } if at <= now => self.level = self.most(),
            Refill::AtOnce { .. } => {}
        }
        self.at = self.at.max(now);
    }

    fn cost(&self, tokens: f64) -> f64 {
        match self.unit {
            Unit::Requests => 1.0,
            // What costs more than there can be needs all of it.
            Unit::Tokens => tokens.min(self.most()),
        }
    }

    fn most(&self) -> f64 {
        self.limit.unwrap_or(f64::INFINITY)
    }
}

#[cfg(test)]
mod tests;
