//! Server-sent events (WHATWG HTML, section 9.2.6): bytes in, the data of each event out.

/// The fields that a line of a stream begins with. A line that begins with a colon is a comment.
const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
/// The length of the longest field.
const LONGEST_FIELD: usize = 6;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether `start`, the first bytes of a response, begin a stream of events; absent while too few bytes are known.
pub(super) fn is_event_stream(start: &[u8]) -> Option<bool> {
    let start = without_blanks(start);
    if FIELDS.iter().any(|field| start.starts_with(field)) {
        return Some(true);
    }
    (start.len() >= LONGEST_FIELD).then_some(false)
}

/// `start` without a byte order mark and white space before the first field.
pub(super) fn without_blanks(start: &[u8]) -> &[u8] {
    without_mark(start).trim_ascii_start()
}

pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

/// Finds the events in the bytes of a stream. Lines end with LF, CR or CRLF; an event ends at an empty line.
#[derive(Debug, Default)]
pub(super) struct EventStream {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The data lines of the event that has not ended yet, joined by LF.
    data: Vec<u8>,
    /// Whether the last byte was a CR: an LF after it ends no other line.
    ends_with_cr: bool,
    /// Whether any line has ended.
    has_begun: bool,
}

impl EventStream {
    /// Takes the next bytes, and calls `on_event` with the data of each event that they complete.
    pub(super) fn push(&mut self, bytes: &[u8], mut on_event: impl FnMut(&[u8])) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let is_rest_of_crlf = self.ends_with_cr && end == 0 && rest[0] == b'\n' && self.line.is_empty();
            self.line.extend_from_slice(&rest[..end]);
            self.ends_with_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if !is_rest_of_crlf {
                self.end_line(&mut on_event);
            }
        }
        if !rest.is_empty() {
            self.ends_with_cr = false;
            self.line.extend_from_slice(rest);
        }
    }

    /// Ends the stream. Servers leave out the end of the last line or event.
    pub(super) fn finish(&mut self, mut on_event: impl FnMut(&[u8])) {
        self.end_line(&mut on_event);
        self.end_event(&mut on_event);
    }

    fn end_line(&mut self, on_event: &mut impl FnMut(&[u8])) {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !self.has_begun {
            line = without_mark(line);
            self.has_begun = true;
        }
        if line.is_empty() {
            self.end_event(on_event);
        } else if let Some(data) = line.strip_prefix(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(data.trim_ascii());
        }
    }

    fn end_event(&mut self, on_event: &mut impl FnMut(&[u8])) {
        let data = std::mem::take(&mut self.data);
        if !data.is_empty() {
            on_event(&data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<String> {
        let (mut stream, mut events) = (EventStream::default(), Vec::new());
        let mut on_event = |data: &[u8]| events.push(String::from_utf8(data.to_vec()).unwrap());
        pieces.iter().for_each(|piece| stream.push(piece, &mut on_event));
        stream.finish(&mut on_event);
        events
    }

    #[test]
    fn an_event_has_all_its_data_lines_whichever_way_lines_end() {
        for end in ["\n", "\r", "\r\n"] {
            let lines =
                ["\u{feff}: a comment", "data: {", "data:}", "event: x", "", "id: 3", "", "data: ü", ""];
            let text = lines.join(end);
            assert_eq!(events(&[text.as_bytes()]), ["{\n}", "ü"], "{end:?}");
        }
    }

    #[test]
    fn it_does_not_matter_where_the_network_splits_the_bytes() {
        let text = "data: Grüße\r\n\r\ndata: a\r\rdata: b\n\ndata: 猫";
        let expected = ["Grüße", "a", "b", "猫"];
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(events(&bytes), expected);
        for split in 0..text.len() {
            let (first, second) = text.as_bytes().split_at(split);
            assert_eq!(events(&[first, second]), expected, "split at {split}");
        }
    }

    #[test]
    fn a_stream_is_recognised_by_its_first_field_only() {
        for (start, expected) in [
            ("data: x", Some(true)),
            (" \n: ping", Some(true)),
            ("\u{feff}event:", Some(true)),
            ("{\"data:\"", Some(false)),
            ("data-x", Some(false)),
            ("dat", None),
            ("", None),
        ] {
            assert_eq!(is_event_stream(start.as_bytes()), expected, "{start:?}");
        }
    }
}
