//! Failures of a provider: each ends the run with its code, keeps what was streamed before, and closes what is open. The order
//! of the events is checked in every response.

use std::time::{Duration, Instant};

use ag_ui_dev::provider::{Provider, Reply, TurnPart, Wire};
use futures_util::future::join_all;
use serde_json::Value;

use super::{KEY, WIRES, asking, function, thought};
use crate::support::function::{self, Function, TOKEN, send_hello};

/// A detail of the provider's error that only the operator may read.
const DETAIL: &str = "the account of hunter2 is in arrears";

struct WireUnderTest {
    wire: Wire,
    provider: Provider,
    function: Function,
}

impl WireUnderTest {
    /// Starts a provider and a function with a short idle timeout.
    async fn new(wire: Wire) -> Self {
        let provider = Provider::start().await.unwrap();
        let function = function(wire, &provider, &[("AGUI_MODEL_IDLE_TIMEOUT_S", "1")]).await;
        Self { wire, provider, function }
    }

    /// Runs while the provider sends this reply to every request. Returns the response and the number of requests.
    async fn run(&self, reply: Reply) -> (function::Reply, usize) {
        self.provider.reply_always(reply);
        let before = self.provider.requests().len();
        let reply = send_hello(&self.function, TOKEN).await;
        assert!(!reply.text.contains("hunter2") && !reply.text.contains(KEY), "{}", reply.text);
        (reply, self.provider.requests().len() - before)
    }

    /// Returns a turn with reasoning, text and calls.
    fn turn(&self) -> Vec<TurnPart> {
        asking(self.wire, 1)
    }
}

/// Returns the code of the run's error, or its outcome.
fn code(reply: &function::Reply) -> String {
    let last = reply.events.last().unwrap();
    last["code"].as_str().or(last["outcome"]["type"].as_str()).unwrap_or("?").to_owned()
}

/// Joins the deltas of the events of this type.
fn text_of(events: &[Value], kind: &str) -> String {
    events.iter().filter(|event| event["type"] == kind).filter_map(|event| event["delta"].as_str()).collect()
}

#[tokio::test]
async fn retries_a_provider_that_begins_no_turn() {
    join_all(WIRES.map(|wire| async move {
        let under_test = WireUnderTest::new(wire).await;
        let error = |status| Reply::error(wire, status, DETAIL);
        for (why, reply, count, expected) in [
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
            let (reply, times) = under_test.run(reply).await;
            assert_eq!((code(&reply).as_str(), times), (expected, count), "{wire:?}: {why}");
        }
    }))
    .await;
}

#[tokio::test]
async fn closed_connections_are_tried_three_times() {
    join_all(WIRES.map(|wire| async move {
        let under_test = WireUnderTest::new(wire).await;
        let (reply, _) = under_test.run(Reply::stream(wire, &[TurnPart::text("Here.")])).await;
        assert_eq!(code(&reply), "success", "{wire:?}");

        let before = under_test.provider.connections();
        let (reply, times) = under_test.run(Reply::hang_up()).await;
        let opened = under_test.provider.connections() - before;
        assert_eq!(code(&reply), "MODEL_UNAVAILABLE", "{wire:?}");
        // A reused connection that fails costs a request, but does not count as a try.
        assert!(times >= 3 && opened <= 3, "{wire:?}: {times} requests, {opened} connections");
    }))
    .await;
}

