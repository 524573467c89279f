//! What the machine can do, and what of it the encoder reaches: `cargo bench -p sentence-embed`.
//!
//! The model's folder is `SENTENCE_EMBED_MODEL`. The texts are the golden ones beside the repository, else the
//! crate's own. Every rate stands beside the peak measured just before and after it, and what is printed are medians:
//! other work on the machine slows both. One thread is measured by the time that it runs, all threads by the clock.
#![expect(clippy::print_stdout, reason = "printing is what a benchmark is for")]

mod alone;
mod clock;
mod end_to_end;
mod instructions;
#[path = "../../src/kernels/mod.rs"]
#[expect(dead_code, unused_imports, reason = "not all of the kernels are called, and none of their tests")]
mod kernels;
mod parts;
mod peak;
mod work;

use std::error::Error;
use std::path::PathBuf;

use work::Work;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::var_os("SENTENCE_EMBED_MODEL")
        .ok_or("SENTENCE_EMBED_MODEL does not name the folder of all-MiniLM-L6-v2")?;
    let folder = PathBuf::from(folder);
    let work = Work::read(&folder)?;
    peak::print();
    end_to_end::print(&folder, &work)?;
    instructions::print(&folder, &work)?;
    alone::print(&folder, &work)?;
    parts::print(&work);
    Ok(())
}
