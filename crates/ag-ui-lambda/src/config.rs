//! The settings of the function, from environment variables: the only reader of the environment.
//!
//! Every fault is told at start, with the variable's name and what it may hold; never with a secret's value.

mod approval;
mod client;
mod doors;
mod model;
mod names;

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderName};
use secrecy::SecretString;

use crate::agent::{LONGEST, Limits};
use crate::endpoint::{
    AuthMode, KEEP_ALIVE, MAX_BODY_BYTES, RUN_PATH, TOKEN_HEADER, UnknownAlgorithm, UserTokenConfig,
    is_run_path,
};

pub use approval::{ApprovalConfig, ApprovalKey};
pub use client::ClientConfig;
pub use doors::{DoorConfig, ResponseMode};
#[cfg(feature = "http-models")]
pub use model::KeyPlace;
pub use model::{Guardrail, ModelConfig, ModelName};

/// The settings of the function. The README's table of variables tells names, meanings and defaults.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether this is a developer's own machine: `AGUI_LOCAL=1`. Refusals then say more, secrets included.
    pub is_local: bool,
    /// What a request must show.
    pub auth: AuthMode,
    /// Where the shared token is; `None` only where it is not asked for.
    pub token: Option<TokenSource>,
    /// Its header.
    pub token_header: HeaderName,
    /// How long the token before the current one is accepted.
    pub token_grace: Duration,
    /// IAM ARNs that count as an authorizer's proof, with `*`.
    pub iam_principals: Vec<String>,
    /// How the end user's token is verified; `None` where it is not asked for.
    pub user_tokens: Option<UserTokenConfig>,
    /// The claims that tell who calls.
    pub claims: ClaimNames,
    /// What proves approvals; `None` where tools that need one are closed.
    pub approvals: Option<ApprovalConfig>,
    /// The models.
    pub models: ModelConfig,
    /// What a run may use up.
    pub limits: Limits,
    /// What clients may do.
    pub client: ClientConfig,
    /// Where runs are posted beside `/`.
    pub run_path: String,
    /// The longest body.
    pub max_body_bytes: usize,
    /// The longest silence of a stream.
    pub keep_alive: Duration,
    /// How answers leave through the front doors.
    pub doors: DoorConfig,
}

/// Where the shared token is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TokenSource {
    /// In Secrets Manager, under this id or ARN.
    Secret(String),
    /// Here; in local mode only.
    Literal(SecretString),
}

/// Names of the claims that tell who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// The user, from the first of these that is there.
    pub user: Vec<String>,
    /// The organisation.
    pub org: String,
    /// The plan.
    pub plan: String,
    /// The permissions, from all of these together.
    pub permissions: Vec<String>,
    /// The groups.
    pub groups: String,
}

/// What Lambda and the developer say of logging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The finest level of this crate's lines, such as `INFO`.
    pub level: String,
    /// Whether lines are JSON.
    pub is_json: bool,
    /// What the lines and metrics are of.
    pub service: String,
    /// Whether spans are sent: a collector is named.
    #[cfg(feature = "otel")]
    pub has_collector: bool,
}

impl LogSettings {
    /// Reads Lambda's `AWS_LAMBDA_LOG_LEVEL` and `AWS_LAMBDA_LOG_FORMAT`, and `RUST_LOG` after the first. The service is
    /// `POWERTOOLS_SERVICE_NAME`, or the function's name.
    pub fn from_env() -> Self {
        let level = ENVIRONMENT.text("AWS_LAMBDA_LOG_LEVEL").or_else(|| ENVIRONMENT.text("RUST_LOG"));
        let format = ENVIRONMENT.text("AWS_LAMBDA_LOG_FORMAT").unwrap_or_default();
        let service = ENVIRONMENT.text("POWERTOOLS_SERVICE_NAME");
        Self {
            level: level.unwrap_or_else(|| "INFO".into()),
            is_json: format.eq_ignore_ascii_case("json"),
            service: service
                .or_else(|| ENVIRONMENT.text("AWS_LAMBDA_FUNCTION_NAME"))
                .unwrap_or_else(|| env!("CARGO_PKG_NAME").into()),
            #[cfg(feature = "otel")]
            has_collector: has_collector(&ENVIRONMENT),
        }
    }
}

