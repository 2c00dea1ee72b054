//! What is refused: with which status and code, in which order, and with nothing of the request in the answer.

use std::time::Duration;

use ag_ui_dev::EntryPoint;
use ag_ui_lambda::endpoint::{AuthMode, ClaimSource, Endpoint, SharedToken};
use ag_ui_lambda::secret::{SecretError, SecretSource, SecretVersion, Stage};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::faults::{FAULTS, LIMIT};
use crate::support::endpoint::{Asked, ByText, endpoint, post};
use crate::support::function::{self, Reply, local_function, says, url_event};
use crate::support::scenario::Caller;

/// A store that is away.
struct Away;

impl SecretSource for Away {
    fn fetch(&self, _: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>> {
        async { Err(SecretError::Absent) }.boxed()
    }
}

/// One that asks for the user's token, or one that leaves identity to the edge.
fn endpoints() -> [Endpoint<Caller>; 2] {
    let with_users = endpoint().max_body_bytes(LIMIT).user_tokens(ByText);
    let without = endpoint().max_body_bytes(LIMIT);
    [with_users.build().unwrap(), without.build().unwrap()]
}

fn good() -> Asked {
    post().header("x-agui-user-token", "good")
}

#[tokio::test]
async fn given_several_faults_when_a_request_is_refused_then_the_first_of_the_table_decides() {
    let [endpoint, without_users] = endpoints();
    assert_eq!(good().to(&endpoint).await.status, 200, "it has no fault to begin with");
    for (at, first) in FAULTS.iter().enumerate() {
        for second in &FAULTS[at..] {
            let asked = (first.put)((second.put)(good()));
            let answer = asked.clone().to(&endpoint).await;

            let case = format!("{}, {}", first.why, second.why);
            assert_eq!((answer.status, answer.code().as_str()), (first.status, first.code), "{case}");
            if first.why != "a wrong user token" {
                let answer = asked.to(&without_users).await;
                assert_eq!(answer.code(), first.code, "{case}, where no user token is asked for");
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_checked_is_told_behind_what_is_surely_wrong_and_before_the_body() {
    let store_is_away = || endpoint().token(SharedToken::from_source(Away, Duration::ZERO));
    let iam = json!({ "userArn": "arn:aws:iam::123456789012:user/unlisted" });
    let [no_secret, no_authorizer, both] = [
        store_is_away().build().unwrap(),
        store_is_away().require(AuthMode::Both).build().unwrap(),
        store_is_away().user_tokens(ByText).build().unwrap(),
    ];
    let keys = endpoint().user_tokens(ByText).build().unwrap();
    let bad_body = |asked: Asked| asked.header("content-type", "text/plain");
    for (why, endpoint, asked, code) in [
        ("no token: nothing to check", &no_secret, post().without("x-agui-token"), "UNAUTHENTICATED"),
        ("a token nobody can check", &no_secret, post(), "SECRET_UNAVAILABLE"),
        ("the body waits", &no_secret, bad_body(post()), "SECRET_UNAVAILABLE"),
        ("no authorizer", &no_authorizer, post(), "UNAUTHENTICATED"),
        ("IAM, not listed", &no_authorizer, post().claims(ClaimSource::Iam, iam), "UNAUTHENTICATED"),
        ("no user token", &both, post(), "UNAUTHENTICATED"),
        ("a forged user token", &both, post().header("x-agui-user-token", "x"), "UNAUTHENTICATED"),
        ("a good user token", &both, good(), "SECRET_UNAVAILABLE"),
        ("both away", &both, post().header("x-agui-user-token", "no-keys"), "SECRET_UNAVAILABLE"),
        ("the keys away", &keys, post().header("x-agui-user-token", "no-keys"), "KEYS_UNAVAILABLE"),
        (
            "the keys away, the body bad",
            &keys,
            bad_body(post().header("x-agui-user-token", "no-keys")),
            "KEYS_UNAVAILABLE",
        ),
    ] {
        let answer = asked.to(endpoint).await;
        let status = if code == "UNAUTHENTICATED" { 401 } else { 503 };

        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{why}");
        assert_eq!(answer.header("retry-after").is_some(), status == 503, "{why}");
    }
}

#[tokio::test]
async fn a_refusal_is_json_that_tells_a_code_a_sentence_and_a_place_and_is_never_cached() {
    let [endpoint, _] = endpoints();
    for fault in FAULTS {
        let answer = (fault.put)(good()).to(&endpoint).await;
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
async fn no_refusal_repeats_what_was_sent() {
    const MARKER: &str = "m4rk3r";
    let [endpoint, _] = endpoints();
    let marked = |asked: Asked| {
        let path = format!("{}?q={MARKER}", asked.path.replace("nowhere", MARKER));
        let method = asked.method;
        asked
            .at(method, &path)
            .header("x-marker", MARKER)
            .header("user-agent", MARKER)
            .header("accept", MARKER)
            .header("origin", MARKER)
            .input("threadId", json!(MARKER))
            .input(MARKER, json!({ MARKER: MARKER }))
            .input("forwardedProps", json!({ MARKER: MARKER }))
            .input("context", json!([{"description": MARKER, "value": MARKER, MARKER: MARKER}]))
    };
    let faults = FAULTS.iter().map(|fault| (fault.why, (fault.put)(marked(good()))));
    let with_value = [
        ("a marked token", good().header("x-agui-token", MARKER)),
        ("a marked user token", good().header("x-agui-user-token", MARKER)),
        ("a marked bearer", good().without("x-agui-token").header("authorization", "Bearer m4rk3r")),
        ("a marked type", good().header("content-type", MARKER)),
        ("a marked shape", good().input("messages", json!([{ MARKER: MARKER, "role": 7 }]))),
        (
            "a marked role",
            good().input("messages", json!([{"id": MARKER, "role": "user", "content": {MARKER: MARKER}}])),
        ),
        ("a marked tail", Asked { tail: MARKER.into(), ..good() }),
        (
            "marked tools",
            good().input(
                "tools",
                json!([{"name": MARKER, "description": "a"}, {"name": MARKER, "description": "b"}]),
            ),
        ),
        ("a marked method", good().at("M4RK3R", "/")),
    ];
    for (why, asked) in faults.chain(with_value) {
        let answer = asked.to(&endpoint).await;

        assert!(answer.status >= 400, "{why}");
        let head = format!("{:?}", answer.headers);
        assert!(!format!("{head}{}", answer.text).to_lowercase().contains(MARKER), "{why}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_body_that_names_a_member_twice_is_refused_wherever_it_does() {
    let [endpoint, _] = endpoints();
    for text in [
        r#"{"threadId":"t","threadId":"u","runId":"r","messages":[]}"#,
        r#"{"threadId":"t","runId":"r","messages":[],"resume":[{"interruptId":"i","status":"resolved","payload":{"approved":false,"approved":true}}]}"#,
    ] {
        let answer = good().sent_as(&endpoint, text).await;

        assert_eq!((answer.status, answer.code().as_str()), (400, "BAD_JSON"), "{text}");
        assert!(answer.text.contains("names a member twice"), "{}", answer.text);
    }
}

#[tokio::test]
async fn half_a_surrogate_pair_or_a_byte_order_mark_refuses_no_body() {
    let [endpoint, _] = endpoints();
    for text in [
        r#"{"threadId":"t","runId":"r","messages":[{"id":"u","role":"user","content":"cut \ud83d"}]}"#,
        r#"{"threadId":"t","runId":"r","messages":[],"state":{"\ude00":"\ud83d\ud83d"}}"#,
        "\u{feff}{\"threadId\":\"t\",\"runId\":\"r\",\"messages\":[]}",
    ] {
        let answer = good().sent_as(&endpoint, text).await;

        assert_eq!(answer.status, 200, "{text}: {}", answer.text);
    }
}

#[tokio::test]
async fn local_mode_tells_the_developer_more_and_the_log_no_secret() {
    let function =
        local_function(&[("AGUI_JWT_ISSUER", "https://issuer.example"), ("AGUI_JWT_AUDIENCE", "app")]).await;
    let hint = async |headers: &[(&str, &str)], body: &Value| {
        let reply = Reply::to(&function, &url_event(headers, body)).await;
        reply.json()["error"]["hint"].as_str().unwrap_or_else(|| panic!("no hint: {}", reply.text)).to_owned()
    };
    assert_eq!(
        hint(&[], &says("Hello")).await,
        "The header x-agui-token is missing. Send the header x-agui-token with the token that the terminal has printed, or \
         that AGUI_TOKEN holds. `Authorization: Bearer` works, too."
    );
    assert_eq!(
        hint(&[("x-agui-token", function::TOKEN)], &says("Hello")).await,
        "Send the user's JWT in the header x-agui-user-token. Expected are the issuer https://issuer.example and the \
         audience app."
    );
}

#[tokio::test]
async fn local_mode_says_what_was_meant_and_why_a_tool_is_not_offered() {
    let function = local_function(&[]).await;
    let token = [("x-agui-token", function::TOKEN)];
    let mut input = says("Hello");
    input["thread_id"] = input["threadId"].take();
    let reply = Reply::to(&function, &url_event(&token, &input)).await;
    assert_eq!((reply.status, &reply.json()["error"]["path"]), (400, &json!("/threadId")));
    assert_eq!(reply.json()["error"]["hint"], "The body has a member `thread_id`: did you mean `threadId`?");

    let request = http::Request::get("/capabilities").header("x-agui-token", function::TOKEN);
    let capabilities =
        Reply::to(&function, &EntryPoint::FunctionUrl.event(&request.body("".into()).unwrap(), None))
            .await
            .json();
    let tools = capabilities["custom"]["ag_ui_lambda.tools"].as_array().unwrap();
    let refund = tools.iter().find(|tool| tool["name"] == "refund_order").unwrap();
    assert_eq!(
        (&refund["offered"], &refund["needs_approval"], &refund["reason"]),
        (&json!(false), &json!(true), &json!("The caller lacks the permission refunds:write."))
    );
}
