//! Files of the real shapes, written by the test: shards with pictures in several row groups, and every type.

use std::fs::{self, File};
use std::io;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::file::properties::WriterProperties;
use arrow_array::builder::{
    BinaryBuilder, Int32Builder, ListBuilder, StringBuilder, StringDictionaryBuilder, StructBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int64Array,
    IntervalYearMonthArray, LargeStringArray, RecordBatch, StringArray, StringViewArray,
    TimestampMillisecondArray, UInt8Array,
};
use arrow_schema::{DataType, Field, Fields};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

mod hostile;
mod meaning;
mod remote;

/// Rows in a row group of these files.
const GROUP: usize = 4;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    );
    let batch = batch.unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(GROUP)).build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn picture_fields() -> Fields {
    let fields = [("bytes", DataType::Binary), ("path", DataType::Utf8)];
    fields.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect()
}

/// The builder of `struct<bytes, path>`.
fn pictures() -> StructBuilder {
    StructBuilder::from_fields(picture_fields(), 0)
}

fn push_picture(builder: &mut StructBuilder, bytes: Option<&[u8]>, path: Option<&str>) {
    builder.field_builder::<BinaryBuilder>(0).unwrap().append_option(bytes);
    builder.field_builder::<StringBuilder>(1).unwrap().append_option(path);
    builder.append(true);
}

/// A shard of Flickr30K's shape with the rows `numbers`.
fn write_flickr(path: &Path, numbers: Range<usize>) {
    let mut images = pictures();
    let mut captions = ListBuilder::new(StringBuilder::new());
    for number in numbers.clone() {
        push_picture(
            &mut images,
            Some(format!("picture {number}").as_bytes()),
            Some(&format!("{number}.jpg")),
        );
        captions.append_value((0..5).map(|caption| Some(format!("{number}/{caption}"))));
    }
    let text = |prefix: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(numbers.clone().map(|number| format!("{prefix} {number}"))))
    };
    write(
        path,
        vec![
            ("image", Arc::new(images.finish())),
            ("filename", text("file")),
            ("original_alt_text", Arc::new(captions.finish())),
            ("alt_text", text("GPT-4o on")),
        ],
    );
}

fn local(paths: Vec<PathBuf>) -> Parquet {
    Parquet { files: Files::local(PathBuf::new(), paths) }
}

/// Two shards, of 10 and of 5 rows.
fn flickr() -> (TempDir, Parquet) {
    let folder = tempfile::tempdir().unwrap();
    let paths = vec![folder.path().join("test-0.parquet"), folder.path().join("test-1.parquet")];
    write_flickr(&paths[0], 0..10);
    write_flickr(&paths[1], 10..15);
    (folder, local(paths))
}

fn one_column(name: &str, column: ArrayRef) -> (TempDir, Parquet) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, vec![(name, column)]);
    (folder, local(vec![path]))
}

fn owned(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|&column| column.to_owned()).collect()
}

/// The rows, without the file that they were in: one elsewhere has another path than its copy here.
fn read(reader: &Parquet, pick: Pick, columns: &[&str]) -> Vec<Row> {
    let rows = reader.rows(pick, &owned(columns)).unwrap().map(|row| row.unwrap().unwrap());
    rows.map(|row| Row { file: None, ..row }).collect()
}

fn refused(reader: &Parquet, columns: &[&str]) -> String {
    let Err(error) = reader.rows(Pick::Scan, &owned(columns)) else { panic!("expected an error") };
    error.to_string().split(".parquet ").last().unwrap().to_owned()
}

/// Overwrites the pages of a file, or of its row groups up to the row group `until`.
fn damage(path: &Path, until: Option<usize>) {
    let shard = Shard::open(&Files::default(), path).unwrap();
    let metadata = shard.footer.metadata();
    let groups = &metadata.row_groups()[..until.unwrap_or(metadata.num_row_groups())];
    let ends = groups.iter().flat_map(|group| group.columns()).map(|chunk| chunk.byte_range());
    let end = usize::try_from(ends.map(|(start, len)| start + len).max().unwrap()).unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes[4..end].fill(0xEE);
    fs::write(path, bytes).unwrap();
}

#[test]
fn picked_rows_come_with_their_pictures_from_every_shard_and_row_group() {
    let (_folder, reader) = flickr();
    let picked = vec![0, 3, 4, 9, 10, 14];
    let rows = read(&reader, Pick::Rows(picked.clone()), &["image", "original_alt_text", "filename"]);
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), picked);
    for row in rows {
        let number = row.number;
        assert_eq!(row.blobs["image"], format!("picture {number}"));
        assert_eq!(row.cells["image"], format!("{number}.jpg"));
        assert_eq!(row.cells["filename"], format!("file {number}"));
        assert_eq!(row.cells["original_alt_text"].as_array().unwrap().len(), 5);
        assert_eq!(row.cells["original_alt_text"][4], format!("{number}/4"));
        assert!(!row.cells.contains_key("alt_text"));
    }
    assert_eq!(reader.known_len().unwrap(), Some(15));
}

