//! What the metadata of a file say of its values: the names behind class labels, which the `datasets` library stores as
//! numbers, and which bytes are UUIDs.

use std::collections::BTreeMap;
use std::ops::Range;

use ::parquet::basic::LogicalType;
use ::parquet::file::metadata::KeyValue;
use ::parquet::schema::types::SchemaDescriptor;
use serde_json::Value;

use crate::text::hex;

/// The key of the file's metadata under which `datasets` keeps what it knows of the columns.
const KEY: &str = "huggingface";

/// The names of the labels in a column or in a part of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct LabelNames {
    /// The names, if the values themselves are labels. Label 0 has the first name.
    names: Option<Vec<String>>,
    /// Whether the values themselves are UUIDs.
    is_uuid: bool,
    /// The parts that have labels or UUIDs, by the name of the field.
    fields: BTreeMap<String, LabelNames>,
}

impl LabelNames {
    /// The names for all columns of a file, as fields. Metadata in another form is ignored.
    pub(super) fn of_file(metadata: Option<&Vec<KeyValue>>) -> Self {
        let features = || {
            let entry = metadata?.iter().find(|entry| entry.key == KEY)?;
            let mut known: Value = serde_json::from_str(entry.value.as_ref()?).ok()?;
            Self::of_feature(&known.pointer_mut("/info/features")?.take())
        };
        features().unwrap_or_default()
    }

    /// Adds the columns that are UUIDs.
    pub(super) fn add_uuids(&mut self, schema: &SchemaDescriptor) {
        for column in schema.columns() {
            if column.logical_type_ref() == Some(&LogicalType::Uuid) && column.type_length() == 16 {
                let parts = column.path().parts().iter();
                // The groups that Parquet needs for a list have no name in the cell.
                let is_named = |part: &&String| !LIST_GROUPS.contains(&part.as_str());
                let own = parts
                    .filter(is_named)
                    .fold(&mut *self, |of, part| of.fields.entry(part.clone()).or_default());
                own.is_uuid = true;
            }
        }
    }

    /// A feature is a class label, a sequence of another feature, or an object of named features.
    fn of_feature(feature: &Value) -> Option<Self> {
        let fields = match feature {
            // An old form of sequences.
            Value::Array(items) => return Self::of_feature(items.first()?),
            Value::Object(fields) => fields,
            _ => return None,
        };
        match fields.get("_type").and_then(Value::as_str) {
            Some("ClassLabel") => {
                let names = fields.get("names")?.as_array()?;
                let names =
                    names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>()?;
                Some(Self { names: Some(names), ..Self::default() })
            }
            Some(_) => Self::of_feature(fields.get("feature")?),
            None => {
                let of_field = |(name, feature)| Some((String::clone(name), Self::of_feature(feature)?));
                let fields: BTreeMap<_, _> = fields.iter().filter_map(of_field).collect();
                (!fields.is_empty()).then(|| Self { fields, ..Self::default() })
            }
        }
    }

    /// The names for a column.
    pub(super) fn column(&self, name: &str) -> Option<&Self> {
        self.fields.get(name)
    }

    /// Replaces the labels in a cell by their names. `None` for a label without a name: `datasets` writes -1 for a label
    /// that is not known.
    pub(super) fn apply(&self, cell: Value) -> Option<Value> {
        match cell {
            Value::Number(label) => match &self.names {
                Some(names) => {
                    let index = label.as_u64().and_then(|label| usize::try_from(label).ok())?;
                    names.get(index).map(|name| Value::String(name.clone()))
                }
                None => Some(Value::Number(label)),
            },
            Value::String(text) if self.is_uuid => Some(Value::String(uuid_of(&text).unwrap_or(text))),
            Value::Array(items) => {
                Some(items.into_iter().map(|item| self.apply(item).unwrap_or(Value::Null)).collect())
            }
            Value::Object(mut object) => {
                for (field, names) in &self.fields {
                    if let Some(value) = object.get_mut(field) {
                        *value = names.apply(value.take()).unwrap_or(Value::Null);
                    }
                }
                Some(Value::Object(object))
            }
            other => Some(other),
        }
    }
}

/// The names of the groups around the items of a list.
const LIST_GROUPS: [&str; 5] = ["list", "element", "bag", "array", "item"];

/// The usual text of a UUID whose bytes were read as a text: in hexadecimal, or as characters without the zeros at the end.
fn uuid_of(text: &str) -> Option<String> {
    let digits = match text.len() {
        32 => text.to_owned(),
        length if length <= 16 => format!("{:0<32}", hex(text.as_bytes())),
        _ => return None,
    };
    let groups: Option<Vec<&str>> = UUID_GROUPS.iter().map(|group| digits.get(group.clone())).collect();
    Some(groups?.join("-"))
}

/// The groups of digits in the text of a UUID.
const UUID_GROUPS: [Range<usize>; 5] = [0..8, 8..12, 12..16, 16..20, 20..32];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(features: Value) -> LabelNames {
        let text = json!({"info": {"features": features}}).to_string();
        LabelNames::of_file(Some(&vec![KeyValue::new(KEY.to_owned(), text)]))
    }

    #[test]
    fn labels_are_named_in_columns_lists_and_objects() {
        let label = json!({"names": ["cat", "dog"], "_type": "ClassLabel"});
        let known = names(json!({
            "plain": label,
            "many": {"feature": label, "_type": "List"},
            "old": [label],
            "object": {"label": label, "size": {"dtype": "int32", "_type": "Value"}},
            "columns": {"feature": {"label": label}, "_type": "Sequence"},
            "text": {"dtype": "string", "_type": "Value"},
        }));
        let named = |column: &str, cell: Value| known.column(column).unwrap().apply(cell);
        assert_eq!(named("plain", json!(1)), Some(json!("dog")));
        assert_eq!((named("plain", json!(-1)), named("plain", json!(2))), (None, None));
        assert_eq!(named("many", json!([0, 1, -1])), Some(json!(["cat", "dog", null])));
        assert_eq!(named("old", json!([1])), Some(json!(["dog"])));
        assert_eq!(named("object", json!({"label": 0, "size": 1})), Some(json!({"label": "cat", "size": 1})));
        assert_eq!(named("columns", json!({"label": [0, 1]})), Some(json!({"label": ["cat", "dog"]})));
        assert!(known.column("text").is_none());
    }

    #[test]
    fn bytes_that_were_read_as_a_text_become_the_usual_text_of_a_uuid() {
        let expected = "41424344-4546-4748-494a-4b4c4d4e4f00".to_owned();
        assert_eq!(uuid_of("ABCDEFGHIJKLMNO"), Some(expected.clone()));
        assert_eq!(uuid_of("4142434445464748494a4b4c4d4e4f00"), Some(expected));
        assert_eq!(uuid_of("twenty characters ok"), None);
    }

    #[test]
    fn metadata_in_another_form_names_nothing() {
        for features in [json!(1), json!({"a": {"names": [1], "_type": "ClassLabel"}}), json!({"a": []})] {
            assert_eq!(names(features), LabelNames::default());
        }
        let broken = KeyValue::new(KEY.to_owned(), "{".to_owned());
        assert_eq!(LabelNames::of_file(Some(&vec![broken])), LabelNames::default());
        assert_eq!(LabelNames::of_file(None), LabelNames::default());
    }
}
