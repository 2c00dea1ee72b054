//! Short-lived API keys of Amazon Bedrock, made on this machine from the credentials of the environment.
//!
//! Some models are only at Bedrock's endpoint `bedrock-mantle`, which has OpenAI's APIs and takes an API key. Such a key is a
//! signed request that nobody sends: whoever presents it acts as the role that has signed it, until it expires. So no request
//! is necessary to renew a key.

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Mutex, OnceCell};

use crate::model::{ApiKeyProvider, ModelError, ModelErrorKind};

/// The host in the signed request, the same in all regions.
const HOST: &str = "bedrock.amazonaws.com";

/// How long a key is valid, if the credentials are valid as long. Bedrock allows 12 hours.
const LIFETIME: Duration = Duration::from_secs(3600);

/// How long before its end a key is replaced. The clocks of both sides may differ by some minutes.
const RENEWED_BEFORE: Duration = Duration::from_secs(600);

/// A key that is this young is not replaced when it is refused, since a new one would be refused as well.
const REFUSED_AGE: Duration = Duration::from_secs(10);

/// API keys for Amazon Bedrock's endpoint `bedrock-mantle`, made with the role of the environment.
///
/// A key is valid for at most an hour, and is replaced ten minutes before it expires. The role needs the permissions
/// `bedrock-mantle:CallWithBearerToken` and `bedrock-mantle:CreateInference`.
///
/// ```
/// use std::sync::Arc;
///
/// use ag_ui_lambda::model::{ApiKeyProvider, BedrockApiKeys, HttpModel, Provider};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (region, id) = ("us-east-2", "openai.gpt-5.5");
/// let keys: Arc<dyn ApiKeyProvider> = Arc::new(BedrockApiKeys::new(region));
/// let responses = Provider::named("mantle-responses").ok_or("there is no such adapter")?;
/// let model = HttpModel::new(responses, id, keys).base_url(&BedrockApiKeys::mantle_url(region, id))?;
/// # Ok(())
/// # }
/// ```
///
/// Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html>.
pub struct BedrockApiKeys {
    /// The region whose endpoint accepts the keys.
    region: String,
    /// The configuration of the SDK, loaded on first use.
    config: OnceCell<SdkConfig>,
    /// The key that is in use. Turns that need a key while one is made wait for it.
    current: Mutex<Option<IssuedKey>>,
    /// The time of now. Tests have a clock of their own.
    now: Box<dyn Fn() -> SystemTime + Send + Sync>,
}

/// A key, and the times that decide about its replacement.
struct IssuedKey {
    /// The text of the key.
    key: SecretString,
    /// When it was made.
    made_at: SystemTime,
    /// From when on it is replaced.
    renewed_at: SystemTime,
}

impl BedrockApiKeys {
    /// Creates a source of keys for the endpoint of this region. Nothing is loaded before the first key.
    #[must_use]
    pub fn new(region: impl Into<String>) -> Self {
        Self {
            region: region.into(),
            config: OnceCell::new(),
            current: Mutex::new(None),
            now: Box::new(SystemTime::now),
        }
    }

    /// Sets the configuration of the AWS SDK, whose credentials sign the keys; by default it is loaded from the
    /// environment.
    #[must_use]
    pub fn with_config(self, config: &SdkConfig) -> Self {
        Self { config: OnceCell::new_with(Some(config.clone())), ..self }
    }

    /// Returns the address of a model at the endpoint of a region, with the version of the API. The path depends on the model:
    /// the newer models of OpenAI, and those of xAI and Gemma 4, are at `/openai/v1`, all others at `/v1`.
    #[must_use]
    pub fn mantle_url(region: &str, model: &str) -> String {
        let is_newer_openai = model.starts_with("openai.") && !model.starts_with("openai.gpt-oss");
        let has_prefix = is_newer_openai || model.starts_with("xai.") || model.starts_with("google.gemma-4");
        let path = if has_prefix { "openai/v1" } else { "v1" };
        format!("https://bedrock-mantle.{region}.api.aws/{path}")
    }

    /// Uses this clock instead of the system's.
    #[cfg(test)]
    pub(super) fn with_clock(self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { now: Box::new(now), ..self }
    }

