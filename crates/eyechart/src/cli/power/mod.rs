//! `eyechart power`: how many samples a comparison needs, before it is paid for.

mod report;

use std::path::Path;

use clap::{Args, ValueEnum};
use eyechart::gate::Margin;
use eyechart::power::{
    Chances, Differing, MeasuredComparison, PlannedComparison, PlannedFigure, RunScores, USUAL_CORRELATION,
    USUAL_P,
};
use eyechart::record::RunFolder;
use eyechart::score::{TaskFigure, read_scored, task_figures};
use eyechart::types::{Figure, find_figure};

use report::{Basis, Needed, Report, unit_of};

use super::score::one_task;
use super::values::{at_least_one, parse_between, parse_correlation};
use super::{Exit, output};

/// Show how many samples a comparison of two models needs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Power {
    /// A task (a built-in one or a TOML file), or the folders of one or two scored runs
    #[arg(required = true, num_args = 1..=2, value_name = "TASK|RUN")]
    of: Vec<String>,

    /// The difference to find: 2pp for shares, a plain number for other figures
    #[arg(long, value_name = "DIFFERENCE")]
    detect: Option<Margin>,

    /// The figure to compare: its id, or a unique ending of it after a dot [default: the primary figure]
    #[arg(long, value_name = "ID")]
    figure: Option<String>,

    /// Number of samples to judge [default: those of the runs, or the task's sample_size]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<usize>,

    /// Assumed share of right answers [default: that of the run, else 0.5]
    #[arg(long, value_name = "SHARE", value_parser = parse_between)]
    p: Option<f64>,

    /// Assumed correlation of the two models' scores, sample by sample [default: 0.5]
    #[arg(long, value_name = "R", value_parser = parse_correlation)]
    correlation: Option<f64>,

    /// Probability that the difference is found if it exists
    #[arg(long, value_name = "SHARE", default_value_t = Chances::default().power, value_parser = parse_between)]
    power: f64,

    /// Two-sided level of the test
    #[arg(long, value_name = "SHARE", default_value_t = Chances::default().alpha, value_parser = parse_between)]
    alpha: f64,

    /// Output format
    #[arg(long, value_enum, default_value_t = PowerFormat::Table)]
    format: PowerFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PowerFormat {
    /// A table
    Table,
    /// A JSON object
    Json,
}

const EXAMPLES: &str = "\
Examples:
  eyechart power charts.toml --detect 2pp
      before any run: rests on assumptions
  eyechart power RUN --detect 2pp --correlation 0.7
      with the accuracy and the clusters of a run
  eyechart power OLD NEW --detect 2pp
      with the samples on which two runs differ
  eyechart power charts.toml --limit 200
      the difference that 200 samples show";

/// The figure with what is known and assumed about its scores.
struct Known {
    figure: PlannedFigure,
    basis: Basis,
    p: Option<f64>,
    correlation: Option<f64>,
    differing: Differing,
    measured: Option<MeasuredComparison>,
    /// The number of samples without `--limit`, if it is known.
    samples: Option<usize>,
}

impl Power {
    pub fn call(self) -> anyhow::Result<Exit> {
        let known = match self.of.as_slice() {
            [one] => match RunFolder::open(Path::new(one)) {
                Ok(run) => self.of_run(&run)?,
                Err(error) => {
                    let is_folder = Path::new(one).is_dir();
                    self.of_task(one).map_err(|of_task| if is_folder { error.into() } else { of_task })?
                }
            },
            [first, second] => self.of_runs([first, second])?,
            _ => anyhow::bail!("expected a task, or one or two runs"),
        };
        let report = self.report(known)?;
        output::result(&match self.format {
            PowerFormat::Table => report.in_words(),
            PowerFormat::Json => serde_json::to_string_pretty(&report)? + "\n",
        });
        Ok(Exit::Success)
    }

    fn of_task(&self, name: &str) -> anyhow::Result<Known> {
        let task = one_task(name)?.task;
        let figures = task_figures(&task);
        let figure = match &self.figure {
            Some(given) => Some(find_figure(given, &figures, |figure: &TaskFigure| &figure.id)?),
            None => figures.first(),
        };
        let figure =
            figure.ok_or_else(|| anyhow::anyhow!("{name} has no figure: its answers are not scored"))?;
        let metric = &figure.metric;
        let figure = checked(PlannedFigure {
            id: figure.id.clone(),
            kind: metric.formula.kind(),
            range: metric.range,
        })?;
        let (p, correlation) = (self.p.unwrap_or(USUAL_P), self.correlation.unwrap_or(USUAL_CORRELATION));
        let differing = figure.differing(p, correlation).ok_or_else(|| {
            anyhow::anyhow!(
                "{} has no highest value, so a run must show how it varies: eyechart power RUN",
                figure.id
            )
        })?;
        Ok(Known {
            figure,
            basis: Basis::Assumptions,
            p: Some(p),
            correlation: Some(correlation),
            differing,
            measured: None,
            samples: task.dataset.sample_size,
        })
    }

