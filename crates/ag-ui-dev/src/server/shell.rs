//! Quotes text for a shell, in command lines that people copy.

/// Quotes a text so that a POSIX shell reads it as one word, whatever characters are in it. The curl commands for the
/// page and the terminal use this.
pub(super) fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_with_a_quote_is_one_word() {
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}
