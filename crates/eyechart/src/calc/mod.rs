//! The functions behind the tables by name, for the user's own numbers and for tests. Takes arguments as JSON,
//! returns a JSON object.
//!
//! To add a function, write it and add a line to the `FUNCTIONS` of its file.

mod agreement;
mod arguments;
mod comparisons;
mod figures;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::scorer::captions;
use crate::scorer::choice::{self, Options};
use crate::scorer::text;
use crate::stats;
use crate::text::{counted, split_reasoning};
use crate::types::character_span;

/// The result of a function. A value that is not defined has no key.
pub type Output = Map<String, Value>;

/// Why a function gives no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalcError {
    /// There is no function with this name.
    #[error("unknown function {name:?}: expected one of {}", names().collect::<Vec<_>>().join(", "))]
    Unknown {
        /// The name.
        name: String,
    },
    /// The arguments do not fit the function.
    #[error("args: {0}")]
    Arguments(String),
}

type Function = fn(Value) -> Result<Output, String>;

/// The functions of texts and simple figures by name. Those of statistics are beside this file.
const FUNCTIONS: &[(&str, Function)] = &[
    ("anls", |args| best(args, text::anls)),
    ("captions", captions_of),
    ("choice", choice_of),
    ("chrf", |args| best(args, text::chrf)),
    ("contains", |args| best(args, |answer, reference| share(text::contains(answer, reference)))),
    ("exact_match", |args| best(args, |answer, reference| share(text::exact_match(answer, reference)))),
    ("final_answer", final_answer_of),
    ("json_fields", json_fields_of),
    ("mean", |args| Ok(value(stats::mean(&parse::<Values>(args)?.values).value))),
    ("mme", mme_of),
    ("number", number_of),
    ("ptb_tokens", ptb_tokens_of),
    ("relaxed_match", |args| best(args, |answer, reference| share(text::relaxed_match(answer, reference)))),
    ("share_above", share_above_of),
    ("token_f1", |args| best(args, text::token_f1)),
    ("top_k", top_k_of),
    ("vqa_accuracy", vqa_accuracy_of),
    ("yes_no", yes_no_of),
];

fn functions() -> impl Iterator<Item = &'static (&'static str, Function)> {
    let all = [FUNCTIONS, figures::FUNCTIONS, comparisons::FUNCTIONS, agreement::FUNCTIONS];
    all.into_iter().flatten()
}

/// The names of all functions, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    let mut names: Vec<&str> = functions().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.into_iter()
}

/// Calls the function `name` with `args`.
///
/// # Errors
/// [`CalcError`] with the function or the argument that was expected.
pub fn call(name: &str, args: Value) -> Result<Output, CalcError> {
    let found = functions().find(|(known, _)| *known == name);
    let (_, function) = found.ok_or_else(|| CalcError::Unknown { name: name.to_owned() })?;
    function(args).map_err(CalcError::Arguments)
}

/// An answer with its references.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compared {
    answer: String,
    references: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Values {
    values: Vec<f64>,
}

fn parse<T: DeserializeOwned>(args: Value) -> Result<T, String> {
    serde_json::from_value(args).map_err(|error| error.to_string())
}

fn share(is_right: bool) -> f64 {
    f64::from(u8::from(is_right))
}

/// The pairs that have a value. A number that is not finite counts as no value.
fn present<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<Value>)>) -> Output {
    let pairs = pairs.into_iter().filter(|(_, value)| value.as_ref().is_some_and(|value| !value.is_null()));
    pairs.filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

fn value(value: Option<f64>) -> Output {
    present([("value", value.map(Value::from))])
}

/// The highest value among the references; absent without references.
fn best(args: Value, score: impl Fn(&str, &str) -> f64) -> Result<Output, String> {
    let Compared { answer, references } = parse(args)?;
    let values = references.iter().map(|reference| score(&answer, reference));
    Ok(value(values.reduce(f64::max)))
}

fn vqa_accuracy_of(args: Value) -> Result<Output, String> {
    let Compared { answer, references } = parse(args)?;
    Ok(match text::vqa_accuracy(&answer, &references) {
        Ok(accuracy) => value(Some(accuracy)),
        Err(reason) => present([("unscored", Some(reason.to_string().into()))]),
    })
}

fn share_above_of(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        values: Vec<f64>,
        threshold: f64,
    }
    let Args { values, threshold } = parse(args)?;
    Ok(value(stats::share_above(&values, threshold).value))
}

fn top_k_of(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        values: Vec<f64>,
        k: usize,
    }
    let Args { values, k } = parse(args)?;
    Ok(value(stats::top_k(&values, k).value))
}

fn number_of(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        answer: String,
        reference: String,
        #[serde(default)]
        tolerance: f64,
        #[serde(default)]
        relative_tolerance: f64,
    }
    let args: Args = parse(args)?;
    let tolerance = text::Tolerance { absolute: args.tolerance, relative: args.relative_tolerance };
    let answer = text::read_number(&args.answer).map(|number| number.value().into());
    let (value, unscored) = match text::number(&args.answer, &args.reference, tolerance) {
        text::NumberMatch::Right => (Some(json!(1.0)), None),
        text::NumberMatch::Wrong | text::NumberMatch::AnswerNotRead => (Some(json!(0.0)), None),
        text::NumberMatch::ReferenceNotRead => (None, Some("the reference is not a number".into())),
    };
    Ok(present([("value", value), ("answer", answer), ("unscored", unscored)]))
}

