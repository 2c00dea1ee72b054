//! The settings of the function, from environment variables.
//!
//! [`Config::from_env`] reads and checks all of them and reports every one that is missing or unusable, in one error.
//! Nothing else in this crate reads the environment, and no message contains a secret.
//!
//! | module | what it reads |
//! | --- | --- |
//! | `vars` | the environment: reads, parses and collects errors |
//! | `auth` | who may call |
//! | `model` | the models and their keys |
//! | `approval` | how approvals are signed |
//! | `budget` | how much users and organisations may use, and the table that all processes share |
//! | `client` | what clients may send |
//! | `cors` | the origins whose pages may call |
//! | `input_limits` | how much the input of a run may hold |
//! | `lambda` | how responses leave through the entry points |
//! | `local` | whether local mode is on |
//! | `logging` | log lines and traces |
//! | `known_variables` | the names of all variables, to find misspelt ones |

mod approval;
mod auth;
mod budget;
pub(crate) mod claim_names;
mod client;
mod cors;
mod input_limits;
mod known_variables;
mod lambda;
mod local;
mod logging;
mod model;
mod vars;

use std::time::Duration;

use http::header::HeaderName;

use crate::agent::Limits;
use crate::auth::{AuthMode, UserTokenConfig};
use crate::endpoint::CorsOrigins;
use crate::endpoint::builder::{KEEP_ALIVE, MAX_BODY_BYTES, RUN_PATH};
use crate::endpoint::routes::is_run_path;
use crate::protocol::InputLimits;

pub use approval::{ApprovalConfig, ApprovalKey};
pub use auth::{ClaimNames, TokenSource};
pub use budget::BudgetConfig;
#[cfg(not(feature = "dynamodb"))]
pub(crate) use budget::tables_unsupported_error;
pub use client::ClientConfig;
pub(crate) use lambda::runtime_api;
pub use lambda::{EntryPointConfig, ResponseMode};
#[cfg(all(feature = "local", debug_assertions))]
pub(crate) use local::{is_local, serves_itself, variable};
pub use logging::LogSettings;
#[cfg(feature = "http-models")]
pub use model::KeySource;
pub use model::{Guardrail, ModelConfig, ModelName};
pub use vars::{ConfigError, VariableError};
use vars::{Variables, environment};

/// Holds the settings of the function.
///
/// Each field names its environment variable. An empty variable counts as not set. The page `docs/configuration.md` has a
/// table of all variables.
///
/// ```
/// use ag_ui_lambda::Config;
///
/// let config = Config::from_lookup(|variable| match variable {
///     "AGUI_TOKEN_SECRET_ID" => Some("agui/token".into()),
///     "AGUI_MODEL" => Some("scripted/demo".into()),
///     "AGUI_MAX_TURNS" => Some("5".into()),
///     _ => None,
/// })?;
/// assert_eq!(config.limits.turns, 5);
///
/// let error = Config::from_lookup(|_| None).unwrap_err();
/// let missing: Vec<_> = error.variables().iter().map(|error| error.variable).collect();
/// assert_eq!(missing, ["AGUI_TOKEN_SECRET_ID", "AGUI_MODEL"]);
/// # Ok::<(), ag_ui_lambda::config::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Whether this is a developer's own machine: `AGUI_LOCAL=1`. Secrets may then be literals in variables, and refusals
    /// contain hints for the developer. The function does not start with it in Lambda. Off by default.
    pub is_local: bool,
    /// What a request has to prove: `AGUI_AUTH`, `token`, `authorizer`, `both`, `jwt` or `token_or_jwt`. `token` by default.
    pub auth: AuthMode,
    /// Where the shared token is: `AGUI_TOKEN_SECRET_ID`, or `AGUI_TOKEN` in local mode. Required unless `AGUI_AUTH` is
    /// `authorizer` or `jwt`; `None` if it is not set.
    pub token: Option<TokenSource>,
    /// The header of the shared token: `AGUI_TOKEN_HEADER`. `x-agui-token` by default.
    pub token_header: HeaderName,
    /// How long the previous token is accepted after a rotation: `AGUI_TOKEN_GRACE_S`, in seconds. 3600 by default; 0 is
    /// not at all.
    pub token_grace: Duration,
    /// The IAM principals that count as an authorizer's proof: `AGUI_IAM_PRINCIPALS`, ARNs with commas, in which `*` stands
    /// for any number of characters other than `/` and `:`. Empty by default.
    pub iam_principals: Vec<String>,
    /// How the end user's token is verified: `AGUI_JWT_ISSUER`, `AGUI_JWT_AUDIENCE`, `AGUI_JWKS_URL` and
    /// `AGUI_JWT_ALGORITHMS`. `None` if none of them is set; requests then need no such token. Required if `AGUI_AUTH` is `jwt`
    /// or `token_or_jwt`.
    pub user_tokens: Option<UserTokenConfig>,
    /// The names of the claims from which a caller is read.
    pub claims: ClaimNames,
    /// How approvals are signed. `None` if no key is named; tools that need an approval are then closed.
    pub approvals: Option<ApprovalConfig>,
    /// How many tokens users and organisations may use on a day. `None` if nobody has a budget.
    pub budgets: Option<BudgetConfig>,
    /// The name or ARN of the secret with the key of the names that the log has for callers: `AGUI_WHO_SECRET_ID`. Without
    /// it the key of approvals is used, and without that a random one of the process.
    pub who_secret_id: Option<String>,
    /// Which models the agent asks, and how.
    pub models: ModelConfig,
    /// What a run may use: `AGUI_MAX_TURNS`, `AGUI_MAX_TOOL_CALLS`, `AGUI_MAX_RESULT_BYTES`, `AGUI_MAX_TOKENS`, and in
    /// seconds `AGUI_RUN_TIMEOUT_S` and `AGUI_TOOL_TIMEOUT_S`. The defaults are those of [`Limits`].
    pub limits: Limits,
    /// What clients may send.
    pub client: ClientConfig,
    /// The path to which runs are posted, besides `/`: `AGUI_PATH`. `/agui` by default.
    pub run_path: String,
    /// The largest request body that is accepted, in bytes: `AGUI_MAX_BODY_BYTES`. 6 MiB by default.
    pub max_body_bytes: usize,
    /// How much the input of a run may hold: `AGUI_MAX_MESSAGES`, `AGUI_MAX_HISTORY_CALLS`, `AGUI_MAX_MESSAGE_PARTS`,
    /// `AGUI_MAX_FRONTEND_TOOLS`, `AGUI_MAX_CONTEXT_ENTRIES`, `AGUI_MAX_RESUME_ENTRIES`, `AGUI_MAX_JSON_VALUES`,
    /// `AGUI_MAX_STATE_BYTES`, `AGUI_MAX_SCHEMA_BYTES` and `AGUI_MAX_SCHEMA_DEPTH`. The defaults are those of
    /// [`InputLimits`].
    pub input_limits: InputLimits,
    /// How long a stream may be silent before a comment is sent to keep the connection open: `AGUI_KEEP_ALIVE_S`, in
    /// seconds. 15 by default.
    pub keep_alive: Duration,
    /// The origins whose pages may call the function: `AGUI_CORS_ORIGINS`, with commas, and `AGUI_ALLOWED_ORIGIN`, which is its
    /// older name and holds one origin. `*` is all. By default there are none. Function URLs and HTTP APIs have a setting of
    /// their own, so the list counts for REST APIs, for a server of your own and in local mode.
    pub cors_origins: CorsOrigins,
    /// How responses leave through the entry points.
    pub entry_points: EntryPointConfig,
}

