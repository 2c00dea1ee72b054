//! What a person is asked, and what comes of the answer.

use std::sync::Arc;

use ag_ui_lambda::agent::{Agent, AgentBuilder, Limits};
use ag_ui_lambda::approval::{ApprovalKeys, Approvals, Identity};
use ag_ui_lambda::model::{ModelErrorKind, Script, Scripted, Turn};
use ag_ui_lambda::protocol::RunAgentInput;
use ag_ui_lambda::tool::{Approval, Interrupts, NoArgs, Tool, ToolContext, ToolError, tool_fn};
use futures_util::StreamExt as _;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::shop::{KEY, Shop, calls, refund, run};
use crate::support::scenario::{Caller, scenario};

#[tokio::test]
async fn given_a_call_that_needs_approval_when_it_is_made_then_it_waits_and_the_others_run() {
    let shop = Shop::new();
    let mut asked = calls(&[("look", json!({})), refund(), ("paint", json!({}))]);
    asked.input["tools"] = json!([{"name": "paint", "description": "Paints."}]);

    let told = shop.send(&asked).await;

    let results: Vec<bool> = ["c1", "c2", "c3"].map(|call| told.result(call).is_some()).into();
    assert_eq!(results, [true, false, false]);
    assert_snapshot!(told.outline().lines().last().unwrap(), @"RUN_FINISHED interrupt tool_call c2");
    assert_eq!(shop.done(), []);
}

#[tokio::test]
async fn given_an_interrupt_then_it_says_what_waits_and_how_to_answer() {
    let told = Shop::new().send(&calls(&[refund()])).await;

    let [mut interrupt] = told.interrupts().try_into().unwrap();
    let id = interrupt["id"].take();
    let parts: Vec<&str> = id.as_str().unwrap().split('.').collect();
    // Version, key id (SHA-256 of the key), kind, time of signing, end; run `r1` twice and call `c1` in base64; 16 random
    // bytes, no question, 32 bytes of mac.
    assert_eq!(parts[..8], ["agui2", "3eb1bd43", "a", "1800000000", "1800000900", "cjE", "cjE", "YzE"]);
    assert_eq!([parts[8].len(), parts[9].len(), parts[10].len()], [22, 0, 43]);
    assert_eq!(parts.len(), 11);
    assert_eq!(
        interrupt,
        json!({
            "id": null, "reason": "tool_call", "toolCallId": "c1",
            "message": "May refund be called with these arguments?",
            "responseSchema": {
                "type": "object", "properties": {"approved": {"type": "boolean"}}, "required": ["approved"], "additionalProperties": false,
            },
        })
    );
}

#[tokio::test]
async fn given_a_yes_then_the_result_comes_first_and_nothing_of_the_call_is_told_again() {
    let shop = Shop::new();
    let asked = calls(&[refund()]);
    let told = shop.send(&asked).await;

    let resumed = shop.send(&asked.after(&told).approve(&told.id())).await;

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
    assert_eq!(resumed.result("c1"), Some(json!({"order_id": "1234", "amount": 20.0})));
    assert_eq!(shop.done(), [("refund".into(), json!({"order_id": "1234", "amount": 20.0}))]);
}

#[tokio::test]
async fn given_two_interrupts_beside_a_frontend_call_when_all_are_answered_then_the_run_goes_on() {
    let shop = Shop::new();
    let mut asked = calls(&[refund(), ("paint", json!({})), refund()]);
    asked.input["tools"] = json!([{"name": "paint", "description": "Paints."}]);
    let told = shop.send(&asked).await;
    let [first, second] = told.interrupts().try_into().unwrap();
    assert_eq!([&first["toolCallId"], &second["toolCallId"]], ["c1", "c3"]);

    // The frontend call has no result yet: what was approved runs, and the model is not asked.
    let next = asked.after(&told).approve(&first["id"]).resolve(&second["id"], json!({"approved": false}));
    let waiting = shop.send(&next).await;
    let kinds = |told: &super::shop::Told| -> Vec<Value> {
        told.events.iter().map(|event| event["type"].clone()).collect()
    };
    assert_eq!(kinds(&waiting), ["RUN_STARTED", "TOOL_CALL_RESULT", "TOOL_CALL_RESULT", "RUN_FINISHED"]);
    assert_eq!(shop.done().len(), 1);

    let mut answered = next.after(&waiting);
    answered.messages().push(json!({"id": "x", "role": "tool", "toolCallId": "c2", "content": "painted"}));
    let told = shop.send(&answered).await;
    assert!(told.text.contains("Done."), "{}", told.text);
    assert_eq!(shop.done().len(), 1, "what has a result is not run again");
}

