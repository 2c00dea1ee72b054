//! The settings of a development server.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};

use super::error::ServerError;
use super::state_file::{LocalSecrets, state_folder};
use crate::ClaimSet;

/// The model if the environment names none.
const MODEL: &str = "scripted/demo";

/// Variables that the function gets if the environment does not set them.
const DEFAULTS: &[(&str, &str)] = &[
    ("AGUI_MODEL", MODEL),
    ("AGUI_SCRIPTED_DELAY_MS", "30"),
    // The entry point with IAM gives its callers roles of this name.
    ("AGUI_IAM_PRINCIPALS", "arn:aws:sts::123456789012:assumed-role/local/*"),
    ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
    // One process handles several runs at a time.
    ("AWS_LAMBDA_MAX_CONCURRENCY", "16"),
];

/// Holds the settings of a development server. [`read`](Self::read) creates them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The name of the function for people, which is that of its program.
    pub name: String,
    /// The path of the program that runs as the function.
    pub program: PathBuf,
    /// Variables that the function gets in addition to those of this process.
    pub variables: Vec<(String, String)>,
    /// The value of `AGUI_MODEL`, which is shown to people.
    pub model: String,
    /// The name of the header with the shared token.
    pub token_header: String,
    /// The port on which the server listens. `None` is 9000, or any free port if that is taken.
    pub port: Option<u16>,
    /// The origins of other pages that may send requests, in addition to the server's own. `*` stands for all.
    pub allowed_origins: Vec<String>,
    /// The token that protects the server, and the function's key for approvals.
    pub secrets: LocalSecrets,
    /// The id of the secret that holds the function's token; `None` if the token is that of `secrets`.
    pub token_secret: Option<String>,
    /// Whether the function's own settings name an issuer of users' tokens. Then tokens of this issuer are not given to the
    /// process that knows only the local issuer.
    pub has_own_issuer: bool,
    /// Whether the user's JWT admits a request by itself: `AGUI_AUTH` is `jwt` or `token_or_jwt`. The function then verifies the
    /// JWTs of the local issuer at every entry point, unless its settings name an issuer of its own.
    pub admits_jwt: bool,
    /// Whether the function has a shared token. It has none if `AGUI_AUTH` is `jwt`.
    pub has_shared_token: bool,
    /// Whether the server can inject faults. Then it has a Secrets Manager of its own.
    pub has_faults: bool,
    /// The variables that name model servers, with their values. A server that is reached by plain HTTP gets a proxy.
    pub model_servers: Vec<(String, String)>,
    /// The faults that are set from the start: their ids and values, as the page sends them.
    pub faults: Vec<(String, Value)>,
    /// Whether the lines of the function's log are printed to standard output.
    pub prints_log: bool,
}

impl Settings {
    /// Reads the settings for serving `program` from environment variables. `look_up` returns the value of a variable, or
    /// `None` if it is not set.
    ///
    /// The function keeps the variables that are set. Missing ones get values for this machine: the token and the key for
    /// approvals come from the file in [`state_folder`], the model is `scripted/demo`, and log lines are JSON. An
    /// `AGUI_PORT` that is not a port counts as missing, because the function reports it together with every other unusable
    /// variable, and does not start.
    ///
    /// # Errors
    /// [`ServerError`] if the local secrets cannot be read or written.
    pub fn read(program: PathBuf, look_up: impl Fn(&str) -> Option<String>) -> Result<Self, ServerError> {
        let text = |name: &str| look_up(name).filter(|value| !value.trim().is_empty());
        let port = text("AGUI_PORT").and_then(|port| port.trim().parse().ok());
        let own = (text("AGUI_TOKEN"), text("AGUI_APPROVAL_KEY"));
        let mut secrets = match own {
            (Some(token), Some(approval_key)) => LocalSecrets { token, approval_key },
            _ => LocalSecrets::load(&state_folder(&program))?,
        };
        let token_secret = text("AGUI_TOKEN_SECRET_ID");
        let mut variables = vec![("AGUI_LOCAL".to_owned(), "1".to_owned())];
        if let Some(token) = text("AGUI_TOKEN") {
            secrets.token = token;
        } else if token_secret.is_none() {
            variables.push(("AGUI_TOKEN".into(), secrets.token.clone()));
        }
        if text("AGUI_APPROVAL_KEY").is_none() && text("AGUI_APPROVAL_SECRET_ID").is_none() {
            variables.push(("AGUI_APPROVAL_KEY".into(), secrets.approval_key.clone()));
        }
        for (name, value) in DEFAULTS {
            if text(name).is_none() {
                variables.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        // `Function` sets a region of its own if the command has none.
        if let Some(region) = text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")) {
            variables.push(("AWS_REGION".into(), region));
        }
        let origins = text("AGUI_CORS_ORIGINS").unwrap_or_default();
        Ok(Self {
            name: program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            model: text("AGUI_MODEL").unwrap_or_else(|| MODEL.into()),
            token_header: text("AGUI_TOKEN_HEADER").unwrap_or_else(|| "x-agui-token".into()),
            port,
            allowed_origins: origins
                .split(',')
                .map(|origin| origin.trim().to_owned())
                .filter(|origin| !origin.is_empty())
                .collect(),
            secrets,
            token_secret,
            has_own_issuer: text("AGUI_JWT_ISSUER").is_some(),
            admits_jwt: matches!(text("AGUI_AUTH").as_deref(), Some("jwt" | "token_or_jwt")),
            has_shared_token: text("AGUI_AUTH").as_deref() != Some("jwt"),
            has_faults: false,
            model_servers: Vec::new(),
            faults: Vec::new(),
            prints_log: true,
            program,
            variables,
        })
    }
}

/// A sample person that the page offers as the caller.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Person {
    /// The id of the person, which the header `x-agui-dev-as` names.
    pub id: &'static str,
    /// The name of the person, and what the person may do.
    pub name: &'static str,
    /// The claims that an authorizer would have verified; `None` for an anonymous caller.
    pub claims: Option<ClaimSet>,
}

