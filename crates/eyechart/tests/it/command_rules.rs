//! When `command` may start a program, which one, and what that program may see.

use std::fs;

use crate::common::command::{ONES, executable, reasons, rows, run, score, scored, shell, task, values};
use crate::common::{Place, RunFiles, eyechart, stderr};
use eyechart::hub::KEY_VARIABLES;
use eyechart::provider::key_variables;
use serde_json::{Value, json};

/// Why a command is not started that `spec.json` does not have.
const NOT_RECORDED: &str =
    "the run recorded no command like this; hint: `eyechart score RUN --task FILE` uses the current files";

/// A run of the task with `command`, recorded and not scored: no program has been started.
fn recorded(place: &Place, command: &Value) -> RunFiles {
    rows(place, &["a", "b"]);
    let file = task(place, &format!("command = {command}"));
    run(place, &file).arg("--no-score").assert().code(0);
    place.run()
}

#[test]
fn a_foreign_run_starts_nothing_without_the_flag() {
    let place = Place::new();
    let pwned = place.path("absolute-pwned");
    for command in [json!(["touch", "pwned"]), json!(["touch", pwned])] {
        let _ = fs::remove_dir_all(place.runs());
        let run = recorded(&place, &command);
        let before = fs::read_dir(run.path()).unwrap().count();
        let commands: [&[&str]; 9] = [
            &["score"],
            &["results"],
            &["show"],
            &["results", "--format", "markdown"],
            &["results", "--format", "csv"],
            &["results", "--format", "json"],
            &["check"],
            &["score", "--format", "json"],
            &["check"],
        ];
        for words in commands {
            let mut eyechart = eyechart();
            let output = eyechart.args(words).arg(run.path()).current_dir(run.path()).output().unwrap();
            assert!(output.status.success(), "{words:?}: {}", stderr(&output));
        }
        // This task has nothing to export, which is no reason to start a program.
        let mut export = eyechart();
        export.args(["export", "--layout", "vlm-benchmarks", "--out"]).arg(place.path("exported"));
        export.arg(run.path()).current_dir(run.path()).output().unwrap();
        assert_eq!(reasons(&run), ["command not allowed"; 2]);
        let made = fs::read_dir(run.path()).unwrap().count() - before;
        assert!(made == 2 && !run.path().join("pwned").exists(), "scores.jsonl and results.json only");
        assert!(!pwned.exists() && !place.path("pwned").exists());
    }
    // The same run with the flag, so that the test would notice a program that is started.
    score(&place.run(), &["--allow-command"]);
    assert!(pwned.exists());
}

