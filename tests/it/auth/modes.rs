//! Authentication modes: which requests are served, and as which caller.

use ag_ui_lambda::Endpoint;
use ag_ui_lambda::auth::{AuthMode, ClaimSource};
use ag_ui_lambda::endpoint::BuildEndpointError;
use ag_ui_lambda::lambda::claim_source::{COGNITO_AUTHORIZER, IAM, JWT_AUTHORIZER, LAMBDA_AUTHORIZER};
use ag_ui_lambda::model::{Script, Scripted};
use serde_json::json;

use crate::support::endpoint::{
    FORBIDDEN_SUBJECT, FixedTokens, TestRequest, endpoint, endpoint_of, run_request,
};
use crate::support::scenario::Caller;

const LISTED: &str = "arn:aws:sts::123456789012:assumed-role/web-server/session";
const UNLISTED: &str = "arn:aws:iam::123456789012:user/mallory";

/// Returns an endpoint with this authentication mode.
fn endpoint_with_mode(mode: AuthMode) -> Endpoint<Caller> {
    let principals = ["arn:aws:sts::123456789012:assumed-role/web-server/*".to_owned()];
    endpoint().require(mode).trusted_signers(principals).build().unwrap()
}

#[tokio::test]
async fn each_mode_accepts_its_own_credentials() {
    use ClaimSource::{None, Session, UserToken};
    let [token, authorizer, both] =
        [AuthMode::Token, AuthMode::Authorizer, AuthMode::Both].map(endpoint_with_mode);
    for (why, source, claims, is_proof) in [
        ("nothing at all", Option::None, json!({}), false),
        ("no source", Some(None), json!({"sub": "u"}), false),
        ("a user token is no authorizer", Some(UserToken), json!({"sub": "u"}), false),
        ("a session", Some(Session), json!({"sub": "u"}), true),
        ("a session of nobody", Some(Session), json!({"sub": "", "plan": "pro"}), false),
        ("JWT claims", Some(JWT_AUTHORIZER), json!({"sub": "u"}), true),
        ("JWT claims without a subject", Some(JWT_AUTHORIZER), json!({"client_id": "c"}), true),
        ("empty JWT claims", Some(JWT_AUTHORIZER), json!({}), false),
        ("Cognito's claims", Some(COGNITO_AUTHORIZER), json!({"sub": "u"}), true),
        ("empty Cognito claims", Some(COGNITO_AUTHORIZER), json!({}), false),
        ("a principalId", Some(LAMBDA_AUTHORIZER), json!({"principalId": "u"}), true),
        ("an empty principalId", Some(LAMBDA_AUTHORIZER), json!({"principalId": ""}), false),
        ("a principalId that is no text", Some(LAMBDA_AUTHORIZER), json!({"principalId": 7}), false),
        ("a context without principalId", Some(LAMBDA_AUTHORIZER), json!({"tier": "gold"}), false),
        ("an empty context", Some(LAMBDA_AUTHORIZER), json!({}), false),
        ("IAM, listed", Some(IAM), json!({"userArn": LISTED}), true),
        ("IAM, not listed", Some(IAM), json!({"userArn": UNLISTED}), false),
        ("IAM without an ARN", Some(IAM), json!({"accountId": "123456789012"}), false),
        ("IAM, listed, under another name", Some(IAM), json!({"callerId": LISTED}), false),
    ] {
        let right = match source {
            Some(source) => run_request().claims(source, claims),
            Option::None => run_request(),
        };
        let tokenless = right.clone().without_header("x-agui-token");
        let wrong = right.clone().header("x-agui-token", "guess");
        for (mode, endpoint, [with_right, with_none, with_wrong]) in [
            ("token", &token, [true, false, false]),
            ("authorizer", &authorizer, [is_proof; 3]),
            ("both", &both, [is_proof, false, false]),
        ] {
            for (shown, request, is_served) in [
                ("the token", &right, with_right),
                ("no token", &tokenless, with_none),
                ("a wrong token", &wrong, with_wrong),
            ] {
                let status = request.clone().send_to(endpoint).await.status;
                let expected = if is_served { 200 } else { 401 };
                assert_eq!(status, expected, "mode {mode}, {shown}, {why}");
            }
        }
    }
}

#[tokio::test]
async fn mode_none_serves_everyone_anonymously() {
    let endpoint = whoami_endpoint().without_auth().build().unwrap();
    for (why, request) in [
        ("no token", run_request().without_header("x-agui-token")),
        ("a wrong one", run_request().header("x-agui-token", "guess")),
        ("a user token that nobody verifies", run_request().header("x-agui-user-token", "good")),
    ] {
        assert_eq!(whoami_result(request, &endpoint).await, "null", "{why}");
    }
}

