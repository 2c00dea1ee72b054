//! Who is let in, and as whom.

use ag_ui_lambda::Endpoint;
use ag_ui_lambda::endpoint::{AuthMode, ClaimSource, EndpointError};
use ag_ui_lambda::model::{Script, Scripted};
use serde_json::json;

use crate::support::endpoint::{Asked, BANNED, ByText, endpoint, endpoint_of, post};
use crate::support::scenario::Caller;

const LISTED: &str = "arn:aws:sts::123456789012:assumed-role/web-server/session";
const UNLISTED: &str = "arn:aws:iam::123456789012:user/mallory";

fn requiring(mode: AuthMode) -> Endpoint<Caller> {
    let principals = ["arn:aws:sts::123456789012:assumed-role/web-server/*".to_owned()];
    endpoint().require(mode).iam_principals(principals).build().unwrap()
}

#[tokio::test]
async fn what_each_mode_takes_for_a_proof() {
    use ClaimSource::{CognitoAuthorizer, Iam, JwtAuthorizer, LambdaAuthorizer, None, UserToken};
    let [token, authorizer, both] = [AuthMode::Token, AuthMode::Authorizer, AuthMode::Both].map(requiring);
    for (why, source, claims, is_proof) in [
        ("nothing at all", Option::None, json!({}), false),
        ("no source", Some(None), json!({"sub": "u"}), false),
        ("a user token is no authorizer", Some(UserToken), json!({"sub": "u"}), false),
        ("JWT claims", Some(JwtAuthorizer), json!({"sub": "u"}), true),
        ("JWT claims without a subject", Some(JwtAuthorizer), json!({"client_id": "c"}), true),
        ("empty JWT claims", Some(JwtAuthorizer), json!({}), false),
        ("Cognito's claims", Some(CognitoAuthorizer), json!({"sub": "u"}), true),
        ("empty Cognito claims", Some(CognitoAuthorizer), json!({}), false),
        ("a principalId", Some(LambdaAuthorizer), json!({"principalId": "u"}), true),
        ("an empty principalId", Some(LambdaAuthorizer), json!({"principalId": ""}), false),
        ("a principalId that is no text", Some(LambdaAuthorizer), json!({"principalId": 7}), false),
        ("a context without principalId", Some(LambdaAuthorizer), json!({"tier": "gold"}), false),
        ("an empty context", Some(LambdaAuthorizer), json!({}), false),
        ("IAM, listed", Some(Iam), json!({"userArn": LISTED}), true),
        ("IAM, not listed", Some(Iam), json!({"userArn": UNLISTED}), false),
        ("IAM without an ARN", Some(Iam), json!({"accountId": "123456789012"}), false),
        ("IAM, listed, under another name", Some(Iam), json!({"callerId": LISTED}), false),
    ] {
        let right = match source {
            Some(source) => post().claims(source, claims),
            Option::None => post(),
        };
        let tokenless = right.clone().without("x-agui-token");
        let wrong = right.clone().header("x-agui-token", "guess");
        for (mode, endpoint, [with_right, with_none, with_wrong]) in [
            ("token", &token, [true, false, false]),
            ("authorizer", &authorizer, [is_proof; 3]),
            ("both", &both, [is_proof, false, false]),
        ] {
            for (shown, asked, is_served) in [
                ("the token", &right, with_right),
                ("no token", &tokenless, with_none),
                ("a wrong token", &wrong, with_wrong),
            ] {
                let status = asked.clone().to(endpoint).await.status;
                let expected = if is_served { 200 } else { 401 };
                assert_eq!(status, expected, "mode {mode}, {shown}, {why}");
            }
        }
    }
}

#[tokio::test]
async fn without_auth_everyone_is_served_and_nobody_has_a_name() {
    let endpoint = whoami().without_auth().build().unwrap();
    for (why, asked) in [
        ("no token", post().without("x-agui-token")),
        ("a wrong one", post().header("x-agui-token", "guess")),
        ("a user token that nobody verifies", post().header("x-agui-user-token", "good")),
    ] {
        assert_eq!(user(asked, &endpoint).await, "null", "{why}");
    }
}

