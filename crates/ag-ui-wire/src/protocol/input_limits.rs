//! How much an input may hold, beside its length: what a server reads of it takes memory and time.

/// The limits of an input that a server reads. [`InputLimits::default`] has limits for conversations of people.
///
/// The length of the text is not among them; whoever receives it limits it. An element or a value that is larger in memory
/// than in its text has a limit here.
///
/// ```
/// use ag_ui_wire::protocol::InputLimits;
///
/// let mut limits = InputLimits::default();
/// limits.tools = 20;
/// # let _ = limits;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InputLimits {
    /// How many messages the conversation may have. 5,000 by default.
    pub messages: usize,
    /// How many tool calls all messages may have together. 5,000 by default.
    pub tool_calls: usize,
    /// How many parts the contents of all messages may have together. 5,000 by default.
    pub content_parts: usize,
    /// How many tools the client may offer. 128 by default.
    pub tools: usize,
    /// How many entries `context` may have. 1,000 by default.
    pub context_entries: usize,
    /// How many answers `resume` may have. 1,000 by default.
    pub answers: usize,
    /// How many JSON values the state, the schemas of tools, the payloads of answers and the metadata that is read may have
    /// together, at any depth. They count by their memory, as for [`read_limited`](crate::json::read_limited). 16,000 by
    /// default.
    pub json_values: usize,
    /// How many bytes the JSON text of the state may have. 2 MiB by default.
    pub state_bytes: usize,
    /// How many bytes the JSON texts of all tools' schemas may have together. 256 KiB by default.
    pub schema_bytes: usize,
    /// How many arrays and objects may be in each other in the schema of a tool. 32 by default.
    pub schema_depth: usize,
}

impl Default for InputLimits {
    /// Returns the limits that the fields name.
    fn default() -> Self {
        Self {
            messages: 5000,
            tool_calls: 5000,
            content_parts: 5000,
            tools: 128,
            context_entries: 1000,
            answers: 1000,
            json_values: 16_000,
            state_bytes: 2 * 1024 * 1024,
            schema_bytes: 256 * 1024,
            schema_depth: 32,
        }
    }
}

impl InputLimits {
    /// Returns limits that allow everything, for inputs that come from the program itself.
    pub const fn unlimited() -> Self {
        Self {
            messages: usize::MAX,
            tool_calls: usize::MAX,
            content_parts: usize::MAX,
            tools: usize::MAX,
            context_entries: usize::MAX,
            answers: usize::MAX,
            json_values: usize::MAX,
            state_bytes: usize::MAX,
            schema_bytes: usize::MAX,
            schema_depth: usize::MAX,
        }
    }

    /// Returns how many elements of this kind an input may have.
    pub(super) fn elements(&self, kind: ElementKind) -> usize {
        match kind {
            ElementKind::Message => self.messages,
            ElementKind::ToolCall => self.tool_calls,
            ElementKind::ContentPart => self.content_parts,
            ElementKind::Tool => self.tools,
            ElementKind::Context => self.context_entries,
            ElementKind::Answer => self.answers,
        }
    }
}

/// A kind of elements that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ElementKind {
    Message,
    ToolCall,
    ContentPart,
    Tool,
    Context,
    Answer,
}

impl ElementKind {
    /// The number of kinds.
    pub(super) const COUNT: usize = 6;

    /// Returns what a sentence calls several elements of this kind.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Message => "messages",
            Self::ToolCall => "tool calls",
            Self::ContentPart => "parts of messages",
            Self::Tool => "tools",
            Self::Context => "context entries",
            Self::Answer => "answers to interrupts",
        }
    }
}
