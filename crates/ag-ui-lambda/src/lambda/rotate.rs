//! Rotates the shared token and the key of approvals: the four steps of Secrets Manager, in a function of its own.
//!
//! The agent's function may only read its secrets, so another function has to write them. Secrets Manager invokes it once for
//! each step and may repeat any of them, so each step first checks what is done already. How long the previous value is
//! accepted is decided by those who read the secrets, `auth` and `approval`.
//!
//! A secret's value is in Secrets Manager and in the memory of this process. No log line, error or response contains it.
//!
//! Source: the Secrets Manager guide, "Lambda rotation functions"; AWS's SecretsManagerRotationTemplate.

mod secret_format;

use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tracing::{error, info};

use crate::error_chain::error_chain;
use crate::log_events::ROTATION_FAILED;
use secret_format::SecretValueError;

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";

/// The event of one step.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RotationEvent {
    step: Step,
    /// The secret's ARN.
    secret_id: String,
    /// The id of the version that is rotated in.
    client_request_token: String,
}

/// The steps, in the order of a rotation.
#[derive(Debug, Clone, Copy, Deserialize)]
enum Step {
    #[serde(rename = "createSecret")]
    Create,
    #[serde(rename = "setSecret")]
    Set,
    #[serde(rename = "testSecret")]
    Test,
    #[serde(rename = "finishSecret")]
    Finish,
}

/// Why a step failed. Secrets Manager tries the rotation again later. No message contains any part of a value.
#[derive(Debug, thiserror::Error)]
enum RotationError {
    #[error("rotation is off for the secret")]
    Off,
    #[error("the secret has no version of the id that is to be rotated in")]
    NoVersion,
    #[error("the version that is to be rotated in is not staged AWSPENDING")]
    NotPending,
    #[error("no version of the secret is staged AWSCURRENT")]
    NoCurrent,
    #[error("the version staged {0} is unusable: {1}")]
    Value(&'static str, SecretValueError),
    /// A call of Secrets Manager failed. The cause is text, because the `Debug` of the SDK's error contains the response's
    /// body.
    #[error("{call} failed: {cause}")]
    Call { call: &'static str, cause: String },
}

/// Serves the rotation of secrets until the environment is shut down. It is for a function of its own, such as
/// `ag-ui-rotate`, and runs within [`run`](super::run).
///
/// # Errors
/// The runtime's own error if its API cannot be reached.
pub async fn rotate() -> Result<(), Error> {
    let client = Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await);
    let steps = service_fn(move |event: LambdaEvent<RotationEvent>| {
        let secret = RotatedSecret { client: client.clone(), rotation: event.payload };
        async move { secret.run_step().await }
    });
    lambda_runtime::run(steps).await
}

/// The secret that an event is about.
struct RotatedSecret {
    client: Client,
    rotation: RotationEvent,
}

impl RotatedSecret {
    /// Runs the step of the event, and logs what it did or why it failed.
    async fn run_step(self) -> Result<(), RotationError> {
        let RotationEvent { step, secret_id, .. } = &self.rotation;
        let done = self.run_pending_step().await;
        match &done {
            Ok(done) => info!(?step, secret = secret_id, done, "rotation step"),
            Err(error) => error!(?step, secret = secret_id, cause = error_chain(error), "{ROTATION_FAILED}"),
        }
        done.map(|_| ())
    }

    /// Does what is left of the step, and returns a description of it for the log.
    async fn run_pending_step(&self) -> Result<&'static str, RotationError> {
        let current = match self.fetch_rotation_state().await? {
            RotationState::Rotated => return Ok("nothing: the version is in force already"),
            RotationState::Rotating { current } => current,
        };
        match self.rotation.step {
            Step::Create => self.create_value().await,
            // Those who use the secrets read them from Secrets Manager, so nothing else has to be set.
            Step::Set => Ok("nothing: there is no other place to set it"),
            Step::Test => self.test_value().await,
            Step::Finish => self.finish_rotation(current).await,
        }
    }

