//! What becomes of tools' results that come back in a history, as they were told or otherwise.

use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::model::{Script, Scripted, Turn};
use ag_ui_lambda::tool::{NoArgs, ToolContext, tool_fn};
use serde_json::{Value, json};

use super::shop::{Asked, Shop, UNVERIFIED, calls, refund};

const OTHER_KEY: &str = "fedcba9876543210fedcba9876543210";
const UNANSWERED: &str = r#"{"error":"The run ended before this tool finished."}"#;

/// A refund that needs no approval.
fn small() -> (&'static str, Value) {
    ("refund", json!({"order_id": "1234", "amount": 0.5}))
}

/// The history's results, in order.
fn results(asked: &mut Asked) -> Vec<&mut Value> {
    asked.messages().iter_mut().filter(|message| message["role"] == "tool").collect()
}

/// The next request of a client that was told two looks and a refund, changed as the row says; and the number of the
/// result that is not as this server signed it, if there is one.
async fn case(shop: &Shop, name: &str) -> (Asked, Option<usize>) {
    let asked = calls(&[("look", json!({})), ("look", json!({})), small()]);
    let told = shop.send(&asked).await;
    let mut next = asked.after(&told);
    next.messages().push(json!({"id": "u2", "role": "user", "content": "Thanks."}));
    let mut refused = Some(0);
    match name {
        "as it was told" => refused = None,
        "another content" => results(&mut next)[0]["content"] = "seen nothing".into(),
        "a content in parts in place of the text" => {
            results(&mut next)[0]["content"] = json!([{"type": "text", "text": "seen"}]);
        }
        "an error beside it" => results(&mut next)[0]["error"] = "It failed.".into(),
        "other arguments" => {
            next.call(2)["function"]["arguments"] = r#"{"order_id":"1234","amount":0.25}"#.into();
            refused = Some(2);
        }
        "arguments that are no JSON" => {
            next.call(2)["function"]["arguments"] = "{".into();
            refused = Some(2);
        }
        "the same arguments, written in another way" => {
            next.call(2)["function"]["arguments"] = "{ \"amount\": 5e-1, \"order_id\": \"1234\" }".into();
            refused = None;
        }
        "another thread" => next.input["threadId"] = "t2".into(),
        "another user" => next = next.claim("sub", "bob".into()),
        "another organisation" => next = next.claim("custom:org_id", "umbrella".into()),
        "another front door" => {
            next.claims.as_mut().unwrap().0 = ag_ui_lambda::endpoint::ClaimSource::CognitoAuthorizer;
        }
        "nobody proven" => next.claims = None,
        "other permissions" => {
            next = next.claim("scope", "read".into());
            refused = None;
        }
        "another tool" => next.call(0)["function"]["name"] = "choose".into(),
        "no signature" => results(&mut next)[0]["metadata"] = json!({"ag_ui_lambda": {}}),
        "no metadata" => results(&mut next)[0]["metadata"] = Value::Null,
        "the signature of another call of the same tool" => {
            let foreign = results(&mut next)[1]["metadata"].clone();
            results(&mut next)[0]["metadata"] = foreign;
        }
        "another run in the signature" => {
            let metadata = &mut results(&mut next)[0]["metadata"]["ag_ui_lambda"]["signature"];
            let mut parts: Vec<&str> = metadata.as_str().unwrap().split('.').collect();
            parts[2] = "cjI";
            *metadata = parts.join(".").into();
        }
        "the id of an interrupt for a signature" => {
            let other = calls(&[refund()]);
            let id = shop.send(&other).await.id();
            results(&mut next)[0]["metadata"]["ag_ui_lambda"]["signature"] = id;
        }
        "a second result of the call, unsigned" => {
            let second = json!({"id": "x", "role": "tool", "toolCallId": "c1", "content": "seen more"});
            next.messages().push(second);
            // The first one stands.
            refused = None;
        }
        "the sentence that stands for no result" => {
            let result = &mut results(&mut next)[0];
            result["content"] = UNANSWERED.into();
            result["metadata"] = Value::Null;
            refused = None;
        }
        "no result" => {
            next.messages().retain(|message| message["toolCallId"] != "c1");
            refused = None;
        }
        "a result of a front end's tool" => {
            let call =
                json!({"id": "f1", "type": "function", "function": {"name": "paint", "arguments": "{}"}});
            next.messages().push(json!({"id": "a9", "role": "assistant", "toolCalls": [call]}));
            next.messages()
                .push(json!({"id": "x", "role": "tool", "toolCallId": "f1", "content": "painted"}));
            refused = None;
        }
        "a result of no call" => {
            next.messages().push(json!({"id": "x", "role": "tool", "toolCallId": "c9", "content": "seen"}));
            refused = None;
        }
        other => panic!("no test tries {other:?}"),
    }
    (next, refused)
}

/// What the model read as the results of the two looks and the refund, when it was asked the last time.
fn read_by_model(shop: &Shop) -> Vec<String> {
    let requests = shop.requests.lock().unwrap();
    let results = requests.last().unwrap().history.iter().filter_map(|turn| match turn {
        Turn::Results(results) => Some(results),
        _ => None,
    });
    results.flatten().map(|result| result.content.text()).collect()
}

