//! The plain values of a message: pairs such as `amount=20`, quoted texts, numbers, words with a digit.

use std::collections::VecDeque;

use serde_json::{Number, Value};

use super::naming::{self, Words};

/// The marks around a quoted text.
const QUOTES: [(char, char); 4] = [('"', '"'), ('“', '”'), ('«', '»'), ('`', '`')];

/// What a message holds for the arguments of a call, in the order of the message.
#[derive(Debug, Default)]
pub(super) struct Values<'a> {
    pairs: Vec<(String, Given)>,
    quoted: VecDeque<String>,
    /// Words with a digit, some of which are numbers.
    words: VecDeque<String>,
    /// All words, to look for names in.
    all: Words<'a>,
}

/// The value of a pair, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) is_quoted: bool,
}

impl<'m> Values<'m> {
    /// Reads a message. Only names of this list make a pair, so that `Note: ...` is none.
    pub(super) fn read(message: &'m str, names: &[&str]) -> Self {
        let mut values = Self { all: Words::of(message), ..Self::default() };
        let mut rest = message;
        while let Some(c) = rest.chars().next() {
            if let Some((text, behind)) = quoted(rest) {
                values.quoted.push_back(text.to_owned());
                rest = behind;
            } else if c.is_alphanumeric() || matches!(c, '_' | '-') {
                rest = values.token(rest, names);
            } else {
                rest = &rest[c.len_utf8()..];
            }
        }
        values
    }

    /// Reads what stands up to the next space, and its value if it is a pair. Returns the rest.
    fn token<'a>(&mut self, text: &'a str, names: &[&str]) -> &'a str {
        let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let name_end = text.find(|c| !is_of_name(c)).unwrap_or(text.len());
        let (name, behind) = text.split_at(name_end);
        let value = behind.trim_start().strip_prefix(['=', ':']).map(str::trim_start);
        if let Some(value) = value
            && let Some(name) = names.iter().find(|known| naming::is_same(known, name))
        {
            let (given, behind) = match quoted(value) {
                Some((text, behind)) => (Given { text: text.to_owned(), is_quoted: true }, behind),
                None => {
                    let (word, behind) =
                        value.split_at(value.find(char::is_whitespace).unwrap_or(value.len()));
                    (Given { text: trimmed(word).to_owned(), is_quoted: false }, behind)
                }
            };
            if !given.text.is_empty() || given.is_quoted {
                self.pairs.push(((*name).to_owned(), given));
            }
            return behind;
        }
        let (word, behind) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
        let word = trimmed(word);
        let is_plain = word.chars().all(|c| is_of_name(c) || matches!(c, '.' | '/'));
        if is_plain && word.contains(|c: char| c.is_ascii_digit()) {
            self.words.push_back(word.to_owned());
        }
        behind
    }

    /// The value of the pair of this name; the last one counts.
    pub(super) fn pair(&self, name: &str) -> Option<&Given> {
        self.pairs.iter().rev().find(|(known, _)| known == name).map(|(_, given)| given)
    }

    /// Whether the message has the name in words.
    pub(super) fn names(&self, name: &str) -> bool {
        self.all.find(name).is_some()
    }

    /// Takes the next quoted text that `fits`.
    pub(super) fn take_quoted(&mut self, mut fits: impl FnMut(&str) -> bool) -> Option<String> {
        self.quoted.front().is_some_and(|text| fits(text)).then(|| self.quoted.pop_front()).flatten()
    }

    /// Takes the next number that `fits`.
    pub(super) fn take_number(&mut self, mut fits: impl FnMut(&Value) -> bool) -> Option<Value> {
        let place = self.words.iter().position(|word| number(word).is_some_and(|number| fits(&number)))?;
        self.words.remove(place).and_then(|word| number(&word))
    }

    /// Takes the next word with a digit that `fits`, and leaves this many numbers for others.
    pub(super) fn take_word(
        &mut self,
        numbers_kept: usize,
        mut fits: impl FnMut(&str) -> bool,
    ) -> Option<String> {
        let numbers = self.words.iter().filter(|word| number(word).is_some()).count();
        let is_free = |word: &String| (number(word).is_none() || numbers > numbers_kept) && fits(word);
        let place = self.words.iter().position(is_free)?;
        self.words.remove(place)
    }
}

/// A number as JSON; a whole one has no fraction.
pub(super) fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b));
    let number = text.parse::<f64>().ok().filter(|_| is_plain)?;
    Number::from_f64(number).map(Value::Number)
}

/// The text in the quotation marks that a text begins with, and what stands behind them.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let first = text.chars().next()?;
    let (_, close) = QUOTES.iter().find(|(open, _)| *open == first)?;
    let inner = &text[first.len_utf8()..];
    let end = inner.find(*close)?;
    Some((&inner[..end], &inner[end + close.len_utf8()..]))
}

fn trimmed(word: &str) -> &str {
    word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '%', '€', '$'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_quotes_numbers_and_words_are_told_apart() {
        let message =
            r#"Note: orderId=A-17, "two words" for $20.50 (7 of them) at 10:30, mode: "very fast" B-2."#;
        let mut values = Values::read(message, &["order_id", "mode"]);

        assert_eq!(values.pair("order_id").unwrap().text, "A-17");
        assert_eq!(values.pair("mode"), Some(&Given { text: "very fast".into(), is_quoted: true }));
        assert_eq!(values.pair("note"), None);
        assert_eq!(values.take_quoted(|_| true).as_deref(), Some("two words"));
        assert_eq!(values.take_quoted(|_| true), None);
        assert_eq!(values.take_number(Value::is_i64), Some(7.into()));
        assert_eq!(values.take_word(1, |_| true).as_deref(), Some("B-2"));
        assert_eq!(values.take_word(1, |_| true), None, "the number is kept for another");
        assert_eq!(values.take_number(|_| true), Some(20.5.into()));
        assert_eq!(values.take_number(|_| true), None);
        assert!(values.names("orderID") && !values.names("ord"));
    }

    #[test]
    fn a_value_that_is_not_there_makes_no_pair() {
        let values = Values::read("a= b:, c", &["a", "b"]);
        assert_eq!(values.pair("a").map(|given| given.text.as_str()), Some("b"));
        assert_eq!(values.pair("b"), None);
        assert_eq!(Values::read("a=", &["a"]).pair("a"), None);
    }

    #[test]
    fn only_plain_numbers_are_numbers() {
        assert_eq!(number("-3"), Some((-3).into()));
        assert_eq!(number("2.50"), Some(2.5.into()));
        for text in ["NaN", "inf", "1e9", "1,000", "", "."] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
