//! The Hub's files into the cache, from a Hub on this machine that has all the faults of a network.

use std::fs;
use std::io::Read as _;
use std::sync::Mutex;
use std::time::Duration;

use crate::common::hub_fixture::{Cache, LARGE, Quiet, charts, get, hasty, heads, large, repo, server};
use crate::common::hub_server::{COMMIT, Fault, HubServer, Repo};
use crate::common::site::{Page, Site};
use eyechart::hub::{Environment, Hub, HubError, Repository, Settings, Token};
use eyechart::types::Progress;

#[derive(Default)]
struct RecordedProgress {
    messages: Mutex<Vec<String>>,
    bytes: Mutex<Vec<(u64, Option<u64>)>>,
}

impl Progress for RecordedProgress {
    fn announce(&self, message: &str) {
        self.messages.lock().unwrap().push(message.to_owned());
    }

    fn bytes(&self, done: u64, total: Option<u64>) {
        self.bytes.lock().unwrap().push((done, total));
    }
}

fn pinned() -> Repository {
    Repository { revision: Some(COMMIT.to_owned()), ..charts() }
}

#[test]
fn all_pages_of_a_repository_are_listed_with_sizes_and_hashes_and_asked_for_once() {
    let (server, cache) = (server(), Cache::new());
    let files = cache.charts(&server).files().unwrap();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["README.md", "data/50% of it.parquet", "data/test.jsonl", "empty.txt", "images.tgz"]);
    assert_eq!((files[4].size, files[4].sha256.as_ref().unwrap().len()), (LARGE as u64, 64));
    assert_eq!((files[3].size, files[3].sha256.as_ref()), (0, None));
    let trees = || server.asked().iter().filter(|asked| asked.path.contains("/tree/")).count();
    assert_eq!(trees(), 3);
    assert_eq!(cache.charts(&server).files().unwrap(), files);
    assert_eq!(cache.offline(&server).snapshot(&pinned()).unwrap().files().unwrap(), files);
    assert_eq!(trees(), 3, "a commit's list never changes");
}

#[test]
fn files_lie_as_links_into_blobs_and_are_had_offline_afterwards() {
    let (server, cache) = (server(), Cache::new());
    let snapshot = cache.charts(&server);
    assert_eq!((snapshot.commit(), snapshot.is_from_cache()), (COMMIT, false));
    let paths: Vec<String> = snapshot.files().unwrap().into_iter().map(|file| file.path).collect();
    let progress = RecordedProgress::default();
    let files = snapshot.get(&paths, &progress).unwrap();
    assert_eq!(fs::read(&files[4]).unwrap(), large());
    assert_eq!(fs::read(&files[1]).unwrap(), b"PAR1");
    assert_eq!(fs::read(&files[3]).unwrap(), b"");
    assert!(files.iter().all(|file| file.starts_with(snapshot.folder())));
    assert_eq!(cache.entries("refs"), ["main"]);
    assert_eq!(cache.entries("blobs").len(), 5, "and nothing incomplete");
    let (messages, bytes) = (progress.messages.into_inner().unwrap(), progress.bytes.into_inner().unwrap());
    assert_eq!(messages, [format!("downloading 5 files of the dataset them/charts from {}", server.host())]);
    assert_eq!(bytes.iter().map(|(done, _)| *done).max(), bytes[0].1);

    let asked = server.asked().len();
    let offline = cache.offline(&server).snapshot(&charts()).unwrap();
    assert!(offline.is_from_cache());
    assert_eq!(offline.get(&paths, &Quiet).unwrap(), files);
    assert_eq!(server.asked().len(), asked, "nobody was asked");
}

#[test]
fn a_model_and_a_dataset_of_one_name_are_two_things() {
    let server = HubServer::start([repo(), Repo::model("them/charts").file("README.md", "# Weights\n")]);
    let cache = Cache::new();
    let model = cache.hub(&server).snapshot(&Repository::model("them/charts")).unwrap();
    assert_eq!(get(&model, "README.md").unwrap(), b"# Weights\n");
    assert_eq!(get(&cache.charts(&server), "README.md").unwrap(), b"# Charts\n");
    assert!(model.folder().starts_with(cache.path("models--them--charts/snapshots")));
}

#[test]
fn offline_without_the_files_is_an_error_that_names_the_variable() {
    let (server, cache) = (server(), Cache::new());
    let error = cache.offline(&server).snapshot(&charts()).unwrap_err().to_string();
    assert!(
        error.contains(
            "no revision main of the dataset them/charts, and the Hub is not asked (HF_HUB_OFFLINE)"
        ),
        "{error}"
    );
    get(&cache.charts(&server), "README.md").unwrap();
    let offline = cache.offline(&server).snapshot(&charts()).unwrap();
    let error = get(&offline, "images.tgz").unwrap_err().to_string();
    assert!(error.contains("no file images.tgz of the dataset them/charts"), "{error}");
    assert_eq!(offline.files().unwrap().len(), 1, "the snapshot's folder is all that is known");
    assert!(server.downloads().is_empty());
}

