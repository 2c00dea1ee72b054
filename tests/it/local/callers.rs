//! A request to the development server chooses its caller and its entry point.

use serde_json::{Value, json};

use super::{Server, account_of, who_am_i};

#[tokio::test]
async fn each_entry_point_passes_the_same_claims() {
    let server = Server::local(&[]).await;
    let claims = json!({
        "sub": "dora", "custom:org_id": "acme", "custom:plan": "pro", "permissions": ["refunds:write", "orders:read"],
    });

    for entry_point in server.session().await["entry_points"].as_array().unwrap() {
        let id = entry_point["id"].as_str().unwrap();
        let caller = json!({ "entry_point": id, "claims": claims }).to_string();
        let seen = account_of(&server.run_as(&caller, &who_am_i()).await);
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
async fn sample_caller_is_chosen_by_name() {
    let server = Server::local(&[]).await;

    let session = server.session().await;
    for person in session["people"].as_array().unwrap() {
        let seen = account_of(&server.run_as(person["id"].as_str().unwrap(), &who_am_i()).await);
        assert_eq!(seen["user"], person.pointer("/claims/sub").cloned().unwrap_or(Value::Null));
    }
    let unknown =
        server.run(&server.key, &who_am_i()).header("x-agui-dev-as", "mallory").send().await.unwrap();
    assert_eq!(unknown.status(), 400);
    assert!(unknown.text().await.unwrap().contains("nobody, amelie, ben"));
}

#[tokio::test]
async fn caller_without_required_jwt_is_refused() {
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
