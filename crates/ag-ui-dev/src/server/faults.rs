//! Faults that a developer injects: what AWS, the network or a rotation of secrets may do to a function.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ServerError;
use super::host::FunctionHost;
use super::model_proxy::ModelProxy;
use super::secrets_manager::{SECRET_ID, SecretsManager, ServiceHealth};
use super::settings::Settings;

/// The faults that can be set. A server without a Secrets Manager of its own has none.
pub(super) struct Faults {
    secrets: Option<SecretsManager>,
    /// The proxies for the model servers that are reached by plain HTTP.
    models: Vec<ModelProxy>,
    active: Mutex<ActiveFaults>,
}

/// The faults that are set.
#[derive(Debug, Clone, Default)]
struct ActiveFaults {
    /// After how many chunks each response is broken off.
    cut_client: Option<u64>,
    /// How many seconds each request has until its deadline.
    deadline: Option<u64>,
    /// Whether every request is refused, as Lambda does at the limit of concurrency.
    throttle: bool,
}

/// The error for a fault that cannot be set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FaultError {
    #[error("There is no fault of this name.")]
    Unknown,
    #[error(
        "No model server is reached by plain HTTP, such as OPENAI_BASE_URL=http://127.0.0.1:8080/v1; \
         the scripted model breaks off when it reads the word `fail`."
    )]
    NoModelServer,
    #[error("The value of this fault must be {0}.")]
    Value(&'static str),
}

impl Faults {
    /// Starts the stand-ins that faults need: Secrets Manager, if the settings allow faults, and a proxy for each model
    /// server that is reached by plain HTTP.
    pub(super) async fn start(settings: &Settings) -> Result<Self, ServerError> {
        let secrets = match settings.has_faults {
            true => {
                let started = SecretsManager::start(&settings.secrets.token).await;
                Some(started.map_err(|error| ServerError::StandIn("Secrets Manager", error.into()))?)
            }
            false => None,
        };
        let mut models = Vec::new();
        for (variable, value) in &settings.model_servers {
            let started = ModelProxy::start(variable, value).await;
            models.extend(started.map_err(|error| ServerError::StandIn("the model server", error.into()))?);
        }
        Ok(Self { secrets, models, active: Mutex::default() })
    }

    /// Returns the environment variables that make the function use the stand-ins; empty if the settings allow no faults.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let Some(secrets) = &self.secrets else { return Vec::new() };
        let mut variables = vec![
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER".into(), secrets.url()),
            ("AGUI_TOKEN_SECRET_ID".into(), SECRET_ID.into()),
            // The function refuses to start with both a literal token and a secret.
            ("AGUI_TOKEN".into(), String::new()),
        ];
        variables.extend(self.models.iter().map(ModelProxy::variable));
        variables
    }

    /// Returns the shared token that is in the server's own Secrets Manager now; `None` if the server has no Secrets
    /// Manager.
    pub(super) fn token(&self) -> Option<String> {
        self.secrets.as_ref().map(SecretsManager::token)
    }

    /// Returns after how many chunks each response to a client is broken off; `None` if this fault is not set. It is
    /// read for each event that is sent to the function.
    pub(super) fn cut_client(&self) -> Option<u64> {
        self.active().cut_client
    }

    /// Returns the deadline of a request that begins now; `None` if this fault is not set. It is read for each event
    /// that is sent to the function.
    pub(super) fn deadline(&self) -> Option<SystemTime> {
        self.active().deadline.map(|seconds| SystemTime::now() + Duration::from_secs(seconds))
    }

    /// Whether the fault is set that refuses every request, as Lambda does at the limit of concurrency.
    pub(super) fn is_throttled(&self) -> bool {
        self.active().throttle
    }

    /// Lists all faults with their current values, as JSON for the page. `host` knows whether the function is frozen. The
    /// list is empty if the server has no Secrets Manager.
    pub(super) fn list(&self, host: &FunctionHost) -> Value {
        let Some(secrets) = &self.secrets else { return json!([]) };
        let ActiveFaults { cut_client, deadline, throttle } = self.active().clone();
        let mut faults = json!([
            { "id": "rotate-token", "name": "Rotate the shared token", "kind": "action" },
            { "id": "secrets", "name": "Secrets Manager", "kind": "choice", "choices": ["up", "slow", "down"],
                "value": secrets.health() },
            { "id": "cut-client", "name": "Cut the connection after this many pieces", "kind": "number", "value": cut_client },
            { "id": "deadline", "name": "Seconds until the function's deadline", "kind": "number", "value": deadline },
            { "id": "throttle", "name": "Throttle: Lambda refuses every request", "kind": "switch", "value": throttle },
            { "id": "freeze", "name": "Freeze the function's process", "kind": "switch", "value": host.is_frozen() },
            { "id": "cold-start", "name": "Cold start: the next request starts a new process", "kind": "action" },
        ]);
        if let (Some(model), Some(faults)) = (self.models.first(), faults.as_array_mut()) {
            let name = "Cut the model's responses after this many bytes";
            faults.push(json!({ "id": "cut-model", "name": name, "kind": "number", "value": model.limit() }));
        }
        faults
    }

    /// Sets the fault `id` to `value`, or performs an action, such as a rotation of the token. `host` freezes or restarts
    /// the function.
    ///
    /// # Errors
    /// [`FaultError`] if there is no such fault here, or if the value is not one that the fault can have.
    pub(super) async fn apply(&self, id: &str, value: &Value, host: &FunctionHost) -> Result<(), FaultError> {
        let Some(secrets) = &self.secrets else { return Err(FaultError::Unknown) };
        match id {
            "rotate-token" => secrets.rotate(),
            "cold-start" => host.retire().await,
            "secrets" => {
                let health = ServiceHealth::deserialize(value);
                secrets.set_health(health.map_err(|_| FaultError::Value("`up`, `slow` or `down`"))?);
            }
            "cut-model" if self.models.is_empty() => return Err(FaultError::NoModelServer),
            "cut-model" => {
                let bytes = number(value)?;
                self.models.iter().for_each(|model| model.set_limit(bytes));
            }
            "cut-client" => self.active().cut_client = number(value)?,
            "deadline" => self.active().deadline = seconds(value)?,
            "throttle" => self.active().throttle = switch(value)?,
            "freeze" => host.freeze(switch(value)?).await,
            _ => return Err(FaultError::Unknown),
        }
        Ok(())
    }

    /// Locks the active faults. No code panics while it holds this lock, so the value of a poisoned lock is consistent.
    fn active(&self) -> MutexGuard<'_, ActiveFaults> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the value of a fault that is a whole number; `None` for null, which removes the fault.
fn number(value: &Value) -> Result<Option<u64>, FaultError> {
    match value {
        Value::Null => Ok(None),
        value => value.as_u64().map(Some).ok_or(FaultError::Value("a whole number, or null for none")),
    }
}

/// Reads the value of a fault that is a number of seconds; `None` for null, which removes the fault. More than 900 seconds,
/// Lambda's limit, are an error.
fn seconds(value: &Value) -> Result<Option<u64>, FaultError> {
    match number(value)? {
        Some(901..) => Err(FaultError::Value("at most 900 seconds, as in Lambda")),
        seconds => Ok(seconds),
    }
}

/// Reads the value of a fault that is set or not: true or false.
fn switch(value: &Value) -> Result<bool, FaultError> {
    value.as_bool().ok_or(FaultError::Value("true or false"))
}
