//! What a tool may return: text, data, or parts of several kinds.

use serde::Serialize;
use serde_json::Value;

use super::ToolError;
use crate::protocol::{Content, ContentPart, PartKind, Source};

/// What a tool returns.
///
/// A string goes to the model and the client as it is, whatever else serialises goes as JSON, and [`Parts`] go as
/// parts. A type of your own that does not serialise may implement this.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a tool can return",
    label = "neither `Serialize` nor `Parts`",
    note = "derive `serde::Serialize` for it"
)]
pub trait ToolOutput {
    /// The result as the protocol has it.
    ///
    /// # Errors
    /// What went wrong, as for [`Tool::call`](super::Tool::call).
    fn into_content(self) -> Result<Content, ToolError>;
}

impl<T: Serialize> ToolOutput for T {
    fn into_content(self) -> Result<Content, ToolError> {
        Ok(Content::Text(match serde_json::to_value(&self)? {
            Value::String(text) => text,
            value => value.to_string(),
        }))
    }
}

/// A result in parts: text, images, documents, each with metadata of your own.
///
/// A link is a document behind an address. What is no text reaches clients from 1.0 on, and those models whose wire
/// takes it in results; the others read the text alone, so say in it what matters.
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
///         .with_metadata(json!({ "title": "The whole report" })))
/// }
/// ```
// Not `Serialize`: it is told apart from data by that.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parts(Vec<ContentPart>);

impl Parts {
    /// No parts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.part(PartKind::Text { text: text.into() })
    }

    /// Adds an image.
    #[must_use]
    pub fn image(self, source: Source) -> Self {
        self.part(PartKind::Image { source })
    }

    /// Adds a document, or a link to one.
    #[must_use]
    pub fn document(self, source: Source) -> Self {
        self.part(PartKind::Document { source })
    }

    /// Adds a part of any kind.
    #[must_use]
    pub fn part(mut self, part: impl Into<ContentPart>) -> Self {
        self.0.push(part.into());
        self
    }

    /// Sets the metadata of the last part; null is none.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Value) -> Self {
        if let Some(part) = self.0.last_mut() {
            part.metadata = Some(metadata).filter(|metadata| !metadata.is_null());
        }
        self
    }
}

impl ToolOutput for Parts {
    fn into_content(self) -> Result<Content, ToolError> {
        Ok(Content::Parts(self.0))
    }
}
