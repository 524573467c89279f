//! `eyechart export`: a run in somebody else's file layout.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use eyechart::report::export_vlm_benchmarks;

use super::results::{chosen_runs, shown};
use super::{Exit, output};

/// Write scored runs in another tool's file layout
#[derive(Debug, Args)]
pub struct Export {
    /// Folders of scored runs, or a folder that holds runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// Whose layout
    #[arg(long, value_enum)]
    layout: Layout,

    /// Where the files go; made if need be
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Layout {
    /// The CSV files that the published comparison's notebooks write
    VlmBenchmarks,
}

impl Export {
    pub fn call(self) -> anyhow::Result<Exit> {
        let Layout::VlmBenchmarks = self.layout;
        let mut paths: Vec<PathBuf> = Vec::new();
        for written in shown(&chosen_runs(&self.runs)?, |run| Ok(export_vlm_benchmarks(run, &self.out)?))? {
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
