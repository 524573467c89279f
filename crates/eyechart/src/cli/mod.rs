//! The command line: one file per subcommand. The only module that prints, and the only one that uses `anyhow`.

mod agreement;
mod calc;
mod check;
mod compare;
mod completions;
mod data;
mod demo;
mod embed;
mod embedder;
mod encoder;
mod exit;
mod export;
mod fetching;
mod gates;
mod images;
mod init;
mod interrupt;
mod man;
mod network;
mod other_names;
mod output;
mod parse;
mod power;
mod progress;
mod question;
mod rehearse;
mod results;
mod run;
mod runs;
mod score;
mod show;
mod tasks;
mod values;

use clap::{Parser, Subcommand};

use exit::chain_of;
pub use exit::{Exit, after_printing, report_error};
pub use interrupt::survive_file_size_limit;
pub use parse::arguments;

/// Measures vision-language models behind HTTP endpoints: asks about each picture once, records and scores
/// every answer, and prints the figures.
#[derive(Debug, Parser)]
#[command(name = "eyechart", version, max_term_width = 80, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  eyechart demo
      try it out, with built-in pictures and a built-in endpoint
  eyechart run vlm-benchmarks --model mistral/pixtral-12b-2409
      the published comparison, with your model beside the published figures
  eyechart init charts.jsonl
      a task file for your own data
  eyechart run charts.toml --model custom/my-model \
      --base-url http://localhost:8000/v1
      your own task at your own endpoint
  eyechart show runs/20261124T101500Z-charts-custom-my-model-3f9a2b --wrong
      the samples with a wrong answer

Exit codes:
    0  success
    1  samples failed, or a gate or a check found something
    2  bad usage or configuration
    3  the run stopped and can be resumed (disk, record, endpoint, budget)
  130  interrupted";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Run(Box<run::Run>),
    Score(score::Score),
    Results(results::ShowResults),
    Compare(compare::CompareRuns),
    Show(show::Show),
    Agreement(agreement::ShowAgreement),
    Power(power::Power),
    Calc(calc::Calc),
    Check(check::Check),
    Runs(runs::ListRuns),
    Export(export::Export),
    Tasks(tasks::Tasks),
    Data(data::Data),
    Init(init::Init),
    Embed(embed::EmbedTexts),
    Rehearse(rehearse::Rehearse),
    Completions(completions::Completions),
    Man(man::ManPages),
}

/// Carries out the command.
pub fn dispatch(arguments: Arguments) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        eyechart::text::is_clock_usable(),
        "the clock of this machine shows a time that no record can have: set it to a year from 1970 to 9999"
    );
    match arguments.command {
        Command::Demo(demo) => demo.call(),
        Command::Run(run) => run.call(),
        Command::Score(score) => score.call(),
        Command::Results(results) => results.call(),
        Command::Compare(compare) => compare.call(),
        Command::Show(show) => show.call(),
        Command::Agreement(agreement) => agreement.call(),
        Command::Power(power) => power.call(),
        Command::Calc(calc) => calc.call(),
        Command::Check(check) => check.call(),
        Command::Runs(runs) => runs.call(),
        Command::Export(export) => export.call(),
        Command::Tasks(tasks) => tasks.call(),
        Command::Data(data) => data.call(),
        Command::Init(init) => init.call(),
        Command::Embed(embed) => embed.call(),
        Command::Rehearse(rehearse) => rehearse.call(),
        Command::Completions(completions) => completions.call(),
        Command::Man(man) => man.call(),
    }
}
