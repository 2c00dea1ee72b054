//! Authentication modes: which requests are served, and as which caller.

use ag_ui_lambda::Endpoint;
use ag_ui_lambda::auth::{AuthMode, ClaimSource};
use ag_ui_lambda::endpoint::BuildEndpointError;
use ag_ui_lambda::lambda::claim_source::{COGNITO_AUTHORIZER, IAM, JWT_AUTHORIZER, LAMBDA_AUTHORIZER};
use ag_ui_lambda::model::{Script, Scripted};
use serde_json::json;

use crate::support::endpoint::{
    FORBIDDEN_SUBJECT, FixedTokens, TOKEN, TestRequest, endpoint, endpoint_of, run_request,
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
        ("a blank session", Some(Session), json!({"sub": " \t", "plan": "pro"}), false),
        ("a session with a control character", Some(Session), json!({"sub": "u\n"}), false),
        ("JWT claims", Some(JWT_AUTHORIZER), json!({"sub": "u"}), true),
        ("JWT claims without a subject", Some(JWT_AUTHORIZER), json!({"client_id": "c"}), true),
        ("empty JWT claims", Some(JWT_AUTHORIZER), json!({}), false),
        ("Cognito's claims", Some(COGNITO_AUTHORIZER), json!({"sub": "u"}), true),
        ("empty Cognito claims", Some(COGNITO_AUTHORIZER), json!({}), false),
        ("a principalId", Some(LAMBDA_AUTHORIZER), json!({"principalId": "u"}), true),
        ("an empty principalId", Some(LAMBDA_AUTHORIZER), json!({"principalId": ""}), false),
        ("a blank principalId", Some(LAMBDA_AUTHORIZER), json!({"principalId": "\u{200b} "}), false),
        (
            "a principalId that is too long",
            Some(LAMBDA_AUTHORIZER),
            json!({"principalId": "u".repeat(1025)}),
            false,
        ),
        ("a principalId that is no text", Some(LAMBDA_AUTHORIZER), json!({"principalId": 7}), false),
        ("a context without principalId", Some(LAMBDA_AUTHORIZER), json!({"tier": "gold"}), false),
        ("an empty context", Some(LAMBDA_AUTHORIZER), json!({}), false),
        ("IAM, listed", Some(IAM), json!({"userArn": LISTED}), true),
        ("IAM, not listed", Some(IAM), json!({"userArn": UNLISTED}), false),
        ("IAM, listed, with a line break", Some(IAM), json!({"userArn": format!("{LISTED}\n")}), false),
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

/// The outcomes are those of `jwt` and of `token_or_jwt`.
#[tokio::test]
async fn users_token_admits_by_itself() {
    const FORM: &str = "good.in.form";
    let [jwt, either] = [AuthMode::Jwt, AuthMode::TokenOrJwt]
        .map(|mode| whoami_endpoint().require(mode).user_tokens(FixedTokens).build().unwrap());
    let bare = || run_request().without_header("x-agui-token");
    let bearer = |value: &str| bare().header("authorization", &format!("Bearer {value}"));
    let own = |value: &str| bare().header("x-agui-user-token", value);
    let user = || Ok("u-1");
    let nobody = || Ok("null");
    let authorizer = |request: TestRequest, sub: &str| request.claims(JWT_AUTHORIZER, json!({ "sub": sub }));
    for (why, request, in_jwt, in_either) in [
        ("nothing", bare(), Err(401), Err(401)),
        ("as the bearer", bearer(FORM), user(), user()),
        (
            "the scheme in small letters",
            bare().header("authorization", "bearer good.in.form"),
            user(),
            user(),
        ),
        ("the scheme in capitals", bare().header("authorization", "BEARER  good.in.form "), user(), user()),
        (
            "a tab behind the scheme",
            bare().header("authorization", "Bearer\tgood.in.form"),
            Err(401),
            Err(401),
        ),
        ("two schemes", bearer("Bearer good.in.form"), Err(401), Err(401)),
        ("in quotes", bearer("\"good.in.form\""), Err(401), Err(401)),
        ("beside a parameter", bearer("good.in.form, realm=\"x\""), Err(401), Err(401)),
        ("in its own header", own(FORM), user(), user()),
        ("in its own header, of any form", own("good"), user(), user()),
        ("in both", bearer(FORM).header("x-agui-user-token", FORM), user(), user()),
        ("two different ones", bearer(FORM).header("x-agui-user-token", "good"), Err(401), Err(401)),
        ("a good one and a bad one", bearer(FORM).header("x-agui-user-token", "x.y.z"), Err(401), Err(401)),
        ("a bad one and a good one", bearer("x.y.z").header("x-agui-user-token", FORM), Err(401), Err(401)),
        ("a bad bearer", bearer("x.y.z"), Err(401), Err(401)),
        ("a bad one in its own header", own("x.y.z"), Err(401), Err(401)),
        ("a bearer that has not the form", bearer("good"), Err(401), Err(401)),
        ("without a subject", bearer("without.a.subject"), Err(401), Err(401)),
        ("without a subject, in its own header", own("without.a.subject"), Err(401), Err(401)),
        ("the keys are away", bearer("no.keys.today"), Err(503), Err(503)),
        ("the token", run_request(), Err(401), nobody()),
        ("the token as the bearer", bearer(TOKEN), Err(401), nobody()),
        ("a wrong token", bare().header("x-agui-token", "guess"), Err(401), Err(401)),
        ("an empty token", bare().header("x-agui-token", ""), Err(401), Err(401)),
        ("a wrong token as the bearer", bearer("guess"), Err(401), Err(401)),
        ("a wrong token and a good bearer", bearer(FORM).header("x-agui-token", "guess"), Err(401), Err(401)),
        ("a wrong token and a good one", own(FORM).header("x-agui-token", "guess"), Err(401), Err(401)),
        ("an empty token and a good bearer", bearer(FORM).header("x-agui-token", ""), Err(401), Err(401)),
        ("the token and a good bearer, which is not read", with_token(bearer(FORM)), Err(401), nobody()),
        ("the token and a bad bearer, which is not read", with_token(bearer("x.y.z")), Err(401), nobody()),
        ("the token and a good one", with_token(own(FORM)), Err(401), user()),
        ("the token and a bad one", with_token(own("x.y.z")), Err(401), Err(401)),
        ("the token and one without a subject", with_token(own("without.a.subject")), Err(401), Err(401)),
        (
            "the token as the bearer and a good one",
            bearer(TOKEN).header("x-agui-user-token", FORM),
            Err(401),
            user(),
        ),
        (
            "a wrong bearer and a good one",
            bearer("guess").header("x-agui-user-token", FORM),
            Err(401),
            Err(401),
        ),
        ("the token in the header of the user's token", own(TOKEN), Err(401), Err(401)),
        (
            "a token of that form, which is the user's",
            run_request().header("x-agui-token", FORM),
            Err(401),
            Err(401),
        ),
        (
            "twice as the bearer",
            bearer(FORM).append_header("authorization", "Bearer good.in.form"),
            Err(401),
            Err(401),
        ),
        ("twice in its own header", own(FORM).append_header("x-agui-user-token", FORM), Err(401), Err(401)),
        ("twice, as AWS joins it", bearer("good.in.form,Bearer good.in.form"), Err(401), Err(401)),
        ("the token twice", run_request().append_header("x-agui-token", TOKEN), Err(401), Err(401)),
        ("another scheme", bare().header("authorization", "Basic good.in.form"), Err(401), Err(401)),
        ("no scheme", bare().header("authorization", FORM), Err(401), Err(401)),
        (
            "beside a signature",
            own(FORM).header("authorization", "AWS4-HMAC-SHA256 Credential=a.b.c"),
            user(),
            user(),
        ),
        ("not ASCII", bare().header("authorization", "Bearer gööd.in.form"), Err(401), Err(401)),
        ("in the query", bare().route("POST", "/?access_token=good.in.form"), Err(401), Err(401)),
        ("in a cookie", bare().header("cookie", "x-agui-user-token=good.in.form"), Err(401), Err(401)),
        ("an authorizer alone", authorizer(bare(), "u-1"), Err(401), Err(401)),
        ("an authorizer of the same user", authorizer(bearer(FORM), "u-1"), user(), user()),
        ("an authorizer of another user", authorizer(bearer(FORM), "u-2"), Err(403), Err(403)),
        ("the token and an authorizer", authorizer(run_request(), "u-2"), Err(401), Ok("u-2")),
    ] {
        for (mode, endpoint, expected) in [("jwt", &jwt, in_jwt), ("token_or_jwt", &either, in_either)] {
            let answer = request.clone().send_to(endpoint).await;
            match expected {
                Ok(user) => {
                    assert_eq!(answer.status, 200, "{mode}, {why}: {}", answer.text);
                    assert_eq!(whoami_result(request.clone(), endpoint).await, user, "{mode}, {why}");
                }
                Err(status) => assert_eq!(answer.status, status, "{mode}, {why}"),
            }
            let challenge = answer.header("www-authenticate");
            assert_eq!(challenge.is_some(), answer.status == 401, "{mode}, {why}");
            let request = request.clone().route("GET", "/capabilities").without_header("content-type");
            assert_eq!(request.send_to(endpoint).await.status, answer.status, "{mode}, {why}, capabilities");
        }
    }
}

#[tokio::test]
async fn bad_proof_is_401_while_the_other_cannot_be_checked() {
    let endpoint = endpoint().require(AuthMode::TokenOrJwt).user_tokens(FixedTokens).build().unwrap();
    let no_keys = || run_request().header("x-agui-user-token", "no.keys.today");
    for (why, request, status, code) in [
        ("the right token", no_keys(), 503, "KEYS_UNAVAILABLE"),
        ("a wrong token", no_keys().header("x-agui-token", "guess"), 401, "UNAUTHENTICATED"),
    ] {
        let answer = request.send_to(&endpoint).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{why}");
    }
}

#[test]
fn build_fails_without_a_verifier_that_the_mode_needs() {
    for (mode, built) in [
        (AuthMode::Token, None),
        (AuthMode::Jwt, Some(BuildEndpointError::MissingUserTokens)),
        (AuthMode::TokenOrJwt, Some(BuildEndpointError::MissingUserTokens)),
    ] {
        assert_eq!(endpoint().require(mode).build().err(), built, "{mode:?}");
    }
}

#[test]
fn build_fails_without_the_required_token() {
    let bare = || {
        let agent = ag_ui_lambda::Agent::builder(ag_ui_lambda::demo(std::time::Duration::ZERO));
        Endpoint::builder(agent.build().unwrap(), |_| Ok(Caller::default()))
    };
    for (mode, is_built) in [
        (AuthMode::Token, false),
        (AuthMode::Both, false),
        (AuthMode::Authorizer, true),
        (AuthMode::Jwt, true),
        (AuthMode::TokenOrJwt, false),
    ] {
        let built = bare().require(mode).user_tokens(FixedTokens).build();
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

/// Adds the shared token to a request.
fn with_token(request: TestRequest) -> TestRequest {
    request.header("x-agui-token", TOKEN)
}

/// Sends a request and returns the result of `whoami`.
async fn whoami_result(request: TestRequest, endpoint: &Endpoint<Caller>) -> String {
    let answer = request.send_to(endpoint).await;
    let results = crate::support::sse::events(&answer.text);
    let mut results = results.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT");
    results.next().unwrap()["content"].as_str().unwrap().to_owned()
}
