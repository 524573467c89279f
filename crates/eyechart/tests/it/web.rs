//! Pictures by address, as a user sees it: fetched once and sent as bytes, or counted as unavailable.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::common::site::{Page, Site};
use crate::common::{self, Place, bodies, endpoint, jpeg, run_at, stderr, stdout};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eyechart::text::hex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const TASK: &str = r#"name = "pages"
[dataset]
file = "pages.jsonl"
id = "id"
[prompt]
text = "Describe {{ id }}."
[images]
column = "image"
send = "fetch"
[[compare]]
target = "answer"
"#;

/// A task over pictures at these places, with ids `p-0`, `p-1`, …
fn pages(place: &Place, pictures: &[Value]) -> PathBuf {
    let row = |(index, picture): (usize, &Value)| json!({"id": format!("p-{index}"), "image": picture, "answer": "A scale."});
    place.write_jsonl("pages.jsonl", &pictures.iter().enumerate().map(row).collect::<Vec<_>>());
    place.write("pages.toml", TASK)
}

fn run(place: &Place, server: &eyechart::rehearse::Server, task: &std::path::Path) -> assert_cmd::Command {
    let mut command = run_at(server, place, task);
    command.env("XDG_CACHE_HOME", place.path("cache"));
    command
}

fn site() -> Site {
    Site::start(|path, _| match path {
        "/0.jpg" => Page::found(jpeg(0, 2_000)),
        "/1.jpg" => Page::found(jpeg(1, 2_000)),
        "/moved.jpg" => Page::redirect("/1.jpg"),
        "/login.jpg" => Page::found("<html><body>Sign in</body></html>"),
        _ => Page::status(404),
    })
}

#[test]
fn pictures_are_fetched_once_sent_as_bytes_and_kept_beside_the_runs() {
    let (place, site) = (Place::new(), site());
    place.write("local.jpg", jpeg(7, 2_000));
    let one = site.url("/1.jpg");
    let pictures = [json!(one), json!([site.url("/0.jpg"), one]), json!(one), json!("local.jpg")];
    let task = pages(&place, &pictures);
    let server = endpoint(Vec::new());
    run(&place, &server, &task).arg("--allow-private-urls").assert().code(0);
    assert_eq!((site.count("/0.jpg"), site.count("/1.jpg")), (1, 1));

    let picture = jpeg(1, 2_000);
    let sha256 = hex(&Sha256::digest(&picture));
    let sent = bodies(&server).into_iter().find(|body| body.to_string().contains("Describe p-2.")).unwrap();
    let url = format!("data:image/jpeg;base64,{}", STANDARD.encode(&picture));
    assert_eq!(sent["messages"][0]["content"][0]["image_url"]["url"], url);
    let recorded = place.run().sample("p-1")["images"][1].clone();
    let expected = json!({"source": one, "sha256": sha256, "media_type": "image/jpeg", "width": 560, "height": 600,
        "bytes": picture.len()});
    assert_eq!(recorded, expected);
    let stored = place.runs().join("images");
    assert_eq!(std::fs::read(stored.join(&sha256)).unwrap(), picture);
    assert_eq!(std::fs::read_dir(stored).unwrap().count(), 2, "what lies on this machine is not copied");

    run(&place, &server, &task).arg("--allow-private-urls").assert().code(0);
    assert_eq!(site.requests().len(), 2, "the second run fetches nothing");
    assert_eq!(place.all_runs().len(), 2);
}

#[test]
fn a_picture_that_cannot_be_had_is_counted_as_unavailable_and_nothing_is_asked_about_it() {
    let (place, site) = (Place::new(), site());
    let urls = ["/gone.jpg", "/login.jpg", "/moved.jpg"].map(|path| json!(site.url(path)));
    let missing_file = json!("nowhere.jpg");
    let task = pages(&place, &[urls.as_slice(), &[missing_file]].concat());
    let server = endpoint(Vec::new());
    let output =
        run(&place, &server, &task).arg("--allow-private-urls").assert().code(1).get_output().clone();
    assert_eq!(server.stats().requests, 1);
    let run = place.run();
    let error = |id: &str| run.sample(id)["error"].clone();
    let message = format!("{}: status 404 Not Found", site.url("/gone.jpg"));
    assert_eq!(error("p-0"), json!({"kind": "picture_unavailable", "message": message}));
    let message = error("p-1")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("/login.jpg: it is a web page") && !message.contains("<html>"), "{message}");
    assert_eq!(run.sample("p-2")["status"], "completed");
    assert_eq!(run.sample("p-2")["images"][0]["source"], urls[2]);
    assert_eq!(error("p-3")["kind"], "image", "a file that is missing is not an address that is dead");
    let said = stdout(&output);
    assert!(said.contains("2 picture_unavailable"), "{said}");
}

