//! The checks of the AWS account: the region, the credentials, and the stack.

use std::collections::HashMap;

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;

use super::aws::{Aws, elements};
use super::machine::Machine;
use super::models::Models;
use super::options::Options;
use super::project::Project;
use super::report::Finding;

/// Variables that name secrets.
const SECRETS: [&str; 4] =
    ["AGUI_TOKEN_SECRET_ID", "AGUI_APPROVAL_SECRET_ID", "AGUI_WHO_SECRET_ID", "AGUI_MODEL_SECRET_ID"];
/// What the credentials are corrected with.
const SIGN_IN: &str = "run one of these, or set AWS_PROFILE:\n  aws sso login\n  aws configure";

/// What a shell that has signed in another way is prepared with.
const EXPORT: &str = "let the AWS CLI write them into this shell:\n  eval \"$(aws configure export-credentials --format env)\"";

/// The AWS account of the credentials. Without valid credentials no request can be sent to it.
pub(super) struct Account {
    aws: Result<Aws, String>,
    /// The outputs of the deployed stack.
    outputs: HashMap<String, String>,
    /// What a command of the AWS CLI needs to find this account and region.
    cli_options: String,
}

impl Account {
    /// Finds the account, and makes the checks of the group "AWS".
    pub(super) async fn find(
        machine: &Machine,
        project: &Project,
        options: &Options,
    ) -> (Self, Vec<Finding>) {
        const CHECKS: [&str; 3] = ["region", "credentials", "stack"];
        let needs_nothing = project.template.is_none()
            && SECRETS.iter().all(|name| machine.variable(name).is_none())
            && !Models::find(machine, project).uses_bedrock();
        let reason = if options.is_local {
            Some("--local asks nothing of AWS")
        } else if needs_nothing {
            Some("nothing here uses AWS: no template.yaml, no secret, no model of Bedrock")
        } else {
            None
        };
        if let Some(reason) = reason {
            return (Self::absent(reason), Finding::all_skipped(&CHECKS, reason));
        }
        let setting = |name: &str| project.samconfig().and_then(|config| config.setting(name));
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = setting("profile") {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = setting("region") {
            loader = loader.region(Region::new(region.to_owned()));
        }
        let config = loader.load().await;
        let region = region(machine, setting("region"), config.region().map(AsRef::as_ref));
        let mut findings = vec![region.1];
        let Some(region) = region.0 else {
            findings.extend(Finding::all_skipped(&CHECKS[1..], "there is no region"));
            return (Self::absent("there is no region"), findings);
        };
        let credentials = match config.credentials_provider() {
            Some(provider) => provider.provide_credentials().await.map_err(|error| chain(&error)),
            None => Err("there are none".to_owned()),
        };
        let (aws, finding) = identity(machine, &region, credentials).await;
        findings.push(finding);
        let cli_options = cli_options(&region, setting("profile"));
        let mut account = Self { aws, outputs: HashMap::new(), cli_options };
        findings.push(account.read_stack(project).await);
        (account, findings)
    }

    /// Returns an account to which no request can be sent, for this reason.
    fn absent(reason: &str) -> Self {
        Self { aws: Err(reason.to_owned()), outputs: HashMap::new(), cli_options: String::new() }
    }

    /// Returns the client of AWS.
    ///
    /// # Errors
    /// Returns the reason why no request can be sent to the account.
    pub(super) fn aws(&self) -> Result<&Aws, &str> {
        self.aws.as_ref().map_err(String::as_str)
    }

    /// Returns what is written behind a command of the AWS CLI, so that it finds this account and region from any shell: empty,
    /// or options with a space before them.
    pub(super) fn cli_options(&self) -> &str {
        &self.cli_options
    }

    /// Returns an output of the deployed stack.
    pub(super) fn output(&self, name: &str) -> Option<&str> {
        self.outputs.get(name).map(String::as_str)
    }

    /// Checks the state of the stack that samconfig.toml names, and reads its outputs.
    async fn read_stack(&mut self, project: &Project) -> Finding {
        const CHECK: &str = "stack";
        let config = match &project.samconfig {
            None => return Finding::skipped(CHECK, "there is no samconfig.toml, which names the stack"),
            Some(Err(problem)) => {
                let fix = "--env names one of its environments; to add one, copy [default.deploy.parameters] and change the stack's name";
                return Finding::failed(CHECK, problem.clone(), fix);
            }
            Some(Ok(config)) => config,
        };
        let Some(name) = config.setting("stack_name") else {
            return no_stack_name(project);
        };
        let aws = match &self.aws {
            Ok(aws) => aws,
            Err(reason) => return Finding::skipped(CHECK, reason.clone()),
        };
        let parameters = [("Action", "DescribeStacks"), ("Version", "2010-05-15"), ("StackName", name)];
        let text = match aws.query("cloudformation", &parameters).await {
            Ok(text) => text,
            Err(error) if error.message.contains("does not exist") => {
                return Finding::skipped(CHECK, format!("{name} is not deployed in {}", aws.region()));
            }
            Err(error) => {
                return Finding::skipped(CHECK, format!("the stack {name} cannot be read: {error}"));
            }
        };
        let (keys, values) = (elements(&text, "OutputKey"), elements(&text, "OutputValue"));
        self.outputs = keys.into_iter().zip(values).collect();
        let status = elements(&text, "StackStatus").into_iter().next().unwrap_or_default();
        stack_state(name, &status, &self.cli_options)
    }
}

/// Returns what it means that samconfig.toml names no stack: `make deploy` needs the name there, and SAM alone takes it from the
/// command line, too.
fn no_stack_name(project: &Project) -> Finding {
    const CHECK: &str = "stack";
    const PROBLEM: &str = "samconfig.toml has no stack_name";
    match project.has_make_deploy {
        true => Finding::failed(CHECK, PROBLEM, "  stack_name = \"my-agent\""),
        false => Finding::skipped(CHECK, format!("{PROBLEM}, so `sam deploy` gets it as --stack-name")),
    }
}

/// Returns the options of the AWS CLI for a region and, if samconfig.toml names one, for a profile.
fn cli_options(region: &str, profile: Option<&str>) -> String {
    let profile = profile.map(|profile| {
        match profile.contains(|letter: char| !letter.is_ascii_alphanumeric() && !"-_.".contains(letter)) {
            true => format!(" --profile '{}'", profile.replace('\'', "'\\''")),
            false => format!(" --profile {profile}"),
        }
    });
    format!(" --region {region}{}", profile.unwrap_or_default())
}

/// Says whether a stack can be updated, as `make deploy` decides it. The commands get the options of the AWS CLI.
fn stack_state(name: &str, status: &str, cli_options: &str) -> Finding {
    const CHECK: &str = "stack";
    match status {
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" | "DELETE_FAILED" => Finding::failed(
            CHECK,
            format!("the stack {name} is {status}, so it cannot be updated"),
            format!(
                "look at its events, and delete what is there:\n  aws cloudformation delete-stack --stack-name {name}{cli_options}"
            ),
        ),
        "UPDATE_ROLLBACK_FAILED" => Finding::failed(
            CHECK,
            format!("the stack {name} is {status}"),
            format!(
                "look at its events, correct what failed, and run:\n  aws cloudformation continue-update-rollback --stack-name {name}{cli_options}"
            ),
        ),
        "REVIEW_IN_PROGRESS" => Finding::skipped(CHECK, format!("{name} was planned and not deployed")),
        _ => Finding::ok(CHECK, format!("{name} is {status}")),
    }
}

