//! What goes wrong with Bedrock, in the terms of the port.
//!
//! The SDK's errors hold the answer's body and end here: what is kept is the exception's name, its message and
//! the request's id, for the operator.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::RequestId as _;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamError;
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError as StreamError;

use crate::causes::causes;
use crate::model::rejected::rejected;
use crate::model::told::{self, for_log, is_too_long};
use crate::model::wire::ToolNames;
use crate::model::{ModelError, ModelErrorKind};

/// How Bedrock says, as if the request were at fault, that the model's id is.
const WRONG_MODEL: &[&str] = &["model identifier is invalid", "on-demand throughput"];

/// How a model's own server says, within an exception that is not the request's, that the request is at fault.
const OF_THE_REQUEST: &[&str] = &["invalid_request_error", "BadRequestError", "INVALID_ARGUMENT"];

/// How the SDK says that it has nothing to sign a request with, or nowhere to send it; it has no type for it.
const WRONG_SETTINGS: &[&str] = &["auth scheme", "credential", "identity", "signing", "endpoint"];

/// A request that was not accepted.
pub(super) fn refused(error: SdkError<ConverseStreamError, HttpResponse>, names: &ToolNames) -> ModelError {
    let answer = error.raw_response();
    let status = answer.map(|answer| answer.status().as_u16());
    let pause = answer.and_then(|answer| answer.headers().get("retry-after"));
    let pause = pause.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
    let failure = match &error {
        SdkError::ServiceError(fault) => {
            let original = match fault.err() {
                ConverseStreamError::ModelErrorException(error) => error.original_status_code(),
                _ => None,
            };
            let said = Exception { name: error.code(), status, original, message: message(fault.err()) };
            said.failure(names, error.request_id())
        }
        SdkError::ResponseError(_) => {
            let kind = Exception { name: None, status, original: None, message: String::new() }.kind();
            ModelError::new(kind, with_request_id(flat(&error), error.request_id()))
        }
        fault => {
            let cause = flat(&error);
            ModelError::new(unsent(fault, &cause), with_request_id(cause, error.request_id()))
        }
    };
    failure.retry_after(pause)
}

/// A stream that broke off. `names` are those of the tools that were offered, `request_id` is that of the request it answers.
pub(super) fn broken<R>(
    error: SdkError<StreamError, R>,
    names: &ToolNames,
    request_id: Option<&str>,
) -> ModelError
where
    R: fmt::Debug + 'static,
{
    match error.as_service_error() {
        Some(exception) => {
            let (original, message) = match exception {
                StreamError::ModelStreamErrorException(error) => {
                    let original = error.original_message().map(|original| format!(": {original}"));
                    (error.original_status_code(), message(exception) + &original.unwrap_or_default())
                }
                _ => (None, message(exception)),
            };
            Exception { name: name(exception), status: None, original, message }.failure(names, request_id)
        }
        None => ModelError::new(ModelErrorKind::StreamCut, with_request_id(flat(&error), request_id)),
    }
}

/// A stream that ended or fell silent, in these words.
pub(super) fn cut_off(kind: ModelErrorKind, what: String, request_id: Option<&str>) -> ModelError {
    ModelError::new(kind, with_request_id(what, request_id))
}

/// The name of an exception in a stream: it is in a header there, which the SDK turns into a type.
fn name(exception: &StreamError) -> Option<&str> {
    match exception {
        StreamError::InternalServerException(_) => Some("InternalServerException"),
        StreamError::ModelStreamErrorException(_) => Some("ModelStreamErrorException"),
        StreamError::ServiceUnavailableException(_) => Some("ServiceUnavailableException"),
        StreamError::ThrottlingException(_) => Some("ThrottlingException"),
        StreamError::ValidationException(_) => Some("ValidationException"),
        other => other.code(),
    }
}

/// What Bedrock says of a failure.
struct Exception<'a> {
    name: Option<&'a str>,
    status: Option<u16>,
    /// The status that the model's own server had.
    original: Option<i32>,
    message: String,
}

