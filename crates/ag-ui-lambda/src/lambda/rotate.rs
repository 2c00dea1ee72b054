//! Rotates the shared token and the key of approvals: the four steps of Secrets Manager, in a function of its own.
//!
//! The agent's function may only read its secrets, so another function has to write them. Secrets Manager invokes this other
//! function once for each step and may repeat any step, so each step first checks what is done already. `auth` and `approval`,
//! which read the secrets, decide how long the previous value is accepted.
//!
//! A secret's value is in Secrets Manager and in the memory of this process. No log line, error or response contains it.
//!
//! Source: the Secrets Manager guide, "Lambda rotation functions"; AWS's SecretsManagerRotationTemplate.

mod secret_format;

use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tracing::{error, info};

use super::error::ServeError;
use crate::error_chain::error_chain;
use crate::log_events::ROTATION_FAILED;
use secret_format::SecretValueError;

/// The stage of the version that is in force.
const CURRENT: &str = "AWSCURRENT";
/// The stage of the new version while it is not in force yet.
const PENDING: &str = "AWSPENDING";

/// The event of one step.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RotationEvent {
    step: Step,
    /// The secret's ARN.
    secret_id: String,
    /// The id of the new version.
    client_request_token: String,
}

/// The steps, in the order of a rotation.
#[derive(Debug, Clone, Copy, Deserialize)]
enum Step {
    /// A new value is generated and stored under AWSPENDING.
    #[serde(rename = "createSecret")]
    Create,
    /// Does nothing, because the new value has to be set in no other service.
    #[serde(rename = "setSecret")]
    Set,
    /// The new value is checked.
    #[serde(rename = "testSecret")]
    Test,
    /// The new value is put in force, under AWSCURRENT.
    #[serde(rename = "finishSecret")]
    Finish,
}

/// Why a step failed. Secrets Manager tries the rotation again later. No message contains any part of a value.
#[derive(Debug, thiserror::Error)]
enum RotationError {
    /// Rotation is switched off for the secret.
    #[error("rotation is off for the secret")]
    Off,
    /// The secret has no version with the id in the event.
    #[error("the secret has no version of the id that is to be rotated in")]
    NoVersion,
    /// The version with the id in the event is not staged AWSPENDING.
    #[error("the version that is to be rotated in is not staged AWSPENDING")]
    NotPending,
    /// No version of the secret is staged AWSCURRENT.
    #[error("no version of the secret is staged AWSCURRENT")]
    NoCurrent,
    /// The value of the version at this stage cannot be used.
    #[error("the version staged {0} is unusable: {1}")]
    Value(&'static str, SecretValueError),
    /// A call of Secrets Manager failed. The cause is text, because the `Debug` of the SDK's error contains the response's
    /// body.
    #[error("{call} failed: {cause}")]
    Call { call: &'static str, cause: String },
}

/// Serves the events with which Secrets Manager rotates a secret, until Lambda shuts the process down. It is the
/// complete work of a function of its own, such as `ag-ui-rotate`, whose `main` passes it to [`run`](super::run).
///
/// # Errors
/// [`ServeError::Runtime`] if the runtime fails, for example because its API cannot be reached.
pub async fn rotate() -> Result<(), ServeError> {
    let client = Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await);
    let steps = service_fn(move |event: LambdaEvent<RotationEvent>| {
        let secret = RotatedSecret { client: client.clone(), rotation: event.payload };
        async move { secret.run_step().await }
    });
    lambda_runtime::run(steps).await.map_err(ServeError::Runtime)
}

/// A secret that is being rotated, with the event of the step to run.
struct RotatedSecret {
    client: Client,
    rotation: RotationEvent,
}

impl RotatedSecret {
    /// Runs the step of the event, and logs what it has done or why it has failed.
    ///
    /// # Errors
    /// [`RotationError`], with which the invocation fails, so that Secrets Manager tries the rotation again.
    async fn run_step(self) -> Result<(), RotationError> {
        let RotationEvent { step, secret_id, .. } = &self.rotation;
        let done = self.run_pending_step().await;
        match &done {
            Ok(done) => info!(?step, secret = secret_id, done, "rotation step"),
            Err(error) => error!(?step, secret = secret_id, cause = error_chain(error), "{ROTATION_FAILED}"),
        }
        done.map(|_| ())
    }

    /// Does the work of the step that is not done yet, and returns a description of that work for the log. Does
    /// nothing if the new version is in force already.
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

    /// Asks Secrets Manager whether the new version is in force already.
    ///
    /// # Errors
    /// [`RotationError`] if rotation is off, if the new version is neither in force nor pending, or if no version is
    /// in force.
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

    /// Runs the step "create": generates a value in the format of the current one and stores it under AWSPENDING.
    /// Does nothing if a value is there already. Returns a description of the work for the log.
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

    /// Runs the step "test": checks that the new value can be used in place of the current one. Returns a description
    /// of the work for the log.
    ///
    /// # Errors
    /// [`RotationError::Value`] if the new value is missing or unusable.
    async fn test_value(&self) -> Result<&'static str, RotationError> {
        let absent = || RotationError::Value(PENDING, SecretValueError::Absent);
        let pending = self.fetch_pending_value().await?.ok_or_else(absent)?;
        let current = self.fetch_current_value().await?;
        let tested = secret_format::check_successor(&pending, &current);
        tested.map_err(|error| RotationError::Value(PENDING, error))?;
        Ok("tested the new value")
    }

    /// Runs the step "finish": tests the new value once more, and moves the stage AWSCURRENT to it. `current` is the
    /// id of the version that has the stage until then. Returns a description of the work for the log.
    async fn finish_rotation(&self, current: String) -> Result<&'static str, RotationError> {
        // Tested again, because from now on everybody has to use it.
        self.test_value().await?;
        let labels = self.client.update_secret_version_stage().secret_id(&self.rotation.secret_id);
        let labels = labels.version_stage(CURRENT).remove_from_version_id(current);
        let labels = labels.move_to_version_id(&self.rotation.client_request_token);
        labels.send().await.map_err(|error| call_error("UpdateSecretVersionStage", &error))?;
        Ok("put the new value in force")
    }

    /// Reads the value that is in force: that of the version staged AWSCURRENT.
    async fn fetch_current_value(&self) -> Result<SecretString, RotationError> {
        let get = self.client.get_secret_value().secret_id(&self.rotation.secret_id).version_stage(CURRENT);
        let current = get.send().await.map_err(|error| call_error("GetSecretValue", &error))?;
        let current = current.secret_string.map(SecretString::from).ok_or(SecretValueError::NotText);
        current.map_err(|error| RotationError::Value(CURRENT, error))
    }

    /// Reads the value of the new version; `None` if the step "create" has not stored it yet.
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

/// Whether a read has failed because the secret has no such version.
fn is_absent<R>(error: &SdkError<GetSecretValueError, R>) -> bool {
    error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception)
}

/// Turns the failure of the call `call` of Secrets Manager into the error of the step.
fn call_error<E, R>(call: &'static str, error: &SdkError<E, R>) -> RotationError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug + 'static,
{
    RotationError::Call { call, cause: error_chain(error) }
}

impl From<RotationError> for Diagnostic {
    /// Turns the error of a step into the failure of the invocation, which Secrets Manager shows.
    fn from(error: RotationError) -> Self {
        Self { error_type: "RotationFault".into(), error_message: error.to_string() }
    }
}
