//! The container in examples/agentcore, over HTTP: the contract of AgentCore Runtime, the function's own refusals and streams,
//! and only verified identities.

use std::process::Stdio;
use std::time::Duration;

use ag_ui_dev::Issuer;
use ag_ui_dev::provider::{Gate, Provider, Reply, TurnPart, Wire};
use jsonwebtoken::Algorithm;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::support::client_run::run_client;
use crate::support::event_order;
use crate::support::function::{agentcore_program, events, user_input};
use crate::support::provider::variables;

/// Long enough for any machine: only a failing test takes this long.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The limit on the body, in bytes, of these containers.
const LIMIT: usize = 2000;

struct Container {
    child: Child,
    log: BufReader<ChildStdout>,
    /// The address, without a path.
    url: String,
}

impl Container {
    /// Starts the container with these variables.
    async fn start(variables: &[(&str, &str)]) -> Self {
        let mut child = command(variables).spawn().unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("\"address\":\"") {
            line.clear();
            let read = timeout(TIMEOUT, log.read_line(&mut line)).await.unwrap().unwrap();
            assert_ne!(read, 0, "the container ended before it listened");
        }
        let address = line.split("\"address\":\"").nth(1).unwrap().split('"').next().unwrap();
        Self { child, log, url: format!("http://{address}") }
    }

    /// Posts this body.
    async fn post(&self, path: &str, body: impl ToString) -> reqwest::Response {
        self.post_with(path, &[("content-type", "application/json")], body).await
    }

    /// Posts this body with these headers.
    async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl ToString,
    ) -> reqwest::Response {
        let request = reqwest::Client::new().post(format!("{}{path}", self.url)).body(body.to_string());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        timeout(TIMEOUT, request.send()).await.unwrap().unwrap()
    }

    /// Runs with these headers and returns the result of `get_account`; `None` if the request is refused with 401.
    async fn account_result(&self, headers: &[(&str, &str)]) -> Option<Value> {
        let headers = [headers, &[("content-type", "application/json")]].concat();
        let answer = self.post_with("/invocations", &headers, user_input("Who am I?")).await;
        if answer.status() == 401 {
            return None;
        }
        let events = read_run(answer).await;
        let result = events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
        serde_json::from_str::<Value>(result["content"].as_str().unwrap()).unwrap()["user"].clone().into()
    }
}

