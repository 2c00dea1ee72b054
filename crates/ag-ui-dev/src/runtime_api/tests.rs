//! Tests of the Runtime API with a function that writes its HTTP byte by byte.

use std::{io::ErrorKind, time::Duration};

use futures_util::{FutureExt, future::join};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::RuntimeApi;
use crate::{FunctionError, FunctionResponse, Invocation, Payload};

/// The headers of a POST that streams a response.
const STREAMING: &str =
    "lambda-runtime-function-response-mode: streaming\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n";
/// The prelude of a streamed response.
const PRELUDE: &str =
    r#"{"statusCode":201,"headers":{"content-type":"text/event-stream","vary":["a","b"]},"cookies":["c=1"]}"#;
/// The last chunk of a body.
const END: &[u8] = b"0\r\n\r\n";

/// A worker of a function: one connection to the Runtime API.
struct Worker(BufReader<TcpStream>);

/// A response of the Runtime API.
struct ApiResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Worker {
    /// Opens a connection of a worker to the Runtime API.
    async fn connect(api: &RuntimeApi) -> Self {
        Self(BufReader::new(TcpStream::connect(api.address()).await.unwrap()))
    }

    /// Writes bytes to the worker's connection.
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads a response of the Runtime API from the worker's connection.
    async fn read_response(&mut self) -> ApiResponse {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let headers: Vec<(String, String)> = lines[1..]
            .iter()
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut response =
            ApiResponse { status: lines[0][9..12].parse().unwrap(), headers, body: String::new() };
        let mut body = vec![0; response.header("content-length").parse().unwrap()];
        self.0.read_exact(&mut body).await.unwrap();
        response.body = String::from_utf8(body).unwrap();
        response
    }

    /// Polls for an event. Returns the id of the request and the event.
    async fn next(&mut self) -> (String, Value) {
        self.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: api\r\n\r\n").await;
        let reply = self.read_response().await;
        (reply.header("lambda-runtime-aws-request-id").to_owned(), serde_json::from_str(&reply.body).unwrap())
    }

    /// Begins a POST; the caller writes the body.
    async fn post(&mut self, path: &str, headers: &str) {
        self.send(format!("POST /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: api\r\n{headers}\r\n")).await;
    }

    /// Sends a POST with this body to the Runtime API and reads the response.
    async fn post_all(&mut self, path: &str, body: &str) -> ApiResponse {
        self.post(path, &format!("content-length: {}\r\n", body.len())).await;
        self.send(body).await;
        self.read_response().await
    }

    /// Polls for an event and begins to stream a response to it.
    async fn respond(&mut self) {
        let (id, _) = self.next().await;
        self.post(&format!("invocation/{id}/response"), STREAMING).await;
    }

    /// Writes an HTTP chunk of the response body.
    async fn chunk(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.send([format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()).await;
    }
}

impl ApiResponse {
    /// Returns the value of a response header; empty without one.
    fn header(&self, wanted: &str) -> &str {
        self.headers.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value)
    }
}

/// Invokes the function with a small event through the Runtime API.
async fn invoke(api: &RuntimeApi) -> Result<FunctionResponse, FunctionError> {
    api.invoke(Payload::from(&json!({ "n": 1 })), Invocation::default()).await
}

/// Returns the head of a streamed response with the separator after it.
fn head() -> Vec<u8> {
    [PRELUDE.as_bytes(), &[0; 8]].concat()
}

/// A streamed response whose head was written, and the worker that writes its body.
async fn streaming(api: &RuntimeApi) -> (FunctionResponse, Worker) {
    let mut worker = Worker::connect(api).await;
    let write = async {
        worker.respond().await;
        worker.chunk(head()).await;
    };
    let (response, ()) = join(invoke(api), write).await;
    (response.unwrap(), worker)
}

#[tokio::test]
async fn event_is_sent_with_the_headers_of_its_invocation() {
    let api = RuntimeApi::start().await.unwrap();
    let mut worker = Worker::connect(&api).await;
    let invocation = Invocation {
        deadline: Some(std::time::UNIX_EPOCH + Duration::from_millis(1234)),
        trace_id: Some(http::HeaderValue::from_static("Root=1-2-3")),
        request_id: Some("request-1".into()),
        tenant_id: Some(http::HeaderValue::from_static("acme")),
    };
    let poll = async {
        worker.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: api\r\n\r\n").await;
        worker.read_response().await
    };
    let reply = tokio::select! {
        reply = poll => reply,
        _ = api.invoke("{}".into(), invocation) => unreachable!("this worker does not respond"),
    };

    assert_eq!((reply.status, reply.body.as_str()), (200, "{}"));
    assert_eq!(reply.header("lambda-runtime-deadline-ms"), "1234");
    assert_eq!(reply.header("lambda-runtime-aws-request-id"), "request-1");
    assert_eq!(reply.header("lambda-runtime-trace-id"), "Root=1-2-3");
    assert_eq!(reply.header("lambda-runtime-aws-tenant-id"), "acme");
    assert_eq!(reply.header("lambda-runtime-invocation-id").len(), 36);
    assert!(reply.header("lambda-runtime-invoked-function-arn").starts_with("arn:aws:lambda:"));
}

