//! A long conversation of an official client, which each provider receives turn by turn. A strict checker of the provider's
//! rules rejects what the real service would reject.

use std::sync::Arc;

use ag_ui_dev::provider::{Provider, Reply, Wire};
use futures_util::future::join_all;
use serde_json::Value;

use super::{WIRES, answering, asking, function, model, signs};
use crate::support::client_run::{run_client, serve_url};
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
