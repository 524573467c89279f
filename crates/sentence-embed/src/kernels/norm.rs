//! Layer norm, and the conversion of the format that follows it.

use super::Machine;
use super::format::Format;
use super::panels::Panels;
use super::simd::{Pass, Row, Simd};

/// The parameters of a layer norm over `scale.len()` features.
#[derive(Debug)]
pub(crate) struct LayerNorm {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    pub epsilon: f32,
}

/// Computes the layer norm of each token: mean 0 and population variance 1, then scale and shift.
pub(crate) fn normalize(machine: Machine, x: &mut Panels, norm: &LayerNorm) {
    machine.run(Normalize { x, norm });
}

/// Converts `x` to another format.
pub(crate) fn narrow<D: Format>(machine: Machine, x: &Panels, out: &mut Panels<D::Word>) {
    out.reshape(x.tokens(), x.height().div_ceil(D::PER_WORD));
    machine.run(Narrow::<D> { x, out });
}

struct Normalize<'a> {
    x: &'a mut Panels,
    norm: &'a LayerNorm,
}

impl Pass for Normalize<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { x, norm } = self;
        assert_eq!((x.height(), x.height()), (norm.scale.len(), norm.shift.len()));
        let share = s.splat(1.0 / norm.scale.len() as f32);
        for p in 0..x.count() {
            for v in x.halves(p).vectors(S::WIDTH) {
                let rows = x.panel_mut(p);
                let mean = s.mul(
                    total(
                        s,
                        rows,
                        #[inline(always)]
                        |sum, row| s.add(sum, s.load(row, v)),
                    ),
                    share,
                );
                let squares = total(
                    s,
                    rows,
                    #[inline(always)]
                    |sum, row| {
                        let x = s.sub(s.load(row, v), mean);
                        s.fma(x, x, sum)
                    },
                );
                let deviation = s.sqrt(s.fma(squares, share, s.splat(norm.epsilon)));
                let factor = s.div(s.splat(1.0), deviation);
                for ((row, &scale), &shift) in rows.iter_mut().zip(&norm.scale).zip(&norm.shift) {
                    let unit = s.mul(s.sub(s.load(row, v), mean), factor);
                    s.store(s.fma(unit, s.splat(scale), s.splat(shift)), row, v);
                }
            }
        }
    }
}

/// Folds rows with `step` into four running sums. With a single sum, each step would wait for the previous step.
#[inline(always)]
fn total<S: Simd>(s: S, rows: &[Row], step: impl Fn(S::F, &Row) -> S::F) -> S::F {
    let mut sums = [s.splat(0.0); 4];
    let (fours, rest) = rows.as_chunks::<4>();
    for four in fours {
        for i in 0..4 {
            sums[i] = step(sums[i], &four[i]);
        }
    }
    for row in rest {
        sums[0] = step(sums[0], row);
    }
    s.add(s.add(sums[0], sums[1]), s.add(sums[2], sums[3]))
}

struct Narrow<'a, D: Format> {
    x: &'a Panels,
    out: &'a mut Panels<D::Word>,
}

impl<D: Format> Pass for Narrow<'_, D> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for p in 0..self.x.count() {
            D::narrow(s, self.x.panel(p), self.out.panel_mut(p), self.x.halves(p));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, noise, panels};
    use super::*;

    #[test]
    fn layer_norm_agrees_with_f64() {
        for (tokens, width) in [(1, 1), (3, 2), (16, 7), (17, 8), (45, 384), (32, 768)] {
            let x = noise(tokens * width, 1);
            let norm = LayerNorm { scale: noise(width, 2), shift: noise(width, 3), epsilon: 1e-5 };
            for machine in Machine::all() {
                let mut found = panels(&x, width);
                normalize(machine, &mut found, &norm);
                for (token, row) in x.chunks_exact(width).enumerate() {
                    let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / width as f64;
                    let squares = row.iter().map(|&v| (f64::from(v) - mean).powi(2));
                    let variance = squares.sum::<f64>() / width as f64;
                    for (i, &v) in row.iter().enumerate() {
                        let unit = (f64::from(v) - mean) / (variance + f64::from(norm.epsilon)).sqrt();
                        let expected = unit * f64::from(norm.scale[i]) + f64::from(norm.shift[i]);
                        let error = (at(&found, token, i) - expected).abs();
                        assert!(error < 3e-6, "{machine:?} {tokens} x {width}: {error:e}");
                    }
                }
            }
        }
    }
}
