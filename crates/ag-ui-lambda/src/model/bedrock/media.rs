//! Pictures and documents as Bedrock takes them: bytes of a known format, never an address.

use aws_sdk_bedrockruntime::types::{
    DocumentBlock, DocumentFormat, DocumentSource, ImageBlock, ImageFormat, ImageSource,
};
use aws_smithy_types::{Blob, base64};

use crate::model::wire::bare_media_type;
use crate::protocol::{PartKind, Source};

/// A picture or a document.
pub(super) enum Medium {
    Image(ImageBlock),
    Document(DocumentBlock),
}

impl Medium {
    /// The part for Bedrock; `None` if it takes no such part. A document gets the number `number`: its own
    /// name is the user's text, and would speak to the model.
    pub(super) fn new(part: &PartKind, number: usize) -> Option<Self> {
        match part {
            PartKind::Image { source: Source::Data { value, mime_type } } => {
                let image = ImageBlock::builder().format(image_format(mime_type)?);
                let image = image.source(ImageSource::Bytes(bytes(value)?)).build();
                Some(Self::Image(image.expect("the format is set")))
            }
            PartKind::Document { source: Source::Data { value, mime_type } } => {
                let document = DocumentBlock::builder().format(document_format(mime_type)?);
                let document = document.name(format!("document-{number}"));
                let document = document.source(DocumentSource::Bytes(bytes(value)?)).build();
                Some(Self::Document(document.expect("format and name are set")))
            }
            _ => None,
        }
    }
}

/// The word for a part in the log.
pub(super) fn kind(part: &PartKind) -> &'static str {
    match part {
        PartKind::Text { .. } => "text",
        PartKind::Image { .. } => "image",
        PartKind::Audio { .. } => "audio",
        PartKind::Video { .. } => "video",
        PartKind::Document { .. } => "document",
        _ => "other",
    }
}

fn bytes(value: &str) -> Option<Blob> {
    base64::decode(value).ok().filter(|bytes| !bytes.is_empty()).map(Blob::new)
}

fn image_format(mime_type: &str) -> Option<ImageFormat> {
    Some(match bare_media_type(mime_type).as_str() {
        "image/png" => ImageFormat::Png,
        "image/jpeg" | "image/jpg" => ImageFormat::Jpeg,
        "image/gif" => ImageFormat::Gif,
        "image/webp" => ImageFormat::Webp,
        _ => return None,
    })
}

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
