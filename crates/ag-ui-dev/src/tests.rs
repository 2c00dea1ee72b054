//! The Runtime API as seen by a function that writes its HTTP by hand, byte by byte.

use std::{io::ErrorKind, time::Duration};

use futures_util::{FutureExt, future::join};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Command,
};

use super::{Answer, Function, FunctionError, Invocation, invocation::Payload, runtime_api::RuntimeApi};

const STREAMING: &str =
    "lambda-runtime-function-response-mode: streaming\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n";
const PRELUDE: &str =
    r#"{"statusCode":201,"headers":{"content-type":"text/event-stream","vary":["a","b"]},"cookies":["c=1"]}"#;
const END: &[u8] = b"0\r\n\r\n";

/// One connection of a function.
struct Worker(BufReader<TcpStream>);

struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Worker {
    async fn connect(api: &RuntimeApi) -> Self {
        Self(BufReader::new(TcpStream::connect(api.address()).await.unwrap()))
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    async fn reply(&mut self) -> Reply {
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
        let mut reply = Reply { status: lines[0][9..12].parse().unwrap(), headers, body: String::new() };
        let mut body = vec![0; reply.header("content-length").parse().unwrap()];
        self.0.read_exact(&mut body).await.unwrap();
        reply.body = String::from_utf8(body).unwrap();
        reply
    }

    /// Asks for work; returns the request's id and the event.
    async fn next(&mut self) -> (String, Value) {
        self.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: api\r\n\r\n").await;
        let reply = self.reply().await;
        (reply.header("lambda-runtime-aws-request-id").to_owned(), serde_json::from_str(&reply.body).unwrap())
    }

    /// Begins a POST; the body is the caller's.
    async fn post(&mut self, path: &str, headers: &str) {
        self.send(format!("POST /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: api\r\n{headers}\r\n")).await;
    }

    async fn post_all(&mut self, path: &str, body: &str) -> Reply {
        self.post(path, &format!("content-length: {}\r\n", body.len())).await;
        self.send(body).await;
        self.reply().await
    }

    /// Takes an event and begins to stream an answer to it.
    async fn respond(&mut self) {
        let (id, _) = self.next().await;
        self.post(&format!("invocation/{id}/response"), STREAMING).await;
    }

    async fn chunk(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.send([format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()).await;
    }
}

impl Reply {
    fn header(&self, wanted: &str) -> &str {
        self.headers.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value)
    }
}

async fn invoke(api: &RuntimeApi) -> Result<Answer, FunctionError> {
    api.invoke(Payload::from(&json!({ "n": 1 })), Invocation::default()).await
}

fn head() -> Vec<u8> {
    [PRELUDE.as_bytes(), &[0; 8]].concat()
}

/// An answer whose head is written, with the worker that goes on writing it.
async fn streaming(api: &RuntimeApi) -> (Answer, Worker) {
    let mut worker = Worker::connect(api).await;
    let write = async {
        worker.respond().await;
        worker.chunk(head()).await;
    };
    let (answer, ()) = join(invoke(api), write).await;
    (answer.unwrap(), worker)
}

#[tokio::test]
async fn given_an_event_when_a_function_asks_then_it_comes_with_what_lambda_says_beside_it() {
    let api = RuntimeApi::start().await.unwrap();
    let mut worker = Worker::connect(&api).await;
    let invocation = Invocation {
        deadline: Some(std::time::UNIX_EPOCH + Duration::from_millis(1234)),
        trace_id: Some(http::HeaderValue::from_static("Root=1-2-3")),
        request_id: Some("request-1".into()),
        tenant_id: Some(http::HeaderValue::from_static("acme")),
    };
    let ask = async {
        worker.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: api\r\n\r\n").await;
        worker.reply().await
    };
    let reply = tokio::select! {
        reply = ask => reply,
        _ = api.invoke("{}".into(), invocation) => unreachable!("nothing is answered here"),
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
async fn the_head_and_the_body_are_told_apart_however_they_are_cut_into_chunks() {
    let whole = [head(), b"data: 1\n\n".to_vec()].concat();
    let n = PRELUDE.len();
    for (why, cuts) in [
        ("as lambda_runtime writes it", vec![n, n + 8]),
        ("all in one chunk", vec![]),
        ("prelude and NULs in one chunk", vec![n + 8]),
        ("NULs and body in one chunk", vec![n]),
        ("prelude in two chunks", vec![7, n, n + 8]),
        ("NULs in two chunks", vec![n, n + 3, n + 8]),
        ("NULs at the end of one chunk and at the start of the next", vec![n - 1, n + 3]),
        ("every byte a chunk", (1..whole.len()).collect()),
    ] {
        let api = RuntimeApi::start().await.unwrap();
        let mut worker = Worker::connect(&api).await;
        let write = async {
            worker.respond().await;
            let ends = cuts.iter().copied().chain([whole.len()]);
            for (start, end) in [0].into_iter().chain(cuts.iter().copied()).zip(ends) {
                worker.chunk(&whole[start..end]).await;
            }
            worker.send(END).await;
            worker.reply().await
        };
        let read = async {
            let mut answer = invoke(&api).await.unwrap();
            let text = answer.text().await;
            (answer, text)
        };
        let ((answer, text), reply) = join(read, write).await;

        assert_eq!(answer.status(), 201, "{why}");
        assert_eq!(answer.header("content-type"), Some("text/event-stream"), "{why}");
        assert_eq!(answer.headers().get_all("vary").iter().count(), 2, "{why}");
        assert_eq!(answer.cookies(), ["c=1"], "{why}");
        assert_eq!(text, "data: 1\n\n", "{why}");
        assert!(!answer.is_truncated(), "{why}");
        assert_eq!(reply.status, 202, "{why}");
    }
}

#[tokio::test]
async fn given_an_open_answer_when_a_chunk_is_written_then_it_is_read_before_the_next() {
    let api = RuntimeApi::start().await.unwrap();
    let (mut answer, mut worker) = streaming(&api).await;
    for text in ["one", "two"] {
        worker.chunk(text).await;
        assert_eq!(answer.next().await.unwrap().bytes, text);
    }
    // The answer's body is open, so nothing was said to the function yet.
    let early = worker.0.get_ref().try_read(&mut [0]).unwrap_err();
    assert_eq!(early.kind(), ErrorKind::WouldBlock);

    worker.send(b"0\r\nx-sum: 2\r\n\r\n").await;
    let (end, reply) = join(answer.next(), worker.reply()).await;
    assert!(end.is_none());
    assert_eq!(reply.status, 202);
    assert_eq!(answer.trailers().unwrap()["x-sum"], "2");
    assert!(answer.next().await.is_none() && !answer.is_truncated());
}

#[tokio::test]
async fn given_a_reader_that_went_away_when_the_function_writes_on_then_it_is_not_held_up() {
    let api = RuntimeApi::start().await.unwrap();
    let (answer, mut worker) = streaming(&api).await;
    drop(answer);
    let megabyte = vec![b'x'; 1024 * 1024];
    for _ in 0..16 {
        worker.chunk(&megabyte).await;
    }
    worker.send(END).await;

    assert_eq!(worker.reply().await.status, 202);
}

#[tokio::test]
async fn given_two_workers_when_two_events_come_then_both_run_at_once() {
    let api = RuntimeApi::start().await.unwrap();
    let ((mut first, mut to_first), (mut second, mut to_second)) =
        join(streaming(&api), streaming(&api)).await;
    // The two requests were not necessarily taken by the workers in this order.
    to_second.chunk("x").await;
    to_first.chunk("x").await;
    assert_eq!(first.next().await.unwrap().bytes, "x");
    assert_eq!(second.next().await.unwrap().bytes, "x");
    to_first.send(END).await;
    to_second.send(END).await;

    assert!(first.next().await.is_none() && second.next().await.is_none());
}

#[tokio::test]
async fn given_a_caller_that_gave_up_when_a_function_asks_then_it_gets_the_next_event() {
    let api = RuntimeApi::start().await.unwrap();
    assert!(api.invoke("0".into(), Invocation::default()).now_or_never().is_none());
    let mut worker = Worker::connect(&api).await;
    let (id, event) = tokio::select! {
        asked = worker.next() => asked,
        _ = invoke(&api) => unreachable!("nothing is answered here"),
    };

    assert_eq!(event, json!({ "n": 1 }));
    assert_eq!(id.len(), 36);
}

#[tokio::test]
async fn given_a_connection_that_breaks_when_the_answer_is_read_then_it_says_so() {
    let api = RuntimeApi::start().await.unwrap();
    let (mut answer, mut worker) = streaming(&api).await;
    worker.chunk("one").await;
    drop(worker);
    assert_eq!(answer.bytes().await, "one");
    assert!(answer.is_truncated() && answer.trailers().is_none());

    let mut worker = Worker::connect(&api).await;
    let write = async {
        worker.respond().await;
        worker.chunk(&PRELUDE[..9]).await;
        drop(worker);
    };
    let (answer, ()) = join(invoke(&api), write).await;
    assert!(matches!(answer, Err(FunctionError::Closed)));
}

#[tokio::test]
async fn a_head_that_is_not_one_is_an_error_and_the_function_is_let_go() {
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
            worker.reply().await
        };
        let (answer, reply) = join(invoke(&api), write).await;
        assert!(matches!(answer, Err(FunctionError::Malformed(_))), "{why}");
        assert_eq!(reply.status, 202, "{why}");
    }
}

#[tokio::test]
async fn a_buffered_answer_reads_like_a_streamed_one() {
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
        let (answer, reply) = join(invoke(&api), write).await;
        let mut answer = answer.unwrap();
        assert_eq!((answer.status(), answer.header("content-type")), (status, kind), "{why}");
        assert_eq!(answer.text().await, body, "{why}");
        assert!(!answer.is_truncated(), "{why}");
        assert_eq!(reply.status, 202, "{why}");
    }
}

