//! What goes out on each wire.

use super::stub::{Answer, Seen};
use super::*;
use crate::model::{Call, CallResult, CallSignature, Reasoning, ReasoningKind, ToolChoice};
use crate::protocol::{Content, Source};

const ADAPTERS: [&str; 5] = ["openai", "openai-responses", "anthropic", "gemini", "ollama"];

/// The request as a provider sees it.
async fn sent_to(adapter: &str, id: &str, request: &Request) -> Seen {
    let stub = Stub::playing([]);
    let model = model(adapter, id, &stub);
    all(&model, request).await;
    stub.seen().remove(0)
}

async fn sent(adapter: &str, id: &str, request: &Request) -> Value {
    sent_to(adapter, id, request).await.body
}

fn data(mime_type: &str) -> Source {
    Source::Data { value: "QUJD".into(), mime_type: mime_type.into() }
}

fn url() -> Source {
    Source::Url { value: "https://a.example/x".into(), mime_type: None }
}

fn call(id: &str, city: &str) -> Call {
    let arguments = format!("{{\"location\":\"{city}\"}}");
    Call { id: id.into(), name: "get_weather".into(), arguments, signature: None }
}

/// A user with a picture, a turn of `model` with reasoning, text and two calls, their results, a user.
fn history(model: &str, kinds: &[ReasoningKind]) -> Vec<Turn> {
    let piece =
        |kind: &ReasoningKind| Reasoning { model: model.into(), text: "Two.".into(), kind: kind.clone() };
    let foreign =
        Reasoning { model: "other/m".into(), text: "x".into(), kind: ReasoningKind::Signed("s".into()) };
    let mut calls = vec![call("call_1", "Tokyo"), call("call#2", "Paris")];
    calls[0].signature = Some(CallSignature { model: model.into(), value: "Y2FsbA==".into() });
    let result =
        |id: &str| CallResult { id: id.into(), content: Content::Text("{\"temperature\":20}".into()) };
    vec![
        Turn::User(vec![
            UserPart::ClientContext("context".into()),
            text("Weather?"),
            part(PartKind::Image { source: data("image/png") }),
        ]),
        Turn::Assistant {
            reasoning: std::iter::once(foreign).chain(kinds.iter().map(piece)).collect(),
            text: "Let me look.".into(),
            calls,
        },
        Turn::Results(vec![result("call_1"), result("call#2")]),
        Turn::User(vec![text("  "), text("And now?")]),
    ]
}

fn with_history(model: &str, kinds: &[ReasoningKind]) -> Request {
    Request { history: history(model, kinds), ..request() }
}

