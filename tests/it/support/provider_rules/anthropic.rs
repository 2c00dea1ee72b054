//! Anthropic Messages: `POST /v1/messages`.
//!
//! Source: the API reference, "Create a Message", the guides of tool use, extended thinking and prompt
//! caching, and the service's `invalid_request_error`s.

use serde_json::{Value, json};

use super::{IMAGE_TYPES, Place, Verdict, each_is_refused, is_plain_name, is_web_url, pair, unique};

/// The documented members of a body.
const MEMBERS: &str = "cache_control container context_management inference_geo max_tokens mcp_servers \
    messages metadata model output_config output_format service_tier speed stop_sequences stream system \
    temperature thinking tool_choice tools top_k top_p";

/// The documented members of a custom tool.
const TOOL: &str = "allowed_callers cache_control defer_loading description eager_input_streaming \
    input_examples input_schema name strict type";

/// Checks the body of a request to Anthropic's Messages API. An error is the first fault.
pub(crate) fn check(body: &Value) -> Verdict {
    let body = Place::root(body);
    body.only(MEMBERS)?;
    let model = body.at("model").not_blank()?;
    body.at("max_tokens").number(1)?;
    system(&body.at("system"))?;
    tools(&body)?;
    thinking(&body)?;
    let messages = body.at("messages").list()?;
    messages.iter().try_for_each(message)?;
    messages[0].at("role").must(messages[0].at("role").is("user"), "must be user in the first message")?;
    ending(&messages[messages.len() - 1], model, &body)?;
    let turns = turns(&messages);
    conversation(&turns)?;
    let (has_calls, tools) = (turns.iter().flat_map(|(_, blocks)| blocks).any(is_call), body.at("tools"));
    tools.must(!has_calls || tools.is_given(), "must be there for the calls in messages")?;
    if body.at("thinking").at("type").is("enabled") {
        loop_begins_with_thinking(&turns)?;
    }
    cached(&body, &turns)
}

/// Checks the system prompt: a string, or text blocks.
fn system(system: &Place<'_>) -> Verdict {
    for block in system.items() {
        block.at("type").must(block.at("type").is("text"), "must be text")?;
        text(&block)?;
    }
    let is_text = !system.is_given() || system.value.is_string();
    system.must(is_text || system.value.is_array(), "must be a string or an array of text")
}

/// Checks the tools, and that the tool choice names one of them.
fn tools(body: &Place<'_>) -> Verdict {
    let tools = body.at("tools").items();
    for tool in &tools {
        tool.only(TOOL)?;
        tool.at("name").plain_name(128)?;
        tool.at("input_schema").object_schema()?;
    }
    let offered = unique(&tools.iter().map(|tool| tool.at("name")).collect::<Vec<_>>())?;
    let choice = body.at("tool_choice");
    if !choice.is_given() {
        return Ok(());
    }
    choice.at("type").one_of(&["auto", "any", "tool", "none"])?;
    choice.must(!tools.is_empty(), "needs tools")?;
    let (is_named, name) = (choice.at("type").is("tool"), choice.at("name"));
    name.must(!is_named || offered.contains(name.text()?), "is not on offer")
}

/// Checks the settings of thinking: a budget below the limit of tokens, no other temperature than 1, and no forced call.
fn thinking(body: &Place<'_>) -> Verdict {
    let (thinking, kind) = (body.at("thinking"), body.at("thinking").at("type"));
    if !thinking.is_given() || kind.is("disabled") {
        return Ok(());
    }
    kind.one_of(&["enabled", "adaptive"])?;
    if kind.is("enabled") {
        let budget = thinking.at("budget_tokens").number(1024)?;
        let is_within = body.at("max_tokens").value.as_u64().is_some_and(|max_tokens| budget < max_tokens);
        thinking.at("budget_tokens").must(is_within, "must be less than max_tokens")?;
    }
    let temperature = body.at("temperature");
    let is_one = temperature.value.as_f64() == Some(1.0);
    temperature.must(!temperature.is_given() || is_one, "must be 1 when the model thinks")?;
    let forces = ["any", "tool"].iter().any(|kind| body.at("tool_choice").at("type").is(kind));
    body.at("tool_choice").must(!forces, "must not force a call when the model thinks")
}

/// Returns the content blocks of a message. If the content is a string, the string counts as one block.
fn blocks<'a>(message: &Place<'a>) -> Vec<Place<'a>> {
    let content = message.at("content");
    if content.value.is_string() { vec![content] } else { content.items() }
}

