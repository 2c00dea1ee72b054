//! The checks of the secrets: each exists, can be read, and is long enough. No value is ever printed.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::account::Account;
use super::machine::Machine;
use super::models::Models;
use super::project::Project;
use super::report::Finding;
use super::settings::{Setting, Settings};

/// The fewest characters of a token and of a key.
const MIN_CHARACTERS: usize = 32;

/// The secrets that later checks need.
#[derive(Default)]
pub(super) struct Secrets {
    /// The shared token.
    pub(super) token: Option<String>,
    /// The header in which callers send it.
    pub(super) token_header: String,
    /// The keys of providers, by the names of their variables.
    pub(super) keys: HashMap<String, String>,
}

/// A secret with one text in it.
struct NamedSecret {
    check: &'static str,
    /// The variable that names it.
    variable: &'static str,
    /// The output of the stack that names it.
    output: Option<&'static str>,
    /// The member of its JSON.
    member: &'static str,
    /// Whether its value may be the text itself, without JSON.
    may_be_plain: bool,
}

const NAMED: [NamedSecret; 3] = [
    NamedSecret {
        check: "token-secret",
        variable: "AGUI_TOKEN_SECRET_ID",
        output: Some("TokenSecretArn"),
        member: "token",
        may_be_plain: true,
    },
    NamedSecret {
        check: "approval-secret",
        variable: "AGUI_APPROVAL_SECRET_ID",
        output: Some("ApprovalSecretArn"),
        member: "key",
        may_be_plain: false,
    },
    NamedSecret {
        check: "log-name-secret",
        variable: "AGUI_WHO_SECRET_ID",
        output: None,
        member: "key",
        may_be_plain: false,
    },
];

/// Makes the checks of the group "Secrets", and returns what later checks need.
pub(super) async fn check(
    machine: &Machine,
    project: &Project,
    account: &Account,
) -> (Secrets, Vec<Finding>) {
    let settings = Settings { machine, project };
    let mut secrets = Secrets {
        token: machine.variable("AGUI_TOKEN").map(ToOwned::to_owned),
        token_header: settings.get("AGUI_TOKEN_HEADER").text().unwrap_or("x-agui-token").to_owned(),
        ..Secrets::default()
    };
    let mut findings = Vec::new();
    for secret in NAMED {
        let (text, finding) = secret.check(machine, account).await;
        if secret.check == "token-secret" && secrets.token.is_none() {
            secrets.token = text;
        }
        findings.push(finding);
    }
    findings.push(model_keys(settings, account, &mut secrets).await);
    (secrets, findings)
}

impl NamedSecret {
    /// Checks the secret that the environment or the deployed stack names, and returns the text in it.
    async fn check(&self, machine: &Machine, account: &Account) -> (Option<String>, Finding) {
        let Self { check, variable, output, .. } = self;
        let id = machine.variable(variable).or_else(|| account.output((*output)?));
        let Some(id) = id else {
            let stack = if output.is_some() { ", and no output of a stack does" } else { "" };
            return (None, Finding::skipped(check, format!("{variable} names no secret{stack}")));
        };
        let value = match read(account, id).await {
            Ok(value) => value,
            Err(Unread::Skipped(reason)) => return (None, Finding::skipped(check, reason)),
            Err(Unread::Absent(problem)) => {
                return (None, Finding::failed(check, problem, self.create(account, id)));
            }
            Err(Unread::Broken(problem)) => {
                return (None, Finding::failed(check, problem, restore(account, id)));
            }
        };
        let value = value.trim();
        let object: Option<Map<String, Value>> = serde_json::from_str(value).ok();
        // The function takes no broken JSON for a token either.
        let is_plain = self.may_be_plain && object.is_none() && !value.starts_with(['{', '[', '"']);
        let text = match object.as_ref().and_then(|object| object.get(self.member)).and_then(Value::as_str) {
            Some(text) => text.trim().to_owned(),
            None if is_plain => value.to_owned(),
            None => {
                let problem = format!(
                    "the secret {} is not JSON of the form {{\"{}\": \"...\"}}",
                    name_of(id),
                    self.member
                );
                return (None, Finding::failed(check, problem, self.replace(account, id)));
            }
        };
        let characters = text.chars().count();
        let finding = match characters < MIN_CHARACTERS {
            true => {
                let problem = format!(
                    "the secret {} has {characters} characters, and needs {MIN_CHARACTERS}",
                    name_of(id)
                );
                Finding::failed(check, problem, self.replace(account, id))
            }
            false => {
                Finding::ok(check, format!("{} can be read and has {characters} characters", name_of(id)))
            }
        };
        (Some(text), finding)
    }

    /// Returns the argument with a new random value. The shell makes the value, so that it is in no history.
    fn new_value(&self) -> String {
        format!("    --secret-string \"{{\\\"{}\\\":\\\"$(openssl rand -hex 32)\\\"}}\"", self.member)
    }

    /// Returns how a secret with this name is created.
    fn create(&self, account: &Account, id: &str) -> String {
        match id.starts_with("arn:") {
            true => format!("deploy the stack again, or name another secret in {}", self.variable),
            false => {
                let options = account.cli_options();
                format!(
                    "create it:\n  aws secretsmanager create-secret --name {id}{options} \\\n{}",
                    self.new_value()
                )
            }
        }
    }

