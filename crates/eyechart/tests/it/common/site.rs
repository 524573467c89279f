//! A web site on loopback: what stands at each path, and who asked for what. One request a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What a request gets.
pub enum Page {
    /// A status, header lines and a body whose length is announced.
    Whole(u16, Vec<String>, Vec<u8>),
    /// The beginning of a body whose end never comes.
    Endless(Vec<u8>),
    /// A body whose length nobody says.
    Unannounced(Vec<u8>),
    /// As [`Page::Whole`] with status 200, but the connection closes after so many bytes of the body.
    Cut(Vec<String>, Vec<u8>, usize),
    /// Nothing: the connection closes.
    Hangup,
}

impl Page {
    pub fn found(body: impl Into<Vec<u8>>) -> Self {
        Self::Whole(200, Vec::new(), body.into())
    }

    pub fn status(status: u16) -> Self {
        Self::Whole(status, vec!["retry-after: 0".to_owned()], b"<html>sorry</html>".to_vec())
    }

    pub fn redirect(to: &str) -> Self {
        Self::Whole(302, vec![format!("location: {to}")], Vec::new())
    }
}

pub struct Site {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Site {
    /// `pages` gets the path and how many requests for it came before.
    pub fn start(pages: impl Fn(&str, usize) -> Page + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, pages) = (Arc::clone(&requests), Arc::new(pages));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, pages) = (Arc::clone(&seen), Arc::clone(&pages));
                // A client that goes away is a test's business, not the site's.
                std::thread::spawn(move || drop(serve(&stream, &seen, &*pages)));
            }
        });
        Self { address, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The head of each request so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// How often `path` was asked for.
    pub fn count(&self, path: &str) -> usize {
        count(&self.requests.lock().unwrap(), path)
    }
}

fn count(requests: &[String], path: &str) -> usize {
    requests.iter().filter(|head| head.split(' ').nth(1) == Some(path)).count()
}

fn serve(
    mut stream: &TcpStream,
    seen: &Mutex<Vec<String>>,
    pages: &dyn Fn(&str, usize) -> Page,
) -> std::io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(stream);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    // A connection that is closed with a body in it may lose the reply.
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    reader.read_exact(&mut vec![0; length.unwrap_or(0)])?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let before = {
        let mut seen = seen.lock().unwrap();
        let before = count(&seen, &path);
        seen.push(head);
        before
    };
    match pages(&path, before) {
        Page::Whole(status, headers, body) => {
            let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
            let length = body.len();
            write!(stream, "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n")?;
            stream.write_all(b"connection: close\r\n\r\n")?;
            stream.write_all(&body)
        }
        Page::Cut(headers, body, bytes) => {
            let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
            write!(stream, "HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n", body.len())?;
            stream.write_all(&body[..bytes])
        }
        Page::Unannounced(body) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
            stream.write_all(&body)
        }
        Page::Endless(body) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")?;
            stream.write_all(&body)?;
            // Until the client has had enough.
            reader.read_to_end(&mut Vec::new()).map(drop)
        }
        Page::Hangup => Ok(()),
    }
}