/// Returns the region that a deployment uses, and the finding. `configured` is that of samconfig.toml, `loaded` the one that the
/// AWS SDK finds in the environment or in a profile.
fn region(machine: &Machine, configured: Option<&str>, loaded: Option<&str>) -> (Option<String>, Finding) {
    const CHECK: &str = "region";
    let (variable, set) = match (machine.variable("AWS_REGION"), machine.variable("AWS_DEFAULT_REGION")) {
        (Some(region), _) => ("AWS_REGION", Some(region)),
        (None, region) => ("AWS_DEFAULT_REGION", region),
    };
    let finding = match (configured, set, loaded) {
        (Some(configured), Some(set), _) if configured != set => Finding::failed(
            CHECK,
            format!(
                "{variable} is {set}, but samconfig.toml has the region {configured} for this environment"
            ),
            format!(
                "unset it; to deploy to {set} too, add an environment with that region to samconfig.toml:\n  unset {variable}"
            ),
        ),
        (Some(region), ..) => Finding::ok(CHECK, format!("{region}, from samconfig.toml")),
        (None, Some(region), _) => Finding::ok(CHECK, format!("{region}, from {variable}")),
        (None, None, Some(region)) => Finding::ok(CHECK, format!("{region}, from your profile")),
        (None, None, None) => Finding::failed(
            CHECK,
            "there is no region",
            "set AWS_REGION, or the region of your profile (aws configure), or region in samconfig.toml:\n  export AWS_REGION=eu-central-1",
        ),
    };
    (configured.or(set).or(loaded).map(ToOwned::to_owned), finding)
}

