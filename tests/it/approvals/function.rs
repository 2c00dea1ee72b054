//! Approvals through the function binary: across killed processes, a rotation, and moto's DynamoDB.

use std::sync::Arc;

use ag_ui_dev::FunctionUrl;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::function::{
    Function, Reply, TOKEN, function, local_function, says, test_function, url_event,
};
use crate::support::moto::Moto;
use crate::support::played::played;
use crate::support::rotator::{Rotator, STEPS};

const OLD: &str = r#"{"key":"0123456789abcdef0123456789abcdef"}"#;
const NEW: &str = r#"{"key":"fedcba9876543210fedcba9876543210"}"#;
const THIRD: &str = r#"{"key":"a third key of 32 characters, exactly"}"#;

/// A function that reads moto, with the approval key in this secret and these variables.
async fn started(secret: &str, variables: &[(&str, &str)]) -> Function {
    let moto = Moto::shared().env();
    let own = [("AGUI_LOCAL", "1"), ("AGUI_TOKEN", TOKEN), ("AGUI_APPROVAL_SECRET_ID", secret)];
    function(moto.iter().chain(&own).chain(variables)).await
}

/// What a Lambda authorizer has proven of a caller who may refund.
fn asks(user: &str, input: &Value) -> Value {
    let mut event = url_event(&[("x-agui-token", TOKEN)], input);
    event["requestContext"]["authorizer"] =
        json!({"lambda": {"principalId": user, "scope": "refunds:write"}});
    event
}

fn refund() -> Value {
    json!({
        "threadId": "t", "runId": "r1", "protocolVersion": "1.0",
        "messages": [{"id": "u1", "role": "user", "content": "refund order 1234 for 20"}],
    })
}

/// The next input: the history with the call, and a yes to its interrupt.
fn approved(reply: &Reply) -> Value {
    let started = reply.events.iter().find(|event| event["type"] == "TOOL_CALL_START").unwrap();
    let pieces = reply.events.iter().filter(|event| event["type"] == "TOOL_CALL_ARGS");
    let arguments: String = pieces.map(|event| event["delta"].as_str().unwrap()).collect();
    let function = json!({"name": started["toolCallName"], "arguments": arguments});
    let call = json!({"id": started["toolCallId"], "type": "function", "function": function});
    let mut input = refund();
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

/// The results of a run.
fn results(reply: &Reply) -> Vec<Value> {
    let results = reply.events.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT");
    results.map(|event| serde_json::from_str(event["content"].as_str().unwrap()).unwrap()).collect()
}

/// The text of a run.
fn said(reply: &Reply) -> String {
    reply.events.iter().filter_map(|event| event["delta"].as_str()).collect()
}

fn refunded() -> Value {
    json!({"order_id": "1234", "amount": 20.0, "status": "refunded"})
}

/// The result of a call that is not run since nothing proves that it may be.
fn declined() -> Value {
    json!({
        "error": "No result of this call is known. It was not run for this message. If it was approved or needed no \
                  approval, it may have run before.",
        "interrupt": "unknown",
    })
}

/// How often the function made a refund, as its log says.
fn refunds(function: &Function) -> usize {
    function.logs().iter().filter(|line| line.contains("refund made")).count()
}

#[tokio::test]
async fn given_an_interrupt_when_the_function_is_killed_then_another_one_runs_the_tool_once() {
    Moto::shared().create_secret("approval-killed", OLD).await;
    let first = started("approval-killed", &[]).await;
    let asked = Reply::to(&first, &asks("ada", &refund())).await;
    assert_eq!(asked.events.last().unwrap()["outcome"]["type"], "interrupt", "{}", asked.text);
    assert_eq!((results(&asked).len(), refunds(&first)), (0, 0));
    drop(first);

    let second = started("approval-killed", &[]).await;
    let told = Reply::to(&second, &asks("ada", &approved(&asked))).await;

    assert_eq!(results(&told), [refunded()]);
    let kinds: Vec<&Value> = told.events.iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds[..2], ["RUN_STARTED", "TOOL_CALL_RESULT"]);
    assert!(!kinds.iter().any(|kind| *kind == "TOOL_CALL_START"), "{kinds:?}");
    assert_eq!(told.events.last().unwrap()["outcome"]["type"], "success");
    assert_eq!(refunds(&second), 1);

    // Another user of the same authorizer, with all that the client of the first one knows.
    let foreign = Reply::to(&second, &asks("bob", &approved(&asked))).await;
    assert_eq!((foreign.status, results(&foreign)), (200, vec![declined()]));
    let mut changed = approved(&asked);
    changed["messages"][1]["toolCalls"][0]["function"]["arguments"] =
        r#"{"order_id":"1234","amount":2000}"#.into();
    assert_eq!(results(&Reply::to(&second, &asks("ada", &changed)).await), [declined()]);
    assert_eq!(refunds(&second), 1);
}

