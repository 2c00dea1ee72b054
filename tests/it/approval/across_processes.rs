//! Approvals through the function's binary: across killed processes, key rotations, and a replay store in moto's DynamoDB.

use std::sync::Arc;

use ag_ui_dev::FunctionUrl;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::faults::recovers;
use crate::support::client_run::run_client;
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::function::{
    Function, Reply, TOKEN, function, local_function, test_function, url_event, user_input,
};
use crate::support::log::wait_for_log_line;
use crate::support::moto::Moto;
use crate::support::rotation_function::{RotationFunction, STEPS};

const OLD: &str = r#"{"key":"0123456789abcdef0123456789abcdef"}"#;
const NEW: &str = r#"{"key":"fedcba9876543210fedcba9876543210"}"#;
const THIRD: &str = r#"{"key":"a third key of 32 characters, exactly"}"#;

/// Starts a function with moto as its AWS, the approval key in this secret, and these variables.
async fn start_function(secret: &str, variables: &[(&str, &str)]) -> Function {
    let moto = Moto::shared().env();
    let own = [("AGUI_LOCAL", "1"), ("AGUI_TOKEN", TOKEN), ("AGUI_APPROVAL_SECRET_ID", secret)];
    function(moto.iter().chain(&own).chain(variables)).await
}

/// Returns an event for this user, whom a Lambda authorizer has verified and who may refund.
fn event_of(user: &str, input: &Value) -> Value {
    let mut event = url_event(&[("x-agui-token", TOKEN)], input);
    event["requestContext"]["authorizer"] =
        json!({"lambda": {"principalId": user, "permissions": "refunds:write"}});
    event
}

/// Returns the input of a run in which the model calls the refund.
fn refund_input() -> Value {
    json!({
        "threadId": "t", "runId": "r1", "protocolVersion": "1.0",
        "messages": [{"id": "u1", "role": "user", "content": "refund order 1234 for 20"}],
    })
}

/// Returns the next input: the history with the call, and an approval of its interrupt.
fn approved_input(reply: &Reply) -> Value {
    let started = reply.events.iter().find(|event| event["type"] == "TOOL_CALL_START").unwrap();
    let pieces = reply.events.iter().filter(|event| event["type"] == "TOOL_CALL_ARGS");
    let arguments: String = pieces.map(|event| event["delta"].as_str().unwrap()).collect();
    let function = json!({"name": started["toolCallName"], "arguments": arguments});
    let call = json!({"id": started["toolCallId"], "type": "function", "function": function});
    let mut input = refund_input();
    input["runId"] = "r2".into();
    input["messages"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": started["parentMessageId"], "role": "assistant", "toolCalls": [call]}));
    let interrupt = &reply.events.last().unwrap()["outcome"]["interrupts"][0];
    input["resume"] =
        json!([{"interruptId": interrupt["id"], "status": "resolved", "payload": {"approved": true}}]);
    input
}

/// Returns the tool results of a run.
fn results_of(reply: &Reply) -> Vec<Value> {
    let results = reply.events.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT");
    results.map(|event| serde_json::from_str(event["content"].as_str().unwrap()).unwrap()).collect()
}

/// Returns the text that a run has emitted.
fn text_of(reply: &Reply) -> String {
    reply.events.iter().filter_map(|event| event["delta"].as_str()).collect()
}

/// Returns the result of the refund that ran.
fn refund_result() -> Value {
    json!({"order_id": "1234", "amount": 20.0, "status": "refunded"})
}

/// Returns the result of a call that did not run because its approval could not be verified.
fn declined_result() -> Value {
    json!({
        "error": "No result of this call is known. It was not run for this message. If it was approved or needed no \
                  approval, it may have run before.",
        "interrupt": "unknown",
    })
}

/// Counts the refunds that the function has logged.
fn count_refunds(function: &Function) -> usize {
    function.logs().iter().filter(|line| line.contains("refund made")).count()
}

#[tokio::test]
async fn another_process_runs_an_approved_call_once() {
    Moto::shared().create_secret("approval-killed", OLD).await;
    let first = start_function("approval-killed", &[]).await;
    let interrupted = Reply::send(&first, &event_of("ada", &refund_input())).await;
    assert_eq!(interrupted.events.last().unwrap()["outcome"]["type"], "interrupt", "{}", interrupted.text);
    assert_eq!((results_of(&interrupted).len(), count_refunds(&first)), (0, 0));
    drop(first);

    let second = start_function("approval-killed", &[]).await;
    let reply = Reply::send(&second, &event_of("ada", &approved_input(&interrupted))).await;

    assert_eq!(results_of(&reply), [refund_result()]);
    let kinds: Vec<&Value> = reply.events.iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds[..2], ["RUN_STARTED", "TOOL_CALL_RESULT"]);
    assert!(!kinds.iter().any(|kind| *kind == "TOOL_CALL_START"), "{kinds:?}");
    assert_eq!(reply.events.last().unwrap()["outcome"]["type"], "success");
    assert_eq!(count_refunds(&second), 1);

    // Another user of the same authorizer, who has everything that the first user's client knows.
    let foreign = Reply::send(&second, &event_of("bob", &approved_input(&interrupted))).await;
    assert_eq!((foreign.status, results_of(&foreign)), (200, vec![declined_result()]));
    let mut changed = approved_input(&interrupted);
    changed["messages"][1]["toolCalls"][0]["function"]["arguments"] =
        r#"{"order_id":"1234","amount":2000}"#.into();
    assert_eq!(results_of(&Reply::send(&second, &event_of("ada", &changed)).await), [declined_result()]);
    assert_eq!(count_refunds(&second), 1);
}

