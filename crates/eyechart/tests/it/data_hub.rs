//! Data on the Hub, as a user sees it: fetched by the run that needs it, as much as its samples need, once.

use crate::common::benchmarks;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::hub_data::{QUESTIONS, cached, online, picture, questions, run, spec, tgz};
use crate::common::hub_server::{COMMIT, Fault, HubServer, Repo};
use crate::common::{self, Place, endpoint, jpeg, stderr, stdout};
use eyechart::rehearse::Server;
use serde_json::{Value, json};

#[test]
fn a_run_fetches_rows_and_pictures_once_and_its_record_names_the_commit() {
    let (place, hub, server) = (Place::new(), HubServer::start([questions(20)]), endpoint(Vec::new()));
    let task = place.write("questions.toml", QUESTIONS);
    run(&place, &hub, &server, &task).args(["--limit", "4"]).assert().code(0);

    let origin = json!({"hub": {"repository": "them/charts", "revision": "main", "commit": COMMIT}});
    assert_eq!(spec(&place)["data"]["origin"], origin);
    for sample in place.run().samples() {
        let number: usize = sample["id"].as_str().unwrap()[2..].parse().unwrap();
        let (name, bytes) = picture(number);
        assert_eq!(sample["images"][0]["source"], format!("images.tgz: {name}"));
        assert_eq!(sample["images"][0]["bytes"], bytes.len());
    }
    // Rows in the cache that Python shares; of the archive nothing, its picked members in eyechart's own.
    assert_eq!(cached(&place, "datasets--them--charts/snapshots"), [format!("{COMMIT}/data.jsonl")]);
    assert_eq!(cached(&place, "datasets--them--charts/refs"), ["main"]);

    // Once: the next run asks what main is now, and nothing else.
    let asked = hub.asked().len();
    run(&place, &hub, &server, &task).args(["--limit", "4"]).assert().code(0);
    assert_eq!(hub.asked().len(), asked + 1);
    // And one without a network asks nobody.
    let mut offline = run(&place, &hub, &server, &task);
    offline.args(["--limit", "4"]).env("HF_HUB_OFFLINE", "1").assert().code(0);
    assert_eq!(hub.asked().len(), asked + 1);
}

#[test]
fn the_whole_comparison_runs_without_anybody_downloading_anything_first() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    benchmarks::lay_out(&place);
    let read = |name: &str| fs::read(place.path("data").join(name)).unwrap();
    let pictures: Vec<_> = (0..12)
        .map(|index| format!("images/{index}.jpg"))
        .map(|name| (name.clone(), read(&format!("arxivqa/{name}"))))
        .collect();
    let flickr = (0..2).fold(Repo::dataset("Mozilla/flickr30k-transformed-captions-gpt4o"), |repo, shard| {
        let name = format!("data/test-0000{shard}-of-00002.parquet");
        let content = read(&format!("flickr30k/{name}"));
        repo.large(&name, content)
    });
    let hub = HubServer::start([
        Repo::dataset("MMInstruction/ArxivQA")
            .large("arxivqa.jsonl", read("arxivqa/arxivqa.jsonl"))
            .large("images.tgz", tgz(&pictures)),
        Repo::dataset("mlfoundations/VisIT-Bench")
            .file("test/metadata.csv", read("visit-bench/test/metadata.csv"))
            .gated("hf_secret"),
        flickr,
    ]);
    let suite = Path::new("vlm-benchmarks");
    let refused = run(&place, &hub, &server, suite).assert().code(2).get_output().clone();
    let page =
        format!("ask for access at {}/datasets/mlfoundations/VisIT-Bench, then set HF_TOKEN", hub.url());
    assert!(stderr(&refused).contains(&page), "{}", stderr(&refused));
    assert!(server.requests().is_empty(), "nothing is asked before all data is found");

    run(&place, &hub, &server, suite).env("HF_TOKEN", "hf_secret").assert().code(0);
    let by_hub: Vec<_> = place.all_runs().iter().map(|run| run.samples().len()).collect();
    assert_eq!(by_hub.iter().sum::<usize>(), 12 + 2 + 2 + 6);
    for file in place.all_runs() {
        let spec = fs::read_to_string(file.path().join("spec.json")).unwrap();
        assert!(!spec.contains("hf_secret"));
    }
    // The same requests, picture for picture, as over the folder that a user lays out by hand.
    let bodies = |server: &Server| {
        let mut bodies: Vec<_> = server.requests().iter().map(|request| request.body.clone()).collect();
        bodies.sort();
        bodies
    };
    let by_hand = endpoint(Vec::new());
    run(&place, &hub, &by_hand, suite).arg("--data").arg(place.path("data")).assert().code(0);
    assert!(bodies(&server) == bodies(&by_hand));
}

