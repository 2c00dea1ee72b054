//! Every combination of entry point, authentication mode and token: who is admitted, and as whom. The expectations are the
//! table in docs/identity.md.

use serde_json::{Value, json};

use super::{replace, sample_event, send_tokens};
use crate::support::documented;
use crate::support::function::{Reply, TOKEN, local_function};

const PRINCIPALS: &str =
    "arn:aws:iam::123456789012:user/alice,arn:aws:sts::123456789012:assumed-role/web-server/*";
/// Patterns that a role's session and a user or a service of any account match.
const ANY_PRINCIPAL: &str = "arn:aws:sts::*:assumed-role/*/*,arn:aws:iam::*:*,arn:aws:iam::*:*/*";
const UNLISTED: &str = "arn:aws:iam::123456789012:user/mallory";

/// Returns the entry points by their names in the table, each with the event of a caller who asks "Who am I?".
fn entry_points() -> Vec<(&'static str, Value)> {
    let edited = |name: &str, edit: fn(&mut Value)| {
        let mut event = sample_event(name);
        edit(&mut event);
        event
    };
    let unlisted = |event: &mut Value| replace(event, "/requestContext/authorizer/iam/userArn", UNLISTED);
    vec![
        ("function URL, `NONE`", sample_event("function-url-anonymous.json")),
        ("function URL, `AWS_IAM`, ARN listed", sample_event("function-url-iam.json")),
        ("function URL, `AWS_IAM`, ARN not listed", edited("function-url-iam.json", unlisted)),
        ("function URL behind CloudFront", sample_event("function-url-cloudfront.json")),
        ("REST API, Cognito", sample_event("rest-cognito.json")),
        ("REST API, Lambda authorizer (TOKEN)", sample_event("rest-lambda-token.json")),
        ("REST API, Lambda authorizer (REQUEST)", sample_event("rest-lambda-request.json")),
        ("REST API, IAM, ARN listed", sample_event("rest-iam.json")),
        (
            "REST API, IAM, ARN not listed",
            edited("rest-iam.json", |event| replace(event, "/requestContext/identity/userArn", UNLISTED)),
        ),
        (
            "REST API, an authorizer without claims",
            edited("rest-none.json", |event| event["requestContext"]["authorizer"] = json!({})),
        ),
        ("REST API, no authorizer", sample_event("rest-none.json")),
        ("HTTP API, JWT", sample_event("http-api-jwt.json")),
        ("HTTP API, JWT, payload format 1.0", sample_event("http-api-format-1.json")),
        ("HTTP API, Lambda authorizer", sample_event("http-api-lambda.json")),
        (
            "HTTP API, Lambda authorizer without `principalId`",
            edited("http-api-lambda.json", |event| {
                replace(event, "/requestContext/authorizer/lambda", json!({ "mfa": true }));
            }),
        ),
        ("HTTP API, IAM, ARN listed", sample_event("http-api-iam.json")),
        ("HTTP API, IAM, ARN not listed", edited("http-api-iam.json", unlisted)),
        ("HTTP API, no authorizer", sample_event("http-api-none.json")),
        ("Application Load Balancer", sample_event("load-balancer.json")),
    ]
}

