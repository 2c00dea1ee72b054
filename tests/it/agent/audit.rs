//! Log lines about authorization: one for each decision on a call, read from the function's output.

use ag_ui_dev::provider::{Provider, Reply as ModelReply, TurnPart, Wire};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::function::{
    Function, Reply, TOKEN, local_function, test_function, url_event, user_input,
};
use crate::support::log::{lines, with_message};
use crate::support::moto::Moto;
use crate::support::provider::variables;

const KEY: (&str, &str) = ("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef");
const OTHER_KEY: (&str, &str) = ("AGUI_APPROVAL_KEY", "fedcba9876543210fedcba9876543210");
const JSON: (&str, &str) = ("AWS_LAMBDA_LOG_FORMAT", "JSON");

/// Returns an event of this caller; null stands for a caller without claims.
fn event_of(caller: &Value, input: &Value) -> Value {
    let mut event = url_event(&[("x-agui-token", TOKEN)], input);
    if !caller.is_null() {
        event["requestContext"]["authorizer"] = json!({ "lambda": caller });
    }
    event
}

/// Returns the log lines with this message.
fn lines_with_message(function: &Function, message: &str) -> Vec<Value> {
    let lines_with_message =
        function.logs().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    lines_with_message.filter(|line| line["message"] == message).collect()
}

/// Returns the decisions logged so far, each as tool, decision and reason.
fn decisions(function: &Function) -> Vec<[String; 3]> {
    let lines_with_message = lines_with_message(function, "tool authorization");
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or("-").to_owned();
    lines_with_message
        .iter()
        .map(|line| ["tool", "decision", "reason"].map(|name| text(line, name)))
        .collect()
}

