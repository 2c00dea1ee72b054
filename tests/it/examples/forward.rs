//! The server route in examples/forward, run by Node: it stands between a browser and the function, and holds the tokens.

use std::convert::Infallible;
use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ag_ui_dev::Issuer;
use ag_ui_dev::loopback::Loopback;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
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

/// A value that a test and its stand-ins share.
type Shared<T> = Arc<Mutex<T>>;

/// A running server with the route.
pub(super) struct Route {
    url: String,
    _server: Child,
}

impl Route {
    /// Starts a server that forwards to this agent, with the shared token in its environment.
    async fn start(agent: &str) -> Self {
        Self::start_with(agent, &[("AGENT_TOKEN", TOKEN)]).await
    }

    /// Starts a server that forwards to this agent, with these variables.
    pub(super) async fn start_with(agent: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = node("examples/forward/server.mjs");
        command.env("AGENT_URL", agent).env("PORT", "0").envs(variables.iter().copied());
        command.stdout(Stdio::piped()).kill_on_drop(true);
        let mut server = command.spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let url = timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap();
        Self { url: url.expect("the server says where it is") + "api/agent", _server: server }
    }

    /// Posts a page's request with these headers.
    pub(super) async fn post(&self, headers: &[(&str, &str)], body: &Value) -> reqwest::Response {
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

#[tokio::test]
async fn requests_of_other_sites_are_refused() {
    let mut agent = Agent::start();
    let route = Route::start(&agent.server.url()).await;
    let own = route.url.trim_end_matches("/api/agent");
    let body = user_input("Hello");

    for (why, header) in [
        ("a page of another site", ("sec-fetch-site", "cross-site")),
        ("a page of a neighbouring subdomain", ("sec-fetch-site", "same-site")),
        ("an old browser, for a page of another site", ("origin", "https://other.example")),
        ("a page without an origin", ("origin", "null")),
        ("another port", ("origin", "http://127.0.0.1:1")),
    ] {
        let answer = route.post(&[&PAGE[..], &[header]].concat(), &body).await;
        assert_eq!(answer.status(), 403, "{why}");
        assert!(answer.text().await.unwrap().contains("FORBIDDEN"), "{why}");
        assert!(agent.requests.try_recv().is_err(), "{why}: nothing reaches the agent");
    }
    for (why, header) in [
        ("the route's own page", ("sec-fetch-site", "same-origin")),
        ("an old browser, for the route's own page", ("origin", own)),
    ] {
        let headers = [&PAGE[..], &[header]].concat();
        let (answer, _) = tokio::join!(route.post(&headers, &body), agent.next_request());
        assert_eq!(answer.status(), 200, "{why}");
    }
}

/// Starts an agent that accepts the token in `accepted`. It notes the tokens that it was sent.
fn agent_with_token(accepted: &Shared<String>, sent: &Shared<Vec<String>>) -> Loopback {
    let (accepted, sent) = (Arc::clone(accepted), Arc::clone(sent));
    Loopback::serve(move |request: Request<Incoming>| {
        let token = request.headers()["x-agui-token"].to_str().unwrap().to_owned();
        let is_accepted = *accepted.lock().unwrap() == token;
        let user = request.headers()["x-agui-user-token"].clone();
        sent.lock().unwrap().push(token);
        let (status, body) = match is_accepted {
            true if user != "the-users-jwt" => (401, r#"{"error":{"reason":"token_expired"}}"#),
            true => (200, "data: 1\n\n"),
            false => (401, r#"{"error":{"code":"UNAUTHENTICATED"}}"#),
        };
        let response = Response::builder().status(status).body(Full::new(Bytes::from(body)));
        async move { Ok::<_, Infallible>(response.unwrap()) }
    })
    .unwrap()
}

/// Starts a Secrets Manager with the two texts in `secret`, separated by a space: the current one, and the one before. A text
/// that is empty or missing cannot be read. It counts the reads.
fn secrets_manager(secret: &Shared<String>, reads: &Arc<AtomicUsize>) -> Loopback {
    let (secret, reads) = (Arc::clone(secret), Arc::clone(reads));
    Loopback::serve(move |request: Request<Incoming>| {
        assert_eq!(request.headers()["x-amz-target"], "secretsmanager.GetSecretValue");
        reads.fetch_add(1, Ordering::SeqCst);
        let secret = secret.lock().unwrap().clone();
        async move {
            let asked = request.into_body().collect().await.unwrap().to_bytes();
            let asked: Value = serde_json::from_slice(&asked).unwrap();
            let (current, previous) = secret.split_once(' ').unwrap_or((&secret, ""));
            let text = if asked["VersionStage"] == "AWSPREVIOUS" { previous } else { current };
            let (status, body) = match text.is_empty() {
                true => (400, json!({"__type": "AccessDeniedException"})),
                false => (200, json!({"Name": "token", "SecretString": text})),
            };
            let response =
                Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
            let response = response.body(Full::new(Bytes::from(body.to_string())));
            Ok::<_, Infallible>(response.unwrap())
        }
    })
    .unwrap()
}

#[tokio::test]
async fn token_is_read_again_after_a_rotation() {
    let accepted = Arc::new(Mutex::new("first".to_owned()));
    let secret = Arc::new(Mutex::new(r#"{"token":"first"}"#.to_owned()));
    let (sent, reads) = (Shared::default(), Arc::default());
    let agent = agent_with_token(&accepted, &sent);
    let secrets = secrets_manager(&secret, &reads);
    let variables = [
        ("AGENT_TOKEN_SECRET_ID", "token"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets.url()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ];
    let route = Route::start_with(&agent.url(), &variables).await;
    let expired = [PAGE[0], ("cookie", "__Host-session=an-expired-jwt")];

    let body = user_input("Hello");
    let set = |shared: &Shared<String>, text: &str| text.clone_into(&mut shared.lock().unwrap());
    for (why, secret_is, accepted_is, headers, status, tokens, read) in [
        ("the first request reads it", r#"{"token":"first"}"#, "first", PAGE, 200, &["first"][..], 1),
        ("the second one has it", r#"{"token":"first"}"#, "first", PAGE, 200, &["first"], 1),
        ("a refused JWT is not the token's fault", "plain", "first", expired, 401, &["first"], 1),
        ("a refused token is read again", "plain", "plain", PAGE, 200, &["first", "plain"], 2),
        ("the new one is kept", "plain", "plain", PAGE, 200, &["plain"], 2),
        ("the same token is not sent twice", "plain plain", "other", PAGE, 401, &["plain"], 4),
        ("a failed read keeps the token", "", "other", PAGE, 401, &["plain"], 6),
        ("which is sent again", "", "plain", PAGE, 200, &["plain"], 6),
        ("another rotation", "newest plain", "newest", PAGE, 200, &["plain", "newest"], 7),
        ("a process that does not know it yet", "newest plain", "plain", PAGE, 200, &["newest", "plain"], 9),
        ("three at most", "d c", "other", PAGE, 401, &["newest", "d", "c"], 11),
    ] {
        set(&secret, secret_is);
        set(&accepted, accepted_is);
        sent.lock().unwrap().clear();
        assert_eq!(route.post(&headers, &body).await.status(), status, "{why}");
        assert_eq!(*sent.lock().unwrap(), tokens, "{why}");
        assert_eq!(reads.load(Ordering::SeqCst), read, "{why}");
    }
}
