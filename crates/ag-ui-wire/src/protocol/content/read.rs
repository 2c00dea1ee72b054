//! Reads content. Parts and sources of an unknown kind are left out.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Content, ContentPart, PartKind, Source};
use crate::protocol::JsonObject;
use crate::protocol::binary::{self, ReceivedPart};
use crate::protocol::input_error::{InputError, InputProblem};
use crate::protocol::input_limits::ElementKind;
use crate::protocol::read::{ObjectReader, deserialize_by_reading};
use crate::protocol::reading::Reading;

deserialize_by_reading! { ContentPart PartKind Source }

impl Content {
    /// Removes the member `content` from a message and reads it: a string, or an array of parts. `reading` gets the JSON
    /// Pointers of the parts that are left out because their type is unknown.
    ///
    /// # Errors
    /// [`InputError`] if the member is absent or has another type, or if a part is malformed.
    pub(in crate::protocol) fn take(
        message: &mut ObjectReader<'_>,
        reading: &mut Reading,
    ) -> Result<Self, InputError> {
        if message.has_string("content") {
            return Ok(Self::Text(message.string("content")?));
        }
        message
            .list(("content", ElementKind::ContentPart), reading, ReceivedPart::read)
            .map_err(|error| match error.problem {
                InputProblem::NotAnArray => InputError { problem: InputProblem::NotContent, ..error },
                _ => error,
            })?
            .map(|parts| Self::Parts(binary::without_duplicates(parts)))
            .ok_or_else(|| message.missing("content"))
    }
}

impl<'de> Deserialize<'de> for Content {
    /// Deserializes a string or an array of parts. Parts of an unknown type are left out.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = JsonObject::from_iter([("content".to_owned(), Value::deserialize(deserializer)?)]);
        let text = Value::Object(members).to_string();
        ObjectReader::new(&text, String::new())
            .and_then(|mut message| Self::take(&mut message, &mut Reading::of_everything()))
            .map_err(D::Error::custom)
    }
}

impl ContentPart {
    /// Reads a part of a content; `None` if the type of the part or the type of its source is unknown.
    fn read(object: ObjectReader<'_>, reading: &mut Reading) -> Result<Option<Self>, InputError> {
        Ok(ReceivedPart::read(object, reading)?.map(|received| received.part))
    }
}

impl ReceivedPart {
    /// Reads a part of a message for [`ObjectReader::list`], also a `binary` one. Returns `None`, so that the part is
    /// left out, if the type of the part or the type of its source is unknown, or if a `binary` part has no bytes that
    /// can be found.
    fn read(mut object: ObjectReader<'_>, reading: &mut Reading) -> Result<Option<Self>, InputError> {
        let kind = object.string("type")?;
        if kind == "binary" {
            return Ok(binary::read_part(object).map(|part| Self { part, is_binary: true }));
        }
        let Some(kind) = PartKind::take(&kind, &mut object)? else { return Ok(None) };
        let (id, metadata) = (object.optional_string("id")?, object.optional("metadata", reading)?);
        Ok(Some(Self { part: ContentPart { kind, id, metadata }, is_binary: false }))
    }
}

impl PartKind {
    /// Reads, for `Deserialize`, the type of a part and the members that belong to this type. The part's id and
    /// metadata are skipped. Returns `None` if the type of the part or the type of its source is unknown.
    fn read(mut object: ObjectReader<'_>, _: &mut Reading) -> Result<Option<Self>, InputError> {
        let kind = object.string("type")?;
        Self::take(&kind, &mut object)
    }

    /// Reads the members that belong to the type of a part, and removes them from `part`: `text` for a text, `source`
    /// for a picture, a sound, a video or a document. `kind` is the type, which the caller has read before. The id and
    /// the metadata of the part stay.
    ///
    /// Returns `None` if `kind` or the type of the source is unknown; such a part of a message is left out.
    fn take(kind: &str, part: &mut ObjectReader<'_>) -> Result<Option<Self>, InputError> {
        let with_source: fn(Source) -> Self = match kind {
            "text" => return Ok(Some(Self::Text { text: part.string("text")? })),
            "image" => |source| Self::Image { source },
            "audio" => |source| Self::Audio { source },
            "video" => |source| Self::Video { source },
            "document" => |source| Self::Document { source },
            _ => return Ok(None),
        };
        Ok(Source::read(part.object("source")?, &mut Reading::of_everything())?.map(with_source))
    }
}

impl Source {
    /// Reads where the bytes of a part are; `None` if the type of the source is unknown.
    fn read(mut object: ObjectReader<'_>, _: &mut Reading) -> Result<Option<Self>, InputError> {
        let kind = object.string("type")?;
        Ok(Some(match kind.as_str() {
            "data" => Self::Data { value: object.string("value")?, mime_type: object.string("mimeType")? },
            "url" => {
                Self::Url { value: object.string("value")?, mime_type: object.optional_string("mimeType")? }
            }
            "file" => Self::File {
                value: object.string("value")?,
                provider: object.optional_string("provider")?,
                mime_type: object.optional_string("mimeType")?,
            },
            _ => return Ok(None),
        }))
    }
}
