//! Picking rows out of a large file with pictures must not take memory by the file's size. The test runs
//! itself in a process of its own, because the peak that it measures is that of the whole process.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::common::process;
use arrow_array::builder::{BinaryBuilder, StringBuilder, StructBuilder};
use arrow_array::{RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field};
use eyechart::dataset::{Files, Pick, open};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

const PICTURE_BYTES: usize = 90_000;
const ROWS: usize = 4_500;
const ROWS_IN_GROUP: usize = 300;
const MAX_GROWTH_MIB: u64 = 150;

#[test]
fn picking_rows_out_of_400_mb_of_pictures_stays_small() {
    if memory_mib("VmRSS").is_none() {
        return eprintln!("left out: this system does not report the memory of a process");
    }
    if process::is_second() {
        return pick_and_measure();
    }
    assert!(process::second().status().unwrap().success());
}

fn pick_and_measure() {
    let before = memory_mib("VmRSS").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test-0.parquet");
    write(&path);
    let written = memory_mib("VmHWM").unwrap() - before;
    assert!(path.metadata().unwrap().len() > 400_000_000);

    let reader = open(&Files::local(folder.path().to_owned(), vec![path]), None).unwrap();
    let columns = ["image".to_owned(), "filename".to_owned()];
    let start = Instant::now();
    let picked: Vec<u64> = (0..ROWS as u64).step_by(4).take(1_000).collect();
    let mut rows = 0;
    for row in reader.rows(Pick::Rows(picked.clone()), &columns).unwrap() {
        let row = row.unwrap().unwrap();
        assert_eq!(row.number, picked[rows]);
        assert_eq!(row.cells["filename"], format!("{}.jpg", row.number));
        assert_eq!(row.blobs["image"], picture(row.number));
        rows += 1;
    }
    assert_eq!(rows, 1_000);
    let pick_time = start.elapsed();

    let start = Instant::now();
    assert_eq!(reader.rows(Pick::Scan, &columns).unwrap().count(), ROWS);
    let scan_time = start.elapsed();

    let growth = memory_mib("VmHWM").unwrap() - before;
    eprintln!("peak {growth} MiB (writing: {written} MiB), picking {pick_time:?}, scanning {scan_time:?}");
    assert!(growth < MAX_GROWTH_MIB, "the peak grew by {growth} MiB");
}

/// A figure of the process's memory, in MiB.
fn memory_mib(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

/// Bytes that differ from row to row and do not repeat within one.
fn picture(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(PICTURE_BYTES).collect()
}

fn write(path: &Path) {
    let (mut writer, mut properties) = (None, Some(properties()));
    for first in (0..ROWS).step_by(ROWS_IN_GROUP) {
        for first in (first..first + ROWS_IN_GROUP).step_by(50) {
            let batch = batch(first as u64..(first + 50) as u64);
            let writer = writer.get_or_insert_with(|| {
                ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), properties.take()).unwrap()
            });
            writer.write(&batch).unwrap();
        }
    }
    writer.unwrap().close().unwrap();
}

fn properties() -> WriterProperties {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(ROWS_IN_GROUP));
    properties.set_dictionary_enabled(false).build()
}

fn batch(numbers: std::ops::Range<u64>) -> RecordBatch {
    let names = StringArray::from_iter_values(numbers.clone().map(|number| format!("{number}.jpg")));
    RecordBatch::try_from_iter([
        ("image", Arc::new(pictures(numbers)) as _),
        ("filename", Arc::new(names) as _),
    ])
    .unwrap()
}

fn pictures(numbers: std::ops::Range<u64>) -> StructArray {
    let fields = [("bytes", DataType::Binary), ("path", DataType::Utf8)];
    let fields: Vec<_> = fields.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect();
    let mut builder = StructBuilder::from_fields(fields, numbers.clone().count());
    for number in numbers {
        builder.field_builder::<BinaryBuilder>(0).unwrap().append_value(picture(number));
        builder.field_builder::<StringBuilder>(1).unwrap().append_null();
        builder.append(true);
    }
    builder.finish()
}
