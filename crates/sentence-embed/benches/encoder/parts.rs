//! The kernels one by one, over batches like those of the texts: rates of the products, and where the time goes.

use std::ops::Range;

use super::clock::{median, own_time};
use super::kernels::attention::{Head, attend};
use super::kernels::format::{Bf16, Format, Single};
use super::kernels::norm::{LayerNorm, narrow, normalize};
use super::kernels::packed::{Affine, Dense, LaneDense};
use super::kernels::panels::{Panels, TokenRows};
use super::kernels::product::{Activation, activate, add, set, set_rows};
use super::kernels::{LANES, Machine};
use super::peak::{self, Kind};
use super::work::Work;

const ROUNDS: usize = 7;

/// Tokens of a batch, and inner features at a time, as in the encoder.
const BATCH: usize = 256;
const CHUNK: usize = 384;

/// So many copies of the weights are used in turn that they come from where they come from in the encoder.
const COPIES: usize = 12;

pub fn print(work: &Work) {
    let machine = Machine::detect();
    Parts::<Single>::new(machine, work).print("f32", Kind::F32);
    if machine.has_bf16() {
        Parts::<Bf16>::new(machine, work).print("bf16", Kind::Bf16);
    }
}

/// One layer's weights, in copies, and activations of one batch.
struct Parts<D: Format> {
    machine: Machine,
    /// Tokens of each text of the batch.
    spans: Vec<Range<usize>>,
    inner_chunks: usize,
    heads: usize,
    dense: Vec<Dense<D>>,
    lanes: Vec<LaneDense<D>>,
    norm: LayerNorm,
    x: Panels,
    other: Panels,
    input: Panels<D::Word>,
    inner: Panels<D::Word>,
    keys: TokenRows,
    values: TokenRows,
}

/// One call of a part, the how-manieth.
type Run<D> = fn(&mut Parts<D>, usize);

impl<D: Format> Parts<D> {
    fn new(machine: Machine, work: &Work) -> Self {
        let hidden = work.sizes.hidden_size;
        let noise = |count: usize| -> Vec<f32> {
            (0..count).map(|i| ((i * 7919 + i / 3) % 199) as f32 / 400.0 - 0.25).collect()
        };
        let (weights, bias) = (noise(hidden * hidden), noise(hidden));
        let affine = Affine { weights: &weights, bias: &bias };
        let mut input = Panels::default();
        let mut x = Panels::new(BATCH, hidden);
        for p in 0..x.count() {
            for (row, number) in x.panel_mut(p).iter_mut().zip(noise(hidden)) {
                row.0.fill(number);
            }
        }
        narrow::<D>(machine, &x, &mut input);
        let mut parts = Self {
            machine,
            spans: spans(&work.lengths),
            inner_chunks: work.sizes.intermediate_size / CHUNK,
            heads: work.sizes.num_attention_heads,
            dense: (0..COPIES).map(|_| Dense::pack(affine)).collect(),
            lanes: (0..COPIES).map(|_| LaneDense::pack(affine)).collect(),
            norm: LayerNorm { scale: noise(hidden), shift: noise(hidden), epsilon: 1e-12 },
            other: Panels::new(BATCH, hidden),
            x,
            inner: Panels::default(),
            input,
            keys: TokenRows::default(),
            values: TokenRows::default(),
        };
        activate(machine, (&parts.dense[0], Activation::Gelu), &parts.input, &mut parts.inner);
        set_rows(machine, &parts.lanes[0], 0..1, &parts.input, &mut parts.keys);
        set_rows(machine, &parts.lanes[0], 0..1, &parts.input, &mut parts.values);
        parts
    }