#[tokio::test]
async fn local_mode_logs_why_a_token_is_invalid() {
    let function = local_function(&[("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef")]).await;
    let interrupted = Reply::send(&function, &event_of("ada", &refund_input())).await;
    assert_eq!(
        results_of(&Reply::send(&function, &event_of("bob", &approved_input(&interrupted))).await),
        [declined_result()]
    );
    let mut changed = approved_input(&interrupted);
    changed["messages"][1]["toolCalls"][0]["function"]["arguments"] =
        r#"{"order_id":"1234","amount":2000}"#.into();
    changed["threadId"] = "t2".into();
    assert_eq!(results_of(&Reply::send(&function, &event_of("ada", &changed)).await), [declined_result()]);
    function.kill().await;

    let log = function.logs();
    let lines = log.iter().filter(|line| line.contains("the token of an answer is invalid"));
    let differences: Vec<bool> = lines
        .zip([r#"difference="the caller""#, r#"difference="the thread, the arguments""#])
        .map(|(line, difference)| line.contains(difference) && line.contains(r#"tool="refund_order""#))
        .collect();
    assert_eq!(differences, [true, true], "{log:#?}");
}

#[tokio::test]
async fn approval_survives_one_key_rotation_but_not_two() {
    let moto = Moto::shared();
    moto.create_secret("approval-rotated", OLD).await;
    let first = start_function("approval-rotated", &[]).await;
    let interrupted = Reply::send(&first, &event_of("ada", &refund_input())).await;
    drop(first);
    moto.rotate_secret("approval-rotated", NEW).await;

    let second = start_function("approval-rotated", &[]).await;
    let reply = Reply::send(&second, &event_of("ada", &approved_input(&interrupted))).await;
    assert_eq!(results_of(&reply), [refund_result()]);
    let signed = Reply::send(&second, &event_of("ada", &refund_input())).await;
    let id = signed.events.last().unwrap()["outcome"]["interrupts"][0]["id"].to_string();
    assert!(id.contains(".4ba68aa8."), "the new key signs: {id}");

    moto.rotate_secret("approval-rotated", THIRD).await;
    let third = start_function("approval-rotated", &[]).await;
    assert_eq!(
        results_of(&Reply::send(&third, &event_of("ada", &approved_input(&interrupted))).await),
        [declined_result()]
    );
    assert_eq!(count_refunds(&third), 0);
}

#[tokio::test]
async fn approvals_survive_the_rotation_function() {
    let moto = Moto::shared();
    moto.create_secret("approval-rotate", OLD).await;
    let running = start_function("approval-rotate", &[]).await;
    let rotator = RotationFunction::start().await;
    // Each call is of another run, so that none of them is a call that was decided before.
    let ask = async |function: &Function, run: &str| {
        let mut input = refund_input();
        input["runId"] = run.into();
        Reply::send(function, &event_of("ada", &input)).await
    };
    let mut interrupted = vec![ask(&running, "before").await];

    let (arn, version) = moto.begin_rotation("approval-rotate").await;
    for step in STEPS {
        assert_eq!(rotator.invoke_step(step, &arn, &version).await, Ok(()), "{step}");
        // The last interrupt is signed with the old key as well, because this function has not fetched the new one yet.
        interrupted.push(ask(&running, step).await);
    }

    let cold = start_function("approval-rotate", &[]).await;
    for interrupted in &interrupted {
        for function in [&running, &cold] {
            let reply = Reply::send(function, &event_of("ada", &approved_input(interrupted))).await;
            assert_eq!(results_of(&reply), [refund_result()], "{}", reply.text);
        }
    }
    let signed = ask(&cold, "behind").await;
    let reply = Reply::send(&running, &event_of("ada", &approved_input(&signed))).await;
    assert_eq!(
        results_of(&reply),
        [refund_result()],
        "a proof of the new key, before it is known here: {}",
        reply.text
    );
    let refunds = [count_refunds(&running), count_refunds(&cold)];
    assert_eq!(refunds, [interrupted.len() + 1, interrupted.len()], "each approval has run its call");
}

#[tokio::test]
async fn refetches_the_key_for_an_unknown_key_id() {
    let moto = Moto::shared();
    moto.create_secret("approval-newer", OLD).await;
    let old = start_function("approval-newer", &[]).await;
    assert_eq!(Reply::send(&old, &event_of("ada", &refund_input())).await.status, 200);
    moto.rotate_secret("approval-newer", NEW).await;
    let new = start_function("approval-newer", &[]).await;
    let interrupted = Reply::send(&new, &event_of("ada", &refund_input())).await;

    let reply = Reply::send(&old, &event_of("ada", &approved_input(&interrupted))).await;

    assert_eq!(results_of(&reply), [refund_result()]);
}

#[tokio::test]
async fn replayed_approval_runs_once_across_functions() {
    let moto = Moto::shared();
    moto.create_secret("approval-once", OLD).await;
    moto.create_table("approvals").await;
    let table = [("AGUI_APPROVAL_TABLE", "approvals")];
    let first = start_function("approval-once", &table).await;
    let second = start_function("approval-once", &table).await;
    let interrupted = Reply::send(&first, &event_of("ada", &refund_input())).await;

    let event = event_of("ada", &approved_input(&interrupted));
    let (one, other) = tokio::join!(Reply::send(&first, &event), Reply::send(&second, &event));

    assert_eq!(count_refunds(&first) + count_refunds(&second), 1);
    let reply = [results_of(&one), results_of(&other)].concat();
    let unknown = |result: &Value| result["interrupt"] == "outcome_unknown";
    assert!(reply.contains(&refund_result()), "{reply:?}");
    assert!(reply.iter().all(|result| *result == refund_result() || unknown(result)), "{reply:?}");

    let replayed = Reply::send(&second, &event).await;
    assert_eq!(results_of(&replayed), [refund_result()], "what came of it is stored");
    assert_eq!(count_refunds(&first) + count_refunds(&second), 1);
}

#[tokio::test]
async fn local_mode_remembers_approvals_until_the_process_ends() {
    let variables =
        [("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef"), ("AWS_LAMBDA_MAX_CONCURRENCY", "2")];
    let function = local_function(&variables).await;
    let interrupted = Reply::send(&function, &event_of("ada", &refund_input())).await;
    let event = event_of("ada", &approved_input(&interrupted));

    let (one, other) = tokio::join!(Reply::send(&function, &event), Reply::send(&function, &event));
    let reply = [results_of(&one), results_of(&other)].concat();
    assert!(reply.contains(&refund_result()), "{reply:?}");

    // A second tab has the call and, where its result belongs, a message that nobody has signed.
    let mut second_tab = approved_input(&interrupted);
    let call = second_tab["messages"][1]["toolCalls"][0]["id"].clone();
    let unsigned = json!({"id": "x1", "role": "tool", "toolCallId": call, "content": "made up"});
    second_tab["messages"].as_array_mut().unwrap().push(unsigned);
    for input in [approved_input(&interrupted), second_tab] {
        let replayed = Reply::send(&function, &event_of("ada", &input)).await;
        assert_eq!(results_of(&replayed), [refund_result()], "what came of it is stored: {}", replayed.text);
    }
    assert_eq!(count_refunds(&function), 1);
    let log = function.logs().join("\n");
    assert!(!log.contains("no store remembers which approvals were used"), "{log}");

    let restarted = local_function(&variables).await;
    assert_eq!(results_of(&Reply::send(&restarted, &event).await), [refund_result()]);
    assert_eq!(count_refunds(&restarted), 1, "what the process before remembered is lost");
}

#[tokio::test]
async fn concurrent_reservations_run_the_tool_once() {
    let moto = Moto::shared();
    moto.create_secret("approval-held", OLD).await;
    moto.create_table("approvals-held").await;
    let proxy = FaultProxy::new(Some(Fault::LateResponse)).await;
    let table = [("AGUI_APPROVAL_TABLE", "approvals-held"), ("AWS_ENDPOINT_URL_DYNAMODB", proxy.url())];
    let first = start_function("approval-held", &table).await;
    let second = start_function("approval-held", &table).await;
    let interrupted = Reply::send(&first, &event_of("ada", &refund_input())).await;
    let event = event_of("ada", &approved_input(&interrupted));

    // An implementation that reads before it writes has read nothing in both functions by now.
    let both_have_come = async {
        proxy.wait_for_reads(2).await;
        proxy.set_fault(None).await;
    };
    let (one, other, ()) =
        tokio::join!(Reply::send(&first, &event), Reply::send(&second, &event), both_have_come);

    assert_eq!(count_refunds(&first) + count_refunds(&second), 1);
    let reply = [results_of(&one), results_of(&other)].concat();
    assert!(reply.contains(&refund_result()), "{reply:?}");
    assert!(reply.iter().any(|result| result["interrupt"] == "outcome_unknown"), "{reply:?}");
}

#[tokio::test]
async fn missing_table_runs_nothing_and_is_logged() {
    Moto::shared().create_secret("approval-no-table", OLD).await;
    let function = start_function("approval-no-table", &[("AGUI_APPROVAL_TABLE", "nowhere")]).await;
    let interrupted = Reply::send(&function, &event_of("ada", &refund_input())).await;

    let reply = Reply::send(&function, &event_of("ada", &approved_input(&interrupted))).await;

    assert_eq!(results_of(&reply)[0]["interrupt"], "not_claimed");
    assert_eq!(count_refunds(&function), 0);
    let log = function.logs().join("\n");
    assert!(log.contains("the store of used approvals failed"), "{log}");
}

#[tokio::test]
async fn table_that_is_down_runs_nothing_until_it_is_back() {
    let moto = Moto::shared();
    moto.create_secret("approval-down", OLD).await;
    moto.create_table("approvals-down").await;
    let proxy = FaultProxy::new(None).await;
    let table = [("AGUI_APPROVAL_TABLE", "approvals-down"), ("AWS_ENDPOINT_URL_DYNAMODB", proxy.url())];
    let function = start_function("approval-down", &table).await;
    // Each call is of another run, so that none of them is a call that was decided before.
    let ask = async |run: String| {
        let mut input = refund_input();
        input["runId"] = run.into();
        Reply::send(&function, &event_of("ada", &input)).await
    };
    let faults = [Fault::InternalError, Fault::ConnectionRefused, Fault::NoResponse, Fault::AccessDenied];
    for (count, fault) in faults.into_iter().enumerate() {
        let interrupted = ask(format!("down-{count}")).await;

        proxy.set_fault(Some(fault)).await;
        let reply = Reply::send(&function, &event_of("ada", &approved_input(&interrupted))).await;
        assert_eq!(results_of(&reply)[0]["interrupt"], "not_claimed", "{fault:?}: {}", reply.text);
        assert_eq!(reply.events.last().unwrap()["outcome"]["type"], "success", "{fault:?}: {}", reply.text);
        wait_for_log_line(&function, "the store of used approvals failed").await;
        recovers(&function, &[&interrupted.text, &reply.text]).await;

        proxy.set_fault(None).await;
        let interrupted = ask(format!("back-{count}")).await;
        let reply = Reply::send(&function, &event_of("ada", &approved_input(&interrupted))).await;
        assert_eq!(results_of(&reply), [refund_result()], "{fault:?}: {}", reply.text);
    }
    function.kill().await;
    assert_eq!(count_refunds(&function), faults.len(), "those that could be registered");
}

#[tokio::test]
async fn missing_key_closes_the_tool_and_is_logged_at_start() {
    let function = function(&[("AGUI_LOCAL", "1"), ("AGUI_TOKEN", TOKEN)]).await;

    let reply = Reply::send(&function, &event_of("ada", &refund_input())).await;

    assert!(text_of(&reply).contains("refund_order, which is not on offer"), "{}", text_of(&reply));
    let log = function.logs().join("\n");
    assert!(log.contains("tools that need approval are closed") && log.contains("refund_order"), "{log}");
}

#[tokio::test]
async fn tool_needs_the_permission_with_any_key() {
    Moto::shared().create_secret("approval-permission", OLD).await;
    let function = start_function("approval-permission", &[]).await;
    let mut event = event_of("ada", &refund_input());
    event["requestContext"]["authorizer"]["lambda"]["permissions"] = "refunds:read".into();

    let reply = Reply::send(&function, &event).await;

    assert!(text_of(&reply).contains("refund_order, which is not on offer"), "{}", text_of(&reply));
}

#[tokio::test]
async fn binds_approvals_to_the_configured_claims() {
    Moto::shared().create_secret("approval-names", OLD).await;
    let names = [("AGUI_CLAIM_USER", "login"), ("AGUI_CLAIM_ORG", "tenant")];
    let function = start_function("approval-names", &names).await;
    let asks = |login: &str, tenant: &str, input: &Value| {
        let mut event = event_of("the-same", input);
        event["requestContext"]["authorizer"]["lambda"]["login"] = login.into();
        event["requestContext"]["authorizer"]["lambda"]["tenant"] = tenant.into();
        event
    };
    let interrupted = Reply::send(&function, &asks("ada", "acme", &refund_input())).await;

    for (login, tenant, result) in [
        ("bob", "acme", declined_result()),
        ("ada", "umbrella", declined_result()),
        ("ada", "acme", refund_result()),
    ] {
        let reply = Reply::send(&function, &asks(login, tenant, &approved_input(&interrupted))).await;
        assert_eq!(results_of(&reply), [result], "{login} of {tenant}");
    }
    assert_eq!(count_refunds(&function), 1);
}

#[tokio::test]
async fn unavailable_key_asks_the_client_to_retry() {
    Moto::shared().create_secret("approval-away", OLD).await;
    let first = start_function("approval-away", &[]).await;
    let interrupted = Reply::send(&first, &event_of("ada", &refund_input())).await;
    let away = start_function("approval-that-is-not-there", &[]).await;

    let reply = Reply::send(&away, &event_of("ada", &approved_input(&interrupted))).await;

    assert_eq!((reply.status, reply.json()["error"]["code"].clone()), (503, "SECRET_UNAVAILABLE".into()));
    let interrupted = Reply::send(&away, &event_of("ada", &refund_input())).await;
    let error = results_of(&interrupted)[0]["error"].clone();
    assert_eq!(error, "Nobody can be asked about this call right now. It was not run.");
}

#[tokio::test]
async fn signed_results_survive_one_rotation_but_forgeries_fail() {
    let moto = Moto::shared();
    moto.create_secret("results-rotated", OLD).await;
    let started = async || {
        let env = moto.env();
        let own = [("AGUI_APPROVAL_SECRET_ID", "results-rotated")];
        test_function(&env.iter().copied().chain(own).collect::<Vec<_>>()).await
    };
    let asks = |input: &Value| url_event(&[("x-agui-token", TOKEN)], input);
    let reply = Reply::send(&started().await, &asks(&user_input("call chart"))).await;
    let [.., restated, _end] = &reply.events[..] else { panic!("{}", reply.text) };
    let mut next = user_input("recall");
    let mut question = next["messages"][0].clone();
    question["id"] = "u2".into();
    next["messages"] = restated["messages"].clone();
    next["messages"].as_array_mut().unwrap().push(question);
    let place = index_of_signed_result(&next);
    let unverified = "The result of this call could not be verified.";

    for (rotated_to, is_read) in [(None, true), (Some(NEW), true), (Some(THIRD), false)] {
        if let Some(key) = rotated_to {
            moto.rotate_secret("results-rotated", key).await;
        }
        let function = started().await;
        let read = text_of(&Reply::send(&function, &asks(&next)).await);
        assert_eq!(read == unverified, !is_read, "{rotated_to:?}: {read}");
        let is_logged = function.logs().iter().any(|line| line.contains("results could not be verified"));
        assert_eq!(is_logged, !is_read, "{rotated_to:?}");
        let mut forged = next.clone();
        forged["messages"][place]["content"] = "Sales fell.".into();
        assert_eq!(text_of(&Reply::send(&function, &asks(&forged)).await), unverified);
    }
}

/// Returns the index of the first tool message.
fn index_of_signed_result(input: &Value) -> usize {
    let messages = input["messages"].as_array().unwrap();
    messages.iter().position(|message| message["role"] == "tool").unwrap()
}

#[tokio::test]
async fn clients_complete_approvals_across_processes_and_keys() {
    for client in ["1.0", "0.0.59"] {
        let secret = if client == "1.0" { "approval-by-1-0" } else { "approval-by-0-0-59" };
        Moto::shared().create_secret(secret, OLD).await;
        let functions: Arc<Mutex<Vec<Function>>> = Arc::default();
        let served = Arc::clone(&functions);
        let function_url = FunctionUrl::serve(move |mut event: Value| {
            let served = Arc::clone(&served);
            async move {
                let mut served = served.lock().await;
                if let Some(earlier) = served.last() {
                    earlier.kill().await;
                    Moto::shared().rotate_secret(secret, NEW).await;
                }
                event["requestContext"]["authorizer"] =
                    json!({"lambda": {"principalId": "ada", "permissions": "refunds:write"}});
                let function = start_function(secret, &[]).await;
                let answer = function.invoke(&event).await;
                served.push(function);
                answer
            }
        })
        .await
        .unwrap();

        let runs = run_client(client, "approval", &function_url.url(), &format!("{client}-approval")).await;

        let functions = functions.lock().await;
        assert_eq!((runs.len(), functions.len()), (2, 2), "{client}");
        let made: Vec<usize> = functions.iter().map(count_refunds).collect();
        assert_eq!(made, [0, 1], "{client}");
    }
}