    /// Asks how far the rotation is.
    async fn fetch_rotation_state(&self) -> Result<RotationState, RotationError> {
        let call = self.client.describe_secret().secret_id(&self.rotation.secret_id).send().await;
        let secret = call.map_err(|error| call_error("DescribeSecret", &error))?;
        // It is absent if rotation was never on, and may still be so while its first schedule is tested.
        if secret.rotation_enabled == Some(false) {
            return Err(RotationError::Off);
        }
        let versions = secret.version_ids_to_stages.unwrap_or_default();
        let is_staged = |stages: &[String], stage: &str| stages.iter().any(|staged| staged == stage);
        let stages = versions.get(&self.rotation.client_request_token).ok_or(RotationError::NoVersion)?;
        if is_staged(stages, CURRENT) {
            return Ok(RotationState::Rotated);
        }
        if !is_staged(stages, PENDING) {
            return Err(RotationError::NotPending);
        }
        let current = versions.into_iter().find(|(_, stages)| is_staged(stages, CURRENT));
        current.map(|(current, _)| RotationState::Rotating { current }).ok_or(RotationError::NoCurrent)
    }

    /// Stores a new value under AWSPENDING, unless there is one already.
    async fn create_value(&self) -> Result<&'static str, RotationError> {
        if self.fetch_pending_value().await?.is_some() {
            return Ok("nothing: the value is there already");
        }
        let new = secret_format::generate(&self.fetch_current_value().await?);
        let new = new.map_err(|error| RotationError::Value(CURRENT, error))?;
        let put = self.client.put_secret_value().secret_id(&self.rotation.secret_id);
        let put = put.client_request_token(&self.rotation.client_request_token).version_stages(PENDING);
        let put = put.secret_string(new.expose_secret());
        put.send().await.map_err(|error| call_error("PutSecretValue", &error))?;
        Ok("made a new value")
    }

    /// Checks that the new value can be used in place of the current one.
    async fn test_value(&self) -> Result<&'static str, RotationError> {
        let absent = || RotationError::Value(PENDING, SecretValueError::Absent);
        let pending = self.fetch_pending_value().await?.ok_or_else(absent)?;
        let current = self.fetch_current_value().await?;
        let tested = secret_format::check_successor(&pending, &current);
        tested.map_err(|error| RotationError::Value(PENDING, error))?;
        Ok("tested the new value")
    }

    /// Makes the new value the current one, after one more test.
    async fn finish_rotation(&self, current: String) -> Result<&'static str, RotationError> {
        // Tested again, because from now on everybody has to use it.
        self.test_value().await?;
        let labels = self.client.update_secret_version_stage().secret_id(&self.rotation.secret_id);
        let labels = labels.version_stage(CURRENT).remove_from_version_id(current);
        let labels = labels.move_to_version_id(&self.rotation.client_request_token);
        labels.send().await.map_err(|error| call_error("UpdateSecretVersionStage", &error))?;
        Ok("put the new value in force")
    }

    /// Returns the value in force.
    async fn fetch_current_value(&self) -> Result<SecretString, RotationError> {
        let get = self.client.get_secret_value().secret_id(&self.rotation.secret_id).version_stage(CURRENT);
        let current = get.send().await.map_err(|error| call_error("GetSecretValue", &error))?;
        let current = current.secret_string.map(SecretString::from).ok_or(SecretValueError::NotText);
        current.map_err(|error| RotationError::Value(CURRENT, error))
    }

    /// Returns the value of the new version; `None` if it was not created yet.
    async fn fetch_pending_value(&self) -> Result<Option<SecretString>, RotationError> {
        let get = self.client.get_secret_value().secret_id(&self.rotation.secret_id).version_stage(PENDING);
        match get.version_id(&self.rotation.client_request_token).send().await {
            Ok(pending) => {
                let value = pending.secret_string.ok_or(SecretValueError::NotText);
                value.map(|value| Some(value.into())).map_err(|error| RotationError::Value(PENDING, error))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(call_error("GetSecretValue", &error)),
        }
    }
}

/// How far the rotation is.
enum RotationState {
    /// The new version is in force.
    Rotated,
    /// The new version is staged AWSPENDING; `current` is the id of the version in force.
    Rotating { current: String },
}

/// Whether there is no such version.
fn is_absent<R>(error: &SdkError<GetSecretValueError, R>) -> bool {
    error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception)
}

/// The error of a call of Secrets Manager that failed.
fn call_error<E, R>(call: &'static str, error: &SdkError<E, R>) -> RotationError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug + 'static,
{
    RotationError::Call { call, cause: error_chain(error) }
}

impl From<RotationError> for Diagnostic {
    /// Makes the failure of an invocation, which Secrets Manager shows, of an error.
    fn from(error: RotationError) -> Self {
        Self { error_type: "RotationFault".into(), error_message: error.to_string() }
    }
}
