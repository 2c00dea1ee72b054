//! Ids: opaque strings, each kind with a type of its own, so that they cannot be mixed up.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most bytes of an id in a log line.
const MAX_LOGGED_BYTES: usize = 128;

/// Defines the id types.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Returns the text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Returns at most the first 128 bytes of the id, for a log line: clients and models may choose an id of any
            /// length.
            pub fn loggable(&self) -> &str {
                &self.0[..self.0.floor_char_boundary(MAX_LOGGED_BYTES)]
            }
        }

        impl<T: Into<String>> From<T> for $name {
            /// Creates an id from any text, without a check.
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            /// Creates an id from any text; there is never an error.
            fn from_str(text: &str) -> Result<Self, Infallible> {
                Ok(text.into())
            }
        }

        impl AsRef<str> for $name {
            /// Returns the text of the id.
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            /// Writes the text of the id.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

ids! {
    /// Identifies a conversation. Knowing it gives no right to read the conversation.
    ThreadId
    /// Identifies one run of a thread. The client creates it and uses it once in a thread.
    RunId
    /// Identifies a message. It is unique in its thread.
    MessageId
    /// Identifies a tool call. It is unique in its thread.
    ToolCallId
    /// Identifies an interrupt. It is unique in its run.
    InterruptId
    /// Identifies one invocation of a subagent. It is unique in its run.
    SubagentRunId
}
