//! Draws the fault of each request from a seed and the number of the request.

use std::str::FromStr;

use super::fault::{Fault, FaultError};

/// Number of consecutive requests in a storm.
const STORM: u64 = 20;

/// A fault and the share of requests that have it, written `NAME:SHARE`. `NAME` without a share means all requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Odds {
    /// The fault.
    pub fault: Fault,
    /// The share of requests, above 0 and at most 1.
    pub share: f64,
}

impl FromStr for Odds {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, share) = text.split_once(':').unwrap_or((text, "1"));
        let fault: Fault = name.parse()?;
        let valid = share.parse().ok().filter(|share| *share > 0.0 && *share <= 1.0);
        let share =
            valid.ok_or_else(|| FaultError::Share { name: name.to_owned(), share: share.to_owned() })?;
        Ok(Self { fault, share })
    }
}

/// The faults of an endpoint, drawn from a seed and the number of each request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    seed: u64,
    odds: Vec<Odds>,
}

impl Faults {
    /// Creates faults with these shares. The same seed gives the same request number the same fault.
    ///
    /// # Errors
    /// [`FaultError::Sum`] if the sum of the shares is above 1.
    pub fn new(seed: u64, odds: impl IntoIterator<Item = Odds>) -> Result<Self, FaultError> {
        let odds: Vec<Odds> = odds.into_iter().collect();
        let sum: f64 = odds.iter().map(|odds| odds.share).sum();
        // The sum of ten shares of 0.1 is slightly above 1.
        if sum > 1.0 + 1e-9 { Err(FaultError::Sum(sum)) } else { Ok(Self { seed, odds }) }
    }

    /// Returns the fault of the request with this number, if it has one.
    pub(super) fn of(&self, number: u64) -> Option<Fault> {
        let (storms, others): (Vec<Odds>, Vec<Odds>) =
            self.odds.iter().partition(|odds| odds.fault.is_storm());
        let storm = drawn(&storms, fraction(self.seed ^ 0x5707_1157, number / STORM));
        storm.or_else(|| drawn(&others, fraction(self.seed, number)))
    }
}

/// Returns the fault whose part of [0, 1) contains the fraction.
fn drawn(odds: &[Odds], mut fraction: f64) -> Option<Fault> {
    odds.iter().find_map(|odds| {
        let hit = fraction < odds.share;
        fraction -= odds.share;
        hit.then_some(odds.fault)
    })
}

/// Returns a fraction in [0, 1): the output function of SplitMix64 (Steele, Lea and Flood, 2014) over seed and number.
fn fraction(seed: u64, number: u64) -> f64 {
    let mut bits = seed.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(seed: u64, odds: &[&str]) -> Faults {
        Faults::new(seed, odds.iter().map(|odds| odds.parse().unwrap())).unwrap()
    }

    #[test]
    fn the_same_seed_has_the_same_requests_meet_the_same_faults_in_about_their_share() {
        let odds = ["503:0.1", "reset:0.02"];
        let drawn = |seed| (1..=10_000).map(|number| faults(seed, &odds).of(number)).collect::<Vec<_>>();
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let count = |name| drawn(7).iter().flatten().filter(|fault| fault.name() == name).count();
        assert!((900..1100).contains(&count("503")), "{}", count("503"));
        assert!((150..250).contains(&count("reset")), "{}", count("reset"));
    }

    #[test]
    fn a_storm_meets_requests_in_a_row() {
        let faults = faults(0, &["429-storm:0.2"]);
        let stormy = |number| faults.of(number).is_some();
        let storms = (0..100).filter(|block| stormy(block * STORM)).count();
        assert!((10..30).contains(&storms), "{storms}");
        assert!((0..100 * STORM).all(|number| stormy(number) == stormy(number / STORM * STORM)));
    }

    #[test]
    fn a_fault_or_share_that_is_none_says_what_was_expected() {
        let error = |text: &str| text.parse::<Odds>().unwrap_err().to_string();
        assert!(error("504:0.1").starts_with("unknown fault \"504\": expected one of 429, 429-seconds, "));
        for share in ["0", "1.5", "-1", "NaN", "", "x"] {
            assert!(error(&format!("503:{share}")).contains("such as 503:0.1"), "{share}");
        }
        let odds = ["503:0.6", "reset:0.6"].map(|odds| odds.parse::<Odds>().unwrap());
        assert_eq!(Faults::new(0, odds), Err(FaultError::Sum(1.2)));
        let tenths = Fault::all().take(10).map(|fault| Odds { fault, share: 0.1 });
        assert!(Faults::new(0, tenths).is_ok());
    }
}
