//! The user's JWT as a proof of its own, through the function's process: tokens for others, requests with several proofs, and
//! the line that says at start whose tokens count.

use ag_ui_dev::Issuer;
use jsonwebtoken::Algorithm::ES256;
use serde_json::{Value, json};

use crate::support::documented;
use crate::support::function::{Function, Reply, TOKEN, local_function, url_event, user_input};
use crate::support::jwt_forge::edited;

const AUDIENCE: &str = "app";

/// Starts a function in this mode for users of this issuer. The shared token is not set under `jwt`, which needs none.
async fn function_of(issuer: &Issuer, auth: &str) -> Function {
    let issuer = issuer.url();
    let jwt = [("AGUI_AUTH", auth), ("AGUI_JWT_ISSUER", &issuer), ("AGUI_JWT_AUDIENCE", AUDIENCE)];
    match auth {
        "jwt" => crate::support::function::function(&[&jwt[..], &[("AGUI_LOCAL", "1")]].concat()).await,
        _ => local_function(&jwt).await,
    }
}

/// Signs a JWT that is valid until the year 2100, with these changes to claims that are accepted.
fn token(issuer: &Issuer, changes: Value) -> String {
    let claims =
        json!({"iss": issuer.url(), "aud": AUDIENCE, "sub": "ada-lovelace", "exp": 4_102_444_800_u64});
    issuer.sign(ES256, &edited(claims, changes)).unwrap()
}

/// Asks "Who am I?" with these headers.
async fn ask(function: &Function, headers: &[(&str, &str)]) -> Reply {
    Reply::send(function, &url_event(headers, &user_input("Who am I?"))).await
}

