//! The sentences in a file, and the words in a name.

/// A comment or the text of a string literal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passage {
    /// The line of its first character, counted from 1.
    pub line: usize,
    /// Its text. Line comments that follow each other are one passage, without their slashes.
    pub text: String,
}

/// A phrase that was found in a passage.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The line of the phrase, counted from 1.
    pub line: usize,
    /// The phrase.
    pub phrase: &'static str,
    /// The complete line that the phrase begins in.
    pub text: String,
}

/// Returns the comments and the string literals of a Rust file, in order. Line comments that follow each other are one
/// passage. The test of the prose searches the passages for words that are not allowed.
pub fn passages(text: &str) -> Vec<Passage> {
    let mut reader = Reader { text, at: 0, line: 1, found: Vec::new(), last_comment_line: None };
    reader.read();
    reader.found
}

/// Finds phrases in a comment or string. A phrase is one or more words in lower case, separated by spaces. The case of the
/// passage and line breaks between the words make no difference. An underscore belongs to a word, so the words of `is_none`
/// are not found.
pub fn find(passage: &Passage, phrases: &[&'static str]) -> Vec<Finding> {
    let lines: Vec<&str> = passage.text.lines().collect();
    let words: Vec<(usize, String)> = lines
        .iter()
        .enumerate()
        .flat_map(|(number, line)| words_of_prose(line).map(move |word| (number, word)))
        .collect();
    let mut found = Vec::new();
    for phrase in phrases {
        let wanted: Vec<&str> = phrase.split(' ').collect();
        for window in words.windows(wanted.len()) {
            if window.iter().map(|(_, word)| word.as_str()).eq(wanted.iter().copied()) {
                let number = window[0].0;
                let text = lines[number].trim().to_owned();
                found.push(Finding { line: passage.line + number, phrase, text });
            }
        }
    }
    found.sort_by_key(|finding| finding.line);
    found
}

/// Returns the words of a name in lower case: `EarAndVoice` and `ear_and_voice` are the same three. The test of the
/// vocabulary looks for forbidden words among them.
pub fn words_of_name(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let characters: Vec<char> = name.chars().collect();
    for (at, character) in characters.iter().enumerate() {
        let follows_lower = at > 0 && !characters[at - 1].is_uppercase();
        let precedes_lower = characters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if *character == '_' || (character.is_uppercase() && (follows_lower || precedes_lower)) {
            words.push(String::new());
        }
        if *character != '_'
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Splits a line into its words, in lower case. `None` stays as it is, since it is Rust's and not the English word.
fn words_of_prose(line: &str) -> impl Iterator<Item = String> + '_ {
    let is_of_a_word = |character: char| character.is_alphanumeric() || "_'’".contains(character);
    line.split(move |character| !is_of_a_word(character))
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
        .map(|word| if word == "None" { word.to_owned() } else { word.to_lowercase().replace('’', "'") })
}

/// Reads a file from its first to its last character.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    found: Vec<Passage>,
    /// The line of the comment that was read last, if nothing but space has followed.
    last_comment_line: Option<usize>,
}

impl Reader<'_> {
    /// Reads to the end of the file, and adds each comment and each string literal to `found`.
    fn read(&mut self) {
        while let Some(character) = self.rest().chars().next() {
            if self.rest().starts_with("//") {
                self.line_comment();
            } else if self.rest().starts_with("/*") {
                self.block_comment();
            } else if character == '"' {
                self.string();
            } else if let Some(hashes) = self.raw_string_begins() {
                self.raw_string(hashes);
            } else if character == '\'' {
                self.character_or_lifetime();
            } else if character.is_alphanumeric() || character == '_' {
                // A whole word at once, so that the `r` of `for` begins no raw string.
                let length = self
                    .rest()
                    .find(|character: char| !character.is_alphanumeric() && character != '_')
                    .unwrap_or(self.rest().len());
                self.last_comment_line = None;
                self.skip(length);
            } else {
                if !character.is_whitespace() {
                    self.last_comment_line = None;
                }
                self.skip(character.len_utf8());
            }
        }
    }

    /// Returns the text that was not read yet.
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Moves the position on by this number of bytes, and counts the lines in them.
    fn skip(&mut self, length: usize) {
        self.line += self.text[self.at..self.at + length].matches('\n').count();
        self.at += length;
    }

    /// Reads the line comment that begins here. If the line before is a line comment too, both become one passage.
    fn line_comment(&mut self) {
        let length = self.rest().find('\n').unwrap_or(self.rest().len());
        let comment = self.rest()[..length].trim_start_matches('/').trim_start_matches('!').to_owned();
        let follows = self.last_comment_line.is_some_and(|line| line + 1 == self.line);
        match self.found.last_mut() {
            Some(passage) if follows => {
                passage.text.push('\n');
                passage.text.push_str(&comment);
            }
            _ => self.found.push(Passage { line: self.line, text: comment }),
        }
        self.last_comment_line = Some(self.line);
        self.skip(length);
    }

    /// Reads the block comment that begins here, with the block comments inside of it.
    fn block_comment(&mut self) {
        let (mut depth, mut length) = (0, 0);
        while length < self.rest().len() {
            let rest = &self.rest()[length..];
            if rest.starts_with("/*") {
                (depth, length) = (depth + 1, length + 2);
            } else if rest.starts_with("*/") {
                (depth, length) = (depth - 1, length + 2);
                if depth == 0 {
                    break;
                }
            } else {
                length += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
        self.found.push(Passage { line: self.line, text: self.rest()[..length].to_owned() });
        self.last_comment_line = None;
        self.skip(length);
    }

    /// Reads the string literal that begins here with a quotation mark.
    fn string(&mut self) {
        let mut length = 1;
        let mut is_escaped = false;
        for character in self.rest()[1..].chars() {
            length += character.len_utf8();
            match character {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => break,
                _ => {}
            }
        }
        self.literal(length, 1);
    }

    /// Returns the number of `#` before the quotation mark if a raw string begins here; `None` otherwise.
    fn raw_string_begins(&self) -> Option<usize> {
        let rest = self.rest();
        let rest = rest.strip_prefix('b').or_else(|| rest.strip_prefix('c')).unwrap_or(rest);
        let rest = rest.strip_prefix('r')?;
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        rest[hashes..].starts_with('"').then_some(hashes)
    }

    /// Reads the raw string literal that begins here. `hashes` is the number of `#` before its quotation mark.
    fn raw_string(&mut self, hashes: usize) {
        let opening = self.rest().find('"').unwrap_or(0) + 1;
        let closing = format!("\"{}", "#".repeat(hashes));
        let content = &self.rest()[opening..];
        let length = content.find(&closing).unwrap_or(content.len());
        self.literal(opening + length + closing.len(), opening);
    }

    /// Adds the content of the string literal that begins here, and skips the literal. `length` is its length in bytes with
    /// its quotation marks, and `opening` the length of what comes before its content.
    fn literal(&mut self, length: usize, opening: usize) {
        let length = length.min(self.rest().len());
        // An escaped line break or `\n` ends a word.
        let text =
            self.rest()[opening..length].replace("\\n", "  ").replace("\\t", "  ").replace("\\\"", " \"");
        let line = self.line;
        self.found.push(Passage { line, text });
        self.last_comment_line = None;
        self.skip(length);
    }

    /// Skips the character literal, or the apostrophe of the lifetime, that begins here.
    fn character_or_lifetime(&mut self) {
        let mut characters = self.rest()[1..].char_indices();
        let length = match characters.next() {
            Some((_, '\\')) => {
                characters.next();
                characters.find(|(_, character)| *character == '\'').map_or(1, |(at, _)| at + 2)
            }
            Some((_, character)) if self.rest()[1 + character.len_utf8()..].starts_with('\'') => {
                character.len_utf8() + 2
            }
            _ => 1,
        };
        self.last_comment_line = None;
        self.skip(length);
    }
}
