//! A folder of pictures in the layout of Hugging Face's image folders.
//!
//! With a `metadata.csv` or `metadata.jsonl`, the rows come from that file; otherwise each picture is a row. Pictures
//! are named here but never opened.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::csv::Csv;
use super::folder::{extension, files_below};
use super::jsonl::Jsonl;
use super::rows::{MAX_ROW_BYTES, find_columns, numbered};
use super::{DatasetError, Files, Pick, Reader, Rows, TextOptions};
use crate::files::open_regular;
use crate::types::{BadRow, PICTURE_EXTENSIONS, Row};

/// The columns of a folder without metadata.
const COLUMNS: [&str; 4] = ["file_name", "image", "folder", "text"];

/// The pictures in a folder, without hidden ones. Paths are relative to the folder, with `/` between their parts.
///
/// With metadata, the rows are those of the metadata; if there is no column `image`, it is a copy of `file_name`.
/// Without metadata, rows are sorted by path and have `file_name`, `image` (the same), `folder` (its folder; absent
/// at the top) and, if it is named, `text` (the content of the `.txt` file with the same name; absent without one).
pub(super) struct ImageFolder {
    folder: PathBuf,
    /// The names of all files if only some are on this machine.
    listed: Option<Vec<String>>,
}

impl ImageFolder {
    pub(super) fn new(files: &Files) -> Self {
        let listed = files.listed.as_ref().map(|listed| listed.keys().cloned().collect());
        Self { folder: files.paths.first().unwrap_or(&files.folder).clone(), listed }
    }

    fn metadata(&self) -> Result<Option<Box<dyn Reader>>, DatasetError> {
        let [csv, jsonl] = ["metadata.csv", "metadata.jsonl"].map(|name| self.folder.join(name));
        let files = |path: &PathBuf| Files::local(self.folder.clone(), vec![path.clone()]);
        match (csv.is_file(), jsonl.is_file()) {
            (true, true) => Err(DatasetError::Malformed {
                path: self.folder.clone(),
                format: "image_folder",
                reason: "it has both metadata.csv and metadata.jsonl; leave one".to_owned(),
            }),
            (true, false) => Ok(Some(Box::new(Csv::new(&files(&csv), &TextOptions::default())))),
            (false, true) => Ok(Some(Box::new(Jsonl::new(&files(&jsonl), &TextOptions::default())))),
            (false, false) => Ok(None),
        }
    }

    fn names(&self) -> Result<Vec<String>, DatasetError> {
        self.listed.clone().map_or_else(|| files_below(&self.folder), Ok)
    }

    fn pictures(&self) -> Result<Vec<String>, DatasetError> {
        let mut names = self.names()?;
        names.retain(|name| is_picture(name));
        Ok(names)
    }
}

impl Reader for ImageFolder {
    fn rows(&self, pick: Pick, columns: &[String]) -> Result<Rows, DatasetError> {
        if let Some(metadata) = self.metadata()? {
            return described(metadata.as_ref(), &pick, columns);
        }
        let wanted = find_columns(&self.folder, columns, &COLUMNS.map(str::to_owned))?;
        let with_text = wanted.iter().any(|&column| COLUMNS[column] == "text");
        let folder = self.folder.clone();
        let parse = move |number, name: String| picture_row(&folder, number, &name, with_text);
        Ok(numbered(self.pictures()?.into_iter().map(Ok), pick, parse))
    }

    fn columns(&self) -> Result<Option<Vec<String>>, DatasetError> {
        match self.metadata()? {
            Some(metadata) => metadata.columns(),
            None => Ok(Some(COLUMNS.map(str::to_owned).to_vec())),
        }
    }

    fn known_len(&self) -> Result<Option<u64>, DatasetError> {
        match self.metadata()? {
            Some(_) => Ok(None),
            None => Ok(Some(self.pictures()?.len() as u64)),
        }
    }
}