#[test]
fn a_scan_gives_every_row_without_pictures_but_with_their_paths() {
    let (_folder, reader) = flickr();
    let rows = read(&reader, Pick::Scan, &["image", "alt_text"]);
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), (0..15).collect::<Vec<_>>());
    assert!(rows.iter().all(|row| row.blobs.is_empty()));
    assert_eq!(Value::Object(rows[12].cells.clone()), json!({"image": "12.jpg", "alt_text": "GPT-4o on 12"}));
}

#[test]
fn a_scan_without_columns_reads_no_page() {
    let (_folder, reader) = flickr();
    damage(&reader.files.paths[0], None);
    damage(&reader.files.paths[1], None);
    let rows = read(&reader, Pick::Scan, &[]);
    assert_eq!(rows.last().unwrap(), &Row { number: 14, ..Row::default() });
    assert_eq!((rows.len(), reader.known_len().unwrap()), (15, Some(15)));
}

#[test]
fn a_damaged_row_group_costs_its_rows_alone_each_with_file_and_line() {
    let (_folder, reader) = flickr();
    damage(&reader.files.paths[0], Some(1));
    let rows: Vec<_> =
        reader.rows(Pick::Scan, &owned(&["alt_text"])).unwrap().map(|row| row.unwrap()).collect();
    let bad: Vec<_> = rows.iter().filter_map(|row| row.as_ref().err()).collect();
    assert_eq!((rows.len(), bad.iter().map(|bad| bad.number).collect::<Vec<_>>()), (15, vec![0, 1, 2, 3]));
    assert_eq!((bad[3].line, bad[3].file.as_str()), (4, reader.files.paths[0].to_str().unwrap()));
    assert_eq!(rows[14].as_ref().unwrap().cells["alt_text"], "GPT-4o on 14");
}

#[test]
fn row_groups_and_files_without_a_picked_row_are_not_read() {
    let (_folder, reader) = flickr();
    damage(&reader.files.paths[0], Some(2));
    fs::remove_file(&reader.files.paths[1]).unwrap();
    let rows = read(&reader, Pick::Rows(vec![8, 9]), &["image"]);
    assert_eq!(rows[1].blobs["image"], "picture 9");
    assert_eq!(rows.len(), 2);
}

#[test]
fn a_column_that_is_not_there_is_refused_with_those_that_are() {
    let (_folder, reader) = flickr();
    let expected = "has no column \"caption\"; it has image, filename, original_alt_text, alt_text";
    assert_eq!(refused(&reader, &["alt_text", "caption"]), expected);
    assert!(refused(&reader, &["caption.x"]).starts_with("has no column \"caption.x\""));
    assert_eq!(read(&reader, Pick::Rows(vec![1]), &["image.path"])[0].cells["image"], "1.jpg");
}

#[test]
fn a_file_of_another_format_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    for content in ["", "not parquet at all", "PAR1PAR1", "PAR1xxxxxxxx\u{7f}\u{7f}\u{7f}\u{7f}PAR1"] {
        fs::write(&path, content).unwrap();
        let error = refused(&local(vec![path.clone()]), &[]);
        assert!(error.starts_with("as parquet: "), "{error}");
    }
}

#[test]
fn every_usual_type_is_said_in_json_and_what_cannot_be_is_absent() {
    let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
    ["cat", "dog", "cat"].iter().for_each(|word| dictionary.append_value(word));
    let decimals = Decimal128Array::from(vec![1234, -5, 0]).with_precision_and_scale(9, 2).unwrap();
    let moments = TimestampMillisecondArray::from(vec![0, 1_500, 86_400_000]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("int", Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MIN)]))),
        ("byte", Arc::new(UInt8Array::from(vec![255, 0, 1]))),
        ("float", Arc::new(Float64Array::from(vec![0.5, f64::NAN, f64::INFINITY]))),
        ("short", Arc::new(Float32Array::from(vec![0.1, f32::NAN, 2.0]))),
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("large", Arc::new(LargeStringArray::from(vec!["a", "", "é"]))),
        ("view", Arc::new(StringViewArray::from(vec!["a view longer than twelve bytes", "", "x"]))),
        ("dictionary", Arc::new(dictionary.finish())),
        ("decimal", Arc::new(decimals)),
        ("date", Arc::new(Date32Array::from(vec![0, 365, -1]))),
        ("local", Arc::new(moments.clone())),
        ("instant", Arc::new(moments.with_timezone("+02:00"))),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
    write(&path, columns);
    let rows = read(&local(vec![path]), Pick::Scan, &names);
    let expected = [
        json!({"int": 1, "byte": 255, "float": 0.5, "short": 0.1, "bool": true, "large": "a",
            "view": "a view longer than twelve bytes", "dictionary": "cat", "decimal": "12.34", "date": "1970-01-01",
            "local": "1970-01-01T00:00:00", "instant": "1970-01-01T00:00:00Z"}),
        json!({"byte": 0, "bool": false, "large": "", "view": "", "dictionary": "dog", "decimal": "-0.05",
            "date": "1971-01-01", "local": "1970-01-01T00:00:01.500", "instant": "1970-01-01T00:00:01.500Z"}),
        json!({"int": i64::MIN, "byte": 1, "short": 2.0, "large": "é", "view": "x", "dictionary": "cat",
            "decimal": "0.00", "date": "1969-12-31", "local": "1970-01-02T00:00:00",
            "instant": "1970-01-02T00:00:00Z"}),
    ];
    for (row, expected) in rows.into_iter().zip(expected) {
        assert_eq!(Value::Object(row.cells), expected);
    }
}

