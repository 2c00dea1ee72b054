//! Writes the body of a request for Bedrock.
//!
//! The SDK would build it from trees of values, which are many times as large in memory as the texts of a conversation, and
//! would write the members of a schema in another order each time, which no prompt cache survives.
//!
//! Source: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>.

use bytes::Bytes;
use serde_json::{Value, json};

use super::family::ModelFamily;
use super::messages::messages;
use crate::model::claude::{self, MIN_THINKING_BUDGET, ThinkingMode};
use crate::model::compat;
use crate::model::json_body::{Json, JsonBody};
use crate::model::{Request, ToolChoice};
use crate::protocol::Tool;

/// The tokens for the answer, if the limit leaves none after the thinking.
const ANSWER_TOKENS: u32 = 4096;

/// The guardrail that Bedrock applies to each turn.
#[derive(Debug, Clone)]
pub(super) struct Guardrail {
    /// The guardrail's id or ARN.
    pub(super) id: String,
    /// Its version.
    pub(super) version: String,
}

/// Writes the JSON body of a request. `name` is the model's full name, which marks the reasoning that it gets back.
pub(super) fn request_body(
    request: &Request,
    name: &str,
    family: ModelFamily,
    guardrail: Option<&Guardrail>,
) -> Bytes {
    let thinking = thinking_request(request, name, family);
    let mut body = JsonBody::new();
    body.list_unless_empty("system", system_blocks(request, family.caches));
    body.list("messages", messages(&request.history, name));
    if let Some(tools) = tool_configuration(request, family, thinking.is_some()) {
        body.json("toolConfig", tools);
    }
    body.members(&request_settings(request, family, thinking.as_ref()));
    if let Some(Guardrail { id, version }) = guardrail {
        let config = json!({
            "guardrailIdentifier": id,
            "guardrailVersion": version,
            "trace": "disabled",
            "streamProcessingMode": "sync",
        });
        body.member("guardrailConfig", &config);
    }
    body.finish()
}

/// How this request asks the model to think.
enum ThinkingRequest {
    /// With this budget of tokens.
    Budget(u32),
    /// With a budget that the model chooses.
    Adaptive,
}

impl ThinkingRequest {
    /// Returns the field `thinking` of the request, which Bedrock passes on to the Claude model.
    fn field(&self) -> Value {
        match self {
            Self::Budget(tokens) => json!({ "thinking": { "type": "enabled", "budget_tokens": tokens } }),
            Self::Adaptive => json!({ "thinking": { "type": "adaptive" } }),
        }
    }
}

/// Decides whether and how the model is asked to think. Returns `None` if the request sets no `thinking_tokens`, if the
/// model can't think, or if the history does not allow it now. `name` is the model's full name.
fn thinking_request(request: &Request, name: &str, family: ModelFamily) -> Option<ThinkingRequest> {
    let tokens = request.settings.thinking_tokens?;
    match family.thinking {
        ThinkingMode::Never => None,
        ThinkingMode::Budget if !claude::can_think(request, name) => None,
        ThinkingMode::Budget => Some(ThinkingRequest::Budget(tokens.max(MIN_THINKING_BUDGET))),
        ThinkingMode::Adaptive => Some(ThinkingRequest::Adaptive),
    }
}

/// Returns the members for token limit, temperature, stop texts and thinking, as far as they are set. With a thinking
/// budget the token limit is raised where it would leave no tokens for the answer, and a model that thinks gets no
/// temperature.
fn request_settings(request: &Request, family: ModelFamily, thinking: Option<&ThinkingRequest>) -> Value {
    let settings = &request.settings;
    let max_tokens = match (settings.max_tokens, thinking) {
        // The limit includes the thinking, and Bedrock's default limit may be smaller than the budget.
        (limit, Some(ThinkingRequest::Budget(budget))) if limit.is_none_or(|limit| limit <= *budget) => {
            Some(budget.saturating_add(ANSWER_TOKENS))
        }
        (limit, _) => limit,
    };
    let takes_temperature = thinking.is_none() && family.thinking != ThinkingMode::Adaptive;
    let temperature = settings.temperature.filter(|_| takes_temperature);
    let mut members = json!({});
    if let Some(max_tokens) = max_tokens {
        // Bedrock's number has 32 bits, with a sign.
        members["inferenceConfig"]["maxTokens"] = i32::try_from(max_tokens).unwrap_or(i32::MAX).into();
    }
    if let Some(temperature) = temperature {
        members["inferenceConfig"]["temperature"] = temperature.into();
    }
    if !settings.stop.is_empty() {
        members["inferenceConfig"]["stopSequences"] = settings.stop.as_slice().into();
    }
    if let Some(thinking) = thinking {
        members["additionalModelRequestFields"] = thinking.field();
    }
    members
}

/// Returns the system prompt as blocks; none if it is missing or blank. If `caches`, a cache point is appended.
fn system_blocks(request: &Request, caches: bool) -> impl Iterator<Item = Json<'_>> {
    let text = request.instructions.as_deref().filter(|text| !text.trim().is_empty());
    let cache_point = text.filter(|_| caches).map(|_| cache_point());
    let text = text.map(|text| Json::with_string(json!({ "text": null }), &["text"], text));
    text.into_iter().chain(cache_point)
}

/// Returns the declared tools and the tool choice; `None` if there is no tool to declare. If the request offers no
/// tools or forbids calls, the tools that the history has calls of are declared, because Bedrock requires it. If the
/// family caches tools, a cache point is appended; if `thinks`, no tool is forced.
fn tool_configuration(request: &Request, family: ModelFamily, thinks: bool) -> Option<Json<'_>> {
    let is_offered = request.settings.tool_choice != ToolChoice::None && !request.tools.is_empty();
    let in_history = if is_offered { Vec::new() } else { compat::tools_in_history(request) };
    let offered = if is_offered { &*request.tools } else { &[] };
    if offered.is_empty() && in_history.is_empty() {
        return None;
    }
    let mut config = json!({ "tools": null });
    match &request.settings.tool_choice {
        // A tool can't be forced while the model thinks.
        _ if thinks => {}
        ToolChoice::Required if !request.tools.is_empty() => config["toolChoice"] = json!({ "any": {} }),
        ToolChoice::Tool(name) if request.offers(name) => {
            config["toolChoice"] = json!({ "tool": { "name": compat::wire_tool_name(name) } });
        }
        _ => {}
    }
    let in_history = in_history.into_iter().map(|tool| tool_declaration(&tool));
    let cache_point = (family.caches && family.caches_tools).then(cache_point);
    let declared = offered.iter().map(tool_declaration).chain(in_history).chain(cache_point);
    Some(Json::with_list(config, &["tools"], declared))
}

/// Converts a tool into Bedrock's declaration, with a name and a schema that every provider accepts. A blank
/// description is left out.
fn tool_declaration<'a>(tool: &Tool) -> Json<'a> {
    let mut specification = json!({ "name": compat::wire_tool_name(&tool.name) });
    if !tool.description.trim().is_empty() {
        specification["description"] = tool.description.as_str().into();
    }
    // `json!` would copy the schema, which can be large.
    specification["inputSchema"]["json"] = compat::wire_schema(tool);
    let mut declaration = json!({});
    declaration["toolSpec"] = specification;
    declaration.into()
}

/// Returns a cache point, a marker up to which Bedrock caches the request.
fn cache_point<'a>() -> Json<'a> {
    json!({ "cachePoint": { "type": "default" } }).into()
}