/// A member in each line, and an element of a list in each.
fn lines(body: &Value) -> String {
    let member = |(name, value): (&String, &Value)| match value {
        Value::Array(items) => {
            let items = items.iter().map(|item| format!("\n  {item}"));
            format!("{name}:{}", items.collect::<String>())
        }
        value => format!("{name}: {value}"),
    };
    body.as_object().unwrap().iter().map(member).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn openai_chat() {
    let body = sent("openai", "gpt-4o", &with_history("openai/gpt-4o", &[ReasoningKind::Plain])).await;
    insta::assert_snapshot!(lines(&body), @r#"
    messages:
      {"content":"Be brief.","role":"system"}
      {"content":[{"text":"context","type":"text"},{"text":"Weather?","type":"text"},{"image_url":{"url":"data:image/png;base64,QUJD"},"type":"image_url"}],"role":"user"}
      {"content":"Let me look.","role":"assistant","tool_calls":[{"function":{"arguments":"{\"location\":\"Tokyo\"}","name":"get_weather"},"id":"call_1","type":"function"},{"function":{"arguments":"{\"location\":\"Paris\"}","name":"get_weather"},"id":"call_6a9e518d08cf8d3db2b8ce70820d5781","type":"function"}]}
      {"content":"{\"temperature\":20}","role":"tool","tool_call_id":"call_1"}
      {"content":"{\"temperature\":20}","role":"tool","tool_call_id":"call_6a9e518d08cf8d3db2b8ce70820d5781"}
      {"content":"And now?","role":"user"}
    model: "gpt-4o"
    stream: true
    stream_options: {"include_usage":true}
    tools:
      {"function":{"description":"Weather.","name":"get_weather","parameters":{"properties":{"location":{"type":"string"}},"type":"object"}},"type":"function"}
    "#);
}

#[tokio::test]
async fn openai_responses() {
    let kinds = [ReasoningKind::Signed("c2VhbGVk".into())];
    let body = sent("openai-responses", "gpt-5", &with_history("openai-responses/gpt-5", &kinds)).await;
    insta::assert_snapshot!(lines(&body), @r#"
    include:
      "reasoning.encrypted_content"
    input:
      {"content":[{"text":"context","type":"input_text"},{"text":"Weather?","type":"input_text"},{"detail":"auto","image_url":"data:image/png;base64,QUJD","type":"input_image"}],"role":"user"}
      {"encrypted_content":"c2VhbGVk","summary":[],"type":"reasoning"}
      {"content":[{"text":"Let me look.","type":"output_text"}],"role":"assistant","type":"message"}
      {"arguments":"{\"location\":\"Tokyo\"}","call_id":"call_1","name":"get_weather","type":"function_call"}
      {"arguments":"{\"location\":\"Paris\"}","call_id":"call_6a9e518d08cf8d3db2b8ce70820d5781","name":"get_weather","type":"function_call"}
      {"call_id":"call_1","output":"{\"temperature\":20}","type":"function_call_output"}
      {"call_id":"call_6a9e518d08cf8d3db2b8ce70820d5781","output":"{\"temperature\":20}","type":"function_call_output"}
      {"content":"And now?","role":"user"}
    instructions: "Be brief."
    model: "gpt-5"
    store: false
    stream: true
    tools:
      {"description":"Weather.","name":"get_weather","parameters":{"properties":{"location":{"type":"string"}},"type":"object"},"strict":false,"type":"function"}
    "#);
}

#[tokio::test]
async fn anthropic() {
    let kinds = [ReasoningKind::Signed("c2ln".into()), ReasoningKind::Redacted("cmVk".into())];
    let body =
        sent("anthropic", "claude-haiku-4-5", &with_history("anthropic/claude-haiku-4-5", &kinds)).await;
    insta::assert_snapshot!(lines(&body), @r#"
    max_tokens: 64000
    messages:
      {"content":[{"text":"context","type":"text"},{"text":"Weather?","type":"text"},{"source":{"data":"QUJD","media_type":"image/png","type":"base64"},"type":"image"}],"role":"user"}
      {"content":[{"signature":"c2ln","thinking":"Two.","type":"thinking"},{"data":"cmVk","type":"redacted_thinking"},{"text":"Let me look.","type":"text"},{"id":"call_1","input":{"location":"Tokyo"},"name":"get_weather","type":"tool_use"},{"id":"call_6a9e518d08cf8d3db2b8ce70820d5781","input":{"location":"Paris"},"name":"get_weather","type":"tool_use"}],"role":"assistant"}
      {"content":[{"content":"{\"temperature\":20}","tool_use_id":"call_1","type":"tool_result"},{"content":"{\"temperature\":20}","tool_use_id":"call_6a9e518d08cf8d3db2b8ce70820d5781","type":"tool_result"}],"role":"user"}
      {"content":"And now?","role":"user"}
    model: "claude-haiku-4-5"
    stream: true
    system:
      {"cache_control":{"type":"ephemeral"},"text":"Be brief.","type":"text"}
    tools:
      {"description":"Weather.","input_schema":{"properties":{"location":{"type":"string"}},"type":"object"},"name":"get_weather"}
    "#);
}

#[tokio::test]
async fn gemini() {
    let body = sent("gemini", "gemini-2.5-pro", &with_history("gemini/gemini-2.5-pro", &[])).await;
    insta::assert_snapshot!(lines(&body), @r#"
    contents:
      {"parts":[{"text":"context"},{"text":"Weather?"},{"inlineData":{"data":"QUJD","mimeType":"image/png"}}],"role":"user"}
      {"parts":[{"text":"Let me look."},{"functionCall":{"args":{"location":"Tokyo"},"id":"call_1","name":"get_weather"},"thoughtSignature":"Y2FsbA=="},{"functionCall":{"args":{"location":"Paris"},"id":"call_6a9e518d08cf8d3db2b8ce70820d5781","name":"get_weather"}}],"role":"model"}
      {"parts":[{"functionResponse":{"id":"call_1","name":"get_weather","response":{"output":"{\"temperature\":20}"}}},{"functionResponse":{"id":"call_6a9e518d08cf8d3db2b8ce70820d5781","name":"get_weather","response":{"output":"{\"temperature\":20}"}}}],"role":"user"}
      {"parts":[{"text":"And now?"}],"role":"user"}
    generationConfig: {"thinkingConfig":{"includeThoughts":true}}
    systemInstruction: {"parts":[{"text":"Be brief."}]}
    tools:
      {"functionDeclarations":[{"description":"Weather.","name":"get_weather","parametersJsonSchema":{"properties":{"location":{"type":"string"}},"type":"object"}}]}
    "#);
}

#[tokio::test]
async fn ollama() {
    let body = sent("ollama", "qwen3", &with_history("ollama/qwen3", &[ReasoningKind::Plain])).await;
    insta::assert_snapshot!(lines(&body), @r#"
    messages:
      {"content":"Be brief.","role":"system"}
      {"content":"context\n\nWeather?","images":["QUJD"],"role":"user"}
      {"content":"Let me look.","role":"assistant","thinking":"Two.","tool_calls":[{"function":{"arguments":{"location":"Tokyo"},"name":"get_weather"}},{"function":{"arguments":{"location":"Paris"},"name":"get_weather"}}]}
      {"content":"{\"temperature\":20}","role":"tool","tool_name":"get_weather"}
      {"content":"{\"temperature\":20}","role":"tool","tool_name":"get_weather"}
      {"content":"And now?","role":"user"}
    model: "qwen3"
    stream: true
    tools:
      {"function":{"description":"Weather.","name":"get_weather","parameters":{"properties":{"location":{"type":"string"}},"type":"object"}},"type":"function"}
    "#);
}

#[tokio::test]
async fn an_id_goes_out_as_it_was_written() {
    for id in ["gpt-5-high", "a::b::c", "qwen-max", "x-none", "claude-sonnet-5-low", "gemini-3-pro-low"] {
        for adapter in ADAPTERS.into_iter().chain(["fireworks", "deepseek", "zai", "minimax"]) {
            let seen = sent_to(adapter, id, &request()).await;
            match adapter {
                "gemini" => assert!(seen.head.contains(&format!("/models/{id}:stream")), "{}", seen.head),
                _ => assert_eq!(seen.body["model"], id, "{adapter}"),
            }
            for effort in ["reasoning_effort", "thinking", "output_config", "think"] {
                let may = (adapter, effort, id) == ("anthropic", "thinking", "claude-sonnet-5-low")
                    || (adapter, effort, id) == ("minimax", "thinking", "claude-sonnet-5-low");
                assert!(may || seen.body[effort].is_null(), "{adapter} {id} {effort}");
            }
        }
    }
}

#[tokio::test]
async fn the_key_goes_where_the_provider_wants_it_and_nowhere_else() {
    for (adapter, header) in [
        ("openai", "authorization: Bearer sk-test-0123456789"),
        ("openai-responses", "authorization: Bearer sk-test-0123456789"),
        ("anthropic", "x-api-key: sk-test-0123456789"),
        ("gemini", "x-goog-api-key: sk-test-0123456789"),
        ("zai", "authorization: Bearer sk-test-0123456789"),
    ] {
        let seen = sent_to(adapter, "m", &request()).await;
        let lines: Vec<_> = seen.head.lines().filter(|line| line.contains(KEY)).collect();
        assert_eq!(lines.len(), 1, "{adapter}");
        assert!(lines[0].eq_ignore_ascii_case(header), "{adapter}: {}", lines[0]);
        assert!(!seen.body.to_string().contains(KEY));
    }
}

#[tokio::test]
async fn a_clients_tool_never_turns_on_one_of_the_provider() {
    for name in ["web_search", "googleSearch", "code_execution", "urlContext"] {
        for (adapter, declared) in [
            ("openai", "/tools/0/function/name"),
            ("openai-responses", "/tools/0/name"),
            ("anthropic", "/tools/0/name"),
            ("gemini", "/tools/0/functionDeclarations/0/name"),
            ("ollama", "/tools/0/function/name"),
        ] {
            let mut asked = request();
            asked.tools = [tool(name)].into();
            let tools = sent(adapter, "m", &asked).await;
            assert_eq!(tools.pointer(declared).unwrap(), name, "{adapter}");
            let tool = &tools["tools"][0];
            let is_a_function = tool.get("type").is_none_or(|kind| kind == "function");
            assert!(is_a_function && tool.get(name).is_none(), "{adapter} {tool}");
        }
    }
}

#[tokio::test]
async fn a_renamed_tool_comes_back_under_its_own_name() {
    let mut asked = request();
    asked.tools = [tool("web search")].into();
    let wire = sent("openai", "m", &asked).await["tools"][0]["function"]["name"].as_str().unwrap().to_owned();
    let mut frames = sse(&[
        json!({ "choices": [{ "delta": { "tool_calls": [{ "index": 0, "id": "a", "function": { "name": wire, "arguments": "{}" } }] } }] }),
        json!({ "choices": [{ "delta": {}, "finish_reason": "tool_calls" }] }),
    ]);
    frames.push("data: [DONE]\n\n".into());
    let stub = Stub::playing([Answer::stream(frames)]);
    let model = model("openai", "m", &stub);

    let deltas = all(&model, &asked).await;
    assert!(outline(&deltas).contains("name: \"web search\""), "{}", outline(&deltas));
}

/// Whether the data, or the address, of a part goes out.
async fn takes(adapter: &str, kind: PartKind) -> bool {
    let stub = Stub::playing([]);
    let says_so = model(adapter, "m", &stub).takes(&kind);
    let asked = Request { history: vec![Turn::User(vec![part(kind)])], ..request() };
    let body = sent(adapter, "m", &asked).await.to_string();
    let is_taken = body.contains("QUJD") || body.contains("https://a.example/x");
    assert!(is_taken || body.contains("cannot be read here"), "{adapter} {body}");
    assert_eq!(says_so, is_taken, "{adapter}");
    is_taken
}

#[tokio::test]
async fn parts_go_to_those_who_can_take_them() {
    let image = |source| PartKind::Image { source };
    let document = |source| PartKind::Document { source };
    let audio = |source| PartKind::Audio { source };
    let coded = |value: &str| Source::Data { value: value.into(), mime_type: "image/png".into() };
    let typed = |mime_type: &str| Source::Url {
        value: "https://a.example/x".into(),
        mime_type: Some(mime_type.into()),
    };
    let address = |value: &str| Source::Url { value: value.into(), mime_type: None };
    let file = Source::File { value: "file-1".into(), provider: None, mime_type: None };
    for (what, kind, takers) in [
        (
            "image",
            image(data("image/png")),
            vec!["openai", "openai-responses", "anthropic", "gemini", "ollama", "groq"],
        ),
        ("image by address", image(url()), vec!["openai", "openai-responses", "anthropic", "groq"]),
        ("pdf", document(data("application/pdf")), vec!["openai", "openai-responses", "anthropic", "gemini"]),
        ("pdf by address", document(url()), vec!["openai-responses", "anthropic"]),
        ("text file", document(data("text/csv")), vec![]),
        ("wav", audio(data("audio/wav")), vec!["openai", "gemini"]),
        ("ogg", audio(data("audio/ogg")), vec!["gemini"]),
        ("video", PartKind::Video { source: data("video/mp4") }, vec!["gemini"]),
        ("handle", image(file), vec![]),
        ("an image of no common kind", image(data("image/svg+xml")), vec![]),
        ("gif", image(data("image/gif")), vec!["openai", "openai-responses", "anthropic", "ollama", "groq"]),
        ("no sound", audio(data("text/html")), vec![]),
        ("quicktime", PartKind::Video { source: data("video/quicktime") }, vec!["gemini"]),
        ("a document by address that is no pdf", document(typed("application/msword")), vec![]),
        ("a pdf by address", document(typed("application/pdf")), vec!["openai-responses", "anthropic"]),
        ("an address with a password", image(address("https://u:p@a.example/x")), vec![]),
        ("no data", image(coded("")), vec![]),
        ("no Base64", image(coded("QUJDR QUJD")), vec![]),
        ("a file of the provider's", image(address("file:///https://a.example/x")), vec![]),
        (
            "an image that calls itself a sound",
            image(Source::Url { value: "https://a.example/x".into(), mime_type: Some("audio/wav".into()) }),
            vec![],
        ),
    ] {
        for adapter in ADAPTERS.into_iter().chain(["groq"]) {
            assert_eq!(takes(adapter, kind.clone()).await, takers.contains(&adapter), "{what} {adapter}");
        }
    }
}

#[tokio::test]
async fn a_tool_is_forced_by_its_name_on_the_wire_and_only_if_it_is_offered() {
    let forced = |choice| async move {
        let mut asked = request();
        asked.settings.tool_choice = choice;
        [
            sent("openai", "m", &asked).await["tool_choice"].clone(),
            sent("openai-responses", "m", &asked).await["tool_choice"].clone(),
            sent("anthropic", "m", &asked).await["tool_choice"].clone(),
            sent("gemini", "m", &asked).await["toolConfig"]["functionCallingConfig"].clone(),
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
async fn without_thinking_nothing_is_sent_that_a_model_without_it_would_refuse() {
    let responses = sent("openai-responses", "gpt-4o", &request()).await;
    assert!(responses["reasoning"].is_null() && responses["include"].is_null());
    let gemini = sent("gemini", "gemini-2.0-flash", &request()).await;
    assert!(gemini["generationConfig"].is_null());

    let responses = sent("openai-responses", "o3", &request()).await;
    assert_eq!(responses["include"], json!(["reasoning.encrypted_content"]));
    assert!(responses["reasoning"].is_null(), "summaries are not everybody's");
    let gemini = sent("gemini", "gemini-2.5-flash", &request()).await;
    assert_eq!(gemini["generationConfig"]["thinkingConfig"], json!({ "includeThoughts": true }));
}

#[tokio::test]
async fn thinking_is_counted_in_tokens_or_in_efforts() {
    let mut asked = request();
    asked.settings = ModelSettings {
        thinking_tokens: Some(4000),
        temperature: Some(0.2),
        max_tokens: Some(2000),
        tool_choice: ToolChoice::Required,
        ..ModelSettings::default()
    };
    assert_eq!(sent("openai", "gpt-5", &asked).await["reasoning_effort"], "medium");
    assert_eq!(sent("openai-responses", "gpt-5", &asked).await["reasoning"]["effort"], "medium");
    let deepseek = sent("deepseek", "deepseek-chat", &asked).await;
    assert_eq!(deepseek["thinking"], json!({ "type": "enabled" }));
    let gemini = sent("gemini", "gemini-2.5-pro", &asked).await["generationConfig"].clone();
    assert_eq!(gemini["thinkingConfig"], json!({ "thinkingBudget": 4000, "includeThoughts": true }));
    let gemini = sent("gemini", "gemini-3-pro", &asked).await["generationConfig"].clone();
    assert_eq!(gemini["thinkingConfig"], json!({ "thinkingLevel": "HIGH", "includeThoughts": true }));
    assert_eq!(sent("ollama", "qwen3", &asked).await["think"], true);

    let old = sent("anthropic", "claude-haiku-4-5", &asked).await;
    assert_eq!(old["thinking"], json!({ "type": "enabled", "budget_tokens": 4000 }));
    assert!(old["max_tokens"].as_u64().unwrap() > 4000);
    assert!(old["temperature"].is_null() && old["tool_choice"].is_null());
    let new = sent("anthropic", "claude-opus-4-7", &asked).await;
    assert_eq!(new["thinking"], json!({ "type": "adaptive", "display": "summarized" }));
    assert_eq!(new["output_config"], json!({ "effort": "medium" }));
}

#[tokio::test]
async fn anthropic_does_not_think_on_calls_that_were_made_without() {
    let name = "anthropic/claude-haiku-4-5";
    let signed = [ReasoningKind::Signed("c2ln".into())];
    for (why, kinds, len, thinks) in [
        ("own thinking before the calls", &signed[..], 3, true),
        ("another model's", &[][..], 3, false),
        ("the user spoke since", &[][..], 4, true),
    ] {
        let mut asked = with_history(name, kinds);
        asked.history.truncate(len);
        asked.settings.thinking_tokens = Some(2000);
        let body = sent("anthropic", "claude-haiku-4-5", &asked).await;
        assert_eq!(!body["thinking"].is_null(), thinks, "{why}");
    }
}

#[tokio::test]
async fn unsigned_reasoning_goes_back_while_calls_are_answered_and_to_those_who_take_it() {
    for (adapter, len, expected) in
        [("deepseek", 3, true), ("deepseek", 4, false), ("groq", 3, false), ("mistral", 3, true)]
    {
        let mut asked = with_history(&format!("{adapter}/m"), &[ReasoningKind::Plain]);
        asked.history.truncate(len);
        let body = sent(adapter, "m", &asked).await.to_string();
        assert_eq!(body.contains("Two."), expected, "{adapter} {len}");
    }
}

#[tokio::test]
async fn tokens_are_asked_for_where_that_is_not_refused() {
    assert_eq!(sent("openai", "m", &request()).await["stream_options"], json!({ "include_usage": true }));
    assert!(sent("mistral", "m", &request()).await["stream_options"].is_null());
}

#[tokio::test]
async fn a_limit_of_tokens_goes_by_the_name_that_the_model_knows() {
    let mut asked = request();
    asked.settings.max_tokens = Some(7);
    for (id, name) in [
        ("gpt-4o", "max_tokens"),
        ("o4-mini", "max_completion_tokens"),
        ("ft:o4-mini:acme", "max_completion_tokens"),
    ] {
        assert_eq!(sent("openai", id, &asked).await[name], 7, "{id}");
    }
}

#[tokio::test]
async fn mistral_gets_ids_of_nine_letters_and_digits() {
    let body = sent("mistral", "m", &with_history("mistral/m", &[])).await;
    let calls = body["messages"][2]["tool_calls"].as_array().unwrap().clone();
    for (call, answer) in calls.iter().zip([3, 4]) {
        let id = call["id"].as_str().unwrap();
        assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        assert_eq!(body["messages"][answer]["tool_call_id"], id);
    }
}

#[tokio::test]
async fn without_tools_no_tool_is_chosen() {
    let mut asked = request();
    asked.tools = [].into();
    asked.settings.tool_choice = ToolChoice::Required;
    for adapter in ADAPTERS {
        let body = sent(adapter, "m", &asked).await;
        assert!(body["tools"].is_null() && body["tool_choice"].is_null() && body["toolConfig"].is_null());
    }
}

#[tokio::test]
async fn given_calls_in_the_history_and_no_tool_on_offer_then_anthropic_gets_their_declaration() {
    let request = Request { tools: [].into(), ..with_history("anthropic/m", &[]) };

    let body = sent("anthropic", "m", &request).await;

    let empty = json!({ "type": "object", "properties": {} });
    assert_eq!(body["tools"], json!([{ "name": "get_weather", "input_schema": empty }]));
}
