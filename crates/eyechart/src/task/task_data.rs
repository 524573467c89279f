//! The data of a task: finds the files, surveys the rows, picks samples, and makes them one by one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::choices::{ambiguous_label, read_choices};
use super::data_error::DataError;
use super::kept::KeptColumns;
use super::loaded_task::LoadedTask;
use super::message::Layout;
use super::missing_columns::MissingColumns;
use super::prompt::Prompt;
use super::source::{DataAccess, LocatedData, locate};
use super::survey::{Eligible, Survey};
use crate::dataset::{self, DatasetError, Pick, Reader, TextOptions, Watch};
use crate::text::counted;
use crate::types::{
    Choices, DataFile, DataOrigin, DatasetSpec, PickedSample, Place, Progress, RecordedChoices, Row, Task,
    text_of,
};

mod donors;
mod messages;
mod option_orders;
mod row_pictures;
mod row_texts;
mod sample_ids;
mod samples;

pub(crate) use donors::{Donor, Donors, RowPictures};
use row_pictures::{example_path, named_pictures};
use row_texts::{literal_columns, more_columns};
pub use samples::{SampleFailure, SampleResult};

/// The rows of a task, and the pictures that they name.
pub struct TaskData {
    task: Task,
    prompt: Prompt,
    system: Option<Prompt>,
    /// How texts and pictures form a message; absent if no picture is sent.
    layout: Option<Layout>,
    kept: KeptColumns,
    /// The columns whose texts are read as lists.
    literal: Arc<BTreeSet<String>>,
    /// Columns of the data that the templates read if they are there.
    optional: Vec<String>,
    data: LocatedData,
    reader: Box<dyn Reader>,
    /// Notices that the data files change.
    watch: Watch,
    /// The column with recorded answers. If it is set, no picture is opened.
    recorded: Option<String>,
    with_images: bool,
    /// The samples whose pictures are sent instead of each sample's own, if any.
    donors: Option<Donors>,
    /// The seed of the orders of the options, if they are shuffled.
    option_seed: Option<u64>,
}

/// Number of bad rows that a survey keeps for messages.
const SHOWN: usize = 5;

impl TaskData {
    /// Finds the data files of `loaded`. Fetches from remote data what is needed to read rows, within what `access`
    /// allows. Blocks.
    ///
    /// # Errors
    /// [`DataError`] with what was expected where, and what to do.
    pub fn find(
        loaded: &LoadedTask,
        access: &DataAccess,
        progress: &dyn Progress,
    ) -> Result<Self, DataError> {
        let data = locate(loaded, access, progress)?;
        let format = loaded.task.dataset.format.as_deref();
        let watch = Watch::start(&data.files);
        let DatasetSpec { encoding, delimiter, .. } = &loaded.task.dataset;
        let options = TextOptions::new(encoding.as_deref(), *delimiter)?;
        let reader = dataset::open_as(&data.files, format, &options)?;
        let (prompt, images) = (&loaded.task.prompt, &loaded.task.images);
        let has_choices = loaded.task.dataset.has_option_columns();
        let system =
            prompt.system.as_deref().map(|system| Prompt::of_system(system, has_choices)).transpose();
        let system = system.map_err(DataError::Template)?;
        let prompt = Prompt::new(&prompt.text, has_choices).map_err(DataError::Template)?;
        Ok(Self {
            task: loaded.task.clone(),
            optional: more_columns(std::iter::once(&prompt).chain(&system), reader.as_ref())?,
            prompt,
            system,
            layout: images.as_ref().map(Layout::of),
            kept: KeptColumns::of(&loaded.task),
            literal: Arc::new(literal_columns(&loaded.task)),
            data,
            reader,
            watch,
            recorded: None,
            with_images: true,
            donors: None,
            option_seed: None,
        })
    }

    /// The same rows for recorded answers, in `column` or elsewhere. No picture is opened.
    #[must_use]
    pub fn recorded(self, column: Option<&str>) -> Self {
        Self { recorded: column.map(str::to_owned), with_images: false, layout: None, ..self }
    }

    /// Changes the place of the pictures in all messages. Does nothing for a task without pictures.
    pub(crate) fn place_pictures(&mut self, place: Place) {
        let Some(images) = &mut self.task.images else { return };
        images.place = Some(place);
        self.layout = self.layout.take().map(|_| Layout::of(images));
    }

