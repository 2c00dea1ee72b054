//! Images and documents in the form that Bedrock accepts: content of a known format, never an address.

use aws_smithy_types::base64;
use serde_json::json;

use crate::model::compat::{bare_media_type, is_base64};
use crate::model::json_body::Json;
use crate::protocol::{PartKind, Source};

/// A part of a message that is not text. Its content is Base64, as Bedrock's JSON has it.
pub(super) enum Attachment<'a> {
    /// An image.
    Image {
        /// Bedrock's name of the format.
        format: &'static str,
        base64: &'a str,
    },
    /// A document.
    Document {
        /// Bedrock's name of the format.
        format: &'static str,
        /// The number of the document in the conversation, from which its name is made.
        number: usize,
        base64: &'a str,
    },
}

impl<'a> Attachment<'a> {
    /// Converts an image or a document with inline content. Returns `None` if Bedrock does not accept the part: another
    /// kind of part, an unknown media type, a URL, or content that is not valid Base64. A document is sent under the name
    /// `document-<document_number>`, since its own name comes from the user and could contain instructions for the model.
    pub(super) fn new(part: &'a PartKind, document_number: usize) -> Option<Self> {
        match part {
            PartKind::Image { source: Source::Data { value, mime_type } } => {
                Some(Self::Image { format: image_format(mime_type)?, base64: canonical_base64(value)? })
            }
            PartKind::Document { source: Source::Data { value, mime_type } } => {
                let format = document_format(mime_type)?;
                Some(Self::Document { format, number: document_number, base64: canonical_base64(value)? })
            }
            _ => None,
        }
    }

    /// Returns Bedrock's block for the attachment.
    pub(super) fn encode(self) -> Json<'a> {
        match self {
            Self::Image { format, base64 } => {
                let block = json!({ "image": { "format": format, "source": { "bytes": null } } });
                Json::with_string(block, &["image", "source", "bytes"], base64)
            }
            Self::Document { format, number, base64 } => {
                let name = format!("document-{number}");
                let block =
                    json!({ "document": { "format": format, "name": name, "source": { "bytes": null } } });
                Json::with_string(block, &["document", "source", "bytes"], base64)
            }
        }
    }
}

/// Returns the name of a part's kind, such as `image`, for the log line about a part that was left out.
pub(super) fn kind_name(part: &PartKind) -> &'static str {
    match part {
        PartKind::Text { .. } => "text",
        PartKind::Image { .. } => "image",
        PartKind::Audio { .. } => "audio",
        PartKind::Video { .. } => "video",
        PartKind::Document { .. } => "document",
        _ => "other",
    }
}

/// Returns the text if it is Base64 of at least one byte, in the one form that every decoder accepts: with its padding, and
/// with zeros in the bits that are not used.
pub(super) fn canonical_base64(value: &str) -> Option<&str> {
    let is_canonical =
        || value.len().checked_sub(4).is_some_and(|last| base64::decode(&value[last..]).is_ok());
    (is_base64(value) && is_canonical()).then_some(value)
}

/// Returns Bedrock's format for an image's media type; `None` if Bedrock does not accept this media type.
fn image_format(mime_type: &str) -> Option<&'static str> {
    Some(match bare_media_type(mime_type).as_str() {
        "image/png" => "png",
        "image/jpeg" | "image/jpg" => "jpeg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        _ => return None,
    })
}

/// Returns Bedrock's format for a document's media type; `None` if Bedrock does not accept this media type.
fn document_format(mime_type: &str) -> Option<&'static str> {
    Some(match bare_media_type(mime_type).as_str() {
        "application/pdf" => "pdf",
        "text/csv" => "csv",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "text/html" => "html",
        "text/plain" => "txt",
        "text/markdown" => "md",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_of_base64_is_accepted() {
        for (text, is_accepted) in
            [("AAEC", true), ("AAE=", true), ("AA==", true), ("AB==", false), ("AAF=", false), ("AA", false)]
        {
            assert_eq!(canonical_base64(text).is_some(), is_accepted, "{text}");
        }
    }
}
