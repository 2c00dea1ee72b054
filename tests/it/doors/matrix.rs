//! Door by authentication by token: who is let in, and as whom. The table is the one in docs/identity.md.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{replace, sample, send_tokens};
use crate::support::function::{Reply, TOKEN, local_function};

const PRINCIPALS: &str =
    "arn:aws:iam::123456789012:user/alice,arn:aws:sts::123456789012:assumed-role/web-server/*";
const UNLISTED: &str = "arn:aws:iam::123456789012:user/mallory";

/// The doors, by their names in the table, with what each hands over when somebody asks who they are.
fn doors() -> Vec<(&'static str, Value)> {
    let edited = |name: &str, edit: fn(&mut Value)| {
        let mut event = sample(name);
        edit(&mut event);
        event
    };
    let unlisted = |event: &mut Value| replace(event, "/requestContext/authorizer/iam/userArn", UNLISTED);
    vec![
        ("function URL, `NONE`", sample("function-url-anonymous.json")),
        ("function URL, `AWS_IAM`, ARN listed", sample("function-url-iam.json")),
        ("function URL, `AWS_IAM`, ARN not listed", edited("function-url-iam.json", unlisted)),
        ("function URL behind CloudFront", sample("function-url-cloudfront.json")),
        ("REST API, Cognito", sample("rest-cognito.json")),
        ("REST API, Lambda authorizer (TOKEN)", sample("rest-lambda-token.json")),
        ("REST API, Lambda authorizer (REQUEST)", sample("rest-lambda-request.json")),
        ("REST API, IAM, ARN listed", sample("rest-iam.json")),
        (
            "REST API, IAM, ARN not listed",
            edited("rest-iam.json", |event| replace(event, "/requestContext/identity/userArn", UNLISTED)),
        ),
        (
            "REST API, an authorizer that says nothing",
            edited("rest-none.json", |event| event["requestContext"]["authorizer"] = json!({})),
        ),
        ("REST API, no authorizer", sample("rest-none.json")),
        ("HTTP API, JWT", sample("http-api-jwt.json")),
        ("HTTP API, JWT, payload format 1.0", sample("http-api-format-1.json")),
        ("HTTP API, Lambda authorizer", sample("http-api-lambda.json")),
        (
            "HTTP API, Lambda authorizer without `principalId`",
            edited("http-api-lambda.json", |event| {
                replace(event, "/requestContext/authorizer/lambda", json!({ "mfa": true }));
            }),
        ),
        ("HTTP API, IAM, ARN listed", sample("http-api-iam.json")),
        ("HTTP API, IAM, ARN not listed", edited("http-api-iam.json", unlisted)),
        ("HTTP API, no authorizer", sample("http-api-none.json")),
        ("Application Load Balancer", sample("load-balancer.json")),
    ]
}

/// The rows of the table: a door, and the outcomes with the right token under `token`, `authorizer` and `both`.
fn table() -> Vec<(String, [String; 3])> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/identity.md");
    let docs = fs::read_to_string(docs).unwrap();
    let rows =
        docs.lines().skip_while(|line| *line != "| front door | `token` | `authorizer` | `both` |").skip(2);
    rows.map_while(|row| {
        let cells: Vec<&str> = row.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [door, token, authorizer, both] = cells.try_into().expect("a row has four cells");
        Some((door.to_owned(), [token, authorizer, both].map(ToOwned::to_owned)))
    })
    .collect()
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Refused(u16, &'static str),
    Served(Value),
}

/// What the table says of a cell.
fn outcome(cell: &str, event: &Value) -> Outcome {
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
            // Cognito and JWT authorizers tell scopes, the Lambda authorizers of the samples permissions.
            let authorizer = &event["requestContext"]["authorizer"];
            let has_scope = ["/claims/scope", "/jwt/claims/scope", "/scope"]
                .iter()
                .any(|scope| authorizer.pointer(scope).is_some());
            let permissions =
                if has_scope { ["openid", "refunds:write"] } else { ["refunds:write", "orders:read"] };
            let user = "4a8f2c10-6b7d-4e59-9a31-0c5de2f71b64";
            Outcome::Served(json!({"user": user, "org": "acme", "plan": "pro", "permissions": permissions}))
        }
        other => panic!("the table has a cell that nobody knows: {other}"),
    }
}