/// The names of the files in a folder without metadata that are no rows, relative to the folder.
///
/// # Errors
/// [`DatasetError::Io`] if a folder cannot be listed.
pub(crate) fn other_files(files: &Files) -> Result<Vec<String>, DatasetError> {
    let folder = ImageFolder::new(files);
    if folder.metadata()?.is_some() {
        return Ok(Vec::new());
    }
    let mut others = folder.names()?;
    others.retain(|name| !is_picture(name));
    Ok(others)
}

/// The rows of the metadata, each with an `image`.
fn described(metadata: &dyn Reader, pick: &Pick, columns: &[String]) -> Result<Rows, DatasetError> {
    let rows = metadata.rows(pick.clone(), columns).or_else(|error| match error {
        DatasetError::NoColumn { column, .. } if column == "image" => {
            let derived = columns.iter().map(|name| if name == "image" { "file_name" } else { name });
            metadata.rows(pick.clone(), &derived.map(str::to_owned).collect::<Vec<_>>())
        }
        error => Err(error),
    })?;
    Ok(Box::new(rows.map(|row| row.map(|row| row.map(with_image)))))
}

fn with_image(mut row: Row) -> Row {
    if row.get("image").is_none()
        && let Some(name) = row.cells.get("file_name").cloned()
    {
        row.cells.insert("image".to_owned(), name);
    }
    row
}

fn picture_row(folder: &Path, number: u64, name: &str, with_text: bool) -> Result<Row, BadRow> {
    let mut row = Row { number, ..Row::default() };
    row.cells.insert("file_name".to_owned(), name.into());
    row.cells.insert("image".to_owned(), name.into());
    if let Some((parent, _)) = name.rsplit_once('/') {
        row.cells.insert("folder".to_owned(), parent.into());
    }
    let sidecar = folder.join(name).with_extension("txt");
    if with_text && sidecar.is_file() {
        let text = read_text(&sidecar).map_err(|reason| {
            let file = sidecar.to_string_lossy().into_owned();
            BadRow { number, file, line: 1, reason, is_damage: false }
        })?;
        row.cells.insert("text".to_owned(), text.into());
    }
    Ok(row)
}

fn read_text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let text = open_regular(path).map(|file| file.take(MAX_ROW_BYTES as u64 + 1));
    text.and_then(|mut text| text.read_to_end(&mut bytes)).map_err(|error| error.to_string())?;
    if bytes.len() > MAX_ROW_BYTES {
        return Err(format!("the text is longer than {} MiB", MAX_ROW_BYTES >> 20));
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("not UTF-8 from byte {} on", error.utf8_error().valid_up_to() + 1))
}

