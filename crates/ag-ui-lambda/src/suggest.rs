//! "Did you mean": finds the known name that is most similar to a misspelt one.

use strsim::osa_distance;

/// The number of characters that are compared; longer names are compared by their beginning.
const MAX_CHARS: usize = 64;

/// Returns the name among `known` that is most similar to `word`, for a hint such as "did you mean". `None` if no
/// name is similar enough.
///
/// A name is similar if at most one in three of its characters is missing, added, different or swapped. Case, and all
/// characters that are neither letters nor digits, do not count, so `thread_id` is similar to `threadId`.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = normalize(word);
    let near = known.into_iter().filter_map(|name| {
        let normalized = normalize(name);
        let distance = osa_distance(&word, &normalized);
        let length = word.chars().count();
        let max_distance = length.min(normalized.chars().count()).div_ceil(3);
        (distance <= max_distance && distance < length).then_some((distance, name))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// Returns the letters and digits of a name in lower case, at most [`MAX_CHARS`] of them. Two names are compared in
/// this form.
fn normalize(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    letters.take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_name_is_found() {
        let known = ["threadId", "runId", "messages", "tools", "/capabilities", "user", "assistant"];
        for (word, expected) in [
            ("thread_id", Some("threadId")),
            ("THREADID", Some("threadId")),
            ("mesages", Some("messages")),
            ("messgaes", Some("messages")),
            ("/capabilites", Some("/capabilities")),
            ("users", Some("user")),
            ("assitant", Some("assistant")),
            ("run", None),
            ("human", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
