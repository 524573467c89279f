//! The forecast of a run before its first request: requests, pictures, tokens and cost, each with its basis.
//!
//! A number without a basis is reported as unknown.

mod token_rule;

use serde::Serialize;
use serde_json::{Map, Value};

use super::Spent;
use crate::image::Preparer;
use crate::power::{Chances, Differing, PlannedComparison, PlannedFigure, USUAL_CORRELATION, USUAL_P};
use crate::provider::Protocol;
use crate::provider::protocol::Parameter;
use crate::score::{TaskFigure, task_figures};
use crate::text::counted;
use crate::types::{Answers, Control, EvalSpec, ImageDetail, ImageSource, Price, Sample, Task, Tokens};
use token_rule::TokenRule;

/// Characters per token: the rule of thumb that OpenAI documents for English.
const CHARACTERS_PER_TOKEN: f64 = 4.0;

/// An expected number and its basis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expected {
    /// The number; absent if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// How the number was derived, or why it is not known.
    pub basis: String,
}

impl Expected {
    fn new(value: f64, basis: impl Into<String>) -> Self {
        Self { value: Some(value), basis: basis.into() }
    }

    fn unknown(basis: impl Into<String>) -> Self {
        Self { value: None, basis: basis.into() }
    }
}

/// The forecast of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// Requests, without retries.
    pub requests: Expected,
    /// Pictures in them.
    pub pictures: Expected,
    /// Tokens of the texts of the prompts. For a resumed run, they include the tokens of the pictures.
    pub text_tokens: Expected,
    /// Tokens of the pictures; absent if there are no pictures, or if `text_tokens` includes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture_tokens: Option<Expected>,
    /// Tokens of the answers.
    pub output_tokens: Expected,
    /// Cost in US dollars; absent if no price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Expected>,
    /// The smallest difference between two models that a comparison on all samples of the run finds, as a fraction; absent
    /// unless the primary figure is a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detectable: Option<Expected>,
}

impl Forecast {
    /// The forecast with the difference that all `samples` samples of a run of `task` find, by the assumptions of
    /// `eyechart power`. The published comparison has figures of its own, and recorded answers cost nothing.
    pub(super) fn with_detectable(self, task: &Task, samples: usize) -> Self {
        let sends = self.requests.value.is_some_and(|requests| requests > 0.0);
        let detectable =
            (sends && !task.is_of_published_suite()).then(|| detectable(task, samples)).flatten();
        Self { detectable, ..self }
    }
}

/// The difference that `samples` samples find in the primary figure, unless it is not a share: the variance of other scores
/// is known only when they are.
fn detectable(task: &Task, samples: usize) -> Option<Expected> {
    let TaskFigure { id, metric } = task_figures(task).into_iter().next()?;
    let figure = PlannedFigure { id, kind: metric.formula.kind(), range: metric.range };
    let differing = figure.differing(USUAL_P, USUAL_CORRELATION)?;
    if !matches!(differing, Differing::Discordant(_)) {
        return None;
    }
    let comparison = PlannedComparison { differing, design_effect: 1.0, chances: Chances::default() };
    Some(match comparison.detectable(samples) {
        Some(difference) => Expected::new(difference, "or more can be found between two models"),
        None => Expected::unknown("too few samples to find any between two models"),
    })
}

/// Sizes of the requests for some samples, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RequestTotals {
    /// Number of samples; each epoch counts.
    pub samples: u64,
    /// Characters of all texts: system message, earlier turns and prompt.
    pub characters: u64,
    /// Pictures, including those of earlier turns.
    pub pictures: u64,
    /// Pictures with a known number of tokens.
    pub counted_pictures: u64,
    /// Tokens of these pictures.
    pub picture_tokens: u64,
}

impl std::ops::Add for RequestTotals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            samples: self.samples + other.samples,
            characters: self.characters + other.characters,
            pictures: self.pictures + other.pictures,
            counted_pictures: self.counted_pictures + other.counted_pictures,
            picture_tokens: self.picture_tokens + other.picture_tokens,
        }
    }
}

