//! Starts a program, writes lines to it, reads lines from it, and stops it.
//!
//! One thread does all of this and never waits for a single pipe, so that neither side can block the other forever. It
//! keeps one line per direction in memory. It does not know what the lines mean.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep_until, timeout};

use super::group::ProcessGroup;
use super::reply::shortened;

/// Maximum length of a line in bytes. Of a longer line only the beginning is kept.
const LONGEST_LINE: usize = 4 << 20;
/// Number of bytes that are kept from the end of stderr.
const LONGEST_TAIL: usize = 4096;
/// Maximum length of the last line of stderr in a message, in characters.
const LONGEST_LAST_LINE: usize = 200;
/// Maximum time that a program has to exit after its last line.
const GRACE: Duration = Duration::from_secs(5);

/// What is needed to start a program.
pub(super) struct Start<'a> {
    /// The absolute path of the program.
    pub(super) program: &'a Path,
    pub(super) arguments: &'a [String],
    /// The working folder. `None` stands for a new, empty folder.
    pub(super) folder: Option<&'a Path>,
    /// Environment variables that are hidden from the program.
    pub(super) hidden: &'a [&'a str],
    /// Maximum time without a line read or written.
    pub(super) timeout: Duration,
}

/// A line that the program wrote, without its line break.
#[derive(Clone, Copy)]
pub(super) enum Line<'a> {
    /// The whole line.
    Whole(&'a [u8]),
    /// The beginning of a line that is longer than [`LONGEST_LINE`].
    TooLong(&'a [u8]),
}

/// How the exchange with a program went.
pub(super) struct ProgramResult {
    pub(super) exchange: ExchangeStatus,
    /// The end of the stderr output.
    errors: Vec<u8>,
}

/// How the exchange of lines with the program ended.
pub(super) enum ExchangeStatus {
    /// The program wrote one line for each sample.
    Complete,
    /// The program wrote more lines than there are samples.
    TooManyLines,
    /// The program exited or closed its output too early. The text describes its exit status.
    OutputClosed(String),
    /// The program neither read nor wrote a line within the timeout.
    TimedOut,
}

impl Line<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) | Self::TooLong(bytes) => bytes,
        }
    }
}

impl ProgramResult {
    /// Returns the last line of stderr that is not blank; `None` if there is none.
    pub(super) fn last_line(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.errors);
        let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
        Some(shortened(last, LONGEST_LAST_LINE))
    }

    /// Returns the end of stderr as a suffix for a message; empty if stderr has at most one line.
    pub(super) fn tail(&self) -> String {
        let text = String::from_utf8_lossy(&self.errors);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        match lines.as_slice() {
            [] | [_] => String::new(),
            lines => format!("\nthe end of its stderr:\n  {}", lines.join("\n  ")),
        }
    }
}

impl Start<'_> {
    /// Starts the program, writes the lines `0..count` to it, and calls `take` with at most `count` of its lines, in
    /// order. When the function returns, the program and its process group have ended.
    ///
    /// # Errors
    /// A message that says why the program cannot be started.
    pub(super) fn exchange_lines(
        &self,
        count: usize,
        line_of: &dyn Fn(usize) -> Vec<u8>,
        take: impl FnMut(Line<'_>),
    ) -> Result<ProgramResult, String> {
        let cannot = |error: std::io::Error| format!("cannot start {}: {error}", self.program.display());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
        // The folder is removed when the function returns.
        let empty = self.folder.is_none().then(tempfile::tempdir).transpose().map_err(cannot)?;
        let folder = self.folder.or(empty.as_ref().map(tempfile::TempDir::path));
        runtime.block_on(async {
            let group = self.spawn(folder).map_err(cannot)?;
            Ok(Exchange::new(group, self.timeout, Lines { next: 0, count, line_of }).run(take).await)
        })
    }

    fn spawn(&self, folder: Option<&Path>) -> std::io::Result<ProcessGroup> {
        let mut command = Command::new(self.program);
        command.args(self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        folder.map(|folder| command.current_dir(folder));
        for variable in self.hidden {
            command.env_remove(variable);
        }
        ProcessGroup::start(command.kill_on_drop(true))
    }
}

/// The lines to write to a program.
struct Lines<'a> {
    next: usize,
    count: usize,
    line_of: &'a dyn Fn(usize) -> Vec<u8>,
}

