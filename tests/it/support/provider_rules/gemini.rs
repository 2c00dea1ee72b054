//! Gemini: `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`.
//!
//! Source: the API reference of `GenerateContentRequest`, the guides of function calling and thought
//! signatures, and the service's `INVALID_ARGUMENT`s. A member may be in camel or in snake case.

use serde_json::{Value, json};

use super::{Place, Verdict, each_is_refused, is_base64, unique};

/// The documented members of a body.
const MEMBERS: &str = "model contents tools toolConfig safetySettings systemInstruction generationConfig \
    cachedContent serviceTier store";

/// The members of a `FunctionDeclaration`.
const FUNCTION: &str =
    "name description behavior parameters parametersJsonSchema response responseJsonSchema";

/// The members of a `Schema`, which is a part of OpenAPI and not a JSON Schema.
const SCHEMA: &str = "type format title description nullable enum maxItems minItems properties required \
    minProperties maxProperties minLength maxLength pattern example anyOf propertyOrdering default items \
    minimum maximum";

/// Checks the body of a request to Gemini. `model` is the name of the model, which the URL has. An error is the first
/// fault.
pub(crate) fn check(model: &str, body: &Value) -> Verdict {
    let body = camel(body);
    let body = Place::root(&body);
    body.only(MEMBERS)?;
    tools(&body)?;
    if body.at("systemInstruction").is_given() {
        for part in body.at("systemInstruction").at("parts").list()? {
            part.at("text").not_blank()?;
        }
    }
    let thinking = body.at("generationConfig").at("thinkingConfig");
    let are_both = thinking.at("thinkingBudget").is_given() && thinking.at("thinkingLevel").is_given();
    thinking.must(!are_both, "must not have both a budget and a level")?;
    let contents = body.at("contents").list()?;
    contents.iter().try_for_each(content)?;
    let (first, last) = (contents[0].at("role"), contents[contents.len() - 1].at("role"));
    first.must(first.is("user"), "must be user in the first content")?;
    last.must(last.is("user"), "must be user in the last content")?;
    calls_are_answered(&contents)?;
    if model.contains("gemini-3") { steps_are_signed(&contents) } else { Ok(()) }
}

/// Returns the body with the names of its members in camel case. Data of the user, the model and the tools is not changed.
fn camel(value: &Value) -> Value {
    const DATA: &str =
        "args response parameters parametersJsonSchema responseJsonSchema responseSchema labels";
    match value {
        Value::Array(items) => items.iter().map(camel).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| {
                let mut words = key.split('_');
                let first = words.next().unwrap_or_default().to_owned();
                let key = words.fold(first, |key, word| {
                    let (initial, rest) = word.split_at(word.len().min(1));
                    key + &initial.to_ascii_uppercase() + rest
                });
                let value =
                    if DATA.split(' ').any(|data| data == key) { value.clone() } else { camel(value) };
                (key, value)
            });
            Value::Object(members.collect())
        }
        _ => value.clone(),
    }
}

/// Checks the tools, and the mode in which the model may call them.
fn tools(body: &Place<'_>) -> Verdict {
    let mut names = vec![];
    for tool in body.at("tools").items() {
        for function in tool.at("functionDeclarations").items() {
            function.only(FUNCTION)?;
            function_name(&function.at("name"))?;
            let (parameters, json_schema) = (function.at("parameters"), function.at("parametersJsonSchema"));
            json_schema
                .must(!parameters.is_given() || !json_schema.is_given(), "must not be beside parameters")?;
            if json_schema.is_given() {
                json_schema.at("type").must(json_schema.at("type").is("object"), "must be object")?;
            }
            if parameters.is_given() {
                let kind = parameters.at("type").text()?;
                parameters.at("type").must(kind.eq_ignore_ascii_case("object"), "must be object")?;
                schema(&parameters)?;
            }
            names.push(function.at("name"));
        }
    }
    let offered = unique(&names)?;
    let config = body.at("toolConfig").at("functionCallingConfig");
    if !config.is_given() {
        return Ok(());
    }
    config.must(!names.is_empty(), "needs function declarations")?;
    config.at("mode").one_of(&["AUTO", "ANY", "NONE", "VALIDATED"])?;
    let allowed = config.at("allowedFunctionNames");
    let is_choosing = config.at("mode").is("ANY") || config.at("mode").is("VALIDATED");
    allowed.must(allowed.items().is_empty() || is_choosing, "needs the mode ANY or VALIDATED")?;
    allowed.items().iter().try_for_each(|name| name.must(offered.contains(name.text()?), "is not on offer"))
}

