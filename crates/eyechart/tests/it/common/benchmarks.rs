//! The data of the published comparison in small, laid out as its origin has it.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field, Fields};
use serde_json::json;

use crate::common::{Place, jpeg};

/// Rows of a Flickr30K shard.
const CAPTIONS: usize = 3;

pub fn lay_out(place: &Place) {
    lay_out_arxivqa(place);
    place.write(
        "data/visit-bench/test/metadata.csv",
        "file_name,instruction,instruction_conditioned_caption,gpt4_prediction,reference_output,public_images_metadata\n\
         1.jpg,Who is it?,\"A man, smiling.\",He is a man.,other,\"{\"\"OriginalURL\"\": \"\"https://a.example/1.jpg\"\"}\"\n\
         2.jpg,Where?,A beach.,,other,\"{\"\"OriginalURL\"\": \"\"https://a.example/2.jpg\"\"}\"\n\
         3.jpg,Why?,A dog.,A dog.,other,{}\n",
    );
    for shard in 0..2 {
        write_shard(&place.path(&format!("data/flickr30k/data/test-0000{shard}-of-00002.parquet")), shard);
    }
}

pub fn lay_out_arxivqa(place: &Place) {
    let row = |index: usize| {
        place.write(&format!("data/arxivqa/images/{index}.jpg"), jpeg(index, 2_000));
        json!({"id": format!("physics-{index}"), "image": format!("images/{index}.jpg"),
            "question": format!("What grows in figure {index}?"), "options": ["A) Energy", "B) Mass"],
            "label": "B", "rationale": "The mass curve rises."})
    };
    place.write_jsonl("data/arxivqa/arxivqa.jsonl", &(0..12).map(row).collect::<Vec<_>>());
}

pub fn write_shard(path: &Path, shard: usize) {
    let (mut bytes, mut paths) = (BinaryBuilder::new(), StringBuilder::new());
    let mut references = ListBuilder::new(StringBuilder::new());
    let (mut names, mut captions) = (Vec::new(), Vec::new());
    for index in 0..CAPTIONS {
        let number = shard * CAPTIONS + index;
        bytes.append_value(jpeg(number, 2_000));
        paths.append_value(format!("{number}.jpg"));
        names.push(format!("{number}.jpg"));
        captions.push(format!("A long caption of picture {number}."));
        for reference in 0..5 {
            references.values().append_value(format!("Reference {reference} of picture {number}."));
        }
        references.append(true);
    }
    let fields = Fields::from(vec![
        Field::new("bytes", DataType::Binary, true),
        Field::new("path", DataType::Utf8, true),
    ]);
    let image =
        StructArray::new(fields, vec![Arc::new(bytes.finish()) as ArrayRef, Arc::new(paths.finish())], None);
    let batch = RecordBatch::try_from_iter([
        ("image", Arc::new(image) as ArrayRef),
        ("filename", Arc::new(StringArray::from(names))),
        ("original_alt_text", Arc::new(references.finish())),
        ("alt_text", Arc::new(StringArray::from(captions))),
    ])
    .unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}
