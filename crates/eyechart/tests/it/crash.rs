//! What a run survives: kills at any instant, a full disk, a folder that cannot be written, a second process, damage.

use std::collections::HashSet;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::{self, Place, eyechart, rule, run_at, stderr};
use eyechart::rehearse::{Options, Rule, Script, Server};
use serde_json::{Value, json};

const CONNECTIONS: u64 = 8;
const SIGKILL: i32 = 9;
/// The user that owns nothing.
const NOBODY: u32 = 65_534;

fn endpoint(rules: Vec<Rule>, latency: Duration) -> Server {
    let script = Script::new(rules).unwrap();
    Server::start(Options { script, latency, count_repeated: true, ..Options::default() }).unwrap()
}

/// Starts the run of `task`, or goes on with the one there is.
fn start(server: &Server, place: &Place, task: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
    command.arg("run");
    match place.all_runs().first() {
        Some(run) => command.arg("--resume").arg(run.path()),
        None => {
            let out = place.runs();
            command.arg(task).args(["--model", "custom/m", "--base-url", &server.url(), "--out"]).arg(out)
        }
    };
    command.args(["--no-score", "--max-connections", &CONNECTIONS.to_string()]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until the endpoint has seen `requests` in all, or the process has ended.
fn wait_for(server: &Server, child: &mut Child, requests: u64) {
    let look_after_the_child = Duration::from_millis(200);
    while !server.wait_at_most(look_after_the_child, |stats| stats.requests >= requests) {
        if child.try_wait().unwrap().is_some() {
            return;
        }
    }
}

/// Kills the process then; whether it had not ended by itself.
fn killed(server: &Server, child: &mut Child, requests: u64) -> bool {
    wait_for(server, child, requests);
    child.kill().unwrap();
    child.wait().unwrap().signal() == Some(SIGKILL)
}

fn recorded(place: &Place) -> usize {
    let Some(run) = place.all_runs().pop() else { return 0 };
    let text = std::fs::read(run.path().join("samples.jsonl")).unwrap();
    let lines =
        text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    lines.map(|sample| sample["id"].to_string()).collect::<HashSet<_>>().len()
}

/// The same numbers in each run of the test: Knuth's MMIX generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[test]
fn a_run_killed_over_a_hundred_times_has_every_sample_once() {
    const SAMPLES: usize = 2_000;
    let place = Place::new();
    let task = place.texts(SAMPLES);
    let server = endpoint(Vec::new(), Duration::from_millis(2));
    let mut dice = Dice(20_261_124);
    let mut kills = 0;
    while server.stats().requests < SAMPLES as u64 - 60 {
        let mut child = start(&server, &place, &task);
        let after = server.stats().requests + dice.below(40);
        if dice.below(4) == 0 {
            // While it starts there are no requests to go by.
            std::thread::sleep(Duration::from_millis(dice.below(40)));
            kills += u64::from(killed(&server, &mut child, 0));
        } else {
            kills += u64::from(killed(&server, &mut child, after));
        }
    }
    // The end of a run has its own instants: the last answers, the folding.
    for _ in 0..20 {
        let left = (SAMPLES - recorded(&place)) as u64;
        let after = server.stats().requests + left.saturating_sub(dice.below(3));
        let mut child = start(&server, &place, &task);
        kills += u64::from(killed(&server, &mut child, after));
    }
    assert!(kills >= 50, "{kills}");
    assert!(start(&server, &place, &task).wait().unwrap().success());

    let run = place.run();
    let ids: Vec<Value> = run.samples().iter().map(|sample| sample["id"].clone()).collect();
    let picked: Vec<Value> = (0..SAMPLES).map(|index| json!(format!("t-{index}"))).collect();
    assert!(ids == picked, "every sample once, in the order of the pick");
    eyechart().arg("check").arg(run.path()).assert().code(0);
    let stats = server.stats();
    assert!(stats.repeated <= kills * CONNECTIONS, "{} repeated after {kills} kills", stats.repeated);
    assert_eq!(stats.requests - stats.repeated, SAMPLES as u64);
}

#[test]
fn a_run_killed_while_it_is_made_is_a_whole_run_or_none() {
    let place = Place::new();
    let task = place.texts(500);
    let server = endpoint(Vec::new(), Duration::from_millis(50));
    let mut dice = Dice(4);
    let begin = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
        command.arg("run").arg(&task).args([
            "--model",
            "custom/m",
            "--base-url",
            &server.url(),
            "--no-score",
        ]);
        command.arg("--out").arg(place.runs()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    for _ in 0..30 {
        let mut child = begin();
        std::thread::sleep(Duration::from_millis(dice.below(30)));
        killed(&server, &mut child, 0);
    }
    // On a busy machine every one of them may have been killed too early: this one is not.
    let seen = server.stats().requests;
    killed(&server, &mut begin(), seen + 1);
    for run in place.all_runs() {
        let mut command = eyechart();
        let output = command.arg("check").arg(run.path()).args(["--format", "json"]).assert().code(1);
        let checked: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
        let findings = checked["runs"][0]["findings"].as_array().unwrap();
        assert!(findings.iter().all(|finding| finding["problem"] == "missing"), "{findings:?}");
    }
    let last = place.all_runs().pop().unwrap();
    eyechart().arg("run").arg("--resume").arg(last.path()).arg("--no-score").assert().code(0);
    eyechart().arg("check").arg(last.path()).assert().code(0);
}

#[test]
fn a_second_process_is_refused_and_a_dead_one_holds_no_lock() {
    let place = Place::new();
    let task = place.texts(6);
    let server =
        endpoint(vec![rule(json!({"prompt": "What is 3?", "fault": "hang", "times": 1}))], Duration::ZERO);
    let mut first = start(&server, &place, &task);
    wait_for(&server, &mut first, 6);
    let run = place.run();
    let sent = server.stats().requests;
    for resume in [run.path().to_owned(), place.runs()] {
        let mut second = run_at(&server, &place, &task);
        let output = second.arg("--resume").arg(resume).assert().code(3).get_output().clone();
        let said = stderr(&output);
        assert!(said.contains("in use by another eyechart process"), "{said}");
        assert!(said.contains(&run.path().display().to_string()) && said.contains("--resume"), "{said}");
    }
    assert_eq!(server.stats().requests, sent, "the second asked nothing");
    let output = eyechart().arg("check").arg(run.path()).assert().code(1).get_output().clone();
    assert!(common::stdout(&output).contains("a process is writing this run"));
    let output = eyechart().arg("score").arg(run.path()).assert().code(3).get_output().clone();
    assert!(stderr(&output).contains("in use by another eyechart process"), "half a run has no figures");

    first.kill().unwrap();
    first.wait().unwrap();
    eyechart().arg("run").arg("--resume").arg(run.path()).arg("--no-score").assert().code(0);
    assert_eq!(run.samples().len(), 6);
    eyechart().arg("check").arg(run.path()).assert().code(0);
}

#[test]
fn a_full_disk_stops_the_run_and_it_goes_on_once_there_is_room() {
    let place = Place::new();
    let task = place.texts(200);
    let server = endpoint(Vec::new(), Duration::ZERO);
    // No file may grow beyond 32 blocks of 512 bytes: the spec fits, the record does not.
    let limited = "trap '' XFSZ; ulimit -f 32; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", limited, env!("CARGO_BIN_EXE_eyechart"), "run"])
        .arg(&task)
        .args(["--model", "custom/m", "--base-url", &server.url(), "--no-score", "--max-connections", "8"])
        .arg("--out")
        .arg(place.runs())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("cannot write ") && said.contains("samples.jsonl"), "{said}");
    assert!(said.contains("--resume"), "{said}");
    let kept = recorded(&place);
    assert!((1..200).contains(&kept), "{kept}");

    let run = place.run();
    eyechart().arg("run").arg("--resume").arg(run.path()).arg("--no-score").assert().code(0);
    assert_eq!(run.samples().len(), 200);
    eyechart().arg("check").arg(run.path()).assert().code(0);
    assert!(server.stats().repeated <= 8, "{:?}", server.stats());
}

