//! The features of each wire, observed through the function. docs/models.md must contain the table that this test produces.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ag_ui_dev::provider::{Provider, Reply, StopReason, TurnPart, Usage, Wire};
use ag_ui_lambda::model::Provider as HostedBy;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::function;
use crate::support::function::{Function, Reply as Run, TOKEN, url_event, user_input};

const COLUMNS: [(&str, Wire); 6] = [
    ("`bedrock`", Wire::Bedrock),
    ("`openai`", Wire::OpenAiChat),
    ("`openai-responses`", Wire::OpenAiResponses),
    ("`anthropic`", Wire::Anthropic),
    ("`gemini`", Wire::Gemini),
    ("`ollama`", Wire::Ollama),
];

/// An image of one pixel.
const IMAGE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// A feature, and whether the wire has it.
type Cell = (&'static str, String);

#[tokio::test]
async fn documented_table_matches_each_wire() {
    let columns = join_all(COLUMNS.map(|(_, wire)| async move {
        [turn_cells(wire).await, part_cells(wire).await, setting_cells(wire).await, end_cells(wire).await]
            .concat()
    }))
    .await;

    let mut table = String::from("| |");
    COLUMNS.iter().for_each(|(name, _)| write!(table, " {name} |").unwrap());
    table.push_str("\n| --- |");
    table.push_str(&" --- |".repeat(COLUMNS.len()));
    for row in 0..columns[0].len() {
        write!(table, "\n| {} |", columns[0][row].0).unwrap();
        columns.iter().for_each(|column| write!(table, " {} |", column[row].1).unwrap());
    }
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/models.md")).unwrap();
    assert!(page.contains(&table), "docs/models.md has another table than\n\n{table}\n");
}

#[test]
fn every_adapter_is_documented_with_its_variables() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/models.md")).unwrap();
    for adapter in HostedBy::all() {
        let named = |name: &str| page.contains(&format!("`{name}`"));
        assert!(named(adapter.adapter()), "{}", adapter.adapter());
        assert!(adapter.key_variable().is_none_or(named), "{}", adapter.adapter());
    }
}

/// Returns the text of a cell.
fn yes_or_no(is: bool) -> String {
    if is { "yes".into() } else { "no".into() }
}

/// Observes what a turn streams, and what of it is sent back in the next one.
async fn turn_cells(wire: Wire) -> Vec<Cell> {
    let provider = Provider::start().await.unwrap();
    let function = function(wire, &provider, &[]).await;
    let call = |id: &str| TurnPart::call(id, "get_weather", ["{\"loca", "tion\":\"", "Tokyo", "\"}"]);
    let usage = Usage { input: 100, output: 20, cached_read: 40, cache_write: 10, reasoning: 5 };
    let mut parts_sent = vec![TurnPart::reasoning("Hm, two cities.")];
    if wire != Wire::Gemini {
        parts_sent.push(TurnPart::signature("c2lnbmVk"));
    }
    parts_sent.extend([TurnPart::redacted("cmVkYWN0ZWQ="), TurnPart::text("Let me look.")]);
    if wire == Wire::Gemini {
        parts_sent.push(TurnPart::signature("c2lnbmVk"));
    }
    parts_sent.extend([call("call_1"), call("call_2"), TurnPart::Usage(usage)]);
    provider.queue([
        Reply::stream(wire, &parts_sent),
        Reply::stream(wire, &[TurnPart::text("Fine."), TurnPart::Usage(usage)]),
    ]);

    let run = send_message(&function, json!("Hello")).await;

    let of = |kind: &str| run.events.iter().filter(|event| event["type"] == kind).count();
    let counts = &run.events.last().unwrap()["usage"][0];
    let counted = |count: &str| yes_or_no(counts[count].is_u64());
    let back = provider.requests()[1].body.to_string();
    let mut kept = Vec::new();
    kept.extend(back.contains("c2lnbmVk").then_some("signed"));
    kept.extend(back.contains("cmVkYWN0ZWQ=").then_some("redacted"));
    kept.extend((kept.is_empty() && back.contains("Hm, two cities.")).then_some("within a run"));
    vec![
        ("text is streamed", yes_or_no(of("TEXT_MESSAGE_CONTENT") == 2)),
        ("several tool calls in a turn", yes_or_no(of("TOOL_CALL_RESULT") == 2)),
        ("arguments are streamed", yes_or_no(of("TOOL_CALL_ARGS") > 2)),
        ("reasoning", yes_or_no(of("REASONING_MESSAGE_CONTENT") > 0)),
        ("reasoning is sent back", if kept.is_empty() { "no".into() } else { kept.join(", ") }),
        ("input and output tokens", yes_or_no(counts["inputTokens"] == 200 && counts["outputTokens"] == 40)),
        ("cached input tokens", counted("cachedInputTokens")),
        ("cache write tokens", counted("cacheWriteInputTokens")),
        ("reasoning tokens", counted("reasoningTokens")),
    ]
}