#[tokio::test]
async fn what_a_function_reports_instead_of_an_answer_reaches_the_caller() {
    let api = RuntimeApi::start().await.unwrap();
    let mut worker = Worker::connect(&api).await;
    let report = r#"{"errorType":"Broken","errorMessage":"by design"}"#;
    let write = async {
        let (id, _) = worker.next().await;
        (worker.post_all(&format!("invocation/{id}/error"), report).await, id)
    };
    let (answer, (reply, id)) = join(invoke(&api), write).await;
    assert_eq!(answer.unwrap_err().to_string(), "function failed: Broken: by design");
    assert_eq!(reply.status, 202);

    let again = worker.post_all(&format!("invocation/{id}/error"), report).await;
    assert_eq!(again.status, 400, "this request has its answer");

    worker.post_all("init/error", "not json").await;
    let failure = api.init_failure().await;
    assert_eq!((failure.error_type.as_str(), failure.error_message.as_str()), ("unknown", "not json"));
}

#[tokio::test]
async fn an_extension_can_register() {
    let api = RuntimeApi::start().await.unwrap();
    let mut worker = Worker::connect(&api).await;
    worker
        .send("POST /2020-01-01/extension/register HTTP/1.1\r\nhost: api\r\ncontent-length: 0\r\n\r\n")
        .await;
    let reply = worker.reply().await;

    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("lambda-extension-identifier").len(), 36);
}

