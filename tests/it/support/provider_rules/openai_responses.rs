//! OpenAI Responses: `POST /v1/responses`.
//!
//! Source: the API reference, "Create a model response", and the service's `invalid_request_error`s.

use serde_json::{Value, json};

use super::openai_chat::{arguments, parameters};
use super::{IMAGE_TYPES, Place, Verdict, each_is_refused, is_data_url, is_web_url, pair, unique};

/// The documented members of a body.
const MEMBERS: &str = "background context_management conversation include input instructions \
    max_output_tokens max_tool_calls metadata model parallel_tool_calls previous_response_id prompt \
    prompt_cache_key prompt_cache_retention reasoning safety_identifier service_tier store stream \
    stream_options temperature text tool_choice tools top_logprobs top_p truncation user";

/// Checks the body of a request to OpenAI's Responses API. An error is the first fault.
pub(crate) fn check(body: &Value) -> Verdict {
    let body = Place::root(body);
    body.only(MEMBERS)?;
    body.at("model").not_blank()?;
    let options = body.at("stream_options");
    options.must(!options.is_given() || body.at("stream").value == true, "needs stream")?;
    tools(&body)?;
    if body.at("input").value.is_string() {
        return body.at("input").not_blank().map(drop);
    }
    let items = body.at("input").list()?;
    items.iter().try_for_each(item)?;
    unique(&items.iter().map(|item| item.at("id")).filter(Place::is_given).collect::<Vec<_>>())?;
    calls_are_answered(&items)?;
    reasoning_is_followed(&items)?;
    if *body.at("store").value == json!(false) { stateless(&body, &items) } else { Ok(()) }
}

/// Checks the tools, which have the name beside the type, and that the tool choice names one of them.
fn tools(body: &Place<'_>) -> Verdict {
    let tools = body.at("tools").items();
    for tool in &tools {
        tool.only("type name description parameters strict")?;
        tool.at("type").must(tool.at("type").is("function"), "must be function")?;
        tool.at("name").plain_name(64)?;
        tool.at("parameters").object()?;
        parameters(tool)?;
    }
    let offered = unique(&tools.iter().map(|tool| tool.at("name")).collect::<Vec<_>>())?;
    let choice = body.at("tool_choice");
    if choice.value.is_object() {
        choice.at("type").must(choice.at("type").is("function"), "must be function")?;
        return choice.at("name").must(offered.contains(choice.at("name").text()?), "is not on offer");
    }
    if choice.is_given() { choice.one_of(&["none", "auto", "required"]) } else { Ok(()) }
}

/// Returns the type of an item; `message` for an item with a role and without a type.
fn kind<'a>(item: &Place<'a>) -> &'a str {
    let default = if item.at("role").is_given() { "message" } else { "" };
    item.at("type").value.as_str().unwrap_or(default)
}

/// Checks an item of the input by its type.
fn item(item: &Place<'_>) -> Verdict {
    match kind(item) {
        "message" => {
            item.only("type role content id status phase")?;
            item.at("role").one_of(&["system", "developer", "user", "assistant"])?;
            has_id(item, "msg_")?;
            text_content(&item.at("content"), item.at("role").is("assistant"))
        }
        "function_call" => {
            item.only("type call_id name arguments id status")?;
            has_id(item, "fc_")?;
            call_id(item)?;
            item.at("name").plain_name(64)?;
            arguments(&item.at("arguments"))
        }
        "function_call_output" => {
            item.only("type call_id output id status")?;
            call_id(item)?;
            text_content(&item.at("output"), false)
        }
        "reasoning" => {
            item.only("type summary encrypted_content id status content")?;
            has_id(item, "rs_")?;
            item.at("summary").must(item.at("summary").value.is_array(), "must be an array")?;
            for part in item.at("summary").items() {
                part.at("type").must(part.at("type").is("summary_text"), "must be summary_text")?;
                part.at("text").text()?;
            }
            item.at("content").must(item.at("content").items().is_empty(), "must be empty")
        }
        _ => item.at("type").must(false, "is unknown"),
    }
}

/// Checks that the id of an item, if there is one, begins with `prefix`.
fn has_id(item: &Place<'_>, prefix: &str) -> Verdict {
    let id = item.at("id");
    let is_right = id.value.as_str().is_some_and(|id| id.starts_with(prefix));
    id.must(!id.is_given() || is_right, &format!("must begin with {prefix}"))
}

/// Checks the length of the id by which an item names a call.
fn call_id(item: &Place<'_>) -> Verdict {
    let id = item.at("call_id");
    id.must((1..=64).contains(&id.text()?.len()), "must be of 1 to 64 bytes")
}

