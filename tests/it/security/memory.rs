//! The memory of a function has a limit, whatever a client sends.
//!
//! The bodies are those that take most: small JSON values, which are a hundred times as large in memory as in their text, in
//! each place where a client can send them. Each is served or refused. The peak is measured from outside, over the memory of
//! a function that has served a small run. The bench measures the same bodies.

use std::fs;
use std::time::Duration;

use ag_ui_dev::provider::{Provider, Reply, TurnPart, Wire};
use ag_ui_dev::{EntryPoint, Function, FunctionResponse};
use serde_json::{Value, json};
use test_support::hostile_bodies::{self, Row};
use tokio::process::Command;

use crate::support::function::{TOKEN, program};
use crate::support::provider::variables;

/// How many bytes of memory a byte of a body may take.
const MAX_FACTOR: usize = 12;
/// The memory that every run may take beside, for its buffers and connections.
const ALLOWANCE: usize = 1024 * 1024;
/// The memory of the template's function, in KiB.
const TEMPLATE_FUNCTION_KIB: usize = 512 * 1024;
/// The memory of the smallest function of Lambda, in KiB.
const SMALLEST_FUNCTION_KIB: usize = 128 * 1024;
/// The wires that the rows with a provider use.
const WIRES: [Wire; 3] = [Wire::OpenAiChat, Wire::Anthropic, Wire::Bedrock];

/// A function and the stand-in for its provider.
struct Served {
    function: Function,
    _provider: Provider,
}

/// Starts a program with the model of this wire, or with the scripted model, and with at most `max_data_kib` of data. It has
/// served a small run when this returns.
async fn serve(name: &str, wire: Option<Wire>, max_data_kib: Option<usize>) -> Served {
    serve_with(name, wire, max_data_kib, &[]).await
}

/// Starts a program as [`serve`] does, with more variables.
async fn serve_with(
    name: &str,
    wire: Option<Wire>,
    max_data_kib: Option<usize>,
    more: &[(&str, &str)],
) -> Served {
    let provider = Provider::start().await.unwrap();
    let mut command = match max_data_kib {
        Some(kib) => {
            let mut command = Command::new("sh");
            let limit = kib.to_string();
            command.args(["-c", r#"ulimit -d "$1" && exec "$2""#, "sh", &limit]).arg(program(name));
            command
        }
        None => Command::new(program(name)),
    };
    command.env_clear().env("AGUI_LOCAL", "1").env("AGUI_TOKEN", TOKEN).env("AGUI_SCRIPTED_DELAY_MS", "0");
    command.env("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef");
    // The largest bodies reach the provider complete.
    command.env("AGUI_MAX_INPUT_BYTES", "50000000");
    match wire {
        Some(wire) => {
            provider.reply_always(Reply::stream(wire, &[TurnPart::text("Done.")]));
            command.envs(variables(wire, &provider.url()));
        }
        None => drop(command.env("AGUI_MODEL", "scripted/demo")),
    }
    command.envs(more.iter().copied());
    let function = Function::spawn(command).await.unwrap();
    function.ready(Duration::from_secs(20)).await.unwrap();
    let served = Served { function, _provider: provider };
    let (status, text) = served.send(&hostile_bodies::small()).await;
    assert!(status == 200 && text.contains("RUN_FINISHED"), "{text}");
    served
}

impl Served {
    /// Sends a body, and returns the status and the text of the response.
    async fn send(&self, body: &str) -> (u16, String) {
        let mut response = self.begin(body).await;
        (response.status(), response.text().await)
    }

    /// Sends a body, and returns the response when its status is known.
    async fn begin(&self, body: &str) -> FunctionResponse {
        let request = http::Request::post("/").header("content-type", "application/json");
        let request = request.header("x-agui-token", TOKEN).body(body.to_owned().into()).unwrap();
        let event: Value = EntryPoint::FunctionUrl.event(&request, None);
        self.function.invoke(&event).await.unwrap()
    }

    /// Returns a line of `/proc/<pid>/status` in bytes.
    fn memory(&self, line: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.function.pid())).unwrap();
        let line = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
        let kib: usize = line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
        kib * 1024
    }

    /// Sends a body, and returns how many bytes the memory was larger at its peak than before, and the text of the response.
    async fn peak_over_idle(&self, body: &str) -> (usize, String) {
        let idle = self.memory("VmRSS:");
        // The peak is counted anew.
        fs::write(format!("/proc/{}/clear_refs", self.function.pid()), "5").unwrap();
        let (_, text) = self.send(body).await;
        (self.memory("VmHWM:").saturating_sub(idle), text)
    }
}

/// Returns the end of a response, for messages of failed assertions.
fn end_of(text: &str) -> &str {
    &text[text.floor_char_boundary(text.len().saturating_sub(300))..]
}

/// Whether a run has ended in full, or the request was refused for its size.
fn is_run_or_refusal(text: &str) -> bool {
    let is_refusal = ["BAD_INPUT", "BODY_TOO_LARGE", "BAD_JSON"].iter().any(|code| text.contains(code));
    is_refusal || text.contains("RUN_FINISHED") || text.contains("RUN_ERROR")
}

