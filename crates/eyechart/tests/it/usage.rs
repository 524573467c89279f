//! Mistakes on the command line: each is named with what was expected, and nothing is sent.

use crate::common::{self, Place, endpoint, eyechart, run_at, stderr, stdout};

fn refused(arguments: &[&str]) -> String {
    let place = Place::new();
    let output =
        eyechart().args(arguments).arg("--out").arg(place.runs()).assert().code(2).get_output().clone();
    assert!(!place.runs().exists(), "nothing was started");
    stderr(&output)
}

#[test]
fn the_version_and_the_help_are_printed_to_stdout() {
    let version = eyechart().arg("--version").assert().code(0).get_output().clone();
    assert!(stdout(&version).starts_with("eyechart "));
    let help = eyechart().args(["run", "--help"]).assert().code(0).get_output().clone();
    assert!(stdout(&help).contains("Examples:"));
}

#[test]
fn an_unknown_task_or_model_says_what_there_is() {
    let said = refused(&["run", "arxiv", "--model", "openai/gpt-4o", "--no-score"]);
    assert!(said.contains("vlm-benchmarks/arxivqa") && said.contains("TOML"), "{said}");
    let place = Place::new();
    let task = place.charts(1);
    let task = task.to_str().unwrap();
    let said = refused(&["run", task, "--model", "gpt-4o", "--no-score"]);
    assert!(said.contains("PROVIDER/NAME"), "{said}");
    let said = refused(&["run", task, "--model", "nobody/gpt-4o", "--no-score"]);
    assert!(said.contains("mistral") && said.contains("--base-url"), "{said}");
}

#[test]
fn a_missing_key_or_a_placeholder_is_an_error_before_the_first_request() {
    let place = Place::new();
    let task = place.charts(1);
    let said = refused(&["run", task.to_str().unwrap(), "--model", "mistral/pixtral-12b-2409", "--no-score"]);
    assert!(said.contains("MISTRAL_API_KEY"), "{said}");
    let server = endpoint(Vec::new());
    for placeholder in ["YOUR_API_KEY", "<key>", "sk-..."] {
        let mut command = run_at(&server, &place, &task);
        let output = command.env("EYECHART_API_KEY", placeholder).assert().code(2).get_output().clone();
        assert!(stderr(&output).contains("placeholder"), "{}", stderr(&output));
    }
    assert_eq!(server.stats().requests, 0);
}

#[cfg(unix)]
#[test]
fn a_path_or_a_key_that_is_not_utf8_is_a_message_and_no_record_is_begun() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::new();
    let task = place.texts(1);
    let odd = place.path("").join(OsStr::from_bytes(b"odd\xff"));
    std::fs::create_dir(&odd).unwrap();
    std::fs::copy(place.path("texts.jsonl"), odd.join("texts.jsonl")).unwrap();
    let server = endpoint(Vec::new());
    let said = stderr(run_at(&server, &place, &task).arg("--data").arg(&odd).assert().code(2).get_output());
    assert!(said.contains("the path is not UTF-8"), "{said}");
    let mut command = run_at(&server, &place, &task);
    let said = stderr(
        command.env("EYECHART_API_KEY", OsStr::from_bytes(b"sk\xff123")).assert().code(2).get_output(),
    );
    assert!(said.contains("EYECHART_API_KEY") && !said.contains("123"), "{said}");
    assert!(!place.runs().exists(), "nothing was started");
    let mut command = eyechart();
    command.arg("run").arg(&task).args([
        "--model",
        "custom/m",
        "--base-url",
        &server.url(),
        "--no-score",
        "--out",
    ]);
    command.arg(odd.join("runs")).assert().code(0);
}

#[test]
fn missing_data_says_where_it_comes_from() {
    let said = refused(&["run", "vlm-benchmarks/arxivqa", "--model", "recorded/label", "--no-score"]);
    assert!(said.contains("--data") && said.contains("MMInstruction/ArxivQA"), "{said}");
    let place = Place::new();
    place.write("somewhere/readme.txt", "x");
    let folder = place.path("somewhere");
    let said = refused(&[
        "run",
        "vlm-benchmarks",
        "--model",
        "recorded/label",
        "--no-score",
        "--data",
        folder.to_str().unwrap(),
    ]);
    assert!(said.contains("arxivqa"), "{said}");
}

#[test]
fn a_mistake_in_a_task_file_is_shown_with_its_line() {
    let place = Place::new();
    place.charts(1);
    let task = place.write("charts.toml", common::CHARTS.replace("[images]", "[image]"));
    let said = refused(&["run", task.to_str().unwrap(), "--model", "recorded/answer", "--no-score"]);
    assert!(said.contains("line 10") && said.contains("image"), "{said}");
}

#[test]
fn a_column_that_the_data_lacks_is_named() {
    let place = Place::new();
    place.charts(2);
    let task = place.write("charts.toml", common::CHARTS.replace("{{ question }}", "{{ query }}"));
    let server = endpoint(Vec::new());
    let output = run_at(&server, &place, &task).assert().code(2).get_output().clone();
    let said = stderr(&output);
    assert!(said.contains("charts.jsonl has no column \"query\"") && said.contains("question"), "{said}");
    assert!(!place.runs().exists(), "nothing was started");
    assert_eq!(server.stats().requests, 0);
}

