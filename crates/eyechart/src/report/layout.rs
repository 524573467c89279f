//! The files that the notebooks of the published comparison write, made from a scored run.
//!
//! As in the notebooks, figures are fractions, lists are JSON arrays, and a figure over too few scores is 0.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::files::{FileError, create_folders, write_atomically};
use crate::record::{Record, RecordError, RunFolder, read_scores};
use crate::score::{ScoreError, Scored, read_scored};
use crate::types::{Control, Epoch, SampleRecord, Score, ScoreEntry};

/// Why a run cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The layout has no files for this task.
    #[error(
        "the layout vlm-benchmarks has no files for the task {task}: expected a task of the suite vlm-benchmarks"
    )]
    NoFiles {
        /// The run's task.
        task: String,
    },
    /// The run was scored with another task file: its figures are not those of the published comparison.
    #[error("{folder} was scored with --task: `eyechart score {folder}` restores the scores of the suite")]
    OtherScores {
        /// The run's folder.
        folder: String,
    },
    /// The run is a control, which the files could not show.
    #[error("{folder} is a control ({control}): the layout vlm-benchmarks needs a run with its own pictures")]
    Control {
        /// The run's folder.
        folder: String,
        /// The kind of the control.
        control: Control,
    },
    /// The run is not scored, or cannot be read.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// A run with its scores, by sample, epoch, part and target.
struct Run {
    scored: Scored,
    record: Record,
    scores: HashMap<(String, Epoch, String, Option<String>), Vec<Score>>,
}

/// A CSV file: heads and rows.
struct Sheet {
    name: &'static str,
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// Writes the notebooks' files for the run in `folder` into `out`; returns their paths.
///
/// # Errors
/// [`LayoutError`] if the run is not of the suite, is not scored, or `out` cannot be written.
pub fn export_vlm_benchmarks(folder: &RunFolder, out: &Path) -> Result<Vec<PathBuf>, LayoutError> {
    let run = Run::read(folder)?;
    let sheets = match run.scored.results.task.as_str() {
        "vlm-benchmarks/arxivqa" => run.arxivqa(),
        "vlm-benchmarks/visit-caption" => run.visit("visit_caption.csv", "visit_caption_score.csv"),
        "vlm-benchmarks/visit-instruction" => {
            run.visit("visit_instruction.csv", "visit_instruction_score.csv")
        }
        "vlm-benchmarks/flickr30k" => run.flickr30k(),
        task => return Err(LayoutError::NoFiles { task: task.to_owned() }),
    };
    create_folders(out).map_err(RecordError::from)?;
    let mut written = Vec::new();
    for sheet in sheets {
        let path = out.join(sheet.name);
        sheet.write(&path).map_err(RecordError::from)?;
        written.push(path);
    }
    Ok(written)
}

impl Run {
    fn read(folder: &RunFolder) -> Result<Self, LayoutError> {
        let scored = read_scored(folder)?;
        if let Some(control) = scored.results.control {
            return Err(LayoutError::Control { folder: folder.path().display().to_string(), control });
        }
        if scored.results.scored_by.is_some() {
            return Err(LayoutError::OtherScores { folder: folder.path().display().to_string() });
        }
        let mut scores: HashMap<_, Vec<Score>> = HashMap::new();
        for score in read_scores(&folder.scores_path())? {
            let key = (score.id.clone(), score.epoch, score.part.clone(), score.target.clone());
            scores.entry(key).or_default().push(score);
        }
        Ok(Self { scored, record: folder.record()?, scores })
    }

    /// The entry that matches a comparison of the notebooks.
    fn entry(&self, part: &str) -> Option<&ScoreEntry> {
        self.scored.task.score.iter().find(|entry| entry.part == part && entry.is_compare)
    }

    /// The samples that completed, with their answers.
    fn answered(&self) -> impl Iterator<Item = (&SampleRecord, &str)> {
        self.record.samples.iter().filter_map(|record| Some((record, record.answer()?.trim())))
    }

    /// The scores of a part of one sample, in the order of the references. Empty if the part has no score.
    fn numbers(&self, record: &SampleRecord, part: &str) -> Vec<f64> {
        let target = self.entry(part).and_then(|entry| entry.target.clone());
        let scores = self.scores.get(&(record.id.clone(), record.epoch, part.to_owned(), target));
        scores.into_iter().flatten().filter_map(Score::number).collect()
    }

    /// A figure, or 0 if it is absent, as in the notebooks.
    fn figure(&self, part: &str, metric: &str) -> String {
        let mut figures = self.scored.results.figures.iter();
        let figure = figures.find(|figure| figure.part == part && figure.metric == metric);
        number(figure.and_then(|figure| figure.value).unwrap_or(0.0))
    }