#[test]
fn a_hub_that_is_out_of_reach_is_replaced_by_the_cache_where_it_remembers() {
    let (server, cache) = (server(), Cache::new());
    get(&cache.charts(&server), "README.md").unwrap();
    // Bound and let go again: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let env = Environment {
        hf_endpoint: Some(format!("http://user:password@{free}/")),
        hf_token: Token::new("hf_secret"),
        ..cache.env(&server)
    };
    let hub = Hub::with_settings(&env, hasty()).unwrap();
    let snapshot = hub.snapshot(&charts()).unwrap();
    assert!(snapshot.is_from_cache());
    assert_eq!(get(&snapshot, "README.md").unwrap(), b"# Charts\n");
    let unknown = hub.snapshot(&Repository::dataset("them/others")).unwrap_err();
    let missing = get(&snapshot, "images.tgz").unwrap_err();
    for error in [unknown, missing] {
        assert!(matches!(error, HubError::Unreachable { .. }), "{error}");
        let text = format!("{error} {error:?} {hub:?} {snapshot:?}");
        assert!(!text.contains("password") && !text.contains("hf_secret"), "{text}");
    }
}

#[test]
fn a_broken_connection_goes_on_at_the_byte_where_it_broke() {
    let (server, cache) = (server(), Cache::new());
    // More cuts than tries without progress: each brought something.
    let cuts = [1, 1000, 5, 70_000, 1, 1, 100_000, 3];
    server.faults("images.tgz", cuts.map(Fault::Cut));
    assert_eq!(get(&cache.charts(&server), "images.tgz").unwrap(), large());
    let mut expected = vec![None];
    let mut at = 0;
    for cut in cuts {
        at += cut;
        expected.push(Some(format!("bytes={at}-")));
    }
    assert_eq!(server.ranges(), expected);
}

#[test]
fn a_download_that_was_given_up_is_gone_on_with_by_the_next_one() {
    let (server, cache) = (server(), Cache::new());
    server.faults("images.tgz", [Fault::Cut(200_000)].into_iter().chain([Fault::Status(503); 4]));
    let error = get(&cache.charts(&server), "images.tgz").unwrap_err();
    assert!(matches!(error, HubError::Status { status: 503, .. }), "{error}");
    assert!(!cache.charts(&server).folder().join("images.tgz").exists());
    let part = cache.entries("blobs").remove(0);
    assert!(part.ends_with(".incomplete"), "{part}");
    assert_eq!(get(&cache.charts(&server), "images.tgz").unwrap(), large());
    assert_eq!(server.ranges().last().unwrap().as_deref(), Some("bytes=200000-"));
}

#[test]
fn a_storage_that_ignores_or_refuses_ranges_costs_bytes_and_nothing_else() {
    let (server, cache) = (server(), Cache::new());
    server.faults("images.tgz", [Fault::Cut(10), Fault::NoRange]);
    assert_eq!(get(&cache.charts(&server), "images.tgz").unwrap(), large());
    let cache = Cache::new();
    server.faults("images.tgz", [Fault::Cut(10), Fault::Status(416)]);
    assert_eq!(get(&cache.charts(&server), "images.tgz").unwrap(), large());
    assert_eq!(server.ranges().last(), Some(&None), "after a 416 no range is asked for");
}

#[test]
fn a_signature_that_has_become_too_old_is_asked_for_anew() {
    let (server, cache) = (server(), Cache::new());
    server.faults("images.tgz", [Fault::Cut(10), Fault::Status(403)]);
    assert_eq!(get(&cache.charts(&server), "images.tgz").unwrap(), large());
    let resolved = server
        .asked()
        .iter()
        .filter(|asked| asked.path.contains("/resolve/") && asked.method == "GET")
        .count();
    assert_eq!(resolved, 3);
}

#[test]
fn a_wrong_hash_is_downloaded_once_more_and_then_named() {
    let (server, cache) = (server(), Cache::new());
    server.faults("images.tgz", [Fault::Wrong]);
    assert_eq!(get(&cache.charts(&server), "images.tgz").unwrap(), large());
    assert_eq!(server.downloads().len(), 2);

    let cache = Cache::new();
    server.faults("images.tgz", [Fault::Wrong; 2]);
    server.faults("README.md", [Fault::Wrong; 2]);
    let error = get(&cache.charts(&server), "images.tgz").unwrap_err().to_string();
    assert!(
        error.starts_with("images.tgz of the dataset them/charts is damaged in transfer: its sha256 is "),
        "{error}"
    );
    let error = get(&cache.charts(&server), "README.md").unwrap_err().to_string();
    assert!(error.contains("its git hash is "), "{error}");
    assert_eq!(cache.entries("blobs"), Vec::<String>::new(), "nothing wrong is kept");
}