/// A running program with its three pipes.
struct Exchange<'a> {
    group: ProcessGroup,
    timeout: Duration,
    input: Input<'a>,
    output: Output,
    errors: Errors,
}

impl<'a> Exchange<'a> {
    fn new(mut group: ProcessGroup, timeout: Duration, lines: Lines<'a>) -> Self {
        let child = &mut group.child;
        Self {
            timeout,
            input: Input { pipe: child.stdin.take(), lines, pending: Vec::new(), written: 0 },
            output: Output {
                pipe: child.stdout.take().map(BufReader::new),
                line: Vec::new(),
                is_too_long: false,
            },
            errors: Errors { pipe: child.stderr.take(), tail: Vec::new() },
            group,
        }
    }

    async fn run(mut self, take: impl FnMut(Line<'_>)) -> ProgramResult {
        let streamed = self.stream(take).await;
        let rest = match streamed {
            Streamed::All => self.rest().await,
            Streamed::Closed => Rest::Closed,
            Streamed::TimedOut => Rest::Open,
        };
        let status = self.end(&rest).await;
        let exchange = match (streamed, rest) {
            (Streamed::All, Rest::Line) => ExchangeStatus::TooManyLines,
            (Streamed::All, _) => ExchangeStatus::Complete,
            (Streamed::Closed, _) => ExchangeStatus::OutputClosed(
                status.map_or_else(|| "still running".to_owned(), |status| status.to_string()),
            ),
            (Streamed::TimedOut, _) => ExchangeStatus::TimedOut,
        };
        ProgramResult { exchange, errors: self.errors.tail }
    }

    /// Writes and reads lines until each written line has been answered.
    async fn stream(&mut self, mut take: impl FnMut(Line<'_>)) -> Streamed {
        let mut left = self.input.lines.count;
        let mut progress = Instant::now();
        while left > 0 {
            let Self { input, output, errors, .. } = self;
            tokio::select! {
                () = input.write(), if input.pipe.is_some() => progress = Instant::now(),
                () = errors.read(), if errors.pipe.is_some() => {}
                is_line = output.read_line() => {
                    if !is_line {
                        return Streamed::Closed;
                    }
                    take(output.line());
                    output.clear();
                    left -= 1;
                    progress = Instant::now();
                }
                () = sleep_until(progress + self.timeout) => return Streamed::TimedOut,
            }
        }
        Streamed::All
    }

    /// Reads what follows the last line. Does not wait for a program that never closes its output.
    async fn rest(&mut self) -> Rest {
        // The program has answered every sample, so the rest of its input is not written.
        self.input.pipe = None;
        let deadline = Instant::now() + self.grace();
        loop {
            let Self { output, errors, .. } = self;
            tokio::select! {
                () = errors.read(), if errors.pipe.is_some() => {}
                is_line = output.read_line() => match is_line {
                    false => return Rest::Closed,
                    true if output.line().bytes().trim_ascii().is_empty() => output.clear(),
                    true => return Rest::Line,
                },
                () = sleep_until(deadline) => return Rest::Open,
            }
        }
    }

    fn grace(&self) -> Duration {
        self.timeout.min(GRACE)
    }

    /// Ends the program and its group. Returns the exit status if the program ended by itself.
    async fn end(&mut self, rest: &Rest) -> Option<ExitStatus> {
        self.input.pipe = None;
        let status = match rest {
            Rest::Closed => self.wait().await,
            Rest::Line | Rest::Open => None,
        };
        self.group.kill();
        if status.is_none() {
            // On systems without process groups, this stops the program itself.
            let _ = self.group.child.start_kill();
            let _ = timeout(GRACE, self.group.child.wait()).await;
        }
        // Only a process that has left the group can still hold the pipe.
        let _ = timeout(self.grace(), self.errors.read_all()).await;
        status
    }

    /// Waits for the program to exit, and reads its stderr meanwhile: a full pipe would block the program.
    async fn wait(&mut self) -> Option<ExitStatus> {
        let deadline = Instant::now() + self.grace();
        loop {
            let Self { group, errors, .. } = self;
            tokio::select! {
                status = group.child.wait() => return status.ok(),
                () = errors.read(), if errors.pipe.is_some() => {}
                () = sleep_until(deadline) => return None,
            }
        }
    }
}

/// How the exchange of the lines ended.
enum Streamed {
    /// Each line was answered.
    All,
    /// The program closed its output.
    Closed,
    /// It made no progress for too long.
    TimedOut,
}

/// What the program does after its last line.
enum Rest {
    /// It closes its output.
    Closed,
    /// It writes another line.
    Line,
    /// It keeps its output open.
    Open,
}

/// The stdin of the program. The pipe is closed after the last line, or when the program closes it.
struct Input<'a> {
    pipe: Option<ChildStdin>,
    lines: Lines<'a>,
    pending: Vec<u8>,
    written: usize,
}

impl Input<'_> {
    /// Writes as much as the pipe accepts. Returns after at least one byte was written or the pipe was closed.
    async fn write(&mut self) {
        if self.written == self.pending.len() {
            if self.lines.next == self.lines.count {
                self.pipe = None;
                return;
            }
            self.pending = (self.lines.line_of)(self.lines.next);
            (self.lines.next, self.written) = (self.lines.next + 1, 0);
        }
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.write(&self.pending[self.written..]).await {
            Ok(length) if length > 0 => self.written += length,
            // The program no longer reads. The lines that it still writes count.
            _ => self.pipe = None,
        }
    }
}

