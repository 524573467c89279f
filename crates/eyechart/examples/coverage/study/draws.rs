//! Random draws. A scenario has a stream of its own, so its draws do not depend on the scenarios before it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const SEED: u64 = 20_261_128;

/// A source of random numbers.
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// The stream of this name.
    pub fn of(name: &str) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mix = |stream: u64, byte: u8| (stream ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        random.set_stream(name.bytes().fold(0, mix));
        Self(random)
    }

    /// Strictly between 0 and 1.
    pub fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// Standard normal, by the polar method.
    pub fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = u * u + v * v;
            if square < 1.0 {
                return u * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }

    /// Gamma with a shape of at least 1 and the scale 1, by the method of Marsaglia and Tsang (2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let z = self.normal();
            let cube = (1.0 + c * z).powi(3);
            if cube > 0.0 && self.uniform().ln() < 0.5 * z * z + d * (1.0 - cube + cube.ln()) {
                return d * cube;
            }
        }
    }

    /// The position of one of these weights, which add up to 1.
    pub fn position(&mut self, weights: &[f64]) -> usize {
        let mut left = self.uniform();
        for (position, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return position;
            }
        }
        weights.len() - 1
    }
}

/// The probability that a standard normal draw is at most `z`.
pub fn normal_share(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

/// The probabilities of 0 to `n` successes.
pub fn binomial(n: usize, p: f64) -> Vec<f64> {
    let factorial = |n: usize| libm::lgamma(n as f64 + 1.0);
    let of_count = |k: usize| {
        let ways = factorial(n) - factorial(k) - factorial(n - k);
        (ways + k as f64 * p.ln() + (n - k) as f64 * (1.0 - p).ln()).exp()
    };
    (0..=n).map(of_count).collect()
}
