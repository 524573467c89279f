//! Tails and quantiles of the normal, Student's t and the binomial distribution.
//!
//! Accurate to 2e-12 for degrees of freedom from 1 to 1e9.

/// P(Z > z) for a standard normal Z.
#[must_use]
pub fn normal_upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

/// The z with P(Z > z) = `tail` for a standard normal Z and a `tail` in (0, 1).
#[must_use]
pub fn normal_critical(tail: f64) -> f64 {
    if tail > 0.5 {
        return -normal_critical(1.0 - tail);
    }
    // Abramowitz and Stegun 26.2.23, to 4.5e-4; three steps of Halley's method make it exact.
    let t = (-2.0 * tail.ln()).sqrt();
    let start = t
        - (2.515_517 + t * (0.802_853 + t * 0.010_328))
            / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    (0..3).fold(start, |z, _| {
        let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let step = (normal_upper_tail(z) - tail) / density;
        z + step / (1.0 + 0.5 * z * step)
    })
}

/// P(T > t) for Student's t with `df` > 0 degrees of freedom.
#[must_use]
pub fn t_upper_tail(t: f64, df: f64) -> f64 {
    let tail = if df > MANY { nearly_normal_tail(t.abs(), df) } else { 0.5 * two_sided_tail(t.abs(), df) };
    if t >= 0.0 { tail } else { 1.0 - tail }
}

/// From more degrees of freedom on, the continued fraction loses digits, and two terms beyond the normal tail are exact.
const MANY: f64 = 1e6;

/// P(T > t) for many degrees of freedom (Abramowitz and Stegun 26.7.5, as a tail).
fn nearly_normal_tail(t: f64, df: f64) -> f64 {
    let density = (-0.5 * t * t).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let first = (t.powi(3) + t) / 4.0;
    let second = (3.0 * t.powi(7) - 7.0 * t.powi(5) - 5.0 * t.powi(3) - 3.0 * t) / 96.0;
    normal_upper_tail(t) + density * (first / df + second / (df * df))
}

/// The t with P(T > t) = `tail` for Student's t with `df` > 0 degrees of freedom and a `tail` in (0, 0.5].
#[must_use]
pub fn t_critical(tail: f64, df: f64) -> f64 {
    let z = normal_critical(tail);
    let mut low = 0.0;
    let mut high = z.max(1.0);
    while t_upper_tail(high, df) > tail && high < 1e300 {
        (low, high) = (high, high * 2.0);
    }
    // Newton's method, kept inside of the bracket.
    let mut t = (z + (z.powi(3) + z) / (4.0 * df)).clamp(low, high);
    for _ in 0..200 {
        let excess = t_upper_tail(t, df) - tail;
        if excess > 0.0 {
            low = t
        } else {
            high = t
        }
        let newton = t + excess / t_density(t, df);
        let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        if (next - t).abs() <= 1e-15 * next.abs() {
            return next;
        }
        t = next;
    }
    t
}

fn t_density(t: f64, df: f64) -> f64 {
    let constant = log_gamma_ratio(df / 2.0) - 0.5 * (df * std::f64::consts::PI).ln();
    (constant - 0.5 * (df + 1.0) * (t * t / df).ln_1p()).exp()
}

/// P(|T| > t): the regularised incomplete beta function at df/(df + t²) with the parameters df/2 and 1/2.
fn two_sided_tail(t: f64, df: f64) -> f64 {
    if t == 0.0 {
        return 1.0;
    }
    let (a, b) = (0.5 * df, 0.5);
    // Both parts directly: the difference from 1 would lose digits.
    let ratio = t * t / df;
    let (x, rest) = (1.0 / (1.0 + ratio), ratio / (1.0 + ratio));
    let log_beta = 0.5 * std::f64::consts::PI.ln() - log_gamma_ratio(a);
    let front = (-a * ratio.ln_1p() + b * rest.ln() - log_beta).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(rest, b, a) / b
    }
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let kept = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / kept(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..100_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            d = 1.0 / kept(1.0 + coefficient * d);
            c = kept(1.0 + coefficient / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

/// ln(Γ(a + 1/2)/Γ(a)) for a > 0. Differences of two logarithms of Γ would lose digits for a large `a`.
fn log_gamma_ratio(a: f64) -> f64 {
    const LARGE: f64 = 30.0;
    let mut shift = 0.0;
    let mut a = a;
    while a < LARGE {
        shift -= (0.5 / a).ln_1p();
        a += 1.0;
    }
    let inverse = 1.0 / a;
    let square = inverse * inverse;
    let series = -1.0 / 8.0 + square * (1.0 / 192.0 - square * (1.0 / 640.0 - square * 17.0 / 14_336.0));
    shift + 0.5 * a.ln() + inverse * series
}

/// The probabilities of 0 to `n` successes in `n` trials that each succeed with the probability `p` in [0, 1].
#[must_use]
pub fn binomial(n: usize, p: f64) -> Vec<f64> {
    let mut weights = vec![0.0; n + 1];
    let mode = (((n + 1) as f64 * p) as usize).min(n);
    let odds = p / (1.0 - p);
    weights[mode] = 1.0;
    // Outwards from the largest, each from its neighbour: no logarithm of a factorial loses digits.
    for k in mode..n {
        weights[k + 1] = weights[k] * (n - k) as f64 / (k + 1) as f64 * odds;
    }
    for k in (0..mode).rev() {
        weights[k] = weights[k + 1] * (k + 1) as f64 / (n - k) as f64 / odds;
    }
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 2e-12 * expected.abs(), "{found}, expected {expected}");
    }

    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        is_close(normal_critical(0.025), 1.959_963_984_540_054);
        is_close(normal_critical(0.5 - 0.34), 0.994_457_883_209_753_2);
        is_close(normal_critical(1e-12), 7.034_483_825_301_131);
        is_close(normal_critical(0.975), -1.959_963_984_540_054);
        is_close(normal_upper_tail(5.0), 2.866_515_718_791_939e-7);
    }

    #[test]
    fn t_quantiles_are_right_from_one_degree_of_freedom_to_a_billion() {
        for (df, expected) in [
            (1.0, 12.706_204_736_174_705),
            (2.0, 4.302_652_729_749_464),
            (7.3, 2.345_066_736_547_704),
            (19.0, 2.093_024_054_408_31),
            (1e5, 1.959_987_707_534_609_6),
            (1e9, 1.959_963_986_912_325_5),
        ] {
            is_close(t_critical(0.025, df), expected);
            is_close(t_upper_tail(expected, df), 0.025);
        }
        is_close(t_critical(0.005, 3.0), 5.840_909_309_733_357);
        is_close(t_upper_tail(-1.0, 1.0), 0.75);
    }

    #[test]
    fn binomial_probabilities_add_up_and_meet_the_edges() {
        is_close(binomial(4, 0.5)[2], 0.375);
        is_close(binomial(10_000, 0.5).iter().sum(), 1.0);
        assert_eq!(binomial(3, 0.0), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(binomial(3, 1.0), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(binomial(0, 0.3), [1.0]);
    }
}
