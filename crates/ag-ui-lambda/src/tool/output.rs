//! The result of a tool: text, data, or parts of several kinds.

use serde::Serialize;
use serde_json::Value;

use super::ToolError;
use crate::protocol::{Content, ContentPart, PartKind, Source};

/// A type that a tool can return.
///
/// Every type that implements [`Serialize`] is one: the model and the client get a string as it is, and any other value
/// as JSON. [`Parts`] are sent as parts. A type that does not implement `Serialize` can implement this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a tool",
    label = "`{Self}` lacks `serde::Serialize`, and it is not `Parts`",
    note = "derive it for the type of the result: `#[derive(serde::Serialize)]`"
)]
pub trait ToolOutput {
    /// Converts the value into the content of a tool message.
    ///
    /// # Errors
    /// [`ToolError`], with the same meaning as from [`Tool::call`](super::Tool::call).
    fn into_content(self) -> Result<Content, ToolError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> ToolOutput for T {
    /// Converts a string to text as it is, and any other value to JSON text. No tree of JSON values is built, which could
    /// take a hundred times the memory of the text.
    fn into_content(self) -> Result<Content, ToolError> {
        let json = serde_json::to_string(&self)?;
        Ok(Content::Text(if json.starts_with('"') { serde_json::from_str(&json)? } else { json }))
    }
}

/// A result that has parts: text, images and documents, each with optional metadata.
///
/// A link is a document with a URL. Clients before AG-UI 1.0 get only the text, and so do models whose API accepts only
/// text in results. So the text should contain what matters.
///
/// ```
/// use ag_ui_lambda::protocol::Source;
/// use ag_ui_lambda::{NoArgs, Parts, ToolContext, ToolError};
/// use serde_json::json;
///
/// # fn draw() -> Vec<u8> { Vec::new() }
/// async fn chart(_: ToolContext<()>, _: NoArgs) -> Result<Parts, ToolError> {
///     Ok(Parts::new()
///         .text("Sales rose by 4 % in May.")
///         .image(Source::bytes(draw(), "image/png"))
///         .document(Source::url("https://acme.example/sales.pdf"))
///         .with_metadata(json!({ "title": "The full report" })))
/// }
/// ```
// Not `Serialize`: every type that is gets sent as JSON.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parts(Vec<ContentPart>);

impl Parts {
    /// Creates a result without parts. The other methods add parts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part with text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.part(PartKind::Text { text: text.into() })
    }

    /// Adds a part with an image.
    #[must_use]
    pub fn image(self, source: Source) -> Self {
        self.part(PartKind::Image { source })
    }

    /// Adds a part with a document or a link to one.
    #[must_use]
    pub fn document(self, source: Source) -> Self {
        self.part(PartKind::Document { source })
    }

    /// Adds a part of any kind after the parts so far.
    #[must_use]
    pub fn part(mut self, part: impl Into<ContentPart>) -> Self {
        self.0.push(part.into());
        self
    }

    /// Sets the metadata of the part that was added last. `null` removes the metadata, and without a part nothing
    /// happens.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Value) -> Self {
        if let Some(part) = self.0.last_mut() {
            part.metadata = Some(metadata).filter(|metadata| !metadata.is_null());
        }
        self
    }
}

impl ToolOutput for Parts {
    /// Converts the result to content with the same parts.
    fn into_content(self) -> Result<Content, ToolError> {
        Ok(Content::Parts(self.0))
    }
}

/// The content of a tool message as it is: what a function tool returns once its result was converted.
// Not `Serialize`: `Content` is, and would be sent as JSON.
#[derive(Debug)]
pub struct RawOutput(pub(super) Content);

impl ToolOutput for RawOutput {
    /// Returns the content.
    fn into_content(self) -> Result<Content, ToolError> {
        Ok(self.0)
    }
}
