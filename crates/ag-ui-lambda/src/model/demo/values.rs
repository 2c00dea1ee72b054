//! Reads the values in a message: pairs such as `amount=20`, quoted texts, numbers, and words with a digit.

use std::collections::VecDeque;

use serde_json::{Number, Value};

use super::naming::{self, Words};

/// The opening and closing quotation marks.
const QUOTES: [(char, char); 4] = [('"', '"'), ('“', '”'), ('«', '»'), ('`', '`')];

/// The values in a message that may become arguments of a call, in the order of the message.
#[derive(Debug, Default)]
pub(super) struct MessageValues<'a> {
    /// The pairs, by the name of the argument.
    pairs: Vec<(String, PairValue)>,
    /// The quoted texts.
    quoted: VecDeque<String>,
    /// The words with a digit, some of which are numbers.
    words: VecDeque<String>,
    /// All words, in which names are looked for.
    all: Words<'a>,
}

/// The value of a pair, as it is written in the message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PairValue {
    pub(super) text: String,
    pub(super) is_quoted: bool,
}

impl<'m> MessageValues<'m> {
    /// Reads the values in a message. `names` are the possible names of arguments: only one of them makes a pair, so
    /// that `Note: ...` is not a pair.
    pub(super) fn parse(message: &'m str, names: &[&str]) -> Self {
        let mut values = Self { all: Words::new(message), ..Self::default() };
        let mut rest = message;
        while let Some(c) = rest.chars().next() {
            if let Some((text, after)) = parse_quoted(rest) {
                values.quoted.push_back(text.to_owned());
                rest = after;
            } else if c.is_alphanumeric() || matches!(c, '_' | '-') {
                rest = values.read_token(rest, names);
            } else {
                rest = &rest[c.len_utf8()..];
            }
        }
        values
    }

    /// Reads what `text` begins with: a pair such as `amount=20` if the name is in `names`, otherwise the text up to
    /// the next white space, which is kept if it contains a digit. Returns the text that follows.
    fn read_token<'a>(&mut self, text: &'a str, names: &[&str]) -> &'a str {
        let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let name_end = text.find(|c| !is_of_name(c)).unwrap_or(text.len());
        let (name, after) = text.split_at(name_end);
        let value = after.trim_start().strip_prefix(['=', ':']).map(str::trim_start);
        if let Some(value) = value
            && let Some(name) = names.iter().find(|known| naming::has_same_words(known, name))
        {
            let (given, after) = match parse_quoted(value) {
                Some((text, after)) => (PairValue { text: text.to_owned(), is_quoted: true }, after),
                None => {
                    let (word, after) =
                        value.split_at(value.find(char::is_whitespace).unwrap_or(value.len()));
                    (PairValue { text: trim_punctuation(word).to_owned(), is_quoted: false }, after)
                }
            };
            if !given.text.is_empty() || given.is_quoted {
                self.pairs.push(((*name).to_owned(), given));
            }
            return after;
        }
        let (word, after) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
        let word = trim_punctuation(word);
        let is_plain = word.chars().all(|c| is_of_name(c) || matches!(c, '.' | '/'));
        if is_plain && word.contains(|c: char| c.is_ascii_digit()) {
            self.words.push_back(word.to_owned());
        }
        after
    }

    /// Returns the value of the last pair with this name in the message; `None` if there is no pair.
    pub(super) fn pair(&self, name: &str) -> Option<&PairValue> {
        self.pairs.iter().rev().find(|(known, _)| known == name).map(|(_, given)| given)
    }

    /// Returns whether the message contains a name, word by word and in any case.
    pub(super) fn contains_name(&self, name: &str) -> bool {
        self.all.find(name).is_some()
    }

    /// Removes and returns the next quoted text if `fits` accepts it; `None` otherwise, or if no quoted text is left.
    pub(super) fn take_quoted(&mut self, mut fits: impl FnMut(&str) -> bool) -> Option<String> {
        self.quoted.front().is_some_and(|text| fits(text)).then(|| self.quoted.pop_front()).flatten()
    }

    /// Removes and returns the first number that `fits` accepts; `None` if there is no such number.
    pub(super) fn take_number(&mut self, mut fits: impl FnMut(&Value) -> bool) -> Option<Value> {
        let place =
            self.words.iter().position(|word| parse_number(word).is_some_and(|number| fits(&number)))?;
        self.words.remove(place).and_then(|word| parse_number(&word))
    }

    /// Removes and returns the first word with a digit that `fits` accepts. A number counts as a word only if more than
    /// `numbers_kept` numbers are left, since those are needed for later arguments. Returns `None` if there is no such
    /// word.
    pub(super) fn take_word(
        &mut self,
        numbers_kept: usize,
        mut fits: impl FnMut(&str) -> bool,
    ) -> Option<String> {
        let numbers = self.words.iter().filter(|word| parse_number(word).is_some()).count();
        let is_free = |word: &String| (parse_number(word).is_none() || numbers > numbers_kept) && fits(word);
        let place = self.words.iter().position(is_free)?;
        self.words.remove(place)
    }
}