/// Checks the credentials with `GetCallerIdentity` of STS. `credentials` is the reason if there are none.
async fn identity(
    machine: &Machine,
    region: &str,
    credentials: Result<Credentials, String>,
) -> (Result<Aws, String>, Finding) {
    const CHECK: &str = "credentials";
    const REASON: &str = "there are no valid credentials";
    let credentials = match credentials {
        Ok(credentials) => credentials,
        Err(problem) => {
            // The SDK names the feature with which it could be built.
            let finding = match problem.contains("cargo feature") {
                true => Finding::failed(
                    CHECK,
                    "your profile has a sign-in that this program cannot read, such as that of `aws login`",
                    EXPORT,
                ),
                false => {
                    Finding::failed(CHECK, format!("there are no credentials of AWS: {problem}"), SIGN_IN)
                }
            };
            return (Err(REASON.to_owned()), finding);
        }
    };
    let aws = Aws::new(credentials, region, machine);
    match aws.query("sts", &[("Action", "GetCallerIdentity"), ("Version", "2011-06-15")]).await {
        Ok(text) => {
            let first = |name: &str| elements(&text, name).into_iter().next().unwrap_or_default();
            let finding = Finding::ok(CHECK, format!("account {}, as {}", first("Account"), first("Arn")));
            (Ok(aws), finding)
        }
        Err(error) if error.code == "Unreachable" => {
            let problem = format!("AWS cannot be reached in {region}: {error}");
            let fix = "check the network, a proxy (HTTPS_PROXY) and the name of the region";
            (Err("AWS cannot be reached".to_owned()), Finding::failed(CHECK, problem, fix))
        }
        Err(error) => {
            let is_expired = error.code.starts_with("Expired");
            let problem = match is_expired {
                true => format!("your credentials have expired: {error}"),
                false => format!("AWS does not accept your credentials: {error}"),
            };
            (Err(REASON.to_owned()), Finding::failed(CHECK, problem, SIGN_IN))
        }
    }
}

/// Formats an error with its causes, each of which is written once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text += &format!(": {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::report::Outcome;
    use super::*;

    #[test]
    fn region_must_be_that_of_samconfig() {
        let machine = |variables: &[(&str, &str)]| {
            let variables: Vec<_> =
                variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
            Machine::new(".".into(), variables.into_iter())
        };
        for (why, variables, configured, loaded, expected) in [
            ("none", &[][..], None, None, (None, false)),
            ("of the environment", &[("AWS_REGION", "a")], None, Some("a"), (Some("a"), true)),
            ("of the profile", &[], None, Some("p"), (Some("p"), true)),
            ("of samconfig.toml", &[], Some("c"), Some("c"), (Some("c"), true)),
            ("the same", &[("AWS_DEFAULT_REGION", "c")], Some("c"), Some("c"), (Some("c"), true)),
            ("two", &[("AWS_REGION", "a")], Some("c"), Some("c"), (Some("c"), false)),
        ] {
            let (region, finding) = region(&machine(variables), configured, loaded);
            let is_ok = matches!(finding.outcome, Outcome::Ok(_));
            assert_eq!((region.as_deref(), is_ok), expected, "{why}");
        }
    }

    #[test]
    fn stack_that_cannot_be_updated_fails() {
        for (status, expected) in [
            ("UPDATE_COMPLETE", "ok"),
            ("UPDATE_IN_PROGRESS", "ok"),
            ("REVIEW_IN_PROGRESS", "skipped"),
            ("ROLLBACK_COMPLETE", "failed"),
            ("UPDATE_ROLLBACK_FAILED", "failed"),
        ] {
            let found = match stack_state("shop", status, " --region eu-central-1").outcome {
                Outcome::Ok(_) => "ok",
                Outcome::Failed { .. } => "failed",
                Outcome::Skipped(_) => "skipped",
            };
            assert_eq!(found, expected, "{status}");
        }
    }

    #[test]
    fn commands_find_the_account_from_any_shell() {
        assert_eq!(cli_options("eu-central-1", None), " --region eu-central-1");
        assert_eq!(cli_options("r", Some("dev-1")), " --region r --profile dev-1");
        assert_eq!(cli_options("r", Some("a b's")), " --region r --profile 'a b'\\''s'");
    }
}
