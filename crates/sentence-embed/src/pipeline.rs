//! What sentence-transformers does around the transformer, from `modules.json` and the files that it names: how texts
//! are cut, how token vectors become one, whether that is scaled. Knows nothing of weights or sizes of layers.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::error::Error;
use crate::files::{read_json, read_json_if_there, unsupported};
use crate::pooling::Pooling;
use crate::weights::FILE as WEIGHTS;

/// How many tokens are read where nothing describes the model but its transformer: as all-MiniLM-L6-v2 does.
const BARE_MAX_TOKENS: usize = 256;
const MODULES: &str = "modules.json";
const LIBRARY_CONFIG: &str = "config_sentence_transformers.json";
/// Where the pooling is described if there is no `modules.json`.
const BARE_POOLING: &str = "1_Pooling";
/// The steps that are computed, in this order, the last one only where it is listed.
const STEPS: [&str; 3] = ["Transformer", "Pooling", "Normalize"];

/// The steps of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pipeline {
    /// The folder with the transformer's own files.
    pub transformer: PathBuf,
    pub pooling: Pooling,
    /// Whether vectors are scaled to length 1.
    pub normalize: bool,
    /// Whether `modules.json` says all this.
    described: bool,
}

/// How a text is made ready for the tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextSettings {
    /// The tokens that are read of a text, those that mark its ends included.
    pub max_tokens: usize,
    /// Whether a text is lower-cased first, whatever the tokenizer does itself.
    pub lower_case: bool,
}

/// One entry of `modules.json`.
#[derive(Deserialize)]
struct Module {
    path: String,
    r#type: String,
}

impl Module {
    /// `Pooling` of `sentence_transformers.models.Pooling`: the packages in between differ between versions. Of other
    /// people's classes, which may compute anything, the whole name.
    fn step(&self) -> &str {
        let own = self.r#type.strip_prefix("sentence_transformers.");
        own.and_then(|own| own.rsplit('.').next()).unwrap_or(&self.r#type)
    }
}

/// The part of `sentence_bert_config.json` that matters here.
#[derive(Deserialize)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: Option<bool>,
}

/// The part of `tokenizer_config.json` that matters here. Where there is no limit a number of 31 digits stands for it.
#[derive(Deserialize)]
struct TokenizerConfig {
    model_max_length: Option<f64>,
}

/// The part of `config_sentence_transformers.json` that matters here.
#[derive(Deserialize)]
struct LibraryConfig {
    default_prompt_name: Option<String>,
}

impl Pipeline {
    /// Reads the steps of the model in `dir`. Without `modules.json` they are the transformer, the mean (or what
    /// `1_Pooling/config.json` says) and the scaling.
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        refuse_prompts(dir)?;
        let Some(modules) = read_modules(dir)? else {
            let folder = dir.join(BARE_POOLING);
            let is_there = folder.join("config.json").symlink_metadata().is_ok();
            let pooling = if is_there { read_pooling(&folder)? } else { Pooling::Mean };
            return Ok(Self { transformer: dir.to_owned(), pooling, normalize: true, described: false });
        };
        Ok(Self {
            transformer: dir.join(&modules[0].path),
            pooling: read_pooling(&dir.join(&modules[1].path))?,
            normalize: modules.len() == STEPS.len(),
            described: true,
        })
    }

    /// Reads how texts are cut: `max_seq_length` of `sentence_bert_config.json`, else what tokenizer and positions
    /// allow, as sentence-transformers does.
    pub(crate) fn text_settings(&self, config: &Config) -> Result<TextSettings, Error> {
        let path = self.transformer.join("sentence_bert_config.json");
        let said: Option<SentenceConfig> = read_json_if_there(&path)?;
        let lower_case = said.as_ref().and_then(|said| said.do_lower_case).unwrap_or(false);
        let positions = config.max_position_embeddings;
        let max_tokens = match said.and_then(|said| said.max_seq_length) {
            Some(max) if max == 0 || max > positions => {
                let expected = format!("1 to {positions} (max_position_embeddings)");
                return Err(unsupported(&path, "max_seq_length", max, &expected));
            }
            Some(max) => max,
            None if self.described => self.tokenizers_limit()?.unwrap_or(positions).min(positions),
            None => BARE_MAX_TOKENS.min(positions),
        };
        Ok(TextSettings { max_tokens, lower_case })
    }

    fn tokenizers_limit(&self) -> Result<Option<usize>, Error> {
        let path = self.transformer.join("tokenizer_config.json");
        let limit = read_json_if_there::<TokenizerConfig>(&path)?.and_then(|said| said.model_max_length);
        // The cast saturates, and what is beyond all positions sets no limit anyway.
        Ok(limit.filter(|limit| *limit >= 1.0).map(|limit| limit as usize))
    }
}