#[tokio::test]
async fn caller_is_named_by_the_strongest_claims() {
    let plain = whoami_endpoint().build().unwrap();
    let with_users = whoami_endpoint().user_tokens(FixedTokens).build().unwrap();
    let good = || run_request().header("x-agui-user-token", "good");
    for (why, endpoint, request, expected) in [
        ("the shared token alone", &plain, run_request(), "null"),
        ("an authorizer", &plain, run_request().claims(JWT_AUTHORIZER, json!({"sub": "u-2"})), "u-2"),
        ("a user token where none is asked for", &plain, good(), "null"),
        ("a user token", &with_users, good(), "u-1"),
        ("a user token behind IAM", &with_users, good().claims(IAM, json!({"userArn": LISTED})), "u-1"),
        (
            "both, of one caller",
            &with_users,
            good().claims(LAMBDA_AUTHORIZER, json!({"principalId": "u-1"})),
            "u-1",
        ),
    ] {
        assert_eq!(whoami_result(request, endpoint).await, expected, "{why}");
    }
}

#[tokio::test]
async fn refused_mapping_or_conflicting_claims_are_403() {
    let endpoint = endpoint().user_tokens(FixedTokens).build().unwrap();
    let good = || run_request().header("x-agui-user-token", "good");
    for (why, claims, status) in [
        ("one caller", json!({"sub": "u-1", "iss": "idp"}), 200),
        ("another subject", json!({"sub": "u-2", "iss": "idp"}), 403),
        ("another issuer", json!({"sub": "u-1", "iss": "other"}), 403),
        ("the mapping refuses", json!({"sub": FORBIDDEN_SUBJECT}), 403),
    ] {
        let request = good().claims(JWT_AUTHORIZER, claims);
        assert_eq!(request.clone().send_to(&endpoint).await.status, status, "{why}");
        let request = request.route("GET", "/capabilities").without_header("content-type");
        assert_eq!(request.send_to(&endpoint).await.status, status, "{why}, for the capabilities");
    }
}

#[tokio::test]
async fn authorizer_adds_nothing_to_the_users_token() {
    let caller_claims = ["scope", "permissions"].map(ToOwned::to_owned);
    let endpoint = whoami_endpoint().user_tokens(FixedTokens).caller_claims(caller_claims).build().unwrap();
    let good = || run_request().header("x-agui-user-token", "good");
    for (why, context, status) in [
        ("nothing about the caller", json!({"tier": "gold"}), 200),
        ("the same principal", json!({"principalId": "u-1", "tier": "gold"}), 200),
        ("another principal", json!({"principalId": "app-7"}), 403),
        ("an organisation", json!({"custom:org_id": "acme"}), 403),
        ("a scope", json!({"principalId": "u-1", "scope": "refunds:write"}), 403),
        ("a permission", json!({"permissions": ["refunds:write"]}), 403),
        ("an empty permission", json!({"permissions": "", "scope": null}), 200),
    ] {
        let request = good().claims(LAMBDA_AUTHORIZER, context);
        assert_eq!(request.clone().send_to(&endpoint).await.status, status, "{why}");
        if status == 200 {
            assert_eq!(whoami_result(request, &endpoint).await, "u-1", "{why}");
        }
    }
}

#[tokio::test]
async fn zero_or_two_user_tokens_are_401() {
    let endpoint = endpoint().user_tokens(FixedTokens).build().unwrap();
    let good = || run_request().header("x-agui-user-token", "good");
    for (why, request) in [
        ("none", run_request()),
        ("a forged one", run_request().header("x-agui-user-token", "forged")),
        ("two", good().append_header("x-agui-user-token", "good")),
        ("a good one beside a wrong shared token", good().header("x-agui-token", "guess")),
        ("in the bearer", run_request().header("authorization", "Bearer good")),
    ] {
        assert_eq!(request.send_to(&endpoint).await.status, 401, "{why}");
    }
}

#[test]
fn build_fails_without_the_required_token() {
    let bare = || {
        let agent = ag_ui_lambda::Agent::builder(ag_ui_lambda::demo(std::time::Duration::ZERO));
        Endpoint::builder(agent.build().unwrap(), |_| Ok(Caller::default()))
    };
    for (mode, is_built) in [(AuthMode::Token, false), (AuthMode::Both, false), (AuthMode::Authorizer, true)]
    {
        let built = bare().require(mode).build();
        assert_eq!(built.err(), (!is_built).then_some(BuildEndpointError::MissingToken), "{mode:?}");
    }
    assert_eq!(bare().build().err(), Some(BuildEndpointError::MissingToken), "nobody is let in by default");
}

/// Returns an endpoint whose model calls `whoami` first.
fn whoami_endpoint() -> ag_ui_lambda::endpoint::EndpointBuilder<Caller> {
    endpoint_of(Scripted::new(|request| match request.history.len() {
        1 => Script::new().call("c1", "whoami", &json!({})),
        _ => Script::new().text("Done"),
    }))
}

/// Sends a request and returns the result of `whoami`.
async fn whoami_result(request: TestRequest, endpoint: &Endpoint<Caller>) -> String {
    let answer = request.send_to(endpoint).await;
    let results = crate::support::sse::events(&answer.text);
    let mut results = results.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT");
    results.next().unwrap()["content"].as_str().unwrap().to_owned()
}
