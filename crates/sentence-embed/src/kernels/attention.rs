//! Self-attention of one head: products of queries and keys, softmax, and the weighted sum of the values.

use std::ops::Range;

use super::Machine;
use super::format::Single;
use super::math::exp2_nonpositive;
use super::panels::{Halves, Panels, TokenRows};
use super::simd::{LANES, Pass, Row, Simd};
use super::tile::{Columns, Lines, TILE, at_least, sums};

/// One head over a batch of texts.
///
/// The features of a head are padded with zeros to blocks of 32.
pub(crate) struct Head<'a> {
    /// The features of this head in the rows of `queries`, in blocks of 32. Queries are scaled by log2(e)/√(features),
    /// so that softmax uses powers of two.
    pub queries: Range<usize>,
    pub keys: &'a TokenRows,
    pub values: &'a TokenRows,
    /// The features of this head in the result; at most as many as in `queries`.
    pub out: Range<usize>,
}

/// Computes attention within each text; `spans` are the tokens of each text in the batch. Writes the features
/// `head.out` of `out`. `scores` is scratch memory.
pub(crate) fn attend(
    machine: Machine,
    head: &Head<'_>,
    (queries, spans): (&Panels, &[Range<usize>]),
    scores: &mut Vec<Row>,
    out: &mut Panels,
) {
    let longest = spans.iter().map(Range::len).max().unwrap_or(0);
    scores.resize_with((longest + TILE).max(scores.len()), Row::default);
    machine.run(Attend { head, queries, spans, scores, out });
}

struct Attend<'a> {
    head: &'a Head<'a>,
    queries: &'a Panels,
    spans: &'a [Range<usize>],
    scores: &'a mut [Row],
    out: &'a mut Panels,
}

/// The queries of one text in one panel.
#[derive(Clone, Copy)]
struct Part {
    panel: usize,
    /// The lanes of the queries in the panel.
    start: usize,
    end: usize,
    halves: Halves,
}

impl Pass for Attend<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        for span in self.spans {
            for panel in span.start / LANES..span.end.div_ceil(LANES) {
                let start = span.start.saturating_sub(panel * LANES);
                let end = (span.end - panel * LANES).min(LANES);
                let part = Part { panel, start, end, halves: Halves::of(start, end) };
                self.score(s, span, part);
                let sums = softmax(s, &mut self.scores[..span.len()], part.halves);
                self.weigh(s, span, part, &sums);
            }
        }
    }
}

impl Attend<'_> {
    /// Writes a row for each key to `scores`: its products with the queries of `part`.
    #[inline(always)]
    fn score<S: Simd>(&mut self, s: S, span: &Range<usize>, part: Part) {
        let queries = &self.queries.panel(part.panel)[self.head.queries.clone()];
        for (block, lanes) in queries.chunks_exact(LANES).enumerate() {
            for first in (0..span.len()).step_by(TILE) {
                let keys = Lines(self.head.keys.starting_at(block, span.start + first));
                let scores = &mut self.scores[first..];
                at_least::<S, Single>(
                    s,
                    span.len() - first,
                    lanes,
                    (keys, part.halves),
                    #[inline(always)]
                    |m, v, sum| {
                        let score = if block == 0 { sum } else { s.add(s.load(&scores[m], v), sum) };
                        s.store(score, &mut scores[m], v);
                    },
                );
            }
        }
    }

    /// Writes the values, weighted by `scores` and divided by `sums`, for the queries of `part`.
    #[inline(always)]
    fn weigh<S: Simd>(&mut self, s: S, span: &Range<usize>, part: Part, totals: &Row) {
        let (scores, out) = (&self.scores[..span.len()], self.out.panel_mut(part.panel));
        let out = &mut out[self.head.out.clone()];
        for (group, rows) in out.chunks_mut(8).enumerate() {
            let (block, first) = (group * 8 / LANES, group * 8 % LANES);
            let values = &self.head.values.starting_at(block, span.start)[..span.len()];
            let words = Columns { rows: values, first };
            sums::<S, Single, 8, 4>(
                s,
                scores,
                words,
                part.halves,
                #[inline(always)]
                |m, v, sum| {
                    if let Some(row) = rows.get_mut(m) {
                        let mask = s.mask(v, part.start, part.end);
                        s.store_masked(s.mul(sum, s.load(totals, v)), row, v, mask);
                    }
                },
            );
        }
    }
}

