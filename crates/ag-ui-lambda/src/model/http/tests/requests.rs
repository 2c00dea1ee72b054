//! The request on each wire.

use super::stub::{RecordedRequest, StubResponse};
use super::*;
use crate::model::{Call, CallResult, CallSignature, Reasoning, ReasoningKind};
use crate::protocol::{Content, Source};

pub(super) const ADAPTERS: [&str; 5] = ["openai", "openai-responses", "anthropic", "gemini", "ollama"];

/// Returns the request as the provider receives it.
async fn recorded_request(adapter: &str, id: &str, request: &Request) -> RecordedRequest {
    let stub = Stub::with_responses([]);
    let model = model(adapter, id, &stub);
    all(&model, request).await;
    stub.requests().remove(0)
}

/// Returns the body of the request as the provider receives it.
pub(super) async fn request_body(adapter: &str, id: &str, request: &Request) -> Value {
    recorded_request(adapter, id, request).await.body
}

/// Returns the content of an image.
fn image_data(mime_type: &str) -> Source {
    Source::Data { value: "QUJD".into(), mime_type: mime_type.into() }
}

/// Returns the address of an image.
fn image_url() -> Source {
    Source::Url { value: "https://a.example/x".into(), mime_type: None }
}

/// Returns a call of `get_weather` for the history.
fn call(id: &str, city: &str) -> Call {
    let arguments = format!("{{\"location\":\"{city}\"}}");
    Call { id: id.into(), name: "get_weather".into(), arguments, signature: None }
}

/// Returns a history: a user with an image, a turn of `model` with reasoning, text and two calls, their results, a user.
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
            part(PartKind::Image { source: image_data("image/png") }),
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

/// Returns a request with the history of [`history`].
pub(super) fn with_history(model: &str, kinds: &[ReasoningKind]) -> Request {
    Request { history: history(model, kinds), ..request() }
}

