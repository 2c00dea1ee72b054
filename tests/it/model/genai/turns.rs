//! Ordinary turns, as the stand-in for each provider sends them.

use ag_ui_dev::provider::{Reply, StopReason, TurnPart, Usage, Wire};

use super::super::used;
use super::streams::Stream;

const WIRES: [(&str, Wire); 5] = [
    ("openai", Wire::OpenAiChat),
    ("openai-responses", Wire::OpenAiResponses),
    ("anthropic", Wire::Anthropic),
    ("gemini", Wire::Gemini),
    ("ollama", Wire::Ollama),
];

/// Returns the streams of all turns on all wires.
pub(super) fn all() -> Vec<Stream> {
    let of_wire = |(adapter, wire)| {
        let stream = move |name: &str, reply| Stream { name: format!("{adapter}: {name}"), adapter, reply };
        let turns = turns(wire).into_iter().map(move |(name, turn)| {
            // The last usage counts.
            stream(name, Reply::stream(wire, &[vec![used()], turn].concat()))
        });
        let faults = faults(wire).into_iter().map(move |(name, reply)| stream(name, reply));
        let words = words(wire).iter().map(move |word| {
            let turn =
                [TurnPart::text("So far."), TurnPart::Stop(StopReason::Other((*word).to_owned())), used()];
            stream(&format!("stops for {word}"), Reply::stream(wire, &turn))
        });
        turns.chain(faults).chain(words)
    };
    WIRES.into_iter().flat_map(of_wire).collect()
}

/// Returns complete turns.
fn turns(wire: Wire) -> Vec<(&'static str, Vec<TurnPart>)> {
    let text = || [TurnPart::text("It is "), TurnPart::text("fine in 東京 ☁️.\n")];
    let call =
        |id: &str, city: &str| TurnPart::call(id, "get_weather", ["{\"loca", "tion\":\"", city, "\"}"]);
    let empty = TurnPart::call("call_1", "get_time", ["{}"]);
    let plain = Usage { input: 90, output: 20, ..Usage::default() };
    let cached =
        Usage { cached_read: 40, cache_write: if wire == Wire::Anthropic { 30 } else { 0 }, ..plain };
    let reasoning = || [TurnPart::reasoning("Two "), TurnPart::reasoning("cities.")];
    let signed = || reasoning().into_iter().chain([TurnPart::signature("c2lnbmVk")]);
    vec![
        ("text", text().into()),
        ("reasoning and text", reasoning().into_iter().chain(text()).collect()),
        ("signed reasoning and text", signed().chain(text()).collect()),
        ("redacted reasoning and text", [TurnPart::redacted("c2VhbGVk")].into_iter().chain(text()).collect()),
        ("a call", vec![call("call_1", "Tokyo")]),
        ("a call without arguments", vec![empty]),
        ("text and a call", text().into_iter().chain([call("call_1", "Tokyo")]).collect()),
        ("parallel calls", vec![call("call_1", "Tokyo"), call("call_2", "Paris"), call("call_3", "Rome")]),
        (
            "reasoning, text and parallel calls",
            signed().chain(text()).chain([call("call_1", "Tokyo"), call("call_2", "Paris")]).collect(),
        ),
        ("tokens without parts", text().into_iter().chain([TurnPart::Usage(plain)]).collect()),
        (
            "tokens read from the cache and written to it",
            text().into_iter().chain([TurnPart::Usage(cached)]).collect(),
        ),
        (
            "text cut by the limit",
            text().into_iter().chain([TurnPart::Stop(StopReason::MaxTokens)]).collect(),
        ),
        ("text cut by a filter", text().into_iter().chain([TurnPart::Stop(StopReason::Filtered)]).collect()),
        (
            "a call cut by the limit",
            vec![
                call("call_1", "Tokyo"),
                // Wires that send calls complete cannot express truncated arguments.
                TurnPart::call(
                    "call_2",
                    "get_weather",
                    [if streams(wire) { "{\"location\":\"Pa" } else { "{}" }],
                ),
                TurnPart::Stop(StopReason::MaxTokens),
            ],
        ),
    ]
}

/// Returns turns that break.
fn faults(wire: Wire) -> Vec<(&'static str, Reply)> {
    let turn = || Reply::stream(wire, &["It ", "is ", "fine."].map(TurnPart::text));
    let half = turn().pieces() / 2;
    let word = if wire == Wire::Anthropic { "overloaded_error" } else { "server_error" };
    vec![
        ("an error in the stream", turn().failure_after(half, word, "Overloaded.")),
        ("the connection breaks", turn().cut_after(half)),
        ("the body ends early", turn().end_after(half)),
        ("a frame that is no JSON", turn().malformed_after(half)),
    ]
}

/// Returns the finish reasons of a provider and of compatible ones.
fn words(wire: Wire) -> &'static [&'static str] {
    match wire {
        Wire::OpenAiChat => &[
            "stop",
            "eos",
            "length",
            "model_length",
            "content_filter",
            "sensitive",
            "error",
            "network_error",
            "insufficient_system_resource",
        ],
        Wire::OpenAiResponses => &["max_output_tokens", "content_filter"],
        Wire::Anthropic => &[
            "end_turn",
            "stop_sequence",
            "max_tokens",
            "model_context_window_exceeded",
            "refusal",
            "pause_turn",
        ],
        Wire::Gemini => &[
            "STOP",
            "MAX_TOKENS",
            "SAFETY",
            "RECITATION",
            "LANGUAGE",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION",
            "IMAGE_OTHER",
            "NO_IMAGE",
            "OTHER",
            "MALFORMED_FUNCTION_CALL",
            "UNEXPECTED_TOOL_CALL",
        ],
        _ => &["stop", "length", "load"],
    }
}

/// Whether the wire streams the arguments of a call.
fn streams(wire: Wire) -> bool {
    !matches!(wire, Wire::Gemini | Wire::Ollama)
}
