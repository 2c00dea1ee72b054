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
use crate::model::told::{for_log, is_too_long};
use crate::model::wire::ToolNames;
use crate::model::{ModelError, ModelErrorKind};

/// How Bedrock says, as if the request were at fault, that the model's id is.
const WRONG_MODEL: &[&str] = &["model identifier is invalid", "on-demand throughput"];

/// How the SDK says that it has nothing to sign a request with, or nowhere to send it; it has no type for it.
const WRONG_SETTINGS: &[&str] = &["auth scheme", "credential", "identity", "signing", "endpoint"];

/// A request that was not accepted.
pub(super) fn refused(error: SdkError<ConverseStreamError, HttpResponse>, names: &ToolNames) -> ModelError {
    let said = error.as_service_error().map(message).unwrap_or_default();
    let answer = error.raw_response();
    let status = answer.map(|answer| answer.status().as_u16());
    let pause = answer.and_then(|answer| answer.headers().get("retry-after"));
    let pause = pause.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
    let (kind, cause) = match &error {
        SdkError::ServiceError(fault) => {
            let message = message(fault.err());
            (kind(error.code(), status, &message), line(error.code(), &message))
        }
        SdkError::ResponseError(_) => (kind(None, status, ""), flat(&error)),
        fault => {
            let cause = flat(&error);
            (unsent(fault, &cause), cause)
        }
    };
    let rejected = rejected(&said, names).filter(|_| kind == ModelErrorKind::Refused);
    ModelError::new(kind, with_request_id(cause, error.request_id())).retry_after(pause).rejecting(rejected)
}

/// A stream that broke off. `request_id` is that of the request it answers.
pub(super) fn broken<R>(error: SdkError<StreamError, R>, request_id: Option<&str>) -> ModelError
where
    R: fmt::Debug + 'static,
{
    let (kind, cause) = match error.as_service_error() {
        Some(exception) => {
            let (name, message) = (name(exception), message(exception));
            (kind(name, None, &message), line(name, &message))
        }
        None => (ModelErrorKind::StreamCut, flat(&error)),
    };
    ModelError::new(kind, with_request_id(cause, request_id))
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

fn kind(name: Option<&str>, status: Option<u16>, message: &str) -> ModelErrorKind {
    let name = name.unwrap_or_default();
    match name {
        // Bedrock passes on what a model's own server says, under any of these.
        "ServiceUnavailableException"
        | "ModelErrorException"
        | "ModelStreamErrorException"
        | "InternalServerException"
            if is_too_long(message) =>
        {
            ModelErrorKind::ContextTooLong
        }
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
        "ValidationException" => at_fault(message),
        "AccessDeniedException"
        | "ResourceNotFoundException"
        | "UnrecognizedClientException"
        | "ExpiredTokenException"
        | "InvalidSignatureException" => ModelErrorKind::Misconfigured,
        _ => match status {
            Some(429) => ModelErrorKind::Throttled,
            Some(401 | 403 | 404) => ModelErrorKind::Misconfigured,
            Some(400..=499) => at_fault(message),
            Some(_) => ModelErrorKind::Unavailable,
            None => ModelErrorKind::StreamCut,
        },
    }
}

/// What a request is found at fault for; only the message says it.
fn at_fault(message: &str) -> ModelErrorKind {
    match () {
        () if is_too_long(message) => ModelErrorKind::ContextTooLong,
        () if says(message, WRONG_MODEL) => ModelErrorKind::Misconfigured,
        () => ModelErrorKind::Refused,
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

    #[test]
    fn a_conversation_that_is_too_long_is_known_under_any_name_but_throttling() {
        let message = "prompt is too long: 210000 tokens > 200000 maximum";
        for name in [
            "ModelErrorException",
            "ModelStreamErrorException",
            "InternalServerException",
            "ValidationException",
        ] {
            assert_eq!(kind(Some(name), Some(424), message), ModelErrorKind::ContextTooLong, "{name}");
        }
        let message = "Too many tokens, please wait before trying again.";
        assert_eq!(kind(Some("ThrottlingException"), Some(429), message), ModelErrorKind::Throttled);
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
            assert_eq!(at_fault(message), expected, "{message}");
        }
    }
}
