//! Tests of the bytes of each fault, and of the capacity.

use super::*;
use crate::rehearse::{Capacity, Fault, Faults};

fn rule(fault: &str) -> Rule {
    Rule { fault: Some(fault.to_owned()), ..Rule::default() }
}

/// Everything that the server sends to one request until it closes the connection.
fn raw(fault: &str) -> (String, io::Result<usize>) {
    let server = serve([rule(fault)]);
    let body = ask("?").to_string();
    let mut client = Client::connect(&server);
    client.head(&format!("POST {CHAT}"), body.len(), "connection: close\r\n");
    client.body(&body);
    let mut bytes = Vec::new();
    let ended = client.0.read_to_end(&mut bytes);
    assert_eq!(server.stats().faults, [(fault, 1)].into());
    (String::from_utf8_lossy(&bytes).into_owned(), ended)
}

fn body_of(reply: &str) -> &str {
    reply.split_once("\r\n\r\n").unwrap().1
}

fn announced(reply: &str) -> usize {
    let line = reply.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    line.parse().unwrap()
}

#[test]
fn a_limit_hints_in_each_of_the_ways_that_servers_have() {
    let hint = |fault: &str, header: &str| {
        let reply = Client::connect(&serve([rule(fault)])).chat(&ask("?"));
        assert_eq!(reply.status, 429, "{fault}");
        reply.header(header).map(str::to_owned)
    };
    assert_eq!(hint("429", "retry-after"), None);
    assert_eq!(hint("429-seconds", "retry-after").as_deref(), Some("1"));
    assert!(hint("429-date", "retry-after").unwrap().ends_with(" GMT"));
    assert_eq!(hint("429-llm", "retry-after"), None);
    assert_eq!(hint("429-llm", "llm_provider-retry-after").as_deref(), Some("1"));
    let coded = Client::connect(&serve([rule("429-code")])).chat(&ask("?")).json();
    assert_eq!(coded["error"]["code"], "429");
}

#[test]
fn every_refusal_has_the_status_of_its_name() {
    for fault in Fault::all() {
        let digits: String = fault.name().chars().take_while(char::is_ascii_digit).collect();
        let Ok(status) = digits.parse::<u16>() else { continue };
        let reply = Client::connect(&serve([rule(fault.name())])).chat(&ask("?"));
        assert_eq!(reply.status, status, "{fault:?}");
    }
    for fault in ["error-200", "html-200"] {
        assert_eq!(Client::connect(&serve([rule(fault)])).chat(&ask("?")).status, 200);
    }
}

#[test]
fn a_reset_comes_in_the_middle_of_the_reply() {
    let (reply, ended) = raw("reset");
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert!(reply.len() < 1000);
}

#[test]
fn a_dripping_reply_is_whole_in_the_end() {
    let (reply, ended) = raw("drip");
    ended.unwrap();
    assert_eq!(body_of(&reply).len(), announced(&reply));
    assert!(serde_json::from_str::<Value>(body_of(&reply)).is_ok());
}

#[test]
fn damaged_bodies_are_no_json() {
    let (truncated, _) = raw("truncated");
    assert_eq!(body_of(&truncated).len(), announced(&truncated), "as if it were the whole");
    let (invalid, _) = raw("utf8");
    assert!(invalid.contains('\u{FFFD}'));
    let (long, _) = raw("length-long");
    assert_eq!(body_of(&long).len() * 2, announced(&long));
    assert!(serde_json::from_str::<Value>(body_of(&truncated)).is_err());
}

#[test]
fn too_short_a_length_leaves_bytes_on_the_connection() {
    let server = serve([rule("length-short")]);
    let mut client = Client::connect(&server);
    let body = ask("?").to_string();
    client.head(&format!("POST {CHAT}"), body.len(), "");
    client.body(&body);
    let half = client.read().unwrap();
    assert!(serde_json::from_str::<Value>(&half.body).is_err());
    let mut rest = vec![0; half.body.len()];
    client.0.read_exact(&mut rest).unwrap();
    let whole = half.body + std::str::from_utf8(&rest).unwrap();
    assert!(whole.starts_with("{\"id\":"), "{whole}");
}

#[test]
fn a_client_that_gives_up_frees_what_hangs_or_stalls() {
    for fault in ["hang", "stall", "huge"] {
        let server = serve([rule(fault)]);
        let mut client = Client::connect(&server);
        let body = ask("?").to_string();
        client.head(&format!("POST {CHAT}"), body.len(), "");
        client.body(&body);
        server.wait_for(|stats| stats.faults.contains_key(fault));
        assert_eq!(server.stats().in_flight, 1, "{fault}");
        drop(client);
        server.wait_for(|stats| stats.in_flight == 0);
    }
}

#[test]
fn drawn_faults_affect_requests_independently_of_the_script() {
    let faults = Faults::new(1, ["503:0.5".parse().unwrap()]).unwrap();
    let script = Script::new([Rule::answer("fine")]).unwrap();
    let server = Server::start(Options { faults, script, ..Options::default() }).unwrap();
    let mut client = Client::connect(&server);
    let statuses: Vec<u16> = (0..40).map(|_| client.chat(&ask("?")).status).collect();
    let failed = statuses.iter().filter(|status| **status == 503).count() as u64;
    assert!((8..32).contains(&failed), "{statuses:?}");
    assert_eq!(server.stats().faults, [("503", failed)].into());
}

#[test]
fn beyond_its_capacity_it_refuses_at_once() {
    let script = Script::new([Rule { times: Some(1), ..rule("hang") }]).unwrap();
    let capacity = Capacity::fixed(1);
    let server = Server::start(Options { capacity, script, ..Options::default() }).unwrap();
    let mut first = Client::connect(&server);
    let body = ask("?").to_string();
    first.head(&format!("POST {CHAT}"), body.len(), "");
    first.body(&body);
    server.wait_for(|stats| stats.faults.contains_key("hang"));
    assert_eq!(Client::connect(&server).chat(&ask("?")).status, 429);
    assert_eq!(server.stats().refused, 1);
    drop(first);
    server.wait_for(|stats| stats.in_flight == 0);
    assert_eq!(Client::connect(&server).chat(&ask("?")).status, 200);
}

#[test]
fn repeated_bodies_are_counted_where_asked_for() {
    let server = Server::start(Options { count_repeated: true, ..Options::default() }).unwrap();
    let mut client = Client::connect(&server);
    ["a", "b", "a", "a"].iter().for_each(|text| drop(client.chat(&ask(text))));
    assert_eq!(server.stats().repeated, 2);
}
