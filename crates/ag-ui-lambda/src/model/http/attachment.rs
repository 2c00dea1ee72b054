//! Images, documents, audio and video of a message, as far as a wire has a form for them.
//!
//! Other attachments are left out and never fail the turn, because the rest of the message may still get a useful answer.
//! Nothing is downloaded here.

use std::borrow::Cow;

use reqwest::Url;

use super::media_hosts::MediaHosts;
use super::provider::{Provider, Wire};
use crate::model::compat::{bare_media_type, is_base64};
use crate::protocol::{PartKind, Source};

/// A part of a user's message.
pub(super) enum MessagePart<'a> {
    /// Text.
    Text(&'a str),
    /// An image, a document, audio or video.
    Attachment(Attachment<'a>),
}

/// A part of a message that is not text, in a form that the wire accepts.
pub(super) struct Attachment<'a> {
    pub(super) kind: AttachmentKind,
    pub(super) source: MediaSource<'a>,
}

/// The kind of an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttachmentKind {
    Image,
    Pdf,
    Audio,
    Video,
}

/// Where the content of an attachment is.
pub(super) enum MediaSource<'a> {
    /// The content itself, in Base64.
    Data { media_type: &'static str, base64: &'a str },
    /// An address from which the provider downloads the content. It is written anew from its parts, because two programs can
    /// read different hosts in the text of a client.
    Url(String),
}

impl<'a> Attachment<'a> {
    /// Converts a part of a message into the form that the provider accepts. An address is sent only if its host is one of
    /// `media_hosts`.
    ///
    /// # Errors
    /// What the part is, such as `image`, for the log, if the provider does not accept the part, or if the host of its
    /// address is not allowed. It also fails for text, which is not an attachment.
    pub(super) fn new(
        provider: &Provider,
        media_hosts: &MediaHosts,
        part: &'a PartKind,
    ) -> Result<Self, &'static str> {
        let (name, kind, source) = match part {
            PartKind::Text { .. } => return Err("text"),
            PartKind::Image { source } => ("image", AttachmentKind::Image, source),
            PartKind::Audio { source } => ("audio", AttachmentKind::Audio, source),
            PartKind::Video { source } => ("video", AttachmentKind::Video, source),
            PartKind::Document { source } => ("document", AttachmentKind::Pdf, source),
            _ => return Err("other"),
        };
        let source = match source {
            Source::Data { value, mime_type } if is_base64(value) => {
                supported_media_type(provider, kind, mime_type)
                    .map(|media_type| MediaSource::Data { media_type, base64: value })
            }
            Source::Url { value, mime_type } => match sent_url(provider, kind, value, mime_type.as_deref()) {
                Some(url) if !media_hosts.allows(&url) => {
                    return Err("address whose host AGUI_MEDIA_HOSTS does not allow");
                }
                url => url.map(|url| MediaSource::Url(url.into())),
            },
            // The file ids of one provider mean nothing to another.
            _ => None,
        };
        source.map(|source| Self { kind, source }).ok_or(name)
    }

    /// Returns the attachment's address; for inline content a `data:` URL with the content.
    pub(super) fn as_url(&self) -> Cow<'_, str> {
        match &self.source {
            MediaSource::Url(url) => Cow::Borrowed(url),
            MediaSource::Data { media_type, base64 } => format!("data:{media_type};base64,{base64}").into(),
        }
    }
}

/// Returns the provider's name for the media type of an attachment with inline content. Returns `None` if the provider
/// does not accept this media type for this kind of attachment.
fn supported_media_type(provider: &Provider, kind: AttachmentKind, media_type: &str) -> Option<&'static str> {
    let media_type = bare_media_type(media_type);
    let known = match media_type.as_str() {
        "image/jpg" => "image/jpeg",
        "audio/x-wav" | "audio/wave" => "audio/wav",
        "audio/mpeg" => "audio/mp3",
        "video/quicktime" => "video/mov",
        "video/x-msvideo" => "video/avi",
        media_type => media_type,
    };
    let supported: &[&str] = match (kind, provider.wire) {
        (AttachmentKind::Image, Wire::Gemini) => GEMINI_IMAGE_TYPES,
        (AttachmentKind::Image, _) => IMAGE_TYPES,
        (AttachmentKind::Pdf, Wire::Responses | Wire::Anthropic | Wire::Gemini) => PDF_TYPES,
        (AttachmentKind::Pdf, Wire::Chat) if supports_openai_files(provider) => PDF_TYPES,
        (AttachmentKind::Audio, Wire::Chat) if supports_openai_files(provider) => &["audio/wav", "audio/mp3"],
        (AttachmentKind::Audio, Wire::Gemini) => GEMINI_AUDIO_TYPES,
        (AttachmentKind::Video, Wire::Gemini) => GEMINI_VIDEO_TYPES,
        _ => &[],
    };
    supported.iter().find(|supported| **supported == known).copied()
}

const IMAGE_TYPES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];

const PDF_TYPES: &[&str] = &["application/pdf"];

/// Source: <https://ai.google.dev/gemini-api/docs/image-understanding>.
const GEMINI_IMAGE_TYPES: &[&str] = &["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"];

/// Source: <https://ai.google.dev/gemini-api/docs/audio>.
const GEMINI_AUDIO_TYPES: &[&str] =
    &["audio/wav", "audio/mp3", "audio/aiff", "audio/aac", "audio/ogg", "audio/flac"];

/// Source: <https://ai.google.dev/gemini-api/docs/video-understanding>.
const GEMINI_VIDEO_TYPES: &[&str] = &[
    "video/mp4",
    "video/mpeg",
    "video/mov",
    "video/avi",
    "video/x-flv",
    "video/mpg",
    "video/webm",
    "video/wmv",
    "video/3gpp",
];

/// Returns whether the provider accepts files and audio in OpenAI's chat format. Only OpenAI itself and OpenRouter do.
fn supports_openai_files(provider: &Provider) -> bool {
    matches!(provider.adapter, "openai" | "openrouter")
}

/// Returns the address of an attachment if the provider downloads attachments of this kind from this address itself.
/// `media_type` is the one that the client gave; without it, the kind is trusted.
fn sent_url(provider: &Provider, kind: AttachmentKind, url: &str, media_type: Option<&str>) -> Option<Url> {
    let (expected_type, schemes): (&str, &[&str]) = match (kind, provider.wire) {
        (AttachmentKind::Image, Wire::Chat | Wire::Responses) => ("image/", &["http", "https"]),
        (AttachmentKind::Image, Wire::Anthropic) => ("image/", &["https"]),
        (AttachmentKind::Pdf, Wire::Responses) => (PDF_TYPES[0], &["http", "https"]),
        (AttachmentKind::Pdf, Wire::Anthropic) => (PDF_TYPES[0], &["https"]),
        _ => return None,
    };
    let is_expected = media_type.map(bare_media_type).is_none_or(|given| given.starts_with(expected_type));
    if is_expected { parse_web_url(url, schemes) } else { None }
}

/// Parses an address that may be sent to a provider: it has one of these `schemes`, so that it cannot name a local file, and
/// it contains neither user name nor password. Returns `None` for any other.
fn parse_web_url(url: &str, schemes: &[&str]) -> Option<Url> {
    let is_web =
        |url: &Url| schemes.contains(&url.scheme()) && url.username().is_empty() && url.password().is_none();
    Url::parse(url).ok().filter(is_web)
}
