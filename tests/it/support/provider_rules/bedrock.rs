//! Amazon Bedrock `ConverseStream`: `POST /model/{modelId}/converse-stream`.
//!
//! Source: the API reference of `ConverseStream` with the constraints of its types, the guides of tool use,
//! prompt caching and extended thinking, and the service's `ValidationException`s. The rules of reasoning and
//! of alternating roles are those of Claude, the strictest of its models.

use serde_json::{Value, json};

use super::{Place, Verdict, each_is_refused, pair, unique};

/// The documented members of a body.
const MEMBERS: &str = "additionalModelRequestFields additionalModelResponseFieldPaths guardrailConfig \
    inferenceConfig messages outputConfig performanceConfig promptVariables requestMetadata serviceTier \
    system toolConfig";

/// Checks the body of a request to Bedrock's ConverseStream. An error is the first fault.
pub(crate) fn check(body: &Value) -> Verdict {
    let body = Place::root(body);
    body.only(MEMBERS)?;
    let system = body.at("system").items();
    for block in &system {
        match block.variant(&["text", "cachePoint", "guardContent"], &[])? {
            "text" => drop(block.at("text").not_blank()?),
            kind => block.at(kind).object()?,
        }
    }
    tools(&body.at("toolConfig"))?;
    let thinks = thinking(&body)?;
    let messages = body.at("messages").list()?;
    messages.iter().try_for_each(message)?;
    conversation(&messages)?;
    let blocks: Vec<_> = messages.iter().flat_map(|message| message.at("content").items()).collect();
    let calls = |block: &Place<'_>| block.at("toolUse").is_given() || block.at("toolResult").is_given();
    let config = body.at("toolConfig");
    config.must(config.is_given() || !blocks.iter().any(calls), "must be there for the calls in messages")?;
    if thinks {
        loop_begins_with_reasoning(&messages)?;
    }
    documents(&blocks)?;
    let lists = [vec![system, config.at("tools").items()], messages.iter().map(blocks_of).collect()].concat();
    cached(&body, &lists)
}

/// Returns the content blocks of a message.
fn blocks_of<'a>(message: &Place<'a>) -> Vec<Place<'a>> {
    message.at("content").items()
}

/// Checks the tools, and that the tool choice names one of them. `config` is the member `toolConfig`.
fn tools(config: &Place<'_>) -> Verdict {
    if !config.is_given() {
        return Ok(());
    }
    let mut names = vec![];
    for tool in config.at("tools").list()? {
        if tool.variant(&["toolSpec", "cachePoint", "systemTool"], &[])? != "toolSpec" {
            continue;
        }
        let spec = tool.at("toolSpec");
        spec.only("name description inputSchema strict")?;
        spec.at("name").plain_name(64)?;
        spec.at("description").must(!spec.at("description").is(""), "must not be empty")?;
        spec.at("inputSchema").at("json").object_schema()?;
        names.push(spec.at("name"));
    }
    let offered = unique(&names)?;
    let choice = config.at("toolChoice");
    if choice.is_given() && choice.variant(&["auto", "any", "tool"], &[])? == "tool" {
        let name = choice.at("tool").at("name");
        return name.must(offered.contains(name.text()?), "is not on offer");
    }
    Ok(())
}

/// Returns whether reasoning is enabled; an error if another setting does not allow it.
fn thinking(body: &Place<'_>) -> Result<bool, String> {
    let inference = body.at("inferenceConfig");
    if inference.is_given() {
        inference.only("maxTokens temperature topP stopSequences")?;
    }
    let max_tokens = inference.at("maxTokens");
    if max_tokens.is_given() {
        max_tokens.number(1)?;
    }
    let extra = body.at("additionalModelRequestFields");
    let both = [extra.at("thinking"), extra.at("reasoning_config")];
    let Some(thinking) = both.iter().find(|thinking| thinking.at("type").is("enabled")) else {
        return Ok(false);
    };
    let budget = thinking.at("budget_tokens").number(1024)?;
    let is_within = max_tokens.value.as_u64().is_some_and(|max_tokens| budget < max_tokens);
    thinking.at("budget_tokens").must(is_within, "must be less than maxTokens")?;
    let temperature = inference.at("temperature");
    temperature.must(!temperature.is_given(), "must not be set when the model thinks")?;
    let choice = body.at("toolConfig").at("toolChoice");
    let forces = choice.at("any").is_given() || choice.at("tool").is_given();
    choice.must(!forces, "must not force a call when the model thinks")?;
    Ok(true)
}

