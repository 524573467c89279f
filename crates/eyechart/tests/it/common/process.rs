//! A test that runs itself once more, in a process of its own.

use std::process::Command;

const IS_SECOND: &str = "EYECHART_TEST_IS_SECOND_PROCESS";

/// The command that runs the test of this thread once more. There, [`is_second`] is true.
pub fn second() -> Command {
    let test = std::thread::current().name().unwrap().to_owned();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &test, "--nocapture"]).env(IS_SECOND, "1");
    command
}

/// Whether this process was started by [`second`].
pub fn is_second() -> bool {
    std::env::var_os(IS_SECOND).is_some()
}
