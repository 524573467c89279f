//! `eyechart man`: a man page for eyechart and one for each of its commands.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;
use eyechart::files::write_bytes;

use super::{Arguments, Exit, output};

/// Write the man pages into a folder
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ManPages {
    /// Folder, created if it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

const EXAMPLES: &str = "\
Example:
  eyechart man ~/.local/share/man/man1 && man eyechart-run";

impl ManPages {
    pub fn call(self) -> anyhow::Result<Exit> {
        let shown = self.folder.display();
        std::fs::create_dir_all(&self.folder).with_context(|| format!("cannot create the folder {shown}"))?;
        let mut command = Arguments::command();
        // Sets the names of pages, such as `eyechart-tasks-show`.
        command.build();
        let pages = write_pages(&command, &self.folder)?;
        output::progress(&format!("{pages} man pages in {shown}"));
        Ok(Exit::Success)
    }
}

/// Writes the page of `command` and of each command below it, and returns their number.
fn write_pages(command: &Command, folder: &Path) -> anyhow::Result<usize> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page)?;
    write_bytes(&folder.join(man.get_filename()), &page)?;
    let mut pages = 1;
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        pages += write_pages(below, folder)?;
    }
    Ok(pages)
}
