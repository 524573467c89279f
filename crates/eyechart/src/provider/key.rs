//! API keys: read from the environment, never shown.

use std::ffi::OsString;

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

/// A parameter of the query of every request. Its value may be a secret, so the debug form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct QueryParameter {
    /// The parameter's name.
    pub name: String,
    /// The parameter's value. No file, log or error may show it.
    pub value: String,
}

impl std::fmt::Debug for QueryParameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=[key]", self.name)
    }
}

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
    pub fn check(variable: &str, value: Option<OsString>, required: bool) -> Result<Option<Self>, KeyError> {
        let variable = || variable.to_owned();
        // What is not UTF-8 is no key: U+FFFD is refused below.
        let key =
            value.map(|value| value.to_string_lossy().trim().to_owned()).filter(|value| !value.is_empty());
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
        ApiKey::check("THE_KEY", Some(value.into()), required)
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
        assert!(matches!(check("a\u{FFFD}b", false), Err(KeyError::Unsendable { .. })));
    }

    #[test]
    fn a_key_shows_up_nowhere() {
        let key = check("sk-proj-9aB3", true).unwrap().unwrap();
        assert!(!format!("{key:?}").contains("9aB3"));
    }
}
