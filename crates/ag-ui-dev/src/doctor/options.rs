//! The options of `ag-ui-dev doctor`.

use lexopt::prelude::{Long, Short, Value as Free, ValueExt as _};

/// The text of `ag-ui-dev doctor --help`.
pub(super) const HELP: &str = "\
Checks the tools on this machine, the project in the current folder, the AWS
account, the secrets, the model and a deployed endpoint. Each line is ok, failed
or skipped; a fix stands below each failure. The exit code is 1 if a check has
failed. Nothing is changed, and only --run can cost money.

Usage: ag-ui-dev doctor [OPTIONS]

  --env NAME        the environment of samconfig.toml (default)
  --local           only what the function needs to run on this machine: nothing
                    is asked of AWS or of a model's provider
  --url URL         check the endpoint at this URL, the output Url of the stack,
                    or of the stack in front of it
  --run             with --url: also send one short message to the agent. If a
                    language model answers, its tokens are paid
  --jwt JWT         with --url: the JWT of a user, where callers send one. The
                    shared token is in AGUI_TOKEN, or in the secret that
                    AGUI_TOKEN_SECRET_ID or the stack names
  --origin ORIGIN   with --url: pages of this origin must be allowed to call,
                    and pages of others must not

Examples
  ag-ui-dev doctor
  ag-ui-dev doctor --env prod --url https://abc.lambda-url.eu-west-1.on.aws/
  ag-ui-dev doctor --url \"$URL\" --jwt \"$JWT\" --origin https://app.example.com
  ag-ui-dev doctor --url \"$URL\" --run
";

/// The options that were given on the command line.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// The environment of samconfig.toml.
    pub(super) environment: String,
    /// Whether nothing is asked of AWS or of a provider.
    pub(super) is_local: bool,
    /// The URL of a deployed endpoint, without a slash at its end.
    pub(super) url: Option<String>,
    /// Whether a message is sent to the agent.
    pub(super) has_run: bool,
    /// The JWT of a user.
    pub(super) jwt: Option<String>,
    /// An origin whose pages may call the endpoint.
    pub(super) origin: Option<String>,
}

impl Options {
    /// Reads the options from the arguments behind `doctor`; `None` for `--help`.
    ///
    /// # Errors
    /// Returns an error for an unknown option, for a value that is missing, for a URL that is not one, and for an option that
    /// needs `--url` where that is missing.
    pub(super) fn read(mut arguments: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self { environment: "default".into(), ..Self::default() };
        let mut needs_url = None;
        while let Some(argument) = arguments.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Long("env") => options.environment = arguments.value()?.string()?,
                Long("local") => options.is_local = true,
                Long("url") => options.url = Some(endpoint_url(&arguments.value()?.string()?)?),
                Long("run") => (options.has_run, needs_url) = (true, Some("--run")),
                Long("jwt") => (options.jwt, needs_url) = (Some(arguments.value()?.string()?), Some("--jwt")),
                Long("origin") => {
                    (options.origin, needs_url) = (Some(arguments.value()?.string()?), Some("--origin"));
                }
                Short(_) | Long(_) | Free(_) => return Err(argument.unexpected()),
            }
        }
        match needs_url {
            Some(option) if options.url.is_none() => Err(format!("{option} needs --url").into()),
            _ => Ok(Some(options)),
        }
    }
}

/// Reads the URL of an endpoint, and removes the slash at its end.
fn endpoint_url(text: &str) -> Result<String, lexopt::Error> {
    let is_http = text.starts_with("https://") || text.starts_with("http://");
    let is_url = is_http && text.parse::<http::Uri>().is_ok_and(|url| url.query().is_none());
    match is_url {
        true => Ok(text.trim_end_matches('/').to_owned()),
        false => {
            Err(format!("--url: {text} is not a URL that begins with https:// or http:// and has no query")
                .into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the options from these arguments.
    fn read(arguments: &[&str]) -> Result<Option<Options>, lexopt::Error> {
        Options::read(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn options_are_read() {
        let options = read(&[
            "--env",
            "prod",
            "--url=https://a.example/live/",
            "--run",
            "--origin",
            "https://b.example",
        ]);
        let options = options.unwrap().unwrap();

        assert_eq!((options.environment.as_str(), options.has_run), ("prod", true));
        assert_eq!(options.url.as_deref(), Some("https://a.example/live"));
        assert_eq!(options.origin.as_deref(), Some("https://b.example"));
        let usual = read(&[]).unwrap().unwrap();
        assert_eq!((usual.environment.as_str(), usual.has_run, usual.url), ("default", false, None));
    }

    #[test]
    fn wrong_options_are_refused_and_help_names_all() {
        for wrong in [
            &["--unknown"][..],
            &["here"],
            &["--run"],
            &["--jwt", "a.b.c"],
            &["--url", "a.example"],
            &["--env"],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        assert!(read(&["--help"]).unwrap().is_none());
        for option in ["--env", "--local", "--url", "--run", "--jwt", "--origin"] {
            assert!(HELP.contains(&format!("  {option} ")), "{option}");
        }
        assert!(HELP.lines().all(|line| line.len() <= 80));
    }
}
