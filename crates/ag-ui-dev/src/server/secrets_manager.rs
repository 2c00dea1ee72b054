//! A stand-in of Secrets Manager that holds one secret, the shared token, and can be slow or down.
//!
//! It answers `GetSecretValue` and no other action, and checks no signature.
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
/// Longer than the function waits for one attempt to read a secret.
const SLOW: Duration = Duration::from_millis(1500);

/// Whether Secrets Manager can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Availability {
    /// It answers.
    #[default]
    Up,
    /// It answers after a second and a half.
    Slow,
    /// It answers with an error of its own.
    Down,
}

/// The stand-in; gone when dropped.
pub(super) struct SecretsManager {
    state: Arc<Mutex<State>>,
    server: Loopback,
}

struct State {
    availability: Availability,
    current: Version,
    previous: Option<Version>,
}

#[derive(Clone)]
struct Version {
    id: Uuid,
    token: String,
    created: SystemTime,
}

impl Version {
    fn new(token: String) -> Self {
        Self { id: Uuid::new_v4(), token, created: SystemTime::now() }
    }
}

impl SecretsManager {
    pub(super) async fn start(token: &str) -> std::io::Result<Self> {
        let current = Version::new(token.to_owned());
        let state = Arc::new(Mutex::new(State { availability: Availability::Up, current, previous: None }));
        let shared = Arc::clone(&state);
        let answer = move |request: Request<Incoming>| {
            let state = Arc::clone(&shared);
            async move {
                let target = request.headers().get("x-amz-target").cloned();
                let body =
                    request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                let availability = lock(&state).availability;
                if availability == Availability::Slow {
                    tokio::time::sleep(SLOW).await;
                }
                let state = lock(&state);
                Ok::<_, Infallible>(state.answer(target.as_ref(), &body))
            }
        };
        Ok(Self { state, server: Loopback::serve(answer)? })
    }

    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// The current token.
    pub(super) fn token(&self) -> String {
        lock(&self.state).current.token.clone()
    }

    /// Makes a new token the current one, as a rotation does; the old one becomes the previous one.
    pub(super) fn rotate(&self) {
        let mut state = lock(&self.state);
        let old = std::mem::replace(&mut state.current, Version::new(Uuid::new_v4().simple().to_string()));
        state.previous = Some(old);
    }

    pub(super) fn availability(&self) -> Availability {
        lock(&self.state).availability
    }

    pub(super) fn set_availability(&self, availability: Availability) {
        lock(&self.state).availability = availability;
    }
}

impl State {
    fn answer(&self, target: Option<&HeaderValue>, body: &Bytes) -> Response<Full<Bytes>> {
        if self.availability == Availability::Down {
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

fn error(status: StatusCode, kind: &str) -> Response<Full<Bytes>> {
    json_response(status, &json!({ "__type": kind, "Message": "This is the stand-in on this machine." }))
}

fn json_response(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.to_string().into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    response
}

/// No panic happens under this lock, so that the value of a poisoned one is whole.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
