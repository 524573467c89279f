//! A run that an earlier version wrote can still be checked, shown, scored, exported and resumed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Place, bodies, endpoint, eyechart, stderr, stdout};
use eyechart::rehearse::Server;
use serde_json::{Value, json};

/// The fixture as a user of the earlier version has it: the run, and its data in the folder that the spec names.
struct EarlierRun {
    place: Place,
}

impl EarlierRun {
    fn new() -> Self {
        let place = Place::new();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/run-v1");
        copy(&fixture.join("run"), &place.path("runs/run"));
        copy(&fixture.join("data"), &place.path("data"));
        let spec = place.path("runs/run/spec.json");
        let folder = place.path("data").display().to_string();
        fs::write(&spec, fs::read_to_string(&spec).unwrap().replace("DATA_FOLDER", &folder)).unwrap();
        Self { place }
    }

    /// The run as it was left half finished, its endpoint being `server`.
    fn half_finished(server: &Server) -> Self {
        let run = Self::new();
        let samples = run.path().join("samples.jsonl");
        let lines = fs::read_to_string(&samples).unwrap();
        let half: Vec<&str> = lines.lines().filter(|line| line.contains("completed")).take(4).collect();
        fs::write(&samples, half.join("\n") + "\n").unwrap();
        for derived in ["scores.jsonl", "results.json"] {
            fs::remove_file(run.path().join(derived)).unwrap();
        }
        let spec = run.path().join("spec.json");
        let text = fs::read_to_string(&spec).unwrap().replace("http://127.0.0.1:18431/v1", &server.url());
        fs::write(&spec, text).unwrap();
        run
    }

    /// The run's task, as a file beside its data, with `keys` in its `[images]`.
    fn task(&self, keys: &str) -> PathBuf {
        let text = self.json("spec.json")["task"]["text"].as_str().unwrap().to_owned();
        let column = "column = \"image\"\n";
        assert!(text.contains(column));
        self.place.write("data/colours.toml", text.replace(column, &format!("{column}{keys}")))
    }

    /// The run resumed, after `arguments`.
    fn resume(&self, arguments: &[&std::ffi::OsStr]) -> assert_cmd::assert::Assert {
        let mut command = eyechart();
        command.arg("run").args(arguments).arg("--resume").arg(self.path()).arg("--no-score").assert()
    }

    fn path(&self) -> PathBuf {
        self.place.path("runs/run")
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path().join(name)).unwrap()).unwrap()
    }

    fn score(&self, task: Option<&Path>) -> assert_cmd::assert::Assert {
        let mut command = eyechart();
        command.arg("score").arg(self.path());
        command.args(task.iter().flat_map(|task| [Path::new("--task"), task]));
        command.assert()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::write(target, fs::read(&path).unwrap()).unwrap();
        }
    }
}

/// Part, target and metric of each figure, with value and n. The win rate has another name today.
fn figures(results: &Value) -> Vec<(String, String, String, Value, Value)> {
    let text = |value: &Value| value.as_str().unwrap().replace("win_rate", "share_above");
    let figures = results["figures"].as_array().unwrap().iter();
    // The earlier version did not have the mean of the highest tenth.
    let figures = figures.filter(|figure| figure["metric"] != "top_10pct");
    let mut figures: Vec<_> = figures
        .map(|f| {
            (text(&f["part"]), text(&f["target"]), text(&f["metric"]), f["value"].clone(), f["n"].clone())
        })
        .collect();
    figures.sort_by(|a, b| (&a.0, &a.1, &a.2).cmp(&(&b.0, &b.1, &b.2)));
    figures
}

/// The encoder's vectors differ in the last digits from one kind of processor to another.
fn is_close(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-5,
        _ => a == b,
    }
}

#[test]
fn it_is_scored_with_the_same_values_and_numbers_of_scores() {
    let run = EarlierRun::new();
    let before = run.json("results.json");
    eyechart().arg("check").arg(run.path()).assert().code(0);
    let error = stderr(eyechart().arg("results").arg(run.path()).assert().code(2).get_output());
    assert!(error.contains("`eyechart score") && error.contains("makes it again"), "{error}");
    let shown = stdout(eyechart().arg("show").arg(run.path()).assert().code(0).get_output());
    assert!(shown.contains("sample q0") && shown.contains("B. green"), "{shown}");

    let table = stdout(run.score(None).code(0).get_output());
    let after = run.json("results.json");
    assert_eq!(after["format"], "eyechart.results/2");
    let (before, after) = (figures(&before), figures(&after));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((&before.0, &before.1, &before.2, &before.4), (&after.0, &after.1, &after.2, &after.4));
        assert!(is_close(&before.3, &after.3), "{before:?} {after:?}");
    }
    assert!(table.contains("share > 0.8") && table.contains("exceeds 0.8; not an"), "{table}");
    assert!(!table.contains("win rate") && !table.contains("top-"), "{table}");
    assert!(table.contains("published: Model 1") && table.contains(" 50.0 "), "{table}");
    eyechart().arg("check").arg(run.path()).assert().code(0);
    eyechart().arg("results").arg(run.path()).assert().code(0);
}

