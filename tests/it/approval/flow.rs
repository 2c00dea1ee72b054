//! Interrupts and their answers: what the client receives, what runs, and what the model reads.

use std::sync::Arc;

use ag_ui_lambda::agent::{Agent, AgentBuilder, Limits, RunRequest};
use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
use ag_ui_lambda::auth::Principal;
use ag_ui_lambda::model::{ModelErrorKind, Script, Scripted, Turn};
use ag_ui_lambda::protocol::RunAgentInput;
use ag_ui_lambda::tool::{Decision, Interrupts, NoArgs, Tool, ToolContext, ToolError, tool_fn};
use futures_util::StreamExt as _;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::shop::{KEY, Shop, refund_call, request_calls, run_agent};
use crate::support::scenario::{Caller, scenario};

#[tokio::test]
async fn gated_call_waits_while_other_calls_run() {
    let shop = Shop::new();
    let mut request = request_calls(&[("look", json!({})), refund_call(), ("paint", json!({}))]);
    request.input["tools"] = json!([{"name": "paint", "description": "Paints."}]);

    let response = shop.send(&request).await;

    let results: Vec<bool> = ["c1", "c2", "c3"].map(|call| response.result_of(call).is_some()).into();
    assert_eq!(results, [true, false, false]);
    assert_snapshot!(response.outline().lines().last().unwrap(), @"RUN_FINISHED interrupt tool_call c2");
    assert_eq!(shop.executed_calls(), []);
}

#[tokio::test]
async fn interrupt_describes_the_call_and_its_answer_schema() {
    let response = Shop::new().send(&request_calls(&[refund_call()])).await;

    let [mut interrupt] = response.interrupts().try_into().unwrap();
    let id = interrupt["id"].take();
    let parts: Vec<&str> = id.as_str().unwrap().split('.').collect();
    // Version, key id (SHA-256 of the key), kind, time of signing, expiry; run `r1` twice and call `c1` in base64; 16 random
    // bytes, no question, and a MAC of 32 bytes.
    assert_eq!(parts[..8], ["agui2", "3eb1bd43", "a", "1800000000", "1800000900", "cjE", "cjE", "YzE"]);
    assert_eq!([parts[8].len(), parts[9].len(), parts[10].len()], [22, 0, 43]);
    assert_eq!(parts.len(), 11);
    assert_eq!(
        interrupt,
        json!({
            "id": null, "reason": "tool_call", "toolCallId": "c1",
            "message": "Allow \"refund\" with these arguments?",
            "responseSchema": {
                "type": "object", "properties": {"approved": {"type": "boolean"}}, "required": ["approved"], "additionalProperties": false,
            },
        })
    );
}

#[tokio::test]
async fn approval_emits_the_result_first_without_repeating_the_call() {
    let shop = Shop::new();
    let request = request_calls(&[refund_call()]);
    let response = shop.send(&request).await;

    let resumed = shop.send(&request.following(&response).approve(&response.interrupt_id())).await;

    let lines: Vec<String> =
        resumed.events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        lines,
        [
            "RUN_STARTED",
            "TOOL_CALL_RESULT",
            "TEXT_MESSAGE_START",
            "TEXT_MESSAGE_CONTENT",
            "TEXT_MESSAGE_END",
            "RUN_FINISHED",
        ]
    );
    assert_eq!(resumed.result_of("c1"), Some(json!({"order_id": "1234", "amount": 20.0})));
    assert_eq!(shop.executed_calls(), [("refund".into(), json!({"order_id": "1234", "amount": 20.0}))]);
}

#[tokio::test]
async fn continues_once_all_interrupts_are_answered() {
    let shop = Shop::new();
    let mut request = request_calls(&[refund_call(), ("paint", json!({})), refund_call()]);
    request.input["tools"] = json!([{"name": "paint", "description": "Paints."}]);
    let response = shop.send(&request).await;
    let [first, second] = response.interrupts().try_into().unwrap();
    assert_eq!([&first["toolCallId"], &second["toolCallId"]], ["c1", "c3"]);

    // The frontend call has no result yet. The approved calls run, and the model is not called.
    let next =
        request.following(&response).approve(&first["id"]).resolve(&second["id"], json!({"approved": false}));
    let waiting = shop.send(&next).await;
    let kinds = |response: &super::shop::ShopResponse| -> Vec<Value> {
        response.events.iter().map(|event| event["type"].clone()).collect()
    };
    assert_eq!(kinds(&waiting), ["RUN_STARTED", "TOOL_CALL_RESULT", "TOOL_CALL_RESULT", "RUN_FINISHED"]);
    assert_eq!(shop.executed_calls().len(), 1);

    let mut answered = next.following(&waiting);
    answered.messages().push(json!({"id": "x", "role": "tool", "toolCallId": "c2", "content": "painted"}));
    let response = shop.send(&answered).await;
    assert!(response.text.contains("Done."), "{}", response.text);
    assert_eq!(shop.executed_calls().len(), 1, "what has a result is not run again");
}