/// Computes the numerators of softmax over the rows, lane by lane, and the reciprocals of their sums.
///
/// The numerators are 2^(score - maximum). Subtracting the maximum does not change the quotients and avoids overflow.
#[inline(always)]
fn softmax<S: Simd>(s: S, rows: &mut [Row], halves: Halves) -> Row {
    let mut factors = Row::default();
    for v in halves.vectors(S::WIDTH) {
        let mut largest = s.splat(f32::MIN);
        for row in rows.iter() {
            largest = s.max(largest, s.load(row, v));
        }
        let mut sum = s.splat(0.0);
        for row in rows.iter_mut() {
            let power = exp2_nonpositive(s, s.sub(s.load(row, v), largest));
            s.store(power, row, v);
            sum = s.add(sum, power);
        }
        s.store(s.div(s.splat(1.0), sum), &mut factors, v);
    }
    factors
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, noise, panels};
    use super::*;

    /// Two heads of `dim` features: their queries, keys and values of some tokens.
    struct Case {
        dim: usize,
        queries: Vec<f32>,
        keys: Vec<f32>,
        values: Vec<f32>,
    }

    impl Case {
        fn blocks(&self) -> usize {
            self.dim.div_ceil(LANES)
        }

        /// Features of a head with its zeros.
        fn padded(&self) -> usize {
            self.blocks() * LANES
        }

        fn rows(&self, numbers: &[f32]) -> TokenRows {
            let mut rows = TokenRows::default();
            rows.reshape(numbers.len() / self.dim, self.blocks());
            for (token, numbers) in numbers.chunks_exact(self.dim).enumerate() {
                for (feature, &number) in numbers.iter().enumerate() {
                    rows.starting_at_mut(feature / LANES, token)[0].0[feature % LANES] = number;
                }
            }
            rows
        }

        /// Queries as rows of the second of two heads, scaled.
        fn queries(&self) -> Panels {
            let factor = std::f32::consts::LOG2_E / (self.dim as f32).sqrt();
            let row = |numbers: &[f32]| {
                let mut row = vec![7.0; self.padded()];
                row.extend(numbers.iter().map(|number| number * factor));
                row.resize(2 * self.padded(), 0.0);
                row
            };
            let rows: Vec<f32> = self.queries.chunks_exact(self.dim).flat_map(row).collect();
            panels(&rows, 2 * self.padded())
        }

        /// One number of the result, straight from the definition.
        fn expected(&self, span: Range<usize>, token: usize, feature: usize) -> f64 {
            let dim = self.dim;
            let number = |numbers: &[f32], token: usize, i: usize| f64::from(numbers[token * dim + i]);
            let power = |other: usize| {
                let terms = (0..dim).map(|i| number(&self.queries, token, i) * number(&self.keys, other, i));
                (terms.sum::<f64>() / (dim as f64).sqrt()).exp()
            };
            let sum: f64 = span.clone().map(power).sum();
            span.map(|other| power(other) * number(&self.values, other, feature)).sum::<f64>() / sum
        }
    }

    #[test]
    fn attention_agrees_with_its_definition_and_stays_within_its_text() {
        let spans = [2..3, 3..12, 12..29, 29..37, 37..75, 75..91, 96..128, 130..191];
        for dim in [4, 32, 33, 64, 100] {
            let numbers = |seed| -> Vec<f32> { noise(192 * dim, seed).iter().map(|x| x * 3.0).collect() };
            let case = Case { dim, queries: numbers(1), keys: numbers(2), values: numbers(3) };
            let (queries, keys, values) = (case.queries(), case.rows(&case.keys), case.rows(&case.values));
            let head = Head {
                queries: case.padded()..2 * case.padded(),
                keys: &keys,
                values: &values,
                out: 1..1 + dim,
            };
            for machine in Machine::all() {
                let mut out = panels(&vec![9.0; 192 * (dim + 2)], dim + 2);
                attend(machine, &head, (&queries, &spans), &mut Vec::new(), &mut out);
                for (token, row) in (0..192).flat_map(|token| (0..dim + 2).map(move |row| (token, row))) {
                    let span = spans.iter().find(|span| span.contains(&token));
                    let expected = match (span, row) {
                        (Some(span), 1..) if row <= dim => case.expected(span.clone(), token, row - 1),
                        _ => 9.0,
                    };
                    let error = (at(&out, token, row) - expected).abs();
                    assert!(error < 5e-6, "{machine:?} {dim}: {token} {row}: {error:e}");
                }
            }
        }
    }
}
