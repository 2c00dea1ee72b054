//! What a provider says of an error in its own words: whether the conversation is too long, and what of it a log may
//! hold.

/// Characters of a message in the log.
const MESSAGE: usize = 300;

/// Bytes of a quotation in a message, marks included: the name of a field or a model is shorter.
const QUOTE: usize = 42;

/// How providers say that a conversation is too long, in types and in sentences, as [`says`] reads phrases.
const TOO_LONG: &[&str] = &[
    "request_too_large",
    "model_max_prompt_tokens_exceeded",
    "prompt too long",
    "prompt is too long",
    "prompt exceeds max length",
    "too long to fit",
    "input is too long",
    "input too long",
    "conversation is too long",
    "too many tokens",
    "too many input tokens",
    "too large for model",
    "too large to process",
    "maximum context",
    "context length",
    "context size",
    "context window",
    "context limit",
    "context overflow",
    "available context",
    "maximum prompt length",
    "maximum input length",
    "maximum model length",
    "maximum allowed length",
    "maximum number of tokens",
    "exceeds the maximum tokens",
    "input token count",
    "model token limit",
    "reduce the length of",
    "inputs tokens + max_new_tokens must be",
    "inputs must have less than",
    "input tokens exceeded",
    "number of input tokens exceeds",
    "input is longer than",
    "input length … exceeds the maximum length",
    "range of input length should be",
    "the max input characters",
    "exceeds the max context",
    "greater than max_seq_len",
    "should not exceed max_num_tokens",
    "cannot exceed the total tokens limit",
    "request payload size exceeds the limit",
];

/// What a message says that is of another limit, although it speaks of tokens or of the context: that of an answer, or of a
/// time.
const OTHER_LIMITS: &[&str] = &[
    "per minute",
    "a minute",
    "per hour",
    "per day",
    "rate limit",
    "please wait",
    "max_tokens must be less than",
    "max_completion_tokens must be less than",
];

/// The members that hold the conversation, without their indexes: one that is too long makes the conversation so.
const CONVERSATION: &[&str] = &[
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

/// Whether a word or a message says that the conversation is too long for the model.
pub(super) fn is_too_long(said: &str) -> bool {
    (says(said, TOO_LONG) || names_long_member(said)) && !says(said, OTHER_LIMITS)
}

/// Whether a message says that a member which holds the conversation is too long. Names and ids have limits, too.
///
/// OpenAI: `Invalid 'messages[1].content': string too long.` Bedrock: `#/messages/0/content/0/text: expected maxLength: 9`,
/// and without a place where it is the whole request.
fn names_long_member(said: &str) -> bool {
    let member = if let Some((before, _)) = said.split_once("expected maxLength") {
        let place = before.split_whitespace().next_back().unwrap_or_default();
        place.strip_prefix('#').unwrap_or_default()
    } else if says(said, &["string too long", "array too long"]) {
        said.split('\'').nth(1).unwrap_or_default()
    } else {
        return false;
    };
    let names = member.split(['.', '/', '[', ']', ':']);
    let names: Vec<&str> =
        names.filter(|name| !name.is_empty() && !name.bytes().all(|byte| byte.is_ascii_digit())).collect();
    let is_request = names.is_empty() && said.contains("expected maxLength");
    is_request || CONVERSATION.contains(&names.join(".").as_str())
}

/// Whether a text holds one of these phrases, whatever their case, spaces and punctuation. Where a phrase has `…`, anything
/// may stand in the text.
pub(super) fn says(text: &str, phrases: &[&str]) -> bool {
    let text = squeezed(text);
    phrases.iter().any(|phrase| {
        let mut pieces = phrase.split('…').map(squeezed);
        let rest = pieces.try_fold(&*text, |rest, piece| rest.split_once(&piece).map(|(_, rest)| rest));
        rest.is_some()
    })
}

/// The letters and digits of a text, in lower case.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A message as a log may hold it: cut short, and without what it quotes at length.
pub(super) fn for_log(message: &str) -> String {
    without_quotes(message).chars().take(MESSAGE).collect()
}

/// What is quoted at length may be of the conversation, which no log may hold.
fn without_quotes(message: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut kept = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(['\'', '"']) {
        let (before, quote) = rest.split_at(at);
        kept.push_str(before);
        let mark = &quote[..1];
        // An apostrophe opens nothing, and ends nothing within a word.
        let is_opening = !is_word(kept.chars().next_back());
        let mut ends = quote.match_indices(mark).skip(1).map(|(at, _)| at + 1);
        let end = match is_opening {
            // A quotation without its end was cut off.
            true => ends.find(|&end| !is_word(quote[end..].chars().next())).unwrap_or(quote.len()),
            false => 1,
        };
        let (quoted, behind) = quote.split_at(end);
        kept.push_str(if quoted.len() > QUOTE { "[..]" } else { quoted });
        rest = behind;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_quotes_names_and_nothing_of_the_conversation() {
        let said = "the user's diagnosis, in more words than a name has";
        for (message, expected) in [
            ("Unknown model 'gpt-9'.", "Unknown model 'gpt-9'.".to_owned()),
            (&format!("parsing tool call: raw='{said}', err"), "parsing tool call: raw=[..], err".into()),
            (&format!("bad \"{said}"), "bad [..]".into()),
            (&format!("'a' and '{said}' and \"b\""), "'a' and [..] and \"b\"".into()),
            ("don't", "don't".into()),
        ] {
            assert_eq!(for_log(message), expected);
        }
    }

    #[test]
    fn a_conversation_that_is_too_long_is_known_by_a_type_or_a_sentence() {
        for said in [
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
            assert!(is_too_long(said), "{said}");
        }
        for said in [
            "rate_limit_exceeded",
            "max_tokens is too large: 100000",
            "the tool's name is too long",
            "context",
            "Too many tokens per minute",
            "Too many tokens, please wait before trying again.",
            "Rate limit reached: the number of input tokens exceeds 30000 a minute",
            "`max_tokens` must be less than or equal to `8192`, which is less than the `context_window`",
            "Range of max_tokens should be [1, 8192]",
            "Malformed input request: #/toolConfig/tools/0/toolSpec/name: expected maxLength: 64, actual: 70",
            "Invalid 'tools': array too long. Expected an array with maximum length 128",
            "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40",
            "Invalid 'messages[0].content[1].image_url.url': string too long. Expected a string",
        ] {
            assert!(!is_too_long(said), "{said}");
        }
    }

    #[test]
    fn a_message_is_cut_short() {
        assert_eq!(for_log(&"é".repeat(5000)).chars().count(), 300);
    }
}
