//! Pictures, documents, sounds and films of a message, as far as a wire has a form for them.
//!
//! What it has none for is left out and never fails the turn: the rest of the message may be worth an answer.
//! Nothing is fetched.

use std::borrow::Cow;

use super::provider::{Provider, Wire};
use crate::model::wire::{bare_media_type, is_base64};
use crate::protocol::{PartKind, Source};

/// A part of what a user said.
pub(super) enum Part<'a> {
    Text(&'a str),
    Medium(Medium<'a>),
}

/// Something that is no text.
pub(super) struct Medium<'a> {
    pub(super) kind: Kind,
    pub(super) place: Place<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    Pdf,
    Audio,
    Video,
}

/// Where it is.
pub(super) enum Place<'a> {
    /// Here, in Base64.
    Data { media_type: Cow<'static, str>, base64: &'a str },
    /// There.
    Url(&'a str),
}

impl<'a> Medium<'a> {
    /// What the wire takes of a part; else what kind of part is left out.
    pub(super) fn of(provider: &Provider, part: &'a PartKind) -> Result<Self, &'static str> {
        let (name, kind, source) = match part {
            PartKind::Text { .. } => return Err("text"),
            PartKind::Image { source } => ("image", Kind::Image, source),
            PartKind::Audio { source } => ("audio", Kind::Audio, source),
            PartKind::Video { source } => ("video", Kind::Video, source),
            PartKind::Document { source } => ("document", Kind::Pdf, source),
        };
        let place = match source {
            Source::Data { value, mime_type } if is_base64(value) => media_type(provider, kind, mime_type)
                .map(|media_type| Place::Data { media_type, base64: value }),
            Source::Url { value, .. } if takes_url(provider, kind) && is_web(value) => {
                Some(Place::Url(value))
            }
            // A provider's own handles differ from one to the next.
            _ => None,
        };
        place.map(|place| Self { kind, place }).ok_or(name)
    }

    /// The address, or the data as one.
    pub(super) fn url(&self) -> Cow<'a, str> {
        match &self.place {
            Place::Url(url) => Cow::Borrowed(url),
            Place::Data { media_type, base64 } => format!("data:{media_type};base64,{base64}").into(),
        }
    }
}

/// The media type of data that the wire takes.
fn media_type(provider: &Provider, kind: Kind, media_type: &str) -> Option<Cow<'static, str>> {
    let media_type = bare_media_type(media_type);
    // Files and sounds are OpenAI's own; of those compatible with it, only OpenRouter passes them on.
    let is_openai = matches!(provider.adapter, "openai" | "openrouter");
    let wire = provider.wire;
    match (kind, media_type.as_str()) {
        (Kind::Image, "image/png" | "image/jpeg" | "image/gif" | "image/webp") => Some(media_type.into()),
        (Kind::Image, "image/jpg") => Some("image/jpeg".into()),
        (Kind::Pdf, "application/pdf") if wire != Wire::Ollama && (wire != Wire::Chat || is_openai) => {
            Some("application/pdf".into())
        }
        (Kind::Audio, "audio/wav" | "audio/x-wav" | "audio/wave") if wire == Wire::Chat && is_openai => {
            Some("audio/wav".into())
        }
        (Kind::Audio, "audio/mpeg" | "audio/mp3") if wire == Wire::Chat && is_openai => {
            Some("audio/mp3".into())
        }
        (Kind::Audio | Kind::Video, _) if wire == Wire::Gemini => Some(media_type.into()),
        _ => None,
    }
}

/// Whether the provider fetches things of that kind by itself.
fn takes_url(provider: &Provider, kind: Kind) -> bool {
    match kind {
        Kind::Image => matches!(provider.wire, Wire::Chat | Wire::Responses | Wire::Anthropic),
        Kind::Pdf => matches!(provider.wire, Wire::Responses | Wire::Anthropic),
        Kind::Audio | Kind::Video => false,
    }
}

/// An address that a provider may fetch: none of a file, or of whatever else its server could reach.
fn is_web(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}
