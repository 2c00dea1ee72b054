//! Converts the errors of Bedrock and of the AWS SDK into [`ModelError`]s.
//!
//! The SDK's errors contain the response's body and are not passed on. Only the exception's name, its message and the
//! request's id are kept, for the operator.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::RequestId as _;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamError;
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError as StreamError;

use crate::error_chain::error_chain;
use crate::model::compat::ToolNames;
use crate::model::error_text::{self, is_too_long, redact_for_log};
use crate::model::rejected_part::find_rejected_part;
use crate::model::{ModelError, ModelErrorKind};

/// Phrases in a `ValidationException` which mean that the model's id is wrong, and not the request.
const WRONG_MODEL: &[&str] = &["model identifier is invalid", "on-demand throughput"];

/// Phrases of a model's own server which mean that the request is invalid, although the exception blames the server.
const INVALID_REQUEST_ERRORS: &[&str] = &["invalid_request_error", "BadRequestError", "INVALID_ARGUMENT"];

/// Words in the SDK's messages which mean that credentials or an endpoint are missing; the SDK has no type for that.
const WRONG_SETTINGS: &[&str] = &["auth scheme", "credential", "identity", "signing", "endpoint"];

/// Converts the error of a request that got no stream: Bedrock responded with an error, or the request did not reach
/// Bedrock. `names` are the names of the request's tools, of which the error may blame one.
pub(super) fn from_send_error(
    error: SdkError<ConverseStreamError, HttpResponse>,
    names: &ToolNames,
) -> ModelError {
    let response = error.raw_response();
    let status = response.map(|response| response.status().as_u16());
    let pause = response.and_then(|response| response.headers().get("retry-after"));
    let pause = pause.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
    let failure = match &error {
        SdkError::ServiceError(service_error) => {
            let original = match service_error.err() {
                ConverseStreamError::ModelErrorException(error) => error.original_status_code(),
                _ => None,
            };
            let exception = Exception {
                name: error.code(),
                status,
                original,
                message: exception_message(service_error.err()),
            };
            exception.to_model_error(names, error.request_id())
        }
        SdkError::ResponseError(_) => {
            let kind = Exception { name: None, status, original: None, message: String::new() }.kind();
            ModelError::new(kind, with_request_id(chain_text(&error), error.request_id()))
        }
        unsent => {
            let cause = chain_text(&error);
            ModelError::new(unsent_kind(unsent, &cause), with_request_id(cause, error.request_id()))
        }
    };
    failure.retry_after(pause)
}

/// Converts an error that ended a stream before its regular end. `names` are the names of the request's tools, of which
/// the error may blame one. `request_id` is Bedrock's id of the request, for the log.
pub(super) fn from_stream_error<R>(
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
                    (
                        error.original_status_code(),
                        exception_message(exception) + &original.unwrap_or_default(),
                    )
                }
                _ => (None, exception_message(exception)),
            };
            Exception { name: exception_name(exception), status: None, original, message }
                .to_model_error(names, request_id)
        }
        None => ModelError::new(ModelErrorKind::StreamCut, with_request_id(chain_text(&error), request_id)),
    }
}

/// Creates the error of a stream that failed without an error of the SDK: it ended early, sent nothing for too long, or
/// holds an unusable turn. `cause` describes the failure for the log; `request_id` is Bedrock's id of the request.
pub(super) fn stream_error(kind: ModelErrorKind, cause: String, request_id: Option<&str>) -> ModelError {
    ModelError::new(kind, with_request_id(cause, request_id))
}

/// Returns the name of an exception that came in a stream, such as `ThrottlingException`. The SDK turns the names that
/// it knows into variants of `StreamError`, so the name is restored here; `None` for an unnamed exception.
fn exception_name(exception: &StreamError) -> Option<&str> {
    match exception {
        StreamError::InternalServerException(_) => Some("InternalServerException"),
        StreamError::ModelStreamErrorException(_) => Some("ModelStreamErrorException"),
        StreamError::ServiceUnavailableException(_) => Some("ServiceUnavailableException"),
        StreamError::ThrottlingException(_) => Some("ThrottlingException"),
        StreamError::ValidationException(_) => Some("ValidationException"),
        other => other.code(),
    }
}

/// An exception of Bedrock.
struct Exception<'a> {
    /// The exception's name, such as `ThrottlingException`.
    name: Option<&'a str>,
    /// The HTTP status of the response.
    status: Option<u16>,
    /// The status with which the model's own server responded.
    original: Option<i32>,
    /// The exception's message.
    message: String,
}

