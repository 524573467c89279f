//! The weights of the BERT encoder and its forward pass over one ragged batch.
//!
//! A batch is the tokens of its texts one after the other: every matrix product but attention's
//! runs over all of them at once, and nothing is padded.

use std::ops::Range;

use crate::attention::Attention;
use crate::config::Config;
use crate::error::Error;
use crate::kernels::ops::{LayerNorm, add, add_and_normalize, add_bias, add_bias_gelu, normalize};
use crate::kernels::products::Dense;
use crate::pooling::Head;
use crate::weights::Weights;

/// The encoder's weights.
pub(crate) struct Model {
    hidden: usize,
    /// A row for each id of the vocabulary.
    words: Vec<f32>,
    /// A row for each position; the embedding of token type 0, the only one used, is added in.
    positions: Vec<f32>,
    norm: LayerNorm,
    attention: Attention,
    layers: Vec<Layer>,
    head: Head,
}

/// A tensor that every encoder has.
pub(crate) const LANDMARK: &str = "embeddings.word_embeddings.weight";

/// One transformer layer.
struct Layer {
    /// Queries, keys and values in one product.
    qkv: Dense,
    qkv_bias: Vec<f32>,
    attention_out: Dense,
    attention_bias: Vec<f32>,
    attention_norm: LayerNorm,
    up: Dense,
    up_bias: Vec<f32>,
    down: Dense,
    down_bias: Vec<f32>,
    norm: LayerNorm,
}

/// Activations of one batch, kept from batch to batch so that memory is asked for once.
#[derive(Default)]
pub(crate) struct Scratch {
    x: Vec<f32>,
    qkv: Vec<f32>,
    scores: Vec<f32>,
    context: Vec<f32>,
    update: Vec<f32>,
    inner: Vec<f32>,
}

impl Model {
    /// Takes the weights out of a file whose tensors are named as Hugging Face's `BertModel` does.
    pub(crate) fn read(weights: &Weights<'_>, config: &Config, head: Head) -> Result<Self, Error> {
        let hidden = config.hidden_size;
        let embedding =
            |name: &str, rows: usize| weights.take(&format!("embeddings.{name}.weight"), &[rows, hidden]);
        let mut positions = embedding("position_embeddings", config.max_position_embeddings)?;
        let types = embedding("token_type_embeddings", config.type_vocab_size)?;
        add_bias(&mut positions, &types[..hidden]);
        let layers = (0..config.num_hidden_layers).map(|i| Layer::read(weights, config, i));
        Ok(Self {
            hidden,
            words: embedding("word_embeddings", config.vocab_size)?,
            positions,
            norm: read_norm(weights, config, "embeddings")?,
            attention: Attention {
                heads: config.num_attention_heads,
                head_dim: hidden / config.num_attention_heads,
            },
            layers: layers.collect::<Result<_, _>>()?,
            head,
        })
    }

    /// Embeds a batch: writes to `out` a vector for each text, in the order of `texts`.
    ///
    /// A text is its token ids: at least one, no more than there are positions, each within the
    /// vocabulary.
    pub(crate) fn forward(&self, texts: &[&[u32]], scratch: &mut Scratch, out: &mut [f32]) {
        let spans = spans(texts);
        self.embed_tokens(texts, &mut scratch.x);
        for layer in &self.layers {
            layer.attend(self.attention, &spans, scratch);
            layer.feed_forward(scratch);
        }
        for (span, vector) in spans.iter().zip(out.chunks_exact_mut(self.hidden)) {
            let tokens = &scratch.x[span.start * self.hidden..span.end * self.hidden];
            self.head.apply(tokens, vector);
        }
    }

    /// Fills `x` with a row for each token: word, position and type, normalised.
    fn embed_tokens(&self, texts: &[&[u32]], x: &mut Vec<f32>) {
        x.clear();
        for text in texts {
            for (&id, position) in text.iter().zip(self.positions.chunks_exact(self.hidden)) {
                let row = x.len();
                x.extend_from_slice(&self.words[id as usize * self.hidden..][..self.hidden]);
                add(&mut x[row..], position);
                normalize(&mut x[row..], &self.norm);
            }
        }
    }
}

