//! Folders that are no model: each gives an error that names the file and what is wrong.
//!
//! The folders hold a tiny model made here, so these tests need no weights from elsewhere.
#![expect(clippy::unwrap_used, reason = "the helpers of tests may do what tests may")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use sentence_embed::{Encoder, model_files};
use serde_json::{Value, json};

const HIDDEN: usize = 8;
const INNER: usize = 16;
const VOCABULARY: [&str; 6] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "hello", "world"];

type Tensors = BTreeMap<String, (Dtype, Vec<usize>)>;

/// A folder with a tiny model, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        let _ = fs::remove_dir_all(&folder.0);
        fs::create_dir_all(folder.0.join("1_Pooling")).unwrap();
        folder.write("config.json", &config());
        folder.write("tokenizer.json", &tokenizer());
        folder.write("sentence_bert_config.json", &json!({"max_seq_length": 6}));
        folder.write(
            "1_Pooling/config.json",
            &json!({"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}),
        );
        folder.write_weights(&tensors());
        folder
    }

    fn write(&self, file: &str, value: &Value) {
        fs::write(self.0.join(file), value.to_string()).unwrap();
    }

    fn write_weights(&self, tensors: &Tensors) {
        let data: Vec<u8> =
            (0..1024_u16).flat_map(|i| (f32::from(i % 13) / 13.0 - 0.4).to_le_bytes()).collect();
        let views = tensors.iter().map(|(name, (dtype, shape))| {
            let bytes = shape.iter().product::<usize>() * dtype.bitsize() / 8;
            let view = TensorView::new(*dtype, shape.clone(), &data[..bytes]).unwrap();
            (name.clone(), view)
        });
        let bytes = safetensors::serialize(views, None).unwrap();
        fs::write(self.0.join("model.safetensors"), bytes).unwrap();
    }

    /// The message of the error, which must name the file.
    fn error(&self, file: &str) -> String {
        let error = Encoder::from_dir(&self.0).expect_err("the folder is broken");
        let message = error.to_string();
        // What describes the model is looked at without the model.
        if !["tokenizer.json", "model.safetensors"].contains(&file) && !file.contains("model") {
            assert_eq!(model_files(&self.0).map_err(|error| error.to_string()), Err(message.clone()));
        }
        let path = self.0.join(file).display().to_string();
        assert!(message.contains(&path), "{message}");
        message.replace(&path, file)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn config() -> Value {
    json!({
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": HIDDEN,
        "intermediate_size": INNER, "num_attention_heads": 2, "num_hidden_layers": 1,
        "vocab_size": VOCABULARY.len(), "max_position_embeddings": 10, "type_vocab_size": 2,
        "layer_norm_eps": 1e-12
    })
}

fn tokenizer() -> Value {
    let ids = VOCABULARY.iter().enumerate();
    let vocabulary: BTreeMap<&str, usize> = ids.map(|(id, &token)| (token, id)).collect();
    let marker = |token: &str, id: usize| json!({"id": token, "ids": [id], "tokens": [token]});
    json!({
        "version": "1.0",
        "truncation": {"max_length": 3, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": marker("[CLS]", 2), "[SEP]": marker("[SEP]", 3)}
        },
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary}
    })
}

/// The names, types and shapes of all tensors of the tiny model.
fn tensors() -> Tensors {
    let layer = "encoder.layer.0";
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        ("embeddings.word_embeddings.weight".into(), vec![VOCABULARY.len(), HIDDEN]),
        ("embeddings.position_embeddings.weight".into(), vec![10, HIDDEN]),
        ("embeddings.token_type_embeddings.weight".into(), vec![2, HIDDEN]),
    ];
    for part in ["embeddings", &format!("{layer}.attention.output"), &format!("{layer}.output")] {
        shapes.push((format!("{part}.LayerNorm.weight"), vec![HIDDEN]));
        shapes.push((format!("{part}.LayerNorm.bias"), vec![HIDDEN]));
    }
    let dense = [
        ("attention.self.query", HIDDEN, HIDDEN),
        ("attention.self.key", HIDDEN, HIDDEN),
        ("attention.self.value", HIDDEN, HIDDEN),
        ("attention.output.dense", HIDDEN, HIDDEN),
        ("intermediate.dense", INNER, HIDDEN),
        ("output.dense", HIDDEN, INNER),
    ];
    for (part, outputs, inputs) in dense {
        shapes.push((format!("{layer}.{part}.weight"), vec![outputs, inputs]));
        shapes.push((format!("{layer}.{part}.bias"), vec![outputs]));
    }
    let tensor = |(name, shape)| (name, (Dtype::F32, shape));
    shapes.into_iter().map(tensor).collect()
}