#[tokio::test]
async fn peak_is_at_most_a_small_multiple_of_the_body() {
    let mut too_large = Vec::new();
    for wire in WIRES {
        for Row { name, program, has_provider, body } in hostile_bodies::rows() {
            if !has_provider && wire != WIRES[0] {
                continue;
            }
            let served = serve(program, has_provider.then_some(wire), None).await;
            let (peak, text) = served.peak_over_idle(&body).await;
            assert!(is_run_or_refusal(&text), "{name}: {}", end_of(&text));
            if peak > body.len() * MAX_FACTOR + ALLOWANCE {
                too_large.push(format!("{name} {wire:?}: {peak} bytes for a body of {}", body.len()));
            }
        }
    }
    assert_eq!(too_large, Vec::<String>::new());
}

#[tokio::test]
async fn no_body_ends_a_function_of_128_mb() {
    for wire in WIRES {
        let served = serve("ag-ui-lambda", Some(wire), Some(SMALLEST_FUNCTION_KIB)).await;
        for Row { name, has_provider, body, .. } in hostile_bodies::rows() {
            if has_provider {
                let (_, text) = served.send(&body).await;
                assert!(served.function.is_running(), "{name} {wire:?}");
                assert!(is_run_or_refusal(&text), "{name} {wire:?}: {}", end_of(&text));
            }
        }
        let (status, _) = served.send(&hostile_bodies::small()).await;
        assert_eq!(status, 200, "{wire:?}: the next run is served");
    }
    let served = serve("dojo", None, Some(SMALLEST_FUNCTION_KIB)).await;
    for Row { name, has_provider, body, .. } in hostile_bodies::rows() {
        if !has_provider {
            let (_, text) = served.send(&body).await;
            assert!(is_run_or_refusal(&text), "{name}: {}", end_of(&text));
        }
    }
}

#[tokio::test]
async fn run_beside_hostile_bodies_ends_in_full() {
    let variables = [("AWS_LAMBDA_MAX_CONCURRENCY", "2"), ("AGUI_SCRIPTED_DELAY_MS", "20")];
    let served = serve_with("dojo", None, Some(TEMPLATE_FUNCTION_KIB), &variables).await;
    let mut beside = served.begin(&hostile_bodies::long_question()).await;
    assert!(beside.next_chunk().await.is_some());

    for Row { name, has_provider, body, .. } in hostile_bodies::rows() {
        if !has_provider {
            let (_, text) = served.send(&body).await;
            assert!(is_run_or_refusal(&text), "{name}: {}", end_of(&text));
        }
    }

    let text = beside.text().await;
    assert!(text.contains(r#""type":"RUN_FINISHED""#), "{}", end_of(&text));
}

#[tokio::test]
async fn each_limit_of_an_input_has_a_sentence_and_a_path() {
    let function = serve("ag-ui-lambda", None, None).await;
    let message = json!({"id": "u1", "role": "user", "content": "Hello"});
    let of = |members: Value| {
        let mut input = json!({"threadId": "t", "runId": "r", "messages": [message]});
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        input
    };
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}});
    let tool = |parameters: Value| json!([{"name": "f", "description": "", "parameters": parameters}]);
    let nested = (0..40).fold(json!({}), |schema, _| json!({ "not": schema }));
    for (input, status, path, sentence) in [
        (of(json!({"messages": vec![&message; 5001]})), 400, "/messages", "at most 5000 messages"),
        (
            of(json!({"messages": [{"id": "a", "role": "assistant", "toolCalls": vec![&call; 5001]}]})),
            400,
            "/messages/0/toolCalls",
            "at most 5000 tool calls",
        ),
        (
            of(
                json!({"messages": [{"id": "u", "role": "user", "content": vec![json!({"type": "text", "text": ""}); 5001]}]}),
            ),
            400,
            "/messages/0/content",
            "at most 5000 parts of messages",
        ),
        (
            of(json!({"tools": vec![json!({"name": "f", "description": ""}); 129]})),
            400,
            "/tools",
            "at most 128 tools",
        ),
        (
            of(json!({"context": vec![json!({"description": "", "value": ""}); 1001]})),
            400,
            "/context",
            "at most 1000 context entries",
        ),
        (
            of(json!({"resume": vec![json!({"interruptId": "", "status": "cancelled"}); 1001]})),
            400,
            "/resume",
            "at most 1000 answers to interrupts",
        ),
        (of(json!({"state": vec![0; 20_000]})), 400, "/state", "at most 16000 JSON values together"),
        (
            of(json!({"state": "x".repeat(2_097_151)})),
            413,
            "/state",
            "the state may have at most 2097152 bytes",
        ),
        (
            of(json!({"tools": tool(json!({"title": "x".repeat(262_144)}))})),
            413,
            "/tools/0/parameters",
            "the schemas of all tools may have at most 262144 bytes",
        ),
        (of(json!({"tools": tool(nested)})), 400, "/tools/0/parameters", "at most 32 levels"),
    ] {
        let (refused, text) = function.send(&input.to_string()).await;
        let error = serde_json::from_str::<Value>(&text).unwrap()["error"].clone();
        assert_eq!((refused, error["path"].as_str()), (status, Some(path)), "{sentence}: {}", end_of(&text));
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("The request is too large: {path} ")), "{message}");
        assert!(message.contains(sentence), "{message}");
        let code = if status == 413 { "BODY_TOO_LARGE" } else { "BAD_INPUT" };
        assert_eq!(error["code"], code, "{sentence}");
    }
}
