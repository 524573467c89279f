//! Forecasts before the first request, and `--dry-run`, which looks at every sample and stops there.

use eyechart::run::{DryRun, Expected, Forecast, Oddity, PlannedRun, Remark};

use eyechart::text::{counted, grouped, usd, wrapped};

use super::super::score::RunFormat;
use super::super::{Exit, output};
use super::Run;

/// Remarks of one kind that are shown as text.
const SHOWN: usize = 5;

/// Columns of a forecast before the basis of a number.
const BEFORE_BASIS: usize = 35;

impl Run {
    /// Prints the forecast of each planned run, and of all of them.
    pub(super) fn print_forecast(planned: &[PlannedRun]) -> anyhow::Result<()> {
        let (mut requests, mut cost) = (0.0, 0.0);
        for planned in planned {
            let Some(forecast) = planned.forecast()? else { continue };
            output::progress(&format!(
                "forecast for {}:\n{}",
                planned.plan.spec.task.name,
                in_lines(&forecast)
            ));
            requests += forecast.requests.value.unwrap_or(0.0);
            cost += cost_of(&forecast);
        }
        if planned.len() > 1 && requests > 0.0 {
            let priced = if cost > 0.0 { format!(", {} USD", usd(cost)) } else { String::new() };
            output::progress(&format!(
                "forecast for all {} tasks: {} requests{priced}",
                planned.len(),
                count(requests)
            ));
        }
        note_exceeded_limit(cost_limit(planned), cost);
        Ok(())
    }

    /// Looks at every sample and prints what a run would need, and what is odd.
    pub(super) fn call_dry(&self, planned: Vec<PlannedRun>) -> anyhow::Result<Exit> {
        note_missing_key(&planned);
        let limit = cost_limit(&planned);
        let mut dry_runs = Vec::new();
        for planned in planned {
            dry_runs.push(planned.dry_run()?);
        }
        output::result(&match self.output.format {
            RunFormat::Table => dry_runs.iter().map(in_words).collect::<Vec<_>>().join("\n"),
            RunFormat::Json => serde_json::to_string_pretty(&dry_runs)? + "\n",
        });
        note_exceeded_limit(limit, dry_runs.iter().map(|dry_run| cost_of(&dry_run.forecast)).sum());
        let fails = dry_runs.iter().any(DryRun::is_faulty);
        Ok(if fails { Exit::SamplesFailed } else { Exit::Success })
    }
}

/// The cost in US dollars; 0 if it is unknown.
fn cost_of(forecast: &Forecast) -> f64 {
    forecast.cost.as_ref().and_then(|cost| cost.value).unwrap_or(0.0)
}

/// `--max-cost`, which holds for all tasks together.
fn cost_limit(planned: &[PlannedRun]) -> Option<f64> {
    planned.first()?.plan.spec.execution.budget.cost
}

fn note_exceeded_limit(limit: Option<f64>, cost: f64) {
    if let Some(limit) = limit.filter(|limit| cost > *limit) {
        output::notice(&format!(
            "the forecast of {} USD exceeds --max-cost {limit}: the run may stop before its end",
            usd(cost)
        ));
    }
}

/// A dry run needs no key, but the run will.
fn note_missing_key(planned: &[PlannedRun]) {
    if let Some(missing) = planned.iter().find_map(PlannedRun::missing_key) {
        output::notice(&missing.to_string());
    }
}

fn in_words(dry_run: &DryRun) -> String {
    let DryRun { task, model, samples, would_fail, .. } = dry_run;
    let samples = counted(*samples, "sample");
    let answers = dry_run.answers.map(|answers| format!(", {}", counted(answers, "answer")));
    let answers = answers.unwrap_or_default();
    let mut head = format!("{task} with {model}: {samples}{answers}, {would_fail} would fail");
    if dry_run.bad_rows > 0 {
        let (bad, rows) = (grouped(dry_run.bad_rows), grouped(dry_run.rows));
        head.push_str(&format!("; {bad} of {rows} rows cannot be read"));
    }
    let mut text = wrapped(&head, output::width(), 2) + "\n";
    text.push_str(&in_lines(&dry_run.forecast));
    text.push('\n');
    if let Some(prompts) = &dry_run.prompts {
        let (mean, longest) = (count(prompts.mean), grouped(prompts.longest as u64));
        text.push_str(&line(
            "prompts",
            &mean,
            &format!("characters on average, {longest} in {}", prompts.longest_id),
        ));
        text.push('\n');
    }
    let mut oddities: Vec<Oddity> = dry_run.remarks.iter().map(|remark| remark.oddity).collect();
    oddities.sort_unstable();
    oddities.dedup();
    for oddity in oddities {
        let remarks = dry_run.remarks.iter().filter(|remark| remark.oddity == oddity);
        text.push_str(&section(oddity, &remarks.collect::<Vec<_>>()));
    }
    text
}

fn section(oddity: Oddity, remarks: &[&Remark]) -> String {
    let would = if oddity.is_fatal() { ", would fail" } else { "" };
    let mut text = format!("{} × {}{would}\n", remarks.len(), words(oddity));
    for remark in remarks.iter().take(SHOWN) {
        let line = format!("  {}: {}", remark.id, remark.message);
        text.push_str(&format!("{}\n", wrapped(&line, output::width(), 4)));
    }
    if remarks.len() > SHOWN {
        text.push_str(&format!("  … and {} more (--format json has all)\n", remarks.len() - SHOWN));
    }
    text
}

fn words(oddity: Oddity) -> &'static str {
    match oddity {
        Oddity::Sample => "no sample can be made",
        Oddity::Picture => "picture that cannot be sent",
        Oddity::NoAnswer => "no recorded answer",
        Oddity::EmptyPrompt => "empty prompt",
        Oddity::LongPrompt => "very long prompt",
        Oddity::MissingTarget => "missing target",
        Oddity::EmptyTarget => "empty target",
        Oddity::UnseenPicture => "picture by address, not fetched yet",
    }
}

fn in_lines(forecast: &Forecast) -> String {
    let number = |expected: &Expected| expected.value.map_or_else(|| "–".to_owned(), count);
    let line_of = |name, expected: &Expected| line(name, &number(expected), &expected.basis);
    let mut lines = vec![
        line_of("requests", &forecast.requests),
        line_of("pictures", &forecast.pictures),
        line_of("tokens of prompts", &forecast.text_tokens),
    ];
    lines.extend(forecast.picture_tokens.as_ref().map(|expected| line_of("tokens of pictures", expected)));
    lines.push(line_of("tokens of answers", &forecast.output_tokens));
    lines.extend(forecast.cost.as_ref().map(|cost| {
        let usd = cost.value.map_or_else(|| "–".to_owned(), usd);
        line("cost", &usd, &cost.basis)
    }));
    lines.extend(forecast.detectable.as_ref().map(|detectable| {
        let points =
            detectable.value.map_or_else(|| "–".to_owned(), |share| format!("{:.1}pp", share * 100.0));
        line("difference", &points, &detectable.basis)
    }));
    lines.join("\n")
}

/// A forecast number to the nearest whole one.
fn count(number: f64) -> String {
    grouped(number.round() as u64)
}

/// A number with its basis: beside it in a wide terminal, below it in a narrow one.
fn line(name: &str, number: &str, basis: &str) -> String {
    let (width, line) = (output::width(), format!("  {name:18} {number:>11}"));
    if width < 2 * BEFORE_BASIS {
        format!("{line}\n{}", wrapped(&format!("    {basis}"), width, 4))
    } else {
        wrapped(&format!("{line}  {basis}"), width, BEFORE_BASIS)
    }
}
