//! The scorer `choice`: whether an answer picks the right option.

use super::{Options, Reading, Verdict, read};
use crate::scorer::declaration::{ConfiguredScorer, Declaration, KeyFault, Target, right_or_wrong};
use crate::scorer::measure::{Item, Measure, Outcome};
use crate::types::{RecordedChoices, ScoreEntry, Unparsed, readable_metric};

/// The scorer `choice`.
pub(in crate::scorer) const CHOICE: Declaration =
    Declaration { target: Target::Choices, reads_all_references: true, ..Declaration::new("choice", build) };

fn build(entry: &ScoreEntry) -> Result<ConfiguredScorer, KeyFault> {
    let metrics = vec![
        right_or_wrong(entry, "share of answers that pick the right option"),
        readable_metric("share of answers that pick exactly one option"),
    ];
    let unparsed = entry.unparsed;
    Ok(ConfiguredScorer::plain(metrics, Measure::of_item(move |item| outcome(item, unparsed))))
}

fn outcome(item: &Item<'_>, unparsed: Unparsed) -> Outcome {
    let choices = item.record.choices.as_ref().filter(|choices| !choices.options.is_empty());
    let Some(RecordedChoices { options, label, .. }) = choices else {
        return Outcome::unscored("the row has no options");
    };
    let Some(label) = label else {
        return Outcome::unscored("the label names none of the options, or more than one");
    };
    let options = Options::new(options);
    let Reading { verdict, explanation, span } = read(item.text, &options);
    let name = verdict.name(&options);
    let is_readable = matches!(verdict, Verdict::Option(_));
    let outcome = match (is_readable, unparsed) {
        (false, Unparsed::Unscored) => Outcome::unscored("no answer could be read"),
        _ => Outcome::right(is_readable && name == *label),
    };
    Outcome {
        answer: Some(name),
        explanation: Some(explanation.to_owned()),
        span,
        ..outcome.readable(is_readable)
    }
}

impl Verdict {
    /// Returns the letter of the option, `ambiguous` or `none`.
    #[must_use]
    pub fn name(self, options: &Options) -> String {
        match self {
            Self::Option(index) => options.letter(index),
            Self::Ambiguous => "ambiguous".to_owned(),
            Self::None => "none".to_owned(),
        }
    }
}
