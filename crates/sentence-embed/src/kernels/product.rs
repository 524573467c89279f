//! Products of packed weights and panels of tokens. The step after each product is performed while its results are in
//! the L1 cache.

use super::Machine;
use super::format::Format;
use super::math::{gelu, gelu_tanh, relu};
use super::packed::{Dense, LaneDense};
use super::panels::{Halves, Panels, TokenRows};
use super::simd::{LANES, Pass, Row, Simd};
use super::tile::{Ahead, Columns, Look, TILE, Tile, at_least, sums};

/// Writes the outputs of the layer for each token of `x` to `out`.
pub(crate) fn set<D: Format>(machine: Machine, layer: &Dense<D>, x: &Panels<D::Word>, out: &mut Panels) {
    out.reshape(x.tokens(), layer.outputs);
    machine.run(Product { layer, x, block: &mut Block::default(), finish: Set { out } });
}

/// Adds the outputs of the layer for each token of `x` to `out`.
///
/// # Panics
///
/// If `out` has another size, which is a defect of this crate.
pub(crate) fn add<D: Format>(machine: Machine, layer: &Dense<D>, x: &Panels<D::Word>, out: &mut Panels) {
    assert_eq!((out.tokens(), out.height()), (x.tokens(), layer.outputs));
    machine.run(Product { layer, x, block: &mut Block::default(), finish: Add { out } });
}

/// The function that is applied to each output of a layer.
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

/// Writes the activations of the outputs of the layer for each token of `x` to `out`.
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

/// Writes the outputs of the layer for each token of `x` to `out`, token by token. Only the outputs in `blocks`,
/// counted in blocks of 32, are computed.
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

/// The sums of one tile and panel. It is stored outside of the kernels, so that the compiler keeps it in memory.
/// Otherwise it would occupy the registers that the innermost loop needs.
type Block = [Row; TILE];

/// The position of a block of sums in the result.
#[derive(Clone, Copy)]
struct Place {
    panel: usize,
    /// The first output.
    first: usize,
    /// The number of outputs.
    count: usize,
    halves: Halves,
}

/// The step that is performed with a block of sums.
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
    /// Runs tile by tile, so that the weights are loaded into the caches once, for any number of panels.
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

/// Replaces each sum by `function` of the sum and its bias. `function` must be a closure with `#[inline(always)]`: the
/// name of a function would stay a call, outside of the function that is compiled for the machine.
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
            // The exact number of rounds: if it were too high, only a part of the next panel would be prefetched.
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
