//! Compares scored runs in pairs, sample by sample: differences with intervals and tests, and a verdict for each figure.
//!
//! It reads only the folders of runs. It depends on the kinds of metrics and names no scorer. `docs/compare.md` has the
//! rules for users.

mod changed;
mod comparison;
mod difference;
mod epochs;
mod figures;
mod ids;
mod pairing;
mod refusal;
mod run_pair;
mod samples;
mod scores;
mod settings;
mod verdict;

use std::collections::HashSet;
use std::path::PathBuf;

use crate::record::{RecordError, RunFolder};
use crate::score::{ScoreError, Scored, read_scored};
use crate::scorer::Scorer;
use crate::stats::Level;
use crate::types::{Direction, ErrorClass, EvalSpec, ScorerSpec, UnknownFigure, find_figure};

pub use comparison::{
    ChangedSample, ComparedRun, Comparison, ComparisonWithFailures, DifferingSetting, FigureComparison,
    FigureNotCompared, LackingScore, LackingScores, PairNote, RunPair, Unbeaten,
};
pub use difference::{DifferenceMethod, NoTest};
pub use figures::NoComparison;
pub use pairing::LackReason;
pub use verdict::{SIGNIFICANCE, Verdict};

use ids::Ids;
use refusal::differing_scorers;
use run_pair::Comparer;
use samples::Samples;
use scores::{EntryScores, read_scores};

/// The reason why runs cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A run cannot be read, or was not scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// A record cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// There are not two runs.
    #[error("a comparison needs two runs or more, and {} given", if *given == 1 { "only one is" } else { "none is" })]
    TooFewRuns {
        /// The number of runs.
        given: usize,
    },
    /// Two runs differ in what must be equal.
    #[error(
        "{baseline} (the baseline) and {other} (the other run) cannot be compared: {what}; --force compares them all \
         the same"
    )]
    Unlike {
        /// The folder of the baseline.
        baseline: PathBuf,
        /// The folder of the other run.
        other: PathBuf,
        /// What differs.
        what: String,
    },
    /// No pair of runs has a figure over the same samples.
    #[error(
        "nothing to compare: no two of the {runs} runs have a score of the same sample for the same [[score]] entry"
    )]
    NothingShared {
        /// The number of runs.
        runs: usize,
    },
    /// The figure of `--primary` is not in the runs.
    #[error(transparent)]
    UnknownFigure(#[from] UnknownFigure),
}

impl CompareError {
    /// Returns the class of the error, which decides the exit code.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Score(error) => error.class(),
            Self::Record(error) => error.class(),
            _ => ErrorClass::Usage,
        }
    }
}

/// How runs are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Whether runs are compared although they differ in what must be equal. The differences become notes.
    pub force: bool,
    /// Whether pairs of different tasks, and pairs of a control and an ordinary run, are left out. They are compared or
    /// refused otherwise.
    pub only_alike: bool,
    /// The id, or a unique ending of it, of the figure that is tested alone.
    pub primary: Option<String>,
    /// The confidence level of the intervals.
    pub level: Level,
    /// The number of changed samples that each comparison lists.
    pub changed: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { force: false, only_alike: false, primary: None, level: Level::default(), changed: 10 }
    }
}

/// A scored run to compare.
pub struct ScoredRun {
    folder: RunFolder,
    spec: EvalSpec,
    scored: Scored,
    entries: Vec<ComparedEntry>,
}

/// A `[[score]]` entry of a run: as it was applied, and its scorer.
struct ComparedEntry {
    spec: ScorerSpec,
    scorer: Scorer,
}

impl ScoredRun {
    /// Reads the spec and the results of a run.
    ///
    /// # Errors
    /// [`ScoreError`] if the run cannot be read or was not scored.
    pub fn read(folder: &RunFolder) -> Result<Self, ScoreError> {
        let scored = read_scored(folder)?;
        let mut entries = Vec::new();
        for entry in &scored.task.score {
            let scorer = Scorer::new(entry)
                .map_err(|fault| ScoreError::Entry { name: entry.name().to_owned(), fault })?;
            let is_applied = |spec: &&ScorerSpec| {
                spec.name == entry.name() && spec.part == entry.part && spec.target == entry.target
            };
            if let Some(spec) = scored.results.scorers.iter().find(is_applied) {
                entries.push(ComparedEntry { spec: spec.clone(), scorer });
            }
        }
        Ok(Self { folder: folder.clone(), spec: folder.spec()?, scored, entries })
    }

    /// The entry with the name, part and target of `entry`.
    fn entry_of(&self, entry: &ComparedEntry) -> Option<&ComparedEntry> {
        self.position_of(entry).map(|at| &self.entries[at])
    }