#[test]
fn of_parquet_on_the_hub_only_pieces_are_fetched_unless_the_server_gives_none() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let path = place.path("shard.parquet");
    big_shard(&path);
    let content = fs::read(&path).unwrap();
    let size = content.len();
    let hub = HubServer::start([Repo::dataset("them/photos").large("data/test-0.parquet", content)]);
    let task = place.write(
        "photos.toml",
        "name = \"photos\"\n[dataset]\nhub = \"them/photos\"\nfile = \"data/*.parquet\"\nid = \"name\"\n\
         [prompt]\ntext = \"What?\"\n[images]\ncolumn = \"image\"\n",
    );
    run(&place, &hub, &server, &task).args(["--limit", "2"]).assert().code(0);
    assert_eq!(place.run().samples().len(), 2);
    let fetched: usize = hub.ranges().into_iter().map(|range| length(&range.unwrap(), size)).sum();
    assert!(fetched < size / 3, "{fetched} of {size} bytes");
    assert!(cached(&place, "datasets--them--photos/snapshots").is_empty());
    let downloads = hub.downloads().len();
    let mut again = run(&place, &hub, &server, &task);
    again.args(["--limit", "2"]).env("HF_HUB_OFFLINE", "1").assert().code(0);
    assert_eq!(hub.downloads().len(), downloads);

    // A server that sends whole files alone: the file comes once, into the cache that Python shares.
    let other = Place::new();
    hub.faults("data/test-0.parquet", [Fault::NoRange]);
    run(&other, &hub, &server, &task).args(["--limit", "2"]).assert().code(0);
    assert_eq!(cached(&other, "datasets--them--photos/snapshots"), [format!("{COMMIT}/data/test-0.parquet")]);
}

/// The number of bytes that `bytes=FIRST-LAST` asks for, or `bytes=FIRST-`.
fn length(range: &str, size: usize) -> usize {
    let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    last.parse().map_or(size, |last: usize| last + 1) - first.parse::<usize>().unwrap()
}

