//! The error of a tool, with one variant for each reader: the model, the user, the operator.

use std::error::Error;
use std::fmt;

use super::Question;

/// The reason why a tool returns no result.
///
/// `?` on any other error makes it [`ToolError::Failed`], so that no cause reaches the client by accident. This includes
/// boxed errors and `anyhow::Error`.
///
/// ```
/// use ag_ui_lambda::ToolError;
///
/// fn parse_amount(text: &str) -> Result<f64, ToolError> {
///     let amount: f64 = text.parse()?;
///     if amount < 0.0 {
///         return Err(ToolError::refused("The amount must not be negative."));
///     }
///     Ok(amount)
/// }
/// assert!(matches!(parse_amount("-1"), Err(ToolError::Refused { .. })));
/// assert!(matches!(parse_amount("much"), Err(ToolError::Failed(_))));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ToolError {
    /// The tool refuses the call.
    Refused {
        /// The model reads it and may call again, and the client reads it too.
        sentence: String,
        /// Only the operator reads it, in the log.
        cause: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The call waits for the answer to a question; see [`ToolContext::ask`](super::ToolContext::ask).
    NeedsAnswer(Question),
    /// The tool failed. The operator reads the cause in the log; the model and the client read a fixed sentence.
    Failed(Box<dyn Error + Send + Sync>),
}

impl ToolError {
    /// Creates a [`ToolError::Refused`] with a sentence that the model and the client read. Nothing is logged.
    pub fn refused(sentence: impl Into<String>) -> Self {
        Self::Refused { sentence: sentence.into(), cause: None }
    }

    /// Creates a [`ToolError::Refused`] with a sentence that the model and the client read, and a cause that only the log has.
    ///
    /// ```
    /// use ag_ui_lambda::ToolError;
    ///
    /// fn load_rates(path: &str) -> Result<String, ToolError> {
    ///     std::fs::read_to_string(path)
    ///         .map_err(|error| ToolError::refused_because("The rates are not known yet. Try again later.", error))
    /// }
    /// let error = load_rates("/no/such/file").unwrap_err();
    /// assert_eq!(error.to_string(), "The rates are not known yet. Try again later.");
    /// ```
    pub fn refused_because(
        sentence: impl Into<String>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Refused { sentence: sentence.into(), cause: Some(cause.into()) }
    }
}

/// Any error becomes [`ToolError::Failed`]: a type that implements [`Error`], a boxed error, `anyhow::Error`, or a text.
///
/// `ToolError` itself does not implement [`Error`]: if it did, this conversion could not exist beside `From<T> for T`.
impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for ToolError {
    /// Wraps the cause of a failure, which only the operator reads.
    fn from(cause: E) -> Self {
        Self::Failed(cause.into())
    }
}

impl fmt::Display for ToolError {
    /// Shows the sentence of a refusal, the message of a question, or the cause of a failure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { sentence, .. } => f.write_str(sentence),
            Self::NeedsAnswer(question) => f.write_str(question.message()),
            Self::Failed(cause) => write!(f, "the tool failed: {cause}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_chain::error_chain;

    /// Returns the causes of a failure as the operator reads them.
    fn causes(result: Result<(), ToolError>) -> String {
        match result {
            Err(ToolError::Failed(cause)) => error_chain(cause.as_ref()),
            other => panic!("not a failure: {other:?}"),
        }
    }

    #[test]
    fn question_mark_makes_any_error_a_failure_with_its_causes() {
        fn standard() -> Result<(), ToolError> {
            "x".parse::<u8>()?;
            Ok(())
        }
        fn boxed() -> Result<(), ToolError> {
            Err(Box::<dyn Error + Send + Sync>::from("the disk is full"))?
        }
        fn anyhow() -> Result<(), ToolError> {
            let cause = "x".parse::<u8>().map_err(anyhow::Error::from);
            anyhow::Context::context(cause, "the stock could not be read")?;
            Ok(())
        }
        assert_eq!(causes(standard()), "invalid digit found in string");
        assert_eq!(causes(boxed()), "the disk is full");
        assert_eq!(causes(anyhow()), "the stock could not be read: invalid digit found in string");
    }

    #[test]
    fn question_mark_keeps_a_tool_error_as_it_is() {
        fn refused() -> Result<(), ToolError> {
            Err(ToolError::refused("Not today."))?
        }
        assert!(
            matches!(refused(), Err(ToolError::Refused { sentence, cause: None }) if sentence == "Not today.")
        );
    }

    #[test]
    fn cause_of_a_refusal_is_not_in_its_sentence() {
        let cause = anyhow::anyhow!("connection refused").context("http://rates.internal");
        let error = ToolError::refused_because("There are no rates now.", cause);

        assert_eq!(error.to_string(), "There are no rates now.");
        let ToolError::Refused { cause: Some(cause), .. } = error else { panic!("no cause: {error:?}") };
        assert_eq!(error_chain(cause.as_ref()), "http://rates.internal: connection refused");
    }
}
