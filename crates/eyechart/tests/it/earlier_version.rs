//! A run that an earlier version wrote can still be checked, shown, scored and exported.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Place, eyechart, stderr, stdout};
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
    assert!(error.contains("`eyechart score") && error.contains("makes it anew"), "{error}");
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
