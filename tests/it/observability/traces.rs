//! Traces: a collector receives the spans of a run before the invocation has ended.

use std::collections::BTreeMap;

use ag_ui_dev::provider::{Provider, Reply as ModelReply, TurnPart, Usage, Wire};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

use crate::support::collector::{Collector, attributes};
use crate::support::function::{
    Function, Reply, TOKEN, local_function, test_function, url_event, user_input,
};
use crate::support::log::{lines, with_message};
use crate::support::provider::variables;

const WEATHER: &str = "What is the weather in Tokyo and in Paris?";

/// Returns the event of a run with this user message.
fn event(text: &str) -> Value {
    url_event(&[("x-agui-token", TOKEN)], &user_input(text))
}

/// Starts a function with its model at this provider and its spans sent to this collector.
async fn function(provider: &Provider, collector: &Collector) -> Function {
    let mut of_it = variables(Wire::OpenAiChat, &provider.url());
    of_it.push(("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.clone()));
    of_it.push(("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=planted-collector-key".into()));
    let of_it: Vec<(&str, &str)> = of_it.iter().map(|(name, value)| (*name, value.as_str())).collect();
    local_function(&of_it).await
}

/// Returns the usage of a turn.
fn used() -> TurnPart {
    TurnPart::Usage(Usage { input: 100, output: 20, cached_read: 40, ..Usage::default() })
}

/// Returns a turn with two calls.
fn tool_call_reply() -> ModelReply {
    let call = |id: &str, city: &str| TurnPart::call(id, "get_weather", ["{\"location\":\"", city, "\"}"]);
    let turn = [call("call_1", "Tokyo"), call("call_2", "Paris"), used()];
    ModelReply::stream(Wire::OpenAiChat, &turn)
}

/// Returns a turn with the final answer.
fn final_reply() -> ModelReply {
    ModelReply::stream(Wire::OpenAiChat, &[TurnPart::text("Fairly chilly, and fairly warm."), used()])
}

/// Returns the attributes of a span.
fn attributes_of(span: &Span) -> BTreeMap<String, Value> {
    attributes(&span.attributes)
}

/// Returns the span with this name.
fn span_named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"))
}

#[tokio::test]
async fn spans_reach_the_collector_by_response_end() {
    let (provider, collector) = (Provider::start().await.unwrap(), Collector::start(true).await);
    let function = function(&provider, &collector).await;
    provider.queue([tool_call_reply(), final_reply()]);

    let reply = Reply::send(&function, &event(WEATHER)).await;
    // The test does not wait: the spans arrived before the end.
    let spans = collector.spans();

    assert_eq!(reply.events.last().unwrap()["type"], "RUN_FINISHED");
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    let tool = "execute_tool get_weather";
    assert_eq!(names, ["chat gpt-test", tool, tool, "chat gpt-test", "invoke_agent"]);
    let run = spans.last().unwrap();
    assert!(run.parent_span_id.is_empty());
    for span in &spans[..4] {
        assert_eq!((&span.parent_span_id, &span.trace_id), (&run.span_id, &run.trace_id), "{}", span.name);
        assert!(span.start_time_unix_nano >= run.start_time_unix_nano, "{}", span.name);
        assert!(span.end_time_unix_nano <= run.end_time_unix_nano, "{}", span.name);
        assert!(span.events.is_empty(), "no line of the log is sent");
    }
    assert_eq!(collector.resource()["service.name"], "ag-ui-dev");

    let usage = |input: u64, output: u64, cached: u64| {
        json!({
            "gen_ai.usage.input_tokens": input, "gen_ai.usage.output_tokens": output,
            "gen_ai.usage.cache_read.input_tokens": cached,
        })
    };
    let chat = |reason: &str| {
        with(
            usage(100, 20, 40),
            json!({
                "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-test", "gen_ai.request.stream": true,
                "gen_ai.response.finish_reasons": [reason],
            }),
        )
    };
    let tool = |id: &str| {
        json!({
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather",
            "gen_ai.tool.call.id": id, "gen_ai.tool.type": "function",
        })
    };
    let agent = json!({
        "gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-test", "gen_ai.conversation.id": "t",
        "ag_ui.run.id": "r", "ag_ui.run.outcome": "success",
    });
    let expected =
        [chat("tool_calls"), tool("call_1"), tool("call_2"), chat("stop"), with(usage(200, 40, 80), agent)];
    for (span, expected) in spans.iter().zip(expected) {
        assert_eq!(json!(attributes_of(span)), expected, "{}", span.name);
    }
    // INTERNAL is 1, CLIENT 3.
    assert_eq!(spans.iter().map(|span| span.kind).collect::<Vec<_>>(), [3, 1, 1, 3, 1]);

    for bytes in collector.batches() {
        let bytes = String::from_utf8_lossy(&bytes);
        for private_text in [WEATHER, "Tokyo", "chilly", "humidity", TOKEN] {
            assert!(!bytes.contains(private_text), "{private_text} is in a span");
        }
    }
}

/// Returns an object with more members.
fn with(mut value: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("{more}") };
    value.as_object_mut().unwrap().extend(more);
    value
}