#[test]
fn a_picture_may_lack_its_path_or_its_bytes_or_be_absent() {
    let mut images = pictures();
    push_picture(&mut images, Some(b"x"), None);
    push_picture(&mut images, None, Some("b.png"));
    images.field_builder::<BinaryBuilder>(0).unwrap().append_null();
    images.field_builder::<StringBuilder>(1).unwrap().append_null();
    images.append(false);
    let (_folder, reader) = one_column("image", Arc::new(images.finish()));
    let rows = read(&reader, Pick::Rows(vec![0, 1, 2]), &["image"]);
    assert_eq!((rows[0].cells.len(), &rows[0].blobs["image"][..]), (0, &b"x"[..]));
    assert_eq!((&rows[1].cells["image"], rows[1].blobs.len()), (&json!("b.png"), 0));
    assert_eq!((rows[2].cells.len(), rows[2].blobs.len()), (0, 0));
}

#[test]
fn plain_binary_and_lists_of_pictures_are_pictures_too() {
    let mut plain = BinaryBuilder::new();
    plain.append_value(b"\xFFy");
    let (_folder, reader) = one_column("jpeg", Arc::new(plain.finish()));
    assert_eq!(read(&reader, Pick::Rows(vec![0]), &["jpeg"])[0].blobs["jpeg"], &b"\xFFy"[..]);
    assert_eq!(read(&reader, Pick::Scan, &["jpeg"]), [Row::default()]);

    let mut lists = ListBuilder::new(pictures());
    push_picture(lists.values(), Some(b"0"), Some("0.png"));
    push_picture(lists.values(), Some(b"1"), None);
    lists.append(true);
    let (_folder, reader) = one_column("images", Arc::new(lists.finish()));
    let row = read(&reader, Pick::Rows(vec![0]), &["images"]).remove(0);
    assert_eq!(row.cells["images"], json!(["0.png", null]));
    assert_eq!(
        row.blobs.into_iter().collect::<Vec<_>>(),
        [("images.0".to_owned(), "0".into()), ("images.1".to_owned(), "1".into())]
    );
    assert_eq!(read(&reader, Pick::Scan, &["images"])[0].cells["images"], json!(["0.png", null]));
}

#[test]
fn structs_are_objects_and_a_type_without_json_is_refused_where_it_is_named() {
    let fields = vec![Field::new("url", DataType::Utf8, true), Field::new("size", DataType::Int32, true)];
    let mut objects = StructBuilder::from_fields(fields, 0);
    objects.field_builder::<StringBuilder>(0).unwrap().append_value("https://a.b");
    objects.field_builder::<Int32Builder>(1).unwrap().append_null();
    objects.append(true);
    let (_folder, reader) = one_column("meta", Arc::new(objects.finish()));
    let row = read(&reader, Pick::Scan, &["meta.url"]).remove(0);
    assert_eq!(row.cells["meta"], json!({"url": "https://a.b"}));
    assert_eq!(row.get("meta.url"), Some(json!("https://a.b")));

    let (_folder, reader) = one_column("span", Arc::new(IntervalYearMonthArray::from(vec![1])));
    let error = refused(&reader, &["span"]);
    assert!(error.contains("its column \"span\" is of the type Interval"), "{error}");
    assert_eq!(read(&reader, Pick::Scan, &[]).len(), 1);
}

#[test]
fn numbers_beyond_the_last_row_and_empty_picks_give_nothing() {
    let (_folder, reader) = flickr();
    assert_eq!(read(&reader, Pick::Rows(vec![]), &["image"]), []);
    assert_eq!(read(&reader, Pick::Rows(vec![99, 15]), &["image"]), []);
}
