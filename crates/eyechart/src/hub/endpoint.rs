//! The addresses of the Hub below `HF_ENDPOINT`. Opens no connection.

use reqwest::Url;

use super::HubError;
use super::repository::{Repository, RepositoryKind};

/// The address of the Hub.
#[derive(Clone)]
pub(super) struct Endpoint(Url);

impl Endpoint {
    pub(super) fn parse(text: &str) -> Result<Self, HubError> {
        let url = Url::parse(text).map_err(|_| HubError::Endpoint)?;
        let usable = url.has_host() && ["http", "https"].contains(&url.scheme());
        usable.then_some(Self(url)).ok_or(HubError::Endpoint)
    }

    /// Host and port, for messages: the address itself may contain a password.
    pub(super) fn host(&self) -> String {
        let port = self.0.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.0.host_str().unwrap_or_default())
    }

    /// The host without its port.
    pub(super) fn name(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Whether `url` is at the host of the Hub, at any port.
    pub(super) fn is_host_of(&self, url: &Url) -> bool {
        url.host() == self.0.host()
    }

    /// Whether the Hub itself serves `url`. Only then may the token be sent.
    pub(super) fn serves(&self, url: &Url) -> bool {
        url.origin() == self.0.origin()
    }

    /// The page of the repository, for people.
    pub(super) fn page(&self, repository: &Repository) -> String {
        let mut page = self.site(repository, &[]);
        // Both fail only for addresses without a host.
        let _ = page.set_username("");
        let _ = page.set_password(None);
        page.to_string()
    }

    /// The API's address of a revision.
    pub(super) fn revision(&self, repository: &Repository) -> Url {
        self.api(repository, &["revision", repository.revision()])
    }

    /// The first page of the list of files of a commit.
    pub(super) fn tree(&self, repository: &Repository, commit: &str) -> Url {
        let mut url = self.api(repository, &["tree", commit]);
        url.set_query(Some("recursive=true"));
        url
    }

    /// The address of a file.
    pub(super) fn resolve(&self, repository: &Repository, commit: &str, path: &str) -> Url {
        let rest: Vec<&str> = ["resolve", commit].into_iter().chain(path.split('/')).collect();
        self.site(repository, &rest)
    }

    fn api(&self, repository: &Repository, rest: &[&str]) -> Url {
        let kind = repository.kind.plural();
        let id = repository.id.split('/');
        self.below(["api", kind].into_iter().chain(id).chain(rest.iter().copied()))
    }

    /// Models are at the root, datasets below `datasets`.
    fn site(&self, repository: &Repository, rest: &[&str]) -> Url {
        let kind = (repository.kind == RepositoryKind::Dataset).then_some(repository.kind.plural());
        let id = repository.id.split('/');
        self.below(kind.into_iter().chain(id).chain(rest.iter().copied()))
    }

    /// Appends segments to the address. A `/` in a segment is escaped.
    fn below<'a>(&self, segments: impl Iterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_hub_even_behind_a_prefix() {
        let hub = Endpoint::parse("https://user:secret@mirror.example:8443/hf/").unwrap();
        let mut dataset = Repository::dataset("them/charts");
        dataset.revision = Some("refs/pr/1".to_owned());
        let base = "https://user:secret@mirror.example:8443/hf";
        let revision = format!("{base}/api/datasets/them/charts/revision/refs%2Fpr%2F1");
        assert_eq!(hub.revision(&dataset).as_str(), revision);
        let file = hub.resolve(&dataset, "abc", "data/50% of it?.csv");
        assert_eq!(
            file.as_str(),
            format!("{base}/datasets/them/charts/resolve/abc/data/50%25%20of%20it%3F.csv")
        );
        let tree = hub.tree(&Repository::model("them/tiny"), "abc");
        assert_eq!(tree.as_str(), format!("{base}/api/models/them/tiny/tree/abc?recursive=true"));
        assert_eq!(hub.page(&dataset), "https://mirror.example:8443/hf/datasets/them/charts");
        assert_eq!(hub.host(), "mirror.example:8443");
    }

    #[test]
    fn only_addresses_of_the_web_are_taken() {
        for text in ["huggingface", "ftp://huggingface.co", "file:///tmp", ""] {
            assert_eq!(Endpoint::parse(text).err(), Some(HubError::Endpoint), "{text}");
        }
    }
}