#[tokio::test]
async fn given_no_yes_then_each_no_has_its_own_fixed_result_for_the_model_and_the_client() {
    let result = async |answer: &str| {
        let shop = Shop::new();
        let asked = calls(&[refund()]);
        let told = shop.send(&asked).await;
        let next = asked.after(&told);
        let next = match answer {
            "denied" => next.resolve(&told.id(), json!({"approved": false})),
            "cancelled" => next.cancel(&told.id()),
            _ => {
                shop.now.fetch_add(900, std::sync::atomic::Ordering::SeqCst);
                next.approve(&told.id())
            }
        };
        let resumed = shop.send(&next).await;
        assert_eq!(shop.done(), [], "{answer}");
        assert!(resumed.text.contains("Done."), "{answer}: the model goes on");
        resumed.result("c1").unwrap()
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
async fn given_a_policy_when_it_needs_no_approval_then_the_tool_runs_at_once_and_has_no_key() {
    let shop = Shop::new();
    let told = shop.send(&calls(&[("refund", json!({"order_id": "1", "amount": 0.5}))])).await;

    assert_eq!(told.interrupts(), [] as [Value; 0]);
    assert_eq!(shop.keys(), [None]);
    let refused = shop.send(&calls(&[("refund", json!({"order_id": "1", "amount": 5000}))])).await;
    assert_eq!(refused.result("c1"), Some(json!({"error": "This is beyond your limit."})));
}

#[tokio::test]
async fn given_a_question_when_it_is_answered_then_the_tool_has_the_answer_under_one_key() {
    let shop = Shop::new();
    let asked = calls(&[("shoes", json!({}))]);
    let approval = shop.send(&asked).await;

    // It needs approval first, and then asks.
    let approved = asked.after(&approval).approve(&approval.id());
    let question = shop.send(&approved).await;
    assert_eq!(shop.done(), []);
    let [interrupt] = question.interrupts().try_into().unwrap();
    assert_eq!(interrupt["reason"], "input_required");
    assert_eq!(interrupt["message"], "Which size?");
    assert_eq!(interrupt["responseSchema"]["properties"]["size"]["maximum"], 46);
    assert!(interrupt["id"].as_str().unwrap().contains(".aq."), "{interrupt}");

    let again = shop.send(&approved.after(&question).resolve(&interrupt["id"], json!({"size": 60}))).await;
    let [asked_again] = again.interrupts().try_into().unwrap();
    let message = asked_again["message"].as_str().unwrap();
    assert!(
        message.starts_with("The answer does not fit: /size") && message.ends_with("Which size?"),
        "{message}"
    );

    let answered = approved.after(&question).resolve(&asked_again["id"], json!({"size": 42}));
    let told = shop.send(&answered).await;
    assert_eq!(told.result("c1"), Some(json!({"ordered": 42})));
    assert_eq!(shop.done(), [("shoes".into(), json!(42))]);

    // The same call, brought through all its steps once more, has the same key.
    let question = shop.send(&approved).await;
    shop.send(&approved.after(&question).resolve(&question.id(), json!({"size": 43}))).await;
    let keys = shop.keys();
    assert_eq!(keys.len(), 2);
    assert!(keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
}

#[tokio::test]
async fn given_arguments_that_may_be_edited_when_they_are_then_the_tool_runs_with_those() {
    let shop = Shop::new();
    let asked = calls(&[("price", json!({"order_id": "1", "amount": 20}))]);
    let told = shop.send(&asked).await;
    let [interrupt] = told.interrupts().try_into().unwrap();
    let edited = &interrupt["responseSchema"]["properties"]["editedArgs"];
    assert_eq!(edited["required"], json!(["order_id", "amount"]));

    let edit = json!({"approved": true, "editedArgs": {"order_id": "1", "amount": 30}});
    shop.send(&asked.after(&told).resolve(&interrupt["id"], edit)).await;

    assert_eq!(shop.done(), [("price".into(), json!({"order_id": "1", "amount": 30.0}))]);
}

#[tokio::test]
async fn given_no_key_then_tools_that_need_approval_are_offered_to_nobody() {
    let shop = Shop { key: None, ..Shop::new() };

    let told = shop.send(&calls(&[refund()])).await;

    assert_eq!(told.result("c1"), Some(json!({"error": "There is no tool of that name."})));
    assert_eq!(shop.done(), []);
}

#[tokio::test]
async fn given_a_caller_whom_no_claim_names_then_tools_that_need_approval_are_closed_to_them() {
    let shop = Shop::new();
    let told = shop.send(&calls(&[refund()]).claim("sub", Value::Null)).await;

    assert_eq!(told.result("c1"), Some(json!({"error": "There is no tool of that name."})));
}

#[tokio::test]
async fn given_an_integer_that_cannot_be_signed_then_the_model_is_told_and_nobody_is_asked() {
    let shop = Shop::new();
    let told = shop
        .send(
            &calls(&[("refund", json!({"order_id": "1", "amount": 9_007_199_254_740_993_u64}))])
                .claim("limit", json!(1e300)),
        )
        .await;

    let error = told.result("c1").unwrap();
    assert!(error["error"].as_str().unwrap().contains("2^53"), "{error}");
}

fn approvals() -> Approvals {
    Approvals::new(ApprovalKeys::literal(KEY.into()).unwrap())
}

#[tokio::test]
async fn given_a_run_that_breaks_off_behind_a_call_that_would_wait_then_the_thread_is_not_stuck() {
    let waits = async |_: ToolContext<Caller>, _: NoArgs| Ok("done");
    let call = || Script::new().call("c1", "waits", &json!({}));
    for (why, turn) in [
        ("the model fails", call().fail(ModelErrorKind::Refused)),
        ("the time is over", call().wait_for(std::future::pending())),
    ] {
        let limits = Limits { run_timeout: std::time::Duration::from_millis(50), ..Limits::default() };
        let tool = tool_fn("waits", "Waits.", waits).needs_approval();
        let run =
            scenario([turn]).with(|agent| agent.tool(tool).approvals(approvals()).limits(limits)).run().await;

        let answered = r#"TOOL_CALL_RESULT c1 m2 "{\"error\":\"The run ended before this tool finished.\"}""#;
        assert!(run.outline().contains(answered), "{why}: {}", run.outline());
    }
}

#[tokio::test]
async fn a_tool_that_waits_without_saying_so_fails_and_does_not_run() {
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

        fn approval(&self, _: &Caller, _: &NoArgs) -> Approval {
            Approval::Needed
        }

        async fn call(&self, _: ToolContext<Caller>, _: NoArgs) -> Result<(), ToolError> {
            self.0.store(true, std::sync::atomic::Ordering::SeqCst);
            Ok(())
        }
    }
    let has_run = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asks = async |context: ToolContext<Caller>, _: NoArgs| context.ask::<String>("Who?");
    let run = scenario([Script::new().call("c1", "sly", &json!({})).call("c2", "asks", &json!({}))])
        .with(|agent| {
            agent.tool(Sly(Arc::clone(&has_run))).tool(tool_fn("asks", "Asks.", asks)).approvals(approvals())
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
fn capabilities_tell_of_approvals_where_they_are_open() {
    let waits = async |_: ToolContext<Caller>, _: NoArgs| Ok(());
    let told = |approvals: Option<Approvals>, identity: Option<&Identity>| {
        let tool = tool_fn("waits", "Waits.", waits).needs_approval();
        let agent = Agent::builder(Scripted::turns([])).tool(tool);
        let agent = approvals.into_iter().fold(agent, AgentBuilder::approvals).build().unwrap();
        let told = serde_json::to_value(agent.capabilities(&Caller::default(), identity)).unwrap();
        (told["tools"]["items"].as_array().unwrap().len(), told["humanInTheLoop"].clone())
    };
    let open = json!({"supported": true, "approvals": true, "interrupts": true, "approveWithEdits": false});

    assert_eq!(told(Some(approvals()), Some(&Identity::anonymous())), (1, open));
    assert_eq!(told(Some(approvals()), None), (0, Value::Null));
    assert_eq!(told(None, Some(&Identity::anonymous())), (0, Value::Null));
}

#[test]
fn a_tool_whose_arguments_may_be_edited_cannot_ask() {
    let asks = async |_: ToolContext<Caller>, _: NoArgs| Ok(());
    let tool = tool_fn("both", "Both.", asks).needs_approval().editable().asks();
    let fault = Agent::builder(Scripted::turns([])).tool(tool).build().unwrap_err();

    assert!(fault.to_string().contains("both"), "{fault}");
}

#[tokio::test]
async fn given_a_stop_before_anything_is_read_then_a_resumed_call_has_its_result_all_the_same() {
    let waits = async |_: ToolContext<()>, _: NoArgs| Ok("done");
    let model = Scripted::turns([Script::new().call("c1", "waits", &json!({}))]);
    let agent = Agent::builder(model).tool(tool_fn("waits", "Waits.", waits).needs_approval());
    let agent = agent.approvals(approvals()).build().unwrap();
    let user = json!({"id": "u1", "role": "user", "content": "Go"});
    let call = json!({"id": "c1", "type": "function", "function": {"name": "waits", "arguments": "{}"}});
    let input = |run: &str, messages: Value, resume: Value| {
        let input = json!({"threadId": "t", "runId": run, "protocolVersion": "1.0", "messages": messages, "resume": resume});
        RunAgentInput::read(input).unwrap().input
    };
    let run = async |input, is_stopped: bool| {
        let run = agent.run((), Some(Identity::anonymous()), input, None).await.unwrap();
        if is_stopped {
            run.stopper().stop();
        }
        run.map(|event| serde_json::to_value(event).unwrap()).collect::<Vec<Value>>().await
    };
    let asked = run(input("r1", json!([user]), json!([])), false).await;
    let id = &asked.last().unwrap()["outcome"]["interrupts"][0]["id"];
    let messages = json!([user, {"id": "a1", "role": "assistant", "toolCalls": [call]}]);
    let answer = json!([{"interruptId": id, "status": "resolved", "payload": {"approved": true}}]);

    let resumed = run(input("r2", messages, answer), true).await;

    let kinds: Vec<&str> = resumed.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["RUN_STARTED", "TOOL_CALL_RESULT", "RUN_FINISHED"]);
}

/// A price up to 100, to be approved and edited.
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
        Interrupts { approval: true, editable: true, ..Interrupts::default() }
    }

    fn approval(&self, _: &(), args: &Price) -> Approval {
        if args.price > 100 { Approval::Refused("That is too much.".into()) } else { Approval::Needed }
    }

    async fn call(&self, _: ToolContext<()>, args: Price) -> Result<u32, ToolError> {
        Ok(args.price)
    }
}

#[tokio::test]
async fn edited_arguments_are_looked_at_as_those_of_a_new_call() {
    for (edited, expected) in [(90, "90"), (5000, r#"{"error":"That is too much."}"#)] {
        let model = Scripted::new(|request| match request.history.last() {
            Some(Turn::Results(_)) => Script::new().text("Done."),
            _ => Script::new().call("c1", "capped", &json!({"price": 20})),
        });
        let agent = Agent::builder(model).tool(Capped).approvals(approvals()).build().unwrap();
        let user = json!({"id": "u1", "role": "user", "content": "Go"});
        let asked = run(&agent, &json!([user]), json!([])).await;
        let id = &asked.last().unwrap()["outcome"]["interrupts"][0]["id"];
        let call = json!({"id": "c1", "type": "function", "function": {"name": "capped", "arguments": "{\"price\":20}"}});
        let messages = json!([user, {"id": "a1", "role": "assistant", "toolCalls": [call]}]);
        let payload = json!({"approved": true, "editedArgs": {"price": edited}});

        let resumed =
            run(&agent, &messages, json!([{"interruptId": id, "status": "resolved", "payload": payload}]))
                .await;

        let result = resumed.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
        assert_eq!(result["content"], expected, "{edited}");
    }
}

#[tokio::test]
async fn a_run_whose_answers_have_an_unknown_status_has_a_run_finished_all_the_same() {
    let shop = Shop::new();
    let asked = calls(&[refund()]);
    let told = shop.send(&asked).await;
    let mut next = asked.after(&told);
    next.input["resume"] = json!([{"interruptId": told.id(), "status": "postponed"}]);
    next.messages().push(json!({"id": "u2", "role": "user", "content": "fail"}));

    let failed = shop.send(&next).await;

    let kinds: Vec<&str> = failed.events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["RUN_STARTED", "TOOL_CALL_RESULT", "RUN_FINISHED", "RUN_ERROR"]);
}

#[tokio::test]
async fn a_policy_that_panics_while_an_answer_is_read_refuses_the_call_and_never_breaks_the_run() {
    struct Sulky;
    #[derive(schemars::JsonSchema)]
    struct Explosive;
    impl<'de> serde::Deserialize<'de> for Explosive {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("as told")
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
            Interrupts { approval: true, editable: true, ..Interrupts::default() }
        }

        fn approval(&self, _: &(), _: &Fuse) -> Approval {
            Approval::Needed
        }

        async fn call(&self, _: ToolContext<()>, _: Fuse) -> Result<u32, ToolError> {
            Ok(1)
        }
    }
    let model = Scripted::new(|request| match request.history.last() {
        Some(Turn::Results(_)) => Script::new().text("Done."),
        _ => Script::new().call("c1", "sulky", &json!({})),
    });
    let agent = Agent::builder(model).tool(Sulky).approvals(approvals()).build().unwrap();
    let user = json!({"id": "u1", "role": "user", "content": "Go"});
    let asked = run(&agent, &json!([user]), json!([])).await;
    let id = &asked.last().unwrap()["outcome"]["interrupts"][0]["id"];
    let call = json!({"id": "c1", "type": "function", "function": {"name": "sulky", "arguments": "{}"}});
    let messages = json!([user, {"id": "a1", "role": "assistant", "toolCalls": [call]}]);
    let payload = json!({"approved": true, "editedArgs": {"fuse": null, "extra": 1}});
    let edited = json!({"approved": true, "editedArgs": {"fuse": {}}});

    for payload in [edited, payload] {
        let told =
            run(&agent, &messages, json!([{"interruptId": id, "status": "resolved", "payload": payload}]))
                .await;
        assert_eq!(told.last().unwrap()["type"], "RUN_FINISHED", "{told:?}");
    }
}
