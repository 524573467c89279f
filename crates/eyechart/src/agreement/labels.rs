//! Labels of people: from a column that the run recorded, or from a file with ids.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::AgreementError;
use super::answers::{AnswerKey, Answers};
use crate::dataset::{Files, Pick, open};
use crate::record::RunFolder;
use crate::score::{DataKey, read_data_column};
use crate::types::{Epoch, Row, id_of, text_of};

/// Where the labels are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelSource {
    /// A column that the run recorded, or of its data.
    Column(String),
    /// A file of rows with an `id`.
    File(LabelFile),
}

/// A file of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFile {
    /// The file.
    pub path: PathBuf,
    /// The column of the labels; absent for `label`, or for the only one besides `id` and `epoch`.
    pub column: Option<String>,
}

impl LabelSource {
    /// The column of the record.
    pub(super) fn column(&self) -> Option<&str> {
        match self {
            Self::Column(column) => Some(column),
            Self::File(_) => None,
        }
    }
}

/// Samples or answers that one side lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// Their number.
    pub count: usize,
    /// The ids of the first ten.
    pub ids: Vec<String>,
    /// The epoch of each of `ids`; empty if epochs do not matter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub epochs: Vec<Epoch>,
}

/// Ids that are listed.
const LISTED: usize = 10;

impl Unmatched {
    /// Adds a sample, or its answer in an epoch.
    pub(super) fn add(&mut self, id: &str, epoch: Option<Epoch>) {
        self.count += 1;
        if self.ids.len() < LISTED {
            self.ids.push(id.to_owned());
            self.epochs.extend(epoch);
        }
    }

    /// Adds an answer, with its epoch if `has_epochs`.
    pub(super) fn add_answer(&mut self, key: &AnswerKey, has_epochs: bool) {
        self.add(&key.id, has_epochs.then_some(key.epoch));
    }

    /// The first id with its epoch; absent if none was added.
    fn first(&self) -> Option<String> {
        let id = self.ids.first()?;
        Some(self.epochs.first().map_or_else(|| format!("{id:?}"), |epoch| format!("{id:?} (epoch {epoch})")))
    }
}

/// The label of each answer.
#[derive(Debug)]
pub(super) struct Labels {
    /// The file, `record` or `data`.
    pub(super) source: String,
    /// The column.
    pub(super) column: String,
    /// The text of each answer's label, trimmed; absent if it has none.
    pub(super) texts: Vec<Option<String>>,
    /// Labels of samples that the run does not have.
    pub(super) unknown: Unmatched,
    /// Labels of epochs that the run does not have of their samples.
    pub(super) unknown_epochs: Unmatched,
    /// The number of labels that a later line of the file replaces.
    pub(super) repeated: usize,
    /// Lines of the file that cannot be used, in words.
    pub(super) bad: Vec<String>,
}

impl Labels {
    /// The labels of the answers.
    pub(super) fn read(
        folder: &RunFolder,
        answers: &Answers,
        source: &LabelSource,
    ) -> Result<Self, AgreementError> {
        match source {
            LabelSource::Column(column) => Self::of_column(folder, answers, column),
            LabelSource::File(file) => Self::of_file(answers, file),
        }
    }

    /// Labels of a column that the record has, else of a column of the run's data.
    fn of_column(folder: &RunFolder, answers: &Answers, column: &str) -> Result<Self, AgreementError> {
        let is_recorded = answers.labels.iter().any(Option::is_some);
        let of_data = match is_recorded {
            true => Vec::new(),
            false => {
                let keys: Vec<DataKey<'_>> = answers.keys.iter().map(AnswerKey::data_key).collect();
                read_data_column(folder, &keys, column)
                    .map_err(|reason| AgreementError::NoLabels { given: column.to_owned(), reason })?
            }
        };
        let texts = if is_recorded { &answers.labels } else { &of_data };
        let texts: Vec<_> = texts.iter().map(|text| usable(text.as_ref()?)).collect();
        if texts.iter().all(Option::is_none) {
            let reason = format!("no sample has a label in the column {column:?}");
            return Err(AgreementError::LabelColumn { path: folder.path().to_owned(), reason });
        }
        Ok(Self {
            source: if is_recorded { "record" } else { "data" }.to_owned(),
            column: column.to_owned(),
            texts,
            unknown: Unmatched::default(),
            unknown_epochs: Unmatched::default(),
            repeated: 0,
            bad: Vec::new(),
        })
    }

