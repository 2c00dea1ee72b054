//! The server route in examples/forward, run by Node: it stands between a browser and the function, and holds the tokens.

use std::convert::Infallible;
use std::fs;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use ag_ui_dev::Issuer;
use ag_ui_dev::loopback::Loopback;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::client_run::serve_url;
use crate::support::free_port;
use crate::support::function::{TOKEN, events, local_function, user_input};
use crate::support::oracles::{self, node};
use crate::support::recording;

/// Long enough for any machine: only a failing test takes this long.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A running server with the route.
struct Route {
    url: String,
    _server: Child,
}

impl Route {
    /// Starts a server that forwards to this agent.
    async fn start(agent: &str) -> Self {
        let mut command = node("tests/clients/route.mjs");
        command.env("AGENT_URL", agent).env("AGENT_TOKEN", TOKEN);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut server = command.spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let url = timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap();
        Self { url: url.expect("the server says where it is"), _server: server }
    }

    /// Posts a page's request with these headers.
    async fn post(&self, headers: &[(&str, &str)], body: &Value) -> reqwest::Response {
        let request = reqwest::Client::new().post(&self.url).body(body.to_string());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        timeout(TIMEOUT, request.send()).await.unwrap().unwrap()
    }
}

/// An agent whose response the test writes frame by frame.
struct Agent {
    server: Loopback,
    requests: mpsc::Receiver<ReceivedRequest>,
}

