//! Reads the error messages of providers: whether they mean that the conversation is too long, and how much of them may
//! be written to the log.

/// The maximum number of characters of a message in the log.
const MAX_MESSAGE_CHARS: usize = 300;

/// The maximum number of bytes of a quotation in a message, quotation marks included. Names of fields and models are
/// shorter.
const MAX_QUOTE_BYTES: usize = 42;

/// Error types and phrases that mean that the conversation is too long, as [`contains_phrase`] reads them.
const TOO_LONG: &[&str] = &[
    "request_too_large",
    "prompt too long",
    "prompt is too long",
    "prompt exceeds max length",
    "too long to fit",
    "input is too long",
    "conversation is too long",
    "too many tokens",
    "too large for model",
    "too large to process",
    "maximum context",
    "context length",
    "context size",
    "context window",
    "context limit",
    "available context",
    "maximum prompt length",
    "maximum model length",
    "maximum number of tokens",
    "input token count",
    "model token limit",
    "reduce the length of",
    "inputs tokens + max_new_tokens must be",
    "input tokens exceeded",
    "number of input tokens exceeds",
    "input length … exceeds the maximum length",
    "range of input length should be",
    "the max input characters",
    "exceeds the max context",
    "greater than max_seq_len",
    "should not exceed max_num_tokens",
    "cannot exceed the total tokens limit",
    "request payload size exceeds the limit",
];

/// Phrases in messages about tokens or the context that mean another limit: that of an answer, or of a period of time.
const OTHER_LIMITS: &[&str] = &[
    "per minute",
    "a minute",
    "rate limit",
    "please wait",
    "max_tokens must be less than",
    "max_completion_tokens must be less than",
];

/// The paths, without indexes, of the members of a request that hold the conversation. If one of them is too long, the
/// conversation is.
const CONVERSATION_MEMBERS: &[&str] = &[
    "messages",
    "messages.content",
    "messages.content.text",
    "system",
    "system.text",
    "input",
    "input.content",
    "input.content.text",
    "input.output",
    "instructions",
    "inputText",
    "prompt",
    "contents",
    "contents.parts.text",
];

/// Returns whether a provider's error code or message means that the conversation is too long for the model, and not
/// that another limit was reached, such as a rate limit.
pub(super) fn is_too_long(error: &str) -> bool {
    (contains_phrase(error, TOO_LONG) || names_long_member(error)) && !contains_phrase(error, OTHER_LIMITS)
}

/// Returns whether a message means that a member which holds the conversation is too long. Members such as names and
/// ids have limits, too, but their limits do not count.
///
/// OpenAI: `Invalid 'messages[1].content': string too long.`
///
/// Bedrock: `#/messages/0/content/0/text: expected maxLength: 9`; a message without a path is about the complete
/// request.
fn names_long_member(message: &str) -> bool {
    let member = if let Some((before, _)) = message.split_once("expected maxLength") {
        let place = before.split_whitespace().next_back().unwrap_or_default();
        place.strip_prefix('#').unwrap_or_default()
    } else if contains_phrase(message, &["string too long", "array too long"]) {
        message.split('\'').nth(1).unwrap_or_default()
    } else {
        return false;
    };
    let names = member.split(['.', '/', '[', ']', ':']);
    let names: Vec<&str> =
        names.filter(|name| !name.is_empty() && !name.bytes().all(|byte| byte.is_ascii_digit())).collect();
    let is_request = names.is_empty() && message.contains("expected maxLength");
    is_request || CONVERSATION_MEMBERS.contains(&names.join(".").as_str())
}

/// Returns whether a text contains one of these phrases. Only letters and digits are compared, in lower case; `…` in a
/// phrase stands for any text.
pub(super) fn contains_phrase(text: &str, phrases: &[&str]) -> bool {
    let text = normalize(text);
    phrases.iter().any(|phrase| {
        let mut pieces = phrase.split('…').map(normalize);
        let rest = pieces.try_fold(&*text, |rest, piece| rest.split_once(&piece).map(|(_, rest)| rest));
        rest.is_some()
    })
}

