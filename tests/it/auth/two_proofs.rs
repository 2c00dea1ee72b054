//! A user's JWT, alone and beside the claims of an authorizer: whose claims count, and what is a conflict.

use ag_ui_dev::Issuer;
use jsonwebtoken::Algorithm::ES256;
use serde_json::{Value, json};

use crate::support::function::{Function, Reply, TOKEN, local_function, url_event, user_input};

const AUDIENCE: &str = "app";

/// Starts a function for users of this issuer.
async fn function_of(issuer: &Issuer) -> Function {
    local_function(&[("AGUI_JWT_ISSUER", &issuer.url()), ("AGUI_JWT_AUDIENCE", AUDIENCE)]).await
}

/// Asks "Who am I?" with a JWT of these claims, and with this context of a Lambda authorizer.
async fn ask(function: &Function, issuer: &Issuer, claims: &Value, context: &Value) -> Reply {
    let mut claims = claims.clone();
    claims["iss"] = issuer.url().into();
    claims["aud"] = AUDIENCE.into();
    claims["exp"] = 4_102_444_800_u64.into();
    let token = issuer.sign(ES256, &claims).unwrap();
    let headers = [("x-agui-token", TOKEN), ("x-agui-user-token", token.as_str())];
    let mut event = url_event(&headers, &user_input("Who am I?"));
    event["requestContext"]["authorizer"] = json!({ "lambda": context });
    Reply::send(function, &event).await
}

#[tokio::test]
async fn authorizer_that_differs_from_the_token_is_403() {
    let issuer = Issuer::start().await.unwrap();
    let function = function_of(&issuer).await;
    let token = json!({
        "sub": "ada", "custom:org_id": "acme", "scope": "read", "permissions": ["a", "b"], "cognito:groups": ["g"],
    });
    let account = json!({"user": "ada", "org": "acme", "plan": null, "permissions": ["a", "b"]});
    for (why, context, status) in [
        ("no authorizer", Value::Null, 200),
        ("nothing that fills the caller", json!({"tier": "gold", "email": "eve@example.com"}), 200),
        ("the same principal", json!({"principalId": "ada"}), 200),
        ("the same claims", json!({"custom:org_id": "acme", "permissions": "a b", "scope": "read"}), 200),
        ("the rights of the calling app", json!({"scope": "refunds:write", "custom:org_id": "shop"}), 403),
        ("another principal", json!({"principalId": "app-7"}), 403),
        ("another subject", json!({"sub": "eve"}), 403),
        ("another issuer", json!({"iss": "https://other.example"}), 403),
        ("another organisation", json!({"custom:org_id": "shop"}), 403),
        ("a plan that the token does not have", json!({"custom:plan": "pro"}), 403),
        ("more permissions", json!({"permissions": ["a", "b", "refunds:write"]}), 403),
        ("another scope", json!({"scope": "refunds:write"}), 403),
        ("scopes in another claim", json!({"scp": ["refunds:write"]}), 403),
        ("another group", json!({"cognito:groups": "admins"}), 403),
    ] {
        let reply = ask(&function, &issuer, &token, &context).await;

        assert_eq!(reply.status, status, "{why}: {}", reply.text);
        match status {
            200 => assert_eq!(reply.result_of("get_account"), account, "{why}"),
            _ => assert_eq!(reply.json()["error"]["code"], "FORBIDDEN", "{why}"),
        }
    }
}

#[tokio::test]
async fn token_without_a_subject_names_no_user() {
    let issuer = Issuer::start().await.unwrap();
    let function = function_of(&issuer).await;
    let arn = "arn:aws:iam::123456789012:user/root";
    for (why, token) in [
        ("no claim", json!({})),
        ("an empty subject", json!({"sub": ""})),
        ("a blank subject", json!({"sub": " \u{a0}"})),
        ("a subject with a control character", json!({"sub": "ada\u{7}"})),
        ("a subject that is too long", json!({"sub": "a".repeat(1025)})),
        ("the claim of a Lambda authorizer", json!({"principalId": "root"})),
        ("the claim of a signature", json!({"userArn": arn, "accountId": "123456789012"})),
        ("both, and a subject that is a number", json!({"sub": 7, "principalId": "root", "userArn": arn})),
    ] {
        let reply = ask(&function, &issuer, &token, &Value::Null).await;

        assert_eq!(reply.status, 200, "{why}: {}", reply.text);
        assert_eq!(reply.result_of("get_account")["user"], Value::Null, "{why}");
    }
}
