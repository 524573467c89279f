//! Addresses of the web.

/// Whether a text is an `http` or `https` address.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let has_scheme =
        |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    has_scheme("http://") || has_scheme("https://")
}

/// The path in a `file:` address, with its `%XX` decoded; `None` for any other text, and for a file of another host.
#[must_use]
pub(crate) fn file_path(address: &str) -> Option<String> {
    let start = address.get(..5).filter(|start| start.eq_ignore_ascii_case("file:"))?;
    let rest = &address[start.len()..];
    let path = match rest.strip_prefix("//") {
        Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
        None => rest,
    };
    let is_path = !path.is_empty() && (rest == path || path.starts_with('/'));
    is_path.then(|| percent_decoded(path))?
}

fn percent_decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// Replaces the user name and the password of an address with `…`, so that the address can be printed and recorded.
#[must_use]
pub fn shown_address(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://…@{host}{}", &rest[end..]),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_by_its_scheme_in_any_case() {
        for address in ["http://a.example/b.png", "HTTPS://a.example"] {
            assert!(is_address(address), "{address}");
        }
        for path in ["", "images/a.png", "http:/a", "ftp://a.example", "file:///a.png", "hübsch://a"] {
            assert!(!is_address(path), "{path}");
        }
    }

    #[test]
    fn a_file_address_is_its_path() {
        for (address, path) in [
            ("file:///a/b%20c.png", "/a/b c.png"),
            ("FILE://localhost/a.png", "/a.png"),
            ("file:a.png", "a.png"),
            ("file:///100%.png", "/100%.png"),
        ] {
            assert_eq!(file_path(address).as_deref(), Some(path), "{address}");
        }
        for other in ["", "file:", "file://host/a.png", "https://a.example/b.png", "file:///%FF.png", "é"] {
            assert_eq!(file_path(other), None, "{other}");
        }
    }

    #[test]
    fn credentials_are_left_out_and_nothing_else() {
        let shown = shown_address("https://user:p@ss@a.example:8/b@c.png?d=e@f");
        assert_eq!(shown, "https://…@a.example:8/b@c.png?d=e@f");
        for plain in ["https://a.example/b@c.png", "https://a.example?x=@", "images/a@b.png", ""] {
            assert_eq!(shown_address(plain), plain);
        }
    }
}
