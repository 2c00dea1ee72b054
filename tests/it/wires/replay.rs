//! A long conversation, held by an official client, as each provider gets it turn after turn: a strict checker of the
//! provider's rules refuses what the real one would.

use std::sync::Arc;

use ag_ui_dev::provider::{Provider, Reply, Wire};
use futures_util::future::join_all;
use serde_json::Value;

use super::{WIRES, answering, asking, function, model, signs};
use crate::support::played::{played, url};
use crate::support::rules::{self, Verdict};

const TURNS: usize = 20;

pub(super) fn check(wire: Wire, body: &Value) -> Verdict {
    match wire {
        Wire::OpenAiChat => rules::openai_chat::check(body),
        Wire::OpenAiResponses => rules::openai_responses::check(body),
        Wire::Anthropic => rules::anthropic::check(body),
        Wire::Gemini => rules::gemini::check(model(wire).split_once('/').unwrap().1, body),
        Wire::Bedrock => rules::bedrock::check(body),
        // Ollama takes any order.
        _ => Ok(()),
    }
}

#[tokio::test]
async fn a_conversation_of_twenty_turns_with_tools_reasoning_and_images_is_refused_by_no_provider() {
    join_all(WIRES.map(|wire| async move {
        for client in ["1.0", "0.0.59"] {
            let provider = Provider::start().await.unwrap();
            provider.judge(move |body| check(wire, body));
            for turn in 1..=TURNS {
                let turns = [asking(wire, turn), answering(turn)];
                provider.reply(turns.iter().map(|turn| Reply::stream(wire, turn)));
            }
            let thinking = ("AGUI_MODEL_THINKING_TOKENS", "2000");
            let function = Arc::new(function(wire, &provider, &[thinking]).await);

            let runs =
                played(client, "long", &url(&function).await.url(), &format!("{wire:?}-{client}-long")).await;

            let asked = provider.asked();
            assert_eq!((runs.len(), asked.len()), (TURNS, 2 * TURNS), "{wire:?} {client}");
            let refused: Vec<_> = asked.iter().filter_map(|asked| asked.refused.clone()).collect();
            assert!(refused.is_empty(), "{wire:?} {client}: {refused:?}");
            let last = asked.last().unwrap().body.to_string();
            let pictures = last.matches("iVBORw0KGgo").count();
            assert_eq!(pictures, TURNS / 4, "{wire:?} {client}: nothing is lost on the way");
            // What the client keeps of a signature goes back in each turn that it was given for.
            let kept = if client == "1.0" { TURNS } else { 1 };
            let signatures = last.matches("c2lnbmVk").count();
            assert!(!signs(wire) || signatures >= kept, "{wire:?} {client}: {signatures} signatures");
        }
    }))
    .await;
}
