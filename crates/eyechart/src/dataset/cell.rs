//! Converts a cell of an Arrow array to JSON, and separates its pictures.
//!
//! Does not know files. Supports the types of Parquet's own schema, not every type of Arrow.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, ArrowTemporalType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, DecimalType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, PrimitiveArray, StructArray};
use arrow_schema::{DataType, Field, TimeUnit};
use bytes::Bytes;
use serde_json::{Map, Number, Value};

use super::rows::MAX_ROW_BYTES;
use crate::text::hex;
use crate::types::text_of;

/// Pictures by column; pictures inside a list or struct by `column.0` or `column.field`.
type Blobs = BTreeMap<String, Bytes>;

/// Items that the lists of a row may have together. A few bytes of a file can announce any number.
const MAX_ITEMS: usize = 1_000_000;

/// Whether cells of this type can be read.
pub(super) fn is_readable(data_type: &DataType) -> bool {
    use DataType as T;
    match data_type {
        T::List(item) => is_readable(item.data_type()),
        T::Map(entry, _) => is_readable(entry.data_type()),
        T::Struct(fields) => fields.iter().all(|field| is_readable(field.data_type())),
        T::Null | T::Boolean | T::Utf8 | T::Binary | T::FixedSizeBinary(_) | T::Date32 => true,
        T::Time32(_) | T::Time64(_) | T::Timestamp(..) => true,
        T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) | T::Decimal256(..) => true,
        other => other.is_integer() || other.is_floating(),
    }
}

/// The kind of a column at the lowest level of nesting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    /// Numbers, texts and the like.
    Value,
    /// Bytes without a meaning in the schema: texts or pictures.
    Binary,
    /// The bytes of a picture.
    Picture,
}

/// Whether the type is how Hugging Face's `datasets` store a picture: a struct with binary `bytes`, usually with a `path`.
fn is_picture(data_type: &DataType) -> bool {
    let DataType::Struct(fields) = data_type else { return false };
    fields.iter().any(|field| field.name() == BYTES && *field.data_type() == DataType::Binary)
}

/// The field of a picture's struct that holds its bytes.
const BYTES: &str = "bytes";

/// The field of a picture's struct that names its file.
const PATH: &str = "path";

/// The leaf columns below a field, in the order of the file.
pub(super) fn leaves(field: &Field) -> Vec<Leaf> {
    match field.data_type() {
        DataType::List(item) => leaves(item),
        // A map is read as a whole, with the pictures in it.
        DataType::Map(entry, _) => {
            let is_picture = |leaf: Leaf| if leaf == Leaf::Picture { Leaf::Binary } else { leaf };
            leaves(entry).into_iter().map(is_picture).collect()
        }
        DataType::Struct(fields) => {
            let is_picture = is_picture(field.data_type());
            let of_field = |field: &Field| match is_picture && field.name() == BYTES {
                true => vec![Leaf::Picture],
                false => leaves(field),
            };
            fields.iter().flat_map(|field| of_field(field)).collect()
        }
        DataType::Binary => vec![Leaf::Binary],
        _ => vec![Leaf::Value],
    }
}

/// Reads the cells of one row, and keeps its pictures.
#[derive(Default)]
pub(super) struct CellReader {
    blobs: Blobs,
    items: usize,
    text_bytes: usize,
}

impl CellReader {
    /// The cell at `index` as JSON, if JSON can represent its value. `full` is the array's type in the file; the array may
    /// hold only a part of it, such as the path of a picture.
    ///
    /// # Errors
    /// The row is too large.
    pub(super) fn cell(
        &mut self,
        array: &dyn Array,
        full: &DataType,
        index: usize,
        path: &CellPath<'_>,
    ) -> Result<Option<Value>, String> {
        if array.is_null(index) {
            return Ok(None);
        }
        match array.data_type() {
            DataType::Binary => {
                let bytes = array.as_binary::<i32>().value(index);
                match text_in(bytes) {
                    Some(text) => self.counted(Some(Value::String(text.to_owned()))),
                    None => {
                        self.keep(bytes, path);
                        Ok(None)
                    }
                }
            }
            DataType::Struct(_) if is_picture(full) => self.picture(array.as_struct(), full, index, path),
            DataType::Struct(_) => {
                Ok(Some(Value::Object(self.object(array.as_struct(), full, index, path)?)))
            }
            DataType::List(_) => self.list(array.as_list::<i32>().value(index).as_ref(), full, path),
            DataType::Map(..) => self.map(&array.as_map().value(index), full, path),
            _ => self.counted(scalar(array, index)),
        }
    }

    /// The pictures of the row.
    pub(super) fn into_blobs(self) -> Blobs {
        self.blobs
    }

