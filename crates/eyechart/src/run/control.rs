//! Controls: runs that show how much of a score depends on the pictures or on the order of the options. Refuses controls that
//! change nothing, and exchanges the pictures of a shuffled run. Sends no request to the model.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rayon::iter::{ParallelBridge, ParallelIterator};

use super::fetch_pictures::fetch_each;
use super::plan::AnswersFrom;
use super::{Plan, RunError};
use crate::image::Preparer;
use crate::task::{Donor, Donors, NoExchange, PictureHash, RowPictures, derange};
use crate::types::{Control, Failure, FailureKind, ImageSource, PickedSample, Task};
use crate::web::Web;

/// Number of ids in an error.
const SHOWN: usize = 3;

/// Memory for a path or an address, in bytes.
const NAME_BYTES: u64 = 256;

/// Refuses a control of a run that has nothing to change.
///
/// # Errors
/// [`RunError::Config`] with the reason.
pub(super) fn refuse_control(control: Control, task: &Task, answers: &AnswersFrom) -> Result<(), RunError> {
    let flag = format!("--control {}", control.name());
    let recorded = match answers {
        AnswersFrom::Endpoint { .. } if control == Control::ShuffleOptions => {
            return has_options(&flag, task);
        }
        AnswersFrom::Endpoint { .. } if task.images.is_some() => return Ok(()),
        AnswersFrom::Endpoint { .. } => {
            return Err(RunError::Config(format!(
                "{flag}: the task {} sends no pictures (it has no [images]), so its answers cannot depend on them: \
                 leave --control out",
                task.name
            )));
        }
        AnswersFrom::Column(column) => format!("--model recorded/{column}"),
        AnswersFrom::Outputs(path) => format!("--outputs {}", path.display()),
    };
    Err(RunError::Config(format!(
        "{flag}: the answers of {recorded} are recorded already, and a control asks the model again: name the model by \
         --model PROVIDER/NAME"
    )))
}

/// Refuses a task whose options cannot be put in another order.
fn has_options(flag: &str, task: &Task) -> Result<(), RunError> {
    let reason = match &task.dataset.choices {
        None => "has no options (no `choices` in [dataset]):",
        Some(choices) if choices.are_in_text() => {
            "has its options in the question's text (options = \"in_text\"), where they cannot be put in another order: name \
             the columns that hold them, or"
        }
        Some(_) => return Ok(()),
    };
    Err(RunError::Config(format!("{flag}: the task {} {reason} leave --control out", task.name)))
}

/// The hashes of the pictures of a sample, or why the sample cannot be sent.
struct Identified {
    row: u64,
    pictures: Result<Vec<PictureHash>, Failure>,
    /// Bytes that the pictures take in memory.
    bytes: u64,
}

/// The pictures that were fetched, by address.
type Fetched = HashMap<String, Result<PictureHash, Failure>>;

impl Plan {
    /// Refuses to shuffle options if the first of the samples `picked` are sent without their order. Blocks.
    ///
    /// # Errors
    /// [`RunError::Config`] with the reason; [`RunError::Data`] if the data cannot be read.
    pub(super) fn refuse_hidden_option_orders(&self, picked: &[PickedSample]) -> Result<(), RunError> {
        if !self.dataset.hides_option_orders(picked)? {
            return Ok(());
        }
        Err(RunError::Config(format!(
            "--control shuffle-options: the prompt of the task {} does not change with the order of the options, so only the \
             label would move: write the options in the prompt ({{% for option in choices %}}), not in the question's text, or \
             leave --control out",
            self.task.name
        )))
    }

    /// Gives each picked sample the pictures of another picked sample. `preparer` identifies the pictures. A sample whose
    /// own pictures cannot be sent is not part of the exchange, and fails as in a run without control. Reads the pictures
    /// of all picked samples. Fetches those at addresses with `web`, `at_once` at a time. Blocks.
    ///
    /// # Errors
    /// [`RunError::Config`] if no exchange gives every sample other pictures than its own; [`RunError::Data`] if the data
    /// cannot be read.
    pub fn exchange_pictures(
        &mut self,
        preparer: &Preparer,
        web: Option<&Arc<Web>>,
        at_once: usize,
    ) -> Result<(), RunError> {
        let rows: Vec<u64> = self.spec.picked.iter().map(|picked| picked.row).collect();
        let fetched = match web {
            Some(web) => Some(self.fetch(&rows, preparer, web, at_once)?),
            None => None,
        };
        let identify = |row: RowPictures| identify(row, preparer, fetched.as_ref());
        let identified = self.dataset.pictures(rows)?.par_bridge().map(|row| Ok(identify(row?)));
        let mut identified: Vec<Identified> = identified.collect::<Result<_, RunError>>()?;
        identified.sort_unstable_by_key(|identified| identified.row);
        let donors = self.donors(identified)?;
        self.dataset.exchange_pictures(donors);
        Ok(())
    }

