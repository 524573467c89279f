//! Compares all figures of one pair of runs.

use super::comparison::{
    ChangedSample, Comparison, ComparisonWithFailures, FigureComparison, FigureNotCompared, LackingScore,
    LackingScores, PairNote, RunPair,
};
use super::difference::Frame;
use super::epochs::EpochComparer;
use super::figures::{ComparedFigure, FailuresCounted, FigureComparer, NoComparison};
use super::ids::Ids;
use super::pairing::{Lacking, PairedScores, RunEntry, pair, regrouped};
use super::refusal::SamplePair;
use super::samples::{Hashes, Samples};
use super::verdict::Verdict;
use super::{CompareError, ComparedEntry, Options, RunNumbers, ScoredRun};
use crate::analyze::EpochMetric;
use crate::text::counted;
use crate::types::{Figure, Metric};

/// The comparison under construction.
pub(super) struct Comparer<'a> {
    runs: &'a [ScoredRun],
    options: &'a Options,
    found: Comparison,
}

/// The scores of one entry in both runs of a pair, with the positions of the entry.
struct PairedEntry<'a> {
    baseline: usize,
    other: usize,
    scores: PairedScores<'a>,
}

/// Two runs with their numbers.
#[derive(Clone, Copy)]
struct Sides<'a> {
    baseline: (&'a ScoredRun, &'a RunNumbers),
    other: (&'a ScoredRun, &'a RunNumbers),
    ids: &'a Ids,
}

impl<'a> Comparer<'a> {
    pub(super) fn new(runs: &'a [ScoredRun], options: &'a Options) -> Self {
        let found = Comparison {
            runs: Vec::new(),
            differing: Vec::new(),
            notes: Vec::new(),
            left_out: Vec::new(),
            pairs: Vec::new(),
            not_compared: Vec::new(),
            lacking: Vec::new(),
            unbeaten: Vec::new(),
            primary: None,
            level: options.level.value(),
        };
        Self { runs, options, found }
    }

    /// What was found, without verdicts.
    pub(super) fn finish(self) -> Comparison {
        self.found
    }

    /// Refuses a pair of runs with `differences`, or notes them.
    pub(super) fn check(&mut self, runs: RunPair, differences: Vec<String>) -> Result<(), CompareError> {
        let folder = |at: usize| self.runs[at].folder.path().to_owned();
        if !differences.is_empty() && !self.options.force {
            return Err(CompareError::Unlike {
                baseline: folder(runs.baseline),
                other: folder(runs.other),
                what: differences.join("; "),
            });
        }
        for difference in differences {
            self.note(runs, format!("compared because of --force: {difference}"));
        }
        Ok(())
    }

    fn note(&mut self, runs: RunPair, text: String) {
        self.found.notes.push(PairNote { runs, text });
    }

    pub(super) fn compare_pair(
        &mut self,
        runs: RunPair,
        numbers: &[RunNumbers],
        ids: &Ids,
    ) -> Result<(), CompareError> {
        let side = |at: usize| (&self.runs[at], &numbers[at]);
        let sides = Sides { baseline: side(runs.baseline), other: side(runs.other), ids };
        let samples = SamplePair {
            baseline: (sides.baseline.0, &sides.baseline.1.samples),
            other: (sides.other.0, &sides.other.1.samples),
            ids,
        };
        self.check(runs, samples.differing_samples()?)?;
        self.note_samples(runs, sides);
        let entries = sides.paired_entries();
        for entry in &entries {
            self.list_lacking(runs, entry, sides);
        }
        let (own, others) = (&sides.baseline.0.scored.results, &sides.other.0.scored.results);
        let is_same = |a: &Figure, b: &Figure| {
            a.name == b.name && a.part == b.part && a.target == b.target && a.metric == b.metric
        };
        for figure in &own.figures {
            let compared = match others.figures.iter().any(|other| is_same(figure, other)) {
                true => self.compare_figure(runs, figure, &entries, sides),
                false => Err(NoComparison::OnlyBaseline),
            };
            match compared {
                Ok(comparison) => self.found.pairs.push(comparison),
                Err(reason) => self.leave_out(runs, figure, reason),
            }
        }
        let only_other =
            others.figures.iter().filter(|other| !own.figures.iter().any(|own| is_same(own, other)));
        only_other.for_each(|figure| self.leave_out(runs, figure, NoComparison::OnlyOther));
        Ok(())
    }

