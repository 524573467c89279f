//! Names of well-known endpoints: an address, and the variable that holds the key.

use super::protocol::{OPENAI_CHAT, Protocol, without_path};
use crate::text::shown_mistyped_address;

/// A well-known provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// The part of a model's name before the first slash.
    pub name: &'static str,
    /// The address before the path of the protocol.
    pub base_url: &'static str,
    /// The environment variable with the API key.
    pub key_variable: &'static str,
    /// Whether the endpoint refuses requests without a key.
    pub key_required: bool,
}

const fn hosted(name: &'static str, base_url: &'static str, key_variable: &'static str) -> Preset {
    Preset { name, base_url, key_variable, key_required: true }
}

const fn local(name: &'static str, base_url: &'static str, key_variable: &'static str) -> Preset {
    Preset { name, base_url, key_variable, key_required: false }
}

/// All presets, by name.
pub const PRESETS: &[Preset] = &[
    hosted("gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    local("lmstudio", "http://localhost:1234/v1", "LMSTUDIO_API_KEY"),
    hosted("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    local("ollama", "http://localhost:11434/v1", "OLLAMA_API_KEY"),
    hosted("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    hosted("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    hosted("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    hosted("tune", "https://proxy.tune.app", "TUNE_API_KEY"),
    local("vllm", "http://localhost:8000/v1", "VLLM_API_KEY"),
];

/// The variable with the key of a provider that has no preset.
const CUSTOM_KEY_VARIABLE: &str = "EYECHART_API_KEY";

/// The environment variables that a key may be read from.
pub fn key_variables() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|preset| preset.key_variable).chain([CUSTOM_KEY_VARIABLE])
}

/// A model's name, `PROVIDER/NAME`, in its two parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    /// The part before the first slash.
    pub provider: String,
    /// The rest, which may have slashes: the model's name at the endpoint.
    pub model: String,
}

/// Why a model's name or address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelNameError {
    /// There is no slash, or one side of it is empty.
    #[error(
        "the model {:?} is not PROVIDER/NAME: expected something like mistral/pixtral-12b-2409",
        shown_mistyped_address(given)
    )]
    Shape {
        /// The text that was given.
        given: String,
    },
    /// The provider has no preset, and no address was given.
    #[error(
        "no provider {given:?}: expected one of {}, or any name together with an address (--base-url, --embed-base-url)",
        PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>().join(", ")
    )]
    UnknownProvider {
        /// The text that was given.
        given: String,
    },
    /// The address is not an http(s) address.
    #[error(
        "the base URL {:?} is not an address: expected something like http://localhost:8000/v1",
        shown_mistyped_address(given)
    )]
    BaseUrl {
        /// The text that was given.
        given: String,
    },
    /// The address has a part that may hold a secret.
    #[error(
        "the base URL holds {what}: expected scheme, host, path and perhaps ?api-version=…, such as http://localhost:8000/v1; \
         a key goes into its variable or into --header, another parameter into --query KEY=VALUE"
    )]
    BaseUrlHolds {
        /// The part.
        what: &'static str,
    },
}

impl std::str::FromStr for ModelName {
    type Err = ModelNameError;

    /// Splits the text at the first slash.
    fn from_str(given: &str) -> Result<Self, ModelNameError> {
        match given.split_once('/') {
            Some((provider, model)) if !provider.is_empty() && !model.is_empty() => {
                Ok(Self { provider: provider.to_owned(), model: model.to_owned() })
            }
            _ => Err(ModelNameError::Shape { given: given.to_owned() }),
        }
    }
}

impl ModelName {
    /// A model of a provider without a preset.
    #[must_use]
    pub fn custom(model: &str) -> Self {
        Self { provider: "custom".to_owned(), model: model.to_owned() }
    }

    fn preset(&self) -> Option<&'static Preset> {
        PRESETS.iter().find(|preset| preset.name == self.provider)
    }

    /// The base URL: `given`, else the preset's, without a slash at its end and without the path of a protocol.
    ///
    /// # Errors
    /// [`ModelNameError`] if there is neither, or if it is not an http(s) address.
    pub fn base_url(&self, given: Option<&str>) -> Result<String, ModelNameError> {
        let address = match (given, self.preset()) {
            (Some(address), _) => address,
            (None, Some(preset)) => preset.base_url,
            (None, None) => {
                return Err(ModelNameError::UnknownProvider { given: self.provider.clone() });
            }
        };
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let path = without_path(path.trim_end_matches('/'));
        // The address is not quoted: these are the parts where it may hold secrets.
        if address.contains('@') {
            return Err(ModelNameError::BaseUrlHolds { what: "a user name or password" });
        }
        let Ok(url) = reqwest::Url::parse(path) else {
            return Err(ModelNameError::BaseUrl { given: address.to_owned() });
        };
        if address.contains('#') || !query.is_empty() && !is_api_version(query) {
            return Err(ModelNameError::BaseUrlHolds { what: "a query or fragment" });
        }
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(with_query(&with_normal_host(path, &url), query)),
            _ => Err(ModelNameError::BaseUrl { given: address.to_owned() }),
        }
    }

    /// The protocol that the provider speaks.
    #[must_use]
    pub fn protocol(&self) -> &'static dyn Protocol {
        // All presets speak this protocol, and so do most servers at other addresses.
        OPENAI_CHAT
    }

    /// The environment variable with this provider's API key.
    #[must_use]
    pub fn key_variable(&self) -> &'static str {
        self.preset().map_or(CUSTOM_KEY_VARIABLE, |preset| preset.key_variable)
    }

    /// Whether the provider refuses requests without a key. Another address than the preset's may not need one.
    #[must_use]
    pub fn key_required(&self, base_url_given: bool) -> bool {
        !base_url_given && self.preset().is_some_and(|preset| preset.key_required)
    }
}

