//! The BERT encoder and its forward pass over one ragged batch.
//!
//! A batch contains the tokens of its texts one after the other, without padding. Except in attention, every matrix
//! product covers all tokens of the batch.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::config::Config;
use crate::error::Error;
use crate::kernels::format::{Bf16, Format, Single};
use crate::kernels::norm::{LayerNorm, normalize};
use crate::kernels::panels::Panels;
use crate::kernels::{LANES, Machine};
use crate::layer::{Layer, Scratch as LayerScratch, prefix, read_norm};
use crate::options::{Options, Precision};
use crate::pooling::Head;
use crate::weights::Weights;

/// An encoder of any precision.
pub(crate) trait Forward: Send + Sync {
    /// Embeds a batch: writes a vector for each text to `out`, in the order of `texts`.
    ///
    /// A text is given by its token ids. There must be at least one and at most as many as positions, each within the
    /// vocabulary.
    fn forward(&self, texts: &[&[u32]], out: &mut [f32]);
}

/// Reads the weights from a file whose tensors have the names of `BertModel` of Hugging Face.
pub(crate) fn read(
    weights: &Weights<'_>,
    config: &Config,
    head: Head,
    options: Options,
) -> Result<Box<dyn Forward>, Error> {
    let (machine, precision) = (options.machine(), options.get_precision());
    Ok(match precision {
        Precision::F32 => Box::new(Model::<Single>::read(weights, config, head, machine)?),
        Precision::Bf16 if !machine.has_bf16() => return Err(Error::Precision { precision }),
        Precision::Bf16 => Box::new(Model::<Bf16>::read(weights, config, head, machine)?),
    })
}

/// The weights of the encoder.
struct Model<D: Format> {
    machine: Machine,
    hidden: usize,
    /// A row for each id of the vocabulary.
    words: Vec<f32>,
    /// A row for each position, plus the embedding of token type 0, which is the only type used.
    positions: Vec<f32>,
    norm: LayerNorm,
    layers: Vec<Layer<D>>,
    head: Head,
    /// The memory of finished batches, which later batches reuse.
    scratches: Mutex<Vec<Scratch<D>>>,
}

/// The name of a tensor that every encoder has.
pub(crate) const LANDMARK: &str = "embeddings.word_embeddings.weight";

/// The activations of one batch. The memory is reused for later batches.
struct Scratch<D: Format> {
    layers: LayerScratch<D>,
    /// The token vectors of one text, row after row.
    rows: Vec<f32>,
}

impl<D: Format> Default for Scratch<D> {
    fn default() -> Self {
        Self { layers: LayerScratch::default(), rows: Vec::new() }
    }
}

impl<D: Format> Model<D> {
    fn read(weights: &Weights<'_>, config: &Config, head: Head, machine: Machine) -> Result<Self, Error> {
        let hidden = config.hidden_size;
        let embedding =
            |name: &str, rows: usize| weights.take(&format!("embeddings.{name}.weight"), &[rows, hidden]);
        let mut positions = embedding("position_embeddings", config.max_position_embeddings)?;
        let types = embedding("token_type_embeddings", config.type_vocab_size)?;
        for position in positions.chunks_exact_mut(hidden) {
            position.iter_mut().zip(&types[..hidden]).for_each(|(number, t)| *number += t);
        }
        let count = config.num_hidden_layers;
        weights.refuse(&prefix(count), "layers", &format!("{count}, as num_hidden_layers says"))?;
        let layers = (0..count).map(|i| Layer::read(weights, config, i));
        Ok(Self {
            machine,
            hidden,
            words: embedding("word_embeddings", config.vocab_size)?,
            positions,
            norm: read_norm(weights, config, "embeddings")?,
            layers: layers.collect::<Result<_, _>>()?,
            head,
            scratches: Mutex::default(),
        })
    }

    /// Fills `x` with the vector of each token: word, position and type, normalised.
    fn embed_tokens(&self, texts: &[&[u32]], x: &mut Panels) {
        x.reshape(texts.iter().map(|text| text.len()).sum(), self.hidden);
        let tokens = texts.iter().flat_map(|text| text.iter().zip(self.positions.chunks_exact(self.hidden)));
        for (place, (&id, position)) in tokens.enumerate() {
            let word = &self.words[id as usize * self.hidden..][..self.hidden];
            let rows = x.panel_mut(place / LANES).iter_mut();
            for ((row, word), position) in rows.zip(word).zip(position) {
                row.0[place % LANES] = word + position;
            }
        }
        normalize(self.machine, x, &self.norm);
    }
}

impl<D: Format> Forward for Model<D> {
    fn forward(&self, texts: &[&[u32]], out: &mut [f32]) {
        // A thread that panics does not return its scratch memory.
        let scratches = || self.scratches.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = scratches().pop().unwrap_or_default();
        let spans = spans(texts);
        self.embed_tokens(texts, &mut scratch.layers.x);
        for layer in &self.layers {
            layer.apply(self.machine, &spans, &mut scratch.layers);
        }
        for (span, vector) in spans.into_iter().zip(out.chunks_exact_mut(self.hidden)) {
            take_rows(&scratch.layers.x, span, &mut scratch.rows);
            self.head.apply(&scratch.rows, vector);
        }
        scratches().push(scratch);
    }
}

/// Copies the vectors of the tokens `span` from `x`, one after the other.
fn take_rows(x: &Panels, span: Range<usize>, rows: &mut Vec<f32>) {
    rows.clear();
    for token in span {
        let panel = x.panel(token / LANES).iter();
        rows.extend(panel.map(|row| row.0[token % LANES]));
    }
}

/// Returns the range of the tokens of each text in the batch.
fn spans(texts: &[&[u32]]) -> Vec<Range<usize>> {
    let mut end = 0;
    let span = |text: &&[u32]| {
        let start = end;
        end += text.len();
        start..end
    };
    texts.iter().map(span).collect()
}
