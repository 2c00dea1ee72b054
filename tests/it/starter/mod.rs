//! The starter in `starter/`, as cargo-lambda and `make new` make a project of it. tests/structure compares its files with those
//! of this repository, and tests/starter builds a project.

mod make_new;
mod rendered;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::sam_venv;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// A folder outside of this repository, which is removed at the end of the test.
pub(crate) struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    /// Makes an empty folder. `name` is the test's own.
    pub(crate) fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("ag-ui-starter-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder.canonicalize().unwrap())
    }

    /// Returns the path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Runs the program behind `make new` in this folder. `project` is the value of DIR.
    fn make_new(&self, project: &str) -> Output {
        let script = format!("{REPOSITORY}/scripts/new-project.sh");
        self.command(&script).env("DIR", project).output().unwrap()
    }

    /// Makes the project `my-agent` in this folder, as `make new` does. Returns its path.
    pub(crate) fn project(&self) -> PathBuf {
        let made = self.make_new("my-agent");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self.path("my-agent")
    }

    /// Makes a project with cargo-lambda alone, of this template and with these further arguments. Returns its path.
    fn cargo_lambda_new(&self, project: &str, template: &Path, arguments: &[&str]) -> PathBuf {
        let mut command = self.command("cargo-lambda");
        command
            .args(["lambda", "new", project, "--no-interactive", "--template"])
            .arg(template)
            .args(arguments);
        let made = command.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self.path(project)
    }

    /// Returns a command in this folder that finds cargo-lambda.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = env::var("PATH").unwrap();
        command.current_dir(&self.0).env("PATH", format!("{}:{path}", sam_venv().join("bin").display()));
        command
    }
}

/// Returns the paths of all files in a folder, from there and in order.
fn files_of(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Reads a file of a project.
fn text(project: &Path, file: &str) -> String {
    fs::read_to_string(project.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
