//! `eyechart export`: writes a run in the file layout of another tool.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use eyechart::report::export_vlm_benchmarks;

use super::results::{chosen_runs, show_each};
use super::{Exit, output};

/// Write scored runs in another tool's file layout
#[derive(Debug, Args)]
pub struct Export {
    /// Folder of a scored run, or a folder of runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// The layout
    #[arg(long, value_enum)]
    layout: Layout,

    /// Folder for the files; it is created if it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Layout {
    /// The CSV files that the notebooks of the published comparison write
    VlmBenchmarks,
}

impl Export {
    pub fn call(self) -> anyhow::Result<Exit> {
        let Layout::VlmBenchmarks = self.layout;
        let mut paths: Vec<PathBuf> = Vec::new();
        for written in show_each(&chosen_runs(&self.runs)?, |run| Ok(export_vlm_benchmarks(run, &self.out)?))?
        {
            for path in written {
                if paths.contains(&path) {
                    let what = path.display();
                    output::notice(&format!("{what} was written for an earlier run and is replaced"));
                }
                paths.push(path);
            }
        }
        paths.dedup();
        output::result(&paths.iter().map(|path| format!("{}\n", path.display())).collect::<String>());
        Ok(Exit::Success)
    }
}