    fn keep(&mut self, bytes: &[u8], path: &CellPath<'_>) {
        if !bytes.is_empty() {
            self.blobs.insert(path.name(), Bytes::copy_from_slice(bytes));
        }
    }

    fn counted(&mut self, value: Option<Value>) -> Result<Option<Value>, String> {
        if let Some(Value::String(text)) = &value {
            self.text_bytes += text.len();
        }
        match self.text_bytes > MAX_ROW_BYTES {
            true => Err(format!("its texts are longer than {} MiB", MAX_ROW_BYTES >> 20)),
            false => Ok(value),
        }
    }

    fn count_items(&mut self, count: usize) -> Result<(), String> {
        self.items = self.items.saturating_add(count);
        match self.items > MAX_ITEMS {
            true => Err(format!("its lists have {} items or more, over {MAX_ITEMS}", self.items)),
            false => Ok(()),
        }
    }

    /// Reads the entries of a map as an object. Entries with a null are left out, as fields of a struct are.
    fn map(
        &mut self,
        entries: &StructArray,
        full: &DataType,
        path: &CellPath<'_>,
    ) -> Result<Option<Value>, String> {
        self.count_items(entries.len())?;
        let DataType::Map(entry, _) = full else { return Ok(None) };
        let DataType::Struct(fields) = entry.data_type() else { return Ok(None) };
        let ([keys, values], [key_field, value_field]) = (entries.columns(), &fields[..]) else {
            return Ok(None);
        };
        let mut object = Map::new();
        for at in 0..entries.len() {
            let key = self.cell(keys.as_ref(), key_field.data_type(), at, path)?;
            let Some(key) = key.as_ref().map(text_of) else { continue };
            let path = CellPath::Field(path, &key);
            if let Some(value) = self.cell(values.as_ref(), value_field.data_type(), at, &path)? {
                object.insert(key, value);
            }
        }
        Ok(Some(Value::Object(object)))
    }

    fn list(
        &mut self,
        items: &dyn Array,
        full: &DataType,
        path: &CellPath<'_>,
    ) -> Result<Option<Value>, String> {
        self.count_items(items.len())?;
        let full = item_type(full);
        let item = |at: usize| {
            let item = self.cell(items, full, at, &CellPath::Item(path, at))?;
            Ok(item.unwrap_or(Value::Null))
        };
        (0..items.len()).map(item).collect::<Result<Vec<_>, _>>().map(|items| Some(Value::Array(items)))
    }

    /// Reads the struct of a picture. Its bytes are the blob. The cell is its path, or an object if the picture has other
    /// fields.
    fn picture(
        &mut self,
        fields: &StructArray,
        full: &DataType,
        index: usize,
        path: &CellPath<'_>,
    ) -> Result<Option<Value>, String> {
        let mut object = self.object(fields, full, index, path)?;
        match fields.column_by_name(BYTES) {
            Some(bytes) if !bytes.is_null(index) && !bytes.as_binary::<i32>().value(index).is_empty() => {
                self.keep(bytes.as_binary::<i32>().value(index), path);
            }
            // The other fields describe a picture that is not there.
            Some(_) if !object.contains_key(PATH) => return Ok(None),
            _ => {}
        }
        let DataType::Struct(all) = full else { return Ok(None) };
        match all.iter().any(|field| ![BYTES, PATH].contains(&field.name().as_str())) {
            true => Ok(Some(Value::Object(object))),
            false => Ok(object.remove(PATH)),
        }
    }

    /// Reads the fields of a struct without the bytes of a picture.
    fn object(
        &mut self,
        fields: &StructArray,
        full: &DataType,
        index: usize,
        path: &CellPath<'_>,
    ) -> Result<Map<String, Value>, String> {
        let mut object = Map::new();
        let DataType::Struct(all) = full else { return Ok(object) };
        for (name, column) in fields.column_names().into_iter().zip(fields.columns()) {
            let Some((_, field)) = all.find(name) else { continue };
            if name == BYTES && is_picture(full) {
                continue;
            }
            let path = CellPath::Field(path, name);
            if let Some(value) = self.cell(column.as_ref(), field.data_type(), index, &path)? {
                object.insert(name.to_owned(), value);
            }
        }
        Ok(object)
    }
}