/// The address at `base_url` that `url_of` makes of it: the query of `base_url` stays at its end.
pub(super) fn url_below(base_url: &str, url_of: impl FnOnce(&str) -> String) -> String {
    let (base_url, query) = base_url.split_once('?').unwrap_or((base_url, ""));
    with_query(&url_of(base_url), query)
}

/// The address with the scheme and the host of `url` in lower case: the same endpoint has one name.
fn with_normal_host(address: &str, url: &reqwest::Url) -> String {
    let Some((_, rest)) = address.split_once("://") else { return address.to_owned() };
    let path = rest.find('/').map_or("", |start| &rest[start..]);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{path}", url.scheme(), url.host_str().unwrap_or_default())
}

fn with_query(address: &str, query: &str) -> String {
    if query.is_empty() { address.to_owned() } else { format!("{address}?{query}") }
}

/// Whether the query is a version of Azure's API, which is recorded: no key has this form.
fn is_api_version(query: &str) -> bool {
    let version = query.strip_prefix("api-version=").filter(|version| version.len() <= 32);
    version.is_some_and(|version| {
        version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_split_at_its_first_slash() {
        let name: ModelName = "tune/mistral/pixtral-12B-2409".parse().unwrap();
        assert_eq!((name.provider.as_str(), name.model.as_str()), ("tune", "mistral/pixtral-12B-2409"));
        for wrong in ["gpt-4o", "/x", "openai/", ""] {
            assert!(wrong.parse::<ModelName>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_address_is_taken_with_or_without_its_tail() {
        let name: ModelName = "custom/m".parse().unwrap();
        for given in
            ["http://h:1/v1", "http://h:1/v1/", "http://h:1/v1/chat/completions", "http://h:1/v1/embeddings"]
        {
            assert_eq!(name.base_url(Some(given)).unwrap(), "http://h:1/v1");
        }
        for given in ["HTTP://h:1/v1", "http://H:1/v1", "Http://H:1/v1/"] {
            assert_eq!(name.base_url(Some(given)).unwrap(), "http://h:1/v1");
        }
        assert_eq!(name.base_url(Some("HTTPS://H:443/V1")).unwrap(), "https://h/V1");
        assert_eq!(name.base_url(Some("http://[::1]:8000")).unwrap(), "http://[::1]:8000");
        assert!(name.base_url(None).unwrap_err().to_string().contains("mistral"));
        assert!(name.base_url(Some("h:1/v1")).is_err());
        let azure = "https://h/openai/deployments/gpt";
        for given in ["", "/", "/chat/completions", "/embeddings"] {
            let given = format!("{azure}{given}?api-version=2024-10-21");
            assert_eq!(name.base_url(Some(&given)).unwrap(), format!("{azure}?api-version=2024-10-21"));
        }
        assert_eq!(url_below("http://h/v1?a=b", |base| format!("{base}/c")), "http://h/v1/c?a=b");
        for secret in [
            "https://user:s3cret@h/v1",
            "http://:s3cret@h/v1",
            "http://user:s3cr/s3cret@h/v1",
            "http:/user:s3cret@h/v1",
            "user:s3cret@h/v1",
            "user:s3cret word@h/v1",
            "http://h/v1?key=s3cret",
            "http://h/v1?s3cret",
            "h/v1?api-version=s3cret",
            "http://h/v1?api-version=2024-10-21&key=s3cret",
            "http://h/#s3cret",
        ] {
            let error = name.base_url(Some(secret)).unwrap_err().to_string();
            assert!(!error.contains("s3cr"), "{error}");
            let error = secret.replace("/", "").parse::<ModelName>().unwrap_err().to_string();
            assert!(!error.contains("s3cret@") && !error.contains("=s3cret"), "{error}");
        }
    }
}
