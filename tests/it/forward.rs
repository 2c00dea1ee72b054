//! The server route of examples/forward, as Node runs it: between a browser and the function, with the tokens on its side.

use std::fs;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use ag_ui_dev::Issuer;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;
use tokio::time::timeout;

use crate::support::function::{TOKEN, events, local_function, says};
use crate::support::oracles::{self, node};
use crate::support::played::url;
use crate::support::recording;

/// Long enough for any machine: only a test that fails takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with the route in it.
struct Route {
    url: String,
    _server: Child,
}

impl Route {
    /// Starts a server that forwards to this agent.
    async fn to(agent: &str) -> Self {
        let mut command = node("tests/clients/route.mjs");
        command.env("AGENT_URL", agent).env("AGENT_TOKEN", TOKEN);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut server = command.spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let url = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        Self { url: url.expect("the server says where it is"), _server: server }
    }

    /// What a page posts, with these headers.
    async fn post(&self, headers: &[(&str, &str)], body: &Value) -> reqwest::Response {
        let request = reqwest::Client::new().post(&self.url).body(body.to_string());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        timeout(PATIENCE, request.send()).await.unwrap().unwrap()
    }
}

/// An agent of which the test writes every byte.
struct Agent(TcpListener);

impl Agent {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn url(&self) -> String {
        format!("http://{}/", self.0.local_addr().unwrap())
    }