#[tokio::test]
async fn each_declined_answer_has_a_fixed_result() {
    let result = async |answer: &str| {
        let shop = Shop::new();
        let request = request_calls(&[refund_call()]);
        let response = shop.send(&request).await;
        let next = request.following(&response);
        let next = match answer {
            "denied" => next.resolve(&response.interrupt_id(), json!({"approved": false})),
            "cancelled" => next.cancel(&response.interrupt_id()),
            _ => {
                shop.now.fetch_add(900, std::sync::atomic::Ordering::SeqCst);
                next.approve(&response.interrupt_id())
            }
        };
        let resumed = shop.send(&next).await;
        assert_eq!(shop.executed_calls(), [], "{answer}");
        assert!(resumed.text.contains("Done."), "{answer}: the model goes on");
        resumed.result_of("c1").unwrap()
    };
    for (answer, sentence) in [
        ("denied", "The user did not approve this call. Nothing was run for this answer."),
        ("cancelled", "The user did not answer. Nothing was run for this answer."),
        ("expired", "The time to answer was over. Nothing was run for this answer."),
    ] {
        assert_eq!(result(answer).await, json!({"error": sentence, "interrupt": answer}));
    }
}

#[tokio::test]
async fn allowed_call_runs_at_once_without_idempotency_key() {
    let shop = Shop::new();
    let response = shop.send(&request_calls(&[("refund", json!({"order_id": "1", "amount": 0.5}))])).await;

    assert_eq!(response.interrupts(), [] as [Value; 0]);
    assert_eq!(shop.idempotency_keys(), [None]);
    let refused = shop.send(&request_calls(&[("refund", json!({"order_id": "1", "amount": 5000}))])).await;
    assert_eq!(refused.result_of("c1"), Some(json!({"error": "This is beyond your limit."})));
}

