//! Addresses of the web.

use std::borrow::Cow;

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
    let Some((scheme, rest)) = split_scheme(address) else { return address.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    // A `/` in a password ends what a reader of addresses takes for the host and the port.
    let has_port = authority
        .rsplit_once(':')
        .is_none_or(|(_, port)| port.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit()));
    let credentials = if authority.contains('@') || has_port { authority } else { rest };
    match credentials.rfind('@') {
        Some(at) => format!("{scheme}…{}", &rest[at..]),
        None => address.to_owned(),
    }
}

/// The text of a user who may have meant an address, without the part that may be a password.
#[must_use]
pub fn shown_mistyped_address(text: &str) -> String {
    let (scheme, rest) = split_scheme(text).unwrap_or(("", text));
    match rest.rfind('@') {
        Some(at) => format!("{scheme}…{}", without_query_values(&rest[at..])),
        None => without_query_values(text),
    }
}

/// The text with [`shown_address`] applied to each address in it.
#[must_use]
pub fn with_shown_addresses(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split_inclusive(char::is_whitespace).map(shown_address).collect())
}

/// The address with `…` in place of the values in its query, which may be secrets.
#[must_use]
pub fn without_query_values(address: &str) -> String {
    let Some((before, query)) = address.split_once('?') else { return address.to_owned() };
    let shown = |pair: &str| match pair.split_once('=') {
        Some((name, _)) => format!("{name}=…"),
        None => "…".to_owned(),
    };
    format!("{before}?{}", query.split('&').map(shown).collect::<Vec<_>>().join("&"))
}

/// The scheme with the slashes behind it, of which an address with a mistake has another number, and the rest of the address.
fn split_scheme(address: &str) -> Option<(&str, &str)> {
    let web = || {
        let lower = address.to_ascii_lowercase();
        let end = ["https:", "http:"].iter().find_map(|scheme| Some(lower.find(scheme)? + scheme.len()))?;
        Some(address.len() - address[end..].trim_start_matches('/').len())
    };
    let end = web().or_else(|| Some(address.find("://")? + "://".len()))?;
    Some(address.split_at(end))
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

    #[test]
    fn a_password_is_left_out_of_an_address_with_mistakes() {
        for (given, shown) in [
            ("https://me:pa/ss@a.example/v1", "https://…@a.example/v1"),
            ("https://me:p?a#ss@a.example/v1", "https://…@a.example/v1"),
            ("https:/me:pass@a.example/v1", "https:/…@a.example/v1"),
            ("http:me:pass@a.example/v1", "http:…@a.example/v1"),
            ("HTTPS:///me:pass@a.example", "HTTPS:///…@a.example"),
            ("socks5://me:pass@a.example:1080", "socks5://…@a.example:1080"),
            ("https://[::1]:80/a@b", "https://[::1]:80/a@b"),
        ] {
            assert_eq!(shown_address(given), shown);
            assert_eq!(with_shown_addresses(&format!("no {given} here")), format!("no {shown} here"));
        }
        assert_eq!(shown_mistyped_address("me:pass@a.example/v1?key=s"), "…@a.example/v1?key=…");
        assert_eq!(shown_mistyped_address("ttps//me:pa ss@a.example"), "…@a.example");
    }

    #[test]
    fn values_of_a_query_are_left_out() {
        assert_eq!(without_query_values("/login?k=s3cret&b=&s3cret"), "/login?k=…&b=…&…");
        assert_eq!(without_query_values("https://a.example/b"), "https://a.example/b");
    }
}
