//! Reads variables, and collects the errors in them. Nothing else in this crate reads the environment.
//!
//! A variable that is missing or unusable is reported and read as some usable value, so that the variables after it are
//! checked as well. [`Variables::finish`] returns the configuration only if nothing was reported.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::agent::MAX_DURATION;

/// One environment variable that is missing or unusable.
///
/// `Display` writes the variable's name and the problem as one sentence, such as ``AGUI_RESPONSE_MODE must be
/// `stream` or `buffered` ``. It never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
#[non_exhaustive]
pub struct VariableError {
    /// The name of the variable.
    pub variable: &'static str,
    /// The rest of a sentence that begins with the name: what is wrong, and what the variable may hold.
    pub problem: String,
}

impl VariableError {
    /// Creates an error of `variable`. `problem` continues a sentence that begins with the variable's name, such as
    /// "must be set".
    pub(crate) fn new(variable: &'static str, problem: impl Into<String>) -> Self {
        Self { variable, problem: problem.into() }
    }
}

/// Lists all environment variables that are missing or unusable.
///
/// `Display` writes them all in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The variables in question. There is at least one.
    variables: Vec<VariableError>,
}

impl ConfigError {
    /// Returns the errors of all variables, in the order in which they were read. There is at least one.
    pub fn variables(&self) -> &[VariableError] {
        &self.variables
    }
}

impl fmt::Display for ConfigError {
    /// Writes all errors in one line, separated by `; `. With several errors, their number comes first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.variables.len() > 1 {
            write!(f, "{} environment variables are missing or unusable: ", self.variables.len())?;
        }
        for (index, variable) in self.variables.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{variable}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl From<VariableError> for ConfigError {
    /// Creates an error with this one variable.
    fn from(error: VariableError) -> Self {
        Self { variables: vec![error] }
    }
}

/// A reader of variables, which collects the errors that it finds.
pub(super) struct Variables<F> {
    /// Returns the value of a variable by its name; `None` if it is not set.
    look_up: F,
    /// The errors that were reported so far.
    errors: Vec<VariableError>,
}

/// Creates a reader of the environment variables of this process. A variable that is not Unicode counts as not set.
pub(super) fn environment() -> Variables<impl Fn(&str) -> Option<String>> {
    #[expect(clippy::disallowed_methods, reason = "this is the only reader of the environment")]
    Variables::new(|name| std::env::var(name).ok())
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Creates a reader that gets the value of each variable from `look_up`, which returns `None` for one that is not
    /// set.
    pub(super) fn new(look_up: F) -> Self {
        Self { look_up, errors: Vec::new() }
    }

    /// Ends the reading, and returns `config` if nothing was reported.
    ///
    /// # Errors
    /// [`ConfigError`] if anything was reported. `config` is then dropped, because it has replacements for unusable
    /// values.
    pub(super) fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.errors.is_empty() { Ok(config) } else { Err(ConfigError { variables: self.errors }) }
    }

    /// Reports that `variable` is missing or unusable. `problem` continues a sentence that begins with its name. The
    /// same error counts once.
    pub(super) fn report(&mut self, variable: &'static str, problem: impl Into<String>) {
        let error = VariableError::new(variable, problem);
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// Returns the value of a variable, without the white space around it. `None` if it is not set or empty, because
    /// templates can leave a variable empty but cannot leave it out.
    pub(super) fn text(&self, variable: &str) -> Option<String> {
        (self.look_up)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// Returns the entries of a variable that holds a list, separated by commas. It is empty if the variable is not set.
    /// An empty entry is reported and left out.
    pub(super) fn list(&mut self, variable: &'static str) -> Vec<String> {
        let Some(text) = self.text(variable) else { return Vec::new() };
        let (entries, empty): (Vec<&str>, Vec<&str>) =
            text.split(',').map(str::trim).partition(|entry| !entry.is_empty());
        if !empty.is_empty() {
            self.report(variable, "must be a list separated by commas, without an empty entry");
        }
        entries.into_iter().map(ToOwned::to_owned).collect()
    }

    /// Returns the name of one thing, such as a claim. `None` if it is not set. A comma is reported, because the variable
    /// is no list.
    pub(super) fn name(&mut self, variable: &'static str) -> Option<String> {
        let name = self.text(variable)?;
        if name.contains(',') {
            self.report(variable, "must be one name, without a comma");
        }
        Some(name)
    }

    /// Returns the name or the ARN of a secret or a table of AWS. `None` if it is not set. A text that cannot be one is
    /// reported: somebody may have put the secret itself there.
    pub(super) fn resource(&mut self, variable: &'static str) -> Option<String> {
        let name = self.text(variable)?;
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-:".contains(&byte)) {
            self.report(
                variable,
                "must be a name or an ARN: ASCII letters, digits and the characters /_+=.@-:",
            );
        }
        Some(name)
    }

    /// Parses a variable as a `T`. Returns `default` if it is not set, and also if it cannot be parsed, which is
    /// reported with `problem`.
    pub(super) fn parse<T: FromStr>(
        &mut self,
        variable: &'static str,
        default: T,
        problem: impl Into<String>,
    ) -> T {
        match self.text(variable).map(|text| text.parse()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => {
                self.report(variable, problem);
                default
            }
        }
    }

    /// Reads a variable that holds one word of `choices`, and returns the value of that word. Returns `default` if it
    /// is not set, and also if it holds something else, which is reported.
    pub(super) fn choice<T: Copy>(&mut self, variable: &'static str, choices: &[(&str, T)], default: T) -> T {
        let Some(text) = self.text(variable) else { return default };
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
        let (last, others) = words.split_last().expect("there is something to choose from");
        self.report(variable, format!("must be {} or {last}", others.join(", ")));
        default
    }

    /// Reads a switch, which is `1` for on and `0` for off. Returns `default` if it is not set, and also if it holds something
    /// else, which is reported.
    pub(super) fn switch(&mut self, variable: &'static str, default: bool) -> bool {
        self.choice(variable, &[("0", false), ("1", true)], default)
    }

    /// Reads a whole number of at least 1. Returns `default` if the variable is not set, and also if it is unusable,
    /// which is reported.
    pub(super) fn count<T: FromStr + PartialEq + Default>(
        &mut self,
        variable: &'static str,
        default: T,
    ) -> T {
        match self.text(variable).map(|text| text.parse::<T>()) {
            None => default,
            Some(Ok(count)) if count != T::default() => count,
            Some(_) => {
                self.report(variable, "must be a whole number, 1 or more");
                default
            }
        }
    }

    /// Reads a whole number of at least 1 that has no default. `None` if the variable is not set. If it is unusable,
    /// this is reported, and the number is 0.
    pub(super) fn optional_count<T: FromStr + PartialEq + Default>(
        &mut self,
        variable: &'static str,
    ) -> Option<T> {
        self.text(variable).map(|_| self.count(variable, T::default()))
    }

    /// Reads a whole number of seconds, from `min_s` to [`MAX_DURATION`]. Returns `default` if the variable is not
    /// set, and also if it is unusable, which is reported.
    pub(super) fn seconds(&mut self, variable: &'static str, default: Duration, min_s: u64) -> Duration {
        let range = min_s..=MAX_DURATION.as_secs();
        match self.text(variable).map(|text| text.parse()) {
            None => default,
            Some(Ok(seconds)) if range.contains(&seconds) => Duration::from_secs(seconds),
            Some(_) => {
                let (min, max) = range.into_inner();
                self.report(variable, format!("must be a whole number of seconds from {min} to {max}"));
                default
            }
        }
    }
}
