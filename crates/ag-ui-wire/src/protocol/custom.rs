//! Custom events: whose names are whose.

use serde::{Deserialize, Serialize};

/// The name of an application's own event: `com.acme.found`, say.
///
/// Names without a prefix belong to the protocol and its conventions, so this one has letters on both sides of its
/// first `.` or `:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomName(String);

/// A name for a custom event has no prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name of a custom event needs a prefix, such as `com.acme.`: {0:?}")]
pub struct NoPrefix(String);

impl CustomName {
    /// Takes a name.
    ///
    /// # Errors
    /// [`NoPrefix`] where there is nothing before or behind the first `.` or `:`.
    pub fn new(name: impl Into<String>) -> Result<Self, NoPrefix> {
        let name = name.into();
        match name.split_once(['.', ':']) {
            Some((prefix, rest)) if !prefix.is_empty() && !rest.is_empty() => Ok(Self(name)),
            _ => Err(NoPrefix(name)),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A member of the shared state that the client is shown while the model still writes the argument that will be its
/// value.
///
/// A list of them is the value of the custom event `PredictState`, a convention of AG-UI's front ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    /// The member of the state.
    pub state_key: String,
    /// The tool whose argument it is.
    pub tool: String,
    /// The argument.
    pub tool_argument: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_prefix() {
        for (name, is_good) in [
            ("com.acme.found", true),
            ("acme:found", true),
            ("PredictState", false),
            (".found", false),
            ("acme.", false),
            ("", false),
        ] {
            assert_eq!(CustomName::new(name).is_ok(), is_good, "{name:?}");
        }
    }
}
