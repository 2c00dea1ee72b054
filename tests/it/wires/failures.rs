//! What goes wrong at a provider: each failure ends in its code, what was streamed so far is intact, and what
//! was opened is closed (every answer passes the oracle of order).

use std::time::{Duration, Instant};

use ag_ui_dev::provider::{Provider, Reply, Say, Wire};
use futures_util::future::join_all;
use serde_json::Value;

use super::{KEY, WIRES, asking, function, thought, variables};
use crate::support::function::{self, Function, TOKEN, ask, local_function};

/// What only the operator may read.
const DETAIL: &str = "the account of hunter2 is in arrears";

struct Stage {
    wire: Wire,
    provider: Provider,
    function: Function,
}

impl Stage {
    async fn new(wire: Wire) -> Self {
        let provider = Provider::start().await.unwrap();
        let function = function(wire, &provider, &[("AGUI_MODEL_IDLE_TIMEOUT_S", "1")]).await;
        Self { wire, provider, function }
    }

    /// Has every request answered like this, and makes a run. Returns it with how often the provider was asked.
    async fn run(&self, reply: Reply) -> (function::Reply, usize) {
        self.provider.always(reply);
        let before = self.provider.asked().len();
        let reply = ask(&self.function, TOKEN).await;
        assert!(!reply.text.contains("hunter2") && !reply.text.contains(KEY), "{}", reply.text);
        (reply, self.provider.asked().len() - before)
    }

    fn turn(&self) -> Vec<Say> {
        asking(self.wire, 1)
    }
}

fn code(reply: &function::Reply) -> String {
    let last = reply.events.last().unwrap();
    last["code"].as_str().or(last["outcome"]["type"].as_str()).unwrap_or("?").to_owned()
}

/// All that the events of a kind say, one after another.
fn said(events: &[Value], kind: &str) -> String {
    events.iter().filter(|event| event["type"] == kind).filter_map(|event| event["delta"].as_str()).collect()
}

#[tokio::test]
async fn a_provider_that_begins_no_turn_is_asked_again_where_that_may_help() {
    join_all(WIRES.map(|wire| async move {
        let stage = Stage::new(wire).await;
        let error = |status| Reply::error(wire, status, DETAIL);
        for (why, reply, asked, expected) in [
            ("500", error(500), 3, "MODEL_UNAVAILABLE"),
            ("503", error(503), 3, "MODEL_UNAVAILABLE"),
            (
                "429 for longer than anyone waits",
                error(429).header("retry-after", "60"),
                1,
                "MODEL_THROTTLED",
            ),
            ("400", error(400), 1, "MODEL_REFUSED"),
            ("403", error(403), 1, "MODEL_MISCONFIGURED"),
            ("404", error(404), 1, "MODEL_MISCONFIGURED"),
        ] {
            let (reply, times) = stage.run(reply).await;
            assert_eq!((code(&reply).as_str(), times), (expected, asked), "{wire:?}: {why}");
        }
    }))
    .await;
}

#[tokio::test]
async fn a_provider_that_hangs_up_on_every_connection_is_asked_three_times() {
    join_all(WIRES.map(|wire| async move {
        let stage = Stage::new(wire).await;
        let (reply, _) = stage.run(Reply::stream(wire, &[Say::text("Here.")])).await;
        assert_eq!(code(&reply), "success", "{wire:?}");

        let before = stage.provider.connections();
        let (reply, times) = stage.run(Reply::hang_up()).await;
        let opened = stage.provider.connections() - before;
        assert_eq!(code(&reply), "MODEL_UNAVAILABLE", "{wire:?}");
        // Connections that were used before cost a request each, and no try.
        assert!(times >= 3 && opened <= 3, "{wire:?}: {times} requests, {opened} connections");
    }))
    .await;
}

