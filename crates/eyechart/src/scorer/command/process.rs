//! A program that is given lines and writes lines: started, fed, read, and stopped.
//!
//! One thread does all of it and never waits for one pipe only, so that neither side can block the other for good. It
//! holds one line of each direction. It does not know what the lines mean.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep_until, timeout};

use super::group::ProcessGroup;
use super::reply::shortened;

/// The longest line that is read, in bytes; of a longer one only its beginning is kept.
const LONGEST_LINE: usize = 4 << 20;
/// What is kept of the end of stderr, in bytes.
const LONGEST_TAIL: usize = 4096;
/// The longest last line of stderr in a reason, in characters.
const LONGEST_LAST_LINE: usize = 200;
/// The longest time that a program is given to end by itself after its last line.
const GRACE: Duration = Duration::from_secs(5);

/// How a program is started.
pub(super) struct Start<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: &'a [String],
    /// Where it runs; an empty folder of its own, if absent.
    pub(super) folder: Option<&'a Path>,
    /// Environment variables that it does not get.
    pub(super) hidden: &'a [&'a str],
    /// How long it may neither read nor write a line.
    pub(super) timeout: Duration,
}

/// A line that the program wrote, without its line break.
#[derive(Clone, Copy)]
pub(super) enum Line<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// The beginning of a line that is longer than [`LONGEST_LINE`].
    TooLong(&'a [u8]),
}

/// What is known of a program after it has been stopped.
pub(super) struct ProgramResult {
    pub(super) exchange: ExchangeStatus,
    /// The end of what it wrote to stderr.
    errors: Vec<u8>,
}

/// How the exchange of lines with the program ended.
pub(super) enum ExchangeStatus {
    /// The program wrote one line for each sample.
    Complete,
    /// The program wrote more lines than that.
    TooManyLines,
    /// The program ended, or closed its output, before its last line; its exit status in words.
    OutputClosed(String),
    /// The program neither read nor wrote a line for too long.
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
    /// The last line of stderr that is not blank.
    pub(super) fn last_line(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.errors);
        let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
        Some(shortened(last, LONGEST_LAST_LINE))
    }

    /// The end of stderr, to follow a message; empty where there is nothing more than the last line.
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
    /// Starts the program, gives it the lines `0..count`, and hands at most as many of its lines to `take`, in their
    /// order. The program and all of its process group have ended when this returns.
    ///
    /// # Errors
    /// A text that says why it cannot be started.
    pub(super) fn converse(
        &self,
        count: usize,
        line_of: &dyn Fn(usize) -> Vec<u8>,
        take: impl FnMut(Line<'_>),
    ) -> Result<ProgramResult, String> {
        let cannot = |error: std::io::Error| format!("cannot start {}: {error}", self.program.display());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
        // Removed when this returns.
        let empty = self.folder.is_none().then(tempfile::tempdir).transpose().map_err(cannot)?;
        let folder = self.folder.or(empty.as_ref().map(tempfile::TempDir::path));
        runtime.block_on(async {
            let group = self.spawn(folder).map_err(cannot)?;
            Ok(Conversation::new(group, self.timeout, Lines { next: 0, count, line_of }).hold(take).await)
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

/// The lines that a program is given.
struct Lines<'a> {
    next: usize,
    count: usize,
    line_of: &'a dyn Fn(usize) -> Vec<u8>,
}

/// A program that runs, and its three pipes.
struct Conversation<'a> {
    group: ProcessGroup,
    timeout: Duration,
    input: Input<'a>,
    output: Output,
    errors: Errors,
}

impl<'a> Conversation<'a> {
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

    async fn hold(mut self, take: impl FnMut(Line<'_>)) -> ProgramResult {
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

    /// Gives and takes lines until each given one has been answered.
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

    /// What follows the last line. A program that never closes its output is not waited for.
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

    /// Ends the program and its group. Its exit status, if it ended by itself.
    async fn end(&mut self, rest: &Rest) -> Option<ExitStatus> {
        self.input.pipe = None;
        let status = match rest {
            Rest::Closed => self.wait().await,
            Rest::Line | Rest::Open => None,
        };
        self.group.kill();
        if status.is_none() {
            // Where programs have no groups, the program itself can be stopped.
            let _ = self.group.child.start_kill();
            let _ = timeout(GRACE, self.group.child.wait()).await;
        }
        // Only a process that has left the group can still hold the pipe.
        let _ = timeout(self.grace(), self.errors.read_all()).await;
        status
    }

    /// Waits for the program to end by itself. Its stderr is read meanwhile: a full pipe would keep it from ending.
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

/// Whether each line was answered, or why not.
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

/// The program's stdin. It is closed after the last line, or where the program closes it.
struct Input<'a> {
    pipe: Option<ChildStdin>,
    lines: Lines<'a>,
    pending: Vec<u8>,
    written: usize,
}

impl Input<'_> {
    /// Writes what the pipe takes. Returns when it took something or was closed.
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
            // It reads no more; what it still writes counts.
            _ => self.pipe = None,
        }
    }
}

/// The program's stdout.
struct Output {
    pipe: Option<BufReader<ChildStdout>>,
    line: Vec<u8>,
    is_too_long: bool,
}

impl Output {
    /// Reads on to the end of a line; `false` where there is no other line. What was read is kept when the future is
    /// dropped.
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

/// The program's stderr, of which the end is kept.
struct Errors {
    pipe: Option<ChildStderr>,
    tail: Vec<u8>,
}

impl Errors {
    /// Reads what there is. Returns when there was something, or when the pipe was closed.
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
