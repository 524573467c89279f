//! Transfers the bytes of a file in order, over several connections if one breaks.

use std::ops::Range;

use bytes::{Buf as _, Bytes};
use reqwest::{Method, Response, StatusCode};

use super::HubError;
use super::context::{Context, Wanted};
use super::http::{Failure, HubRequest, Reply, part_start, whole_size};
use crate::net::Retries;

/// Bytes that may be received in addition to the requested piece.
const MOST_PASSED_OVER: u64 = 1 << 20;

/// A file to be transferred.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) context: Context,
    pub(super) commit: String,
    pub(super) path: String,
    pub(super) identity: Identity,
}

/// What the Hub reports about the content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// The name of the blob in the cache.
    pub(super) etag: Option<String>,
    /// Number of bytes.
    pub(super) size: Option<u64>,
}

/// A running transfer. The first request is sent when the first bytes are read.
pub(super) struct Transfer {
    source: Source,
    /// Offset of the next byte to return.
    at: u64,
    /// Offset after the last byte, once it is known.
    end: Option<u64>,
    /// An open connection, and how many of its bytes were returned before.
    open: Option<(Response, u64)>,
    /// Whether to request ranges. False once the server has refused one.
    by_range: bool,
    /// Maximum number of bytes to skip if the server ignores a range.
    passed_over: u64,
    retries: Retries,
}

impl Source {
    /// The bytes from `from` to `end`, or to the end of the file.
    pub(super) fn transfer(self, from: u64, end: Option<u64>) -> Transfer {
        let end = end.or(self.identity.size);
        let retries = self.context.http.retries();
        Transfer { source: self, at: from, end, open: None, by_range: true, passed_over: u64::MAX, retries }
    }

    /// The bytes of a range. Fails if the server ignores ranges, instead of receiving the whole file.
    pub(super) fn piece(self, range: &Range<u64>) -> Transfer {
        Transfer { passed_over: MOST_PASSED_OVER, ..self.transfer(range.start, Some(range.end)) }
    }

    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted::File(&self.path, &self.commit)
    }

    pub(super) fn damaged(&self, what: &'static str, found: String, expected: String) -> HubError {
        let (repository, path) = (self.context.repository.to_string(), self.path.clone());
        HubError::Damaged { repository, path, what, found, expected }
    }
}

/// Why no bytes arrived.
enum Broken {
    /// Another attempt can succeed.
    Failed(Failure),
    /// Another attempt would fail the same way.
    Wrong(HubError),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Transfer {
    /// The next bytes. `None` at the end.
    ///
    /// After a broken connection the transfer continues at the same byte. A slow connection is used as long as bytes
    /// arrive.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, HubError> {
        while self.end.is_none_or(|end| self.at < end) {
            let failure = match self.receive() {
                Ok(Some(bytes)) => {
                    self.retries.reset();
                    self.at += bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                Ok(None) if self.end.is_none() => break,
                Ok(None) => Failure::Transport("the connection closed too early".to_owned()),
                Err(Broken::Failed(failure)) => failure,
                Err(Broken::Wrong(error)) => return Err(error),
            };
            self.open = None;
            self.by_range &= !matches!(&failure, Failure::Status(status) if status.code == 416);
            let explain = |failure| self.source.context.explain(failure, self.source.wanted());
            failure.wait(&mut self.retries).map_err(explain)?;
        }
        // If the size was unknown, the closed connection marks the end.
        self.end = Some(self.at);
        self.open = None;
        Ok(None)
    }

    /// New bytes of the open connection. Repeated bytes are skipped.
    fn receive(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            let (response, repeated) = match self.open.take() {
                Some(open) => open,
                None => self.accept(self.source.context.http.send(self.request())?).map_err(Broken::Wrong)?,
            };
            let Some((mut bytes, response)) = self.source.context.http.chunk(response)? else {
                return Ok(None);
            };
            // Both are at most the number of bytes in memory, so they fit.
            let passed_over = repeated.min(bytes.len() as u64);
            bytes.advance(passed_over as usize);
            self.open = Some((response, repeated - passed_over));
            if let Some(end) = self.end {
                bytes.truncate(usize::try_from(end - self.at).unwrap_or(usize::MAX));
            }
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    fn request(&self) -> HubRequest {
        let Source { context, commit, path, identity } = &self.source;
        let last = self.end.filter(|_| self.end != identity.size);
        let part = self.by_range && (self.at > 0 || last.is_some());
        let url = context.endpoint().resolve(&context.repository, commit, path);
        HubRequest { method: Method::GET, url, range: part.then_some((self.at, last)) }
    }

    /// Checks that the reply is about the same file. Returns how many of its bytes were returned before.
    fn accept(&self, reply: Reply) -> Result<(Response, u64), HubError> {
        let Identity { etag, size } = &self.source.identity;
        if let (Some(found), Some(expected)) = (&reply.facts.etag, etag)
            && found != expected
        {
            return Err(self.source.damaged("etag", found.clone(), expected.clone()));
        }
        let sizes = [reply.facts.size, whole_size(reply.response.headers())];
        let differs = |found: &u64| size.is_some_and(|size| size != *found);
        if let (Some(found), Some(size)) = (sizes.into_iter().flatten().find(differs), size) {
            return Err(self.source.damaged("size", found.to_string(), size.to_string()));
        }
        if reply.response.status() != StatusCode::PARTIAL_CONTENT {
            let by_whole =
                || HubError::NoRanges { host: self.source.context.host(), path: self.source.path.clone() };
            return if self.at > self.passed_over { Err(by_whole()) } else { Ok((reply.response, self.at)) };
        }
        match part_start(reply.response.headers()) {
            Some(start) if start == self.at => Ok((reply.response, 0)),
            _ => Err(self.source.context.protocol("the reply has another part of the file than requested")),
        }
    }
}
