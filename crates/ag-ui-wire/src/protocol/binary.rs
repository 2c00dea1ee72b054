//! `binary` parts, in which clients before 1.0 send pictures, sounds, videos and documents.
//!
//! They are read as the 1.0 client upgrades them, so that nothing after this module knows them. A client that
//! supports both versions may send one attachment in both forms; then the `binary` one is left out.
//!
//! Source: `upgradeMessageContent` of `@ag-ui/client` 1.0.0, `middleware/legacy-content.ts`.

use std::collections::HashSet;

use serde_json::Value;

use super::read::Object;
use super::{ContentPart, JsonObject, PartKind, Source};

/// A part of a message as it was read, before the `binary` parts that repeat another one are left out.
pub(super) struct ReadPart {
    pub(super) part: ContentPart,
    /// Whether it came as a `binary` part.
    pub(super) is_binary: bool,
}

/// Reads a `binary` part.
///
/// `None` when it has no media type, or neither data nor an address: an `id` alone names a file that only the
/// client's own store knows. Data counts before an address; an empty string counts as absent.
pub(super) fn read(mut object: Object) -> Option<ContentPart> {
    let Some(Value::String(mime_type)) = object.optional("mimeType") else { return None };
    let mut text = |key| match object.optional(key) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let (data, url, filename) = (text("data"), text("url"), text("filename"));
    let kind = kind_of(&mime_type);
    let source = match (data, url) {
        (Some(value), _) => Source::Data { value, mime_type },
        (None, Some(value)) => Source::Url { value, mime_type: Some(mime_type) },
        (None, None) => return None,
    };
    let metadata =
        filename.map(|name| Value::Object(JsonObject::from_iter([("filename".into(), name.into())])));
    Some(ContentPart { kind: kind(source), id: None, metadata })
}

/// The parts of a message without the `binary` ones that repeat a part of the newer form.
///
/// A part repeats another if kind, source, value and media type are the same, and the file's name too where it has
/// one. Two `binary` parts never repeat each other.
pub(super) fn without_repeated(parts: Vec<ReadPart>) -> Vec<ContentPart> {
    let repeated: Vec<bool> = {
        // Hashed, since a body has room for a hundred thousand parts.
        let any_binary = parts.iter().any(|read| read.is_binary);
        let newer = parts.iter().filter(|read| any_binary && !read.is_binary);
        let newer =
            newer.flat_map(|ReadPart { part, .. }| [(&part.kind, None), (&part.kind, filename(part))]);
        let newer: HashSet<(&PartKind, Option<&str>)> = newer.collect();
        let is_repeated =
            |read: &ReadPart| read.is_binary && newer.contains(&(&read.part.kind, filename(&read.part)));
        parts.iter().map(is_repeated).collect()
    };
    let kept = parts.into_iter().zip(repeated).filter(|(_, is_repeated)| !is_repeated);
    kept.map(|(read, _)| read.part).collect()
}

fn kind_of(mime_type: &str) -> fn(Source) -> PartKind {
    match mime_type.split_once('/') {
        Some(("image", _)) => |source| PartKind::Image { source },
        Some(("audio", _)) => |source| PartKind::Audio { source },
        Some(("video", _)) => |source| PartKind::Video { source },
        _ => |source| PartKind::Document { source },
    }
}

