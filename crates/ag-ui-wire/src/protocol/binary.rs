//! `binary` parts, in which clients before 1.0 send pictures, sounds, videos and documents.
//!
//! They are read as the 1.0 client upgrades them, so no other module handles them. A client that supports both
//! versions may send one attachment in both forms; then the `binary` one is left out.
//!
//! Source: `upgradeMessageContent` of `@ag-ui/client` 1.0.0, `middleware/legacy-content.ts`.

use std::collections::HashSet;

use serde_json::Value;

use super::read::ObjectReader;
use super::{ContentPart, JsonObject, PartKind, Source};

/// A part of a message, before the `binary` parts that repeat another one are left out.
pub(super) struct ReceivedPart {
    pub(super) part: ContentPart,
    /// Whether the client sent it as a `binary` part.
    pub(super) is_binary: bool,
}

/// Reads a `binary` part, in which a client before 1.0 sends a file, as a picture, sound, video or document of 1.0.
///
/// Returns `None` if the part has no media type, or neither data nor a URL: an `id` alone names a file that only the
/// client's own store knows. If the part has both, the data is used. An empty string counts as absent.
pub(super) fn read_part(mut object: ObjectReader<'_>) -> Option<ContentPart> {
    let mime_type = object.optional_string("mimeType").ok()??;
    let mut text = |key| object.optional_string(key).ok()?.filter(|text| !text.is_empty());
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

/// Returns the parts of a message without the `binary` parts that repeat a part of the 1.0 form. A client that supports
/// both versions sends one attachment in both forms.
///
/// A part repeats another if kind, source, value and media type are the same, and also the file name if the `binary` part
/// has one. Two `binary` parts never repeat each other.
pub(super) fn without_duplicates(parts: Vec<ReceivedPart>) -> Vec<ContentPart> {
    let repeated: Vec<bool> = {
        // A set, since one body can hold a hundred thousand parts.
        let any_binary = parts.iter().any(|received| received.is_binary);
        let newer = parts.iter().filter(|received| any_binary && !received.is_binary);
        let newer =
            newer.flat_map(|ReceivedPart { part, .. }| [(&part.kind, None), (&part.kind, filename(part))]);
        let newer: HashSet<(&PartKind, Option<&str>)> = newer.collect();
        let is_repeated = |received: &ReceivedPart| {
            received.is_binary && newer.contains(&(&received.part.kind, filename(&received.part)))
        };
        parts.iter().map(is_repeated).collect()
    };
    let kept = parts.into_iter().zip(repeated).filter(|(_, is_repeated)| !is_repeated);
    kept.map(|(received, _)| received.part).collect()
}

/// Returns the constructor of a picture, sound or video for bytes of this media type, and of a document for all other
/// bytes.
fn kind_of(mime_type: &str) -> fn(Source) -> PartKind {
    match mime_type.split_once('/') {
        Some(("image", _)) => |source| PartKind::Image { source },
        Some(("audio", _)) => |source| PartKind::Audio { source },
        Some(("video", _)) => |source| PartKind::Video { source },
        _ => |source| PartKind::Document { source },
    }
}

/// Returns the member `filename` of a part's metadata; `None` if the member is absent or not a string.
/// [`without_duplicates`] compares the names.
fn filename(part: &ContentPart) -> Option<&str> {
    part.metadata.as_ref()?.get("filename")?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::protocol::{ReceivedInput, RunAgentInput};

    /// Reads a user message and a tool message with these parts. Returns their content, which is the same, and the pointers
    /// of the parts that were left out.
    fn read(parts: &Value) -> (Value, Vec<String>) {
        let input = json!({"threadId": "t", "runId": "r", "messages": [
            {"id": "u1", "role": "user", "content": parts},
            {"id": "x1", "role": "tool", "toolCallId": "c1", "content": parts},
        ]});
        let ReceivedInput { input, mut dropped, .. } = RunAgentInput::read(input).unwrap();
        let messages = serde_json::to_value(&input.messages).unwrap();
        assert_eq!(messages[0]["content"], messages[1]["content"]);
        dropped.retain(|pointer| pointer.starts_with("/messages/0"));
        (messages[0]["content"].clone(), dropped)
    }

    #[test]
    fn binary_part_becomes_the_kind_of_its_media_type() {
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
    fn binary_part_without_type_or_bytes_is_left_out() {
        for (why, part) in [
            ("an id alone", json!({"type": "binary", "mimeType": "image/png", "id": "file-1"})),
            ("no media type", json!({"type": "binary", "data": "AAAA"})),
            ("a media type that is not a string", json!({"type": "binary", "mimeType": 7, "data": "AAAA"})),
            ("data that is not a string", json!({"type": "binary", "mimeType": "image/png", "data": 7})),
        ] {
            let text = json!({"type": "text", "text": "See this."});

            let (content, dropped) = read(&json!([part, text]));

            assert_eq!(content, json!([text]), "{why}");
            assert_eq!(dropped, ["/messages/0/content/0"], "{why}");
        }
    }

    #[test]
    fn binary_part_that_repeats_a_newer_part_is_left_out() {
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
