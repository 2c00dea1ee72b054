//! "Did you mean": the known name that a misspelt one is nearest to.

use strsim::osa_distance;

/// Longer names are compared by their beginning.
const MAX_CHARS: usize = 64;

/// The known name that is nearest to `word`, if one is near: letters are left out, added, exchanged or swapped, at most
/// one in three. Case and what is neither letter nor digit do not count, so `thread_id` is nearest to `threadId`.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = plain(word);
    let near = known.into_iter().filter_map(|name| {
        let plain_name = plain(name);
        let distance = osa_distance(&word, &plain_name);
        let length = word.chars().count();
        let most = length.min(plain_name.chars().count()).div_ceil(3);
        (distance <= most && distance < length).then_some((distance, name))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    letters.take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_if_one_is_near() {
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