#[tokio::test]
async fn only_tokens_for_this_function_that_name_a_user_admit() {
    let (issuer, other) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
    let access = |client: &str| json!({"aud": null, "token_use": "access", "client_id": client});
    for auth in ["jwt", "token_or_jwt"] {
        let function = function_of(&issuer, auth).await;
        for (why, token, status) in [
            ("as it should be", token(&issuer, json!({})), 200),
            ("one of several audiences", token(&issuer, json!({"aud": ["other", AUDIENCE]})), 200),
            ("an access token of the app client", token(&issuer, access(AUDIENCE)), 200),
            ("an access token of another app client", token(&issuer, access("other")), 401),
            (
                "an access token of no app client",
                token(&issuer, json!({"aud": null, "token_use": "access"})),
                401,
            ),
            ("a client without a use", token(&issuer, json!({"aud": null, "client_id": AUDIENCE})), 401),
            ("another audience", token(&issuer, json!({"aud": "other"})), 401),
            ("no audience", token(&issuer, json!({"aud": null})), 401),
            ("another issuer, under this one's name", token(&other, json!({"iss": issuer.url()})), 401),
            ("another issuer", token(&other, json!({})), 401),
            ("another issuer's name", token(&issuer, json!({"iss": other.url()})), 401),
            ("no subject", token(&issuer, json!({"sub": null})), 401),
            ("an empty subject", token(&issuer, json!({"sub": ""})), 401),
            ("a subject that is a number", token(&issuer, json!({"sub": 7})), 401),
            ("a blank subject", token(&issuer, json!({"sub": " \t"})), 401),
            ("a subject that nobody can see", token(&issuer, json!({"sub": "\u{200b}"})), 401),
            ("a subject with a line break", token(&issuer, json!({"sub": "ada-lovelace\n"})), 401),
            ("a subject with a zero byte", token(&issuer, json!({"sub": "ada-lovelace\u{0}"})), 401),
            ("a subject that is too long", token(&issuer, json!({"sub": "a".repeat(1025)})), 401),
            (
                "another claim that names a user",
                token(&issuer, json!({"sub": null, "principalId": "root"})),
                401,
            ),
        ] {
            let bearer = format!("Bearer {token}");
            for header in [("authorization", bearer.as_str()), ("x-agui-user-token", token.as_str())] {
                let reply = ask(&function, &[header]).await;
                assert_eq!(reply.status, status, "{auth}, {why}, {}: {}", header.0, reply.text);
                match status {
                    200 => {
                        assert_eq!(reply.result_of("get_account")["user"], "ada-lovelace", "{auth}, {why}");
                    }
                    _ => assert_eq!(reply.json()["error"]["reason"], "token_invalid", "{auth}, {why}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn each_of_several_audiences_admits() {
    let issuer = Issuer::start().await.unwrap();
    let url = issuer.url();
    let access = |client: &str| json!({"aud": null, "token_use": "access", "client_id": client});
    for auth in ["jwt", "token_or_jwt"] {
        let function = local_function(&[
            ("AGUI_AUTH", auth),
            ("AGUI_JWT_ISSUER", &url),
            ("AGUI_JWT_AUDIENCE", "web, mobile"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ])
        .await;
        for (changes, status) in [
            (json!({"aud": "web"}), 200),
            (json!({"aud": "mobile"}), 200),
            (json!({"aud": ["other", "mobile"]}), 200),
            (access("mobile"), 200),
            (json!({"aud": "other"}), 401),
            (json!({"aud": "web, mobile"}), 401),
            (json!({"aud": ["other"]}), 401),
            (access("other"), 401),
        ] {
            let bearer = format!("Bearer {}", token(&issuer, changes.clone()));
            let reply = ask(&function, &[("authorization", &bearer)]).await;
            assert_eq!(reply.status, status, "{auth}, {changes}: {}", reply.text);
        }
        let line = start_line(function).await.unwrap();
        assert_eq!(line["audience"], "web,mobile", "{auth}");
    }
}

/// Stops a function and returns its line that says whose JWTs admit users; `None` if it has none.
async fn start_line(function: Function) -> Option<Value> {
    function.kill().await;
    let logs = function.logs();
    let mut lines = logs.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|line| line["message"] == "users are admitted by their JWT")
}

#[tokio::test]
async fn each_proof_admits_the_documented_caller() {
    let issuer = Issuer::start().await.unwrap();
    let ada = token(&issuer, json!({}));
    let bearer = |token: &str| format!("Bearer {token}");
    let [own, as_bearer] = ["x-agui-user-token", "authorization"];
    let (shared, wrong) = (("x-agui-token", TOKEN.to_owned()), ("x-agui-token", "a-guess".to_owned()));
    let requests = [
        ("nothing", vec![]),
        ("the token", vec![shared.clone()]),
        ("the token as the bearer", vec![(as_bearer, bearer(TOKEN))]),
        ("a wrong token", vec![wrong.clone()]),
        ("the JWT as the bearer", vec![(as_bearer, bearer(&ada))]),
        ("the JWT in `x-agui-user-token`", vec![(own, ada.clone())]),
        ("the same JWT in both", vec![(as_bearer, bearer(&ada)), (own, ada.clone())]),
        ("two different JWTs", vec![(as_bearer, bearer(&ada)), (own, token(&issuer, json!({"sub": "eve"})))]),
        (
            "a JWT without `sub` as the bearer",
            vec![(as_bearer, bearer(&token(&issuer, json!({"sub": null}))))],
        ),
        ("an expired JWT as the bearer", vec![(as_bearer, bearer(&token(&issuer, json!({"exp": 1}))))]),
        ("the token, and the JWT in `x-agui-user-token`", vec![shared.clone(), (own, ada.clone())]),
        (
            "the token, and a bad JWT in `x-agui-user-token`",
            vec![shared.clone(), (own, token(&issuer, json!({"aud": "other"})))],
        ),
        ("the token, and the JWT as the bearer", vec![shared.clone(), (as_bearer, bearer(&ada))]),
        ("a wrong token, and the JWT as the bearer", vec![wrong.clone(), (as_bearer, bearer(&ada))]),
        ("a wrong token, and the JWT in `x-agui-user-token`", vec![wrong.clone(), (own, ada.clone())]),
    ];
    let head = "| sent | `token` | `token`, with an issuer | `jwt` | `token_or_jwt` |";
    let rows = documented::rows::<4>("jwt.md", head);
    let documented: Vec<&str> = rows.iter().map(|(sent, _)| sent.as_str()).collect();
    assert_eq!(documented, requests.iter().map(|(sent, _)| *sent).collect::<Vec<_>>());
    let functions = [
        local_function(&[]).await,
        function_of(&issuer, "token").await,
        function_of(&issuer, "jwt").await,
        function_of(&issuer, "token_or_jwt").await,
    ];
    for (column, function) in functions.iter().enumerate() {
        for ((sent, headers), (_, outcomes)) in requests.iter().zip(&rows) {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let reply = ask(function, &headers).await;
            let outcome = match reply.status {
                200 if reply.result_of("get_account")["user"] == "ada-lovelace" => "the user",
                200 if reply.result_of("get_account")["user"].is_null() => "anonymous",
                401 => "401",
                other => panic!("{sent}, column {column}: {other}, {}", reply.text),
            };
            assert_eq!(outcome, outcomes[column], "{sent}, column {column}: {}", reply.text);
        }
    }
}

/// A REST API and payload format 1.0 keep a repeated header apart.
#[tokio::test]
async fn repeated_headers_of_a_rest_api_are_refused() {
    let issuer = Issuer::start().await.unwrap();
    let ada = token(&issuer, json!({}));
    let bearer = format!("Bearer {ada}");
    for auth in ["jwt", "token_or_jwt"] {
        let function = function_of(&issuer, auth).await;
        for (header, value) in [("Authorization", &bearer), ("x-agui-user-token", &ada)] {
            for (times, status) in [(1, 200), (2, 401)] {
                let request = http::Request::post("/").header("content-type", "application/json");
                let request = request.body(user_input("Hello").to_string().into()).unwrap();
                let mut event = ag_ui_dev::EntryPoint::RestLambda.event(&request, None);
                event["requestContext"]["authorizer"] = json!({});
                event["headers"][header] = json!(value);
                event["multiValueHeaders"][header] = json!(vec![value; times]);
                let reply = Reply::send(&function, &event).await;
                assert_eq!(reply.status, status, "{auth}, {header} {times}x: {}", reply.text);
            }
        }
    }
}

#[tokio::test]
async fn start_line_names_issuer_and_audience() {
    let issuer = Issuer::start().await.unwrap();
    let url = issuer.url();
    for (auth, is_logged) in [("jwt", true), ("token_or_jwt", true), ("token", false)] {
        let function = local_function(&[
            ("AGUI_AUTH", auth),
            ("AGUI_JWT_ISSUER", &url),
            ("AGUI_JWT_AUDIENCE", AUDIENCE),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ])
        .await;
        let line = start_line(function).await;
        let named = line.map(|line| (line["issuer"].clone(), line["audience"].clone()));
        assert_eq!(named, is_logged.then(|| (json!(url), json!(AUDIENCE))), "{auth}");
    }
}
