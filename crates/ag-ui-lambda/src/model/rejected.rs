//! What of a request a provider can't use, read from its words.
//!
//! Servers say it in a sentence, under 400, 403, 404 or 500. What is left out is decided by the agent; here is only what the
//! words mean. No list of sentences is ever complete, so an error that blames the request and names a kind of part is taken
//! for one over that part: if it was not, this costs one request more.

use super::Rejected;
use super::told::says;
use super::wire::ToolNames;

/// How providers say that they can't read a part, where the rest of this module would not see it: without the name of a kind
/// of part, or without a word that refuses it.
const MEDIA: &[&str] = &[
    "content must be a string",
    "content … value must be a string",
    "content … valid string",
    "content … should be a string",
    "content … expected a string",
    "content … expected string",
    "sequence, expected a string",
    "mmproj",
    "at most 0 image",
    "at most 0 audio",
    "at most 0 video",
    "not a multimodal model",
    "could not process image",
    "could not process PDF",
    "unable to process input image",
    "does not represent a valid image",
    "failed to load image",
    "failed to process image",
    "data required for image input",
    "invalid image",
    "image exceeds",
    "image dimensions exceed",
    "image does not match",
    "too many images",
    "download image",
    "download the image",
    "fetch image",
    "while downloading",
    "fetch content from the provided URL",
    "invalid PDF",
    "PDF specified",
    "PDF pages",
    "document has no pages",
];

/// Pieces of words that name a kind of part.
const PARTS: &[&str] = &[
    "image",
    "picture",
    "multimodal",
    "audio",
    "video",
    "pdf",
    "mime",
    "modalit",
    "图片",
    "图像",
    "音频",
    "视频",
    "多模态",
];

/// Whole words that name a kind of part.
const PART_WORDS: &[&str] =
    &["vision", "media", "file", "files", "document", "documents", "attachment", "attachments"];

/// How the kind of a part is called in general. Indexes are left out before it is looked for.
const PART_NAMES: &[&str] = &["content type", "content part", "content block", "inline data"];

/// Words of a sentence that says of something that it can't be used.
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
    "is required for",
    "required for image",
    "unknown variant",
    "unknown format",
];

/// How providers say that the model's name is at fault, which may name a kind of part.
const WRONG_MODEL: &[&str] = &[
    "model … not found",
    "model … does not exist",
    "not a valid model",
    "model identifier is invalid",
    "invalid model",
    "unknown model",
    "no such model",
];

/// How providers say that they can't use a tool's schema.
const SCHEMA: &[&str] = &[
    "invalid schema for function",
    "invalid function schema",
    "invalid JSON schema",
    "JSON schema is invalid",
    "unrecognized schema",
    "failed to parse grammar",
    "generate parser for this template",
    "compile grammar",
    "convert schema",
    "input_schema",
    "inputSchema",
    "features not supported by xgrammar",
    "JSON schema not supported",
    "parameters schema",
    "function_declarations",
    "function.parameters",
];

/// What a message rejects. `names` are those of the tools that were offered. `blames_request` says whether the error finds the
/// request at fault, whatever its message; where it does not, the message must say so itself.
pub(super) fn rejected(message: &str, names: &ToolNames, blames_request: bool) -> Option<Rejected> {
    let speaks_of_a_tool = || says(message, &["tool", "function"]) || tool(message, names).is_some();
    match () {
        () if says(message, SCHEMA)
            || (blames_request && says(message, &["schema"]) && speaks_of_a_tool()) =>
        {
            Some(tool(message, names).map_or(Rejected::SomeTool, |tool| Rejected::Tool(tool.to_owned())))
        }
        () if is_of_media(message, blames_request) => Some(Rejected::Media),
        () => None,
    }
}

/// Whether a message is about a part that is no text.
fn is_of_media(message: &str, blames_request: bool) -> bool {
    let may_be = blames_request && tool_at(message).is_none() && !says(message, WRONG_MODEL);
    says(message, MEDIA) || (names_part(message) && (may_be || says(message, REFUSALS)))
}

/// Whether a message names a kind of part that is no text.
fn names_part(message: &str) -> bool {
    let without_indexes: String = message.chars().filter(|c| !c.is_ascii_digit()).collect();
    let mut words = message.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words.any(|word| PART_WORDS.contains(&&*word) || PARTS.iter().any(|part| word.contains(part)))
        || says(&without_indexes, PART_NAMES)
}

/// The tool that a message is about. A name in the sentence says more than a place in the request, where servers count in
/// other ways; a word of a path may be a name by chance.
fn tool<'a>(message: &str, names: &'a ToolNames) -> Option<&'a str> {
    let words = || message.split_whitespace();
    let sentence = words().filter(|word| tool_at(word).is_none());
    names
        .named_in(sentence)
        .or_else(|| tool_at(message).and_then(|place| names.at(place)))
        .or_else(|| names.named_in(words()))
}

