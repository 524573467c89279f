//! Downloads the files from the Hugging Face Hub into the cache that Python shares.

use std::path::PathBuf;

use super::model::Model;
use crate::hub::{Environment, Hub, RemoteFile, Repository};
use crate::types::Progress;

/// Downloads the required files of the model, and the optional ones that the Hub has.
pub(super) fn fetch(env: &Environment, model: &Model, progress: &dyn Progress) -> Result<PathBuf, String> {
    if env.hf_hub_offline {
        return Err("HF_HUB_OFFLINE is set".to_owned());
    }
    let reason = |error: crate::hub::HubError| error.to_string();
    let hub = Hub::new(env).map_err(reason)?;
    let snapshot = hub.snapshot(&Repository::model(&model.repository)).map_err(reason)?;
    let wanted = choose(model, &snapshot.files().map_err(reason)?)?;
    snapshot.get(&wanted, progress).map_err(reason)?;
    let folder = snapshot.folder();
    model.check(&folder).map(|()| folder)
}

/// Selects the files of the model. Fails before the download if one is missing, too large or has another hash.
fn choose(model: &Model, files: &[RemoteFile]) -> Result<Vec<String>, String> {
    let mut wanted = Vec::new();
    for expected in &model.files {
        let path = &expected.path;
        match files.iter().find(|file| file.path == *path) {
            Some(file) if file.size > expected.max_bytes => {
                let most = expected.max_bytes;
                return Err(format!("{path} is larger than {most} bytes: not the file that was expected"));
            }
            Some(file) => {
                if let (Some(found), Some(right)) = (&file.sha256, &expected.sha256)
                    && found != right
                {
                    return Err(format!("{path} has sha256 {found}, expected {right}"));
                }
                wanted.push(path.clone());
            }
            None if expected.required => return Err(format!("{} has no {path}", model.repository)),
            None => {}
        }
    }
    Ok(wanted)
}