#[tokio::test]
async fn a_key_that_is_refused_is_a_matter_of_set_up() {
    for wire in WIRES {
        let stage = Stage::new(wire).await;
        let refusal = Reply::raw(401, "application/json", format!(r#"{{"message":"{DETAIL}"}}"#));
        let (reply, asked) = stage.run(refusal).await;
        assert_eq!((code(&reply).as_str(), asked), ("MODEL_MISCONFIGURED", 1), "{wire:?}");
    }
}

#[tokio::test]
async fn given_a_provider_that_asks_for_a_pause_when_it_is_over_then_the_turn_is_made() {
    join_all(WIRES.map(|wire| async move {
        let stage = Stage::new(wire).await;
        stage.provider.reply([Reply::error(wire, 429, DETAIL).header("retry-after", "1")]);
        let began = Instant::now();

        let (reply, asked) = stage.run(Reply::stream(wire, &[Say::text("Here.")])).await;

        assert_eq!((code(&reply).as_str(), asked), ("success", 2), "{wire:?}: {}", reply.text);
        assert!(began.elapsed() >= Duration::from_secs(1), "{wire:?} did not wait");
        assert_eq!(said(&reply.events, "TEXT_MESSAGE_CONTENT"), "Here.");
    }))
    .await;
}

#[tokio::test]
async fn given_nobody_at_the_providers_address_then_the_model_is_unavailable() {
    join_all(WIRES.map(|wire| async move {
        // Nobody listens on the first of all ports.
        let variables = variables(wire, "http://127.0.0.1:1");
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let reply = ask(&local_function(&variables).await, TOKEN).await;

        assert_eq!(code(&reply), "MODEL_UNAVAILABLE", "{wire:?}");
    }))
    .await;
}

#[tokio::test]
async fn a_provider_that_falls_silent_is_given_up() {
    join_all(WIRES.map(|wire| async move {
        let stage = Stage::new(wire).await;
        let turn = Reply::stream(wire, &stage.turn());

        let (reply, asked) = stage.run(Reply::silence()).await;
        assert_eq!((code(&reply).as_str(), asked), ("MODEL_UNAVAILABLE", 3), "{wire:?}");

        let last = turn.pieces() - 3;
        let (reply, asked) = stage.run(turn.stall_after(last)).await;
        assert_eq!((code(&reply).as_str(), asked), ("MODEL_STREAM_CUT", 1), "{wire:?}: {}", reply.text);
        assert_eq!(said(&reply.events, "REASONING_MESSAGE_CONTENT"), thought(wire), "{wire:?}");
    }))
    .await;
}

/// A way to spoil a reply behind a number of its pieces.
type Fault = fn(Reply, usize) -> Reply;

/// Cut off, ended without its end marker, and with a broken frame: behind every piece of the turn.
#[tokio::test]
async fn wherever_a_turn_breaks_what_was_streamed_is_intact() {
    let faults: [(&str, Fault); 3] =
        [("cut", Reply::cut_after), ("ended", Reply::end_after), ("malformed", Reply::malformed_after)];
    join_all(WIRES.map(|wire| async move {
        let stage = Stage::new(wire).await;
        let whole = Reply::stream(wire, &stage.turn());
        for (fault, spoil) in faults {
            for pieces in 0..whole.pieces() {
                stage.provider.reply([spoil(whole.clone(), pieces)]);
                let (reply, asked) = stage.run(Reply::stream(wire, &[Say::text("Fine.")])).await;
                let place = format!("{wire:?}, {fault} after {pieces} of {}: {}", whole.pieces(), reply.text);
                let sent = String::from_utf8_lossy(&whole.clone().end_after(pieces).body()).into_owned();
                broke_well(wire, &sent, &reply, asked, &place);
            }
        }
    }))
    .await;
}

/// What tells the reason to stop; what is behind it is not needed.
fn end(wire: Wire) -> &'static str {
    match wire {
        Wire::Bedrock => "messageStop",
        Wire::OpenAiChat => "\"finish_reason\":\"",
        Wire::OpenAiResponses => "response.completed",
        Wire::Anthropic => "\"stop_reason\":\"",
        Wire::Gemini => "finishReason",
        Wire::Ollama => "\"done\":true",
        other => panic!("no end is known of {other:?}"),
    }
}

/// `sent` is what the provider sent before the turn broke.
fn broke_well(wire: Wire, sent: &str, reply: &function::Reply, asked: usize, place: &str) {
    let text = said(&reply.events, "TEXT_MESSAGE_CONTENT");
    let thinking = said(&reply.events, "REASONING_MESSAGE_CONTENT");
    let all = |kind: &str| reply.events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let results = all("TOOL_CALL_RESULT");
    match (code(reply).as_str(), asked) {
        // A client has seen a part of it, so it fails and is not asked for again.
        ("MODEL_STREAM_CUT", 1) => {
            let of = |whole: &str| -> String {
                whole
                    .split_inclusive("me ")
                    .flat_map(|part| part.split_inclusive("Two "))
                    .filter(|part| sent.contains(part))
                    .collect()
            };
            assert_eq!(
                (text.as_str(), thinking),
                (of("Let me look.").as_str(), of(thought(wire))),
                "{place}"
            );
            let arguments = said(&reply.events, "TOOL_CALL_ARGS");
            for word in ["Tokyo", "Paris"] {
                assert_eq!(arguments.contains(word), sent.contains(word), "{word}: {place}");
            }
            assert_eq!(results.len(), all("TOOL_CALL_START").len(), "{place}");
            for result in results {
                assert_eq!(
                    result["content"], r#"{"error":"The run ended before this tool finished."}"#,
                    "{place}"
                );
            }
        }
        // A client has seen nothing, so another try is as good as the first.
        ("success", 2) if text == "Fine." => {
            assert!(thinking.is_empty() && results.is_empty(), "{place}");
            let said = ["Let me", "Two ", "get_weather"].into_iter().find(|said| sent.contains(said));
            assert_eq!(said, None, "thrown away: {place}");
        }
        // All that counts was there: only the tokens, or nothing at all, is missing.
        ("success", 2) => {
            assert!(sent.contains(end(wire)), "{place}");
            assert_eq!((text.as_str(), thinking.as_str()), ("Let me look.Fine.", thought(wire)), "{place}");
            assert_eq!(results.len(), 2, "{place}");
        }
        other => panic!("{other:?} {place}"),
    }
}
