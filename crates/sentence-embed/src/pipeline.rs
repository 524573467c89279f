//! The steps of sentence-transformers around the transformer, from `modules.json` and the files that it names: the
//! maximum number of tokens, the pooling, and the scaling.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::error::Error;
use crate::files::{read_json, read_json_if_there, unsupported};
use crate::pooling::Pooling;
use crate::weights::FILE as WEIGHTS;

/// The maximum number of tokens if only the transformer is described: the value of all-MiniLM-L6-v2.
const BARE_MAX_TOKENS: usize = 256;
const MODULES: &str = "modules.json";
const LIBRARY_CONFIG: &str = "config_sentence_transformers.json";
/// The file with the pooling if there is no `modules.json`.
const BARE_POOLING: &str = "1_Pooling";
/// The supported steps in their order. The last step is optional.
const STEPS: [&str; 3] = ["Transformer", "Pooling", "Normalize"];

/// The steps of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pipeline {
    /// The folder with the files of the transformer.
    pub transformer: PathBuf,
    pub pooling: Pooling,
    /// Whether vectors are scaled to length 1.
    pub normalize: bool,
    /// Whether the steps come from `modules.json`.
    described: bool,
}

/// How a text is prepared for the tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextSettings {
    /// The maximum number of tokens of a text, including the tokens that mark its ends.
    pub max_tokens: usize,
    /// Whether a text is lower-cased before it is tokenized.
    pub lower_case: bool,
}

/// An entry of `modules.json`.
#[derive(Deserialize)]
struct Module {
    path: String,
    r#type: String,
}

impl Module {
    /// Returns the name of the class: `Pooling` for `sentence_transformers.models.Pooling`, because the packages in
    /// between differ between versions. For classes of other packages, which may compute anything, it is the full name.
    fn step(&self) -> &str {
        let own = self.r#type.strip_prefix("sentence_transformers.");
        own.and_then(|own| own.rsplit('.').next()).unwrap_or(&self.r#type)
    }
}

/// The supported settings of `sentence_bert_config.json`.
#[derive(Deserialize)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: Option<bool>,
}

/// The supported settings of `tokenizer_config.json`. A number of 31 digits means that there is no limit.
#[derive(Deserialize)]
struct TokenizerConfig {
    model_max_length: Option<f64>,
}

/// The supported settings of `config_sentence_transformers.json`.
#[derive(Deserialize)]
struct LibraryConfig {
    default_prompt_name: Option<String>,
}

impl Pipeline {
    /// Reads the steps of the model in `dir`. Without `modules.json` they are the transformer, the mean (or the pooling
    /// of `1_Pooling/config.json`) and the scaling.
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

    /// Reads the maximum number of tokens: `max_seq_length` of `sentence_bert_config.json`, else the limit of the
    /// tokenizer and the positions, as in sentence-transformers.
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

/// Returns the existing files on which the vectors of the model in `dir` depend: the files that
/// [`Encoder::from_dir`](crate::Encoder::from_dir) reads, with the weights last. A cache of vectors can identify a
/// model by the content of these files.
///
/// Only the small files that describe the model are read. Therefore an unsupported model is detected here, but a
/// damaged tokenizer or damaged weights are not.
///
/// # Errors
///
/// An error if a file that describes the model is missing or damaged, or describes a model that is not supported.
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

/// Returns the modules of `modules.json`, two or three supported steps; `None` if the file does not exist.
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

/// Checks that the model has no default prompt: a prompt before every text changes every vector.
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

/// Returns the pooling in the `config.json` in `dir`, which must be a single one.
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

/// Returns the pooling modes of a file. Newer files name one or several modes; older files have a flag for each.
fn modes(settings: &Map<String, Value>) -> Vec<String> {
    let Some(named) = settings.get("pooling_mode") else {
        let flags = settings.iter().filter(|(_, value)| value.as_bool() == Some(true));
        return flags.filter_map(|(key, _)| key.strip_prefix("pooling_mode_")).map(str::to_owned).collect();
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    named.as_array().map_or_else(|| vec![text(named)], |modes| modes.iter().map(text).collect())
}