    fn leave_out(&mut self, runs: RunPair, figure: &Figure, reason: NoComparison) {
        self.found.not_compared.push(FigureNotCompared { runs, figure: figure.id.clone(), reason });
    }

    /// Notes on samples that both runs asked in another way, or group in another way.
    fn note_samples(&mut self, runs: RunPair, sides: Sides<'_>) {
        let (own, other) = (&sides.baseline.1.samples, &sides.other.1.samples);
        let all = own.shared(other).count();
        let differing = |of: fn(&Samples) -> &Hashes| {
            own.shared(other).filter(|number| of(own).differ(of(other), *number)).count()
        };
        let prompts = differing(|samples| &samples.prompts);
        let pictures = differing(|samples| &samples.pictures);
        for (count, what) in [(prompts, "another prompt"), (pictures, "other pictures")] {
            if count > 0 {
                self.note(runs, format!("{count} of {} have {what}", counted(all, "sample")));
            }
        }
        let regrouped = regrouped(own, other, sides.ids);
        if regrouped > 0 {
            let samples = counted(regrouped, "sample");
            self.note(runs, format!("{samples} are in other clusters; the clusters of the baseline count"));
        }
    }

    fn list_lacking(&mut self, runs: RunPair, entry: &PairedEntry<'_>, sides: Sides<'_>) {
        let list = |lacking: &[Lacking]| -> Vec<LackingScore> {
            let shown = lacking.iter().map(|lacking| LackingScore {
                id: sides.ids.id(lacking.key.sample).to_owned(),
                epoch: sides.ids.epoch(lacking.key.sample),
                reference: lacking.key.reference,
                reason: lacking.reason,
            });
            shown.collect()
        };
        let (only_baseline, only_other) = (list(&entry.scores.only_baseline), list(&entry.scores.only_other));
        if !only_baseline.is_empty() || !only_other.is_empty() {
            let spec = &sides.baseline.0.entries[entry.baseline].spec;
            self.found.lacking.push(LackingScores {
                runs,
                name: spec.name.clone(),
                part: spec.part.clone(),
                target: spec.target.clone(),
                only_baseline,
                only_other,
            });
        }
    }

    fn compare_figure(
        &self,
        runs: RunPair,
        figure: &Figure,
        entries: &[PairedEntry<'_>],
        sides: Sides<'_>,
    ) -> Result<FigureComparison, NoComparison> {
        let ((baseline, own), (_, others)) = (sides.baseline, sides.other);
        let is_of = |entry: &ComparedEntry| {
            entry.spec.name == figure.name
                && entry.spec.part == figure.part
                && entry.spec.target == figure.target
        };
        let entry = entries.iter().find(|entry| is_of(&baseline.entries[entry.baseline]));
        let entry = entry.ok_or(NoComparison::NotPaired)?;
        let compared = |metric: &Metric, compared| {
            Compared { runs, figure, metric, paired: &entry.scores, ids: sides.ids }.to_comparison(compared)
        };
        if let Some(metric) = EpochMetric::of(figure) {
            let [own, other] = sides.entry(entry.baseline, entry.other);
            let of_samples = metric.metric();
            let frame = Frame { range: of_samples.range, level: self.options.level };
            let (ids, changed) = (sides.ids, self.options.changed);
            let comparer = EpochComparer { metric, baseline: own, other, ids, frame, changed };
            return comparer.compare().map(|found| compared(&of_samples, found));
        }
        let metrics = baseline.entries[entry.baseline].scorer.metrics();
        let metric = metrics.iter().find(|metric| metric.id == figure.metric);
        let metric = metric.ok_or(NoComparison::NotPaired)?;
        let comparer = FigureComparer {
            metric,
            baseline: &own.entries[entry.baseline],
            other: &others.entries[entry.other],
            paired: &entry.scores,
            level: self.options.level,
            changed: self.options.changed,
        };
        comparer.compare().map(|found| compared(metric, found))
    }
}

impl<'a> Sides<'a> {
    /// The scores of the entries that both runs have.
    fn paired_entries(self) -> Vec<PairedEntry<'a>> {
        let ((own, _), (others, _)) = (self.baseline, self.other);
        let shared = own
            .entries
            .iter()
            .enumerate()
            .filter_map(|(baseline, entry)| Some((baseline, others.position_of(entry)?)));
        shared
            .map(|(baseline, other)| {
                let [own, others] = self.entry(baseline, other);
                PairedEntry { baseline, other, scores: pair(own, others, self.ids) }
            })
            .collect()
    }

