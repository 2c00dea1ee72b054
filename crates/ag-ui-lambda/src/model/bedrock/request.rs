//! Writes a request for Bedrock, except its messages and the model's id.

use std::sync::Arc;

use aws_sdk_bedrockruntime::types::{
    AnyToolChoice, CachePointBlock, CachePointType, InferenceConfiguration, Message, SpecificToolChoice,
    SystemContentBlock, Tool, ToolChoice as WireChoice, ToolConfiguration, ToolInputSchema,
    ToolSpecification,
};
use aws_smithy_types::Document;
use serde_json::{Value, json};

use super::family::ModelFamily;
use super::messages::messages;
use super::raw_json::RawJson;
use crate::model::claude::{self, MIN_THINKING_BUDGET, ThinkingMode};
use crate::model::compat::{self, ToolNames};
use crate::model::{Request, ToolChoice};
use crate::protocol;

/// The tokens for the answer, if the limit leaves none after the thinking.
const ANSWER_TOKENS: u32 = 4096;

/// A request in Bedrock's types.
pub(super) struct ConverseRequest {
    /// The system prompt.
    pub(super) system: Option<Vec<SystemContentBlock>>,
    /// The conversation.
    pub(super) messages: Vec<Message>,
    /// The declared tools and the tool choice.
    pub(super) tools: Option<ToolConfiguration>,
    /// Token limit, temperature and stop texts.
    pub(super) inference: Option<InferenceConfiguration>,
    /// Fields that only the vendor of the model knows, such as `thinking`.
    pub(super) additional_fields: Option<Document>,
    /// The tools' names, to restore the original ones in the response.
    pub(super) names: ToolNames,
    /// The JSON texts that take the places of markers in the rest.
    pub(super) raw: Arc<RawJson>,
}

impl ConverseRequest {
    /// Converts a request into Bedrock's types. `name` is the model's full name, which marks the reasoning that it gets
    /// back. `prompt_cache` overrides whether the model's family caches by default.
    pub(super) fn new(
        request: &Request,
        name: &str,
        family: ModelFamily,
        prompt_cache: Option<bool>,
    ) -> Self {
        let caches = prompt_cache.unwrap_or(family.caches);
        let mut raw = RawJson::new();
        let names = ToolNames::new(&request.tools);
        let thinking = thinking_request(request, name, family);
        Self {
            system: system_blocks(request, caches),
            messages: messages(&request.history, name, &mut raw),
            tools: tool_configuration(request, caches && family.caches_tools, thinking.is_some(), &mut raw),
            inference: inference_configuration(request, family, thinking.as_ref()),
            additional_fields: thinking.map(|thinking| raw.add(thinking.field().to_string())),
            names,
            raw: Arc::new(raw),
        }
    }
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

/// Returns token limit, temperature and stop texts of the request; `None` if none of them is set. With a thinking
/// budget the token limit is raised where it would leave no tokens for the answer, and a model that thinks gets no
/// temperature.
fn inference_configuration(
    request: &Request,
    family: ModelFamily,
    thinking: Option<&ThinkingRequest>,
) -> Option<InferenceConfiguration> {
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
    let inference = InferenceConfiguration::builder()
        .set_max_tokens(max_tokens.map(|tokens| i32::try_from(tokens).unwrap_or(i32::MAX)))
        .set_temperature(temperature.map(|temperature| temperature as f32))
        .set_stop_sequences(Some(settings.stop.clone()).filter(|stop| !stop.is_empty()))
        .build();
    (max_tokens.is_some() || temperature.is_some() || !settings.stop.is_empty()).then_some(inference)
}

/// Returns the system prompt as blocks; `None` if it is missing or blank. If `caches`, a cache point is appended.
fn system_blocks(request: &Request, caches: bool) -> Option<Vec<SystemContentBlock>> {
    let text = request.instructions.as_deref().filter(|text| !text.trim().is_empty())?;
    let mut blocks = vec![SystemContentBlock::Text(text.to_owned())];
    if caches {
        blocks.push(SystemContentBlock::CachePoint(cache_point()));
    }
    Some(blocks)
}

/// Returns the declared tools and the tool choice; `None` if there is no tool to declare. If the request offers no
/// tools or forbids calls, the tools that the history has calls of are declared, because Bedrock requires it. If
/// `caches`, a cache point is appended; if `thinks`, no tool is forced. The schemas are added to `raw`.
fn tool_configuration(
    request: &Request,
    caches: bool,
    thinks: bool,
    raw: &mut RawJson,
) -> Option<ToolConfiguration> {
    let is_offered = request.settings.tool_choice != ToolChoice::None && !request.tools.is_empty();
    let mut declared: Vec<Tool> = match is_offered {
        true => request.tools.iter().map(|tool| tool_declaration(tool, raw)).collect(),
        false => compat::tools_in_history(request).iter().map(|tool| tool_declaration(tool, raw)).collect(),
    };
    if declared.is_empty() {
        return None;
    }
    if caches {
        declared.push(Tool::CachePoint(cache_point()));
    }
    let choice = match &request.settings.tool_choice {
        // A tool can't be forced while the model thinks.
        _ if thinks => None,
        ToolChoice::Required if !request.tools.is_empty() => {
            Some(WireChoice::Any(AnyToolChoice::builder().build()))
        }
        ToolChoice::Tool(name) if request.offers(name) => {
            let choice = SpecificToolChoice::builder().name(compat::wire_tool_name(name)).build();
            Some(WireChoice::Tool(choice.expect("the name is set")))
        }
        _ => None,
    };
    let tools = ToolConfiguration::builder().set_tools(Some(declared)).set_tool_choice(choice).build();
    Some(tools.expect("the tools are set"))
}

/// Converts a tool into Bedrock's declaration, with a name and a schema that every provider accepts. A blank
/// description is left out. The schema is added to `raw`.
fn tool_declaration(tool: &protocol::Tool, raw: &mut RawJson) -> Tool {
    let description = Some(&tool.description).filter(|text| !text.trim().is_empty());
    let specification = ToolSpecification::builder()
        .name(compat::wire_tool_name(&tool.name))
        .set_description(description.cloned())
        .input_schema(ToolInputSchema::Json(raw.add(compat::wire_schema(tool).to_string())));
    Tool::ToolSpec(specification.build().expect("name and schema are set"))
}

/// Creates a cache point, a marker up to which Bedrock caches the request.
fn cache_point() -> CachePointBlock {
    let point = CachePointBlock::builder().r#type(CachePointType::Default).build();
    point.expect("the type is set")
}
