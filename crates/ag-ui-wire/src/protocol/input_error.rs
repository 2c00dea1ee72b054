//! What can be wrong with the input of a run.

/// The error of [`RunAgentInput::read`](super::RunAgentInput::read): a member of the input is missing or malformed, or it is
/// larger than the limits allow.
///
/// It names the member and what was expected of it, and never quotes what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} {problem}", path = if path.is_empty() { "the body" } else { path })]
pub struct InputError {
    /// The JSON Pointer (RFC 6901) of the member. It is empty if the complete input is wrong.
    pub path: String,
    /// What is wrong with the member.
    pub problem: InputProblem,
}

/// What is wrong with a member of an input. Its text is the rest of a sentence that starts with the member's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputProblem {
    /// A required member is absent or null.
    #[error("is missing")]
    Missing,
    /// The member is not a string.
    #[error("must be a string")]
    NotAString,
    /// The member is not an object.
    #[error("must be an object")]
    NotAnObject,
    /// The member is not an array.
    #[error("must be an array")]
    NotAnArray,
    /// The content of a message is neither a string nor an array.
    #[error("must be a string or an array of parts")]
    NotContent,
    /// The id of a thread or a run is too long.
    #[error("must be at most {max_bytes} bytes")]
    TooLong {
        /// How many bytes it may have.
        max_bytes: usize,
    },
    /// The input has too many elements of one kind. The path is that of the list in which there is one too many.
    #[error("is too long: an input may have at most {max} {elements}")]
    TooManyElements {
        /// What the elements are, in the plural.
        elements: &'static str,
        /// How many an input may have.
        max: usize,
    },
    /// The data has too many JSON values, together with the data that was read before.
    #[error(
        "has too many values: state, schemas, answers and metadata may have at most {max} JSON values together; a string \
         counts as 2, an array as 4, an object as 20"
    )]
    TooManyValues {
        /// How many an input may have.
        max: usize,
    },
    /// The data has too many bytes.
    #[error("is too large: {data} may have at most {max_bytes} bytes")]
    TooLarge {
        /// What the limit is for.
        data: &'static str,
        /// How many bytes it may have.
        max_bytes: usize,
    },
    /// The schema of a tool is nested too deep.
    #[error("is nested too deep: a schema may have at most {max_levels} levels")]
    TooDeep {
        /// How many arrays and objects may be in each other.
        max_levels: usize,
    },
}

impl InputProblem {
    /// Whether the member is well-formed, and only larger than the limits allow.
    pub fn is_limit(self) -> bool {
        matches!(
            self,
            Self::TooManyElements { .. }
                | Self::TooManyValues { .. }
                | Self::TooLarge { .. }
                | Self::TooDeep { .. }
        )
    }
}