/// The files that the vectors of the model in `dir` depend on, as far as they are there: what
/// [`Encoder::from_dir`](crate::Encoder::from_dir) reads. Who keeps vectors tells models apart by their content.
///
/// The weights are the last of them. Of the files only those that describe the model are read, which takes no time: a
/// model that is not computed shows here, one whose tokenizer or weights are damaged does not.
///
/// # Errors
///
/// If what describes the model is missing or damaged, or describes one that is not computed.
pub fn model_files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let pipeline = Pipeline::read(dir)?;
    pipeline.text_settings(&Config::read(&pipeline.transformer)?)?;
    let (transformer, pooling) = match read_modules(dir)? {
        Some(modules) => (dir.join(&modules[0].path), dir.join(&modules[1].path)),
        None => (dir.to_owned(), dir.join(BARE_POOLING)),
    };
    let in_transformer =
        ["config.json", "sentence_bert_config.json", "tokenizer_config.json", "tokenizer.json", WEIGHTS];
    let mut files = vec![dir.join(MODULES), dir.join(LIBRARY_CONFIG), pooling.join("config.json")];
    files.extend(in_transformer.iter().map(|name| transformer.join(name)));
    files.retain(|path| path.is_file());
    Ok(files)
}

/// The modules of `modules.json`, two or three of those that are computed; nothing where there is no such file.
fn read_modules(dir: &Path) -> Result<Option<Vec<Module>>, Error> {
    let path = dir.join(MODULES);
    let Some(modules) = read_json_if_there::<Vec<Module>>(&path)? else { return Ok(None) };
    let steps: Vec<&str> = modules.iter().map(Module::step).collect();
    if steps != STEPS && steps != STEPS[..2] {
        let expected = format!("{}, with or without the last", STEPS.join(" + "));
        return Err(unsupported(&path, "the list of modules", steps.join(" + "), &expected));
    }
    Ok(Some(modules))
}

/// A prompt that is put before every text changes every vector.
fn refuse_prompts(dir: &Path) -> Result<(), Error> {
    let path = dir.join(LIBRARY_CONFIG);
    let Some(LibraryConfig { default_prompt_name: Some(name) }) = read_json_if_there(&path)? else {
        return Ok(());
    };
    Err(unsupported(
        &path,
        "default_prompt_name",
        format!("{name:?}"),
        "null: it puts no prompt before a text",
    ))
}

/// The one way of pooling that `config.json` in `dir` asks for.
fn read_pooling(dir: &Path) -> Result<Pooling, Error> {
    let path = dir.join("config.json");
    let settings: Map<String, Value> = read_json(&path)?;
    let modes = modes(&settings);
    match modes.join(" + ").as_str() {
        "mean" | "mean_tokens" => Ok(Pooling::Mean),
        "cls" | "cls_token" => Ok(Pooling::Cls),
        found => Err(unsupported(&path, "the pooling mode", format!("{found:?}"), "\"mean\" or \"cls\"")),
    }
}

/// Newer files name the mode or list several, older ones have a flag for each.
fn modes(settings: &Map<String, Value>) -> Vec<String> {
    let Some(named) = settings.get("pooling_mode") else {
        let flags = settings.iter().filter(|(_, value)| value.as_bool() == Some(true));
        return flags.filter_map(|(key, _)| key.strip_prefix("pooling_mode_")).map(str::to_owned).collect();
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    named.as_array().map_or_else(|| vec![text(named)], |modes| modes.iter().map(text).collect())
}