/// Returns the rows of the table: an entry point, and the outcomes with the right token in the modes `token`, `authorizer` and
/// `both`.
fn documented_rows() -> Vec<(String, [String; 3])> {
    documented::rows("identity.md", "| entry point | `token` | `authorizer` | `both` |")
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Refused(u16, &'static str),
    Served(Value),
}

/// Returns the outcome that a cell of the table describes.
fn expected_outcome(cell: &str, event: &Value) -> Outcome {
    match cell {
        "401" => Outcome::Refused(401, "UNAUTHENTICATED"),
        "501" => Outcome::Refused(501, "UNSUPPORTED_FRONT_DOOR"),
        "anonymous" => Outcome::Served(json!({"user": null, "org": null, "plan": null, "permissions": []})),
        "the ARN" => {
            let arns = ["/requestContext/authorizer/iam/userArn", "/requestContext/identity/userArn"];
            let arn = arns.iter().find_map(|arn| event.pointer(arn)).unwrap();
            Outcome::Served(json!({"user": arn, "org": null, "plan": null, "permissions": []}))
        }
        "the user" => {
            let permissions = ["refunds:write", "orders:read"];
            let user = "4a8f2c10-6b7d-4e59-9a31-0c5de2f71b64";
            Outcome::Served(json!({"user": user, "org": "acme", "plan": "pro", "permissions": permissions}))
        }
        other => panic!("the table has a cell that nobody knows: {other}"),
    }
}

#[test]
fn documented_table_has_each_entry_point_once() {
    let named: Vec<String> = documented_rows().into_iter().map(|(entry_point, _)| entry_point).collect();

    assert_eq!(named, entry_points().into_iter().map(|(entry_point, _)| entry_point).collect::<Vec<_>>());
}

#[tokio::test]
async fn each_entry_point_admits_the_documented_callers() {
    let without_it = Outcome::Refused(401, "UNAUTHENTICATED");
    let mut checked = 0;
    for response_mode in ["stream", "buffered"] {
        for (column, auth) in ["token", "authorizer", "both"].into_iter().enumerate() {
            let function = local_function(&[
                ("AGUI_AUTH", auth),
                ("AGUI_IAM_PRINCIPALS", PRINCIPALS),
                ("AGUI_RESPONSE_MODE", response_mode),
            ])
            .await;
            for ((entry_point, event), (_, cells)) in entry_points().into_iter().zip(documented_rows()) {
                let with_right_token = expected_outcome(&cells[column], &event);
                for (shown, tokens) in [
                    ("right", vec![TOKEN]),
                    ("wrong", vec!["a-guess"]),
                    ("missing", vec![]),
                    ("twice", vec!["a-guess", TOKEN]),
                ] {
                    let why = format!("{entry_point}, AGUI_AUTH={auth}, token {shown}, {response_mode}");
                    let is_supported = entry_point != "Application Load Balancer";
                    let expected = match (auth, shown) {
                        ("authorizer", _) | (_, "right") => &with_right_token,
                        _ if is_supported => &without_it,
                        _ => &with_right_token,
                    };
                    let mut event = event.clone();
                    send_tokens(&mut event, &tokens);

                    let answer = function.invoke(&event).await.unwrap_or_else(|e| panic!("{why}: {e}"));

                    let takes_a_stream = is_supported && !entry_point.starts_with("HTTP API");
                    assert_eq!(answer.is_streamed(), takes_a_stream && response_mode == "stream", "{why}");
                    assert_eq!(answer.header("www-authenticate").is_some(), answer.status() == 401, "{why}");
                    let reply = Reply::read(answer).await;
                    match expected {
                        Outcome::Refused(status, code) => {
                            assert_eq!(reply.status, *status, "{why}");
                            assert_eq!(reply.json()["error"]["code"], *code, "{why}");
                        }
                        Outcome::Served(account) => {
                            assert_eq!(reply.status, 200, "{why}: {}", reply.text);
                            assert_eq!(reply.result_of("get_account"), *account, "{why}");
                        }
                    }
                    checked += 1;
                }
            }
        }
    }
    assert!(checked >= 40, "{checked}");
}

#[tokio::test]
async fn wildcard_principals_do_not_admit_cloudfront() {
    let function =
        local_function(&[("AGUI_AUTH", "authorizer"), ("AGUI_IAM_PRINCIPALS", ANY_PRINCIPAL)]).await;
    let cloudfront = |arn: &str| {
        let mut event = sample_event("function-url-cloudfront.json");
        replace(&mut event, "/requestContext/authorizer/iam/userArn", arn);
        event
    };
    for (why, event, status) in [
        ("its role, as it signs", sample_event("function-url-cloudfront.json"), 401),
        (
            "its role, in another account",
            cloudfront("arn:aws:sts::111122223333:assumed-role/OriginAccessControlRole/EdgeSession"),
            401,
        ),
        ("its service's principal", cloudfront("arn:aws:iam::123456789012:cloudfront.amazonaws.com"), 401),
        ("a role that is not its own", sample_event("function-url-iam.json"), 200),
    ] {
        assert_eq!(Reply::send(&function, &event).await.status, status, "{why}");
    }
}

#[tokio::test]
async fn claims_object_of_a_lambda_authorizer_is_not_a_token() {
    let [token, authorizer] = ["token", "authorizer"].map(|mode| [("AGUI_AUTH", mode)]);
    let (token, authorizer) = (local_function(&token).await, local_function(&authorizer).await);
    let claims = json!({"sub": "eve", "permissions": "refunds:write"});
    for (why, name, context, user) in [
        ("an HTTP API", "http-api-format-1.json", json!({"claims": claims}), Value::Null),
        (
            "an HTTP API, with a principal",
            "http-api-format-1.json",
            json!({"claims": claims, "principalId": "ada"}),
            json!("ada"),
        ),
        (
            "an HTTP API, with scopes and a principal",
            "http-api-format-1.json",
            json!({"claims": claims, "scopes": null, "principalId": "ada"}),
            json!("ada"),
        ),
        ("a REST API", "rest-none.json", json!({"claims": claims, "tier": "gold"}), Value::Null),
        (
            "a REST API, with a principal",
            "rest-none.json",
            json!({"claims": claims, "principalId": "ada", "integrationLatency": 3}),
            json!("ada"),
        ),
        ("payload format 2.0", "http-api-lambda.json", json!({"lambda": {"claims": claims}}), Value::Null),
    ] {
        let mut event = sample_event(name);
        event["requestContext"]["authorizer"] = context;

        let reply = Reply::send(&token, &event).await;

        assert_eq!(reply.status, 200, "{why}: {}", reply.text);
        let account = reply.result_of("get_account");
        assert_eq!((&account["user"], &account["permissions"]), (&user, &json!([])), "{why}");
        let expected_status = if user.is_null() { 401 } else { 200 };
        assert_eq!(Reply::send(&authorizer, &event).await.status, expected_status, "{why}");
    }
}

#[tokio::test]
async fn empty_claims_prove_no_caller() {
    let token = local_function(&[]).await;
    let authorizer =
        local_function(&[("AGUI_AUTH", "authorizer"), ("AGUI_IAM_PRINCIPALS", ANY_PRINCIPAL)]).await;
    let nobody = expected_outcome("anonymous", &Value::Null);
    for (name, pointer, value) in [
        ("rest-none.json", "authorizer", json!(null)),
        ("rest-none.json", "authorizer", json!({})),
        ("rest-none.json", "authorizer", json!({ "claims": {} })),
        ("rest-none.json", "authorizer", json!({ "claims": { "sub": null } })),
        ("rest-none.json", "authorizer", json!({ "claims": null, "scopes": null })),
        ("rest-none.json", "authorizer", json!({ "principalId": null, "integrationLatency": 7 })),
        ("rest-none.json", "identity", json!({ "accountId": "123456789012", "sourceIp": "203.0.113.7" })),
        ("rest-none.json", "identity", json!({ "userArn": "", "caller": "AIDAEXAMPLE" })),
        ("http-api-format-1.json", "authorizer", json!({ "claims": null, "scopes": null })),
        ("http-api-none.json", "authorizer", json!(null)),
        ("http-api-none.json", "authorizer", json!({})),
        ("http-api-none.json", "authorizer", json!({ "jwt": { "claims": {}, "scopes": null } })),
        ("http-api-none.json", "authorizer", json!({ "lambda": null })),
        ("http-api-none.json", "authorizer", json!({ "lambda": {} })),
        ("http-api-none.json", "authorizer", json!({ "iam": null })),
        (
            "http-api-none.json",
            "authorizer",
            json!({ "iam": { "userArn": null, "accountId": "123456789012" } }),
        ),
    ] {
        let why = format!("{name}, {pointer} {value}");
        let mut event = sample_event(name);
        event["requestContext"][pointer] = value;

        let reply = Reply::send(&token, &event).await;

        assert_eq!(reply.status, 200, "{why}: {}", reply.text);
        assert_eq!(Outcome::Served(reply.result_of("get_account")), nobody, "{why}");
        assert_eq!(Reply::send(&authorizer, &event).await.status, 401, "{why}");
    }
}
