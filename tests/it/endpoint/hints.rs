//! Developer hints: they explain refusals, and why a tool is not available to a caller. Without hints, responses contain
//! neither.

use ag_ui_lambda::Grants;
use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::auth::{AuthMode, Claims, Forbidden, SharedToken};
use ag_ui_lambda::endpoint::{DeveloperHints, Endpoint, EndpointBuilder, ResponseLimit, Tenant};
use ag_ui_lambda::lambda::claim_source::{IAM, JWT_AUTHORIZER};
use ag_ui_lambda::model::{Script, Scripted};
use ag_ui_lambda::protocol::JsonObject;
use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, header};
use serde_json::{Value, json};

use crate::support::endpoint::FixedTokens;

struct Caller {
    permissions: Vec<String>,
}

impl Grants for Caller {
    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.iter().any(|held| held == permission)
    }
}

/// Maps claims to a caller, and refuses claims without `sub`.
fn caller(claims: &Claims) -> Result<Caller, Forbidden> {
    claims.text("sub").ok_or(Forbidden)?;
    Ok(Caller { permissions: claims.list("permissions") })
}

/// A tool without arguments and result.
async fn nothing(_: ToolContext<Caller>, _: NoArgs) -> Result<(), ToolError> {
    Ok(())
}

/// Returns an endpoint with tools that need grants.
fn builder() -> EndpointBuilder<Caller> {
    let agent = Agent::builder(Scripted::new(|_| Script::new().text("Hello")))
        .tool(tool_fn("find", "Finds.", nothing))
        .tool(tool_fn("refund", "Refunds.", nothing).needs_permission("refunds:write"))
        .tool(tool_fn("escalate", "Escalates.", nothing).needs_group("support"))
        .tool(tool_fn("hide", "Hides.", nothing).available_if(|_| false))
        .tool(tool_fn("shake", "Shakes.", nothing).available_if(|_| panic!("as the test wants it")))
        .tool(tool_fn("pay", "Pays.", nothing).needs_approval())
        .build()
        .unwrap();
    Endpoint::builder(agent, caller).token(SharedToken::literal("t0ken".into()).unwrap())
}

/// Returns the developer hints of these tests.
fn hints() -> DeveloperHints {
    DeveloperHints::new()
        .token_origin("that the terminal has printed, or that AGUI_TOKEN holds")
        .trusted_signers("IAM principal", "AGUI_IAM_PRINCIPALS")
        .user_tokens("https://issuer.example", "app")
}

/// Returns a valid request with this change.
fn request(change: impl FnOnce(&mut Request<Bytes>)) -> Request<Bytes> {
    let input =
        json!({"threadId": "t", "runId": "r", "messages": [{"id": "u", "role": "user", "content": "Hi"}]});
    let mut request = Request::new(Bytes::from(input.to_string()));
    *request.method_mut() = http::Method::POST;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    headers.insert("x-agui-token", "t0ken".parse().unwrap());
    request.extensions_mut().insert(claims(json!({"sub": "ada", "permissions": ["refunds:read"]})));
    change(&mut request);
    request
}

/// Returns verified claims with these values.
fn claims(values: Value) -> Claims {
    let Value::Object(values) = values else { panic!("claims are an object") };
    Claims::new(JWT_AUTHORIZER, values)
}

/// Sends a request and parses the response as JSON.
async fn answer(endpoint: EndpointBuilder<Caller>, request: Request<Bytes>) -> Value {
    let limit = ResponseLimit { max_bytes: 100_000, headroom: 0, encoded_len: <[u8]>::len };
    let response = endpoint.build().unwrap().handle_buffered(request, &limit).await;
    serde_json::from_slice(response.body()).unwrap_or_default()
}

/// Sends a request and returns the error in the response.
async fn error(endpoint: EndpointBuilder<Caller>, request: Request<Bytes>) -> Value {
    answer(endpoint, request).await["error"].take()
}

/// Sends a changed request and returns the hint in the response.
async fn hint(endpoint: EndpointBuilder<Caller>, change: impl FnOnce(&mut Request<Bytes>)) -> String {
    let error = error(endpoint.developer_hints(hints()), request(change)).await;
    error["hint"].as_str().unwrap_or_else(|| panic!("no hint: {error}")).to_owned()
}

