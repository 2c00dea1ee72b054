//! A run on the wire: each delta is there before the next is made, and whatever happens, the run ends well.
//!
//! Nothing here is decided by time. The function for tests waits at a gate, which is a connection to the test;
//! while the test holds it open, the function cannot say more.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ag_ui_dev::{Answer, Invocation};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::support::function::{Function, Reply, TOKEN, events, says, test_function, url_event};
use crate::support::oracle;

const CAUSE: &str = "planted-cause-5c81";
const KEEP_ALIVE: &str = ": keep-alive\n\n";
/// Long enough for any machine: only a test that fails takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a run of the function waits for the test. It is a raw socket, because the function speaks no HTTP to it.
struct Gate {
    listener: TcpListener,
    address: String,
}

impl Gate {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        Self { listener, address }
    }

    fn event(&self) -> Value {
        event(&format!("gate {}", self.address))
    }

    /// Resolves when the run waits here; it goes on when the connection is dropped.
    async fn reached(&self) -> TcpStream {
        timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap().0
    }
}

/// A stream that is being read.
struct Reading {
    answer: Answer,
    text: String,
}

impl Reading {
    async fn start(function: &Function, event: &Value) -> Self {
        let answer = timeout(PATIENCE, function.invoke(event)).await.unwrap().unwrap();
        Self { answer, text: String::new() }
    }

    /// Reads until the stream holds so many of these.
    async fn until(&mut self, times: usize, sign: &str) {
        while self.text.matches(sign).count() < times {
            let frame = timeout(PATIENCE, self.answer.next()).await.unwrap();
            let frame = frame.unwrap_or_else(|| panic!("the stream ended before {sign}: {}", self.text));
            self.text.push_str(std::str::from_utf8(&frame.bytes).unwrap());
        }
    }

    /// Reads to the end; the run must be in order.
    async fn end(mut self) -> Vec<Value> {
        self.text.push_str(&timeout(PATIENCE, self.answer.text()).await.unwrap());
        assert!(!self.answer.is_truncated());
        let events = events(&self.text);
        assert_eq!(oracle::check(&events), Ok(()), "{}", self.text);
        events
    }
}

fn event(told: &str) -> Value {
    url_event(&[("x-agui-token", TOKEN)], &says(told))
}

async fn reply(function: &Function, told: &str) -> Reply {
    timeout(PATIENCE, Reply::to(function, &event(told))).await.unwrap()
}