impl Exception<'_> {
    /// Converts the exception into a [`ModelError`] with kind, rejected part and cause. `names` are the names of the
    /// request's tools, of which the message may blame one. The request's id becomes a part of the cause.
    fn to_model_error(&self, names: &ToolNames, request_id: Option<&str>) -> ModelError {
        let kind = self.kind();
        let rejected = match kind {
            ModelErrorKind::Refused | ModelErrorKind::Unavailable | ModelErrorKind::StreamCut => {
                find_rejected_part(&self.message, names, kind == ModelErrorKind::Refused)
            }
            // A missing permission rejects no part of the request, unless the message says so.
            ModelErrorKind::Misconfigured => find_rejected_part(&self.message, names, false),
            _ => None,
        };
        // A request with a rejected part would fail again, whatever the exception's name is.
        let kind = match (kind, &rejected) {
            (ModelErrorKind::Unavailable | ModelErrorKind::StreamCut, Some(_)) => ModelErrorKind::Refused,
            (kind, _) => kind,
        };
        let cause = error_line(self.name, &self.message);
        ModelError::new(kind, with_request_id(cause, request_id)).with_rejected_part(rejected)
    }

    /// Returns the kind of the failure, by name, status and message. Unless the name means throttling or a wrong
    /// configuration, the message counts more than the name, because Bedrock passes on messages of a model's own server
    /// under many names.
    fn kind(&self) -> ModelErrorKind {
        match self.kind_by_name() {
            kind @ (ModelErrorKind::Throttled | ModelErrorKind::Misconfigured) => kind,
            _ if is_too_long(&self.message) => ModelErrorKind::ContextTooLong,
            ModelErrorKind::Refused if contains_any(&self.message, WRONG_MODEL) => {
                ModelErrorKind::Misconfigured
            }
            ModelErrorKind::Unavailable | ModelErrorKind::StreamCut if self.is_invalid_request() => {
                ModelErrorKind::Refused
            }
            kind => kind,
        }
    }

    /// Returns the kind of failure that the exception's name means. For an unknown or missing name the HTTP status
    /// decides, and without a status the stream counts as cut off.
    fn kind_by_name(&self) -> ModelErrorKind {
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

    /// Returns whether the model's own server rejected the request as invalid, by that server's status or a phrase in
    /// the message.
    fn is_invalid_request(&self) -> bool {
        matches!(self.original, Some(400 | 413 | 415 | 422))
            || error_text::contains_phrase(&self.message, INVALID_REQUEST_ERRORS)
    }
}

/// Returns the kind of failure of a request that got no response from Bedrock: `Misconfigured` if region, endpoint or
/// credentials are missing, and otherwise `Unavailable`. `cause` is the text of the error's chain of causes.
fn unsent_kind<E, R>(error: &SdkError<E, R>, cause: &str) -> ModelErrorKind {
    match error {
        // The region or the endpoint is missing.
        SdkError::ConstructionFailure(_) => ModelErrorKind::Misconfigured,
        SdkError::DispatchFailure(failure) if failure.is_user() => ModelErrorKind::Misconfigured,
        SdkError::DispatchFailure(failure) if failure.is_other() && contains_any(cause, WRONG_SETTINGS) => {
            ModelErrorKind::Misconfigured
        }
        _ => ModelErrorKind::Unavailable,
    }
}

/// Returns an exception's message. If the SDK knows no message of the exception, the texts of its chain of causes are
/// returned.
fn exception_message(exception: &(impl ProvideErrorMetadata + Error + 'static)) -> String {
    exception.message().map_or_else(|| error_chain(exception), ToOwned::to_owned)
}

/// Returns the texts of an SDK error and of its causes as one line for the log. If an endpoint is not a valid address,
/// the SDK writes the request into this text; the text is cut off before the request.
fn chain_text(error: &(dyn Error + 'static)) -> String {
    let causes = error_chain(error);
    redact_for_log(causes.split("Request {").next().unwrap_or_default())
}

/// Returns an exception's name and its message, cut short and without long quotations, as one line for the log.
fn error_line(name: Option<&str>, message: &str) -> String {
    format!("{}: {}", name.unwrap_or("unnamed exception"), redact_for_log(message))
}

/// Returns whether a text contains one of these phrases. ASCII case does not count; the phrases are in lower case.
fn contains_any(text: &str, phrases: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    phrases.iter().any(|phrase| text.contains(phrase))
}

/// Appends Bedrock's id of the request, if there is one, to a cause, and returns the cause as a boxed error.
fn with_request_id(cause: String, request_id: Option<&str>) -> Box<dyn Error + Send + Sync> {
    match request_id {
        Some(id) => format!("{cause} (request {id})").into(),
        None => cause.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RejectedPart;

    /// Returns the kind of failure of an exception.
    fn kind(name: Option<&str>, status: Option<u16>, message: &str) -> ModelErrorKind {
        Exception { name, status, original: None, message: message.into() }.kind()
    }

    #[test]
    fn a_too_long_conversation_is_recognized_except_when_throttled() {
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
    fn an_invalid_request_is_recognized_in_server_exceptions() {
        let names = ToolNames::default();
        let media = "This model doesn't support the image content block that you provided.";
        let of_request =
            r#"The model returned the following errors: {"error":{"type":"invalid_request_error"}}"#;
        for (name, original, message, kind, rejected) in [
            ("ModelErrorException", None, media, ModelErrorKind::Refused, Some(RejectedPart::Media)),
            ("ModelStreamErrorException", None, media, ModelErrorKind::Refused, Some(RejectedPart::Media)),
            ("InternalServerException", None, media, ModelErrorKind::Refused, Some(RejectedPart::Media)),
            ("ServiceUnavailableException", None, media, ModelErrorKind::Refused, Some(RejectedPart::Media)),
            ("AccessDeniedException", None, media, ModelErrorKind::Misconfigured, Some(RejectedPart::Media)),
            ("ThrottlingException", None, media, ModelErrorKind::Throttled, None),
            ("ModelErrorException", None, of_request, ModelErrorKind::Refused, None),
            ("ModelErrorException", Some(400), "no", ModelErrorKind::Refused, None),
            (
                "ModelErrorException",
                Some(400),
                "an odd image",
                ModelErrorKind::Refused,
                Some(RejectedPart::Media),
            ),
            ("ModelErrorException", Some(500), "an odd image", ModelErrorKind::Unavailable, None),
            ("ModelErrorException", None, "no", ModelErrorKind::Unavailable, None),
        ] {
            let exception =
                Exception { name: Some(name), status: Some(424), original, message: message.into() };
            let error = exception.to_model_error(&names, None);
            assert_eq!((error.kind, error.rejected), (kind, rejected), "{name} {message}");
        }
    }

    #[test]
    fn validation_exceptions_are_classified_by_their_message() {
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
