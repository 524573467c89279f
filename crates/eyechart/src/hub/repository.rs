//! Names on the Hub: repositories, revisions and paths. Each is checked before it becomes part of an address or a local
//! path.

use std::fmt;
use std::path::{Component, Path};

use super::HubError;

/// The revision of a repository without a pinned one.
const DEFAULT_REVISION: &str = "main";

/// The kind of a repository. Each kind has its own addresses and cache folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RepositoryKind {
    /// A dataset.
    Dataset,
    /// A model.
    Model,
}

impl RepositoryKind {
    /// The word in addresses and folder names.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Dataset => "datasets",
            Self::Model => "models",
        }
    }
}

/// A repository at a revision.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repository {
    /// Kind of the repository.
    pub kind: RepositoryKind,
    /// Name, such as `organisation/name`.
    pub id: String,
    /// Branch, tag or commit. Absent for `main`.
    pub revision: Option<String>,
}

impl Repository {
    /// A dataset at `main`.
    #[must_use]
    pub fn dataset(id: impl Into<String>) -> Self {
        Self { kind: RepositoryKind::Dataset, id: id.into(), revision: None }
    }

    /// A model at `main`.
    #[must_use]
    pub fn model(id: impl Into<String>) -> Self {
        Self { kind: RepositoryKind::Model, id: id.into(), revision: None }
    }

    /// The name of the revision.
    pub(super) fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(DEFAULT_REVISION)
    }

    /// The commit, if the revision is a commit.
    pub(super) fn pinned_commit(&self) -> Option<&str> {
        self.revision.as_deref().filter(|revision| is_commit(revision))
    }

    /// Name of the folder in the cache, such as `datasets--organisation--name`.
    pub(super) fn folder_name(&self) -> String {
        format!("{}--{}", self.kind.plural(), self.id.replace('/', "--"))
    }

    /// Checks that both names are valid on the Hub and stay inside the cache as paths.
    pub(super) fn check(&self) -> Result<(), HubError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_name = |name: &str| !name.is_empty() && name.chars().all(allowed) && !name.starts_with('.');
        let segments: Vec<&str> = self.id.split('/').collect();
        if segments.len() > 2 || !segments.into_iter().all(is_name) {
            return Err(HubError::Name {
                given: self.id.clone(),
                expected: "a repository such as organisation/name",
            });
        }
        if !is_relative(self.revision()) {
            let expected = "a revision such as main, a tag or a commit";
            return Err(HubError::Name { given: self.revision().to_owned(), expected });
        }
        Ok(())
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            RepositoryKind::Dataset => "dataset",
            RepositoryKind::Model => "model",
        };
        write!(f, "the {kind} {}", self.id)
    }
}

/// Whether `text` is a full commit hash.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Checks that the path of a file stays inside the repository's folder.
pub(super) fn check_path(path: &str) -> Result<(), HubError> {
    if is_relative(path) {
        return Ok(());
    }
    Err(HubError::Name {
        given: path.to_owned(),
        expected: "a file of the repository such as data/test.jsonl",
    })
}

/// Whether `text` is a relative path with `/` that never leads upwards, on every system.
fn is_relative(text: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.contains(['\\', ':', '\0']);
    text.split('/').all(plain)
        && Path::new(text).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_cache_are_refused() {
        for id in ["", "/", "a/b/c", "..", "../a", "a/..", "a b", "a/b?c", "/etc"] {
            assert!(Repository::dataset(id).check().is_err(), "{id}");
        }
        for revision in ["", "../main", "a//b", "/etc", "a\\b"] {
            let repository = Repository { revision: Some(revision.to_owned()), ..Repository::dataset("a/b") };
            assert!(repository.check().is_err(), "{revision}");
        }
        for path in ["", "/etc/passwd", "a/../../b", "./a", "a/", "c:\\x", "a\\b"] {
            assert!(check_path(path).is_err(), "{path}");
        }
        let pull_request = Repository { revision: Some("refs/pr/1".to_owned()), ..Repository::model("gpt2") };
        assert_eq!(pull_request.check(), Ok(()));
        assert_eq!(check_path("data/a ü+%.parquet"), Ok(()));
    }
}
