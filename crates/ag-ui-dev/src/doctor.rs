//! `ag-ui-dev doctor`: checks what a project needs so that it can be built, deployed and called, and says how to correct what is
//! wrong.
//!
//! It reads files, starts programs to ask for their version, and sends requests that change nothing. Only `--run` sends something
//! that can cost money. Which checks there are is in [`checks`]; the page docs/doctor.md explains each.
//!
//! The rule it guards: a check fails only if something does not work, and then a fix stands below it. What cannot be checked is
//! skipped with the reason, and what depends on a failed check is skipped as well. So each check has exactly one line in every
//! report.

mod account;
mod aws;
mod checks;
mod clock;
mod confirmed;
mod cors;
mod endpoint;
mod endpoint_callers;
mod endpoint_client;
mod http_client;
mod known_variables;
mod machine;
mod manifest;
mod model;
mod model_access;
mod models;
mod options;
mod project;
mod project_checks;
mod provider_address;
mod providers;
mod report;
mod samconfig;
mod secrets;
mod settings;
mod stream;
mod template;
mod template_checks;
mod tools;
mod versions;
mod yaml;

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};

use account::Account;
use endpoint::Endpoint;
use machine::Machine;
use options::Options;
use project::Project;
use report::{Finding, Report};

/// Runs `ag-ui-dev doctor` with the arguments behind that word. Each group of checks is printed as soon as it is known. Returns
/// whether no check has failed.
///
/// # Errors
/// Returns an error if an option is unknown or malformed, or if nothing can be printed.
pub(crate) async fn run(arguments: lexopt::Parser) -> Result<bool, Box<dyn Error>> {
    let Some(options) = Options::read(arguments)? else {
        print(options::HELP)?;
        return Ok(true);
    };
    let machine = Machine::new(std::env::current_dir()?, std::env::vars_os());
    let mut report = Report::new(io::stdout().is_terminal());
    let mut show = |group: &str, findings: Vec<Finding>| print(&report.add(group, findings));

    let project = Project::read(&machine, &options.environment).await;
    show("Tools", tools::check(&machine, &project).await)?;
    show("Project", project_checks::check(&machine, &project))?;
    show("Template", template_checks::check(&project))?;
    let (account, findings) = Account::find(&machine, &project, &options).await;
    show("AWS", findings)?;
    let (secrets, findings) = secrets::check(&machine, &project, &account).await;
    show("Secrets", findings)?;
    show("Model", model::check(&machine, &project, &account, &secrets).await)?;
    show("Endpoint", Endpoint::check(&project, &options, &account, &secrets).await)?;
    print(&report.summary())?;
    Ok(!report.has_failed())
}

/// Prints a text to standard output.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
