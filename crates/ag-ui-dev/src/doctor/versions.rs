//! Versions that programs print.

use std::fmt;

/// A version of up to three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version([u64; 3]);

impl Version {
    /// Finds the first version in a text, such as that in `SAM CLI, version 1.170.0`; `None` if it has no version.
    pub(super) fn find(text: &str) -> Option<Self> {
        let words = text.split(|c: char| !c.is_ascii_digit() && c != '.');
        words.filter(|word| word.contains('.')).find_map(|word| Self::parse(word.trim_matches('.')))
    }

    /// Reads a version of one to three numbers; a fourth one is left out.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = [0; 3];
        for (at, number) in text.split('.').take(3).enumerate() {
            numbers[at] = number.parse().ok()?;
        }
        Some(Self(numbers))
    }
}

impl fmt::Display for Version {
    /// Writes the three numbers with points.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_found_in_what_programs_print() {
        for (text, version) in [
            ("rustc 1.95.0 (abc 2026-04-01)", "1.95.0"),
            ("SAM CLI, version 1.170.0", "1.170.0"),
            ("cargo-lambda 1.9.2 (1f2e3d 2026-08-21Z)", "1.9.2"),
            ("Python 3.11.2", "3.11.2"),
            ("v20.19.5", "20.19.5"),
            ("0.13.0", "0.13.0"),
            ("1.95.0-nightly", "1.95.0"),
        ] {
            assert_eq!(
                Version::find(text).map(|found| found.to_string()).as_deref(),
                Some(version),
                "{text}"
            );
        }
        assert_eq!(Version::find("no version. at all"), None);
        assert!(Version::parse("1.9").unwrap() < Version::parse("1.10").unwrap());
    }
}
