//! Notices of files in a folder of pictures that are not read.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use crate::files::open_regular;
use crate::image::{begins_as_picture, unread_kind};
use crate::text::counted;
use crate::types::PICTURE_FORMATS;

/// Extensions of files that belong to a folder of pictures and are not expected to be samples.
const EXPECTED: [&str; 11] = ["txt", "md", "rst", "yaml", "yml", "toml", "html", "py", "sh", "ini", "cfg"];

/// Bytes at the start of a file that show whether it is a picture.
const LOOKED_AT: u64 = 64;

/// Notices of the files named `others`, relative to `folder`, which are no rows.
pub(super) fn notices(others: &[String], folder: &Path) -> Vec<String> {
    let (mut unread, mut kinds) = (BTreeMap::<_, usize>::new(), BTreeMap::<String, usize>::new());
    let mut notices = Vec::new();
    for name in others {
        let path = Path::new(name);
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if let Some(kind) = unread_kind(&extension) {
            *unread.entry(kind).or_default() += 1;
        } else if is_metadata(name) {
            notices.push(format!(
                "{name} in the folder is not read: expected metadata.csv or metadata.jsonl with the column \"file_name\""
            ));
        } else if extension.is_empty() && has_picture(&folder.join(name)) {
            *kinds.entry("without an extension".to_owned()).or_default() += 1;
        } else if !extension.is_empty() && !EXPECTED.contains(&extension.as_str()) {
            *kinds.entry(extension).or_default() += 1;
        }
    }
    notices.extend(unread.into_iter().map(|((kind, command), count)| {
        let files = counted(count, &format!("{kind} file"));
        format!("{files} in the folder cannot be read and are no samples: convert them, for example with `{command}`")
    }));
    if !kinds.is_empty() {
        let files = counted(kinds.values().sum::<usize>(), "file");
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        notices.push(format!(
            "{files} in the folder not read, because the extension is none of {PICTURE_FORMATS}: {}",
            kinds.join(", ")
        ));
    }
    notices
}

/// Whether the file at the top of the folder is a description of the pictures in a format or spelling that is not read.
fn is_metadata(name: &str) -> bool {
    let lower = name.to_lowercase();
    let extension = lower.strip_prefix("metadata.");
    extension.is_some_and(|extension| {
        ["csv", "tsv", "jsonl", "json", "ndjson", "parquet", "xlsx", "csv.gz", "jsonl.gz"]
            .contains(&extension)
    })
}

fn has_picture(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = open_regular(path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut start));
    read.is_ok() && begins_as_picture(&start)
}