/// Replaces the body by this text.
fn with_body(text: &'static str) -> impl FnOnce(&mut Request<Bytes>) {
    move |request| *request.body_mut() = Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn refusal_without_hints_has_only_code_and_message() {
    let error = error(builder(), request(|request| *request.uri_mut() = "/health2".parse().unwrap())).await;
    let names: Vec<&String> = error.as_object().unwrap().keys().collect();
    assert_eq!(names, ["code", "message"]);
}

#[tokio::test]
async fn token_hint_names_where_the_right_token_is() {
    let send = "Send the header x-agui-token with the token that the terminal has printed, or that AGUI_TOKEN holds. \
        `Authorization: Bearer` works, too.";
    let remove = |request: &mut Request<Bytes>| {
        request.headers_mut().remove("x-agui-token");
    };
    let authorization = |value: &'static str| {
        move |request: &mut Request<Bytes>| {
            remove(request);
            request.headers_mut().insert(AUTHORIZATION, value.parse().unwrap());
        }
    };
    assert_eq!(hint(builder(), remove).await, format!("The header x-agui-token is missing. {send}"));
    assert_eq!(
        hint(builder(), |request| {
            request.headers_mut().insert("x-agui-token", "wrong".parse().unwrap());
        })
        .await,
        format!("The value of the header x-agui-token is not the shared token. {send}")
    );
    assert_eq!(
        hint(builder(), |request| {
            request.headers_mut().append("x-agui-token", "t0ken".parse().unwrap());
        })
        .await,
        format!("The shared token was sent twice. {send}")
    );
    assert_eq!(
        hint(builder(), authorization("Bearer wrong")).await,
        format!("The value of `Authorization: Bearer` is not the shared token. {send}")
    );
    assert!(
        hint(builder(), authorization("Basic dDprbg=="))
            .await
            .starts_with("The header authorization has another")
    );
}

#[tokio::test]
async fn missing_credentials_are_explained() {
    let without = |request: &mut Request<Bytes>| {
        request.extensions_mut().remove::<Claims>();
    };
    assert!(
        hint(builder().require(AuthMode::Both), without)
            .await
            .starts_with("No authorizer has proven a caller")
    );
    let iam = |request: &mut Request<Bytes>| {
        let values = JsonObject::from_iter([("userArn".into(), "arn:aws:iam::1:user/eve".into())]);
        request.extensions_mut().insert(Claims::new(IAM, values));
    };
    assert_eq!(
        hint(builder().require(AuthMode::Both), iam).await,
        "The IAM principal arn:aws:iam::1:user/eve is not listed in AGUI_IAM_PRINCIPALS."
    );
    assert_eq!(
        hint(builder().user_tokens(FixedTokens), |_| {}).await,
        "Send the user's JWT in the header x-agui-user-token. Expected are the issuer https://issuer.example and the \
         audience app."
    );
    assert_eq!(
        hint(builder().user_tokens(FixedTokens), |request| {
            request.headers_mut().insert("x-agui-user-token", "a.b.c".parse().unwrap());
        })
        .await,
        "The JWT in the header x-agui-user-token is refused: the text says so. Expected are the issuer \
         https://issuer.example and the audience app."
    );
}

#[tokio::test]
async fn forbidden_hint_lists_the_callers_claims() {
    let without = |request: &mut Request<Bytes>| {
        request.extensions_mut().remove::<Claims>();
    };
    assert!(hint(builder(), without).await.starts_with("The caller has no claims"));
    let other = |request: &mut Request<Bytes>| {
        request.extensions_mut().insert(claims(json!({"client_id": "c-1", "groups": ["a"]})));
    };
    assert_eq!(
        hint(builder(), other).await,
        "The function that makes a caller of claims (the last argument of `serve`) refuses these, of the source jwt: \
         client_id = \"c-1\", groups = [\"a\"]."
    );
    let tenant = |request: &mut Request<Bytes>| {
        request.extensions_mut().insert(Tenant("acme".into()));
    };
    assert!(hint(builder(), tenant).await.starts_with("The caller's organisation is not the tenant"));
}

