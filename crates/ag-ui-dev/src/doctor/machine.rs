//! The machine on which the program runs: its environment, its programs and the folder.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// How long a program may take to say which version it is. SAM is written in Python and takes seconds.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(60);

/// The folder in which `make deploy` installs SAM and cargo-lambda, unless the variable `SAM_VENV` names another one.
const SAM_VENV: &str = ".venv-sam";

/// The environment of this process, and the folder of the project.
pub(super) struct Machine {
    folder: PathBuf,
    variables: HashMap<String, String>,
    /// The folder in which `make deploy` installs SAM and cargo-lambda, as the Makefile names it.
    sam_venv: String,
    /// Where programs are looked for: first where `make deploy` installs them, because it uses those.
    paths: Vec<PathBuf>,
}

impl Machine {
    /// Creates the machine from the current folder and the variables of the environment. Variables that are not UTF-8 are left
    /// out.
    pub(super) fn new(folder: PathBuf, variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let variables: HashMap<_, _> = variables
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let path = variables.get("PATH").map(String::as_str).unwrap_or_default();
        let sam_venv = variables.get("SAM_VENV").cloned().unwrap_or_else(|| SAM_VENV.to_owned());
        let venv_programs = folder.join(&sam_venv).join("bin");
        let paths = [venv_programs].into_iter().chain(std::env::split_paths(path)).collect();
        Self { folder, variables, sam_venv, paths }
    }

    /// Returns the folder of the project.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the value of a variable; `None` if it is not set or blank.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns where a program is; `None` if it is not installed.
    pub(super) fn find(&self, program: &str) -> Option<PathBuf> {
        self.paths.iter().map(|folder| folder.join(program)).find(|path| path.is_file())
    }

    /// Returns the folder in which `make deploy` installs SAM and cargo-lambda, as the Makefile names it.
    pub(super) fn sam_venv(&self) -> &str {
        &self.sam_venv
    }

    /// Whether a program is the one that `make deploy` has installed.
    pub(super) fn is_in_sam_venv(&self, program: &str) -> bool {
        self.find(program).is_some_and(|path| path.starts_with(self.folder.join(&self.sam_venv)))
    }

    /// Whether `make deploy` would install nothing any more. make compares the times of the same two files.
    pub(super) fn is_sam_venv_complete(&self) -> bool {
        let changed = |path: PathBuf| std::fs::metadata(path).and_then(|file| file.modified()).ok();
        let needed = changed(self.folder.join("deploy/requirements.txt"));
        changed(self.folder.join(&self.sam_venv).join(".stamp")).is_some_and(|stamp| Some(stamp) >= needed)
    }

    /// Runs a program in the folder of the project and returns what it has printed: its standard output if it has succeeded,
    /// `Err` with its standard error if not. `None` if it is not installed.
    pub(super) async fn output(&self, program: &str, arguments: &[&str]) -> Option<Result<String, String>> {
        let mut command = Command::new(self.find(program)?);
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null()).kill_on_drop(true);
        // The programs that it starts are found in the same places.
        if let Ok(paths) = std::env::join_paths(&self.paths) {
            command.env("PATH", paths);
        }
        let output = match timeout(PROGRAM_TIMEOUT, command.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => return Some(Err(error.to_string())),
            Err(_) => return Some(Err(format!("it did not end within {} s", PROGRAM_TIMEOUT.as_secs()))),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match output.status.success() {
            true => Some(Ok(text(&output.stdout))),
            false => Some(Err(text(&output.stderr))),
        }
    }
}
