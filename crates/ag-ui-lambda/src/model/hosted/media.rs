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
    Data { media_type: &'static str, base64: &'a str },
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
            _ => return Err("other"),
        };
        let place = match source {
            Source::Data { value, mime_type } if is_base64(value) => media_type(provider, kind, mime_type)
                .map(|media_type| Place::Data { media_type, base64: value }),
            Source::Url { value, mime_type } if takes_url(provider, kind, value, mime_type.as_deref()) => {
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
fn media_type(provider: &Provider, kind: Kind, media_type: &str) -> Option<&'static str> {
    let media_type = bare_media_type(media_type);
    let known = match media_type.as_str() {
        "image/jpg" => "image/jpeg",
        "audio/x-wav" | "audio/wave" => "audio/wav",
        "audio/mpeg" => "audio/mp3",
        "video/quicktime" => "video/mov",
        "video/x-msvideo" => "video/avi",
        media_type => media_type,
    };
    let takes: &[&str] = match (kind, provider.wire) {
        (Kind::Image, Wire::Gemini) => GEMINI_IMAGES,
        (Kind::Image, _) => IMAGES,
        (Kind::Pdf, Wire::Responses | Wire::Anthropic | Wire::Gemini) => PDF,
        (Kind::Pdf, Wire::Chat) if is_openai(provider) => PDF,
        (Kind::Audio, Wire::Chat) if is_openai(provider) => &["audio/wav", "audio/mp3"],
        (Kind::Audio, Wire::Gemini) => GEMINI_AUDIO,
        (Kind::Video, Wire::Gemini) => GEMINI_VIDEO,
        _ => &[],
    };
    takes.iter().find(|taken| **taken == known).copied()
}

const IMAGES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];

const PDF: &[&str] = &["application/pdf"];

/// Source: <https://ai.google.dev/gemini-api/docs/image-understanding>.
const GEMINI_IMAGES: &[&str] = &["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"];

/// Source: <https://ai.google.dev/gemini-api/docs/audio>.
const GEMINI_AUDIO: &[&str] =
    &["audio/wav", "audio/mp3", "audio/aiff", "audio/aac", "audio/ogg", "audio/flac"];

/// Source: <https://ai.google.dev/gemini-api/docs/video-understanding>.
const GEMINI_VIDEO: &[&str] = &[
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

/// Files and sounds are OpenAI's own; of those compatible with it, only OpenRouter passes them on.
fn is_openai(provider: &Provider) -> bool {
    matches!(provider.adapter, "openai" | "openrouter")
}

/// Whether the provider fetches things of that kind, from that address, by itself.
fn takes_url(provider: &Provider, kind: Kind, url: &str, media_type: Option<&str>) -> bool {
    let media_type = media_type.map(bare_media_type);
    let is_of = |said: &str| media_type.as_deref().is_none_or(|media_type| media_type.starts_with(said));
    match (kind, provider.wire) {
        (Kind::Image, Wire::Chat | Wire::Responses) => is_of("image/") && is_web(url, &["http", "https"]),
        (Kind::Image, Wire::Anthropic) => is_of("image/") && is_web(url, &["https"]),
        (Kind::Pdf, Wire::Responses) => is_of(PDF[0]) && is_web(url, &["http", "https"]),
        (Kind::Pdf, Wire::Anthropic) => is_of(PDF[0]) && is_web(url, &["https"]),
        _ => false,
    }
}

/// An address that a provider may fetch: none of a file, or of whatever else its server could reach, and none with a
/// user's name and password.
fn is_web(url: &str, schemes: &[&str]) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| {
        schemes.contains(&url.scheme()) && url.username().is_empty() && url.password().is_none()
    })
}