/// The text in bytes without a meaning in the schema; `None` for a picture or other bytes that are not text.
fn text_in(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// Bytes of a fixed length as the text that they are, without the zeros that fill them up; others in hexadecimal.
fn fixed_text(bytes: &[u8]) -> String {
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    match text_in(&bytes[..length]).filter(|text| !text.is_empty()) {
        Some(text) => text.to_owned(),
        None => hex(bytes),
    }
}

/// The path of a cell, for the name of a picture.
pub(super) enum CellPath<'a> {
    /// A column.
    Column(&'a str),
    /// A field of a struct.
    Field(&'a CellPath<'a>, &'a str),
    /// An item of a list, from 0.
    Item(&'a CellPath<'a>, usize),
}

impl CellPath<'_> {
    fn name(&self) -> String {
        match self {
            Self::Column(name) => (*name).to_owned(),
            Self::Field(parent, name) => format!("{}.{name}", parent.name()),
            Self::Item(parent, at) => format!("{}.{at}", parent.name()),
        }
    }
}

fn item_type(list: &DataType) -> &DataType {
    match list {
        DataType::List(item) => item.data_type(),
        other => other,
    }
}

fn scalar(array: &dyn Array, index: usize) -> Option<Value> {
    use DataType as T;
    let text = |text: String| Some(Value::String(text));
    match array.data_type() {
        T::Utf8 => text(array.as_string::<i32>().value(index).to_owned()),
        T::Boolean => Some(array.as_boolean().value(index).into()),
        T::FixedSizeBinary(_) => text(fixed_text(array.as_fixed_size_binary().value(index))),
        T::Decimal32(..) => text(decimal::<Decimal32Type>(array, index)),
        T::Decimal64(..) => text(decimal::<Decimal64Type>(array, index)),
        T::Decimal128(..) => text(decimal::<Decimal128Type>(array, index)),
        T::Decimal256(..) => text(decimal::<Decimal256Type>(array, index)),
        T::Date32 | T::Time32(_) | T::Time64(_) | T::Timestamp(..) => time(array, index).map(Value::String),
        _ => number(array, index),
    }
}

fn number(array: &dyn Array, index: usize) -> Option<Value> {
    match array.data_type() {
        DataType::Int8 => integer::<Int8Type>(array, index),
        DataType::Int16 => integer::<Int16Type>(array, index),
        DataType::Int32 => integer::<Int32Type>(array, index),
        DataType::Int64 => integer::<Int64Type>(array, index),
        DataType::UInt8 => integer::<UInt8Type>(array, index),
        DataType::UInt16 => integer::<UInt16Type>(array, index),
        DataType::UInt32 => integer::<UInt32Type>(array, index),
        DataType::UInt64 => integer::<UInt64Type>(array, index),
        DataType::Float16 => short_float(array.as_primitive::<Float16Type>().value(index).to_f32()),
        DataType::Float32 => short_float(array.as_primitive::<Float32Type>().value(index)),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(index)),
        _ => None,
    }
}

fn integer<T: ArrowPrimitiveType>(array: &dyn Array, index: usize) -> Option<Value>
where
    Value: From<T::Native>,
{
    Some(array.as_primitive::<T>().value(index).into())
}

/// JSON has no NaN and no infinities.
fn float(value: f64) -> Option<Value> {
    Number::from_f64(value).map(Value::Number)
}

/// The shortest digits that identify the 32-bit float: 0.1, not 0.10000000149011612.
fn short_float(value: f32) -> Option<Value> {
    float(value.to_string().parse().unwrap_or(f64::NAN))
}

fn decimal<T: DecimalType>(array: &dyn Array, index: usize) -> String {
    array.as_primitive::<T>().value_as_string(index)
}

/// A date, a time or both in ISO 8601. Instants end in `Z`.
fn time(array: &dyn Array, index: usize) -> Option<String> {
    match array.data_type() {
        DataType::Date32 => Some(array.as_primitive::<Date32Type>().value_as_date(index)?.to_string()),
        DataType::Time32(TimeUnit::Second) => clock::<Time32SecondType>(array, index),
        DataType::Time32(_) => clock::<Time32MillisecondType>(array, index),
        DataType::Time64(TimeUnit::Microsecond) => clock::<Time64MicrosecondType>(array, index),
        DataType::Time64(_) => clock::<Time64NanosecondType>(array, index),
        DataType::Timestamp(unit, zone) => {
            let text = match unit {
                TimeUnit::Second => moment(array.as_primitive::<TimestampSecondType>(), index),
                TimeUnit::Millisecond => moment(array.as_primitive::<TimestampMillisecondType>(), index),
                TimeUnit::Microsecond => moment(array.as_primitive::<TimestampMicrosecondType>(), index),
                TimeUnit::Nanosecond => moment(array.as_primitive::<TimestampNanosecondType>(), index),
            };
            Some(text? + if zone.is_some() { "Z" } else { "" })
        }
        _ => None,
    }
}

fn clock<T: ArrowTemporalType>(array: &dyn Array, index: usize) -> Option<String>
where
    i64: From<T::Native>,
{
    Some(array.as_primitive::<T>().value_as_time(index)?.to_string())
}

fn moment<T: ArrowTemporalType>(array: &PrimitiveArray<T>, index: usize) -> Option<String>
where
    i64: From<T::Native>,
{
    Some(array.value_as_datetime(index)?.to_string().replacen(' ', "T", 1))
}
