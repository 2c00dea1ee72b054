//! The habits of llama.cpp's `llama-server`, which differ from those of the providers whose wires it speaks:
//! connections that are closed in spite of a promise, calls without a place, ends that come late, a limit that is not told.

use ag_ui_dev::provider::{Provider, Reply, Say, Stop, Usage, Wire};
use serde_json::Value;

use super::function;
use crate::support::function::{Function, Reply as Run, TOKEN, ask};
use crate::support::log;

/// The wires that it speaks.
const WIRES: [Wire; 3] = [Wire::OpenAiChat, Wire::OpenAiResponses, Wire::Anthropic];

const RUNS: usize = 20;

/// A provider and a function in front of it.
async fn stage(wire: Wire, more: &[(&str, &str)]) -> (Provider, Function) {
    let provider = Provider::start_as_llama_cpp().await.unwrap();
    let function = function(wire, &provider, &[&[("AWS_LAMBDA_LOG_FORMAT", "JSON")], more].concat()).await;
    (provider, function)
}

/// A turn that asks for the weather in two cities.
fn two_calls(run: usize) -> [Say; 2] {
    [("Tokyo", 0), ("Paris", 1)].map(|(city, place)| {
        Say::call(format!("call{run}x{place}"), "get_weather", ["{", "\"location", "\": \"", city, "\"", "}"])
    })
}

fn used(output: u64) -> Say {
    Say::Usage(Usage { input: 424, output, cached_read: 423, ..Usage::default() })
}

fn of<'a>(run: &'a Run, kind: &str) -> Vec<&'a Value> {
    run.events.iter().filter(|event| event["type"] == kind).collect()
}

#[tokio::test]
async fn twenty_runs_with_parallel_calls_make_each_call_once_and_lose_no_connection() {
    for wire in WIRES {
        let (provider, function) = stage(wire, &[]).await;
        provider.has_been_probed(1).await;
        for run in 0..RUNS {
            provider.reply([
                Reply::llama_cpp(wire, &two_calls(run)),
                Reply::llama_cpp(wire, &[Say::text("Fine in "), Say::text("both."), used(63)]),
            ]);

            let run = ask(&function, TOKEN).await;

            let counts =
                ["TOOL_CALL_START", "TOOL_CALL_END", "TOOL_CALL_RESULT"].map(|kind| of(&run, kind).len());
            assert_eq!(counts, [2, 2, 2], "{wire:?}: {}", run.text);
            let cities = of(&run, "TOOL_CALL_RESULT");
            let has_city =
                |city: &str| cities.iter().any(|result| result["content"].as_str().unwrap().contains(city));
            assert!(has_city("Tokyo") && has_city("Paris"), "{wire:?}: {}", run.text);
            assert_eq!(run.events.last().unwrap()["outcome"]["type"], "success", "{wire:?}: {}", run.text);
        }
        assert_eq!(provider.asked().len(), 2 * RUNS, "{wire:?}");
        assert!(provider.connections() > RUNS, "{wire:?}: the connections were closed");
        let lines = log::lines(&function).await;
        assert_eq!(log::told(&lines, "run finished").len(), RUNS, "{wire:?}");
        assert_eq!(log::told(&lines, "model began no turn"), [&Value::Null; 0], "{wire:?}");
    }
}

#[tokio::test]
async fn a_refused_head_leaves_a_connection_open_for_the_first_turn() {
    for wire in WIRES {
        let (provider, function) = stage(wire, &[]).await;
        provider.has_been_probed(2).await;
        provider.reply([Reply::llama_cpp(wire, &[Say::text("Hi.")])]);

        ask(&function, TOKEN).await;

        // One that the HEAD was refused on; the first turn may overtake the end of the GET.
        assert!(provider.connections() <= 3, "{wire:?}: {}", provider.connections());
    }
}

#[tokio::test]
async fn a_text_that_the_limit_cuts_is_known_as_cut() {
    for wire in WIRES {
        let (provider, function) = stage(wire, &[("AGUI_MODEL_MAX_TOKENS", "5")]).await;
        let turn = [Say::text("The story of the"), used(5), Say::Stop(Stop::MaxTokens)];
        provider.reply([Reply::llama_cpp(wire, &turn)]);

        let run = ask(&function, TOKEN).await;

        assert_eq!(run.events.last().unwrap()["outcome"]["type"], "success", "{wire:?}: {}", run.text);
        let lines = log::lines(&function).await;
        let [line] = log::told(&lines, "model's turn was cut short")[..] else {
            panic!("{wire:?}: {lines:?}")
        };
        assert_eq!(line["reason"], "MaxTokens", "{wire:?}");
    }
}

#[tokio::test]
async fn a_call_that_the_limit_cuts_is_not_made_and_a_whole_one_beside_it_is() {
    for wire in WIRES {
        let (provider, function) = stage(wire, &[("AGUI_MODEL_MAX_TOKENS", "22")]).await;
        let [whole, _] = two_calls(0);
        let cut = Say::call("callcut", "get_weather", ["{", "\"location", "\": \"", "Par"]);
        provider.reply([
            Reply::llama_cpp(wire, &[whole, cut, used(22), Say::Stop(Stop::MaxTokens)]),
            Reply::llama_cpp(wire, &[Say::text("Fine in Tokyo."), used(6)]),
        ]);

        let run = ask(&function, TOKEN).await;

        let results: Vec<&str> =
            of(&run, "TOOL_CALL_RESULT").iter().map(|result| result["content"].as_str().unwrap()).collect();
        let [first, second] = results[..] else { panic!("{wire:?}: {}", run.text) };
        assert!(first.contains("Partly cloudy"), "{wire:?}: {first}");
        assert!(second.contains("cut off before their end"), "{wire:?}: {second}");
    }
}

#[tokio::test]
async fn a_call_that_ends_at_the_limit_is_made() {
    for wire in WIRES {
        let (provider, function) = stage(wire, &[("AGUI_MODEL_MAX_TOKENS", "22")]).await;
        let [call, _] = two_calls(0);
        provider.reply([
            Reply::llama_cpp(wire, &[call, used(22)]),
            Reply::llama_cpp(wire, &[Say::text("Fine in Tokyo."), used(6)]),
        ]);

        let run = ask(&function, TOKEN).await;

        assert_eq!(run.result_of("get_weather")["city"], "Tokyo", "{wire:?}: {}", run.text);
    }
}

#[tokio::test]
async fn its_errors_have_their_codes() {
    let too_long =
        "request (6010 tokens) exceeds the available context size (4096 tokens), try increasing it";
    for wire in WIRES {
        for (status, word, message, code, asked) in [
            (400, "exceed_context_size_error", too_long, "CONTEXT_TOO_LONG", 1),
            (500, "exceed_context_size_error", too_long, "CONTEXT_TOO_LONG", 1),
            (400, "invalid_request_error", "Cannot determine type of 'item'", "MODEL_REFUSED", 1),
            (401, "authentication_error", "Invalid API Key", "MODEL_MISCONFIGURED", 1),
            (503, "unavailable_error", "Loading model", "MODEL_UNAVAILABLE", 3),
        ] {
            let (provider, function) = stage(wire, &[]).await;
            provider.always(Reply::llama_cpp_error(status, word, message));

            let run = ask(&function, TOKEN).await;

            let seen = (run.events.last().unwrap()["code"].as_str(), provider.asked().len());
            assert_eq!(seen, (Some(code), asked), "{wire:?} {status} {word}");
        }
    }
}
