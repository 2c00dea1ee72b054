//! A request to the development server chooses its caller and its entry point.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Json as _, Server, account_of, events_of, who_am_i};

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
            // It joins the two by a comma, as the authorizer of a REST API does, so they may be one name.
            "rest-cognito" => json!({"user": "dora", "org": "acme", "plan": "pro", "permissions": []}),
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
async fn issued_jwt_names_its_person_to_the_function() {
    let server = Server::local(&[]).await;
    let issue = |person: &str| {
        server.dev_request(Method::POST, "/_dev/token").with_json(&json!({ "person": person })).send()
    };

    for (person, permissions) in
        [("amelie", json!(["refunds:write", "orders:write"])), ("ben", json!(["orders:read"]))]
    {
        let issued: Value = issue(person).await.unwrap().text().await.unwrap().parse().unwrap();
        let run = server
            .run(&server.key, &who_am_i())
            .header("x-agui-user-token", issued["access_token"].as_str().unwrap());
        let seen = account_of(&events_of(run.send().await.unwrap()).await);
        assert_eq!((&seen["user"], &seen["permissions"]), (&json!(person), &permissions));
        assert_eq!((&issued["claims"]["sub"], &issued["expires_in"]), (&json!(person), &json!(3600)));
    }
    for person in ["nobody", "mallory"] {
        let refused = issue(person).await.unwrap();
        assert_eq!(refused.status(), 400, "{person}");
        assert!(refused.text().await.unwrap().contains("amelie, ben, chiara"), "{person}");
    }
    let without_key = server.request(Method::POST, "/_dev/token").with_json(&json!({ "person": "amelie" }));
    assert_eq!(without_key.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn jwt_of_another_issuer_goes_to_the_function_whose_settings_name_it() {
    let other = Server::local(&[]).await;
    let request = other.dev_request(Method::POST, "/_dev/token").with_json(&json!({ "person": "amelie" }));
    let issued: Value = request.send().await.unwrap().text().await.unwrap().parse().unwrap();
    let token = issued["access_token"].as_str().unwrap();
    let payload: Value =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap())
            .unwrap();
    let issuer = payload["iss"].as_str().unwrap();
    let server = Server::local(&[("AGUI_JWT_ISSUER", issuer), ("AGUI_JWT_AUDIENCE", "local")]).await;

    let run = server.run(&server.key, &who_am_i()).header("x-agui-user-token", token);

    assert_eq!(account_of(&events_of(run.send().await.unwrap()).await)["user"], "amelie");
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