/// By OpenTelemetry's own variables. Without an address nothing is sent, rather than to this machine.
#[cfg(feature = "otel")]
fn has_collector<F: Fn(&str) -> Option<String>>(variables: &Variables<F>) -> bool {
    let is =
        |variable, word: &str| variables.text(variable).is_some_and(|text| text.eq_ignore_ascii_case(word));
    let is_off = is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none");
    let addresses = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    !is_off && addresses.iter().any(|variable| variables.text(variable).is_some())
}

/// Where the Runtime API is, as Lambda and the emulators write it: `host:port` or a URL.
pub(crate) fn runtime_api() -> Option<String> {
    ENVIRONMENT.text("AWS_LAMBDA_RUNTIME_API")
}

/// Whether the function is to serve itself: local mode, and nobody who would hand events over.
#[cfg(all(feature = "local", debug_assertions))]
pub(crate) fn serves_itself() -> bool {
    is_local() && runtime_api().is_none()
}

/// Whether this is a developer's machine.
#[cfg(all(feature = "local", debug_assertions))]
pub(crate) fn is_local() -> bool {
    ENVIRONMENT.is_local().is_ok_and(|is_local| is_local)
}

/// A variable, for what starts the function on a developer's machine.
#[cfg(all(feature = "local", debug_assertions))]
pub(crate) fn variable(name: &str) -> Option<String> {
    ENVIRONMENT.text(name)
}

/// A setting that is missing or unusable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct ConfigError {
    /// The environment variable.
    pub variable: &'static str,
    /// What is wrong with it and what it may hold.
    pub problem: String,
}

impl Config {
    /// Reads the settings from the environment, and warns of misspelt variables.
    ///
    /// # Errors
    /// [`ConfigError`] for the first variable that is missing or unusable.
    pub fn from_env() -> Result<Self, ConfigError> {
        names::warn_of_unknown(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()));
        Self::read(ENVIRONMENT.look_up)
    }

    /// Reads the settings through a look-up of variables.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn read(look_up: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let variables = Variables { look_up };
        let is_local = variables.is_local()?;
        let auth = variables.auth()?;
        let limits = Limits::default();
        Ok(Self {
            is_local,
            auth,
            token: variables.token(auth, is_local)?,
            token_header: variables.token_header()?,
            token_grace: variables.seconds("AGUI_TOKEN_GRACE_S", Duration::from_secs(3600), 0)?,
            iam_principals: variables.list("AGUI_IAM_PRINCIPALS"),
            user_tokens: variables.user_tokens()?,
            claims: variables.claims(),
            approvals: variables.approvals(is_local)?,
            models: variables.models(is_local)?,
            limits: Limits {
                turns: variables.count("AGUI_MAX_TURNS", limits.turns)?,
                tool_calls: variables.count("AGUI_MAX_TOOL_CALLS", limits.tool_calls)?,
                run_timeout: variables.seconds("AGUI_RUN_TIMEOUT_S", limits.run_timeout, 1)?,
                tool_timeout: variables.seconds("AGUI_TOOL_TIMEOUT_S", limits.tool_timeout, 1)?,
                tokens: match variables.text("AGUI_MAX_TOKENS") {
                    Some(_) => Some(variables.count("AGUI_MAX_TOKENS", 0)?),
                    None => limits.tokens,
                },
            },
            client: variables.client()?,
            run_path: variables.run_path()?,
            max_body_bytes: variables.count("AGUI_MAX_BODY_BYTES", MAX_BODY_BYTES)?,
            keep_alive: variables.seconds("AGUI_KEEP_ALIVE_S", KEEP_ALIVE, 1)?,
            doors: variables.doors()?,
        })
    }
}

struct Variables<F> {
    look_up: F,
}

