//! The behaviour of llama.cpp's `llama-server` where it differs from the providers whose wires it speaks: it closes connections
//! that it announced to keep, sends calls without an index, ends streams late, and does not report its limit.

use ag_ui_dev::provider::{Provider, Reply, StopReason, TurnPart, Usage, Wire};
use serde_json::Value;

use super::function;
use crate::support::function::{Function, Reply as Run, TOKEN, send_hello};
use crate::support::log;

/// The wires that `llama-server` supports.
const WIRES: [Wire; 3] = [Wire::OpenAiChat, Wire::OpenAiResponses, Wire::Anthropic];

const RUNS: usize = 20;

/// Starts a provider and a function in front of it.
async fn stage(wire: Wire, more: &[(&str, &str)]) -> (Provider, Function) {
    let provider = Provider::start_as_llama_cpp().await.unwrap();
    let function = function(wire, &provider, &[&[("AWS_LAMBDA_LOG_FORMAT", "JSON")], more].concat()).await;
    (provider, function)
}

/// Returns a turn that calls for the weather in two cities.
fn two_calls(run: usize) -> [TurnPart; 2] {
    [("Tokyo", 0), ("Paris", 1)].map(|(city, place)| {
        TurnPart::call(
            format!("call{run}x{place}"),
            "get_weather",
            ["{", "\"location", "\": \"", city, "\"", "}"],
        )
    })
}

/// Returns a usage with this number of output tokens.
fn used(output: u64) -> TurnPart {
    TurnPart::Usage(Usage { input: 424, output, cached_read: 423, ..Usage::default() })
}

/// Returns the events of a type.
fn events_of_type<'a>(run: &'a Run, kind: &str) -> Vec<&'a Value> {
    run.events.iter().filter(|event| event["type"] == kind).collect()
}

#[tokio::test]
async fn parallel_calls_run_once_and_keep_connections() {
    for wire in WIRES {
        let (provider, function) = stage(wire, &[]).await;
        provider.wait_for_probes(1).await;
        for run in 0..RUNS {
            provider.queue([
                Reply::llama_cpp(wire, &two_calls(run)),
                Reply::llama_cpp(wire, &[TurnPart::text("Fine in "), TurnPart::text("both."), used(63)]),
            ]);

            let run = send_hello(&function, TOKEN).await;

            let counts = ["TOOL_CALL_START", "TOOL_CALL_END", "TOOL_CALL_RESULT"]
                .map(|kind| events_of_type(&run, kind).len());
            assert_eq!(counts, [2, 2, 2], "{wire:?}: {}", run.text);
            let cities = events_of_type(&run, "TOOL_CALL_RESULT");
            let has_city =
                |city: &str| cities.iter().any(|result| result["content"].as_str().unwrap().contains(city));
            assert!(has_city("Tokyo") && has_city("Paris"), "{wire:?}: {}", run.text);
            assert_eq!(run.events.last().unwrap()["outcome"]["type"], "success", "{wire:?}: {}", run.text);
        }
        assert_eq!(provider.requests().len(), 2 * RUNS, "{wire:?}");
        assert!(provider.connections() > RUNS, "{wire:?}: the connections were closed");
        let lines = log::lines(&function).await;
        assert_eq!(log::with_message(&lines, "run finished").len(), RUNS, "{wire:?}");
        assert_eq!(
            log::with_message(&lines, "the model failed before it began its turn"),
            [&Value::Null; 0],
            "{wire:?}"
        );
    }
}

#[tokio::test]
async fn refused_warmup_leaves_a_connection_open() {
    for wire in WIRES {
        let (provider, function) = stage(wire, &[]).await;
        provider.wait_for_probes(2).await;
        provider.queue([Reply::llama_cpp(wire, &[TurnPart::text("Hi.")])]);

        send_hello(&function, TOKEN).await;

        // The refused HEAD leaves one connection open. The first turn may start before the GET has ended.
        assert!(provider.connections() <= 3, "{wire:?}: {}", provider.connections());
    }
}

#[tokio::test]
async fn truncated_text_is_detected() {
    for wire in WIRES {
        let (provider, function) = stage(wire, &[("AGUI_MODEL_MAX_TOKENS", "5")]).await;
        let turn = [TurnPart::text("The story of the"), used(5), TurnPart::Stop(StopReason::MaxTokens)];
        provider.queue([Reply::llama_cpp(wire, &turn)]);

        let run = send_hello(&function, TOKEN).await;

        assert_eq!(run.events.last().unwrap()["outcome"]["type"], "success", "{wire:?}: {}", run.text);
        let lines = log::lines(&function).await;
        let [line] = log::with_message(&lines, "model's turn was cut short")[..] else {
            panic!("{wire:?}: {lines:?}")
        };
        assert_eq!(line["reason"], "MaxTokens", "{wire:?}");
    }
}

#[tokio::test]
async fn truncated_call_is_dropped_and_complete_call_runs() {
    for wire in WIRES {
        let (provider, function) = stage(wire, &[("AGUI_MODEL_MAX_TOKENS", "22")]).await;
        let [complete, _] = two_calls(0);
        let cut = TurnPart::call("callcut", "get_weather", ["{", "\"location", "\": \"", "Par"]);
        provider.queue([
            Reply::llama_cpp(wire, &[complete, cut, used(22), TurnPart::Stop(StopReason::MaxTokens)]),
            Reply::llama_cpp(wire, &[TurnPart::text("Fine in Tokyo."), used(6)]),
        ]);

        let run = send_hello(&function, TOKEN).await;

        let results: Vec<&str> = events_of_type(&run, "TOOL_CALL_RESULT")
            .iter()
            .map(|result| result["content"].as_str().unwrap())
            .collect();
        let [first, second] = results[..] else { panic!("{wire:?}: {}", run.text) };
        assert!(first.contains("Partly cloudy"), "{wire:?}: {first}");
        assert!(second.contains("cut off before their end"), "{wire:?}: {second}");
    }
}

#[tokio::test]
async fn call_complete_at_the_limit_runs() {
    for wire in WIRES {
        let (provider, function) = stage(wire, &[("AGUI_MODEL_MAX_TOKENS", "22")]).await;
        let [call, _] = two_calls(0);
        provider.queue([
            Reply::llama_cpp(wire, &[call, used(22)]),
            Reply::llama_cpp(wire, &[TurnPart::text("Fine in Tokyo."), used(6)]),
        ]);

        let run = send_hello(&function, TOKEN).await;

        assert_eq!(run.result_of("get_weather")["city"], "Tokyo", "{wire:?}: {}", run.text);
    }
}
