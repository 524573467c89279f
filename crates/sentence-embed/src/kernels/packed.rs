//! Weights of dense layers in the order in which the kernels read them.

use super::format::Format;
use super::panels::Panels;
use super::simd::{LANES, Row};
use super::tile::TILE;

/// A dense layer for [`product`](super::product), in tiles of [`TILE`] outputs. In a tile, the words of all outputs for
/// one input word are stored next to each other. The outputs after the last one are zeros.
#[derive(Debug)]
pub(crate) struct Dense<D: Format> {
    pub(super) tiles: Vec<[D::Word; TILE]>,
    /// The number of words of the input.
    pub(super) depth: usize,
    pub(super) outputs: usize,
    /// The bias of each output, padded with zeros.
    pub(super) bias: Vec<f32>,
}

/// A dense layer whose outputs are lanes, 32 per panel, for results that are needed token by token.
#[derive(Debug)]
pub(crate) struct LaneDense<D: Format> {
    pub(super) panels: Panels<D::Word>,
    /// The bias of each panel.
    pub(super) bias: Vec<Row>,
}

/// A matrix in row-major order, `bias.len()` rows of `inputs` weights, and a bias for each row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Affine<'a> {
    pub weights: &'a [f32],
    pub bias: &'a [f32],
}

impl Affine<'_> {
    fn inputs(&self) -> usize {
        self.weights.len() / self.bias.len()
    }

    fn row(&self, output: usize) -> &[f32] {
        &self.weights[output * self.inputs()..][..self.inputs()]
    }
}

impl<D: Format> Dense<D> {
    pub(crate) fn pack(layer: Affine<'_>) -> Self {
        let (outputs, depth) = (layer.bias.len(), layer.inputs().div_ceil(D::PER_WORD));
        let mut tiles = vec![[D::Word::default(); TILE]; outputs.div_ceil(TILE) * depth];
        for output in 0..outputs {
            let tile = &mut tiles[output / TILE * depth..][..depth];
            for (words, numbers) in tile.iter_mut().zip(layer.row(output).chunks(D::PER_WORD)) {
                words[output % TILE] = D::word(numbers);
            }
        }
        let mut bias = layer.bias.to_vec();
        bias.resize(outputs.next_multiple_of(TILE), 0.0);
        Self { tiles, depth, outputs, bias }
    }
}

impl<D: Format> LaneDense<D> {
    pub(crate) fn pack(layer: Affine<'_>) -> Self {
        let (outputs, depth) = (layer.bias.len(), layer.inputs().div_ceil(D::PER_WORD));
        let mut panels = Panels::new(outputs, depth);
        let mut bias = vec![Row::default(); outputs.div_ceil(LANES)];
        for output in 0..outputs {
            let (panel, lane) = (output / LANES, output % LANES);
            let numbers = layer.row(output).chunks(D::PER_WORD);
            for (row, numbers) in panels.panel_mut(panel).iter_mut().zip(numbers) {
                row.0[lane] = D::word(numbers);
            }
            bias[panel].0[lane] = layer.bias[output];
        }
        Self { panels, bias }
    }
}
