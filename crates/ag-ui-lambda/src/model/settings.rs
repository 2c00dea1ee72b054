//! How a model is asked, in terms that every provider has.

/// How a model is asked. What is not set is left to the provider.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelSettings {
    /// From 0, the same answer each time, to 1 or 2, whatever the provider allows.
    pub temperature: Option<f64>,
    /// The most tokens of one turn, reasoning included.
    pub max_tokens: Option<u32>,
    /// The most tokens of one turn's reasoning; it turns reasoning on where a model has it as a choice.
    pub thinking_tokens: Option<u32>,
    /// Whether the model may, must or must not call a tool.
    pub tool_choice: ToolChoice,
    /// Texts at which the model stops, four at most; they are not part of its answer. Responses has no such setting.
    pub stop: Vec<String>,
    /// Whether text between `<think>` and `</think>` is reasoning.
    pub think_tags: ThinkTags,
}

/// What tags in a model's text mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThinkTags {
    /// Nothing: they are text.
    #[default]
    Off,
    /// What stands between `<think>` and `</think>` is reasoning.
    On,
    /// The same, and each turn begins as reasoning: the chat template of the server has written the opening tag.
    Open,
}

/// Whether a model may, must or must not call a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// It decides itself.
    #[default]
    Auto,
    /// It calls no tool.
    None,
    /// It calls at least one, in the first turn of a run.
    Required,
    /// It calls the tool of this name, in the first turn of a run.
    Tool(String),
}
