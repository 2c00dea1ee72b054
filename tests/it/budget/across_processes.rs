//! Budgets through the function's binary, with moto's DynamoDB: two processes at once, killed processes, and a table that fails.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::function::{Function, Reply, TOKEN, test_function, url_event, user_input};
use crate::support::gated_run::{Gate, Reading, TIMEOUT};
use crate::support::moto::Moto;

/// Starts the function for tests with its budgets in this table.
async fn start_function(table: &str, variables: &[(&str, &str)]) -> Function {
    let table = [("AGUI_TABLE", table)];
    test_function(&[&Moto::shared().env()[..], &table, variables].concat()).await
}

/// Returns the event of a run of this user of the organisation `acme`, whom a Lambda authorizer has verified.
fn event_of(user: &str, message: &str) -> Value {
    let mut event = url_event(&[("x-agui-token", TOKEN)], &user_input(message));
    event["requestContext"]["authorizer"] = json!({"lambda": {"principalId": user, "custom:org_id": "acme"}});
    event
}

/// A budget as the table has it.
struct Budget {
    id: String,
    taken: u64,
    /// The attributes with what runs hold.
    holds: Vec<String>,
}

/// Returns the budgets in a table, in the order of their ids.
async fn budgets(table: &str) -> Vec<Budget> {
    let scanned = Moto::shared().dynamodb("Scan", &json!({ "TableName": table })).await;
    let read = |item: &Value| Budget {
        id: item["id"]["S"].as_str().unwrap().to_owned(),
        taken: item["taken"]["N"].as_str().unwrap().parse().unwrap(),
        holds: item.as_object().unwrap().keys().filter(|name| name.starts_with("hold#")).cloned().collect(),
    };
    let mut budgets: Vec<Budget> = scanned["Items"].as_array().unwrap().iter().map(read).collect();
    budgets.sort_by(|a, b| a.id.cmp(&b.id));
    budgets
}

/// Returns how a run ended: the type of its outcome, or the code of its refusal.
fn end_of(reply: &Reply) -> String {
    let end = match reply.status {
        200 => reply.events.last().unwrap()["outcome"]["type"].clone(),
        _ => reply.json()["error"]["code"].clone(),
    };
    end.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn two_hundred_runs_of_one_user_use_at_most_one_run_more() {
    Moto::shared().create_table("budget-shared").await;
    // moto does not handle two requests at once as DynamoDB does, and the proxy sends it one at a time.
    let proxy = FaultProxy::new(None).await;
    let variables = [
        ("AWS_ENDPOINT_URL_DYNAMODB", proxy.url()),
        ("AGUI_BUDGET_USER_TOKENS", "50500"),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "4"),
    ];
    let functions = [
        start_function("budget-shared", &variables).await,
        start_function("budget-shared", &variables).await,
    ];
    let event = event_of("ada", "cost 1000");
    // A run that is refused only because of the runs beside it comes again when one of them has ended.
    let ended = Notify::new();
    let run = async |function: &Function| loop {
        let reply = Reply::send(function, &event).await;
        if reply.status == 429 && reply.text.contains("in a moment") {
            timeout(TIMEOUT, ended.notified()).await.expect("another run ends and is settled");
        } else {
            ended.notify_one();
            return end_of(&reply);
        }
    };
    let ends = join_all((0..200).map(|number| run(&functions[number % 2]))).await;

    let served = ends.iter().filter(|end| *end == "success").count() as u64;
    let known = |end: &String| ["success", "cancelled", "BUDGET_USED"].contains(&end.as_str());
    assert!(ends.iter().all(known), "{ends:?}");
    let budgets = budgets("budget-shared").await;
    let used: u64 = budgets.iter().map(|budget| budget.taken).sum();
    assert_eq!(used, served * 1000, "nothing is held, and each run counts once");
    let is_settled = |budget: &Budget| budget.taken <= 51_500 && budget.holds.is_empty();
    assert!(budgets.iter().all(is_settled), "{used}");
    assert!(used >= 45_000, "what is left is too little for one run: {used}");
}

#[tokio::test]
async fn hold_of_a_killed_process_lapses() {
    Moto::shared().create_table("budget-killed").await;
    let variables = [("AGUI_BUDGET_USER_TOKENS", "10000")];
    let killed = start_function("budget-killed", &variables).await;
    let mut reading = Reading::start(&killed, &event_of("ada", "wait")).await;
    reading.until(1, "I wait").await;
    killed.kill().await;
    let function = start_function("budget-killed", &variables).await;
    let held = Reply::send(&function, &event_of("ada", "cost 1000")).await;
    assert_eq!((held.status, held.text.contains("in a moment")), (429, true), "{}", held.text);

    // As if the run had begun long ago: the name of the attribute has the time at which it lapses.
    let [budget] = &budgets("budget-killed").await[..] else { panic!("it is one user's") };
    let [hold] = &budget.holds[..] else { panic!("one run holds something") };
    let earlier = json!({
        "TableName": "budget-killed", "Key": {"id": {"S": budget.id}},
        "UpdateExpression": "SET #earlier = :tokens REMOVE #hold",
        "ExpressionAttributeNames": {"#earlier": "hold#1#run", "#hold": hold},
        "ExpressionAttributeValues": {":tokens": {"N": budget.taken.to_string()}},
    });
    Moto::shared().dynamodb("UpdateItem", &earlier).await;

    assert_eq!(end_of(&Reply::send(&function, &event_of("ada", "cost 1000")).await), "success");
    let [budget] = &budgets("budget-killed").await[..] else { panic!("it is the same item") };
    assert_eq!((budget.taken, budget.holds.len()), (1000, 0));
}