/// Checks the role and the content blocks of a message.
fn message(message: &Place<'_>) -> Verdict {
    message.only("role content")?;
    let role = message.at("role");
    role.one_of(&["user", "assistant"])?;
    let blocks = message.at("content").list()?;
    let known: &[_] = if role.is("user") {
        &["text", "image", "document", "video", "audio", "toolResult", "guardContent", "cachePoint"]
    } else {
        &["text", "toolUse", "reasoningContent", "citationsContent", "cachePoint"]
    };
    for block in &blocks {
        content(block, block.variant(known, &[])?)?;
    }
    let has = |kind: &str| blocks.iter().any(|block| block.at(kind).is_given());
    message.at("content").must(!has("document") || has("text"), "must hold text beside a document")?;
    let (first, last) = (&blocks[0], &blocks[blocks.len() - 1]);
    let begins = first.at("reasoningContent").is_given();
    first.must(begins || !has("reasoningContent"), "must be reasoning, if any block is")?;
    last.must(!last.at("reasoningContent").is_given(), "must not be reasoning at the end of a message")
}

/// Checks a content block whose only member is `kind`.
fn content(block: &Place<'_>, kind: &str) -> Verdict {
    let inner = block.at(kind);
    match kind {
        "text" => inner.not_blank().map(drop),
        "image" => {
            inner.only("format source")?;
            inner.at("format").one_of(&["png", "jpeg", "gif", "webp"])?;
            source(&inner.at("source"))
        }
        "document" => document(&inner),
        "toolUse" => {
            inner.only("toolUseId name input type")?;
            inner.at("toolUseId").plain_name(64)?;
            inner.at("name").plain_name(64)?;
            inner.at("input").object()
        }
        "toolResult" => {
            inner.only("toolUseId content status type")?;
            inner.at("toolUseId").plain_name(64)?;
            let status = inner.at("status");
            status.must(!status.is_given() || status.one_of(&["success", "error"]).is_ok(), "is unknown")?;
            inner.at("content").must(inner.at("content").value.is_array(), "must be an array")?;
            inner.at("content").items().iter().try_for_each(|part| {
                content(
                    part,
                    part.variant(&["text", "json", "image", "document", "video", "searchResult"], &[])?,
                )
            })
        }
        "reasoningContent" => match inner.variant(&["reasoningText", "redactedContent"], &[])? {
            "reasoningText" => {
                inner.at("reasoningText").at("text").text()?;
                inner.at("reasoningText").at("signature").not_blank().map(drop)
            }
            kind => inner.at(kind).base64(),
        },
        _ => inner.object(),
    }
}

/// Checks the format, the name and the source of a document.
fn document(document: &Place<'_>) -> Verdict {
    document.only("format name source context citations")?;
    let formats = ["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"];
    document.at("format").one_of(&formats)?;
    let name = document.at("name");
    let is_known = |c: char| c.is_ascii_alphanumeric() || " ()[]-".contains(c);
    let is_name = (1..=200).contains(&name.text()?.len()) && name.text()?.chars().all(is_known);
    name.must(is_name && !name.text()?.contains("  "), "must be letters, digits, - () [] and single spaces")?;
    source(&document.at("source"))
}

/// Checks the source of an image or a document.
fn source(source: &Place<'_>) -> Verdict {
    match source.variant(&["bytes", "s3Location", "text", "content"], &[])? {
        "bytes" => source.at("bytes").base64(),
        "s3Location" => {
            let uri = source.at("s3Location").at("uri");
            uri.must(uri.text()?.starts_with("s3://"), "must be a URI of S3")
        }
        _ => Ok(()),
    }
}

