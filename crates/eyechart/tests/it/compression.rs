//! Compressed replies: asked for, unpacked, and never larger than the limit.

use std::io::Write as _;

use crate::common::site::{Page, Site};
use crate::common::{Place, eyechart, stderr};
use serde_json::Value;

const ANSWER: &str =
    r#"{"choices":[{"message":{"role":"assistant","content":"A rise."},"finish_reason":"stop"}]}"#;

fn packed(coding: &str, bytes: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 1, 22);
            encoder.write_all(bytes).unwrap();
            encoder.into_inner()
        }
        "zstd" => zstd::encode_all(bytes, 3).unwrap(),
        other => panic!("{other}"),
    }
}

/// An endpoint whose every reply has this status, coding and body.
fn endpoint(status: u16, coding: &'static str, body: Vec<u8>) -> Site {
    Site::start(move |_, _| Page::Whole(status, vec![format!("content-encoding: {coding}")], body.clone()))
}

/// The only sample of a run at `site`, and what was printed.
fn sample(site: &Site, code: i32) -> (Value, String) {
    let place = Place::new();
    let task = place.texts(1);
    let mut command = eyechart();
    command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", &site.url("/v1"), "--no-score"]);
    command.args(["--max-retries", "0"]).arg("--out").arg(place.runs());
    let said = stderr(command.assert().code(code).get_output());
    (place.run().samples().first().cloned().unwrap_or_default(), said)
}

#[test]
fn a_reply_is_unpacked_from_every_coding_that_is_asked_for() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let site = endpoint(200, coding, packed(coding, ANSWER.as_bytes()));
        assert_eq!(sample(&site, 0).0["output"]["text"], "A rise.", "{coding}");
        let head = site.requests()[0].to_lowercase();
        let accepted = head.lines().find_map(|line| line.strip_prefix("accept-encoding: ")).unwrap();
        assert!(accepted.split(',').any(|accepted| accepted.trim() == coding), "{accepted}");
        let events = "data: {\"choices\":[{\"delta\":{\"content\":\"A rise.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        let site = endpoint(200, coding, packed(coding, events.as_bytes()));
        assert_eq!(sample(&site, 0).0["output"]["text"], "A rise.", "a stream in {coding}");
        let site = endpoint(400, coding, packed(coding, br#"{"error":{"message":"too odd"}}"#));
        assert_eq!(sample(&site, 1).0["error"]["message"], "status 400 Bad Request: too odd", "{coding}");
    }
}

#[test]
fn every_member_and_every_coding_of_a_reply_is_unpacked() {
    let (first, second) = ANSWER.as_bytes().split_at(30);
    let members = [packed("gzip", first), packed("gzip", second)].concat();
    for (coding, body) in [
        ("gzip", members.clone()),
        ("X-GZIP", members.clone()),
        ("identity, gzip", members.clone()),
        ("", ANSWER.into()),
        ("gzip, br", packed("br", &members)),
        ("br, zstd", packed("zstd", &packed("br", ANSWER.as_bytes()))),
    ] {
        assert_eq!(sample(&endpoint(200, coding, body), 0).0["output"]["text"], "A rise.", "{coding:?}");
    }
}

#[test]
fn a_small_reply_that_unpacks_to_a_huge_one_ends_at_the_limit() {
    let huge = vec![b' '; 24 << 20];
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let bomb = packed(coding, &huge);
        assert!(bomb.len() < 1 << 20, "{coding}: {}", bomb.len());
        let error = sample(&endpoint(200, coding, bomb.clone()), 1).0["error"].clone();
        assert_eq!(error["kind"], "malformed");
        assert_eq!(error["message"], "the reply is longer than 16 MiB", "{coding}");
        let error = sample(&endpoint(400, coding, bomb), 1).0["error"].clone();
        assert_eq!(error["message"], "the reply is longer than 16 MiB", "{coding} with another status");
    }
}

#[test]
fn a_reply_that_is_not_in_the_coding_that_it_names_says_so() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let error = sample(&endpoint(200, coding, ANSWER.into()), 1).0["error"].clone();
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("not compressed as its header Content-Encoding says"),
            "{coding}: {message}"
        );
        assert_eq!(error["kind"], "malformed");
        let cut = packed(coding, ANSWER.as_bytes());
        let error = sample(&endpoint(200, coding, cut[..cut.len() - 6].to_vec()), 1).0["error"].clone();
        assert!(matches!(error["kind"].as_str(), Some("malformed")), "{coding}: {error}");
        let error = sample(&endpoint(400, coding, b"no".to_vec()), 1).0["error"].clone();
        assert!(error["message"].as_str().unwrap().starts_with("status 400"), "{coding}: {error}");
    }
}

#[test]
fn a_coding_that_is_not_understood_is_named_and_none_is_none() {
    for coding in ["compress", "gzip, compress", "aws-chunked"] {
        let error = sample(&endpoint(200, coding, packed("gzip", ANSWER.as_bytes())), 1).0["error"].clone();
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("{coding:?}")) && message.contains("gzip, br, deflate and zstd"),
            "{message}"
        );
        let error = sample(&endpoint(400, coding, b"\x1f\x8b".to_vec()), 1).0["error"].clone();
        assert_eq!(error["message"], "status 400 Bad Request");
    }
    assert_eq!(sample(&endpoint(200, "identity", ANSWER.into()), 0).0["output"]["text"], "A rise.");
}
