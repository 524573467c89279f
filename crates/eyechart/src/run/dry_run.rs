//! The dry run: inspects every sample that a run would send, and reports which would fail and what else is unusual. Sends
//! and stores nothing.

use std::collections::HashMap;

use rayon::iter::{ParallelBridge, ParallelIterator};
use serde::Serialize;

use super::forecast::{Forecast, RequestSizer, RequestTotals, forecast};
use super::recorded::RecordedAnswers;
use super::{Plan, RunError, Spent};
use crate::image::Preparer;
use crate::provider::Protocol;
use crate::task::SampleResult;
use crate::types::{Answers, Epoch, Failure, FailureKind, ImageSource, PickedSample, Sample, ToAsk};
use crate::web::Web;

/// A prompt with more characters gets a remark. They are about 25,000 tokens.
const LONG_PROMPT: usize = 100_000;

/// What is unusual about a sample: a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// No sample can be made of the row.
    Sample,
    /// A picture is missing, cannot be read or is too large, or there are too many.
    Picture,
    /// Its recorded answer is missing or empty.
    NoAnswer,
    /// The prompt has only white space.
    EmptyPrompt,
    /// The prompt is very long.
    LongPrompt,
    /// The row has no reference, so its answer will not be scored.
    MissingTarget,
    /// The reference has only white space, so the answer will not be scored.
    EmptyTarget,
    /// A picture is at an address that a run would fetch, and has not been fetched yet.
    UnseenPicture,
}

impl Oddity {
    /// Whether the sample would fail.
    #[must_use]
    pub fn is_fatal(self) -> bool {
        matches!(self, Self::Sample | Self::Picture | Self::NoAnswer)
    }
}

/// One remark about one sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The sample's id.
    pub id: String,
    /// Its row, from 0.
    pub row: u64,
    /// The kind of remark.
    pub oddity: Oddity,
    /// Whether the sample would fail.
    pub would_fail: bool,
    /// What was found.
    pub message: String,
}

/// The lengths of the prompts, in characters.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PromptLengths {
    /// Arithmetic mean.
    pub mean: f64,
    /// The length of the longest prompt.
    pub longest: usize,
    /// The id of its sample.
    pub longest_id: String,
}

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DryRun {
    /// The task's name.
    pub task: String,
    /// The model's name.
    pub model: String,
    /// Rows of the data.
    pub rows: u64,
    /// Rows among them that cannot be read.
    pub bad_rows: u64,
    /// Samples that would be sent.
    pub samples: usize,
    /// Answers that they would be asked for: a sample counts once for each epoch. Absent if each is asked once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<usize>,
    /// Samples among them that would fail before they are sent.
    pub would_fail: usize,
    /// The forecast for the other samples.
    pub forecast: Forecast,
    /// The lengths of the prompts; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<PromptLengths>,
    /// All remarks, by row.
    pub remarks: Vec<Remark>,
}

impl DryRun {
    /// Whether samples would fail, or more than 1% of the rows cannot be read.
    #[must_use]
    pub fn is_faulty(&self) -> bool {
        self.would_fail > 0 || self.bad_rows.saturating_mul(100) > self.rows
    }
}

/// What is found about one sample.
struct Inspection {
    size: RequestTotals,
    prompt: Option<(usize, String)>,
    remarks: Vec<Remark>,
}

/// What a dry run looks at samples with.
#[derive(Debug, Clone, Copy)]
pub struct DryRunTools<'a> {
    /// Prepares the pictures; none are sent, if absent.
    pub preparer: Option<&'a Preparer>,
    /// Has the pictures that were fetched before; addresses are passed through, if absent.
    pub web: Option<&'a Web>,
    /// The wire protocol of the endpoint; absent if no endpoint is asked.
    pub protocol: Option<&'static dyn Protocol>,
}

