//! The lines of the log: one for each decision on a call, read from the function's output.

use ag_ui_dev::provider::{Provider, Reply as Told, Say, Wire};
use serde_json::{Value, json};

use crate::support::function::{Function, Reply, TOKEN, local_function, says, test_function, url_event};
use crate::support::provider::variables;

const KEY: (&str, &str) = ("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef");
const OTHER_KEY: (&str, &str) = ("AGUI_APPROVAL_KEY", "fedcba9876543210fedcba9876543210");
const JSON: (&str, &str) = ("AWS_LAMBDA_LOG_FORMAT", "JSON");

/// An event of a caller; null is nobody.
fn asks(caller: &Value, input: &Value) -> Value {
    let mut event = url_event(&[("x-agui-token", TOKEN)], input);
    if !caller.is_null() {
        event["requestContext"]["authorizer"] = json!({ "lambda": caller });
    }
    event
}

/// The lines with this message.
fn lines(function: &Function, message: &str) -> Vec<Value> {
    let lines = function.logs().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    lines.filter(|line| line["message"] == message).collect()
}

/// The decisions so far: tool, decision, reason.
fn decisions(function: &Function) -> Vec<[String; 3]> {
    let lines = lines(function, "tool authorization");
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or("-").to_owned();
    lines.iter().map(|line| ["tool", "decision", "reason"].map(|name| text(line, name))).collect()
}