impl Person {
    /// Returns the sample people that the page offers as callers. The header `x-agui-dev-as` may name one of them by
    /// id.
    pub fn samples() -> Vec<Self> {
        let claims = |claims: Value| claims.as_object().cloned();
        vec![
            Self { id: "nobody", name: "Nobody (anonymous)", claims: None },
            Self {
                id: "amelie",
                name: "Amelie, support (may refund)",
                claims: claims(json!({
                    "sub": "amelie", "email": "amelie@acme.example", "custom:org_id": "acme", "custom:plan": "pro",
                    "permissions": "refunds:write orders:write", "cognito:groups": ["support"],
                })),
            },
            Self {
                id: "ben",
                name: "Ben, viewer (may only read)",
                claims: claims(json!({
                    "sub": "ben", "email": "ben@acme.example", "custom:org_id": "acme", "custom:plan": "free",
                    "permissions": ["orders:read"], "cognito:groups": ["viewers"],
                })),
            },
            Self {
                id: "chiara",
                name: "Chiara, of another organisation (may refund)",
                claims: claims(json!({
                    "sub": "chiara", "email": "chiara@globex.example", "custom:org_id": "globex", "custom:plan": "pro",
                    "permissions": ["refunds:write"], "cognito:groups": ["admins"],
                })),
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads settings from these variables of an environment, for a program in a new folder.
    fn read(variables: &[(&str, &str)]) -> Settings {
        let program = std::env::temp_dir().join(format!("{}/program", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(program.parent().unwrap()).unwrap();
        std::fs::write(program.with_file_name("CACHEDIR.TAG"), "").unwrap();
        let look_up = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Settings::read(program, look_up).unwrap()
    }

    /// Returns the value of a variable that the settings add to the function's environment.
    fn variable<'a>(settings: &'a Settings, name: &str) -> Option<&'a str> {
        settings.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn missing_variables_get_local_values() {
        let settings = read(&[]);

        assert_eq!(variable(&settings, "AGUI_TOKEN"), Some(&*settings.secrets.token));
        assert_eq!(variable(&settings, "AGUI_APPROVAL_KEY"), Some(&*settings.secrets.approval_key));
        assert_eq!(variable(&settings, "AGUI_MODEL"), Some("scripted/demo"));
        assert_eq!((settings.name.as_str(), settings.port), ("program", None));
    }

    #[test]
    fn variables_that_are_set_are_kept() {
        let settings = read(&[
            ("AGUI_TOKEN", "mine"),
            ("AGUI_APPROVAL_SECRET_ID", "approvals"),
            ("AGUI_MODEL", "ollama/qwen3"),
            ("AGUI_PORT", "9001"),
            ("AWS_DEFAULT_REGION", "eu-central-1"),
            ("AGUI_CORS_ORIGINS", "http://a.example, http://b.example"),
        ]);

        assert_eq!((settings.secrets.token.as_str(), settings.port), ("mine", Some(9001)));
        for name in ["AGUI_TOKEN", "AGUI_APPROVAL_KEY", "AGUI_MODEL"] {
            assert_eq!(variable(&settings, name), None, "{name}");
        }
        assert_eq!(settings.allowed_origins, ["http://a.example", "http://b.example"]);
        assert_eq!(settings.token_secret, None);
        assert_eq!(variable(&settings, "AWS_REGION"), Some("eu-central-1"));
    }

    #[test]
    fn token_in_a_secret_is_not_replaced_by_a_literal() {
        let settings = read(&[("AGUI_TOKEN_SECRET_ID", "token")]);

        assert_eq!(
            (variable(&settings, "AGUI_TOKEN"), settings.token_secret.as_deref()),
            (None, Some("token"))
        );
    }
}
