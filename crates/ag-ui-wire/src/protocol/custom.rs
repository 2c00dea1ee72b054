//! The names of CUSTOM events: those of an application need a prefix.

use serde::{Deserialize, Serialize};

/// The name of an application's own CUSTOM event, such as `com.acme.found`.
///
/// Names without a prefix belong to the protocol and its conventions. So this name has at least one character before and one
/// after its first `.` or `:`.
///
/// ```
/// use ag_ui_wire::protocol::CustomName;
///
/// assert!(CustomName::new("com.acme.found").is_ok());
/// assert!(CustomName::new("found").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomName(String);

/// Says that a name has no prefix, so that [`CustomName::new`] refused it. It holds the name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name of a custom event needs a prefix, such as `com.acme.`: {0:?}")]
pub struct CustomNameError(String);

impl CustomName {
    /// Creates the name of an application's own event from text that has a prefix, such as `com.acme.found`.
    ///
    /// # Errors
    /// [`CustomNameError`] if there is no `.` or `:`, or if there is nothing before or after the first one.
    pub fn new(name: impl Into<String>) -> Result<Self, CustomNameError> {
        let name = name.into();
        match name.split_once(['.', ':']) {
            Some((prefix, rest)) if !prefix.is_empty() && !rest.is_empty() => Ok(Self(name)),
            _ => Err(CustomNameError(name)),
        }
    }

    /// Returns the name with its prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Declares that a member of the shared state is predicted from an argument of a tool: the client shows the argument as the
/// member's value while the model still writes it.
///
/// A list of predictions is the value of the custom event `PredictState`, a convention of AG-UI's front ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    /// The name of the member of the state.
    pub state_key: String,
    /// The name of the tool.
    pub tool: String,
    /// The name of the tool's argument.
    pub tool_argument: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_name_needs_a_prefix() {
        for (name, is_valid) in [
            ("com.acme.found", true),
            ("acme:found", true),
            ("PredictState", false),
            (".found", false),
            ("acme.", false),
            ("", false),
        ] {
            assert_eq!(CustomName::new(name).is_ok(), is_valid, "{name:?}");
        }
    }
}
