//! Proxies of the environment: used, named where they fail, and their passwords in nothing that a run leaves behind.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::common::site::{Page, Site};
use crate::common::{Place, endpoint, eyechart, stderr, stdout};
use assert_cmd::Command;

const PASSWORD: &str = "pa55+word/Hidden4321";
const IN_ADDRESS: &str = "pa55%2Bword%2FHidden4321";

fn run(place: &Place, url: &str) -> Command {
    let task = place.texts(2);
    let mut command = eyechart();
    command.arg("run").arg(&task).args(["--model", "custom/m", "--base-url", url, "--no-score"]);
    command.args(["--max-retries", "0", "--give-up-after", "1", "--log-http"]).arg(place.path("http.jsonl"));
    command.arg("--out").arg(place.runs());
    command
}

/// Everything that the run printed and wrote.
fn traces(place: &Place, output: &std::process::Output) -> String {
    let files = [
        place.path("http.jsonl"),
        place.run().path().join("samples.jsonl"),
        place.run().path().join("spec.json"),
    ];
    let files = files.map(|path| std::fs::read_to_string(path).unwrap_or_default());
    [stdout(output), stderr(output), files.concat()].concat()
}

#[test]
fn a_proxy_of_an_unknown_scheme_is_refused_and_not_passed_by() {
    let server = endpoint(Vec::new());
    for proxy in ["socks://127.0.0.1:1080", "SOCKS5H://127.0.0.1:1080", " http://127.0.0.1:1080"] {
        let place = Place::new();
        let output = run(&place, &server.url()).env("ALL_PROXY", proxy).assert().code(2).get_output().clone();
        assert!(stderr(&output).contains("ALL_PROXY names a proxy with the scheme"), "{}", stderr(&output));
    }
    assert_eq!(server.stats().requests, 0);
}

#[test]
fn a_proxy_that_refuses_is_named_and_its_password_shows_up_nowhere() {
    let credentials = STANDARD.encode(format!("me:{PASSWORD}"));
    let quoted = format!(
        r#"{{"error":{{"message":"no access for me:{PASSWORD} ({credentials}) {}"}}}}"#,
        PASSWORD.replace('/', "\\/").replace('+', "\\u002B")
    );
    for (url, scheme) in
        [("http://endpoint.invalid/v1", "HTTP_PROXY"), ("https://endpoint.invalid/v1", "HTTPS_PROXY")]
    {
        let body = quoted.clone();
        let proxy = Site::start(move |_, _| Page::Whole(407, Vec::new(), body.clone().into()));
        let address = proxy.url("").replace("http://", &format!("http://me:{IN_ADDRESS}@"));
        let place = Place::new();
        let output = run(&place, url).env(scheme, &address).assert().failure().get_output().clone();
        let traces = traces(&place, &output);
        assert!(traces.contains(&format!("the proxy {}", proxy.url(""))), "{traces}");
        for secret in [PASSWORD, IN_ADDRESS, &credentials, "Hidden4321"] {
            assert!(!traces.contains(secret), "{secret} in {traces}");
        }
        let head = proxy.requests()[0].to_lowercase();
        assert!(head.contains("proxy-authorization: basic"), "the proxy got it: {head}");
    }
}

#[test]
fn a_proxy_that_does_not_answer_is_named_and_an_endpoint_without_one_is_not_blamed_on_it() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for scheme in ["http", "socks5", "socks5h"] {
        let address = format!("{scheme}://me:{IN_ADDRESS}@{closed}");
        let place = Place::new();
        let mut command = run(&place, "http://127.0.0.1:1/v1");
        let said = stderr(command.env("ALL_PROXY", &address).assert().code(3).get_output());
        assert!(said.contains(&format!("cannot connect through the proxy {scheme}://{closed}")), "{said}");
        assert!(!said.contains("Hidden"), "{said}");
        let place = Place::new();
        let mut command = run(&place, "http://127.0.0.1:1/v1");
        command.env("ALL_PROXY", &address).env("NO_PROXY", "127.0.0.1");
        let said = stderr(command.assert().code(3).get_output());
        assert!(!said.contains("proxy"), "{said}");
    }
}

/// A SOCKS5 proxy on loopback without credentials; its port.
fn socks_proxy() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || drop(forward(stream)));
        }
    });
    port
}

fn forward(mut client: TcpStream) -> std::io::Result<()> {
    let read = |client: &mut TcpStream, length: usize| {
        let mut bytes = vec![0; length];
        client.read_exact(&mut bytes).map(|()| bytes)
    };
    let methods = read(&mut client, 2)?[1];
    read(&mut client, methods.into())?;
    client.write_all(&[5, 0])?;
    let kind = read(&mut client, 4)?[3];
    let length = if kind == 1 { 4 } else { read(&mut client, 1)?[0].into() };
    read(&mut client, length)?;
    let port = read(&mut client, 2)?;
    // Names and addresses are all of this machine.
    let mut server = TcpStream::connect(("127.0.0.1", u16::from_be_bytes([port[0], port[1]])))?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let (mut to, mut from) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
    std::io::copy(&mut server, &mut client).map(drop)
}

#[test]
fn requests_are_sent_through_a_socks_proxy() {
    let server = endpoint(Vec::new());
    for scheme in ["socks5", "socks5h"] {
        let place = Place::new();
        let mut command = run(&place, &server.url().replace("127.0.0.1", "localhost"));
        command.env("ALL_PROXY", format!("{scheme}://127.0.0.1:{}", socks_proxy())).assert().code(0);
        assert!(place.run().samples().iter().all(|sample| sample["status"] == "completed"));
    }
    assert_eq!(server.stats().requests, 4);
}

#[test]
fn an_endpoint_that_needs_no_proxy_is_reached_without_one_in_every_form_of_the_list() {
    let server = endpoint(Vec::new());
    let port = server.url().rsplit_once(':').unwrap().1.trim_end_matches("/v1").to_owned();
    for list in ["*", "a.org, *", "127.0.0.1", "127.0.0.0/8", &format!("127.0.0.1:{port}")] {
        let place = Place::new();
        let mut command = run(&place, &server.url());
        command.env("HTTP_PROXY", "http://127.0.0.1:9").env("NO_PROXY", list).assert().code(0);
    }
}
