//! Data in a single file at an address.

use std::path::Path;

use super::super::data_error::DataError;
use super::super::picture_files::PictureFiles;
use super::{DataAccess, LocatedData};
use crate::dataset::Files;
use crate::engine::block_on;
use crate::types::{DataOrigin, Progress, Task};
use crate::web::{Web, WebFile, WebSettings};

pub(super) fn locate(
    task: &Task,
    url: &str,
    access: &DataAccess,
    progress: &dyn Progress,
) -> Result<LocatedData, DataError> {
    // The check is for pictures, and no picture is fetched here.
    let settings = WebSettings {
        allow_private: access.allow_private_urls,
        ..WebSettings::new(super::own_cache(access)?, |_| Ok(()))
    };
    let web = Web::new(settings)?;
    let file = file(&web, url, &task.dataset.file, access, progress)?;
    let folder = file.path.parent().unwrap_or(Path::new("")).to_owned();
    let pictures =
        PictureFiles::nowhere(format!("the data of {} came from an address, without pictures", task.name));
    let notices =
        file.stale.iter().map(|reason| format!("{reason}; the file fetched earlier is used")).collect();
    let origin = DataOrigin::Url { url: url.to_owned(), sha256: file.sha256 };
    Ok(LocatedData {
        files: Files::local(folder, vec![file.path]),
        origin: Some(origin),
        pictures,
        snapshot: None,
        notices,
    })
}

/// The file of the recorded run if it is resumed, otherwise the current file.
fn file(
    web: &Web,
    url: &str,
    name: &str,
    access: &DataAccess,
    progress: &dyn Progress,
) -> Result<WebFile, DataError> {
    let recorded = match &access.recorded {
        Some(DataOrigin::Url { url: recorded, sha256 }) if recorded == url => Some(sha256.as_str()),
        _ => None,
    };
    let earlier = || web.earlier_file(url, name, recorded);
    if (recorded.is_some() || access.env.hf_hub_offline)
        && let Some(file) = earlier()
    {
        return Ok(file);
    }
    if access.env.hf_hub_offline {
        return Err(DataError::Offline { url: url.to_owned() });
    }
    Ok(block_on(web.file(url, name, progress))??)
}