/// Formats a body with one member, and one entry of a list, on each line.
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
    let body =
        request_body("openai", "gpt-4o", &with_history("openai/gpt-4o", &[ReasoningKind::Plain])).await;
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
    let body =
        request_body("openai-responses", "gpt-5", &with_history("openai-responses/gpt-5", &kinds)).await;
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
        request_body("anthropic", "claude-haiku-4-5", &with_history("anthropic/claude-haiku-4-5", &kinds))
            .await;
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
    let body = request_body("gemini", "gemini-2.5-pro", &with_history("gemini/gemini-2.5-pro", &[])).await;
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
    let body = request_body("ollama", "qwen3", &with_history("ollama/qwen3", &[ReasoningKind::Plain])).await;
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
async fn model_ids_are_sent_unchanged() {
    for id in ["gpt-5-high", "a::b::c", "qwen-max", "x-none", "claude-sonnet-5-low", "gemini-3-pro-low"] {
        for adapter in ADAPTERS.into_iter().chain(["fireworks", "deepseek", "zai", "minimax"]) {
            let seen = recorded_request(adapter, id, &request()).await;
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
async fn the_key_is_sent_only_in_its_header() {
    for (adapter, header) in [
        ("openai", "authorization: Bearer sk-test-0123456789"),
        ("openai-responses", "authorization: Bearer sk-test-0123456789"),
        ("anthropic", "x-api-key: sk-test-0123456789"),
        ("gemini", "x-goog-api-key: sk-test-0123456789"),
        ("zai", "authorization: Bearer sk-test-0123456789"),
    ] {
        let seen = recorded_request(adapter, "m", &request()).await;
        let lines: Vec<_> = seen.head.lines().filter(|line| line.contains(KEY)).collect();
        assert_eq!(lines.len(), 1, "{adapter}");
        assert!(lines[0].eq_ignore_ascii_case(header), "{adapter}: {}", lines[0]);
        assert!(!seen.body.to_string().contains(KEY));
    }
}

#[tokio::test]
async fn a_clients_tool_never_enables_a_providers_tool() {
    for name in ["web_search", "googleSearch", "code_execution", "urlContext"] {
        for (adapter, declared) in [
            ("openai", "/tools/0/function/name"),
            ("openai-responses", "/tools/0/name"),
            ("anthropic", "/tools/0/name"),
            ("gemini", "/tools/0/functionDeclarations/0/name"),
            ("ollama", "/tools/0/function/name"),
        ] {
            let mut input = request();
            input.tools = [tool(name)].into();
            let tools = request_body(adapter, "m", &input).await;
            assert_eq!(tools.pointer(declared).unwrap(), name, "{adapter}");
            let tool = &tools["tools"][0];
            let is_a_function = tool.get("type").is_none_or(|kind| kind == "function");
            assert!(is_a_function && tool.get(name).is_none(), "{adapter} {tool}");
        }
    }
}

#[tokio::test]
async fn a_renamed_tool_gets_its_original_name_back() {
    let mut input = request();
    input.tools = [tool("web search")].into();
    let wire = request_body("openai", "m", &input).await["tools"][0]["function"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut frames = sse(&[
        json!({ "choices": [{ "delta": { "tool_calls": [{ "index": 0, "id": "a", "function": { "name": wire, "arguments": "{}" } }] } }] }),
        json!({ "choices": [{ "delta": {}, "finish_reason": "tool_calls" }] }),
    ]);
    frames.push("data: [DONE]\n\n".into());
    let stub = Stub::with_responses([StubResponse::stream(frames)]);
    let model = model("openai", "m", &stub);

    let deltas = all(&model, &input).await;
    assert!(outline(&deltas).contains("name: \"web search\""), "{}", outline(&deltas));
}

/// Whether the data, or the address, of a part goes out.
async fn sends_part(adapter: &str, kind: PartKind) -> bool {
    let stub = Stub::with_responses([]);
    let says_so = model(adapter, "m", &stub).accepts(&kind);
    let input = Request { history: vec![Turn::User(vec![part(kind)])], ..request() };
    let body = request_body(adapter, "m", &input).await.to_string();
    let is_taken = body.contains("QUJD") || body.contains("https://a.example/x");
    assert!(is_taken || body.contains("cannot be read here"), "{adapter} {body}");
    assert_eq!(says_so, is_taken, "{adapter}");
    is_taken
}

#[tokio::test]
async fn parts_are_sent_only_to_providers_that_accept_them() {
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
            image(image_data("image/png")),
            vec!["openai", "openai-responses", "anthropic", "gemini", "ollama", "groq"],
        ),
        ("image by URL", image(image_url()), vec!["openai", "openai-responses", "anthropic", "groq"]),
        (
            "pdf",
            document(image_data("application/pdf")),
            vec!["openai", "openai-responses", "anthropic", "gemini"],
        ),
        ("pdf by URL", document(image_url()), vec!["openai-responses", "anthropic"]),
        ("text file", document(image_data("text/csv")), vec![]),
        ("wav", audio(image_data("audio/wav")), vec!["openai", "gemini"]),
        ("ogg", audio(image_data("audio/ogg")), vec!["gemini"]),
        ("video", PartKind::Video { source: image_data("video/mp4") }, vec!["gemini"]),
        ("handle", image(file), vec![]),
        ("an image of a rare type", image(image_data("image/svg+xml")), vec![]),
        (
            "gif",
            image(image_data("image/gif")),
            vec!["openai", "openai-responses", "anthropic", "ollama", "groq"],
        ),
        ("a text declared as audio", audio(image_data("text/html")), vec![]),
        ("quicktime", PartKind::Video { source: image_data("video/quicktime") }, vec!["gemini"]),
        ("a document by URL that is not a pdf", document(typed("application/msword")), vec![]),
        (
            "a pdf by URL declared as pdf",
            document(typed("application/pdf")),
            vec!["openai-responses", "anthropic"],
        ),
        ("an address with a password", image(address("https://u:p@a.example/x")), vec![]),
        ("no data", image(coded("")), vec![]),
        ("no Base64", image(coded("QUJDR QUJD")), vec![]),
        ("a file URL", image(address("file:///https://a.example/x")), vec![]),
        (
            "an image declared as audio",
            image(Source::Url { value: "https://a.example/x".into(), mime_type: Some("audio/wav".into()) }),
            vec![],
        ),
    ] {
        for adapter in ADAPTERS.into_iter().chain(["groq"]) {
            assert_eq!(
                sends_part(adapter, kind.clone()).await,
                takers.contains(&adapter),
                "{what} {adapter}"
            );
        }
    }
}

/// Returns the address with which an image or a PDF of this address is sent, `None` if it is left out.
async fn sent_address(model: HttpModel, stub: &Stub, kind: PartKind) -> Option<String> {
    let is_accepted = model.accepts(&kind);
    let input = Request { history: vec![Turn::User(vec![text("Look."), part(kind)])], ..request() };
    all(&model, &input).await;
    let body = stub.requests().remove(0).body;
    let content = body.pointer("/messages/1/content").or(body.pointer("/messages/0/content"));
    let content = content.or(body.pointer("/input/0/content")).unwrap();
    let of_wire = ["/1/image_url/url", "/1/image_url", "/1/file_url", "/1/source/url"];
    let address =
        of_wire.iter().find_map(|pointer| content.pointer(pointer)?.as_str().map(ToOwned::to_owned));
    assert_eq!(address.is_some(), is_accepted, "{body}");
    address
}

#[tokio::test]
async fn addresses_of_private_hosts_are_left_out_on_each_wire() {
    let address = |value: &str| Source::Url { value: value.into(), mime_type: None };
    let secret = "https://169.254.169.254/latest/meta-data/";
    for (adapter, kind) in [
        ("openai", PartKind::Image { source: address(secret) }),
        ("openai-responses", PartKind::Image { source: address(secret) }),
        ("openai-responses", PartKind::Document { source: address(secret) }),
        ("anthropic", PartKind::Image { source: address(secret) }),
        ("anthropic", PartKind::Document { source: address(secret) }),
    ] {
        let stub = Stub::with_responses([]);
        assert_eq!(sent_address(model(adapter, "m", &stub), &stub, kind).await, None, "{adapter}");
    }
}

#[tokio::test]
async fn addresses_are_sent_as_they_were_read() {
    // Other programs take the host behind the `@`, or ignore a line break in another way.
    let image = |url: &str| PartKind::Image { source: Source::Url { value: url.into(), mime_type: None } };
    for (written, sent) in [
        ("https://a.example\\@127.0.0.1/x", "https://a.example/@127.0.0.1/x"),
        ("https:\\\\a.example\\x", "https://a.example/x"),
        ("ht\ntps://a.exam\tple/x y", "https://a.example/x%20y"),
        ("HTTPS://A.example/X", "https://a.example/X"),
    ] {
        let stub = Stub::with_responses([]);
        let address = sent_address(model("openai", "m", &stub), &stub, image(written)).await;
        assert_eq!(address.as_deref(), Some(sent), "{written}");
    }
}

#[tokio::test]
async fn server_at_another_address_gets_only_media_of_named_hosts() {
    let image = |url: &str| PartKind::Image { source: Source::Url { value: url.into(), mime_type: None } };
    let provider = Provider::named("openai").unwrap();
    let named = |hosts: &str| Some(hosts.parse::<MediaHosts>().unwrap());
    for (hosts, url, is_sent) in [
        (None, "https://a.example/x", false),
        (named("a.example"), "https://a.example/x", true),
        (named("a.example"), "https://b.example/x", false),
        (named("minio"), "http://minio:9000/x", true),
        (named("deny"), "https://a.example/x", false),
    ] {
        let stub = Stub::with_responses([]);
        let mut model = HttpModel::new(provider, "m", Credentials::None);
        // The order of the two settings does not matter.
        if let Some(hosts) = hosts.clone() {
            model = model.media_hosts(hosts);
        }
        let model = model.base_url(&stub.url()).unwrap();
        assert_eq!(sent_address(model, &stub, image(url)).await.is_some(), is_sent, "{hosts:?} {url}");
    }
    let own = HttpModel::new(provider, "m", Credentials::None);
    assert!(own.accepts(&image("https://a.example/x")) && !own.accepts(&image("https://localhost/x")));
    let same = own.base_url("https://api.openai.com/v1").unwrap();
    assert!(same.accepts(&image("https://a.example/x")), "the provider's own address is no other address");
}

#[tokio::test]
async fn mistral_gets_ids_of_nine_letters_and_digits() {
    let body = request_body("mistral", "m", &with_history("mistral/m", &[])).await;
    let calls = body["messages"][2]["tool_calls"].as_array().unwrap().clone();
    for (call, response) in calls.iter().zip([3, 4]) {
        let id = call["id"].as_str().unwrap();
        assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        assert_eq!(body["messages"][response]["tool_call_id"], id);
    }
}
