//! An endpoint in process, requests to it, and its answers read to their end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;

use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::endpoint::{
    ClaimSource, Claims, Endpoint, EndpointBuilder, Forbidden, ResponseBody, SharedToken, UserTokenError,
    VerifyUser,
};
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

/// The token of [`endpoint`].
pub(crate) const TOKEN: &str = "right-token";
/// Whom the mapping from claims to callers refuses.
pub(crate) const BANNED: &str = "banned";

/// An endpoint with a literal token, the tool `whoami`, and a model that greets.
pub(crate) fn endpoint() -> EndpointBuilder<Caller> {
    endpoint_of(Scripted::new(|_| Script::new().words("Hello there")))
}

/// The same endpoint with another model.
pub(crate) fn endpoint_of(model: impl Model) -> EndpointBuilder<Caller> {
    async fn whoami(context: ToolContext<Caller>, _: NoArgs) -> Result<Option<String>, ToolError> {
        Ok(context.caller().user.clone())
    }
    let agent = Agent::builder(model).tool(tool_fn("whoami", "Name of the caller.", whoami)).build().unwrap();
    Endpoint::builder(agent, caller).token(SharedToken::literal(TOKEN.into()).unwrap())
}

fn caller(claims: &Claims) -> Result<Caller, Forbidden> {
    let user = claims.subject().map(ToOwned::to_owned);
    match user.as_deref() {
        Some(BANNED) => Err(Forbidden),
        _ => Ok(Caller { user }),
    }
}

/// Verifies a user's token by its text: `good` is u-1's of the issuer `idp`, for `no-keys` the keys are away,
/// and any other is refused.
pub(crate) struct ByText;

impl VerifyUser for ByText {
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<JsonObject, UserTokenError>> {
        let claims = [("sub".into(), "u-1".into()), ("iss".into(), "idp".into())];
        let verified = match token {
            "good" => Ok(JsonObject::from_iter(claims)),
            "no-keys" => Err(UserTokenError::KeysUnavailable),
            _ => Err(UserTokenError::Refused("the text says so")),
        };
        async move { verified }.boxed()
    }

    fn warm(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}

/// A request to be sent. As it begins it is one that is served.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) input: Value,
    /// Text behind the input.
    pub(crate) tail: String,
    pub(crate) claims: Option<Claims>,
}

/// A run that the right token asks for.
pub(crate) fn post() -> Asked {
    let asked = Asked {
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

impl Asked {
    pub(crate) fn at(mut self, method: &'static str, path: &str) -> Self {
        self.method = method;
        self.path = path.into();
        self
    }

    /// Sets a header.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// Adds a header beside those of its name.
    pub(crate) fn and_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().unwrap());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Sets a member of the input.
    pub(crate) fn input(mut self, name: &str, value: Value) -> Self {
        self.input[name] = value;
        self
    }

    /// What the edge has proven.
    pub(crate) fn claims(mut self, source: ClaimSource, claims: Value) -> Self {
        let Value::Object(values) = claims else { panic!("claims are an object") };
        self.claims = Some(Claims::new(source, values));
        self
    }

    pub(crate) fn request(self) -> Request<Bytes> {
        let mut request = Request::new(Bytes::from(format!("{}{}", self.input, self.tail)));
        *request.method_mut() = self.method.parse().unwrap();
        *request.uri_mut() = self.path.parse().unwrap();
        *request.headers_mut() = self.headers;
        if let Some(claims) = self.claims {
            request.extensions_mut().insert(claims);
        }
        request
    }

    pub(crate) async fn to(self, endpoint: &Endpoint<Caller>) -> Answered {
        Answered::read(endpoint.handle(self.request()).await).await
    }

    /// The same request with this text for a body.
    pub(crate) async fn sent_as(self, endpoint: &Endpoint<Caller>, body: &'static str) -> Answered {
        Answered::read(endpoint.handle(self.request().map(|_| body.into())).await).await
    }
}

/// An answer, read to its end.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answered {
    async fn read(response: Response<ResponseBody>) -> Self {
        let (head, mut body) = response.into_parts();
        let mut text = String::new();
        while let Some(frame) = next_frame(&mut body).await {
            text.push_str(&frame);
        }
        Self { status: head.status.as_u16(), headers: head.headers, text }
    }

    /// The code of a refusal.
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The next frame of a body.
pub(crate) async fn next_frame(body: &mut ResponseBody) -> Option<String> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    let bytes = frame.unwrap_or_else(|never: Infallible| match never {}).into_data();
    Some(String::from_utf8(bytes.unwrap().to_vec()).unwrap())
}