/// Checks a schema in Gemini's own form, and the schemas inside of it.
fn schema(place: &Place<'_>) -> Verdict {
    place.only(SCHEMA)?;
    place.at("enum").items().iter().try_for_each(|item| item.text().map(drop))?;
    let properties = place.at("properties");
    for key in properties.value.as_object().into_iter().flatten().map(|(key, _)| key) {
        schema(&properties.at(key))?;
    }
    place.at("anyOf").items().iter().try_for_each(schema)?;
    if place.at("items").is_given() { schema(&place.at("items")) } else { Ok(()) }
}

/// Checks the characters and the length of a function's name.
fn function_name(name: &Place<'_>) -> Verdict {
    let text = name.text()?;
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_known = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    let is_name = starts_well && text.chars().all(is_known) && text.len() <= 64;
    name.must(is_name, "must be a letter or _ and up to 63 letters, digits, _ . : -")
}

/// Checks the role and the parts of a content, which is Gemini's word for a message.
fn content(content: &Place<'_>) -> Verdict {
    content.only("role parts")?;
    content.at("role").one_of(&["user", "model"])?;
    content.at("parts").list()?.iter().try_for_each(|part| part_of(part, content.at("role").is("model")))
}

/// Checks a part of a content. `is_model` is whether the model, and not the user, wrote the content.
fn part_of(part: &Place<'_>, is_model: bool) -> Verdict {
    const KINDS: &[&str] = &[
        "text",
        "inlineData",
        "fileData",
        "functionCall",
        "functionResponse",
        "executableCode",
        "codeExecutionResult",
    ];
    let kind = part.variant(KINDS, &["thought", "thoughtSignature", "videoMetadata", "mediaResolution"])?;
    let (inner, signature) = (part.at(kind), part.at("thoughtSignature"));
    signature.must(!signature.is_given() || is_bytes(&signature), "must be base64")?;
    match kind {
        // A stream may end with a signature on an empty text, which has to be sent back.
        "text" => inner.must(!inner.text()?.is_empty() || signature.is_given(), "must not be empty"),
        "inlineData" => {
            media_type(&inner.at("mimeType"))?;
            inner.at("data").must(is_bytes(&inner.at("data")), "must be base64")
        }
        "fileData" => {
            media_type(&inner.at("mimeType"))?;
            inner.at("fileUri").not_blank().map(drop)
        }
        "functionCall" => {
            part.must(is_model, "is for the model alone")?;
            inner.only("id name args")?;
            function_name(&inner.at("name"))?;
            inner
                .at("args")
                .must(!inner.at("args").is_given() || inner.at("args").value.is_object(), "must be an object")
        }
        "functionResponse" => {
            part.must(!is_model, "is for the user alone")?;
            inner.only("id name response willContinue scheduling parts")?;
            function_name(&inner.at("name"))?;
            inner.at("response").object()
        }
        _ => inner.object(),
    }
}

/// Whether a value is Base64 in either alphabet, with or without padding.
fn is_bytes(place: &Place<'_>) -> bool {
    let text = place.value.as_str().unwrap_or_default().trim_end_matches('=');
    let padding = "=".repeat(text.len().next_multiple_of(4) - text.len());
    is_base64(&(text.replace('-', "+").replace('_', "/") + &padding))
}

/// Source: <https://ai.google.dev/gemini-api/docs/file-input-methods>.
const MEDIA_TYPES: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/heic",
    "image/heif",
    "application/pdf",
    "audio/wav",
    "audio/mp3",
    "audio/aiff",
    "audio/aac",
    "audio/ogg",
    "audio/flac",
    "video/mp4",
    "video/mpeg",
    "video/mov",
    "video/avi",
    "video/x-flv",
    "video/mpg",
    "video/webm",
    "video/wmv",
    "video/3gpp",
];

/// Checks that the value is a media type that Gemini reads.
fn media_type(place: &Place<'_>) -> Verdict {
    let is_complete =
        place.text()?.split_once('/').is_some_and(|(kind, sub)| !kind.is_empty() && !sub.is_empty());
    place.must(is_complete, "must be a media type")?;
    place.must(MEDIA_TYPES.contains(&place.text()?), "must be a media type that Gemini reads")
}