/// The place of a tool in the request: `tools[1].`, `tools.1.`, and in Gemini's only list of them
/// `function_declarations[1]`.
fn tool_at(message: &str) -> Option<usize> {
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
    fn a_sentence_says_what_is_rejected() {
        let tools = ["look", "book", "böse"].map(|name| Tool {
            name: name.into(),
            description: String::new(),
            parameters: None,
            metadata: None,
        });
        let names = ToolNames::new(&tools);
        let odd = super::super::wire::tool_name("böse");
        let tool = |name: &str| Some(Rejected::Tool(name.into()));
        for (message, expected) in [
            (
                "image input is not supported - hint: you may need to provide the mmproj",
                Some(Rejected::Media),
            ),
            ("No endpoints found that support image input", Some(Rejected::Media)),
            ("Invalid content type. image_url is only supported by certain models.", Some(Rejected::Media)),
            ("unknown variant `image_url`, expected `text`", Some(Rejected::Media)),
            ("This model doesn't support the image content block that you provided.", Some(Rejected::Media)),
            ("m is not a multimodal model", Some(Rejected::Media)),
            ("messages.0.content.1.image.source.base64: image exceeds 5 MB maximum", Some(Rejected::Media)),
            ("You uploaded an unsupported image.", Some(Rejected::Media)),
            ("Unsupported MIME type: image/bmp", Some(Rejected::Media)),
            ("A maximum of 100 PDF pages may be provided.", Some(Rejected::Media)),
            ("Invalid schema for function 'book': None is not of type 'object'", tool("book")),
            (&format!("Invalid schema for function '{odd}': no"), tool("böse")),
            ("tools.1.custom.input_schema: JSON schema is invalid", tool("book")),
            ("The value at toolConfig.tools.0.toolSpec.inputSchema.json is invalid.", tool("look")),
            ("* GenerateContentRequest.tools[0].function_declarations[1].parameters: no", tool("book")),
            ("Failed to initialize samplers: failed to parse grammar", Some(Rejected::SomeTool)),
            ("Unrecognized schema: true", Some(Rejected::SomeTool)),
            ("tools.9.custom.input_schema: no", Some(Rejected::SomeTool)),
            ("invalid JSON schema for tool book, tools[0].function.parameters: no", tool("book")),
            ("The JSON schema contains features not supported by xgrammar", Some(Rejected::SomeTool)),
            ("JSON Schema not supported: could not understand the instance", Some(Rejected::SomeTool)),
            ("Image inputs are not supported by this model.", Some(Rejected::Media)),
            ("Image input is not enabled for this model", Some(Rejected::Media)),
            ("Audio input modality is not enabled for models/m", Some(Rejected::Media)),
            ("At most 0 video(s) may be provided in one prompt.", Some(Rejected::Media)),
            (
                "messages[0].content: invalid type: sequence, expected a string at line 1",
                Some(Rejected::Media),
            ),
            (
                "'messages.0' : the following must be satisfied[('messages.0.content' : value must be a string)]",
                Some(Rejected::Media),
            ),
            ("body.messages.0.content: Input should be a valid string", Some(Rejected::Media)),
            ("unsupported content[].type", Some(Rejected::Media)),
            ("Unsupported content part type: video_url", Some(Rejected::Media)),
            ("clip model required for image input: model is text-only", Some(Rejected::Media)),
            ("this model does not accept images as input", Some(Rejected::Media)),
            ("vision is not supported", Some(Rejected::Media)),
            ("image: unknown format", Some(Rejected::Media)),
            ("the book is odd", None),
            ("too many open files", None),
            ("the media service is unavailable", None),
            ("a revision of the profile is not supported", None),
            ("The model `gpt-audio` does not exist or you do not have access to it.", None),
        ] {
            assert_eq!(rejected(message, &names, false), expected, "{message}");
        }
    }

    #[test]
    fn an_error_of_the_request_that_names_a_part_is_one_over_that_part() {
        let tools =
            [Tool { name: "read_file".into(), description: String::new(), parameters: None, metadata: None }];
        let names = ToolNames::new(&tools);
        for (message, expected) in [
            ("Content blocks are expected to be either text or image_url type.", Some(Rejected::Media)),
            ("Invalid value: 'input_audio'. Supported values are: 'text'.", Some(Rejected::Media)),
            ("Invalid value: 'file'. Supported values are: 'text' and 'image_url'.", Some(Rejected::Media)),
            ("messages.content.type 参数非法，取值范围 ['text']", Some(Rejected::Media)),
            ("messages[1].content[0].type: Invalid value", Some(Rejected::Media)),
            ("图片输入格式/解析错误", Some(Rejected::Media)),
            ("messages.0.content.1: Input tag 'image' found using 'type'", Some(Rejected::Media)),
            ("The PDF has no pages", Some(Rejected::Media)),
            ("Tool read_file has an odd schema", Some(Rejected::Tool("read_file".into()))),
            ("tools[0].function.name: 'read_file' is odd", None),
            ("x/vision-1 is not a valid model ID", None),
            ("The model `gpt-audio` does not exist", None),
            ("temperature is out of range", None),
            ("response_format: the schema is odd", None),
        ] {
            assert_eq!(rejected(message, &names, true), expected, "{message}");
        }
    }
}
