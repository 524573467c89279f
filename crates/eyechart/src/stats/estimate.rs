//! Estimates from scores, without intervals.

/// An estimate from scores, with the number of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value, in the unit of the scores or as a share in [0, 1]; `None` if there are too few scores.
    pub value: Option<f64>,
    /// The number of scores.
    pub n: usize,
}

/// Returns the share of scores strictly above `threshold`, in [0, 1]; `None` without scores.
///
/// With the threshold 0.8 this is the "win rate" of the published comparison.
#[must_use]
pub fn share_above(scores: &[f64], threshold: f64) -> Estimate {
    let above = scores.iter().filter(|score| **score > threshold).count();
    let value = (!scores.is_empty()).then(|| above as f64 / scores.len() as f64);
    Estimate { value, n: scores.len() }
}

/// Returns the arithmetic mean; `None` without scores.
#[must_use]
pub fn mean(scores: &[f64]) -> Estimate {
    let value = (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64);
    Estimate { value, n: scores.len() }
}

/// Returns the mean of the `k` highest scores; `None` for fewer than `k` scores. It grows with the number of scores, so
/// only runs with the same number of scores can be compared.
#[must_use]
pub fn top_k(scores: &[f64], k: usize) -> Estimate {
    let mut highest = scores.to_vec();
    highest.sort_unstable_by(|a, b| b.total_cmp(a));
    let value = (k > 0 && highest.len() >= k).then(|| highest[..k].iter().sum::<f64>() / k as f64);
    Estimate { value, n: scores.len() }
}

/// Returns the `q` quantile for `q` in [0, 1]; `None` without values. It interpolates between neighbours: type 7 of
/// Hyndman and Fan (1996), the default of NumPy and R.
#[must_use]
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let position = q.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (position.floor() as usize, position.ceil() as usize);
    Some(sorted[below] + (sorted[above] - sorted[below]) * position.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_at_the_threshold_is_no_win() {
        assert_eq!(share_above(&[0.8, 0.81, 0.1, 1.0], 0.8), Estimate { value: Some(0.5), n: 4 });
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!(share_above(&[], 0.8).value, None);
        assert_eq!(mean(&[]).value, None);
        assert_eq!(top_k(&[], 1).value, None);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn top_k_over_fewer_than_k_is_absent() {
        let scores = [0.1, 0.9, 0.5, 0.7];
        assert_eq!(top_k(&scores, 1).value, Some(0.9));
        assert!((top_k(&scores, 4).value.unwrap() - 0.55).abs() < 1e-12);
        assert_eq!(top_k(&scores, 5), Estimate { value: None, n: 4 });
    }

    #[test]
    fn quantiles_interpolate_as_numpy_does() {
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert!((quantile(&[1.0, 2.0, 3.0, 4.0], 0.95).unwrap() - 3.85).abs() < 1e-12);
        assert_eq!(quantile(&[7.0], 0.95), Some(7.0));
    }
}
