//! The content of a message: text, or parts such as pictures and documents.

mod read;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::Value;

/// Holds the content of a user's message or of a tool's result.
#[expect(clippy::exhaustive_enums, reason = "the protocol has these two forms")]
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Content {
    /// The content is plain text.
    Text(String),
    /// The content has parts, in this order.
    Parts(Vec<ContentPart>),
}

/// Holds one part of a content. `ContentPart::from(kind)` creates it without an id and metadata.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContentPart {
    /// What the part is, written as `type` and the members of that type.
    #[serde(flatten)]
    pub kind: PartKind,
    /// An id of the part, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Data that the protocol does not define. It is never `Some(Value::Null)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// Says what a part of a content is, and holds its data.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum PartKind {
    /// The part is text.
    Text {
        /// The text.
        text: String,
    },
    /// The part is a picture.
    Image {
        /// Where the bytes of the picture are.
        source: Source,
    },
    /// The part is a sound.
    Audio {
        /// Where the bytes of the sound are.
        source: Source,
    },
    /// The part is a video.
    Video {
        /// Where the bytes of the video are.
        source: Source,
    },
    /// The part is a document, such as a PDF or a CSV file.
    Document {
        /// Where the bytes of the document are.
        source: Source,
    },
}

/// Where the bytes of a part are. This crate fetches none of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Source {
    /// The bytes are in the message.
    Data {
        /// The bytes in Base64.
        value: String,
        /// The media type of the bytes.
        mime_type: String,
    },
    /// The bytes are at a URL.
    Url {
        /// The URL.
        value: String,
        /// The media type of the bytes, if it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
    },
    /// The bytes were uploaded to a model provider.
    File {
        /// The provider's opaque handle of the file.
        value: String,
        /// The name of the provider.
        #[serde(skip_serializing_if = "Option::is_none")]
        provider: Option<String>,
        /// The media type of the bytes, if it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
    },
}

impl Content {
    /// Returns the text of the content. The texts of several parts are joined by line breaks; parts that are not text are
    /// left out.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => {
                let texts = parts.iter().filter_map(|part| match &part.kind {
                    PartKind::Text { text } => Some(text.as_str()),
                    _ => None,
                });
                texts.collect::<Vec<_>>().join("\n")
            }
        }
    }
}

impl From<String> for Content {
    /// Creates a content of plain text.
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Content {
    /// Creates a content of plain text.
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<PartKind> for ContentPart {
    /// Creates a part without an id and metadata.
    fn from(kind: PartKind) -> Self {
        Self { kind, id: None, metadata: None }
    }
}

impl Source {
    /// Creates a source that holds the bytes of a part, in Base64. `mime_type` is their media type.
    pub fn bytes(bytes: impl AsRef<[u8]>, mime_type: impl Into<String>) -> Self {
        Self::Data { value: BASE64_STANDARD.encode(bytes), mime_type: mime_type.into() }
    }

    /// Creates a source that names the URL at which the bytes of a part are, without a media type.
    pub fn url(address: impl Into<String>) -> Self {
        Self::Url { value: address.into(), mime_type: None }
    }
}
