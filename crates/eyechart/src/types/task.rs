//! A task as written in its TOML file. `docs/tasks.md` documents every key.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::score_entry::default_part;
use super::{Choices, ImagesSpec, ScoreEntry};

/// A dataset, a prompt, generation settings, and how answers are scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The name of the task, such as `vlm-benchmarks/arxivqa`. It is in every file and table.
    pub name: String,
    /// The title of the table that shows the task. Tasks with the same title share a table. The name of the task, if
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// One line for `eyechart tasks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The rows.
    pub dataset: DatasetSpec,
    /// The messages.
    pub prompt: PromptSpec,
    /// Request fields, sent unchanged (`temperature`, `max_tokens`, …). A field that is not named is not sent.
    /// `keep_reasoning = true` is not sent: it leaves reasoning within the text of an answer (`<think>…</think>`) in the
    /// text.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub generation: Map<String, Value>,
    /// The pictures. A task without this table sends only text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ImagesSpec>,
    /// How answers are scored. A task with `[dataset] choices` and without entries is scored by `choice`. Answers of
    /// any other task without entries are recorded and not scored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub score: Vec<ScoreEntry>,
    /// The earlier spelling of `[[score]]` with `scorer = "similarity"`, `references = "each"`, `threshold = 0.8` and
    /// `k = [1, 5, 10]`. A task has only one of the two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compare: Vec<Compare>,
    /// Figures that others published. They are shown next to the run's own and marked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Published>,
}

/// The files with the rows, and the meaning of the columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DatasetSpec {
    /// The data file: a path inside the data folder with `/` between its parts. `*` in the last part stands for any
    /// characters; all files that match are read as one dataset, sorted by name. A folder of pictures is also a data
    /// file.
    pub file: String,
    /// The Hugging Face dataset with the file, such as `organisation/name`. A run fetches what it needs, unless
    /// `--data` names a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<String>,
    /// The branch, tag or commit of `hub`; `main`, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The address that the file is fetched from, unless `--data` names a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `jsonl`, `json`, `csv`, `tsv`, `xlsx`, `parquet`, `image_folder` or `webdataset`; by the file's extension, if
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The character between the cells of a `csv` or `tsv` file, such as `";"`; found in the file, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// The encoding of a file of text, such as `"windows-1252"`, `"utf-16le"` or `"gbk"`; found in the file, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The subfolder of `--data` with this dataset if the task runs as part of a suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// A note for people on where the data comes from. It is in errors and in `eyechart tasks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The column with the sample's id; the row number from 0, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Number of samples without `--limit`; all rows, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_size: Option<usize>,
    /// Columns (or paths into them) that must not be empty. Rows without them are left out before samples are picked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<String>,
    /// The options of a multiple-choice question, and the right one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices: Option<Choices>,
    /// Columns, or paths into them such as `meta.tags`, whose texts are lists if they are written as lists of JSON or Python.
    /// Those of `choices.options` and `[images]` need not be named; elsewhere a text is a text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub literal: Vec<String>,
    /// Columns (or paths into them) to keep in the record (`fields`) for exports, in addition to those that scorers
    /// read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
    /// The column whose text tells which samples belong together, such as several questions about one picture. The
    /// first picture, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
}

/// The messages of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PromptSpec {
    /// The prompt: a minijinja template over the columns of the row.
    pub text: String,
    /// The system message, sent first: a template like `text`. No system message is sent, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Questions with answers, sent as earlier turns before the prompt of every sample (few-shot examples).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// One `[[prompt.examples]]`: a question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The question, sent unchanged. It is not a template.
    pub prompt: String,
    /// The pictures of the question: paths or addresses, as in a column of pictures. They are placed like the
    /// pictures of a sample; the number of a marker is the position in this list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// The answer, sent unchanged.
    pub answer: String,
}

/// One `[[compare]]`: a part of the answer, or a recorded column, compared with a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// The name of the compared part in every file. No two comparisons may have the same `part` and `target`.
    #[serde(default = "default_part")]
    pub part: String,
    /// The part of the trimmed answer.
    #[serde(default)]
    pub take: Take,
    /// The column to compare instead of the answer: the recorded output of another model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The column with the reference, or with a list of references.
    pub target: String,
    /// The title in tables; `part ↔ target`, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// The part of a trimmed answer that is scored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The whole answer.
    #[default]
    All,
    /// The first line.
    FirstLine,
    /// All lines after the first; empty if there is only one.
    OtherLines,
}