    fn print(mut self, name: &str, kind: Kind) {
        println!("\n{name} kernels, a batch of {BATCH} tokens   Gop/s   of peak   µs a layer   of time");
        let (hidden, chunks) = (self.x.height() as f64, self.inner_chunks as f64);
        let product = 2.0 * hidden * hidden * BATCH as f64;
        let pairs: usize = self.spans.iter().map(|span| span.len() * span.len()).sum();
        let parts: [(&str, f64, Run<D>); 7] = [
            ("queries", product, Self::queries),
            ("keys and values", 2.0 * product, Self::keys_and_values),
            ("attention", 4.0 * hidden * pairs as f64, Self::attention),
            ("attention's output", product, Self::attention_out),
            ("up and GELU", chunks * product, Self::up),
            ("down", chunks * product, Self::down),
            ("norms and formats", 0.0, Self::passes),
        ];
        let rows: Vec<_> = parts
            .into_iter()
            .map(|(name, operations, run)| {
                let (time, rate) = self.measure(kind, operations, run);
                (name, time, rate)
            })
            .collect();
        let total: f64 = rows.iter().map(|row| row.1).sum();
        for (name, time, rate) in rows {
            let rate = rate.map_or(format!("{:>16}", ""), |(rate, share)| {
                format!("{rate:>6.0} {:>8.0}%", 100.0 * share)
            });
            println!("  {name:<34} {rate} {:>11.0} {:>8.1}%", time * 1e6, 100.0 * time / total);
        }
    }

    /// Seconds of one call, and the rate with its share of the peak.
    fn measure(&mut self, kind: Kind, operations: f64, run: Run<D>) -> (f64, Option<(f64, f64)>) {
        const CALLS: usize = 24;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let peak = peak::of_thread(kind).unwrap_or(f64::NAN);
            let time = own_time(|| (0..CALLS).for_each(|i| run(self, i)));
            let time = time.as_secs_f64() / CALLS as f64;
            rounds.push((time, operations / time / 1e9, operations / time / 1e9 / peak));
        }
        let median = |pick: fn(&(f64, f64, f64)) -> f64| median(rounds.iter().map(pick).collect());
        (median(|r| r.0), (operations > 0.0).then(|| (median(|r| r.1), median(|r| r.2))))
    }

    fn queries(&mut self, i: usize) {
        set(self.machine, &self.dense[i % COPIES], &self.input, &mut self.other);
    }

    fn keys_and_values(&mut self, i: usize) {
        for head in 0..self.heads {
            for (copy, out) in [(2 * i, &mut self.keys), (2 * i + 1, &mut self.values)] {
                let layer = &self.lanes[copy % COPIES];
                set_rows(self.machine, layer, head..head + 1, &self.input, out);
            }
        }
    }

    fn attention(&mut self, _: usize) {
        let mut scores = Vec::new();
        for head in 0..self.heads {
            let features = head * LANES..(head + 1) * LANES;
            let head =
                Head { queries: features.clone(), keys: &self.keys, values: &self.values, out: features };
            attend(self.machine, &head, (&self.x, &self.spans), &mut scores, &mut self.other);
        }
    }

    fn attention_out(&mut self, i: usize) {
        add(self.machine, &self.dense[i % COPIES], &self.input, &mut self.other);
    }

    fn up(&mut self, i: usize) {
        for chunk in 0..self.inner_chunks {
            let layer = &self.dense[(i * self.inner_chunks + chunk) % COPIES];
            activate(self.machine, (layer, Activation::Gelu), &self.input, &mut self.inner);
        }
    }

    fn down(&mut self, i: usize) {
        for chunk in 0..self.inner_chunks {
            let layer = &self.dense[(i * self.inner_chunks + chunk) % COPIES];
            add(self.machine, layer, &self.inner, &mut self.other);
        }
    }

    /// Twice a layer norm, thrice the change of format.
    fn passes(&mut self, _: usize) {
        for _ in 0..2 {
            normalize(self.machine, &mut self.x, &self.norm);
            narrow::<D>(self.machine, &self.x, &mut self.input);
        }
        narrow::<D>(self.machine, &self.x, &mut self.input);
    }
}

/// The texts of one batch: as many as it holds, spread over all.
fn spans(lengths: &[usize]) -> Vec<Range<usize>> {
    let (mut spans, mut end) = (Vec::new(), 0);
    for &length in lengths.iter().step_by(7).cycle().take(lengths.len()) {
        if end + length <= BATCH {
            spans.push(end..end + length);
            end += length;
        }
    }
    spans
}
