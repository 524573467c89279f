//! A header block of a tar archive in the formats of POSIX (ustar, pax) and GNU tar.
//!
//! The `tar` crate is not used: it holds a long name of any length in memory, and cannot continue in the middle of an
//! archive.

pub(super) const BLOCK: usize = 512;

/// The kind of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    File,
    Directory,
    HardLink,
    SymbolicLink,
    Sparse,
    /// A device, a pipe, or an extension of the format.
    Special,
    /// The name of the next header (GNU).
    LongName,
    /// Fields that replace those of the next header (pax).
    Extended,
    /// Headers that can be skipped: fields for all members, the target of a long link, the label of a volume.
    Skipped,
}

/// The fields of a header block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) kind: Type,
    /// Bytes of data that follow, without padding.
    pub(super) size: u64,
}

/// The header in a block of [`BLOCK`] bytes; `None` for a block of zeros, which ends an archive.
pub(super) fn parse(block: &[u8]) -> Result<Option<Header>, &'static str> {
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    if !is_header(block) {
        return Err("its checksum is wrong");
    }
    let size = match block[156] {
        // Links, devices, folders and pipes have no data, even if a writer gave them a size.
        b'1'..=b'6' => 0,
        _ => number(&block[124..136]).ok_or("its size is not a number")?,
    };
    Ok(Some(Header { name: name(block), kind: kind(block[156]), size }))
}

/// Whether the block has a valid checksum: the sum of its bytes, with the bytes of the checksum counted as spaces.
pub(super) fn is_header(block: &[u8]) -> bool {
    let Some(field) = block.get(148..156) else { return false };
    let sum: i64 = block.iter().map(|byte| i64::from(*byte)).sum();
    let signed: i64 = block.iter().map(|byte| i64::from(byte.cast_signed())).sum();
    let own: i64 = field.iter().map(|byte| 32 - i64::from(*byte)).sum();
    let own_signed: i64 = field.iter().map(|byte| 32 - i64::from(byte.cast_signed())).sum();
    let expected = number(field).and_then(|number| i64::try_from(number).ok());
    block.len() == BLOCK
        && expected.is_some_and(|expected| [sum + own, signed + own_signed].contains(&expected))
}

fn kind(flag: u8) -> Type {
    match flag {
        b'0' | b'7' | 0 => Type::File,
        b'1' => Type::HardLink,
        b'2' => Type::SymbolicLink,
        b'5' | b'D' => Type::Directory,
        b'S' => Type::Sparse,
        b'L' => Type::LongName,
        b'x' | b'X' => Type::Extended,
        b'g' | b'K' | b'V' => Type::Skipped,
        _ => Type::Special,
    }
}

fn name(block: &[u8]) -> String {
    let name = text(&block[..100]);
    // In GNU headers, times are in the place of the first part of the path.
    let prefix = if &block[257..263] == b"ustar\0" { text(&block[345..500]) } else { String::new() };
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

/// The bytes before the first NUL as text. Invalid UTF-8 becomes U+FFFD.
pub(super) fn text(field: &[u8]) -> String {
    let field = field.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(field).into_owned()
}

/// A number in octal digits, or in binary if the first bit is set (GNU). An empty field is 0.
fn number(field: &[u8]) -> Option<u64> {
    if let [first, rest @ ..] = field
        && *first >= 0x80
    {
        let start = u64::from(first & 0x3f);
        let negative = first & 0x40 != 0;
        let add = |sum: u64, byte: &u8| sum.checked_mul(256)?.checked_add(u64::from(*byte));
        return rest.iter().try_fold(start, add).filter(|_| !negative);
    }
    let digits = text(field);
    match digits.trim() {
        "" => Some(0),
        digits => u64::from_str_radix(digits, 8).ok(),
    }
}

/// The changes of a pax header to the next header.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) name: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) sparse: bool,
}

/// Reads records of the form `LENGTH KEY=VALUE`. Each ends with a line break that its length includes.
pub(super) fn parse_extended(mut records: &[u8]) -> Result<Changes, &'static str> {
    const WRONG: &str = "its pax fields are malformed";
    let mut changes = Changes::default();
    while !records.iter().all(|byte| *byte == 0) {
        let space = records.iter().position(|byte| *byte == b' ').ok_or(WRONG)?;
        let length = std::str::from_utf8(&records[..space]).ok().and_then(|length| length.parse().ok());
        let length: usize = length.ok_or(WRONG)?;
        let record =
            records.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or(WRONG)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(WRONG)?;
        let (key, value) = (&record[..equals], text(&record[equals + 1..]));
        match key {
            b"path" => changes.name = Some(value),
            b"size" => changes.size = Some(value.parse().map_err(|_| "its pax size is not a number")?),
            key if key.starts_with(b"GNU.sparse.") => changes.sparse = true,
            _ => {}
        }
        records = &records[length..];
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_octal_or_binary_and_nothing_else() {
        assert_eq!(number(b"00000000755\0"), Some(0o755));
        assert_eq!(number(b"    755 \0   "), Some(0o755));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Some(8 << 30));
        assert_eq!(number(&[0xff; 12]), None);
        assert_eq!(number(b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
        assert_eq!(number(b"12x\0"), None);
        assert_eq!(number(b"\0\0\0"), Some(0));
    }

    #[test]
    fn pax_fields_are_read_and_malformed_ones_refused() {
        let fields = parse_extended(b"12 path=\xc3\xa9=\n10 size=9\n13 mtime=1.5\n\0\0").unwrap();
        assert_eq!(fields, Changes { name: Some("é=".to_owned()), size: Some(9), sparse: false });
        for wrong in
            ["path=a\n", "99 path=a\n", "9 path=ab\n", "3 a\n", "0 a=b\n", "2 \n", "7 path\n", "x a=b\n"]
        {
            assert!(parse_extended(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_block_without_the_right_checksum_is_no_header() {
        let mut header = tar::Header::new_gnu();
        header.set_path("a.jpg").unwrap();
        header.set_size(7);
        header.set_cksum();
        let mut block = *header.as_bytes();
        let expected = Header { name: "a.jpg".to_owned(), kind: Type::File, size: 7 };
        assert_eq!(parse(&block).unwrap(), Some(expected));
        block[0] ^= 1;
        assert_eq!(parse(&block), Err("its checksum is wrong"));
        assert_eq!(parse(&[0; BLOCK]).unwrap(), None);
    }
}
