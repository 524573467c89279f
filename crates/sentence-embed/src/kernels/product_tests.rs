//! The products against f64, on every set of instructions, for all shapes that occur and odd ones.

use super::Machine;
use super::format::{Bf16, Format, Single};
use super::norm::narrow;
use super::packed::{Affine, Dense, LaneDense};
use super::panels::{Panels, TokenRows};
use super::product::{Activation, activate, add, set, set_rows};
use super::testing::{at, noise, panels};

/// Tokens, inputs and outputs: lanes and tiles filled in part, and the shapes of the models.
const SHAPES: [(usize, usize, usize); 15] = [
    (0, 3, 5),
    (1, 1, 1),
    (2, 3, 5),
    (15, 8, 12),
    (16, 7, 13),
    (17, 16, 24),
    (31, 5, 11),
    (32, 12, 32),
    (33, 9, 64),
    (63, 33, 37),
    (65, 10, 96),
    (40, 384, 384),
    (33, 1536, 384),
    (7, 384, 1536),
    (34, 768, 50),
];

/// What the tests ask of a format: how exactly it keeps a number.
trait Rounded: Format {
    fn rounded(x: f32) -> f32;
}

impl Rounded for Single {
    fn rounded(x: f32) -> f32 {
        x
    }
}

impl Rounded for Bf16 {
    fn rounded(x: f32) -> f32 {
        f32::from_bits(Self::word(&[x]) << 16)
    }
}

/// Numbers that the format keeps exactly, so that only sums are rounded.
struct Case {
    x: Vec<f32>,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    fn new<D: Rounded>((tokens, inputs, outputs): (usize, usize, usize)) -> Self {
        let numbers = |count, seed| noise(count, seed).into_iter().map(D::rounded).collect();
        Self {
            x: numbers(tokens * inputs, 1),
            weights: numbers(inputs * outputs, 2),
            bias: noise(outputs, 3),
        }
    }

    fn affine(&self) -> Affine<'_> {
        Affine { weights: &self.weights, bias: &self.bias }
    }

    /// The input of a product.
    fn input<D: Format>(&self, machine: Machine) -> Panels<D::Word> {
        let mut out = Panels::default();
        narrow::<D>(machine, &panels(&self.x, self.weights.len() / self.bias.len()), &mut out);
        out
    }

    /// The sum for one token and output, and the largest error that f32 may make of it.
    fn expected(&self, token: usize, output: usize) -> (f64, f64) {
        let inputs = self.weights.len() / self.bias.len();
        let numbers = self.x[token * inputs..][..inputs].iter().zip(&self.weights[output * inputs..]);
        let terms = numbers.map(|(&x, &w)| f64::from(x) * f64::from(w));
        let (sum, size) = terms.fold((0.0, 1.0), |(sum, size), t| (sum + t, size + f64::abs(t)));
        (sum + f64::from(self.bias[output]), size * 1e-6)
    }
}

/// GELU by erf's everywhere positive series 2/√π exp(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!.
fn gelu(x: f64) -> f64 {
    if x.abs() > 8.0 {
        return x.max(0.0);
    }
    let (mut term, mut sum) = (x / 2f64.sqrt(), x / 2f64.sqrt());
    for n in 1..300 {
        term *= x * x / f64::from(2 * n + 1);
        sum += term;
    }
    let erf = sum * (-x * x / 2.0).exp() * std::f64::consts::FRAC_2_SQRT_PI;
    x / 2.0 * (1.0 + erf)
}

/// The activation in f64.
fn apply(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Gelu => gelu(x),
        Activation::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            x / 2.0 * (1.0 + inner.tanh())
        }
        Activation::Relu => x.max(0.0),
    }
}

