//! A stand-in for Secrets Manager. It holds one secret, the shared token, and can be slow or unavailable.
//!
//! It supports `GetSecretValue` and no other action, and checks no signatures.
//!
//! Source: the Secrets Manager API reference, `GetSecretValue`.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::loopback::Loopback;

/// The name of the secret.
pub(super) const SECRET_ID: &str = "ag-ui-lambda/token";
/// The delay of a slow response. It is longer than the function waits for one attempt to read a secret.
const SLOW_DELAY: Duration = Duration::from_millis(1500);

/// How the stand-in responds: at once, slowly or with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ServiceHealth {
    /// It responds at once.
    #[default]
    Up,
    /// It responds after a second and a half.
    Slow,
    /// It responds with an internal error.
    Down,
}

/// The stand-in. It ends when it is dropped.
pub(super) struct SecretsManager {
    state: Arc<Mutex<SecretState>>,
    server: Loopback,
}

/// What the connections share.
struct SecretState {
    health: ServiceHealth,
    current: SecretVersion,
    previous: Option<SecretVersion>,
}

/// A version of the secret.
#[derive(Clone)]
struct SecretVersion {
    id: Uuid,
    token: String,
    created: SystemTime,
}

impl SecretVersion {
    /// Creates a version of the secret that holds this token, with a new id and the current time.
    fn new(token: String) -> Self {
        Self { id: Uuid::new_v4(), token, created: SystemTime::now() }
    }
}

impl SecretsManager {
    /// Starts a stand-in for Secrets Manager with one secret, whose current value holds this token.
    pub(super) async fn start(token: &str) -> std::io::Result<Self> {
        let current = SecretVersion::new(token.to_owned());
        let state = Arc::new(Mutex::new(SecretState { health: ServiceHealth::Up, current, previous: None }));
        let shared = Arc::clone(&state);
        let respond = move |request: Request<Incoming>| {
            let state = Arc::clone(&shared);
            async move {
                let target = request.headers().get("x-amz-target").cloned();
                let body =
                    request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                let health = lock(&state).health;
                if health == ServiceHealth::Slow {
                    tokio::time::sleep(SLOW_DELAY).await;
                }
                let state = lock(&state);
                Ok::<_, Infallible>(state.respond(target.as_ref(), &body))
            }
        };
        Ok(Self { state, server: Loopback::serve(respond)? })
    }

    /// Returns the URL of the stand-in, which the function uses in place of Secrets Manager's.
    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// Returns the token in the current version of the secret.
    pub(super) fn token(&self) -> String {
        lock(&self.state).current.token.clone()
    }

    /// Generates a new token and makes it the current version of the secret, as a rotation does. The version before becomes
    /// the previous one.
    pub(super) fn rotate(&self) {
        let mut state = lock(&self.state);
        let old =
            std::mem::replace(&mut state.current, SecretVersion::new(Uuid::new_v4().simple().to_string()));
        state.previous = Some(old);
    }

    /// Returns how the stand-in responds: at once, slowly or with an error. The list of faults for the page shows this
    /// value.
    pub(super) fn health(&self) -> ServiceHealth {
        lock(&self.state).health
    }

    /// Sets how the stand-in responds: at once, slowly or with an error. A fault that a developer sets on the page
    /// calls this.
    pub(super) fn set_health(&self, health: ServiceHealth) {
        lock(&self.state).health = health;
    }
}

impl SecretState {
    /// Responds to a request of the AWS protocol. `target` is its header `x-amz-target`, which names the action; only
    /// `GetSecretValue` is supported.
    fn respond(&self, target: Option<&HeaderValue>, body: &Bytes) -> Response<Full<Bytes>> {
        if self.health == ServiceHealth::Down {
            return error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError");
        }
        if target.is_none_or(|target| target != "secretsmanager.GetSecretValue") {
            return error(StatusCode::BAD_REQUEST, "InvalidRequestException");
        }
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let stage = request["VersionStage"].as_str().unwrap_or("AWSCURRENT");
        let version = match stage {
            _ if request["SecretId"] != SECRET_ID => None,
            "AWSCURRENT" => Some(&self.current),
            "AWSPREVIOUS" => self.previous.as_ref(),
            _ => None,
        };
        let Some(version) = version else {
            return error(StatusCode::BAD_REQUEST, "ResourceNotFoundException");
        };
        let created = version.created.duration_since(UNIX_EPOCH).unwrap_or_default();
        json_response(
            StatusCode::OK,
            &json!({
                "ARN": format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{SECRET_ID}-AbCdEf"),
                "Name": SECRET_ID, "VersionId": version.id.to_string(), "VersionStages": [stage],
                "CreatedDate": created.as_secs_f64(),
                "SecretString": json!({ "token": version.token }).to_string(),
            }),
        )
    }
}

/// Creates an error response of Secrets Manager. `kind` is the type of the error, such as `ResourceNotFoundException`.
fn error(status: StatusCode, kind: &str) -> Response<Full<Bytes>> {
    json_response(status, &json!({ "__type": kind, "Message": "This is the stand-in on this machine." }))
}

/// Creates a JSON response of the AWS protocol with this status.
fn json_response(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.to_string().into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    response
}

/// Locks the state of the stand-in. No code panics while it holds this lock, so the value of a poisoned lock is consistent.
fn lock(state: &Mutex<SecretState>) -> MutexGuard<'_, SecretState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
