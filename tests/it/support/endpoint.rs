//! An endpoint in this process, requests to it, and its responses read to the end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;

use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::auth::{ClaimSource, Claims, Forbidden, SharedToken, UserTokenError, VerifyUser};
use ag_ui_lambda::endpoint::{Endpoint, EndpointBuilder, ResponseBody};
use ag_ui_lambda::model::{Model, Script, Scripted};
use ag_ui_lambda::protocol::JsonObject;
use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::Body as _;
use serde_json::{Value, json};

use super::scenario::Caller;

/// The shared token of [`endpoint`].
pub(crate) const TOKEN: &str = "right-token";
/// The subject that the mapping from claims to callers refuses.
pub(crate) const FORBIDDEN_SUBJECT: &str = "banned";

/// Returns an endpoint with a literal token, the tool `whoami`, and a model that says hello.
pub(crate) fn endpoint() -> EndpointBuilder<Caller> {
    endpoint_of(Scripted::new(|_| Script::new().words("Hello there")))
}

/// Returns the same endpoint as [`endpoint`], but with this model.
pub(crate) fn endpoint_of(model: impl Model) -> EndpointBuilder<Caller> {
    /// Returns the user that the claims name; `None` for an anonymous caller.
    async fn whoami(context: ToolContext<Caller>, _: NoArgs) -> Result<Option<String>, ToolError> {
        Ok(context.caller().user.clone())
    }
    let agent = Agent::builder(model).tool(tool_fn("whoami", "Name of the caller.", whoami)).build().unwrap();
    Endpoint::builder(agent, caller).token(SharedToken::literal(TOKEN.into()).unwrap())
}

/// Maps claims to a caller, whose user is the subject. [`FORBIDDEN_SUBJECT`] is refused.
fn caller(claims: &Claims) -> Result<Caller, Forbidden> {
    let user = claims.subject().map(ToOwned::to_owned);
    match user.as_deref() {
        Some(FORBIDDEN_SUBJECT) => Err(Forbidden),
        _ => Ok(Caller { user }),
    }
}

/// Verifies user tokens by their text: `good` and `good.in.form` belong to `u-1` of the issuer `idp`, `without.a.subject` is
/// valid but names nobody, `no-keys` and `no.keys.today` fail because the keys are unavailable, and any other token is refused.
pub(crate) struct FixedTokens;

impl VerifyUser for FixedTokens {
    /// Returns the claims of a valid token, and an error for any other one.
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<JsonObject, UserTokenError>> {
        let claims = [("sub".into(), "u-1".into()), ("iss".into(), "idp".into())];
        let verified = match token {
            "good" | "good.in.form" => Ok(JsonObject::from_iter(claims)),
            "without.a.subject" => Ok(JsonObject::from_iter(claims.into_iter().skip(1))),
            "no-keys" | "no.keys.today" => Err(UserTokenError::KeysUnavailable),
            _ => Err(UserTokenError::Refused("the text says so")),
        };
        async move { verified }.boxed()
    }

    /// Does nothing, since there are no keys to fetch.
    fn warm_up(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}

/// A request that a test changes before it sends it. Unchanged, it is served.
#[derive(Clone)]
pub(crate) struct TestRequest {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) input: Value,
    /// Text that follows the input in the body.
    pub(crate) tail: String,
    pub(crate) claims: Option<Claims>,
}

/// Returns a valid request for a run with the message "Hello" and the right token.
pub(crate) fn run_request() -> TestRequest {
    let asked = TestRequest {
        method: "POST",
        path: "/".into(),
        headers: HeaderMap::new(),
        input: json!({
            "threadId": "t", "runId": "r", "protocolVersion": "1.0",
            "messages": [{"id": "u1", "role": "user", "content": "Hello"}],
        }),
        tail: String::new(),
        claims: None,
    };
    asked.header("content-type", "application/json").header("x-agui-token", TOKEN)
}

impl TestRequest {
    /// Sets the method and the path.
    pub(crate) fn route(mut self, method: &'static str, path: &str) -> Self {
        self.method = method;
        self.path = path.into();
        self
    }

    /// Sets a header, and removes others of the same name.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// Adds a header, and keeps others of the same name.
    pub(crate) fn append_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().unwrap());
        self
    }

    /// Removes a header.
    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Sets the member `name` of the run's input.
    pub(crate) fn input(mut self, name: &str, value: Value) -> Self {
        self.input[name] = value;
        self
    }

    /// Adds claims that an entry point has verified; `source` is the entry point.
    pub(crate) fn claims(mut self, source: ClaimSource, claims: Value) -> Self {
        let Value::Object(values) = claims else { panic!("claims are an object") };
        self.claims = Some(Claims::new(source, values));
        self
    }

    /// Builds the HTTP request.
    pub(crate) fn build(self) -> Request<Bytes> {
        let mut request = Request::new(Bytes::from(format!("{}{}", self.input, self.tail)));
        *request.method_mut() = self.method.parse().unwrap();
        *request.uri_mut() = self.path.parse().unwrap();
        *request.headers_mut() = self.headers;
        if let Some(claims) = self.claims {
            request.extensions_mut().insert(claims);
        }
        request
    }

    /// Sends the request and reads the response to its end.
    pub(crate) async fn send_to(self, endpoint: &Endpoint<Caller>) -> TestResponse {
        TestResponse::read(endpoint.handle(self.build()).await).await
    }

    /// Sends the request with `body` in place of the input, and reads the response to its end.
    pub(crate) async fn send_body_to(self, endpoint: &Endpoint<Caller>, body: &'static str) -> TestResponse {
        TestResponse::read(endpoint.handle(self.build().map(|_| body.into())).await).await
    }
}

/// A response that was read to its end.
pub(crate) struct TestResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl TestResponse {
    /// Reads a response to its end.
    pub(crate) async fn read(response: Response<ResponseBody>) -> Self {
        let (head, mut body) = response.into_parts();
        let mut text = String::new();
        while let Some(frame) = next_frame(&mut body).await {
            text.push_str(&frame);
        }
        Self { status: head.status.as_u16(), headers: head.headers, text }
    }

    /// Returns the error code in the JSON of a refusal; empty for any other response.
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns the value of a header; `None` if it is absent or not text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Waits for the next frame of a body and returns it as text; `None` at the end of the body.
pub(crate) async fn next_frame(body: &mut ResponseBody) -> Option<String> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    let bytes = frame.unwrap_or_else(|never: Infallible| match never {}).into_data();
    Some(String::from_utf8(bytes.unwrap().to_vec()).unwrap())
}
