//! A subset of regular expressions, with which a text is generated that matches a `pattern`, and a text is checked.
//!
//! It has literals, `.`, classes, groups, `|`, `^`, `$` and quantifiers. A pattern with anything else, such as a
//! look-ahead, a back-reference or `\b`, is not supported, and the user is informed.
//!
//! Source: ECMA-262, as JSON Schema's `pattern` names it.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

/// The maximum length of a pattern, in characters.
const MAX_PATTERN_CHARS: usize = 256;
/// The maximum length of a text that is generated or checked, in characters.
const MAX_TEXT_CHARS: usize = 256;
/// The maximum depth of nested groups.
const MAX_DEPTH: usize = 16;
/// The maximum number of steps of a check.
const MAX_STEPS: usize = 50_000;

/// A supported pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    root: Node,
}

/// A node of a pattern's syntax tree.
#[derive(Debug)]
enum Node {
    /// One character of this class.
    One(Class),
    /// These nodes one after another.
    Sequence(Vec<Node>),
    /// One of these nodes.
    Choice(Vec<Node>),
    /// A node `min` to `max` times; without `max` there is no upper limit.
    Repeat { node: Box<Node>, min: usize, max: Option<usize> },
    /// The start of the text.
    Start,
    /// The end of the text.
    End,
}

/// A set of characters, as ranges.
#[derive(Debug, Clone)]
struct Class {
    ranges: Vec<(char, char)>,
    is_negated: bool,
}

impl Class {
    /// Creates the set of the characters in these ranges, whose ends are included.
    fn of(ranges: &[(char, char)]) -> Self {
        Self { ranges: ranges.to_vec(), is_negated: false }
    }

    /// Returns whether a character is in the set.
    fn contains(&self, c: char) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) != self.is_negated
    }

    /// Returns a character of the set for a generated text, a printable ASCII character if possible. Returns `None` if
    /// the set is empty, or negated without a printable ASCII character.
    fn sample(&self) -> Option<char> {
        let printable = "1aA-_ ".chars().chain((' '..='~').filter(char::is_ascii_graphic));
        let first = self.ranges.first().map(|(first, _)| *first);
        printable.into_iter().find(|c| self.contains(*c)).or(first.filter(|_| !self.is_negated))
    }
}

impl Pattern {
    /// Parses a regular expression; `None` if it is longer than [`MAX_PATTERN_CHARS`], invalid or not supported.
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        if pattern.chars().count() > MAX_PATTERN_CHARS {
            return None;
        }
        let mut parser = PatternParser { rest: pattern.chars().peekable() };
        let root = parser.choice(0)?;
        parser.rest.peek().is_none().then_some(Self { root })
    }

    /// Returns an iterator over generated texts that match the pattern, with few repetitions first. It is empty if no
    /// generated text matches.
    pub(super) fn samples(&self) -> impl Iterator<Item = String> {
        let variants = (0..8).flat_map(|choice| (0..=64).map(move |more| (more, choice)));
        let texts = variants.filter_map(|(more, choice)| {
            let mut text = String::new();
            append_sample(&self.root, more, choice, &mut text).then_some(text)
        });
        texts.filter(|text| self.matches(text) == Some(true))
    }

    /// Returns whether the pattern matches some part of a text. Returns `None`, that is undecided, if the text is too
    /// long or the check takes too many steps.
    pub(super) fn matches(&self, text: &str) -> Option<bool> {
        let text: Vec<char> = text.chars().collect();
        if text.len() > MAX_TEXT_CHARS {
            return None;
        }
        let starts = (0..=text.len()).collect();
        let mut matcher = TextMatcher { text: &text, steps: 0 };
        let ends = matcher.match_ends(&self.root, &starts)?;
        Some(!ends.is_empty())
    }
}

/// Appends a generated text for a node of the pattern to `text`. A repetition gets `more` copies than its minimum, up
/// to its maximum; of alternatives the one with the number `choice` is taken, modulo their count. Returns `false` if
/// the text gets too long or a class has no usable character. The caller checks whether the result matches.
fn append_sample(node: &Node, more: usize, choice: usize, text: &mut String) -> bool {
    match node {
        Node::One(class) => match class.sample() {
            Some(c) if text.len() < MAX_TEXT_CHARS => {
                text.push(c);
                true
            }
            _ => false,
        },
        Node::Sequence(nodes) => nodes.iter().all(|node| append_sample(node, more, choice, text)),
        Node::Choice(nodes) => append_sample(&nodes[choice % nodes.len()], more, choice, text),
        Node::Repeat { node, min, max } => {
            let count = max.map_or(min + more, |max| (min + more).min(max));
            (0..count).all(|_| append_sample(node, more, choice, text))
        }
        Node::Start | Node::End => true,
    }
}

/// Checks one text. It follows all possible matches at once, so that no pattern causes backtracking.
struct TextMatcher<'a> {
    text: &'a [char],
    /// The number of steps that were used.
    steps: usize,
}

