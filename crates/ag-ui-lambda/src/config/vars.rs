//! Reads variables, and collects what is wrong with them: the only reader of the environment.
//!
//! A variable that is missing or unusable is reported and read as some usable value, so that the variables after it are
//! checked as well. [`Variables::finish`] returns the configuration only if nothing was reported.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::agent::MAX_DURATION;

/// One environment variable that is missing or unusable.
///
/// `Display` writes the variable's name and the problem as one sentence, such as ``AGUI_AUTH must be `token`, `authorizer`
/// or `both` ``. It never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
#[non_exhaustive]
pub struct VariableError {
    /// The name of the variable.
    pub variable: &'static str,
    /// The rest of the sentence: what is wrong, and what the variable may hold.
    pub problem: String,
}

impl VariableError {
    /// An error of `variable`. `problem` continues a sentence that begins with the variable's name.
    pub(crate) fn new(variable: &'static str, problem: impl Into<String>) -> Self {
        Self { variable, problem: problem.into() }
    }
}

/// All environment variables that are missing or unusable.
///
/// `Display` writes them all in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    variables: Vec<VariableError>,
}

impl ConfigError {
    /// Returns the variables in the order in which they were read. There is at least one.
    pub fn variables(&self) -> &[VariableError] {
        &self.variables
    }
}

impl fmt::Display for ConfigError {
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
    fn from(error: VariableError) -> Self {
        Self { variables: vec![error] }
    }
}

/// Variables, and the errors that were found while reading them.
pub(super) struct Variables<F> {
    /// Returns the value of a variable that is set.
    look_up: F,
    /// What was reported so far.
    errors: Vec<VariableError>,
}

/// Returns the variables of this process.
pub(super) fn environment() -> Variables<impl Fn(&str) -> Option<String>> {
    #[expect(clippy::disallowed_methods, reason = "this is the only reader of the environment")]
    Variables::new(|name| std::env::var(name).ok())
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Variables that `look_up` returns by their names.
    pub(super) fn new(look_up: F) -> Self {
        Self { look_up, errors: Vec::new() }
    }

    /// Returns `config`.
    ///
    /// # Errors
    /// [`ConfigError`] if anything was reported. `config` is then dropped, because it holds values that were not set.
    pub(super) fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.errors.is_empty() { Ok(config) } else { Err(ConfigError { variables: self.errors }) }
    }

    /// Adds an error, once however often it is reported. `problem` continues a sentence that begins with the variable's
    /// name.
    pub(super) fn report(&mut self, variable: &'static str, problem: impl Into<String>) {
        let error = VariableError::new(variable, problem);
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// Returns a variable without the white space around it. An empty one counts as not set, because templates cannot
    /// leave a variable out.
    pub(super) fn text(&self, variable: &str) -> Option<String> {
        (self.look_up)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// Returns the entries of a variable that holds a list with commas. Empty entries are left out.
    pub(super) fn list(&self, variable: &str) -> Vec<String> {
        let text = self.text(variable).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(ToOwned::to_owned).collect()
    }

    /// Parses a variable; `default` if it is not set. Reports `problem` if it cannot be parsed.
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

    /// Reads one of several words; `default` if the variable is not set.
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

    /// Reads a whole number that is at least 1.
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

    /// Reads a count, as [`count`](Self::count) does, that has no default: `None` if the variable is not set.
    pub(super) fn optional_count<T: FromStr + PartialEq + Default>(
        &mut self,
        variable: &'static str,
    ) -> Option<T> {
        self.text(variable).map(|_| self.count(variable, T::default()))
    }

    /// Reads a number of whole seconds from `min_s` to [`MAX_DURATION`].
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