#[test]
fn the_table_has_each_door_once() {
    let named: Vec<String> = table().into_iter().map(|(door, _)| door).collect();

    assert_eq!(named, doors().into_iter().map(|(door, _)| door).collect::<Vec<_>>());
}

#[tokio::test]
async fn each_door_lets_in_whom_the_table_says_and_tools_see_who_that_is() {
    let without_it = Outcome::Refused(401, "UNAUTHENTICATED");
    let mut asked = 0;
    for response_mode in ["stream", "buffered"] {
        for (column, auth) in ["token", "authorizer", "both"].into_iter().enumerate() {
            let function = local_function(&[
                ("AGUI_AUTH", auth),
                ("AGUI_IAM_PRINCIPALS", PRINCIPALS),
                ("AGUI_RESPONSE_MODE", response_mode),
            ])
            .await;
            for ((door, event), (_, cells)) in doors().into_iter().zip(table()) {
                let with_right_token = outcome(&cells[column], &event);
                for (shown, tokens) in [
                    ("right", vec![TOKEN]),
                    ("wrong", vec!["a-guess"]),
                    ("missing", vec![]),
                    ("twice", vec!["a-guess", TOKEN]),
                ] {
                    let why = format!("{door}, AGUI_AUTH={auth}, token {shown}, {response_mode}");
                    let is_door = door != "Application Load Balancer";
                    let expected = match (auth, shown) {
                        ("authorizer", _) | (_, "right") => &with_right_token,
                        _ if is_door => &without_it,
                        _ => &with_right_token,
                    };
                    let mut event = event.clone();
                    send_tokens(&mut event, &tokens);

                    let answer = function.invoke(&event).await.unwrap_or_else(|e| panic!("{why}: {e}"));

                    let takes_a_stream = is_door && !door.starts_with("HTTP API");
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
                    asked += 1;
                }
            }
        }
    }
    assert!(asked >= 40, "{asked}");
}

#[tokio::test]
async fn given_principals_that_are_all_then_cloudfront_is_nobody_still() {
    let function = local_function(&[("AGUI_AUTH", "authorizer"), ("AGUI_IAM_PRINCIPALS", "*")]).await;
    let cloudfront = |arn: &str| {
        let mut event = sample("function-url-cloudfront.json");
        replace(&mut event, "/requestContext/authorizer/iam/userArn", arn);
        event
    };
    for (why, event, status) in [
        ("its role, as it signs", sample("function-url-cloudfront.json"), 401),
        (
            "its role, in another account",
            cloudfront("arn:aws:sts::111122223333:assumed-role/OriginAccessControlRole/EdgeSession"),
            401,
        ),
        ("its service's principal", cloudfront("arn:aws:iam::123456789012:cloudfront.amazonaws.com"), 401),
        ("a role that is not its own", sample("function-url-iam.json"), 200),
    ] {
        assert_eq!(Reply::to(&function, &event).await.status, status, "{why}");
    }
}

#[tokio::test]
async fn what_says_nothing_proves_nobody_in_whatever_form_it_comes() {
    let token = local_function(&[]).await;
    let authorizer = local_function(&[("AGUI_AUTH", "authorizer"), ("AGUI_IAM_PRINCIPALS", "*")]).await;
    let nobody = outcome("anonymous", &Value::Null);
    for (name, pointer, said) in [
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
        let why = format!("{name}, {pointer} {said}");
        let mut event = sample(name);
        event["requestContext"][pointer] = said;

        let reply = Reply::to(&token, &event).await;

        assert_eq!(reply.status, 200, "{why}: {}", reply.text);
        assert_eq!(Outcome::Served(reply.result_of("get_account")), nobody, "{why}");
        assert_eq!(Reply::to(&authorizer, &event).await.status, 401, "{why}");
    }
}
