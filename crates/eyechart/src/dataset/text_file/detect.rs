//! Finds the encoding of a text from its bytes: only where it is certain enough to be right for whole files.

use std::io::{self, BufRead, Read};

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

/// Number of bytes that are looked at for UTF-16 without a byte order mark.
const LOOKED_AT: usize = 4 << 10;

/// Bytes read at once.
const BLOCK: usize = 256 << 10;

/// The encoding that the first bytes of a file show.
#[derive(Debug, PartialEq)]
pub(super) struct Marked {
    /// Absent if the first bytes do not show the encoding.
    pub(super) encoding: Option<&'static Encoding>,
    /// Number of bytes of the byte order mark.
    pub(super) mark: usize,
}

/// The encoding by the byte order mark of a file that begins with `start`, or UTF-16 by its zeros.
pub(super) fn marked_encoding(start: &[u8]) -> Marked {
    match Encoding::for_bom(start) {
        Some((encoding, mark)) => Marked { encoding: Some(encoding), mark },
        None => Marked { encoding: utf16_by_zeros(start), mark: 0 },
    }
}

/// UTF-16 has a zero in every character of ASCII, always on the same side. No other text has zeros. Certain only if most
/// characters are ASCII.
fn utf16_by_zeros(start: &[u8]) -> Option<&'static Encoding> {
    let (pairs, _) = start[..start.len().min(LOOKED_AT)].as_chunks::<2>();
    let zeros = |side: usize| pairs.iter().filter(|pair| pair[side] == 0).count();
    match (zeros(0), zeros(1)) {
        (0, zeros) if zeros > pairs.len() / 2 => Some(UTF_16LE),
        (zeros, 0) if zeros > pairs.len() / 2 => Some(UTF_16BE),
        _ => None,
    }
}

/// The encoding of a text without a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Legacy {
    /// UTF-8, in which single rows may be damaged.
    Utf8,
    Windows1252,
}

/// Reads the text to its end. Nothing if the text is neither UTF-8 nor Western European text in Windows-1252.
///
/// # Errors
/// The text cannot be read.
pub(super) fn legacy_encoding(text: impl BufRead) -> io::Result<Option<Legacy>> {
    let counts = Counts::of(text)?;
    Ok(if counts.invalid <= counts.valid {
        Some(Legacy::Utf8)
    } else if counts.in_runs > counts.invalid / 2 || counts.is_other_alphabet() {
        None
    } else if counts.unused > 0 {
        Some(Legacy::Utf8)
    } else {
        Some(Legacy::Windows1252)
    })
}

/// What a text has outside ASCII.
#[derive(Debug, Default)]
struct Counts {
    /// Characters in UTF-8.
    valid: usize,
    /// Bytes that are not UTF-8.
    invalid: usize,
    /// Those that stand next to another one. In Western European text most letters with an accent stand alone; in Asian
    /// text they do not.
    in_runs: usize,
    /// Those that Windows-1252 leaves unused, or that no word of Western Europe has.
    unused: usize,
    /// Those that are signs in Windows-1252, such as `³`, and stand between two letters.
    signs_in_words: usize,
}

impl Counts {
    /// Whether the bytes are letters of an alphabet that Windows-1252 does not have, such as the Polish `ł`.
    fn is_other_alphabet(&self) -> bool {
        let foreign = self.unused + self.signs_in_words;
        foreign > 1 && foreign < self.invalid && foreign * 20 >= self.invalid || self.signs_in_words > 1
    }

    fn of(mut text: impl BufRead) -> io::Result<Self> {
        let (mut counts, mut block) = (Self::default(), Vec::new());
        loop {
            let before = block.len();
            text.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
            let is_last = block.len() - before < BLOCK;
            // A character that goes on in the next block waits for the rest.
            let whole = if is_last { block.len() } else { block.len() - unfinished(&block) };
            counts.add(&block[..whole]);
            if is_last {
                return Ok(counts);
            }
            block.drain(..whole);
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        if bytes.is_ascii() {
            return;
        }
        let mut was_invalid = false;
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            let valid = chunk.valid();
            self.valid += valid.bytes().filter(|byte| *byte >= 0xC2).count();
            let invalid = chunk.invalid();
            let is_run = invalid.len() > 1 || (was_invalid && valid.is_empty());
            was_invalid = !invalid.is_empty();
            self.invalid += invalid.len();
            self.in_runs += if is_run { invalid.len() } else { 0 };
            self.unused += invalid.iter().filter(|byte| is_unused(**byte)).count();
            let next = chunks.peek().and_then(|next| next.valid().bytes().next());
            let is_in_word = [valid.bytes().next_back(), next]
                .iter()
                .all(|byte| byte.is_some_and(|b| b.is_ascii_alphabetic()));
            self.signs_in_words += usize::from(is_in_word && matches!(invalid, [byte] if is_sign(*byte)));
        }
    }
}

