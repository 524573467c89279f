//! Fetching from sites on loopback. Where the guard matters, it takes 127.0.0.1 for a public address and leaves
//! all others as they are.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use reqwest::dns::{Addrs, Name, Resolving};
use tempfile::TempDir;

use super::*;

#[path = "../../tests/it/common/site.rs"]
#[expect(dead_code, reason = "the tests of data files use the rest")]
mod site;
use site::{Page, Site};

fn not_html(bytes: &[u8]) -> Result<(), String> {
    if bytes.starts_with(b"<") { Err("not a picture".to_owned()) } else { Ok(()) }
}

fn settings(cache: &Path) -> WebSettings {
    WebSettings { allow_private: true, ..WebSettings::new(cache.to_owned(), not_html) }
}

/// A client that may go anywhere, and its cache.
fn free() -> (TempDir, Web) {
    let cache = tempfile::tempdir().unwrap();
    let web = Web::new(settings(cache.path())).unwrap();
    (cache, web)
}

/// Names as the test wants them.
struct Names(&'static [(&'static str, &'static [&'static str])]);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.0.iter().find(|(known, _)| *known == name.as_str());
        let addresses: Vec<_> =
            found.unwrap().1.iter().map(|ip| (ip.parse::<IpAddr>().unwrap(), 0_u16).into()).collect();
        Box::pin(std::future::ready(Ok(Box::new(addresses.into_iter()) as Addrs)))
    }
}

/// A client for which 127.0.0.1 is public.
fn guarded(names: Names) -> (TempDir, Web) {
    let cache = tempfile::tempdir().unwrap();
    let guard =
        Guard { allows: |ip| ip == Ipv4Addr::LOCALHOST || (Guard::PUBLIC.allows)(ip), ..Guard::PUBLIC };
    let web = Web::guarded(settings(cache.path()), guard, Arc::new(names)).unwrap();
    (cache, web)
}

async fn refused(web: &Web, url: &str) -> String {
    let failure = web.fetch(url).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::PictureUnavailable);
    failure.message.strip_prefix(&format!("{}: ", shown_address(url))).unwrap().to_owned()
}

#[tokio::test]
async fn each_address_is_fetched_once_and_then_comes_from_the_disk() {
    let site = Site::start(|path, _| Page::found(format!("picture at {path}")));
    let (cache, web) = free();
    let (web, url) = (Arc::new(web), site.url("/a.png"));
    let fetches: Vec<_> = (0..20)
        .map(|_| {
            let (web, url) = (Arc::clone(&web), url.clone());
            tokio::spawn(async move { web.fetch(&url).await })
        })
        .collect();
    for fetch in fetches {
        assert_eq!(fetch.await.unwrap().unwrap(), "picture at /a.png");
    }
    assert_eq!(web.fetch(&format!("{url}#part")).await.unwrap(), "picture at /a.png");
    assert_eq!(web.fetch(&site.url("/b.png")).await.unwrap(), "picture at /b.png");
    assert_eq!(site.requests().len(), 2);

    let second_run = Web::new(settings(cache.path())).unwrap();
    assert_eq!(second_run.fetch(&url).await.unwrap(), "picture at /a.png");
    assert_eq!(site.requests().len(), 2);
}

