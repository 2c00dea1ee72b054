//! Finds out, from an error message, which part of a request a provider can't use.
//!
//! Servers report it in a sentence, with status 400, 403, 404 or 500. This module only reads the sentence; the agent
//! decides what to leave out of the next request. No list of sentences is ever complete, so an error that blames the
//! request and names a kind of media counts as an error about that media. If it was not, this costs one more request.

use super::RejectedPart;
use super::compat::ToolNames;
use super::error_text::contains_phrase;

/// Phrases about media that a provider can't read, for messages that the other lists would miss: they name no kind of
/// media, or they use no word of refusal.
const MEDIA_ERRORS: &[&str] = &[
    "content must be a string",
    "content … value must be a string",
    "content … valid string",
    "content … should be a string",
    "content … expected a string",
    "content … expected string",
    "sequence, expected a string",
    "mmproj",
    "at most 0 … may be provided",
    "not a multimodal model",
    "could not process image",
    "unable to process input image",
    "failed to load image",
    "failed to process image",
    "data required for image input",
    "image exceeds",
    "too many images",
    "while downloading",
    "fetch content from the provided URL",
    "PDF pages",
];

/// Parts of words that name a kind of media.
const MEDIA_KINDS: &[&str] =
    &["image", "picture", "multimodal", "audio", "video", "pdf", "mime", "modalit", "图片"];

/// Words that name a kind of media.
const MEDIA_WORDS: &[&str] = &["vision", "media", "file", "files", "document", "documents"];

/// General phrases for the kind of a part. They are searched in the message without its digits, that is, without indexes.
const MEDIA_PHRASES: &[&str] = &["content type", "content part", "content block", "inline data"];

/// Phrases which mean that something can't be used.
const REFUSALS: &[&str] = &[
    "not support",
    "n't support",
    "n’t support",
    "unsupported",
    "that support",
    "only support",
    "not enabled",
    "not accept",
    "n't accept",
    "n’t accept",
    "only accept",
    "text only",
    "required for image",
    "unknown variant",
    "unknown format",
];

/// Phrases which mean that the model's name is wrong. Such a name may contain the name of a kind of media.
const UNKNOWN_MODEL_ERRORS: &[&str] = &[
    "model … not found",
    "model … does not exist",
    "not a valid model",
    "model identifier is invalid",
    "invalid model",
    "unknown model",
    "no such model",
];

/// Phrases which mean that a provider can't use a tool's schema.
const SCHEMA_ERRORS: &[&str] = &[
    "invalid schema for function",
    "invalid JSON schema",
    "JSON schema is invalid",
    "unrecognized schema",
    "failed to parse grammar",
    "generate parser for this template",
    "input_schema",
    "inputSchema",
    "features not supported by xgrammar",
    "JSON schema not supported",
    "function_declarations",
    "function.parameters",
];

/// Returns the part of the request that an error message rejects: a tool's schema or media. Returns `None` if the
/// message is about something else.
///
/// `names` are the names of the request's tools, of which the message may mention one. `blames_request` is whether the
/// error's status or code already blames the request. If not, only a message that clearly refuses the part counts.
pub(super) fn find_rejected_part(
    message: &str,
    names: &ToolNames,
    blames_request: bool,
) -> Option<RejectedPart> {
    let mentions_tool =
        || contains_phrase(message, &["tool", "function"]) || blamed_tool(message, names).is_some();
    match () {
        () if contains_phrase(message, SCHEMA_ERRORS)
            || (blames_request && contains_phrase(message, &["schema"]) && mentions_tool()) =>
        {
            Some(
                blamed_tool(message, names)
                    .map_or(RejectedPart::UnnamedTool, |tool| RejectedPart::Tool(tool.to_owned())),
            )
        }
        () if rejects_media(message, blames_request) => Some(RejectedPart::Media),
        () => None,
    }
}