/// Whether the name has the extension of a picture that can be sent.
#[must_use]
pub(crate) fn is_picture(name: &str) -> bool {
    PICTURE_EXTENSIONS.contains(&extension(name).as_str())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder_with(files: &[(&str, &[u8])]) -> (tempfile::TempDir, ImageFolder) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let reader = ImageFolder { folder: folder.path().to_owned(), listed: None };
        (folder, reader)
    }

    fn read(reader: &ImageFolder, columns: &[&str]) -> Result<Vec<Result<Row, BadRow>>, DatasetError> {
        let columns: Vec<_> = columns.iter().map(|&column| column.to_owned()).collect();
        reader.rows(Pick::Scan, &columns)?.collect()
    }

    fn cells(row: &Result<Row, BadRow>) -> String {
        serde_json::to_string(&row.as_ref().unwrap().cells).unwrap()
    }

    #[test]
    fn without_metadata_every_picture_is_a_row_with_its_folder_and_the_text_beside_it() {
        let (_folder, reader) = folder_with(&[
            ("b.JPG", b""),
            ("cats/a.png", b""),
            ("cats/a.txt", b"A cat.\n"),
            ("cats/old/c.webp", b""),
            ("notes.md", b""),
            (".hidden.png", b""),
            (".git/x.png", b""),
        ]);
        let rows = read(&reader, &["image", "text", "folder"]).unwrap();
        assert_eq!(cells(&rows[0]), r#"{"file_name":"b.JPG","image":"b.JPG"}"#);
        let second = r#"{"file_name":"cats/a.png","image":"cats/a.png","folder":"cats","text":"A cat.\n"}"#;
        assert_eq!(cells(&rows[1]), second);
        assert_eq!(rows[2].as_ref().unwrap().cells["folder"], "cats/old");
        assert_eq!(rows.len(), 3);
        assert_eq!(reader.known_len().unwrap(), Some(3));
        let error = read(&reader, &["caption"]).unwrap_err().to_string();
        assert!(
            error.ends_with("has no column \"caption\"; it has file_name, image, folder, text"),
            "{error}"
        );
    }

    #[test]
    fn with_metadata_the_rows_are_its_rows_and_image_is_the_file_name() {
        let table = b"file_name,instruction\na.png,\"Why,\nthough?\"\nmissing\n";
        let (_folder, reader) = folder_with(&[("metadata.csv", table), ("a.png", b""), ("extra.png", b"")]);
        let rows = read(&reader, &["image", "instruction"]).unwrap();
        let expected = r#"{"file_name":"a.png","instruction":"Why,\nthough?","image":"a.png"}"#;
        assert_eq!(cells(&rows[0]), expected);
        assert_eq!(rows[1].as_ref().unwrap_err().line, 4);
        assert_eq!((rows.len(), reader.known_len().unwrap()), (2, None));
        let error = read(&reader, &["image", "caption"]).unwrap_err().to_string();
        assert!(
            error.ends_with("metadata.csv has no column \"caption\"; it has file_name, instruction"),
            "{error}"
        );

        let (_folder, reader) = folder_with(&[("metadata.jsonl", br#"{"file_name": "x/a.png", "n": 1}"#)]);
        let rows = read(&reader, &["image"]).unwrap();
        assert_eq!(cells(&rows[0]), r#"{"file_name":"x/a.png","n":1,"image":"x/a.png"}"#);
    }

    #[test]
    fn metadata_with_a_column_image_keeps_it() {
        let (_folder, reader) =
            folder_with(&[("metadata.csv", b"image,file_name\nhttps://a.b/c.png,a.png\n")]);
        let rows = read(&reader, &["image"]).unwrap();
        assert_eq!(rows[0].as_ref().unwrap().cells["image"], "https://a.b/c.png");
        let (_folder, reader) = folder_with(&[("metadata.csv", b"caption\nx\n")]);
        let error = read(&reader, &["image"]).unwrap_err().to_string();
        assert!(error.ends_with("has no column \"file_name\"; it has caption"), "{error}");
    }

    #[test]
    fn two_metadata_files_are_an_error() {
        let (_folder, reader) = folder_with(&[("metadata.csv", b"file_name\n"), ("metadata.jsonl", b"")]);
        let error = read(&reader, &[]).unwrap_err().to_string();
        assert!(error.ends_with("it has both metadata.csv and metadata.jsonl; leave one"), "{error}");
    }

    #[test]
    fn text_that_is_not_utf_8_makes_a_bad_row() {
        let (_folder, reader) = folder_with(&[("a.png", b""), ("a.txt", b"caf\xE9"), ("b.png", b"")]);
        let rows = read(&reader, &["text"]).unwrap();
        let bad = rows[0].as_ref().unwrap_err();
        assert!(bad.file.ends_with("a.txt"));
        assert_eq!(bad.reason, "not UTF-8 from byte 4 on");
        assert!(rows[1].is_ok());
        assert!(read(&reader, &["image"]).unwrap()[0].is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_never_in_a_loop() {
        use std::os::unix::fs::symlink;

        let (folder, reader) = folder_with(&[("real/a.png", b"")]);
        symlink(folder.path(), folder.path().join("real/loop")).unwrap();
        symlink(folder.path().join("real/a.png"), folder.path().join("b.png")).unwrap();
        symlink(folder.path().join("gone.png"), folder.path().join("broken.png")).unwrap();
        let names: Vec<_> =
            read(&reader, &[]).unwrap().into_iter().map(|row| row.unwrap().cells["image"].clone()).collect();
        assert_eq!(names, ["b.png", "real/a.png"]);
    }
}