#[test]
fn an_address_on_this_machine_is_refused_with_the_flag_that_allows_it() {
    let (place, site) = (Place::new(), site());
    let by_name = site.url("/1.jpg").replace("127.0.0.1", "localhost");
    let task = pages(&place, &[json!(site.url("/0.jpg")), json!(by_name)]);
    let server = endpoint(Vec::new());
    run(&place, &server, &task).assert().code(1);
    assert_eq!((site.requests().len(), server.stats().requests), (0, 0));
    for sample in place.run().samples() {
        let message = sample["error"]["message"].as_str().unwrap();
        assert!(message.contains("not a public address"), "{message}");
        assert!(message.contains("--allow-private-urls"), "{message}");
    }
}

#[test]
fn a_dry_run_looks_at_what_was_fetched_before_and_fetches_nothing() {
    let (place, site) = (Place::new(), site());
    let task = pages(&place, &[json!(site.url("/0.jpg")), json!(site.url("/1.jpg"))]);
    let server = endpoint(Vec::new());
    let unseen = || {
        let mut command = run(&place, &server, &task);
        command.args(["--dry-run", "--allow-private-urls", "--format", "json"]);
        let output = command.assert().code(0).get_output().clone();
        let remarks = serde_json::from_str::<Value>(&stdout(&output)).unwrap()[0]["remarks"].clone();
        remarks.as_array().unwrap().iter().filter(|remark| remark["oddity"] == "unseen_picture").count()
    };
    assert_eq!((unseen(), site.requests().len()), (2, 0));
    run(&place, &server, &task).args(["--allow-private-urls", "--limit", "1"]).assert().code(0);
    assert_eq!((unseen(), site.requests().len()), (1, 1));
    assert_eq!(server.stats().requests, 1);
}

#[test]
fn a_fetch_without_an_end_does_not_hold_up_an_interrupted_run() {
    let place = Place::new();
    let (asked, was_asked) = std::sync::mpsc::channel();
    let asked = std::sync::Mutex::new(asked);
    let site = Site::start(move |_, _| {
        asked.lock().unwrap().send(()).unwrap();
        Page::Endless(b"\xFF\xD8\xFF".to_vec())
    });
    let task = pages(&place, &[json!(site.url("/slow.jpg"))]);
    let server = endpoint(Vec::new());
    let run = Command::new(env!("CARGO_BIN_EXE_eyechart"))
        .arg("run")
        .arg(&task)
        .args(["--model", "custom/m", "--base-url", &server.url(), "--no-score", "--allow-private-urls"])
        .arg("--out")
        .arg(place.runs())
        .env("XDG_CACHE_HOME", place.path("cache"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    was_asked.recv().unwrap();
    Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_eq!(place.run().samples().len(), 0, "a resume asks it");
    assert_eq!(server.stats().requests, 0);
}

#[test]
fn a_sample_with_an_address_is_shown_with_the_picture_that_a_run_would_send() {
    let (place, site) = (Place::new(), site());
    let task = pages(&place, &[json!(site.url("/0.jpg")), json!(site.url("/gone.jpg"))]);
    let show = |id: &str| {
        let mut command = common::eyechart();
        command.args(["tasks", "show"]).arg(&task).args(["--sample", id, "--allow-private-urls"]);
        command.env("XDG_CACHE_HOME", place.path("cache")).assert()
    };
    let shown = stdout(show("p-0").code(0).get_output());
    assert!(shown.contains("data:image/jpeg;base64,… ("), "{shown}");
    let said = stderr(show("p-1").code(2).get_output());
    assert!(said.contains("would fail before it is sent") && said.contains("status 404"), "{said}");
}
