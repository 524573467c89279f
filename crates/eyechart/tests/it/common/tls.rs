//! An endpoint that speaks TLS, with a certificate that nobody trusts who is not told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const ANSWER: &str =
    r#"{"choices":[{"message":{"role":"assistant","content":"A."},"finish_reason":"stop"}]}"#;

/// The authority that has signed the endpoint's certificate.
pub fn authority() -> PathBuf {
    fixture("authority.pem")
}

/// The endpoint's own certificate.
pub fn server() -> PathBuf {
    fixture("server.pem")
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A certificate that `openssl req -x509` made: `self-signed` for localhost, `-nameless` for no name, `-elsewhere` for
/// another name, `-expired` for the year 2020.
pub fn self_signed(variant: &str) -> PathBuf {
    fixture(&format!("self-signed{variant}.pem"))
}

/// Answers every request, for as long as the test lives; its base URL.
pub fn endpoint() -> String {
    endpoint_with(&server(), "server.key")
}

/// As [`endpoint`], with the certificate of [`self_signed`].
pub fn self_signed_endpoint(variant: &str) -> String {
    endpoint_with(&self_signed(variant), "self-signed.key")
}

fn endpoint_with(certificate: &Path, key: &str) -> String {
    let certificate = CertificateDer::from_pem_file(certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture(key)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            // A client that does not trust the certificate goes away: that is what some tests are for.
            std::thread::spawn(move || drop(answer(stream, config)));
        }
    });
    format!("https://{address}/v1")
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let (mut length, mut line) = (0, String::new());
    while stream.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
        line.clear();
    }
    stream.read_exact(&mut vec![0; length])?;
    let stream = stream.get_mut();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{ANSWER}",
        ANSWER.len()
    )?;
    stream.flush()?;
    stream.conn.send_close_notify();
    stream.flush()
}
