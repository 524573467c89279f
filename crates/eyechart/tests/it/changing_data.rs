//! Data that changes or breaks off while a run reads it: the run stops, and no record has the content of another row.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use eyechart::engine::{EndReason, Stopper};
use eyechart::rehearse::Server;
use eyechart::run::{ExecutionSettings, RunError, Settings, meter_of};
use eyechart::task::load;
use eyechart::types::{Connections, ErrorClass, Observer, Observers, PickedSample, RunEvent, Silent};
use serde_json::json;

use crate::common::{CHARTS, Place, endpoint, eyechart, stderr, stdout};

const ROWS: usize = 60;

/// Does something once, when an event of one kind comes first.
struct OnFirst<F, G> {
    is_due: F,
    act: G,
    once: Once,
}

impl<F, G> Observer for OnFirst<F, G>
where
    F: Fn(&RunEvent<'_>) -> bool + Send + Sync,
    G: Fn() + Send + Sync,
{
    fn observe(&self, event: &RunEvent<'_>) {
        if (self.is_due)(event) {
            self.once.call_once(&self.act);
        }
    }
}

/// A run whose data changes. The rows have more bytes than a reader buffers, so that some are read after the change.
struct Trial {
    place: Place,
    server: Server,
    data: PathBuf,
}

impl Trial {
    fn new() -> Self {
        let (place, server, filler) = (Place::new(), endpoint(Vec::new()), "x".repeat(20_000));
        let row = |index| json!({"id": format!("t-{index}"), "question": format!("Q{index} {filler}"), "answer": "A"});
        let data = place.write_jsonl("texts.jsonl", &(0..ROWS).map(row).collect::<Vec<_>>());
        let task = CHARTS.replace("charts", "texts").replace("[images]\ncolumn = \"image\"\n", "");
        place.write("texts.toml", task);
        Self { place, server, data }
    }

    /// Runs the task and calls `act` with the data file at the first event that `is_due`.
    fn run(
        &self,
        is_due: fn(&RunEvent<'_>) -> bool,
        act: impl Fn(&Path) + Send + Sync + 'static,
    ) -> Result<EndReason, RunError> {
        let settings = Settings {
            model: Some("custom/m".to_owned()),
            base_url: Some(self.server.url()),
            out: Some(self.place.runs()),
            execution: ExecutionSettings {
                max_connections: Some(Connections::Fixed(1)),
                ..ExecutionSettings::default()
            },
            ..Settings::default()
        };
        let task = load(self.place.path("texts.toml").to_str().unwrap()).unwrap().remove(0);
        let planned = settings.plan(&task, &Silent).unwrap();
        let meter = Arc::new(meter_of(std::slice::from_ref(&planned)));
        let data = self.data.clone();
        let observer = OnFirst { is_due, act: move || act(&data), once: Once::new() };
        let observers = Observers::default().with(Arc::new(observer));
        planned.start(&meter).unwrap().ask(&Stopper::default().stop(), observers)
    }

    /// As [`Self::run`], for a change that must stop the run so that it can be resumed.
    fn stopped(
        &self,
        is_due: fn(&RunEvent<'_>) -> bool,
        act: impl Fn(&Path) + Send + Sync + 'static,
    ) -> String {
        let error = self.run(is_due, act).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Machine, "the exit code is 3: {error}");
        for sample in self.place.run().samples() {
            let (id, prompt) = (sample["id"].as_str().unwrap(), sample["prompt"].as_str().unwrap());
            assert!(prompt.starts_with(&format!("Q{} ", &id[2..])), "{id} has the prompt {}", &prompt[..9]);
        }
        error.to_string()
    }

    fn check(&self, code: i32) -> String {
        let output =
            eyechart().arg("check").arg(self.place.run().path()).assert().code(code).get_output().clone();
        stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn resume(&self, code: i32) -> String {
        let mut command = eyechart();
        command.arg("run").arg("--resume").arg(self.place.run().path()).arg("--no-score");
        stderr(command.assert().code(code).get_output())
    }
}

fn after_an_answer(event: &RunEvent<'_>) -> bool {
    matches!(event, RunEvent::SampleEnded { .. })
}

fn at_the_end(event: &RunEvent<'_>) -> bool {
    matches!(event, RunEvent::Ended)
}

/// The lines in reverse order: as many bytes, written in place, as an editor saves.
fn reverse(path: &Path) {
    let lines = fs::read_to_string(path).unwrap();
    fs::write(path, lines.lines().rev().flat_map(|line| [line, "\n"]).collect::<String>()).unwrap();
}

fn replace(path: &Path) {
    fs::write(path.with_extension("new"), "{}\n").unwrap();
    fs::rename(path.with_extension("new"), path).unwrap();
}

fn append(path: &Path) {
    let appended = [fs::read(path).unwrap(), b"{\"id\": \"new\"}\n".to_vec()].concat();
    fs::write(path, appended).unwrap();
}

fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
}

fn truncate(path: &Path) {
    File::options().write(true).open(path).unwrap().set_len(200_000).unwrap();
}

/// Saves the same bytes, first in place and then as another file of the same name.
fn touch(path: &Path) {
    let content = fs::read(path).unwrap();
    // In place without cutting the file off first: a reader that meets an empty file has met other content.
    fs::OpenOptions::new().write(true).open(path).unwrap().write_all(&content).unwrap();
    fs::write(path.with_extension("new"), &content).unwrap();
    fs::rename(path.with_extension("new"), path).unwrap();
}

#[test]
fn a_change_stops_the_run_before_a_row_is_asked_under_the_id_of_another_one() {
    for change in [reverse, replace, append, remove, truncate] {
        let trial = Trial::new();
        let error = trial.stopped(after_an_answer, change);
        assert!(error.contains("texts.jsonl has changed while it was read"), "{error}");
        assert!(trial.place.run().samples().len() < ROWS, "the run does not go on to its end");
        assert!(trial.check(1).contains("texts.jsonl has changed while it was read"));
    }
}

#[test]
fn a_change_after_the_last_row_was_read_is_noticed_at_the_end() {
    for change in [reverse, replace, append, remove] {
        let trial = Trial::new();
        trial.stopped(at_the_end, change);
        let scored =
            eyechart().arg("score").arg(trial.place.run().path()).assert().code(0).get_output().clone();
        assert!(stderr(&scored).contains("so it is not finished"), "{}", stderr(&scored));
        assert_eq!(trial.place.run().samples().len(), ROWS);
        assert!(trial.check(1).contains("texts.jsonl has changed while it was read"));
    }
}

#[test]
fn a_file_saved_again_with_the_same_content_is_no_change() {
    for is_due in [after_an_answer, at_the_end] {
        let trial = Trial::new();
        assert_eq!(trial.run(is_due, touch).unwrap(), EndReason::Finished);
        assert_eq!(trial.place.run().samples().len(), ROWS);
        assert!(trial.check(0).contains("all is well"));
    }
}

#[test]
fn a_run_whose_data_has_changed_is_finished_once_the_data_is_restored() {
    for is_due in [after_an_answer, at_the_end] {
        let trial = Trial::new();
        let original = fs::read(&trial.data).unwrap();
        trial.stopped(is_due, reverse);
        let refused = trial.resume(2);
        assert!(refused.contains("another measurement") && refused.contains("data"), "{refused}");
        trial.check(1);
        fs::write(&trial.data, original).unwrap();
        trial.resume(0);
        assert_eq!(trial.server.stats().requests as usize, ROWS);
        assert!(trial.check(0).contains("all is well"));
    }
}

#[test]
fn data_that_ends_before_the_last_picked_sample_does_not_finish_the_run() {
    let trial = Trial::new();
    let settings = Settings {
        model: Some("custom/m".to_owned()),
        base_url: Some(trial.server.url()),
        out: Some(trial.place.runs()),
        ..Settings::default()
    };
    let task = load(trial.place.path("texts.toml").to_str().unwrap()).unwrap().remove(0);
    let mut planned = settings.plan(&task, &Silent).unwrap();
    // As if the reader broke off: a row that was counted and does not come.
    planned.plan.spec.picked.push(PickedSample { id: "t-60".to_owned(), row: 60 });
    let error = planned.run().unwrap_err();
    assert_eq!(error.class(), ErrorClass::Machine);
    assert!(error.to_string().starts_with("the data ended after 60 of 61 samples"), "{error}");
    assert_eq!(trial.place.run().samples().len(), ROWS);
    assert!(trial.check(1).contains("t-60"));
}
