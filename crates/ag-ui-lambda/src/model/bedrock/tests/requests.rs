//! From a request to the JSON that Bedrock gets.

use serde_json::{Value, json};

use super::server::{End, StubResponse, StubServer};
use super::{CLAUDE, collect_turn, hello_request, part, request, short_response, text};
use crate::model::{
    Bedrock, Call, CallResult, ModelSettings, Reasoning, ReasoningKind, Request, ToolChoice, Turn, UserPart,
};
use crate::protocol::{Content, ContentPart, PartKind, Source, Tool};

const NOVA: &str = "eu.amazon.nova-lite-v1:0";
const LLAMA: &str = "meta.llama3-3-70b-instruct-v1:0";

/// The body that a model sends.
async fn request_body(model: &str, request: &Request) -> Value {
    request_body_of(model, request, |model| model).await
}

/// Returns the request's body as JSON, sent by a model with these builder settings.
async fn request_body_of(id: &str, request: &Request, settings: impl FnOnce(Bedrock) -> Bedrock) -> Value {
    serde_json::from_str(&request_text_of(id, request, settings).await).unwrap()
}

/// Returns the request's body as text, sent by a model with these builder settings.
async fn request_text_of(id: &str, request: &Request, settings: impl FnOnce(Bedrock) -> Bedrock) -> String {
    let server = StubServer::with_responses([StubResponse::Events(short_response(), End::Complete)]);
    let (_, error) = collect_turn(&settings(server.model(id)), request).await;
    assert!(error.is_none(), "{error:?}");
    server.requests().remove(0).1
}

/// Returns a call for the history.
fn call(id: &str, name: &str, arguments: &str) -> Call {
    Call { id: id.into(), name: name.into(), arguments: arguments.into(), signature: None }
}

/// Returns a turn of the model for the history.
fn assistant(reasoning: Vec<Reasoning>, text: &str, calls: Vec<Call>) -> Turn {
    Turn::Assistant { reasoning, text: text.into(), calls }
}

/// Returns the result of a call as text.
fn result(id: &str, content: &str) -> CallResult {
    CallResult { id: id.into(), content: Content::Text(content.into()) }
}

/// Returns a piece of reasoning for the history.
fn reasoning(model: &str, text: &str, kind: ReasoningKind) -> Reasoning {
    Reasoning { model: model.into(), text: text.into(), kind }
}

/// Returns a tool with a description and without a schema.
fn tool(name: &str, description: &str) -> Tool {
    let parameters = json!({ "type": "object", "properties": { "b": { "type": "number" }, "a": {} } });
    Tool { name: name.into(), description: description.into(), parameters: Some(parameters), metadata: None }
}

/// Returns the content of a media part.
fn media_data(value: &str, mime_type: &str) -> Source {
    Source::Data { value: value.into(), mime_type: mime_type.into() }
}