/// Returns the values of the parts that have the member `kind`, such as `functionCall`.
fn parts_of<'a>(content: &Place<'a>, kind: &str) -> Vec<Place<'a>> {
    content.at("parts").items().iter().map(|part| part.at(kind)).filter(Place::is_given).collect()
}

/// Checks that calls follow a content of the user, and that the next content has one response for each call, in the same
/// order.
fn calls_are_answered(contents: &[Place<'_>]) -> Verdict {
    for (i, content) in contents.iter().enumerate() {
        let responses = parts_of(content, "functionResponse");
        let before = i.checked_sub(1).map(|before| &contents[before]);
        let calls = before.map(|before| parts_of(before, "functionCall")).unwrap_or_default();
        content.must(calls.len() == responses.len(), "must hold one response for each call before")?;
        for (call, response) in calls.iter().zip(&responses) {
            response
                .at("name")
                .must(response.at("name").value == call.at("name").value, "is not the call's")?;
            response.at("id").must(response.at("id").value == call.at("id").value, "is not the call's")?;
        }
        let follows_user = before.is_some_and(|before| before.at("role").is("user"));
        content.must(
            parts_of(content, "functionCall").is_empty() || follows_user,
            "calls, and not after the user",
        )?;
    }
    Ok(())
}

/// Checks that the first call in each content since the last message of the user has a signature.
fn steps_are_signed(contents: &[Place<'_>]) -> Verdict {
    let speaks = |content: &Place<'_>| {
        content.at("role").is("user") && parts_of(content, "functionResponse").is_empty()
    };
    let spoke = contents.iter().rposition(speaks).unwrap_or_default();
    for step in &contents[spoke..] {
        let parts = step.at("parts").items();
        if let Some(first) = parts.iter().find(|part| part.at("functionCall").is_given()) {
            first
                .at("thoughtSignature")
                .must(first.at("thoughtSignature").is_given(), "is missing in this step")?;
        }
    }
    Ok(())
}

/// Returns a body that the rules accept, for the table of refused ones.
fn valid() -> Value {
    json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {"maxOutputTokens": 1000, "thinkingConfig": {"thinkingLevel": "low"}},
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["now"]}},
        "tools": [{"functionDeclarations": [
            {"name": "weather", "description": "Tells it.", "parameters": {"type": "OBJECT", "properties": {
                "cities": {"type": "array", "items": {"type": "string", "enum": ["Bonn"]}},
                "day": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}}},
            {"name": "now", "parametersJsonSchema": {"type": "object", "additionalProperties": false}}]}],
        "contents": [
            {"role": "user", "parts": [
                {"text": "Where is this?"},
                {"inline_data": {"mime_type": "image/png", "data": "aGk="}},
                {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://a/b.pdf"}}]},
            {"role": "model", "parts": [
                {"functionCall": {"name": "weather", "args": {"cities": ["Bonn"]}}},
                {"functionCall": {"name": "now"}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "weather", "response": {"result": "rain"}}},
                {"functionResponse": {"name": "now", "response": {"result": "noon"}}}]},
            {"role": "model", "parts": [{"text": "Hm.", "thought": true}, {"text": "It rains."},
                {"text": "", "thoughtSignature": "aGk"}]},
            {"role": "user", "parts": [{"text": "And now?"}]},
            {"role": "model", "parts": [
                {"text": "I look."},
                {"functionCall": {"id": "c3", "name": "now", "args": {}}, "thoughtSignature": "_-8="},
                {"functionCall": {"id": "c4", "name": "now", "args": {}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "c3", "name": "now", "response": {}}},
                {"functionResponse": {"id": "c4", "name": "now", "response": {}}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "now"}, "thought_signature": "aGk="}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "now", "response": {}}}]},
        ],
    })
}

#[test]
fn each_rule_refuses_its_own_example() {
    each_is_refused(|body| check("gemini-3-pro", body), &valid(), include_str!("refused/gemini.txt"));
}

#[test]
fn older_models_accept_calls_without_signature() {
    let mut body = valid();
    body["contents"][7]["parts"][0]["thought_signature"].take();
    assert_eq!(check("gemini-2.5-pro", &body), Ok(()));
}
