//! Unpacks replies while they arrive, by the codings that their header `Content-Encoding` names (RFC 9110, 8.4).
//!
//! The HTTP client could do this too, but it reads only the first member of a gzip reply, and only one coding.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use zstd::stream::raw::{Decoder as ZstdDecoder, Operation as _};

/// The codings that are understood, for the header `Accept-Encoding`.
pub const ACCEPTED_CODINGS: &str = "gzip, br, deflate, zstd";
/// Codings of one reply. Servers and the proxies between add one each.
const MOST_LAYERS: usize = 5;
/// Bytes that are unpacked at once.
const PART: usize = 16 << 10;
/// The largest window of gzip and zlib, as a power of two.
const WINDOW_BITS: u8 = 15;

/// Why a reply cannot be unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    /// The header names a coding that is not understood, or too many codings.
    #[error("the reply has the Content-Encoding {0:?}: expected one of gzip, br, deflate and zstd, or none")]
    Unknown(String),
    /// The body is not in the coding that the header names.
    #[error("the reply is not compressed as its header Content-Encoding says: {0}")]
    Damaged(String),
    /// The unpacked reply is longer than the limit.
    #[error("the reply is longer than {} MiB", .0 >> 20)]
    TooLong(usize),
}

/// Receives the unpacked bytes.
type Sink<'a> = &'a mut dyn FnMut(&[u8]);

/// Unpacks the body of one reply.
pub struct Unpacker {
    /// The coding that was applied last comes first.
    layers: Vec<Layer>,
    /// The largest number of bytes, packed or unpacked.
    limit: usize,
    /// Bytes that were unpacked.
    bytes: usize,
}

impl Unpacker {
    /// For a reply with `headers`, whose body has at most `limit` bytes in each stage of unpacking.
    ///
    /// # Errors
    /// [`CodingError::Unknown`]
    pub fn new(headers: &HeaderMap, limit: usize) -> Result<Self, CodingError> {
        let named: Vec<String> = headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        let unknown = || CodingError::Unknown(named.join(", "));
        let codings = named.iter().flat_map(|value| value.split(',')).map(str::trim);
        let codings = codings.filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"));
        let layers: Option<Vec<Layer>> = codings.rev().map(Layer::of).collect();
        let layers = layers.filter(|layers| layers.len() <= MOST_LAYERS).ok_or_else(unknown)?;
        Ok(Self { layers, limit, bytes: 0 })
    }

    /// Unpacks the next bytes of the body, and calls `sink` with what they contain.
    ///
    /// # Errors
    /// [`CodingError::Damaged`] or [`CodingError::TooLong`]. What was unpacked before went to the sink.
    pub fn push(&mut self, packed: &[u8], sink: Sink<'_>) -> Result<(), CodingError> {
        let (limit, bytes) = (self.limit, &mut self.bytes);
        push_through(&mut self.layers, packed, limit, &mut |part| {
            *bytes += part.len();
            sink(part);
        })?;
        if self.bytes > limit { Err(CodingError::TooLong(limit)) } else { Ok(()) }
    }

    /// Ends the body.
    ///
    /// # Errors
    /// [`CodingError::Damaged`] if it ended too soon.
    pub fn finish(&self) -> Result<(), CodingError> {
        let is_whole = self.layers.iter().all(|layer| layer.state != State::Within);
        if is_whole { Ok(()) } else { Err(CodingError::Damaged("it ends too soon".to_owned())) }
    }
}

fn push_through(
    layers: &mut [Layer],
    packed: &[u8],
    limit: usize,
    sink: Sink<'_>,
) -> Result<(), CodingError> {
    match layers.split_first_mut() {
        None => sink(packed),
        Some((layer, inner)) => {
            return layer.push(packed, limit, &mut |part| push_through(inner, part, limit, sink));
        }
    }
    Ok(())
}

/// One coding of a body.
struct Layer {
    coding: Coding,
    state: State,
    /// Bytes that were unpacked.
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No byte has come.
    Empty,
    /// A member has begun and not ended.
    Within,
    /// A member has ended. Another one may begin.
    Ended,
    /// What follows the last member is not another one: it is skipped.
    Skipping,
}