#[test]
fn a_disk_too_full_for_a_picture_stops_the_run_and_leaves_no_part_of_it() {
    let place = Place::new();
    let task = place.charts(3);
    place.write("images/2.jpg", common::jpeg(2, 60_000));
    let server = endpoint(Vec::new(), Duration::ZERO);
    let limited = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", limited, env!("CARGO_BIN_EXE_eyechart"), "run"])
        .arg(&task)
        .args(["--model", "custom/m", "--base-url", &server.url(), "--no-score", "--keep-images"])
        .arg("--out")
        .arg(place.runs())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("cannot keep a picture in") && said.contains("--resume"), "{said}");
    assert!(place.run().samples().iter().all(|sample| sample["id"] != "c-2"), "it was not sent");

    eyechart().arg("run").arg("--resume").arg(place.run().path()).arg("--no-score").assert().code(0);
    let checked = eyechart().arg("check").arg(place.runs()).assert().code(0).get_output().clone();
    assert!(common::stdout(&checked).contains("3 stored pictures"), "{}", common::stdout(&checked));
}

#[test]
fn a_folder_that_cannot_be_written_stops_the_run_before_the_first_request() {
    let place = Place::new();
    let task = place.texts(4);
    let server = endpoint(Vec::new(), Duration::ZERO);
    std::fs::create_dir(place.runs()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
    if is_superuser(&place) {
        // The superuser may write everywhere: somebody else has to try.
        let binary = place.path("eyechart");
        std::fs::copy(env!("CARGO_BIN_EXE_eyechart"), &binary).unwrap();
        command = Command::new(binary);
        command.uid(NOBODY);
        std::fs::set_permissions(place.path(""), PermissionsExt::from_mode(0o755)).unwrap();
    }
    std::fs::set_permissions(place.runs(), PermissionsExt::from_mode(0o555)).unwrap();
    command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", &server.url(), "--no-score"]);
    let output = command.arg("--out").arg(place.runs()).output().unwrap();
    std::fs::set_permissions(place.runs(), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot create the folder"), "{}", stderr(&output));
    assert_eq!(server.stats().requests, 0);
}

fn is_superuser(place: &Place) -> bool {
    std::fs::metadata(place.path("")).unwrap().uid() == 0
}

#[test]
fn a_corrupted_line_is_named_on_resume_and_its_sample_asked_again() {
    let place = Place::new();
    let task = place.texts(5);
    let server = endpoint(Vec::new(), Duration::ZERO);
    run_at(&server, &place, &task).assert().code(0);
    let run = place.run();
    let log = run.path().join("samples.jsonl");
    let mut bytes = std::fs::read(&log).unwrap();
    let third = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 1;
    bytes[third + 4] = 0;
    std::fs::write(&log, bytes).unwrap();

    let mut command = eyechart();
    command.arg("run").arg("--resume").arg(run.path()).arg("--no-score");
    let output = command.assert().code(0).get_output().clone();
    assert!(stderr(&output).contains("samples.jsonl:3: not a sample's record"), "{}", stderr(&output));
    let stats = server.stats();
    assert_eq!((stats.requests, stats.repeated), (6, 1));
    assert_eq!(run.samples().len(), 5);
    eyechart().arg("check").arg(run.path()).assert().code(0);
}

#[test]
fn a_record_that_lacks_its_newline_alone_is_not_asked_again() {
    let place = Place::new();
    let task = place.texts(5);
    let server =
        endpoint(vec![rule(json!({"prompt": "What is 0?", "status": 400, "times": 1}))], Duration::ZERO);
    run_at(&server, &place, &task).assert().code(1);
    let log = place.run().path().join("samples.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, text.trim_end()).unwrap();
    eyechart().arg("run").arg("--resume").arg(place.run().path()).arg("--no-score").assert().code(0);
    assert_eq!(place.run().samples().len(), 5);
    assert_eq!(server.stats().requests, 6);
}

#[test]
fn a_run_whose_folder_is_deleted_or_replaced_stops_soon() {
    let displace: [fn(&Place); 3] = [
        |place| std::fs::remove_dir_all(place.runs()).unwrap(),
        |place| std::fs::rename(place.runs(), place.path("moved")).unwrap(),
        |place| {
            let log = place.run().path().join("samples.jsonl");
            std::fs::copy(&log, place.path("copy")).unwrap();
            std::fs::rename(place.path("copy"), log).unwrap();
        },
    ];
    for displace in displace {
        let place = Place::new();
        let task = place.texts(2_000);
        let server = endpoint(Vec::new(), Duration::from_millis(20));
        let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
        command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", &server.url(), "--out"]);
        command.arg(place.runs()).args(["--no-score", "--max-connections", "4"]);
        let mut run = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(&server, &mut run, 20);
        displace(&place);
        let output = run.wait_with_output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("deleted or replaced while the run was writing to it"), "{said}");
        assert!(server.stats().requests < 2_000, "{:?}", server.stats());
        let is_there = place.runs().is_dir();
        assert_eq!(said.contains("to resume the run"), is_there, "{said}");
    }
}

#[test]
fn a_run_whose_lock_is_deleted_or_replaced_stops_soon() {
    let displace: [fn(&Path); 2] = [
        |lock| std::fs::remove_file(lock).unwrap(),
        |lock| {
            std::fs::write(lock.with_extension("new"), "").unwrap();
            std::fs::rename(lock.with_extension("new"), lock).unwrap();
        },
    ];
    for displace in displace {
        let place = Place::new();
        let task = place.texts(2_000);
        let server = endpoint(Vec::new(), Duration::from_millis(20));
        let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
        command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", &server.url(), "--out"]);
        command.arg(place.runs()).args(["--no-score", "--max-connections", "4"]);
        let mut run = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(&server, &mut run, 20);
        displace(&place.run().path().join("run.lock"));
        let output = run.wait_with_output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("run.lock was deleted or replaced") && said.contains("--resume"), "{said}");
        assert!(server.stats().requests < 2_000, "{:?}", server.stats());
    }
}

#[test]
fn a_run_whose_spec_is_changed_or_deleted_is_not_finished() {
    for (is_deleted, expected) in [(false, "spec.json was changed"), (true, "spec.json was deleted")] {
        let place = Place::new();
        let task = place.texts(3);
        let late = rule(json!({"prompt": "What is 2?", "answer": "A", "latency_ms": 2000}));
        let server = endpoint(vec![late], Duration::ZERO);
        let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
        command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", &server.url(), "--out"]);
        command.arg(place.runs()).args(["--no-score", "--max-connections", "1"]);
        let mut run = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(&server, &mut run, 3);
        let spec = place.run().path().join("spec.json");
        let text = std::fs::read_to_string(&spec).unwrap();
        match is_deleted {
            true => std::fs::remove_file(&spec).unwrap(),
            false => std::fs::write(&spec, text.replace("custom/m", "custom/n")).unwrap(),
        }
        let output = run.wait_with_output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(expected) && said.contains("--resume"), "{said}");
        let now = std::fs::read_to_string(&spec).unwrap();
        assert_eq!(now == text, is_deleted, "a spec that someone has changed is not overwritten");
        std::fs::write(&spec, text).unwrap();
        eyechart().arg("run").arg("--resume").arg(place.run().path()).arg("--no-score").assert().code(0);
        assert_eq!(place.run().samples().len(), 3);
    }
}

