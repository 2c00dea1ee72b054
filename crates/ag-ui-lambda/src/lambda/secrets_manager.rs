//! Reads secrets from AWS Secrets Manager: an implementation of [`SecretSource`].
//!
//! It reads one version of one secret, and neither caches nor parses it; [`secrets`](crate::secrets) does. The value leaves
//! the SDK's response as a [`SecretString`](secrecy::SecretString), and no error contains it.

use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use crate::error_chain::error_chain;
use crate::secrets::{SecretError, SecretSource, SecretVersion, Stage};

/// Reads one secret from AWS Secrets Manager.
///
/// ```
/// use ag_ui_lambda::approval::ApprovalKeys;
/// use ag_ui_lambda::lambda::SecretsManager;
///
/// let keys = ApprovalKeys::from_source(SecretsManager::new("agui/approval-key"));
/// ```
#[derive(Debug)]
pub struct SecretsManager {
    /// The name or ARN of the secret.
    id: String,
    /// Built by the first read, because it takes milliseconds, for which the start of the function should not wait.
    client: OnceCell<Client>,
}

impl SecretsManager {
    /// Creates a source for the secret with this name or ARN, which is read with the role and the region of the
    /// environment. Nothing is read yet.
    ///
    /// A read takes at most 2 s, in up to 3 attempts of at most 1 s, because a request waits for it.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), client: OnceCell::new() }
    }

    /// Sets the configuration of the SDK, such as another region or role, with which the secret is read in place of
    /// the environment's.
    #[must_use]
    pub fn with_config(self, config: &SdkConfig) -> Self {
        Self { client: OnceCell::new_with(Some(build_client(config))), ..self }
    }

    /// Reads the version of the secret at `stage`. `Ok(None)` if the secret has no previous version.
    ///
    /// # Errors
    /// [`SecretError::Absent`] if the current version is missing, [`SecretError::NotText`] if the value is binary,
    /// and [`SecretError::Failed`] if the read fails.
    async fn read_version(&self, stage: Stage) -> Result<Option<SecretVersion>, SecretError> {
        let label = match stage {
            Stage::Current => "AWSCURRENT",
            Stage::Previous => "AWSPREVIOUS",
        };
        // The stage is always sent: without it moto 5.2 returns the old version after a label has moved.
        let from_environment =
            || async { build_client(&aws_config::load_defaults(BehaviorVersion::latest()).await) };
        let client = self.client.get_or_init(from_environment).await;
        let request = client.get_secret_value().secret_id(&self.id).version_stage(label);
        let output = match request.send().await {
            Ok(output) => output,
            Err(error) => {
                let is_absent = error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception());
                return match stage {
                    Stage::Previous if is_absent => Ok(None),
                    Stage::Current if is_absent => Err(SecretError::Absent),
                    // Kept as text, because the `Debug` of the SDK's error contains the response's body.
                    _ => Err(SecretError::Failed(error_chain(&error).into())),
                };
            }
        };
        // A version without a date counts as an old one, whose previous version is not accepted any more.
        let created = output.created_date.and_then(|date| SystemTime::try_from(date).ok());
        let created = created.unwrap_or(SystemTime::UNIX_EPOCH);
        let value = output.secret_string.ok_or(SecretError::NotText)?.into();
        Ok(Some(SecretVersion { value, created }))
    }
}

/// Builds a client with the timeouts that [`SecretsManager::new`] documents.
fn build_client(config: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(1))
        .build();
    let retries = RetryConfig::standard().with_max_attempts(3);
    Client::from_conf(Builder::from(config).timeout_config(timeouts).retry_config(retries).build())
}

impl SecretSource for SecretsManager {
    /// Reads the version at `stage` from AWS Secrets Manager.
    fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>> {
        Box::pin(self.read_version(stage))
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

    /// A secret at a server that sends this response to every request, and the bodies of the requests.
    fn secret_with_response(
        status: u16,
        body: &'static str,
    ) -> (SecretsManager, Loopback, UnboundedReceiver<Value>) {
        let (sender, requests) = unbounded_channel();
        let respond = move |request: Request<Incoming>| {
            let sender = sender.clone();
            async move {
                let sent = request.into_body().collect().await?.to_bytes();
                sender.send(serde_json::from_slice(&sent).unwrap()).unwrap();
                let response = Response::builder().status(status);
                let response = response.header("content-type", "application/x-amz-json-1.1");
                Ok::<_, hyper::Error>(response.body(body.to_owned()).unwrap())
            }
        };
        let server = Loopback::serve(respond).unwrap();
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
    async fn version_is_read_by_stage_with_value_and_date() {
        for (stage, label) in [(Stage::Current, "AWSCURRENT"), (Stage::Previous, "AWSPREVIOUS")] {
            let (secret, _server, mut requests) =
                secret_with_response(200, r#"{"SecretString":"t0ken","CreatedDate":1700000000.5}"#);

            let version = secret.fetch(stage).await.unwrap().unwrap();

            assert_eq!(version.value.expose_secret(), "t0ken");
            assert_eq!(version.created, SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500));
            let expected = json!({ "SecretId": "app/token", "VersionStage": label });
            assert_eq!(requests.recv().await, Some(expected));
        }
    }

    #[tokio::test]
    async fn absent_previous_version_is_none_and_absent_secret_an_error() {
        let absent = r#"{"__type":"ResourceNotFoundException","Message":"no such version"}"#;

        let (secret, _server, _requests) = secret_with_response(400, absent);
        assert!(secret.fetch(Stage::Previous).await.unwrap().is_none());

        let (secret, _server, _requests) = secret_with_response(400, absent);
        assert!(matches!(secret.fetch(Stage::Current).await, Err(SecretError::Absent)));
    }

    #[tokio::test]
    async fn error_chain_has_the_reason_of_a_refusal() {
        let (secret, _server, _requests) =
            secret_with_response(400, r#"{"__type":"AccessDeniedException","Message":"role x may not"}"#);

        let error = secret.fetch(Stage::Current).await.unwrap_err();

        let line = error_chain(&error);
        assert!(line.contains("AccessDeniedException") && line.contains("role x may not"), "{line}");
    }

    #[tokio::test]
    async fn no_error_contains_the_response() {
        for body in [r#"{"SecretBinary":"czNjcmV0"}"#, r#"{"SecretString":"czNjcmV0"#] {
            let (secret, _server, _requests) = secret_with_response(200, body);
            let error = secret.fetch(Stage::Current).await.unwrap_err();
            assert!(!format!("{error:?} {}", error_chain(&error)).contains("czNj"), "{error:?}");
        }
    }
}