/// Returns whether a message rejects images, documents, audio or video. `blames_request` is whether the error's status
/// or code already blames the request; then it is enough that the message names a kind of media.
fn rejects_media(message: &str, blames_request: bool) -> bool {
    let may_be =
        blames_request && tool_index(message).is_none() && !contains_phrase(message, UNKNOWN_MODEL_ERRORS);
    contains_phrase(message, MEDIA_ERRORS)
        || (names_media(message) && (may_be || contains_phrase(message, REFUSALS)))
}

/// Returns whether a message mentions a kind of media, such as images or files, or the type of a content part.
fn names_media(message: &str) -> bool {
    let without_indexes: String = message.chars().filter(|c| !c.is_ascii_digit()).collect();
    let mut words = message.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words.any(|word| MEDIA_WORDS.contains(&&*word) || MEDIA_KINDS.iter().any(|part| word.contains(part)))
        || contains_phrase(&without_indexes, MEDIA_PHRASES)
}

/// Returns the original name of the tool that an error message blames; `None` if the message mentions no tool or
/// several.
///
/// A name in the sentence counts first, then an index in a path, since servers count tools in different ways. A name
/// inside a path comes last, since a word of the path may equal a tool's name by chance.
fn blamed_tool<'a>(message: &str, names: &'a ToolNames) -> Option<&'a str> {
    let words = || message.split_whitespace();
    let sentence = words().filter(|word| tool_index(word).is_none());
    names
        .find_in(sentence)
        .or_else(|| tool_index(message).and_then(|index| names.name_at(index)))
        .or_else(|| names.find_in(words()))
}

