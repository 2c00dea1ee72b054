//! The options of the program `ag-ui-dev`.

use std::path::PathBuf;

use lexopt::prelude::{Long, Short, Value as Free, ValueExt as _};
use serde_json::Value;

/// The text of `ag-ui-dev --help`.
pub(crate) const HELP: &str = "\
Builds a function, serves it on this machine with a page to try it, and injects faults.

Usage: ag-ui-dev [OPTIONS]
       ag-ui-dev doctor [OPTIONS]    check tools, project, AWS account and endpoint: ag-ui-dev doctor --help

Which function
  --bin NAME            the program of the workspace to build; needed where there are several
  --package NAME        the package to build
  --release             build with the profile `release`
  --features LIST       features to build with
  --program PATH        start this program and build nothing

How it is served
  --port PORT           where to listen (AGUI_PORT, or 9000, or any free port)

Faults, which the page can set as well
  --deadline SECONDS    the function's deadline, from the beginning of each request
  --cut-client PIECES   break each response off after so many pieces
  --cut-model BYTES     break each response of a model server off after so many bytes; for servers that are reached by
                        plain HTTP (OPENAI_BASE_URL=http://...)
  --secrets STATE       Secrets Manager is `up`, `slow` or `down`
  --throttle            refuse every request, as Lambda does at the limit of concurrency
  --freeze              stop the function's process, as Lambda does between events

The function's own settings (AGUI_MODEL, OPENAI_API_KEY, ...) are taken from the environment.
The function is restarted whenever its program is built again.
";

/// The options that were given on the command line.
pub(crate) struct Options {
    /// The arguments for `cargo build`.
    pub(crate) cargo: Vec<String>,
    /// The program to start, if it is not to be built.
    pub(crate) program: Option<PathBuf>,
    /// The port to listen on.
    pub(crate) port: Option<u16>,
    /// The faults to set from the start, by id.
    pub(crate) faults: Vec<(String, Value)>,
}

impl Options {
    /// Reads the options from these command line arguments; `None` for `--help`.
    ///
    /// # Errors
    /// Returns an error for an unknown option, or for a value that is missing or malformed.
    pub(crate) fn read(mut arguments: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self { cargo: Vec::new(), program: None, port: None, faults: Vec::new() };
        while let Some(argument) = arguments.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Long(name @ ("bin" | "package" | "features")) => {
                    let name = format!("--{name}");
                    options.cargo.extend([name, arguments.value()?.string()?]);
                }
                Long("release") => options.cargo.push("--release".into()),
                Long("program") => options.program = Some(arguments.value()?.into()),
                Long("port") => options.port = Some(arguments.value()?.parse()?),
                Long(name @ ("deadline" | "cut-client" | "cut-model")) => {
                    let name = name.to_owned();
                    let number: u64 = arguments.value()?.parse()?;
                    options.faults.push((name, number.into()));
                }
                Long("secrets") => {
                    options.faults.push(("secrets".into(), arguments.value()?.string()?.into()));
                }
                Long(name @ ("throttle" | "freeze")) => options.faults.push((name.to_owned(), true.into())),
                Short(_) | Long(_) | Free(_) => return Err(argument.unexpected()),
            }
        }
        Ok(Some(options))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Reads the options from these command line arguments.
    fn read(arguments: &[&str]) -> Result<Option<Options>, lexopt::Error> {
        Options::read(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn options_are_read_for_cargo_the_server_and_faults() {
        let options = read(&[
            "--bin",
            "dojo",
            "--release",
            "--port=9001",
            "--deadline",
            "5",
            "--throttle",
            "--secrets",
            "down",
        ]);
        let options = options.unwrap().unwrap();

        assert_eq!(options.cargo, ["--bin", "dojo", "--release"]);
        assert_eq!(options.port, Some(9001));
        let faults = [("deadline", json!(5)), ("throttle", json!(true)), ("secrets", json!("down"))];
        assert_eq!(options.faults, faults.map(|(id, value)| (id.to_owned(), value)));
    }

    #[test]
    fn help_lists_every_option_and_others_are_refused() {
        for option in [
            "--bin",
            "--package",
            "--release",
            "--features",
            "--program",
            "--port",
            "--deadline",
            "--cut-client",
            "--cut-model",
            "--secrets",
            "--throttle",
            "--freeze",
        ] {
            assert!(HELP.contains(option), "{option}");
        }
        assert!(read(&["--help"]).unwrap().is_none());
        for wrong in [["--unknown"], ["dojo"], ["--port=x"], ["--deadline=-1"]] {
            assert!(read(&wrong).is_err(), "{wrong:?}");
        }
    }
}