const ENVIRONMENT: Variables<fn(&str) -> Option<String>> = Variables {
    #[expect(clippy::disallowed_methods, reason = "this is the only reader of the environment")]
    look_up: |name| std::env::var(name).ok(),
};

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// A variable that is set; empty counts as not set, since templates can't leave one out.
    fn text(&self, variable: &str) -> Option<String> {
        (self.look_up)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn list(&self, variable: &str) -> Vec<String> {
        let text = self.text(variable).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(ToOwned::to_owned).collect()
    }

    fn parsed<T: FromStr>(
        &self,
        variable: &'static str,
        default: &str,
        problem: impl Display,
    ) -> Result<T, ConfigError> {
        let text = self.text(variable);
        let parsed = text.as_deref().unwrap_or(default).parse();
        parsed.map_err(|_| ConfigError { variable, problem: problem.to_string() })
    }

    fn number(&self, variable: &'static str, default: u64) -> Result<u64, ConfigError> {
        self.parsed(variable, &default.to_string(), "must be a whole number")
    }

    fn count<T: FromStr + PartialEq + Default + ToString>(
        &self,
        variable: &'static str,
        default: T,
    ) -> Result<T, ConfigError> {
        let problem = "must be a whole number from 1";
        let count: T = self.parsed(variable, &default.to_string(), problem)?;
        if self.text(variable).is_some() && count == T::default() {
            return Err(ConfigError { variable, problem: problem.into() });
        }
        Ok(count)
    }

    fn seconds(
        &self,
        variable: &'static str,
        default: Duration,
        least: u64,
    ) -> Result<Duration, ConfigError> {
        let problem = format!("must be a whole number of seconds from {least} to {}", LONGEST.as_secs());
        let seconds = self.parsed(variable, &default.as_secs().to_string(), &problem)?;
        if !(least..=LONGEST.as_secs()).contains(&seconds) {
            Err(ConfigError { variable, problem })
        } else {
            Ok(Duration::from_secs(seconds))
        }
    }

    fn is_local(&self) -> Result<bool, ConfigError> {
        match self.text("AGUI_LOCAL").as_deref() {
            None | Some("0") => Ok(false),
            // Lambda sets it, emulators do not.
            Some("1") if self.text("AWS_LAMBDA_INITIALIZATION_TYPE").is_some() => Err(fault(
                "AGUI_LOCAL",
                "is for your own machine; the function does not start with it in Lambda",
            )),
            Some("1") => Ok(true),
            Some(_) => Err(fault("AGUI_LOCAL", "must be 1 on your own machine, and not set elsewhere")),
        }
    }

    fn auth(&self) -> Result<AuthMode, ConfigError> {
        match self.text("AGUI_AUTH").as_deref() {
            None | Some("token") => Ok(AuthMode::Token),
            Some("authorizer") => Ok(AuthMode::Authorizer),
            Some("both") => Ok(AuthMode::Both),
            Some(_) => Err(fault("AGUI_AUTH", "must be `token`, `authorizer` or `both`")),
        }
    }

    fn token(&self, auth: AuthMode, is_local: bool) -> Result<Option<TokenSource>, ConfigError> {
        match (self.text("AGUI_TOKEN_SECRET_ID"), self.text("AGUI_TOKEN")) {
            (_, Some(_)) if !is_local => Err(fault(
                "AGUI_TOKEN",
                "is for local mode (AGUI_LOCAL=1); name a secret in AGUI_TOKEN_SECRET_ID",
            )),
            (Some(_), Some(_)) => Err(fault("AGUI_TOKEN", "and AGUI_TOKEN_SECRET_ID are both set; keep one")),
            (Some(id), None) => Ok(Some(TokenSource::Secret(id))),
            (None, Some(token)) => Ok(Some(TokenSource::Literal(token.into()))),
            (None, None) if auth == AuthMode::Authorizer => Ok(None),
            (None, None) if is_local => Err(fault(
                "AGUI_TOKEN_SECRET_ID",
                "must name the secret of the shared token, or AGUI_TOKEN hold the token itself, unless AGUI_AUTH is \
                 `authorizer`",
            )),
            (None, None) => Err(fault(
                "AGUI_TOKEN_SECRET_ID",
                "must name the secret of the shared token, unless AGUI_AUTH is `authorizer`; on your own machine set \
                 AGUI_LOCAL=1",
            )),
        }
    }

    fn token_header(&self) -> Result<HeaderName, ConfigError> {
        let header = self.parsed("AGUI_TOKEN_HEADER", TOKEN_HEADER.as_str(), "must be a header name")?;
        if header == AUTHORIZATION {
            return Err(fault(
                "AGUI_TOKEN_HEADER",
                "can't be `authorization`, which is read as `Bearer` anyway",
            ));
        }
        Ok(header)
    }

    fn user_tokens(&self) -> Result<Option<UserTokenConfig>, ConfigError> {
        let issuer = self.text("AGUI_JWT_ISSUER");
        let audience = self.text("AGUI_JWT_AUDIENCE");
        let jwks_url = self.text("AGUI_JWKS_URL");
        let names = self.list("AGUI_JWT_ALGORITHMS");
        if issuer.is_none() && audience.is_none() && jwks_url.is_none() && names.is_empty() {
            return Ok(None);
        }
        let issuer = issuer.ok_or_else(|| fault("AGUI_JWT_ISSUER", "must name the issuer of user tokens"))?;
        let audience =
            audience.ok_or_else(|| fault("AGUI_JWT_AUDIENCE", "must name the audience of user tokens"))?;
        let algorithms = names.iter().map(|name| name.parse()).collect::<Result<_, UnknownAlgorithm>>();
        let algorithms = algorithms
            .map_err(|error| fault("AGUI_JWT_ALGORITHMS", &format!("has an entry that can't be: {error}")))?;
        Ok(Some(UserTokenConfig { issuer, audience, jwks_url, algorithms }))
    }

    fn claims(&self) -> ClaimNames {
        let or = |names: Vec<String>, defaults: &[&str]| {
            if names.is_empty() { defaults.iter().map(|name| (*name).to_owned()).collect() } else { names }
        };
        ClaimNames {
            user: or(self.list("AGUI_CLAIM_USER"), &["sub", "principalId", "userArn"]),
            org: self.text("AGUI_CLAIM_ORG").unwrap_or_else(|| "custom:org_id".into()),
            plan: self.text("AGUI_CLAIM_PLAN").unwrap_or_else(|| "custom:plan".into()),
            permissions: or(self.list("AGUI_CLAIM_PERMISSIONS"), &["scope", "scp", "permissions"]),
            groups: self.text("AGUI_CLAIM_GROUPS").unwrap_or_else(|| "cognito:groups".into()),
        }
    }

    fn run_path(&self) -> Result<String, ConfigError> {
        let path = self.text("AGUI_PATH").unwrap_or_else(|| RUN_PATH.into());
        if !is_run_path(&path) {
            return Err(fault("AGUI_PATH", "must begin with `/` and be neither /health nor /capabilities"));
        }
        Ok(path)
    }
}

