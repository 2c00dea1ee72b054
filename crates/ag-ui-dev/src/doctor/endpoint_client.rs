//! Requests to a deployed endpoint, and what each of them proves.

use std::error::Error as _;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::endpoint_callers::JwtHeader;
use super::http_client::http_client;

/// How long a request may take that asks no model. A function starts within this time.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a run may take. The answer to the message is short.
const RUN_TIMEOUT: Duration = Duration::from_secs(180);
/// The message of a run that asks the model.
const TEXT: &str = "Hello! What can you do for me?";

/// What a request proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing.
    None,
    /// Something that must be refused.
    Wrong,
    /// Who calls: the shared token, the JWT of a user, or both.
    Right,
}

/// Sends requests to one endpoint.
pub(super) struct EndpointClient<'a> {
    http: reqwest::Client,
    /// The URL of runs, without a slash at its end.
    url: &'a str,
    /// How the JWT of a user is sent, and the JWT.
    jwt: Option<(JwtHeader, &'a str)>,
    /// The header of the shared token, and the token.
    token: Option<(&'a str, &'a str)>,
}

impl<'a> EndpointClient<'a> {
    /// Creates a client. `token` is the header of the shared token and the token.
    pub(super) fn new(
        url: &'a str,
        jwt: Option<(JwtHeader, &'a str)>,
        token: Option<(&'a str, &'a str)>,
    ) -> Self {
        Self { http: http_client(), url, jwt, token }
    }

    /// Whether requests carry the shared token.
    pub(super) fn sends_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether requests carry a JWT.
    pub(super) fn sends_jwt(&self) -> bool {
        self.jwt.is_some()
    }

    /// Asks whether the function is there, as a page of this origin if one is given.
    ///
    /// # Errors
    /// Returns why there is no response.
    pub(super) async fn health(&self, origin: Option<&str>) -> Result<Response, String> {
        let request = self.http.get(format!("{}/health", self.url)).timeout(TIMEOUT);
        send(match origin {
            Some(origin) => request.header(ORIGIN, origin),
            None => request,
        })
        .await
    }

    /// Sends a preflight of a run with these headers, as a browser does for a page of this origin.
    ///
    /// # Errors
    /// Returns why there is no response.
    pub(super) async fn preflight(&self, origin: &str, headers: &str) -> Result<Response, String> {
        let request = self.http.request(Method::OPTIONS, self.url).timeout(TIMEOUT).header(ORIGIN, origin);
        let request = request.header("access-control-request-method", "POST");
        send(request.header("access-control-request-headers", headers)).await
    }

    /// Sends a request with a method that no path has.
    ///
    /// # Errors
    /// Returns why there is no response.
    pub(super) async fn put(&self) -> Result<Response, String> {
        send(self.http.request(Method::PUT, self.url).timeout(TIMEOUT)).await
    }

    /// Starts a run without messages, for which no model is asked.
    ///
    /// # Errors
    /// Returns why there is no response.
    pub(super) async fn empty_run(&self, proof: Proof) -> Result<Response, String> {
        self.post(proof, &input(), TIMEOUT).await
    }

    /// Starts a run with a short message.
    ///
    /// # Errors
    /// Returns why there is no response.
    pub(super) async fn run(&self) -> Result<Response, String> {
        let mut input = input();
        input["messages"] = json!([{ "id": "msg-1", "role": "user", "content": TEXT }]);
        self.post(Proof::Right, &input, RUN_TIMEOUT).await
    }

    /// Sends the input of a run.
    async fn post(&self, proof: Proof, input: &Value, limit: Duration) -> Result<Response, String> {
        let body = input.to_string();
        // CloudFront needs the hash to sign the request for the function.
        let hash: String =
            digest(&SHA256, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let request = self.http.post(self.url).timeout(limit);
        let request = request.header(CONTENT_TYPE, "application/json").header("accept", "text/event-stream");
        // A browser accepts compressed responses, which a proxy could hold back.
        let request = request.header("accept-encoding", "gzip, br").header("x-amz-content-sha256", hash);
        let with_token = |request: RequestBuilder| match self.token {
            Some((header, token)) => request.header(header, token),
            None => request,
        };
        let request = match (proof, self.jwt) {
            (Proof::None, _) => request,
            (Proof::Right, Some((header, jwt))) => with_jwt(with_token(request), header, jwt),
            (Proof::Right, None) => with_token(request),
            (Proof::Wrong, Some((header, jwt))) => with_jwt(with_token(request), header, &forged(jwt)),
            (Proof::Wrong, None) => {
                let header = self.token.map_or("x-agui-token", |(header, _)| header);
                request.header(header, Uuid::new_v4().simple().to_string())
            }
        };
        send(request.body(body)).await
    }
}

/// Adds the JWT of a user to a request.
fn with_jwt(request: RequestBuilder, header: JwtHeader, jwt: &str) -> RequestBuilder {
    match header {
        JwtHeader::Bearer => request.header(AUTHORIZATION, format!("Bearer {jwt}")),
        JwtHeader::Authorization => request.header(AUTHORIZATION, jwt),
        JwtHeader::UserToken => request.header("x-agui-user-token", jwt),
    }
}

/// Sends a request. The error says why there is no response.
async fn send(request: RequestBuilder) -> Result<Response, String> {
    request.send().await.map_err(|error| {
        if error.is_timeout() {
            return "there was no response in time".to_owned();
        }
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = cause.to_string();
            source = cause.source();
        }
        text
    })
}

/// Returns the input of a run without messages.
fn input() -> Value {
    let id = Uuid::new_v4();
    json!({ "threadId": format!("doctor-{id}"), "runId": format!("run-{id}"), "protocolVersion": "1.0", "messages": [] })
}

/// Returns a JWT with another signature.
fn forged(jwt: &str) -> String {
    let signed = jwt.rsplit_once('.').map_or(jwt, |(signed, _)| signed);
    format!("{signed}.{}", "A".repeat(86))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forged_jwt_has_only_another_signature() {
        assert_eq!(forged("a.b.c"), format!("a.b.{}", "A".repeat(86)));
    }
}