#[test]
fn a_run_that_cannot_be_recorded_stops_before_the_first_request() {
    let place = Place::new();
    let task = place.charts(2);
    place.write("runs", "a file where the folder should be");
    let server = endpoint(Vec::new());
    let output = run_at(&server, &place, &task).assert().code(3).get_output().clone();
    assert!(stderr(&output).contains("runs"), "{}", stderr(&output));
    assert_eq!(server.stats().requests, 0);
}

#[test]
fn the_built_in_tasks_are_listed_with_where_their_data_comes_from() {
    let output = eyechart().arg("tasks").assert().code(0).get_output().clone();
    for text in ["vlm-benchmarks/flickr30k", "visit-bench-multi", "mlfoundations/VisIT-Bench"] {
        assert!(stdout(&output).contains(text), "{}", stdout(&output));
    }
}

#[test]
fn a_task_named_from_its_own_folder_finds_its_data() {
    let place = Place::new();
    let task = place.charts(2);
    let server = endpoint(vec![]);
    let mut command = eyechart();
    command.current_dir(task.parent().unwrap()).args(["run", "charts.toml", "--model", "custom/m"]);
    command.args(["--base-url", &server.url(), "--no-score"]).assert().code(0);
    assert_eq!(place.run().samples().len(), 2);
}

#[test]
fn an_address_that_holds_a_secret_is_refused_and_not_quoted() {
    let place = Place::new();
    let task = place.charts(1);
    for address in ["http://u:s3cretpw@h/v1", "http://:s3cretpw@h/v1", "http://h/v1?key=s3cretpw"] {
        let arguments = ["run", task.to_str().unwrap(), "--model", "custom/m", "--base-url", address];
        let said = refused(&[&arguments[..], &["--no-score"]].concat());
        assert!(said.contains("--header") && !said.contains("s3cretpw"), "{said}");
    }
}

#[test]
fn mistakes_are_found_before_anything_is_fetched_or_written() {
    let place = Place::new();
    let task = place.charts(1);
    let task = task.to_str().unwrap();
    let said = |arguments: &[&str]| {
        let mut command = eyechart();
        command.env_remove("EYECHART_ENCODER").env("HOME", place.path("home")).env("PATH", "");
        let output = command.arg("run").args(arguments).arg("--out").arg(place.runs()).assert().code(2);
        assert!(!place.runs().exists(), "nothing was started");
        stderr(output.get_output())
    };
    assert!(said(&["nosuch", "--model", "custom/m", "--base-url", "http://h/v1"]).contains("no task"));
    assert!(said(&[task, "--model", "openai/gpt-4o"]).contains("OPENAI_API_KEY"));
    let header = [task, "--model", "custom/m", "--base-url", "http://h/v1", "--header"];
    assert!(said(&[&header[..], &["b ad=1"]].concat()).contains("--header b ad"));
    assert!(said(&[&header[..], &["Authorization=Bearer YOUR_API_KEY"]].concat()).contains("placeholder"));
}

#[test]
fn a_column_that_no_row_has_is_refused_before_the_first_request() {
    let place = Place::new();
    place.charts(3);
    let task = place.write("typo.toml", common::CHARTS.replace("target = \"answer\"", "target = \"anwser\""));
    let server = endpoint(vec![]);
    let output = run_at(&server, &place, &task).assert().code(2).get_output().clone();
    assert!(
        stderr(&output).contains("\"anwser\"") && stderr(&output).contains("question"),
        "{}",
        stderr(&output)
    );
    assert_eq!(server.stats().requests, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_an_error_and_a_closed_pipe_is_none() {
    for argument in ["tasks", "--help", "--version"] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eyechart"));
        let output =
            command.arg(argument).stdout(full).stderr(std::process::Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{argument}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to stdout"), "{argument}");
    }

    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eyechart"));
    command.args(["rehearse", "--port", "0"]).stdout(full).stderr(std::process::Stdio::piped());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3), "an endpoint whose address nobody can read");

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eyechart"));
    let output = command.arg("tasks").stdout(writer).stderr(std::process::Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn options_of_other_tools_are_answered_with_what_serves_here() {
    for (given, instead) in [
        ("--api-key", "OPENAI_API_KEY"),
        ("--temperature", "--param temperature=0"),
        ("--max_tokens", "--param max_tokens=1024"),
        ("--concurrency", "--max-connections N"),
        ("--output-dir", "--out DIR"),
        ("--api-base=http://127.0.0.1", "--base-url URL"),
        ("--cacert", "--ca FILE.pem"),
        ("--no-verify-ssl", "--insecure"),
        ("-k", "--insecure"),
        ("--proxy", "HTTPS_PROXY"),
        ("--quiet", "2> /dev/null"),
        ("--system-prompt", "system in [prompt]"),
        ("--top-k", "--param top_k=40"),
        ("--request_timeout", "--timeout SECONDS"),
    ] {
        let said = refused(&["run", "charts.toml", "--model", "custom/m", given, "8"]);
        assert!(said.contains(instead), "{given}: {said}");
        assert!(!said.contains("similar argument"), "{said}");
    }
    let output = eyechart().args(["calc", "--temperature", "0"]).assert().code(2).get_output().clone();
    assert!(!stderr(&output).contains("--param"), "calc has no such option");
}