impl Exception<'_> {
    fn failure(&self, names: &ToolNames, request_id: Option<&str>) -> ModelError {
        let kind = self.kind();
        let rejected = match kind {
            ModelErrorKind::Refused | ModelErrorKind::Unavailable | ModelErrorKind::StreamCut => {
                rejected(&self.message, names, kind == ModelErrorKind::Refused)
            }
            // The permission for a model says nothing of the request, unless its words do.
            ModelErrorKind::Misconfigured => rejected(&self.message, names, false),
            _ => None,
        };
        // It would fail again, whatever its name says.
        let kind = match (kind, &rejected) {
            (ModelErrorKind::Unavailable | ModelErrorKind::StreamCut, Some(_)) => ModelErrorKind::Refused,
            (kind, _) => kind,
        };
        let cause = line(self.name, &self.message);
        ModelError::new(kind, with_request_id(cause, request_id)).rejecting(rejected)
    }

    /// Bedrock passes on what a model's own server says under many names, so its words come before those.
    fn kind(&self) -> ModelErrorKind {
        match self.by_name() {
            kind @ (ModelErrorKind::Throttled | ModelErrorKind::Misconfigured) => kind,
            _ if is_too_long(&self.message) => ModelErrorKind::ContextTooLong,
            ModelErrorKind::Refused if says(&self.message, WRONG_MODEL) => ModelErrorKind::Misconfigured,
            ModelErrorKind::Unavailable | ModelErrorKind::StreamCut if self.is_of_the_request() => {
                ModelErrorKind::Refused
            }
            kind => kind,
        }
    }

    fn by_name(&self) -> ModelErrorKind {
        match self.name.unwrap_or_default() {
            "ThrottlingException"
            | "TooManyRequestsException"
            | "ServiceQuotaExceededException"
            | "ModelNotReadyException" => ModelErrorKind::Throttled,
            "ServiceUnavailableException"
            | "InternalServerException"
            | "InternalFailure"
            | "ModelTimeoutException"
            | "ModelErrorException" => ModelErrorKind::Unavailable,
            "ModelStreamErrorException" => ModelErrorKind::StreamCut,
            "ValidationException" => ModelErrorKind::Refused,
            "AccessDeniedException"
            | "ResourceNotFoundException"
            | "UnrecognizedClientException"
            | "ExpiredTokenException"
            | "InvalidSignatureException" => ModelErrorKind::Misconfigured,
            _ => match self.status {
                Some(429) => ModelErrorKind::Throttled,
                Some(401 | 403 | 404) => ModelErrorKind::Misconfigured,
                Some(400..=499) => ModelErrorKind::Refused,
                Some(_) => ModelErrorKind::Unavailable,
                None => ModelErrorKind::StreamCut,
            },
        }
    }

    /// Whether the model's own server finds the request at fault.
    fn is_of_the_request(&self) -> bool {
        matches!(self.original, Some(400 | 413 | 415 | 422)) || told::says(&self.message, OF_THE_REQUEST)
    }
}

/// Why a request did not reach Bedrock.
fn unsent<E, R>(error: &SdkError<E, R>, cause: &str) -> ModelErrorKind {
    match error {
        // No region, no endpoint.
        SdkError::ConstructionFailure(_) => ModelErrorKind::Misconfigured,
        SdkError::DispatchFailure(fault) if fault.is_user() => ModelErrorKind::Misconfigured,
        SdkError::DispatchFailure(fault) if fault.is_other() && says(cause, WRONG_SETTINGS) => {
            ModelErrorKind::Misconfigured
        }
        _ => ModelErrorKind::Unavailable,
    }
}

