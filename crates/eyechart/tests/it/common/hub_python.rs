//! Python's `huggingface_hub`, as `scripts/test` has installed it.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What each script begins with.
const PRELUDE: &str = "import sys\nfrom huggingface_hub import hf_hub_download, snapshot_download\n";

/// A script that is running.
pub struct Script(Child);

/// Runs a script on a cache; `endpoint` is the Hub's address, absent for none that answers.
pub fn python(script: &str, cache: &Path, endpoint: Option<&str>) -> Script {
    let Some(interpreter) = std::env::var_os("EYECHART_TEST_PYTHON") else {
        panic!("a Python with huggingface_hub is missing: run scripts/test, which sets one up");
    };
    let mut command = Command::new(interpreter);
    command.arg("-c").arg(format!("{PRELUDE}{script}"));
    let of_the_user = |name: &str| name.starts_with("HF_") || name.to_lowercase().ends_with("_proxy");
    for (name, _) in std::env::vars().filter(|(name, _)| of_the_user(name)) {
        command.env_remove(name);
    }
    command.env("HF_HUB_CACHE", cache).env("HF_HOME", cache).env("HF_HUB_DISABLE_PROGRESS_BARS", "1");
    match endpoint {
        Some(endpoint) => command.env("HF_ENDPOINT", endpoint),
        None => command.env("HF_HUB_OFFLINE", "1"),
    };
    Script(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

impl Script {
    /// How it ended and what it printed; nothing while it is running.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.0.try_wait().unwrap()?;
        let mut printed = String::new();
        self.0.stdout.as_mut().unwrap().read_to_string(&mut printed).unwrap();
        self.0.stderr.as_mut().unwrap().read_to_string(&mut printed).unwrap();
        Some(format!("the script ended ({status}): {printed}"))
    }

    /// What it printed, line by line, once it has ended well.
    pub fn lines(self) -> Vec<String> {
        let output = self.0.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}