/// Observes which parts of a user message reach the provider.
async fn part_cells(wire: Wire) -> Vec<Cell> {
    let provider = Provider::start().await.unwrap();
    let function = function(wire, &provider, &[("AGUI_MEDIA_HOSTS", "public")]).await;
    let data = |kind: &str, mime: &str, value: &str| json!({"type": kind, "source": {"type": "data", "mimeType": mime, "value": value}});
    let url = |kind: &str, mime: &str, value: &str| json!({"type": kind, "source": {"type": "url", "mimeType": mime, "value": value}});
    let part_cells = json!([
        {"type": "text", "text": "Look."},
        data("image", "image/png", IMAGE),
        url("image", "image/png", "https://example.com/image.png"),
        data("document", "application/pdf", "JVBERi0xLjQ="),
        url("document", "application/pdf", "https://example.com/document.pdf"),
        data("document", "text/csv", "YSxiLGM="),
        data("audio", "audio/wav", "UklGRiQAAABXQVZF"),
        data("video", "video/mp4", "AAAAIGZ0eXBpc29t"),
        {"type": "document", "source": {"type": "file", "value": "file-4711", "mimeType": "application/pdf"}},
    ]);
    provider.queue([Reply::stream(wire, &[TurnPart::text("Fine.")])]);

    let run = send_message(&function, part_cells).await;

    assert_eq!(
        run.events.last().unwrap()["type"],
        "RUN_FINISHED",
        "{wire:?}: a part fails no run: {}",
        run.text
    );
    let body = provider.requests()[0].body.to_string();
    let sent = |marker: &str| yes_or_no(body.contains(marker));
    vec![
        ("images as data", sent(&IMAGE[..40])),
        ("images by URL", sent("example.com/image.png")),
        ("PDFs as data", sent("JVBERi0xLjQ=")),
        ("PDFs by URL", sent("example.com/document.pdf")),
        ("CSV, Word and other documents as data", sent("YSxiLGM=")),
        ("audio as data", sent("UklGRiQAAABXQVZF")),
        ("video as data", sent("AAAAIGZ0eXBpc29t")),
        ("files by the provider's id", sent("file-4711")),
    ]
}

/// Observes which settings reach the provider.
async fn setting_cells(wire: Wire) -> Vec<Cell> {
    let request_with = async |variables: &[(&str, &str)]| {
        let provider = Provider::start().await.unwrap();
        let function = function(wire, &provider, variables).await;
        provider.queue([Reply::stream(wire, &[TurnPart::text("Fine.")])]);
        send_message(&function, json!("Hello")).await;
        provider.requests()[0].body.clone()
    };
    let has = |body: &Value, marker: &str| body.to_string().contains(marker);
    let numbers =
        request_with(&[("AGUI_MODEL_TEMPERATURE", "0.625"), ("AGUI_MODEL_MAX_TOKENS", "7777")]).await;
    let plain = request_with(&[]).await;
    let required = request_with(&[("AGUI_MODEL_TOOL_CHOICE", "required")]).await;
    let named = request_with(&[("AGUI_MODEL_TOOL_CHOICE", "get_weather")]).await;
    let none = request_with(&[("AGUI_MODEL_TOOL_CHOICE", "none")]).await;
    let thinking = request_with(&[("AGUI_MODEL_THINKING_TOKENS", "2000")]).await;
    let stop = request_with(&[("AGUI_MODEL_STOP", "</answer>")]).await;
    vec![
        ("temperature", yes_or_no(has(&numbers, "0.625"))),
        ("token limit", yes_or_no(has(&numbers, "7777"))),
        ("stop sequences", yes_or_no(has(&stop, "</answer>"))),
        ("tool choice: any tool", yes_or_no(required != plain)),
        ("tool choice: one tool", yes_or_no(named != plain && named != required)),
        ("tool choice: no tool", yes_or_no(none != plain)),
        ("reasoning can be requested", yes_or_no(thinking != plain)),
        ("prompt cache is requested", yes_or_no(has(&plain, "cachePoint") || has(&plain, "cache_control"))),
    ]
}

/// Observes which endings of a turn are recognized.
async fn end_cells(wire: Wire) -> Vec<Cell> {
    let ended = async |turn_cells: &[TurnPart]| {
        let provider = Provider::start().await.unwrap();
        let function = function(wire, &provider, &[]).await;
        provider.queue([Reply::stream(wire, turn_cells), Reply::stream(wire, &[TurnPart::text("Fine.")])]);
        send_message(&function, json!("Hello")).await
    };
    let complete = TurnPart::call("call_1", "get_weather", ["{\"location\":\"Tokyo\"}"]);
    // A tool without arguments would run even with truncated ones, so the call goes to one that has arguments.
    let cut = TurnPart::call("call_2", "get_account", ["{\"lo"]);
    let mut not_made = Vec::new();
    for stop in [StopReason::MaxTokens, StopReason::Filtered] {
        let run =
            ended(&[TurnPart::text("Let me look."), complete.clone(), cut.clone(), TurnPart::Stop(stop)])
                .await;
        not_made.push(!run.text.contains("permissions") && run.text.contains("wind_speed"));
    }
    let filter = ended(&[TurnPart::Stop(StopReason::Filtered)]).await;
    let empty = ended(&[]).await;
    let pictures = {
        let provider = Provider::start().await.unwrap();
        let function = function(wire, &provider, &[]).await;
        let refusal = Reply::error(wire, 400, "image input is not supported");
        provider.queue([refusal, Reply::stream(wire, &[TurnPart::text("Fine.")])]);
        let image = json!({"type": "data", "mimeType": "image/png", "value": IMAGE});
        let run = send_message(
            &function,
            json!([{"type": "text", "text": "Look."}, {"type": "image", "source": image}]),
        );
        run.await.text.contains("Fine.")
    };
    let streams_arguments = !matches!(wire, Wire::Gemini | Wire::Ollama);
    vec![
        (
            "a truncated call is not executed",
            if streams_arguments { yes_or_no(not_made == [true, true]) } else { "arrives complete".into() },
        ),
        ("a filtered answer is an error", yes_or_no(filter.text.contains("MODEL_REFUSED"))),
        ("an empty turn is retried", yes_or_no(empty.text.contains("Fine."))),
        ("an unsupported image is left out", yes_or_no(pictures)),
    ]
}

/// Runs with this content of the user message.
async fn send_message(function: &Function, content: Value) -> Run {
    let mut input = user_input("");
    input["messages"][0]["content"] = content;
    Run::send(function, &url_event(&[("x-agui-token", TOKEN)], &input)).await
}