impl std::ops::Mul<u64> for RequestTotals {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self {
            samples: self.samples * times,
            characters: self.characters * times,
            pictures: self.pictures * times,
            counted_pictures: self.counted_pictures * times,
            picture_tokens: self.picture_tokens * times,
        }
    }
}

impl std::iter::Sum for RequestTotals {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| a + b)
    }
}

/// Computes the sizes of requests.
pub struct RequestSizer<'a> {
    preparer: Option<&'a Preparer>,
    rule: Option<TokenRule>,
    control: Option<Control>,
}

impl<'a> RequestSizer<'a> {
    /// A sizer for the requests of a run of `spec`, with pictures as `preparer` makes them.
    #[must_use]
    pub fn new(spec: &EvalSpec, preparer: Option<&'a Preparer>) -> Self {
        let endpoint = match &spec.answers {
            Answers::Endpoint(endpoint) => Some(endpoint),
            Answers::Column(_) | Answers::Outputs(_) => None,
        };
        let detail = preparer.and_then(Preparer::detail).unwrap_or(ImageDetail::Auto);
        let rule = endpoint.and_then(|endpoint| TokenRule::of(&endpoint.base_url, &endpoint.model, detail));
        Self { preparer, rule, control: spec.control }
    }

    /// The size of the request for `sample`. Reads its pictures only if there is a rule for the tokens of a picture.
    #[must_use]
    pub fn size_of(&self, sample: &Sample) -> RequestTotals {
        let (preparer, rule) = (self.preparer, self.rule);
        let images: Vec<&ImageSource> = match self.control {
            Some(Control::NoImages) => Vec::new(),
            Some(Control::ShuffleImages | Control::ShuffleOptions) | None => {
                sample.messages.pictures().collect()
            }
        };
        let counted = images.iter().filter_map(|image| {
            let (width, height) = preparer?.measure(rule.as_ref().and(Some(image))?)?;
            Some(rule?.tokens(width, height))
        });
        let (counted_pictures, picture_tokens) =
            counted.fold((0, 0), |(n, sum), tokens| (n + 1, sum + tokens));
        RequestTotals {
            samples: 1,
            characters: sample.messages.characters() as u64,
            pictures: images.len() as u64,
            counted_pictures,
            picture_tokens,
        }
    }
}

/// How the number of requests of a run of `spec` was derived.
fn basis_of_requests(spec: &EvalSpec) -> String {
    let per = if spec.epochs > 1 { "sample and epoch" } else { "sample" };
    match spec.execution.cache {
        true => format!("at most one per {per}, without retries and cached answers"),
        false => format!("one per {per}, without retries"),
    }
}

/// The forecast for `requests` answers to samples of `spec`, from the sizes of the `measured` samples, and from what a resumed run has
/// `spent`.
#[must_use]
pub fn forecast(
    spec: &EvalSpec,
    protocol: Option<&dyn Protocol>,
    requests: u64,
    measured: &RequestTotals,
    spent: &Spent,
) -> Forecast {
    let Answers::Endpoint(endpoint) = &spec.answers else { return nothing_sent() };
    let unit = spec.unit();
    let extrapolation = Extrapolation { requests, measured: *measured, unit };
    let recorded = (spent.samples > 0).then_some(spent);
    let text_tokens = match recorded {
        Some(spent) => extrapolation.as_recorded(spent.tokens.input, spent),
        None => extrapolation.text_tokens(),
    };
    let picture_tokens =
        (measured.pictures > 0 && recorded.is_none()).then(|| extrapolation.picture_tokens());
    let output_tokens = match recorded {
        Some(spent) => extrapolation.as_recorded(spent.tokens.output, spent),
        None => extrapolation.output_tokens(&endpoint.params, protocol),
    };
    let cost = spec.price.as_ref();
    let cost =
        cost.map(|price| cost_of(price, [Some(&text_tokens), picture_tokens.as_ref()], &output_tokens));
    Forecast {
        requests: Expected::new(requests as f64, basis_of_requests(spec)),
        pictures: extrapolation.pictures(),
        text_tokens,
        picture_tokens,
        output_tokens,
        cost,
        detectable: None,
    }
}