#[tokio::test]
async fn answered_question_keeps_one_idempotency_key() {
    let shop = Shop::new();
    let request = request_calls(&[("shoes", json!({}))]);
    let approval = shop.send(&request).await;

    // The tool needs an approval first, and then asks a question.
    let approved = request.following(&approval).approve(&approval.interrupt_id());
    let question = shop.send(&approved).await;
    assert_eq!(shop.executed_calls(), []);
    let [interrupt] = question.interrupts().try_into().unwrap();
    assert_eq!(interrupt["reason"], "input_required");
    assert_eq!(interrupt["message"], "Which size?");
    assert_eq!(interrupt["responseSchema"]["properties"]["size"]["maximum"], 46);
    assert!(interrupt["id"].as_str().unwrap().contains(".aq."), "{interrupt}");

    let again =
        shop.send(&approved.following(&question).resolve(&interrupt["id"], json!({"size": 60}))).await;
    let [asked_again] = again.interrupts().try_into().unwrap();
    let message = asked_again["message"].as_str().unwrap();
    assert!(
        message.starts_with("The answer does not fit: /size") && message.ends_with("Which size?"),
        "{message}"
    );

    let answered = approved.following(&question).resolve(&asked_again["id"], json!({"size": 42}));
    let response = shop.send(&answered).await;
    assert_eq!(response.result_of("c1"), Some(json!({"ordered": 42})));
    assert_eq!(shop.executed_calls(), [("shoes".into(), json!(42))]);

    // Repeating all steps of the same call gives the same key.
    let question = shop.send(&approved).await;
    shop.send(&approved.following(&question).resolve(&question.interrupt_id(), json!({"size": 43}))).await;
    let keys = shop.idempotency_keys();
    assert_eq!(keys.len(), 2);
    assert!(keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
}

#[tokio::test]
async fn runs_with_the_edited_arguments() {
    let shop = Shop::new();
    let request = request_calls(&[("price", json!({"order_id": "1", "amount": 20}))]);
    let response = shop.send(&request).await;
    let [interrupt] = response.interrupts().try_into().unwrap();
    let edited = &interrupt["responseSchema"]["properties"]["editedArgs"];
    assert_eq!(edited["required"], json!(["order_id", "amount"]));

    let edit = json!({"approved": true, "editedArgs": {"order_id": "1", "amount": 30}});
    shop.send(&request.following(&response).resolve(&interrupt["id"], edit)).await;

    assert_eq!(shop.executed_calls(), [("price".into(), json!({"order_id": "1", "amount": 30.0}))]);
}

#[tokio::test]
async fn hides_gated_tools_without_an_approval_key() {
    let shop = Shop { key: None, ..Shop::new() };

    let response = shop.send(&request_calls(&[refund_call()])).await;

    assert_eq!(response.result_of("c1"), Some(json!({"error": "There is no tool of that name."})));
    assert_eq!(shop.executed_calls(), []);
}

#[tokio::test]
async fn closes_gated_tools_to_callers_without_identity() {
    let shop = Shop::new();
    let response = shop.send(&request_calls(&[refund_call()]).with_claim("sub", Value::Null)).await;

    assert_eq!(response.result_of("c1"), Some(json!({"error": "There is no tool of that name."})));
}

#[tokio::test]
async fn unsafe_integers_fail_the_call_without_an_interrupt() {
    let shop = Shop::new();
    let response = shop
        .send(
            &request_calls(&[("refund", json!({"order_id": "1", "amount": 9_007_199_254_740_993_u64}))])
                .with_claim("limit", json!(1e300)),
        )
        .await;

    let error = response.result_of("c1").unwrap();
    assert!(error["error"].as_str().unwrap().contains("2^53"), "{error}");
}

/// Returns approvals with the key of the tests.
fn approvals() -> Approvals {
    Approvals::new(ApprovalKeys::literal(KEY.into()).unwrap())
}

#[tokio::test]
async fn thread_continues_after_a_run_broken_before_its_interrupt() {
    let waits = async |_: ToolContext<Caller>, _: NoArgs| Ok("done");
    let call = || Script::new().call("c1", "waits", &json!({}));
    for (why, turn) in [
        ("the model fails", call().fail(ModelErrorKind::Refused)),
        ("the time is over", call().wait_for(std::future::pending())),
    ] {
        let limits = Limits { run_timeout: std::time::Duration::from_millis(50), ..Limits::default() };
        let tool = tool_fn("waits", "Waits.", waits).needs_approval();
        let run = scenario([turn])
            .with_agent(|agent| {
                agent.tool(tool).approvals(approvals()).anonymous_approvals(true).limits(limits)
            })
            .run()
            .await;

        let answered = r#"TOOL_CALL_RESULT c1 m2 "{\"error\":\"The run ended before this tool finished.\"}""#;
        assert!(run.outline().contains(answered), "{why}: {}", run.outline());
    }
}

#[tokio::test]
async fn undeclared_approval_fails_the_call() {
    struct Sly(Arc<std::sync::atomic::AtomicBool>);
    impl Tool<Caller> for Sly {
        type Args = NoArgs;
        type Output = ();

        fn name(&self) -> &str {
            "sly"
        }

        fn description(&self) -> &str {
            "Needs approval."
        }

        fn authorize(&self, _: &Caller, _: &NoArgs) -> Decision {
            Decision::RequireApproval
        }

        async fn call(&self, _: ToolContext<Caller>, _: NoArgs) -> Result<(), ToolError> {
            self.0.store(true, std::sync::atomic::Ordering::SeqCst);
            Ok(())
        }
    }
    let has_run = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asks = async |context: ToolContext<Caller>, _: NoArgs| context.ask::<String>("Who?");
    let run = scenario([Script::new().call("c1", "sly", &json!({})).call("c2", "asks", &json!({}))])
        .with_agent(|agent| {
            let agent = agent.tool(Sly(Arc::clone(&has_run))).tool(tool_fn("asks", "Asks.", asks));
            agent.approvals(approvals()).anonymous_approvals(true)
        })
        .run()
        .await;

    for call in ["c1", "c2"] {
        let failed = format!("TOOL_CALL_RESULT {call} ");
        let line = run.outline().lines().find(|line| line.starts_with(&failed)).unwrap().to_owned();
        assert!(line.ends_with(r#""{\"error\":\"The tool failed.\"}""#), "{line}");
    }
    assert!(!has_run.load(std::sync::atomic::Ordering::SeqCst));
}

#[test]
fn capabilities_list_approvals_if_configured() {
    let waits = async |_: ToolContext<Caller>, _: NoArgs| Ok(());
    let response = |is_open: bool, approvals: Option<Approvals>, identity: Option<&Principal>| {
        let tool = tool_fn("waits", "Waits.", waits).needs_approval();
        let agent = Agent::builder(Scripted::turns([])).tool(tool).anonymous_approvals(is_open);
        let agent = approvals.into_iter().fold(agent, AgentBuilder::approvals).build().unwrap();
        let response = serde_json::to_value(agent.capabilities(&Caller::default(), identity)).unwrap();
        (response["tools"]["items"].as_array().unwrap().len(), response["humanInTheLoop"].clone())
    };
    let open = json!({"supported": true, "approvals": true, "interrupts": true, "approveWithEdits": false});

    let anonymous = Principal::anonymous();
    let ada = Principal { source: "session", user: Some("ada".into()), ..Principal::anonymous() };
    for (why, is_open, approvals, principal, expected) in [
        ("a user", false, Some(approvals()), Some(&ada), (1, open.clone())),
        ("anonymous callers, by default", false, Some(approvals()), Some(&anonymous), (0, Value::Null)),
        ("anonymous callers who may approve", true, Some(approvals()), Some(&anonymous), (1, open)),
        ("claims that name no single user", true, Some(approvals()), None, (0, Value::Null)),
        ("no key", true, None, Some(&anonymous), (0, Value::Null)),
    ] {
        assert_eq!(response(is_open, approvals, principal), expected, "{why}");
    }
}

#[test]
fn editable_arguments_exclude_questions() {
    let asks = async |_: ToolContext<Caller>, _: NoArgs| Ok(());
    let tool = tool_fn("both", "Both.", asks).needs_approval().editable().may_ask();
    let fault = Agent::builder(Scripted::turns([])).tool(tool).build().unwrap_err();

    assert!(fault.to_string().contains("both"), "{fault}");
}

#[tokio::test]
async fn cancelled_before_reading_still_emits_the_resumed_result() {
    let waits = async |_: ToolContext<()>, _: NoArgs| Ok("done");
    let model = Scripted::turns([Script::new().call("c1", "waits", &json!({}))]);
    let agent = Agent::builder(model).tool(tool_fn("waits", "Waits.", waits).needs_approval());
    let agent = agent.approvals(approvals()).anonymous_approvals(true).build().unwrap();
    let user = json!({"id": "u1", "role": "user", "content": "Go"});
    let call = json!({"id": "c1", "type": "function", "function": {"name": "waits", "arguments": "{}"}});
    let input = |run: &str, messages: Value, resume: Value| {
        let input = json!({"threadId": "t", "runId": run, "protocolVersion": "1.0", "messages": messages, "resume": resume});
        RunAgentInput::read(input).unwrap().input
    };
    let run = async |input, is_stopped: bool| {
        let run = agent.run(RunRequest::new((), input).principal(Principal::anonymous())).await.unwrap();
        if is_stopped {
            run.cancel_handle().cancel();
        }
        run.map(|event| serde_json::to_value(event).unwrap()).collect::<Vec<Value>>().await
    };
    let events = run(input("r1", json!([user]), json!([])), false).await;
    let id = &events.last().unwrap()["outcome"]["interrupts"][0]["id"];
    let messages = json!([user, {"id": "a1", "role": "assistant", "toolCalls": [call]}]);
    let answer = json!([{"interruptId": id, "status": "resolved", "payload": {"approved": true}}]);

    let resumed = run(input("r2", messages, answer), true).await;

    let kinds: Vec<&str> = resumed.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["RUN_STARTED", "TOOL_CALL_RESULT", "RUN_FINISHED"]);
}

/// A tool that sets a price up to 100, which needs an approval and can be edited.
struct Capped;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Price {
    price: u32,
}

impl Tool<()> for Capped {
    type Args = Price;
    type Output = u32;

    fn name(&self) -> &str {
        "capped"
    }

    fn description(&self) -> &str {
        "Sets a price."
    }

    fn interrupts(&self) -> Interrupts {
        Interrupts::default().approval(true).editable(true)
    }

    fn authorize(&self, _: &(), args: &Price) -> Decision {
        if args.price > 100 { Decision::Deny("That is too much.".into()) } else { Decision::RequireApproval }
    }

    async fn call(&self, _: ToolContext<()>, args: Price) -> Result<u32, ToolError> {
        Ok(args.price)
    }
}

#[tokio::test]
async fn edited_arguments_are_authorized_again() {
    for (edited, expected) in [(90, "90"), (5000, r#"{"error":"That is too much."}"#)] {
        let model = Scripted::new(|request| match request.history.last() {
            Some(Turn::Results(_)) => Script::new().text("Done."),
            _ => Script::new().call("c1", "capped", &json!({"price": 20})),
        });
        let agent = Agent::builder(model)
            .tool(Capped)
            .approvals(approvals())
            .anonymous_approvals(true)
            .build()
            .unwrap();
        let user = json!({"id": "u1", "role": "user", "content": "Go"});
        let events = run_agent(&agent, &json!([user]), json!([])).await;
        let id = &events.last().unwrap()["outcome"]["interrupts"][0]["id"];
        let call = json!({"id": "c1", "type": "function", "function": {"name": "capped", "arguments": "{\"price\":20}"}});
        let messages = json!([user, {"id": "a1", "role": "assistant", "toolCalls": [call]}]);
        let payload = json!({"approved": true, "editedArgs": {"price": edited}});

        let resumed = run_agent(
            &agent,
            &messages,
            json!([{"interruptId": id, "status": "resolved", "payload": payload}]),
        )
        .await;

        let result = resumed.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
        assert_eq!(result["content"], expected, "{edited}");
    }
}

#[tokio::test]
async fn unknown_answer_status_still_ends_in_run_finished() {
    let shop = Shop::new();
    let request = request_calls(&[refund_call()]);
    let response = shop.send(&request).await;
    let mut next = request.following(&response);
    next.input["resume"] = json!([{"interruptId": response.interrupt_id(), "status": "postponed"}]);
    next.messages().push(json!({"id": "u2", "role": "user", "content": "fail"}));

    let failed = shop.send(&next).await;

    let kinds: Vec<&str> = failed.events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["RUN_STARTED", "TOOL_CALL_RESULT", "RUN_FINISHED", "RUN_ERROR"]);
}

#[tokio::test]
async fn policy_panic_refuses_only_the_resumed_call() {
    struct Sulky;
    #[derive(schemars::JsonSchema)]
    struct Explosive;
    impl<'de> serde::Deserialize<'de> for Explosive {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("on purpose")
        }
    }
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Fuse {
        #[serde(default)]
        #[expect(dead_code, reason = "reading it is enough")]
        fuse: Option<Explosive>,
    }
    impl Tool<()> for Sulky {
        type Args = Fuse;
        type Output = u32;

        fn name(&self) -> &str {
            "sulky"
        }

        fn description(&self) -> &str {
            "Sulks."
        }

        fn interrupts(&self) -> Interrupts {
            Interrupts::default().approval(true).editable(true)
        }

        fn authorize(&self, _: &(), _: &Fuse) -> Decision {
            Decision::RequireApproval
        }

        async fn call(&self, _: ToolContext<()>, _: Fuse) -> Result<u32, ToolError> {
            Ok(1)
        }
    }
    let model = Scripted::new(|request| match request.history.last() {
        Some(Turn::Results(_)) => Script::new().text("Done."),
        _ => Script::new().call("c1", "sulky", &json!({})),
    });
    let agent =
        Agent::builder(model).tool(Sulky).approvals(approvals()).anonymous_approvals(true).build().unwrap();
    let user = json!({"id": "u1", "role": "user", "content": "Go"});
    let events = run_agent(&agent, &json!([user]), json!([])).await;
    let id = &events.last().unwrap()["outcome"]["interrupts"][0]["id"];
    let call = json!({"id": "c1", "type": "function", "function": {"name": "sulky", "arguments": "{}"}});
    let messages = json!([user, {"id": "a1", "role": "assistant", "toolCalls": [call]}]);
    let payload = json!({"approved": true, "editedArgs": {"fuse": null, "extra": 1}});
    let edited = json!({"approved": true, "editedArgs": {"fuse": {}}});

    for payload in [edited, payload] {
        let response = run_agent(
            &agent,
            &messages,
            json!([{"interruptId": id, "status": "resolved", "payload": payload}]),
        )
        .await;
        assert_eq!(response.last().unwrap()["type"], "RUN_FINISHED", "{response:?}");
    }
}