    /// Loads the credentials and makes a key that is valid from `now` on, until the credentials expire or for [`LIFETIME`].
    ///
    /// # Errors
    /// [`ModelErrorKind::Misconfigured`] if there are no credentials, [`ModelErrorKind::Unavailable`] if they cannot be
    /// loaded at this time.
    async fn make_key(&self, now: SystemTime) -> Result<IssuedKey, ModelError> {
        let from_environment = || async { aws_config::load_defaults(BehaviorVersion::latest()).await };
        let config = self.config.get_or_init(from_environment).await;
        let misconfigured = |cause: String| ModelError::new(ModelErrorKind::Misconfigured, cause);
        let provider = config.credentials_provider();
        let provider = provider.ok_or_else(|| misconfigured("there is no source of credentials".into()))?;
        let credentials = provider.provide_credentials().await.map_err(|error| {
            let is_absent = matches!(
                error,
                CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_)
            );
            let kind = if is_absent { ModelErrorKind::Misconfigured } else { ModelErrorKind::Unavailable };
            ModelError::new(kind, error)
        })?;
        let left = credentials.expiry().map(|expiry| expiry.duration_since(now).unwrap_or_default());
        let lifetime = left.unwrap_or(LIFETIME).min(LIFETIME);
        let key = signed_key(credentials, &self.region, now, lifetime);
        let key = key.map_err(|error| misconfigured(format!("no API key can be signed: {error}")))?;
        Ok(IssuedKey { key, made_at: now, renewed_at: now + lifetime.saturating_sub(RENEWED_BEFORE) })
    }
}

impl fmt::Debug for BedrockApiKeys {
    /// Prints the region, and nothing of a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BedrockApiKeys").field("region", &self.region).finish_non_exhaustive()
    }
}

impl ApiKeyProvider for BedrockApiKeys {
    /// Returns the key that is in use, or a new one if no key was made yet or it expires soon.
    ///
    /// # Errors
    /// [`ModelErrorKind::Misconfigured`] if there are no credentials, [`ModelErrorKind::Unavailable`] if they cannot be
    /// loaded at this time.
    fn api_key(&self) -> BoxFuture<'_, Result<SecretString, ModelError>> {
        async {
            let mut current = self.current.lock().await;
            let now = (self.now)();
            // A key from the future was made before the clock was set back. Bedrock would refuse it.
            let is_usable = |issued: &&IssuedKey| (issued.made_at..issued.renewed_at).contains(&now);
            if let Some(issued) = current.as_ref().filter(is_usable) {
                return Ok(issued.key.clone());
            }
            let issued = self.make_key(now).await?;
            Ok(current.insert(issued).key.clone())
        }
        .boxed()
    }

    /// Returns the key in use if it is not `seen`, which Bedrock has refused. If it is, loads the credentials again and makes
    /// a new key. `None` if `seen` has just been made, or if no key can be made.
    fn refresh_if_same<'a>(&'a self, seen: &'a SecretString) -> BoxFuture<'a, Option<SecretString>> {
        async {
            let mut current = self.current.lock().await;
            let now = (self.now)();
            if let Some(issued) = current.as_ref() {
                if issued.key.expose_secret() != seen.expose_secret() {
                    return Some(issued.key.clone());
                }
                if now.duration_since(issued.made_at).is_ok_and(|age| age < REFUSED_AGE) {
                    return None;
                }
            }
            let issued = self.make_key(now).await.ok()?;
            Some(current.insert(issued).key.clone())
        }
        .boxed()
    }
}

/// Makes the key that acts as these credentials in a region, from `now` on for `lifetime`.
///
/// # Errors
/// If the request cannot be signed.
fn signed_key(
    credentials: Credentials,
    region: &str,
    now: SystemTime,
    lifetime: Duration,
) -> Result<SecretString, Box<dyn Error + Send + Sync>> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(lifetime);
    let identity = credentials.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("bedrock")
        .time(now)
        .settings(settings)
        .build()?
        .into();
    let url = format!("https://{HOST}/?Action=CallWithBearerToken");
    let request = SignableRequest::new("POST", &url, [("host", HOST)].into_iter(), SignableBody::empty())?;
    let (instructions, _) = sign(request, &params)?.into_parts();
    let mut request = http::Request::post(&url).body(())?;
    instructions.apply_to_request_http1x(&mut request);
    let query = request.uri().query().unwrap_or_default();
    let signed = BASE64_STANDARD.encode(format!("{HOST}/?{query}&Version=1"));
    Ok(format!("bedrock-api-key-{signed}").into())
}
