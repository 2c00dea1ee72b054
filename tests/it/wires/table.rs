//! What each wire can do, seen through the function and written down in docs/models.md: the table there is the one
//! that this test makes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ag_ui_dev::provider::{Provider, Reply, Say, Stop, Usage, Wire};
use ag_ui_lambda::model::Provider as HostedBy;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::function;
use crate::support::function::{Function, Reply as Run, TOKEN, says, url_event};

const COLUMNS: [(&str, Wire); 6] = [
    ("`bedrock`", Wire::Bedrock),
    ("`openai`", Wire::OpenAiChat),
    ("`openai-responses`", Wire::OpenAiResponses),
    ("`anthropic`", Wire::Anthropic),
    ("`gemini`", Wire::Gemini),
    ("`ollama`", Wire::Ollama),
];

/// A picture of one point.
const IMAGE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// A capability and whether the wire has it.
type Cell = (&'static str, String);

#[tokio::test]
async fn the_table_of_the_documentation_is_what_the_wires_do() {
    let columns = join_all(COLUMNS.map(|(_, wire)| async move {
        [turn(wire).await, parts(wire).await, settings(wire).await, ends(wire).await].concat()
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
fn every_adapter_is_in_the_documentation_with_its_variables() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/models.md")).unwrap();
    for adapter in HostedBy::all() {
        let named = |name: &str| page.contains(&format!("`{name}`"));
        assert!(named(adapter.adapter()), "{}", adapter.adapter());
        assert!(adapter.key_variable().is_none_or(named), "{}", adapter.adapter());
    }
}

fn yes(is: bool) -> String {
    if is { "yes".into() } else { "no".into() }
}

/// What a turn streams, and what of it goes back in the next one.
async fn turn(wire: Wire) -> Vec<Cell> {
    let provider = Provider::start().await.unwrap();
    let function = function(wire, &provider, &[]).await;
    let call = |id: &str| Say::call(id, "get_weather", ["{\"loca", "tion\":\"", "Tokyo", "\"}"]);
    let usage = Usage { input: 100, output: 20, cached_read: 40, cache_write: 10, reasoning: 5 };
    let mut said = vec![Say::reasoning("Hm, two cities.")];
    if wire != Wire::Gemini {
        said.push(Say::signature("c2lnbmVk"));
    }
    said.extend([Say::redacted("cmVkYWN0ZWQ="), Say::text("Let me look.")]);
    if wire == Wire::Gemini {
        said.push(Say::signature("c2lnbmVk"));
    }
    said.extend([call("call_1"), call("call_2"), Say::Usage(usage)]);
    provider
        .reply([Reply::stream(wire, &said), Reply::stream(wire, &[Say::text("Fine."), Say::Usage(usage)])]);

    let run = tell(&function, json!("Hello")).await;

    let of = |kind: &str| run.events.iter().filter(|event| event["type"] == kind).count();
    let counts = &run.events.last().unwrap()["usage"][0];
    let counted = |count: &str| yes(counts[count].is_u64());
    let back = provider.asked()[1].body.to_string();
    let mut kept = Vec::new();
    kept.extend(back.contains("c2lnbmVk").then_some("signed"));
    kept.extend(back.contains("cmVkYWN0ZWQ=").then_some("redacted"));
    kept.extend((kept.is_empty() && back.contains("Hm, two cities.")).then_some("within a run"));
    vec![
        ("text as it is written", yes(of("TEXT_MESSAGE_CONTENT") == 2)),
        ("several calls in a turn", yes(of("TOOL_CALL_RESULT") == 2)),
        ("arguments as they are written", yes(of("TOOL_CALL_ARGS") > 2)),
        ("reasoning", yes(of("REASONING_MESSAGE_CONTENT") > 0)),
        ("reasoning goes back", if kept.is_empty() { "no".into() } else { kept.join(", ") }),
        ("tokens read and written", yes(counts["inputTokens"] == 200 && counts["outputTokens"] == 40)),
        ("tokens read from the cache", counted("cachedInputTokens")),
        ("tokens written to the cache", counted("cacheWriteInputTokens")),
        ("tokens of reasoning", counted("reasoningTokens")),
    ]
}

/// What of a user's message reaches the provider.
async fn parts(wire: Wire) -> Vec<Cell> {
    let provider = Provider::start().await.unwrap();
    let function = function(wire, &provider, &[]).await;
    let data = |kind: &str, mime: &str, value: &str| json!({"type": kind, "source": {"type": "data", "mimeType": mime, "value": value}});
    let url = |kind: &str, mime: &str, value: &str| json!({"type": kind, "source": {"type": "url", "mimeType": mime, "value": value}});
    let parts = json!([
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
    provider.reply([Reply::stream(wire, &[Say::text("Fine.")])]);

    let run = tell(&function, parts).await;

    assert_eq!(
        run.events.last().unwrap()["type"],
        "RUN_FINISHED",
        "{wire:?}: a part fails no run: {}",
        run.text
    );
    let body = provider.asked()[0].body.to_string();
    let sent = |marker: &str| yes(body.contains(marker));
    vec![
        ("pictures in the message", sent(&IMAGE[..40])),
        ("pictures by URL", sent("example.com/image.png")),
        ("PDFs in the message", sent("JVBERi0xLjQ=")),
        ("PDFs by URL", sent("example.com/document.pdf")),
        ("tables, Word and other documents in the message", sent("YSxiLGM=")),
        ("sound in the message", sent("UklGRiQAAABXQVZF")),
        ("films in the message", sent("AAAAIGZ0eXBpc29t")),
        ("file handles", sent("file-4711")),
    ]
}

/// Which settings reach the provider.
async fn settings(wire: Wire) -> Vec<Cell> {
    let asked = async |variables: &[(&str, &str)]| {
        let provider = Provider::start().await.unwrap();
        let function = function(wire, &provider, variables).await;
        provider.reply([Reply::stream(wire, &[Say::text("Fine.")])]);
        tell(&function, json!("Hello")).await;
        provider.asked()[0].body.clone()
    };
    let has = |body: &Value, marker: &str| body.to_string().contains(marker);
    let numbers = asked(&[("AGUI_MODEL_TEMPERATURE", "0.625"), ("AGUI_MODEL_MAX_TOKENS", "7777")]).await;
    let plain = asked(&[]).await;
    let required = asked(&[("AGUI_MODEL_TOOL_CHOICE", "required")]).await;
    let named = asked(&[("AGUI_MODEL_TOOL_CHOICE", "get_weather")]).await;
    let none = asked(&[("AGUI_MODEL_TOOL_CHOICE", "none")]).await;
    let thinking = asked(&[("AGUI_MODEL_THINKING_TOKENS", "2000")]).await;
    let stop = asked(&[("AGUI_MODEL_STOP", "</answer>")]).await;
    vec![
        ("temperature", yes(has(&numbers, "0.625"))),
        ("limit of tokens", yes(has(&numbers, "7777"))),
        ("texts to stop at", yes(has(&stop, "</answer>"))),
        ("a tool must be called", yes(required != plain)),
        ("this tool must be called", yes(named != plain && named != required)),
        ("no tool may be called", yes(none != plain)),
        ("reasoning can be asked for", yes(thinking != plain)),
        ("prompt cache is asked for", yes(has(&plain, "cachePoint") || has(&plain, "cache_control"))),
    ]
}

/// Which endings are understood.
async fn ends(wire: Wire) -> Vec<Cell> {
    let ended = async |turn: &[Say]| {
        let provider = Provider::start().await.unwrap();
        let function = function(wire, &provider, &[]).await;
        provider.reply([Reply::stream(wire, turn), Reply::stream(wire, &[Say::text("Fine.")])]);
        tell(&function, json!("Hello")).await
    };
    let whole = Say::call("call_1", "get_weather", ["{\"location\":\"Tokyo\"}"]);
    // A tool without arguments would run with any that are cut off.
    let cut = Say::call("call_2", "get_account", ["{\"lo"]);
    let mut not_made = Vec::new();
    for stop in [Stop::MaxTokens, Stop::Filtered] {
        let run = ended(&[Say::text("Let me look."), whole.clone(), cut.clone(), Say::Stop(stop)]).await;
        not_made.push(!run.text.contains("permissions") && run.text.contains("wind_speed"));
    }
    let filter = ended(&[Say::Stop(Stop::Filtered)]).await;
    let empty = ended(&[]).await;
    let pictures = {
        let provider = Provider::start().await.unwrap();
        let function = function(wire, &provider, &[]).await;
        let refusal = Reply::error(wire, 400, "image input is not supported");
        provider.reply([refusal, Reply::stream(wire, &[Say::text("Fine.")])]);
        let image = json!({"type": "data", "mimeType": "image/png", "value": IMAGE});
        let run =
            tell(&function, json!([{"type": "text", "text": "Look."}, {"type": "image", "source": image}]));
        run.await.text.contains("Fine.")
    };
    let streams_arguments = !matches!(wire, Wire::Gemini | Wire::Ollama);
    vec![
        (
            "a call that a limit or a filter cuts off is not made",
            if streams_arguments { yes(not_made == [true, true]) } else { "comes whole".into() },
        ),
        ("an answer held back by a filter is a failure", yes(filter.text.contains("MODEL_REFUSED"))),
        ("a turn of nothing is asked for again", yes(empty.text.contains("Fine."))),
        ("a picture that the model can't read is left out", yes(pictures)),
    ]
}

async fn tell(function: &Function, content: Value) -> Run {
    let mut input = says("");
    input["messages"][0]["content"] = content;
    Run::to(function, &url_event(&[("x-agui-token", TOKEN)], &input)).await
}