/// Returns only the letters and digits of a text, in lower case, so that texts can be compared without case, spaces and
/// punctuation.
fn normalize(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns a provider's message in the form in which it may be logged: long quotations are replaced and the text is cut
/// after 300 characters.
pub(super) fn redact_for_log(message: &str) -> String {
    without_long_quotes(message).chars().take(MAX_MESSAGE_CHARS).collect()
}

/// Replaces quotations of more than 42 bytes by `[..]`, because they may come from the conversation, which must not be
/// logged. Apostrophes within words are not quotation marks.
fn without_long_quotes(message: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut kept = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(['\'', '"']) {
        let (before, quote) = rest.split_at(at);
        kept.push_str(before);
        let mark = &quote[..1];
        // An apostrophe within a word neither opens nor closes a quotation.
        let is_opening = !is_word(kept.chars().next_back());
        let mut ends = quote.match_indices(mark).skip(1).map(|(at, _)| at + 1);
        let end = match is_opening {
            // A quotation without a closing mark was cut off, and ends with the message.
            true => ends.find(|&end| !is_word(quote[end..].chars().next())).unwrap_or(quote.len()),
            false => 1,
        };
        let (quoted, after) = quote.split_at(end);
        kept.push_str(if quoted.len() > MAX_QUOTE_BYTES { "[..]" } else { quoted });
        rest = after;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_quotations_are_removed_from_a_logged_message() {
        let quotation = "the user's diagnosis, in more words than a name has";
        for (message, expected) in [
            ("Unknown model 'gpt-9'.", "Unknown model 'gpt-9'.".to_owned()),
            (
                &format!("parsing tool call: raw='{quotation}', err"),
                "parsing tool call: raw=[..], err".into(),
            ),
            (&format!("bad \"{quotation}"), "bad [..]".into()),
            (&format!("'a' and '{quotation}' and \"b\""), "'a' and [..] and \"b\"".into()),
            ("don't", "don't".into()),
        ] {
            assert_eq!(redact_for_log(message), expected);
        }
    }

    #[test]
    fn a_too_long_conversation_is_recognized_in_codes_and_messages() {
        for error in [
            "exceed_context_size_error",
            "context_length_exceeded",
            "ContextWindowExceededError",
            "request (2788 tokens) exceeds the available context size (2048 tokens), try increasing it",
            "the request exceeds the available context size, try increasing it",
            "input is too large to process. increase the physical batch size",
            "This model's maximum context length is 2048 tokens. However, your request has 8 input tokens.",
            "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
            "The prompt (total length 25938) is too long to fit into the model (context length 4096).",
            "prompt too long; exceeded max context length by 4 tokens",
            "Prompt exceeds max length",
            "the input length exceeds the context length",
            "This endpoint's maximum context length is 8192 tokens. However, you requested about 9000 tokens.",
            "Please reduce the length of the messages or completion.",
            "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
            "Your request exceeded model token limit: 8192 (requested: 9000)",
            "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000",
            "Input Tokens Exceeded: Number of input tokens exceeds maximum length.",
            "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]",
            "Input length 140000 exceeds the maximum length 131072",
            "the max input characters is 20000",
            "Prompt length 5000 is greater than max_seq_len 4096",
            "The sum of prompt length (9000), query length (0) should not exceed max_num_tokens (8192)",
            "the number of input tokens 5000 cannot exceed the total tokens limit 4096 for this model",
            "the prompt exceeds the max context of 4096",
            "Request payload size exceeds the limit: 20971520 bytes.",
            "Malformed input request: expected maxLength: 42000, actual: 50000, please reformat your input",
            "Malformed input request: #/messages/0/content/1/text: expected maxLength: 42000, actual: 50000",
            "Invalid 'messages[1].content': string too long. Expected a string with maximum length 10485760",
            "Invalid 'messages': array too long. Expected an array with maximum length 2048",
            "Invalid 'input[3].content[0].text': string too long. Expected a string with maximum length 9",
        ] {
            assert!(is_too_long(error), "{error}");
        }
        for error in [
            "rate_limit_exceeded",
            "max_tokens is too large: 100000",
            "the tool's name is too long",
            "context",
            "Too many tokens per minute",
            "Too many tokens, please wait before trying again.",
            "Rate limit reached: the number of input tokens exceeds 30000 a minute",
            "max_completion_tokens must be less than the context window",
            "`max_tokens` must be less than or equal to `8192`, which is less than the `context_window`",
            "Range of max_tokens should be [1, 8192]",
            "Malformed input request: #/toolConfig/tools/0/toolSpec/name: expected maxLength: 64, actual: 70",
            "Invalid 'tools': array too long. Expected an array with maximum length 128",
            "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40",
            "Invalid 'messages[0].content[1].image_url.url': string too long. Expected a string",
        ] {
            assert!(!is_too_long(error), "{error}");
        }
    }

    #[test]
    fn a_logged_message_is_cut_short() {
        assert_eq!(redact_for_log(&"é".repeat(5000)).chars().count(), 300);
    }
}