/// Three megabytes and more in row groups of two pictures.
fn big_shard(path: &Path) {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
    use parquet::file::properties::WriterProperties;

    let pictures: Vec<_> = (0..40).map(|index| jpeg(index, 100_000)).collect();
    let names: Vec<_> = (0..40).map(|index| format!("{index}.jpg")).collect();
    let batch = RecordBatch::try_from_iter([
        ("image", Arc::new(BinaryArray::from_iter_values(pictures.iter())) as ArrayRef),
        ("name", Arc::new(StringArray::from(names))),
    ])
    .unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(2)).build();
    let file = fs::File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn of_an_image_folder_on_the_hub_the_picked_pictures_alone_are_fetched() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let table: String = (0..10).map(|index| format!("{index}.jpg,Caption {index}\n")).collect();
    let repo = (0..10).fold(
        Repo::dataset("them/folder")
            .file("test/metadata.csv", format!("file_name,caption\n{table}../../x.jpg,Away\nno.jpg,No\n")),
        |repo, index| repo.large(&format!("test/{index}.jpg"), jpeg(index, 2_000)),
    );
    let hub = HubServer::start([repo]);
    let task = place.write(
        "folder.toml",
        "name = \"folder\"\n[dataset]\nhub = \"them/folder\"\nfile = \"test\"\nid = \"file_name\"\n\
         [prompt]\ntext = \"What?\"\n[images]\ncolumn = \"image\"\n[[compare]]\ntarget = \"caption\"\n",
    );
    // Whichever they are, some may fail.
    let _ = run(&place, &hub, &server, &task).args(["--limit", "3", "--seed", "1"]).assert();
    let picked: Vec<String> = spec(&place)["picked"]
        .as_array()
        .unwrap()
        .iter()
        .map(|picked| picked["id"].as_str().unwrap().to_owned())
        .collect();
    let mut expected: Vec<_> = picked
        .iter()
        .filter(|id| id.chars().next().unwrap().is_ascii_digit())
        .map(|id| format!("{COMMIT}/test/{id}"))
        .collect();
    expected.push(format!("{COMMIT}/test/metadata.csv"));
    expected.sort();
    assert_eq!(cached(&place, "datasets--them--folder/snapshots"), expected);

    // All of them: what the dataset does not have, or must not name, fails for itself.
    let all = Place::new();
    run(&all, &hub, &server, &task).assert().code(1);
    let reason = |id: &str| all.run().sample(id)["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(reason("no.jpg"), format!("no.jpg: the dataset has no such file at {COMMIT}"));
    assert_eq!(reason("../../x.jpg"), "../../x.jpg: expected a path inside the dataset");
    assert_eq!(all.run().samples().iter().filter(|sample| sample["status"] == "completed").count(), 10);
}

#[test]
fn a_run_goes_on_with_the_commit_it_began_with_even_where_nobody_remembers_what_main_was() {
    let (place, hub) = (Place::new(), HubServer::start([questions(8)]));
    let task = place.write("questions.toml", QUESTIONS);
    let failing = endpoint(vec![common::rule(json!({"prompt": "q-3", "status": 400}))]);
    run(&place, &hub, &failing, &task).assert().code(1);
    fs::remove_dir_all(place.path("hf/hub/datasets--them--charts/refs")).unwrap();
    let folder = place.run().path().to_owned();
    let resumed = online(&place, &hub)
        .args(["run", "--no-score", "--resume"])
        .arg(&folder)
        .env("HF_HUB_OFFLINE", "1")
        .assert();
    resumed.code(1);
    assert_eq!(place.run().sample("q-3")["status"], "failed");
}

#[test]
fn data_is_listed_fetched_checked_and_found() {
    let (place, hub) = (Place::new(), HubServer::start([questions(12)]));
    let task = place.write("questions.toml", QUESTIONS);
    let data = |command: &str, more: &[&str]| {
        let mut line = online(&place, &hub);
        line.args(["data", command]).arg(&task).args(more);
        line
    };
    let list = |more: &[&str]| stdout(data("list", more).assert().code(0).get_output());
    let hint = format!("here   nothing\n    fetch  eyechart data fetch {}\n", task.display());
    assert!(list(&[]).contains(&hint), "{}", list(&[]));
    data("path", &[]).assert().code(2);
    data("check", &["--limit", "5"]).assert().code(2);
    assert!(hub.asked().is_empty(), "only fetching asks the Hub");

    let fetched = stdout(data("fetch", &["--limit", "5"]).assert().code(0).get_output());
    assert!(
        fetched.starts_with("questions: the data of 5 samples is on this machine, its rows in "),
        "{fetched}"
    );
    assert!(
        list(&["--limit", "5"]).contains(&format!("everything for 5 samples (commit {})", &COMMIT[..12]))
    );
    assert!(list(&[]).contains("not all pictures"), "{}", list(&[]));
    let listed: Value = serde_json::from_str(&list(&["--limit", "5", "--format", "json"])).unwrap();
    assert_eq!((&listed[0]["ready"], &listed[0]["samples"]), (&json!(true), &json!(5)));

    let folder = PathBuf::from(stdout(data("path", &[]).assert().code(0).get_output()).trim());
    assert!(folder.join("data.jsonl").is_file());
    let checked = stdout(data("check", &["--limit", "5"]).assert().code(0).get_output());
    assert_eq!(checked, "questions: all is well in 12 rows (12 usable), 5 samples, 5 pictures\n");

    // A byte of the rows changes on the disk.
    let rows = fs::canonicalize(folder.join("data.jsonl")).unwrap();
    let mut content = fs::read(&rows).unwrap();
    content.iter_mut().filter(|byte| **byte == b'?').take(1).for_each(|byte| *byte = b'!');
    fs::write(&rows, content).unwrap();
    let damaged = stdout(data("check", &["--limit", "5"]).assert().code(1).get_output());
    assert!(damaged.contains("1 problem") && damaged.contains("is damaged: its sha256 is"), "{damaged}");
}

