//! One transformer layer: its packed weights, and its pass over a batch.

use std::ops::Range;

use crate::config::Config;
use crate::error::Error;
use crate::kernels::attention::{Head, attend};
use crate::kernels::format::Format;
use crate::kernels::norm::{LayerNorm, narrow, normalize};
use crate::kernels::packed::{Affine, Dense, LaneDense};
use crate::kernels::panels::{Panels, TokenRows};
use crate::kernels::product::{Activation, activate, add, set, set_rows};
use crate::kernels::{LANES, Machine, Row};
use crate::weights::Weights;

/// The number of inner features that are computed at a time. It is small enough that they stay in the L2 cache until
/// they are used.
const CHUNK: usize = 384;

/// The shape of the attention: `heads` heads of `head_dim` numbers each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heads {
    pub heads: usize,
    pub head_dim: usize,
}

impl Heads {
    /// Returns the number of features of a head, padded to blocks of 32 as the kernels require.
    fn blocks(self) -> usize {
        self.head_dim.div_ceil(LANES)
    }
}

/// The weights of one layer.
pub(crate) struct Layer<D: Format> {
    heads: Heads,
    queries: Dense<D>,
    keys: LaneDense<D>,
    values: LaneDense<D>,
    attention_out: Dense<D>,
    attention_norm: LayerNorm,
    feed_forward: Vec<Chunk<D>>,
    activation: Activation,
    norm: LayerNorm,
}

/// A part of the inner features: the layer that computes them, and the layer that adds them to the result.
struct Chunk<D: Format> {
    up: Dense<D>,
    down: Dense<D>,
}

/// The activations of one batch. The memory is reused for later batches.
pub(crate) struct Scratch<D: Format> {
    /// The input of the layer, to which each half of the layer adds its result.
    pub x: Panels,
    /// `x`, or the result of attention, in the format of the products.
    input: Panels<D::Word>,
    queries: Panels,
    keys: TokenRows,
    values: TokenRows,
    scores: Vec<Row>,
    context: Panels,
    inner: Panels<D::Word>,
}

impl<D: Format> Default for Scratch<D> {
    fn default() -> Self {
        Self {
            x: Panels::default(),
            input: Panels::default(),
            queries: Panels::default(),
            keys: TokenRows::default(),
            values: TokenRows::default(),
            scores: Vec::new(),
            context: Panels::default(),
            inner: Panels::default(),
        }
    }
}

impl<D: Format> Layer<D> {
    pub(crate) fn read(weights: &Weights<'_>, config: &Config, index: usize) -> Result<Self, Error> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let heads =
            Heads { heads: config.num_attention_heads, head_dim: hidden / config.num_attention_heads };
        let prefix = prefix(index);
        let read = |part: &str, inputs: usize, outputs: usize| {
            let weight = weights.take(&format!("{prefix}.{part}.weight"), &[outputs, inputs])?;
            Ok::<_, Error>((weight, weights.take(&format!("{prefix}.{part}.bias"), &[outputs])?))
        };
        let norm = |part: &str| read_norm(weights, config, &format!("{prefix}.{part}"));
        let per_head = |part: &str, factor: f32| {
            let (weight, bias) = read(&format!("attention.self.{part}"), hidden, hidden)?;
            Ok::<_, Error>(pad_heads(heads, Affine { weights: &weight, bias: &bias }, factor))
        };
        // Softmax is computed with powers of two, hence log2(e).
        let factor = std::f32::consts::LOG2_E / (heads.head_dim as f32).sqrt();
        let (queries, keys, values) =
            (per_head("query", factor)?, per_head("key", 1.0)?, per_head("value", 1.0)?);
        let (out, out_bias) = read("attention.output.dense", hidden, hidden)?;
        let (up, up_bias) = read("intermediate.dense", hidden, inner)?;
        let (down, down_bias) = read("output.dense", inner, hidden)?;
        let (up, down) =
            (Affine { weights: &up, bias: &up_bias }, Affine { weights: &down, bias: &down_bias });
        Ok(Self {
            heads,
            queries: Dense::pack(queries.affine()),
            keys: LaneDense::pack(keys.affine()),
            values: LaneDense::pack(values.affine()),
            attention_out: Dense::pack(Affine { weights: &out, bias: &out_bias }),
            attention_norm: norm("attention.output")?,
            feed_forward: chunks(up, down),
            activation: config.activation,
            norm: norm("output")?,
        })
    }

