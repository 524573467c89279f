//! A cache of its own and a dataset on the Hub of this machine.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use eyechart::hub::{Environment, Hub, HubError, Repository, Settings, Snapshot};
use eyechart::types::Progress;
use tempfile::TempDir;

use super::hub_server::{Asked, HubServer, Repo};

/// A cache of its own.
pub struct Cache(pub TempDir);

impl Cache {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn env(&self, server: &HubServer) -> Environment {
        Environment {
            hf_hub_cache: Some(self.0.path().to_owned()),
            hf_home: Some(self.0.path().to_owned()),
            hf_endpoint: Some(server.url()),
            ..Environment::default()
        }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub fn hub(&self, server: &HubServer) -> Hub {
        Hub::with_settings(&self.env(server), hasty()).unwrap()
    }

    pub fn offline(&self, server: &HubServer) -> Hub {
        let env = Environment { hf_hub_offline: true, ..self.env(server) };
        Hub::with_settings(&env, hasty()).unwrap()
    }

    pub fn charts(&self, server: &HubServer) -> Snapshot {
        self.hub(server).snapshot(&charts()).unwrap()
    }

    /// Everything below the folder of the dataset, files and links.
    pub fn entries(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path("datasets--them--charts").join(folder)).into_iter().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Retries at once.
pub fn hasty() -> Settings {
    Settings { attempts: 4, first_wait: Duration::from_millis(1), ..Settings::default() }
}

pub fn charts() -> Repository {
    Repository::dataset("them/charts")
}

pub const LARGE: usize = 300_000;

/// Bytes of which no part looks like another.
pub fn large() -> Vec<u8> {
    (0..LARGE).map(|index| (index ^ (index >> 8).wrapping_mul(31)) as u8).collect()
}

pub fn repo() -> Repo {
    Repo::dataset("them/charts")
        .file("README.md", "# Charts\n")
        .file("data/test.jsonl", "{\"id\": 1}\n")
        .large("images.tgz", large())
        .file("empty.txt", "")
        .large("data/50% of it.parquet", "PAR1")
}

pub fn server() -> HubServer {
    HubServer::start([repo()])
}

pub struct Quiet;

impl Progress for Quiet {
    fn announce(&self, _: &str) {}
    fn bytes(&self, _: u64, _: Option<u64>) {}
}

pub fn heads(asked: &[Asked]) -> usize {
    asked.iter().filter(|asked| asked.method == "HEAD").count()
}

pub fn get(snapshot: &Snapshot, path: &str) -> Result<Vec<u8>, HubError> {
    let files = snapshot.get(&[path.to_owned()], &Quiet)?;
    Ok(fs::read(&files[0]).unwrap())
}
