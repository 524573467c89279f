//! Products of packed weights and panels of tokens, each with what follows it done while its results
//! are in the first cache.

use super::Machine;
use super::format::Format;
use super::math::{gelu, gelu_tanh, relu};
use super::packed::{Dense, LaneDense};
use super::panels::{Halves, Panels, TokenRows};
use super::simd::{LANES, Pass, Row, Simd};
use super::tile::{Ahead, Columns, Look, TILE, Tile, at_least, sums};

/// `out` = the layer's outputs for each token of `x`.
pub(crate) fn set<D: Format>(machine: Machine, layer: &Dense<D>, x: &Panels<D::Word>, out: &mut Panels) {
    out.reshape(x.tokens(), layer.outputs);
    machine.run(Product { layer, x, block: &mut Block::default(), finish: Set { out } });
}

/// Adds the layer's outputs for each token of `x` to `out`.
///
/// # Panics
///
/// If `out` has another size: an error of this crate.
pub(crate) fn add<D: Format>(machine: Machine, layer: &Dense<D>, x: &Panels<D::Word>, out: &mut Panels) {
    assert_eq!((out.tokens(), out.height()), (x.tokens(), layer.outputs));
    machine.run(Product { layer, x, block: &mut Block::default(), finish: Add { out } });
}

/// What is applied to each output of a layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Activation {
    /// x/2 (1 + erf(x/√2)).
    #[default]
    Gelu,
    /// GELU with tanh in place of erf.
    GeluTanh,
    /// max(x, 0).
    Relu,
}

/// `out` = the activations of the layer's outputs for each token of `x`.
pub(crate) fn activate<D: Format>(
    machine: Machine,
    (layer, activation): (&Dense<D>, Activation),
    x: &Panels<D::Word>,
    out: &mut Panels<D::Word>,
) {
    out.reshape(x.tokens(), layer.outputs.div_ceil(D::PER_WORD));
    machine.run(Product {
        layer,
        x,
        block: &mut Block::default(),
        finish: Activate::<D> { activation, out },
    });
}

/// `out` = the layer's outputs for each token of `x`, token by token: those of `blocks` alone, counted
/// in blocks of 32.
pub(crate) fn set_rows<D: Format>(
    machine: Machine,
    layer: &LaneDense<D>,
    blocks: std::ops::Range<usize>,
    x: &Panels<D::Word>,
    out: &mut TokenRows,
) {
    out.reshape(x.tokens(), blocks.len());
    machine.run(RowsProduct { layer, blocks, x, out });
}

/// The sums of one tile and panel. It lies outside of the kernels, where the compiler must keep it in
/// memory: else it fills the registers that the innermost loop needs.
type Block = [Row; TILE];

/// Where in the result a block of sums belongs.
#[derive(Clone, Copy)]
struct Place {
    panel: usize,
    /// The first of the outputs.
    first: usize,
    /// How many of them there are.
    count: usize,
    halves: Halves,
}

/// What becomes of a block of sums.
trait Finish {
    fn finish<S: Simd>(&mut self, s: S, block: &mut Block, bias: &[f32], place: Place);
}

struct Product<'a, D: Format, E> {
    layer: &'a Dense<D>,
    x: &'a Panels<D::Word>,
    block: &'a mut Block,
    finish: E,
}

impl<D: Format, E: Finish> Pass for Product<'_, D, E> {
    /// Tile by tile, so that the weights pass through the caches once, however many panels there are.
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let (layer, x) = (self.layer, self.x);
        assert_eq!(x.height(), layer.depth);
        for (t, words) in layer.tiles.chunks_exact(layer.depth).enumerate() {
            let mut look = Look::past(words, x.count());
            for panel in 0..x.count() {
                let halves = x.halves(panel);
                let block = &mut *self.block;
                sums::<S, D, 12, 6>(
                    s,
                    x.panel(panel),
                    Ahead { words: Tile(words), look },
                    halves,
                    #[inline(always)]
                    |m, v, sum| s.store(sum, &mut block[m], v),
                );
                let first = t * TILE;
                let place = Place { panel, first, count: TILE.min(layer.outputs - first), halves };
                self.finish.finish(s, block, &layer.bias[first..first + TILE], place);
                look = look.further(words.len());
            }
        }
    }
}