impl TextMatcher<'_> {
    /// Returns all positions at which a match of `node` can end, if it begins at one of the positions `starts`; an
    /// empty set if nothing matches. Returns `None` if the check takes too many steps.
    fn match_ends(&mut self, node: &Node, starts: &BTreeSet<usize>) -> Option<BTreeSet<usize>> {
        self.steps += 1 + starts.len();
        if self.steps > MAX_STEPS {
            return None;
        }
        match node {
            Node::One(class) => {
                let fits = |at: &&usize| self.text.get(**at).is_some_and(|c| class.contains(*c));
                Some(starts.iter().filter(fits).map(|at| at + 1).collect())
            }
            Node::Sequence(nodes) => {
                nodes.iter().try_fold(starts.clone(), |starts, node| self.match_ends(node, &starts))
            }
            Node::Choice(nodes) => nodes.iter().try_fold(BTreeSet::new(), |mut ends, node| {
                ends.extend(self.match_ends(node, starts)?);
                Some(ends)
            }),
            Node::Repeat { node, min, max } => self.repeated_match_ends(node, *min, *max, starts),
            Node::Start => Some(starts.iter().copied().filter(|at| *at == 0).collect()),
            Node::End => Some(starts.iter().copied().filter(|at| *at == self.text.len()).collect()),
        }
    }

    /// Does the same as [`match_ends`](Self::match_ends) for a node that is repeated between `min` and `max` times;
    /// without `max` any number of times.
    fn repeated_match_ends(
        &mut self,
        node: &Node,
        min: usize,
        max: Option<usize>,
        starts: &BTreeSet<usize>,
    ) -> Option<BTreeSet<usize>> {
        let mut current = starts.clone();
        for _ in 0..min {
            current = self.match_ends(node, &current)?;
        }
        let mut all = current.clone();
        let mut count = min;
        while max.is_none_or(|max| count < max) && !current.is_empty() {
            let next = self.match_ends(node, &current)?;
            current = next.difference(&all).copied().collect();
            all.extend(&current);
            count += 1;
        }
        Some(all)
    }
}

/// Parses a pattern. Each method returns `None` if the pattern is not supported.
struct PatternParser<'a> {
    rest: Peekable<Chars<'a>>,
}

