//! OpenAI chat completions: `POST /v1/chat/completions`.
//!
//! Source: the API reference, "Create chat completion", and the service's `invalid_request_error`s. Providers
//! that imitate it are less strict in places, and nowhere stricter.

use serde_json::{Value, json};

use super::{IMAGE_TYPES, Place, Verdict, each_is_refused, is_data_url, is_web_url, pair, unique};

/// The documented members of a body.
const MEMBERS: &str = "audio frequency_penalty function_call functions logit_bias logprobs \
    max_completion_tokens max_tokens messages metadata modalities model n parallel_tool_calls prediction \
    presence_penalty prompt_cache_key prompt_cache_retention reasoning_effort response_format \
    safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools \
    top_logprobs top_p user verbosity web_search_options";

/// The maximum length of a call's id. Older models are still served with this limit.
const LONGEST_ID: usize = 64;

/// Checks the body of a request to OpenAI's Chat Completions. An error is the first fault.
pub(crate) fn check(body: &Value) -> Verdict {
    let body = Place::root(body);
    body.only(MEMBERS)?;
    body.at("model").not_blank()?;
    let options = body.at("stream_options");
    options.must(!options.is_given() || body.at("stream").value == true, "needs stream")?;
    let offered = tools(&body)?;
    choice(&body.at("tool_choice"), &offered)?;
    conversation(&body.at("messages").list()?)
}

/// Checks the tools and returns their names. Without tools, the settings that need them are errors.
fn tools(body: &Place<'_>) -> Result<Vec<String>, String> {
    let tools = body.at("tools");
    if !tools.is_given() {
        for key in ["tool_choice", "parallel_tool_calls"] {
            body.at(key).must(!body.at(key).is_given(), "needs tools")?;
        }
        return Ok(vec![]);
    }
    let tools = tools.list()?;
    for tool in &tools {
        tool.only("type function")?;
        tool.at("type").must(tool.at("type").is("function"), "must be function")?;
        tool.at("function").only("name description parameters strict")?;
        tool.at("function").at("name").plain_name(64)?;
        parameters(&tool.at("function"))?;
    }
    let names: Vec<_> = tools.iter().map(|tool| tool.at("function").at("name")).collect();
    Ok(unique(&names)?.into_iter().map(ToOwned::to_owned).collect())
}

/// Checks the JSON Schema of a function's parameters: it must describe an object, and a strict one must be closed and
/// require every property.
pub(super) fn parameters(function: &Place<'_>) -> Verdict {
    let schema = function.at("parameters");
    if !schema.is_given() {
        return Ok(());
    }
    schema.object_schema()?;
    schema.at("properties").object()?;
    if function.at("strict").value != true {
        return Ok(());
    }
    let closed = schema.at("additionalProperties");
    closed.must(*closed.value == json!(false), "must be false in a strict schema")?;
    let required = schema.at("required");
    let is_required = |key: &String| required.items().iter().any(|item| item.is(key));
    let mut properties = schema.at("properties").value.as_object().into_iter().flatten();
    required.must(properties.all(|(key, _)| is_required(key)), "must name every property of a strict schema")
}

/// Checks the tool choice; a named tool must be among `offered`.
fn choice(choice: &Place<'_>, offered: &[String]) -> Verdict {
    if choice.value.is_object() {
        choice.at("type").must(choice.at("type").is("function"), "must be function")?;
        let name = choice.at("function").at("name");
        return name.must(offered.iter().any(|tool| name.is(tool)), "is not on offer");
    }
    if choice.is_given() { choice.one_of(&["none", "auto", "required"]) } else { Ok(()) }
}

