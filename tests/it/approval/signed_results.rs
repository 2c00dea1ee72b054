//! Signed results: what happens to tool results that a client sends back, unchanged or changed.

use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::model::{Script, Scripted, Turn};
use ag_ui_lambda::tool::{NoArgs, ToolContext, tool_fn};
use serde_json::{Value, json};

use super::shop::{Shop, ShopRequest, UNVERIFIED, refund_call, request_calls};

const OTHER_KEY: &str = "fedcba9876543210fedcba9876543210";
const UNANSWERED: &str = r#"{"error":"The run ended before this tool finished."}"#;

/// Returns a refund that needs no approval.
fn small_refund() -> (&'static str, Value) {
    ("refund", json!({"order_id": "1234", "amount": 0.5}))
}

/// Returns the tool messages of the history, in order.
fn tool_messages(request: &mut ShopRequest) -> Vec<&mut Value> {
    request.messages().iter_mut().filter(|message| message["role"] == "tool").collect()
}

/// Returns the next request of a client that has received the results of two `look` calls and a refund, changed as this case
/// describes, and the index of the result whose signature does not match, if there is one.
async fn tampered_request(shop: &Shop, name: &str) -> (ShopRequest, Option<usize>) {
    let request = request_calls(&[("look", json!({})), ("look", json!({})), small_refund()]);
    let response = shop.send(&request).await;
    let mut next = request.following(&response);
    next.messages().push(json!({"id": "u2", "role": "user", "content": "Thanks."}));
    let mut refused = Some(0);
    match name {
        "unchanged" => refused = None,
        "another content" => tool_messages(&mut next)[0]["content"] = "seen nothing".into(),
        "a content in parts in place of the text" => {
            tool_messages(&mut next)[0]["content"] = json!([{"type": "text", "text": "seen"}]);
        }
        "an error beside it" => tool_messages(&mut next)[0]["error"] = "It failed.".into(),
        "other arguments" => {
            next.history_call(2)["function"]["arguments"] = r#"{"order_id":"1234","amount":0.25}"#.into();
            refused = Some(2);
        }
        "arguments that are no JSON" => {
            next.history_call(2)["function"]["arguments"] = "{".into();
            refused = Some(2);
        }
        "the same arguments, written in another way" => {
            next.history_call(2)["function"]["arguments"] =
                "{ \"amount\": 5e-1, \"order_id\": \"1234\" }".into();
            refused = None;
        }
        "another thread" => next.input["threadId"] = "t2".into(),
        "another user" => next = next.with_claim("sub", "bob".into()),
        "another organisation" => next = next.with_claim("custom:org_id", "umbrella".into()),
        "another entry point" => {
            next.claims.as_mut().unwrap().0 = ag_ui_lambda::lambda::claim_source::COGNITO_AUTHORIZER;
        }
        "another agent" => next = next.at_second_agent(),
        "nobody proven" => next.claims = None,
        "other permissions" => {
            next = next.with_claim("scope", "read".into());
            refused = None;
        }
        "another tool" => next.history_call(0)["function"]["name"] = "choose".into(),
        "no signature" => tool_messages(&mut next)[0]["metadata"] = json!({"ag_ui_lambda": {}}),
        "no metadata" => tool_messages(&mut next)[0]["metadata"] = Value::Null,
        "the signature of another call of the same tool" => {
            let foreign = tool_messages(&mut next)[1]["metadata"].clone();
            tool_messages(&mut next)[0]["metadata"] = foreign;
        }
        "another run in the signature" => {
            let metadata = &mut tool_messages(&mut next)[0]["metadata"]["ag_ui_lambda"]["signature"];
            let mut parts: Vec<&str> = metadata.as_str().unwrap().split('.').collect();
            parts[2] = "cjI";
            *metadata = parts.join(".").into();
        }
        "the id of an interrupt for a signature" => {
            let other = request_calls(&[refund_call()]);
            let id = shop.send(&other).await.interrupt_id();
            tool_messages(&mut next)[0]["metadata"]["ag_ui_lambda"]["signature"] = id;
        }
        "a second result of the call, unsigned" => {
            let second = json!({"id": "x", "role": "tool", "toolCallId": "c1", "content": "seen more"});
            next.messages().push(second);
            // The first one counts.
            refused = None;
        }
        "the sentence that stands for no result" => {
            let result = &mut tool_messages(&mut next)[0];
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

/// Returns the results of the two `look` calls and the refund in the last request to the model.
fn results_read_by_model(shop: &Shop) -> Vec<String> {
    let requests = shop.requests.lock().unwrap();
    let results = requests.last().unwrap().history.iter().filter_map(|turn| match turn {
        Turn::Results(results) => Some(results),
        _ => None,
    });
    results.flatten().map(|result| result.content.text()).collect()
}

const CASES: [&str; 25] = [
    "unchanged",
    "another content",
    "a content in parts in place of the text",
    "an error beside it",
    "other arguments",
    "arguments that are no JSON",
    "the same arguments, written in another way",
    "another thread",
    "another user",
    "another organisation",
    "another entry point",
    "another agent",
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
async fn required_signatures_hide_unsigned_results() {
    let shop = Shop { requires_signed_results: true, ..Shop::new() };
    for name in CASES {
        let (next, unsigned) = tampered_request(&shop, name).await;

        let response = shop.send(&next).await;

        assert_eq!(response.status, 200, "{name}: no thread dies: {}", response.text);
        let read = results_read_by_model(&shop);
        let is_unverified: Vec<bool> = read.iter().take(3).map(|result| result == UNVERIFIED).collect();
        let are_all = [
            "another thread",
            "another user",
            "another organisation",
            "another entry point",
            "another agent",
            "nobody proven",
        ];
        let expected: Vec<bool> =
            (0..3).map(|number| unsigned == Some(number) || are_all.contains(&name)).collect();
        assert_eq!(is_unverified, expected, "{name}: {read:?}");
    }
}

/// Sends the next message of a client that keeps everything but what `change` does to its list of messages. Returns the
/// request, with the answer in its history, and what the model has read as results.
async fn next_message(
    shop: &Shop,
    request: &ShopRequest,
    response: &super::shop::ShopResponse,
    change: fn(&mut ShopRequest),
) -> (ShopRequest, super::shop::ShopResponse, Vec<String>) {
    let mut next = request.following(response);
    change(&mut next);
    let number = next.messages().len();
    let calls = json!([["look", {}]]).to_string();
    next.messages().push(json!({"id": format!("u{number}"), "role": "user", "content": calls}));
    let response = shop.send(&next).await;
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.events.last().unwrap()["outcome"]["type"], "success", "{}", response.text);
    (next, response, results_read_by_model(shop))
}

#[tokio::test]
async fn threads_go_on_where_signatures_are_lost() {
    let drop_metadata = |request: &mut ShopRequest| {
        for message in request.messages() {
            message.as_object_mut().unwrap().remove("metadata");
        }
    };
    let enter_elsewhere = |request: &mut ShopRequest| {
        request.claims.as_mut().unwrap().0 = ag_ui_lambda::lambda::claim_source::COGNITO_AUTHORIZER;
    };
    for (why, change, is_rotated, is_kept) in [
        ("a client that drops metadata", drop_metadata as fn(&mut ShopRequest), false, false),
        ("a key that is gone after two rotations", |_| {}, true, false),
        ("another entry point", enter_elsewhere, false, false),
        ("nothing is lost", |_| {}, false, true),
    ] {
        let mut shop = Shop { requires_signed_results: true, ..Shop::new() };
        let request = request_calls(&[("look", json!({})), small_refund()]);
        let response = shop.send(&request).await;
        if is_rotated {
            shop = Shop { key: Some(OTHER_KEY), ..shop };
        }

        let (request, response, read) = next_message(&shop, &request, &response, change).await;
        // The result of this run is read in this run, however the older ones are.
        assert_eq!(read.last().unwrap(), "seen", "{why}");
        let older = if is_kept { "seen" } else { UNVERIFIED };
        assert_eq!(read[0], older, "{why}: {read:?}");

        let (_, _, read) = next_message(&shop, &request, &response, change).await;
        let drops_all = why == "a client that drops metadata";
        assert_eq!(read[2] == UNVERIFIED, drops_all, "{why}: {read:?}");
        assert_eq!((read.len(), read.last().unwrap().as_str()), (4, "seen"), "{why}: {read:?}");
    }
}

#[tokio::test]
async fn results_of_anonymous_callers_are_signed() {
    let shop = Shop { requires_signed_results: true, ..Shop::new() };
    let mut request = request_calls(&[("look", json!({}))]);
    request.claims = None;
    let response = shop.send(&request).await;

    let (_, _, read) = next_message(&shop, &request, &response, |_| {}).await;

    assert_eq!(read, ["seen", "seen"]);
}

#[tokio::test]
async fn without_requirement_only_gated_results_are_verified() {
    let shop = Shop::new();
    for name in CASES {
        let (next, _) = tampered_request(&shop, name).await;

        assert_eq!(shop.send(&next).await.status, 200, "{name}");
        let read = results_read_by_model(&shop);
        // Under the name of a tool that asks, the call is gated, and the signature belongs to another call.
        let is_gated = name == "another tool";
        assert_eq!(read[..2].iter().any(|result| result == UNVERIFIED), is_gated, "{name}: {read:?}");
    }
}

#[tokio::test]
async fn every_emitted_result_can_be_sent_back() {
    let shop = Shop { requires_signed_results: true, ..Shop::new() };
    for (why, called) in [
        ("arguments that do not fit", ("refund", json!({"amount": "much"}))),
        (
            "arguments beyond what has a canonical form",
            ("refund", json!({"amount": 9_007_199_254_740_993_u64})),
        ),
        ("a tool that is not there", ("paint", json!({}))),
    ] {
        let request = request_calls(&[called]);
        let response = shop.send(&request).await;
        assert!(response.result_of("c1").is_some(), "{why}");
        assert_eq!(shop.send(&request.following(&response)).await.status, 200, "{why}");
    }

    for (why, called, payload) in [
        ("approved", refund_call(), json!({"approved": true})),
        ("denied", refund_call(), json!({"approved": false})),
        (
            "edited",
            ("price", json!({"order_id": "1", "amount": 2})),
            json!({"approved": true, "editedArgs": {"order_id": "1", "amount": 3}}),
        ),
    ] {
        let request = request_calls(&[called]);
        let first = shop.send(&request).await;
        let answered = request.following(&first).resolve(&first.interrupt_id(), payload);
        let second = shop.send(&answered).await;
        assert!(second.result_of("c1").is_some(), "{why}");
        let third = shop.send(&answered.following(&second)).await;
        assert_eq!(third.status, 200, "{why}: {}", third.text);
        assert!(!results_read_by_model(&shop).iter().any(|result| result == UNVERIFIED), "{why}");
    }
}

#[tokio::test]
async fn does_not_sign_without_key_or_principal() {
    let signed = |response: super::shop::ShopResponse| {
        let is_result = |event: &&Value| event["type"] == "TOOL_CALL_RESULT";
        response.events.iter().find(is_result).unwrap()["metadata"]["ag_ui_lambda"]["signature"].is_string()
    };
    let looked = request_calls(&[("look", json!({}))]);
    let mut nameless = looked.clone();
    nameless.claims.as_mut().unwrap().1 = json!({"scope": "refunds"});

    assert!(signed(Shop::new().send(&looked).await));
    assert!(!signed(Shop::new().send(&nameless).await));
    assert!(!signed(Shop { key: None, ..Shop::new() }.send(&looked).await));
}

#[tokio::test]
async fn signature_of_a_removed_key_is_invalid() {
    let shop = Shop { requires_signed_results: true, ..Shop::new() };
    let (next, _) = tampered_request(&shop, "unchanged").await;

    let rotated = Shop { key: Some(OTHER_KEY), ..shop };
    assert_eq!(rotated.send(&next).await.status, 200);
    assert_eq!(results_read_by_model(&rotated), [UNVERIFIED; 3]);
}

#[test]
fn build_fails_if_signatures_are_required_without_a_key() {
    let look = tool_fn("look", "Looks.", async |_: ToolContext<()>, _: NoArgs| Ok("seen"));
    let agent = Agent::builder(Scripted::turns([Script::new()])).tool(look).require_signed_results(true);

    let fault = agent.build().unwrap_err().to_string();

    assert!(fault.contains("no key"), "{fault}");
}