#[tokio::test]
async fn refused_key_is_misconfigured() {
    for wire in WIRES {
        let under_test = WireUnderTest::new(wire).await;
        let refusal = Reply::raw(401, "application/json", format!(r#"{{"message":"{DETAIL}"}}"#));
        let (reply, count) = under_test.run(refusal).await;
        assert_eq!((code(&reply).as_str(), count), ("MODEL_MISCONFIGURED", 1), "{wire:?}");
    }
}

#[tokio::test]
async fn retry_after_is_respected() {
    join_all(WIRES.map(|wire| async move {
        let under_test = WireUnderTest::new(wire).await;
        under_test.provider.queue([Reply::error(wire, 429, DETAIL).header("retry-after", "1")]);
        let began = Instant::now();

        let (reply, count) = under_test.run(Reply::stream(wire, &[TurnPart::text("Here.")])).await;

        assert_eq!((code(&reply).as_str(), count), ("success", 2), "{wire:?}: {}", reply.text);
        assert!(began.elapsed() >= Duration::from_secs(1), "{wire:?} did not wait");
        assert_eq!(text_of(&reply.events, "TEXT_MESSAGE_CONTENT"), "Here.");
    }))
    .await;
}

#[tokio::test]
async fn silent_provider_times_out() {
    join_all(WIRES.map(|wire| async move {
        let under_test = WireUnderTest::new(wire).await;
        let turn = Reply::stream(wire, &under_test.turn());

        let (reply, count) = under_test.run(Reply::silence()).await;
        assert_eq!((code(&reply).as_str(), count), ("MODEL_UNAVAILABLE", 3), "{wire:?}");

        let last = turn.pieces() - 3;
        let (reply, count) = under_test.run(turn.stall_after(last)).await;
        assert_eq!((code(&reply).as_str(), count), ("MODEL_STREAM_CUT", 1), "{wire:?}: {}", reply.text);
        assert_eq!(text_of(&reply.events, "REASONING_MESSAGE_CONTENT"), thought(wire), "{wire:?}");
    }))
    .await;
}

/// A way to break a reply after this many of its pieces.
type Fault = fn(Reply, usize) -> Reply;

/// The ways to break a turn after each of its pieces: cut off, ended without its end marker, and with a broken frame.
#[tokio::test]
async fn broken_turn_keeps_streamed_content_at_every_byte() {
    let faults: [(&str, Fault); 3] =
        [("cut", Reply::cut_after), ("ended", Reply::end_after), ("malformed", Reply::malformed_after)];
    join_all(WIRES.map(|wire| async move {
        let under_test = WireUnderTest::new(wire).await;
        let complete = Reply::stream(wire, &under_test.turn());
        for (fault, spoil) in faults {
            for pieces in 0..complete.pieces() {
                under_test.provider.queue([spoil(complete.clone(), pieces)]);
                let (reply, count) = under_test.run(Reply::stream(wire, &[TurnPart::text("Fine.")])).await;
                let place =
                    format!("{wire:?}, {fault} after {pieces} of {}: {}", complete.pieces(), reply.text);
                let sent = String::from_utf8_lossy(&complete.clone().end_after(pieces).body()).into_owned();
                assert_broken_well(wire, &sent, &reply, count, &place);
            }
        }
    }))
    .await;
}

/// Returns the text of the wire that contains the finish reason. Nothing after it is needed.
fn end_marker(wire: Wire) -> &'static str {
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

/// Checks the run of a broken turn. `sent` is what the provider sent before it broke.
fn assert_broken_well(wire: Wire, sent: &str, reply: &function::Reply, count: usize, place: &str) {
    let text = text_of(&reply.events, "TEXT_MESSAGE_CONTENT");
    let thinking = text_of(&reply.events, "REASONING_MESSAGE_CONTENT");
    let all = |kind: &str| reply.events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let results = all("TOOL_CALL_RESULT");
    match (code(reply).as_str(), count) {
        // The client has received a part of the turn, so the run fails without another request.
        ("MODEL_STREAM_CUT", 1) => {
            let of = |complete: &str| -> String {
                complete
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
            let arguments = text_of(&reply.events, "TOOL_CALL_ARGS");
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
        // The client has received nothing, so the request is repeated.
        ("success", 2) if text == "Fine." => {
            assert!(thinking.is_empty() && results.is_empty(), "{place}");
            let text_of =
                ["Let me", "Two ", "get_weather"].into_iter().find(|text_of| sent.contains(text_of));
            assert_eq!(text_of, None, "thrown away: {place}");
        }
        // The turn was complete, except perhaps for the usage.
        ("success", 2) => {
            assert!(sent.contains(end_marker(wire)), "{place}");
            assert_eq!((text.as_str(), thinking.as_str()), ("Let me look.Fine.", thought(wire)), "{place}");
            assert_eq!(results.len(), 2, "{place}");
        }
        other => panic!("{other:?} {place}"),
    }
}