/// Returns the hashes of the callers in the decisions logged so far.
fn logged_callers(function: &Function) -> Vec<String> {
    let lines_with_message = lines_with_message(function, "tool authorization");
    lines_with_message.iter().map(|line| line["who"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn logs_one_decision_and_reason_per_call() {
    let function = test_function(&[JSON]).await;
    let acme = json!({"principalId": "ada", "custom:org_id": "acme", "scope": "reports:read", "cognito:groups": "support"});
    let other = json!({"principalId": "ada", "custom:org_id": "umbrella", "scope": "support", "cognito:groups": "reports:read explosive"});
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

        let reply = Reply::send(&function, &event_of(caller, &user_input(text))).await;

        assert_eq!(decisions(&function)[before..], [expected.map(ToOwned::to_owned)], "{caller} {text}");
        let is_run = reply.text.contains(r#""content":"done""#);
        assert_eq!(is_run, expected[1] == "allowed", "{caller} {text}: {}", reply.text);
    }
    let log = function.logs().join("\n");
    assert!(!log.contains("made_up_by_the_model"), "a model's word is in no line");
    let first = &lines_with_message(&function, "tool authorization")[0];
    assert_eq!(first["level"], "INFO");
    let ids = first.to_string();
    assert!(ids.contains(r#""thread_id":"t""#) && ids.contains(r#""run_id":"r""#), "{ids}");
}

#[tokio::test]
async fn logs_each_decided_call_of_a_turn_only() {
    let function = test_function(&[JSON]).await;
    for (text, expected) in [("call edit", 0), ("Hello", 0), ("call chart surface", 2)] {
        let before = decisions(&function).len();

        Reply::send(&function, &event_of(&Value::Null, &user_input(text))).await;

        assert_eq!(decisions(&function).len() - before, expected, "{text}");
    }
}

#[tokio::test]
async fn logs_hidden_tools_once_per_run_at_debug() {
    for (level, expected) in [("INFO", 0), ("DEBUG", 5)] {
        let function = test_function(&[JSON, ("AWS_LAMBDA_LOG_LEVEL", level)]).await;

        Reply::send(&function, &event_of(&Value::Null, &user_input("call chart surface"))).await;

        let withheld = lines_with_message(&function, "tool withheld");
        let tools: Vec<&Value> = withheld.iter().map(|line| &line["tool"]).collect();
        assert_eq!(tools.len(), expected, "{tools:?}");
        if expected > 0 {
            // Two of the tools need an approval, and no approval key is configured.
            assert_eq!(tools, ["buy", "for_group", "for_org", "for_permission", "tailor"]);
            assert_eq!(withheld[0]["who"], "anonymous");
            let reasons: Vec<&Value> = withheld.iter().map(|line| &line["reason"]).collect();
            assert_eq!(reasons[..2], ["closed", "group"]);
        }
    }
}

/// Returns the authorizer context of a user of an organisation.
fn person(user: &str, org: &str) -> Value {
    json!({"principalId": user, "custom:org_id": org, "scope": "reports:read"})
}

#[tokio::test]
async fn who_is_a_hash_unique_to_the_principal() {
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
            Reply::send(&function, &event_of(caller, &user_input("Who am I?"))).await;
        }
        let log = function.logs().join("\n");
        for plain in ["lovelace", "babbage", "acme-of", "umbrella-of", "nobody-is", "reports:read"] {
            assert!(!log.contains(plain), "{plain}: {log}");
        }
        logged_callers(&function)
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
    assert!(own[0] == own[1] && own[0] != own[2], "without a key the callers still differ: {own:?}");
    assert_ne!(named(&[]).await[0], own[0], "by each process in its own way");
}

/// Returns what the program `ag-ui-who` prints for these arguments.
async fn printed_names(secret: &str, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ag-ui-who"))
        .args(arguments)
        .env_clear()
        .envs(Moto::shared().env())
        .env("AGUI_WHO_SECRET_ID", secret)
        .output()
        .await
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn who_outlives_rotations_of_the_approval_key_and_can_be_looked_up() {
    let moto = Moto::shared();
    let key = |letter: &str| json!({"key": letter.repeat(64)}).to_string();
    moto.create_secret("who-key", &key("w")).await;
    moto.create_secret("who-approvals", &key("a")).await;
    let ada = person("ada-lovelace-1815", "acme-of-london");
    let mut names = Vec::new();
    for rotated_to in [None, Some("b"), Some("c")] {
        if let Some(letter) = rotated_to {
            moto.rotate_secret("who-approvals", &key(letter)).await;
        }
        let env = moto.env();
        let own = [JSON, ("AGUI_WHO_SECRET_ID", "who-key"), ("AGUI_APPROVAL_SECRET_ID", "who-approvals")];
        let function = local_function(&env.iter().copied().chain(own).collect::<Vec<_>>()).await;
        Reply::send(&function, &event_of(&ada, &user_input("Who am I?"))).await;
        names.extend(logged_callers(&function));
    }

    let [name, after_one, after_two] = &names[..] else { panic!("{names:?}") };
    assert_eq!([after_one, after_two], [name, name]);
    let printed = printed_names("who-key", &["ada-lovelace-1815", "--org", "acme-of-london"]).await;
    let line = printed.lines().find(|line| line.starts_with("lambda")).unwrap();
    assert!(line.ends_with(name.as_str()), "{name}: {printed}");
    assert_eq!(printed.lines().count(), 6, "one for each source: {printed}");
    let other = printed_names("who-key", &["ada-lovelace-1815", "--org", "umbrella-of-paris"]).await;
    assert!(!other.contains(name.as_str()), "{other}");
}

#[tokio::test]
async fn every_line_of_a_run_and_a_refusal_has_who() {
    let function = local_function(&[JSON, KEY]).await;
    let clerk = json!({"principalId": "ada", "permissions": "refunds:write"});
    let mut asked = user_input("refund order 1234 for 20");
    let reply = Reply::send(&function, &event_of(&clerk, &asked)).await;
    let started = reply.events.iter().find(|event| event["type"] == "TOOL_CALL_START").unwrap();
    let arguments = r#"{"order_id":"1234","amount":20}"#;
    asked["messages"].as_array_mut().unwrap().push(json!({
        "id": "a1", "role": "assistant",
        "toolCalls": [{"id": started["toolCallId"], "type": "function",
            "function": {"name": "refund_order", "arguments": arguments}}],
    }));
    asked["runId"] = "r2".into();
    let interrupt = &reply.events.last().unwrap()["outcome"]["interrupts"][0]["id"];
    asked["resume"] =
        json!([{"interruptId": interrupt, "status": "resolved", "payload": {"approved": true}}]);
    let resumed = Reply::send(&function, &event_of(&clerk, &asked)).await;
    assert!(resumed.text.contains("refunded"), "{}", resumed.text);
    let mut declined = asked.clone();
    declined["resume"] = json!([]);
    Reply::send(&function, &event_of(&clerk, &declined)).await;
    let mut bad = event_of(&clerk, &user_input("Hello"));
    bad["body"] = "{".into();
    assert_eq!(Reply::send(&function, &bad).await.status, 400);
    let mut stranger = event_of(&clerk, &user_input("Hello"));
    stranger["headers"]["x-agui-token"] = "wrong".into();
    assert_eq!(Reply::send(&function, &stranger).await.status, 401);

    let log = lines(&function).await;
    let who = &with_message(&log, "run finished")[0]["who"];
    assert_eq!(who.as_str().unwrap().len(), 12);
    for message in ["run finished", "tool ran", "tool authorization", "interrupt answered", "call declined"] {
        let lines = with_message(&log, message);
        assert!(!lines.is_empty() && lines.iter().all(|line| line["who"] == *who), "{message}: {lines:#?}");
    }
    let of_runs = log.iter().filter(|line| line["run_id"].is_string());
    let without: Vec<_> = of_runs.filter(|line| line["who"] != *who).collect();
    assert!(without.is_empty(), "{without:#?}");
    let [known, unknown] = with_message(&log, "request refused")[..] else { panic!("{log:#?}") };
    assert_eq!((&known["status"], &known["who"]), (&json!(400), who));
    assert_eq!((&unknown["status"], &unknown["who"]), (&json!(401), &Value::Null));
    for refused in [known, unknown] {
        assert_eq!(refused["source_ip"], "127.0.0.1", "{refused}");
    }
}

#[tokio::test]
async fn logs_the_outcome_of_an_interrupted_call() {
    let clerk = json!({"principalId": "ada", "permissions": "refunds:write"});
    let reader = json!({"principalId": "ada", "permissions": "refunds:read"});
    let yes = json!({"status": "resolved", "payload": {"approved": true}});
    let no = json!({"status": "resolved", "payload": {"approved": false}});
    for (why, caller, answer, expected) in [
        ("a yes", &clerk, yes.clone(), ["refund_order", "allowed", "approval"]),
        ("a no", &clerk, no, ["refund_order", "denied", "approval"]),
        ("nobody answered", &clerk, json!({"status": "cancelled"}), ["refund_order", "denied", "approval"]),
        ("the permission is gone", &reader, yes, ["refund_order", "denied", "permission"]),
    ] {
        let function = local_function(&[JSON, KEY]).await;
        let asked = Reply::send(&function, &event_of(&clerk, &user_input("refund order 1234 for 20"))).await;
        let waits = ["refund_order", "waits", "approval"].map(ToOwned::to_owned);
        assert_eq!(decisions(&function), [waits], "{why}");
        let mut next = user_input("refund order 1234 for 20");
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

        let resumed = Reply::send(&function, &event_of(caller, &next)).await;

        assert_eq!(resumed.status, 200, "{why}: {}", resumed.text);
        assert_eq!(decisions(&function)[1..], [expected.map(ToOwned::to_owned)], "{why}");
        let logged_callers = logged_callers(&function);
        assert!(logged_callers.iter().all(|name| *name == logged_callers[0]), "{why}: {logged_callers:?}");
        assert_eq!(function.logs().iter().any(|line| line.contains("refund made")), expected[1] == "allowed");
    }
}

#[tokio::test]
async fn logs_closed_when_no_approval_key_is_set() {
    let provider = Provider::start().await.unwrap();
    let call = TurnPart::call("call_1", "refund_order", [r#"{"order_id":"1234","amount":20}"#]);
    provider.queue(
        [vec![call], vec![TurnPart::text("Well.")]].map(|turn| ModelReply::stream(Wire::OpenAiChat, &turn)),
    );
    let variables = variables(Wire::OpenAiChat, &provider.url());
    let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
    let function = local_function(&variables.chain([JSON]).collect::<Vec<_>>()).await;
    let clerk = json!({"principalId": "ada", "permissions": "refunds:write"});

    Reply::send(&function, &event_of(&clerk, &user_input("Refund it."))).await;

    assert_eq!(decisions(&function), [["refund_order", "denied", "closed"].map(ToOwned::to_owned)]);
}