/// What an exception says. One without a name has its message only among its causes.
fn message(exception: &(impl ProvideErrorMetadata + Error + 'static)) -> String {
    exception.message().map_or_else(|| causes(exception), ToOwned::to_owned)
}

/// An error of the SDK itself. Where an endpoint is no address, it writes the whole request into its message.
fn flat(error: &(dyn Error + 'static)) -> String {
    let causes = causes(error);
    for_log(causes.split("Request {").next().unwrap_or_default())
}

fn line(name: Option<&str>, message: &str) -> String {
    format!("{}: {}", name.unwrap_or("unnamed exception"), for_log(message))
}

fn says(text: &str, phrases: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    phrases.iter().any(|phrase| text.contains(phrase))
}

fn with_request_id(cause: String, request_id: Option<&str>) -> Box<dyn Error + Send + Sync> {
    match request_id {
        Some(id) => format!("{cause} (request {id})").into(),
        None => cause.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Rejected;

    fn kind(name: Option<&str>, status: Option<u16>, message: &str) -> ModelErrorKind {
        Exception { name, status, original: None, message: message.into() }.kind()
    }

    #[test]
    fn a_conversation_that_is_too_long_is_known_under_any_name_but_throttling() {
        let message = "prompt is too long: 210000 tokens > 200000 maximum";
        for name in [
            "ModelErrorException",
            "ModelStreamErrorException",
            "ModelTimeoutException",
            "InternalServerException",
            "ValidationException",
        ] {
            assert_eq!(kind(Some(name), Some(424), message), ModelErrorKind::ContextTooLong, "{name}");
        }
        for status in [400, 424, 500, 503] {
            assert_eq!(kind(None, Some(status), message), ModelErrorKind::ContextTooLong, "{status}");
        }
        let message = "Too many tokens, please wait before trying again.";
        assert_eq!(kind(Some("ThrottlingException"), Some(429), message), ModelErrorKind::Throttled);
        assert_eq!(
            kind(Some("ServiceUnavailableException"), Some(503), message),
            ModelErrorKind::Unavailable
        );
    }

    #[test]
    fn a_request_at_fault_is_known_under_names_that_blame_the_server() {
        let names = ToolNames::default();
        let media = "This model doesn't support the image content block that you provided.";
        let of_request =
            r#"The model returned the following errors: {"error":{"type":"invalid_request_error"}}"#;
        for (name, original, message, kind, rejected) in [
            ("ModelErrorException", None, media, ModelErrorKind::Refused, Some(Rejected::Media)),
            ("ModelStreamErrorException", None, media, ModelErrorKind::Refused, Some(Rejected::Media)),
            ("InternalServerException", None, media, ModelErrorKind::Refused, Some(Rejected::Media)),
            ("ServiceUnavailableException", None, media, ModelErrorKind::Refused, Some(Rejected::Media)),
            ("AccessDeniedException", None, media, ModelErrorKind::Misconfigured, Some(Rejected::Media)),
            ("ThrottlingException", None, media, ModelErrorKind::Throttled, None),
            ("ModelErrorException", None, of_request, ModelErrorKind::Refused, None),
            ("ModelErrorException", Some(400), "no", ModelErrorKind::Refused, None),
            (
                "ModelErrorException",
                Some(400),
                "an odd image",
                ModelErrorKind::Refused,
                Some(Rejected::Media),
            ),
            ("ModelErrorException", Some(500), "an odd image", ModelErrorKind::Unavailable, None),
            ("ModelErrorException", None, "no", ModelErrorKind::Unavailable, None),
        ] {
            let exception =
                Exception { name: Some(name), status: Some(424), original, message: message.into() };
            let error = exception.failure(&names, None);
            assert_eq!((error.kind, error.rejected), (kind, rejected), "{name} {message}");
        }
    }

    #[test]
    fn only_the_message_tells_why_a_request_is_at_fault() {
        for (message, expected) in [
            ("Input is too long for requested model.", ModelErrorKind::ContextTooLong),
            (
                "The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum",
                ModelErrorKind::ContextTooLong,
            ),
            (
                "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
                ModelErrorKind::ContextTooLong,
            ),
            ("Too many tokens in the request.", ModelErrorKind::ContextTooLong),
            ("This model's maximum context length is 8192 tokens.", ModelErrorKind::ContextTooLong),
            ("The provided model identifier is invalid.", ModelErrorKind::Misconfigured),
            (
                "Invocation of model ID x with on-demand throughput isn’t supported.",
                ModelErrorKind::Misconfigured,
            ),
            ("messages.0: all messages must have non-empty content", ModelErrorKind::Refused),
            ("tool name is longer than 64 characters", ModelErrorKind::Refused),
        ] {
            assert_eq!(kind(Some("ValidationException"), Some(400), message), expected, "{message}");
        }
    }
}
