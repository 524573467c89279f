//! How many samples a comparison needs.

use super::distribution::{binomial, normal_critical};
use super::paired::mid_p_below;

/// Number of samples that show a difference of two shares over the same samples with probability `power` at the
/// two-sided level `alpha` (Connor 1987): `discordant` is the share of samples of which only one run is right. Not
/// rounded. `None` if the difference is not in (0, `discordant`].
#[must_use]
pub fn samples_needed(discordant: f64, difference: f64, alpha: f64, power: f64) -> Option<f64> {
    if !(difference > 0.0 && difference <= discordant) {
        return None;
    }
    let of_level = normal_critical(alpha / 2.0) * discordant.sqrt();
    let of_power = normal_critical(1.0 - power) * (discordant - difference * difference).max(0.0).sqrt();
    Some(((of_level + of_power) / difference).powi(2))
}

/// The smallest difference that `n` samples show, as [`samples_needed`]. `None` if even a difference as large as
/// `discordant` needs more.
#[must_use]
pub fn detectable_difference(discordant: f64, n: f64, alpha: f64, power: f64) -> Option<f64> {
    let needs = |difference| samples_needed(discordant, difference, alpha, power);
    if needs(discordant)? > n {
        return None;
    }
    let (mut low, mut high) = (0.0, discordant);
    // The number of samples falls as the difference grows.
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if needs(middle).is_none_or(|needed| needed > n) { low = middle } else { high = middle }
    }
    Some(high)
}

/// As [`samples_needed`] for means: `variance` is that of the differences of paired scores. `None` if one of the numbers
/// is not above 0.
#[must_use]
pub fn samples_needed_for_means(variance: f64, difference: f64, alpha: f64, power: f64) -> Option<f64> {
    let quantiles = normal_critical(alpha / 2.0) + normal_critical(1.0 - power);
    (variance > 0.0 && difference > 0.0).then(|| variance * (quantiles / difference).powi(2))
}

/// The smallest difference of means that `n` samples show, as [`samples_needed_for_means`].
#[must_use]
pub fn detectable_difference_of_means(variance: f64, n: f64, alpha: f64, power: f64) -> Option<f64> {
    let quantiles = normal_critical(alpha / 2.0) + normal_critical(1.0 - power);
    (variance > 0.0 && n > 0.0).then(|| quantiles * (variance / n).sqrt())
}

/// The power of McNemar's test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemarPower {
    /// Of the exact test.
    pub exact: f64,
    /// Of the test with the mid-p value.
    pub mid_p: f64,
}

/// The power of McNemar's test at the level `alpha` for `n` samples, of which only the first run is right with
/// probability `only_first`, and only the second with `only_second`: the sum over all tables.
#[must_use]
pub fn mcnemar_power(n: usize, only_first: f64, only_second: f64, alpha: f64) -> McNemarPower {
    let discordant = only_first + only_second;
    let mut power = McNemarPower { exact: 0.0, mid_p: 0.0 };
    for (m, of_m) in binomial(n, discordant).into_iter().enumerate() {
        if of_m < 1e-16 {
            continue;
        }
        let p_values = mid_p_below(m);
        for (k, of_k) in binomial(m, only_first / discordant).into_iter().enumerate() {
            let p = &p_values[k.min(m - k)];
            power.exact += of_m * of_k * f64::from(u8::from(p.exact <= alpha));
            power.mid_p += of_m * of_k * f64::from(u8::from(p.mid <= alpha));
        }
    }
    power
}
