//! "Did you mean": the known name that a misspelt one is nearest to.

/// Longer names are compared by their beginning.
const MAX_CHARS: usize = 64;

/// The known name that is nearest to `word`, if one is near: letters are left out, added, exchanged or swapped, at most
/// one in three. Case and what is neither letter nor digit do not count, so `thread_id` is nearest to `threadId`.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = plain(word);
    let near = known.into_iter().filter_map(|name| {
        let plain_name = plain(name);
        let distance = distance(&word, &plain_name);
        let most = word.len().min(plain_name.len()).div_ceil(3);
        (distance <= most && distance < word.len()).then_some((distance, name))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

fn plain(name: &str) -> Vec<char> {
    let letters = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    letters.take(MAX_CHARS).collect()
}

/// How many letters have to be left out, added, exchanged or swapped with the next one.
///
/// Source: the optimal string alignment distance.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (i, letter) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other_letter) in other.iter().enumerate() {
            let exchanged = rows[i][j] + usize::from(letter != other_letter);
            let mut least = exchanged.min(rows[i][j + 1] + 1).min(row[j] + 1);
            let is_swapped = i > 0 && j > 0 && *letter == other[j - 1] && one[i - 1] == *other_letter;
            if is_swapped {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
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
