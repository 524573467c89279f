//! API keys: read once from the environment, never shown.

/// A shorter header value is no secret, and hiding it would garble every text.
const SECRET: usize = 6;

/// A secret of fewer characters may be a word (`ollama`), which an answer must keep.
const LONG: usize = 16;

/// A key. Its debug form shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

/// A header that is sent with every request. Its value may be a secret: the debug form shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// As HTTP has it.
    pub name: String,
    /// What no file, log or error may show.
    pub value: String,
}

impl Header {
    /// A header.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: [key]", self.name)
    }
}

/// Texts that no file, log or error may show.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The variable is not set or empty.
    #[error(
        "no API key: the environment variable {variable} is not set; export it, or name a keyless endpoint (--base-url, --embed-base-url)"
    )]
    Missing {
        /// The variable that was looked at.
        variable: String,
    },
    /// A stand-in from somebody's documentation.
    #[error(
        "the API key in {variable} is a placeholder, not a key: set it to the key that the provider gave you"
    )]
    Placeholder {
        /// The variable that holds it.
        variable: String,
    },
    /// Not something an HTTP header can carry.
    #[error("the API key in {variable} has a line break or another character that no key has")]
    Unsendable {
        /// The variable that holds it.
        variable: String,
    },
}

impl ApiKey {
    /// The key that `variable` holds, given as `value`; `None` where there is none and none is needed.
    ///
    /// # Errors
    /// [`KeyError`] where it is missing though `required`, a placeholder, or no header text.
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
    /// The key and the values of headers, whole and word by word, the longest first so that none is hidden in part.
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

    /// `text` with `[key]` for each of them.
    pub(super) fn hide(&self, text: String) -> String {
        self.0.iter().fold(text, hidden)
    }

    /// The same for those alone that are no words of any language.
    pub(super) fn hide_long(&self, text: String) -> String {
        self.0.iter().filter(|secret| secret.len() >= LONG).fold(text, hidden)
    }
}

/// As it stands in JSON, where an endpoint quotes it.
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

/// Whether this is a stand-in from somebody's documentation. A word `your` or the like is in no key.
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
