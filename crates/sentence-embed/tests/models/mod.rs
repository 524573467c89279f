//! Models of real shapes with random weights, written as sentence-transformers lays them out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

/// The words that a text of the tests may have; ids follow those of the markers.
pub const WORDS: usize = 60;
/// `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`.
pub const MARKERS: usize = 4;
pub const CLS: usize = 2;
pub const SEP: usize = 3;

/// What a model is like.
#[derive(Debug, Clone)]
pub struct Shape {
    pub name: &'static str,
    pub layers: usize,
    pub hidden: usize,
    pub heads: usize,
    pub inner: usize,
    pub positions: usize,
    pub max_tokens: usize,
    /// `mean` or `cls`.
    pub pooling: &'static str,
    pub normalize: bool,
    /// `hidden_act` of `config.json`.
    pub activation: &'static str,
    /// What the names of tensors begin with.
    pub prefix: &'static str,
    pub dtype: Dtype,
}

/// A tensor's shape and its numbers.
pub type Tensor = (Vec<usize>, Vec<f32>);

/// A model's folder, removed when dropped, and the weights that are in it.
pub struct RandomModel {
    pub folder: PathBuf,
    pub shape: Shape,
    /// By their names without a prefix.
    pub tensors: BTreeMap<String, Tensor>,
}

impl RandomModel {
    pub fn write(shape: Shape, seed: u64) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("family-{}", shape.name));
        let _ = fs::remove_dir_all(&folder);
        let tensors = random_tensors(&shape, seed);
        let model = Self { folder, shape, tensors };
        model.write_json("config.json", &model.config());
        model.write_json("tokenizer.json", &tokenizer());
        model.write_json("modules.json", &model.modules());
        let max = json!({"max_seq_length": model.shape.max_tokens, "do_lower_case": false});
        model.write_json("sentence_bert_config.json", &max);
        model.write_json("1_Pooling/config.json", &model.pooling());
        model.write_weights();
        model
    }

    pub fn write_json(&self, name: &str, value: &Value) {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, value.to_string()).unwrap();
    }

    fn config(&self) -> Value {
        let Shape { layers, hidden, heads, inner, positions, activation, .. } = self.shape;
        json!({
            "architectures": ["BertModel"], "model_type": "bert", "hidden_act": activation,
            "hidden_size": hidden, "intermediate_size": inner, "num_attention_heads": heads,
            "num_hidden_layers": layers, "vocab_size": WORDS + MARKERS, "type_vocab_size": 2,
            "max_position_embeddings": positions, "layer_norm_eps": 1e-12
        })
    }

    fn modules(&self) -> Value {
        let steps = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")];
        let listed = &steps[..if self.shape.normalize { 3 } else { 2 }];
        let module = |(index, (path, step)): (usize, &(&str, &str))| {
            let name = index.to_string();
            let r#type = format!("sentence_transformers.models.{step}");
            json!({"idx": index, "name": name, "path": path, "type": r#type})
        };
        listed.iter().enumerate().map(module).collect()
    }

    fn pooling(&self) -> Value {
        let is = |mode: &str| self.shape.pooling == mode;
        json!({
            "word_embedding_dimension": self.shape.hidden, "pooling_mode_cls_token": is("cls"),
            "pooling_mode_mean_tokens": is("mean"), "pooling_mode_max_tokens": false,
            "pooling_mode_mean_sqrt_len_tokens": false
        })
    }

    fn write_weights(&self) {
        let bytes = |values: &[f32]| match self.shape.dtype {
            Dtype::F16 => values.iter().flat_map(|&value| to_f16(value).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>(),
        };
        let data: Vec<_> = self.tensors.iter().map(|(name, (shape, v))| (name, shape, bytes(v))).collect();
        let views = data.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(self.shape.dtype, (*shape).clone(), bytes).unwrap();
            (format!("{}{name}", self.shape.prefix), view)
        });
        let file = safetensors::serialize(views, None).unwrap();
        fs::write(self.folder.join("model.safetensors"), file).unwrap();
    }
}

