//! Values whose meaning is in the file's metadata, and every form in which a picture is stored.

use ::parquet::file::metadata::KeyValue;
use arrow_array::builder::{LargeBinaryBuilder, MapBuilder, StringViewBuilder};
use arrow_array::{FixedSizeBinaryArray, NullArray, StructArray};

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

#[test]
fn a_map_is_an_object() {
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for (key, value) in [("b", Some(1)), ("a", Some(2)), ("n", None)] {
        map.keys().append_value(key);
        map.values().append_option(value);
    }
    map.append(true).unwrap();
    map.append(true).unwrap();
    map.append(false).unwrap();
    let (_folder, reader) = one_column("options", Arc::new(map.finish()));
    let rows = read(&reader, Pick::Scan, &["options.b"]);
    assert_eq!(rows[0].cells["options"], json!({"b": 1, "a": 2}));
    assert_eq!((rows[0].get("options.b"), &rows[1].cells["options"]), (Some(json!(1)), &json!({})));
    assert_eq!(rows[2].get("options"), None);
}

#[test]
fn pictures_in_a_map_are_found_by_their_keys() {
    let mut map = MapBuilder::new(None, StringBuilder::new(), pictures());
    map.keys().append_value("left");
    push_picture(map.values(), Some(b"\xFFbytes"), Some("l.png"));
    map.append(true).unwrap();
    let (_folder, reader) = one_column("views", Arc::new(map.finish()));
    assert_eq!(read(&reader, Pick::Scan, &["views"])[0].cells["views"], json!({"left": "l.png"}));
    let row = read(&reader, Pick::Rows(vec![0]), &["views"]).remove(0);
    assert_eq!(row.blobs["views.left"], &b"\xFFbytes"[..]);
}

#[test]
fn bytes_of_a_fixed_length_are_a_text_if_they_are_utf_8() {
    let values = [&b"c-17\0\0"[..], b"caf\xC3\xA9\0", b"\x01\xFF\0\0\0\0", &[0; 6]];
    let column = FixedSizeBinaryArray::try_from_iter(values.into_iter()).unwrap();
    let (_folder, reader) = one_column("id", Arc::new(column));
    let read: Vec<_> = read(&reader, Pick::Scan, &["id"]).iter().map(|row| row.cells["id"].clone()).collect();
    let read: Vec<_> = read.iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(read, ["c-17", "café\0".trim_end_matches('\0'), "01ff00000000", "000000000000"]);
}

/// A list of structs with a picture in each, as plain bytes or as `struct<bytes, path>`.
#[test]
fn pictures_in_a_list_of_structs_are_found_by_their_positions() {
    let kinds = [DataType::Binary, DataType::Struct(picture_fields())];
    for kind in kinds {
        let fields =
            vec![Field::new("image", kind.clone(), true), Field::new("caption", DataType::Utf8, true)];
        let mut items = ListBuilder::new(StructBuilder::from_fields(fields, 0));
        for bytes in [Some(&b"\xFF0"[..]), None, Some(b"\xFF2")] {
            let item = items.values();
            match kind {
                DataType::Binary => item.field_builder::<BinaryBuilder>(0).unwrap().append_option(bytes),
                _ => push_picture(item.field_builder::<StructBuilder>(0).unwrap(), bytes, Some("p.png")),
            }
            item.field_builder::<StringBuilder>(1).unwrap().append_value("c");
            item.append(true);
        }
        items.append(true);
        let (_folder, reader) = one_column("image", Arc::new(items.finish()));
        let row = read(&reader, Pick::Rows(vec![0]), &["image[].image"]).remove(0);
        let stored: Vec<_> = row.blobs.iter().map(|(name, bytes)| (name.as_str(), bytes.to_vec())).collect();
        assert_eq!(stored, [("image.0.image", b"\xFF0".to_vec()), ("image.2.image", b"\xFF2".to_vec())]);
        assert_eq!(row.get("image[].caption"), Some(json!(["c", "c", "c"])));
    }
}