#[test]
fn its_options_are_read_from_its_data_so_that_choice_can_score_it() {
    let run = EarlierRun::new();
    let task = run.json("spec.json")["task"]["text"].as_str().unwrap().to_owned();
    let start = task.find("[[compare]]").unwrap();
    let choice =
        run.place.write("choice.toml", format!("{}[[score]]\nscorer = \"choice\"\n", &task[..start]));
    run.score(Some(&choice)).code(0);
    let results = run.json("results.json");
    assert_eq!(results["figures"][0]["id"], "choice.accuracy");
    let scores = fs::read_to_string(run.path().join("scores.jsonl")).unwrap();
    let answers: Vec<Value> =
        scores.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["answer"].clone()).collect();
    let read = ["B", "A", "A", "C", "none", "absent", "B"].map(|answer| match answer {
        "absent" => Value::Null,
        answer => json!(answer),
    });
    assert_eq!(answers, read);
    eyechart().arg("check").arg(run.path()).assert().code(0);

    // Its own scorers read no options: they need no data, and no network.
    fs::remove_dir_all(run.place.path("data")).unwrap();
    run.score(None).code(0);
    let error = stderr(run.score(Some(&choice)).code(2).get_output());
    assert!(error.contains("options, label"), "{error}");
}

#[test]
fn request_fields_that_are_refused_today_do_not_make_it_unreadable() {
    let run = EarlierRun::new();
    let spec = run.path().join("spec.json");
    let text = fs::read_to_string(&spec).unwrap().replace("temperature = 0\\n", "temperature = 0\\nn = 1\\n");
    assert!(text.contains("\\nn = 1\\n"));
    fs::write(&spec, text).unwrap();
    run.score(None).code(0);
    eyechart().arg("show").arg(run.path()).assert().code(0);
}

#[test]
fn the_pictures_of_its_questions_are_read_from_its_data_for_mme() {
    let run = EarlierRun::new();
    let task = run.json("spec.json")["task"]["text"].as_str().unwrap().to_owned();
    let start = task.find("[[compare]]").unwrap();
    let entry = "[[score]]\nscorer = \"mme\"\ntarget = \"label\"\ncategory = \"image\"\n";
    let mme = run.place.write("mme.toml", format!("{}{entry}", &task[..start]));
    run.score(Some(&mme)).code(0);
    // The labels are letters: no answer has a score, and the reason is the label, not a picture that is missing.
    let reasons = run.json("results.json")["unscored"].clone();
    assert_eq!(reasons[0]["reason"], "the label is neither yes nor no", "{reasons}");
}

/// The kinds of the parts of each request's message.
fn kinds_of_parts(server: &Server) -> Vec<Vec<String>> {
    let kind = |part: &Value| part["type"].as_str().unwrap().to_owned();
    let kinds = |body: &Value| {
        let messages = body["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 1);
        messages[0]["content"].as_array().unwrap().iter().map(kind).collect()
    };
    bodies(server).iter().map(kinds).collect()
}

#[test]
fn it_is_resumed_with_the_picture_after_the_text_as_it_was_begun() {
    let server = endpoint(Vec::new());
    let run = EarlierRun::half_finished(&server);
    let before = fs::read(run.path().join("spec.json")).unwrap();
    let said = stderr(run.resume(&[]).code(0).get_output());
    assert!(!said.contains("place = "), "{said}");
    assert_eq!(kinds_of_parts(&server), vec![["text", "image_url"]; 4]);
    assert_eq!(fs::read(run.path().join("spec.json")).unwrap(), before, "the spec is never changed");
    let samples = fs::read_to_string(run.path().join("samples.jsonl")).unwrap();
    assert_eq!(samples.lines().count(), 8);
    eyechart().arg("check").arg(run.path()).assert().code(0);
    run.score(None).code(0);
}

#[test]
fn it_is_resumed_by_its_task_file_with_or_without_the_place_that_it_had() {
    for keys in ["", "place = \"after\"\n"] {
        let server = endpoint(Vec::new());
        let run = EarlierRun::half_finished(&server);
        let (task, url) = (run.task(keys), server.url());
        let model = ["--model", "custom/small", "--base-url", &url].map(std::ffi::OsStr::new);
        let arguments = [&[task.as_os_str()], &model[..]].concat();
        run.resume(&arguments).code(0);
        assert_eq!(kinds_of_parts(&server), vec![["text", "image_url"]; 4], "{keys}");
        // Also if the folder of runs is named, from which the run is found.
        let again = EarlierRun::half_finished(&server);
        let mut command = eyechart();
        command.arg("run").arg(again.task(keys)).args(model).arg("--no-score").arg("--resume");
        command.arg(again.place.path("runs")).assert().code(0);
        assert_eq!(kinds_of_parts(&server), vec![["text", "image_url"]; 8], "{keys}");
    }
}

#[test]
fn it_is_not_resumed_as_a_task_with_another_place() {
    let server = endpoint(Vec::new());
    let run = EarlierRun::half_finished(&server);
    let (task, url) = (run.task("place = \"before\"\n"), server.url());
    let model = ["--model", "custom/small", "--base-url", &url].map(std::ffi::OsStr::new);
    let said = stderr(run.resume(&[&[task.as_os_str()], &model[..]].concat()).code(2).get_output());
    assert!(said.contains("task text"), "{said}");
    assert_eq!(server.stats().requests, 0);
}
