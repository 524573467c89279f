//! The environment variables about caches and downloads, read once. Nothing else reads them.
//!
//! The variables and their defaults are those of Python's `huggingface_hub`.

use crate::files::read_regular_text;
use std::fmt;
use std::path::{Path, PathBuf};

/// The variables that hold a key, or name the file that holds it.
pub const KEY_VARIABLES: [&str; 2] = ["HF_TOKEN", "HF_TOKEN_PATH"];

/// The values of the variables. An empty value counts as absent.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `HF_HOME`
    pub hf_home: Option<PathBuf>,
    /// `HF_HUB_CACHE`
    pub hf_hub_cache: Option<PathBuf>,
    /// `HF_ENDPOINT`
    pub hf_endpoint: Option<String>,
    /// `HF_TOKEN`
    pub hf_token: Option<Token>,
    /// `HF_TOKEN_PATH`
    pub hf_token_path: Option<PathBuf>,
    /// `HF_HUB_OFFLINE`: whether it is 1, true, yes or on.
    pub hf_hub_offline: bool,
    /// `XDG_CACHE_HOME`
    pub xdg_cache_home: Option<PathBuf>,
    /// `HOME`, or `USERPROFILE`, which Windows sets.
    pub home: Option<PathBuf>,
    /// Commands that may be pip, in the order of attempts: a program and its first arguments.
    pub pip_commands: Vec<Vec<String>>,
}

/// A token that debug output never shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token without surrounding white space. `None` if nothing is left.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The token itself, for the `Authorization` header.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn from_process() -> Self {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // What is not UTF-8 is no address and no token: the mistake is reported where the value is used.
        let text = |name| {
            let value = std::env::var_os(name)?.to_string_lossy().into_owned();
            Some(value).filter(|value| !value.trim().is_empty())
        };
        let words = |command: &&str| command.split(' ').map(str::to_owned).collect();
        Self {
            hf_home: path("HF_HOME"),
            hf_hub_cache: path("HF_HUB_CACHE"),
            hf_endpoint: text("HF_ENDPOINT"),
            hf_token: text("HF_TOKEN").as_deref().and_then(Token::new),
            hf_token_path: path("HF_TOKEN_PATH"),
            hf_hub_offline: text("HF_HUB_OFFLINE").is_some_and(|value| is_true(&value)),
            xdg_cache_home: path("XDG_CACHE_HOME"),
            home: path("HOME").or_else(|| path("USERPROFILE")),
            pip_commands: ["pip", "pip3", "python3 -m pip"].iter().map(words).collect(),
        }
    }

    /// The folder of the Hugging Face cache.
    pub(crate) fn hub_cache(&self) -> Option<PathBuf> {
        match &self.hf_hub_cache {
            Some(folder) => Some(self.expanded(folder)),
            None => Some(self.hf_home()?.join("hub")),
        }
    }

    /// eyechart's own cache folder. `None` if neither `XDG_CACHE_HOME` nor `HOME` is set.
    #[must_use]
    pub fn own_cache(&self) -> Option<PathBuf> {
        Some(self.cache_home()?.join("eyechart"))
    }

    /// The address of the Hub, without a `/` at its end.
    pub(crate) fn endpoint(&self) -> &str {
        self.hf_endpoint.as_deref().unwrap_or("https://huggingface.co").trim_end_matches('/')
    }

    /// The token of the Hub: from the variable, or saved by `hf auth login`.
    pub(crate) fn token(&self) -> Option<Token> {
        self.hf_token.clone().or_else(|| {
            let path = match &self.hf_token_path {
                Some(path) => self.expanded(path),
                None => self.hf_home()?.join("token"),
            };
            Token::new(&read_regular_text(path).ok()?)
        })
    }

    fn hf_home(&self) -> Option<PathBuf> {
        match &self.hf_home {
            Some(folder) => Some(self.expanded(folder)),
            None => Some(self.cache_home()?.join("huggingface")),
        }
    }

    fn cache_home(&self) -> Option<PathBuf> {
        match &self.xdg_cache_home {
            Some(folder) => Some(self.expanded(folder)),
            None => Some(self.home.as_ref()?.join(".cache")),
        }
    }

    /// Expands `~/…` as `huggingface_hub` does: no shell expands variables that are set in files.
    fn expanded(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path.to_owned(),
        }
    }
}

fn is_true(value: &str) -> bool {
    ["1", "true", "yes", "on"].contains(&value.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Environment, Token, is_true};

    fn path(text: &str) -> Option<PathBuf> {
        Some(PathBuf::from(text))
    }

    #[test]
    fn caches_are_where_huggingface_hub_has_them() {
        let mut env = Environment { home: path("/h"), ..Environment::default() };
        assert_eq!(env.hub_cache(), path("/h/.cache/huggingface/hub"));
        assert_eq!(env.own_cache(), path("/h/.cache/eyechart"));
        env.xdg_cache_home = path("/x");
        assert_eq!(env.hub_cache(), path("/x/huggingface/hub"));
        assert_eq!(env.own_cache(), path("/x/eyechart"));
        env.hf_home = path("~/hf");
        assert_eq!(env.hub_cache(), path("/h/hf/hub"));
        env.hf_hub_cache = path("/c");
        assert_eq!(env.hub_cache(), path("/c"));
        assert_eq!(Environment::default().own_cache(), None);
    }

    #[test]
    fn a_token_comes_from_the_variable_or_a_file_and_never_shows() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("token"), "from-the-file\n").unwrap();
        let mut env = Environment { hf_home: Some(home.path().to_owned()), ..Environment::default() };
        assert_eq!(env.token().unwrap().reveal(), "from-the-file");
        env.hf_token = Token::new(" from-the-variable ");
        assert_eq!(env.token().unwrap().reveal(), "from-the-variable");
        assert!(!format!("{env:?}").contains("from-the"));
    }

    #[test]
    fn offline_has_four_spellings() {
        assert!(["1", "true", "YES", " on "].into_iter().all(is_true));
        assert!(!["0", "false", "", "2"].into_iter().any(is_true));
    }
}
