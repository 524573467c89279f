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

/// Pictures by column; pictures inside a list or struct by `column.0` or `column.field`.
type Blobs = BTreeMap<String, Bytes>;

/// Whether cells of this type can be read.
pub(super) fn is_readable(data_type: &DataType) -> bool {
    use DataType as T;
    match data_type {
        T::List(item) => is_readable(item.data_type()),
        T::Struct(fields) => fields.iter().all(|field| is_readable(field.data_type())),
        T::Null | T::Boolean | T::Utf8 | T::Binary | T::FixedSizeBinary(_) | T::Date32 => true,
        T::Time32(_) | T::Time64(_) | T::Timestamp(..) => true,
        T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) | T::Decimal256(..) => true,
        other => other.is_integer() || other.is_floating(),
    }
}

/// Whether the type is how Hugging Face's datasets store a picture: `struct<bytes, path>`.
fn is_picture(data_type: &DataType) -> bool {
    let DataType::Struct(fields) = data_type else { return false };
    let has = |name: &str, data_type| {
        fields.iter().any(|field| field.name() == name && *field.data_type() == data_type)
    };
    fields.len() == 2 && has("bytes", DataType::Binary) && has("path", DataType::Utf8)
}

/// The leaf columns below a field, in the order of the file. Each is `true` if it is binary.
pub(super) fn leaves(field: &Field) -> Vec<bool> {
    match field.data_type() {
        DataType::List(item) | DataType::Map(item, _) => leaves(item),
        DataType::Struct(fields) => fields.iter().flat_map(|field| leaves(field)).collect(),
        other => vec![*other == DataType::Binary],
    }
}

/// The cell at `index` as JSON, if JSON can represent its value. Its pictures go to `blobs` under `name`. `full` is
/// the array's type in the file; the array may hold only a part of it, such as the path of a picture.
pub(super) fn read_cell(
    array: &dyn Array,
    full: &DataType,
    index: usize,
    path: &CellPath<'_>,
    blobs: &mut Blobs,
) -> Option<Value> {
    if array.is_null(index) {
        return None;
    }
    match array.data_type() {
        DataType::Binary => {
            blobs.insert(path.name(), Bytes::copy_from_slice(array.as_binary::<i32>().value(index)));
            None
        }
        DataType::Struct(_) => {
            let fields = array.as_struct();
            if is_picture(full) {
                picture(fields, index, path, blobs)
            } else {
                object(fields, full, index, path, blobs)
            }
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(index);
            let full = item_type(full);
            let item = |at: usize| {
                let path = CellPath::Item(path, at);
                read_cell(items.as_ref(), full, at, &path, blobs).unwrap_or(Value::Null)
            };
            Some((0..items.len()).map(item).collect())
        }
        _ => scalar(array, index),
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

/// Reads `struct<bytes, path>`: the path is the cell, and the bytes are the blob.
fn picture(fields: &StructArray, index: usize, path: &CellPath<'_>, blobs: &mut Blobs) -> Option<Value> {
    if let Some(bytes) = fields.column_by_name("bytes") {
        read_cell(bytes.as_ref(), &DataType::Binary, index, path, blobs);
    }
    let path = fields.column_by_name("path")?;
    (!path.is_null(index)).then(|| path.as_string::<i32>().value(index).into())
}

fn object(
    fields: &StructArray,
    full: &DataType,
    index: usize,
    path: &CellPath<'_>,
    blobs: &mut Blobs,
) -> Option<Value> {
    let mut object = Map::new();
    for (name, column) in fields.column_names().into_iter().zip(fields.columns()) {
        let DataType::Struct(all) = full else { break };
        let Some((_, field)) = all.find(name) else { continue };
        let path = CellPath::Field(path, name);
        if let Some(value) = read_cell(column.as_ref(), field.data_type(), index, &path, blobs) {
            object.insert(name.to_owned(), value);
        }
    }
    Some(Value::Object(object))
}

fn scalar(array: &dyn Array, index: usize) -> Option<Value> {
    use DataType as T;
    let text = |text: String| Some(Value::String(text));
    match array.data_type() {
        T::Utf8 => text(array.as_string::<i32>().value(index).to_owned()),
        T::Boolean => Some(array.as_boolean().value(index).into()),
        T::FixedSizeBinary(_) => {
            text(array.as_fixed_size_binary().value(index).iter().map(|byte| format!("{byte:02x}")).collect())
        }
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