fn fault(variable: &'static str, problem: &str) -> ConfigError {
    ConfigError { variable, problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    pub(super) fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn given_the_two_that_have_no_default_when_read_then_the_rest_has_its_default() {
        let config = read(&[("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "scripted/demo")]).unwrap();

        assert_eq!(config.auth, AuthMode::Token);
        assert!(matches!(config.token, Some(TokenSource::Secret(id)) if id == "token"));
        assert_eq!(config.limits, Limits::default());
        assert_eq!((config.max_body_bytes, config.keep_alive.as_secs()), (6291456, 15));
        assert_eq!((config.run_path.as_str(), config.token_grace.as_secs()), ("/agui", 3600));
        assert!(config.user_tokens.is_none() && config.iam_principals.is_empty());
    }

    #[test]
    fn an_unusable_setting_is_named() {
        let secret = ("AGUI_TOKEN_SECRET_ID", "token");
        let model = ("AGUI_MODEL", "scripted/demo");
        for (why, variables, variable) in [
            ("nothing is set", vec![], "AGUI_TOKEN_SECRET_ID"),
            ("no model outside local mode", vec![secret], "AGUI_MODEL"),
            ("a model that is not built in", vec![secret, ("AGUI_MODEL", "psychic/m")], "AGUI_MODEL"),
            ("a literal token outside local mode", vec![("AGUI_TOKEN", "t"), model], "AGUI_TOKEN"),
            ("both tokens", vec![secret, ("AGUI_TOKEN", "t"), ("AGUI_LOCAL", "1")], "AGUI_TOKEN"),
            ("no such mode", vec![secret, model, ("AGUI_AUTH", "off")], "AGUI_AUTH"),
            ("both need a token", vec![model, ("AGUI_AUTH", "both")], "AGUI_TOKEN_SECRET_ID"),
            ("not a number", vec![secret, model, ("AGUI_MAX_TURNS", "many")], "AGUI_MAX_TURNS"),
            ("no turn at all", vec![secret, model, ("AGUI_MAX_TURNS", "0")], "AGUI_MAX_TURNS"),
            ("no time at all", vec![secret, model, ("AGUI_RUN_TIMEOUT_S", "0")], "AGUI_RUN_TIMEOUT_S"),
            (
                "too long for a clock",
                vec![secret, model, ("AGUI_KEEP_ALIVE_S", "18446744073709551615")],
                "AGUI_KEEP_ALIVE_S",
            ),
            (
                "too long for a run",
                vec![secret, model, ("AGUI_RUN_TIMEOUT_S", "31536001")],
                "AGUI_RUN_TIMEOUT_S",
            ),
            ("local mode is 1 or not set", vec![secret, model, ("AGUI_LOCAL", "true")], "AGUI_LOCAL"),
            (
                "local mode is not for Lambda",
                vec![secret, model, ("AGUI_LOCAL", "1"), ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")],
                "AGUI_LOCAL",
            ),
            (
                "the header of another scheme",
                vec![secret, model, ("AGUI_TOKEN_HEADER", "Authorization")],
                "AGUI_TOKEN_HEADER",
            ),
            ("algorithms alone", vec![secret, model, ("AGUI_JWT_ALGORITHMS", "RS256")], "AGUI_JWT_ISSUER"),
            (
                "a literal key outside local mode",
                vec![secret, model, ("AGUI_APPROVAL_KEY", KEY)],
                "AGUI_APPROVAL_KEY",
            ),
            (
                "a short key",
                vec![secret, ("AGUI_LOCAL", "1"), ("AGUI_APPROVAL_KEY", "short")],
                "AGUI_APPROVAL_KEY",
            ),
            (
                "both keys",
                vec![
                    secret,
                    ("AGUI_LOCAL", "1"),
                    ("AGUI_APPROVAL_KEY", KEY),
                    ("AGUI_APPROVAL_SECRET_ID", "key"),
                ],
                "AGUI_APPROVAL_KEY",
            ),
            (
                "a guard of nothing",
                vec![secret, model, ("AGUI_APPROVAL_TABLE", "once")],
                "AGUI_APPROVAL_SECRET_ID",
            ),
            (
                "approvals that never live",
                vec![secret, model, ("AGUI_APPROVAL_SECRET_ID", "key"), ("AGUI_APPROVAL_TTL_S", "0")],
                "AGUI_APPROVAL_TTL_S",
            ),
            ("not a path", vec![secret, model, ("AGUI_PATH", "chat")], "AGUI_PATH"),
            ("the endpoint's own path", vec![secret, model, ("AGUI_PATH", "/health")], "AGUI_PATH"),
            ("not a header", vec![secret, model, ("AGUI_TOKEN_HEADER", "a b")], "AGUI_TOKEN_HEADER"),
            ("an audience alone", vec![secret, model, ("AGUI_JWT_AUDIENCE", "app")], "AGUI_JWT_ISSUER"),
            ("an issuer alone", vec![secret, model, ("AGUI_JWT_ISSUER", "https://i")], "AGUI_JWT_AUDIENCE"),
            (
                "an algorithm with a shared key",
                vec![
                    secret,
                    model,
                    ("AGUI_JWT_ISSUER", "https://i"),
                    ("AGUI_JWT_AUDIENCE", "a"),
                    ("AGUI_JWT_ALGORITHMS", "RS256,HS256"),
                ],
                "AGUI_JWT_ALGORITHMS",
            ),
        ] {
            assert_eq!(read(&variables).unwrap_err().variable, variable, "{why}");
        }
    }

    #[test]
    fn local_mode_allows_a_literal_token_and_has_a_default_model() {
        let config = read(&[("AGUI_LOCAL", "1"), ("AGUI_TOKEN", "letmein")]).unwrap();

        assert!(matches!(config.models.names[..], [ModelName::ScriptedDemo]));
        assert!(!format!("{config:?}").contains("letmein"));
    }

    #[test]
    fn approvals_are_off_unless_their_key_is_named() {
        let base = [("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "scripted/demo")];
        assert!(read(&base).unwrap().approvals.is_none());

        let key = [("AGUI_APPROVAL_SECRET_ID", "key"), ("AGUI_APPROVAL_TABLE", "once")];
        let approvals = read(&[base, key].concat()).unwrap().approvals.unwrap();
        assert!(matches!(approvals.key, ApprovalKey::Secret(id) if id == "key"));
        assert_eq!((approvals.life.as_secs(), approvals.table.as_deref()), (900, Some("once")));

        let local = [("AGUI_LOCAL", "1"), ("AGUI_TOKEN", "letmein"), ("AGUI_APPROVAL_KEY", KEY)];
        let config = read(&local).unwrap();
        assert!(config.approvals.is_some() && !format!("{config:?}").contains(KEY));
    }

    #[test]
    fn by_authorizer_only_no_token_is_needed() {
        let config = read(&[("AGUI_AUTH", "authorizer"), ("AGUI_MODEL", "scripted/demo")]).unwrap();

        assert!(config.token.is_none());
    }
}