#[tokio::test]
async fn head_and_body_are_split_whatever_the_chunks() {
    let response = [head(), b"data: 1\n\n".to_vec()].concat();
    let n = PRELUDE.len();
    for (why, cuts) in [
        ("as lambda_runtime writes it", vec![n, n + 8]),
        ("all in one chunk", vec![]),
        ("prelude and NULs in one chunk", vec![n + 8]),
        ("NULs and body in one chunk", vec![n]),
        ("prelude in two chunks", vec![7, n, n + 8]),
        ("NULs in two chunks", vec![n, n + 3, n + 8]),
        ("NULs at the end of one chunk and at the start of the next", vec![n - 1, n + 3]),
        ("every byte a chunk", (1..response.len()).collect()),
    ] {
        let api = RuntimeApi::start().await.unwrap();
        let mut worker = Worker::connect(&api).await;
        let write = async {
            worker.respond().await;
            let ends = cuts.iter().copied().chain([response.len()]);
            for (start, end) in [0].into_iter().chain(cuts.iter().copied()).zip(ends) {
                worker.chunk(&response[start..end]).await;
            }
            worker.send(END).await;
            worker.read_response().await
        };
        let read = async {
            let mut response = invoke(&api).await.unwrap();
            let text = response.text().await;
            (response, text)
        };
        let ((response, text), reply) = join(read, write).await;

        assert_eq!(response.status(), 201, "{why}");
        assert_eq!(response.header("content-type"), Some("text/event-stream"), "{why}");
        assert_eq!(response.headers().get_all("vary").iter().count(), 2, "{why}");
        assert_eq!(response.cookies(), ["c=1"], "{why}");
        assert_eq!(text, "data: 1\n\n", "{why}");
        assert!(!response.is_truncated(), "{why}");
        assert_eq!(reply.status, 202, "{why}");
    }
}

#[tokio::test]
async fn chunk_is_read_before_the_next_one_is_written() {
    let api = RuntimeApi::start().await.unwrap();
    let (mut response, mut worker) = streaming(&api).await;
    for text in ["one", "two"] {
        worker.chunk(text).await;
        assert_eq!(response.next_chunk().await.unwrap().bytes, text);
    }
    // The body is not complete, so the function has no acknowledgement yet.
    let unread = worker.0.get_ref().try_read(&mut [0]).unwrap_err();
    assert_eq!(unread.kind(), ErrorKind::WouldBlock);

    worker.send(b"0\r\nx-sum: 2\r\n\r\n").await;
    let (end, reply) = join(response.next_chunk(), worker.read_response()).await;
    assert!(end.is_none());
    assert_eq!(reply.status, 202);
    assert_eq!(response.trailers().unwrap()["x-sum"], "2");
    assert!(response.next_chunk().await.is_none() && !response.is_truncated());
}

#[tokio::test]
async fn function_can_write_on_after_its_reader_has_gone() {
    let api = RuntimeApi::start().await.unwrap();
    let (response, mut worker) = streaming(&api).await;
    drop(response);
    let megabyte = vec![b'x'; 1024 * 1024];
    for _ in 0..16 {
        worker.chunk(&megabyte).await;
    }
    worker.send(END).await;

    assert_eq!(worker.read_response().await.status, 202);
}

#[tokio::test]
async fn two_workers_handle_two_events_at_once() {
    let api = RuntimeApi::start().await.unwrap();
    let ((mut first, mut to_first), (mut second, mut to_second)) =
        join(streaming(&api), streaming(&api)).await;
    // The workers may have taken the two events in the other order.
    to_second.chunk("x").await;
    to_first.chunk("x").await;
    assert_eq!(first.next_chunk().await.unwrap().bytes, "x");
    assert_eq!(second.next_chunk().await.unwrap().bytes, "x");
    to_first.send(END).await;
    to_second.send(END).await;

    assert!(first.next_chunk().await.is_none() && second.next_chunk().await.is_none());
}