/// Checks the role and the content blocks of a message.
fn message(message: &Place<'_>) -> Verdict {
    message.only("role content")?;
    message.at("role").one_of(&["user", "assistant"])?;
    if message.at("content").value.is_string() {
        return message.at("content").not_blank().map(drop);
    }
    let blocks = message.at("content").list()?;
    if message.at("role").is("user") {
        return blocks.iter().try_for_each(|block| match block.at("type").text()? {
            "tool_result" => result(block),
            _ => input(block),
        });
    }
    for block in &blocks {
        match block.at("type").text()? {
            "text" => text(block)?,
            "tool_use" => call(block)?,
            _ => thought(block)?,
        }
    }
    let (first, last) = (&blocks[0], &blocks[blocks.len() - 1]);
    first.must(!blocks.iter().any(is_thought) || is_thought(first), "must be thinking, if any block is")?;
    last.must(!is_thought(last), "must not be thinking at the end of a message")
}

/// Checks a block of thinking, which may be redacted.
fn thought(block: &Place<'_>) -> Verdict {
    block.at("type").must(is_thought(block), "is unknown")?;
    if block.at("type").is("redacted_thinking") {
        block.only("type data")?;
        return block.at("data").not_blank().map(drop);
    }
    block.only("type thinking signature")?;
    block.at("thinking").text()?;
    block.at("signature").not_blank().map(drop)
}

/// Whether a block is thinking, redacted or not.
fn is_thought(block: &Place<'_>) -> bool {
    block.at("type").is("thinking") || block.at("type").is("redacted_thinking")
}

/// Whether a block is a tool call.
fn is_call(block: &Place<'_>) -> bool {
    block.at("type").is("tool_use")
}

/// Whether a block is a tool result.
fn is_result(block: &Place<'_>) -> bool {
    block.at("type").is("tool_result")
}

/// Checks a text block.
fn text(block: &Place<'_>) -> Verdict {
    block.only("type text cache_control citations")?;
    block.at("text").not_blank().map(drop)
}

/// Checks a block that is a tool call.
fn call(block: &Place<'_>) -> Verdict {
    block.only("type id name input cache_control")?;
    let id = block.at("id").value.as_str().unwrap_or_default();
    block.at("id").must(is_plain_name(id, usize::MAX), "must be letters, digits, _ and -")?;
    block.at("name").plain_name(128)?;
    block.at("input").object()
}

/// Checks a block that is a tool result: it may contain what a user message may, but an error may contain only text.
fn result(block: &Place<'_>) -> Verdict {
    block.only("type tool_use_id content is_error cache_control")?;
    let content = block.at("content");
    let is_list = content.value.is_array() || !content.is_given();
    content.must(is_list || content.value.is_string(), "must be a string or an array")?;
    content.items().iter().try_for_each(|part| {
        let is_fitting = part.at("type").is("text") || block.at("is_error").value != true;
        part.at("type").must(is_fitting, "must be text in an error")?;
        input(part)
    })
}

/// Checks a block of a user message: text, an image or a document.
fn input(block: &Place<'_>) -> Verdict {
    match block.at("type").text()? {
        "text" => text(block),
        "image" => {
            block.only("type source cache_control")?;
            source(&block.at("source"), IMAGE_TYPES)
        }
        "document" => {
            block.only("type source title context citations cache_control")?;
            source(&block.at("source"), &["application/pdf"])
        }
        _ => block.at("type").must(false, "is unknown"),
    }
}

/// Checks the source of an image or a document, whose media type must be one of `types`.
fn source(source: &Place<'_>, types: &[&str]) -> Verdict {
    match source.at("type").text()? {
        "base64" => {
            source.at("media_type").one_of(types)?;
            source.at("data").base64()
        }
        "url" => source.at("url").must(is_web_url(source.at("url").text()?), "must be a URL"),
        "text" if types == ["application/pdf"] => {
            source.at("media_type").one_of(&["text/plain"])?;
            source.at("data").not_blank().map(drop)
        }
        _ => source.at("type").must(false, "is unknown"),
    }
}

/// A turn: its role and its blocks. The service joins consecutive messages of one role.
type Turn<'a> = (&'a str, Vec<Place<'a>>);

/// Joins consecutive messages of one role to turns, as the service does.
fn turns<'a>(messages: &[Place<'a>]) -> Vec<Turn<'a>> {
    let mut turns: Vec<Turn<'a>> = vec![];
    for message in messages {
        let role = message.at("role").value.as_str().unwrap_or_default();
        match turns.last_mut() {
            Some((last, all)) if *last == role => all.extend(blocks(message)),
            _ => turns.push((role, blocks(message))),
        }
    }
    turns
}

