//! Faults that a person injects: what AWS, the network and a rotation do to a function sooner or later.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ServerError;
use super::host::Host;
use super::model_proxy::ModelProxy;
use super::secrets_manager::{Availability, SECRET_ID, SecretsManager};
use super::settings::Settings;

/// The faults that are set. Without a Secrets Manager of its own a server has none to offer.
pub(super) struct Faults {
    secrets: Option<SecretsManager>,
    /// Before each model server that is reached by plain HTTP.
    models: Vec<ModelProxy>,
    set: Mutex<Set>,
}

#[derive(Debug, Clone, Default)]
struct Set {
    /// Breaks each answer off behind this many pieces.
    cut_client: Option<u64>,
    /// Seconds that each request has.
    deadline: Option<u64>,
    /// Refuses every request, as Lambda does at the limit of concurrency.
    throttle: bool,
}

/// A fault that can't be set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadFault {
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
        Ok(Self { secrets, models, set: Mutex::default() })
    }

    /// Variables that make the function use the stand-ins.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let Some(secrets) = &self.secrets else { return Vec::new() };
        let mut variables = vec![
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER".into(), secrets.url()),
            ("AGUI_TOKEN_SECRET_ID".into(), SECRET_ID.into()),
            // A literal beside the secret would be one too many.
            ("AGUI_TOKEN".into(), String::new()),
        ];
        variables.extend(self.models.iter().map(ModelProxy::variable));
        variables
    }

    /// The token that the function accepts now.
    pub(super) fn token(&self) -> Option<String> {
        self.secrets.as_ref().map(SecretsManager::token)
    }

    pub(super) fn cut_client(&self) -> Option<u64> {
        self.set().cut_client
    }

    pub(super) fn deadline(&self) -> Option<SystemTime> {
        self.set().deadline.map(|seconds| SystemTime::now() + Duration::from_secs(seconds))
    }

    pub(super) fn is_throttled(&self) -> bool {
        self.set().throttle
    }

    /// Every fault with its value, as the page shows them.
    pub(super) fn list(&self, host: &Host) -> Value {
        let Some(secrets) = &self.secrets else { return json!([]) };
        let Set { cut_client, deadline, throttle } = self.set().clone();
        let mut faults = json!([
            { "id": "rotate-token", "name": "Rotate the shared token", "kind": "action" },
            { "id": "secrets", "name": "Secrets Manager", "kind": "choice", "choices": ["up", "slow", "down"],
                "value": secrets.availability() },
            { "id": "cut-client", "name": "Cut the connection behind this many pieces", "kind": "number", "value": cut_client },
            { "id": "deadline", "name": "Seconds until the function's deadline", "kind": "number", "value": deadline },
            { "id": "throttle", "name": "Throttle: Lambda refuses every request", "kind": "switch", "value": throttle },
            { "id": "freeze", "name": "Freeze the function's process", "kind": "switch", "value": host.is_frozen() },
            { "id": "cold-start", "name": "Cold start: the next request starts a new process", "kind": "action" },
        ]);
        if let (Some(model), Some(faults)) = (self.models.first(), faults.as_array_mut()) {
            let name = "Cut the model's answers behind this many bytes";
            faults.push(json!({ "id": "cut-model", "name": name, "kind": "number", "value": model.limit() }));
        }
        faults
    }

    /// Sets a fault, or does what an action is for.
    pub(super) async fn apply(&self, id: &str, value: &Value, host: &Host) -> Result<(), BadFault> {
        let Some(secrets) = &self.secrets else { return Err(BadFault::Unknown) };
        match id {
            "rotate-token" => secrets.rotate(),
            "cold-start" => host.retire().await,
            "secrets" => {
                let availability = Availability::deserialize(value);
                secrets
                    .set_availability(availability.map_err(|_| BadFault::Value("`up`, `slow` or `down`"))?);
            }
            "cut-model" if self.models.is_empty() => return Err(BadFault::NoModelServer),
            "cut-model" => {
                let bytes = number(value)?;
                self.models.iter().for_each(|model| model.cut_behind(bytes));
            }
            "cut-client" => self.set().cut_client = number(value)?,
            "deadline" => self.set().deadline = seconds(value)?,
            "throttle" => self.set().throttle = switch(value)?,
            "freeze" => host.freeze(switch(value)?).await,
            _ => return Err(BadFault::Unknown),
        }
        Ok(())
    }

    /// No panic happens under this lock, so that the value of a poisoned one is whole.
    fn set(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn number(value: &Value) -> Result<Option<u64>, BadFault> {
    match value {
        Value::Null => Ok(None),
        value => value.as_u64().map(Some).ok_or(BadFault::Value("a whole number, or null for none")),
    }
}

/// At most as long as Lambda lets a function run.
fn seconds(value: &Value) -> Result<Option<u64>, BadFault> {
    match number(value)? {
        Some(901..) => Err(BadFault::Value("at most 900 seconds, as in Lambda")),
        seconds => Ok(seconds),
    }
}

fn switch(value: &Value) -> Result<bool, BadFault> {
    value.as_bool().ok_or(BadFault::Value("true or false"))
}