impl PatternParser<'_> {
    /// Consumes the next character of the pattern if it is `c`, and returns whether it was `c`.
    fn consume(&mut self, c: char) -> bool {
        self.rest.next_if_eq(&c).is_some()
    }

    /// Parses alternatives between `|`; a single one becomes that node itself. `depth` is the number of groups around
    /// it; too many are not supported.
    fn choice(&mut self, depth: usize) -> Option<Node> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut choices = vec![self.sequence(depth)?];
        while self.consume('|') {
            choices.push(self.sequence(depth)?);
        }
        Some(if choices.len() == 1 { choices.remove(0) } else { Node::Choice(choices) })
    }

    /// Parses nodes with their quantifiers up to `|`, `)` or the end of the pattern. `depth` is the number of groups
    /// around them.
    fn sequence(&mut self, depth: usize) -> Option<Node> {
        let mut nodes = Vec::new();
        while let Some(c) = self.rest.next_if(|c| !matches!(c, '|' | ')')) {
            let node = match c {
                '^' => Node::Start,
                '$' => Node::End,
                '(' => self.group(depth)?,
                '[' => Node::One(self.class()?),
                '.' => Node::One(Class { ranges: vec![('\n', '\n'), ('\r', '\r')], is_negated: true }),
                '\\' => Node::One(self.escape()?),
                '*' | '+' | '?' | '{' => return None,
                c => Node::One(Class::of(&[(c, c)])),
            };
            nodes.push(self.quantified(node)?);
        }
        Some(Node::Sequence(nodes))
    }

    /// Parses a group after its opening parenthesis, up to and including the closing one. Look-arounds are not
    /// supported.
    fn group(&mut self, depth: usize) -> Option<Node> {
        if self.consume('?') {
            match self.rest.next()? {
                ':' => {}
                // The name of a group; a look-behind has no letter here.
                '<' if self.rest.peek().is_some_and(|c| c.is_alphabetic()) => {
                    self.rest.by_ref().find(|c| *c == '>')?;
                }
                _ => return None,
            }
        }
        let node = self.choice(depth + 1)?;
        self.consume(')').then_some(node)
    }

    /// Parses the quantifier after `node`, such as `*` or `{2,3}`, and returns the repetition; without a quantifier,
    /// `node` itself.
    fn quantified(&mut self, node: Node) -> Option<Node> {
        let (min, max) = match self.rest.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                self.rest.next();
                let mut bounds = String::new();
                while let Some(c) = self.rest.next_if(|c| *c != '}') {
                    bounds.push(c);
                }
                return if self.consume('}') { self.bounded(node, &bounds) } else { None };
            }
            _ => return Some(node),
        };
        self.rest.next();
        self.repeat(node, min, max)
    }

    /// Creates the repetition of `node` for the text between the braces of a quantifier: `2`, `2,` or `2,3`.
    fn bounded(&mut self, node: Node, bounds: &str) -> Option<Node> {
        let number = |text: &str| text.parse().ok().filter(|count| *count <= MAX_TEXT_CHARS);
        match bounds.split_once(',') {
            None => self.repeat(node, number(bounds)?, Some(number(bounds)?)),
            Some((min, "")) => self.repeat(node, number(min)?, None),
            Some((min, max)) => self.repeat(node, number(min)?, Some(number(max)?)),
        }
    }

    /// Creates the repetition of a node, after consuming the `?` of a lazy quantifier. Returns `None` if the node is
    /// `^` or `$`, or if `min` is greater than `max`.
    fn repeat(&mut self, node: Node, min: usize, max: Option<usize>) -> Option<Node> {
        // A lazy quantifier matches the same texts.
        self.consume('?');
        let is_countable = !matches!(node, Node::Start | Node::End) && max.is_none_or(|max| min <= max);
        is_countable.then(|| Node::Repeat { node: Box::new(node), min, max })
    }

    /// Parses a character class after its opening bracket, up to and including the closing one. Returns `None` if it is
    /// not supported.
    fn class(&mut self) -> Option<Class> {
        let is_negated = self.consume('^');
        let mut ranges = Vec::new();
        loop {
            let first = match self.rest.next()? {
                ']' => return Some(Class { ranges, is_negated }),
                '\\' => self.escape()?,
                c => Class::of(&[(c, c)]),
            };
            let single = match first.ranges.as_slice() {
                [(c, last)] if c == last && !first.is_negated => Some(*c),
                _ => None,
            };
            if let Some(c) = single
                && self.consume('-')
            {
                match self.rest.next()? {
                    ']' => {
                        ranges.extend([(c, c), ('-', '-')]);
                        return Some(Class { ranges, is_negated });
                    }
                    '\\' => return None,
                    last if c <= last => ranges.push((c, last)),
                    _ => return None,
                }
            } else if first.is_negated {
                return None;
            } else {
                ranges.extend(first.ranges);
            }
        }
    }

    /// Parses an escape such as `\d` after its backslash, as a set of characters. Returns `None` for an unknown letter
    /// or digit.
    fn escape(&mut self) -> Option<Class> {
        let digits = &[('0', '9')][..];
        let word = &[('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')][..];
        let space = &[(' ', ' '), ('\t', '\r'), ('\u{a0}', '\u{a0}')][..];
        let negated = |ranges: &[(char, char)]| Class { is_negated: true, ..Class::of(ranges) };
        Some(match self.rest.next()? {
            'd' => Class::of(digits),
            'D' => negated(digits),
            'w' => Class::of(word),
            'W' => negated(word),
            's' => Class::of(space),
            'S' => negated(space),
            'n' => Class::of(&[('\n', '\n')]),
            'r' => Class::of(&[('\r', '\r')]),
            't' => Class::of(&[('\t', '\t')]),
            c if c.is_ascii_alphanumeric() => return None,
            c => Class::of(&[(c, c)]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sample_is_short_and_readable() {
        for (pattern, expected) in [
            (r"^[A-Z]{3}-\d{4}$", "AAA-1111"),
            (r"^A-[0-9]+$", "A-1"),
            (r"^(small|large)$", "small"),
            (r"^(?:#)?([0-9a-fA-F]{6})$", "111111"),
            (r"^\+?\d{2,}$", "11"),
            (r"^(?<year>\d{4})-\d{2}$", "1111-11"),
            (r"^[^0-9]{2}$", "aa"),
            (r"^\S+@\S+\.\S+$", "1@1.1"),
            ("b", "b"),
            ("", ""),
        ] {
            let pattern = Pattern::parse(pattern).unwrap();
            assert_eq!(pattern.samples().next().as_deref(), Some(expected), "{pattern:?}");
        }
    }

    #[test]
    fn texts_are_matched_against_patterns() {
        for (pattern, text, fits) in [
            ("b", "abc", true),
            ("^b", "abc", false),
            ("^a.c$", "abc", true),
            ("^(ab)*$", "ababab", true),
            ("^(ab)*$", "aba", false),
            ("^(a|ab)(c|bcd)$", "abcd", true),
            ("^a{2,3}$", "aaaa", false),
            (r"^[\w-]+$", "a-1_Z", true),
            (r"^[\w-]+$", "a b", false),
            ("^(a*)*$", "aaaa", true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(text), Some(fits), "{pattern} {text}");
        }
    }

    #[test]
    fn unsupported_patterns_are_not_parsed() {
        for pattern in [
            "(?=a)b", "(?<=a)b", r"(a)\1", r"\bword", r"\p{L}", "a{2", "*a", "[a", "(a", "a)", "a{999}",
            "[b-a]",
        ] {
            assert!(Pattern::parse(pattern).is_none(), "{pattern}");
        }
        assert!(Pattern::parse(&"a".repeat(300)).is_none());
        assert!(Pattern::parse(&"(".repeat(40)).is_none());
    }

    #[test]
    fn a_pattern_that_takes_too_long_is_given_up() {
        let pattern = Pattern::parse("^((((a?){99}){99}){99}){99}b$").unwrap();
        assert_eq!(pattern.matches(&"a".repeat(200)), None);
        assert_eq!(pattern.samples().next(), None);
        assert_eq!(Pattern::parse("^a$b").unwrap().samples().next(), None);
    }
}