impl Config {
    /// Reads the settings from the environment. A warning is logged for each variable that begins with `AGUI_` and is
    /// not known.
    ///
    /// # Errors
    /// [`ConfigError`] with every variable that is missing or unusable.
    pub fn from_env() -> Result<Self, ConfigError> {
        known_variables::warn_of_unknown(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()));
        Self::from_variables(environment())
    }

    /// Reads the settings from another place than the environment, for example in tests. `look_up` gets the name of a
    /// variable and returns its value, or `None` if it is not set.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_lookup(look_up: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::from_variables(Variables::new(look_up))
    }

    /// Reads all settings from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that was reported while they were read.
    fn from_variables<F: Fn(&str) -> Option<String>>(
        mut variables: Variables<F>,
    ) -> Result<Self, ConfigError> {
        let is_local = variables.is_local();
        variables.check_server();
        let auth = variables.auth_mode();
        let table = variables.table();
        let config = Self {
            is_local,
            auth,
            token: variables.token(auth, is_local),
            token_header: variables.token_header(),
            token_grace: variables.token_grace(),
            iam_principals: variables.iam_principals(),
            user_tokens: variables.user_tokens(auth),
            claims: variables.claim_names(),
            approvals: variables.approvals(is_local, table.clone()),
            budgets: variables.budgets(is_local, table),
            who_secret_id: variables.who_secret_id(),
            models: variables.models(is_local),
            limits: variables.limits(),
            client: variables.client(is_local),
            run_path: variables.run_path(),
            max_body_bytes: variables.count("AGUI_MAX_BODY_BYTES", MAX_BODY_BYTES),
            input_limits: variables.input_limits(),
            keep_alive: variables.seconds("AGUI_KEEP_ALIVE_S", KEEP_ALIVE, 1),
            cors_origins: variables.cors_origins(),
            entry_points: variables.entry_points(),
        };
        variables.finish(config)
    }
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Reads the limits of a run. A limit whose variable is not set has its default.
    fn limits(&mut self) -> Limits {
        let limits = Limits::default();
        Limits {
            turns: self.count("AGUI_MAX_TURNS", limits.turns),
            tool_calls: self.count("AGUI_MAX_TOOL_CALLS", limits.tool_calls),
            run_timeout: self.seconds("AGUI_RUN_TIMEOUT_S", limits.run_timeout, 1),
            tool_timeout: self.seconds("AGUI_TOOL_TIMEOUT_S", limits.tool_timeout, 1),
            result_bytes: self.count("AGUI_MAX_RESULT_BYTES", limits.result_bytes),
            tokens: self.optional_count("AGUI_MAX_TOKENS").or(limits.tokens),
            input_bytes: self.count("AGUI_MAX_INPUT_BYTES", limits.input_bytes),
        }
    }

    /// Reads the path to which runs are posted. A path that cannot be used is reported.
    fn run_path(&mut self) -> String {
        const VARIABLE: &str = "AGUI_PATH";
        let path = self.text(VARIABLE).unwrap_or_else(|| RUN_PATH.into());
        if !is_run_path(&path) {
            let problem = "must be the path of a URL in ASCII, begin with `/`, have no segment that is empty, `.` or `..`, \
                           and be neither /health nor /capabilities";
            self.report(VARIABLE, problem);
        }
        path
    }
}

#[cfg(test)]
mod tests;