#[test]
fn a_part_of_something_else_is_found_out() {
    let (server, cache) = (server(), Cache::new());
    let snapshot = cache.charts(&server);
    let etag = snapshot.files().unwrap()[4].etag.clone().unwrap();
    for wrong in [vec![0; 1000], vec![0; LARGE], vec![0; LARGE + 1]] {
        let blobs = cache.path("datasets--them--charts/blobs");
        fs::create_dir_all(&blobs).unwrap();
        fs::write(blobs.join(format!("{etag}.incomplete")), wrong).unwrap();
        assert_eq!(get(&snapshot, "images.tgz").unwrap(), large());
        fs::remove_dir_all(&blobs).unwrap();
    }
}

#[test]
fn a_slow_drip_is_fine_and_silence_is_not() {
    let (server, cache) = (server(), Cache::new());
    let hub =
        |settings| Hub::with_settings(&cache.env(&server), settings).unwrap().snapshot(&pinned()).unwrap();
    // Only the content is asked for below.
    cache.charts(&server).files().unwrap();
    let impatient = Settings { read_timeout: Duration::from_millis(50), attempts: 2, ..hasty() };
    server.faults("images.tgz", [Fault::Silence; 2]);
    let error = get(&hub(impatient), "images.tgz").unwrap_err();
    assert!(matches!(error, HubError::Unreachable { .. }), "{error}");
    // Longer in all than any read may take.
    let settings = Settings { read_timeout: Duration::from_secs(2), attempts: 1, ..hasty() };
    server.faults("images.tgz", [Fault::Drip(12, Duration::from_millis(200))]);
    assert_eq!(get(&hub(settings), "images.tgz").unwrap(), large());
}

#[test]
fn a_storage_that_refuses_for_good_is_named_without_the_signature() {
    let (server, cache) = (server(), Cache::new());
    server.faults("images.tgz", [Fault::Status(403); 4]);
    let error = get(&cache.charts(&server), "images.tgz").unwrap_err();
    assert_eq!(error.to_string(), "127.0.0.1 answered 403 for file images.tgz of the dataset them/charts");
    assert!(!format!("{error:?}").contains("signed"), "{error:?}");
}

#[test]
fn the_token_stays_with_the_hub() {
    let server =
        HubServer::start([Repo::dataset("them/charts").large("images.tgz", large()).private("hf_right")]);
    let cache = Cache::new();
    let env = Environment { hf_token: Token::new("hf_right"), ..cache.env(&server) };
    let snapshot = Hub::with_settings(&env, hasty()).unwrap().snapshot(&charts()).unwrap();
    assert_eq!(get(&snapshot, "images.tgz").unwrap(), large());
    for asked in server.asked() {
        let expected = (!asked.storage).then_some("Bearer hf_right");
        assert_eq!(asked.header("authorization"), expected, "{asked:?}");
    }
    // The token that `hf auth login` saved does as well.
    let cache = Cache::new();
    fs::write(cache.path("token"), "hf_right\n").unwrap();
    assert_eq!(get(&cache.charts(&server), "images.tgz").unwrap(), large());
}

#[test]
fn a_gated_dataset_says_where_to_ask_and_which_variable_takes_the_token() {
    let server = HubServer::start([Repo::dataset("them/charts").file("a.csv", "a").gated("hf_right")]);
    let cache = Cache::new();
    let error = cache.hub(&server).snapshot(&charts()).unwrap_err().to_string();
    let url = server.url();
    assert_eq!(
        error,
        format!(
            "the dataset them/charts is gated: ask for access at {url}/datasets/them/charts, then set HF_TOKEN to a \
             token of the account that has it"
        )
    );
    let env = Environment { hf_token: Token::new("hf_wrong"), ..cache.env(&server) };
    let error = Hub::new(&env).unwrap().snapshot(&charts()).unwrap_err().to_string();
    assert!(error.contains("with the account of the token that is set (HF_TOKEN)"), "{error}");
    assert!(!error.contains("hf_wrong"), "{error}");
}