/// Parses a number in digits, such as `-3` or `2.50`; an integer becomes JSON without a fraction. Returns `None` for
/// any other text, such as `1e9` or `NaN`.
pub(super) fn parse_number(text: &str) -> Option<Value> {
    if let Ok(integer) = text.parse::<i64>() {
        return Some(integer.into());
    }
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b));
    let number = text.parse::<f64>().ok().filter(|_| is_plain)?;
    Number::from_f64(number).map(Value::Number)
}

/// Returns the text between the quotation marks that `text` begins with, and the rest after them. Returns `None` if the
/// text does not begin with a quotation mark, or if the closing mark is missing.
fn parse_quoted(text: &str) -> Option<(&str, &str)> {
    let first = text.chars().next()?;
    let (_, close) = QUOTES.iter().find(|(open, _)| *open == first)?;
    let inner = &text[first.len_utf8()..];
    let end = inner.find(*close)?;
    Some((&inner[..end], &inner[end + close.len_utf8()..]))
}

/// Removes punctuation and the units `%`, `€` and `$` from the end of a word.
fn trim_punctuation(word: &str) -> &str {
    word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '%', '€', '$'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_quotes_numbers_and_words_are_read() {
        let message =
            r#"Note: orderId=A-17, "two words" for $20.50 (7 of them) at 10:30, mode: "very fast" B-2."#;
        let mut values = MessageValues::parse(message, &["order_id", "mode"]);

        assert_eq!(values.pair("order_id").unwrap().text, "A-17");
        assert_eq!(values.pair("mode"), Some(&PairValue { text: "very fast".into(), is_quoted: true }));
        assert_eq!(values.pair("note"), None);
        assert_eq!(values.take_quoted(|_| true).as_deref(), Some("two words"));
        assert_eq!(values.take_quoted(|_| true), None);
        assert_eq!(values.take_number(Value::is_i64), Some(7.into()));
        assert_eq!(values.take_word(1, |_| true).as_deref(), Some("B-2"));
        assert_eq!(values.take_word(1, |_| true), None, "the number is kept for another");
        assert_eq!(values.take_number(|_| true), Some(20.5.into()));
        assert_eq!(values.take_number(|_| true), None);
        assert!(values.contains_name("orderID") && !values.contains_name("ord"));
    }

    #[test]
    fn a_name_without_a_value_makes_no_pair() {
        let values = MessageValues::parse("a= b:, c", &["a", "b"]);
        assert_eq!(values.pair("a").map(|given| given.text.as_str()), Some("b"));
        assert_eq!(values.pair("b"), None);
        assert_eq!(MessageValues::parse("a=", &["a"]).pair("a"), None);
    }

    #[test]
    fn only_plain_numbers_are_numbers() {
        assert_eq!(parse_number("-3"), Some((-3).into()));
        assert_eq!(parse_number("2.50"), Some(2.5.into()));
        for text in ["NaN", "inf", "1e9", "1,000", "", "."] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }
}
