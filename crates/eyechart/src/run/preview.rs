//! A request in the form for people: made as in a run, with pictures abbreviated. Nothing is sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::fetch_pictures::{FetchedSize, fetch_pictures};
use super::request::NotReady;
use super::{AskingSetup, RunError};
use crate::engine::block_on;
use crate::files::sha256_hex;
use crate::task::TaskData;
use crate::text::grouped;
use crate::types::{ImageRecord, PickedSample, Progress, Sample, SampleRecord, named_row, nearest};

/// Shorter texts are never abbreviated, in bytes.
const SHORTEST_ABBREVIATED: usize = 256;

/// Number of ids in an error.
const SHOWN: usize = 5;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The address of the request.
    pub url: String,
    /// The body as indented JSON. Each picture is replaced by its number of bytes, its size and its hash.
    pub body: String,
}

impl AskingSetup {
    /// The request for `sample`, made as in a run. Sends nothing to the model. Fetches a picture at an address
    /// if a run would do so. Blocks.
    ///
    /// # Errors
    /// [`RunError::Config`] if a picture cannot be sent, with the reason that a run would record.
    pub fn preview(&self, sample: Sample) -> Result<Preview, RunError> {
        let id = sample.id.clone();
        let failed = |record: Box<SampleRecord>| {
            let reason = record.error.map(|failure| failure.message).unwrap_or_default();
            RunError::Config(format!("the sample {id} would fail before it is sent: {reason}"))
        };
        let sample = match &self.web {
            Some(web) => block_on(fetch_pictures(web, sample, &FetchedSize::default()))?.map_err(failed)?,
            None => sample,
        };
        let (record, body) = self.prepare(sample).map_err(|not_ready| match not_ready {
            NotReady::SampleFailed(record) => failed(record),
            NotReady::RunFailed(error) => error,
        })?;
        let mut body: Value = serde_json::from_slice(&body)
            .map_err(|error| RunError::Config(format!("the body of the sample {id} is not JSON: {error}")))?;
        let pictures = [record.example_images, record.images].concat();
        abbreviate(&mut body, &pictures);
        Ok(Preview { url: self.provider.url().to_owned(), body: format!("{body:#}") })
    }
}

/// The sample `id` among all samples that could be picked. Fetches the data that it needs.
///
/// # Errors
/// [`RunError::Config`] with some ids if there is no such sample; [`RunError::Data`] if the data cannot be read.
pub fn sample_named(mut dataset: TaskData, id: &str, progress: &dyn Progress) -> Result<Sample, RunError> {
    let survey = dataset.survey()?;
    let all = dataset.pick(&survey.eligible, usize::MAX, 0, &mut Vec::new())?;
    let row = named_row(id);
    let by_row = || all.iter().find(|picked| Some(picked.row) == row);
    let Some(picked) = all.iter().find(|picked| picked.id == id).or_else(by_row) else {
        return Err(RunError::Config(no_such(id, &all)));
    };
    dataset.fetch(std::slice::from_ref(picked), progress)?;
    let mut samples = dataset.samples(vec![picked.clone()])?;
    match samples.next().transpose()? {
        Some(Ok(sample)) => Ok(sample),
        Some(Err(unmade)) => Err(RunError::Config(format!("the sample {id}: {}", unmade.failure.message))),
        None => {
            Err(RunError::Config(format!("the sample {id} is no longer in the data: did a file change?")))
        }
    }
}

fn no_such(id: &str, all: &[PickedSample]) -> String {
    let ids = || all.iter().map(|picked| picked.id.as_str());
    let mut shown: Vec<&str> = nearest(id, ids()).into_iter().collect();
    shown.extend(ids().filter(|id| shown.first() != Some(id)).take(SHOWN - shown.len()).collect::<Vec<_>>());
    match all.len() {
        0 => format!("no sample {id:?}: the task has none at all"),
        count => format!("no sample {id:?} among {count}: there are {}, …", shown.join(", ")),
    }
}

/// Replaces each picture by a description, wherever the protocol has it. A picture is a text in base64, with or without
/// the start of a data URL, whose bytes have the hash of one of `pictures`.
fn abbreviate(value: &mut Value, pictures: &[ImageRecord]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| abbreviate(item, pictures)),
        Value::Object(fields) => fields.values_mut().for_each(|field| abbreviate(field, pictures)),
        Value::String(text) if text.len() >= SHORTEST_ABBREVIATED => {
            let at = text.find(";base64,").map_or(0, |at| at + ";base64,".len());
            if let Some(words) = description(&text[at..], pictures) {
                text.replace_range(at.., &words);
            }
        }
        _ => {}
    }
}

fn description(encoded: &str, pictures: &[ImageRecord]) -> Option<String> {
    let bytes = STANDARD.decode(encoded).ok()?;
    let sha256 = sha256_hex(&bytes);
    let picture = pictures.iter().find(|picture| picture.sha256.as_ref() == Some(&sha256))?;
    let size = match (picture.width, picture.height) {
        (Some(width), Some(height)) => format!(", {width} × {height}"),
        _ => String::new(),
    };
    Some(format!("… ({} bytes{size}, sha256 {}…)", grouped(bytes.len() as u64), &sha256[..8]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_picture_is_abbreviated_in_any_protocol_and_other_texts_are_not() {
        let bytes = vec![7; 12_345];
        let encoded = STANDARD.encode(&bytes);
        let sha256 = sha256_hex(&bytes);
        let picture = ImageRecord {
            source: "a.png".to_owned(),
            sha256: Some(sha256.clone()),
            media_type: None,
            width: Some(1024),
            height: Some(768),
            bytes: None,
            changed: None,
            note: None,
        };
        let other = STANDARD.encode(vec![8; 500]);
        let mut body =
            json!({"url": format!("data:image/png;base64,{encoded}"), "data": encoded, "text": other});
        abbreviate(&mut body, &[picture]);
        let words = format!("… (12,345 bytes, 1024 × 768, sha256 {}…)", &sha256[..8]);
        let expected = json!({"url": format!("data:image/png;base64,{words}"), "data": words, "text": other});
        assert_eq!(body, expected);
    }
}