/// Returns the command that starts the container.
fn command(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(agentcore_program());
    command.arg("127.0.0.1:0").env_clear().env("AWS_LAMBDA_LOG_FORMAT", "JSON");
    command
        .env("AGUI_MAX_BODY_BYTES", LIMIT.to_string())
        .envs([("AGUI_LOCAL", "1"), ("AGUI_AUTH", "authorizer")]);
    command.envs(variables.iter().copied());
    command.stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// Reads a run to its end and checks the order of its events.
async fn read_run(answer: reqwest::Response) -> Vec<Value> {
    assert_eq!(answer.status(), 200);
    let events = events(&timeout(TIMEOUT, answer.text()).await.unwrap().unwrap());
    assert_eq!(event_order::check(&events), Ok(()), "{events:#?}");
    events
}

/// Starts a container whose model emits one word, waits at the gate, and emits another.
async fn gated_container() -> (Container, Provider, Gate) {
    let provider = Provider::start().await.unwrap();
    let (gate, wire) = (Gate::new(), Wire::Anthropic);
    let reply = Reply::stream(wire, &[TurnPart::text("one "), TurnPart::text("two")]);
    let before = (0..reply.pieces()).find(|pieces| body(reply.clone().end_after(*pieces)).contains("one "));
    provider.queue([reply.gate_after(before.unwrap(), &gate)]);
    let variables = variables(wire, &provider.url());
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    (Container::start(&variables).await, provider, gate)
}

/// Returns the body of a provider's reply as text.
fn body(reply: Reply) -> String {
    String::from_utf8(reply.body().to_vec()).unwrap()
}

/// A run that was read up to its first word, while its model waits.
struct Reading {
    answer: reqwest::Response,
    text: String,
}

impl Reading {
    /// Starts a run and reads its first word.
    async fn start(container: &Container) -> Self {
        let answer = container.post("/invocations", user_input("Hello")).await;
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut reading = Self { answer, text: String::new() };
        while !reading.text.contains(r#""delta":"one ""#) {
            let piece = timeout(TIMEOUT, reading.answer.chunk()).await.unwrap().unwrap();
            reading.text.push_str(std::str::from_utf8(&piece.expect("the run goes on")).unwrap());
        }
        assert!(!reading.text.contains("two"), "the model has not emitted it yet");
        reading
    }

    /// Reads the run to its end, and checks the order of its events.
    async fn end(mut self) -> Vec<Value> {
        self.text.push_str(&timeout(TIMEOUT, self.answer.text()).await.unwrap().unwrap());
        let events = events(&self.text);
        assert_eq!(event_order::check(&events), Ok(()), "{}", self.text);
        events
    }
}

#[tokio::test]
async fn either_client_completes_a_tool_run() {
    let container = Container::start(&[]).await;
    let ping = reqwest::get(format!("{}/ping", container.url)).await.unwrap();
    assert_eq!(
        (ping.status().as_u16(), ping.headers()["content-type"].to_str().unwrap()),
        (200, "application/json")
    );
    assert_eq!(ping.text().await.unwrap(), r#"{"status":"Healthy"}"#);

    for client in ["1.0", "0.0.59"] {
        let url = format!("{}/invocations", container.url);
        run_client(client, "tool", &url, &format!("agentcore-{client}")).await;
    }
}

#[tokio::test]
async fn client_reads_each_delta_before_the_next() {
    let (container, _provider, gate) = gated_container().await;
    let reading = Reading::start(&container).await;
    gate.open();

    assert_eq!(reading.end().await.last().unwrap()["outcome"]["type"], "success");
}

#[tokio::test]
async fn client_disconnect_stops_the_model() {
    let (container, provider, _gate) = gated_container().await;
    drop(Reading::start(&container).await);

    timeout(TIMEOUT, provider.wait_for_abandoned(1)).await.unwrap();
}

#[tokio::test]
async fn sigterm_finishes_running_requests_only() {
    let (mut container, _provider, gate) = gated_container().await;
    let reading = Reading::start(&container).await;
    let pid = Pid::from_raw(container.child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    // The container handles the signal at some point; from then on it accepts no request.
    let refused = async {
        while reqwest::get(format!("{}/ping", container.url)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(TIMEOUT, refused).await.unwrap();
    gate.open();

    assert_eq!(reading.end().await.last().unwrap()["type"], "RUN_FINISHED");
    let status = timeout(TIMEOUT, container.child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn refusals_match_those_of_the_function() {
    let mut container = Container::start(&[]).await;
    let with = |name: &str, value: Value| {
        let mut input = user_input("Hello");
        input[name] = value;
        input.to_string()
    };
    let (json, text) = ("application/json", "text/plain");
    let good = user_input("Hello").to_string();
    for (why, path, content_type, body, status, code) in [
        ("no such path", "/invoke", json, good.clone(), 404, "NOT_FOUND"),
        ("another method's path", "/health", json, good.clone(), 405, "METHOD_NOT_ALLOWED"),
        ("not JSON by its type", "/invocations", text, good.clone(), 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("too long", "/invocations", json, format!("{good}{}", " ".repeat(LIMIT)), 413, "BODY_TOO_LARGE"),
        ("much too long", "/invocations", json, " ".repeat(10 * LIMIT), 413, "BODY_TOO_LARGE"),
        ("no JSON", "/invocations", json, "{".into(), 400, "BAD_JSON"),
        ("another shape", "/invocations", json, with("messages", json!("s3cret-text")), 400, "BAD_INPUT"),
        (
            "another version",
            "/invocations",
            json,
            with("protocolVersion", json!("2.0")),
            400,
            "UNSUPPORTED_PROTOCOL_VERSION",
        ),
        (
            "a backend tool's name",
            "/invocations",
            json,
            with("tools", json!([{"name": "get_account", "description": ""}])),
            400,
            "TOOL_NAME_TAKEN",
        ),
    ] {
        let answer = container.post_with(path, &[("content-type", content_type)], body).await;

        assert_eq!(answer.status(), status, "{why}");
        let body_json: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(body_json["error"]["code"], code, "{why}");
    }
    container.child.kill().await.unwrap();
    let mut log = String::new();
    container.log.read_to_string(&mut log).await.unwrap();
    assert!(log.contains("request refused") && !log.contains("s3cret-text"), "{log}");
}

#[tokio::test]
async fn only_verified_jwts_prove_a_caller() {
    let issuer = Issuer::start().await.unwrap();
    let claims = json!({"sub": "u-1", "iss": issuer.url(), "aud": "app", "exp": 4_102_444_800_u64});
    let token = issuer.sign(Algorithm::ES256, &claims).unwrap();
    let forged = issuer.sign_with_unknown_kid(Algorithm::ES256, &claims).unwrap();
    let [bearer, forged_bearer] = [&token, &forged].map(|token| format!("Bearer {token}"));
    let made_up = [
        ("x-amzn-bedrock-agentcore-runtime-user-id", "r00t"),
        ("x-amzn-bedrock-agentcore-runtime-session-id", "r00t"),
        ("x-amzn-bedrock-agentcore-runtime-custom-user", "r00t"),
        ("workloadaccesstoken", "r00t"),
    ];

    let open = Container::start(&[]).await;
    assert_eq!(
        open.account_result(&made_up).await,
        Some(Value::Null),
        "nothing is verified: nobody is proven"
    );
    assert_eq!(open.account_result(&[("authorization", &bearer)]).await, Some(Value::Null), "nor by a JWT");

    let (url, jwks_url) = (issuer.url(), issuer.jwks_url());
    let configured =
        [("AGUI_JWT_ISSUER", &*url), ("AGUI_JWT_AUDIENCE", "app"), ("AGUI_JWKS_URL", &*jwks_url)];
    let closed = Container::start(&configured).await;
    let by_jwt = Container::start(&[&configured[..], &[("AGUI_AUTH", "jwt")]].concat()).await;
    let user = Some("u-1");
    // The users in the modes `authorizer` and `jwt`.
    for (why, headers, in_authorizer, in_jwt) in [
        ("none", vec![], None, None),
        ("AgentCore's headers", made_up.to_vec(), None, None),
        ("as AgentCore passes it on", vec![("authorization", &*bearer)], user, user),
        ("beside AgentCore's headers", [&made_up[..], &[("authorization", &*bearer)]].concat(), user, user),
        ("under the endpoint's own name", vec![("x-agui-user-token", &*token)], user, user),
        ("forged", vec![("authorization", &*forged_bearer)], None, None),
        ("another scheme", vec![("authorization", "Basic cjAwdA==")], None, None),
        ("two", vec![("authorization", &*bearer), ("authorization", &*bearer)], None, None),
        (
            "one under each name",
            vec![("authorization", &*bearer), ("x-agui-user-token", &*token)],
            None,
            user,
        ),
        ("beside a token", vec![("authorization", &*bearer), ("x-agui-token", "guess")], user, None),
    ] {
        for (container, user) in [(&closed, in_authorizer), (&by_jwt, in_jwt)] {
            assert_eq!(container.account_result(&headers).await, user.map(Value::from), "{why}");
        }
    }
    let ping = reqwest::get(format!("{}/ping", by_jwt.url)).await.unwrap();
    assert_eq!(ping.status(), 200, "AgentCore's health check has no JWT");
}

#[tokio::test]
async fn refuses_to_start_with_other_auth_modes() {
    let mut command = command(&[("AGUI_AUTH", "token"), ("AGUI_TOKEN", "planted-token")]);
    let output = timeout(TIMEOUT, command.output()).await.unwrap().unwrap();
    let log = String::from_utf8(output.stdout).unwrap();

    assert!(!output.status.success());
    assert!(log.contains("AGUI_AUTH must be `jwt` or `authorizer`") && !log.contains("planted"), "{log}");
}