#[tokio::test]
async fn a_damaged_picture_in_the_cache_is_fetched_again() {
    let site = Site::start(|_, _| Page::found("picture"));
    let (cache, web) = free();
    web.fetch(&site.url("/a")).await.unwrap();
    let kept = std::fs::read_dir(cache.path().join("pictures")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&kept, "pic").unwrap();
    assert_eq!(web.fetch(&site.url("/a")).await.unwrap(), "picture");
    assert_eq!((site.count("/a"), std::fs::read(&kept).unwrap()), (2, b"picture".to_vec()));
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_loses_no_picture() {
    let site = Site::start(|_, _| Page::found("picture"));
    let file = tempfile::NamedTempFile::new().unwrap();
    let web = Web::new(settings(file.path())).unwrap();
    assert_eq!(web.fetch(&site.url("/a")).await.unwrap(), "picture");
}

#[tokio::test]
async fn what_is_no_picture_is_neither_given_nor_kept() {
    let site = Site::start(|_, _| Page::found("<html>sign in</html>"));
    let (cache, web) = free();
    assert_eq!(refused(&web, &site.url("/a")).await, "not a picture");
    assert!(!cache.path().join("pictures").exists());
}

#[tokio::test]
async fn a_dead_link_is_asked_for_once_and_a_passing_trouble_again() {
    let site = Site::start(|path, before| match (path, before) {
        ("/gone", _) => Page::status(410),
        ("/down", _) => Page::status(503),
        ("/busy", 0) => Page::status(429),
        ("/busy", 1) => Page::Hangup,
        _ => Page::found("picture"),
    });
    let (_cache, web) = free();
    for _ in 0..2 {
        assert_eq!(refused(&web, &site.url("/gone")).await, "status 410 Gone");
    }
    assert_eq!(refused(&web, &site.url("/down")).await, "status 503 Service Unavailable (3 tries)");
    assert_eq!(web.fetch(&site.url("/busy")).await.unwrap(), "picture");
    assert_eq!((site.count("/gone"), site.count("/down"), site.count("/busy")), (1, 3, 3));
}

#[tokio::test]
async fn redirects_are_followed_so_far_and_no_further() {
    let site = Site::start(|path, _| match path {
        "/start" => Page::redirect("next#part"),
        "/next" => Page::redirect("/end?x=1"),
        "/loop" => Page::redirect("/loop"),
        "/dead" => Page::redirect("/gone"),
        "/gone" => Page::status(404),
        "/nowhere" => Page::Whole(302, Vec::new(), Vec::new()),
        _ => Page::found("picture"),
    });
    let (_cache, web) = free();
    assert_eq!(web.fetch(&site.url("/start")).await.unwrap(), "picture");
    assert_eq!(site.count("/end?x=1"), 1);
    assert_eq!(refused(&web, &site.url("/loop")).await, "more than 5 redirects");
    assert_eq!(site.count("/loop"), 6);
    let expected = format!("redirected to {}: status 404 Not Found", site.url("/gone"));
    assert_eq!(refused(&web, &site.url("/dead")).await, expected);
    assert_eq!(refused(&web, &site.url("/nowhere")).await, "status 302 Found");
    for head in site.requests() {
        let head = head.to_lowercase();
        let told = ["referer:", "cookie:", "authorization:", "accept-encoding:"];
        assert!(!told.iter().any(|header| head.contains(header)), "{head}");
    }
}

#[tokio::test]
async fn a_redirect_leads_to_no_place_that_could_not_be_named_itself() {
    let site = Site::start(|path, _| match path {
        "/metadata" => Page::redirect("http://169.254.169.254/latest/meta-data/"),
        "/name" => Page::redirect("http://inner.example/secret"),
        "/file" => Page::redirect("file:///etc/passwd"),
        _ => Page::redirect("http://user:pw@example.org/"),
    });
    let (_cache, web) = guarded(Names(&[("inner.example", &["10.0.0.7", "::1"])]));
    for (path, reason) in [
        ("/metadata", "169.254.169.254 is not a public address"),
        ("/name", "inner.example resolves to 10.0.0.7, which is not a public address"),
        ("/file", "expected an address with http or https, it has file"),
        ("/password", "an address with a user name or password is not fetched"),
    ] {
        let said = refused(&web, &site.url(path)).await;
        assert!(said.starts_with("redirected to ") && said.contains(reason), "{said}");
        assert_eq!(site.count(path), 1, "a refusal is final");
    }
}

#[tokio::test]
async fn of_a_names_addresses_only_the_public_ones_are_connected_to() {
    let site = Site::start(|_, _| Page::found("picture"));
    let (_cache, web) =
        guarded(Names(&[("mixed.example", &["127.0.0.2", "127.0.0.1"]), ("inner.example", &["127.0.0.2"])]));
    let at = |host: &str| format!("http://{host}:{}/a", site.port());
    assert_eq!(web.fetch(&at("mixed.example")).await.unwrap(), "picture");
    let said = refused(&web, &at("inner.example")).await;
    let expected = "inner.example resolves to 127.0.0.2, which is not a public address: nothing is fetched from \
                    there without --allow-private-urls";
    assert_eq!(said, expected);
    assert_eq!(site.requests().len(), 1);
}

#[tokio::test]
async fn private_addresses_are_refused_in_every_spelling() {
    let site = Site::start(|_, _| Page::found("picture"));
    let cache = tempfile::tempdir().unwrap();
    let web = Web::new(WebSettings::new(cache.path().to_owned(), not_html)).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "1２7.0.0.1",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "localhost",
        "LOCALHOST",
    ] {
        let said = refused(&web, &format!("http://{host}:{}/a", site.port())).await;
        assert!(
            said.contains("not a public address") && said.contains("--allow-private-urls"),
            "{host}: {said}"
        );
    }
    assert_eq!(site.requests().len(), 0);
}