fn is_unused(byte: u8) -> bool {
    matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D | 0xFF)
}

/// Whether the byte is a sign in Windows-1252 that no word has: no apostrophe, no hyphen, no dot.
fn is_sign(byte: u8) -> bool {
    matches!(byte, 0xA1..=0xBF if !matches!(byte, 0xAA | 0xAD | 0xB0 | 0xB4 | 0xB5 | 0xB7 | 0xBA))
}

/// The number of bytes at the end that begin a character without finishing it.
fn unfinished(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    let begun = (0..tail.len()).map(|at| &tail[at..]).find(|rest| rest[0] >= 0xC2);
    begun.map_or(0, |rest| match std::str::from_utf8(rest) {
        Err(error) if error.error_len().is_none() => rest.len(),
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use encoding_rs::UTF_8;

    use super::*;

    fn legacy(text: &[u8]) -> Option<Legacy> {
        legacy_encoding(text).unwrap()
    }

    #[test]
    fn marks_and_zeros_show_the_encoding() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let found = |start: &[u8]| marked_encoding(start);
        assert_eq!(found(b"\xEF\xBB\xBFid"), Marked { encoding: Some(UTF_8), mark: 3 });
        assert_eq!(found(b"\xFF\xFEi\0"), Marked { encoding: Some(UTF_16LE), mark: 2 });
        assert_eq!(found(b"\xFE\xFF\0i"), Marked { encoding: Some(UTF_16BE), mark: 2 });
        let question = utf16("id,question\nOù ?");
        assert_eq!(found(&question).encoding, Some(UTF_16LE));
        let swapped: Vec<u8> = question.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
        assert_eq!(found(&swapped).encoding, Some(UTF_16BE));
        for other in [&b"id,question"[..], b"", b"a\0b,c\nd", b"\0\0\0\0", "Où".as_bytes()] {
            assert_eq!(found(other), Marked { encoding: None, mark: 0 }, "{other:?}");
        }
    }

    #[test]
    fn western_text_that_is_not_utf_8_is_windows_1252() {
        assert_eq!(
            legacy(b"O\xF9 est le ballon ? L\xE0, \x93pr\xE8s\x94 de No\xEBl"),
            Some(Legacy::Windows1252)
        );
        // An accent and a quotation mark that are one character in UTF-8.
        let german = b"Spa\xDF\x93, sch\xF6n, f\xFCr, \xFCber, gr\xFCn, sp\xE4t";
        assert_eq!(legacy(german), Some(Legacy::Windows1252));
        assert_eq!(legacy("Où est le ballon ?".as_bytes()), Some(Legacy::Utf8));
        assert_eq!(legacy(b"plain"), Some(Legacy::Utf8));
    }

    #[test]
    fn damaged_utf_8_stays_utf_8_and_other_encodings_are_not_guessed() {
        assert_eq!(
            legacy("Où, là, déjà \u{4f60} ".bytes().chain([0xE9]).collect::<Vec<_>>().as_slice()),
            Some(Legacy::Utf8)
        );
        assert_eq!(legacy(b"a,\xFF"), Some(Legacy::Utf8), "no letter");
        assert_eq!(legacy(&encoding_rs::GBK.encode("图中有什么颜色的气球").0), None);
        let polish = "Jaki kolor ma piłka? Żółty, biały, błękitny. Ile ząbków widać w kółku?";
        assert_eq!(legacy(&encoding_rs::WINDOWS_1250.encode(polish).0), None);
        let turkish = "Topun rengi nedir? Kırmızı, sarı, açık mavi";
        assert_eq!(
            legacy(&encoding_rs::WINDOWS_1254.encode(turkish).0),
            Some(Legacy::Windows1252),
            "all are letters"
        );
        assert_eq!(legacy(b"5 m\xB2, 3\xB0C, l\xB4eau, col\xB7legi, \xBFqu\xE9?"), Some(Legacy::Windows1252));
    }

    #[test]
    fn a_character_between_two_blocks_is_one() {
        for length in BLOCK - 4..BLOCK + 2 {
            let text = "a".repeat(length) + "€€€";
            let counts = Counts::of(text.as_bytes()).unwrap();
            assert_eq!((counts.valid, counts.invalid), (3, 0), "{length}");
        }
    }
}
