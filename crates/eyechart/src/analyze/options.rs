//! The options of a run with shuffled options: which option an answer means, and at which positions answers are.

use std::collections::HashMap;

use super::figures::{Clusters, Measured, Numbers};
use crate::scorer::choice::Options;
use crate::stats::{Level, cluster_share};
use crate::types::{Epoch, Position, PositionPicks, RecordedChoices, Score};

/// The options of each sample and epoch, as they were sent. Empty unless the run shuffled them.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShuffledOptions(HashMap<(String, Epoch), SentOptions>);

/// The options of one request.
#[derive(Debug, Clone)]
struct SentOptions {
    options: Options,
    /// For each option as sent, its position in the row.
    order: Vec<usize>,
    /// Position of the right option as sent.
    right: Option<usize>,
}

/// What an answer says, so that two answers can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Answer<'a> {
    /// The option at this position in the row.
    Option(usize),
    /// A text.
    Text(&'a str),
    /// The scorer looked for an answer and found none.
    Unreadable,
}

/// What a scorer read from an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadAnswer<'a> {
    pub(crate) id: &'a str,
    pub(crate) epoch: Epoch,
    /// The text that it read.
    pub(crate) text: Option<&'a str>,
    /// Whether it looked for an answer and found none.
    pub(crate) is_unreadable: bool,
    /// Whether the answers of the scorer are letters of the question's options.
    pub(crate) picks_options: bool,
}

impl<'a> ReadAnswer<'a> {
    pub(super) fn of(one: &Measured, score: &'a Score) -> Self {
        Self {
            id: &score.id,
            epoch: score.epoch,
            text: score.answer.as_deref(),
            is_unreadable: score.is_unreadable(),
            picks_options: one.picks_options,
        }
    }
}

impl ShuffledOptions {
    /// Adds the options of a sample in one epoch, if they were shuffled.
    pub(crate) fn add(&mut self, id: &str, epoch: Epoch, choices: Option<&RecordedChoices>) {
        let Some(choices) = choices else { return };
        let Some(order) = &choices.order else { return };
        let options = Options::new(&choices.options);
        let right = choices.label.as_ref().and_then(|label| options.index_of(label));
        let sent = SentOptions { options, order: order.clone(), right };
        self.0.insert((id.to_owned(), epoch), sent);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What an answer says: the letter of a shuffled option stands for the option. `None` if the scorer looks for no answer.
    pub(crate) fn answer<'a>(&self, read: ReadAnswer<'a>) -> Option<Answer<'a>> {
        let Some(text) = read.text else {
            return read.is_unreadable.then_some(Answer::Unreadable);
        };
        let picked = self.picked(read).and_then(|(sent, position)| sent.order.get(position));
        Some(picked.map_or(Answer::Text(text), |option| Answer::Option(*option)))
    }

    /// The options of the sample, and the position of the one whose letter is the answer.
    fn picked(&self, read: ReadAnswer<'_>) -> Option<(&SentOptions, usize)> {
        if self.is_empty() || !read.picks_options {
            return None;
        }
        let sent = self.0.get(&(read.id.to_owned(), read.epoch))?;
        Some((sent, sent.options.index_of(read.text?)?))
    }

    /// The positions that the answers of each scorer pick. Scorers whose answers are not letters of options have none.
    pub(super) fn picks(
        &self,
        measured: &[Measured],
        scores: &[Score],
        clusters: &Clusters,
        level: Level,
    ) -> Vec<PositionPicks> {
        if self.is_empty() {
            return Vec::new();
        }
        measured.iter().filter_map(|one| self.picks_of(one, scores, clusters, level)).collect()
    }

    fn picks_of(
        &self,
        one: &Measured,
        scores: &[Score],
        clusters: &Clusters,
        level: Level,
    ) -> Option<PositionPicks> {
        let (mut numbers, mut of_answers) = (Numbers::default(), Vec::new());
        let (mut picked, mut right, mut count) = (Vec::new(), Vec::new(), 0);
        for score in scores.iter().filter(|score| one.is_of(score)) {
            if let Some((sent, position)) = self.picked(ReadAnswer::of(one, score)) {
                picked.push(position);
                right.push(sent.right);
                of_answers.push(numbers.of(clusters.of(&score.id)));
                count = count.max(sent.order.len());
            }
        }
        let of_position = |at: usize| {
            let values: Vec<f64> = picked.iter().map(|picked| f64::from(u8::from(*picked == at))).collect();
            let share = cluster_share(&values, &of_answers, level)?;
            let right = right.iter().filter(|right| **right == Some(at)).count();
            Some(Position {
                position: letter(at),
                picked: share.value,
                low: share.interval.map(|interval| interval.low),
                high: share.interval.map(|interval| interval.high),
                right: right as f64 / picked.len() as f64,
            })
        };
        (!picked.is_empty()).then(|| PositionPicks {
            name: one.spec.name.clone(),
            part: one.spec.part.clone(),
            target: one.spec.target.clone(),
            n: picked.len(),
            level: Some(level.value()),
            positions: (0..count).filter_map(of_position).collect(),
        })
    }
}

/// `A` for the first position; a number after `Z`.
fn letter(position: usize) -> String {
    ('A'..='Z').nth(position).map_or_else(|| (position + 1).to_string(), String::from)
}