#[test]
fn an_incomplete_last_line_is_reported_when_the_run_is_resumed() {
    let place = Place::new();
    let task = place.texts(3);
    let server = endpoint(Vec::new(), Duration::ZERO);
    run_at(&server, &place, &task).assert().code(0);
    let log = place.run().path().join("samples.jsonl");
    let length = log.metadata().unwrap().len();
    std::fs::File::options().write(true).open(&log).unwrap().set_len(length - 5).unwrap();
    let mut command = eyechart();
    command.arg("run").arg("--resume").arg(place.run().path()).arg("--no-score");
    let said = stderr(command.assert().code(0).get_output());
    assert!(said.contains("samples.jsonl:3: not a sample's record: the line is incomplete"), "{said}");
    assert_eq!((place.run().samples().len(), server.stats().requests), (3, 4));
}

#[test]
fn a_line_that_is_damaged_while_the_run_goes_on_is_reported_when_it_is_dropped() {
    let place = Place::new();
    let task = place.texts(6);
    let late = rule(json!({"prompt": "What is 5?", "answer": "A", "latency_ms": 2000}));
    let server = endpoint(vec![late], Duration::ZERO);
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
    command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", &server.url(), "--out"]);
    command.arg(place.runs()).args(["--no-score", "--max-connections", "1"]);
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&server, &mut run, 6);
    let log = std::fs::File::options().write(true).open(place.run().path().join("samples.jsonl")).unwrap();
    std::os::unix::fs::FileExt::write_at(&log, b"\0", 4).unwrap();
    let output = run.wait_with_output().unwrap();
    let said = stderr(&output);
    assert!(said.contains("samples.jsonl:1: not a sample's record"), "{said}");
    assert_eq!(output.status.code(), Some(1), "its sample has no record: {said}");
    assert_eq!(place.run().samples().len(), 5);
}

#[test]
fn what_a_killed_process_wrote_is_flushed_before_a_run_counts_as_finished() {
    let place = Place::new();
    let task = place.texts(2);
    let server = endpoint(Vec::new(), Duration::ZERO);
    run_at(&server, &place, &task).assert().code(0);
    let log = place.run().path().join("samples.jsonl");
    // A file that cannot be flushed shows that a resumed run flushes it, and that scoring does.
    std::fs::remove_file(&log).unwrap();
    std::os::unix::fs::symlink("/dev/null", &log).unwrap();
    for arguments in [&["run", "--no-score", "--resume"][..], &["score"]] {
        let output = eyechart().args(arguments).arg(place.run().path()).assert().code(3).get_output().clone();
        assert!(stderr(&output).contains("cannot fsync"), "{}", stderr(&output));
    }
}