    fn of_file(answers: &Answers, file: &LabelFile) -> Result<Self, AgreementError> {
        let folder = file.path.parent().map(Path::to_owned).unwrap_or_default();
        let reader = open(&Files::local(folder, vec![file.path.clone()]), None)?;
        let (mut rows, mut bad) = (Vec::new(), Vec::new());
        for row in reader.rows(Pick::Scan, &[])? {
            match row? {
                Ok(row) => rows.push(row),
                Err(reason) => bad.push(reason.to_string()),
            }
        }
        let column = label_column(file, &rows)?;
        let mut labels = Self {
            source: file.path.display().to_string(),
            texts: vec![None; answers.len()],
            unknown: Unmatched::default(),
            unknown_epochs: Unmatched::default(),
            repeated: 0,
            bad,
            column,
        };
        let mut seen = HashSet::new();
        for row in &rows {
            labels.add(row, answers, &mut seen);
        }
        match labels.texts.iter().all(Option::is_none) {
            true => Err(labels.without_match(answers, &file.path)),
            false => Ok(labels),
        }
    }

    /// Why no answer has a label of the file.
    fn without_match(&self, answers: &Answers, path: &Path) -> AgreementError {
        let label = self.unknown_epochs.first().or_else(|| self.unknown.first());
        let answer = answers.keys.first().map(|key| {
            let mut answer = Unmatched::default();
            answer.add_answer(key, !self.unknown_epochs.ids.is_empty());
            answer.first()
        });
        match label.zip(answer.flatten()) {
            Some((label, answer)) => AgreementError::NoMatch { path: path.to_owned(), label, answer },
            None => AgreementError::LabelColumn {
                path: path.to_owned(),
                reason: format!("no row has both an id and a label in {:?}", self.column),
            },
        }
    }

    fn add(&mut self, row: &Row, answers: &Answers, seen: &mut HashSet<(String, String)>) {
        let Some(id) = row.get(ID).map(|id| id_of(&id)) else {
            return self.bad.push(format!("row {}: no {ID}", row.number + 1));
        };
        let Some(text) = row.get(&self.column).and_then(|label| usable(&text_of(&label))) else { return };
        let epoch = row.get(EPOCH).map(|epoch| id_of(&epoch)).unwrap_or_default();
        self.repeated += usize::from(!seen.insert((id.clone(), epoch.clone())));
        let places = answers.places(&id);
        if places.is_empty() {
            return self.unknown.add(&id, None);
        }
        if epoch.is_empty() {
            places.iter().for_each(|place| self.texts[*place] = Some(text.clone()));
            return;
        }
        let Ok(epoch) = epoch.parse::<Epoch>() else {
            let reason =
                format!("row {}: expected a whole number as {EPOCH}, found {epoch:?}", row.number + 1);
            return self.bad.push(reason);
        };
        match answers.place(&id, epoch) {
            Some(place) => self.texts[place] = Some(text),
            None => self.unknown_epochs.add(&id, Some(epoch)),
        }
    }
}

const ID: &str = "id";
const EPOCH: &str = "epoch";
/// The column of the labels, if a file has one of this name.
const LABEL: &str = "label";

/// A label that is not empty, without white space around it.
fn usable(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The column of the labels in a file.
fn label_column(file: &LabelFile, rows: &[Row]) -> Result<String, AgreementError> {
    let columns: BTreeSet<&str> = rows.iter().flat_map(|row| row.cells.keys().map(String::as_str)).collect();
    let wrong = |reason: String| AgreementError::LabelColumn { path: file.path.clone(), reason };
    let listed = columns.iter().copied().collect::<Vec<_>>().join(", ");
    if rows.is_empty() {
        return Err(wrong("no rows: expected rows with an id and a label".to_owned()));
    }
    if !columns.contains(ID) {
        return Err(wrong(format!("no column {ID:?}, which says whose label it is; it has {listed}")));
    }
    let others: Vec<&str> = columns.iter().copied().filter(|column| ![ID, EPOCH].contains(column)).collect();
    match (&file.column, others.as_slice()) {
        (Some(column), _) if columns.contains(column.as_str()) => Ok(column.clone()),
        (Some(column), _) => Err(wrong(format!("no column {column:?}; it has {listed}"))),
        (None, _) if columns.contains(LABEL) => Ok(LABEL.to_owned()),
        (None, [one]) => Ok((*one).to_owned()),
        (None, []) => Err(wrong("no column with labels besides the id".to_owned())),
        (None, others) => Err(wrong(format!(
            "several columns can be the labels ({}): name one with --label-column",
            others.join(", ")
        ))),
    }
}
