//! Answers sent as no HTTP library would: written by hand on the bare connection, which then ends.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::fault::Spoil;

/// Pieces of a dripping answer.
const DRIPS: usize = 64;
/// Between two of them.
const DRIP_PAUSE: Duration = Duration::from_millis(25);
/// What a huge answer is filled up with: text within its JSON.
static FILLING: [u8; 1 << 16] = [b'a'; 1 << 16];
/// How often: 1 GiB in all.
const FILLINGS: usize = (1 << 30) / FILLING.len();

/// What is still to be written on a connection, and how it ends.
#[derive(Debug)]
pub(super) struct Wire {
    head: String,
    pieces: Vec<Bytes>,
    pause: Duration,
    fillings: usize,
    end: End,
}

#[derive(Debug, Clone, Copy)]
enum End {
    /// In good order.
    Close,
    /// By a reset.
    Reset,
    /// When the client has had enough.
    Wait,
}

impl Wire {
    /// `reply` as `spoil` sends it.
    pub(super) fn new(spoil: Spoil, reply: &Response<Bytes>) -> Self {
        let body = reply.body();
        let length = match spoil {
            Spoil::Huge => None,
            Spoil::LengthTooLong => Some(body.len() * 2),
            Spoil::LengthTooShort => Some(body.len() / 2),
            Spoil::Reset | Spoil::Stall | Spoil::Drip => Some(body.len()),
        };
        let half = body.slice(..body.len() / 2);
        let (pieces, end) = match spoil {
            Spoil::Reset => (vec![half], End::Reset),
            Spoil::Stall => (vec![half], End::Wait),
            Spoil::Drip => (drips(body), End::Close),
            Spoil::LengthTooLong => (vec![body.clone()], End::Close),
            // Open, so that the rest lies in wait for the next request.
            Spoil::LengthTooShort => (vec![body.clone()], End::Wait),
            Spoil::Huge => (vec![Bytes::from_static(HUGE_BEGINS)], End::Close),
        };
        let pause = if spoil == Spoil::Drip { DRIP_PAUSE } else { Duration::ZERO };
        let fillings = if spoil == Spoil::Huge { FILLINGS } else { 0 };
        Self { head: head(reply, length), pieces, pause, fillings, end }
    }

    /// Writes everything there is to write.
    ///
    /// # Errors
    /// Where the client goes away meanwhile.
    pub(super) async fn send(self, mut stream: TcpStream) -> io::Result<()> {
        stream.write_all(self.head.as_bytes()).await?;
        for piece in &self.pieces {
            if !self.pause.is_zero() {
                sleep(self.pause).await;
            }
            stream.write_all(piece).await?;
        }
        for _ in 0..self.fillings {
            stream.write_all(&FILLING).await?;
        }
        match self.end {
            End::Close => stream.shutdown().await,
            End::Reset => stream.set_zero_linger(),
            End::Wait => {
                let mut rest = [0; 1024];
                while stream.read(&mut rest).await? > 0 {}
                Ok(())
            }
        }
    }
}

const HUGE_BEGINS: &[u8] =
    br#"{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":""#;

fn head(reply: &Response<Bytes>, length: Option<usize>) -> String {
    let mut head = format!("HTTP/1.1 {}\r\n", reply.status());
    let mut line = |name: &str, value: &str| {
        // Writing into a String cannot fail.
        let _ = write!(head, "{name}: {value}\r\n");
    };
    for (name, value) in reply.headers() {
        line(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    }
    match length {
        Some(length) => line("content-length", &length.to_string()),
        None => line("connection", "close"),
    }
    head + "\r\n"
}

fn drips(body: &Bytes) -> Vec<Bytes> {
    let size = body.len().div_ceil(DRIPS).max(1);
    (0..body.len()).step_by(size).map(|from| body.slice(from..body.len().min(from + size))).collect()
}
