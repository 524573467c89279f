//! API keys: read from the environment, never shown.

/// The fewest characters of a secret. Hiding shorter header values would garble every text.
const SECRET: usize = 6;

/// The fewest characters of a secret that is hidden in answers. A shorter one may be a word, such as `ollama`.
const LONG: usize = 16;

/// An API key. Its debug form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

/// A header that is sent with every request. Its value may be a secret, so the debug form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// The header's name.
    pub name: String,
    /// The header's value. No file, log or error may show it.
    pub value: String,
}

impl Header {
    /// The header `name` with `value`. Neither is checked here.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: [key]", self.name)
    }
}

/// Secret texts, which no file, log or error may show.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

/// Why an API key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The variable is not set, or it is empty.
    #[error(
        "no API key: the environment variable {variable} is not set; export it, or name a keyless endpoint (--base-url, --embed-base-url)"
    )]
    Missing {
        /// The variable's name.
        variable: String,
    },
    /// The key is a placeholder from documentation.
    #[error(
        "the API key in {variable} is a placeholder, not a key: set it to the key that the provider gave you"
    )]
    Placeholder {
        /// The variable's name.
        variable: String,
    },
    /// The key has characters that an HTTP header cannot carry.
    #[error("the API key in {variable} has a line break or another character that no key has")]
    Unsendable {
        /// The variable's name.
        variable: String,
    },
}

impl ApiKey {
    /// The key in `value`, the content of `variable`. `None` if there is no key and none is required.
    ///
    /// # Errors
    /// [`KeyError`] if the key is missing and `required`, or if it is not a key.
    pub fn check(variable: &str, value: Option<String>, required: bool) -> Result<Option<Self>, KeyError> {
        let variable = || variable.to_owned();
        let key = value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let Some(key) = key else {
            return if required { Err(KeyError::Missing { variable: variable() }) } else { Ok(None) };
        };
        if is_placeholder(&key) {
            return Err(KeyError::Placeholder { variable: variable() });
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(KeyError::Unsendable { variable: variable() });
        }
        Ok(Some(Self(key)))
    }

    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl Secrets {
    /// The key and the values of headers, whole and word by word. The longest comes first, so that no secret is hidden in
    /// part.
    pub(super) fn of(key: Option<&ApiKey>, headers: &[Header]) -> Self {
        let words = |value: &String| value.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let values =
            headers.iter().flat_map(|Header { value, .. }| words(value).into_iter().chain([value.clone()]));
        let all = key.map(|key| key.0.clone()).into_iter().chain(values);
        let mut secrets: Vec<String> = all
            .filter(|secret| secret.len() >= SECRET)
            .flat_map(|secret| [quoted(&secret), secret])
            .collect();
        secrets.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        secrets.dedup();
        Self(secrets)
    }

    /// `text` with `[key]` in place of each secret.
    pub(super) fn hide(&self, text: String) -> String {
        self.0.iter().fold(text, hidden)
    }

    /// `text` with `[key]` in place of each secret that is too long to be a word.
    pub(super) fn hide_long(&self, text: String) -> String {
        self.0.iter().filter(|secret| secret.len() >= LONG).fold(text, hidden)
    }
}

/// The secret as JSON has it: endpoints quote keys in their errors.
fn quoted(secret: &str) -> String {
    let quoted = serde_json::Value::from(secret).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn hidden(text: String, secret: &String) -> String {
    if text.contains(secret) { text.replace(secret, "[key]") } else { text }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey([key])")
    }
}

/// Whether the key is a placeholder from documentation. No real key contains a word such as `your`.
pub(super) fn is_placeholder(key: &str) -> bool {
    let lower = key.to_lowercase();
    let bracketed = [('<', '>'), ('[', ']'), ('{', '}')];
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| matches!(word, "your" | "placeholder" | "example"))
        || lower.starts_with("your")
        || lower.contains("api_key")
        || lower.contains("api-key")
        || lower.contains("apikey")
        || key.ends_with("...")
        || key.ends_with('…')
        || bracketed.iter().any(|(open, close)| key.starts_with(*open) && key.ends_with(*close))
        || key.chars().all(|c| c == 'x' || c == 'X' || c == '*')
        || matches!(lower.as_str(), "changeme" | "change-me" | "todo" | "none" | "null" | "key" | "secret")
        || (lower.starts_with("sk-") && lower[3..].chars().all(|c| "x*-".contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, required: bool) -> Result<Option<ApiKey>, KeyError> {
        ApiKey::check("THE_KEY", Some(value.to_owned()), required)
    }

    #[test]
    fn placeholders_are_refused_and_keys_are_not() {
        for placeholder in [
            "YOUR_API_KEY",
            "<key>",
            "sk-...",
            "sk-xxxx",
            "your-key-here",
            "YOUR_TUNE_API_KEY",
            "xxx",
            "sk-your-key",
            "sk-YOUR_KEY",
            "insert-your-key-here",
        ] {
            assert!(matches!(check(placeholder, true), Err(KeyError::Placeholder { .. })), "{placeholder}");
        }
        for key in ["sk-proj-9aB3", "AIzaSyD-1x", "local", "EMPTY", "dummy", "sk-or-v1-0f"] {
            assert!(check(key, true).unwrap().is_some(), "{key}");
        }
    }

    #[test]
    fn a_missing_key_matters_only_where_one_is_needed() {
        assert!(matches!(check(" ", true), Err(KeyError::Missing { .. })));
        assert_eq!(check("", false), Ok(None));
        assert!(matches!(check("a\nb", false), Err(KeyError::Unsendable { .. })));
    }

    #[test]
    fn a_key_is_hidden_as_it_is_and_as_json_has_it() {
        let key = check(r#"sk-"9a\B3"#, true).unwrap().unwrap();
        let secrets = Secrets::of(Some(&key), &[]);
        let said = r#"{"error": "no such key: sk-\"9a\\B3, or sk-"9a\B3"}"#;
        assert_eq!(secrets.hide(said.to_owned()), r#"{"error": "no such key: [key], or [key]"}"#);
    }

    #[test]
    fn a_key_shows_up_nowhere() {
        let key = check("sk-proj-9aB3", true).unwrap().unwrap();
        assert!(!format!("{key:?}").contains("9aB3"));
    }
}