    /// Passes the batch `scratch.x` through the layer; `spans` are the tokens of each text.
    pub(crate) fn apply(&self, machine: Machine, spans: &[Range<usize>], scratch: &mut Scratch<D>) {
        self.attend(machine, spans, scratch);
        self.feed_forward(machine, scratch);
    }

    /// The first half of the layer: self-attention within each of `spans`, residual, norm.
    fn attend(&self, machine: Machine, spans: &[Range<usize>], scratch: &mut Scratch<D>) {
        let Scratch { x, input, queries, keys, values, scores, context, .. } = scratch;
        let (dim, blocks) = (self.heads.head_dim, self.heads.blocks());
        narrow::<D>(machine, x, input);
        set(machine, &self.queries, input, queries);
        context.reshape(x.tokens(), x.height());
        for head in 0..self.heads.heads {
            let part = head * blocks..(head + 1) * blocks;
            set_rows(machine, &self.keys, part.clone(), input, keys);
            set_rows(machine, &self.values, part.clone(), input, values);
            let head = Head {
                queries: part.start * LANES..part.end * LANES,
                keys,
                values,
                out: head * dim..(head + 1) * dim,
            };
            attend(machine, &head, (queries, spans), scores, context);
        }
        narrow::<D>(machine, context, input);
        add(machine, &self.attention_out, input, x);
        normalize(machine, x, &self.attention_norm);
    }

    /// The second half of the layer: the two dense layers around the activation, residual, norm.
    fn feed_forward(&self, machine: Machine, scratch: &mut Scratch<D>) {
        let Scratch { x, input, inner, .. } = scratch;
        narrow::<D>(machine, x, input);
        for chunk in &self.feed_forward {
            activate(machine, (&chunk.up, self.activation), input, inner);
            add(machine, &chunk.down, inner, x);
        }
        normalize(machine, x, &self.norm);
    }
}

/// Packs a dense layer.
struct Padded {
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Padded {
    fn affine(&self) -> Affine<'_> {
        Affine { weights: &self.weights, bias: &self.bias }
    }
}

/// Packs a dense layer times `factor`. The outputs of each head are padded with zeros to whole blocks.
fn pad_heads(heads: Heads, layer: Affine<'_>, factor: f32) -> Padded {
    let padding = heads.blocks() * LANES - heads.head_dim;
    let inputs = layer.weights.len() / layer.bias.len();
    let pad = |numbers: &[f32], per_output: usize| -> Vec<f32> {
        let heads = numbers.chunks_exact(heads.head_dim * per_output);
        let zeros = || std::iter::repeat_n(0.0, padding * per_output);
        heads.flat_map(|head| head.iter().map(|number| number * factor).chain(zeros())).collect()
    };
    Padded { weights: pad(layer.weights, inputs), bias: pad(layer.bias, 1) }
}

/// Splits the two dense layers by their inner features. The bias of the second layer is added once.
fn chunks<D: Format>(up: Affine<'_>, down: Affine<'_>) -> Vec<Chunk<D>> {
    let (hidden, inner) = (down.bias.len(), up.bias.len());
    let zeros = vec![0.0; hidden];
    let chunk = |start: usize| {
        let range = start..(start + CHUNK).min(inner);
        let rows = down.weights.chunks_exact(inner);
        let columns: Vec<f32> = rows.flat_map(|row| &row[range.clone()]).copied().collect();
        let bias = if start == 0 { down.bias } else { &zeros };
        let weights = &up.weights[range.start * hidden..range.end * hidden];
        Chunk {
            up: Dense::pack(Affine { weights, bias: &up.bias[range] }),
            down: Dense::pack(Affine { weights: &columns, bias }),
        }
    };
    (0..inner).step_by(CHUNK).map(chunk).collect()
}

/// Reads the layer norm `part` of the model.
/// Returns the prefix of the names of the tensors of a layer.
pub(crate) fn prefix(index: usize) -> String {
    format!("encoder.layer.{index}")
}

pub(crate) fn read_norm(weights: &Weights<'_>, config: &Config, part: &str) -> Result<LayerNorm, Error> {
    let take = |what: &str| {
        let name = format!("{part}.LayerNorm.{what}");
        weights.take(&name, &[config.hidden_size])
    };
    Ok(LayerNorm { scale: take("weight")?, shift: take("bias")?, epsilon: config.layer_norm_eps })
}