    fn fetch(
        &self,
        rows: &[u64],
        preparer: &Preparer,
        web: &Arc<Web>,
        at_once: usize,
    ) -> Result<Fetched, RunError> {
        let mut urls = BTreeSet::new();
        for row in self.dataset.pictures(rows.to_vec())? {
            urls.extend(row?.images.into_iter().flatten().filter_map(|image| match image {
                ImageSource::Url(url) => Some(url),
                _ => None,
            }));
        }
        let mut found = Fetched::new();
        fetch_each(web, urls.into_iter().collect(), at_once, |url, fetched| {
            let identify = |bytes| preparer.identify(&ImageSource::Fetched { bytes, url: url.clone() });
            found.insert(url.clone(), fetched.and_then(identify));
        })?;
        Ok(found)
    }

    fn donors(&self, identified: Vec<Identified>) -> Result<Donors, RunError> {
        let (mut takers, mut pictures, mut failures) = (Vec::new(), Vec::new(), Vec::new());
        for Identified { row, pictures: identified, bytes } in identified {
            match identified {
                Ok(identified) => {
                    takers.push(Donor { row, bytes });
                    pictures.push(identified);
                }
                Err(failure) => failures.push((row, Err(failure))),
            }
        }
        let ids = |samples: &[usize]| self.ids(samples.iter().map(|&sample| takers[sample].row));
        let exchange = derange(&pictures, self.spec.seed)
            .map_err(|reason| refusal(&reason, pictures.len(), self.spec.picked.len(), ids))?;
        let donors = takers.iter().zip(exchange).map(|(taker, donor)| (taker.row, Ok(takers[donor])));
        Ok(donors.chain(failures).collect())
    }

    /// The first few ids of the samples of these rows.
    fn ids(&self, rows: impl Iterator<Item = u64>) -> String {
        let id = |row| self.spec.picked.iter().find(|picked: &&PickedSample| picked.row == row);
        rows.take(SHOWN).filter_map(id).map(|picked| picked.id.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// The error for `reason`. `usable` of the `picked` samples have pictures that can be sent.
fn refusal(reason: &NoExchange, usable: usize, picked: usize, ids: impl Fn(&[usize]) -> String) -> RunError {
    let cause = match reason {
        NoExchange::TooFew => {
            format!(
                "only {usable} of {picked} samples have usable pictures; shuffle-images needs at least two"
            )
        }
        NoExchange::TooCommon(samples) => format!(
            "{} of {usable} samples have the same picture (such as {}), more than half of them, so not every sample can \
             be sent other pictures than its own",
            samples.len(),
            ids(samples)
        ),
        NoExchange::Entangled(sample) => format!(
            "the {usable} samples have so many pictures in common that {} would be sent one of its own",
            ids(&[*sample])
        ),
        NoExchange::NotFound(sample) => format!(
            "no exchange was found that sends each of the {usable} samples other pictures than its own, because they \
             have many pictures in common (the search stopped at {})",
            ids(&[*sample])
        ),
    };
    RunError::Config(format!(
        "--control shuffle-images: {cause}: pick other samples (--limit, --seed), or use --control no-images"
    ))
}

fn identify(row: RowPictures, preparer: &Preparer, fetched: Option<&Fetched>) -> Identified {
    let RowPictures { row, images } = row;
    let images = images.map_err(|reason| Failure::new(FailureKind::Image, reason));
    let bytes = images.iter().flatten().map(bytes_of).sum();
    let pictures = images.and_then(|images| {
        preparer.try_number(images.len())?;
        images.iter().map(|image| identify_one(image, preparer, fetched)).collect()
    });
    Identified { row, pictures, bytes }
}

fn identify_one(
    image: &ImageSource,
    preparer: &Preparer,
    fetched: Option<&Fetched>,
) -> Result<PictureHash, Failure> {
    match (image, fetched) {
        (ImageSource::Url(url), Some(fetched)) => fetched.get(url).cloned().unwrap_or_else(|| {
            Err(Failure::new(FailureKind::PictureUnavailable, format!("{url}: it was not fetched")))
        }),
        _ => preparer.identify(image),
    }
}

fn bytes_of(image: &ImageSource) -> u64 {
    match image {
        ImageSource::Bytes { bytes, .. } | ImageSource::Fetched { bytes, .. } => {
            bytes.len() as u64 + NAME_BYTES
        }
        ImageSource::File(_) | ImageSource::Member { .. } | ImageSource::Url(_) => NAME_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_reached_its_limit_is_not_called_impossible() {
        let error =
            refusal(&NoExchange::NotFound(3), 7, 9, |samples| format!("c-{}", samples[0])).to_string();
        for part in
            ["no exchange was found", "each of the 7 samples", "stopped at c-3", "--control no-images"]
        {
            assert!(error.contains(part), "{error}");
        }
    }
}
