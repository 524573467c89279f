//! The options of a run with shuffled options: which option an answer means, and at which positions answers are.

use std::collections::HashMap;

use super::figures::{Clusters, Measured, Numbers};
use crate::scorer::choice::Options;
use crate::stats::{Level, cluster_share};
use crate::types::{Epoch, Position, PositionPicks, SampleRecord, Score};

/// The options of each sample and epoch, as they were sent. Empty unless the run shuffled them.
#[derive(Debug, Clone, Default)]
pub(super) struct ShuffledOptions(HashMap<(String, Epoch), SentOptions>);

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
pub(super) enum Answer<'a> {
    /// The option at this position in the row.
    Option(usize),
    /// A text.
    Text(&'a str),
    /// The scorer looked for an answer and found none.
    Unreadable,
}

impl ShuffledOptions {
    /// Adds the options of a record, if they were shuffled.
    pub(super) fn add(&mut self, record: &SampleRecord) {
        let Some(choices) = &record.choices else { return };
        let Some(order) = &choices.order else { return };
        let options = Options::new(&choices.options);
        let right = choices.label.as_ref().and_then(|label| options.index_of(label));
        let sent = SentOptions { options, order: order.clone(), right };
        self.0.insert((record.id.clone(), record.epoch), sent);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the answer of `score` says: the letter of a shuffled option stands for the option. `None` if its scorer looks for
    /// no answer.
    pub(super) fn answer<'a>(&self, score: &'a Score) -> Option<Answer<'a>> {
        let Some(text) = score.answer.as_deref() else {
            return score.is_unreadable().then_some(Answer::Unreadable);
        };
        let picked = self.picked(score).and_then(|(sent, position)| sent.order.get(position));
        Some(picked.map_or(Answer::Text(text), |option| Answer::Option(*option)))
    }

    /// The options of the sample, and the position of the one whose letter is the answer.
    fn picked(&self, score: &Score) -> Option<(&SentOptions, usize)> {
        if self.is_empty() {
            return None;
        }
        let sent = self.0.get(&(score.id.clone(), score.epoch))?;
        Some((sent, sent.options.index_of(score.answer.as_ref()?)?))
    }

    /// The positions that the answers of each scorer pick. Scorers that read no letters have none.
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
            if let Some((sent, position)) = self.picked(score) {
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
            positions: (0..count).filter_map(of_position).collect(),
        })
    }
}

/// `A` for the first position; a number after `Z`.
fn letter(position: usize) -> String {
    ('A'..='Z').nth(position).map_or_else(|| (position + 1).to_string(), String::from)
}
