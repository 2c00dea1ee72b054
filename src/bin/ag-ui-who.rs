//! Computes the names that the log has for a user, the field `who`, for an inquiry about this user.
//!
//! It reads the key from the secret that `AGUI_WHO_SECRET_ID` names, with the AWS credentials of whoever runs it. The name
//! depends on who has proven the user, so it prints one line for each source of claims.

use std::error::Error;
use std::process::ExitCode;

use ag_ui_lambda::approval::WhoKey;
use ag_ui_lambda::auth::{ClaimSource, Principal};
use ag_ui_lambda::lambda::{SecretsManager, claim_source};

/// How the program is called.
const USAGE: &str = "usage: AGUI_WHO_SECRET_ID=<name or ARN> ag-ui-who <user> [--issuer <issuer>] [--org <organisation>]

<user>     the value of the claim that names the user, as AGUI_CLAIM_USER says: sub by default
--issuer   the value of the claim iss, if the user's claims have one
--org      the value of the claim that names the organisation, as AGUI_CLAIM_ORG says, if the user's claims have one

Each line of the output has a source of claims and the name of this user in the log, if that source has proven the user.";

/// The sources of claims that can prove a user to the function.
const SOURCES: [ClaimSource; 6] = [
    ClaimSource::UserToken,
    ClaimSource::Session,
    claim_source::JWT_AUTHORIZER,
    claim_source::COGNITO_AUTHORIZER,
    claim_source::LAMBDA_AUTHORIZER,
    claim_source::IAM,
];

/// The user that is asked about.
#[derive(Default)]
struct User {
    user: Option<String>,
    issuer: Option<String>,
    org: Option<String>,
}

/// Prints the names, or how the program is called.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match print_names().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            write(std::io::stderr(), &format!("ag-ui-who: {problem}\n\n{USAGE}"));
            ExitCode::FAILURE
        }
    }
}

/// Reads the arguments and the key, and prints a line for each source.
///
/// # Errors
/// If the arguments are unusable, or if the key cannot be read.
async fn print_names() -> Result<(), Box<dyn Error>> {
    let user = parse(std::env::args().skip(1))?;
    let secret = secret_id().ok_or("AGUI_WHO_SECRET_ID is not set")?;
    let key = WhoKey::from_source(SecretsManager::new(&secret));
    for source in SOURCES.map(ClaimSource::name) {
        let User { user, issuer, org } = &user;
        let principal = Principal { source, issuer: issuer.clone(), org: org.clone(), user: user.clone() };
        let name = key.name(&principal).await?;
        write(std::io::stdout(), &format!("{source:<12}{name}"));
    }
    Ok(())
}

/// Returns the value of the variable that names the secret; `None` if it is not set.
#[expect(clippy::disallowed_methods, reason = "this program is not the function and has no other setting")]
fn secret_id() -> Option<String> {
    std::env::var("AGUI_WHO_SECRET_ID").ok().filter(|id| !id.is_empty())
}

/// Parses the arguments.
///
/// # Errors
/// A sentence about the first argument that is unusable or missing.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<User, String> {
    let mut user = User::default();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--issuer" => user.issuer = Some(value()?),
            "--org" => user.org = Some(value()?),
            option if option.starts_with("--") => return Err(format!("{option} is not known")),
            name if user.user.is_none() => user.user = Some(name.to_owned()),
            _ => return Err("there is more than one user".into()),
        }
    }
    if user.user.is_none() { Err("the user is missing".into()) } else { Ok(user) }
}

/// Writes a line. A reader that is gone does not matter.
fn write(mut output: impl std::io::Write, line: &str) {
    let _written = writeln!(output, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_one_user_and_what_the_claims_say_of_it() {
        let read = |arguments: &[&str]| {
            let user = parse(arguments.iter().map(|argument| (*argument).to_owned()))?;
            Ok::<_, String>((user.user.unwrap_or_default(), user.issuer, user.org))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read(&["ada"]), Ok(("ada".into(), None, None)));
        assert_eq!(
            read(&["--org", "acme", "ada", "--issuer", "idp"]),
            Ok(("ada".into(), some("idp"), some("acme")))
        );
        for (arguments, problem) in [
            (&[][..], "the user is missing"),
            (&["--org", "acme"], "the user is missing"),
            (&["ada", "bob"], "there is more than one user"),
            (&["ada", "--org"], "--org needs a value"),
            (&["ada", "--name", "x"], "--name is not known"),
        ] {
            assert_eq!(read(arguments), Err(problem.into()), "{arguments:?}");
        }
    }
}
