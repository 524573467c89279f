//! Decompresses a gzip stream while it is read, from its start or from a checkpoint.
//!
//! Several gzip members in sequence are one stream (RFC 1952). Does not know tar.

use crc32fast::Hasher;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
};
use miniz_oxide::inflate::core::{BlockBoundaryState, DecompressorOxide, decompress};

use super::checkpoint::{Checkpoint, Checkpoints, WINDOW};
use super::stream::{ByteStream, Input, StreamError};

/// Size of the ring buffer for the decompressor's output; it must be a power of two.
const RING: usize = 256 << 10;

/// A member of the archive may always expand to this size …
const BOMB_BYTES: u64 = 1 << 30;

/// … and to more only up to this ratio of output to input. Deflate reaches 1,032; pictures and text stay below 20.
const BOMB_RATIO: u64 = 200;

pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Flags in a gzip header, each for a field that follows.
const HEADER_CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

/// The next element of the input.
enum Phase {
    Header,
    Blocks,
    Trailer,
    End,
}

/// A source that is decompressed.
pub(super) struct Gzip<'a> {
    input: Input<'a>,
    checkpoints: Checkpoints,
    phase: Phase,
    inflater: Box<DecompressorOxide>,
    ring: Box<[u8]>,
    /// The part of the ring that is decompressed and not consumed yet.
    start: usize,
    end: usize,
    /// Offset of the next byte to be consumed, in the output.
    position: u64,
    /// Over the output of the current gzip member.
    member_crc: Hasher,
    member_bytes: u64,
    /// The start of the archive's member in the output and in the input.
    begun: (u64, u64),
}

impl<'a> Gzip<'a> {
    pub(super) fn new(input: Input<'a>, checkpoints: Checkpoints) -> Self {
        Self {
            input,
            checkpoints,
            phase: Phase::Header,
            inflater: Box::default(),
            ring: vec![0; RING].into_boxed_slice(),
            start: 0,
            end: 0,
            position: 0,
            member_crc: Hasher::new(),
            member_bytes: 0,
            begun: (0, 0),
        }
    }

    /// Offset of the next byte to be decompressed, in the output.
    fn inflated(&self) -> u64 {
        self.position + (self.end - self.start) as u64
    }

    fn advance(&mut self) -> Result<(), StreamError> {
        match self.phase {
            Phase::Header => self.read_header(),
            Phase::Blocks => self.inflate(),
            Phase::Trailer => self.read_trailer(),
            Phase::End => Ok(()),
        }
    }

    fn read_header(&mut self) -> Result<(), StreamError> {
        let start = self.input.position();
        (self.member_crc, self.member_bytes) = (Hasher::new(), 0);
        self.keep_checkpoint(None)?;
        let fixed = self.input.take(10)?;
        if start > 0 && !fixed.starts_with(&MAGIC) {
            // Padding after the last member, which gzip ignores too.
            self.phase = Phase::End;
            return Ok(());
        }
        let &[_, _, method, flags, ..] = fixed.as_slice() else {
            return Err(self.input.truncated("a gzip header"));
        };
        if fixed.len() < 10 {
            return Err(self.input.truncated("a gzip header"));
        }
        if !fixed.starts_with(&MAGIC) || method != 8 {
            return Err(StreamError::Damaged(format!("no gzip header at byte {start}")));
        }
        self.skip_header_fields(flags)?;
        *self.inflater = DecompressorOxide::new();
        self.phase = Phase::Blocks;
        Ok(())
    }

    fn skip_header_fields(&mut self, flags: u8) -> Result<(), StreamError> {
        if flags & EXTRA != 0 {
            let length = [self.header_byte()?, self.header_byte()?];
            for _ in 0..u16::from_le_bytes(length) {
                self.header_byte()?;
            }
        }
        for text in [NAME, COMMENT] {
            while flags & text != 0 && self.header_byte()? != 0 {}
        }
        if flags & HEADER_CHECKSUM != 0 {
            self.header_byte()?;
            self.header_byte()?;
        }
        Ok(())
    }

    fn header_byte(&mut self) -> Result<u8, StreamError> {
        self.input.next_byte()?.ok_or_else(|| self.input.truncated("a gzip header"))
    }