#[tokio::test]
async fn roles_alternate_and_only_own_reasoning_goes_back() {
    let own = format!("bedrock/{CLAUDE}");
    let reasoning = vec![
        reasoning(&own, "Hm.", ReasoningKind::Signed("c2ln".into())),
        reasoning(&own, "", ReasoningKind::Redacted("AAEC".into())),
        reasoning(&own, "", ReasoningKind::Redacted("not base64!".into())),
        reasoning(&own, "plain", ReasoningKind::Plain),
        reasoning("bedrock/other", "foreign", ReasoningKind::Signed("eA==".into())),
    ];
    let calls = vec![
        call("call_1", "get_weather", r#"{"city":"Tokyo","n":[-1,2,0.5,true,null]}"#),
        call("call#2", "böse", r#"{"city":"#),
    ];
    let history = vec![
        Turn::User(vec![UserPart::ClientContext("The page is /".into()), text("  "), text("Weather?")]),
        assistant(reasoning, "I look.", calls),
        Turn::Results(vec![result("call_1", r#"{"c":21}"#), result("call#2", " ")]),
        Turn::User(vec![text("And now?")]),
        Turn::User(vec![text("Please.")]),
        assistant(Vec::new(), " ", Vec::new()),
        Turn::User(vec![text("Well?")]),
    ];

    let body = request_body(CLAUDE, &request(history)).await;

    let odd_id = body["messages"][1]["content"][4]["toolUse"]["toolUseId"].clone();
    let odd_name = body["messages"][1]["content"][4]["toolUse"]["name"].clone();
    assert!(odd_id.as_str().unwrap().starts_with("call_") && odd_name.as_str().unwrap().is_ascii());
    assert_eq!(
        body["messages"],
        json!([
            { "role": "user", "content": [{ "text": "The page is /" }, { "text": "Weather?" }] },
            { "role": "assistant", "content": [
                { "reasoningContent": { "reasoningText": { "text": "Hm.", "signature": "c2ln" } } },
                { "reasoningContent": { "redactedContent": "AAEC" } },
                { "text": "I look." },
                { "toolUse": {
                    "toolUseId": "call_1",
                    "name": "get_weather",
                    "input": { "city": "Tokyo", "n": [-1, 2, 0.5, true, null] },
                } },
                { "toolUse": { "toolUseId": odd_id, "name": odd_name, "input": { "invalid_json": "{\"city\":" } } },
            ] },
            { "role": "user", "content": [
                { "toolResult": { "toolUseId": "call_1", "content": [{ "text": "{\"c\":21}" }] } },
                { "toolResult": { "toolUseId": odd_id, "content": [{ "text": "(empty)" }] } },
                { "text": "And now?" },
                { "text": "Please." },
                { "text": "Well?" },
            ] },
        ])
    );
}

#[tokio::test]
async fn every_conversation_begins_with_the_user() {
    let history = [assistant(Vec::new(), "As I said.", Vec::new()), Turn::User(vec![text("Yes")])];

    let body = request_body(CLAUDE, &request(history)).await;

    let roles: Vec<&Value> = body["messages"].as_array().unwrap().iter().map(|m| &m["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
}

#[tokio::test]
async fn only_parts_that_bedrock_accepts_are_sent() {
    let image = |source| part(PartKind::Image { source });
    let document = |source| part(PartKind::Document { source });
    let left_out = json!([{ "text": "(A part that this model can't take was left out.)" }]);
    let png = json!({ "image": { "format": "png", "source": { "bytes": "AAEC" } } });
    let numbered = |number: usize, format: &str| {
        json!({ "document": {
            "format": format, "name": format!("document-{number}"), "source": { "bytes": "AAEC" },
        } })
    };
    for (why, parts, expected) in [
        ("a picture", vec![image(media_data("AAEC", "image/png"))], json!([png])),
        (
            "a document wants a word",
            vec![document(media_data("AAEC", "application/pdf"))],
            json!([numbered(1, "pdf"), { "text": "(See the document.)" }]),
        ),
        (
            "documents are numbered",
            vec![
                document(media_data("AAEC", "text/markdown; charset=utf-8")),
                text("Compare."),
                document(media_data("AAEC", "text/csv")),
            ],
            json!([numbered(1, "md"), { "text": "Compare." }, numbered(2, "csv")]),
        ),
        (
            "an address is never fetched",
            vec![image(Source::Url { value: "https://example.com/a.png".into(), mime_type: None })],
            left_out.clone(),
        ),
        (
            "another provider's file",
            vec![document(Source::File { value: "f".into(), provider: None, mime_type: None })],
            left_out.clone(),
        ),
        ("not base64", vec![image(media_data("???", "image/png"))], left_out.clone()),
        ("no bytes", vec![image(media_data("", "image/png"))], left_out.clone()),
        ("unknown format", vec![image(media_data("AAEC", "image/bmp"))], left_out.clone()),
        ("audio", vec![part(PartKind::Audio { source: media_data("AAEC", "audio/wav") })], left_out.clone()),
        ("video", vec![part(PartKind::Video { source: media_data("AAEC", "video/mp4") })], left_out),
        ("nothing", vec![text(" ")], json!([{ "text": "(empty)" }])),
        (
            "the rest stays",
            vec![text("Look:"), part(PartKind::Audio { source: media_data("AAEC", "audio/wav") })],
            json!([{ "text": "Look:" }]),
        ),
    ] {
        let body = request_body(CLAUDE, &request([Turn::User(parts)])).await;

        assert_eq!(body["messages"][0]["content"], expected, "{why}");
    }
}

#[tokio::test]
async fn a_result_may_contain_images_and_documents() {
    let piece = |kind| ContentPart { kind, id: None, metadata: None };
    let parts = vec![
        piece(PartKind::Text { text: "Map:".into() }),
        piece(PartKind::Image { source: media_data("AAEC", "image/webp") }),
        piece(PartKind::Document { source: media_data("AAEC", "text/plain") }),
        piece(PartKind::Audio { source: media_data("AAEC", "audio/wav") }),
    ];
    let history = [
        Turn::User(vec![text("Map?")]),
        assistant(Vec::new(), "", vec![call("c", "map", "")]),
        Turn::Results(vec![CallResult { id: "c".into(), content: Content::Parts(parts) }]),
    ];

    let body = request_body(CLAUDE, &request(history)).await;

    assert_eq!(
        body["messages"][2]["content"][0]["toolResult"]["content"],
        json!([
            { "text": "Map:" },
            { "image": { "format": "webp", "source": { "bytes": "AAEC" } } },
            { "document": { "format": "txt", "name": "document-1", "source": { "bytes": "AAEC" } } },
        ])
    );
}

#[tokio::test]
async fn prompts_and_tools_are_cached_by_family() {
    let cache_point = json!({ "cachePoint": { "type": "default" } });
    let input = Request {
        instructions: Some("Be kind.".into()),
        tools: [tool("get_weather", "Weather."), tool("silent", " ")].into(),
        ..hello_request()
    };
    for (model, is_on, caches_system, caches_tools) in [
        (CLAUDE, None, true, true),
        (CLAUDE, Some(false), false, false),
        ("anthropic.claude-3-haiku-20240307-v1:0", None, false, false),
        (NOVA, None, true, false),
        (NOVA, Some(true), true, false),
        (LLAMA, None, false, false),
        (LLAMA, Some(true), true, true),
    ] {
        let cache = |model: Bedrock| match is_on {
            Some(is_on) => model.prompt_cache(is_on),
            None => model,
        };

        let body = request_body_of(model, &input, cache).await;

        let system = body["system"].as_array().unwrap();
        let tools = body["toolConfig"]["tools"].as_array().unwrap();
        assert_eq!(system[0], json!({ "text": "Be kind." }));
        assert_eq!(system.get(1), caches_system.then_some(&cache_point), "{model} {is_on:?}");
        assert_eq!(tools.get(2), caches_tools.then_some(&cache_point), "{model} {is_on:?}");
        let schema = json!({ "json": tool("", "").parameters });
        assert_eq!(
            tools[..2],
            [
                json!({ "toolSpec": { "name": "get_weather", "description": "Weather.", "inputSchema": schema } }),
                json!({ "toolSpec": { "name": "silent", "inputSchema": schema } }),
            ]
        );
    }
}

#[tokio::test]
async fn tool_choice_and_declarations_follow_the_request() {
    let calls = || {
        vec![
            Turn::User(vec![text("?")]),
            assistant(
                Vec::new(),
                "",
                vec![call("a", "gone", ""), call("b", "gone", ""), call("c", "here", "")],
            ),
            Turn::Results(vec![result("a", "x"), result("b", "x"), result("c", "x")]),
        ]
    };
    let plain = || vec![Turn::User(vec![text("?")])];
    let here = || vec![tool("here", "Here."), tool("there", "There.")];
    let any = json!({ "any": {} });
    let this = json!({ "tool": { "name": "there" } });
    for (why, history, tools, choice, declared, chosen) in [
        ("auto", plain(), here(), ToolChoice::Auto, vec!["here", "there"], Value::Null),
        ("required", plain(), here(), ToolChoice::Required, vec!["here", "there"], any),
        ("this one", plain(), here(), ToolChoice::Tool("there".into()), vec!["here", "there"], this),
        ("not on offer", plain(), here(), ToolChoice::Tool("x".into()), vec!["here", "there"], Value::Null),
        ("none", plain(), here(), ToolChoice::None, vec![], Value::Null),
        ("none, but named", calls(), here(), ToolChoice::None, vec!["gone", "here"], Value::Null),
        ("no tools, but named", calls(), vec![], ToolChoice::Required, vec!["gone", "here"], Value::Null),
        ("no tools", plain(), vec![], ToolChoice::Required, vec![], Value::Null),
    ] {
        let settings = ModelSettings { tool_choice: choice, ..Default::default() };

        let body = request_body(LLAMA, &Request { tools: tools.into(), settings, ..request(history) }).await;

        let specs = body["toolConfig"]["tools"].as_array().cloned().unwrap_or_default();
        let names: Vec<&str> = specs.iter().filter_map(|t| t["toolSpec"]["name"].as_str()).collect();
        assert_eq!(names, declared, "{why}");
        assert_eq!(body["toolConfig"]["toolChoice"], chosen, "{why}");
        assert_eq!(body.get("toolConfig").is_some(), !declared.is_empty(), "{why}");
        for gone in specs.iter().filter(|t| t["toolSpec"]["name"] == "gone") {
            let empty = json!({ "json": { "type": "object", "properties": {} } });
            assert_eq!(gone["toolSpec"], json!({ "name": "gone", "inputSchema": empty }));
        }
    }
}

#[tokio::test]
async fn settings_are_sent() {
    let budget = |tokens: u32| json!({ "thinking": { "type": "enabled", "budget_tokens": tokens } });
    let adaptive = json!({ "thinking": { "type": "adaptive" } });
    const OPUS: &str = "eu.anthropic.claude-opus-4-7";
    for (why, model, temperature, max_tokens, thinking, inference, more) in [
        ("nothing", CLAUDE, None, None, None, Value::Null, Value::Null),
        (
            "both",
            CLAUDE,
            Some(0.5),
            Some(9),
            None,
            json!({ "maxTokens": 9, "temperature": 0.5 }),
            Value::Null,
        ),
        (
            "a limit too large",
            CLAUDE,
            None,
            Some(u32::MAX),
            None,
            json!({ "maxTokens": i32::MAX }),
            Value::Null,
        ),
        ("no limit", CLAUDE, Some(0.5), None, Some(2000), json!({ "maxTokens": 6096 }), budget(2000)),
        ("a limit below", CLAUDE, None, Some(2000), Some(2000), json!({ "maxTokens": 6096 }), budget(2000)),
        ("a limit above", CLAUDE, None, Some(2001), Some(2000), json!({ "maxTokens": 2001 }), budget(2000)),
        ("a budget too small", CLAUDE, None, Some(9000), Some(1), json!({ "maxTokens": 9000 }), budget(1024)),
        ("adaptive", OPUS, Some(0.5), Some(9), Some(2000), json!({ "maxTokens": 9 }), adaptive),
        ("no temperature at all", OPUS, Some(0.5), None, None, Value::Null, Value::Null),
        ("it does not think", NOVA, Some(0.5), None, Some(2000), json!({ "temperature": 0.5 }), Value::Null),
    ] {
        let settings =
            ModelSettings { temperature, max_tokens, thinking_tokens: thinking, ..Default::default() };

        let body = request_body(model, &Request { settings, ..hello_request() }).await;

        assert_eq!(body["inferenceConfig"], inference, "{why}");
        assert_eq!(body["additionalModelRequestFields"], more, "{why}");
    }
}

#[tokio::test]
async fn claude_thinks_only_after_its_own_reasoning() {
    let own = || vec![reasoning(&format!("bedrock/{CLAUDE}"), "Hm.", ReasoningKind::Signed("c2ln".into()))];
    let foreign = || vec![reasoning("bedrock/other", "Hm.", ReasoningKind::Signed("c2ln".into()))];
    let called = |reasoning| {
        let results = Turn::Results(vec![result("c", "x")]);
        vec![assistant(reasoning, "", vec![call("c", "here", "")]), results]
    };
    let ask = || vec![Turn::User(vec![text("?")])];
    for (why, history, thinks) in [
        ("a new question", ask(), true),
        ("its own thoughts", [ask(), called(own())].concat(), true),
        ("none", [ask(), called(Vec::new())].concat(), false),
        ("another's", [ask(), called(foreign())].concat(), false),
        ("first none, then its own", [ask(), called(Vec::new()), called(own())].concat(), false),
        ("first its own, then none", [ask(), called(own()), called(Vec::new())].concat(), true),
        ("none, but the user spoke since", [ask(), called(Vec::new()), ask()].concat(), true),
    ] {
        let settings = ModelSettings {
            thinking_tokens: Some(2000),
            tool_choice: ToolChoice::Required,
            ..Default::default()
        };
        let tools = [tool("here", "Here.")].into();

        let body = request_body(CLAUDE, &Request { tools, settings, ..request(history) }).await;

        assert_eq!(body.get("additionalModelRequestFields").is_some(), thinks, "{why}");
        assert_eq!(body["toolConfig"].get("toolChoice").is_none(), thinks, "{why}");
    }
}

#[tokio::test]
async fn each_member_has_its_place_in_the_body() {
    let own = reasoning(&format!("bedrock/{CLAUDE}"), "Hm.", ReasoningKind::Signed("c2ln".into()));
    let image = |mime_type: &str| PartKind::Image { source: media_data("AAEC", mime_type) };
    let document = PartKind::Document { source: media_data("AAE=", "application/pdf") };
    let map = Content::Parts([image("image/gif"), document].map(ContentPart::from).into());
    let input = Request {
        instructions: Some("Be \"kind\".\u{1}".into()),
        tools: [tool("map", "A map.")].into(),
        settings: ModelSettings {
            max_tokens: Some(9000),
            thinking_tokens: Some(2000),
            stop: vec!["END".into()],
            ..Default::default()
        },
        ..request([
            Turn::User(vec![text("Where is\nthis? 🗺"), part(image("image/jpeg"))]),
            assistant(vec![own], "I look.", vec![call("c1", "map", r#"{ "zoom": 1.50, "at": "\u00fc" }"#)]),
            Turn::Results(vec![CallResult { id: "c1".into(), content: map }]),
        ])
    };

    let body = request_body_of(CLAUDE, &input, |model| model.guardrail("gr-1", "3")).await;

    let cache_point = json!({ "cachePoint": { "type": "default" } });
    assert_eq!(
        body,
        json!({
            "system": [{ "text": "Be \"kind\".\u{1}" }, cache_point],
            "messages": [
                { "role": "user", "content": [
                    { "text": "Where is\nthis? 🗺" },
                    { "image": { "format": "jpeg", "source": { "bytes": "AAEC" } } },
                ] },
                { "role": "assistant", "content": [
                    { "reasoningContent": { "reasoningText": { "text": "Hm.", "signature": "c2ln" } } },
                    { "text": "I look." },
                    { "toolUse": { "toolUseId": "c1", "name": "map", "input": { "zoom": 1.5, "at": "ü" } } },
                ] },
                { "role": "user", "content": [{ "toolResult": { "toolUseId": "c1", "content": [
                    { "image": { "format": "gif", "source": { "bytes": "AAEC" } } },
                    { "document": { "format": "pdf", "name": "document-1", "source": { "bytes": "AAE=" } } },
                ] } }] },
            ],
            "toolConfig": { "tools": [
                { "toolSpec": {
                    "name": "map",
                    "description": "A map.",
                    "inputSchema": { "json": tool("", "").parameters },
                } },
                cache_point,
            ] },
            "inferenceConfig": { "maxTokens": 9000, "stopSequences": ["END"] },
            "additionalModelRequestFields": { "thinking": { "type": "enabled", "budget_tokens": 2000 } },
            "guardrailConfig": {
                "guardrailIdentifier": "gr-1",
                "guardrailVersion": "3",
                "trace": "disabled",
                "streamProcessingMode": "sync",
            },
        })
    );
}

#[tokio::test]
async fn equal_requests_have_equal_bodies() {
    let properties: serde_json::Map<_, _> = (0..20).map(|n| (format!("p{n}"), json!({}))).collect();
    let parameters = json!({ "type": "object", "properties": properties, "required": ["p0"] });
    let tools = [Tool { parameters: Some(parameters), ..tool("wide", "Wide.") }];
    let input = Request { tools: tools.into(), ..hello_request() };

    let first = request_text_of(CLAUDE, &input, |model| model).await;
    let second = request_text_of(CLAUDE, &input, |model| model).await;

    assert_eq!(first, second);
}
