//! Why a tool gave no result, for the three who may read of it: the model, a person, the operator.

use std::error::Error;
use std::fmt;

use super::Question;

/// Why a tool gave no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum ToolError {
    /// The model reads the sentence, and so does the client; it may try again.
    Refused(String),
    /// The call waits for the answer to a question; see [`ToolContext::ask`](super::ToolContext::ask).
    Asked(Question),
    /// The operator reads the cause in the log. The model and the client read a fixed sentence.
    Failed(Box<dyn Error + Send + Sync>),
}

impl ToolError {
    /// A refusal with a sentence that the model and the client may read.
    pub fn refused(sentence: impl Into<String>) -> Self {
        Self::Refused(sentence.into())
    }
}

/// `?` on any error in a tool makes it a failure, so that no cause reaches the client by accident.
impl<E: Error + Send + Sync + 'static> From<E> for ToolError {
    fn from(cause: E) -> Self {
        Self::Failed(Box::new(cause))
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(sentence) => f.write_str(sentence),
            Self::Asked(question) => f.write_str(question.message()),
            Self::Failed(cause) => write!(f, "the tool failed: {cause}"),
        }
    }
}
