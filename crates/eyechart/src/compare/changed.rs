//! The samples whose scores differ between two runs, the largest change first.

use super::scores::ScoreKey;

/// A score in two runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChangedScore {
    pub(super) key: ScoreKey,
    pub(super) baseline: f64,
    pub(super) other: f64,
}

/// The scores that the other run won, lost and left as they were.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) won: usize,
    pub(super) lost: usize,
    pub(super) same: usize,
    /// The largest changes: of equal ones, those that the other run lost come first.
    pub(super) largest: Vec<ChangedScore>,
}

impl Changes {
    /// The changes among `scores`, of which the `listed` largest are kept.
    pub(super) fn of(mut scores: Vec<ChangedScore>, higher_is_better: bool, listed: usize) -> Self {
        let all = scores.len();
        scores.retain(|score| score.other != score.baseline);
        let is_won = |score: &ChangedScore| (score.other > score.baseline) == higher_is_better;
        let won = scores.iter().filter(|score| is_won(score)).count();
        let (lost, same) = (scores.len() - won, all - scores.len());
        let size = |score: &ChangedScore| (score.other - score.baseline).abs();
        scores.sort_by(|a, b| {
            let by_size = size(b).total_cmp(&size(a));
            by_size.then(is_won(a).cmp(&is_won(b))).then(a.key.cmp(&b.key))
        });
        scores.truncate(listed);
        Self { won, lost, same, largest: scores }
    }
}