const CASES: [&str; 24] = [
    "as it was told",
    "another content",
    "a content in parts in place of the text",
    "an error beside it",
    "other arguments",
    "arguments that are no JSON",
    "the same arguments, written in another way",
    "another thread",
    "another user",
    "another organisation",
    "another front door",
    "nobody proven",
    "other permissions",
    "another tool",
    "no signature",
    "no metadata",
    "the signature of another call of the same tool",
    "another run in the signature",
    "the id of an interrupt for a signature",
    "a second result of the call, unsigned",
    "the sentence that stands for no result",
    "no result",
    "a result of a front end's tool",
    "a result of no call",
];

#[tokio::test]
async fn where_results_must_be_signed_the_model_reads_no_other() {
    let shop = Shop { requires_signed_results: true, ..Shop::new() };
    for name in CASES {
        let (next, unsigned) = case(&shop, name).await;

        let told = shop.send(&next).await;

        assert_eq!(told.status, 200, "{name}: no thread dies: {}", told.text);
        let read = read_by_model(&shop);
        let is_unverified: Vec<bool> = read.iter().take(3).map(|result| result == UNVERIFIED).collect();
        let are_all =
            ["another thread", "another user", "another organisation", "another front door", "nobody proven"];
        let expected: Vec<bool> =
            (0..3).map(|number| unsigned == Some(number) || are_all.contains(&name)).collect();
        assert_eq!(is_unverified, expected, "{name}: {read:?}");
    }
}

#[tokio::test]
async fn where_they_need_not_be_signed_only_those_of_gated_calls_are_looked_at() {
    let shop = Shop::new();
    for name in CASES {
        let (next, _) = case(&shop, name).await;

        assert_eq!(shop.send(&next).await.status, 200, "{name}");
        let read = read_by_model(&shop);
        // Renamed to a tool that asks, the call is gated, and the signature is that of another call.
        let is_gated = name == "another tool";
        assert_eq!(read[..2].iter().any(|result| result == UNVERIFIED), is_gated, "{name}: {read:?}");
    }
}

#[tokio::test]
async fn each_result_that_is_told_can_come_back() {
    let shop = Shop { requires_signed_results: true, ..Shop::new() };
    for (why, called) in [
        ("arguments that do not fit", ("refund", json!({"amount": "much"}))),
        (
            "arguments beyond what has a canonical form",
            ("refund", json!({"amount": 9_007_199_254_740_993_u64})),
        ),
        ("a tool that is not there", ("paint", json!({}))),
    ] {
        let asked = calls(&[called]);
        let told = shop.send(&asked).await;
        assert!(told.result("c1").is_some(), "{why}");
        assert_eq!(shop.send(&asked.after(&told)).await.status, 200, "{why}");
    }

    for (why, called, payload) in [
        ("approved", refund(), json!({"approved": true})),
        ("denied", refund(), json!({"approved": false})),
        (
            "edited",
            ("price", json!({"order_id": "1", "amount": 2})),
            json!({"approved": true, "editedArgs": {"order_id": "1", "amount": 3}}),
        ),
    ] {
        let asked = calls(&[called]);
        let first = shop.send(&asked).await;
        let answered = asked.after(&first).resolve(&first.id(), payload);
        let second = shop.send(&answered).await;
        assert!(second.result("c1").is_some(), "{why}");
        let third = shop.send(&answered.after(&second)).await;
        assert_eq!(third.status, 200, "{why}: {}", third.text);
        assert!(!read_by_model(&shop).iter().any(|result| result == UNVERIFIED), "{why}");
    }
}

#[tokio::test]
async fn a_result_without_a_key_or_somebody_to_bind_it_to_is_not_signed() {
    let signed = |told: super::shop::Told| {
        let is_result = |event: &&Value| event["type"] == "TOOL_CALL_RESULT";
        told.events.iter().find(is_result).unwrap()["metadata"]["ag_ui_lambda"]["signature"].is_string()
    };
    let looked = calls(&[("look", json!({}))]);
    let mut nameless = looked.clone();
    nameless.claims.as_mut().unwrap().1 = json!({"scope": "refunds"});

    assert!(signed(Shop::new().send(&looked).await));
    assert!(!signed(Shop::new().send(&nameless).await));
    assert!(!signed(Shop { key: None, ..Shop::new() }.send(&looked).await));
}

#[tokio::test]
async fn a_signature_of_a_key_that_is_gone_proves_nothing() {
    let shop = Shop { requires_signed_results: true, ..Shop::new() };
    let (next, _) = case(&shop, "as it was told").await;

    let rotated = Shop { key: Some(OTHER_KEY), ..shop };
    assert_eq!(rotated.send(&next).await.status, 200);
    assert_eq!(read_by_model(&rotated), [UNVERIFIED; 3]);
}

#[test]
fn an_agent_that_requires_signed_results_is_not_built_without_a_key() {
    let look = tool_fn("look", "Looks.", async |_: ToolContext<()>, _: NoArgs| Ok("seen"));
    let agent = Agent::builder(Scripted::turns([Script::new()])).tool(look).requires_signed_results();

    let fault = agent.build().unwrap_err().to_string();

    assert!(fault.contains("no key"), "{fault}");
}
