//! One cache, several processes: eyechart twice, and Python's `huggingface_hub` before, after and beside it.

use std::fs;
use std::thread::ScopedJoinHandle;

use crate::common::hub_fixture::{Cache, Quiet, charts, get, heads, large, server};
use crate::common::hub_python::{Script, python};
use crate::common::hub_server::{Asked, COMMIT, Fault};
use crate::common::process;
use eyechart::hub::{Environment, Hub, Repository};

#[test]
fn a_file_that_another_process_downloads_is_waited_for() {
    if process::is_second() {
        return download_in_the_second_process();
    }
    let (server, cache) = (server(), Cache::new());
    server.faults("images.tgz", [Fault::Hold(1_000)]);
    let snapshot = cache.charts(&server);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| get(&snapshot, "images.tgz").unwrap());
        server.wait_for(|| ended(first.is_finished()), |asked| asked.iter().any(|asked| asked.storage));
        let mut child = process::second()
            .env("HUB_TEST_CACHE", cache.0.path())
            .env("HUB_TEST_ENDPOINT", server.url())
            .spawn()
            .unwrap();
        // It has asked what the file is; next it takes the lock, or waits for it.
        server.wait_for(|| ended(child.try_wait().unwrap().is_some()), |asked| heads(asked) == 2);
        server.release();
        assert_eq!(first.join().unwrap(), large());
        assert!(child.wait().unwrap().success());
    });
    assert_eq!(server.downloads().len(), 1);
}

fn ended(is_ended: bool) -> Option<String> {
    is_ended.then(|| "one of the two ended before it asked".to_owned())
}

fn download_in_the_second_process() {
    let variable = |name| std::env::var(name).unwrap();
    let env = Environment {
        hf_hub_cache: Some(variable("HUB_TEST_CACHE").into()),
        hf_endpoint: Some(variable("HUB_TEST_ENDPOINT")),
        ..Environment::default()
    };
    let snapshot = Hub::new(&env).unwrap().snapshot(&charts()).unwrap();
    assert_eq!(get(&snapshot, "images.tgz").unwrap(), large());
}

#[test]
fn what_python_cached_is_found_without_a_request() {
    let (server, cache) = (server(), Cache::new());
    let script = r#"
hf_hub_download("them/charts", "data/test.jsonl", repo_type="dataset", revision="refs/pr/1")
print(snapshot_download("them/charts", repo_type="dataset"))
"#;
    let printed = python(script, cache.0.path(), Some(&server.url())).lines();
    let asked = server.asked().len();
    let snapshot = cache.offline(&server).snapshot(&charts()).unwrap();
    assert_eq!(printed, [snapshot.folder().to_str().unwrap()]);
    let files = snapshot.files().unwrap();
    assert_eq!(files.len(), 5);
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    for (file, path) in files.iter().zip(snapshot.get(&paths, &Quiet).unwrap()) {
        assert_eq!(fs::metadata(path).unwrap().len(), file.size);
    }
    assert_eq!(get(&snapshot, "images.tgz").unwrap(), large());
    let revision = Repository { revision: Some("refs/pr/1".to_owned()), ..charts() };
    assert_eq!(cache.offline(&server).snapshot(&revision).unwrap().commit(), COMMIT);
    assert_eq!(server.asked().len(), asked, "nobody was asked");
    // What an older version left, without a list of all files, is found as well.
    fs::remove_dir_all(cache.path("datasets--them--charts/trees")).unwrap();
    assert_eq!(cache.offline(&server).snapshot(&charts()).unwrap().files().unwrap(), files);
}

#[test]
fn what_we_cached_is_found_by_python_without_a_request() {
    let (server, cache) = (server(), Cache::new());
    let snapshot = cache.charts(&server);
    let paths: Vec<String> = snapshot.files().unwrap().into_iter().map(|file| file.path).collect();
    let files = snapshot.get(&paths, &Quiet).unwrap();
    let script = r#"
for path in ["README.md", "data/50% of it.parquet", "data/test.jsonl", "empty.txt", "images.tgz"]:
    print(hf_hub_download("them/charts", path, repo_type="dataset", local_files_only=True))
print(snapshot_download("them/charts", repo_type="dataset", local_files_only=True))
"#;
    let printed = python(script, cache.0.path(), None).lines();
    let folder = snapshot.folder();
    let expected: Vec<_> = files.iter().chain([&folder]).map(|path| path.to_str().unwrap()).collect();
    assert_eq!(printed, expected);
}

#[test]
#[should_panic(expected = "no luck today")]
fn a_script_that_dies_is_not_waited_for() {
    let (server, cache) = (server(), Cache::new());
    let mut script = python("sys.exit('no luck today')", cache.0.path(), Some(&server.url()));
    server.wait_for(|| script.ended(), |asked| heads(asked) == 1);
}

#[test]
fn python_and_we_wait_for_each_other() {
    let script = r#"hf_hub_download("them/charts", "images.tgz", repo_type="dataset")"#;
    for python_first in [true, false] {
        let (server, cache) = (server(), Cache::new());
        server.faults("images.tgz", [Fault::Hold(1_000)]);
        let snapshot = cache.charts(&server);
        let other = || python(script, cache.0.path(), Some(&server.url()));
        let ours = || assert_eq!(get(&snapshot, "images.tgz").unwrap(), large());
        std::thread::scope(|scope| {
            let (mut script, mut thread) = (None, None);
            if python_first {
                script = Some(other())
            } else {
                thread = Some(scope.spawn(ours))
            }
            let one_ended = |script: &mut Option<Script>, thread: &Option<ScopedJoinHandle<'_, ()>>| {
                let is_finished = thread.as_ref().is_some_and(ScopedJoinHandle::is_finished);
                script.as_mut().and_then(Script::ended).or_else(|| ended(is_finished))
            };
            let is_downloading = |asked: &[Asked]| asked.iter().any(|asked| asked.storage);
            server.wait_for(|| one_ended(&mut script, &thread), is_downloading);
            if python_first {
                thread = Some(scope.spawn(ours))
            } else {
                script = Some(other())
            }
            server.wait_for(|| one_ended(&mut script, &thread), |asked| heads(asked) == 2);
            server.release();
            script.unwrap().lines();
        });
        assert_eq!(server.downloads().len(), 1, "python first: {python_first}");
    }
}