#[tokio::test]
async fn failure_marks_its_span_with_an_error_code() {
    let collector = Collector::start(true).await;
    let function = test_function(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)]).await;

    Reply::send(&function, &event("fail")).await;
    Reply::send(&function, &event("call leak")).await;
    Reply::send(&function, &event("call explode")).await;

    let error = |span: &Span| {
        let is_error = span.status.as_ref().is_some_and(|status| status.code == 2);
        (is_error, attributes_of(span).get("error.type").cloned().unwrap_or_default())
    };
    let spans = collector.spans();
    let failed: Vec<(&str, Value)> =
        spans.iter().filter(|span| error(span).0).map(|span| (span.name.as_str(), error(span).1)).collect();
    let expected = [
        ("chat test", json!("MODEL_REFUSED")),
        ("invoke_agent", json!("MODEL_REFUSED")),
        ("execute_tool leak", json!("failed")),
        ("execute_tool explode", json!("panic")),
    ];
    assert_eq!(failed, expected);
    assert!(spans.iter().all(|span| error(span).0 || error(span).1.is_null()), "and nothing else has a kind");
    assert_eq!(attributes_of(span_named(&spans, "invoke_agent"))["ag_ui.run.outcome"], "error");
}

#[tokio::test]
async fn unresponsive_collector_does_not_delay_the_client() {
    let (provider, collector) = (Provider::start().await.unwrap(), Collector::start(false).await);
    let mut variables = variables(Wire::OpenAiChat, &provider.url());
    variables.push(("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.clone()));
    variables.push(("AWS_LAMBDA_LOG_FORMAT", "JSON".into()));
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let function = local_function(&variables).await;
    provider.queue([final_reply()]);

    let mut answer = function.invoke(&event(WEATHER)).await.unwrap();
    let mut text = String::new();
    while !text.contains("RUN_FINISHED") {
        text.push_str(&String::from_utf8_lossy(&answer.next_chunk().await.unwrap().bytes));
    }
    collector.wait_for_batch().await;
    assert_eq!(answer.text().await, "", "nothing is left but the end");

    let log = lines(&function).await;
    assert_eq!(
        with_message(&log, "the collector did not respond in time, and the spans are lost").len(),
        1,
        "{log:#?}"
    );
    assert_eq!(with_message(&log, "run finished")[0]["outcome"], "success");
}

#[tokio::test]
async fn no_spans_without_a_collector() {
    let collector = Collector::start(true).await;
    for off in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
        let function = local_function(&[off, ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)]).await;
        assert_eq!(Reply::send(&function, &event("Good morning to you")).await.status, 200);
    }

    assert!(collector.batches().is_empty());
}
