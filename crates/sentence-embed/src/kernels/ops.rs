//! The passes between the matrix products: GELU, softmax, layer norm. All work in place on rows of
//! f32, without branches, so that the compiler turns them into SIMD code for any machine.

use super::simd::{multiply_add, vectorized};

/// How many running sums a reduction keeps: with one sum alone, each addition waits for the last.
const LANES: usize = 16;

/// The parameters of a layer norm over rows of `scale.len()` numbers.
pub(crate) struct LayerNorm {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    pub epsilon: f32,
}

/// Adds `bias` to each row of `x`.
pub(crate) fn add_bias(x: &mut [f32], bias: &[f32]) {
    for row in x.chunks_exact_mut(bias.len()) {
        add(row, bias);
    }
}

/// Adds `bias` to each row of `x`, then takes each number's GELU.
pub(crate) fn add_bias_gelu(x: &mut [f32], bias: &[f32]) {
    vectorized(
        #[inline(always)]
        |fused| {
            for row in x.chunks_exact_mut(bias.len()) {
                for (value, b) in row.iter_mut().zip(bias) {
                    *value = gelu(*value + b, fused);
                }
            }
        },
    );
}

/// Adds `bias` and the row of `update` to each row of `x`, then normalises it.
pub(crate) fn add_and_normalize(x: &mut [f32], update: &[f32], bias: &[f32], norm: &LayerNorm) {
    vectorized(
        #[inline(always)]
        |_| {
            let rows = x.chunks_exact_mut(bias.len());
            for (row, new) in rows.zip(update.chunks_exact(bias.len())) {
                for ((value, n), b) in row.iter_mut().zip(new).zip(bias) {
                    *value += n + b;
                }
                normalize(row, norm);
            }
        },
    );
}

/// Layer norm of one row: mean 0 and variance 1 (of the population), then scale and shift.
#[inline(always)]
pub(crate) fn normalize(row: &mut [f32], norm: &LayerNorm) {
    let count = row.len() as f32;
    let mean = reduce(row, 0.0, |sum, v| sum + v, |a, b| a + b) / count;
    let square = |sum: f32, v: f32| sum + (v - mean) * (v - mean);
    let variance = reduce(row, 0.0, square, |a, b| a + b) / count;
    let factor = 1.0 / (variance + norm.epsilon).sqrt();
    for ((value, scale), shift) in row.iter_mut().zip(&norm.scale).zip(&norm.shift) {
        *value = (*value - mean) * factor * scale + shift;
    }
}

/// Softmax of each row of `width` numbers.
pub(crate) fn softmax_rows(x: &mut [f32], width: usize) {
    vectorized(
        #[inline(always)]
        |fused| {
            for row in x.chunks_exact_mut(width) {
                softmax(row, fused);
            }
        },
    );
}

#[inline(always)]
fn softmax(row: &mut [f32], fused: bool) {
    let max = reduce(row, f32::NEG_INFINITY, larger, larger);
    for value in row.iter_mut() {
        *value = exp_nonpositive(*value - max, fused);
    }
    let factor = 1.0 / reduce(row, 0.0, |sum, v| sum + v, |a, b| a + b);
    for value in row {
        *value *= factor;
    }
}

/// Adds `other` to `row`, number by number.
pub(crate) fn add(row: &mut [f32], other: &[f32]) {
    for (value, o) in row.iter_mut().zip(other) {
        *value += o;
    }
}

/// The larger of two numbers. Unlike `f32::max` it says nothing of NaN, and so is one instruction.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// Folds a row with `step` in independent lanes, then the lanes with `join`.
#[inline(always)]
fn reduce(row: &[f32], start: f32, step: impl Fn(f32, f32) -> f32, join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = step(*lane, value);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane = step(*lane, value);
    }
    lanes.into_iter().reduce(join).unwrap_or(start)
}

/// The exact GELU, x/2 (1 + erf(x/√2)), to 3e-7 of max(1, |x|).
#[inline(always)]
fn gelu(x: f32, fused: bool) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2, fused))
}

/// erf(x) to 5e-7, as a ratio of polynomials: the coefficients are those that Eigen and XLA use,
/// a minimax fit on [-4, 4], beyond which erf is ±1 in f32.
#[inline(always)]
fn erf(x: f32, fused: bool) -> f32 {
    const NUMERATOR: [f32; 7] = [
        -2.726_142_4e-10,
        2.770_681_5e-8,
        -2.101_024_e-6,
        -5.692_506_2e-5,
        -7.349_906_4e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const DENOMINATOR: [f32; 5] =
        [-1.456_607_15e-5, -2.133_740_5e-4, -1.682_827e-3, -7.373_329_3e-3, -1.426_473_9e-2];
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    x * polynomial(&NUMERATOR, square, fused) / polynomial(&DENOMINATOR, square, fused)
}

/// exp(x) for x ≤ 0, to 2e-7 of its value; below -87 it stays at exp(-87), about 1e-38.
///
/// exp(x) = 2^n exp(r) with n the whole number nearest to x/ln 2 and |r| ≤ ln(2)/2.
#[inline(always)]
fn exp_nonpositive(x: f32, fused: bool) -> f32 {
    /// Adding it rounds to a whole number, which is then in the low bits of the sum.
    const ROUNDER: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first with few enough bits that its product with n is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// exp(r) = 1 + r + r² P(r), after Cephes' expf.
    const P: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 5e-1];
    let x = larger(x, -87.0);
    let shifted = multiply_add(x, std::f32::consts::LOG2_E, ROUNDER, fused);
    let n = shifted - ROUNDER;
    let r = multiply_add(n, -LN_2_LOW, multiply_add(n, -LN_2_HIGH, x, fused), fused);
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    (multiply_add(polynomial(&P, r, fused) * r, r, r, fused) + 1.0) * power
}

