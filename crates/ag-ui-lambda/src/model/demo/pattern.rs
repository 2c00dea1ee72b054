//! A small part of regular expressions: enough to write a text that matches a `pattern`, and to test one.
//!
//! It knows literals, `.`, classes, groups, `|`, `^`, `$` and the quantifiers. What else there is, such as a
//! look-ahead, a back-reference or `\b`, makes the pattern unreadable, and the caller says so.
//!
//! Source: ECMA-262, as JSON Schema's `pattern` names it.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

/// The longest pattern that is read, in characters.
const MAX_PATTERN_CHARS: usize = 256;
/// The longest text that is written or tested, in characters.
const MAX_TEXT_CHARS: usize = 256;
/// How deep groups may lie in each other.
const MAX_DEPTH: usize = 16;
/// How many steps a test may take.
const MAX_STEPS: usize = 50_000;

/// A pattern that can be read.
#[derive(Debug)]
pub(super) struct Pattern {
    root: Node,
}

#[derive(Debug)]
enum Node {
    One(Class),
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    Repeat { node: Box<Node>, min: usize, max: Option<usize> },
    Start,
    End,
}

/// A set of characters, as ranges.
#[derive(Debug, Clone)]
struct Class {
    ranges: Vec<(char, char)>,
    is_negated: bool,
}

impl Class {
    fn of(ranges: &[(char, char)]) -> Self {
        Self { ranges: ranges.to_vec(), is_negated: false }
    }

    fn contains(&self, c: char) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) != self.is_negated
    }

    /// A character of the set that reads well; `None` if no printable ASCII character is in it and it is negated.
    fn sample(&self) -> Option<char> {
        let printable = "1aA-_ ".chars().chain((' '..='~').filter(char::is_ascii_graphic));
        let first = self.ranges.first().map(|(first, _)| *first);
        printable.into_iter().find(|c| self.contains(*c)).or(first.filter(|_| !self.is_negated))
    }
}

impl Pattern {
    /// Reads a pattern; `None` if it holds what this module does not know.
    pub(super) fn read(pattern: &str) -> Option<Self> {
        if pattern.chars().count() > MAX_PATTERN_CHARS {
            return None;
        }
        let mut reader = Reader { rest: pattern.chars().peekable() };
        let root = reader.choice(0)?;
        reader.rest.peek().is_none().then_some(Self { root })
    }

    /// Texts that match, the shortest first; empty if none was found.
    pub(super) fn samples(&self) -> impl Iterator<Item = String> {
        let variants = (0..8).flat_map(|choice| (0..=64).map(move |more| (more, choice)));
        let texts = variants.filter_map(|(more, choice)| {
            let mut text = String::new();
            write(&self.root, more, choice, &mut text).then_some(text)
        });
        texts.filter(|text| self.matches(text) == Some(true))
    }

    /// Whether some part of the text matches; `None` if this takes too long to find out.
    pub(super) fn matches(&self, text: &str) -> Option<bool> {
        let text: Vec<char> = text.chars().collect();
        if text.len() > MAX_TEXT_CHARS {
            return None;
        }
        let starts = (0..=text.len()).collect();
        let mut test = Test { text: &text, steps: 0 };
        let ends = test.ends(&self.root, &starts)?;
        Some(!ends.is_empty())
    }
}

/// Writes a text that fits, with `more` repetitions than needed where that is allowed, and the choice of this number.
/// Returns `false` if the text gets too long or there is no character to write.
fn write(node: &Node, more: usize, choice: usize, text: &mut String) -> bool {
    match node {
        Node::One(class) => match class.sample() {
            Some(c) if text.len() < MAX_TEXT_CHARS => {
                text.push(c);
                true
            }
            _ => false,
        },
        Node::Sequence(nodes) => nodes.iter().all(|node| write(node, more, choice, text)),
        Node::Choice(nodes) => write(&nodes[choice % nodes.len()], more, choice, text),
        Node::Repeat { node, min, max } => {
            let count = max.map_or(min + more, |max| (min + more).min(max));
            (0..count).all(|_| write(node, more, choice, text))
        }
        Node::Start | Node::End => true,
    }
}

/// A test of one text. It follows all ways at once, so that no pattern makes it go back and forth.
struct Test<'a> {
    text: &'a [char],
    steps: usize,
}