    fn figures(&self, name: &'static str, part: &str, columns: &[(&'static str, &str)]) -> Sheet {
        Sheet {
            name,
            heads: columns.iter().map(|(head, _)| *head).collect(),
            rows: vec![columns.iter().map(|(_, metric)| self.figure(part, metric)).collect()],
        }
    }

    fn arxivqa(&self) -> Vec<Sheet> {
        let rows = self.answered().map(|(record, answer)| {
            let part = |name| self.entry(name).map(|entry| entry.take.of(answer)).unwrap_or_default();
            let similarity =
                |name| self.numbers(record, name).first().copied().map(number).unwrap_or_default();
            // The notebook leaves out the first line of the prompt.
            let instruction =
                record.prompt.split_once("\n\n").map_or(record.prompt.as_str(), |(_, rest)| rest);
            vec![
                record.fields.get("image").cloned().unwrap_or_default(),
                instruction.to_owned(),
                part("label").to_owned(),
                part("rationale").to_owned(),
                first_target(record, "label"),
                first_target(record, "rationale"),
                similarity("label"),
                similarity("rationale"),
            ]
        });
        let results = Sheet {
            name: "arxivqa_model_results.csv",
            heads: vec![
                "filename",
                "instruction",
                "model_label",
                "model_rationale",
                "reference_label",
                "reference_rationale",
                "label_similarity",
                "rationale_similarity",
            ],
            rows: rows.collect(),
        };
        let columns = [
            ("label_win_rate", "label", "share_above"),
            ("rationale_win_rate", "rationale", "share_above"),
            ("top_1_label_score", "label", "top_1"),
            ("top_5_label_average_score", "label", "top_5"),
            ("top_10_label_average_score", "label", "top_10"),
            ("top_1_rationale_score", "rationale", "top_1"),
            ("top_5_rationale_average_score", "rationale", "top_5"),
            ("top_10_rationale_average_score", "rationale", "top_10"),
        ];
        let figures = Sheet {
            name: "arxivqa_dataset_scores.csv",
            heads: columns.iter().map(|(head, ..)| *head).collect(),
            rows: vec![columns.iter().map(|(_, part, metric)| self.figure(part, metric)).collect()],
        };
        vec![results, figures]
    }

    /// The rows that have a score. The notebooks leave out rows without a reference.
    fn visit(&self, results: &'static str, scores: &'static str) -> Vec<Sheet> {
        let target = self.entry("answer").and_then(|entry| entry.target.clone()).unwrap_or_default();
        let rows = self.answered().filter_map(|(record, answer)| {
            let similarity = *self.numbers(record, "answer").first()?;
            Some(vec![
                record.fields.get("instruction").cloned().unwrap_or_default(),
                first_target(record, &target),
                answer.to_owned(),
                number(similarity),
            ])
        });
        let heads = vec!["instruction", "reference_output", "model_output", "similarity_score"];
        let columns = [("win_rate", "share_above"), ("average_similarity", "mean")];
        let columns = [&columns[..], &TOPS].concat();
        vec![Sheet { name: results, heads, rows: rows.collect() }, self.figures(scores, "answer", &columns)]
    }

    fn flickr30k(&self) -> Vec<Sheet> {
        let rows = self.answered().map(|(record, answer)| {
            vec![
                record.id.clone(),
                answer.to_owned(),
                json!(record.targets.get("original_alt_text")).to_string(),
                json!(self.numbers(record, "answer")).to_string(),
                json!(self.numbers(record, "alt_text")).to_string(),
            ]
        });
        let heads = vec![
            "filename",
            "model_output",
            "reference_outputs",
            "similarity_scores",
            "GPT similarity score",
        ];
        let columns = [&[("win_rate", "share_above")][..], &TOPS].concat();
        vec![
            Sheet { name: "flickr30k_model_results.csv", heads, rows: rows.collect() },
            self.figures("flickr30k_dataset_scores.csv", "answer", &columns),
            self.figures("flickr30k_gpt4_scores.csv", "alt_text", &columns),
        ]
    }
}

const TOPS: [(&str, &str); 3] =
    [("top_1_score", "top_1"), ("top_5_average_score", "top_5"), ("top_10_average_score", "top_10")];

fn first_target(record: &SampleRecord, target: &str) -> String {
    record.targets.get(target).and_then(|texts| texts.first()).cloned().unwrap_or_default()
}

/// The shortest decimal that reads back as the same number, with `.0` for a whole number, as in Python.
fn number(value: f64) -> String {
    json!(value).to_string()
}

impl Sheet {
    fn write(&self, path: &Path) -> Result<(), FileError> {
        write_atomically(path, |file| {
            let mut sheet = csv::Writer::from_writer(file);
            sheet.write_record(&self.heads)?;
            self.rows.iter().try_for_each(|row| sheet.write_record(row))?;
            sheet.flush()
        })
    }
}