/// Checks a content: a string or parts. `is_output` is whether the model wrote it, since then other types of parts are
/// allowed.
fn text_content(content: &Place<'_>, is_output: bool) -> Verdict {
    if content.value.is_string() {
        return Ok(());
    }
    for part in content.list()? {
        let known: &[_] = if is_output {
            &["output_text", "refusal"]
        } else {
            &["input_text", "input_image", "input_file"]
        };
        part.at("type").one_of(known)?;
        match part.at("type").text()? {
            "input_image" => {
                let url = part.at("image_url");
                if !part.at("file_id").is_given() {
                    let text = url.text()?;
                    url.must(
                        is_web_url(text) || is_data_url(text, IMAGE_TYPES),
                        "must be a URL of an image",
                    )?;
                }
            }
            "input_file" => {
                let is_complete = part.at("filename").is_given() && part.at("file_data").value.is_string();
                let is_elsewhere = part.at("file_id").is_given() || part.at("file_url").is_given();
                part.must(is_complete || is_elsewhere, "needs file_id, file_url or filename and file_data")?;
            }
            "refusal" => drop(part.at("refusal").text()?),
            _ => drop(part.at("text").text()?),
        }
    }
    Ok(())
}

/// Checks that each call has its output after it, and before the next message.
fn calls_are_answered(items: &[Place<'_>]) -> Verdict {
    for stretch in items.split(|item| kind(item) == "message") {
        let ids = |of: &str| -> Vec<_> {
            stretch.iter().filter(|item| kind(item) == of).map(|item| item.at("call_id")).collect()
        };
        pair(&ids("function_call"), &ids("function_call_output"))?;
        for (i, output) in stretch.iter().enumerate().filter(|(_, item)| kind(item) == "function_call_output")
        {
            let id = output.at("call_id");
            let mut calls = stretch[..i].iter().filter(|item| kind(item) == "function_call");
            id.must(calls.any(|call| call.at("call_id").value == id.value), "comes before its call")?;
        }
    }
    let calls = items.iter().filter(|item| kind(item) == "function_call").map(|call| call.at("call_id"));
    unique(&calls.collect::<Vec<_>>()).map(drop)
}

/// Checks that each reasoning item is followed by another item of the model.
fn reasoning_is_followed(items: &[Place<'_>]) -> Verdict {
    let is_output = |item: &Place<'_>| match kind(item) {
        "message" => item.at("role").is("assistant"),
        kind => kind == "function_call" || kind == "reasoning",
    };
    let mut reasoning = items.iter().enumerate().filter(|(_, item)| kind(item) == "reasoning");
    reasoning.try_for_each(|(i, item)| {
        item.must(items.get(i + 1).is_some_and(is_output), "is without its required following item")
    })
}

/// Checks a request that stores nothing at the provider: each reasoning item must contain its encrypted content, and the
/// request must ask for such content.
fn stateless(body: &Place<'_>, items: &[Place<'_>]) -> Verdict {
    for item in items.iter().filter(|item| kind(item) == "reasoning") {
        item.at("encrypted_content").not_blank()?;
        let include = body.at("include");
        let is_asked = include.items().iter().any(|item| item.is("reasoning.encrypted_content"));
        include.must(is_asked, "must hold reasoning.encrypted_content")?;
    }
    Ok(())
}

/// Returns a body that the rules accept, for the table of refused ones.
fn valid() -> Value {
    json!({
        "model": "gpt-5", "instructions": "Be brief.", "stream": true, "store": false,
        "max_output_tokens": 1000, "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "low", "summary": "auto"},
        "tool_choice": {"type": "function", "name": "now"},
        "tools": [
            {"type": "function", "name": "weather", "description": "Tells it.", "strict": true,
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}},
                    "required": ["city"], "additionalProperties": false}},
            {"type": "function", "name": "now", "parameters": {"type": "object", "properties": {}}},
        ],
        "input": [
            {"role": "developer", "content": "Be polite."},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "Where is this?"},
                {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
                {"type": "input_file", "filename": "a.pdf",
                    "file_data": "data:application/pdf;base64,aGk="}]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}],
                "encrypted_content": "gAAA"},
            {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gBBB"},
            {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "weather", "arguments": "{}"},
            {"type": "function_call", "call_id": "c2", "name": "now", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c2", "output": "noon"},
            {"type": "function_call_output", "call_id": "c1",
                "output": [{"type": "input_text", "text": "rain"}]},
            {"type": "function_call", "call_id": "c3", "name": "now", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c3", "output": ""},
            {"role": "assistant", "id": "msg_1", "content": [{"type": "output_text", "text": "It rains."}]},
            {"role": "user", "content": "Thanks."},
        ],
    })
}

#[test]
fn each_rule_refuses_its_own_example() {
    each_is_refused(check, &valid(), include_str!("refused/openai_responses.txt"));
}
