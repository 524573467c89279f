//! The shape that ARCHITECTURE.md promises, checked: who may import whom, and who may print.

mod imports;

use std::fs;
use std::path::{Path, PathBuf};

use self::imports::imports;

/// Each layer may import those before it. Within a layer: see [`IMPORTS_OWN_LAYER`].
const LAYERS: [&[&str]; 10] = [
    &["text"],
    &["files", "net"],
    &["types", "stats"],
    &["hub", "web"],
    &["dataset", "demo", "image", "record", "provider", "rehearse", "scorer", "weights"],
    &["engine"],
    &["task", "run", "score", "analyze", "embed", "calc", "gate", "power"],
    &["agreement", "compare"],
    &["report"],
    &["cli"],
];

/// The stages may call each other; the siblings below them never do.
const IMPORTS_OWN_LAYER: [&str; 5] = ["task", "run", "score", "analyze", "cli"];

/// Lines that a file may have, its tests and comments included.
const MOST_LINES: usize = 500;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// `task/pick.rs` and `analyze.rs` are of the modules `task` and `analyze`.
fn module_of(file: &Path) -> String {
    let relative = file.strip_prefix(source()).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn layer_of(module: &str) -> usize {
    let layer = LAYERS.iter().position(|layer| layer.contains(&module));
    layer.unwrap_or_else(|| panic!("{module} is in no layer: add it to ARCHITECTURE.md and to this test"))
}

/// `task/pick.rs` lies two modules below the crate's root, `task/mod.rs` and `calc.rs` one.
fn depth_of(file: &Path) -> usize {
    let relative = file.strip_prefix(source()).unwrap();
    relative.components().count() - usize::from(file.ends_with("mod.rs"))
}

fn may_import(module: &str, imported: &str) -> bool {
    let (own, other) = (layer_of(module), layer_of(imported));
    other < own || imported == module || (other == own && IMPORTS_OWN_LAYER.contains(&module))
}

/// Unit tests obey the same rule: one that needs more goes through the library's surface, in this crate.
#[test]
fn files_import_only_what_lies_below_their_modules() {
    let mut wrong = Vec::new();
    for file in rust_files(&source()) {
        let module = module_of(&file);
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        for import in imports(&fs::read_to_string(&file).unwrap(), depth_of(&file)) {
            if !may_import(&module, &import.module) {
                let place = format!("{}:{}", file.display(), import.line);
                wrong.push(format!("{place}: {module} must not import {}", import.module));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_rule_notices_an_import_that_breaks_it() {
    assert!(may_import("report", "record"));
    assert!(!may_import("record", "report"));
    assert!(!may_import("record", "image"));
}

#[test]
fn only_the_command_line_prints_or_knows_anyhow() {
    for file in rust_files(&source()) {
        let module = module_of(&file);
        let text = fs::read_to_string(&file).unwrap();
        if module != "cli" && module != "main" {
            assert!(!text.contains("anyhow"), "{} uses anyhow", file.display());
            assert!(
                !text.contains("std::io::stdout") && !text.contains("io::stderr"),
                "{} prints",
                file.display()
            );
        }
    }
}

/// Figures and reports go by the kinds of metrics: a new scorer must not need a word in them.
#[test]
fn figures_and_reports_know_no_scorer() {
    let mut wrong = Vec::new();
    for file in rust_files(&source()) {
        if !["stats", "analyze", "agreement", "compare", "report"].contains(&module_of(&file).as_str()) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let named = eyechart::scorer::names().filter(|name| text.contains(&format!("\"{name}\"")));
        wrong.extend(named.map(|name| format!("{} names {name}", file.display())));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The built-in endpoint speaks protocols too, as a server.
#[test]
fn only_a_protocols_own_files_know_its_words() {
    const WORDS: [&str; 4] = ["chat/completions", "finish_reason", "prompt_tokens", "completion_tokens"];
    let mut wrong = Vec::new();
    for file in rust_files(&source()) {
        let is_protocol = file.starts_with(source().join("provider/protocol"));
        if is_protocol || module_of(&file) == "rehearse" || file.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        for line in code.filter(|line| !line.trim_start().starts_with("//")) {
            let word = WORDS.iter().find(|word| line.contains(*word));
            wrong.extend(word.map(|word| format!("{} knows {word:?}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A pipe or a device would be waited for: `open_regular` and the like refuse them.
#[test]
fn only_the_mechanics_of_files_open_files_for_reading() {
    const OPENS: [&str; 5] =
        [" File::open(", "(File::open(", "fs::File::open(", "fs::read(", "fs::read_to_string("];
    let mut wrong = Vec::new();
    for file in rust_files(&source()) {
        let is_test =
            file.ends_with("task/keys.rs") || file.components().any(|part| part.as_os_str() == "tests");
        if module_of(&file) == "files" || is_test || file.to_string_lossy().ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        let opening = code.filter(|line| OPENS.iter().any(|word| line.contains(word)));
        wrong.extend(opening.map(|line| format!("{}: {}", file.display(), line.trim())));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn all_files() -> Vec<PathBuf> {
    rust_files(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in all_files() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{} does not begin with //!", file.display());
    }
}

#[test]
fn every_file_can_be_read_in_one_sitting() {
    for file in all_files() {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        let name = file.display();
        assert!(lines <= MOST_LINES, "{name} has {lines} lines: split it, {MOST_LINES} are the limit");
    }
}

#[test]
fn every_file_that_the_architecture_names_exists() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(workspace.join("ARCHITECTURE.md")).unwrap();
    // Text in code spans: every second part.
    let named =
        text.split('`').skip(1).step_by(2).filter(|span| span.starts_with("src/") && !span.contains("NAME"));
    let missing: Vec<&str> = named.filter(|path| !source().join("..").join(path).exists()).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names {missing:?}");
}