#[test]
fn a_command_that_is_not_allowed_is_printed_with_each_of_its_arguments() {
    let place = Place::new();
    rows(&place, &["a"]);
    let file = task(&place, &format!("command = {}", json!(["touch", "a b", "\u{1b}[31m\u{202e}x", "'"])));
    let output = run(&place, &file).assert().code(0).get_output().clone();
    let text = stderr(&output);
    let shown = r#"command not allowed: ["touch","a b","\u001b[31m\u202ex","'"]"#;
    assert_eq!(text.matches(shown).count(), 1, "{text}");
    assert!(text.contains("--allow-command"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    let results = place.run().json("results.json");
    let unscored = json!([{"name": "command", "part": "answer", "target": "answer",
        "reason": "command not allowed", "n": 1}]);
    assert_eq!(results["unscored"], unscored);
    assert!(results["figures"][0].get("value").is_none(), "{results}");
}

#[test]
fn arguments_reach_the_program_as_they_are_and_no_shell_reads_them() {
    let place = Place::new();
    rows(&place, &["a"]);
    let odd = ["$(touch pwned)", "a b", "; touch pwned", "*", "", "\"'\\"];
    executable(&place, "arguments.sh", &format!("printf '%s\\n' \"$@\" >arguments; {ONES}"));
    let argv: Vec<&str> = ["./arguments.sh"].into_iter().chain(odd).collect();
    let run = scored(&place, &format!("command = {}", json!(argv)));
    assert_eq!(values(&run), [json!(1.0)]);
    assert_eq!(fs::read_to_string(place.path("arguments")).unwrap(), odd.join("\n") + "\n");
    assert!(!place.path("pwned").exists());
}

#[test]
fn the_program_sees_no_variable_with_a_key() {
    let place = Place::new();
    rows(&place, &["a"]);
    let file = task(&place, &shell(&format!("env >environment; {ONES}")));
    let hidden: Vec<&str> = key_variables().chain(KEY_VARIABLES).collect();
    for known in ["OPENAI_API_KEY", "MISTRAL_API_KEY", "GEMINI_API_KEY", "EYECHART_API_KEY", "HF_TOKEN"] {
        assert!(hidden.contains(&known), "{known}");
    }
    let mut command = run(&place, &file);
    for variable in &hidden {
        command.env(variable, "s3cret-value");
    }
    command.env("OWN_SETTING", "stays").arg("--allow-command").assert().code(0);
    let environment = fs::read_to_string(place.path("environment")).unwrap();
    assert!(!environment.contains("s3cret-value"), "{environment}");
    assert!(environment.contains("OWN_SETTING=stays") && environment.contains("PATH="), "{environment}");
    assert_eq!(values(&place.run()), [json!(1.0)]);
}

#[test]
fn the_command_and_the_hashes_of_its_files_are_recorded() {
    let place = Place::new();
    place.write("words.txt", "abc");
    let run = recorded(&place, &json!(["sh", "-c", ONES, "words.txt", "no-file.txt"]));
    let spec = run.json("spec.json");
    let files = spec["commands"][0]["files"].as_array().unwrap();
    assert_eq!(spec["commands"][0]["argv"], json!(["sh", "-c", ONES, "words.txt", "no-file.txt"]));
    assert_eq!((&files[0]["argument"], &files[0]["path"]), (&json!(0), &json!("sh")));
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(files[1], json!({"argument": 3, "path": "words.txt", "sha256": abc}));
    assert_eq!(files.len(), 2);
    let schema = include_str!("../../../../docs/schemas/spec.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let faults: Vec<String> = schema.iter_errors(&spec).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");

    let task = place.path("t.toml");
    score(&run, &["--allow-command", "--task", task.to_str().unwrap()]);
    let parameters = &run.json("results.json")["scorers"][0]["parameters"];
    assert_eq!(parameters["command"], spec["commands"][0]["argv"]);
    assert_eq!(parameters["files"], spec["commands"][0]["files"]);
    assert_eq!(values(&run), [json!(1.0), json!(1.0)]);
}

#[test]
fn a_changed_file_leaves_the_entry_unscored_and_is_named() {
    let place = Place::new();
    let program = executable(&place, "score.sh", ONES);
    let data = place.write("data.txt", "one");
    let run = recorded(&place, &json!([program, data]));
    score(&run, &["--allow-command"]);
    assert_eq!(values(&run), [json!(1.0), json!(1.0)]);
    for (path, content) in [(&data, "two"), (&program, "#!/bin/sh\nread -r l; echo '{\"value\": 0.5}'\n")] {
        let before = fs::read(path).unwrap();
        fs::write(path, content).unwrap();
        let output = score(&run, &["--allow-command"]).get_output().clone();
        let reason = reasons(&run).pop().unwrap();
        assert!(reason.contains(path.to_str().unwrap()) && reason.contains("has changed"), "{reason}");
        assert!(stderr(&output).contains("has changed"), "{}", stderr(&output));
        assert_eq!(reasons(&run).len(), 2);
        assert!(run.json("results.json")["scorers"][0]["parameters"].get("files").is_none());
        fs::write(path, before).unwrap();
    }
    fs::remove_file(&data).unwrap();
    score(&run, &["--allow-command"]);
    assert!(reasons(&run)[0].contains("no longer exists"), "{:?}", reasons(&run));

    // The task file's own command is scored as it is today.
    score(&run, &["--allow-command", "--task", place.path("t.toml").to_str().unwrap()]);
    assert_eq!(values(&run), [json!(1.0), json!(1.0)]);
    assert_eq!(run.json("results.json")["scorers"][0]["parameters"]["files"].as_array().unwrap().len(), 1);
}

#[test]
fn another_command_than_the_recorded_one_is_not_started() {
    let place = Place::new();
    let run = recorded(&place, &json!(["/bin/sh", "-c", ONES]));
    let pwned = place.path("pwned");
    let mut spec = run.json("spec.json");
    let other = fs::read_to_string(task(&place, &format!("command = {}", json!(["touch", pwned])))).unwrap();
    spec["task"]["text"] = json!(other);
    fs::write(run.path().join("spec.json"), spec.to_string()).unwrap();
    score(&run, &["--allow-command"]);
    assert_eq!(reasons(&run), [NOT_RECORDED; 2]);
    assert!(!pwned.exists());
}

#[test]
fn a_run_without_recorded_commands_starts_its_command_only_from_a_task_file() {
    let place = Place::new();
    let pwned = place.path("pwned");
    let script = format!("touch {}; {ONES}", pwned.display());
    let run = recorded(&place, &json!(["/bin/sh", "-c", script]));
    let spec = run.json("spec.json");
    for commands in [None, Some(json!([]))] {
        let mut spec = spec.clone();
        match commands {
            None => spec.as_object_mut().unwrap().remove("commands"),
            Some(commands) => spec.as_object_mut().unwrap().insert("commands".to_owned(), commands),
        };
        fs::write(run.path().join("spec.json"), spec.to_string()).unwrap();
        let output = score(&run, &["--allow-command"]).get_output().clone();
        assert_eq!(reasons(&run), [NOT_RECORDED; 2]);
        assert!(stderr(&output).contains(NOT_RECORDED), "{}", stderr(&output));
        assert!(!pwned.exists());
    }
    score(&run, &["--allow-command", "--task", place.path("t.toml").to_str().unwrap()]);
    assert_eq!(values(&run), [json!(1.0), json!(1.0)]);
    assert!(pwned.exists());
}

#[test]
fn relative_paths_are_relative_to_the_task_file_and_refused_without_it() {
    for argv in [json!(["./tools/score.sh"]), json!(["sh", "tools/score.sh"]), json!(["tools/score.sh", "x"])]
    {
        let place = Place::new();
        executable(&place, "tools/score.sh", &format!("pwd >folder; {ONES}"));
        rows(&place, &["a", "b"]);
        let file = task(&place, &format!("command = {argv}"));
        let elsewhere = tempfile::tempdir().unwrap();
        run(&place, &file).arg("--allow-command").current_dir(elsewhere.path()).assert().code(0);
        let run = place.run();
        assert_eq!(values(&run), [json!(1.0), json!(1.0)], "{argv}");
        let folder = fs::read_to_string(place.path("folder")).unwrap();
        assert_eq!(fs::canonicalize(folder.trim()).unwrap(), fs::canonicalize(place.path(".")).unwrap());

        // Neither the current folder nor the run's own is that of the task file.
        for folder in [place.path("."), run.path().to_owned()] {
            executable(&place, run.path().join("tools/score.sh").to_str().unwrap(), "touch pwned");
            let mut again = eyechart();
            again.arg("score").arg(run.path()).arg("--allow-command").current_dir(folder).assert().code(0);
            for reason in reasons(&run) {
                assert!(reason.contains("tools/score.sh") && reason.contains("--task FILE"), "{reason}");
            }
            assert_eq!(reasons(&run).len(), 2);
        }
        assert!(!place.path("pwned").exists() && !run.path().join("pwned").exists());
        score(&run, &["--allow-command", "--task", file.to_str().unwrap()]);
        assert_eq!(values(&run), [json!(1.0), json!(1.0)], "{argv}");
    }
}

#[test]
fn a_bare_name_is_looked_up_in_path_and_not_in_relative_folders_of_it() {
    let place = Place::new();
    executable(&place, "bin/eyechart-test-score", ONES);
    executable(&place, "eyechart-test-score", "touch pwned");
    rows(&place, &["a"]);
    let file = task(&place, "command = [\"eyechart-test-score\"]");
    let path = format!(".::{}:/usr/bin:/bin", place.path("bin").display());
    let mut command = run(&place, &file);
    command.env("PATH", path).current_dir(place.path(".")).arg("--allow-command").assert().code(0);
    assert_eq!(values(&place.run()), [json!(1.0)]);
    assert!(!place.path("pwned").exists());
}

#[test]
fn a_program_that_cannot_be_found_is_reported_before_the_run() {
    let place = Place::new();
    executable(&place, "score-5d1.sh", ONES);
    rows(&place, &["a"]);
    let file = task(&place, "command = [\"score-5d1.sh\"]");
    let output = run(&place, &file).args(["--allow-command", "--dry-run"]).output().unwrap();
    let text = stderr(&output);
    assert!(text.contains("[[score]] command: the program \"score-5d1.sh\" is not in PATH"), "{text}");
    assert!(text.contains("\"./score-5d1.sh\""), "{text}");
    assert!(!place.runs().exists());
}

#[test]
fn score_with_another_task_starts_its_command_only_with_the_flag() {
    let place = Place::new();
    let run = recorded(&place, &json!(["touch", "pwned"]));
    let own = task(&place, &format!("name = \"mine\"\n{}", shell(ONES)));
    let own = own.to_str().unwrap();
    score(&run, &["--task", own]);
    assert_eq!(reasons(&run), ["command not allowed"; 2]);
    score(&run, &["--task", own, "--allow-command"]);
    assert_eq!(values(&run), [json!(1.0), json!(1.0)]);
}

#[test]
fn mistakes_in_the_keys_are_errors_of_the_task_file() {
    for (keys, expected) in [
        ("", "command needs the key `command`"),
        ("command = \"score.py\"", "expected a list of texts"),
        ("command = []", "expected a list of texts"),
        ("command = [\"\"]", "expected a list of texts"),
        ("command = [\"a\", 1]", "expected a list of texts"),
        ("command = [\"a\\u0000\"]", "expected a list of texts"),
        ("command = [\"a\"]\ntimeout = 0", "expected seconds from 0.001 to 86400"),
        ("command = [\"a\"]\ntimeout = \"1\"", "expected a number"),
        ("command = [\"a\"]\nrange = [1, 0]", "expected the lowest and the highest score"),
        ("command = [\"a\"]\nrange = [0, 1, 2]", "expected the lowest and the highest score"),
        ("command = [\"a\"]\nhigher_is_better = 1", "expected true or false"),
        ("command = [\"a\"]\ncolumns = [\"\"]", "expected a list of columns"),
        ("command = [\"a\"]\nreferences = \"best\"", "reads all references at once"),
        ("command = [\"a\"]\ntime_out = 3", "did you mean \"timeout\"?"),
    ] {
        let place = Place::new();
        rows(&place, &["a"]);
        let file = task(&place, keys);
        let output = run(&place, &file).arg("--allow-command").assert().code(2).get_output().clone();
        assert!(stderr(&output).contains(expected), "{keys}: {}", stderr(&output));
    }
}
