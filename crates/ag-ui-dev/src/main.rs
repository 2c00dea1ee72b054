//! `ag-ui-dev`: builds a function, serves it on this machine, and injects faults. `ag-ui-dev doctor` checks a project.

mod cargo_build;
#[cfg(feature = "doctor")]
mod doctor;
mod options;

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use ag_ui_dev::FunctionError;
use ag_ui_dev::server::{Server, ServerError, Settings};
use options::Options;

/// Runs the program. An error is printed to standard error and makes the program exit with a failure, and so does a check of
/// `doctor` that has failed.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            write(&format!("error: {}\n", chain(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

/// Reads the options, builds the function and serves it until the program is stopped. With `--help`, prints the help only.
/// With `doctor`, runs the checks, and returns whether none has failed.
async fn run() -> Result<bool, Box<dyn Error>> {
    #[cfg_attr(
        not(feature = "doctor"),
        expect(unused_mut, reason = "only the command takes an argument away")
    )]
    let mut arguments = lexopt::Parser::from_env();
    #[cfg(feature = "doctor")]
    if arguments.raw_args()?.next_if(|word| word == "doctor").is_some() {
        return doctor::run(arguments).await;
    }
    let Some(options) = Options::read(arguments)? else {
        write(options::HELP);
        return Ok(true);
    };
    let program = match options.program {
        Some(program) => program,
        None => cargo_build::build(&options.cargo)?,
    };
    let mut settings = Settings::read(program, variable)?;
    settings.port = options.port.or(settings.port);
    settings.faults = options.faults;
    settings.has_faults = true;
    settings.model_servers = model_servers(&settings.model);
    settings.variables.extend(stand_in_credentials());
    let server = Server::start(settings).await?;
    server.print_welcome();
    server.run_until_stopped().await?;
    Ok(true)
}

/// Returns the environment variables that name the servers of models (`*_BASE_URL`), with their values, so that faults can
/// be injected there. If `model` is one of Ollama, `OLLAMA_HOST` is added, by default with Ollama's own address.
fn model_servers(model: &str) -> Vec<(String, String)> {
    let texts = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut servers: Vec<_> = texts.filter(|(name, _)| name.ends_with("_BASE_URL")).collect();
    if model.contains("ollama/") {
        let host = variable("OLLAMA_HOST").unwrap_or_else(|| "http://127.0.0.1:11434".into());
        let address = if host.contains("://") { host } else { format!("http://{host}") };
        servers.push(("OLLAMA_HOST".into(), address));
    }
    servers
}

/// Returns variables with invented AWS credentials for the function; empty if the environment has credentials. The
/// stand-ins of AWS services do not check them.
fn stand_in_credentials() -> Vec<(String, String)> {
    let has_credentials = ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"]
        .map(variable)
        .iter()
        .any(Option::is_some);
    let variables = [("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")];
    variables
        .into_iter()
        .filter(|_| !has_credentials)
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program for a developer's machine reads its environment here and nowhere else"
)]
/// Reads a variable of the environment; `None` if it is not set or not UTF-8. `Settings::read` looks the settings up
/// with this.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Formats an error with its causes for the terminal. If the function has ended, its log is left out, since it was printed
/// while the function ran.
fn chain(error: &(dyn Error + 'static)) -> String {
    if let Some(ServerError::Function(FunctionError::Exited { status, .. })) = error.downcast_ref() {
        return format!(
            "the function ended with {status} before it asked for work; what it has logged is above"
        );
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // An error of an option is its own cause.
        if cause_text != text {
            text += &format!(": {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Writes to standard error. If that fails, the failure is ignored, since there is no other place to report it.
fn write(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