fn json_fields_of(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        answer: String,
        expected: Map<String, Value>,
        #[serde(default)]
        fields: Map<String, Value>,
    }
    let args: Args = parse(args)?;
    let options = text::options_of_fields(&args.fields).map_err(|fault| format!("fields: {fault}"))?;
    let score = text::json_fields(&args.answer, &args.expected, &options);
    let is_right = score.is_record_right().map(|is_right| share(is_right).into());
    Ok(present([
        ("value", is_right),
        ("right", Some(score.right().into())),
        ("scored", Some(score.scored().into())),
        ("explanation", score.explanation().map(Value::from)),
    ]))
}

fn yes_no_of(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        answers: Vec<String>,
        labels: Vec<String>,
    }
    let Args { answers, labels } = parse(args)?;
    if answers.len() != labels.len() {
        return Err(format!("{}, but {}", counted(answers.len(), "answer"), counted(labels.len(), "label")));
    }
    let verdict = |text: &String| match text.as_str() {
        "yes" => Ok(Some(text::YesNo::Yes)),
        "no" => Ok(Some(text::YesNo::No)),
        "none" => Ok(None),
        other => Err(format!("{other:?} is not a verdict: expected yes, no or none")),
    };
    let mut counts = text::YesNoCounts::default();
    for (answer, label) in answers.iter().zip(&labels) {
        let label = verdict(label)?.ok_or("a label is \"none\": expected yes or no")?;
        counts += text::YesNoCounts::of(verdict(answer)?, label);
    }
    let figures = [
        ("precision", counts.precision()),
        ("recall", counts.recall()),
        ("f1", counts.f1()),
        ("accuracy", counts.accuracy()),
        ("yes_share", counts.yes_share()),
    ];
    Ok(present(figures.map(|(name, figure)| (name, figure.map(Value::from)))))
}

fn mme_of(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        items: Vec<(String, String, f64)>,
    }
    let Args { items } = parse(args)?;
    let figures = text::mme(items.iter().map(|(category, picture, right)| text::MmeItem {
        category,
        picture,
        is_right: *right != 0.0,
    }));
    let of_each = |figure: fn(&text::MmeCategory) -> Option<f64>| -> Value {
        let figures = figures.categories.iter();
        let figures = figures.filter_map(|(name, counts)| Some((name.clone(), figure(counts)?.into())));
        Value::Object(figures.collect())
    };
    Ok(present([
        ("accuracy", Some(of_each(text::MmeCategory::accuracy))),
        ("accuracy_plus", Some(of_each(text::MmeCategory::accuracy_plus))),
        ("score", figures.score().map(Value::from)),
    ]))
}

fn choice_of(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        answer: String,
        options: Vec<String>,
    }
    let Args { answer, options } = parse(args)?;
    let options = Options::new(&options);
    let split = split_reasoning(&answer);
    let reading = choice::read(&split.answer, &options);
    let span = reading.span.map(|span| json!(character_span(&answer, split.in_whole_text(span))));
    Ok(present([
        ("answer", Some(reading.verdict.name(&options).into())),
        ("explanation", Some(reading.explanation.into())),
        ("span", span),
    ]))
}

fn final_answer_of(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        answer: String,
    }
    let Args { answer } = parse(args)?;
    let split = split_reasoning(&answer);
    let span = choice::final_answer(&split.answer);
    let read = span.clone().map(|span| split.answer[span].into());
    let span = span.map(|span| json!(character_span(&answer, split.in_whole_text(span))));
    Ok(present([("answer", read), ("span", span)]))
}

fn ptb_tokens_of(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        text: String,
    }
    let Args { text } = parse(args)?;
    Ok(present([("tokens", Some(captions::ptb_tokens(&text).join(" ").into()))]))
}

fn captions_of(args: Value) -> Result<Output, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        answers: Vec<String>,
        references: Vec<Vec<String>>,
    }
    let Args { answers, references } = parse(args)?;
    if answers.len() != references.len() {
        return Err(format!(
            "{}, but {} of references",
            counted(answers.len(), "answer"),
            counted(references.len(), "list")
        ));
    }
    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
    let references: Vec<Vec<&str>> =
        references.iter().map(|texts| texts.iter().map(String::as_str).collect()).collect();
    let scores = captions::score(&answers, &references);
    let corpus = scores.corpus.map(|corpus| caption_figures(corpus.bleu, corpus.rouge_l, corpus.cider));
    let items = scores.items.iter().map(|item| match item {
        Some(item) => caption_figures(item.bleu, item.rouge_l, item.cider),
        None => Value::Object(Map::new()),
    });
    Ok(present([("corpus", corpus), ("items", Some(items.collect()))]))
}

fn caption_figures([one, two, three, four]: [f64; 4], rouge_l: f64, cider: Option<f64>) -> Value {
    let figures = [
        ("bleu_1", Some(one)),
        ("bleu_2", Some(two)),
        ("bleu_3", Some(three)),
        ("bleu_4", Some(four)),
        ("rouge_l", Some(rouge_l)),
        ("cider", cider),
    ];
    Value::Object(present(figures.map(|(name, figure)| (name, figure.map(Value::from)))))
}