#[tokio::test]
async fn the_callers_name_is_what_was_proven_last_and_best() {
    use ClaimSource::{Iam, JwtAuthorizer, LambdaAuthorizer};
    let plain = whoami().build().unwrap();
    let with_users = whoami().user_tokens(ByText).build().unwrap();
    let good = || post().header("x-agui-user-token", "good");
    for (why, endpoint, asked, expected) in [
        ("the shared token alone", &plain, post(), "null"),
        ("an authorizer", &plain, post().claims(JwtAuthorizer, json!({"sub": "u-2"})), "u-2"),
        ("a user token where none is asked for", &plain, good(), "null"),
        ("a user token", &with_users, good(), "u-1"),
        ("a user token behind IAM", &with_users, good().claims(Iam, json!({"userArn": LISTED})), "u-1"),
        (
            "both, of one caller",
            &with_users,
            good().claims(LambdaAuthorizer, json!({"principalId": "u-1"})),
            "u-1",
        ),
    ] {
        assert_eq!(user(asked, endpoint).await, expected, "{why}");
    }
}

#[tokio::test]
async fn given_a_mapping_that_refuses_or_two_proofs_that_disagree_then_it_is_403() {
    use ClaimSource::JwtAuthorizer;
    let endpoint = endpoint().user_tokens(ByText).build().unwrap();
    let good = || post().header("x-agui-user-token", "good");
    for (why, claims, status) in [
        ("one caller", json!({"sub": "u-1", "iss": "idp"}), 200),
        ("another subject", json!({"sub": "u-2", "iss": "idp"}), 403),
        ("another issuer", json!({"sub": "u-1", "iss": "other"}), 403),
        ("the mapping refuses", json!({"sub": BANNED}), 403),
    ] {
        let asked = good().claims(JwtAuthorizer, claims);
        assert_eq!(asked.clone().to(&endpoint).await.status, status, "{why}");
        let asked = asked.at("GET", "/capabilities").without("content-type");
        assert_eq!(asked.to(&endpoint).await.status, status, "{why}, for the capabilities");
    }
}

#[tokio::test]
async fn given_user_tokens_are_asked_for_when_there_is_none_or_two_then_it_is_401() {
    let endpoint = endpoint().user_tokens(ByText).build().unwrap();
    let good = || post().header("x-agui-user-token", "good");
    for (why, asked) in [
        ("none", post()),
        ("a forged one", post().header("x-agui-user-token", "forged")),
        ("two", good().and_header("x-agui-user-token", "good")),
        ("a good one beside a wrong shared token", good().header("x-agui-token", "guess")),
        ("in the bearer", post().header("authorization", "Bearer good")),
    ] {
        assert_eq!(asked.to(&endpoint).await.status, 401, "{why}");
    }
}

#[test]
fn given_no_token_when_it_must_be_checked_then_the_endpoint_is_not_built() {
    let bare = || {
        let agent = ag_ui_lambda::Agent::builder(ag_ui_lambda::demo(std::time::Duration::ZERO));
        Endpoint::builder(agent.build().unwrap(), |_| Ok(Caller::default()))
    };
    for (mode, is_built) in [(AuthMode::Token, false), (AuthMode::Both, false), (AuthMode::Authorizer, true)]
    {
        let built = bare().require(mode).build();
        assert_eq!(built.err(), (!is_built).then_some(EndpointError::NoToken), "{mode:?}");
    }
    assert_eq!(bare().build().err(), Some(EndpointError::NoToken), "nobody is let in by default");
}

/// An endpoint whose model asks `whoami` first.
fn whoami() -> ag_ui_lambda::endpoint::EndpointBuilder<Caller> {
    endpoint_of(Scripted::new(|request| match request.history.len() {
        1 => Script::new().call("c1", "whoami", &json!({})),
        _ => Script::new().text("Done"),
    }))
}

/// What `whoami` answered.
async fn user(asked: Asked, endpoint: &Endpoint<Caller>) -> String {
    let answer = asked.to(endpoint).await;
    let results = crate::support::sse::events(&answer.text);
    let mut results = results.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT");
    results.next().unwrap()["content"].as_str().unwrap().to_owned()
}
