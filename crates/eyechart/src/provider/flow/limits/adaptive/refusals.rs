//! Refusals that do not depend on the load, and how many refusals are too many to be explained by them.

/// Number of standard deviations above the expected number beyond which refusals are not chance.
const BEYOND_CHANCE: f64 = 3.0;
/// Number of counted requests after which the earlier ones have half the weight.
const MEMORY: f64 = 200.0;

/// Requests sent, and how many of them were refused.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) sent: f64,
    pub(super) refused: f64,
}

impl Counts {
    /// Starts with the requests that are in flight.
    pub(super) fn from(in_flight: usize) -> Self {
        Self { sent: in_flight as f64, refused: 0.0 }
    }

    /// Whether more were refused than chance explains if each request is refused with probability `share`. Requests in
    /// flight count as not refused: refusals come sooner than answers.
    pub(super) fn exceed(self, share: f64) -> bool {
        let (expected, variance) = (self.sent * share, self.sent * share * (1.0 - share));
        self.refused > expected + BEYOND_CHANCE * variance.sqrt()
    }
}

/// Refusals where the load gives no reason for them: far below the ceiling.
#[derive(Debug, Default)]
pub(super) struct RandomRefusals(Counts);

impl RandomRefusals {
    pub(super) fn add(&mut self, counts: Counts) {
        let Counts { sent, refused } = &mut self.0;
        *sent += counts.sent;
        *refused += counts.refused;
        if *sent > MEMORY {
            (*sent, *refused) = (*sent / 2.0, *refused / 2.0);
        }
    }

    /// The probability that a request is refused whatever the load, in [0, 0.5]. Laplace's estimate, but 0 as long as
    /// (almost) no request was refused.
    pub(super) fn share(&self) -> f64 {
        if self.0.refused < 0.5 {
            return 0.0;
        }
        ((self.0.refused + 1.0) / (self.0.sent + 2.0)).min(0.5)
    }
}
