//! Addresses as people and files may see them.

/// The address without a user name and password, which are nobody's to read.
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
    use super::shown_address;

    #[test]
    fn credentials_are_left_out_and_nothing_else() {
        let shown = shown_address("https://user:p@ss@a.example:8/b@c.png?d=e@f");
        assert_eq!(shown, "https://…@a.example:8/b@c.png?d=e@f");
        for plain in ["https://a.example/b@c.png", "https://a.example?x=@", "images/a@b.png", ""] {
            assert_eq!(shown_address(plain), plain);
        }
    }
}
