//! Limits of this machine: open files, threads, room on the disk. They fail no sample.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::common::{self, Place, stderr};
use eyechart::rehearse::{Options, Server};

/// The user that owns nothing.
const NOBODY: u32 = 65_534;

fn slow_endpoint() -> Server {
    Server::start(Options { latency: Duration::from_millis(100), ..Options::default() }).unwrap()
}

/// `eyechart run` of `task` by a shell that sets `limits` first.
fn limited(limits: &str, server: &Server, place: &Place, task: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limits}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_eyechart"), "run"]);
    command.arg(task).args(["--model", "custom/m", "--base-url", &server.url(), "--no-score"]);
    command.arg("--out").arg(place.runs());
    command
}

#[test]
fn a_low_limit_on_open_files_holds_requests_back_and_fails_no_sample() {
    // As macOS sets it for shells, and one that leaves room for only a few requests. `-n` alone sets the hard limit too.
    for (limit, connections) in [("ulimit -S -n 64", "200"), ("ulimit -n 96", "auto"), ("ulimit -n 40", "64")]
    {
        let (place, server) = (Place::new(), slow_endpoint());
        let task = place.charts(150);
        let mut command = limited(limit, &server, &place, &task);
        let output = command.args(["--max-connections", connections]).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{limit}: {said}");
        assert!(place.run().samples().iter().all(|sample| sample["status"] == "completed"), "{limit}");
        let is_raised = limit.contains("-S");
        assert_eq!(said.contains("limit on open files of this machine allows at most"), !is_raised, "{said}");
        assert!(is_raised || server.stats().peak_in_flight < 64, "{limit}: {:?}", server.stats());
    }
}

#[test]
fn a_user_without_threads_left_is_told_so_and_nothing_panics() {
    let (place, server) = (Place::new(), slow_endpoint());
    let task = place.texts(3);
    if std::fs::metadata(place.path("")).unwrap().uid() != 0 {
        // Only the superuser can start a process of a user that has no other one.
        return;
    }
    let binary = place.path("eyechart");
    std::fs::copy(env!("CARGO_BIN_EXE_eyechart"), &binary).unwrap();
    std::fs::set_permissions(place.path(""), PermissionsExt::from_mode(0o777)).unwrap();
    // From no further thread to enough of them: whichever is refused, the run says why it stops.
    for threads in 1..16 {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -u {threads}; exec \"$0\" \"$@\"")]).arg(&binary).arg("run");
        command.arg(&task).args(["--model", "custom/m", "--base-url", &server.url(), "--no-score", "--out"]);
        let output = command.arg(place.runs()).uid(NOBODY).output().unwrap();
        let said = stderr(&output);
        assert!(!said.contains("panicked"), "{threads} threads: {said}");
        assert!(matches!(output.status.code(), Some(0 | 3)), "{threads} threads: {:?} {said}", output.status);
    }
    let failed = |run: &common::RunFiles| run.samples().iter().any(|sample| sample["status"] == "failed");
    assert!(!place.all_runs().iter().any(failed));
}

#[test]
fn a_limit_on_the_size_of_files_stops_a_run_as_a_full_disk_does() {
    let (place, server) = (Place::new(), slow_endpoint());
    let task = place.texts(100);
    // Blocks of 512 or 1,024 bytes, depending on the shell.
    let output = limited("ulimit -f 32", &server, &place, &task).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("samples.jsonl: File too large") && said.contains("--resume"), "{said}");
    let before = place.run().path().join("samples.jsonl").metadata().unwrap().len();
    assert!((1..=32_768).contains(&before), "{before}");
    common::eyechart().arg("run").arg("--resume").arg(place.run().path()).arg("--no-score").assert().code(0);
    assert_eq!(place.run().samples().len(), 100);
}
