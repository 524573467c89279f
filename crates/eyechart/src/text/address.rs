//! Addresses of the web.

/// Whether a text is an `http` or `https` address.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let has_scheme =
        |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    has_scheme("http://") || has_scheme("https://")
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
    fn credentials_are_left_out_and_nothing_else() {
        let shown = shown_address("https://user:p@ss@a.example:8/b@c.png?d=e@f");
        assert_eq!(shown, "https://…@a.example:8/b@c.png?d=e@f");
        for plain in ["https://a.example/b@c.png", "https://a.example?x=@", "images/a@b.png", ""] {
            assert_eq!(shown_address(plain), plain);
        }
    }
}
