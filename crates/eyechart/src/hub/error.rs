//! Errors of the Hub. Each message says what to do. No error contains a token or a signed address.

use crate::files::FileError;

/// The reason why a file of the Hub cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// There is no folder for the cache.
    #[error("no folder for the Hugging Face cache: set HF_HOME or HF_HUB_CACHE to one")]
    NoCache,
    /// `HF_ENDPOINT` is not an address.
    #[error("HF_ENDPOINT is not an address: expected one such as https://huggingface.co")]
    Endpoint,
    /// The token contains characters that cannot be sent.
    #[error("the Hub's token has characters that no header can carry: set HF_TOKEN to one such as hf_…")]
    Token,
    /// The name is not a valid repository, revision or file.
    #[error("{given:?} is not a name on the Hub: expected {expected}")]
    Name {
        /// The name.
        given: String,
        /// The expected form.
        expected: &'static str,
    },
    /// No HTTP client can be made on this machine.
    #[error("cannot make an HTTP client: {0}")]
    Client(String),
    /// It is not in the cache, and `HF_HUB_OFFLINE` forbids requests.
    #[error(
        "the cache has no {wanted} of {repository}, and the Hub is not asked (HF_HUB_OFFLINE): fetch it first"
    )]
    Offline {
        /// Such as `the dataset them/charts`.
        repository: String,
        /// A file's path, or a revision.
        wanted: String,
    },
    /// No complete reply came from the Hub.
    #[error("cannot get {wanted} of {repository} from {host}: {cause}")]
    Unreachable {
        /// Such as `the dataset them/charts`.
        repository: String,
        /// A file's path, or a revision.
        wanted: String,
        /// Host and port.
        host: String,
        /// The reason of the last failure.
        cause: String,
    },
    /// The repository requires a request for access.
    #[error("{repository} is gated: ask for access at {page}{}", .has_token.then_some(
        " with the account of the token that is set (HF_TOKEN): it has none so far"
    ).unwrap_or(", then set HF_TOKEN to a token of the account that has it"))]
    Gated {
        /// Such as `the dataset them/charts`.
        repository: String,
        /// The repository's page.
        page: String,
        /// Whether a token was sent.
        has_token: bool,
    },
    /// The repository does not exist, or is private.
    #[error("{host} has no public repository that is {repository}: check its name{}", .has_token.then_some(
        ", and whether the token that is set (HF_TOKEN) is valid and may read it"
    ).unwrap_or("; if it is private, set HF_TOKEN"))]
    RepositoryNotFound {
        /// Such as `the dataset them/charts`.
        repository: String,
        /// Host and port.
        host: String,
        /// Whether a token was sent.
        has_token: bool,
    },
    /// The repository has no such revision.
    #[error("{repository} has no revision {revision}: expected a branch, a tag or a commit")]
    RevisionNotFound {
        /// Such as `the dataset them/charts`.
        repository: String,
        /// The requested revision.
        revision: String,
    },
    /// The commit has no such file.
    #[error("{repository} has no file {path} at {commit}")]
    EntryNotFound {
        /// Such as `the dataset them/charts`.
        repository: String,
        /// The file.
        path: String,
        /// The commit, or the revision if its commit is unknown.
        commit: String,
    },
    /// An unexpected status.
    #[error("{host} answered {status} for {wanted} of {repository}")]
    Status {
        /// Such as `the dataset them/charts`.
        repository: String,
        /// A file's path, or a revision.
        wanted: String,
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The reply does not follow the Hub's API.
    #[error("{host} does not answer as the Hub does: {reason}; check HF_ENDPOINT")]
    Protocol {
        /// Host and port.
        host: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// The received bytes differ from the Hub's facts.
    #[error(
        "{path} of {repository} is damaged in transfer: its {what} is {found}, expected {expected}; try again later"
    )]
    Damaged {
        /// Such as `the dataset them/charts`.
        repository: String,
        /// The file.
        path: String,
        /// `size`, `etag`, `sha256` or `git hash`.
        what: &'static str,
        /// The value found.
        found: String,
        /// The Hub's value.
        expected: String,
    },
    /// The range is outside of the file.
    #[error("{path} has no bytes {} to {}: expected a range inside its {} bytes", .range.start, .range.end,
        .size.map_or_else(|| "unknown number of".to_owned(), |size| size.to_string()))]
    Range {
        /// The file.
        path: String,
        /// The requested range.
        range: std::ops::Range<u64>,
        /// Size of the file, if known.
        size: Option<u64>,
    },
    /// A file in the cache differs from the Hub's facts.
    #[error("{} is damaged: its {what} is {found}, expected {expected}; delete it, and it is downloaded again", .file.display())]
    Spoiled {
        /// The file in the cache.
        file: std::path::PathBuf,
        /// `size`, `sha256` or `git hash`.
        what: &'static str,
        /// The value found.
        found: String,
        /// The Hub's value.
        expected: String,
    },
    /// Only some of the files of the commit are known.
    #[error(
        "the cache has only some files of {repository}, and the list of all files needs a network: \
             unset HF_HUB_OFFLINE, or fetch the repository with a network first"
    )]
    PartOnly {
        /// Such as `the dataset them/charts`.
        repository: String,
    },
    /// The server ignores ranges and sends only whole files.
    #[error("{host} sends {path} only as a whole, not in ranges: download the whole file")]
    NoRanges {
        /// Host and port.
        host: String,
        /// The file.
        path: String,
    },
    /// The cache cannot be read or written.
    #[error("cannot {action} {path}: {cause}")]
    Cache {
        /// Such as `write`.
        action: &'static str,
        /// The file or folder.
        path: String,
        /// The system's message.
        cause: String,
    },
    /// The download was stopped because another one of the same call failed.
    #[error("the download was stopped because another one failed")]
    Stopped,
}

impl From<FileError> for HubError {
    fn from(FileError { action, path, source }: FileError) -> Self {
        Self::cache(action, &path)(source)
    }
}

impl HubError {
    /// Whether the Hub may not or cannot be asked now, so that the cache is the best source.
    pub(super) fn is_out_of_reach(&self) -> bool {
        match self {
            Self::Offline { .. } | Self::Unreachable { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500..),
            _ => false,
        }
    }

    /// For `map_err`: adds the action and the path to an error.
    pub(super) fn cache(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self::Cache { action, path, cause: error.to_string() }
    }
}