/// Inspects the samples `to_ask`, each once. Sends nothing. Blocks, and uses all processors.
///
/// # Errors
/// [`RunError::Data`] if the data cannot be read.
pub fn dry_run(
    plan: Plan,
    to_ask: ToAsk,
    tools: &DryRunTools<'_>,
    spent: &Spent,
) -> Result<DryRun, RunError> {
    let DryRunTools { preparer, web, protocol } = *tools;
    let Plan { spec, task, dataset, outputs, .. } = plan;
    let answers = (spec.epochs > 1).then(|| to_ask.answers());
    let samples = to_ask.samples().into_owned();
    let (due, times) = (samples.len(), times_of(to_ask, spec.epochs));
    let samples = dataset.samples(samples)?;
    let recorded = match &spec.answers {
        Answers::Endpoint(_) => None,
        answers => Some(RecordedAnswers::new(answers, outputs.as_ref(), task.keeps_reasoning())),
    };
    let inspector = Inspector { sizer: RequestSizer::new(&spec, preparer), preparer, recorded, web, times };
    let inspected = samples.par_bridge().map(|sample| Ok(inspector.inspect(sample?)));
    let mut inspected: Vec<Inspection> = inspected.collect::<Result<_, RunError>>()?;
    let samples = inspected.len();
    if samples < due {
        return Err(RunError::DataEnded { read: samples, due });
    }
    let would_fail = |inspection: &&Inspection| inspection.remarks.iter().any(|remark| remark.would_fail);
    let failing = inspected.iter().filter(would_fail).count();
    let sound = inspected.iter().filter(|inspection| !would_fail(inspection));
    let size: RequestTotals = sound.map(|inspection| inspection.size).sum();
    let prompts = lengths(&inspected);
    let mut remarks: Vec<Remark> =
        inspected.iter_mut().flat_map(|inspection| inspection.remarks.drain(..)).collect();
    remarks.sort_by(|a, b| (a.row, &a.id, a.oddity).cmp(&(b.row, &b.id, b.oddity)));
    let forecast = forecast(&spec, protocol, size.samples, &size, spent);
    let forecast = forecast.with_detectable(&task, spec.picked.len());
    Ok(DryRun {
        task: spec.task.name,
        model: spec.model,
        rows: spec.data.rows,
        bad_rows: spec.data.bad_rows,
        samples,
        answers,
        would_fail: failing,
        forecast,
        prompts,
        remarks,
    })
}

/// The epochs in which each sample is asked, by row; empty if there is only one epoch.
fn times_of(to_ask: ToAsk, epochs: Epoch) -> HashMap<u64, Vec<Epoch>> {
    let mut times: HashMap<u64, Vec<Epoch>> = HashMap::new();
    for of_epoch in to_ask.into_epochs().into_iter().filter(|_| epochs > 1) {
        let rows = of_epoch.samples.into_iter().map(|picked| picked.row);
        rows.for_each(|row| times.entry(row).or_default().push(of_epoch.epoch));
    }
    times
}

fn lengths(inspected: &[Inspection]) -> Option<PromptLengths> {
    let prompts = || inspected.iter().filter_map(|inspection| inspection.prompt.as_ref());
    let (longest, longest_id) = prompts().max_by(|a, b| a.0.cmp(&b.0).then_with(|| b.1.cmp(&a.1)))?.clone();
    let sum: usize = prompts().map(|(length, _)| length).sum();
    Some(PromptLengths { mean: sum as f64 / prompts().count() as f64, longest, longest_id })
}

struct Inspector<'a> {
    sizer: RequestSizer<'a>,
    preparer: Option<&'a Preparer>,
    recorded: Option<RecordedAnswers>,
    web: Option<&'a Web>,
    /// See [`times_of`].
    times: HashMap<u64, Vec<Epoch>>,
}

