//! The shape that ARCHITECTURE.md promises, checked: who may import whom, and who may print.
use std::fs;
use std::path::{Path, PathBuf};

/// Each layer may import those before it. Within a layer: see [`IMPORTS_OWN_LAYER`].
const LAYERS: [&[&str]; 7] = [
    &["types", "stats"],
    &["hub", "web"],
    &["dataset", "demo", "image", "log", "provider", "rehearse", "scorer", "weights"],
    &["engine"],
    &["task", "run", "score", "analyze", "embed", "calc"],
    &["report"],
    &["cli"],
];

/// The stages may call each other; the siblings below them never do, but for the demo set, which is unpacked by
/// the record's atomic write.
const IMPORTS_OWN_LAYER: [&str; 6] = ["task", "run", "score", "analyze", "cli", "demo"];

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

/// The crate's modules that the text names in paths, tests left out.
fn imports(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let mut modules = Vec::new();
    for prefix in ["crate::", "eyechart::"] {
        for (at, _) in code.match_indices(prefix) {
            let joined = code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
            let rest = &code[at + prefix.len()..];
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            if !joined && !name.is_empty() {
                modules.push(name);
            }
        }
    }
    modules
}

#[test]
fn modules_import_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for file in rust_files(&source()) {
        let module = module_of(&file);
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        for imported in imports(&fs::read_to_string(&file).unwrap()) {
            let (own, other) = (layer_of(&module), layer_of(&imported));
            let sideways =
                own == other && imported != module && !IMPORTS_OWN_LAYER.contains(&module.as_str());
            if other > own || sideways {
                wrong.push(format!("{}: {module} must not import {imported}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_rule_notices_an_import_that_breaks_it() {
    assert_eq!(imports("use crate::report::Entry;\n#[cfg(test)]\nuse crate::cli::X;"), ["report"]);
    assert!(layer_of("report") > layer_of("log"));
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
        if !["stats", "analyze", "report"].contains(&module_of(&file).as_str()) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let named = eyechart::scorer::names().filter(|name| text.contains(&format!("\"{name}\"")));
        wrong.extend(named.map(|name| format!("{} names {name}", file.display())));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for file in rust_files(&source()).into_iter().chain(rust_files(&tests)) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{} does not begin with //!", file.display());
    }
}