fn results(reply: &Reply) -> Vec<&str> {
    let results = reply.events.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT");
    results.map(|event| event["content"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn given_a_model_that_waits_until_the_client_has_read_its_last_delta_then_the_run_completes() {
    let function = test_function(&[]).await;
    let gate = Gate::new().await;
    let mut reading = Reading::start(&function, &gate.event()).await;

    reading.until(1, r#""delta":"one ""#).await;
    let first = gate.reached().await;
    assert!(!reading.text.contains("two"), "the model has not made it yet");
    drop(first);
    reading.until(1, r#""delta":"two ""#).await;
    let second = gate.reached().await;
    assert!(!reading.text.contains("three"), "nor this one");
    drop(second);

    assert_eq!(reading.end().await.last().unwrap()["outcome"]["type"], "success");
}

#[tokio::test]
async fn given_a_silence_then_comments_keep_the_connection_and_the_run_goes_on_after_them() {
    let function = test_function(&[("AGUI_KEEP_ALIVE_S", "1")]).await;
    let gate = Gate::new().await;
    let mut reading = Reading::start(&function, &gate.event()).await;

    reading.until(1, r#""delta":"one ""#).await;
    let held = gate.reached().await;
    reading.until(2, KEEP_ALIVE).await;
    drop(held);
    drop(gate.reached().await);
    reading.until(1, r#""delta":"three ""#).await;

    assert_eq!(reading.end().await.last().unwrap()["type"], "RUN_FINISHED");
}

#[tokio::test]
async fn given_two_calls_in_a_turn_then_they_meet_at_a_barrier() {
    let function = test_function(&[]).await;
    let together = reply(&function, "call meet meet").await;

    assert_eq!(results(&together), ["met", "met"]);
}

#[tokio::test]
async fn given_one_call_then_nobody_comes_to_the_barrier_and_the_tool_is_given_up() {
    let function = test_function(&[("AGUI_TOOL_TIMEOUT_S", "1")]).await;
    let alone = reply(&function, "call meet").await;

    assert_eq!(results(&alone), [r#"{"error":"The tool did not finish in time."}"#]);
    assert_eq!(alone.events.last().unwrap()["outcome"]["type"], "success");
}

#[tokio::test]
async fn given_four_workers_then_four_runs_stream_at_once() {
    let function = test_function(&[("AWS_LAMBDA_MAX_CONCURRENCY", "4")]).await;
    let mut runs = Vec::new();
    for _ in 0..4 {
        let gate = Gate::new().await;
        let mut reading = Reading::start(&function, &gate.event()).await;
        reading.until(1, r#""delta":"one ""#).await;
        let held = gate.reached().await;
        runs.push((gate, reading, held));
    }
    // All four are under way and none has ended. They end in another order than they began.
    for (gate, reading, held) in runs.into_iter().rev() {
        drop(held);
        drop(gate.reached().await);
        assert_eq!(reading.end().await.last().unwrap()["type"], "RUN_FINISHED");
    }
}

#[tokio::test]
async fn given_a_panic_in_a_run_then_it_is_run_error_internal_and_the_other_runs_go_on() {
    let function = test_function(&[("AWS_LAMBDA_MAX_CONCURRENCY", "2")]).await;
    let gate = Gate::new().await;
    let mut beside = Reading::start(&function, &gate.event()).await;
    beside.until(1, r#""delta":"one ""#).await;
    let held = gate.reached().await;

    let panicked = reply(&function, "panic").await;
    let next = reply(&function, "hello").await;
    drop(held);
    drop(gate.reached().await);

    let last = panicked.events.last().unwrap();
    assert_eq!((&last["type"], &last["code"]), (&"RUN_ERROR".into(), &"INTERNAL".into()));
    assert!(!panicked.text.contains("as told"), "the panic's words are for the log");
    assert_eq!(next.events.last().unwrap()["type"], "RUN_FINISHED");
    assert_eq!(beside.end().await.last().unwrap()["type"], "RUN_FINISHED");
    assert!(function.is_running());
}

#[tokio::test]
async fn given_a_failure_then_the_client_reads_a_fixed_sentence_and_the_log_the_cause() {
    let function = test_function(&[]).await;
    for (why, told, expected) in [
        ("the model fails", "fail", "The model did not accept the request."),
        ("a tool fails", "call leak", r#"{\"error\":\"The tool failed.\"}"#),
        ("a tool panics", "call explode", r#"{\"error\":\"The tool failed.\"}"#),
        ("one of two tools panics", "call explode leak", r#"{\"error\":\"The tool failed.\"}"#),
    ] {
        let reply = reply(&function, told).await;

        assert!(reply.text.contains(expected), "{why}: {}", reply.text);
        assert!(!reply.text.contains(CAUSE) && !reply.text.contains("as told"), "{why}: {}", reply.text);
    }
    let log = function.logs().join("\n");
    assert!(log.contains(CAUSE) && log.contains("as told"), "the operator can find out: {log}");
}

#[tokio::test]
async fn given_a_function_that_will_be_stopped_then_the_run_is_cancelled_2_s_before_that() {
    let function = test_function(&[]).await;
    let deadline = SystemTime::now() + Duration::from_secs(4);
    let invocation = Invocation { deadline: Some(deadline), ..Default::default() };
    let answer = function.invoke_with(&event("wait"), invocation).await.unwrap();
    let run = timeout(PATIENCE, Reply::read(answer)).await.unwrap();

    let last = run.events.last().unwrap();
    assert_eq!(last["outcome"]["type"], "cancelled");
    assert_eq!(last["metadata"]["ag_ui_lambda"]["reason"], "DEADLINE");
    let deadline_ms = deadline.duration_since(UNIX_EPOCH).unwrap().as_millis();
    let before_ms = i128::try_from(deadline_ms).unwrap() - i128::from(last["timestamp"].as_i64().unwrap());
    // What it told last, it told before the function would have been stopped, and not long before the margin.
    assert!((1..=2100).contains(&before_ms), "{before_ms} ms before the deadline");
}

#[tokio::test]
async fn given_a_deadline_in_the_past_then_there_is_none() {
    let function = test_function(&[]).await;
    let invocation = Invocation { deadline: Some(UNIX_EPOCH), ..Default::default() };
    let answer = function.invoke_with(&event("hello"), invocation).await.unwrap();

    let run = Reply::read(answer).await;
    assert_eq!(run.events.last().unwrap()["outcome"]["type"], "success");
}
