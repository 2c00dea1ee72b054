//! Rotates the shared token and the key of approvals: Secrets Manager's four steps, as a function of their own.
//!
//! The agent's function may read its secrets and nothing else; what may write them is this one. Secrets Manager calls
//! it once for each step and may repeat any, so each looks first at what is done. It does not decide for how long
//! the value before the new one counts: that is the readers', `endpoint`'s and `approval`'s.
//!
//! The rule it guards: a value is in Secrets Manager and in this memory, and in no line, error or answer.
//!
//! Source: the Secrets Manager guide, "Lambda rotation functions"; AWS's SecretsManagerRotationTemplate.

mod value;

use aws_config::BehaviorVersion;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tracing::{error, info};

use crate::causes::causes;
use value::ValueFault;

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";

/// What Secrets Manager asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rotation {
    step: Step,
    /// The secret's ARN.
    secret_id: String,
    /// The id of the version that is made.
    client_request_token: String,
}

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

/// Why a step was not done. Secrets Manager repeats the rotation later; no message has any of a value.
#[derive(Debug, thiserror::Error)]
enum RotationFault {
    #[error("rotation is off for the secret")]
    Off,
    #[error("the secret has no version of the id that is to be rotated in")]
    NoVersion,
    #[error("the version that is to be rotated in is not staged AWSPENDING")]
    NotPending,
    #[error("no version of the secret is staged AWSCURRENT")]
    NoCurrent,
    #[error("the version staged {0} is unusable: {1}")]
    Value(&'static str, ValueFault),
    /// Flattened, since the `Debug` of the SDK's error holds the answer's body.
    #[error("{call} failed: {cause}")]
    Call { call: &'static str, cause: String },
}

/// Serves the rotation of secrets until the environment is shut down. Meant for a function of its own.
///
/// # Errors
/// The runtime's own error if its API can't be reached.
pub async fn rotate() -> Result<(), Error> {
    let client = Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await);
    let steps = service_fn(move |event: LambdaEvent<Rotation>| {
        let secret = Secret { client: client.clone(), rotation: event.payload };
        async move { secret.step().await }
    });
    lambda_runtime::run(steps).await
}

/// The secret that is rotated.
struct Secret {
    client: Client,
    rotation: Rotation,
}

impl Secret {
    async fn step(self) -> Result<(), RotationFault> {
        let Rotation { step, secret_id, .. } = &self.rotation;
        let done = self.take_step().await;
        match &done {
            Ok(done) => info!(?step, secret = secret_id, done, "rotation step"),
            Err(fault) => error!(?step, secret = secret_id, cause = causes(fault), "rotation failed"),
        }
        done.map(|_| ())
    }

    /// Does what is not done yet, and says what that was.
    async fn take_step(&self) -> Result<&'static str, RotationFault> {
        let current = match self.versions().await? {
            Versions::Rotated => return Ok("nothing: the version is in force already"),
            Versions::Rotating { current } => current,
        };
        match self.rotation.step {
            Step::Create => self.create().await,
            // Both secrets are known to their readers alone, who fetch them.
            Step::Set => Ok("nothing: nobody has to be told"),
            Step::Test => self.test().await,
            Step::Finish => self.finish(current).await,
        }
    }

    async fn versions(&self) -> Result<Versions, RotationFault> {
        let call = self.client.describe_secret().secret_id(&self.rotation.secret_id).send().await;
        let secret = call.map_err(|error| failed("DescribeSecret", &error))?;
        // Absent where rotation was never on, and so it may still be while its first schedule is tested.
        if secret.rotation_enabled == Some(false) {
            return Err(RotationFault::Off);
        }
        let versions = secret.version_ids_to_stages.unwrap_or_default();
        let is_staged = |stages: &[String], stage: &str| stages.iter().any(|staged| staged == stage);
        let stages = versions.get(&self.rotation.client_request_token).ok_or(RotationFault::NoVersion)?;
        if is_staged(stages, CURRENT) {
            return Ok(Versions::Rotated);
        }
        if !is_staged(stages, PENDING) {
            return Err(RotationFault::NotPending);
        }
        let current = versions.into_iter().find(|(_, stages)| is_staged(stages, CURRENT));
        current.map(|(current, _)| Versions::Rotating { current }).ok_or(RotationFault::NoCurrent)
    }

    async fn create(&self) -> Result<&'static str, RotationFault> {
        if self.pending().await?.is_some() {
            return Ok("nothing: the value is there already");
        }
        let new = value::renewed(&self.current().await?);
        let new = new.map_err(|fault| RotationFault::Value(CURRENT, fault))?;
        let put = self.client.put_secret_value().secret_id(&self.rotation.secret_id);
        let put = put.client_request_token(&self.rotation.client_request_token).version_stages(PENDING);
        let put = put.secret_string(new.expose_secret());
        put.send().await.map_err(|error| failed("PutSecretValue", &error))?;
        Ok("made a new value")
    }

    async fn test(&self) -> Result<&'static str, RotationFault> {
        let absent = || RotationFault::Value(PENDING, ValueFault::Absent);
        let pending = self.pending().await?.ok_or_else(absent)?;
        let current = self.current().await?;
        let tested = value::test(&pending, &current);
        tested.map_err(|fault| RotationFault::Value(PENDING, fault))?;
        Ok("tested the new value")
    }

    async fn finish(&self, current: String) -> Result<&'static str, RotationFault> {
        // Again, since this is what everybody will have to use.
        self.test().await?;
        let labels = self.client.update_secret_version_stage().secret_id(&self.rotation.secret_id);
        let labels = labels.version_stage(CURRENT).remove_from_version_id(current);
        let labels = labels.move_to_version_id(&self.rotation.client_request_token);
        labels.send().await.map_err(|error| failed("UpdateSecretVersionStage", &error))?;
        Ok("put the new value in force")
    }

    /// The value in force.
    async fn current(&self) -> Result<SecretString, RotationFault> {
        let get = self.client.get_secret_value().secret_id(&self.rotation.secret_id).version_stage(CURRENT);
        let current = get.send().await.map_err(|error| failed("GetSecretValue", &error))?;
        let current = current.secret_string.map(SecretString::from).ok_or(ValueFault::NotText);
        current.map_err(|fault| RotationFault::Value(CURRENT, fault))
    }

    /// The new version's value; none before it is made.
    async fn pending(&self) -> Result<Option<SecretString>, RotationFault> {
        let get = self.client.get_secret_value().secret_id(&self.rotation.secret_id).version_stage(PENDING);
        match get.version_id(&self.rotation.client_request_token).send().await {
            Ok(pending) => {
                let value = pending.secret_string.ok_or(ValueFault::NotText);
                value.map(|value| Some(value.into())).map_err(|fault| RotationFault::Value(PENDING, fault))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failed("GetSecretValue", &error)),
        }
    }
}

/// Where the version that is rotated in stands.
enum Versions {
    /// In force.
    Rotated,
    /// Staged AWSPENDING; `current` is in force.
    Rotating { current: String },
}

fn is_absent<R>(error: &SdkError<GetSecretValueError, R>) -> bool {
    error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception)
}

fn failed<E, R>(call: &'static str, error: &SdkError<E, R>) -> RotationFault
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug + 'static,
{
    RotationFault::Call { call, cause: causes(error) }
}

impl From<RotationFault> for Diagnostic {
    fn from(fault: RotationFault) -> Self {
        Self { error_type: "RotationFault".into(), error_message: fault.to_string() }
    }
}