#[test]
fn the_tiny_model_itself_is_whole() {
    let folder = Folder::new("whole");
    let encoder = Encoder::from_dir(&folder.0).unwrap();
    assert_eq!((encoder.dim(), encoder.max_tokens()), (HIDDEN, 6));
    let texts = ["", "hello", "hello world hello world", "hello world hello world world"];
    let vectors = encoder.embed(&texts).unwrap();
    assert_eq!(vectors.len(), 4);
    assert!(vectors.as_slice().iter().all(|v| v.is_finite()));
    assert_eq!(vectors.row(2), vectors.row(3), "cut at 6 tokens, not at 3");
}

#[test]
fn the_optional_files_may_be_missing() {
    let folder = Folder::new("optional");
    fs::remove_file(folder.0.join("sentence_bert_config.json")).unwrap();
    fs::remove_dir_all(folder.0.join("1_Pooling")).unwrap();
    // 256 by default, but there are positions for 10 tokens only.
    assert_eq!(Encoder::from_dir(&folder.0).unwrap().max_tokens(), 10);
}

#[test]
fn a_missing_file_is_named() {
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let folder = Folder::new(&format!("missing-{file}"));
        fs::remove_file(folder.0.join(file)).unwrap();
        let message = folder.error(file);
        assert!(message.starts_with(&format!("cannot read {file}")), "{message}");
    }
}

#[test]
fn weights_cut_short_are_an_error_wherever_the_cut_is() {
    let folder = Folder::new("cut");
    let path = folder.0.join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    for len in [0, 5, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..len]).unwrap();
        let message = folder.error("model.safetensors");
        assert!(message.contains("are they complete?"), "{message}");
    }
}

