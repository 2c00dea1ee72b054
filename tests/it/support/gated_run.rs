//! Runs of the function for tests that wait for the test at a gate, and responses that the test reads step by step.

use std::time::Duration;

use ag_ui_dev::{FunctionResponse, Invocation};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::event_order;
use super::function::{Function, TOKEN, events, url_event, user_input};

/// Long enough for any machine: only a failing test takes this long.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// A gate at which a run of the function waits for the test. It is a raw socket because no HTTP is involved.
pub(crate) struct Gate {
    listener: TcpListener,
    address: String,
}

impl Gate {
    /// Opens a gate.
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        Self { listener, address }
    }

    /// Returns the event of a run that waits at this gate.
    pub(crate) fn event(&self) -> Value {
        event(&format!("gate {}", self.address))
    }

    /// Waits until the run is at the gate. The run continues when the returned connection is dropped.
    pub(crate) async fn reached(&self) -> TcpStream {
        timeout(TIMEOUT, self.listener.accept()).await.unwrap().unwrap().0
    }
}

/// A streamed response that the test reads step by step.
pub(crate) struct Reading {
    answer: FunctionResponse,
    pub(crate) text: String,
}

impl Reading {
    /// Invokes the function and reads nothing yet.
    pub(crate) async fn start(function: &Function, event: &Value) -> Self {
        Self::start_with(function, event, Invocation::default()).await
    }

    /// Invokes the function as [`start`](Self::start) does, with a deadline of the test's choice.
    pub(crate) async fn start_with(function: &Function, event: &Value, invocation: Invocation) -> Self {
        let answer = timeout(TIMEOUT, function.invoke_with(event, invocation)).await.unwrap().unwrap();
        Self { answer, text: String::new() }
    }

    /// Reads until the stream contains this text this many times.
    pub(crate) async fn until(&mut self, times: usize, sign: &str) {
        while self.text.matches(sign).count() < times {
            let frame = timeout(TIMEOUT, self.answer.next_chunk()).await.unwrap();
            let frame = frame.unwrap_or_else(|| panic!("the stream ended before {sign}: {}", self.text));
            self.text.push_str(std::str::from_utf8(&frame.bytes).unwrap());
        }
    }

    /// Reads to the end, and checks the order of the events.
    pub(crate) async fn end(mut self) -> Vec<Value> {
        self.text.push_str(&timeout(TIMEOUT, self.answer.text()).await.unwrap());
        assert!(!self.answer.is_truncated());
        let events = events(&self.text);
        assert_eq!(event_order::check(&events), Ok(()), "{}", self.text);
        events
    }
}

/// Returns the event of a run with this user message.
pub(crate) fn event(message: &str) -> Value {
    url_event(&[("x-agui-token", TOKEN)], &user_input(message))
}
