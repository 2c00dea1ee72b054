//! Fallback models: the next one is used when a model begins no turn, and receives no provider state of another.

use ag_ui_dev::provider::{Provider, Reply, Wire};
use serde_json::json;

use super::{KEY, answering, asking};
use crate::support::function::{Function, Reply as Run, TOKEN, local_function, url_event, user_input};

struct Pair {
    anthropic: Provider,
    openai: Provider,
    function: Function,
}

impl Pair {
    /// Starts two providers and a function that falls back from the first to the second.
    async fn start() -> Self {
        let (anthropic, openai) = (Provider::start().await.unwrap(), Provider::start().await.unwrap());
        let base_url = format!("{}/v1", openai.url());
        let function = local_function(&[
            ("AGUI_MODEL", "anthropic/claude-test,openai-responses/gpt-5-test"),
            ("ANTHROPIC_API_KEY", KEY),
            ("ANTHROPIC_BASE_URL", &anthropic.url()),
            ("OPENAI_API_KEY", KEY),
            ("OPENAI_BASE_URL", &base_url),
        ])
        .await;
        Self { anthropic, openai, function }
    }

    /// Runs with this input.
    async fn run(&self, input: &serde_json::Value) -> Run {
        Run::send(&self.function, &url_event(&[("x-agui-token", TOKEN)], input)).await
    }
}

#[tokio::test]
async fn second_model_answers_when_the_first_is_overloaded() {
    let pair = Pair::start().await;
    pair.anthropic.queue([Reply::error(Wire::Anthropic, 529, "overloaded")]);
    pair.openai.queue([Reply::stream(Wire::OpenAiResponses, &answering(1))]);

    let run = pair.run(&user_input("Hello")).await;

    let last = run.events.last().unwrap();
    assert_eq!(last["type"], "RUN_FINISHED", "{}", run.text);
    assert_eq!(
        (&last["usage"][0]["provider"], last["usage"].as_array().unwrap().len()),
        (&json!("openai-responses"), 1)
    );
    let names_both = |line: &String| {
        line.contains("anthropic/claude-test") && line.contains("openai-responses/gpt-5-test")
    };
    assert!(pair.function.logs().iter().any(names_both), "{:?}", pair.function.logs());
    assert_eq!(pair.anthropic.requests().len(), 1, "nobody waits while another can be asked");
}

#[tokio::test]
async fn fallback_receives_results_without_reasoning() {
    let pair = Pair::start().await;
    pair.anthropic.queue([
        Reply::stream(Wire::Anthropic, &asking(Wire::Anthropic, 1)),
        Reply::error(Wire::Anthropic, 500, "down"),
    ]);
    pair.openai.queue([Reply::stream(Wire::OpenAiResponses, &answering(1))]);

    let run = pair.run(&user_input("weather in Tokyo and Paris")).await;

    let last = run.events.last().unwrap();
    assert_eq!(last["type"], "RUN_FINISHED", "{}", run.text);
    let providers: Vec<_> =
        last["usage"].as_array().unwrap().iter().map(|used| used["provider"].clone()).collect();
    assert_eq!(providers, ["anthropic", "openai-responses"]);
    let own = pair.anthropic.requests()[1].body.to_string();
    assert!(own.contains("c2lnbmVk") && own.contains("Two cities."), "its own goes back: {own}");
    let others = pair.openai.requests()[0].body.to_string();
    assert!(others.contains("function_call_output"), "{others}");
    assert!(!others.contains("c2lnbmVk") && !others.contains("Two cities."), "another's does not: {others}");
}
