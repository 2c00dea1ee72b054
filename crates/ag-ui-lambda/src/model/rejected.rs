//! What of a request a provider can't use, read from its words.
//!
//! Servers say it in a sentence, under 400, 404 or 500. What is left out is decided by the agent; here is only what the words
//! mean.

use super::Rejected;
use super::told::says;
use super::wire::ToolNames;

/// How providers say that they can't read a picture or another part that is no text.
const MEDIA: &[&str] = &[
    "image input is not supported",
    "audio input is not supported",
    "video input is not supported",
    "support image",
    "supports image",
    "support vision",
    "support multimodal",
    "support audio",
    "support video",
    "support file input",
    "support files",
    "support documents",
    "support the image",
    "support the document",
    "images are not supported",
    "image_url is only supported",
    "image_url is not supported",
    "unknown variant image_url",
    "content must be a string",
    "not a multimodal model",
    "At most 0 image",
    "mmproj",
    "could not process image",
    "could not process PDF",
    "unable to process input image",
    "does not represent a valid image",
    "failed to load image",
    "failed to process image",
    "data required for image input",
    "invalid image",
    "unsupported image",
    "image exceeds",
    "image dimensions exceed",
    "image does not match",
    "too many images",
    "download image",
    "download the image",
    "fetch image",
    "while downloading",
    "fetch content from the provided URL",
    "unsupported MIME type",
    "invalid PDF",
    "PDF specified",
    "PDF pages",
    "document has no pages",
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
    "function_declarations",
    "function.parameters",
];

/// What a message rejects. `names` are those of the tools that were offered.
pub(super) fn rejected(message: &str, names: &ToolNames) -> Option<Rejected> {
    if says(message, MEDIA) {
        return Some(Rejected::Media);
    }
    let tool = || tool_at(message).and_then(|place| names.at(place)).or_else(|| names.named_in(message));
    says(message, SCHEMA).then(|| tool().map_or(Rejected::SomeTool, |tool| Rejected::Tool(tool.to_owned())))
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
            ("the book is odd", None),
        ] {
            assert_eq!(rejected(message, &names), expected, "{message}");
        }
    }
}
