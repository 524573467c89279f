//! What turns texts into vectors: the cache of vectors, encoders other than the default one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::recorded::{recorded, score, scores};
use crate::common::{self, Place, encoder, eyechart, stderr, stdout};
use serde_json::{Value, json};

/// The files of vectors under a cache folder.
fn segments(cache: &Path) -> Vec<PathBuf> {
    let inside = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        fs::read_dir(cache).unwrap().flat_map(|folder| inside(folder.unwrap().path())).collect();
    files.sort();
    files
}

#[test]
fn scores_out_of_the_cache_are_those_computed_bit_by_bit_even_where_it_is_damaged() {
    let place = Place::new();
    let run = recorded(&place, 4);
    score(&run, &[]).code(0);
    let computed = scores(&run);
    let cache = place.path("cache");
    let cached = ["--embed-cache", cache.to_str().unwrap()];
    score(&run, &cached).code(0);
    assert_eq!(scores(&run), computed);
    let kept = segments(&cache);
    assert_eq!(kept.len(), 1);
    let written = fs::metadata(&kept[0]).unwrap().len();
    assert_eq!(written, 32 + 8 * (32 + 4 * 384 + 16), "eight texts of 384 numbers");
    score(&run, &cached).code(0);
    assert_eq!(scores(&run), computed);
    assert_eq!(segments(&cache), kept, "nothing was computed, so nothing is added");
    let mut bytes = fs::read(&kept[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&kept[0], bytes).unwrap();
    score(&run, &cached).code(0);
    assert_eq!(scores(&run), computed);
    assert_eq!(segments(&cache).len(), 2, "the one that was damaged was computed anew");
}

#[test]
fn the_cache_is_eyecharts_own_unless_another_is_named() {
    let place = Place::new();
    let run = recorded(&place, 4);
    let mut command = eyechart();
    command.env_remove("EYECHART_EMBED_CACHE").env("XDG_CACHE_HOME", place.path("xdg"));
    command.arg("score").arg(run.path()).assert().code(0);
    assert_eq!(segments(&place.path("xdg/eyechart/embeddings")).len(), 1);
}

#[test]
fn a_cache_that_cannot_be_written_is_noticed_and_the_run_is_scored() {
    let place = Place::new();
    let run = recorded(&place, 4);
    let file = place.write("file", "");
    let scored = score(&run, &["--embed-cache", file.to_str().unwrap()]).code(0);
    let said = stderr(scored.get_output());
    assert!(
        said.contains("note: embeddings are not kept for the next time: cannot create the folder"),
        "{said}"
    );
    assert!(run.path().join("results.json").exists());
}

#[test]
fn results_name_the_encoder_that_they_are_of() {
    let place = Place::new();
    let run = recorded(&place, 4);
    score(&run, &[]).code(0);
    assert_eq!(
        run.json("results.json")["encoder"],
        json!({
            "name": "all-MiniLM-L6-v2", "precision": "f32",
            "sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
        })
    );
}

/// A folder with the default encoder's files, one of its configuration files changed.
fn changed(place: &Place, name: &str, file: &str, change: impl FnOnce(&mut Value)) -> PathBuf {
    let folder = place.path(name);
    fs::create_dir_all(folder.join("1_Pooling")).unwrap();
    for part in [
        "config.json",
        "tokenizer.json",
        "modules.json",
        "sentence_bert_config.json",
        "1_Pooling/config.json",
    ] {
        fs::copy(encoder().join(part), folder.join(part)).unwrap();
    }
    fs::hard_link(encoder().join("model.safetensors"), folder.join("model.safetensors"))
        .or_else(|_| {
            fs::copy(encoder().join("model.safetensors"), folder.join("model.safetensors")).map(drop)
        })
        .unwrap();
    let mut value: Value = serde_json::from_slice(&fs::read(folder.join(file)).unwrap()).unwrap();
    change(&mut value);
    fs::write(folder.join(file), value.to_string()).unwrap();
    folder
}

#[test]
fn another_encoder_gives_other_scores_and_shares_no_vector_with_the_first() {
    let place = Place::new();
    let run = recorded(&place, 4);
    let folder = changed(&place, "cls", "1_Pooling/config.json", |pooling| {
        pooling["pooling_mode_mean_tokens"] = json!(false);
        pooling["pooling_mode_cls_token"] = json!(true);
    });
    let (cache, folder) = (place.path("cache"), folder.to_str().unwrap().to_owned());
    let cached = ["--embed-cache", cache.to_str().unwrap()];
    let plain = score(&run, &cached).code(0);
    assert!(!stdout(plain.get_output()).contains("similarity by"), "{}", stdout(plain.get_output()));
    let by_mean = scores(&run);
    let first = run.json("results.json");
    score(&run, &[&cached[..], &["--encoder", &folder]].concat()).code(0);
    assert_ne!(scores(&run), by_mean);
    assert_ne!(run.json("results.json")["figures"], first["figures"]);
    assert_eq!(segments(&cache).len(), 2);
    score(&run, &cached).code(0);
    assert_eq!(scores(&run), by_mean);
}

#[test]
fn an_encoder_that_is_not_computed_is_refused_before_anything_is_asked() {
    let place = Place::new();
    let server = common::endpoint(vec![]);
    let folder = changed(&place, "roberta", "config.json", |config| config["model_type"] = json!("roberta"));
    let mut command = eyechart();
    command.arg("run").arg(place.texts(3)).args(["--model", "custom/m", "--base-url", &server.url()]);
    command.arg("--encoder").arg(&folder).arg("--out").arg(place.runs());
    let failed = command.assert().code(2);
    let said = stderr(failed.get_output());
    assert!(said.contains("model_type is \"roberta\", but this encoder needs \"bert\""), "{said}");
    assert_eq!(server.stats().requests, 0);
}

/// Sentences and what is left of each when words are taken out: similarities around the threshold.
fn shortened(place: &Place) -> common::RunFiles {
    let sentences = [
        "A brown dog runs across a green field with a red ball in its mouth",
        "Two children play football on the beach while the sun goes down",
        "The bar chart shows that sales fell by ten percent in the second quarter",
        "An old man reads a newspaper on a bench in the park near the station",
        "A plate of pasta with tomatoes and basil stands on a wooden table",
        "The line rises steeply until 2010 and then stays at about the same level",
    ];
    let mut rows = Vec::new();
    for sentence in sentences {
        let words: Vec<&str> = sentence.split(' ').collect();
        for (from, to) in (0..words.len()).flat_map(|from| (from + 1..=words.len()).map(move |to| (from, to)))
        {
            let said = [&words[..from], &words[to..]].concat().join(" ");
            if !said.is_empty() {
                rows.push(json!({"id": rows.len().to_string(), "said": said, "answer": sentence}));
            }
        }
    }
    common::recorded::recorded_rows(place, &rows)
}

#[test]
fn the_win_rate_is_that_of_f32_whatever_the_precision() {
    let place = Place::new();
    let run = shortened(&place);
    let numbers = || -> Vec<f64> {
        run.lines("scores.jsonl").iter().map(|score| score["value"].as_f64().unwrap()).collect()
    };
    let win_rate = || run.figure("answer", "answer", "share_above");
    score(&run, &[]).code(0);
    let (exact, expected) = (numbers(), win_rate());
    let scored = score(&run, &["--embed-precision", "bf16"]);
    if !sentence_embed::Precision::Bf16.is_supported() {
        let failed = scored.code(2);
        let said = stderr(failed.get_output());
        assert!(said.contains("this processor has no AVX-512 BF16 instructions"), "{said}");
        return;
    }
    scored.code(0);
    assert_eq!(run.json("results.json")["encoder"]["precision"], "bf16");
    assert_eq!(win_rate(), expected);
    let near = |value: f64| (value - 0.8).abs() <= 5e-3;
    let found = numbers();
    assert_ne!(found, exact);
    for (found, exact) in found.iter().zip(&exact) {
        assert!(*found == *exact || !near(*exact), "{found} {exact}");
        assert!((found - exact).abs() < 5e-3, "{found} {exact}");
    }
    let doubtful = exact.iter().filter(|value| near(**value)).count();
    assert!(doubtful >= 3, "the test shows nothing: {doubtful} of {} are in doubt", exact.len());
}

#[test]
fn a_precision_that_there_is_not_is_bad_usage() {
    let place = Place::new();
    let run = recorded(&place, 1);
    let failed = score(&run, &["--embed-precision", "f16"]).code(2);
    let said = stderr(failed.get_output());
    assert!(said.contains("\"f16\" is no precision; expected f32 or bf16"), "{said}");
}
