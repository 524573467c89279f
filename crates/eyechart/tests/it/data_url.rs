//! A data file at an address, as a user sees it: fetched once, asked for again only where it changed.

use std::path::{Path, PathBuf};

use crate::common::site::{Page, Site};
use crate::common::{self, Place, endpoint, run_at, stderr};
use assert_cmd::Command;
use eyechart::rehearse::Server;
use eyechart::text::hex;
use serde_json::json;
use sha2::{Digest, Sha256};

const SHEET: &str = "id,question,answer\na,What is it?,A boat.\nb,Where is it?,At sea.\n";

fn task(place: &Place, site: &Site, path: &str) -> PathBuf {
    let url = site.url(path);
    place.write(
        "sheet.toml",
        format!(
            "name = \"sheet\"\n[dataset]\nurl = \"{url}\"\nfile = \"sheet.csv\"\nid = \"id\"\n\
             [prompt]\ntext = \"{{{{ question }}}}\"\n[[compare]]\ntarget = \"answer\"\n"
        ),
    )
}

fn run(place: &Place, server: &Server, task: &Path) -> Command {
    let mut command = run_at(server, place, task);
    command
        .env("XDG_CACHE_HOME", place.path("cache"))
        .env_remove("HF_HUB_OFFLINE")
        .arg("--allow-private-urls");
    command
}

/// The sheet with an ETag, until `gone` requests have come for it.
fn site(gone: usize) -> Site {
    Site::start(move |path, before| match path {
        "/sheet.csv" if before >= gone => Page::status(404),
        "/sheet.csv" if before > 0 => Page::Whole(304, vec!["etag: \"v1\"".to_owned()], Vec::new()),
        "/sheet.csv" => Page::Whole(200, vec!["etag: \"v1\"".to_owned()], SHEET.into()),
        "/moved.csv" => Page::redirect("/sheet.csv"),
        _ => Page::status(404),
    })
}

#[test]
fn a_sheet_is_fetched_once_and_asked_after_by_its_mark() {
    let (place, site, server) = (Place::new(), site(2), endpoint(Vec::new()));
    let task = task(&place, &site, "/sheet.csv");
    run(&place, &server, &task).assert().code(0);
    let spec = place.run().json("spec.json");
    let sha256 = hex(&Sha256::digest(SHEET));
    let origin = json!({"url": {"url": site.url("/sheet.csv"), "sha256": sha256}});
    assert_eq!(spec["data"]["origin"], origin);
    assert_eq!(spec["data"]["files"], json!([{"path": "sheet.csv", "bytes": SHEET.len(), "sha256": sha256}]));

    run(&place, &server, &task).assert().code(0);
    let requests = site.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].to_lowercase().contains("if-none-match: \"v1\""), "{}", requests[1]);

    // A host that has lost it: the file fetched earlier is used, and the user is told.
    let said = stderr(run(&place, &server, &task).assert().code(0).get_output());
    assert!(said.contains("404") && said.contains("the file fetched earlier is used"), "{said}");
    // Without a network it is not even asked.
    run(&place, &server, &task).env("HF_HUB_OFFLINE", "1").assert().code(0);
    assert_eq!(site.requests().len(), 3);
}

#[test]
fn an_address_that_is_not_public_is_refused_unless_it_is_allowed() {
    let (place, site, server) = (Place::new(), site(9), endpoint(Vec::new()));
    let task = task(&place, &site, "/sheet.csv");
    let mut refused = run_at(&server, &place, &task);
    refused.env("XDG_CACHE_HOME", place.path("cache")).env_remove("HF_HUB_OFFLINE");
    let said = stderr(refused.assert().code(2).get_output());
    assert!(said.contains("not a public address") && said.contains("--data DIR"), "{said}");
    assert!(site.requests().is_empty());
}

#[test]
fn a_download_that_breaks_goes_on_where_it_broke() {
    let etag = || vec!["etag: \"v1\"".to_owned()];
    let site = Site::start(move |_, before| match before {
        0 => Page::Cut(etag(), SHEET.into(), 30),
        _ => Page::Whole(
            206,
            vec![
                "etag: \"v1\"".to_owned(),
                format!("content-range: bytes 30-{}/{}", SHEET.len() - 1, SHEET.len()),
            ],
            SHEET.as_bytes()[30..].to_vec(),
        ),
    });
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let task = task(&place, &site, "/sheet.csv");
    run(&place, &server, &task).assert().code(0);
    let second = site.requests()[1].to_lowercase();
    assert!(second.contains("range: bytes=30-") && second.contains("if-range: \"v1\""), "{second}");
    assert_eq!(place.run().json("spec.json")["data"]["files"][0]["bytes"], SHEET.len());
}

#[test]
fn a_run_goes_on_with_the_sheet_that_it_began_with() {
    let site = Site::start(|_, before| match before {
        0 => Page::found(SHEET),
        _ => Page::found(SHEET.replace("boat", "ship")),
    });
    let (place, server) =
        (Place::new(), endpoint(vec![common::rule(json!({"prompt": "Where", "status": 400}))]));
    let task = task(&place, &site, "/sheet.csv");
    run(&place, &server, &task).assert().code(1);
    let folder = place.run().path().to_owned();
    // By the command line repeated, and alone.
    run(&place, &server, &task).arg("--resume").arg(&folder).assert().code(1);
    run(&place, &server, &task).arg("--resume").arg(place.runs()).assert().code(1);
    let alone = common::eyechart()
        .args(["run", "--no-score", "--resume"])
        .arg(&folder)
        .env("XDG_CACHE_HOME", place.path("cache"))
        .assert();
    alone.code(1);
    assert_eq!(place.all_runs().len(), 1);
    assert_eq!(site.requests().len(), 1);
    // A new run has the new sheet.
    run(&place, &server, &task).assert().code(1);
    assert_eq!(place.all_runs().len(), 2);
}

#[test]
fn the_format_is_that_of_the_name_that_the_task_has_for_the_file() {
    let site = Site::start(|_, _| Page::found(SHEET));
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let task = task(&place, &site, "/export?format=csv");
    run(&place, &server, &task).assert().code(0);
    assert_eq!(place.run().json("spec.json")["data"]["files"][0]["path"], "sheet.csv");
}