    fn position_of(&self, entry: &ComparedEntry) -> Option<usize> {
        let of = |entry: &ComparedEntry| {
            let ScorerSpec { name, part, target, .. } = entry.spec.clone();
            (name, part, target)
        };
        self.entries.iter().position(|own| of(own) == of(entry))
    }
}

/// The numbers of a run.
struct RunNumbers {
    samples: Samples,
    entries: Vec<EntryScores>,
}

/// Compares each of `runs` with each later one.
///
/// # Errors
/// [`CompareError`] if a run cannot be read, two runs differ in what must be equal, or there is nothing to compare.
pub fn compare(runs: Vec<ScoredRun>, options: &Options) -> Result<Comparison, CompareError> {
    if runs.len() < 2 {
        return Err(CompareError::TooFewRuns { given: runs.len() });
    }
    let Pairs { compared: pairs, left_out } = pairs_of(&runs, options);
    let mut comparer = Comparer::new(&runs, options);
    for pair in &pairs {
        comparer.check(*pair, differing_scorers(&runs[pair.baseline], &runs[pair.other]))?;
    }
    let mut ids = Ids::default();
    let mut numbers = Vec::new();
    for run in &runs {
        let samples = Samples::read(run, &mut ids)?;
        let entries = read_scores(run, &samples, &mut ids)?;
        numbers.push(RunNumbers { samples, entries });
    }
    for pair in &pairs {
        comparer.compare_pair(*pair, &numbers, &ids)?;
    }
    let mut comparison = comparer.finish();
    if comparison.pairs.is_empty() {
        return Err(CompareError::NothingShared { runs: runs.len() });
    }
    if let Some(given) = &options.primary {
        let primary = find_figure(given, &comparison.figure_ids(), String::as_str)?.clone();
        comparison.primary = Some(primary);
    }
    verdict::reach_verdicts(&mut comparison.pairs, comparison.primary.as_deref());
    comparison.left_out = left_out;
    comparison.unbeaten = unbeaten(&comparison);
    comparison.differing = settings::differing(&runs);
    comparison.runs = runs
        .into_iter()
        .zip(numbers)
        .map(|(run, numbers)| ComparedRun {
            folder: run.folder,
            results: run.scored.results,
            bad_lines: numbers.samples.bad_lines,
        })
        .collect();
    Ok(comparison)
}

/// The pairs of runs, the earlier run first.
struct Pairs {
    compared: Vec<RunPair>,
    left_out: Vec<RunPair>,
}

fn pairs_of(runs: &[ScoredRun], options: &Options) -> Pairs {
    let is_alike = |pair: &RunPair| {
        let [own, other] = [pair.baseline, pair.other].map(|at| &runs[at].scored.results);
        own.task == other.task && (options.force || own.control.is_some() == other.control.is_some())
    };
    let all = (0..runs.len())
        .flat_map(|baseline| (baseline + 1..runs.len()).map(move |other| RunPair { baseline, other }));
    let (compared, left_out) = all.partition(|pair| !options.only_alike || is_alike(pair));
    Pairs { compared, left_out }
}

/// For each figure and each three or more runs that were compared with each other, such as those of one task: the runs
/// that no other run beats.
fn unbeaten(comparison: &Comparison) -> Vec<Unbeaten> {
    let mut found: Vec<Unbeaten> = Vec::new();
    let mut seen: HashSet<(&str, usize)> = HashSet::new();
    let with_side = comparison.pairs.iter().filter(|pair| pair.direction != Direction::Neither);
    for pair in with_side {
        let first = pair.runs.baseline;
        if seen.contains(&(pair.figure.as_str(), first)) {
            continue;
        }
        let of_figure = || comparison.pairs.iter().filter(|other| other.figure == pair.figure);
        let with_first = of_figure().filter(|pair| pair.runs.baseline == first).map(|pair| pair.runs.other);
        let runs: Vec<usize> = std::iter::once(first).chain(with_first).collect();
        seen.extend(runs.iter().map(|run| (pair.figure.as_str(), *run)));
        let is_beaten = |run: usize| {
            of_figure().any(|pair| match pair.verdict {
                Verdict::Better => pair.runs.baseline == run,
                Verdict::Worse => pair.runs.other == run,
                Verdict::CantTell | Verdict::DependsOnFailures | Verdict::NoBetterSide => false,
            })
        };
        if runs.len() > 2 {
            let runs = runs.into_iter().filter(|run| !is_beaten(*run)).collect();
            found.push(Unbeaten { figure: pair.figure.clone(), runs });
        }
    }
    found
}