/// A function in shell script.
async fn function(script: &str) -> Function {
    let mut command = Command::new("bash");
    command.args(["-c", script]).env("AWS_REGION", "eu-west-1");
    Function::spawn(command).await.unwrap()
}

const ASK: &str = r#"exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/://}"
    printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: api\r\n\r\n' >&3
    read -r -u 3 line"#;
const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn given_a_process_that_exits_when_it_is_waited_for_then_its_last_lines_are_shown() {
    let function = function("echo starting in $AWS_REGION; echo $_HANDLER >&2; exit 3").await;
    let error = function.ready(LONG).await.unwrap_err().to_string();

    assert!(
        error.starts_with("function exited with status 3 before it asked for work; its log ends:"),
        "{error}"
    );
    assert!(error.contains("\n  starting in eu-west-1") && error.contains("\n  bootstrap"), "{error}");
    assert!(!function.is_running());
    assert_eq!((function.peak_memory_kib(), function.cpu_time()), (None, None));
}

#[tokio::test]
async fn given_an_event_when_the_process_exits_then_the_caller_is_told() {
    let function = function(&format!("{ASK}\nexit 7")).await;
    assert!(function.ready(LONG).await.unwrap() < LONG);
    let error = function.invoke("{}").await.unwrap_err().to_string();

    assert_eq!(error, "function exited with status 7 before it answered; its log is empty");
}

#[tokio::test]
async fn given_a_process_that_asks_for_nothing_when_the_time_is_over_then_it_can_be_measured_and_killed() {
    let function = function("echo up; exec sleep 1000").await;
    let error = function.ready(Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, FunctionError::NotReady { .. }));
    assert!(function.is_running() && function.pid() > 0);
    assert!(function.peak_memory_kib().unwrap() > 100);
    assert!(function.cpu_time().unwrap() > Duration::ZERO);

    function.kill().await;
    assert!(!function.is_running());
    assert_eq!(function.logs(), ["up"]);
}

#[tokio::test]
async fn given_a_function_that_says_why_it_cannot_start_then_that_is_the_error() {
    let report = r#"{"errorType":"NoSecret","errorMessage":"x"}"#;
    let function = function(&format!(
        r#"exec 3<>"/dev/tcp/${{AWS_LAMBDA_RUNTIME_API/://}}"
        printf 'POST /2018-06-01/runtime/init/error HTTP/1.1\r\nhost: api\r\ncontent-length: {}\r\n\r\n{report}' >&3
        read -r -u 3 line; exit 1"#,
        report.len()
    ))
    .await;

    let error = function.ready(LONG).await.unwrap_err();
    assert_eq!(error.to_string(), "function failed to start: NoSecret: x");
}
