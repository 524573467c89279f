//! A BERT sentence encoder of a few kilobytes, as a repository or a folder has it.

use serde_json::{Value, json};

const HIDDEN: usize = 8;
const INNER: usize = 16;
const POSITIONS: usize = 32;
const WORDS: [&str; 8] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "dog", "runs", "over", "hills"];

/// All its files: paths and contents.
pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    let json = |value: Value| value.to_string().into_bytes();
    let module = |(path, step): (&str, &str)| json!({"path": path, "type": format!("sentence_transformers.models.{step}")});
    let modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")].map(module);
    vec![
        ("modules.json", json(json!(modules))),
        ("1_Pooling/config.json", json(json!({"pooling_mode_mean_tokens": true}))),
        ("sentence_bert_config.json", json(json!({"max_seq_length": POSITIONS}))),
        ("config.json", json(config())),
        ("tokenizer.json", json(tokenizer())),
        ("model.safetensors", weights()),
    ]
}

fn config() -> Value {
    json!({
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": HIDDEN, "intermediate_size": INNER,
        "num_attention_heads": 2, "num_hidden_layers": 1, "vocab_size": WORDS.len(),
        "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "layer_norm_eps": 1e-12
    })
}

fn tokenizer() -> Value {
    let vocabulary: serde_json::Map<String, Value> =
        WORDS.iter().enumerate().map(|(id, word)| ((*word).to_owned(), json!(id))).collect();
    let marker = |token: &str, id: usize| json!({"id": token, "ids": [id], "tokens": [token]});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "decoder": null,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": marker("[CLS]", 2), "[SEP]": marker("[SEP]", 3)}
        },
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary}
    })
}

/// safetensors: the length of the header, a JSON header, the numbers.
fn weights() -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut data: Vec<u8> = Vec::new();
    let mut add = |name: String, shape: &[usize]| {
        let start = data.len();
        let count: usize = shape.iter().product();
        // Numbers without much of a pattern, from -0.5 to 0.5.
        data.extend((0..count).flat_map(|i| (((i * 37 + start) % 101) as f32 / 101.0 - 0.5).to_le_bytes()));
        header.insert(name, json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]}));
    };
    for (name, rows) in [("word", WORDS.len()), ("position", POSITIONS), ("token_type", 2)] {
        add(format!("embeddings.{name}_embeddings.weight"), &[rows, HIDDEN]);
    }
    let layer = "encoder.layer.0";
    for part in ["embeddings", &format!("{layer}.attention.output"), &format!("{layer}.output")] {
        add(format!("{part}.LayerNorm.weight"), &[HIDDEN]);
        add(format!("{part}.LayerNorm.bias"), &[HIDDEN]);
    }
    for (part, outputs, inputs) in [
        ("attention.self.query", HIDDEN, HIDDEN),
        ("attention.self.key", HIDDEN, HIDDEN),
        ("attention.self.value", HIDDEN, HIDDEN),
        ("attention.output.dense", HIDDEN, HIDDEN),
        ("intermediate.dense", INNER, HIDDEN),
        ("output.dense", HIDDEN, INNER),
    ] {
        add(format!("{layer}.{part}.weight"), &[outputs, inputs]);
        add(format!("{layer}.{part}.bias"), &[outputs]);
    }
    let header = Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}