/// Who the decisions so far were about.
fn who(function: &Function) -> Vec<String> {
    let lines = lines(function, "tool authorization");
    lines.iter().map(|line| line["who"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_call_has_one_line_with_its_decision_and_why() {
    let function = test_function(&[JSON]).await;
    let acme = json!({"principalId": "ada", "custom:org_id": "acme", "scope": "reports:read", "cognito:groups": "support"});
    let other = json!({"principalId": "ada", "custom:org_id": "umbrella", "scope": "support", "cognito:groups": "reports:read,explosive"});
    for (caller, text, expected) in [
        (&acme, "call for_permission", ["for_permission", "allowed", "offered"]),
        (&acme, "call for_group", ["for_group", "allowed", "offered"]),
        (&acme, "call for_org", ["for_org", "allowed", "offered"]),
        (&acme, "call for_the_calm", ["for_the_calm", "allowed", "offered"]),
        (&acme, "spend 100", ["spend", "allowed", "offered"]),
        (&acme, "spend 101", ["spend", "denied", "policy"]),
        (&acme, "spend 13", ["spend", "denied", "policy"]),
        (&other, "call for_permission", ["for_permission", "denied", "permission"]),
        (&other, "call for_group", ["for_group", "denied", "group"]),
        (&other, "call for_org", ["for_org", "denied", "caller"]),
        (&other, "call for_the_calm", ["for_the_calm", "denied", "caller"]),
        (&other, "spend 11", ["spend", "denied", "policy"]),
        (&Value::Null, "call for_permission", ["for_permission", "denied", "permission"]),
        (&Value::Null, "call for_group", ["for_group", "denied", "group"]),
        (&Value::Null, "call for_org", ["for_org", "denied", "caller"]),
        (&Value::Null, "spend 10", ["spend", "allowed", "offered"]),
        (&Value::Null, "call made_up_by_the_model", ["-", "denied", "unknown_tool"]),
    ] {
        let before = decisions(&function).len();

        let reply = Reply::to(&function, &asks(caller, &says(text))).await;

        assert_eq!(decisions(&function)[before..], [expected.map(ToOwned::to_owned)], "{caller} {text}");
        let is_run = reply.text.contains(r#""content":"done""#);
        assert_eq!(is_run, expected[1] == "allowed", "{caller} {text}: {}", reply.text);
    }
    let log = function.logs().join("\n");
    assert!(!log.contains("made_up_by_the_model"), "a model's word is in no line");
    let first = &lines(&function, "tool authorization")[0];
    assert_eq!(first["level"], "INFO");
    let ids = first.to_string();
    assert!(ids.contains(r#""thread_id":"t""#) && ids.contains(r#""run_id":"r""#), "{ids}");
}

#[tokio::test]
async fn calls_that_are_no_decision_have_no_line_and_calls_of_one_turn_have_one_each() {
    let function = test_function(&[JSON]).await;
    for (text, expected) in [("call edit", 0), ("Hello", 0), ("call chart surface", 2)] {
        let before = decisions(&function).len();

        Reply::to(&function, &asks(&Value::Null, &says(text))).await;

        assert_eq!(decisions(&function).len() - before, expected, "{text}");
    }
}

#[tokio::test]
async fn what_is_kept_from_a_caller_is_told_once_a_run_at_debug_and_never_above() {
    for (level, expected) in [("INFO", 0), ("DEBUG", 5)] {
        let function = test_function(&[JSON, ("AWS_LAMBDA_LOG_LEVEL", level)]).await;

        Reply::to(&function, &asks(&Value::Null, &says("call chart surface"))).await;

        let withheld = lines(&function, "tool withheld");
        let tools: Vec<&Value> = withheld.iter().map(|line| &line["tool"]).collect();
        assert_eq!(tools.len(), expected, "{tools:?}");
        if expected > 0 {
            // Two wait for a person, and there is no key of approvals.
            assert_eq!(tools, ["buy", "for_group", "for_org", "for_permission", "tailor"]);
            assert_eq!(withheld[0]["who"], "anonymous");
            let reasons: Vec<&Value> = withheld.iter().map(|line| &line["reason"]).collect();
            assert_eq!(reasons[..2], ["closed", "group"]);
        }
    }
}

fn person(user: &str, org: &str) -> Value {
    json!({"principalId": user, "custom:org_id": org, "scope": "reports:read"})
}

#[tokio::test]
async fn who_is_a_hash_that_is_the_same_for_the_same_identity_alone() {
    let ada = person("ada-lovelace-1815", "acme-of-london");
    let callers = [
        ada.clone(),
        ada.clone(),
        person("bob-babbage-1791", "acme-of-london"),
        person("ada-lovelace-1815", "umbrella-of-paris"),
        json!({"email": "nobody-is-named@example.com", "scope": "reports:read"}),
        Value::Null,
    ];
    let named = async |variables: &[(&str, &str)]| {
        let function = local_function(&[&[JSON], variables].concat()).await;
        for caller in &callers {
            Reply::to(&function, &asks(caller, &says("Who am I?"))).await;
        }
        let log = function.logs().join("\n");
        for plain in ["lovelace", "babbage", "acme-of", "umbrella-of", "nobody-is", "reports:read"] {
            assert!(!log.contains(plain), "{plain}: {log}");
        }
        who(&function)
    };

    let [first, again, bob, elsewhere, unnamed, nobody] = named(&[KEY]).await.try_into().unwrap();

    for hash in [&first, &bob, &elsewhere] {
        let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        assert!(hash.len() == 12 && hash.chars().all(is_hex), "{hash}");
    }
    assert_eq!(first, again);
    assert!(first != bob && first != elsewhere && bob != elsewhere);
    assert_eq!([unnamed.as_str(), nobody.as_str()], ["unnamed", "anonymous"]);

    assert_eq!(
        named(&[KEY]).await[..3],
        [first.clone(), again, bob],
        "in another process, under the same key"
    );
    assert_ne!(named(&[OTHER_KEY]).await[0], first, "under another key");
    let own = named(&[]).await;
    assert!(own[0] == own[1] && own[0] != own[2], "without a key they are told apart all the same: {own:?}");
    assert_ne!(named(&[]).await[0], own[0], "by each process in its own way");
}

#[tokio::test]
async fn given_a_call_that_waits_then_what_comes_of_it_has_a_line_of_its_own() {
    let clerk = json!({"principalId": "ada", "scope": "refunds:write"});
    let reader = json!({"principalId": "ada", "scope": "refunds:read"});
    let yes = json!({"status": "resolved", "payload": {"approved": true}});
    let no = json!({"status": "resolved", "payload": {"approved": false}});
    for (why, caller, answer, expected) in [
        ("a yes", &clerk, yes.clone(), ["refund_order", "allowed", "approval"]),
        ("a no", &clerk, no, ["refund_order", "denied", "approval"]),
        ("nobody answered", &clerk, json!({"status": "cancelled"}), ["refund_order", "denied", "approval"]),
        ("the permission is gone", &reader, yes, ["refund_order", "denied", "permission"]),
    ] {
        let function = local_function(&[JSON, KEY]).await;
        let asked = Reply::to(&function, &asks(&clerk, &says("refund order 1234 for 20"))).await;
        let waits = ["refund_order", "waits", "approval"].map(ToOwned::to_owned);
        assert_eq!(decisions(&function), [waits], "{why}");
        let mut next = says("refund order 1234 for 20");
        next["runId"] = "r2".into();
        let started = asked.events.iter().find(|event| event["type"] == "TOOL_CALL_START").unwrap();
        let pieces = asked.events.iter().filter(|event| event["type"] == "TOOL_CALL_ARGS");
        let arguments: String = pieces.map(|event| event["delta"].as_str().unwrap()).collect();
        let function_called = json!({"name": "refund_order", "arguments": arguments});
        let call = json!({"id": started["toolCallId"], "type": "function", "function": function_called});
        let message = json!({"id": "a1", "role": "assistant", "toolCalls": [call]});
        next["messages"].as_array_mut().unwrap().push(message);
        let mut answer = answer;
        answer["interruptId"] = asked.events.last().unwrap()["outcome"]["interrupts"][0]["id"].clone();
        next["resume"] = json!([answer]);

        let resumed = Reply::to(&function, &asks(caller, &next)).await;

        assert_eq!(resumed.status, 200, "{why}: {}", resumed.text);
        assert_eq!(decisions(&function)[1..], [expected.map(ToOwned::to_owned)], "{why}");
        let who = who(&function);
        assert!(who.iter().all(|name| *name == who[0]), "{why}: {who:?}");
        assert_eq!(function.logs().iter().any(|line| line.contains("refund made")), expected[1] == "allowed");
    }
}

#[tokio::test]
async fn given_no_key_for_approvals_when_the_model_calls_what_would_wait_then_it_is_closed() {
    let provider = Provider::start().await.unwrap();
    let call = Say::call("call_1", "refund_order", [r#"{"order_id":"1234","amount":20}"#]);
    provider.reply([vec![call], vec![Say::text("Well.")]].map(|turn| Told::stream(Wire::OpenAiChat, &turn)));
    let variables = variables(Wire::OpenAiChat, &provider.url());
    let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
    let function = local_function(&variables.chain([JSON]).collect::<Vec<_>>()).await;
    let clerk = json!({"principalId": "ada", "scope": "refunds:write"});

    Reply::to(&function, &asks(&clerk, &says("Refund it."))).await;

    assert_eq!(decisions(&function), [["refund_order", "denied", "closed"].map(ToOwned::to_owned)]);
}