#[test]
fn a_missing_tensor_is_named() {
    for name in tensors().into_keys() {
        let folder = Folder::new("tensor");
        let mut tensors = tensors();
        tensors.remove(&name);
        folder.write_weights(&tensors);
        let expected = format!("model.safetensors has no tensor {name}");
        assert_eq!(folder.error("model.safetensors"), expected);
    }
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both_shapes() {
    let folder = Folder::new("shape");
    let mut tensors = tensors();
    let name = "encoder.layer.0.output.dense.weight";
    tensors.insert(name.into(), (Dtype::F32, vec![INNER, HIDDEN]));
    folder.write_weights(&tensors);
    assert_eq!(
        folder.error("model.safetensors"),
        format!(
            "model.safetensors: the shape of tensor {name} is [16, 8], but by config.json it \
             should be [8, 16]"
        )
    );
}

#[test]
fn a_tensor_of_another_type_is_named() {
    let folder = Folder::new("type");
    let mut tensors = tensors();
    let name = "encoder.layer.0.output.dense.bias";
    tensors.insert(name.into(), (Dtype::I32, vec![HIDDEN]));
    folder.write_weights(&tensors);
    let message = folder.error("model.safetensors");
    let expected = format!("{name} are I32, but this encoder needs F32, F16 or BF16");
    assert!(message.contains(&expected), "{message}");
}

#[test]
fn files_that_are_not_json_are_named() {
    let files = ["config.json", "tokenizer.json", "sentence_bert_config.json", "1_Pooling/config.json"];
    for file in files {
        let folder = Folder::new("json");
        fs::write(folder.0.join(file), "{\"half\": ").unwrap();
        let message = folder.error(file);
        assert!(message.starts_with("cannot understand"), "{message}");
    }
}

#[test]
fn models_that_are_not_computed_are_refused() {
    let cases = [
        ("model_type", json!("roberta"), "model_type is \"roberta\", but this encoder needs \"bert\""),
        (
            "hidden_act",
            json!("silu"),
            "hidden_act is \"silu\", but this encoder needs \"gelu\", \"gelu_new\"",
        ),
        ("position_embedding_type", json!("relative_key"), "needs \"absolute\""),
        ("num_attention_heads", json!(3), "num_attention_heads is 3, but this encoder needs a divisor"),
        ("num_attention_heads", json!(0), "num_attention_heads is 0"),
        ("num_hidden_layers", json!(0), "num_hidden_layers is 0"),
        ("is_decoder", json!(true), "is_decoder is true, but this encoder needs false"),
        ("hidden_size", json!(0), "hidden_size is 0"),
        ("hidden_size", json!(u64::MAX), "hidden_size is 18446744073709551615"),
        ("vocab_size", Value::Null, "invalid type: null"),
    ];
    for (setting, value, expected) in cases {
        let folder = Folder::new("config");
        let mut config = config();
        config[setting] = value;
        folder.write("config.json", &config);
        let message = folder.error("config.json");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_pooling_that_is_not_computed_is_named() {
    let cases = [
        (json!({"pooling_mode_max_tokens": true, "pooling_mode_mean_tokens": false}), "\"max_tokens\""),
        (
            json!({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}),
            "\"cls_token + mean_tokens\"",
        ),
        (json!({"pooling_mode_weightedmean_tokens": true}), "\"weightedmean_tokens\""),
        (json!({"pooling_mode": "lasttoken"}), "\"lasttoken\""),
        (json!({"pooling_mode": ["mean", "max"]}), "\"mean + max\""),
        (json!({"pooling_mode": 7}), "\"7\""),
        (json!({}), "\"\""),
    ];
    let folder = Folder::new("pooling");
    for (case, found) in cases {
        folder.write("1_Pooling/config.json", &case);
        let message = folder.error("1_Pooling/config.json");
        let expected = format!("the pooling mode is {found}, but this encoder needs \"mean\" or \"cls\"");
        assert!(message.contains(&expected), "{message}");
    }
    let computed = [
        json!({"pooling_mode": "mean"}),
        json!({"pooling_mode": ["cls"]}),
        json!({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}),
    ];
    for case in computed {
        folder.write("1_Pooling/config.json", &case);
        assert!(Encoder::from_dir(&folder.0).is_ok(), "{case}");
    }
}

#[test]
fn modules_that_are_not_computed_are_named() {
    let folder = Folder::new("modules");
    let steps = |steps: &[&str]| -> Value {
        let module = |step: &&str| json!({"path": "1_Pooling", "type": format!("sentence_transformers.models.{step}")});
        steps.iter().map(module).collect()
    };
    for (listed, found) in [
        (&["Transformer", "Pooling", "Dense", "Normalize"][..], "Transformer + Pooling + Dense + Normalize"),
        (&["Transformer", "LSTM"], "Transformer + LSTM"),
        (&["WordEmbeddings", "Pooling"], "WordEmbeddings + Pooling"),
        (&["Transformer"], "Transformer"),
        (&[], ""),
    ] {
        folder.write("modules.json", &steps(listed));
        let message = folder.error("modules.json");
        let expected = format!(
            "the list of modules is {found}, but this encoder needs Transformer + Pooling + Normalize, with or \
             without the last"
        );
        assert!(message.contains(&expected), "{message}");
    }
    let foreign = |step: &str| json!({"path": "1_Pooling", "type": format!("my.models.{step}")});
    folder.write("modules.json", &json!([foreign("Transformer"), foreign("Pooling")]));
    let message = folder.error("modules.json");
    assert!(
        message.contains("the list of modules is my.models.Transformer + my.models.Pooling"),
        "{message}"
    );
    folder.write("modules.json", &json!([{"type": "sentence_transformers.models.Transformer"}]));
    assert!(folder.error("modules.json").contains("missing field `path`"));
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_is_a_missing_file_and_not_one_that_never_was() {
    let folder = Folder::new("link");
    std::os::unix::fs::symlink(folder.0.join("gone"), folder.0.join("modules.json")).unwrap();
    assert!(folder.error("modules.json").contains("No such file"));
}

#[test]
fn layers_that_the_configuration_does_not_count_are_refused() {
    let folder = Folder::new("layers");
    let mut tensors = tensors();
    tensors.insert("encoder.layer.1.output.dense.bias".into(), (Dtype::F32, vec![HIDDEN]));
    folder.write_weights(&tensors);
    let message = folder.error("model.safetensors");
    assert!(message.contains("layers is more (encoder.layer.1.output.dense.bias)"), "{message}");
    assert!(message.contains("needs 1, as num_hidden_layers says"), "{message}");
}

#[test]
fn weights_in_another_form_are_named() {
    let others =
        ["model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5"];
    for file in others {
        let folder = Folder::new("form");
        fs::remove_file(folder.0.join("model.safetensors")).unwrap();
        folder.write(file, &json!({}));
        let message = folder.error(file);
        assert!(message.contains("but this encoder needs one file model.safetensors"), "{message}");
    }
}

#[test]
fn a_prompt_before_every_text_is_refused() {
    let folder = Folder::new("prompt");
    let file = "config_sentence_transformers.json";
    folder.write(file, &json!({"prompts": {"query": "query: "}, "default_prompt_name": "query"}));
    let message = folder.error(file);
    assert!(message.contains("default_prompt_name is \"query\", but this encoder needs null"), "{message}");
    folder.write(file, &json!({"prompts": {"query": "query: "}, "default_prompt_name": null}));
    assert!(Encoder::from_dir(&folder.0).is_ok());
}

#[test]
fn limits_without_room_for_a_token_are_refused() {
    let folder = Folder::new("limit");
    for (max, file) in
        [(0, "sentence_bert_config.json"), (11, "sentence_bert_config.json"), (2, "tokenizer.json")]
    {
        folder.write("sentence_bert_config.json", &json!({"max_seq_length": max}));
        let message = folder.error(file);
        assert!(message.contains("but this encoder needs 1 to"), "{message}");
    }
}

#[test]
fn a_tokenizer_with_ids_beyond_the_vocabulary_is_refused() {
    let folder = Folder::new("ids");
    let mut tokenizer = tokenizer();
    tokenizer["model"]["vocab"]["hello"] = json!(6);
    folder.write("tokenizer.json", &tokenizer);
    let message = folder.error("tokenizer.json");
    assert!(message.contains("the largest id is 6"), "{message}");
}
