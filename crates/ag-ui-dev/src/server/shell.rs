//! Words for a shell, for lines that people copy.

/// A word that a POSIX shell takes as it is.
pub(super) fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_a_quote_is_still_one_word() {
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}
