//! Opens files that a user or a row names, but never a pipe, a socket or a device: these may block without an end, or
//! give bytes without an end.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::patiently;

/// Opens a regular file for reading. Links are followed. Waits while the machine has a shortage of open files.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for anything else, with what it is; otherwise the error of the system.
pub fn open_regular(path: impl AsRef<Path>) -> io::Result<File> {
    // Opening a pipe would already wait for its other end.
    refuse_others(&fs::metadata(&path)?)?;
    patiently(|| File::open(&path))
}

/// Opens a regular file for appending, and creates it if it is missing. Waits as [`open_regular`] does.
///
/// # Errors
/// As [`open_regular`].
pub fn append_regular(path: impl AsRef<Path>) -> io::Result<File> {
    match fs::metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        found => refuse_others(&found?)?,
    }
    patiently(|| File::options().create(true).append(true).open(&path))
}

/// The content of a regular file.
///
/// # Errors
/// As [`open_regular`], or the file cannot be read.
pub fn read_regular(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut file = open_regular(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The content of a regular file that is UTF-8.
///
/// # Errors
/// As [`read_regular`], or [`ErrorKind::InvalidData`] for other bytes.
pub fn read_regular_text(path: impl AsRef<Path>) -> io::Result<String> {
    let mut text = String::new();
    open_regular(path)?.read_to_string(&mut text)?;
    Ok(text)
}

fn refuse_others(metadata: &Metadata) -> io::Result<()> {
    let found = match metadata.file_type() {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a folder",
        _ => "a pipe, socket or device",
    };
    Err(io::Error::new(ErrorKind::InvalidInput, format!("expected a file, found {found}")))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_files_and_links_to_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "text").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert_eq!(read_regular(at("link")).unwrap(), b"text");
        assert_eq!(read_regular_text(at("file")).unwrap(), "text");
        let refused = |path: &Path| open_regular(path).unwrap_err().to_string();
        assert_eq!(refused(&at("socket")), "expected a file, found a pipe, socket or device");
        assert_eq!(refused(Path::new("/dev/zero")), "expected a file, found a pipe, socket or device");
        assert_eq!(refused(folder.path()), "expected a file, found a folder");
        assert_eq!(open_regular(at("gone")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