    /// Data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.data.files.folder
    }

    /// Whether all data files are complete files on this machine, and not pieces in a cache.
    #[must_use]
    pub fn has_files(&self) -> bool {
        self.data.files.remote.is_empty()
    }

    /// The origin of fetched data; absent for the user's own folder.
    #[must_use]
    pub fn origin(&self) -> Option<&DataOrigin> {
        self.data.origin.as_ref()
    }

    /// Notes for the user about the origin of the data and how it is read, one line each.
    ///
    /// # Errors
    /// [`DatasetError`] if the data cannot be read.
    pub fn notices(&self) -> Result<Vec<String>, DatasetError> {
        let file = &self.task.dataset.file;
        let of_reader = self.reader.notices()?.into_iter().map(|notice| format!("{file}: {notice}"));
        Ok(self.data.notices.iter().cloned().chain(of_reader).collect())
    }

    /// The data files with their hashes. From now on [`Self::samples`] expects this content.
    ///
    /// # Errors
    /// [`DatasetError::Io`] if a file cannot be read; [`DatasetError::Changed`] if it has changed since it was found.
    pub(crate) fn fingerprint(&mut self) -> Result<Vec<DataFile>, DatasetError> {
        let found = dataset::fingerprint(&self.data.files)?;
        self.watch.expect(&self.data.files.folder, &found)?;
        Ok(found)
    }

    /// What notices that the data files change.
    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Data files in the cache that differ from what the Hub reported for them. Sends no request. The user's own data
    /// has nothing to be compared with, and pieces of files are checked whenever they are read.
    #[must_use]
    pub fn damage(&self) -> Vec<String> {
        let Some(snapshot) = &self.data.snapshot else { return Vec::new() };
        let relative =
            |path: &PathBuf| Some(path.strip_prefix(&self.data.files.folder).ok()?.to_str()?.to_owned());
        let names = self.data.files.paths.iter().filter_map(relative);
        names.filter_map(|name| snapshot.verify(&name).err()).map(|error| error.to_string()).collect()
    }

    /// Reads every row once, without pictures. If nothing depends on the content of the rows and the format knows
    /// their number, no row is read.
    ///
    /// # Errors
    /// [`DatasetError`] if the data as a whole cannot be read, or lacks a column that the task names.
    pub fn survey(&self) -> Result<Survey, DatasetError> {
        // Fails if the format knows its columns without reading rows and lacks one of them.
        drop(self.reader.rows(Pick::Rows(Vec::new()), &self.named_columns())?);
        let spec = &self.task.dataset;
        let mut columns = spec.require.clone();
        columns.extend(spec.choices.iter().flat_map(Choices::columns).cloned());
        if spec.choices.as_ref().is_some_and(Choices::are_in_text) {
            columns.extend(self.prompt.columns().iter().chain(&self.optional).cloned());
        }
        if columns.is_empty()
            && let Some(rows) = self.reader.known_len()?
        {
            return Ok(Survey { rows, eligible: Eligible::All(rows), ..Survey::default() });
        }
        let unlisted = self.reader.columns()?.is_none();
        let mut missing = MissingColumns::new(if unlisted { self.named_columns() } else { Vec::new() });
        let mut survey = Survey::default();
        let mut eligible = Vec::new();
        for row in self.rows_of(Pick::Scan, &columns)? {
            survey.rows += 1;
            let row = row?;
            row.iter().for_each(|row| missing.remove_found(row));
            match row {
                Ok(row) if spec.require.iter().all(|column| has_text(&row, column)) => {
                    self.survey_label(&row, &mut survey);
                    eligible.push(row.number);
                }
                Ok(_) => {}
                Err(bad) => {
                    survey.bad_rows += 1;
                    if survey.bad.len() < SHOWN {
                        survey.bad.push(bad);
                    }
                }
            }
        }
        survey.eligible = Eligible::Some(eligible);
        missing.into_result(self.data.files.paths.first().unwrap_or(&self.data.files.folder))?;
        Ok(survey)
    }

    /// All columns that the task names.
    fn named_columns(&self) -> Vec<String> {
        let spec = &self.task.dataset;
        let choices = spec.choices.iter().flat_map(Choices::columns);
        let named = spec.id.iter().chain(&spec.require).chain(&spec.literal).chain(choices).cloned();
        self.columns().into_iter().chain(named).collect()
    }

    /// Counts the label of a row if it names no option, or one as a letter and another as a text.
    fn survey_label(&self, row: &Row, survey: &mut Survey) {
        let Some(choices) = &self.task.dataset.choices else { return };
        let prompt = if choices.are_in_text() { self.prompt_of(row) } else { Ok(String::new()) };
        let read = prompt.and_then(|prompt| {
            Ok((read_choices(row, choices, &prompt)?, ambiguous_label(row, choices, &prompt)))
        });
        match read {
            Ok((RecordedChoices { label: Some(_), .. }, None)) => {}
            Ok((_, Some(label))) => {
                survey.ambiguous_labels += 1;
                survey.ambiguous_label.get_or_insert_with(|| format!("{label:?} in row {}", row.number));
            }
            _ => survey.unresolved_labels += 1,
        }
    }

    /// Fetches what the samples of `picked` need from remote data: pieces of Parquet files, and pictures on the Hub
    /// and in archives. After that, [`Self::samples`] needs no network. Pictures at addresses are not fetched.
    /// Blocks.
    ///
    /// # Errors
    /// [`DataError`] if something cannot be fetched now. A picture that does not exist is a failure of its sample.
    pub fn fetch(&mut self, picked: &[PickedSample], progress: &dyn Progress) -> Result<(), DataError> {
        let named = self.with_images && self.data.pictures.is_elsewhere();
        let pictures = if named { self.picture_columns().to_vec() } else { Vec::new() };
        if (pictures.is_empty() && self.data.files.remote.is_empty()) || picked.is_empty() {
            return Ok(());
        }
        let columns = match self.data.files.remote.is_empty() {
            true => pictures.clone(),
            false => self.columns(),
        };
        if !self.data.files.remote.is_empty() {
            progress.announce(&format!(
                "fetching {} of {}",
                counted(picked.len(), "row"),
                self.task.dataset.file
            ));
        }
        let mut names: BTreeSet<String> =
            self.example_pictures().filter(|_| named).filter_map(|name| example_path(name)).collect();
        let numbers: Vec<u64> = picked.iter().map(|picked| picked.row).collect();
        self.reader.prefetch(&numbers, &columns)?;
        for row in self.rows_of(Pick::Rows(numbers), &columns)? {
            // A bad row is a failure of its sample.
            if let Ok(row) = row? {
                names.extend(pictures.iter().flat_map(|column| named_pictures(&row, column)));
            }
        }
        self.data.pictures.fetch(&names, progress)
    }

    fn picture_columns(&self) -> &[String] {
        self.task.images.as_ref().map_or(&[], |images| images.columns())
    }

    fn columns(&self) -> Vec<String> {
        // The picture columns are also read if no picture is sent, because they define the cluster of a sample. They
        // are not read from remote files for that.
        let reads_images = self.with_images || self.data.files.remote.is_empty();
        let images = self.picture_columns().iter().filter(|_| reads_images);
        let others = self.recorded.iter().chain(&self.task.dataset.cluster).chain(&self.optional);
        let prompts = std::iter::once(&self.prompt).chain(&self.system).flat_map(Prompt::columns);
        let all = prompts.chain(images).chain(self.kept.names()).chain(others);
        let mut columns: Vec<String> = all.cloned().collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// The rows numbered `numbers` (ascending), with only `columns`. Fetches remote data. Blocks.
    ///
    /// # Errors
    /// [`DatasetError`] if the data cannot be read, or lacks a column.
    pub(crate) fn rows(&self, numbers: Vec<u64>, columns: &[String]) -> Result<Vec<Row>, DatasetError> {
        self.reader.prefetch(&numbers, columns)?;
        let mut rows = Vec::new();
        for row in self.rows_of(Pick::Rows(numbers), columns)? {
            // A bad row adds nothing, because its sample failed.
            rows.extend(row?.ok());
        }
        Ok(rows)
    }
}

fn has_text(row: &Row, column: &str) -> bool {
    match row.get(column) {
        None => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(value) => !text_of(&value).trim().is_empty(),
    }
}