    fn of_run(&self, run: &RunFolder) -> anyhow::Result<Known> {
        let figure = self.figure_of(run)?;
        let scores = RunScores::read(run, &figure)?;
        let p = scores.is_right_or_wrong().then(|| self.p.or(scores.mean())).flatten();
        anyhow::ensure!(
            p.is_some() || self.p.is_none(),
            "--p is for scores of 0 and 1: the run shows how {} varies",
            figure.id
        );
        let correlation = self.correlation.unwrap_or(USUAL_CORRELATION);
        let measured = scores.alone(p.unwrap_or(USUAL_P), correlation);
        let measured = measured.ok_or_else(|| too_few(run, &figure))?;
        Ok(Known {
            figure: checked(planned(&figure))?,
            basis: Basis::OneRun,
            p,
            correlation: Some(correlation),
            differing: measured.differing,
            measured: Some(measured),
            samples: Some(measured.samples),
        })
    }

    fn of_runs(&self, paths: [&String; 2]) -> anyhow::Result<Known> {
        anyhow::ensure!(
            self.p.is_none() && self.correlation.is_none(),
            "--p and --correlation are assumptions: two runs show how their scores differ"
        );
        let runs = [RunFolder::open(Path::new(paths[0]))?, RunFolder::open(Path::new(paths[1]))?];
        let figures = [self.figure_of(&runs[0])?, self.figure_of(&runs[1])?];
        anyhow::ensure!(
            figures[0].id == figures[1].id,
            "the primary figures of the runs are {} and {}: --figure ID names one that both have",
            figures[0].id,
            figures[1].id
        );
        let first = RunScores::read(&runs[0], &figures[0])?;
        let measured = first.paired(&RunScores::read(&runs[1], &figures[1])?);
        let measured = measured.ok_or_else(|| {
            anyhow::anyhow!(
                "the runs have fewer than two samples in common: expected runs over the same samples"
            )
        })?;
        Ok(Known {
            figure: checked(planned(&figures[0]))?,
            basis: Basis::TwoRuns,
            p: None,
            correlation: None,
            differing: measured.differing,
            measured: Some(measured),
            samples: Some(measured.samples),
        })
    }

    fn figure_of(&self, run: &RunFolder) -> anyhow::Result<Figure> {
        let results = read_scored(run)?.results;
        let figure = match &self.figure {
            Some(id) => Some(results.figure(id)?),
            None => results.primary(),
        };
        let nothing = || anyhow::anyhow!("{} has no figure: nothing was scored", run.path().display());
        figure.cloned().ok_or_else(nothing)
    }

    fn report(&self, known: Known) -> anyhow::Result<Report> {
        let Known { figure, basis, p, correlation, differing, measured, samples } = known;
        let comparison = PlannedComparison {
            differing,
            design_effect: measured.map_or(1.0, |measured| measured.design_effect),
            chances: Chances { alpha: self.alpha, power: self.power },
        };
        let asked = self.detect.map(|detect| detect.within(&figure.id, figure.range)).transpose();
        let asked = asked.map_err(|mistake| anyhow::anyhow!("--detect: {mistake}"))?;
        anyhow::ensure!(asked != Some(0.0), "--detect: expected a difference above 0");
        let needed = differences(figure.range, asked).into_iter().map(|difference| Needed {
            difference,
            samples: comparison.samples_needed(difference),
            is_asked: asked == Some(difference),
        });
        let limit = self.limit.or(samples);
        let (discordant, variance) = match differing {
            Differing::Discordant(share) => (Some(share), None),
            Differing::Variance(variance) => (None, Some(variance)),
        };
        Ok(Report {
            figure: figure.id,
            range: figure.range,
            basis,
            alpha: self.alpha,
            power: self.power,
            p,
            correlation,
            discordant,
            variance,
            design_effect: comparison.design_effect,
            samples: measured.map(|measured| measured.samples),
            clusters: measured.map(|measured| measured.clusters),
            needed: needed.collect(),
            limit,
            detectable: limit.and_then(|limit| comparison.detectable(limit)),
        })
    }
}

fn planned(figure: &Figure) -> PlannedFigure {
    PlannedFigure { id: figure.id.clone(), kind: figure.kind, range: figure.range }
}

fn checked(figure: PlannedFigure) -> anyhow::Result<PlannedFigure> {
    anyhow::ensure!(
        figure.can_be_planned(),
        "{} is neither a share nor a mean of scores, and only these can be planned: --figure ID names another figure",
        figure.id
    );
    Ok(figure)
}

fn too_few(run: &RunFolder, figure: &Figure) -> anyhow::Error {
    anyhow::anyhow!("{} has fewer than two samples with a score of {}", run.path().display(), figure.id)
}

/// The differences of the table: 1, 2, 5 and 10 hundredths of the unit, and the one that is asked for.
fn differences(range: [f64; 2], asked: Option<f64>) -> Vec<f64> {
    let usual = [0.01, 0.02, 0.05, 0.1].map(|part| part * unit_of(range));
    let mut all: Vec<f64> =
        usual.into_iter().filter(|difference| difference.is_finite()).chain(asked).collect();
    all.sort_unstable_by(f64::total_cmp);
    all.dedup();
    all
}