/// Returns the index of the tool in a path such as `tools[1].`, `tools.1.` or Gemini's `function_declarations[1]`;
/// `None` if the message contains no such path.
fn tool_index(message: &str) -> Option<usize> {
    ["function_declarations", "tools"].iter().find_map(|list| {
        message.match_indices(list).find_map(|(at, list)| {
            let place = message[at + list.len()..].strip_prefix(['[', '.', '/'])?;
            let digits: String = place.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Tool;

    #[test]
    fn a_message_alone_tells_which_part_is_rejected() {
        let tools = ["look", "book", "böse"].map(|name| Tool {
            name: name.into(),
            description: String::new(),
            parameters: None,
            metadata: None,
        });
        let names = ToolNames::new(&tools);
        let odd = super::super::compat::wire_tool_name("böse");
        let tool = |name: &str| Some(RejectedPart::Tool(name.into()));
        for (message, expected) in [
            (
                "image input is not supported - hint: you may need to provide the mmproj",
                Some(RejectedPart::Media),
            ),
            ("No endpoints found that support image input", Some(RejectedPart::Media)),
            (
                "Invalid content type. image_url is only supported by certain models.",
                Some(RejectedPart::Media),
            ),
            ("unknown variant `image_url`, expected `text`", Some(RejectedPart::Media)),
            (
                "This model doesn't support the image content block that you provided.",
                Some(RejectedPart::Media),
            ),
            ("m is not a multimodal model", Some(RejectedPart::Media)),
            (
                "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum",
                Some(RejectedPart::Media),
            ),
            ("You uploaded an unsupported image.", Some(RejectedPart::Media)),
            ("Unsupported MIME type: image/bmp", Some(RejectedPart::Media)),
            ("A maximum of 100 PDF pages may be provided.", Some(RejectedPart::Media)),
            ("Invalid schema for function 'book': None is not of type 'object'", tool("book")),
            (&format!("Invalid schema for function '{odd}': no"), tool("böse")),
            ("tools.1.custom.input_schema: JSON schema is invalid", tool("book")),
            ("The value at toolConfig.tools.0.toolSpec.inputSchema.json is invalid.", tool("look")),
            ("* GenerateContentRequest.tools[0].function_declarations[1].parameters: no", tool("book")),
            ("Failed to initialize samplers: failed to parse grammar", Some(RejectedPart::UnnamedTool)),
            ("Unrecognized schema: true", Some(RejectedPart::UnnamedTool)),
            ("tools.9.custom.input_schema: no", Some(RejectedPart::UnnamedTool)),
            ("invalid JSON schema for tool book, tools[0].function.parameters: no", tool("book")),
            ("The JSON schema contains features not supported by xgrammar", Some(RejectedPart::UnnamedTool)),
            ("JSON Schema not supported: could not understand the instance", Some(RejectedPart::UnnamedTool)),
            ("Image inputs are not supported by this model.", Some(RejectedPart::Media)),
            ("Image input is not enabled for this model", Some(RejectedPart::Media)),
            ("Audio input modality is not enabled for models/m", Some(RejectedPart::Media)),
            ("At most 0 video(s) may be provided in one prompt.", Some(RejectedPart::Media)),
            (
                "messages[0].content: invalid type: sequence, expected a string at line 1",
                Some(RejectedPart::Media),
            ),
            (
                "'messages.0' : the following must be satisfied[('messages.0.content' : value must be a string)]",
                Some(RejectedPart::Media),
            ),
            ("body.messages.0.content: Input should be a valid string", Some(RejectedPart::Media)),
            ("unsupported content[].type", Some(RejectedPart::Media)),
            ("Unsupported content part type: video_url", Some(RejectedPart::Media)),
            ("clip model required for image input: model is text-only", Some(RejectedPart::Media)),
            ("this model does not accept images as input", Some(RejectedPart::Media)),
            ("vision is not supported", Some(RejectedPart::Media)),
            ("image: unknown format", Some(RejectedPart::Media)),
            ("content must be a string", Some(RejectedPart::Media)),
            ("messages.0.content should be a string", Some(RejectedPart::Media)),
            ("messages[0].content: expected string, got array", Some(RejectedPart::Media)),
            ("Failed to load image or audio file", Some(RejectedPart::Media)),
            ("failed to process image", Some(RejectedPart::Media)),
            ("Error while downloading https://a.example/x.", Some(RejectedPart::Media)),
            ("Cannot fetch content from the provided URL.", Some(RejectedPart::Media)),
            ("Unable to generate parser for this template.", Some(RejectedPart::UnnamedTool)),
            ("the book is odd", None),
            ("too many open files", None),
            ("the media service is unavailable", None),
            ("a revision of the profile is not supported", None),
            ("The model `gpt-audio` does not exist or you do not have access to it.", None),
        ] {
            assert_eq!(find_rejected_part(message, &names, false), expected, "{message}");
        }
    }

    #[test]
    fn an_error_that_blames_the_request_rejects_the_media_it_names() {
        let tools =
            [Tool { name: "read_file".into(), description: String::new(), parameters: None, metadata: None }];
        let names = ToolNames::new(&tools);
        for (message, expected) in [
            ("Content blocks are expected to be either text or image_url type.", Some(RejectedPart::Media)),
            ("Invalid value: 'input_audio'. Supported values are: 'text'.", Some(RejectedPart::Media)),
            (
                "Invalid value: 'file'. Supported values are: 'text' and 'image_url'.",
                Some(RejectedPart::Media),
            ),
            ("messages.content.type 参数非法，取值范围 ['text']", Some(RejectedPart::Media)),
            ("messages[1].content[0].type: Invalid value", Some(RejectedPart::Media)),
            ("图片输入格式/解析错误", Some(RejectedPart::Media)),
            ("messages.0.content.1: Input tag 'image' found using 'type'", Some(RejectedPart::Media)),
            ("The PDF has no pages", Some(RejectedPart::Media)),
            ("Tool read_file has an odd schema", Some(RejectedPart::Tool("read_file".into()))),
            ("tools[0].function.name: 'read_file' is odd", None),
            ("x/vision-1 is not a valid model ID", None),
            ("The model `gpt-audio` does not exist", None),
            ("temperature is out of range", None),
            ("response_format: the schema is odd", None),
        ] {
            assert_eq!(find_rejected_part(message, &names, true), expected, "{message}");
        }
    }
}
