//! Values whose meaning is in the file's metadata, and every form in which a picture is stored.

use ::parquet::file::metadata::KeyValue;
use arrow_array::builder::{LargeBinaryBuilder, StringViewBuilder};
use arrow_array::{NullArray, StructArray};

use super::*;

/// The fields of a picture's struct.
type Fields = Vec<(&'static str, ArrayRef)>;

/// One picture a row, as a struct with these fields.
fn picture_column(fields: Fields) -> (TempDir, Parquet) {
    let fields = fields
        .into_iter()
        .map(|(name, array)| (Arc::new(Field::new(name, array.data_type().clone(), true)), array));
    one_column("image", Arc::new(StructArray::from(fields.collect::<Vec<_>>())))
}

fn bytes(values: &[&[u8]]) -> ArrayRef {
    Arc::new(arrow_array::BinaryArray::from_vec(values.to_vec()))
}

#[test]
fn every_form_of_a_pictures_struct_is_a_picture() {
    let mut large = LargeBinaryBuilder::new();
    large.append_value(b"x");
    let mut view = StringViewBuilder::new();
    view.append_value("a.png");
    let path: ArrayRef = Arc::new(StringArray::from(vec!["a.png"]));
    let forms: [(Fields, Option<Value>); 5] = [
        (vec![("bytes", bytes(&[b"x"]))], None),
        (vec![("bytes", bytes(&[b"x"])), ("path", Arc::new(NullArray::new(1)))], None),
        (vec![("path", path.clone()), ("bytes", bytes(&[b"x"]))], Some(json!("a.png"))),
        (vec![("bytes", Arc::new(large.finish())), ("path", Arc::new(view.finish()))], Some(json!("a.png"))),
        (
            vec![("bytes", bytes(&[b"x"])), ("path", path), ("width", Arc::new(Int64Array::from(vec![8])))],
            Some(json!({"path": "a.png", "width": 8})),
        ),
    ];
    for (fields, cell) in forms {
        let (_folder, reader) = picture_column(fields);
        let row = read(&reader, Pick::Rows(vec![0]), &["image"]).remove(0);
        assert_eq!((&row.blobs["image"][..], row.cells.get("image")), (&b"x"[..], cell.as_ref()));
        let scanned = read(&reader, Pick::Scan, &["image"]).remove(0);
        assert_eq!((scanned.blobs.len(), scanned.cells.get("image")), (0, cell.as_ref()));
    }
}

#[test]
fn a_picture_without_bytes_is_absent() {
    let (_folder, reader) = picture_column(vec![("bytes", bytes(&[b"x", b""]))]);
    let rows = read(&reader, Pick::Rows(vec![0, 1]), &["image"]);
    assert_eq!((rows[0].blobs.len(), rows[1].blobs.len()), (1, 0));
}

#[test]
fn bytes_without_a_meaning_in_the_schema_are_a_text_if_they_are_utf_8() {
    let (_folder, reader) = one_column("question", bytes(&["Wie groß?".as_bytes(), b"\xFF\xD8"]));
    for (pick, pictures) in [(Pick::Scan, 0), (Pick::Rows(vec![0, 1]), 1)] {
        let rows = read(&reader, pick, &["question"]);
        assert_eq!((&rows[0].cells["question"], rows[0].blobs.len()), (&json!("Wie groß?"), 0));
        assert_eq!((rows[1].cells.len(), rows[1].blobs.len()), (0, pictures));
    }
}

#[test]
fn class_labels_are_read_as_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let labels: ArrayRef = Arc::new(Int64Array::from(vec![1, 0, -1]));
    let batch = RecordBatch::try_from_iter([("label", labels)]).unwrap();
    let features = json!({"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}});
    let known = KeyValue::new("huggingface".to_owned(), features.to_string());
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![known])).build();
    let file = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let rows = read(&local(vec![path]), Pick::Scan, &["label"]);
    let labels: Vec<_> = rows.iter().map(|row| row.cells.get("label").cloned()).collect();
    assert_eq!(labels, [Some(json!("dog")), Some(json!("cat")), None]);
}

#[test]
fn integers_keep_all_their_digits() {
    let (_folder, reader) =
        one_column("id", Arc::new(arrow_array::UInt64Array::from(vec![u64::MAX, (1 << 53) + 1])));
    let rows = read(&reader, Pick::Scan, &["id"]);
    assert_eq!(rows[0].cells["id"].to_string(), "18446744073709551615");
    assert_eq!(rows[1].cells["id"].to_string(), "9007199254740993");
}