/// Horner's rule, highest coefficient first.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: &[f32; N], x: f32, fused: bool) -> f32 {
    coefficients.iter().fold(0.0, |sum, &c| multiply_add(sum, x, c, fused))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// erf by its everywhere positive series 2/√π exp(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!.
    fn erf_reference(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..400 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        sum * (-x * x).exp() * std::f64::consts::FRAC_2_SQRT_PI
    }

    /// Evenly spaced numbers, each without and with fused multiply-adds.
    fn sweep(low: f32, high: f32) -> impl Iterator<Item = (f32, bool)> {
        let width = (high - low) / 50_000.0;
        let number = move |i: u16| low + width * f32::from(i);
        (0..=50_000).flat_map(move |i| [(number(i), false), (number(i), true)])
    }

    /// Numbers without a pattern, in [-3, 3).
    fn noise(n: usize) -> Vec<f32> {
        let mut state = 12345_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 * 6.0 - 3.0
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn erf_agrees_with_its_series() {
        for (x, fused) in sweep(-6.0, 6.0) {
            let error = (f64::from(erf(x, fused)) - erf_reference(f64::from(x))).abs();
            assert!(error < 5e-7, "{x}: {error:e}");
        }
    }

    #[test]
    fn gelu_agrees_with_its_definition() {
        for (x, fused) in sweep(-12.0, 12.0) {
            let wide = f64::from(x);
            let expected = 0.5 * wide * (1.0 + erf_reference(wide / std::f64::consts::SQRT_2));
            let error = (f64::from(gelu(x, fused)) - expected).abs() / wide.abs().max(1.0);
            assert!(error < 3e-7, "{x}: {error:e}");
        }
    }

    #[test]
    fn exp_agrees_with_the_standard_library() {
        for (x, fused) in sweep(-87.0, 0.0) {
            let expected = f64::from(x).exp();
            let error = (f64::from(exp_nonpositive(x, fused)) - expected).abs() / expected;
            assert!(error < 2e-7, "{x}: {error:e}");
        }
        for fused in [false, true] {
            assert_eq!(exp_nonpositive(0.0, fused), 1.0);
            assert!(exp_nonpositive(f32::NEG_INFINITY, fused) < 1e-37);
        }
    }

    #[test]
    fn softmax_agrees_with_f64_at_every_width() {
        for width in 1..70 {
            let x: Vec<f32> = noise(3 * width).iter().map(|v| v * 10.0).collect();
            let mut found = x.clone();
            softmax_rows(&mut found, width);
            for (row, found) in x.chunks(width).zip(found.chunks(width)) {
                let sum: f64 = row.iter().map(|&v| f64::from(v).exp()).sum();
                for (&v, &f) in row.iter().zip(found) {
                    assert!((f64::from(f) - f64::from(v).exp() / sum).abs() < 3e-7);
                }
            }
        }
    }

    #[test]
    fn residual_layer_norm_agrees_with_f64() {
        let width = 384;
        let (x, update, bias) = (noise(2 * width), noise(3 * width), noise(width));
        let norm = LayerNorm {
            scale: noise(2 * width).split_off(width),
            shift: noise(3 * width).split_off(2 * width),
            epsilon: 1e-12,
        };
        let mut found = x.clone();
        add_and_normalize(&mut found, &update, &bias, &norm);
        for row in 0..2 {
            let at = |i: usize| f64::from(x[row * width + i]) + f64::from(update[row * width + i]);
            let v: Vec<f64> = (0..width).map(|i| at(i) + f64::from(bias[i])).collect();
            let mean = v.iter().sum::<f64>() / width as f64;
            let variance = v.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / width as f64;
            for i in 0..width {
                let unit = (v[i] - mean) / (variance + 1e-12).sqrt();
                let expected = unit * f64::from(norm.scale[i]) + f64::from(norm.shift[i]);
                let error = (f64::from(found[row * width + i]) - expected).abs();
                assert!(error < 3e-6, "{error:e}");
            }
        }
    }

    #[test]
    fn a_bias_is_added_to_each_row() {
        let mut x = [1.0, 2.0, 3.0, 4.0];
        add_bias(&mut x, &[10.0, 20.0]);
        assert_eq!(x, [11.0, 22.0, 13.0, 24.0]);
        add_bias_gelu(&mut x, &[-11.0, -22.0]);
        assert_eq!(x[..2], [0.0, 0.0]);
    }
}
