//! What the tests of the kernels share.

use super::LANES;
use super::panels::Panels;

/// Numbers without a pattern, in [-1, 1).
pub(super) fn noise(count: usize, seed: usize) -> Vec<f32> {
    let mut state = (seed as u32).wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Panels of the rows of `x`, one a token; lanes without a token are NaN.
pub(super) fn panels(x: &[f32], height: usize) -> Panels {
    let mut panels = Panels::new(x.len() / height, height);
    for p in 0..panels.count() {
        panels.panel_mut(p).iter_mut().for_each(|row| row.0.fill(f32::NAN));
    }
    for (token, numbers) in x.chunks_exact(height).enumerate() {
        for (row, &number) in panels.panel_mut(token / LANES).iter_mut().zip(numbers) {
            row.0[token % LANES] = number;
        }
    }
    panels
}

/// The number of a token's feature.
pub(super) fn at(panels: &Panels, token: usize, feature: usize) -> f64 {
    f64::from(panels.panel(token / LANES)[feature].0[token % LANES])
}