fn nothing_sent() -> Forecast {
    let none = || Expected::new(0.0, "the answers are recorded");
    Forecast {
        requests: none(),
        pictures: none(),
        text_tokens: none(),
        picture_tokens: None,
        output_tokens: none(),
        cost: None,
        detectable: None,
    }
}

/// From the samples that were measured to all samples.
struct Extrapolation {
    requests: u64,
    measured: RequestTotals,
    /// What a record is the record of.
    unit: &'static str,
}

impl Extrapolation {
    fn all(&self, of_measured: u64) -> f64 {
        let share = self.requests as f64 / self.measured.samples.max(1) as f64;
        (of_measured as f64 * share).round()
    }

    fn by(&self) -> String {
        match self.measured.samples >= self.requests {
            true => String::new(),
            false => format!(", as in the first {}", counted(self.measured.samples, "sample")),
        }
    }

    fn pictures(&self) -> Expected {
        Expected::new(self.all(self.measured.pictures), format!("counted{}", self.by()))
    }

    fn text_tokens(&self) -> Expected {
        let tokens = self.all(self.measured.characters) / CHARACTERS_PER_TOKEN;
        let basis = format!("about: {CHARACTERS_PER_TOKEN} characters per token{}", self.by());
        Expected::new(tokens.ceil(), basis)
    }

    fn picture_tokens(&self) -> Expected {
        if self.measured.counted_pictures < self.measured.pictures {
            return Expected::unknown("unknown: there is no rule for this model");
        }
        let basis = format!("at most: the provider's rule for their size{}", self.by());
        Expected::new(self.all(self.measured.picture_tokens), basis)
    }

    fn output_tokens(&self, params: &Map<String, Value>, protocol: Option<&dyn Protocol>) -> Expected {
        let limit = protocol.and_then(|protocol| protocol.parameter(params, Parameter::MaxTokens));
        let names = protocol.map_or(&[][..], |protocol| protocol.parameter_names(Parameter::MaxTokens));
        match limit.and_then(|(name, limit)| Some((name, limit.as_u64()?))) {
            Some((name, limit)) => {
                Expected::new(self.requests as f64 * limit as f64, format!("at most: {name} = {limit}"))
            }
            None => {
                let hint = names.first().map(|name| format!(" (--param {name}=N)")).unwrap_or_default();
                Expected::unknown(format!("unknown: no limit is set{hint}"))
            }
        }
    }

    fn as_recorded(&self, tokens: u64, spent: &Spent) -> Expected {
        let mean = tokens as f64 / spent.samples as f64;
        let basis = format!("about: mean of {} in the record", counted(spent.samples, self.unit));
        Expected::new((mean * self.requests as f64).ceil(), basis)
    }
}

fn cost_of(price: &Price, input: [Option<&Expected>; 2], output: &Expected) -> Expected {
    let Some(output) = output.value else {
        return Expected::unknown("unknown, because the tokens of answers are");
    };
    let known = input.iter().flatten().filter_map(|expected| expected.value).sum::<f64>();
    let left_out = input.iter().flatten().any(|expected| expected.value.is_none());
    let without = if left_out { ", without the pictures' tokens" } else { "" };
    // Whole numbers of tokens, far below where an f64 has gaps.
    let tokens = Tokens { input: known as u64, output: output as u64 };
    let basis = format!(
        "USD{without}, at {} in and {} out per million tokens ({}, {})",
        price.input, price.output, price.source, price.date
    );
    Expected::new(price.of(tokens), basis)
}
