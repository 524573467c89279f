//! Writes three Parquet shards of Flickr30K's shape as the Hub has them, for `scripts/bench-parquet`: 31,783 rows
//! with a picture of 38 KB each, in row groups of 100, without a page index.
//!
//! `cargo run --release --example write_parquet_shards -- FOLDER`

use std::error::Error;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, ListBuilder, StringBuilder, StructBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

const ROWS: usize = 31_783;
const SHARDS: usize = 3;
const ROWS_IN_GROUP: usize = 100;
const PICTURE_BYTES: usize = 38_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder: PathBuf =
        std::env::args_os().nth(1).ok_or("expected the folder that the shards go to")?.into();
    let data = folder.join("data");
    std::fs::create_dir_all(&data)?;
    let rows = ROWS.div_ceil(SHARDS);
    for shard in 0..SHARDS {
        let path = data.join(format!("test-{shard:05}-of-{SHARDS:05}.parquet"));
        write(&path, shard * rows..ROWS.min((shard + 1) * rows))?;
    }
    Ok(())
}

fn write(path: &Path, rows: Range<usize>) -> Result<(), Box<dyn Error>> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(ROWS_IN_GROUP))
        .set_compression(Compression::SNAPPY)
        .set_offset_index_disabled(true)
        .build();
    let mut writer = ArrowWriter::try_new(File::create(path)?, batch(0..0)?.schema(), Some(properties))?;
    for first in rows.clone().step_by(ROWS_IN_GROUP) {
        writer.write(&batch(first..rows.end.min(first + ROWS_IN_GROUP))?)?;
    }
    writer.close()?;
    Ok(())
}

fn batch(rows: Range<usize>) -> Result<RecordBatch, ArrowError> {
    let fields = [("bytes", DataType::Binary), ("path", DataType::Utf8)];
    let fields: Vec<_> = fields.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect();
    let mut images =
        StructBuilder::new(fields, vec![Box::new(BinaryBuilder::new()), Box::new(StringBuilder::new())]);
    let mut captions = ListBuilder::new(StringBuilder::new());
    for row in rows.clone() {
        if let Some(bytes) = images.field_builder::<BinaryBuilder>(0) {
            bytes.append_value(picture(row));
        }
        if let Some(paths) = images.field_builder::<StringBuilder>(1) {
            paths.append_value(format!("{row}.jpg"));
        }
        images.append(true);
        captions.append_value((0..5).map(|caption| Some(format!("caption {caption} of picture {row}"))));
    }
    let texts = |what: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.clone().map(|row| format!("{row}{what}"))))
    };
    RecordBatch::try_from_iter([
        ("image", Arc::new(images.finish()) as ArrayRef),
        ("filename", texts(".jpg")),
        ("original_alt_text", Arc::new(captions.finish())),
        ("alt_text", texts(": two people in front of a red bus, one of whom waves at the driver.")),
    ])
}

/// Bytes that differ from row to row and that nothing makes smaller.
fn picture(row: usize) -> Vec<u8> {
    let mut state = (row as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(PICTURE_BYTES).collect()
}
