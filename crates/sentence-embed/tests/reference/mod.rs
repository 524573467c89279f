//! BERT's forward pass in f64, straight from its definition (Devlin et al. 2018; Hugging Face's `BertModel`): one text
//! at a time, loops over plain rows, nothing shared with the crate.

use crate::models::{CLS, MARKERS, RandomModel, SEP};

type Rows = Vec<Vec<f64>>;

/// The vector of the text with these words.
pub fn embed(model: &RandomModel, words: &[usize]) -> Vec<f64> {
    let mut ids = vec![CLS];
    ids.extend(words.iter().map(|word| word + MARKERS).take(model.shape.max_tokens - 2));
    ids.push(SEP);
    let mut x = embeddings(model, &ids);
    for layer in 0..model.shape.layers {
        x = layer_of(model, &format!("encoder.layer.{layer}"), &x);
    }
    let mut vector = match model.shape.pooling {
        "cls" => x[0].clone(),
        _ => (0..model.shape.hidden)
            .map(|i| x.iter().map(|row| row[i]).sum::<f64>() / x.len() as f64)
            .collect(),
    };
    if model.shape.normalize {
        let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
        vector.iter_mut().for_each(|v| *v /= norm);
    }
    vector
}

fn embeddings(model: &RandomModel, ids: &[usize]) -> Rows {
    let row = |name: &str, at: usize| {
        let values = &model.tensors[&format!("embeddings.{name}_embeddings.weight")].1;
        values[at * model.shape.hidden..][..model.shape.hidden]
            .iter()
            .map(|&v| f64::from(v))
            .collect::<Vec<_>>()
    };
    let of_token = |(position, &id): (usize, &usize)| {
        let parts = [row("word", id), row("position", position), row("token_type", 0)];
        let sum: Vec<f64> = (0..model.shape.hidden).map(|i| parts.iter().map(|part| part[i]).sum()).collect();
        layer_norm(model, "embeddings", &sum)
    };
    ids.iter().enumerate().map(of_token).collect()
}

fn layer_of(model: &RandomModel, layer: &str, x: &Rows) -> Rows {
    let attended = dense(model, &format!("{layer}.attention.output.dense"), &attention(model, layer, x));
    let x = add_and_norm(model, &format!("{layer}.attention.output"), x, &attended);
    let mut inner = dense(model, &format!("{layer}.intermediate.dense"), &x);
    inner.iter_mut().flatten().for_each(|v| *v = activation(model.shape.activation, *v));
    add_and_norm(
        model,
        &format!("{layer}.output"),
        &x,
        &dense(model, &format!("{layer}.output.dense"), &inner),
    )
}

fn attention(model: &RandomModel, layer: &str, x: &Rows) -> Rows {
    let part = |name: &str| dense(model, &format!("{layer}.attention.self.{name}"), x);
    let (queries, keys, values) = (part("query"), part("key"), part("value"));
    let size = model.shape.hidden / model.shape.heads;
    let mut out = vec![vec![0.0; model.shape.hidden]; x.len()];
    for head in (0..model.shape.heads).map(|head| head * size..(head + 1) * size) {
        for (query, out) in queries.iter().zip(&mut out) {
            let score = |key: &Vec<f64>| dot(&query[head.clone()], &key[head.clone()]) / (size as f64).sqrt();
            let weights: Vec<f64> = keys.iter().map(|key| score(key).exp()).collect();
            let sum: f64 = weights.iter().sum();
            for i in head.clone() {
                out[i] = weights.iter().zip(&values).map(|(w, value)| w * value[i]).sum::<f64>() / sum;
            }
        }
    }
    out
}

fn dense(model: &RandomModel, name: &str, x: &Rows) -> Rows {
    let (shape, weights) = &model.tensors[&format!("{name}.weight")];
    let bias = &model.tensors[&format!("{name}.bias")].1;
    let weights: Rows =
        weights.chunks(shape[1]).map(|row| row.iter().map(|&w| f64::from(w)).collect()).collect();
    let outputs = |row: &Vec<f64>| {
        weights.iter().zip(bias).map(|(weights, &bias)| dot(weights, row) + f64::from(bias)).collect()
    };
    x.iter().map(outputs).collect()
}

fn add_and_norm(model: &RandomModel, name: &str, x: &Rows, update: &Rows) -> Rows {
    let sum = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<_>>();
    x.iter().zip(update).map(|pair| layer_norm(model, name, &sum(pair))).collect()
}

fn layer_norm(model: &RandomModel, name: &str, x: &[f64]) -> Vec<f64> {
    let take = |what: &str| &model.tensors[&format!("{name}.LayerNorm.{what}")].1;
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64;
    let scaled = x.iter().map(|v| (v - mean) / (variance + 1e-12).sqrt());
    let pairs = take("weight").iter().zip(take("bias"));
    scaled.zip(pairs).map(|(v, (&scale, &shift))| v * f64::from(scale) + f64::from(shift)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Eight sums, so that the additions do not wait for each other: the tests are to be quick.
    let mut sums = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        sums.iter_mut().zip(a).zip(b).for_each(|((sum, a), b)| *sum += a * b);
    }
    sums.iter().sum()
}

/// What Hugging Face's `ACT2FN` has under this name.
fn activation(name: &str, x: f64) -> f64 {
    match name {
        "gelu" => 0.5 * x * (1.0 + erf(x / 2.0_f64.sqrt())),
        "gelu_new" | "gelu_pytorch_tanh" => {
            0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
        }
        "relu" => x.max(0.0),
        other => panic!("no activation {other}"),
    }
}

/// erf by its everywhere positive series 2/√π exp(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!, 1 to all digits from 6 on.
fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum, mut n) = (x, x, 1.0);
    while term.abs() > 1e-17 * sum.abs() {
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
        n += 1.0;
    }
    sum * (-x * x).exp() * std::f64::consts::FRAC_2_SQRT_PI
}
