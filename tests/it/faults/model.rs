//! A model that refuses, is slow, stalls, throttles, breaks off, or sends garbage or text without an end, over each wire.

use ag_ui_dev::provider::{Gate, Provider, Reply, TurnPart, Wire};
use futures_util::future::join_all;

use super::{ending, recovers};
use crate::model::function;
use crate::support::function::{self, Function, TOKEN, send_hello, url_event, user_input};
use crate::support::gated_run::Reading;
use crate::support::log::wait_for_log_line;

/// A detail of the provider's error that only the operator may read.
const DETAIL: &str = "the account of hunter2 is in arrears";

/// A function and the stand-in for its provider.
struct Served {
    wire: Wire,
    provider: Provider,
    function: Function,
}

impl Served {
    /// Starts a provider and a function with these variables.
    async fn new(wire: Wire, variables: &[(&str, &str)]) -> Self {
        let provider = Provider::start().await.unwrap();
        let function = function(wire, &provider, variables).await;
        Self { wire, provider, function }
    }

    /// Returns the reply with a turn of two texts.
    fn turn(&self) -> Reply {
        Reply::stream(self.wire, &[TurnPart::text("one "), TurnPart::text("two ")])
    }

    /// Returns the number of pieces of [`turn`](Self::turn) up to its first text.
    fn pieces_to_the_first_text(&self) -> usize {
        let has_text =
            |pieces: &usize| String::from_utf8_lossy(&self.turn().end_after(*pieces).body()).contains("one ");
        (1..self.turn().pieces()).find(has_text).unwrap()
    }

    /// Runs while the provider sends this reply to every request.
    async fn run(&self, reply: Reply) -> function::Reply {
        self.provider.reply_always(reply);
        send_hello(&self.function, TOKEN).await
    }

    /// Runs while the provider sends this reply, which must end the run with this code and a line in the log. The next run,
    /// whose provider is well again, succeeds. Returns what the client has received.
    async fn fails(&self, reply: Reply, code: &str) -> function::Reply {
        let failed = self.run(reply).await;
        assert_eq!(ending(&failed.events), code, "{:?}: {}", self.wire, failed.text);
        wait_for_log_line(&self.function, "model failed").await;
        self.recovers(&failed.text).await;
        failed
    }

    /// Checks what must hold after a fault, with a provider that is well again. `received` is what the client has received.
    async fn recovers(&self, received: &str) {
        self.provider.reply_always(self.turn());
        recovers(&self.function, &[received]).await;
    }
}

#[tokio::test]
async fn refused_request_ends_the_run_with_a_code() {
    join_all(Wire::ALL.map(async |wire| {
        let served = Served::new(wire, &[]).await;
        for (status, code) in [
            (400, "MODEL_REFUSED"),
            (403, "MODEL_MISCONFIGURED"),
            (404, "MODEL_MISCONFIGURED"),
            (500, "MODEL_UNAVAILABLE"),
        ] {
            served.fails(Reply::error(wire, status, DETAIL), code).await;
        }
    }))
    .await;
}

#[tokio::test]
async fn slow_model_is_awaited_with_comments() {
    join_all(Wire::ALL.map(async |wire| {
        let served = Served::new(wire, &[("AGUI_KEEP_ALIVE_S", "1")]).await;
        let gate = Gate::new();
        served.provider.reply_always(served.turn().gate_after(0, &gate));
        let event = url_event(&[("x-agui-token", TOKEN)], &user_input("Hello"));
        let mut reading = Reading::start(&served.function, &event).await;

        reading.until(2, ": keep-alive").await;
        gate.open();
        reading.until(1, "two ").await;

        let received = reading.text.clone();
        assert_eq!(ending(&reading.end().await), "success", "{wire:?}");
        served.recovers(&received).await;
    }))
    .await;
}

#[tokio::test]
async fn stalled_model_is_given_up() {
    join_all(Wire::ALL.map(async |wire| {
        let served = Served::new(wire, &[("AGUI_MODEL_IDLE_TIMEOUT_S", "1")]).await;
        served.fails(Reply::silence(), "MODEL_UNAVAILABLE").await;

        let stalled = served.turn().stall_after(served.pieces_to_the_first_text());
        let received = served.fails(stalled, "MODEL_STREAM_CUT").await;
        assert!(received.text.contains("one "), "{wire:?}: {}", received.text);
    }))
    .await;
}

#[tokio::test]
async fn throttling_model_ends_the_run_with_its_code() {
    join_all(Wire::ALL.map(async |wire| {
        let served = Served::new(wire, &[]).await;
        // Nobody waits for that long.
        let throttled = Reply::error(wire, 429, DETAIL).header("retry-after", "60");
        served.fails(throttled, "MODEL_THROTTLED").await;
    }))
    .await;
}

#[tokio::test]
async fn cut_stream_keeps_what_was_sent() {
    join_all(Wire::ALL.map(async |wire| {
        let served = Served::new(wire, &[]).await;
        served.fails(Reply::hang_up(), "MODEL_UNAVAILABLE").await;

        let pieces = served.pieces_to_the_first_text();
        for cut in [Reply::cut_after, Reply::end_after] {
            let received = served.fails(cut(served.turn(), pieces), "MODEL_STREAM_CUT").await;
            assert!(received.text.contains("one "), "{wire:?}: {}", received.text);
        }
    }))
    .await;
}

#[tokio::test]
async fn garbage_ends_the_run_with_a_code() {
    join_all(Wire::ALL.map(async |wire| {
        let served = Served::new(wire, &[]).await;
        let binary: Vec<u8> = (0..=u8::MAX).cycle().take(50_000).collect();
        for (media_type, body) in [
            ("text/html", format!("<html>{DETAIL}</html>").into_bytes()),
            ("text/event-stream", b"data: {\"broken\n\ndata: 5\n\n".to_vec()),
            ("application/octet-stream", binary),
        ] {
            let failed = served.run(Reply::raw(200, media_type, body)).await;
            let code = ending(&failed.events);
            assert!(
                ["MODEL_UNAVAILABLE", "MODEL_STREAM_CUT"].contains(&code),
                "{wire:?}, {media_type}: {code}"
            );
            wait_for_log_line(&served.function, "model failed").await;
            served.recovers(&failed.text).await;
        }

        let broken = served.turn().malformed_after(served.pieces_to_the_first_text());
        let received = served.fails(broken, "MODEL_STREAM_CUT").await;
        assert!(received.text.contains("one "), "{wire:?}: {}", received.text);
    }))
    .await;
}

#[tokio::test]
async fn endless_answer_is_cancelled() {
    // One wire after another, because each answer is long.
    for wire in Wire::ALL {
        let served = Served::new(wire, &[]).await;
        let piece = TurnPart::text("x".repeat(64 * 1024));
        let endless = Reply::stream(wire, &vec![piece; 150]);
        let pieces = endless.pieces();

        let cancelled = served.run(endless.stall_after(pieces - 3)).await;

        assert_eq!(ending(&cancelled.events), "MAX_RESPONSE_BYTES", "{wire:?}");
        served.provider.wait_for_abandoned(1).await;
        served.recovers(&cancelled.text).await;
    }
}