#[tokio::test]
async fn event_of_a_caller_that_has_gone_is_skipped() {
    let api = RuntimeApi::start().await.unwrap();
    assert!(api.invoke("0".into(), Invocation::default()).now_or_never().is_none());
    let mut worker = Worker::connect(&api).await;
    let (id, event) = tokio::select! {
        polled = worker.next() => polled,
        _ = invoke(&api) => unreachable!("this worker does not respond"),
    };

    assert_eq!(event, json!({ "n": 1 }));
    assert_eq!(id.len(), 36);
}

#[tokio::test]
async fn response_of_a_broken_connection_is_truncated() {
    let api = RuntimeApi::start().await.unwrap();
    let (mut response, mut worker) = streaming(&api).await;
    worker.chunk("one").await;
    drop(worker);
    assert_eq!(response.bytes().await, "one");
    assert!(response.is_truncated() && response.trailers().is_none());

    let mut worker = Worker::connect(&api).await;
    let write = async {
        worker.respond().await;
        worker.chunk(&PRELUDE[..9]).await;
        drop(worker);
    };
    let (response, ()) = join(invoke(&api), write).await;
    assert!(matches!(response, Err(FunctionError::Closed)));
}

#[tokio::test]
async fn malformed_head_is_an_error_and_is_acknowledged() {
    for (why, body) in [
        ("no NULs", PRELUDE.as_bytes().to_vec()),
        ("nothing", Vec::new()),
        ("not JSON", b"hello\0\0\0\0\0\0\0\0".to_vec()),
        ("a header with a line break", b"{\"headers\":{\"a\":\"b\\nc\"}}\0\0\0\0\0\0\0\0".to_vec()),
    ] {
        let api = RuntimeApi::start().await.unwrap();
        let mut worker = Worker::connect(&api).await;
        let write = async {
            worker.respond().await;
            if !body.is_empty() {
                worker.chunk(&body).await;
            }
            worker.send(END).await;
            worker.read_response().await
        };
        let (response, reply) = join(invoke(&api), write).await;
        assert!(matches!(response, Err(FunctionError::Malformed(_))), "{why}");
        assert_eq!(reply.status, 202, "{why}");
    }
}

#[tokio::test]
async fn buffered_response_is_read_like_a_streamed_one() {
    for (why, payload, status, kind, body) in [
        (
            "text",
            json!({ "statusCode": 404, "headers": { "content-type": "text/plain" }, "body": "no", "cookies": [] }),
            404,
            Some("text/plain"),
            "no",
        ),
        ("base64", json!({ "statusCode": 200, "body": "aGk=", "isBase64Encoded": true }), 200, None, "hi"),
        (
            "several values of a header",
            json!({ "statusCode": 200, "headers": { "content-type": "b" }, "multiValueHeaders": { "content-type": ["a", "b"] } }),
            200,
            Some("a"),
            "",
        ),
        ("no status", json!({ "n": 1 }), 200, Some("application/json"), r#"{"n":1}"#),
    ] {
        let api = RuntimeApi::start().await.unwrap();
        let mut worker = Worker::connect(&api).await;
        let write = async {
            let (id, _) = worker.next().await;
            worker.post_all(&format!("invocation/{id}/response"), &payload.to_string()).await
        };
        let (response, reply) = join(invoke(&api), write).await;
        let mut response = response.unwrap();
        assert_eq!((response.status(), response.header("content-type")), (status, kind), "{why}");
        assert_eq!(response.text().await, body, "{why}");
        assert!(!response.is_truncated(), "{why}");
        assert_eq!(reply.status, 202, "{why}");
    }
}

#[tokio::test]
async fn error_that_a_function_reports_reaches_the_caller() {
    let api = RuntimeApi::start().await.unwrap();
    let mut worker = Worker::connect(&api).await;
    let report = r#"{"errorType":"Broken","errorMessage":"by design"}"#;
    let write = async {
        let (id, _) = worker.next().await;
        (worker.post_all(&format!("invocation/{id}/error"), report).await, id)
    };
    let (response, (reply, id)) = join(invoke(&api), write).await;
    assert_eq!(response.unwrap_err().to_string(), "function failed: Broken: by design");
    assert_eq!(reply.status, 202);

    let again = worker.post_all(&format!("invocation/{id}/error"), report).await;
    assert_eq!(again.status, 400, "this request already has its response");

    worker.post_all("init/error", "not json").await;
    let failure = api.init_error().await;
    assert_eq!((failure.error_type.as_str(), failure.error_message.as_str()), ("unknown", "not json"));
}

#[tokio::test]
async fn extension_can_register() {
    let api = RuntimeApi::start().await.unwrap();
    let mut worker = Worker::connect(&api).await;
    worker
        .send("POST /2020-01-01/extension/register HTTP/1.1\r\nhost: api\r\ncontent-length: 0\r\n\r\n")
        .await;
    let reply = worker.read_response().await;

    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("lambda-extension-identifier").len(), 36);
}
