//! Who calls, and through which entry point, is the choice of the request.

use serde_json::{Value, json};

use super::{Server, account, who_am_i};

#[tokio::test]
async fn each_entry_point_hands_the_same_claims_to_the_tools() {
    let server = Server::local(&[]).await;
    let claims = json!({
        "sub": "dora", "custom:org_id": "acme", "custom:plan": "pro", "permissions": ["refunds:write", "orders:read"],
    });

    for entry_point in server.session().await["entry_points"].as_array().unwrap() {
        let id = entry_point["id"].as_str().unwrap();
        let caller = json!({ "entry_point": id, "claims": claims }).to_string();
        let seen = account(&server.run_as(&caller, &who_am_i()).await);
        let expected = match id {
            "function-url" => json!({"user": null, "org": null, "plan": null, "permissions": []}),
            "function-url-iam" => json!({
                "user": "arn:aws:sts::123456789012:assumed-role/local/dora", "org": null, "plan": null, "permissions": [],
            }),
            _ => {
                json!({"user": "dora", "org": "acme", "plan": "pro", "permissions": ["refunds:write", "orders:read"]})
            }
        };
        assert_eq!(seen, expected, "{id}");
    }
}

#[tokio::test]
async fn a_sample_person_is_named_by_a_word() {
    let server = Server::local(&[]).await;

    let session = server.session().await;
    for person in session["people"].as_array().unwrap() {
        let seen = account(&server.run_as(person["id"].as_str().unwrap(), &who_am_i()).await);
        assert_eq!(seen["user"], person.pointer("/claims/sub").cloned().unwrap_or(Value::Null));
    }
    let unknown =
        server.run(&server.key, &who_am_i()).header("x-agui-dev-as", "mallory").send().await.unwrap();
    assert_eq!(unknown.status(), 400);
    assert!(unknown.text().await.unwrap().contains("nobody, amelie, ben"));
}

#[tokio::test]
async fn a_caller_without_a_jwt_is_refused_where_the_function_wants_one() {
    let server = Server::local(&[]).await;

    let request =
        server.run(&server.key, &who_am_i()).header("x-agui-dev-as", r#"{"entry_point": "user-jwt"}"#);
    let answer = request.send().await.unwrap();

    assert_eq!(answer.status(), 401);
    assert_eq!(
        answer.text().await.unwrap().parse::<Value>().unwrap().pointer("/error/reason"),
        Some(&json!("token_missing"))
    );
}