impl Test<'_> {
    /// Where a match can end that begins at one of these places.
    fn ends(&mut self, node: &Node, starts: &BTreeSet<usize>) -> Option<BTreeSet<usize>> {
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
                nodes.iter().try_fold(starts.clone(), |starts, node| self.ends(node, &starts))
            }
            Node::Choice(nodes) => nodes.iter().try_fold(BTreeSet::new(), |mut ends, node| {
                ends.extend(self.ends(node, starts)?);
                Some(ends)
            }),
            Node::Repeat { node, min, max } => self.repeated(node, *min, *max, starts),
            Node::Start => Some(starts.iter().copied().filter(|at| *at == 0).collect()),
            Node::End => Some(starts.iter().copied().filter(|at| *at == self.text.len()).collect()),
        }
    }

    fn repeated(
        &mut self,
        node: &Node,
        min: usize,
        max: Option<usize>,
        starts: &BTreeSet<usize>,
    ) -> Option<BTreeSet<usize>> {
        let mut current = starts.clone();
        for _ in 0..min {
            current = self.ends(node, &current)?;
        }
        let mut all = current.clone();
        let mut count = min;
        while max.is_none_or(|max| count < max) && !current.is_empty() {
            let next = self.ends(node, &current)?;
            current = next.difference(&all).copied().collect();
            all.extend(&current);
            count += 1;
        }
        Some(all)
    }
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    fn takes(&mut self, c: char) -> bool {
        self.rest.next_if_eq(&c).is_some()
    }

    fn choice(&mut self, depth: usize) -> Option<Node> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut choices = vec![self.sequence(depth)?];
        while self.takes('|') {
            choices.push(self.sequence(depth)?);
        }
        Some(if choices.len() == 1 { choices.remove(0) } else { Node::Choice(choices) })
    }

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

    fn group(&mut self, depth: usize) -> Option<Node> {
        if self.takes('?') {
            match self.rest.next()? {
                ':' => {}
                // A name: what begins like it and is a look-behind has no letter here.
                '<' if self.rest.peek().is_some_and(|c| c.is_alphabetic()) => {
                    self.rest.by_ref().find(|c| *c == '>')?;
                }
                _ => return None,
            }
        }
        let node = self.choice(depth + 1)?;
        self.takes(')').then_some(node)
    }

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
                return if self.takes('}') { self.bounded(node, &bounds) } else { None };
            }
            _ => return Some(node),
        };
        self.rest.next();
        self.repeat(node, min, max)
    }

    fn bounded(&mut self, node: Node, bounds: &str) -> Option<Node> {
        let number = |text: &str| text.parse().ok().filter(|count| *count <= MAX_TEXT_CHARS);
        match bounds.split_once(',') {
            None => self.repeat(node, number(bounds)?, Some(number(bounds)?)),
            Some((min, "")) => self.repeat(node, number(min)?, None),
            Some((min, max)) => self.repeat(node, number(min)?, Some(number(max)?)),
        }
    }

    fn repeat(&mut self, node: Node, min: usize, max: Option<usize>) -> Option<Node> {
        // Whether as little as possible is taken changes no answer here.
        self.takes('?');
        let is_countable = !matches!(node, Node::Start | Node::End) && max.is_none_or(|max| min <= max);
        is_countable.then(|| Node::Repeat { node: Box::new(node), min, max })
    }

    fn class(&mut self) -> Option<Class> {
        let is_negated = self.takes('^');
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
                && self.takes('-')
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
    fn a_sample_is_the_shortest_text_that_reads_well() {
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
            let pattern = Pattern::read(pattern).unwrap();
            assert_eq!(pattern.samples().next().as_deref(), Some(expected), "{pattern:?}");
        }
    }

    #[test]
    fn a_text_matches_as_a_regular_expression_says() {
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
            assert_eq!(Pattern::read(pattern).unwrap().matches(text), Some(fits), "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_read() {
        for pattern in [
            "(?=a)b", "(?<=a)b", r"(a)\1", r"\bword", r"\p{L}", "a{2", "*a", "[a", "(a", "a)", "a{999}",
            "[b-a]",
        ] {
            assert!(Pattern::read(pattern).is_none(), "{pattern}");
        }
        assert!(Pattern::read(&"a".repeat(300)).is_none());
        assert!(Pattern::read(&"(".repeat(40)).is_none());
    }

    #[test]
    fn a_pattern_that_grows_without_end_is_given_up() {
        let pattern = Pattern::read("^((((a?){99}){99}){99}){99}b$").unwrap();
        assert_eq!(pattern.matches(&"a".repeat(200)), None);
        assert_eq!(pattern.samples().next(), None);
        assert_eq!(Pattern::read("^a$b").unwrap().samples().next(), None);
    }
}
