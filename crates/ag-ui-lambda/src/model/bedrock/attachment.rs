//! Images and documents in the form that Bedrock accepts: bytes of a known format, never an address.

use aws_sdk_bedrockruntime::types::{
    DocumentBlock, DocumentFormat, DocumentSource, ImageBlock, ImageFormat, ImageSource,
};
use aws_smithy_types::{Blob, base64};

use crate::model::compat::bare_media_type;
use crate::protocol::{PartKind, Source};

/// A part of a message that is not text, as a block for Bedrock.
pub(super) enum Attachment {
    /// An image.
    Image(ImageBlock),
    /// A document.
    Document(DocumentBlock),
}

impl Attachment {
    /// Creates Bedrock's block for an image or a document with inline content. Returns `None` if Bedrock does not
    /// accept the part: another kind of part, an unknown media type, a URL, or content that is not valid Base64. A
    /// document is sent under the name `document-<document_number>`, since its own name comes from the user and could
    /// contain instructions for the model.
    pub(super) fn new(part: &PartKind, document_number: usize) -> Option<Self> {
        match part {
            PartKind::Image { source: Source::Data { value, mime_type } } => {
                let image = ImageBlock::builder().format(image_format(mime_type)?);
                let image = image.source(ImageSource::Bytes(decode_base64(value)?)).build();
                Some(Self::Image(image.expect("the format is set")))
            }
            PartKind::Document { source: Source::Data { value, mime_type } } => {
                let document = DocumentBlock::builder().format(document_format(mime_type)?);
                let document = document.name(format!("document-{document_number}"));
                let document = document.source(DocumentSource::Bytes(decode_base64(value)?)).build();
                Some(Self::Document(document.expect("format and name are set")))
            }
            _ => None,
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

/// Decodes the inline content of a part. Returns `None` if the content is empty or not valid Base64.
fn decode_base64(value: &str) -> Option<Blob> {
    base64::decode(value).ok().filter(|bytes| !bytes.is_empty()).map(Blob::new)
}

/// Returns Bedrock's format for an image's media type; `None` if Bedrock does not accept this media type.
fn image_format(mime_type: &str) -> Option<ImageFormat> {
    Some(match bare_media_type(mime_type).as_str() {
        "image/png" => ImageFormat::Png,
        "image/jpeg" | "image/jpg" => ImageFormat::Jpeg,
        "image/gif" => ImageFormat::Gif,
        "image/webp" => ImageFormat::Webp,
        _ => return None,
    })
}

/// Returns Bedrock's format for a document's media type; `None` if Bedrock does not accept this media type.
fn document_format(mime_type: &str) -> Option<DocumentFormat> {
    Some(match bare_media_type(mime_type).as_str() {
        "application/pdf" => DocumentFormat::Pdf,
        "text/csv" => DocumentFormat::Csv,
        "application/msword" => DocumentFormat::Doc,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => DocumentFormat::Docx,
        "application/vnd.ms-excel" => DocumentFormat::Xls,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => DocumentFormat::Xlsx,
        "text/html" => DocumentFormat::Html,
        "text/plain" => DocumentFormat::Txt,
        "text/markdown" => DocumentFormat::Md,
        _ => return None,
    })
}
