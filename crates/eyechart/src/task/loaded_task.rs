//! Loads the tasks that the command line names, and checks them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::check::{parse, parse_recorded};
use super::registry::{builtin_tasks, suites};
use super::scoring;
use crate::files::{read_regular_text, sha256_hex};
use crate::types::{ErrorClass, Place, Task, TaskSource, did_you_mean};

/// A task that can be run.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedTask {
    /// The task.
    pub task: Task,
    /// The text of the task file, for the spec.
    pub source: TaskSource,
    /// The folder of the task file. The data is expected there if no other folder is given.
    pub folder: Option<PathBuf>,
    /// Whether the task was named through a suite, so that its data is in the subfolder that it names.
    pub in_suite: bool,
}

/// Why a task cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The name is neither a built-in task nor a file.
    #[error(
        "no task {given:?}{}: expected a built-in task or suite ({}), or the path of a TOML file",
        did_you_mean(given, known.iter().copied()), known.join(", ")
    )]
    Unknown {
        /// The given name.
        given: String,
        /// The built-in names.
        known: Vec<&'static str>,
    },
    /// The file cannot be read.
    #[error("cannot read the task {path}: {source}{}", similar_file(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The text is not TOML, or not a valid task.
    #[error("the task {name} cannot be used (docs/tasks.md has every key)\n{reason}")]
    Malformed {
        /// The path or name of the task.
        name: String,
        /// The mistakes with their lines.
        reason: String,
    },
}

impl TaskError {
    /// The class of the error.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unknown { .. } => ErrorClass::Usage,
            Self::Io { .. } | Self::Malformed { .. } => ErrorClass::Data,
        }
    }
}

/// ` (did you mean "…"?)` for a task file with a similar name in the same folder; else nothing.
fn similar_file(path: &Path) -> String {
    let folder = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names: BTreeSet<String> = names.filter(|name| name.ends_with(".toml")).collect();
    let given = path.file_name().unwrap_or_default().to_string_lossy();
    did_you_mean(&given, names.iter().map(String::as_str))
}

/// The tasks for `name`: a built-in task, each task of a suite, or the TOML file at that path.
///
/// # Errors
/// [`TaskError`] if there is no such task, or if it is not valid.
pub fn load(name: &str) -> Result<Vec<LoadedTask>, TaskError> {
    if let Some(suite) = suites().iter().find(|suite| suite.name == name) {
        let tasks = suite.tasks.iter().map(|task| load_one(task));
        return tasks.map(|task| task.map(|task| LoadedTask { in_suite: true, ..task })).collect();
    }
    load_one(name).map(|task| vec![task])
}

fn load_one(name: &str) -> Result<LoadedTask, TaskError> {
    if let Some((_, text)) = builtin_tasks().iter().find(|(known, _)| *known == name) {
        return LoadedTask::parse(name, (*text).to_owned(), None);
    }
    let path = Path::new(name);
    if !path.is_file() && path.extension().is_none_or(|extension| extension != "toml") {
        let known =
            suites().iter().map(|suite| suite.name).chain(builtin_tasks().iter().map(|(name, _)| *name));
        return Err(TaskError::Unknown { given: name.to_owned(), known: known.collect() });
    }
    let text = read_regular_text(path).map_err(|source| TaskError::Io { path: path.to_owned(), source })?;
    // `charts.toml` has the parent "", which is not a folder.
    let folder = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    LoadedTask::parse(name, text, Some(folder.to_owned()))
}

impl LoadedTask {
    /// Reads the task in `text`. `name` is for errors.
    ///
    /// # Errors
    /// [`TaskError::Malformed`] with line, column and mistake.
    pub fn parse(name: &str, text: String, folder: Option<PathBuf>) -> Result<Self, TaskError> {
        let malformed = |reason| TaskError::Malformed { name: name.to_owned(), reason };
        let task = parse(&text).map_err(malformed)?;
        let sha256 = sha256_hex(text.as_bytes());
        let source = TaskSource { name: task.name.clone(), sha256, text };
        Ok(Self { task, source, folder, in_suite: false })
    }

    /// The task of a recorded run. It may have request fields that were allowed when the run was made and are refused
    /// today.
    ///
    /// # Errors
    /// [`TaskError::Malformed`] if this version does not understand the task.
    pub fn recorded(source: &TaskSource) -> Result<Self, TaskError> {
        let malformed = |reason| TaskError::Malformed { name: source.name.clone(), reason };
        let task = parse_recorded(&source.text).map_err(malformed)?;
        Ok(Self { task, source: source.clone(), folder: None, in_suite: false })
    }

    /// A note for the user if the task file does not say where its pictures are placed.
    #[must_use]
    pub fn place_note(&self) -> Option<String> {
        let images = self.task.images.as_ref().filter(|images| images.place.is_none())?;
        Some(format!(
            "[images] of the task {} has no `place`: pictures are sent {} the text; write place = \"{}\" to keep that, or \
             place = \"{}\" to send them as earlier versions of eyechart did",
            self.task.name,
            images.place(),
            images.place(),
            Place::OF_FORMAT_1
        ))
    }

    /// A hint for the user before answers are paid for.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        scoring::hint(&self.task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_task_is_one_and_has_the_name_it_is_listed_under() {
        for (name, _) in builtin_tasks() {
            assert_eq!(load(name).unwrap()[0].task.name, *name);
            assert_eq!(load(name).unwrap()[0].place_note(), None);
        }
        for suite in suites() {
            assert_eq!(load(suite.name).unwrap().len(), suite.tasks.len());
        }
    }

    #[test]
    fn a_mistake_in_a_task_file_is_shown_with_its_line() {
        let text = "name = \"t\"\n[dataset]\nfiel = \"a.jsonl\"\n";
        let error = LoadedTask::parse("t.toml", text.to_owned(), None).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("fiel") && error.contains("`file`"), "{error}");
    }
}
