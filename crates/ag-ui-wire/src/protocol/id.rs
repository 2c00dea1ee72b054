//! Ids: opaque strings, each kind with a type of its own, so that they cannot be mixed up.
//!
//! ```
//! use ag_ui_wire::protocol::{RunId, ThreadId};
//!
//! let thread = ThreadId::from("thread-1");
//! let run: RunId = "run-1".parse()?;
//! assert_eq!((thread.as_str(), run.to_string()), ("thread-1", "run-1".to_owned()));
//! # Ok::<(), std::convert::Infallible>(())
//! ```

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

        impl From<String> for $name {
            /// Creates an id from any text, without a check.
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            /// Creates an id from any text, without a check.
            fn from(text: &str) -> Self {
                Self(text.to_owned())
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

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;

    /// Asserts that an id is the text that it is made of, in every direction.
    fn assert_is_its_text<I>()
    where
        I: for<'a> From<&'a str> + From<String> + FromStr<Err = Infallible> + AsRef<str>,
        I: Display + Debug + PartialEq + Serialize + DeserializeOwned,
    {
        // An id is any text: empty, with spaces, or not ASCII.
        for text in ["thread-1", "", "a b\n\"ü"] {
            let id = I::from(text);
            assert_eq!(id, I::from(text.to_owned()));
            assert_eq!(Ok(&id), text.parse().as_ref());
            assert_eq!(id.as_ref(), text);
            assert_eq!(id.to_string(), text);
            assert_eq!(json!(id), json!(text));
            assert_eq!(serde_json::from_value::<I>(json!(text)).unwrap(), id);
        }
        assert!(serde_json::from_value::<I>(json!(1)).is_err(), "an id is a string");
    }

    #[test]
    fn every_id_is_its_text_in_every_direction() {
        assert_is_its_text::<ThreadId>();
        assert_is_its_text::<RunId>();
        assert_is_its_text::<MessageId>();
        assert_is_its_text::<ToolCallId>();
        assert_is_its_text::<InterruptId>();
        assert_is_its_text::<SubagentRunId>();
    }
}
