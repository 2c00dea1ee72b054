//! Builds the function with cargo and finds the program that was built.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The error of [`build`]: why there is no program to start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error("cargo can't be started")]
    Cargo(#[from] std::io::Error),
    #[error("cargo could not build the function")]
    Failed,
    #[error("nothing that was built is a program; --bin or --package names one")]
    NoProgram,
    #[error("several programs were built: {0}; --bin names the function")]
    Several(String),
}

/// Runs `cargo build` with these arguments, and returns the path of the one program that was built.
///
/// # Errors
/// [`BuildError`] if cargo cannot be started or fails, or if it has built no program or several.
pub(crate) fn build(arguments: &[String]) -> Result<PathBuf, BuildError> {
    let mut command = Command::new("cargo");
    command.args(["build", "--message-format", "json-render-diagnostics"]).args(arguments);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines()).into_iter().flatten();
    let programs: Vec<Program> = lines.map_while(Result::ok).filter_map(|line| program(&line)).collect();
    if !child.wait()?.success() {
        return Err(BuildError::Failed);
    }
    only_program(programs)
}

/// A program that cargo has built.
#[derive(Debug, PartialEq)]
struct Program {
    name: String,
    path: PathBuf,
}

/// Reads one line of cargo's JSON messages. Returns the program that the line reports as built; `None` for any other line.
fn program(line: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(line).ok()?;
    let target = &message["target"];
    let is_program = target["kind"].as_array()?.iter().any(|kind| kind == "bin");
    let path = message["executable"].as_str().filter(|_| is_program)?;
    Some(Program { name: target["name"].as_str()?.to_owned(), path: path.into() })
}

/// Returns the path of the only program in the list; an error if the list is empty or has several. [`build`] calls this
/// when cargo has ended.
fn only_program(mut programs: Vec<Program>) -> Result<PathBuf, BuildError> {
    match programs.len() {
        0 => Err(BuildError::NoProgram),
        1 => Ok(programs.remove(0).path),
        _ => Err(BuildError::Several(
            programs.into_iter().map(|program| program.name).collect::<Vec<_>>().join(", "),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Writes a line of cargo's JSON messages about a target.
    fn message(kind: &str, name: &str, executable: Option<&str>) -> String {
        json!({"reason": "compiler-artifact", "target": {"kind": [kind], "name": name}, "executable": executable}).to_string()
    }

    #[test]
    fn single_built_program_is_found() {
        let lines = [message("lib", "a", None), message("bin", "b", Some("/t/b")), "not json".into()];
        let programs: Vec<_> = lines.iter().filter_map(|line| program(line)).collect();

        assert_eq!(only_program(programs).unwrap(), PathBuf::from("/t/b"));
        assert!(matches!(only_program(vec![]), Err(BuildError::NoProgram)));
    }

    #[test]
    fn several_built_programs_are_an_error_with_their_names() {
        let lines = [message("bin", "a", Some("/t/a")), message("bin", "b", Some("/t/b"))];
        let programs: Vec<_> = lines.iter().filter_map(|line| program(line)).collect();

        assert_eq!(
            only_program(programs).unwrap_err().to_string(),
            "several programs were built: a, b; --bin names the function"
        );
    }
}
