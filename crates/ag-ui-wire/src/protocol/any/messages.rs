//! Generates messages and their content.

use proptest::prelude::*;

use super::values::{id, many, maybe, non_null, object, text};
use crate::protocol::{Content, ContentPart, FunctionCall, Message, MessageBody, PartKind, Source, ToolCall};

/// Generates a message of any role.
pub fn message() -> impl Strategy<Value = Message> {
    (id(), body(), maybe(text()), maybe(text()), maybe(object()), maybe(id())).prop_map(
        |(id, body, name, encrypted_value, metadata, subagent_run_id)| Message {
            id,
            body,
            name,
            encrypted_value,
            metadata,
            subagent_run_id,
        },
    )
}

/// Generates the body of a message of any role.
pub fn body() -> impl Strategy<Value = MessageBody> {
    use MessageBody as B;
    prop_oneof![
        text().prop_map(|content| B::Developer { content }),
        text().prop_map(|content| B::System { content }),
        (maybe(text()), many(call())).prop_map(|(content, tool_calls)| B::Assistant { content, tool_calls }),
        content().prop_map(|content| B::User { content }),
        (id(), content(), maybe(text())).prop_map(|(tool_call_id, content, error)| B::Tool {
            tool_call_id,
            content,
            error
        }),
        text().prop_map(|content| B::Reasoning { content }),
        (text(), object()).prop_map(|(activity_type, content)| B::Activity { activity_type, content }),
    ]
}

/// Generates a tool call.
fn call() -> impl Strategy<Value = ToolCall> {
    (id(), text(), text(), maybe(text()), maybe(object())).prop_map(
        |(id, name, arguments, encrypted_value, metadata)| ToolCall {
            id,
            function: FunctionCall { name, arguments },
            encrypted_value,
            metadata,
        },
    )
}

/// Generates a content: text, or parts.
pub fn content() -> impl Strategy<Value = Content> {
    prop_oneof![text().prop_map(Content::Text), many(part()).prop_map(Content::Parts)]
}

/// Generates a part of a content.
pub fn part() -> impl Strategy<Value = ContentPart> {
    (part_kind(), maybe(text()), maybe(non_null())).prop_map(|(kind, id, metadata)| ContentPart {
        kind,
        id,
        metadata,
    })
}

/// Generates a part without its optional members.
pub fn part_kind() -> impl Strategy<Value = PartKind> {
    prop_oneof![
        text().prop_map(|text| PartKind::Text { text }),
        source().prop_map(|source| PartKind::Image { source }),
        source().prop_map(|source| PartKind::Audio { source }),
        source().prop_map(|source| PartKind::Video { source }),
        source().prop_map(|source| PartKind::Document { source }),
    ]
}

/// Generates where the bytes of a part are.
pub fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        (text(), text()).prop_map(|(value, mime_type)| Source::Data { value, mime_type }),
        (text(), maybe(text())).prop_map(|(value, mime_type)| Source::Url { value, mime_type }),
        (text(), maybe(text()), maybe(text())).prop_map(|(value, provider, mime_type)| Source::File {
            value,
            provider,
            mime_type
        }),
    ]
}
