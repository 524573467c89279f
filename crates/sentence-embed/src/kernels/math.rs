//! GELU, exact and approximated, and 2^x, lane by lane, without branches.

use super::simd::Simd;

/// The exact GELU, x/2 (1 + erf(x/√2)), to 3e-7 of max(1, |x|).
#[inline(always)]
pub(super) fn gelu<S: Simd>(s: S, x: S::F) -> S::F {
    let half = s.mul(x, s.splat(0.5));
    let scaled = s.mul(x, s.splat(std::f32::consts::FRAC_1_SQRT_2));
    s.fma(half, erf(s, scaled), half)
}

/// The GELU by tanh, x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))), to 3e-7 of max(1, |x|) (Hendrycks and Gimpel 2016).
///
/// With u for the argument of tanh it is x / (1 + exp(-2u)), or x exp(2u) / (1 + exp(2u)). The form whose power is at
/// most 1 is used. u has the sign of x.
#[inline(always)]
pub(super) fn gelu_tanh<S: Simd>(s: S, x: S::F) -> S::F {
    /// 2 √(2/π) log2(e).
    const SCALE: f32 = 2.302_208_2;
    let zero = s.splat(0.0);
    let cubic = s.fma(s.mul(x, x), s.splat(0.044_715), s.splat(1.0));
    let exponent = s.mul(s.mul(x, s.splat(SCALE)), cubic);
    let power = exp2_nonpositive(s, s.min(exponent, s.sub(zero, exponent)));
    let numerator = s.fma(s.min(x, zero), power, s.max(x, zero));
    s.div(numerator, s.add(s.splat(1.0), power))
}

/// The maximum of x and 0.
#[inline(always)]
pub(super) fn relu<S: Simd>(s: S, x: S::F) -> S::F {
    s.max(x, s.splat(0.0))
}

/// erf(x) to 5e-7, as a ratio of polynomials. The coefficients are those of Eigen and XLA: a minimax fit on [-4, 4].
/// Outside of this range erf is ±1 in f32.
#[inline(always)]
pub(super) fn erf<S: Simd>(s: S, x: S::F) -> S::F {
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
    let x = s.min(s.max(x, s.splat(-4.0)), s.splat(4.0));
    let square = s.mul(x, x);
    s.div(s.mul(x, polynomial(s, &NUMERATOR, square)), polynomial(s, &DENOMINATOR, square))
}

/// 2^x for x ≤ 0, to 2e-7 of its value; below -126 it stays at 2^-126, about 1e-38.
///
/// 2^x = 2^n exp(r ln 2), in which n is the integer nearest to x and |r| ≤ 1/2. The polynomial is the Taylor series of
/// exp in r ln 2.
#[inline(always)]
pub(super) fn exp2_nonpositive<S: Simd>(s: S, x: S::F) -> S::F {
    /// (ln 2)^k / k! for k from 7 down to 1.
    const SERIES: [f32; 7] = [
        1.525_273_4e-5,
        1.540_353e-4,
        1.333_355_8e-3,
        9.618_129e-3,
        5.550_411e-2,
        2.402_265e-1,
        std::f32::consts::LN_2,
    ];
    let x = s.max(x, s.splat(-126.0));
    let n = s.round(x);
    let r = s.sub(x, n);
    s.scale(s.fma(polynomial(s, &SERIES, r), r, s.splat(1.0)), n)
}