    /// Returns how a secret gets a new value.
    fn replace(&self, account: &Account, id: &str) -> String {
        format!(
            "give it a new value:\n  aws secretsmanager put-secret-value --secret-id {}{} \\\n{}",
            name_of(id),
            account.cli_options(),
            self.new_value()
        )
    }
}

/// Why a secret was not read.
enum Unread {
    /// It was not checked.
    Skipped(String),
    /// There is no such secret.
    Absent(String),
    /// It is there, and AWS does not return its value, for example because it is marked for deletion.
    Broken(String),
}

/// Reads the current value of a secret.
async fn read(account: &Account, id: &str) -> Result<String, Unread> {
    let aws = account.aws().map_err(|reason| Unread::Skipped(reason.to_owned()))?;
    match aws.secret(id).await {
        Ok(value) => Ok(value),
        Err(error) if error.code == "ResourceNotFoundException" => {
            Err(Unread::Absent(format!("there is no secret {} in {}: {error}", name_of(id), aws.region())))
        }
        // Only this person is denied. The function has a role of its own.
        Err(error) if error.is_denied() => Err(Unread::Skipped(format!(
            "you may not read the secret {}, so it was not checked",
            name_of(id)
        ))),
        Err(error) => Err(Unread::Broken(format!("the secret {} cannot be read: {error}", name_of(id)))),
    }
}

/// Returns how a secret is brought back that is marked for deletion.
fn restore(account: &Account, id: &str) -> String {
    format!(
        "if it is marked for deletion, bring it back:\n  aws secretsmanager restore-secret --secret-id {}{}",
        name_of(id),
        account.cli_options()
    )
}

/// Checks that each provider of the model has a key, in its variable or in the secret.
async fn model_keys(settings: Settings<'_>, account: &Account, secrets: &mut Secrets) -> Finding {
    const CHECK: &str = "model-keys";
    let models = Models::find(settings.machine, settings.project);
    if let Some(reason) = models.undecided {
        return Finding::skipped(CHECK, reason);
    }
    let mut missing = models.key_variables();
    if missing.is_empty() {
        return Finding::skipped(CHECK, "the model needs no key of a provider");
    }
    for name in models.key_variables() {
        if let Some(key) = settings.of_shell(name) {
            secrets.keys.insert(name.to_owned(), key.to_owned());
        }
    }
    missing.retain(|name| !secrets.keys.contains_key(*name));
    if missing.is_empty() {
        return Finding::ok(
            CHECK,
            format!("{} is set in this environment", models.key_variables().join(", ")),
        );
    }
    let form = format!(
        "{{{}}}",
        missing.iter().map(|name| format!("\"{name}\":\"...\"")).collect::<Vec<_>>().join(",")
    );
    let id = match settings.get("AGUI_MODEL_SECRET_ID") {
        Setting::Text { value, .. } => Some(value),
        Setting::Unset | Setting::Undecided(_) => {
            settings.project.parameter("ModelSecretArn").map(ToOwned::to_owned)
        }
    };
    let Some(id) = id.as_deref() else {
        let fix = format!(
            "to run it here, set {}. To deploy it, create a secret, and give its ARN as ModelSecretArn:\n  aws secretsmanager create-secret --name model-keys{} \\\n    --secret-string '{form}'",
            missing.join(" and "),
            account.cli_options()
        );
        return Finding::failed(CHECK, format!("there is no {}", missing.join(" and no ")), fix);
    };
    let replace = format!(
        "its value must be JSON with the keys:\n  aws secretsmanager put-secret-value --secret-id {}{} \\\n    --secret-string '{form}'",
        name_of(id),
        account.cli_options()
    );
    let value = match read(account, id).await {
        Ok(value) => value,
        Err(Unread::Skipped(reason)) => return Finding::skipped(CHECK, reason),
        Err(Unread::Broken(problem)) => return Finding::failed(CHECK, problem, restore(account, id)),
        Err(Unread::Absent(problem)) => {
            return Finding::failed(
                CHECK,
                problem,
                "name an existing secret in AGUI_MODEL_SECRET_ID or ModelSecretArn",
            );
        }
    };
    let Ok(Value::Object(keys)) = serde_json::from_str::<Value>(&value) else {
        return Finding::failed(
            CHECK,
            format!("the secret {} is not JSON of the form {form}", name_of(id)),
            replace,
        );
    };
    for (name, key) in keys {
        // A key of this shell comes first, as it does for the function.
        if let Some(key) = key.as_str().filter(|key| !key.is_empty()) {
            secrets.keys.entry(name).or_insert_with(|| key.to_owned());
        }
    }
    missing.retain(|name| !secrets.keys.contains_key(*name));
    match missing.is_empty() {
        true => Finding::ok(CHECK, format!("{} has {}", name_of(id), models.key_variables().join(" and "))),
        false => Finding::failed(
            CHECK,
            format!("the secret {} has no {}", name_of(id), missing.join(" and no ")),
            replace,
        ),
    }
}

/// Returns the name of a secret. It is the last part of its ARN, without the six characters that AWS adds.
fn name_of(id: &str) -> &str {
    let Some(last) = id.strip_prefix("arn:").and_then(|arn| arn.rsplit(':').next()) else { return id };
    last.rsplit_once('-').map_or(last, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_named_without_what_aws_adds() {
        let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop-SharedToken-Zx1234";
        assert_eq!(name_of(arn), "shop-SharedToken");
        assert_eq!(name_of("my/token-1"), "my/token-1");
    }
}
