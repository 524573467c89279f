//! Other models of the family than the one whose weights are at hand: random weights of their shapes, against a plain
//! forward pass in f64.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "the helpers of tests may do what tests may")]

mod models;
mod reference;

use models::{RandomModel, Shape, text, words};
use safetensors::Dtype;
use sentence_embed::{Encoder, model_files};
use serde_json::json;

/// What f32 arithmetic may differ by from f64, as a share of a vector's length.
const TOLERANCE: f64 = 1e-5;

const SMALL: Shape = Shape {
    name: "",
    layers: 12,
    hidden: 384,
    heads: 12,
    inner: 1536,
    positions: 512,
    max_tokens: 512,
    pooling: "mean",
    normalize: true,
    activation: "gelu",
    prefix: "",
    dtype: Dtype::F32,
};

fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// Embeds texts of these numbers of words and compares each component with the reference's.
fn assert_agrees(model: &RandomModel, lengths: &[usize]) {
    let texts: Vec<Vec<usize>> = lengths.iter().enumerate().map(|(i, &length)| words(length, i)).collect();
    let encoder = Encoder::from_dir(&model.folder).unwrap();
    assert_eq!((encoder.dim(), encoder.max_tokens()), (model.shape.hidden, model.shape.max_tokens));
    let found = encoder.embed(&texts.iter().map(|words| text(words)).collect::<Vec<_>>()).unwrap();
    let mut worst = 0.0_f64;
    for (row, words) in found.rows().zip(&texts) {
        let expected = reference::embed(model, words);
        let difference = row.iter().zip(&expected).map(|(&a, b)| (f64::from(a) - b).abs());
        worst = worst.max(difference.fold(0.0, f64::max) / norm(&expected));
    }
    println!("{}: largest difference {worst:e}", model.shape.name);
    assert!(worst < TOLERANCE, "{}: {worst:e}", model.shape.name);
}

#[test]
fn all_minilm_l12_v2_is_twelve_layers_cut_at_128_tokens() {
    let model = RandomModel::write(Shape { name: "all-MiniLM-L12-v2", max_tokens: 128, ..SMALL }, 1);
    assert_agrees(&model, &[0, 1, 7, 33, 150]);
}

#[test]
fn bge_small_en_takes_the_first_tokens_vector() {
    let shape = Shape { name: "bge-small-en-v1.5", pooling: "cls", ..SMALL };
    assert_agrees(&RandomModel::write(shape, 2), &[0, 1, 7, 33]);
}

#[test]
fn bge_base_en_is_twice_as_wide() {
    // Three of its twelve layers: the others are of the same shape, and the test is to be quick.
    let wide = Shape { hidden: 768, inner: 3072, layers: 3, ..SMALL };
    let shape = Shape { name: "bge-base-en-v1.5", pooling: "cls", ..wide };
    assert_agrees(&RandomModel::write(shape, 3), &[0, 1, 7, 33]);
}

#[test]
fn e5_small_may_be_a_part_of_a_larger_model() {
    let shape = Shape { name: "e5-small-v2", prefix: "bert.", ..SMALL };
    assert_agrees(&RandomModel::write(shape, 4), &[0, 1, 7, 33]);
}

#[test]
fn gte_small_has_weights_of_16_bits() {
    let shape = Shape { name: "gte-small", dtype: Dtype::F16, ..SMALL };
    assert_agrees(&RandomModel::write(shape, 5), &[0, 1, 7, 33]);
}

#[test]
fn paraphrase_minilm_l6_v2_leaves_its_vectors_as_long_as_they_are() {
    let shape =
        Shape { name: "paraphrase-MiniLM-L6-v2", layers: 6, max_tokens: 128, normalize: false, ..SMALL };
    let model = RandomModel::write(shape, 6);
    assert_agrees(&model, &[0, 1, 7, 33, 150]);
    let length = norm(&reference::embed(&model, &words(7, 2)));
    assert!((length - 1.0).abs() > 0.1, "the test would not notice a scaling: {length}");
}

#[test]
fn sizes_that_are_no_multiples_of_anything_are_computed_too() {
    let sizes = [
        // rubert-tiny2: heads of 26 numbers.
        ("rubert-tiny2", 312, 12, 600),
        ("bert-tiny", 128, 2, 512),
        ("odd-heads", 21, 3, 50),
        ("one-number-a-head", 5, 5, 3),
    ];
    for (name, hidden, heads, inner) in sizes {
        let shape = Shape { name, hidden, heads, inner, layers: 3, pooling: "cls", ..SMALL };
        assert_agrees(&RandomModel::write(shape, 8), &[0, 1, 7, 33, 150]);
    }
}