enum Coding {
    Gzip(Decompress),
    /// Absent before the first byte, which shows whether the data has the header of zlib.
    Deflate(Option<Decompress>),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Zstd(ZstdDecoder<'static>),
}

/// How far one step has come.
struct Step {
    read: usize,
    written: usize,
    has_ended: bool,
}

impl Layer {
    fn of(name: &str) -> Option<Self> {
        let coding = match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Coding::Gzip(Decompress::new_gzip(WINDOW_BITS)),
            "deflate" => Coding::Deflate(None),
            "br" => {
                let alloc = StandardAlloc::default;
                Coding::Brotli(Box::new(BrotliState::new(alloc(), alloc(), alloc())))
            }
            "zstd" => Coding::Zstd(ZstdDecoder::new().ok()?),
            _ => return None,
        };
        Some(Self { coding, state: State::Empty, bytes: 0 })
    }

    fn push(
        &mut self,
        mut packed: &[u8],
        limit: usize,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), CodingError>,
    ) -> Result<(), CodingError> {
        let mut part = [0; PART];
        loop {
            self.begin_member(packed);
            if !matches!(self.state, State::Within) {
                return Ok(());
            }
            let step = self.coding.step(packed, &mut part).map_err(CodingError::Damaged)?;
            packed = &packed[step.read..];
            self.bytes += step.written;
            if self.bytes > limit {
                return Err(CodingError::TooLong(limit));
            }
            sink(&part[..step.written])?;
            if step.has_ended {
                self.state = State::Ended;
            } else if step.written < PART && (packed.is_empty() || step.read == 0) {
                return Ok(());
            }
        }
    }

    /// Begins the next member if `packed` has the first byte of one.
    fn begin_member(&mut self, packed: &[u8]) {
        let Some(first) = packed.first() else { return };
        self.state = match self.state {
            State::Empty => State::Within,
            State::Ended if self.coding.restart(*first) => State::Within,
            State::Ended => State::Skipping,
            state => state,
        };
    }
}

impl Coding {
    /// Gets ready for another member, if `first` can begin one. Brotli and zlib have only one.
    fn restart(&mut self, first: u8) -> bool {
        match self {
            Self::Gzip(decoder) if first == 0x1f => {
                *decoder = Decompress::new_gzip(WINDOW_BITS);
                true
            }
            // A frame, or a frame to skip (RFC 8878). The decoder begins it by itself.
            Self::Zstd(_) => matches!(first, 0x28 | 0x50..=0x5f),
            _ => false,
        }
    }

    fn step(&mut self, packed: &[u8], part: &mut [u8]) -> Result<Step, String> {
        match self {
            Self::Gzip(decoder) => inflate(decoder, packed, part),
            Self::Deflate(decoder) => {
                let has_header = packed.first().is_some_and(|first| first & 0x0f == 8);
                inflate(decoder.get_or_insert_with(|| Decompress::new(has_header)), packed, part)
            }
            Self::Brotli(state) => unbrotli(state, packed, part),
            Self::Zstd(decoder) => {
                let status = decoder.run_on_buffers(packed, part).map_err(|error| error.to_string())?;
                let (read, written) = (status.bytes_read, status.bytes_written);
                Ok(Step { read, written, has_ended: status.remaining == 0 })
            }
        }
    }
}

fn inflate(decoder: &mut Decompress, packed: &[u8], part: &mut [u8]) -> Result<Step, String> {
    let (read, written) = (decoder.total_in(), decoder.total_out());
    let status =
        decoder.decompress(packed, part, FlushDecompress::None).map_err(|error| error.to_string())?;
    // Both are at most the lengths of the buffers.
    let since = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
    Ok(Step {
        read: since(decoder.total_in(), read),
        written: since(decoder.total_out(), written),
        has_ended: status == Status::StreamEnd,
    })
}