fn filename(part: &ContentPart) -> Option<&str> {
    part.metadata.as_ref()?.get("filename")?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::protocol::{Received, RunAgentInput};

    /// The content of a user message and of a tool message with these parts, which are the same, and the pointers of
    /// the parts that were left out of the first.
    fn read(parts: &Value) -> (Value, Vec<String>) {
        let input = json!({"threadId": "t", "runId": "r", "messages": [
            {"id": "u1", "role": "user", "content": parts},
            {"id": "x1", "role": "tool", "toolCallId": "c1", "content": parts},
        ]});
        let Received { input, mut dropped, .. } = RunAgentInput::read(input).unwrap();
        let messages = serde_json::to_value(&input.messages).unwrap();
        assert_eq!(messages[0]["content"], messages[1]["content"]);
        dropped.retain(|pointer| pointer.starts_with("/messages/0"));
        (messages[0]["content"].clone(), dropped)
    }

    #[test]
    fn reads_each_kind_as_the_1_0_client_upgrades_it() {
        let data = |mime_type: &str| json!({"type": "data", "value": "AAAA", "mimeType": mime_type});
        let url =
            |mime_type: &str| json!({"type": "url", "value": "https://a.example/f", "mimeType": mime_type});
        for (why, part, expected) in [
            (
                "a picture",
                json!({"type": "binary", "mimeType": "image/png", "data": "AAAA"}),
                json!({"type": "image", "source": data("image/png")}),
            ),
            (
                "a sound",
                json!({"type": "binary", "mimeType": "audio/wav", "url": "https://a.example/f"}),
                json!({"type": "audio", "source": url("audio/wav")}),
            ),
            (
                "a video",
                json!({"type": "binary", "mimeType": "video/mp4", "data": "AAAA", "id": "f1"}),
                json!({"type": "video", "source": data("video/mp4")}),
            ),
            (
                "anything else is a document",
                json!({"type": "binary", "mimeType": "application/pdf", "data": "AAAA", "filename": "report.pdf"}),
                json!({"type": "document", "source": data("application/pdf"), "metadata": {"filename": "report.pdf"}}),
            ),
            (
                "data counts before an address",
                json!({"type": "binary", "mimeType": "image/png", "data": "AAAA", "url": "https://a.example/f"}),
                json!({"type": "image", "source": data("image/png")}),
            ),
            (
                "empty is absent",
                json!({"type": "binary", "mimeType": "text/csv", "data": "", "url": "https://a.example/f", "filename": ""}),
                json!({"type": "document", "source": url("text/csv")}),
            ),
        ] {
            assert_eq!(read(&json!([part])), (json!([expected]), vec![]), "{why}");
        }
    }

    #[test]
    fn leaves_out_what_can_not_be_mapped() {
        for (why, part) in [
            ("an id alone", json!({"type": "binary", "mimeType": "image/png", "id": "file-1"})),
            ("no media type", json!({"type": "binary", "data": "AAAA"})),
            ("a media type that is no text", json!({"type": "binary", "mimeType": 7, "data": "AAAA"})),
            ("data that is no text", json!({"type": "binary", "mimeType": "image/png", "data": 7})),
        ] {
            let text = json!({"type": "text", "text": "See this."});

            let (content, dropped) = read(&json!([part, text]));

            assert_eq!(content, json!([text]), "{why}");
            assert_eq!(dropped, ["/messages/0/content/0"], "{why}");
        }
    }

    #[test]
    fn leaves_out_a_part_that_repeats_one_of_the_newer_form() {
        let source = json!({"type": "data", "value": "AAAA", "mimeType": "image/png"});
        let newer = json!({"type": "image", "source": source});
        let named = json!({"type": "image", "source": source, "metadata": {"filename": "a.png"}});
        let old = json!({"type": "binary", "mimeType": "image/png", "data": "AAAA"});
        let old_named =
            json!({"type": "binary", "mimeType": "image/png", "data": "AAAA", "filename": "a.png"});
        let other = json!({"type": "binary", "mimeType": "image/png", "data": "BBBB"});
        let at = json!({"type": "binary", "mimeType": "image/png", "url": "AAAA"});
        for (why, parts, kept) in [
            ("the same, behind it", json!([newer, old]), 1),
            ("the same, before it", json!([old, newer]), 1),
            ("two of the same", json!([old, newer, old]), 1),
            ("the newer one has a name", json!([old, named]), 1),
            ("both have the name", json!([old_named, named]), 1),
            ("the name would be lost", json!([old_named, newer]), 2),
            ("other data", json!([other, newer]), 2),
            ("an address that reads as the data", json!([at, newer]), 2),
            ("two old ones are meant", json!([old, old]), 2),
            ("two new ones are meant", json!([newer, newer, old]), 2),
        ] {
            let (content, dropped) = read(&parts);

            assert_eq!(content.as_array().unwrap().len(), kept, "{why}: {content}");
            assert_eq!(dropped, [] as [String; 0], "{why}: nothing is lost");
        }
    }
}
