//! Identifiers: opaque strings that must not be mixed up.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// In bytes.
const LONGEST_LOGGED: usize = 128;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text of the identifier.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, no longer than a line of the log should be: whoever made it chose its length.
            pub fn loggable(&self) -> &str {
                &self.0[..self.0.floor_char_boundary(LONGEST_LOGGED)]
            }
        }

        impl<T: Into<String>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(text: &str) -> Result<Self, Infallible> {
                Ok(text.into())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

ids! {
    /// Names a conversation. It does not authorise access to one.
    ThreadId
    /// Names one run of a thread; minted by the client, never used twice in a thread.
    RunId
    /// Names a message, unique in its thread.
    MessageId
    /// Names a tool call, unique in its thread.
    ToolCallId
    /// Names an interrupt, unique in its run.
    InterruptId
    /// Names one invocation of a subagent, unique in its run.
    SubagentRunId
}