fn check_products<D: Rounded>(shape: (usize, usize, usize)) {
    let (tokens, _, outputs) = shape;
    let case = Case::new::<D>(shape);
    let layer = Dense::<D>::pack(case.affine());
    for machine in Machine::all() {
        let x = case.input::<D>(machine);
        let mut plain = Panels::default();
        let before = noise(tokens * outputs, 4);
        let mut sum = panels(&before, outputs);
        set(machine, &layer, &x, &mut plain);
        add(machine, &layer, &x, &mut sum);
        for (token, output) in (0..tokens).flat_map(|t| (0..outputs).map(move |o| (t, o))) {
            let (expected, bound) = case.expected(token, output);
            let before = f64::from(before[token * outputs + output]);
            let place = format!("{machine:?} {shape:?}: token {token}, output {output}");
            assert!((at(&plain, token, output) - expected).abs() <= bound, "{place}");
            assert!((at(&sum, token, output) - before - expected).abs() <= bound, "{place}");
        }
    }
}

/// `read` takes an output out of the panels in the format's words.
fn check_activation<D: Rounded>(
    activation: Activation,
    shape: (usize, usize, usize),
    exactness: f64,
    read: fn(&Panels<D::Word>, usize, usize) -> f64,
) {
    let case = Case::new::<D>(shape);
    let layer = Dense::<D>::pack(case.affine());
    for machine in Machine::all() {
        let mut found = Panels::default();
        activate(machine, (&layer, activation), &case.input::<D>(machine), &mut found);
        for (token, output) in (0..shape.0).flat_map(|t| (0..shape.2).map(move |o| (t, o))) {
            let (expected, bound) = case.expected(token, output);
            let error = (read(&found, token, output) - apply(activation, expected)).abs();
            let place = format!("{machine:?} {activation:?} {shape:?}: {token} {output}: {error:e}");
            assert!(error <= bound + (3e-7 + exactness) * expected.abs(), "{place}");
        }
    }
}

fn check_rows<D: Rounded>(shape: (usize, usize, usize)) {
    let (tokens, _, outputs) = shape;
    let case = Case::new::<D>(shape);
    let layer = LaneDense::<D>::pack(case.affine());
    let blocks = outputs.div_ceil(32);
    // All blocks, and the last one alone.
    for from in [0, blocks - 1] {
        for machine in Machine::all() {
            let mut out = TokenRows::default();
            set_rows(machine, &layer, from..blocks, &case.input::<D>(machine), &mut out);
            for (token, output) in (0..tokens).flat_map(|t| (from * 32..outputs).map(move |o| (t, o))) {
                let (expected, bound) = case.expected(token, output);
                let found = out.starting_at(output / 32 - from, token)[0].0[output % 32];
                let error = (f64::from(found) - expected).abs();
                assert!(error <= bound, "{machine:?} {shape:?}: {token} {output}");
            }
        }
    }
}

#[test]
fn products_agree_with_f64() {
    for shape in SHAPES {
        check_products::<Single>(shape);
        check_products::<Bf16>(shape);
    }
}

#[test]
fn the_activations_of_products_agree_with_f64() {
    let activations = [Activation::Gelu, Activation::GeluTanh, Activation::Relu];
    for (shape, activation) in SHAPES.into_iter().flat_map(|shape| activations.map(|a| (shape, a))) {
        check_activation::<Single>(activation, shape, 0.0, at);
        // bf16 has 8 bits of fraction, the first of which is not kept.
        check_activation::<Bf16>(activation, shape, 1.0 / 256.0, |panels, token, output| {
            let word = panels.panel(token / 32)[output / 2].0[token % 32];
            f64::from(f32::from_bits(if output % 2 == 0 { word << 16 } else { word & 0xffff_0000 }))
        });
    }
}

#[test]
fn products_by_rows_agree_with_f64() {
    for shape in SHAPES {
        check_rows::<Single>(shape);
        check_rows::<Bf16>(shape);
    }
}

#[test]
#[should_panic(expected = "assertion")]
fn a_sum_of_another_size_panics() {
    let layer = Dense::<Single>::pack(Affine { weights: &[1.0; 6], bias: &[0.0; 3] });
    add(Machine::detect(), &layer, &panels(&[1.0; 4], 2), &mut panels(&[1.0; 4], 2));
}
