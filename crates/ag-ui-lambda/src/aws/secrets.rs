//! Secrets Manager behind the port [`SecretSource`].
//!
//! One secret, read by its stage. No cache and no meaning: those are its users'. The value leaves the SDK's
//! answer as a [`SecretString`](secrecy::SecretString) and appears in no error.

use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use crate::causes::causes;
use crate::secret::{SecretError, SecretSource, SecretVersion, Stage};

/// One secret in AWS Secrets Manager.
#[derive(Debug)]
pub struct SecretsManager {
    id: String,
    /// Made by the first read: it costs milliseconds, which a start should not wait for.
    client: OnceCell<Client>,
}

impl SecretsManager {
    /// The secret with the name or ARN `id`, read with the role and region of the environment. Makes no call.
    ///
    /// A read may take 2 s and each of its at most 3 attempts 1 s: a request is waiting.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), client: OnceCell::new() }
    }

    /// The same secret, read with these settings.
    #[must_use]
    pub fn with_config(self, config: &SdkConfig) -> Self {
        Self { client: OnceCell::new_with(Some(client(config))), ..self }
    }

    async fn read(&self, stage: Stage) -> Result<Option<SecretVersion>, SecretError> {
        let label = match stage {
            Stage::Current => "AWSCURRENT",
            Stage::Previous => "AWSPREVIOUS",
        };
        // The stage is always named: without it moto 5.2 answers with the old version after a label moved.
        let from_environment =
            || async { client(&aws_config::load_defaults(BehaviorVersion::latest()).await) };
        let client = self.client.get_or_init(from_environment).await;
        let request = client.get_secret_value().secret_id(&self.id).version_stage(label);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let is_absent = error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception());
                return match stage {
                    Stage::Previous if is_absent => Ok(None),
                    Stage::Current if is_absent => Err(SecretError::Absent),
                    // Flattened here: the `Debug` of the SDK's error holds the answer's body.
                    _ => Err(SecretError::Failed(causes(&error).into())),
                };
            }
        };
        // Without a date the version counts as an old one, which has no previous.
        let created = answer.created_date.and_then(|date| SystemTime::try_from(date).ok());
        let created = created.unwrap_or(SystemTime::UNIX_EPOCH);
        let value = answer.secret_string.ok_or(SecretError::NotText)?.into();
        Ok(Some(SecretVersion { value, created }))
    }
}

fn client(config: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(1))
        .build();
    let retries = RetryConfig::standard().with_max_attempts(3);
    Client::from_conf(Builder::from(config).timeout_config(timeouts).retry_config(retries).build())
}

impl SecretSource for SecretsManager {
    fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>> {
        Box::pin(self.read(stage))
    }
}

#[cfg(test)]
mod tests {
    use ag_ui_dev::loopback::Loopback;
    use aws_config::Region;
    use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
    use http::{Request, Response};
    use http_body_util::BodyExt as _;
    use hyper::body::Incoming;
    use secrecy::ExposeSecret;
    use serde_json::{Value, json};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    /// A secret at a server that gives this answer to every request, and the bodies of the requests.
    fn answering(status: u16, body: &'static str) -> (SecretsManager, Loopback, UnboundedReceiver<Value>) {
        let (sender, requests) = unbounded_channel();
        let answer = move |request: Request<Incoming>| {
            let sender = sender.clone();
            async move {
                let asked = request.into_body().collect().await?.to_bytes();
                sender.send(serde_json::from_slice(&asked).unwrap()).unwrap();
                let answer = Response::builder().status(status);
                let answer = answer.header("content-type", "application/x-amz-json-1.1");
                Ok::<_, hyper::Error>(answer.body(body.to_owned()).unwrap())
            }
        };
        let server = Loopback::serve(answer).unwrap();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(server.url())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "a", "b", None, None, "test",
            )))
            .build();
        (SecretsManager::new("app/token").with_config(&config), server, requests)
    }

    #[tokio::test]
    async fn a_version_is_read_by_its_stage_with_its_value_and_date() {
        for (stage, label) in [(Stage::Current, "AWSCURRENT"), (Stage::Previous, "AWSPREVIOUS")] {
            let (secret, _server, mut requests) =
                answering(200, r#"{"SecretString":"t0ken","CreatedDate":1700000000.5}"#);

            let version = secret.fetch(stage).await.unwrap().unwrap();

            assert_eq!(version.value.expose_secret(), "t0ken");
            assert_eq!(version.created, SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500));
            let asked = json!({ "SecretId": "app/token", "VersionStage": label });
            assert_eq!(requests.recv().await, Some(asked));
        }
    }

    #[tokio::test]
    async fn an_absent_previous_version_is_none_and_an_absent_secret_is_an_error() {
        let absent = r#"{"__type":"ResourceNotFoundException","Message":"no such version"}"#;

        let (secret, _server, _requests) = answering(400, absent);
        assert!(secret.fetch(Stage::Previous).await.unwrap().is_none());

        let (secret, _server, _requests) = answering(400, absent);
        assert!(matches!(secret.fetch(Stage::Current).await, Err(SecretError::Absent)));
    }

    #[tokio::test]
    async fn a_refusal_is_logged_with_what_an_operator_needs() {
        let (secret, _server, _requests) =
            answering(400, r#"{"__type":"AccessDeniedException","Message":"role x may not"}"#);

        let error = secret.fetch(Stage::Current).await.unwrap_err();

        let line = causes(&error);
        assert!(line.contains("AccessDeniedException") && line.contains("role x may not"), "{line}");
    }

    #[tokio::test]
    async fn no_error_holds_what_was_answered() {
        for body in [r#"{"SecretBinary":"czNjcmV0"}"#, r#"{"SecretString":"czNjcmV0"#] {
            let (secret, _server, _requests) = answering(200, body);
            let error = secret.fetch(Stage::Current).await.unwrap_err();
            assert!(!format!("{error:?} {}", causes(&error)).contains("czNj"), "{error:?}");
        }
    }
}