/// Checks that the roles alternate, and that each call has its result at the beginning of the next message.
fn conversation(messages: &[Place<'_>]) -> Verdict {
    let mut calls: Vec<Place<'_>> = vec![];
    for (i, message) in messages.iter().enumerate() {
        let turn = if i % 2 == 0 { "user" } else { "assistant" };
        message.at("role").must(message.at("role").is(turn), "must alternate, and the user begins")?;
        let blocks = blocks_of(message);
        let results: Vec<_> = blocks.iter().filter(|block| block.at("toolResult").is_given()).collect();
        let ids: Vec<_> = results.iter().map(|result| result.at("toolResult").at("toolUseId")).collect();
        pair(&calls, &ids)?;
        for block in &blocks[..results.len()] {
            block.must(block.at("toolResult").is_given(), "must be a result, for these come first")?;
        }
        let uses = blocks.iter().map(|block| block.at("toolUse")).filter(Place::is_given);
        calls = uses.map(|call| call.at("toolUseId")).collect();
    }
    let last = messages[messages.len() - 1].at("role");
    last.must(last.is("user"), "must be user in the last message")
}

/// Checks that a tool loop that is still open began with reasoning. Its later steps may omit the reasoning.
fn loop_begins_with_reasoning(messages: &[Place<'_>]) -> Verdict {
    let is_answer =
        |block: &Place<'_>| block.at("toolResult").is_given() || block.at("cachePoint").is_given();
    let asks =
        |message: &Place<'_>| message.at("role").is("user") && !blocks_of(message).iter().all(is_answer);
    let asked = messages.iter().rposition(asks).unwrap_or_default();
    let step = messages.get(asked + 1).and_then(|step| blocks_of(step).into_iter().next());
    let Some(first) = step else { return Ok(()) };
    first.must(first.at("reasoningContent").is_given(), "must be reasoning, for a loop is in progress")
}

/// Checks that the documents among these blocks have different names and are at most five.
fn documents(blocks: &[Place<'_>]) -> Verdict {
    let nested = blocks.iter().flat_map(|block| block.at("toolResult").at("content").items());
    let all = blocks.iter().cloned().chain(nested).map(|block| block.at("document"));
    let names: Vec<_> = all.filter(Place::is_given).map(|document| document.at("name")).collect();
    unique(&names)?;
    names.get(5).map_or(Ok(()), |sixth| sixth.must(false, "is of a sixth document"))
}

/// Checks the cache points in these lists of blocks: each follows another block, and the request has at most four.
fn cached(body: &Place<'_>, lists: &[Vec<Place<'_>>]) -> Verdict {
    let is_point = |block: &Place<'_>| block.at("cachePoint").is_given();
    for list in lists {
        for (i, block) in list.iter().enumerate().filter(|(_, block)| is_point(block)) {
            let kind = block.at("cachePoint").at("type");
            kind.must(kind.is("default"), "must be default")?;
            block.must(i > 0, "must not be first")?;
            let before = list[i - 1].at("document");
            let is_complete = !before.is_given() || before.at("format").is("pdf");
            block.must(is_complete, "must not follow a document that the service reads as text")?;
        }
    }
    body.must(
        lists.iter().flatten().filter(|block| is_point(block)).count() <= 4,
        "must not have more than 4 cache points",
    )
}

/// Returns a body that the rules accept, for the table of refused ones.
fn valid() -> Value {
    json!({
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
        "inferenceConfig": {"maxTokens": 4000},
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        "toolConfig": {"toolChoice": {"auto": {}}, "tools": [
            {"toolSpec": {"name": "weather", "description": "Tells it.",
                "inputSchema": {"json": {"type": "object"}}}},
            {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}},
            {"cachePoint": {"type": "default"}}]},
        "messages": [
            {"role": "user", "content": [
                {"image": {"format": "png", "source": {"bytes": "aGk="}}},
                {"document": {"format": "txt", "name": "A town (1)",
                    "source": {"s3Location": {"uri": "s3://a/b"}}}},
                {"text": "Where is this?"}, {"cachePoint": {"type": "default"}}]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "Eo"}}},
                {"reasoningContent": {"redactedContent": "aGk="}},
                {"text": "I look it up."},
                {"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"city": "Bonn"}}},
                {"toolUse": {"toolUseId": "c2", "name": "now", "input": {}}}]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "c2", "content": [{"json": {"time": "noon"}}]}},
                {"toolResult": {"toolUseId": "c1", "status": "error", "content": [{"text": "no signal"}]}},
                {"text": "Go on."}]},
            {"role": "assistant", "content": [{"text": "It may rain."}]},
            {"role": "user", "content": [{"text": "And when?"}]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "", "signature": "Ep"}}},
                {"toolUse": {"toolUseId": "c3", "name": "now", "input": {}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "c3", "content": []}}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c4", "name": "now", "input": {}}}]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "c4", "content": [{"text": "noon"}]}},
                {"cachePoint": {"type": "default"}}]},
        ],
    })
}

#[test]
fn each_rule_refuses_its_own_example() {
    each_is_refused(check, &valid(), include_str!("refused/bedrock.txt"));
}
