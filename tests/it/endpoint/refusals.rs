//! Refusals: their status and code, their order, and that they repeat nothing of the request.

use std::time::Duration;

use ag_ui_dev::EntryPoint;
use ag_ui_lambda::auth::{AuthMode, SharedToken};
use ag_ui_lambda::endpoint::Endpoint;
use ag_ui_lambda::lambda::claim_source::IAM;
use ag_ui_lambda::secrets::{SecretError, SecretSource, SecretVersion, Stage};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::faults::{FAULTS, LIMIT};
use crate::support::endpoint::{FixedTokens, TestRequest, endpoint, run_request};
use crate::support::function::{self, Reply, local_function, url_event, user_input};
use crate::support::scenario::Caller;

/// A source of secrets that always fails.
struct FailingSecrets;

impl SecretSource for FailingSecrets {
    fn fetch(&self, _: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>> {
        async { Err(SecretError::Absent) }.boxed()
    }
}

/// Returns two endpoints: one that requires a user token, and one that takes the identity from the entry point.
fn endpoints() -> [Endpoint<Caller>; 2] {
    let with_users = endpoint().max_body_bytes(LIMIT).user_tokens(FixedTokens);
    let without = endpoint().max_body_bytes(LIMIT);
    [with_users.build().unwrap(), without.build().unwrap()]
}

/// Returns a request that both endpoints serve.
fn valid_request() -> TestRequest {
    run_request().header("x-agui-user-token", "good")
}

#[tokio::test]
async fn first_fault_in_the_table_decides() {
    let [endpoint, without_users] = endpoints();
    assert_eq!(valid_request().send_to(&endpoint).await.status, 200, "it has no fault to begin with");
    for (at, first) in FAULTS.iter().enumerate() {
        for second in &FAULTS[at..] {
            let request = (first.apply)((second.apply)(valid_request()));
            let answer = request.clone().send_to(&endpoint).await;

            let case = format!("{}, {}", first.why, second.why);
            assert_eq!((answer.status, answer.code().as_str()), (first.status, first.code), "{case}");
            if first.why != "a wrong user token" {
                let answer = request.send_to(&without_users).await;
                assert_eq!(answer.code(), first.code, "{case}, where no user token is asked for");
            }
        }
    }
}

#[tokio::test]
async fn returns_401_before_503_before_body_faults() {
    let store_is_away = || endpoint().token(SharedToken::from_source(FailingSecrets, Duration::ZERO));
    let iam = json!({ "userArn": "arn:aws:iam::123456789012:user/unlisted" });
    let [no_secret, no_authorizer, both] = [
        store_is_away().build().unwrap(),
        store_is_away().require(AuthMode::Both).build().unwrap(),
        store_is_away().user_tokens(FixedTokens).build().unwrap(),
    ];
    let keys = endpoint().user_tokens(FixedTokens).build().unwrap();
    let bad_body = |request: TestRequest| request.header("content-type", "text/plain");
    for (why, endpoint, request, code) in [
        (
            "no token: nothing to check",
            &no_secret,
            run_request().without_header("x-agui-token"),
            "UNAUTHENTICATED",
        ),
        ("a token nobody can check", &no_secret, run_request(), "SECRET_UNAVAILABLE"),
        ("the body waits", &no_secret, bad_body(run_request()), "SECRET_UNAVAILABLE"),
        ("no authorizer", &no_authorizer, run_request(), "UNAUTHENTICATED"),
        ("IAM, not listed", &no_authorizer, run_request().claims(IAM, iam), "UNAUTHENTICATED"),
        ("no user token", &both, run_request(), "UNAUTHENTICATED"),
        ("a forged user token", &both, run_request().header("x-agui-user-token", "x"), "UNAUTHENTICATED"),
        ("a good user token", &both, valid_request(), "SECRET_UNAVAILABLE"),
        ("both away", &both, run_request().header("x-agui-user-token", "no-keys"), "SECRET_UNAVAILABLE"),
        ("the keys away", &keys, run_request().header("x-agui-user-token", "no-keys"), "KEYS_UNAVAILABLE"),
        (
            "the keys away, the body bad",
            &keys,
            bad_body(run_request().header("x-agui-user-token", "no-keys")),
            "KEYS_UNAVAILABLE",
        ),
    ] {
        let answer = request.send_to(endpoint).await;
        let status = if code == "UNAUTHENTICATED" { 401 } else { 503 };

        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{why}");
        assert_eq!(answer.header("retry-after").is_some(), status == 503, "{why}");
    }
}

#[tokio::test]
async fn refusal_is_uncached_json_with_code_message_path() {
    let [endpoint, _] = endpoints();
    for fault in FAULTS {
        let answer = (fault.apply)(valid_request()).send_to(&endpoint).await;
        let body: Value = serde_json::from_str(&answer.text).unwrap();

        let path = match fault.code {
            "BAD_INPUT" => json!("/messages"),
            "UNSUPPORTED_PROTOCOL_VERSION" => json!("/protocolVersion"),
            "TOOL_NAME_TAKEN" => json!("/tools/0/name"),
            _ => Value::Null,
        };
        assert_eq!(body["error"]["path"], path, "{}", fault.why);
        let reason = if fault.why == "a wrong user token" { json!("token_invalid") } else { Value::Null };
        assert_eq!(body["error"]["reason"], reason, "{}", fault.why);
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(char::is_uppercase) && message.ends_with('.'), "{message}");
        assert!(!message.contains('\n'), "{message}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let allow = (fault.status == 405).then_some("POST");
        assert_eq!(answer.header("allow"), allow, "{}", fault.why);
        let challenge = match fault.why {
            "a wrong user token" => Some(r#"Bearer error="invalid_token""#),
            _ => (fault.status == 401).then_some("Bearer"),
        };
        assert_eq!(answer.header("www-authenticate"), challenge, "{}", fault.why);
        if fault.status == 413 {
            assert!(message.contains(&format!("at most {LIMIT} are accepted")), "{message}");
        }
    }
}

#[tokio::test]
async fn refusals_never_repeat_the_request() {
    const MARKER: &str = "m4rk3r";
    let [endpoint, _] = endpoints();
    let marked = |request: TestRequest| {
        let path = format!("{}?q={MARKER}", request.path.replace("nowhere", MARKER));
        let method = request.method;
        request
            .route(method, &path)
            .header("x-marker", MARKER)
            .header("user-agent", MARKER)
            .header("accept", MARKER)
            .header("origin", MARKER)
            .input("threadId", json!(MARKER))
            .input(MARKER, json!({ MARKER: MARKER }))
            .input("forwardedProps", json!({ MARKER: MARKER }))
            .input("context", json!([{"description": MARKER, "value": MARKER, MARKER: MARKER}]))
    };
    let faults = FAULTS.iter().map(|fault| (fault.why, (fault.apply)(marked(valid_request()))));
    let with_value = [
        ("a marked token", valid_request().header("x-agui-token", MARKER)),
        ("a marked user token", valid_request().header("x-agui-user-token", MARKER)),
        (
            "a marked bearer",
            valid_request().without_header("x-agui-token").header("authorization", "Bearer m4rk3r"),
        ),
        ("a marked type", valid_request().header("content-type", MARKER)),
        ("a marked shape", valid_request().input("messages", json!([{ MARKER: MARKER, "role": 7 }]))),
        (
            "a marked role",
            valid_request()
                .input("messages", json!([{"id": MARKER, "role": "user", "content": {MARKER: MARKER}}])),
        ),
        ("a marked tail", TestRequest { tail: MARKER.into(), ..valid_request() }),
        (
            "marked tools",
            valid_request().input(
                "tools",
                json!([{"name": MARKER, "description": "a"}, {"name": MARKER, "description": "b"}]),
            ),
        ),
        ("a marked method", valid_request().route("M4RK3R", "/")),
    ];
    for (why, request) in faults.chain(with_value) {
        let answer = request.send_to(&endpoint).await;

        assert!(answer.status >= 400, "{why}");
        let head = format!("{:?}", answer.headers);
        assert!(!format!("{head}{}", answer.text).to_lowercase().contains(MARKER), "{why}: {}", answer.text);
    }
}

#[tokio::test]
async fn duplicate_members_are_refused_anywhere() {
    let [endpoint, _] = endpoints();
    for text in [
        r#"{"threadId":"t","threadId":"u","runId":"r","messages":[]}"#,
        r#"{"threadId":"t","runId":"r","messages":[],"resume":[{"interruptId":"i","status":"resolved","payload":{"approved":false,"approved":true}}]}"#,
    ] {
        let answer = valid_request().send_body_to(&endpoint, text).await;

        assert_eq!((answer.status, answer.code().as_str()), (400, "BAD_JSON"), "{text}");
        assert!(answer.text.contains("names a member twice"), "{}", answer.text);
    }
}

#[tokio::test]
async fn accepts_lone_surrogates_and_byte_order_marks() {
    let [endpoint, _] = endpoints();
    for text in [
        r#"{"threadId":"t","runId":"r","messages":[{"id":"u","role":"user","content":"cut \ud83d"}]}"#,
        r#"{"threadId":"t","runId":"r","messages":[],"state":{"\ude00":"\ud83d\ud83d"}}"#,
        "\u{feff}{\"threadId\":\"t\",\"runId\":\"r\",\"messages\":[]}",
    ] {
        let answer = valid_request().send_body_to(&endpoint, text).await;

        assert_eq!(answer.status, 200, "{text}: {}", answer.text);
    }
}

#[tokio::test]
async fn local_mode_adds_hints_without_logging_secrets() {
    let function =
        local_function(&[("AGUI_JWT_ISSUER", "https://issuer.example"), ("AGUI_JWT_AUDIENCE", "app")]).await;
    let hint = async |headers: &[(&str, &str)], body: &Value| {
        let reply = Reply::send(&function, &url_event(headers, body)).await;
        reply.json()["error"]["hint"].as_str().unwrap_or_else(|| panic!("no hint: {}", reply.text)).to_owned()
    };
    assert_eq!(
        hint(&[], &user_input("Hello")).await,
        "The header x-agui-token is missing. Send the header x-agui-token with the token that the terminal has printed, or \
         that AGUI_TOKEN holds. `Authorization: Bearer` works, too."
    );
    assert_eq!(
        hint(&[("x-agui-token", function::TOKEN)], &user_input("Hello")).await,
        "Send the user's JWT in the header x-agui-user-token. Expected are the issuer https://issuer.example and the \
         audience app."
    );
}

#[tokio::test]
async fn local_mode_suggests_names_and_explains_hidden_tools() {
    let function = local_function(&[]).await;
    let token = [("x-agui-token", function::TOKEN)];
    let mut input = user_input("Hello");
    input["thread_id"] = input["threadId"].take();
    let reply = Reply::send(&function, &url_event(&token, &input)).await;
    assert_eq!((reply.status, &reply.json()["error"]["path"]), (400, &json!("/threadId")));
    assert_eq!(reply.json()["error"]["hint"], "The body has a member `thread_id`: did you mean `threadId`?");

    let request = http::Request::get("/capabilities").header("x-agui-token", function::TOKEN);
    let capabilities =
        Reply::send(&function, &EntryPoint::FunctionUrl.event(&request.body("".into()).unwrap(), None))
            .await
            .json();
    let tools = capabilities["custom"]["ag_ui_lambda.tools"].as_array().unwrap();
    let refund = tools.iter().find(|tool| tool["name"] == "refund_order").unwrap();
    assert_eq!(
        (&refund["offered"], &refund["needs_approval"], &refund["reason"]),
        (&json!(false), &json!(true), &json!("The caller lacks the permission refunds:write."))
    );
}
