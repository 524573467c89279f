//! Refusals that come whatever is under way, and how many of them are too many to be such.

/// Standard deviations beyond what is expected that chance is not believed to reach.
const BEYOND_CHANCE: f64 = 3.0;
/// Requests after which older ones count half.
const MEMORY: f64 = 200.0;

/// Requests sent, and how many of them were refused.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) sent: f64,
    pub(super) refused: f64,
}

impl Counts {
    /// Begins with what is under way already.
    pub(super) fn from(under_way: usize) -> Self {
        Self { sent: under_way as f64, refused: 0.0 }
    }

    /// Whether more were refused than chance refuses where each is with the probability `share`. Requests still
    /// under way count as not refused: refusals come sooner than answers.
    pub(super) fn exceed(self, share: f64) -> bool {
        let (expected, variance) = (self.sent * share, self.sent * share * (1.0 - share));
        self.refused > expected + BEYOND_CHANCE * variance.sqrt()
    }
}

/// What was refused where there was no reason to: far below where it was first refused.
#[derive(Debug, Default)]
pub(super) struct Unprovoked(Counts);

impl Unprovoked {
    pub(super) fn learn(&mut self, counts: Counts) {
        let Counts { sent, refused } = &mut self.0;
        *sent += counts.sent;
        *refused += counts.refused;
        if *sent > MEMORY {
            (*sent, *refused) = (*sent / 2.0, *refused / 2.0);
        }
    }

    /// The probability in [0, 0.5] that a request is refused though there is room for it: Laplace's estimate, but
    /// 0 as long as (almost) none was.
    pub(super) fn share(&self) -> f64 {
        if self.0.refused < 0.5 {
            return 0.0;
        }
        ((self.0.refused + 1.0) / (self.0.sent + 2.0)).min(0.5)
    }
}
