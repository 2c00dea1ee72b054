//! The user's JWT at every entry point and in every mode, without the shared token, beside a wrong one and beside the right one.
//! The expectations for the JWT alone are a table in docs/jwt.md.

use ag_ui_dev::Issuer;
use jsonwebtoken::Algorithm::RS256;
use serde_json::{Value, json};

use super::{replace, sample_event, send_tokens};
use crate::support::documented;
use crate::support::function::{Reply, TOKEN, local_function};

/// The app client of the sample events.
const CLIENT: &str = "7abcdefexample1234567890";
const PRINCIPALS: &str = "arn:aws:sts::123456789012:assumed-role/web-server/*";
const MODES: [&str; 5] = ["token", "authorizer", "both", "jwt", "token_or_jwt"];

/// What the names of entry points with the proof of an authorizer or of a listed principal contain.
const AUTHORIZERS: [&str; 3] = ["`AWS_IAM`", "Cognito", "HTTP API, JWT"];

/// Returns the entry points by their names in the table, each with an event and the header with the JWT.
fn entry_points() -> [(&'static str, Value, &'static str); 7] {
    [
        ("function URL, `Authorization`", sample_event("function-url-anonymous.json"), "authorization"),
        (
            "function URL, `AWS_IAM`, `x-agui-user-token`",
            sample_event("function-url-iam.json"),
            "x-agui-user-token",
        ),
        (
            "function URL behind CloudFront, `x-agui-user-token`",
            sample_event("function-url-cloudfront.json"),
            "x-agui-user-token",
        ),
        ("REST API, no authorizer, `Authorization`", sample_event("rest-none.json"), "Authorization"),
        ("REST API, Cognito, `Authorization`", sample_event("rest-cognito.json"), "Authorization"),
        ("HTTP API, no authorizer, `Authorization`", sample_event("http-api-none.json"), "authorization"),
        ("HTTP API, JWT, `Authorization`", sample_event("http-api-jwt.json"), "authorization"),
    ]
}

/// Signs a JWT of the user whom the authorizers of the sample events name.
fn sign(issuer: &Issuer) -> String {
    let claims = json!({
        "iss": issuer.url(), "client_id": CLIENT, "token_use": "access", "exp": 4_102_444_800_u64,
        "sub": "4a8f2c10-6b7d-4e59-9a31-0c5de2f71b64", "custom:org_id": "acme", "custom:plan": "pro",
        "permissions": ["refunds:write", "orders:read"], "scope": "openid agent/run",
        "cognito:groups": ["admins", "support"],
    });
    issuer.sign(RS256, &claims).unwrap()
}

/// Puts the JWT into the header of an event, and removes the shared token. An authorizer has verified the same JWT.
fn send_jwt(event: &mut Value, header: &str, issuer: &Issuer) {
    send_tokens(event, &[]);
    let token = sign(issuer);
    let value = if header == "x-agui-user-token" { token } else { format!("Bearer {token}") };
    event["headers"][header] = json!(value);
    if let Some(all) = event.get_mut("multiValueHeaders") {
        all[header] = json!([value]);
    }
    for claims in ["/requestContext/authorizer/claims/iss", "/requestContext/authorizer/jwt/claims/iss"] {
        if event.pointer(claims).is_some() {
            replace(event, claims, issuer.url());
        }
    }
}

#[tokio::test]
async fn jwt_alone_is_admitted_as_documented() {
    let issuer = Issuer::start().await.unwrap();
    let head = "| entry point, and the header with the JWT | `token` | `authorizer` | `both` | `jwt` | `token_or_jwt` |";
    let rows = documented::rows::<5>("jwt.md", head);
    let named: Vec<&str> = rows.iter().map(|(entry_point, _)| entry_point.as_str()).collect();
    assert_eq!(named, entry_points().map(|(entry_point, ..)| entry_point));
    for (column, auth) in MODES.into_iter().enumerate() {
        let function = local_function(&[
            ("AGUI_AUTH", auth),
            ("AGUI_IAM_PRINCIPALS", PRINCIPALS),
            ("AGUI_JWT_ISSUER", &issuer.url()),
            ("AGUI_JWT_AUDIENCE", CLIENT),
        ])
        .await;
        for ((entry_point, mut event, header), (_, outcomes)) in entry_points().into_iter().zip(&rows) {
            let mut both = event.clone();
            send_jwt(&mut event, header, &issuer);
            let reply = Reply::send(&function, &event).await;
            let why = format!("{entry_point}, AGUI_AUTH={auth}: {}", reply.text);
            match outcomes[column].as_str() {
                "401" => assert_eq!(reply.status, 401, "{why}"),
                "the user" => {
                    assert_eq!(reply.status, 200, "{why}");
                    let account = reply.result_of("get_account");
                    assert_eq!(account["user"], "4a8f2c10-6b7d-4e59-9a31-0c5de2f71b64", "{why}");
                    assert_eq!(account["org"], "acme", "{why}");
                }
                other => panic!("the table has a cell that nobody knows: {other}"),
            }

            // A wrong token decides by itself, except where no token is checked.
            send_tokens(&mut event, &["a-guess"]);
            let beside_guess = Reply::send(&function, &event).await.status;
            let expected = if auth == "authorizer" { reply.status } else { 401 };
            assert_eq!(beside_guess, expected, "{why}, beside a wrong token");

            send_jwt(&mut both, "x-agui-user-token", &issuer);
            send_tokens(&mut both, &[TOKEN]);
            let reply = Reply::send(&function, &both).await;
            let has_authorizer = AUTHORIZERS.iter().any(|name| entry_point.contains(name));
            let is_admitted = match auth {
                "token" | "token_or_jwt" => true,
                "authorizer" | "both" => has_authorizer,
                // There is no shared token.
                _ => false,
            };
            let why = format!("{entry_point}, AGUI_AUTH={auth}, both proofs: {}", reply.text);
            assert_eq!(reply.status, if is_admitted { 200 } else { 401 }, "{why}");
            if is_admitted {
                let user = "4a8f2c10-6b7d-4e59-9a31-0c5de2f71b64";
                assert_eq!(reply.result_of("get_account")["user"], user, "{why}");
            }
        }
    }
}
