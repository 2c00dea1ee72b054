//! The settings of a turn on each wire: tool choice, thinking and limits.

use super::requests::{ADAPTERS, request_body, with_history};
use super::*;
use crate::model::{ReasoningKind, ToolChoice};

#[tokio::test]
async fn only_an_offered_tool_is_forced_by_its_wire_name() {
    let forced = |choice| async move {
        let mut input = request();
        input.settings.tool_choice = choice;
        [
            request_body("openai", "m", &input).await["tool_choice"].clone(),
            request_body("openai-responses", "m", &input).await["tool_choice"].clone(),
            request_body("anthropic", "m", &input).await["tool_choice"].clone(),
            request_body("gemini", "m", &input).await["toolConfig"]["functionCallingConfig"].clone(),
        ]
    };
    let weather = "get_weather";
    assert_eq!(forced(ToolChoice::Auto).await, [(); 4].map(|()| Value::Null));
    assert_eq!(forced(ToolChoice::Tool("gone".into())).await, [(); 4].map(|()| Value::Null));
    assert_eq!(
        forced(ToolChoice::Required).await,
        [json!("required"), json!("required"), json!({ "type": "any" }), json!({ "mode": "ANY" })]
    );
    assert_eq!(
        forced(ToolChoice::None).await,
        [json!("none"), json!("none"), json!({ "type": "none" }), json!({ "mode": "NONE" })]
    );
    assert_eq!(
        forced(ToolChoice::Tool(weather.into())).await,
        [
            json!({ "type": "function", "function": { "name": weather } }),
            json!({ "type": "function", "name": weather }),
            json!({ "type": "tool", "name": weather }),
            json!({ "mode": "ANY", "allowedFunctionNames": [weather] }),
        ]
    );
}

#[tokio::test]
async fn no_thinking_setting_is_sent_by_default() {
    let responses = request_body("openai-responses", "gpt-4o", &request()).await;
    assert!(responses["reasoning"].is_null() && responses["include"].is_null());
    let gemini = request_body("gemini", "gemini-2.0-flash", &request()).await;
    assert!(gemini["generationConfig"].is_null());

    let responses = request_body("openai-responses", "o3", &request()).await;
    assert_eq!(responses["include"], json!(["reasoning.encrypted_content"]));
    assert!(responses["reasoning"].is_null(), "summaries are not everybody's");
    let gemini = request_body("gemini", "gemini-2.5-flash", &request()).await;
    assert_eq!(gemini["generationConfig"]["thinkingConfig"], json!({ "includeThoughts": true }));
}

#[tokio::test]
async fn thinking_is_set_as_tokens_or_effort() {
    let mut input = request();
    input.settings = ModelSettings {
        thinking_tokens: Some(4000),
        temperature: Some(0.2),
        max_tokens: Some(2000),
        tool_choice: ToolChoice::Required,
        ..ModelSettings::default()
    };
    assert_eq!(request_body("openai", "gpt-5", &input).await["reasoning_effort"], "medium");
    assert_eq!(request_body("openai-responses", "gpt-5", &input).await["reasoning"]["effort"], "medium");
    let deepseek = request_body("deepseek", "deepseek-chat", &input).await;
    assert_eq!(deepseek["thinking"], json!({ "type": "enabled" }));
    let gemini = request_body("gemini", "gemini-2.5-pro", &input).await["generationConfig"].clone();
    assert_eq!(gemini["thinkingConfig"], json!({ "thinkingBudget": 4000, "includeThoughts": true }));
    let gemini = request_body("gemini", "gemini-3-pro", &input).await["generationConfig"].clone();
    assert_eq!(gemini["thinkingConfig"], json!({ "thinkingLevel": "HIGH", "includeThoughts": true }));
    assert_eq!(request_body("ollama", "qwen3", &input).await["think"], true);

    let old = request_body("anthropic", "claude-haiku-4-5", &input).await;
    assert_eq!(old["thinking"], json!({ "type": "enabled", "budget_tokens": 4000 }));
    assert!(old["max_tokens"].as_u64().unwrap() > 4000);
    assert!(old["temperature"].is_null() && old["tool_choice"].is_null());
    let new = request_body("anthropic", "claude-opus-4-7", &input).await;
    assert_eq!(new["thinking"], json!({ "type": "adaptive", "display": "summarized" }));
    assert_eq!(new["output_config"], json!({ "effort": "medium" }));
}

#[tokio::test]
async fn anthropic_does_not_think_about_calls_without_reasoning() {
    let name = "anthropic/claude-haiku-4-5";
    let signed = [ReasoningKind::Signed("c2ln".into())];
    for (why, kinds, len, thinks) in [
        ("own reasoning before the calls", &signed[..], 3, true),
        ("another model's", &[][..], 3, false),
        ("a later message of the user", &[][..], 4, true),
    ] {
        let mut input = with_history(name, kinds);
        input.history.truncate(len);
        input.settings.thinking_tokens = Some(2000);
        let body = request_body("anthropic", "claude-haiku-4-5", &input).await;
        assert_eq!(!body["thinking"].is_null(), thinks, "{why}");
    }
}

#[tokio::test]
async fn unsigned_reasoning_goes_back_while_calls_are_answered() {
    for (adapter, len, expected) in
        [("deepseek", 3, true), ("deepseek", 4, false), ("groq", 3, false), ("mistral", 3, true)]
    {
        let mut input = with_history(&format!("{adapter}/m"), &[ReasoningKind::Plain]);
        input.history.truncate(len);
        let body = request_body(adapter, "m", &input).await.to_string();
        assert_eq!(body.contains("Two."), expected, "{adapter} {len}");
    }
}

#[tokio::test]
async fn usage_is_requested_unless_the_provider_refuses() {
    assert_eq!(
        request_body("openai", "m", &request()).await["stream_options"],
        json!({ "include_usage": true })
    );
    assert!(request_body("mistral", "m", &request()).await["stream_options"].is_null());
}

#[tokio::test]
async fn the_token_limit_has_the_name_the_model_knows() {
    let mut input = request();
    input.settings.max_tokens = Some(7);
    for (id, name) in [
        ("gpt-4o", "max_tokens"),
        ("o4-mini", "max_completion_tokens"),
        ("ft:o4-mini:acme", "max_completion_tokens"),
    ] {
        assert_eq!(request_body("openai", id, &input).await[name], 7, "{id}");
    }
}

#[tokio::test]
async fn without_tools_there_is_no_tool_choice() {
    let mut input = request();
    input.tools = [].into();
    input.settings.tool_choice = ToolChoice::Required;
    for adapter in ADAPTERS {
        let body = request_body(adapter, "m", &input).await;
        assert!(body["tools"].is_null() && body["tool_choice"].is_null() && body["toolConfig"].is_null());
    }
}

#[tokio::test]
async fn anthropic_gets_declarations_of_tools_in_the_history() {
    let request = Request { tools: [].into(), ..with_history("anthropic/m", &[]) };

    let body = request_body("anthropic", "m", &request).await;

    let empty = json!({ "type": "object", "properties": {} });
    assert_eq!(body["tools"], json!([{ "name": "get_weather", "input_schema": empty }]));
}