impl Drop for RandomModel {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// `count` words of the vocabulary, which differ from text to text.
pub fn words(count: usize, text: usize) -> Vec<usize> {
    (0..count).map(|at| (at * at + 7 * at + 13 * text) % WORDS).collect()
}

/// The text that the tokenizer takes apart into these words.
pub fn text(words: &[usize]) -> String {
    words.iter().map(|word| format!("w{word}")).collect::<Vec<_>>().join(" ")
}

fn tokenizer() -> Value {
    let markers = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(str::to_owned);
    let all = markers.into_iter().chain((0..WORDS).map(|word| format!("w{word}")));
    let vocabulary: BTreeMap<String, usize> = all.enumerate().map(|(id, token)| (token, id)).collect();
    let marker = |token: &str, id: usize| json!({"id": token, "ids": [id], "tokens": [token]});
    json!({
        "version": "1.0",
        "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": marker("[CLS]", CLS), "[SEP]": marker("[SEP]", SEP)}
        },
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary}
    })
}

/// Weights as large as those of trained models: queries meet keys with a spread of about 1, so that attention is
/// neither even nor all on one token.
fn random_tensors(shape: &Shape, seed: u64) -> BTreeMap<String, Tensor> {
    let mut random = Random(seed);
    let (hidden, inner) = (shape.hidden, shape.inner);
    let mut tensors = BTreeMap::new();
    let mut add = |name: String, dims: &[usize], centre: f32, spread: f32| {
        let values = (0..dims.iter().product()).map(|_| centre + spread * random.bell());
        // What is written in 16 bits is exact in them, so that the reference has the same numbers.
        let round = |value| if shape.dtype == Dtype::F16 { from_f16(to_f16(value)) } else { value };
        tensors.insert(name, (dims.to_vec(), values.map(round).collect()));
    };
    for (name, rows) in [("word", WORDS + MARKERS), ("position", shape.positions), ("token_type", 2)] {
        add(format!("embeddings.{name}_embeddings.weight"), &[rows, hidden], 0.0, 0.05);
    }
    let layers = (0..shape.layers).map(|layer| format!("encoder.layer.{layer}."));
    let norms =
        layers.clone().flat_map(|layer| ["attention.output", "output"].map(|part| format!("{layer}{part}")));
    for part in norms.chain(["embeddings".to_owned()]) {
        add(format!("{part}.LayerNorm.weight"), &[hidden], 1.0, 0.1);
        add(format!("{part}.LayerNorm.bias"), &[hidden], 0.0, 0.1);
    }
    for layer in layers {
        for (part, outputs, inputs) in [
            ("attention.self.query", hidden, hidden),
            ("attention.self.key", hidden, hidden),
            ("attention.self.value", hidden, hidden),
            ("attention.output.dense", hidden, hidden),
            ("intermediate.dense", inner, hidden),
            ("output.dense", hidden, inner),
        ] {
            let spread = 1.0 / (inputs as f32).sqrt();
            add(format!("{layer}{part}.weight"), &[outputs, inputs], 0.0, spread);
            add(format!("{layer}{part}.bias"), &[outputs], 0.0, 0.1);
        }
    }
    tensors
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// About a normal number: the sum of four even ones, scaled to variance 1.
    fn bell(&mut self) -> f32 {
        let bits = self.next();
        let sum: f32 = (0..4).map(|at| (bits >> (16 * at) & 0xffff) as f32 / 65_536.0 - 0.5).sum();
        sum * 3.0_f32.sqrt()
    }
}

/// The half float nearest to a number that is neither tiny nor huge; halves go away from zero.
fn to_f16(value: f32) -> u16 {
    let bits = value.to_bits() + 0x1000;
    let exponent = bits >> 23 & 0xff;
    let sign = (bits >> 16 & 0x8000) as u16;
    // What would be subnormal becomes 0: the tests need no such number.
    if exponent < 113 { sign } else { sign | ((exponent - 112) << 10 | bits >> 13 & 0x3ff) as u16 }
}

fn from_f16(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    let magnitude = if exponent == 0 { 0.0 } else { (1.0 + fraction / 1024.0) * 2.0_f32.powi(exponent - 15) };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}