/// Checks each message, and that the tool messages after an assistant message answer each of its calls once.
fn conversation(messages: &[Place<'_>]) -> Verdict {
    messages.iter().try_for_each(message)?;
    let mut rest = messages;
    while let Some((first, after)) = rest.split_first() {
        let ids: Vec<_> = first.at("tool_calls").items().iter().map(|call| call.at("id")).collect();
        let answers: Vec<_> = after.iter().take_while(|message| message.at("role").is("tool")).collect();
        pair(&ids, &answers.iter().map(|answer| answer.at("tool_call_id")).collect::<Vec<_>>())?;
        rest = &after[answers.len()..];
    }
    messages[0].must(!messages[0].at("role").is("tool"), "must follow the calls it answers")
}

/// Checks a message by its role.
fn message(message: &Place<'_>) -> Verdict {
    let (role, content, calls) = (message.at("role"), message.at("content"), message.at("tool_calls"));
    match role.text()? {
        "system" | "developer" => {
            message.only("role content name")?;
            text_content(&content, &["text"])
        }
        "user" => {
            message.only("role content name")?;
            text_content(&content, &["text", "image_url", "input_audio", "file"])
        }
        "tool" => {
            message.only("role content tool_call_id name")?;
            text_content(&content, &["text"])
        }
        "assistant" => {
            message.only("role content name refusal audio tool_calls")?;
            if calls.is_given() {
                calls.list()?.iter().try_for_each(call)?;
                return if content.is_given() {
                    text_content(&content, &["text", "refusal"])
                } else {
                    Ok(())
                };
            }
            content.must(!content.is(""), "must not be empty without calls")?;
            text_content(&content, &["text", "refusal"])
        }
        _ => role.must(false, "is unknown"),
    }
}

/// Checks a tool call of an assistant message.
fn call(call: &Place<'_>) -> Verdict {
    call.only("id type function")?;
    let id = call.at("id");
    id.must((1..=LONGEST_ID).contains(&id.text()?.len()), "must be of 1 to 64 bytes")?;
    call.at("type").must(call.at("type").is("function"), "must be function")?;
    call.at("function").only("name arguments")?;
    call.at("function").at("name").plain_name(64)?;
    arguments(&call.at("function").at("arguments"))
}

/// Checks the arguments of a call, which must be a string with JSON in it.
pub(super) fn arguments(arguments: &Place<'_>) -> Verdict {
    let is_json = serde_json::from_str::<Value>(arguments.text()?).is_ok();
    arguments.must(is_json, "must be JSON")
}

/// Checks the content of a message: a string, or parts whose types are in `kinds`.
fn text_content(content: &Place<'_>, kinds: &[&str]) -> Verdict {
    if content.value.is_string() {
        return Ok(());
    }
    for part in content.list()? {
        let kind = part.at("type");
        kind.one_of(kinds)?;
        part.only(&format!("type {}", kind.text()?))?;
        let inner = part.at(kind.text()?);
        match kind.text()? {
            "image_url" => {
                let url = inner.at("url");
                let text = url.text()?;
                url.must(is_web_url(text) || is_data_url(text, IMAGE_TYPES), "must be a URL of an image")?;
            }
            "input_audio" => {
                inner.at("data").base64()?;
                inner.at("format").one_of(&["wav", "mp3"])?;
            }
            "file" => {
                let is_complete = inner.at("filename").is_given() && inner.at("file_data").value.is_string();
                inner.must(
                    inner.at("file_id").is_given() || is_complete,
                    "needs file_id or filename and file_data",
                )?;
            }
            _ => drop(inner.text()?),
        }
    }
    Ok(())
}

/// Returns a body that the rules accept, for the table of refused ones.
fn valid() -> Value {
    json!({
        "model": "gpt-5", "stream": true, "stream_options": {"include_usage": true},
        "reasoning_effort": "low", "max_completion_tokens": 1000,
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "tools": [
            {"type": "function", "function": {"name": "weather", "description": "Tells it.", "strict": true,
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}},
                    "required": ["city"], "additionalProperties": false}}},
            {"type": "function", "function": {"name": "now",
                "parameters": {"type": "object", "properties": {}}}},
        ],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "Where is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
                {"type": "file", "file": {
                    "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}}]},
            {"role": "assistant", "content": "I look it up.", "tool_calls": [
                {"id": "c1", "type": "function", "function": {
                    "name": "weather", "arguments": "{\"city\":\"Bonn\"}"}},
                {"id": "c2", "type": "function", "function": {"name": "now", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c2", "content": "noon"},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "rain"}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c3", "type": "function", "function": {"name": "now", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c3", "content": ""},
            {"role": "assistant", "content": "It rains in Bonn."},
            {"role": "user", "content": "Thanks."},
        ],
    })
}

#[test]
fn each_rule_refuses_its_own_example() {
    each_is_refused(check, &valid(), include_str!("refused/openai_chat.txt"));
}