#[tokio::test]
async fn user_and_organization_have_an_item_each_that_names_nobody() {
    Moto::shared().create_table("budget-items").await;
    let variables = [("AGUI_BUDGET_USER_TOKENS", "100000"), ("AGUI_BUDGET_ORG_TOKENS", "100000")];
    let function = start_function("budget-items", &variables).await;
    for user in ["ada", "bob", "ada"] {
        assert_eq!(end_of(&Reply::send(&function, &event_of(user, "cost 1000")).await), "success");
    }
    let anonymous = url_event(&[("x-agui-token", TOKEN)], &user_input("cost 1000"));
    assert_eq!(Reply::send(&function, &anonymous).await.status, 200);

    let budgets = budgets("budget-items").await;
    let kind = |budget: &Budget| budget.id.split('#').nth(2).unwrap().to_owned();
    let mut taken: Vec<(String, u64)> = budgets.iter().map(|budget| (kind(budget), budget.taken)).collect();
    taken.sort();
    assert_eq!(taken, [("org".into(), 3000), ("user".into(), 1000), ("user".into(), 2000)]);
    let id = &budgets[0].id;
    assert!(id.starts_with("budget#20") && !id.contains("acme") && !id.contains("ada"), "{id}");
}

#[tokio::test]
async fn reservation_whose_response_was_lost_is_settled() {
    Moto::shared().create_table("budget-lost").await;
    let proxy = FaultProxy::new(Some(Fault::LateResponse)).await;
    let variables = [("AWS_ENDPOINT_URL_DYNAMODB", proxy.url()), ("AGUI_BUDGET_USER_TOKENS", "100000")];
    let function = start_function("budget-lost", &variables).await;
    let gate = Gate::new().await;
    let mut event = gate.event();
    event["requestContext"]["authorizer"] = event_of("ada", "")["requestContext"]["authorizer"].clone();

    // The run waits for its reservation and goes on without it. The table has it all the same.
    let mut reading = Reading::start(&function, &event).await;
    reading.until(1, "one ").await;
    proxy.set_fault(None).await;
    drop(gate.reached().await);
    drop(gate.reached().await);
    assert_eq!(reading.end().await.last().unwrap()["outcome"]["type"], "success");

    let [budget] = &budgets("budget-lost").await[..] else { panic!("it is one user's") };
    assert!(budget.holds.is_empty() && (1..8192).contains(&budget.taken), "{}", budget.taken);
    let log = function.logs().join("\n");
    assert!(log.contains("the store of budgets failed") && log.contains("reserve"), "{log}");
}

#[tokio::test]
async fn throttled_table_does_not_open_the_budget() {
    Moto::shared().create_table("budget-throttled").await;
    let proxy = FaultProxy::new(Some(Fault::Throttled)).await;
    let variables = [("AWS_ENDPOINT_URL_DYNAMODB", proxy.url()), ("AGUI_BUDGET_USER_TOKENS", "10000")];
    let function = start_function("budget-throttled", &variables).await;

    let refused = Reply::send(&function, &event_of("ada", "cost 1000")).await;
    assert_eq!((refused.status, end_of(&refused).as_str()), (429, "BUDGET_USED"));
    assert!(refused.text.contains("in a moment"), "{}", refused.text);

    proxy.set_fault(None).await;
    assert_eq!(end_of(&Reply::send(&function, &event_of("ada", "cost 1000")).await), "success");
}

#[tokio::test]
async fn missing_table_stops_no_run_and_is_logged() {
    let function = start_function("nowhere", &[("AGUI_BUDGET_USER_TOKENS", "1000")]).await;

    assert_eq!(end_of(&Reply::send(&function, &event_of("ada", "cost 1000")).await), "success");

    let log = function.logs().join("\n");
    let failures = log.lines().filter(|line| line.contains("the store of budgets failed")).count();
    assert_eq!(failures, 2, "to reserve and to settle: {log}");
}

#[tokio::test]
async fn budget_in_local_mode_is_counted_in_memory() {
    let function = test_function(&[("AGUI_BUDGET_USER_TOKENS", "5000")]).await;
    assert_eq!(end_of(&Reply::send(&function, &event_of("ada", "cost 5000")).await), "success");

    let refused = Reply::send(&function, &event_of("ada", "cost 5000")).await;

    assert_eq!((refused.status, end_of(&refused).as_str()), (429, "BUDGET_USED"));
    let hint = refused.json()["error"]["hint"].as_str().unwrap().to_owned();
    assert!(hint.starts_with("AGUI_BUDGET_USER_TOKENS"), "{hint}");
    assert_eq!(end_of(&Reply::send(&function, &event_of("bob", "cost 5000")).await), "success");
}
