//! Secret texts, and texts without them. Endpoints quote keys in their errors, in the spelling of the format that they
//! write: JSON, an address, a page, or one of these inside another.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::key::{ApiKey, Header};
use crate::text::{decoded, replaced_in_any_spelling};

/// The fewest characters of a secret. Hiding shorter header values would garble every text.
const SHORTEST: usize = 6;
/// The fewest characters of a secret that is hidden in answers. A shorter one may be a word, such as `ollama`.
const LONG: usize = 16;
/// The fewest characters of a secret that is cut off: keys of one provider begin in the same way.
const CUT: usize = 8;

/// Secret texts, which no file, log or error may show.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// The key, the values of headers, and `others`: whole, word by word, and in Base64.
    pub(super) fn of(
        key: Option<&ApiKey>,
        headers: &[Header],
        others: impl IntoIterator<Item = String>,
    ) -> Self {
        let values = headers.iter().map(|header| header.value.clone());
        let given: Vec<String> =
            key.map(|key| key.secret().to_owned()).into_iter().chain(values).chain(others).collect();
        let words = given.iter().flat_map(|value| value.split_whitespace());
        let parts: Vec<String> =
            words.flat_map(|word| [word.to_owned()].into_iter().chain(credentials(word))).collect();
        let mut secrets: Vec<String> = given
            .into_iter()
            .chain(parts)
            .filter(|secret| secret.len() >= SHORTEST)
            .flat_map(|secret| {
                // Without its padding, Base64 is found in both forms.
                let encoded = [STANDARD.encode(&secret), URL_SAFE.encode(&secret)];
                let encoded = encoded.map(|text| text.trim_end_matches('=').to_owned());
                encoded.into_iter().chain([decoded(&secret), secret])
            })
            .filter(|secret| secret.len() >= SHORTEST)
            .collect();
        secrets.sort_unstable();
        secrets.dedup();
        Self(secrets)
    }

    /// `text` with `[key]` in place of each secret.
    pub(super) fn hide(&self, text: String) -> String {
        self.hide_from(SHORTEST, CUT, text)
    }

    /// `text` with `[key]` in place of each secret that is too long to be a word.
    pub(super) fn hide_long(&self, text: String) -> String {
        self.hide_from(LONG, LONG, text)
    }

    fn hide_from(&self, shortest: usize, cut: usize, text: String) -> String {
        let secrets: Vec<&str> =
            self.0.iter().map(String::as_str).filter(|secret| secret.len() >= shortest).collect();
        if secrets.is_empty() {
            return text;
        }
        replaced_in_any_spelling(text, &secrets, cut, "[key]")
    }
}

/// The user name with the password, and the password, if `word` has them in Base64.
fn credentials(word: &str) -> Vec<String> {
    let text = STANDARD.decode(word).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let password =
        text.as_ref().and_then(|text| text.split_once(':')).map(|(_, password)| password.to_owned());
    password.into_iter().chain(text).filter(|text| !text.contains(char::is_control)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_hidden_as_it_is_as_json_has_it_and_in_base64() {
        let key = ApiKey::check("THE_KEY", Some(r#"sk-"9a\B3/"#.into()), true).unwrap();
        let secrets = Secrets::of(key.as_ref(), &[], []);
        let said = r#"{"error": "no such key: sk-\"9a\\B3\/, or sk-"9a\B3/, or c2stIjlhXEIzLw=="}"#;
        assert_eq!(secrets.hide(said.to_owned()), r#"{"error": "no such key: [key], or [key], or [key]=="}"#);
    }

    #[test]
    fn a_header_is_hidden_word_by_word_and_with_the_password_in_it() {
        let headers = [Header::new("authorization", format!("Basic {}", STANDARD.encode("me:Hidden4321")))];
        let secrets = Secrets::of(None, &headers, ["q=very-secret".to_owned()]);
        for said in ["no user me with Hidden4321", "bWU6SGlkZGVuNDMyMQ==", "?q%3Dvery-secret"] {
            let hidden = secrets.hide(said.to_owned());
            assert!(
                hidden.contains("[key]") && !hidden.contains("4321") && !hidden.contains("very"),
                "{hidden}"
            );
        }
        assert_eq!(secrets.hide_long("the words Hidden4321 stay".to_owned()), "the words Hidden4321 stay");
    }
}