#[test]
fn each_missing_thing_has_its_own_error() {
    let (server, cache) = (server(), Cache::new());
    let hub = cache.hub(&server);
    let error = hub.snapshot(&Repository::dataset("them/misspelt")).unwrap_err();
    assert!(matches!(error, HubError::RepositoryNotFound { has_token: false, .. }), "{error}");
    assert!(error.to_string().ends_with("check its name; if it is private, set HF_TOKEN"), "{error}");
    let revision = Repository { revision: Some("v2".to_owned()), ..charts() };
    let error = hub.snapshot(&revision).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the dataset them/charts has no revision v2: expected a branch, a tag or a commit"
    );
    let snapshot = hub.snapshot(&charts()).unwrap();
    for _ in 0..2 {
        let error = get(&snapshot, "data/no.csv").unwrap_err();
        assert!(matches!(error, HubError::EntryNotFound { .. }), "{error}");
    }
    assert_eq!(heads(&server.asked()), 1, "the cache keeps that there is no such file");
    assert!(get(&snapshot, "../outside").is_err());
}

#[test]
fn parts_of_a_file_are_read_without_storing_anything() {
    let (server, cache) = (server(), Cache::new());
    let snapshot = cache.charts(&server);
    server.faults("images.tgz", [Fault::Cut(10), Fault::NoRange, Fault::Status(500)]);
    let range = 1_000..51_000;
    assert_eq!(snapshot.read_range("images.tgz", range.clone()).unwrap(), large()[1_000..51_000]);
    assert_eq!(
        server.ranges()[..2],
        [Some("bytes=1000-50999".to_owned()), Some("bytes=1010-50999".to_owned())]
    );
    assert_eq!(snapshot.read_range("images.tgz", 0..4).unwrap(), large()[..4]);
    let end = LARGE as u64;
    assert_eq!(snapshot.read_range("images.tgz", end - 8..end).unwrap(), large()[LARGE - 8..]);
    assert!(matches!(snapshot.read_range("images.tgz", 0..end + 1), Err(HubError::Range { .. })));
    assert!(cache.entries("blobs").is_empty());
    // From the cache, where it is there.
    get(&snapshot, "images.tgz").unwrap();
    let downloads = server.downloads().len();
    assert_eq!(snapshot.read_range("images.tgz", range).unwrap(), large()[1_000..51_000]);
    assert_eq!(server.downloads().len(), downloads);
}

#[test]
fn a_stream_reconnects_and_ends_with_an_error_where_the_hash_is_wrong() {
    let (server, cache) = (server(), Cache::new());
    let snapshot = cache.charts(&server);
    let read = |from| {
        let mut bytes = Vec::new();
        snapshot.stream("images.tgz", from).unwrap().read_to_end(&mut bytes).map(|_| bytes)
    };
    server.faults("images.tgz", [Fault::Cut(1_000), Fault::Cut(2_000)]);
    assert_eq!(read(0).unwrap(), large());
    assert_eq!(server.ranges(), [None, Some("bytes=1000-".to_owned()), Some("bytes=3000-".to_owned())]);
    assert_eq!(read(LARGE as u64 - 5).unwrap(), large()[LARGE - 5..]);
    server.faults("images.tgz", [Fault::Wrong]);
    assert!(read(0).unwrap_err().to_string().contains("its sha256 is"));
    assert!(cache.entries("blobs").is_empty());
}

#[test]
fn everything_can_be_called_from_inside_a_runtime() {
    let (server, cache) = (server(), Cache::new());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let snapshot = cache.charts(&server);
        let mut bytes = Vec::new();
        snapshot.stream("images.tgz", 0).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, get(&snapshot, "images.tgz").unwrap());
    });
}

#[test]
fn redirects_lead_only_to_the_hub_itself_and_to_public_hosts() {
    for (target, refused) in [
        ("http://169.254.169.254/latest/meta-data/", "169.254.169.254 is not a public address"),
        ("http://[::1]:9/a.csv", "[::1] is not a public address"),
        ("http://localhost:9/a.csv", "localhost resolves to "),
        ("http://user:s3cret-word@127.0.0.2/a.csv", "a user name or password"),
        ("file:///etc/passwd", "expected an address with http or https"),
    ] {
        let site = Site::start(move |path, _| match path {
            path if path.contains("/resolve/") => Page::redirect(target),
            _ => Page::found(r#"[{"type":"file","path":"a.csv","size":1,"oid":"0"}]"#),
        });
        let cache = Cache::new();
        let env = Environment { hf_endpoint: Some(site.url("")), ..cache.env(&server()) };
        let snapshot = Hub::with_settings(&env, hasty()).unwrap().snapshot(&pinned()).unwrap();
        let error = get(&snapshot, "a.csv").unwrap_err().to_string();
        assert!(error.contains(refused) && !error.contains("s3cret"), "{error}");
        assert_eq!(site.requests().iter().filter(|head| head.contains("/resolve/")).count(), 1, "no retries");
    }
}