/// The stdout of the program.
struct Output {
    pipe: Option<BufReader<ChildStdout>>,
    line: Vec<u8>,
    is_too_long: bool,
}

impl Output {
    /// Reads up to the end of a line; returns `false` if there is no other line. The bytes read so far are kept if the
    /// future is dropped.
    async fn read_line(&mut self) -> bool {
        let Some(pipe) = &mut self.pipe else { return false };
        loop {
            let read = match pipe.fill_buf().await {
                Ok(read) if !read.is_empty() => read,
                // The last line may lack its line break.
                _ => {
                    self.pipe = None;
                    return !self.line.is_empty();
                }
            };
            let end = read.iter().position(|byte| *byte == b'\n');
            let part = &read[..end.unwrap_or(read.len())];
            let kept = part.len().min(LONGEST_LINE - self.line.len());
            self.line.extend_from_slice(&part[..kept]);
            self.is_too_long |= kept < part.len();
            let length = end.map_or(read.len(), |end| end + 1);
            pipe.consume(length);
            if end.is_some() {
                return true;
            }
        }
    }

    fn line(&self) -> Line<'_> {
        match self.is_too_long {
            true => Line::TooLong(&self.line),
            false => Line::Whole(&self.line),
        }
    }

    fn clear(&mut self) {
        self.line.clear();
        self.is_too_long = false;
    }
}

/// The stderr of the program, of which the end is kept.
struct Errors {
    pipe: Option<ChildStderr>,
    tail: Vec<u8>,
}

impl Errors {
    /// Reads one block. Returns after at least one byte was read or the pipe was closed.
    async fn read(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        let mut block = [0; LONGEST_TAIL];
        match pipe.read(&mut block).await {
            Ok(length) if length > 0 => {
                self.tail.extend_from_slice(&block[..length]);
                self.tail.drain(..self.tail.len().saturating_sub(LONGEST_TAIL));
            }
            _ => self.pipe = None,
        }
    }

    async fn read_all(&mut self) {
        while self.pipe.is_some() {
            self.read().await;
        }
    }
}
