//! Encoders other than the default one: from the Hub, from a folder, with what is shown of them.

use crate::common::hub_server::{HubServer, Repo};
use crate::common::recorded::recorded;
use crate::common::tiny_encoder;
use crate::common::{Place, eyechart, stderr, stdout};
use assert_cmd::Command;
use serde_json::json;

const ID: &str = "them/tiny-encoder";

fn repository() -> Repo {
    tiny_encoder::files().into_iter().fold(Repo::model(ID), |repo, (path, content)| match path {
        "model.safetensors" => repo.large(path, content),
        _ => repo.file(path, content),
    })
}

/// `eyechart` with a Hub on this machine and caches of its own.
fn online(place: &Place, hub: &HubServer) -> Command {
    let mut command = eyechart();
    for name in ["HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_CACHE", "HF_HUB_OFFLINE"] {
        command.env_remove(name);
    }
    command.env("HF_ENDPOINT", hub.url());
    command.env("XDG_CACHE_HOME", place.path("cache")).env("HF_HOME", place.path("hf"));
    command
}

#[test]
fn an_encoder_of_a_repository_is_fetched_once_and_named_in_results_and_tables() {
    let place = Place::new();
    let run = recorded(&place, 3);
    let hub = HubServer::start([repository()]);
    let score = || {
        let mut command = online(&place, &hub);
        command.arg("score").arg(run.path()).args(["--encoder", ID]).assert().code(0)
    };
    let scored = score();
    let encoder = run.json("results.json")["encoder"].clone();
    assert_eq!((&encoder["name"], &encoder["precision"]), (&json!(ID), &json!("f32")));
    let shown = stdout(scored.get_output());
    assert!(shown.contains(&format!("recorded/said: similarity by {ID} (f32).")), "{shown}");
    let asked = hub.asked().len();
    score();
    assert_eq!(hub.asked().len(), asked, "what is in the cache is not asked for");
}

#[test]
fn a_repository_that_does_not_say_how_vectors_are_made_is_refused() {
    let place = Place::new();
    let run = recorded(&place, 1);
    let mut bare = repository();
    bare.files.retain(|file| file.path != "modules.json");
    let hub = HubServer::start([bare]);
    let mut command = online(&place, &hub);
    let failed = command.arg("score").arg(run.path()).args(["--encoder", ID]).assert().code(2);
    let said = stderr(failed.get_output());
    assert!(said.contains(&format!("the Hugging Face Hub: {ID} has no modules.json")), "{said}");
    assert!(said.contains(&format!("a folder that you name: there is no folder {ID}")), "{said}");
}

#[test]
fn a_folder_is_named_by_its_name_and_embeds_in_its_own_size() {
    let place = Place::new();
    for (path, content) in tiny_encoder::files() {
        place.write(&format!("my-encoder/{path}"), content);
    }
    let folder = place.path("my-encoder");
    let texts =
        place.write_jsonl("texts.jsonl", &(0..300).map(|_| json!({"text": "Dog runs"})).collect::<Vec<_>>());
    let output = place.path("vectors.npy");
    let mut command = eyechart();
    command.args(["embed", "--threads", "2", "--encoder"]).arg(&folder).arg("--input").arg(texts);
    command.arg("--output").arg(&output).assert().code(0);
    let bytes = std::fs::read(output).unwrap();
    let head = String::from_utf8_lossy(&bytes[10..128]);
    assert!(head.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (300, 8), }"), "{head}");
    assert_eq!(bytes.len(), 128 + 300 * 8 * 4);
    let run = recorded(&place, 3);
    let mut command = eyechart();
    command.arg("score").arg(run.path()).args(["--embed-threads", "1", "--encoder"]).arg(&folder);
    command.assert().code(0);
    assert_eq!(run.json("results.json")["encoder"]["name"], "my-encoder");
}
