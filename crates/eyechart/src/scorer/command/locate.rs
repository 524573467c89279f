//! Finds the files that a command line names: the program, and arguments that are files. It starts no program.

use std::path::{Path, PathBuf, is_separator};

use crate::files::sha256_of_file;
use crate::types::{ArgumentFile, CommandRecord};

/// The hint for files that differ from the recorded files.
const USE_CURRENT_FILES: &str = "hint: `eyechart score RUN --task FILE` uses the current files";

/// A program that can be started.
#[derive(Debug)]
pub(super) struct Located {
    /// The absolute path of the program.
    pub(super) program: PathBuf,
    /// The hashes of the program and of the arguments that are files.
    pub(super) files: Vec<ArgumentFile>,
}

/// Finds the program and the files among its arguments, and compares them with the commands that a run `recorded`. If
/// `recorded` is `None`, nothing is compared.
///
/// # Errors
/// A message if a file is missing, has changed, or has a relative path without a known folder, or if the run did not
/// record the command.
pub(super) fn locate(
    argv: &[String],
    folder: Option<&Path>,
    recorded: Option<&[CommandRecord]>,
) -> Result<Located, String> {
    let recorded = recorded.map(|recorded| record_of(argv, recorded)).transpose()?;
    if folder.is_none() {
        reject_relative(argv, recorded)?;
    }
    let program = program(&argv[0], folder)?;
    let mut files = vec![hashed(0, &argv[0], &program)?];
    for (index, argument) in argv.iter().enumerate().skip(1) {
        if let Some(path) = file(argument, folder) {
            files.push(hashed(index, argument, &path)?);
        }
    }
    match recorded.and_then(|recorded| difference(&recorded.files, &files)) {
        Some(difference) => Err(difference),
        None => Ok(Located { program, files }),
    }
}

/// Returns why the program cannot be found; `None` if it can.
pub(super) fn problem(argv: &[String], folder: Option<&Path>) -> Option<String> {
    program(&argv[0], folder).err()
}

/// Returns the hashes of the files that the command line names. Files that do not exist or cannot be read are left out.
pub(super) fn files(argv: &[String], folder: Option<&Path>) -> Vec<ArgumentFile> {
    let found = argv.iter().enumerate().filter_map(|(index, argument)| {
        let path = if index == 0 { program(argument, folder).ok() } else { file(argument, folder) };
        hashed(index, argument, &path?).ok()
    });
    found.collect()
}

/// Returns the record of this command. A run without recorded commands is an error too: otherwise a `spec.json` from
/// which the list was deleted would start any program.
fn record_of<'a>(argv: &[String], recorded: &'a [CommandRecord]) -> Result<&'a CommandRecord, String> {
    let record = recorded.iter().find(|record| record.argv == argv);
    record.ok_or_else(|| format!("the run recorded no command like this; {USE_CURRENT_FILES}"))
}

fn reject_relative(argv: &[String], recorded: Option<&CommandRecord>) -> Result<(), String> {
    let is_relative_file = |file: &&ArgumentFile| file.argument > 0 && Path::new(&file.path).is_relative();
    let argument = recorded.and_then(|recorded| recorded.files.iter().find(is_relative_file));
    let program = Some(&argv[0]).filter(|program| has_folder(program) && Path::new(program).is_relative());
    match program.or(argument.map(|file| &file.path)) {
        Some(path) => Err(relative_without_folder(path)),
        None => Ok(()),
    }
}

fn relative_without_folder(path: &str) -> String {
    format!(
        "the path {path:?} is relative to the folder of the task file, which is not recorded: `eyechart score RUN --task FILE` \
         names it"
    )
}

/// Finds the program: a name with a `/` is a path, any other name is looked up in `PATH`.
fn program(name: &str, folder: Option<&Path>) -> Result<PathBuf, String> {
    let path = match has_folder(name) {
        false => in_search_path(name).ok_or_else(|| not_in_path(name, folder))?,
        true => absolute(name, folder).ok_or_else(|| relative_without_folder(name))?,
    };
    match path.is_file() {
        true => Ok(path),
        false => Err(format!("the program {} does not exist", path.display())),
    }
}

fn not_in_path(name: &str, folder: Option<&Path>) -> String {
    let hint = match file(name, folder) {
        Some(_) => format!("; the file beside the task file is {:?}", format!("./{name}")),
        None => String::new(),
    };
    format!("the program {name:?} is not in PATH{hint}")
}

fn has_folder(name: &str) -> bool {
    name.contains(is_separator)
}

/// Looks a name up in `PATH`. Relative folders of `PATH` are skipped, because they depend on where eyechart was
/// started.
fn in_search_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let paths = std::env::split_paths(&folders).filter(|folder| folder.is_absolute());
    let names = [name.to_owned(), format!("{name}{}", std::env::consts::EXE_SUFFIX)];
    paths.flat_map(|folder| names.clone().map(|name| folder.join(name))).find(|path| is_executable(path))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// Returns the file that an argument names; `None` if the argument is not the path of a file.
fn file(argument: &str, folder: Option<&Path>) -> Option<PathBuf> {
    absolute(argument, folder).filter(|path| path.is_file())
}

fn absolute(path: &str, folder: Option<&Path>) -> Option<PathBuf> {
    match (Path::new(path).is_absolute(), folder) {
        (true, _) => Some(PathBuf::from(path)),
        (false, Some(folder)) => std::path::absolute(folder.join(path)).ok(),
        (false, None) => None,
    }
}

fn hashed(argument: usize, name: &str, path: &Path) -> Result<ArgumentFile, String> {
    let sha256 = sha256_of_file(path).map_err(|error| error.to_string())?.sha256;
    Ok(ArgumentFile { argument, path: name.to_owned(), sha256 })
}

/// Describes the first difference between the current files and the recorded files; `None` if they are the same.
fn difference(recorded: &[ArgumentFile], found: &[ArgumentFile]) -> Option<String> {
    let hint = USE_CURRENT_FILES;
    for file in found {
        let path = &file.path;
        match recorded.iter().find(|recorded| recorded.argument == file.argument) {
            None => return Some(format!("the file {path:?} did not exist when the run was made; {hint}")),
            Some(recorded) if recorded.sha256 != file.sha256 => {
                return Some(format!(
                    "the file {path:?} has changed since the run was made (SHA-256 {}, recorded {}); {hint}",
                    file.sha256, recorded.sha256
                ));
            }
            Some(_) => {}
        }
    }
    let is_gone = |file: &&ArgumentFile| found.iter().all(|found| found.argument != file.argument);
    let gone = recorded.iter().find(is_gone)?;
    Some(format!("the file {:?} no longer exists; {hint}", gone.path))
}