    /// The entries at these positions of the two runs.
    fn entry(self, baseline: usize, other: usize) -> [RunEntry<'a>; 2] {
        let entry = |numbers: &'a RunNumbers, index: usize| RunEntry {
            scores: &numbers.entries[index],
            samples: &numbers.samples,
            index,
        };
        [entry(self.baseline.1, baseline), entry(self.other.1, other)]
    }
}

/// What a compared figure is of.
struct Compared<'a> {
    runs: RunPair,
    figure: &'a Figure,
    metric: &'a Metric,
    paired: &'a PairedScores<'a>,
    ids: &'a Ids,
}

impl Compared<'_> {
    fn to_comparison(&self, compared: ComparedFigure) -> FigureComparison {
        let Self { runs, figure, metric, paired, ids } = self;
        let ComparedFigure { difference, with_failures, changes, only } = compared;
        let [only_baseline, only_other] =
            only.unwrap_or([paired.only_baseline.len(), paired.only_other.len()]);
        let test = difference.test.ok();
        let changed = changes.largest.iter().map(|change| ChangedSample {
            id: ids.id(change.key.sample).to_owned(),
            epoch: ids.epoch(change.key.sample),
            reference: change.key.reference,
            baseline: change.baseline,
            other: change.other,
        });
        FigureComparison {
            runs: *runs,
            figure: figure.id.clone(),
            kind: figure.kind,
            direction: metric.direction,
            range: metric.range,
            meaning: metric.meaning.clone(),
            n: difference.n,
            clusters: difference.clusters,
            baseline_value: difference.baseline,
            other_value: difference.other,
            difference: difference.difference,
            low: test.map(|test| test.interval.low),
            high: test.map(|test| test.interval.high),
            p: test.map(|test| test.p),
            p_adjusted: None,
            method: test.map(|test| test.method),
            no_interval: difference.test.err(),
            won: changes.won,
            lost: changes.lost,
            same: changes.same,
            only_baseline,
            only_other,
            verdict: Verdict::CantTell,
            with_failures: with_failures.map(to_failures),
            changed: changed.collect(),
        }
    }
}

fn to_failures(counted: FailuresCounted) -> ComparisonWithFailures {
    let FailuresCounted { difference, bottom, failed_baseline, failed_other } = counted;
    let test = difference.test.ok();
    ComparisonWithFailures {
        bottom,
        failed_baseline,
        failed_other,
        n: difference.n,
        baseline_value: difference.baseline,
        other_value: difference.other,
        difference: difference.difference,
        low: test.map(|test| test.interval.low),
        high: test.map(|test| test.interval.high),
        p: test.map(|test| test.p),
        p_adjusted: None,
        verdict: Verdict::CantTell,
    }
}
