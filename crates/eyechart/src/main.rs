//! The binary `eyechart`: reads the command line, carries out the command and returns its exit code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    return_large_blocks();
    eyechart::files::raise_open_file_limit();
    cli::survive_file_size_limit();
    match cli::dispatch(cli::arguments()) {
        Ok(exit) => cli::after_printing(exit).into(),
        Err(error) => cli::report_error(&error).into(),
    }
}

/// Tells glibc to return blocks of 1 MiB and more to the system as soon as they are freed. By itself it keeps such blocks
/// for the thread that freed them, and a run with large pictures takes up to twice the memory that its requests do.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn return_large_blocks() {
    const THRESHOLD: libc::c_int = 1 << 20;
    // SAFETY: both calls set a number in the allocator, and no other thread is running yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, THRESHOLD);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 2 * THRESHOLD);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn return_large_blocks() {}