impl Task {
    /// The suite of the published comparison. It keeps the terms and figures of the original notebooks.
    pub const PUBLISHED_SUITE: &str = "vlm-benchmarks";

    /// The key of `[generation]` that is not a request field.
    pub const KEEP_REASONING: &str = "keep_reasoning";

    /// Whether reasoning within the text of an answer stays in the text.
    #[must_use]
    pub fn keeps_reasoning(&self) -> bool {
        self.generation.get(Self::KEEP_REASONING) == Some(&Value::Bool(true))
    }

    /// Whether the task is one of that suite.
    #[must_use]
    pub fn is_of_published_suite(&self) -> bool {
        self.name.strip_prefix(Self::PUBLISHED_SUITE).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The columns that the task keeps in the record, without those that scorers read.
    pub fn recorded_columns(&self) -> impl Iterator<Item = &String> {
        self.dataset.keep.iter().chain(self.score.iter().filter_map(|entry| entry.column.as_ref()))
    }
}

impl Published {
    /// Whether the figures are shown next to those of `entry`.
    #[must_use]
    pub fn is_for(&self, entry: &ScoreEntry) -> bool {
        let is_named = self.name.as_deref().is_none_or(|name| name == entry.name());
        is_named && self.part == entry.part && self.target == entry.target
    }
}

impl DatasetSpec {
    /// Whether the options of a multiple-choice question are in columns.
    #[must_use]
    pub fn has_option_columns(&self) -> bool {
        self.choices.as_ref().is_some_and(|choices| !choices.are_in_text())
    }

    /// The origin of the data in words.
    #[must_use]
    pub fn origin_in_words(&self) -> Option<String> {
        let source = match (&self.hub, &self.url) {
            (Some(hub), _) => Some(format!("the Hugging Face dataset {hub}")),
            (None, url) => url.clone(),
        };
        let words: Vec<String> = source.into_iter().chain(self.origin.clone()).collect();
        (!words.is_empty()).then(|| words.join(": "))
    }
}

impl Take {
    /// This part of `answer`. The answer is trimmed first.
    #[must_use]
    pub fn of(self, answer: &str) -> &str {
        &answer[self.range(answer)]
    }

    /// The bytes of `answer` in this part.
    #[must_use]
    pub fn range(self, answer: &str) -> Range<usize> {
        let start = answer.len() - answer.trim_start().len();
        let end = start + answer.trim().len();
        let line = answer[start..end].find('\n').map(|length| start + length);
        match (self, line) {
            (Self::All, _) | (Self::FirstLine, None) => start..end,
            (Self::FirstLine, Some(line)) => start..line,
            (Self::OtherLines, Some(line)) => line + 1..end,
            (Self::OtherLines, None) => end..end,
        }
    }
}

/// Published figures for one part and target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Who published the figures, and where.
    pub source: String,
    /// The model, as the source names it.
    pub model: String,
    /// The `name` of the `[[score]]` whose figures these are; any entry of the part and target, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The `part` of the entry.
    #[serde(default = "default_part")]
    pub part: String,
    /// The `target` of the entry; absent for scorers without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Metric → value as a fraction, not percent, such as `accuracy` or `share_above`. `win_rate` is read as
    /// `share_above`.
    pub figures: BTreeMap<String, f64>,
    /// A note for readers of the figures, without a final full stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::Take;

    #[test]
    fn parts_are_cut_from_the_trimmed_answer_as_the_source_cuts_them() {
        let answer = "\n B) Red \nBecause.\n\nIt is.\n";
        assert_eq!(Take::All.of(answer), "B) Red \nBecause.\n\nIt is.");
        assert_eq!(Take::FirstLine.of(answer), "B) Red ");
        assert_eq!(Take::OtherLines.of(answer), "Because.\n\nIt is.");
        assert_eq!(Take::OtherLines.of("B"), "");
    }
}