/// A received request, and the sender for the frames of its response.
type ReceivedRequest = (Request<Bytes>, mpsc::Sender<&'static str>);

impl Agent {
    /// Starts an agent.
    fn start() -> Self {
        let (sender, requests) = mpsc::channel(1);
        let answer = move |request: Request<Incoming>| {
            let sender = sender.clone();
            async move {
                let (head, body) = request.into_parts();
                let request = Request::from_parts(head, body.collect().await.unwrap().to_bytes());
                let (frames, mut written) = mpsc::channel(1);
                sender.send((request, frames)).await.unwrap();
                let frames = stream::poll_fn(move |context| written.poll_recv(context));
                let frames = frames.map(|frame| Ok::<_, Infallible>(Frame::data(Bytes::from(frame))));
                let answer = HEAD
                    .into_iter()
                    .fold(Response::builder(), |answer, (name, value)| answer.header(name, value));
                Ok::<_, Infallible>(answer.body(StreamBody::new(frames)).unwrap())
            }
        };
        Self { server: Loopback::serve(answer).unwrap(), requests }
    }

    /// Waits for the next request.
    async fn next_request(&mut self) -> ReceivedRequest {
        timeout(TIMEOUT, self.requests.recv()).await.unwrap().unwrap()
    }
}

const HEAD: [(&str, &str); 5] = [
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache, no-transform"),
    ("x-accel-buffering", "no"),
    ("set-cookie", "agent=1"),
    ("x-internal", "1"),
];
const PAGE: [(&str, &str); 2] =
    [("content-type", "application/json"), ("cookie", "__Host-session=the-users-jwt")];

#[tokio::test]
async fn route_adds_tokens_and_hides_them_from_the_client() {
    let issuer = Issuer::start().await.unwrap();
    let claims = json!({"sub": "u-1", "iss": issuer.url(), "aud": "app", "exp": 4_102_444_800_u64});
    let jwt = issuer.sign(Algorithm::ES256, &claims).unwrap();
    let (issuer_url, jwks_url) = (issuer.url(), issuer.jwks_url());
    let configured =
        [("AGUI_JWT_ISSUER", &*issuer_url), ("AGUI_JWT_AUDIENCE", "app"), ("AGUI_JWKS_URL", &*jwks_url)];
    let function = Arc::new(local_function(&configured).await);
    let function_url = serve_url(&function).await;
    let route = Route::start(&function_url.url()).await;
    let cookie = format!("theme=dark; __Host-session={jwt}");

    for client in ["1.0", "0.0.59"] {
        let prefix = recording(&format!("forward-{client}"));
        let mut drive = node("tests/clients/drive.mjs");
        drive.args(["--client", client, "--scenario", "tool", "--url", &route.url]);
        drive.args(["--header", &format!("cookie: {cookie}"), "--record"]).arg(&prefix);
        let output = oracles::output(&mut drive).await;
        let text = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{client}: {}", String::from_utf8_lossy(&text));
        let recorded = format!("{}-1.sse", prefix.display());
        let text = fs::read_to_string(&recorded).unwrap();
        assert!(!text.contains(TOKEN) && !text.contains(&jwt), "{client}");
        oracles::check(&[recorded.into()]).await.unwrap_or_else(|refusal| panic!("{client}: {refusal}"));
    }

    // Tokens that the page sends are ignored.
    let poisoned = [
        ("content-type", "application/json"),
        ("cookie", &*cookie),
        ("x-agui-user-token", "a-token-of-the-pages-own"),
        ("x-agui-token", "a-token-of-the-pages-own"),
        ("authorization", "Bearer a-token-of-the-pages-own"),
    ];
    let answer = route.post(&poisoned, &user_input("Who am I?")).await;
    let head = format!("{:?}", answer.headers());
    let text = answer.text().await.unwrap();
    let result = events(&text).into_iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
    assert!(result["content"].as_str().unwrap().contains(r#""user":"u-1""#), "{result}");
    assert!(!head.contains(TOKEN) && !text.contains(TOKEN) && !text.contains(&jwt), "{head}\n{text}");

    // The function's refusals are passed on, with their status and without a token.
    for (why, content_type, cookie, status, code) in [
        ("a form of another site", "text/plain", &*cookie, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (
            "a session that the function does not take",
            "application/json",
            "__Host-session=forged",
            401,
            "UNAUTHENTICATED",
        ),
        ("no session", "application/json", "theme=dark", 401, "UNAUTHENTICATED"),
    ] {
        let answer =
            route.post(&[("content-type", content_type), ("cookie", cookie)], &user_input("Hello")).await;
        assert_eq!(answer.status(), status, "{why}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(code) && !text.contains(TOKEN), "{why}: {text}");
    }
}

#[tokio::test]
async fn route_streams_frames_and_filters_headers() {
    let mut agent = Agent::start();
    let route = Route::start(&agent.server.url()).await;
    let body = user_input("Hello");
    let more = [&PAGE[..], &[("x-agui-user-token", "made-up"), ("x-forwarded-user", "made-up")]].concat();
    let (mut answer, (request, frames)) = tokio::join!(route.post(&more, &body), async {
        let (request, frames) = agent.next_request().await;
        frames.send("data: 1\n\n").await.unwrap();
        (request, frames)
    });

    assert_eq!(request.body(), &body.to_string());
    for (name, value) in [
        ("x-agui-token", TOKEN),
        ("x-agui-user-token", "the-users-jwt"),
        ("content-type", "application/json"),
    ] {
        let values: Vec<_> = request.headers().get_all(name).iter().collect();
        assert_eq!(values, [value], "{name}");
    }
    let head = format!("{} {:?}", request.uri(), request.headers());
    assert!(!head.contains("made-up") && !request.headers().contains_key("cookie"), "{head}");
    let passed: Vec<_> = answer.headers().keys().map(|name| name.as_str().to_owned()).collect();
    for (name, is_passed) in
        [("content-type", true), ("x-accel-buffering", true), ("set-cookie", false), ("x-internal", false)]
    {
        assert_eq!(passed.iter().any(|passed| passed == name), is_passed, "{name}: {passed:?}");
    }

    assert_eq!(timeout(TIMEOUT, answer.chunk()).await.unwrap().unwrap().unwrap(), "data: 1\n\n");
    frames.send("data: 2\n\n").await.unwrap();
    assert_eq!(timeout(TIMEOUT, answer.chunk()).await.unwrap().unwrap().unwrap(), "data: 2\n\n");
    drop(frames);
    assert_eq!(timeout(TIMEOUT, answer.chunk()).await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn page_disconnect_ends_the_agent_request() {
    let mut agent = Agent::start();
    let route = Route::start(&agent.server.url()).await;
    let body = user_input("Hello");
    let (answer, frames) = tokio::join!(route.post(&PAGE, &body), async {
        let (_, frames) = agent.next_request().await;
        frames.send("data: 1\n\n").await.unwrap();
        frames
    });
    drop(answer);

    // The route closes its connection, which ends the body that receives the frames.
    timeout(TIMEOUT, frames.closed()).await.unwrap();
}

#[tokio::test]
async fn unreachable_agent_error_hides_the_address() {
    let route = Route::start(&format!("http://127.0.0.1:{}/", free_port())).await;
    let answer = route.post(&PAGE, &user_input("Hello")).await;

    assert_eq!(answer.status(), 502);
    let text = answer.text().await.unwrap();
    assert_eq!(
        text,
        r#"{"error":{"code":"AGENT_UNREACHABLE","message":"The agent cannot be reached right now. Please try again later."}}"#
    );
}