#[test]
fn an_archive_that_breaks_off_is_gone_on_with_and_members_that_are_missing_fail_alone() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let row = |index: usize| json!({"id": format!("q-{index}"), "image": picture(index).0, "question": "What?", "answer": "That."});
    let rows: String = (0..4).map(|index| format!("{}\n", row(index))).collect();
    let pictures: Vec<_> = (0..3).map(picture).collect();
    let repo = Repo::dataset("them/charts").large("data.jsonl", rows).large("images.tgz", tgz(&pictures));
    let hub = HubServer::start([repo]);
    hub.faults("images.tgz", [Fault::Cut(2_000), Fault::Status(503), Fault::Cut(1_000)]);
    let task = place.write("questions.toml", QUESTIONS);
    let output = run(&place, &hub, &server, &task).assert().code(1).get_output().clone();
    assert!(stderr(&output).contains("reading images.tgz"), "{}", stderr(&output));
    let missing = &place.run().sample("q-3")["error"];
    assert_eq!(missing["kind"], "image");
    assert_eq!(missing["message"], "images/3.jpg: images.tgz: the archive has no such member");
    assert_eq!(place.run().samples().iter().filter(|sample| sample["status"] == "completed").count(), 3);
}

#[test]
fn a_sample_is_shown_as_a_run_would_send_it_wherever_its_picture_is() {
    let (place, hub) = (Place::new(), HubServer::start([questions(6)]));
    let task = place.write("questions.toml", QUESTIONS);
    let show = |more: &[&str]| {
        let mut command = online(&place, &hub);
        command.args(["tasks", "show"]).arg(&task).args(["--sample", "q-4"]).args(more);
        stdout(command.assert().code(0).get_output())
    };
    let plain = show(&[]);
    assert!(plain.contains("What? (q-4)") && plain.contains("data:image/jpeg;base64,… ("), "{plain}");
    let changed = show(&["--image-max-side", "32", "--image-format", "webp", "--image-detail", "low"]);
    assert!(changed.contains("data:image/webp;base64") && changed.contains("× 32"), "{changed}");
    assert!(changed.contains("\"detail\": \"low\""), "{changed}");
}

#[test]
fn a_pinned_revision_is_asked_for_and_a_missing_file_names_those_that_there_are() {
    let (place, hub, server) = (Place::new(), HubServer::start([questions(3)]), endpoint(Vec::new()));
    let pinned = QUESTIONS
        .replace("hub = \"them/charts\"", &format!("hub = \"them/charts\"\nrevision = \"{COMMIT}\""));
    let task = place.write("pinned.toml", &pinned);
    run(&place, &hub, &server, &task).assert().code(0);
    assert!(hub.asked().iter().all(|asked| !asked.path.contains("/revision/")), "a commit needs no look-up");
    assert_eq!(spec(&place)["data"]["origin"]["hub"]["revision"], COMMIT);

    let wrong = place.write("wrong.toml", QUESTIONS.replace("data.jsonl", "rows.jsonl"));
    let said = stderr(run(&place, &hub, &server, &wrong).assert().code(2).get_output());
    let expected = format!(
        "the dataset them/charts has no file rows.jsonl at {COMMIT}; it has README.md, data.jsonl, images.tgz"
    );
    assert!(said.contains(&expected), "{said}");
}