#[test]
fn the_activation_is_the_one_that_the_configuration_names() {
    let tokens = words(7, 2);
    let mut seen: Vec<Vec<f64>> = Vec::new();
    for activation in ["gelu", "gelu_new", "relu"] {
        let shape = Shape { name: activation, activation, layers: 8, ..SMALL };
        let model = RandomModel::write(shape, 9);
        assert_agrees(&model, &[0, 1, 7, 33, 150]);
        let vector = reference::embed(&model, &tokens);
        for other in &seen {
            let difference = vector.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(difference > 2.0 * TOLERANCE, "the test would not notice another function: {difference}");
        }
        seen.push(vector);
    }
    let shape = Shape { name: "gelu_pytorch_tanh", activation: "gelu_pytorch_tanh", layers: 8, ..SMALL };
    assert_agrees(&RandomModel::write(shape, 9), &[0, 7]);
}

/// A model that is quick to write, for what does not depend on its size.
fn tiny(name: &'static str) -> RandomModel {
    RandomModel::write(
        Shape { name, layers: 1, hidden: 16, heads: 2, inner: 32, positions: 40, max_tokens: 20, ..SMALL },
        7,
    )
}

/// The files that count, from the model's folder.
fn files(model: &RandomModel) -> Vec<String> {
    let relative =
        |path: &std::path::PathBuf| path.strip_prefix(&model.folder).unwrap().to_str().unwrap().to_owned();
    model_files(&model.folder).unwrap().iter().map(relative).collect()
}

#[test]
fn the_files_that_count_are_those_that_are_there() {
    let model = tiny("files");
    for name in ["modules.json", "1_Pooling/config.json", "sentence_bert_config.json"] {
        std::fs::remove_file(model.folder.join(name)).unwrap();
    }
    assert_eq!(files(&model), ["config.json", "tokenizer.json", "model.safetensors"]);
    let bare = Encoder::from_dir(&model.folder).unwrap();
    assert_eq!(bare.max_tokens(), 40, "256, if there were as many positions");
}

#[test]
fn the_transformer_may_have_a_folder_of_its_own() {
    let model = tiny("own-folder");
    let plain = Encoder::from_dir(&model.folder).unwrap().embed(&["w1 w2"]).unwrap();
    let inside = model.folder.join("0_Transformer");
    std::fs::create_dir(&inside).unwrap();
    for file in ["config.json", "tokenizer.json", "sentence_bert_config.json", "model.safetensors"] {
        std::fs::rename(model.folder.join(file), inside.join(file)).unwrap();
    }
    model.write_json(
        "modules.json",
        &json!([
            {"path": "0_Transformer", "type": "sentence_transformers.base.models.Transformer"},
            {"path": "1_Pooling", "type": "sentence_transformers.sentence_transformer.models.Pooling"},
            {"path": "2_Normalize", "type": "sentence_transformers.sentence_transformer.models.Normalize"}
        ]),
    );
    assert_eq!(
        files(&model),
        [
            "modules.json",
            "1_Pooling/config.json",
            "0_Transformer/config.json",
            "0_Transformer/sentence_bert_config.json",
            "0_Transformer/tokenizer.json",
            "0_Transformer/model.safetensors"
        ]
    );
    let encoder = Encoder::from_dir(&model.folder).unwrap();
    assert_eq!(encoder.max_tokens(), 20);
    assert_eq!(encoder.embed(&["w1 w2"]).unwrap(), plain);
}

#[test]
fn without_a_stated_length_tokenizer_and_positions_set_it() {
    let model = tiny("length");
    model.write_json("sentence_bert_config.json", &json!({"max_seq_length": null}));
    let max_tokens = || Encoder::from_dir(&model.folder).unwrap().max_tokens();
    assert_eq!(max_tokens(), 40);
    model.write_json("tokenizer_config.json", &json!({"model_max_length": 30}));
    assert_eq!(max_tokens(), 30);
    model.write_json("tokenizer_config.json", &json!({"model_max_length": 1e30}));
    assert_eq!(max_tokens(), 40);
}

#[test]
fn texts_are_lower_cased_where_the_model_says_so_and_its_tokenizer_does_not() {
    let model = tiny("case");
    let path = model.folder.join("tokenizer.json");
    let tokenizer = std::fs::read_to_string(&path).unwrap();
    let cased = tokenizer.replace("\"lowercase\":true", "\"lowercase\":false");
    assert_ne!(cased, tokenizer);
    std::fs::write(&path, cased).unwrap();
    let rows = || {
        let vectors = Encoder::from_dir(&model.folder).unwrap().embed(&["w1 w2", "W1 W2"]).unwrap();
        (vectors.row(0).to_vec(), vectors.row(1).to_vec())
    };
    let (lower, upper) = rows();
    assert_ne!(lower, upper);
    model.write_json("sentence_bert_config.json", &json!({"max_seq_length": 20, "do_lower_case": true}));
    assert_eq!(rows(), (lower.clone(), lower));
}
