//! Damaged and hostile files: an error or rows, never a panic, and never a row that is lost without a word.

use ::parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
use ::parquet::file::properties::{EnabledStatistics, WriterPropertiesBuilder, WriterVersion};

use super::*;

const ROWS: usize = 5;

/// Small files in the encodings and codecs that writers use.
fn files() -> Vec<Vec<u8>> {
    let small = || WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None);
    let plain = |codec| small().set_dictionary_enabled(false).set_compression(codec);
    let second = |codec| plain(codec).set_writer_version(WriterVersion::PARQUET_2_0);
    let text = |encoding| {
        second(Compression::LZ4_RAW)
            .set_column_encoding("text".into(), encoding)
            .set_column_encoding("number".into(), Encoding::DELTA_BINARY_PACKED)
            .set_column_encoding("float".into(), Encoding::BYTE_STREAM_SPLIT)
    };
    vec![
        file(plain(Compression::UNCOMPRESSED), &["image", "moment", "flag"]),
        file(WriterProperties::builder().set_compression(Compression::SNAPPY), &["text", "number"]),
        file(small().set_compression(Compression::GZIP(GzipLevel::default())), &["list", "text"]),
        file(second(Compression::ZSTD(ZstdLevel::default())), &["image", "list"]),
        file(second(Compression::BROTLI(BrotliLevel::default())), &["list", "flag"]),
        file(text(Encoding::DELTA_BYTE_ARRAY), &["text", "number", "float"]),
        file(text(Encoding::DELTA_LENGTH_BYTE_ARRAY), &["text"]),
    ]
}

/// A file with some of the columns.
fn file(properties: WriterPropertiesBuilder, columns: &[&str]) -> Vec<u8> {
    let mut images = pictures();
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..ROWS {
        push_picture(&mut images, Some(&[row as u8; 9]), (row > 1).then_some("a.png"));
        lists.append_option((row != 2).then(|| (0..row).map(|item| Some(item.to_string()))));
    }
    let all: Vec<(&str, ArrayRef, bool)> = vec![
        ("image", Arc::new(images.finish()), true),
        ("list", Arc::new(lists.finish()), true),
        ("text", Arc::new(StringArray::from(vec!["aa", "ab", "ab", "", "abc"])), true),
        ("number", Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(1 << 60), Some(-1)])), true),
        ("float", Arc::new(Float64Array::from(vec![0.5, 1.5, f64::NAN, 0.0, -1.0])), true),
        ("flag", Arc::new(BooleanArray::from(vec![true, false, true, true, false])), true),
        ("moment", Arc::new(TimestampMillisecondArray::from(vec![0, 1, i64::MAX, i64::MIN, 5])), true),
    ];
    let chosen = all.into_iter().filter(|(name, ..)| columns.contains(name));
    let batch = RecordBatch::try_from_iter_with_nullable(chosen).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Reads everything in both ways. Returns the number of rows, bad ones included; `None` for a file that cannot be read.
fn read_all(path: &Path) -> Option<usize> {
    let reader = local(vec![path.to_owned()]);
    let columns = reader.columns().ok()??;
    let announced = usize::try_from(reader.known_len().ok()??).unwrap();
    let count = |pick| {
        let rows = reader.rows(pick, &columns).ok()?.take(2 * ROWS);
        rows.map(|row| row.ok()).collect::<Option<Vec<_>>>().map(|rows| rows.len())
    };
    let (scanned, picked) = (count(Pick::Scan), count(Pick::Rows((0..ROWS as u64).collect())));
    for (read, most) in [(scanned, 2 * ROWS), (picked, ROWS)] {
        assert!(read.is_none_or(|read| read == announced.min(most)), "{read:?} of {announced} rows");
    }
    scanned
}

#[test]
fn every_changed_byte_gives_an_error_or_all_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    for (number, mut bytes) in files().into_iter().enumerate() {
        fs::write(&path, &bytes).unwrap();
        assert_eq!(read_all(&path), Some(ROWS), "file {number} as it was written");
        for at in 0..bytes.len() {
            bytes[at] ^= 0xFF;
            fs::write(&path, &bytes).unwrap();
            read_all(&path);
            bytes[at] ^= 0xFF;
        }
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let bytes = file(WriterProperties::builder(), &["image", "list"]);
    for end in 0..bytes.len() {
        fs::write(&path, &bytes[..end]).unwrap();
        assert_eq!(read_all(&path), None, "{end} bytes");
    }
}
