//! Settings of a model's turn, in terms that every provider has.

/// Holds the settings of a model's turn. Whatever is not set is left to the provider.
///
/// It is exhaustive, so that it can be written as a literal that ends in `..ModelSettings::default()`.
///
/// ```
/// use ag_ui_lambda::model::{ModelSettings, ToolChoice};
///
/// let settings = ModelSettings {
///     temperature: Some(0.2),
///     max_tokens: Some(1000),
///     tool_choice: ToolChoice::Required,
///     ..ModelSettings::default()
/// };
/// ```
#[expect(
    clippy::exhaustive_structs,
    reason = "applications set some fields and take the others from `ModelSettings::default()`"
)]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelSettings {
    /// How much answers vary: from 0, nearly the same answer each time, to 1 or 2, depending on the provider.
    pub temperature: Option<f64>,
    /// The maximum number of tokens that the model may write in one turn, reasoning included.
    pub max_tokens: Option<u32>,
    /// The maximum number of tokens of one turn's reasoning. Setting it turns reasoning on where a model has it as an
    /// option.
    pub thinking_tokens: Option<u32>,
    /// Whether the model may, must or must not call a tool.
    pub tool_choice: ToolChoice,
    /// Up to four texts at which the model stops; they are not part of its answer. OpenAI's Responses API has no such
    /// setting.
    pub stop: Vec<String>,
    /// Whether text between `<think>` and `</think>` is read as reasoning.
    pub think_tags: ThinkTags,
}

/// How `<think>` tags in a model's text are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThinkTags {
    /// The tags are ordinary text.
    #[default]
    Off,
    /// Text between `<think>` and `</think>` is reasoning.
    On,
    /// Text between the tags is reasoning, and each turn begins as reasoning, because the chat template of the server
    /// writes the opening tag into the prompt.
    Open,
}

/// Whether a model may, must or must not call a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// The model calls no tool.
    None,
    /// The model calls at least one tool in the first turn of a run.
    Required,
    /// The model calls the tool of this name in the first turn of a run.
    Tool(String),
}
