//! Turns a failed request into an error that names the file, the repository, and what to do.

use std::sync::Arc;

use super::HubError;
use super::endpoint::Endpoint;
use super::http::{Failure, Http, Status};
use super::repository::Repository;

/// A repository and the client for it.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) http: Arc<Http>,
    pub(super) repository: Repository,
}

/// What is requested from a repository.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// A revision.
    Revision(&'a str),
    /// The list of the files of a commit.
    Listing(&'a str),
    /// A file: its path and the commit.
    File(&'a str, &'a str),
}

impl Context {
    pub(super) fn endpoint(&self) -> &Endpoint {
        self.http.endpoint()
    }

    pub(super) fn host(&self) -> String {
        self.endpoint().host()
    }

    pub(super) fn explain(&self, failure: Failure, wanted: Wanted<'_>) -> HubError {
        let cause = match failure {
            Failure::Transport(cause) | Failure::Redirect(cause) => cause,
            Failure::Status(status) => return self.refused(&status, wanted),
        };
        let (repository, host) = (self.repository.to_string(), self.host());
        HubError::Unreachable { repository, wanted: wanted.name(), host, cause }
    }

    fn refused(&self, status: &Status, wanted: Wanted<'_>) -> HubError {
        let (repository, host, has_token) = (self.repository.to_string(), self.host(), self.http.has_token());
        if !status.by_hub {
            let host = status.host.clone();
            return HubError::Status { repository, wanted: wanted.name(), host, status: status.code };
        }
        match (status.code, status.error.as_deref(), wanted) {
            (401 | 403, Some("GatedRepo"), _) => {
                HubError::Gated { repository, page: self.endpoint().page(&self.repository), has_token }
            }
            (404, Some("RevisionNotFound"), Wanted::Revision(name) | Wanted::Listing(name)) => {
                HubError::RevisionNotFound { repository, revision: name.to_owned() }
            }
            (404, Some("RevisionNotFound"), Wanted::File(_, commit)) => {
                HubError::RevisionNotFound { repository, revision: commit.to_owned() }
            }
            (404, Some("EntryNotFound") | None, Wanted::File(path, commit)) => {
                HubError::EntryNotFound { repository, path: path.to_owned(), commit: commit.to_owned() }
            }
            (401 | 403, ..) | (404, Some("RepoNotFound" | "RepositoryNotFound") | None, _) => {
                HubError::RepositoryNotFound { repository, host, has_token }
            }
            (status, ..) => HubError::Status { repository, wanted: wanted.name(), host, status },
        }
    }

    pub(super) fn offline(&self, wanted: Wanted<'_>) -> HubError {
        HubError::Offline { repository: self.repository.to_string(), wanted: wanted.name() }
    }

    pub(super) fn protocol(&self, reason: impl Into<String>) -> HubError {
        HubError::Protocol { host: self.host(), reason: reason.into() }
    }
}

impl Wanted<'_> {
    fn name(self) -> String {
        match self {
            Self::Revision(name) => format!("revision {name}"),
            Self::Listing(commit) => format!("list of files at {commit}"),
            Self::File(path, _) => format!("file {path}"),
        }
    }
}
