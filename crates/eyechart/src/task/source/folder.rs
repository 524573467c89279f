//! Data in a folder of the user. Fetches nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::data_error::DataError;
use super::super::loaded_task::LoadedTask;
use super::super::picture_files::PictureFiles;
use super::{DataAccess, LocatedData};
use crate::dataset::archive::{ArchiveSource, LocalFile};
use crate::dataset::{self, Files};

pub(super) fn locate(
    loaded: &LoadedTask,
    given: Option<&Path>,
    access: &DataAccess,
) -> Result<LocatedData, DataError> {
    let files = find_files(loaded, given)?;
    let first = files.paths.first().map_or(files.folder.as_path(), PathBuf::as_path);
    let base = if first.is_dir() { first } else { first.parent().unwrap_or(Path::new("")) };
    let mut pictures = PictureFiles::in_folder(base.to_owned());
    let mut notices = Vec::new();
    if let Some(pattern) = loaded.task.images.as_ref().and_then(|images| images.archive.as_deref()) {
        match dataset::find_files(&files.folder, pattern) {
            Ok(found) => {
                let archives = found.paths.iter().map(|path| open(path)).collect::<Result<_, _>>()?;
                pictures = pictures.with_archives(archives, super::own_cache(access)?);
            }
            // The archive may be missing if it was unpacked.
            Err(_) => {
                let place = base.display();
                notices.push(format!("there is no archive {pattern}: pictures are read as files in {place}"));
            }
        }
    }
    Ok(LocatedData { files, origin: None, pictures, snapshot: None, notices })
}

fn open(path: &Path) -> Result<Arc<dyn ArchiveSource>, DataError> {
    match LocalFile::open(path) {
        Ok(opened) => Ok(Arc::new(opened)),
        Err(cause) => Err(DataError::Unreadable { path: path.to_owned(), cause }),
    }
}

fn find_files(loaded: &LoadedTask, given: Option<&Path>) -> Result<Files, DataError> {
    let spec = &loaded.task.dataset;
    let origin = spec.origin_in_words();
    let Some(root) = given.or(loaded.folder.as_deref()) else {
        let origin = origin.map(|origin| format!(" ({origin})")).unwrap_or_default();
        let (task, file) = (loaded.task.name.clone(), spec.file.clone());
        return Err(DataError::NotGiven { task, file, origin });
    };
    let below = spec.folder.as_ref().map(|folder| root.join(folder));
    let first =
        if loaded.in_suite { below.clone().unwrap_or_else(|| root.to_owned()) } else { root.to_owned() };
    let cause = match dataset::find_files(&first, &spec.file) {
        Ok(files) => return Ok(files),
        Err(cause) => cause,
    };
    // A single task of a suite, with the data folder of the suite.
    if let Some(Ok(files)) = below.map(|folder| dataset::find_files(&folder, &spec.file)) {
        return Ok(files);
    }
    let fetched =
        if spec.hub.is_some() || spec.url.is_some() { ": without --data it is fetched" } else { "" };
    let origin = origin.map(|origin| format!(" (it comes from {origin}{fetched})")).unwrap_or_default();
    Err(DataError::NotInFolder { cause, origin })
}
