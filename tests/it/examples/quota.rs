//! The quota in examples/quota, through the binary of its function and a table in moto's DynamoDB.

use serde_json::{Value, json};

use crate::support::function::{Function, Reply, TOKEN, quota_function, url_event, user_input};
use crate::support::moto::Moto;

/// Starts a run of this user, whom a Lambda authorizer has verified. Returns the response, and its header `Retry-After`.
async fn run_of(function: &Function, user: &str) -> (Reply, Option<String>) {
    let mut event = url_event(&[("x-agui-token", TOKEN)], &user_input("Hello"));
    event["requestContext"]["authorizer"] = json!({"lambda": {"principalId": user}});
    let response = function.invoke(&event).await.unwrap();
    let retry_after = response.header("retry-after").map(ToOwned::to_owned);
    (Reply::read(response).await, retry_after)
}

#[tokio::test]
async fn third_run_of_a_user_is_429_with_retry_after() {
    let moto = Moto::shared();
    moto.create_table("quota").await;
    // The count is in the table and not in a process, so any function refuses the third run.
    let functions = [quota_function(&moto.env()).await, quota_function(&moto.env()).await];
    for function in &functions {
        let (reply, retry_after) = run_of(function, "ada").await;
        assert_eq!((reply.status, retry_after), (200, None), "{}", reply.text);
        assert_eq!(reply.events.last().unwrap()["type"], "RUN_FINISHED");
    }
    for function in &functions {
        let (reply, retry_after) = run_of(function, "ada").await;
        assert_eq!(reply.status, 429, "{}", reply.text);
        let message = "You have used your runs of today. Please come back tomorrow.";
        assert_eq!(reply.json(), json!({"error": {"code": "LIMITED", "message": message}}));
        let seconds: u64 = retry_after.unwrap().parse().unwrap();
        assert!((1..=86_400).contains(&seconds), "{seconds}");
    }
    assert_eq!(run_of(&functions[0], "bob").await.0.status, 200, "each user has a quota of their own");

    let anonymous = url_event(&[("x-agui-token", TOKEN)], &user_input("Hello"));
    let reply = Reply::send(&functions[0], &anonymous).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (403, &Value::from("FORBIDDEN")));
    for function in &functions {
        function.kill().await;
        let log = function.logs().join("\n");
        assert!(log.contains("run finished") && !log.contains("cannot be counted"), "{log}");
    }
}