#[tokio::test]
async fn given_local_mode_when_a_proof_does_not_hold_then_the_log_says_what_differs() {
    let function = local_function(&[("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef")]).await;
    let asked = Reply::to(&function, &asks("ada", &refund())).await;
    assert_eq!(results(&Reply::to(&function, &asks("bob", &approved(&asked))).await), [declined()]);
    let mut changed = approved(&asked);
    changed["messages"][1]["toolCalls"][0]["function"]["arguments"] =
        r#"{"order_id":"1234","amount":2000}"#.into();
    changed["threadId"] = "t2".into();
    assert_eq!(results(&Reply::to(&function, &asks("ada", &changed)).await), [declined()]);
    function.kill().await;

    let log = function.logs();
    let lines = log.iter().filter(|line| line.contains("the proof of an answer does not hold"));
    let differences: Vec<bool> = lines
        .zip([r#"difference="the caller""#, r#"difference="the thread, the arguments""#])
        .map(|(line, difference)| line.contains(difference) && line.contains(r#"tool="refund_order""#))
        .collect();
    assert_eq!(differences, [true, true], "{log:#?}");
}

#[tokio::test]
async fn given_a_key_that_was_rotated_in_between_then_the_approval_still_counts_and_after_two_it_does_not() {
    let moto = Moto::shared();
    moto.create_secret("approval-rotated", OLD).await;
    let first = started("approval-rotated", &[]).await;
    let asked = Reply::to(&first, &asks("ada", &refund())).await;
    drop(first);
    moto.rotate_secret("approval-rotated", NEW).await;

    let second = started("approval-rotated", &[]).await;
    let told = Reply::to(&second, &asks("ada", &approved(&asked))).await;
    assert_eq!(results(&told), [refunded()]);
    let signed = Reply::to(&second, &asks("ada", &refund())).await;
    let id = signed.events.last().unwrap()["outcome"]["interrupts"][0]["id"].to_string();
    assert!(id.contains(".4ba68aa8."), "the new key signs: {id}");

    moto.rotate_secret("approval-rotated", THIRD).await;
    let third = started("approval-rotated", &[]).await;
    assert_eq!(results(&Reply::to(&third, &asks("ada", &approved(&asked))).await), [declined()]);
    assert_eq!(refunds(&third), 0);
}

#[tokio::test]
async fn given_the_key_rotated_by_its_function_then_approvals_of_before_and_meanwhile_still_count() {
    let moto = Moto::shared();
    moto.create_secret("approval-rotate", OLD).await;
    let running = started("approval-rotate", &[]).await;
    let rotator = Rotator::start().await;
    let mut asked = vec![Reply::to(&running, &asks("ada", &refund())).await];

    let (arn, version) = moto.begin_rotation("approval-rotate").await;
    for step in STEPS {
        assert_eq!(rotator.step(step, &arn, &version).await, Ok(()), "{step}");
        // The last of them is signed with the old key too: this function has not read the new one yet.
        asked.push(Reply::to(&running, &asks("ada", &refund())).await);
    }

    let cold = started("approval-rotate", &[]).await;
    for asked in &asked {
        for function in [&running, &cold] {
            let told = Reply::to(function, &asks("ada", &approved(asked))).await;
            assert_eq!(results(&told), [refunded()], "{}", told.text);
        }
    }
    let signed = Reply::to(&cold, &asks("ada", &refund())).await;
    let told = Reply::to(&running, &asks("ada", &approved(&signed))).await;
    assert_eq!(
        results(&told),
        [refunded()],
        "a proof of the new key, before it is known here: {}",
        told.text
    );
}

#[tokio::test]
async fn given_a_proof_of_a_key_that_a_running_function_has_not_seen_then_it_reads_the_key_again() {
    let moto = Moto::shared();
    moto.create_secret("approval-newer", OLD).await;
    let old = started("approval-newer", &[]).await;
    assert_eq!(Reply::to(&old, &asks("ada", &refund())).await.status, 200);
    moto.rotate_secret("approval-newer", NEW).await;
    let new = started("approval-newer", &[]).await;
    let asked = Reply::to(&new, &asks("ada", &refund())).await;

    let told = Reply::to(&old, &asks("ada", &approved(&asked))).await;

    assert_eq!(results(&told), [refunded()]);
}

#[tokio::test]
async fn given_a_table_when_an_approval_is_brought_to_two_functions_then_the_tool_runs_once() {
    let moto = Moto::shared();
    moto.create_secret("approval-once", OLD).await;
    moto.create_table("approvals").await;
    let table = [("AGUI_APPROVAL_TABLE", "approvals")];
    let first = started("approval-once", &table).await;
    let second = started("approval-once", &table).await;
    let asked = Reply::to(&first, &asks("ada", &refund())).await;

    let event = asks("ada", &approved(&asked));
    let (one, other) = tokio::join!(Reply::to(&first, &event), Reply::to(&second, &event));

    assert_eq!(refunds(&first) + refunds(&second), 1);
    let told = [results(&one), results(&other)].concat();
    let unknown = |result: &Value| result["interrupt"] == "outcome_unknown";
    assert!(told.contains(&refunded()), "{told:?}");
    assert!(told.iter().all(|result| *result == refunded() || unknown(result)), "{told:?}");

    let replayed = Reply::to(&second, &event).await;
    assert_eq!(results(&replayed), [refunded()], "what came of it is stored");
    assert_eq!(refunds(&first) + refunds(&second), 1);
}

#[tokio::test]
async fn given_a_table_when_two_functions_claim_before_either_is_answered_then_the_tool_runs_once() {
    let moto = Moto::shared();
    moto.create_secret("approval-held", OLD).await;
    moto.create_table("approvals-held").await;
    let proxy = FaultProxy::new(Some(Fault::AnswersLate)).await;
    let table = [("AGUI_APPROVAL_TABLE", "approvals-held"), ("AWS_ENDPOINT_URL_DYNAMODB", proxy.url())];
    let first = started("approval-held", &table).await;
    let second = started("approval-held", &table).await;
    let asked = Reply::to(&first, &asks("ada", &refund())).await;
    let event = asks("ada", &approved(&asked));

    // Whoever looks first and writes then has looked by now, twice, and found nothing.
    let both_have_come = async {
        proxy.has_been_read_by(2).await;
        proxy.set(None).await;
    };
    let (one, other, ()) =
        tokio::join!(Reply::to(&first, &event), Reply::to(&second, &event), both_have_come);

    assert_eq!(refunds(&first) + refunds(&second), 1);
    let told = [results(&one), results(&other)].concat();
    assert!(told.contains(&refunded()), "{told:?}");
    assert!(told.iter().any(|result| result["interrupt"] == "outcome_unknown"), "{told:?}");
}

#[tokio::test]
async fn given_a_table_that_is_not_there_then_nothing_runs_and_the_log_says_why() {
    Moto::shared().create_secret("approval-no-table", OLD).await;
    let function = started("approval-no-table", &[("AGUI_APPROVAL_TABLE", "nowhere")]).await;
    let asked = Reply::to(&function, &asks("ada", &refund())).await;

    let told = Reply::to(&function, &asks("ada", &approved(&asked))).await;

    assert_eq!(results(&told)[0]["interrupt"], "not_claimed");
    assert_eq!(refunds(&function), 0);
    let log = function.logs().join("\n");
    assert!(log.contains("guard of approvals failed"), "{log}");
}

#[tokio::test]
async fn given_no_key_then_the_tool_is_closed_and_a_line_at_start_says_so() {
    let function = function(&[("AGUI_LOCAL", "1"), ("AGUI_TOKEN", TOKEN)]).await;

    let told = Reply::to(&function, &asks("ada", &refund())).await;

    assert!(said(&told).contains("refund_order, which is not on offer"), "{}", said(&told));
    let log = function.logs().join("\n");
    assert!(log.contains("tools that need approval are closed") && log.contains("refund_order"), "{log}");
}

#[tokio::test]
async fn given_no_permission_then_the_tool_is_not_offered_whatever_the_key() {
    Moto::shared().create_secret("approval-permission", OLD).await;
    let function = started("approval-permission", &[]).await;
    let mut event = asks("ada", &refund());
    event["requestContext"]["authorizer"]["lambda"]["scope"] = "refunds:read".into();

    let told = Reply::to(&function, &event).await;

    assert!(said(&told).contains("refund_order, which is not on offer"), "{}", said(&told));
}

#[tokio::test]
async fn given_other_names_of_claims_then_an_approval_is_bound_to_what_they_name() {
    Moto::shared().create_secret("approval-names", OLD).await;
    let names = [("AGUI_CLAIM_USER", "login"), ("AGUI_CLAIM_ORG", "tenant")];
    let function = started("approval-names", &names).await;
    let asks = |login: &str, tenant: &str, input: &Value| {
        let mut event = asks("the-same", input);
        event["requestContext"]["authorizer"]["lambda"]["login"] = login.into();
        event["requestContext"]["authorizer"]["lambda"]["tenant"] = tenant.into();
        event
    };
    let asked = Reply::to(&function, &asks("ada", "acme", &refund())).await;

    for (login, tenant, result) in
        [("bob", "acme", declined()), ("ada", "umbrella", declined()), ("ada", "acme", refunded())]
    {
        let told = Reply::to(&function, &asks(login, tenant, &approved(&asked))).await;
        assert_eq!(results(&told), [result], "{login} of {tenant}");
    }
    assert_eq!(refunds(&function), 1);
}

#[tokio::test]
async fn given_a_key_that_cannot_be_had_when_an_approval_comes_then_the_client_is_told_to_try_again() {
    Moto::shared().create_secret("approval-away", OLD).await;
    let first = started("approval-away", &[]).await;
    let asked = Reply::to(&first, &asks("ada", &refund())).await;
    let away = started("approval-that-is-not-there", &[]).await;

    let told = Reply::to(&away, &asks("ada", &approved(&asked))).await;

    assert_eq!((told.status, told.json()["error"]["code"].clone()), (503, "SECRET_UNAVAILABLE".into()));
    let asked = Reply::to(&away, &asks("ada", &refund())).await;
    let error = results(&asked)[0]["error"].clone();
    assert_eq!(error, "Nobody can be asked about this call right now. It was not run.");
}

#[tokio::test]
async fn given_a_signed_result_when_the_key_was_rotated_once_then_it_counts_and_a_forged_one_never_does() {
    let moto = Moto::shared();
    moto.create_secret("results-rotated", OLD).await;
    let started = async || {
        let env = moto.env();
        let own = [("AGUI_APPROVAL_SECRET_ID", "results-rotated")];
        test_function(&env.iter().copied().chain(own).collect::<Vec<_>>()).await
    };
    let asks = |input: &Value| url_event(&[("x-agui-token", TOKEN)], input);
    let told = Reply::to(&started().await, &asks(&says("call chart"))).await;
    let [.., restated, _end] = &told.events[..] else { panic!("{}", told.text) };
    let mut next = says("recall");
    let mut question = next["messages"][0].clone();
    question["id"] = "u2".into();
    next["messages"] = restated["messages"].clone();
    next["messages"].as_array_mut().unwrap().push(question);
    let place = told_result(&next);
    let unverified = "The result of this call could not be verified.";

    for (rotated_to, is_read) in [(None, true), (Some(NEW), true), (Some(THIRD), false)] {
        if let Some(key) = rotated_to {
            moto.rotate_secret("results-rotated", key).await;
        }
        let function = started().await;
        let read = said(&Reply::to(&function, &asks(&next)).await);
        assert_eq!(read == unverified, !is_read, "{rotated_to:?}: {read}");
        let mut forged = next.clone();
        forged["messages"][place]["content"] = "Sales fell.".into();
        assert_eq!(said(&Reply::to(&function, &asks(&forged)).await), unverified);
    }
}

/// Where the history's result is.
fn told_result(input: &Value) -> usize {
    let messages = input["messages"].as_array().unwrap();
    messages.iter().position(|message| message["role"] == "tool").unwrap()
}

#[tokio::test]
async fn given_either_client_when_each_run_has_a_process_and_a_key_of_its_own_then_the_approval_goes_through()
{
    for client in ["1.0", "0.0.59"] {
        let secret = if client == "1.0" { "approval-by-1-0" } else { "approval-by-0-0-59" };
        Moto::shared().create_secret(secret, OLD).await;
        let functions: Arc<Mutex<Vec<Function>>> = Arc::default();
        let served = Arc::clone(&functions);
        let door = FunctionUrl::serve(move |mut event: Value| {
            let served = Arc::clone(&served);
            async move {
                let mut served = served.lock().await;
                if let Some(earlier) = served.last() {
                    earlier.kill().await;
                    Moto::shared().rotate_secret(secret, NEW).await;
                }
                event["requestContext"]["authorizer"] =
                    json!({"lambda": {"principalId": "ada", "scope": "refunds:write"}});
                let function = started(secret, &[]).await;
                let answer = function.invoke(&event).await;
                served.push(function);
                answer
            }
        })
        .await
        .unwrap();

        let runs = played(client, "approval", &door.url(), &format!("{client}-approval")).await;

        let functions = functions.lock().await;
        assert_eq!((runs.len(), functions.len()), (2, 2), "{client}");
        let made: Vec<usize> = functions.iter().map(refunds).collect();
        assert_eq!(made, [0, 1], "{client}");
    }
}
