//! Certificates of endpoints: which are trusted, and what the record says of those that are not verified.

use crate::common::{Place, eyechart, stderr, tls};
use serde_json::Value;

/// A run of two samples at `url`.
fn run(place: &Place, url: &str) -> assert_cmd::Command {
    let task = place.texts(2);
    let mut command = eyechart();
    command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", url, "--no-score"]);
    command.arg("--out").arg(place.runs());
    command
}

fn is_answered(place: &Place) -> bool {
    let samples = place.run().samples();
    samples.len() == 2 && samples.iter().all(|sample| sample["output"]["text"] == "A.")
}

#[test]
fn a_certificate_that_openssl_made_for_the_server_itself_is_trusted_if_it_is_named() {
    for variant in ["", "-nameless"] {
        let url = tls::self_signed_endpoint(variant);
        let place = Place::new();
        run(&place, &url).arg("--ca").arg(tls::self_signed(variant)).assert().code(0);
        assert!(is_answered(&place), "{variant} by --ca");
        let place = Place::new();
        run(&place, &url).env("SSL_CERT_FILE", tls::self_signed(variant)).assert().code(0);
        assert!(is_answered(&place), "{variant} by SSL_CERT_FILE");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_or_not_valid_stops_the_run_and_the_options_are_named() {
    for (shown, trusted) in [("", "-nameless"), ("-elsewhere", "-elsewhere"), ("-expired", "-expired")] {
        let place = Place::new();
        let mut command = run(&place, &tls::self_signed_endpoint(shown));
        let output = command.arg("--ca").arg(tls::self_signed(trusted)).assert().code(3).get_output().clone();
        let said = stderr(&output);
        assert!(said.contains("(tls: ") && said.contains("--ca FILE.pem"), "{said}");
        assert_eq!(place.run().samples(), [] as [Value; 0], "nothing is marked failed");
    }
}

#[test]
fn an_authority_in_a_file_is_trusted_and_the_command_that_resumes_names_the_file() {
    let place = Place::new();
    let url = tls::endpoint();
    run(&place, &url).arg("--ca").arg(tls::authority()).assert().code(0);
    assert!(is_answered(&place));
    let place = Place::new();
    let mut command = run(&place, "http://127.0.0.1:1/v1");
    command.args(["--give-up-after", "1", "--insecure", "--ca"]).arg(tls::authority());
    let said = stderr(command.assert().code(3).get_output());
    let resume =
        format!(" --base-url http://127.0.0.1:1/v1 --ca {} --insecure\n", tls::authority().display());
    assert!(said.ends_with(&resume), "{said}");
}

#[test]
fn the_certificate_of_the_server_itself_is_trusted_if_it_is_named_though_an_authority_signed_it() {
    let (place, url) = (Place::new(), tls::endpoint());
    run(&place, &url).arg("--ca").arg(tls::server()).assert().code(0);
    assert!(is_answered(&place));
}

#[test]
fn a_self_signed_certificate_gets_the_option_named_that_trusts_it_and_is_not_waited_for() {
    for arguments in [&[][..], &["--wait-for-endpoint", "10m"]] {
        let place = Place::new();
        let mut command = run(&place, &tls::self_signed_endpoint(""));
        let said = stderr(command.args(arguments).assert().code(3).get_output());
        assert!(said.contains("invalid peer certificate: UnknownIssuer"), "{said}");
        assert!(said.contains("--ca FILE.pem or SSL_CERT_FILE"), "{said}");
    }
}

#[test]
fn a_file_without_certificates_is_bad_usage_that_says_what_is_expected() {
    let place = Place::new();
    let file = place.write("ca.der", b"0\x82\x01");
    for file in [file, place.path("missing.pem")] {
        let mut command = run(&place, "http://127.0.0.1:1/v1");
        let said = stderr(command.arg("--ca").arg(&file).assert().code(2).get_output());
        assert!(said.contains(&*file.to_string_lossy()), "{said}");
        assert!(said.contains("BEGIN CERTIFICATE") || said.contains("No such file"), "{said}");
    }
}

#[test]
fn a_run_that_verifies_no_certificate_says_so_on_the_screen_and_in_the_record() {
    let place = Place::new();
    let url = tls::self_signed_endpoint("-expired");
    let said = stderr(run(&place, &url).arg("--insecure").assert().code(0).get_output());
    assert!(said.contains("note: --insecure: the endpoint's certificate is not verified"), "{said}");
    assert!(is_answered(&place));
    assert_eq!(place.run().json("spec.json")["execution"]["insecure"], true);
    // The record does not make a later run insecure.
    std::fs::write(place.run().path().join("samples.jsonl"), "").unwrap();
    let mut resumed = eyechart();
    resumed.arg("run").arg("--resume").arg(place.run().path()).assert().code(3);
}
