//! A long conversation of an official client, which each provider receives turn by turn, and threads that are too long for
//! every model. A strict checker of the provider's rules rejects what the real service would reject.

use std::sync::Arc;

use ag_ui_dev::provider::{Provider, Reply, TurnPart, Wire};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{WIRES, answering, asking, function, model, signs};
use crate::support::client_run::{run_client, serve_url};
use crate::support::function::{self, TOKEN, url_event};
use crate::support::log::{lines, with_message};
use crate::support::provider_rules::{self, Verdict};

const TURNS: usize = 20;

/// Checks the body of a request by the rules of the wire's provider.
pub(super) fn check(wire: Wire, body: &Value) -> Verdict {
    match wire {
        Wire::OpenAiChat => provider_rules::openai_chat::check(body),
        Wire::OpenAiResponses => provider_rules::openai_responses::check(body),
        Wire::Anthropic => provider_rules::anthropic::check(body),
        Wire::Gemini => provider_rules::gemini::check(model(wire).split_once('/').unwrap().1, body),
        Wire::Bedrock => provider_rules::bedrock::check(body),
        // Ollama accepts any order.
        _ => Ok(()),
    }
}

#[tokio::test]
async fn twenty_turns_satisfy_every_provider() {
    join_all(WIRES.map(|wire| async move {
        for client in ["1.0", "0.0.59"] {
            let provider = Provider::start().await.unwrap();
            provider.check_requests(move |body| check(wire, body));
            for turn in 1..=TURNS {
                let turns = [asking(wire, turn), answering(turn)];
                provider.queue(turns.iter().map(|turn| Reply::stream(wire, turn)));
            }
            let thinking = ("AGUI_MODEL_THINKING_TOKENS", "2000");
            let function = Arc::new(function(wire, &provider, &[thinking]).await);

            let runs = run_client(
                client,
                "long",
                &serve_url(&function).await.url(),
                &format!("{wire:?}-{client}-long"),
            )
            .await;

            let requests = provider.requests();
            assert_eq!((runs.len(), requests.len()), (TURNS, 2 * TURNS), "{wire:?} {client}");
            let refused: Vec<_> = requests.iter().filter_map(|requests| requests.rejection.clone()).collect();
            assert!(refused.is_empty(), "{wire:?} {client}: {refused:?}");
            let last = requests.last().unwrap().body.to_string();
            let pictures = last.matches("iVBORw0KGgo").count();
            assert_eq!(pictures, TURNS / 4, "{wire:?} {client}: nothing is lost on the way");
            // A signature that the client keeps is sent back with each turn that it belongs to.
            let kept = if client == "1.0" { TURNS } else { 1 };
            let signatures = last.matches("c2lnbmVk").count();
            assert!(!signs(wire) || signatures >= kept, "{wire:?} {client}: {signatures} signatures");
        }
    }))
    .await;
}

/// Returns the messages of 400 turns, each with a tool call, whose JSON text has about this many bytes.
fn thread_of_400_turns(bytes: usize) -> Vec<Value> {
    let text = "All is \"well\" in Tōkyō.\n".repeat(bytes / 400 / 130);
    let turn = |number: usize| {
        let call = format!("call_{number}");
        let function = json!({"name": "get_weather", "arguments": r#"{"location":"Tokyo"}"#});
        [
            json!({"id": format!("u{number}"), "role": "user", "content": format!("Question {number}. {text}")}),
            json!({"id": format!("a{number}"), "role": "assistant", "toolCalls": [
                {"id": call, "type": "function", "function": function},
            ]}),
            json!({"id": format!("t{number}"), "role": "tool", "toolCallId": call, "content": format!("Sunny. {text}")}),
            json!({"id": format!("b{number}"), "role": "assistant", "content": format!("Answer {number}. {text}{text}")}),
        ]
    };
    (1..=400).flat_map(turn).collect()
}

#[tokio::test]
async fn thread_of_400_turns_goes_on_with_every_model() {
    for (bytes, context_bytes) in [(1_000_000, 300_000), (5_000_000, 1_000_000)] {
        let mut messages = thread_of_400_turns(bytes);
        let size = Value::from(messages.clone()).to_string().len();
        assert!((bytes * 8 / 10..bytes * 11 / 10).contains(&size), "{size} bytes");
        messages.push(json!({"id": "u401", "role": "user", "content": "Question 401."}));
        for wire in WIRES {
            let provider = Provider::start().await.unwrap();
            provider.check_requests(move |body| check(wire, body));
            provider.limit_context(context_bytes, Reply::context_too_long(wire));
            provider.reply_always(Reply::stream(wire, &[TurnPart::text("Still fine.")]));
            let function = function(wire, &provider, &[("AWS_LAMBDA_LOG_FORMAT", "JSON")]).await;
            let mut messages = messages.clone();
            for number in 402..405 {
                let input = json!({
                    "threadId": "long", "runId": format!("r{number}"), "protocolVersion": "1.0", "messages": messages,
                });
                let event = url_event(&[("x-agui-token", TOKEN)], &input);
                let reply = function::Reply::send(&function, &event).await;
                let name = format!("{wire:?} {bytes} {number}");
                assert!(reply.text.contains("Still fine."), "{name}: {}", end_of(&reply.text));
                let compacted: Vec<&Value> =
                    reply.events.iter().filter(|event| event["name"] == "ag_ui_lambda.compacted").collect();
                assert_eq!(compacted.len(), 1, "{name}: {}", end_of(&reply.text));
                messages
                    .push(json!({"id": format!("b{number}"), "role": "assistant", "content": "Still fine."}));
                messages.push(json!({"id": format!("u{number}"), "role": "user", "content": format!("Question {number}.")}));
            }
            let log = lines(&function).await;
            assert_eq!(with_message(&log, "conversation compacted").len(), 3, "{wire:?} {bytes}");
            let requests = provider.requests();
            let accepted: Vec<_> = requests.iter().filter(|request| request.rejection.is_none()).collect();
            let refused: Vec<_> = requests.iter().filter_map(|request| request.rejection.clone()).collect();
            assert_eq!(accepted.len(), 3, "{wire:?}");
            assert!(
                refused.iter().all(|why| why.contains("too long for the model")),
                "{wire:?}: {refused:?}"
            );
            assert!(refused.len() <= 9, "{wire:?}: {} requests were refused", refused.len());
            let last = accepted[2].body.to_string();
            assert!(last.contains("Question 403.") && last.contains("left out here"), "{wire:?}");
            assert!(last.len() > context_bytes / 3, "{wire:?}: {} bytes are left", last.len());
        }
    }
}

/// Returns the end of a response, for messages of failed assertions.
fn end_of(text: &str) -> &str {
    &text[text.floor_char_boundary(text.len().saturating_sub(300))..]
}
