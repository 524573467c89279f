//! Reads a file while it is downloaded. Stores nothing.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};

use super::HubError;
use super::hash::Hasher;
use super::transfer::{Source, Transfer};

/// The bytes of a file from an offset to its end.
pub(super) struct Stream {
    source: Source,
    transfer: Transfer,
    received: Bytes,
    /// Hashes a stream that starts at the first byte. Absent for other streams and after the end.
    check: Option<Hasher>,
}

impl Stream {
    pub(super) fn new(source: Source, from: u64) -> Self {
        let hasher = |etag: &String| Hasher::of(etag, source.identity.size);
        let check = source.identity.etag.as_ref().filter(|_| from == 0).map(hasher);
        Self { transfer: source.clone().transfer(from, None), source, received: Bytes::new(), check }
    }

    fn receive(&mut self) -> Result<(), HubError> {
        match self.transfer.next()? {
            Some(bytes) => {
                if let Some(hasher) = &mut self.check {
                    hasher.update(&bytes);
                }
                self.received = bytes;
            }
            None => {
                let etag = self.source.identity.etag.as_deref().unwrap_or_default();
                if let Some((what, found)) = self.check.take().and_then(|hasher| hasher.mismatch(etag)) {
                    return Err(self.source.damaged(what, found, etag.to_owned()));
                }
            }
        }
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.received.is_empty() && !buffer.is_empty() {
            self.receive().map_err(io::Error::other)?;
        }
        let count = buffer.len().min(self.received.len());
        self.received.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