#[tokio::test]
async fn unknown_route_hint_lists_the_served_ones() {
    let served = "Served are POST / and POST /agui, GET /capabilities and GET /health.";
    let at =
        |path: &'static str| move |request: &mut Request<Bytes>| *request.uri_mut() = path.parse().unwrap();
    assert_eq!(hint(builder(), at("/capabilites")).await, format!("Did you mean /capabilities? {served}"));
    assert_eq!(hint(builder(), at("/chat")).await, served);
    assert_eq!(hint(builder(), at("/health")).await, format!("Send GET `/health`. {served}"));
}

#[tokio::test]
async fn body_hint_shows_the_fault_and_a_suggestion() {
    for (why, body, expected) in [
        ("no JSON", r#"{"threadId": ]}"#, "Behind `{\"threadId\": ` stands `]}`."),
        ("cut off", r#"{"threadId""#, "It breaks off behind `{\"threadId\"`."),
        ("nothing", "", "The body is empty."),
        (
            "another spelling",
            r#"{"thread_id": "t"}"#,
            "The body has a member `thread_id`: did you mean `threadId`?",
        ),
        ("something else", r#"{"prompt": "Hi"}"#, "The body has the members `prompt`."),
        ("another type", r#"{"threadId": 7}"#, "It is 7."),
        ("no object", r#""Hi""#, "It is the string `Hi`."),
        (
            "in a message",
            r#"{"threadId": "t", "runId": "r", "messages": [{"id": "u", "role": "user", "contents": "Hi"}]}"#,
            "/messages/0 has a member `contents`: did you mean `content`?",
        ),
        (
            "another version",
            r#"{"threadId": "t", "runId": "r", "messages": [], "protocolVersion": "2.0"}"#,
            "It is the string `2.0`. Send \"1.0\", or leave it out.",
        ),
        (
            "a name that is taken",
            r#"{"threadId": "t", "runId": "r", "messages": [], "tools": [{"name": "find", "description": "", "parameters": {}}]}"#,
            "The front end's tool `find` has the name of a tool of this agent, or of another tool of the front end. \
             Rename it, or leave it out.",
        ),
    ] {
        assert_eq!(hint(builder(), with_body(body)).await, expected, "{why}");
    }
    let text = |request: &mut Request<Bytes>| {
        request.headers_mut().insert(CONTENT_TYPE, "text/plain".parse().unwrap());
    };
    assert_eq!(
        hint(builder(), text).await,
        "The content type is `text/plain`. Send the header content-type: application/json."
    );
}

#[tokio::test]
async fn capabilities_explain_hidden_tools() {
    let ask = |endpoint: EndpointBuilder<Caller>| async {
        let request = request(|request| {
            *request.method_mut() = http::Method::GET;
            *request.uri_mut() = "/capabilities".parse().unwrap();
        });
        answer(endpoint, request).await
    };
    assert!(ask(builder()).await["custom"].is_null(), "only a developer sees tools of others");

    let capabilities = ask(builder().developer_hints(hints())).await;
    let access = |name: &str, description: &str, needs_approval: bool, reason: Option<&str>| {
        let mut access = json!({
            "name": name, "description": description, "offered": reason.is_none(), "needs_approval": needs_approval,
        });
        if let Some(reason) = reason {
            access["reason"] = reason.into();
        }
        access
    };
    assert_eq!(
        capabilities["custom"]["ag_ui_lambda.tools"],
        json!([
            access("escalate", "Escalates.", false, Some("Only callers in the group support.")),
            access("find", "Finds.", false, None),
            access("hide", "Hides.", false, Some("A rule of the tool (`available_if`) refuses this caller.")),
            access(
                "pay",
                "Pays.",
                true,
                Some("Approvals are closed: neither AGUI_APPROVAL_KEY nor AGUI_APPROVAL_SECRET_ID is set.")
            ),
            access("refund", "Refunds.", false, Some("The caller lacks the permission refunds:write.")),
            access("shake", "Shakes.", false, Some("A rule of the tool panicked, which counts as a no.")),
        ])
    );
    assert_eq!(
        capabilities["tools"]["items"].as_array().unwrap().len(),
        1,
        "what is offered has not changed"
    );
}
