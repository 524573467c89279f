//! A task as its TOML file says it: data, not code. `docs/tasks.md` documents every key.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::score_entry::default_part;
use super::{ImagesSpec, ScoreEntry};

/// A dataset, a prompt, generation settings and what the answers are compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The task's name, such as `vlm-benchmarks/arxivqa`: every file and table has it.
    pub name: String,
    /// The table it is shown in: tasks with the same text share one. The name, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// One line for `eyechart tasks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where the rows are.
    pub dataset: DatasetSpec,
    /// What is asked.
    pub prompt: PromptSpec,
    /// Request fields, sent as they stand (`temperature`, `max_tokens`, …). What is not named is not sent.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub generation: Map<String, Value>,
    /// The pictures; a task without them asks by text alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ImagesSpec>,
    /// How answers are scored. A task with `[dataset] choices` and without entries is scored by `choice`; any other task
    /// without entries is recorded and not scored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub score: Vec<ScoreEntry>,
    /// The earlier spelling of `[[score]]` with `scorer = "similarity"`, `references = "each"`, `threshold = 0.8` and
    /// `k = [1, 5, 10]`. A task has one of the two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compare: Vec<Compare>,
    /// Figures that others published, shown beside ours and marked as theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Published>,
}

/// Which files hold the rows, and which columns mean what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DatasetSpec {
    /// The data file, relative to the data folder and inside it, with `/` between its parts. `*` in the last part
    /// stands for any characters: all files that match are read, sorted by name, as one dataset. A folder of pictures
    /// is a data file too.
    pub file: String,
    /// The Hugging Face dataset that has the file, such as `organisation/name`: what a run needs of it is fetched, unless
    /// `--data` names a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<String>,
    /// The branch, tag or commit of `hub`; `main`, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The address that the file is fetched from, unless `--data` names a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `jsonl`, `csv`, `parquet`, `image_folder` or `webdataset`; by the file's extension, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The subfolder of `--data` that is this dataset's data folder where the task runs as part of a suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// What people should know of where the data comes from; stands in errors and in `eyechart tasks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The column with the sample's id; the row number from 0, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Samples picked where `--limit` is not given; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_size: Option<usize>,
    /// Columns (or paths into them) that a row must have, not empty; other rows are left out before picking.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<String>,
    /// Multiple choice: the columns with the options and the right one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices: Option<Choices>,
    /// Columns (or paths into them) kept in the record (`fields`), for exports, beside those that scorers read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
    /// The column whose text says which samples belong together, such as several questions about one picture; the first
    /// picture, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
}

/// The columns of a multiple-choice question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// The column with the options: a list.
    pub options: String,
    /// The column with the right one: `A`, `B)`, `(C)`, `A. Red`, or the option's text.
    pub label: String,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PromptSpec {
    /// The prompt: a minijinja template over the row's columns.
    pub text: String,
    /// The system message, sent first: a template like `text`. None is sent, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Questions with their answers, sent before the prompt of every sample as earlier turns (few-shot examples).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// One `[[prompt.examples]]`: a question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The question, sent as it is: not a template.
    pub prompt: String,
    /// The pictures of the question: paths or addresses, as a column of pictures has them. They are placed as those of a
    /// sample; the number of a marker is the position in this list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// The answer, sent as it is.
    pub answer: String,
}

/// One `[[compare]]`: a part of the answer, or a recorded column, beside a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// What the compared part is called in every file. No two comparisons may have the same `part` and `target`.
    #[serde(default = "default_part")]
    pub part: String,
    /// Which part of the trimmed answer.
    #[serde(default)]
    pub take: Take,
    /// Compare this column, a recorded output of another model, instead of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The column with the reference, or a list of them.
    pub target: String,
    /// What tables call it; `part ↔ target`, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// Which part of a trimmed answer is scored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// All of it.
    #[default]
    All,
    /// Its first line.
    FirstLine,
    /// Every line but the first; the empty text where there is only one.
    OtherLines,
}

impl Task {
    /// The suite of the published comparison, which keeps the original notebooks' words and figures.
    pub const PUBLISHED_SUITE: &str = "vlm-benchmarks";

    /// Whether the task is one of that suite.
    #[must_use]
    pub fn is_of_published_suite(&self) -> bool {
        self.name.strip_prefix(Self::PUBLISHED_SUITE).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The other columns of the dataset that the task keeps in the record, without those that scorers read.
    pub fn recorded_columns(&self) -> impl Iterator<Item = &String> {
        self.dataset.keep.iter().chain(self.score.iter().filter_map(|entry| entry.column.as_ref()))
    }
}

impl Published {
    /// Whether the figures stand beside those of `entry`.
    #[must_use]
    pub fn is_for(&self, entry: &ScoreEntry) -> bool {
        let is_named = self.name.as_deref().is_none_or(|name| name == entry.name());
        is_named && self.part == entry.part && self.target == entry.target
    }
}

impl DatasetSpec {
    /// Where the data comes from, for people.
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
    /// That part of `answer`, which is trimmed first.
    #[must_use]
    pub fn of(self, answer: &str) -> &str {
        &answer[self.range(answer)]
    }

    /// The bytes of `answer` that are that part.
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
    /// Who published them, and where.
    pub source: String,
    /// The model they are of, as the source names it.
    pub model: String,
    /// The `name` of the `[[score]]` that the figures stand beside; any entry of the part and target, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The entry's `part`.
    #[serde(default = "default_part")]
    pub part: String,
    /// The entry's `target`; absent for scorers without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Metric → value as a fraction, not percent, such as `accuracy` or `share_above`. `win_rate` is read as
    /// `share_above`.
    pub figures: BTreeMap<String, f64>,
    /// What a reader should know of them; without a final full stop.
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