/// Checks that each call has its result at the beginning of the next turn, and that no id of a call is used twice.
fn conversation(turns: &[Turn<'_>]) -> Verdict {
    let mut calls: Vec<Place<'_>> = vec![];
    let mut all_calls = vec![];
    for (_, blocks) in turns {
        let results: Vec<_> = blocks.iter().filter(|block| is_result(block)).cloned().collect();
        pair(&calls, &results.iter().map(|result| result.at("tool_use_id")).collect::<Vec<_>>())?;
        for (block, result) in blocks.iter().zip(&results) {
            result.must(is_result(block), "must come before all else")?;
        }
        calls = blocks.iter().filter(|block| is_call(block)).map(|call| call.at("id")).collect();
        all_calls.extend(calls.clone());
    }
    pair(&calls, &[])?;
    unique(&all_calls).map(drop)
}

/// Checks the last message: it must be the user's, except that older models continue a text which the request has begun for
/// them.
fn ending(last: &Place<'_>, model: &str, body: &Place<'_>) -> Verdict {
    if last.at("role").is("user") {
        return Ok(());
    }
    let goes_on = ["claude-3", "-4-0", "-4-1", "-4-2025", "-4-5"].iter().any(|old| model.contains(old));
    let thinks = body.at("thinking").is_given() && !body.at("thinking").at("type").is("disabled");
    last.at("role").must(goes_on && !thinks, "must be user in the last message")?;
    let end = blocks(last).pop().unwrap_or(last.at("content"));
    let text = if end.value.is_string() { end } else { end.at("text") };
    let is_open = text.value.as_str().is_some_and(|text| text.ends_with(char::is_whitespace));
    text.must(!is_open, "must not end with whitespace")
}

/// Checks that a tool loop that is still open began with thinking. Its later steps may omit the thinking.
fn loop_begins_with_thinking(turns: &[Turn<'_>]) -> Verdict {
    let is_step = |turn: &Turn<'_>| turn.0 == "assistant" || turn.1.iter().all(is_result);
    let asked = turns.iter().rposition(|turn| !is_step(turn));
    let first = asked.and_then(|asked| turns.get(asked + 1)).and_then(|(_, blocks)| blocks.first());
    first.map_or(Ok(()), |first| first.must(is_thought(first), "must be thinking, for a loop is in progress"))
}

/// Checks the cache breakpoints (`cache_control`): their type, and that there are at most four.
fn cached(body: &Place<'_>, turns: &[Turn<'_>]) -> Verdict {
    let blocks = turns.iter().flat_map(|(_, blocks)| blocks.clone());
    let nested = blocks.clone().filter(is_result).flat_map(|result| result.at("content").items());
    let places = [body.at("tools").items(), body.at("system").items()].concat().into_iter();
    let marks = places.chain(blocks).chain(nested).map(|place| place.at("cache_control"));
    let marked: Vec<_> = marks.filter(Place::is_given).collect();
    let mut kinds = marked.iter().map(|mark| mark.at("type"));
    kinds.try_for_each(|kind| kind.must(kind.is("ephemeral"), "must be ephemeral"))?;
    body.must(marked.len() <= 4, "must not have more than 4 cache_control")
}

/// Returns a body that the rules accept, for the table of refused ones.
fn valid() -> Value {
    json!({
        "model": "claude-opus-4-6", "max_tokens": 4000, "stream": true, "temperature": 1,
        "thinking": {"type": "enabled", "budget_tokens": 1024}, "tool_choice": {"type": "auto"},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "weather", "description": "Tells it.", "input_schema": {"type": "object"}},
            {"name": "now", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
                {"type": "document", "source": {"type": "url", "url": "https://a/b.pdf"}},
                {"type": "text", "text": "Where is this?"}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "", "signature": "Eo"},
                {"type": "redacted_thinking", "data": "Em"}, {"type": "text", "text": "I look it up."},
                {"type": "tool_use", "id": "c1", "name": "weather", "input": {}},
                {"type": "tool_use", "id": "c2", "name": "now", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c2", "content": "noon"},
                {"type": "tool_result", "tool_use_id": "c1", "is_error": true, "content": [
                    {"type": "text", "text": "no signal", "cache_control": {"type": "ephemeral"}}]},
                {"type": "text", "text": "Go on."}]},
            {"role": "assistant", "content": "It may rain."},
            {"role": "user", "content": "In Bonn?"}, {"role": "user", "content": "And when?"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "Ep"},
                {"type": "tool_use", "id": "c3", "name": "now", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c3"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c4", "name": "now", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c4", "content": "noon"}]},
        ],
    })
}

#[test]
fn each_rule_refuses_its_own_example() {
    each_is_refused(check, &valid(), include_str!("refused/anthropic.txt"));
}