#[tokio::test]
async fn what_is_no_fetchable_address_is_refused_with_the_reason() {
    let (_cache, web) = free();
    for (url, reason) in [
        ("http://", "not an address: empty host"),
        ("a.png", "not an address: relative URL without a base"),
        ("ftp://example.org/a.png", "expected an address with http or https, it has ftp"),
        ("https://:pw@example.org/", "an address with a user name or password is not fetched: remove them"),
    ] {
        assert_eq!(refused(&web, url).await, reason);
    }
}

#[tokio::test]
async fn a_body_is_limited_whether_its_length_is_announced_or_not() {
    let site = Site::start(|path, _| match path {
        "/announced" => Page::found(vec![b'x'; (1 << 20) + 1]),
        "/unannounced" => Page::Unannounced(vec![b'x'; 3 << 20]),
        _ => Page::Unannounced(vec![b'x'; 1 << 20]),
    });
    let cache = tempfile::tempdir().unwrap();
    let web = Web::new(WebSettings { max_bytes: 1 << 20, ..settings(cache.path()) }).unwrap();
    for path in ["/announced", "/unannounced"] {
        assert_eq!(refused(&web, &site.url(path)).await, "over 1 MiB, the most that is fetched");
        assert_eq!(site.count(path), 1);
    }
    assert_eq!(web.fetch(&site.url("/just")).await.unwrap().len(), 1 << 20);
}

#[tokio::test]
async fn a_body_without_an_end_is_given_up() {
    let site = Site::start(|_, _| Page::Endless(b"pict".to_vec()));
    let cache = tempfile::tempdir().unwrap();
    let timeout = Duration::from_millis(200);
    let web = Web::new(WebSettings { timeout, ..settings(cache.path()) }).unwrap();
    assert_eq!(refused(&web, &site.url("/a")).await, "no whole picture within 0.2 s");
}

#[tokio::test]
async fn whoever_waits_for_a_fetch_that_was_dropped_goes_on_with_it() {
    let site = Site::start(|_, before| match before {
        0 => Page::Endless(b"pict".to_vec()),
        _ => Page::found("picture"),
    });
    let (_cache, web) = free();
    let (web, url) = (Arc::new(web), site.url("/a"));
    let first = tokio::spawn({
        let (web, url) = (Arc::clone(&web), url.clone());
        async move { web.fetch(&url).await }
    });
    while site.count("/a") == 0 {
        tokio::task::yield_now().await;
    }
    let mut second = Box::pin(web.fetch(&url));
    assert!(tokio::time::timeout(Duration::ZERO, &mut second).await.is_err(), "it waits for the first");
    first.abort();
    assert_eq!(second.await.unwrap(), "picture");
    assert_eq!(site.count("/a"), 2);
}
