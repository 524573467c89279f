//! Any text as a task file: a task or what is wrong with it, never a panic.
#![no_main]

use eyechart::task::LoadedTask;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = LoadedTask::parse("fuzz", text.to_owned(), None);
});
