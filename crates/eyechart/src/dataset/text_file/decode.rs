//! Text in any encoding, read as UTF-8.

use std::io::{self, BufRead, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding};

const BUFFER_BYTES: usize = 64 << 10;

/// Stands for a sequence that the encoding does not have. UTF-8 has no such byte.
const NO_TEXT: u8 = 0xFF;

/// The text of `source`, decoded while it is read.
pub(super) struct Decoded<R> {
    source: R,
    decoder: Decoder,
    /// Decoded bytes, of which those from `start` to `end` are not consumed yet.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    is_over: bool,
}

impl<R: BufRead> Decoded<R> {
    pub(super) fn new(source: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_without_bom_handling();
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self { source, decoder, buffer, start: 0, end: 0, is_over: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        let available = self.source.fill_buf()?;
        let is_last = available.is_empty();
        // Room for the byte of a sequence that is no text.
        let room = self.buffer.len() - 1;
        let buffer = &mut self.buffer[..room];
        let (result, read, mut written) =
            self.decoder.decode_to_utf8_without_replacement(available, buffer, is_last);
        self.source.consume(read);
        match result {
            DecoderResult::InputEmpty => self.is_over = is_last,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                self.buffer[written] = NO_TEXT;
                written += 1;
            }
        }
        (self.start, self.end) = (0, written);
        Ok(())
    }
}

impl<R: BufRead> BufRead for Decoded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.start == self.end && !self.is_over {
            self.refill()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let count = available.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn decoded(bytes: &[u8], encoding: &'static Encoding) -> Vec<u8> {
        // Three bytes at once, so that characters are split.
        let mut text = Vec::new();
        let source = BufReader::with_capacity(3, bytes);
        Decoded::new(source, encoding).read_to_end(&mut text).unwrap();
        text
    }

    #[test]
    fn characters_split_between_two_reads_are_one() {
        let text = "id,Où est « 𝄞 » ?\r\n";
        let units = || text.encode_utf16();
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decoded(&little, encoding_rs::UTF_16LE), text.as_bytes());
        assert_eq!(decoded(&big, encoding_rs::UTF_16BE), text.as_bytes());
        assert_eq!(decoded(b"L\xE0 \x93x\x94", encoding_rs::WINDOWS_1252), "Là “x”".as_bytes());
    }

    #[test]
    fn what_is_no_text_becomes_a_byte_that_utf_8_does_not_have() {
        assert_eq!(decoded(b"a\0\x00\xD8b\0c", encoding_rs::UTF_16LE), b"a\xFFb\xFF");
        assert_eq!(decoded(b"", encoding_rs::UTF_16LE), b"");
    }
}
