//! What Bedrock is asked: everything of a request but the messages and the model's id.

use aws_sdk_bedrockruntime::types::{
    AnyToolChoice, CachePointBlock, CachePointType, InferenceConfiguration, Message, SpecificToolChoice,
    SystemContentBlock, Tool, ToolChoice as WireChoice, ToolConfiguration, ToolInputSchema,
    ToolSpecification,
};
use aws_smithy_types::Document;
use serde_json::json;

use super::family::Family;
use super::messages::{document, messages};
use crate::model::claude::{self, LEAST_BUDGET, Thinking};
use crate::model::wire::{self, ToolNames};
use crate::model::{Request, ToolChoice};
use crate::protocol;

/// Tokens left for the answer, where a limit leaves none beside the thinking.
const ROOM_FOR_ANSWER: u32 = 4096;

/// A request in Bedrock's terms.
pub(super) struct Ask {
    pub(super) system: Option<Vec<SystemContentBlock>>,
    pub(super) messages: Vec<Message>,
    pub(super) tools: Option<ToolConfiguration>,
    pub(super) inference: Option<InferenceConfiguration>,
    /// Fields of the model's own maker.
    pub(super) more: Option<Document>,
    /// The tools' names, for the way back.
    pub(super) names: ToolNames,
}

impl Ask {
    /// The request for the model of this name and family. `prompt_cache` overrules what the family says.
    pub(super) fn new(request: &Request, name: &str, family: Family, prompt_cache: Option<bool>) -> Self {
        let caches = prompt_cache.unwrap_or(family.caches);
        let names = ToolNames::new(&request.tools);
        let thinking = thinking(request, name, family);
        Self {
            system: system(request, caches),
            messages: messages(&request.history, name),
            tools: tools(request, caches && family.caches_tools, thinking.is_some()),
            inference: inference(request, family, thinking.as_ref()),
            more: thinking.map(|thinking| thinking.field()),
            names,
        }
    }
}

/// How the model is told to think in this request.
enum Told {
    Budget(u32),
    Adaptive,
}

impl Told {
    fn field(&self) -> Document {
        document(match self {
            Self::Budget(tokens) => json!({ "thinking": { "type": "enabled", "budget_tokens": tokens } }),
            Self::Adaptive => json!({ "thinking": { "type": "adaptive" } }),
        })
    }
}

fn thinking(request: &Request, name: &str, family: Family) -> Option<Told> {
    let tokens = request.settings.thinking_tokens?;
    match family.thinking {
        Thinking::Never => None,
        Thinking::Budget if !claude::may_think(request, name) => None,
        Thinking::Budget => Some(Told::Budget(tokens.max(LEAST_BUDGET))),
        Thinking::Adaptive => Some(Told::Adaptive),
    }
}

fn inference(request: &Request, family: Family, thinking: Option<&Told>) -> Option<InferenceConfiguration> {
    let settings = &request.settings;
    let max_tokens = match (settings.max_tokens, thinking) {
        // The limit covers the thinking, and Bedrock's own may be smaller than the budget.
        (limit, Some(Told::Budget(budget))) if limit.is_none_or(|limit| limit <= *budget) => {
            Some(budget.saturating_add(ROOM_FOR_ANSWER))
        }
        (limit, _) => limit,
    };
    let takes_temperature = thinking.is_none() && family.thinking != Thinking::Adaptive;
    let temperature = settings.temperature.filter(|_| takes_temperature);
    let inference = InferenceConfiguration::builder()
        .set_max_tokens(max_tokens.map(|tokens| i32::try_from(tokens).unwrap_or(i32::MAX)))
        .set_temperature(temperature.map(|temperature| temperature as f32))
        .set_stop_sequences(Some(settings.stop.clone()).filter(|stop| !stop.is_empty()))
        .build();
    (max_tokens.is_some() || temperature.is_some() || !settings.stop.is_empty()).then_some(inference)
}

fn system(request: &Request, caches: bool) -> Option<Vec<SystemContentBlock>> {
    let text = request.instructions.as_deref().filter(|text| !text.trim().is_empty())?;
    let mut blocks = vec![SystemContentBlock::Text(text.to_owned())];
    if caches {
        blocks.push(SystemContentBlock::CachePoint(cache_point()));
    }
    Some(blocks)
}

fn tools(request: &Request, caches: bool, thinks: bool) -> Option<ToolConfiguration> {
    let is_offered = request.settings.tool_choice != ToolChoice::None && !request.tools.is_empty();
    let mut declared: Vec<Tool> = match is_offered {
        true => request.tools.iter().map(declaration).collect(),
        false => wire::named_by_history(request).iter().map(|tool| declaration(tool)).collect(),
    };
    if declared.is_empty() {
        return None;
    }
    if caches {
        declared.push(Tool::CachePoint(cache_point()));
    }
    let choice = match &request.settings.tool_choice {
        // Claude refuses to be forced while it thinks.
        _ if thinks => None,
        ToolChoice::Required if !request.tools.is_empty() => {
            Some(WireChoice::Any(AnyToolChoice::builder().build()))
        }
        ToolChoice::Tool(name) if request.offers(name) => {
            let choice = SpecificToolChoice::builder().name(wire::tool_name(name)).build();
            Some(WireChoice::Tool(choice.expect("the name is set")))
        }
        _ => None,
    };
    let tools = ToolConfiguration::builder().set_tools(Some(declared)).set_tool_choice(choice).build();
    Some(tools.expect("the tools are set"))
}

fn declaration(tool: &protocol::Tool) -> Tool {
    let description = Some(&tool.description).filter(|text| !text.trim().is_empty());
    let specification = ToolSpecification::builder()
        .name(wire::tool_name(&tool.name))
        .set_description(description.cloned())
        .input_schema(ToolInputSchema::Json(document(wire::schema(tool))));
    Tool::ToolSpec(specification.build().expect("name and schema are set"))
}

fn cache_point() -> CachePointBlock {
    let point = CachePointBlock::builder().r#type(CachePointType::Default).build();
    point.expect("the type is set")
}