impl Layer {
    fn read(weights: &Weights<'_>, config: &Config, index: usize) -> Result<Self, Error> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let prefix = format!("encoder.layer.{index}");
        let matrix = |part: &str, inputs: usize, outputs: usize| {
            weights.take(&format!("{prefix}.{part}.weight"), &[outputs, inputs])
        };
        let bias = |part: &str, n: usize| weights.take(&format!("{prefix}.{part}.bias"), &[n]);
        let (mut qkv, mut qkv_bias) = (Vec::new(), Vec::new());
        for part in ["query", "key", "value"] {
            let part = format!("attention.self.{part}");
            qkv.extend(matrix(&part, hidden, hidden)?);
            qkv_bias.extend(bias(&part, hidden)?);
        }
        let dense = |part: &str, inputs: usize, outputs: usize| {
            matrix(part, inputs, outputs).map(|weights| Dense::new(inputs, outputs, weights))
        };
        let norm = |part: &str| read_norm(weights, config, &format!("{prefix}.{part}"));
        Ok(Self {
            qkv: Dense::new(hidden, 3 * hidden, qkv),
            qkv_bias,
            attention_out: dense("attention.output.dense", hidden, hidden)?,
            attention_bias: bias("attention.output.dense", hidden)?,
            attention_norm: norm("attention.output")?,
            up: dense("intermediate.dense", hidden, inner)?,
            up_bias: bias("intermediate.dense", inner)?,
            down: dense("output.dense", inner, hidden)?,
            down_bias: bias("output.dense", hidden)?,
            norm: norm("output")?,
        })
    }

    /// The first half of the layer: self-attention within each of `spans`, residual, norm.
    fn attend(&self, attention: Attention, spans: &[Range<usize>], scratch: &mut Scratch) {
        let size = scratch.x.len();
        scratch.qkv.resize(3 * size, 0.0);
        scratch.context.resize(size, 0.0);
        scratch.update.resize(size, 0.0);
        self.qkv.apply(&scratch.x, &mut scratch.qkv);
        add_bias(&mut scratch.qkv, &self.qkv_bias);
        for span in spans {
            let (scores, context) = (&mut scratch.scores, &mut scratch.context);
            attention.apply(&scratch.qkv, span.clone(), scores, context);
        }
        self.attention_out.apply(&scratch.context, &mut scratch.update);
        let (bias, norm) = (&self.attention_bias, &self.attention_norm);
        add_and_normalize(&mut scratch.x, &scratch.update, bias, norm);
    }

    /// The second half of the layer: the two dense layers around GELU, residual, norm.
    fn feed_forward(&self, scratch: &mut Scratch) {
        let tokens = scratch.x.len() / self.down_bias.len();
        scratch.inner.resize(tokens * self.up_bias.len(), 0.0);
        self.up.apply(&scratch.x, &mut scratch.inner);
        add_bias_gelu(&mut scratch.inner, &self.up_bias);
        self.down.apply(&scratch.inner, &mut scratch.update);
        add_and_normalize(&mut scratch.x, &scratch.update, &self.down_bias, &self.norm);
    }
}

/// Where the tokens of each text lie in the batch.
fn spans(texts: &[&[u32]]) -> Vec<Range<usize>> {
    let mut end = 0;
    let span = |text: &&[u32]| {
        let start = end;
        end += text.len();
        start..end
    };
    texts.iter().map(span).collect()
}

fn read_norm(weights: &Weights<'_>, config: &Config, part: &str) -> Result<LayerNorm, Error> {
    let take = |what: &str| {
        let name = format!("{part}.LayerNorm.{what}");
        weights.take(&name, &[config.hidden_size])
    };
    Ok(LayerNorm { scale: take("weight")?, shift: take("bias")?, epsilon: config.layer_norm_eps })
}