impl Inspector<'_> {
    fn inspect(&self, sample: SampleResult) -> Inspection {
        let sample = match sample {
            Ok(sample) => self.with_fetched(sample),
            Err(unmade) => return inspection_of_unmade(&unmade.picked, &unmade.failure),
        };
        let mut found = self.pictures(&sample);
        found.extend(prompt(&sample));
        found.extend(targets(&sample));
        found.extend(self.answer(&sample));
        let remark = |(oddity, message): (Oddity, String)| remark(&sample.id, sample.row, oddity, message);
        Inspection {
            size: self.sizer.size_of(&sample) * self.epochs_of(&sample).len() as u64,
            prompt: Some((sample.prompt.chars().count(), sample.id.clone())),
            remarks: found.into_iter().map(remark).collect(),
        }
    }

    /// The sample with the pictures that were fetched before in place of their addresses.
    fn with_fetched(&self, mut sample: Sample) -> Sample {
        let Some(web) = self.web else { return sample };
        for image in sample.messages.pictures_mut() {
            let ImageSource::Url(url) = image else { continue };
            if let Some(bytes) = web.from_cache(url) {
                *image = ImageSource::Fetched { bytes, url: std::mem::take(url) };
            }
        }
        sample
    }

    fn pictures(&self, sample: &Sample) -> Vec<(Oddity, String)> {
        let Some(preparer) = self.preparer else { return Vec::new() };
        let mut found = Vec::new();
        if let Err(failure) = preparer.try_number(sample.messages.pictures().count()) {
            found.push((Oddity::Picture, failure.message));
        }
        for image in sample.messages.pictures() {
            match image {
                ImageSource::Url(url) if self.web.is_some() => {
                    let message = format!("{url}: a run would fetch it");
                    found.push((Oddity::UnseenPicture, message));
                }
                image => found.extend(preparer.try_out(image).err().map(|f| (Oddity::Picture, f.message))),
            }
        }
        found
    }

    fn answer(&self, sample: &Sample) -> Option<(Oddity, String)> {
        let recorded = self.recorded.as_ref()?;
        let failure =
            self.epochs_of(sample).iter().find_map(|epoch| recorded.answer(sample, *epoch).err())?;
        Some((Oddity::NoAnswer, failure.message))
    }

    /// The epochs in which the sample is asked.
    fn epochs_of(&self, sample: &Sample) -> &[Epoch] {
        self.times.get(&sample.row).map_or(&[1], Vec::as_slice)
    }
}

fn prompt(sample: &Sample) -> Option<(Oddity, String)> {
    let length = sample.prompt.chars().count();
    if sample.prompt.trim().is_empty() {
        return Some((Oddity::EmptyPrompt, "the prompt has nothing but white space".to_owned()));
    }
    (length > LONG_PROMPT).then(|| {
        (Oddity::LongPrompt, format!("the prompt has {length} characters: does the model read that many?"))
    })
}

fn targets(sample: &Sample) -> Vec<(Oddity, String)> {
    let remark = |(target, texts): (&String, &Vec<String>)| {
        if texts.is_empty() {
            return Some((
                Oddity::MissingTarget,
                format!("the row has no {target}: its answer will not be scored"),
            ));
        }
        texts
            .iter()
            .all(|text| text.trim().is_empty())
            .then(|| (Oddity::EmptyTarget, format!("{target} is empty: the answer will not be scored")))
    };
    sample.targets.iter().filter_map(remark).collect()
}

fn inspection_of_unmade(picked: &PickedSample, failure: &Failure) -> Inspection {
    let oddity = match failure.kind {
        FailureKind::Image | FailureKind::PictureUnavailable => Oddity::Picture,
        _ => Oddity::Sample,
    };
    let remark = remark(&picked.id, picked.row, oddity, failure.message.clone());
    Inspection { size: RequestTotals::default(), prompt: None, remarks: vec![remark] }
}

fn remark(id: &str, row: u64, oddity: Oddity, message: String) -> Remark {
    Remark { id: id.to_owned(), row, oddity, would_fail: oddity.is_fatal(), message }
}