/// Horner's rule, highest coefficient first.
#[expect(
    clippy::needless_range_loop,
    reason = "iterators are now and then left as calls, which cost the registers"
)]
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, coefficients: &[f32; N], x: S::F) -> S::F {
    let mut sum = s.splat(coefficients[0]);
    for i in 1..N {
        sum = s.fma(sum, x, s.splat(coefficients[i]));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::Machine;
    use super::super::simd::{LANES, Pass, Row};
    use super::*;

    /// A function of one number, as a kernel.
    trait Function: Copy {
        fn of<S: Simd>(self, s: S, x: S::F) -> S::F;
    }

    struct Map<'a, F>(F, &'a mut [Row]);

    impl<F: Function> Pass for Map<'_, F> {
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            for row in self.1 {
                for v in 0..LANES / S::WIDTH {
                    s.store(self.0.of(s, s.load(row, v)), row, v);
                }
            }
        }
    }

    #[derive(Clone, Copy)]
    struct Gelu;

    impl Function for Gelu {
        #[inline(always)]
        fn of<S: Simd>(self, s: S, x: S::F) -> S::F {
            gelu(s, x)
        }
    }

    #[derive(Clone, Copy)]
    struct GeluTanh;

    impl Function for GeluTanh {
        #[inline(always)]
        fn of<S: Simd>(self, s: S, x: S::F) -> S::F {
            gelu_tanh(s, x)
        }
    }

    #[derive(Clone, Copy)]
    struct Exp2;

    impl Function for Exp2 {
        #[inline(always)]
        fn of<S: Simd>(self, s: S, x: S::F) -> S::F {
            exp2_nonpositive(s, x)
        }
    }

    /// The function's values at evenly spaced numbers, on every set of instructions.
    fn sweep(function: impl Function, low: f32, high: f32) -> Vec<(f32, f32)> {
        let count = 1 << 15;
        let x: Vec<f32> = (0..count).map(|i| low + (high - low) * (i as f32 / (count - 1) as f32)).collect();
        let mut pairs = Vec::new();
        for machine in Machine::all() {
            let mut rows: Vec<Row> = x.as_chunks::<LANES>().0.iter().map(|&lanes| Row(lanes)).collect();
            machine.run(Map(function, &mut rows));
            pairs.extend(x.iter().copied().zip(rows.iter().flat_map(|row| row.0)));
        }
        pairs
    }

    /// erf by its everywhere positive series 2/√π exp(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!.
    fn erf_reference(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..400 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        sum * (-x * x).exp() * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn gelu_agrees_with_its_definition() {
        for (x, found) in sweep(Gelu, -12.0, 12.0) {
            let wide = f64::from(x);
            let expected = 0.5 * wide * (1.0 + erf_reference(wide / std::f64::consts::SQRT_2));
            let error = (f64::from(found) - expected).abs() / wide.abs().max(1.0);
            assert!(error < 4e-7, "{x}: {error:e}");
        }
    }

    #[test]
    fn the_gelu_by_tanh_agrees_with_its_definition() {
        for (x, found) in sweep(GeluTanh, -12.0, 12.0).into_iter().chain(sweep(GeluTanh, -1.0, 1.0)) {
            let wide = f64::from(x);
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (wide + 0.044715 * wide.powi(3));
            let expected = 0.5 * wide * (1.0 + inner.tanh());
            let error = (f64::from(found) - expected).abs() / wide.abs().max(1.0);
            assert!(error < 3e-7, "{x}: {error:e}");
        }
        for (x, found) in sweep(GeluTanh, -1e30, 1e30) {
            assert!((found - x.max(0.0)).abs() <= 1e-7 * x.abs(), "{x}: {found}");
        }
    }

    #[test]
    fn powers_of_two_agree_with_the_standard_library() {
        for (x, found) in sweep(Exp2, -126.0, 0.0).into_iter().chain(sweep(Exp2, -3.0, 0.0)) {
            let expected = f64::from(x).exp2();
            let error = (f64::from(found) - expected).abs() / expected;
            assert!(error < 2e-7, "{x}: {error:e}");
        }
        for (x, found) in sweep(Exp2, -1e6, -126.0) {
            assert!(found <= f32::MIN_POSITIVE, "{x}: {found:e}");
        }
        assert!(sweep(Exp2, 0.0, 0.0).iter().all(|&(_, found)| found == 1.0));
    }
}
