//! The folder of reference figures and real rows, which is not part of the repository.
//!
//! Tests that read it are marked `#[ignore]`. `scripts/test` runs them too if `EYECHART_SHARED` names the folder.

use std::path::PathBuf;

/// The path of `name` in the folder that `EYECHART_SHARED` names. Panics if the variable is not set, or if the folder
/// has no such file.
pub fn shared(name: &str) -> PathBuf {
    let folder = std::env::var_os("EYECHART_SHARED").unwrap_or_else(|| panic!("EYECHART_SHARED is not set"));
    let path = PathBuf::from(folder).join(name);
    assert!(path.exists(), "EYECHART_SHARED has no {name}: {} is missing", path.display());
    path
}

/// The JSON value in `name`, a file of the folder.
pub fn shared_json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(shared(name)).unwrap()).unwrap()
}

/// A plain `cargo test` would leave the tests out that the variable asks for.
#[test]
fn the_tests_of_the_shared_folder_run_if_it_is_named() {
    let runs_all =
        std::env::args().any(|argument| argument == "--include-ignored" || argument == "--ignored");
    let is_named = std::env::var_os("EYECHART_SHARED").is_some();
    assert!(runs_all || !is_named, "EYECHART_SHARED is set: run scripts/test, or add `-- --include-ignored`");
}