    /// The next connection, with the request that came over it; this is its body.
    async fn asked(&self, body: &Value) -> (TcpStream, String) {
        let (mut connection, _) = timeout(PATIENCE, self.0.accept()).await.unwrap().unwrap();
        let (mut request, body) = (String::new(), body.to_string());
        while !request.ends_with(&body) {
            let mut piece = [0; 4096];
            let read = timeout(PATIENCE, connection.read(&mut piece)).await.unwrap().unwrap();
            assert_ne!(read, 0, "{request}");
            request.push_str(std::str::from_utf8(&piece[..read]).unwrap());
        }
        (connection, request)
    }
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache, no-transform\r\n\
                    x-accel-buffering: no\r\nset-cookie: agent=1\r\nx-internal: 1\r\ntransfer-encoding: chunked\r\n\r\n";
const PAGE: [(&str, &str); 2] =
    [("content-type", "application/json"), ("cookie", "__Host-session=the-users-jwt")];

async fn write(connection: &mut TcpStream, frame: &str) {
    let chunk = format!("{:x}\r\n{frame}\r\n", frame.len());
    connection.write_all(chunk.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn given_either_client_behind_the_route_then_it_is_served_as_the_sessions_user_and_gets_no_token() {
    let issuer = Issuer::start().await.unwrap();
    let claims = json!({"sub": "u-1", "iss": issuer.url(), "aud": "app", "exp": 4_102_444_800_u64});
    let jwt = issuer.sign(Algorithm::ES256, &claims).unwrap();
    let (issuer_url, jwks_url) = (issuer.url(), issuer.jwks_url());
    let configured =
        [("AGUI_JWT_ISSUER", &*issuer_url), ("AGUI_JWT_AUDIENCE", "app"), ("AGUI_JWKS_URL", &*jwks_url)];
    let function = Arc::new(local_function(&configured).await);
    let door = url(&function).await;
    let route = Route::to(&door.url()).await;
    let cookie = format!("theme=dark; __Host-session={jwt}");

    for client in ["1.0", "0.0.59"] {
        let prefix = recording(&format!("forward-{client}"));
        let mut drive = node("tests/clients/drive.mjs");
        drive.args(["--client", client, "--scenario", "tool", "--url", &route.url]);
        drive.args(["--header", &format!("cookie: {cookie}"), "--record"]).arg(&prefix);
        let output = oracles::output(&mut drive).await;
        let told = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{client}: {}", String::from_utf8_lossy(&told));
        let recorded = format!("{}-1.sse", prefix.display());
        let text = fs::read_to_string(&recorded).unwrap();
        assert!(!text.contains(TOKEN) && !text.contains(&jwt), "{client}");
        oracles::check(&[recorded.into()]).await.unwrap_or_else(|refusal| panic!("{client}: {refusal}"));
    }

    // A page that names tokens of its own is not believed.
    let poisoned = [
        ("content-type", "application/json"),
        ("cookie", &*cookie),
        ("x-agui-user-token", "a-token-of-the-pages-own"),
        ("x-agui-token", "a-token-of-the-pages-own"),
        ("authorization", "Bearer a-token-of-the-pages-own"),
    ];
    let answer = route.post(&poisoned, &says("Who am I?")).await;
    let head = format!("{:?}", answer.headers());
    let text = answer.text().await.unwrap();
    let result = events(&text).into_iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
    assert!(result["content"].as_str().unwrap().contains(r#""user":"u-1""#), "{result}");
    assert!(!head.contains(TOKEN) && !text.contains(TOKEN) && !text.contains(&jwt), "{head}\n{text}");

    // The function's refusals come through, with their status and without a token.
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
        let answer = route.post(&[("content-type", content_type), ("cookie", cookie)], &says("Hello")).await;
        assert_eq!(answer.status(), status, "{why}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(code) && !text.contains(TOKEN), "{why}: {text}");
    }
}

#[tokio::test]
async fn given_an_agent_that_waits_then_the_page_has_read_all_that_it_said_and_nothing_else_of_its_head() {
    let agent = Agent::start().await;
    let route = Route::to(&agent.url()).await;
    let body = says("Hello");
    let more = [&PAGE[..], &[("x-agui-user-token", "made-up"), ("x-forwarded-user", "made-up")]].concat();
    let (mut answer, (mut connection, request)) = tokio::join!(route.post(&more, &body), async {
        let (mut connection, request) = agent.asked(&body).await;
        connection.write_all(HEAD.as_bytes()).await.unwrap();
        write(&mut connection, "data: 1\n\n").await;
        (connection, request)
    });

    let lower = request.to_lowercase();
    for header in [
        &*format!("x-agui-token: {TOKEN}"),
        "x-agui-user-token: the-users-jwt",
        "content-type: application/json",
    ] {
        assert_eq!(lower.matches(header).count(), 1, "{header}: {request}");
    }
    assert!(!lower.contains("made-up") && !lower.contains("cookie:"), "{request}");
    let passed: Vec<_> = answer.headers().keys().map(|name| name.as_str().to_owned()).collect();
    for (name, is_passed) in
        [("content-type", true), ("x-accel-buffering", true), ("set-cookie", false), ("x-internal", false)]
    {
        assert_eq!(passed.iter().any(|passed| passed == name), is_passed, "{name}: {passed:?}");
    }

    assert_eq!(timeout(PATIENCE, answer.chunk()).await.unwrap().unwrap().unwrap(), "data: 1\n\n");
    write(&mut connection, "data: 2\n\n").await;
    assert_eq!(timeout(PATIENCE, answer.chunk()).await.unwrap().unwrap().unwrap(), "data: 2\n\n");
    connection.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(timeout(PATIENCE, answer.chunk()).await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn given_a_page_that_goes_away_then_the_agent_is_left_too() {
    let agent = Agent::start().await;
    let route = Route::to(&agent.url()).await;
    let body = says("Hello");
    let (answer, mut connection) = tokio::join!(route.post(&PAGE, &body), async {
        let (mut connection, _) = agent.asked(&body).await;
        connection.write_all(HEAD.as_bytes()).await.unwrap();
        write(&mut connection, "data: 1\n\n").await;
        connection
    });
    drop(answer);

    let left = timeout(PATIENCE, connection.read_u8()).await.unwrap();
    assert!(left.is_err(), "the route has closed its connection");
}

#[tokio::test]
async fn given_no_agent_then_the_page_is_told_so_and_not_where_it_was() {
    let agent = Agent::start().await;
    let url = agent.url();
    let route = Route::to(&url).await;
    drop(agent);
    let answer = route.post(&PAGE, &says("Hello")).await;

    assert_eq!(answer.status(), 502);
    let text = answer.text().await.unwrap();
    assert_eq!(
        text,
        r#"{"error":{"code":"AGENT_UNREACHABLE","message":"The agent cannot be reached right now. Please try again later."}}"#
    );
}
