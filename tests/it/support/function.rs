//! The function's real binary with the Runtime API emulator, and its responses.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ag_ui_dev::FunctionResponse;
use serde_json::{Value, json};
use tokio::process::Command;

pub(crate) use super::leak_checked::Function;
use super::secrets::register;
pub(crate) use super::sse::events;
use super::{event_order, outline};

/// The shared token that the sample events contain.
pub(crate) const TOKEN: &str = "sample-token-for-local-use";

/// Starts the template's function with a literal token, the scripted model and these variables.
pub(crate) async fn local_function(variables: &[(&str, &str)]) -> Function {
    let local = [("AGUI_LOCAL", "1"), ("AGUI_TOKEN", TOKEN)];
    function(local.iter().chain(variables)).await
}

/// Starts the template's function with only these variables.
pub(crate) async fn function<'a>(variables: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> Function {
    start(env!("CARGO_BIN_EXE_ag-ui-lambda"), variables).await
}

/// Starts the function for tests, `tests/servers/function.rs`, with a literal token and these variables.
pub(crate) async fn test_function(variables: &[(&str, &str)]) -> Function {
    example("test_function", variables).await
}

/// Starts the demo agent, `examples/dojo`, with a literal token, an approval key and these variables.
pub(crate) async fn dojo_function(variables: &[(&str, &str)]) -> Function {
    let key = ("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef");
    example("dojo", &[variables, &[key]].concat()).await
}

/// Starts the function with a quota, `examples/quota`, with a literal token and these variables.
pub(crate) async fn quota_function(variables: &[(&str, &str)]) -> Function {
    example("quota", variables).await
}

/// Starts an example of this package with a literal token and these variables.
async fn example(name: &str, variables: &[(&str, &str)]) -> Function {
    let local = [("AGUI_LOCAL", "1"), ("AGUI_TOKEN", TOKEN)];
    start(program(name).to_str().unwrap(), local.iter().chain(variables)).await
}

/// Returns the path of the program of examples/agentcore.
pub(crate) fn agentcore_program() -> PathBuf {
    program("agentcore")
}

/// Returns the path of a program that `make programs` has built: another package's, or an example of this package. It
/// panics if the program is missing or older than its sources.
pub(crate) fn program(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_ag-ui-lambda")).parent().unwrap();
    let places = [folder.join(name), folder.join("examples").join(name)];
    let program = places.into_iter().find(|place| place.is_file());
    let program = program.unwrap_or_else(|| panic!("{name} is not built: run `make programs`"));
    // A program that is older than its sources would test the wrong code.
    let built = modified(&program);
    // A source that was removed is still in the program.
    let is_newer = |file: &PathBuf| !file.is_file() || modified(file) > built;
    let newer = sources(&program).into_iter().find(is_newer);
    assert_eq!(newer, None, "{name} is older than its sources: run `make programs`");
    program
}

/// Returns the files of the workspace that a program was built from. Cargo lists them in a file beside the program.
fn sources(program: &Path) -> Vec<PathBuf> {
    let list = fs::read_to_string(program.with_extension("d")).unwrap();
    let (_, files) = list.lines().next().and_then(|line| line.split_once(": ")).unwrap();
    // A space in a name is escaped with a backslash.
    let files = files.replace("\\ ", "\0");
    let files: Vec<PathBuf> = files.split(' ').map(|file| file.replace('\0', " ").into()).collect();
    assert!(files.len() > 10, "the sources are where this looks: {files:?}");
    files
}

/// Returns when a file was last changed.
fn modified(file: &Path) -> SystemTime {
    fs::metadata(file).unwrap().modified().unwrap()
}

/// Starts a function's binary with only these variables.
pub(crate) async fn start<'a>(
    binary: &str,
    variables: impl IntoIterator<Item = &'a (&'a str, &'a str)>,
) -> Function {
    let variables: Vec<(&str, &str)> = variables.into_iter().copied().collect();
    let mut command = Command::new(binary);
    command.env_clear().envs(variables.iter().copied());
    let function = ag_ui_dev::Function::spawn(command).await.unwrap();
    function.ready(Duration::from_secs(20)).await.unwrap();
    let is_secret =
        |name: &str| name == "AGUI_TOKEN" || name.ends_with("_KEY") || name == "OTEL_EXPORTER_OTLP_HEADERS";
    variables.iter().filter(|(name, _)| is_secret(name)).for_each(|(_, value)| register(value));
    Function::new(function)
}

/// Returns the event of a function URL for a request with this body and these headers.
pub(crate) fn url_event(headers: &[(&str, &str)], body: &Value) -> Value {
    let request = http::Request::post("/").header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    ag_ui_dev::EntryPoint::FunctionUrl.event(&request.body(body.to_string().into()).unwrap(), None)
}

/// Returns the input of a run whose user message is this text.
pub(crate) fn user_input(text: &str) -> Value {
    json!({
        "threadId": "t", "runId": "r", "protocolVersion": "1.0", "state": {}, "tools": [], "context": [],
        "messages": [{"id": "u1", "role": "user", "content": text}], "forwardedProps": {},
    })
}

/// Sends a run with the message "Hello" and this shared token, and reads the response to its end.
pub(crate) async fn send_hello(function: &Function, token: &str) -> Reply {
    Reply::send(function, &url_event(&[("x-agui-token", token)], &user_input("Hello"))).await
}

/// A response of the function that was read to its end.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) text: String,
    /// The events of a run, whose order was checked; empty for any other response.
    pub(crate) events: Vec<Value>,
}

impl Reply {
    /// Invokes the function with an event and reads the response to its end. If it is a run, its events must be in a valid
    /// order, and the function's log may not contain its texts.
    pub(crate) async fn send(function: &Function, event: &Value) -> Self {
        let input = event["body"].as_str().and_then(|body| serde_json::from_str(body).ok());
        let reply = Self::read_run(input.unwrap_or_default(), function.invoke(event).await.unwrap()).await;
        function.add_run_texts(&reply.events);
        reply
    }

    /// Reads a response to its end. If it is a run, its events must be in a valid order.
    pub(crate) async fn read(answer: FunctionResponse) -> Self {
        Self::read_run(Value::Null, answer).await
    }

    /// Reads a response to its end. If it is a run, its events must be in a valid order for `input`.
    async fn read_run(input: Value, mut answer: FunctionResponse) -> Self {
        let status = answer.status();
        let is_run = answer.header("content-type") == Some("text/event-stream");
        let text = answer.text().await;
        let events = if is_run { events(&text) } else { Vec::new() };
        if is_run {
            assert_eq!(event_order::check_run(&input, &events), Ok(()), "\n{}", outline::outline(&events));
        }
        Self { status, text, events }
    }

    /// Parses the response as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// Returns the JSON in the result of the run's first call of `tool`. It panics if there is no such call or result.
    pub(crate) fn result_of(&self, tool: &str) -> Value {
        let started = self.events.iter().find(|event| event["toolCallName"] == tool).unwrap();
        let is_result = |event: &&Value| {
            event["type"] == "TOOL_CALL_RESULT" && event["toolCallId"] == started["toolCallId"]
        };
        let result = self.events.iter().find(is_result).unwrap();
        serde_json::from_str(result["content"].as_str().unwrap()).unwrap()
    }
}
