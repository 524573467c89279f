//! Checks the sizes that the header of a Parquet page announces, before the decoder makes room for them.
//!
//! Reads only the start of the header, which is in Thrift's compact protocol. A header that cannot be read here is left to
//! the decoder, which refuses it.

/// Bytes that any page may unpack to.
const FREE_BYTES: i64 = 64 << 20;

/// Bytes that a page may unpack to for each of its own bytes, beyond [`FREE_BYTES`]. Pictures hardly compress, and pages
/// of texts and numbers have about 1 MiB.
const BYTES_PER_BYTE: i64 = 64;

/// Values in a page. Writers that limit the values of a page stay far below, and others keep to 64 Mi rows in a row group.
const MAX_VALUES: i64 = 64 << 20;

/// Type numbers of Thrift's compact protocol.
const I32: u8 = 5;
const STRUCT: u8 = 12;

/// Refuses a page that announces absurd sizes.
///
/// # Errors
/// The announced size or count, and the limit.
pub(super) fn check_header(bytes: &[u8]) -> Result<(), String> {
    match Announced::read(bytes) {
        Some(announced) => announced.check(),
        None => Ok(()),
    }
}

/// The numbers at the start of a page's header.
#[derive(Default)]
struct Announced {
    unpacked: i64,
    packed: i64,
    values: i64,
}

impl Announced {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut header = Compact(bytes);
        let mut announced = Self::default();
        let mut id = 0;
        loop {
            match header.field(&mut id)? {
                I32 => {
                    let number = header.number()?;
                    match id {
                        2 => announced.unpacked = number,
                        3 => announced.packed = number,
                        _ => {}
                    }
                }
                // The details of the page begin with the number of its values, whatever its kind.
                STRUCT => {
                    let mut inner = 0;
                    if header.field(&mut inner)? == I32 && inner == 1 {
                        announced.values = header.number()?;
                    }
                    return Some(announced);
                }
                _ => return None,
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        let most = FREE_BYTES + BYTES_PER_BYTE.saturating_mul(self.packed.max(0));
        if self.unpacked > most {
            let Self { unpacked, packed, .. } = self;
            return Err(format!(
                "it is damaged: a page of {packed} bytes announces {unpacked} bytes, expected at most {most}"
            ));
        }
        if self.values > MAX_VALUES {
            let values = self.values;
            return Err(format!(
                "it is damaged: a page announces {values} values, expected at most {MAX_VALUES}"
            ));
        }
        Ok(())
    }
}

/// Bytes in Thrift's compact protocol.
struct Compact<'a>(&'a [u8]);

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A number in groups of seven bits, the lowest first. The last bit is the sign.
    fn number(&mut self) -> Option<i64> {
        let mut bits = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            bits |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some((bits >> 1) as i64 ^ -((bits & 1) as i64));
            }
        }
        None
    }

    /// The type of the next field; `id` becomes its number. Fields hold the distance to the number before, or the number.
    fn field(&mut self, id: &mut i64) -> Option<u8> {
        let byte = self.byte()?;
        *id = match byte >> 4 {
            0 => self.number()?,
            distance => *id + i64::from(distance),
        };
        Some(byte & 0x0F)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(mut value: u64) -> Vec<u8> {
        value <<= 1;
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push((value & 0x7F) as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }

    fn header(unpacked: u64, packed: u64, values: u64) -> Vec<u8> {
        let fields: [&[u8]; 9] = [
            &[0x15, 0],
            &[0x15],
            &number(unpacked),
            &[0x05, 6],
            &number(packed),
            &[0x15, 2],
            &[0x1C, 0x15],
            &number(values),
            &[0, 0],
        ];
        fields.concat()
    }

    #[test]
    fn sizes_and_counts_are_refused_when_the_page_cannot_hold_them() {
        assert_eq!(check_header(&header(1 << 20, 1 << 10, 20_000)), Ok(()));
        assert_eq!(check_header(&header(1 << 30, 1 << 30, 1024)), Ok(()), "pictures");
        let bomb = check_header(&header((1 << 31) - 1, 1000, 8)).unwrap_err();
        let expected =
            "it is damaged: a page of 1000 bytes announces 2147483647 bytes, expected at most 67172864";
        assert_eq!(bomb, expected);
        assert!(
            check_header(&header(100, 100, 1 << 30)).unwrap_err().contains("announces 1073741824 values")
        );
    }

    #[test]
    fn any_other_bytes_are_left_to_the_decoder() {
        let whole = header(1 << 20, 1 << 10, 20_000);
        for end in 0..whole.len() {
            assert_eq!(check_header(&whole[..end]), Ok(()));
        }
        for byte in 0..=255 {
            assert_eq!(check_header(&[byte; 300]), Ok(()), "{byte}");
        }
    }
}
