//! Answers that no HTTP library would send. They are written directly to the connection, which is then closed.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::fault::Disturbance;

/// Number of pieces of a dripping answer.
const DRIPS: usize = 64;
/// The pause between two pieces.
const DRIP_PAUSE: Duration = Duration::from_millis(25);
/// The text that is repeated inside the JSON of a huge answer.
static FILLING: [u8; 1 << 16] = [b'a'; 1 << 16];
/// Number of repetitions: 1 GiB in total.
const FILLINGS: usize = (1 << 30) / FILLING.len();

/// The bytes to write to a connection, and how the connection ends.
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
    /// Closes the connection regularly.
    Close,
    /// Resets the connection.
    Reset,
    /// Waits until the client closes the connection.
    Wait,
}

impl Wire {
    /// Prepares `reply` with the disturbance `disturbance`.
    pub(super) fn new(disturbance: Disturbance, reply: &Response<Bytes>) -> Self {
        let body = reply.body();
        let length = match disturbance {
            Disturbance::Huge => None,
            Disturbance::LengthTooLong => Some(body.len() * 2),
            Disturbance::LengthTooShort => Some(body.len() / 2),
            Disturbance::Reset | Disturbance::Stall | Disturbance::Drip => Some(body.len()),
        };
        let half = body.slice(..body.len() / 2);
        let (pieces, end) = match disturbance {
            Disturbance::Reset => (vec![half], End::Reset),
            Disturbance::Stall => (vec![half], End::Wait),
            Disturbance::Drip => (drips(body), End::Close),
            Disturbance::LengthTooLong => (vec![body.clone()], End::Close),
            // The connection stays open, so that the client reads the rest as the reply to the next request.
            Disturbance::LengthTooShort => (vec![body.clone()], End::Wait),
            Disturbance::Huge => (vec![Bytes::from_static(HUGE_BEGINS)], End::Close),
        };
        let pause = if disturbance == Disturbance::Drip { DRIP_PAUSE } else { Duration::ZERO };
        let fillings = if disturbance == Disturbance::Huge { FILLINGS } else { 0 };
        Self { head: head(reply, length), pieces, pause, fillings, end }
    }

    /// Writes all bytes and ends the connection.
    ///
    /// # Errors
    /// An I/O error if the client closes the connection.
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
