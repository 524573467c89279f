//! Secret texts, and texts without them. Endpoints quote keys in their errors: whole or in part, in Base64 or hexadecimal, and
//! in the spelling of the format that they write (JSON, an address, a page, or one of these inside another).

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE};

use super::key::{ApiKey, Header};
use crate::text::{HiddenWord, HiddenWords, decoded, hex};

/// The fewest characters of a secret. Hiding shorter header values would garble every text.
const SHORTEST: usize = 6;
/// The fewest characters of a secret that is hidden in answers. A shorter one may be a word, such as `ollama`.
const LONG: usize = 16;
/// The fewest characters of a secret that is cut off: keys of one provider begin in the same way.
const CUT: usize = 8;
/// The fewest characters of any other part of a secret.
const PART: usize = 12;

/// Secret texts, which no file, log or error may show.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    anywhere: HiddenWords,
    in_answers: HiddenWords,
}

impl Secrets {
    /// The key, the values of headers, and `others`, with what they contain, in each encoding.
    pub(super) fn of(
        key: Option<&ApiKey>,
        headers: &[Header],
        others: impl IntoIterator<Item = String>,
    ) -> Self {
        let values = headers.iter().map(|header| header.value.clone());
        let given = key.map(|key| key.secret().to_owned()).into_iter().chain(values).chain(others);
        let secrets: Vec<String> = given
            .flat_map(|value| parts(&value).into_iter().chain([value]).collect::<Vec<_>>())
            .filter(|secret| secret.len() >= SHORTEST)
            .flat_map(|secret| encodings(&secret).into_iter().chain([decoded(&secret), secret]))
            .filter(|secret| secret.len() >= SHORTEST)
            .collect();
        let long = secrets.iter().filter(|secret| secret.len() >= LONG);
        let whole = |text: &String| HiddenWord { text: text.clone(), shortest_part: text.len() };
        let in_answers = HiddenWords::new(long.map(whole), LONG);
        let any = |text: String| HiddenWord { shortest_part: shortest_part(&text), text };
        Self { anywhere: HiddenWords::new(secrets.into_iter().map(any), CUT), in_answers }
    }

    /// `text` with `[key]` in place of each secret and each long part of one.
    pub(super) fn hide(&self, text: String) -> String {
        self.anywhere.replaced(text, "[key]")
    }

    /// `text` with `[key]` in place of each secret that is too long to be a word.
    pub(super) fn hide_long(&self, text: String) -> String {
        self.in_answers.replaced(text, "[key]")
    }
}

/// The fewest characters of a part of `secret` that are hidden. A sentence or an address is hidden as a whole only: other
/// texts have parts of them too.
fn shortest_part(secret: &str) -> usize {
    match secret.contains(char::is_whitespace) || secret.contains("://") {
        true => secret.len(),
        false => PART.min(secret.len() - 2).max(CUT).min(secret.len()),
    }
}

/// The words in the value of a header, what is behind `=` in them (cookies, parameters of a scheme), and the user name with the
/// password, and the password, that a word has in Base64.
fn parts(value: &str) -> Vec<String> {
    let words =
        value.split_whitespace().flat_map(|word| [word.to_owned()].into_iter().chain(credentials(word)));
    let fields = value.split([';', ',']).filter_map(|field| field.trim().split_once('='));
    let fields = fields.map(|(_, value)| value.trim_matches('"').to_owned());
    words.chain(fields).collect()
}

/// The user name with the password, and the password, if `word` has them in Base64.
fn credentials(word: &str) -> Vec<String> {
    let text = STANDARD.decode(word).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let password =
        text.as_ref().and_then(|text| text.split_once(':')).map(|(_, password)| password.to_owned());
    password.into_iter().chain(text).filter(|text| !text.contains(char::is_control)).collect()
}

/// The secret in hexadecimal, and in Base64: by itself, and as any text has it in which it is contained, such as
/// `Bearer SECRET` or `user:SECRET`.
fn encodings(secret: &str) -> Vec<String> {
    let lower = hex(secret.as_bytes());
    let mut found = vec![lower.to_uppercase(), lower];
    for engine in [STANDARD, URL_SAFE] {
        // Without its padding, Base64 is found in both forms.
        found.push(engine.encode(secret).trim_end_matches('=').to_owned());
        found.extend([0, 1, 2].map(|before| within_base64(&engine, secret, before)));
    }
    found
}

/// The characters of Base64 that depend on `secret` only if it comes after this number of bytes. Each has six bits.
fn within_base64(engine: &GeneralPurpose, secret: &str, before: usize) -> String {
    let encoded = engine.encode([&vec![0; before], secret.as_bytes()].concat());
    encoded[(8 * before).div_ceil(6)..8 * (before + secret.len()) / 6].to_owned()
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

    #[test]
    fn a_key_is_hidden_in_whatever_it_is_encoded_with_and_in_each_long_part() {
        const KEY: &str = "sk-live-9f8e7d6c5b4a3210WXYZ";
        let key = ApiKey::check("THE_KEY", Some(KEY.into()), true).unwrap();
        let secrets = Secrets::of(key.as_ref(), &[], []);
        let in_base64 = |text: String| [STANDARD.encode(&text), URL_SAFE.encode(text)];
        let containing =
            ["", "u:", "Bearer ", "user:", "{\"key\": \""].map(|before| format!("{before}{KEY}\"}}"));
        for encoded in containing.into_iter().flat_map(in_base64) {
            let hidden = secrets.hide(format!("got {encoded}"));
            let left = hidden.replace("[key]", " ");
            let longest = left.split(' ').map(str::len).max().unwrap();
            assert!(hidden.contains("[key]") && longest < 16, "{encoded}: {hidden}");
        }
        for encoded in [hex(KEY.as_bytes()), hex(KEY.as_bytes()).to_uppercase()] {
            assert_eq!(secrets.hide(encoded), "[key]");
        }
        for part in [&KEY[1..], &KEY[..KEY.len() - 1], &KEY[5..], &KEY[..12], &KEY[8..20]] {
            assert_eq!(secrets.hide(format!("no such key: **{part}**")), "no such key: **[key]**");
        }
        assert_eq!(secrets.hide("sk-live-… is not WXYZ".to_owned()), "sk-live-… is not WXYZ");
    }

    #[test]
    fn each_cookie_and_each_parameter_of_a_header_is_a_secret() {
        let headers = [
            Header::new("cookie", "session=AbC123dEf456; theme=darkest-of-all"),
            Header::new("authorization", "Digest username=\"me\", response=\"0a1b2c3d4e5f\""),
        ];
        let secrets = Secrets::of(None, &headers, ["https://example.org/of/our-project".to_owned()]);
        for cookie in ["AbC123dEf456", "darkest-of-all", "0a1b2c3d4e5f", "session=AbC123dEf456"] {
            assert_eq!(secrets.hide(format!("bad cookie {cookie}.")), "bad cookie [key].");
        }
        let address = "see https://example.org/of/other-things";
        assert_eq!(secrets.hide(address.to_owned()), address, "not every address is the secret one");
    }
}
