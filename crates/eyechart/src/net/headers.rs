//! Headers of replies.

use reqwest::header::{AsHeaderName, HeaderMap, LOCATION};
use reqwest::{Response, Url};

/// The text of a header, if it is there and is plain text.
pub fn header_text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The address that a redirect leads to. `None` for any other reply.
#[must_use]
pub fn redirect_target(response: &Response) -> Option<Url> {
    let location =
        header_text(response.headers(), LOCATION).filter(|_| response.status().is_redirection())?;
    response.url().join(location).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_header_that_is_not_text_is_absent() {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_static("/a"));
        assert_eq!(header_text(&headers, "location"), Some("/a"));
        headers.insert(LOCATION, HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(header_text(&headers, LOCATION), None);
        assert_eq!(header_text(&headers, "etag"), None);
    }
}