    fn inflate(&mut self) -> Result<(), StreamError> {
        let mut flags = TINFL_FLAG_HAS_MORE_INPUT;
        if self.checkpoints.is_due(self.inflated()) {
            flags |= TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
        }
        let at = self.end % RING;
        let bytes = self.input.fill()?;
        if bytes.is_empty() {
            return Err(self.input.truncated("a gzip stream"));
        }
        let (status, read, written) = decompress(&mut self.inflater, bytes, &mut self.ring, at, flags);
        self.input.consume(read);
        (self.start, self.end) = (at, at + written);
        self.member_crc.update(&self.ring[self.start..self.end]);
        self.member_bytes += written as u64;
        self.refuse_bomb()?;
        match status {
            TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput => Ok(()),
            TINFLStatus::BlockBoundary => {
                let state = self.inflater.block_boundary_state();
                self.keep_checkpoint(state.map(|state| (state.num_bits, state.bit_buf)))
            }
            TINFLStatus::Done => {
                self.phase = Phase::Trailer;
                Ok(())
            }
            _ => Err(StreamError::Damaged(format!(
                "its gzip data is damaged at byte {}",
                self.input.position()
            ))),
        }
    }

    fn refuse_bomb(&self) -> Result<(), StreamError> {
        let (output, input) = (self.inflated() - self.begun.0, self.input.position() - self.begun.1);
        if output <= BOMB_BYTES || output / BOMB_RATIO <= input {
            return Ok(());
        }
        Err(StreamError::Damaged(format!(
            "a member that begins at byte {} of the unpacked archive expands more than {BOMB_RATIO} times, to {} GiB \
             and more: refused as a decompression bomb",
            self.begun.0,
            BOMB_BYTES >> 30
        )))
    }

    fn read_trailer(&mut self) -> Result<(), StreamError> {
        let trailer = self.input.take(8)?;
        let Some((crc, length)) = trailer.split_first_chunk::<4>().filter(|(_, rest)| rest.len() == 4) else {
            return Err(self.input.truncated("a gzip trailer"));
        };
        let right_length = length == &self.member_bytes.to_le_bytes()[..4];
        if u32::from_le_bytes(*crc) != self.member_crc.clone().finalize() || !right_length {
            let at = self.input.position();
            return Err(StreamError::Damaged(format!(
                "the gzip checksum at byte {at} is wrong: its data is damaged"
            )));
        }
        self.phase = if self.input.fill()?.is_empty() { Phase::End } else { Phase::Header };
        Ok(())
    }

    fn keep_checkpoint(&mut self, bits: Option<(u8, u8)>) -> Result<(), StreamError> {
        if !self.checkpoints.is_due(self.inflated()) {
            return Ok(());
        }
        let newer = &self.ring[self.end.saturating_sub(WINDOW)..self.end];
        let older = &self.ring[RING - (WINDOW - newer.len())..];
        self.checkpoints.add(&Checkpoint {
            output: self.inflated(),
            input: self.input.position(),
            member: (self.member_bytes, self.member_crc.clone().finalize()),
            bits,
            window: [older, newer].concat(),
        })
    }

    fn resume(&mut self, checkpoint: &Checkpoint) -> Result<(), StreamError> {
        self.input.seek(checkpoint.input)?;
        self.ring[..WINDOW].copy_from_slice(&checkpoint.window);
        (self.start, self.end, self.position) = (WINDOW, WINDOW, checkpoint.output);
        let (bytes, crc) = checkpoint.member;
        (self.member_crc, self.member_bytes) = (Hasher::new_with_initial_len(crc, bytes), bytes);
        self.phase = match checkpoint.bits {
            Some((num_bits, bit_buf)) => {
                let state = BlockBoundaryState { num_bits, bit_buf, ..BlockBoundaryState::default() };
                *self.inflater = DecompressorOxide::from_block_boundary_state(&state);
                Phase::Blocks
            }
            None => Phase::Header,
        };
        self.member_begins();
        Ok(())
    }

    fn rewind(&mut self) -> Result<(), StreamError> {
        self.input.seek(0)?;
        (self.start, self.end, self.position) = (0, 0, 0);
        self.phase = Phase::Header;
        self.member_begins();
        Ok(())
    }
}

impl ByteStream for Gzip<'_> {
    fn position(&self) -> u64 {
        self.position
    }

    fn fill(&mut self) -> Result<&[u8], StreamError> {
        while self.start == self.end && !matches!(self.phase, Phase::End) {
            self.advance()?;
        }
        Ok(&self.ring[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.position += count as u64;
    }

    /// Going backwards, or past a checkpoint, starts at the nearest checkpoint. Otherwise the bytes in between are
    /// decompressed.
    fn seek(&mut self, offset: u64) -> Result<(), StreamError> {
        let from = if offset < self.position { 0 } else { self.inflated() };
        match self.checkpoints.between(from, offset)? {
            Some(checkpoint) => self.resume(&checkpoint)?,
            None if offset < self.position => self.rewind()?,
            None => {}
        }
        self.skip_to(offset)
    }

    fn member_begins(&mut self) {
        self.begun = (self.position, self.input.position());
    }
}
