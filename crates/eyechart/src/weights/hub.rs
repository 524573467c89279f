//! Downloads the files from the Hugging Face Hub, or from the mirror that `HF_ENDPOINT` names.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, Response, Url};

use super::Progress;
use super::environment::Environment;
use super::install::Staging;
use super::model::{Expected, Model};

/// Short: behind a firewall the next way should not wait for long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For each read, not for the whole file.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Downloads the files into eyechart's own cache.
pub(super) fn fetch(env: &Environment, model: &Model, progress: &dyn Progress) -> Result<PathBuf, String> {
    if env.hf_hub_offline {
        return Err("HF_HUB_OFFLINE is set".to_owned());
    }
    let staging = Staging::create(env, model)?;
    let source = Source::new(env, model, progress)?;
    // A thread of its own, so that a caller inside a runtime can call this too.
    let download = || std::thread::scope(|scope| scope.spawn(|| source.download_all(&staging)).join());
    download().map_err(|_| "the download panicked".to_owned())??;
    staging.install()
}

struct Source<'a> {
    client: Client,
    base: Url,
    authorization: Option<HeaderValue>,
    model: &'a Model,
    progress: &'a dyn Progress,
}

impl<'a> Source<'a> {
    fn new(env: &Environment, model: &'a Model, progress: &'a dyn Progress) -> Result<Self, String> {
        let address = format!("{}/{}/resolve/main/", env.endpoint(), model.repository);
        let base = Url::parse(&address).ok().filter(Url::has_host);
        let base =
            base.ok_or("HF_ENDPOINT is not an address: expected one such as https://huggingface.co")?;
        let authorization = env.token().map(|token| {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
                .map_err(|_| "the Hub's token has characters that no header can carry")?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        });
        Ok(Self { client: client()?, base, authorization: authorization.transpose()?, model, progress })
    }

    /// Host and port: an address may hold a password, which is nobody's to read.
    fn host(&self) -> String {
        let port = self.base.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.base.host_str().unwrap_or_default())
    }

    fn download_all(&self, staging: &Staging<'_>) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("cannot start a runtime: {error}"))?;
        let done = runtime.block_on(async {
            // The required ones first, so that an endpoint without them is left at once.
            let (required, extra): (Vec<&Expected>, Vec<_>) =
                self.model.files.iter().partition(|file| file.required);
            for file in required.into_iter().chain(extra) {
                self.download(file, staging).await?;
            }
            Ok(())
        });
        // A name look-up that hangs must not hold up the next way.
        runtime.shutdown_background();
        done
    }

    async fn download(&self, file: &Expected, staging: &Staging<'_>) -> Result<(), String> {
        let Some(mut response) = self.request(file).await? else { return Ok(()) };
        let total = response.content_length();
        if total.is_some_and(|total| total > file.max_bytes) {
            return Err(too_large(file));
        }
        self.progress.say(&format!("downloading {} of {} from {}", file.path, self.model.name, self.host()));
        let on_disk = |error: std::io::Error| format!("cannot write {}: {error}", file.path);
        let mut to = staging.file(file).map_err(on_disk)?;
        let mut done = 0;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.reason(file, error))? {
            to.write_all(&chunk).map_err(on_disk)?;
            done += chunk.len() as u64;
            if done > file.max_bytes {
                return Err(too_large(file));
            }
            self.progress.bytes(done, total);
        }
        Ok(())
    }

    /// The response with the file; nothing where there is none and none is needed.
    async fn request(&self, file: &Expected) -> Result<Option<Response>, String> {
        let url = self.base.join(&file.path).map_err(|error| format!("{}: {error}", file.path))?;
        let mut request = self.client.get(url);
        if let Some(value) = &self.authorization {
            // reqwest drops it where a redirect leads to another host or port; a test here holds it to that.
            request = request.header(AUTHORIZATION, value.clone());
        }
        let response = request.send().await.map_err(|error| self.reason(file, error))?;
        match response.status().as_u16() {
            200 => Ok(Some(response)),
            404 if !file.required => Ok(None),
            status => Err(format!("{} answered {status} for {}", self.host(), file.path)),
        }
    }

    /// What went wrong, down to its cause; without the address, which may hold a signature.
    fn reason(&self, file: &Expected, error: reqwest::Error) -> String {
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        format!("cannot fetch {} from {}: {cause}", file.path, self.host())
    }
}

fn too_large(file: &Expected) -> String {
    format!("{} is larger than {} bytes: not the file that was expected", file.path, file.max_bytes)
}

fn client() -> Result<Client, String> {
    // Another part of the process may have done so already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .referer(false)
        .user_agent(concat!("eyechart/", env!("CARGO_PKG_VERSION")));
    builder.build().map_err(|error| format!("cannot make an HTTP client: {error}"))
}