fn unbrotli(
    state: &mut BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    packed: &[u8],
    part: &mut [u8],
) -> Result<Step, String> {
    let (mut unread, mut read, mut space, mut written, mut total) = (packed.len(), 0, part.len(), 0, 0);
    let result = BrotliDecompressStream(
        &mut unread,
        &mut read,
        packed,
        &mut space,
        &mut written,
        part,
        &mut total,
        state,
    );
    match result {
        BrotliResult::ResultFailure => Err("it is not valid Brotli".to_owned()),
        result => Ok(Step { read, written, has_ended: matches!(result, BrotliResult::ResultSuccess) }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn packed(coding: &str, bytes: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::best();
        match coding {
            "gzip" => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            "deflate" => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            "raw deflate" => {
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            "br" => {
                let mut encoder = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 9, 22);
                encoder.write_all(bytes).unwrap();
                encoder.into_inner()
            }
            _ => zstd::encode_all(bytes, 3).unwrap(),
        }
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let value = |value: &&str| (CONTENT_ENCODING, HeaderValue::from_str(value).unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in values.iter().map(value) {
            headers.append(name, value);
        }
        headers
    }

    /// What a body is unpacked to, if it arrives in pieces of this size.
    fn unpacked(codings: &[&str], body: &[u8], piece: usize) -> Result<Vec<u8>, CodingError> {
        let mut unpacker = Unpacker::new(&headers(codings), LIMIT)?;
        let mut found = Vec::new();
        for piece in body.chunks(piece) {
            unpacker.push(piece, &mut |part| found.extend_from_slice(part))?;
        }
        unpacker.finish()?;
        Ok(found)
    }

    #[test]
    fn every_member_and_every_layer_is_unpacked_however_the_body_is_split() {
        let text: Vec<u8> = (0..60_000_u32).flat_map(|i| (i % 977).to_string().into_bytes()).collect();
        let (first, second) = text.split_at(70_001);
        let members = |coding| [packed(coding, first), packed(coding, second)].concat();
        let padded = [packed("gzip", &text), vec![0; 512]].concat();
        let cases = [
            (vec![], text.clone()),
            (vec!["", "identity"], text.clone()),
            (vec!["gzip"], members("gzip")),
            (vec!["X-GZip"], padded),
            (vec!["GZIP"], packed("gzip", &text)),
            (vec!["identity, gzip,"], packed("gzip", &text)),
            (vec!["deflate"], packed("deflate", &text)),
            (vec!["deflate"], packed("raw deflate", &text)),
            (vec!["br"], packed("br", &text)),
            (vec!["zstd"], members("zstd")),
            (vec!["gzip, br"], packed("br", &members("gzip"))),
            (vec!["deflate", "zstd , gzip"], packed("gzip", &packed("zstd", &packed("deflate", &text)))),
        ];
        for (codings, body) in cases {
            for piece in [1, 7, 4_096, usize::MAX] {
                assert!(unpacked(&codings, &body, piece).unwrap() == text, "{codings:?} by {piece}");
            }
        }
        assert!(unpacked(&["gzip"], &[], 1).unwrap().is_empty(), "a reply without a body");
    }

    #[test]
    fn a_body_that_ends_too_soon_is_not_in_its_coding_or_is_too_long_is_refused() {
        let text = b"Each of the four codings has an end that can be missing.";
        for coding in ["gzip", "deflate", "br", "zstd"] {
            let whole = packed(coding, text);
            for length in 1..whole.len() {
                let cut = unpacked(&[coding], &whole[..length], usize::MAX);
                assert!(matches!(cut, Err(CodingError::Damaged(_))), "{coding} at {length}: {cut:?}");
            }
            assert!(matches!(unpacked(&[coding], text, 5), Err(CodingError::Damaged(_))), "{coding}");
            let bomb = packed(coding, &vec![b' '; LIMIT + 1]);
            assert_eq!(
                unpacked(&[coding], &bomb, 1_000).unwrap_err(),
                CodingError::TooLong(LIMIT),
                "{coding}"
            );
            let hidden = packed("gzip", &packed(coding, &vec![b' '; 40 * LIMIT]));
            assert_eq!(unpacked(&[coding, "gzip"], &hidden, 99).unwrap_err(), CodingError::TooLong(LIMIT));
        }
        assert_eq!(unpacked(&[], &vec![b' '; LIMIT + 1], 4_096).unwrap_err(), CodingError::TooLong(LIMIT));
        let second = [packed("gzip", text), packed("gzip", text)].concat();
        assert!(unpacked(&["gzip"], &second[..second.len() - 1], 9).is_err(), "a second member that is cut");
    }

    #[test]
    fn codings_that_are_unknown_or_too_many_are_named() {
        for codings in ["compress", "gzip, compress", "gzip;q=1", "gzip, gzip, gzip, gzip, gzip, gzip"] {
            let error = unpacked(&[codings], b"", 1).unwrap_err();
            assert_eq!(error, CodingError::Unknown(codings.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn a_damaged_body_is_unpacked_or_refused_and_nothing_panics(
            coding in prop::sample::select(&["gzip", "deflate", "raw deflate", "br", "zstd"][..]),
            text in prop::collection::vec(0..4_u8, 0..5_000),
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            piece in 1..700_usize,
        ) {
            let mut body = packed(coding, &text);
            for (at, byte) in flips {
                let at = at.index(body.len());
                body[at] = byte;
            }
            let _ = unpacked(&[coding.trim_start_matches("raw ")], &body, piece);
        }
    }
}