struct Set<'a> {
    out: &'a mut Panels,
}

impl Finish for Set<'_> {
    #[inline(always)]
    fn finish<S: Simd>(&mut self, s: S, block: &mut Block, bias: &[f32], place: Place) {
        let rows = &mut self.out.panel_mut(place.panel)[place.first..place.first + place.count];
        for ((row, sums), &bias) in rows.iter_mut().zip(block).zip(bias) {
            for v in place.halves.vectors(S::WIDTH) {
                s.store(s.add(s.load(sums, v), s.splat(bias)), row, v);
            }
        }
    }
}

struct Add<'a> {
    out: &'a mut Panels,
}

impl Finish for Add<'_> {
    #[inline(always)]
    fn finish<S: Simd>(&mut self, s: S, block: &mut Block, bias: &[f32], place: Place) {
        let rows = &mut self.out.panel_mut(place.panel)[place.first..place.first + place.count];
        for ((row, sums), &bias) in rows.iter_mut().zip(block).zip(bias) {
            for v in place.halves.vectors(S::WIDTH) {
                let sum = s.add(s.load(sums, v), s.splat(bias));
                s.store(s.add(s.load(row, v), sum), row, v);
            }
        }
    }
}

struct Activate<'a, D: Format> {
    activation: Activation,
    out: &'a mut Panels<D::Word>,
}

impl<D: Format> Finish for Activate<'_, D> {
    #[inline(always)]
    fn finish<S: Simd>(&mut self, s: S, block: &mut Block, bias: &[f32], place: Place) {
        match self.activation {
            Activation::Gelu => map(
                s,
                (block, bias, place.halves),
                #[inline(always)]
                |x| gelu(s, x),
            ),
            Activation::GeluTanh => map(
                s,
                (block, bias, place.halves),
                #[inline(always)]
                |x| gelu_tanh(s, x),
            ),
            Activation::Relu => map(
                s,
                (block, bias, place.halves),
                #[inline(always)]
                |x| relu(s, x),
            ),
        }
        let first = place.first / D::PER_WORD;
        let words = place.count.div_ceil(D::PER_WORD);
        let rows = &mut self.out.panel_mut(place.panel)[first..first + words];
        D::narrow(s, &block[..place.count], rows, place.halves);
    }
}

/// Replaces each sum by `function` of it and its bias. `function` is a closure that is `#[inline(always)]`: a function's
/// name in its place is left as a call, and outside of the machine's own function.
#[inline(always)]
fn map<S: Simd>(s: S, (block, bias, halves): (&mut Block, &[f32], Halves), function: impl Fn(S::F) -> S::F) {
    for (sums, &bias) in block.iter_mut().zip(bias) {
        for v in halves.vectors(S::WIDTH) {
            s.store(function(s.add(s.load(sums, v), s.splat(bias))), sums, v);
        }
    }
}

struct RowsProduct<'a, D: Format> {
    layer: &'a LaneDense<D>,
    blocks: std::ops::Range<usize>,
    x: &'a Panels<D::Word>,
    out: &'a mut TokenRows,
}

impl<D: Format> Pass for RowsProduct<'_, D> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { layer, blocks, x, out } = self;
        for (block, from) in blocks.enumerate() {
            let (lanes, bias) = (layer.panels.panel(from), &layer.bias[from]);
            // The rounds that there will be: with too many expected, not all of the next panel is asked for.
            let rounds = (0..x.count()).map(|panel| x.filled(panel).div_ceil(TILE)).sum();
            let mut look = Look::past(lanes, rounds);
            for panel in 0..x.count() {
                let (rows, filled) = (x.panel(panel), x.filled(panel));
                for first in [0, TILE, 2 * TILE] {
                    if first >= filled {
                        break;
                    }
                    let tokens = out.starting_at_mut(block, panel * LANES + first);
                    let words = Ahead { words: Columns { rows, first }, look };
                    at_least::<S, D>(
                        s,
                        filled - first,
                        lanes,
                        (words, Halves::Both),
                        #[inline(always)]
                        |m, v, sum| s.store(s.add(sum, s.load(bias, v)), &mut tokens[m], v),
                    );
                    look = look.further(lanes.len());
                }
            }
        }
    }
}
