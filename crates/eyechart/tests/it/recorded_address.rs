//! A folder of a run that somebody else made names an endpoint: no key is sent there unasked.

use crate::common::{Place, endpoint, eyechart, stderr};
use assert_cmd::Command;
use eyechart::rehearse::Server;
use eyechart::run::Settings;
use eyechart::types::{ErrorClass, Silent};

const KEY: &str = "sk-proj-51c0ffee0123456789";

/// An unfinished run of `model` at `server`, made without a key.
fn unfinished(place: &Place, server: &Server, model: &str) {
    let task = place.texts(2);
    let mut command = eyechart();
    command.arg("run").arg(&task).args([
        "--model",
        model,
        "--base-url",
        &server.url(),
        "--no-score",
        "--out",
    ]);
    command.arg(place.runs()).assert().code(0);
    std::fs::write(place.run().path().join("samples.jsonl"), "").unwrap();
}

fn resumed(place: &Place) -> Command {
    let mut command = eyechart();
    command.arg("run").arg("--resume").arg(place.run().path()).arg("--no-score");
    command
}

#[test]
fn a_key_is_not_sent_to_an_address_that_only_the_folder_names() {
    for (model, variable) in [("openai/gpt-4o", "OPENAI_API_KEY"), ("custom/m", "EYECHART_API_KEY")] {
        let (place, server) = (Place::new(), endpoint(Vec::new()));
        unfinished(&place, &server, model);
        let sent = server.stats().requests;
        let said = stderr(resumed(&place).env(variable, KEY).assert().code(2).get_output());
        assert!(
            said.contains(&server.url()) && said.contains("--yes") && said.contains("--base-url"),
            "{said}"
        );
        assert_eq!(server.stats().requests, sent, "nothing was sent");
        resumed(&place).env(variable, KEY).arg("--dry-run").assert().code(0);
        resumed(&place).env(variable, KEY).args(["--base-url", &server.url()]).assert().code(0);
        assert_eq!(server.stats().requests, sent + 2);
        std::fs::write(place.run().path().join("samples.jsonl"), "").unwrap();
        let in_capitals = server.url().replace("http", "HTTP");
        resumed(&place).env(variable, KEY).args(["--base-url", &in_capitals]).assert().code(0);
        // A finished run sends nothing, so nothing is asked.
        resumed(&place).env(variable, KEY).assert().code(0);
    }
}

#[test]
fn yes_sends_the_key_and_without_a_secret_no_question_is_asked() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    unfinished(&place, &server, "openai/gpt-4o");
    resumed(&place).env("OPENAI_API_KEY", KEY).arg("--yes").assert().code(0);
    let last = server.requests().pop().unwrap();
    assert_eq!(last.header("authorization"), Some(&*format!("Bearer {KEY}")));
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    unfinished(&place, &server, "custom/m");
    resumed(&place).assert().code(0);
}

#[test]
fn the_library_refuses_too_until_the_address_is_confirmed() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    unfinished(&place, &server, "openai/gpt-4o");
    let folder = eyechart::record::RunFolder::open(place.run().path()).unwrap();
    let settings = Settings { api_key: Some(KEY.to_owned()), ..Settings::default() };
    let refused = settings.plan_rest(&folder, &Silent).unwrap();
    assert!(refused.question_about_address().unwrap().contains(&server.url()));
    assert_eq!(refused.run().err().unwrap().class(), ErrorClass::Usage);
    let mut confirmed = settings.plan_rest(&folder, &Silent).unwrap();
    confirmed.confirm_address();
    confirmed.run().unwrap();
    assert_eq!(place.run().samples().len(), 2);
}
