//! What a user said, in the parts that a wire can take.
//!
//! A part that the wire cannot take is left out and never fails the turn: the rest of the message may be worth
//! an answer. Nothing is fetched.

use genai::chat::ContentPart as Part;

use super::provider::{Provider, Wire};
use crate::model::UserPart;
use crate::model::wire::{bare_media_type, is_base64};
use crate::protocol::{PartKind, Source};

/// Stands for a message of which nothing is left: providers refuse empty ones.
const NOTHING: &str = "(The user sent something that cannot be read here.)";

/// Makes parts, and remembers what was left out.
pub(super) struct Parts<'a> {
    provider: &'a Provider,
    /// The kinds of what was left out.
    pub(super) skipped: Vec<&'static str>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(provider: &'a Provider) -> Self {
        Self { provider, skipped: Vec::new() }
    }

    /// The parts of a message; never none.
    pub(super) fn of_user(&mut self, parts: &[UserPart]) -> Vec<Part> {
        let mut made: Vec<Part> = parts.iter().filter_map(|part| self.part(part)).collect();
        if made.is_empty() {
            made.push(Part::from_text(NOTHING));
        }
        if self.provider.wire == Wire::Ollama {
            // genai would join them without a space.
            let texts: Vec<&str> = made.iter().filter_map(Part::as_text).collect();
            let text = texts.join("\n\n");
            made.retain(|part| !part.is_text());
            made.extend((!text.is_empty()).then(|| Part::from_text(text)));
        }
        made
    }

    fn part(&mut self, part: &UserPart) -> Option<Part> {
        let (kind, source) = match part {
            UserPart::ClientContext(text) => return text_part(text),
            UserPart::Content(part) => match &part.kind {
                PartKind::Text { text } => return text_part(text),
                PartKind::Image { source } => ("image", source),
                PartKind::Audio { source } => ("audio", source),
                PartKind::Video { source } => ("video", source),
                PartKind::Document { source } => ("document", source),
            },
        };
        let made = match source {
            Source::Data { value, mime_type } if is_base64(value) => {
                let (media, name) = self.media(kind, mime_type)?;
                Some(Part::from_binary_base64(media, value.as_str(), name))
            }
            // What the client calls its media type would decide how genai writes the part.
            Source::Url { value, .. } if self.takes_url(kind) && is_web(value) => {
                let media = if kind == "image" { "image/*" } else { "application/pdf" };
                Some(Part::from_binary_url(media, value, None))
            }
            // A provider's own handles differ from one to the next, and genai has no part for them.
            _ => None,
        };
        self.or_skip(kind, made)
    }

    /// The media type and the file's name for data of a kind, if the wire takes it.
    fn media(&mut self, kind: &'static str, mime_type: &str) -> Option<(String, Option<String>)> {
        let mime = bare_media_type(mime_type);
        // Files and sounds are OpenAI's own; of those compatible with it, only OpenRouter passes them on.
        let is_openai = matches!(self.provider.adapter, "openai" | "openrouter");
        let wire = self.provider.wire;
        let media = match (kind, mime.as_str()) {
            ("image", "image/png" | "image/jpeg" | "image/gif" | "image/webp") => Some((mime, None)),
            ("image", "image/jpg") => Some(("image/jpeg".to_owned(), None)),
            ("document", "application/pdf") if wire != Wire::Ollama && (wire != Wire::Chat || is_openai) => {
                Some((mime, Some("document.pdf".to_owned())))
            }
            ("audio", "audio/wav" | "audio/x-wav" | "audio/wave") if wire == Wire::Chat && is_openai => {
                Some(("audio/wav".to_owned(), None))
            }
            ("audio", "audio/mpeg" | "audio/mp3") if wire == Wire::Chat && is_openai => {
                Some(("audio/mp3".to_owned(), None))
            }
            ("audio" | "video", _) if wire == Wire::Gemini => Some((mime, None)),
            _ => None,
        };
        self.or_skip(kind, media)
    }

    fn takes_url(&self, kind: &str) -> bool {
        match self.provider.wire {
            Wire::Chat => kind == "image",
            Wire::Responses => matches!(kind, "image" | "document"),
            Wire::Anthropic => kind == "document",
            Wire::Gemini | Wire::Ollama => false,
        }
    }

    fn or_skip<T>(&mut self, kind: &'static str, made: Option<T>) -> Option<T> {
        if made.is_none() {
            self.skipped.push(kind);
        }
        made
    }
}

/// An address that a provider may fetch: none of a file, or of whatever else its server could reach.
fn is_web(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn text_part(text: &str) -> Option<Part> {
    (!text.trim().is_empty()).then(|| Part::from_text(text))
}
