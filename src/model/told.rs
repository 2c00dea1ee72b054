//! What a provider says of an error in its own words: whether the conversation is too long, and what of it a log may
//! hold.

/// Characters of a message in the log.
const MESSAGE: usize = 300;

/// Bytes of a quotation in a message, marks included: the name of a field or a model is shorter.
const QUOTE: usize = 42;

/// How providers say that a conversation is too long. Most have no other word for it.
const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "request_too_large",
    "model_max_prompt_tokens_exceeded",
    "prompt is too long",
    "input is too long",
    "too many tokens",
    "too many input tokens",
    "too large for model",
    "maximum context",
    "context length",
    "context window",
    "context limit",
    "maximum number of tokens",
    "exceeds the maximum tokens",
    "input token count",
];

/// Whether a word or a message says that the conversation is too long for the model.
pub(super) fn is_too_long(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    TOO_LONG.iter().any(|phrase| said.contains(phrase))
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
    fn a_message_is_cut_short() {
        assert_eq!(for_log(&"é".repeat(5000)).chars().count(), 300);
    }
}
