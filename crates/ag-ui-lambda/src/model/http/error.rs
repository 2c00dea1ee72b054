//! Classifies failures of a provider: by its status, its error body, or the error of the network.
//!
//! No body is passed on. The cause for the log consists of the status, the provider's codes and its message, cut short and
//! without the API key.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use reqwest::Response;
use tokio::time::timeout;

pub(super) use super::provider_error::ProviderError;
use crate::model::compat::ToolNames;
use crate::model::error_text::{contains_phrase, is_too_long, redact_for_log};
use crate::model::rejected_part::find_rejected_part;
use crate::model::{ModelError, ModelErrorKind, RejectedPart};

/// The maximum number of characters of an error code in the log.
const MAX_CODE_CHARS: usize = 80;

/// The number of bytes of an error body after which reading stops; those of providers have some hundreds.
const MAX_BODY: usize = 64 * 1024;

/// How long reading an error body may take. If it takes longer, the status is enough.
const BODY_TIMEOUT: Duration = Duration::from_secs(3);

/// The minimum length of a key that is redacted in the log, in bytes. Local servers are often given a key such as `x`.
const MIN_REDACTED_KEY: usize = 8;

/// Codes which mean that the request is invalid, so that it would fail again.
const INVALID_REQUEST_CODES: &[&str] = &[
    "invalid_request",
    "invalid_argument",
    "invalid_parameter",
    "invalid_value",
    "invalid_input",
    "bad_request",
    "bad_input",
    "validation",
    "not_supported",
    "unsupported",
];

/// The maximum wait in seconds; it makes no difference how much longer a provider asks to wait.
const MAX_RETRY_AFTER_SECONDS: f64 = 86_400.0;

/// Converts an error of the HTTP client into a [`ModelError`], without the URL. `network` is the kind for a broken
/// connection at this point of the turn, before or during the response.
pub(super) fn transport_error(error: reqwest::Error, network: ModelErrorKind) -> ModelError {
    let kind = match () {
        () if error.is_builder() => ModelErrorKind::Misconfigured,
        () if error.is_connect() => ModelErrorKind::Unavailable,
        () => network,
    };
    ModelError::new(kind, error.without_url())
}

/// Reads how long the provider asks to wait: from `retry-after-ms`, otherwise from `retry-after`, in seconds or as a
/// date. Returns `None` if no header can be read or the date is in the past.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| value(name)?.parse::<f64>().ok().filter(|number| *number >= 0.0);
    let seconds = number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number("retry-after"));
    match seconds {
        Some(seconds) => Some(Duration::from_secs_f64(seconds.min(MAX_RETRY_AFTER_SECONDS))),
        None => httpdate::parse_http_date(value("retry-after")?).ok()?.duration_since(SystemTime::now()).ok(),
    }
}

impl ProviderError {
    /// Reads the error from a response with an error status. If the body is long, slow or broken, what has come of it
    /// is used.
    pub(super) async fn from_response(mut response: Response) -> Self {
        let (status, retry_after) = (response.status().as_u16(), retry_after(response.headers()));
        let mut body = Vec::new();
        let read = async {
            while let Ok(Some(bytes)) = response.chunk().await {
                body.extend_from_slice(&bytes);
                if body.len() > MAX_BODY {
                    break;
                }
            }
        };
        let _ = timeout(BODY_TIMEOUT, read).await;
        let error = Self::from_body(&body);
        // The status in the body of a gateway's response is more precise than the gateway's own.
        let passed_on = error.status.filter(|inner| status >= 500 && (400..500).contains(inner));
        let status = Some(passed_on.unwrap_or(status));
        Self { status, retry_after: retry_after.or(error.retry_after), ..error }
    }

    /// Returns whether the provider refuses the API key, so that another key may help. The request is then sent once
    /// more if there is another key.
    pub(super) fn is_unauthorized(&self) -> bool {
        // Gemini and xAI report a wrong key as a bad request.
        self.status == Some(401) || (self.status == Some(400) && self.is_bad_key())
    }

    /// Converts the provider's error into a [`ModelError`]. The API key `key` is removed from the cause. `names` are
    /// the names of the request's tools, of which the error may blame one.
    pub(super) fn into_model_error(self, key: &str, names: &ToolNames) -> ModelError {
        let rejected = self.rejected_part(names);
        // A request with a rejected part would fail again, whatever the status says.
        let kind = match (self.kind(), &rejected) {
            (ModelErrorKind::Unavailable | ModelErrorKind::StreamCut, Some(_)) => ModelErrorKind::Refused,
            (kind, _) => kind,
        };
        ModelError::new(kind, self.cause(key)).retry_after(self.retry_after).with_rejected_part(rejected)
    }

    /// Returns the part of the request that the provider can't use: a tool's schema or media. Returns `None` if the
    /// request failed for another reason. `names` are the names of the request's tools.
    fn rejected_part(&self, names: &ToolNames) -> Option<RejectedPart> {
        let kind = self.kind();
        let is_other = self.is_too_long() || self.is_bad_key() || self.is_unpaid();
        if is_other || kind == ModelErrorKind::Throttled || matches!(self.status, Some(401 | 402 | 429)) {
            return None;
        }
        let texts = self.codes.iter().chain(&self.param).chain([&self.message]);
        let text = texts.map(String::as_str).collect::<Vec<_>>().join(": ");
        // A 413 counts as a conversation that is too long, but an image may be too large as well.
        let blames_request = kind == ModelErrorKind::Refused || self.status == Some(413);
        find_rejected_part(&text, names, blames_request)
    }

    /// Returns the kind of the failure. Codes and message count more than the status, because servers and gateways
    /// respond with 500 to invalid requests, too.
    fn kind(&self) -> ModelErrorKind {
        match self.status {
            _ if self.is_too_long() => ModelErrorKind::ContextTooLong,
            Some(429 | 400) | None if self.is_unpaid() => ModelErrorKind::Misconfigured,
            Some(400) if self.is_bad_key() => ModelErrorKind::Misconfigured,
            Some(429) => ModelErrorKind::Throttled,
            Some(413) => ModelErrorKind::ContextTooLong,
            Some(500..) if self.is_invalid_request() => ModelErrorKind::Refused,
            Some(408 | 409 | 425 | 500..) => ModelErrorKind::Unavailable,
            Some(300..400 | 401..=405 | 410) => ModelErrorKind::Misconfigured,
            Some(400..) => ModelErrorKind::Refused,
            _ if self.has_code(&["overloaded", "unavailable"]) => ModelErrorKind::Unavailable,
            _ if self.has_code(&["rate_limit", "resource_exhausted", "too_many_requests", "throttling"]) => {
                ModelErrorKind::Throttled
            }
            _ if self.has_code(&[
                "authentication",
                "permission",
                "unauthorized",
                "invalid_api_key",
                "access_denied",
                "forbidden",
                "not_found",
            ]) =>
            {
                ModelErrorKind::Misconfigured
            }
            _ if self.is_invalid_request() => ModelErrorKind::Refused,
            _ => ModelErrorKind::StreamCut,
        }
    }

    /// Returns whether the codes or the message mean that the conversation is too long for the model.
    fn is_too_long(&self) -> bool {
        // With these statuses, "too many tokens" means a rate limit.
        let may_be = !matches!(self.status, Some(401..=404 | 429));
        self.codes.iter().any(|word| is_too_long(word)) || (may_be && is_too_long(&self.message))
    }

    /// Returns whether one of the provider's codes means that the request is invalid.
    fn is_invalid_request(&self) -> bool {
        self.has_code(INVALID_REQUEST_CODES)
    }

    /// Returns whether the codes or the message mean that the API key is wrong.
    fn is_bad_key(&self) -> bool {
        let phrases = ["API key not valid", "Incorrect API key"];
        self.has_code(&["api_key_invalid", "invalid_api_key"])
            || phrases.iter().any(|phrase| self.message.contains(phrase))
    }

    /// Returns whether the codes or the message mean that the account has no credit left.
    fn is_unpaid(&self) -> bool {
        self.has_code(&["insufficient_quota", "billing", "arrearage"])
            || self.message.contains("credit balance")
    }

    /// Returns whether one of the provider's codes contains one of these phrases.
    fn has_code(&self, phrases: &[&str]) -> bool {
        self.codes.iter().any(|word| contains_phrase(word, phrases))
    }

    /// Returns the cause of the failure for the log: status, codes and message, cut short and with the API key `key`
    /// replaced by `[key]`.
    fn cause(&self, key: &str) -> String {
        let status = self.status.map(|status| format!("status {status}"));
        let words = self.codes.iter().map(|word| redact_key(word, key));
        let words = words.map(|word| Cow::from(word.chars().take(MAX_CODE_CHARS).collect::<String>()));
        let parts = status.map(Cow::from).into_iter().chain(words);
        let message = redact_for_log(&redact_key(&self.message, key));
        let cause = parts.chain((!message.is_empty()).then(|| message.into())).collect::<Vec<_>>().join(", ");
        if cause.is_empty() { "the provider gave no reason".into() } else { cause }
    }
}

/// Replaces the API key `key` in a text by `[key]`. A key of fewer than 8 bytes is not replaced: it is not a secret,
/// and may be part of any word.
pub(super) fn redact_key<'a>(text: &'a str, key: &str) -> Cow<'a, str> {
    if key.len() < MIN_REDACTED_KEY || !text.contains(key) {
        text.into()
    } else {
        text.replace(key, "[key]").into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_is_classified_by_codes_and_message() {
        use ModelErrorKind::{ContextTooLong, Misconfigured, Refused, StreamCut, Throttled, Unavailable};
        for (why, body, kind) in [
            (
                "anthropic",
                json!({"type":"error","error":{"type":"overloaded_error","message":"x"}}),
                Unavailable,
            ),
            ("anthropic", json!({"type":"error","error":{"type":"rate_limit_error"}}), Throttled),
            ("anthropic", json!({"type":"error","error":{"type":"api_error"}}), StreamCut),
            ("responses", json!({"type":"error","code":"rate_limit_exceeded","message":"x"}), Throttled),
            ("responses", json!({"code":"context_length_exceeded","message":"x"}), ContextTooLong),
            ("openai", json!({"code":"insufficient_quota","type":"insufficient_quota"}), Misconfigured),
            ("openrouter", json!({"code":502,"message":"upstream"}), Unavailable),
            ("gemini", json!({"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}), Throttled),
            ("gemini", json!([{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"x"}}]), Refused),
            ("gemini", json!({"error":{"code":400,"details":[{"reason":"API_KEY_INVALID"}]}}), Misconfigured),
            ("ollama", json!({"error":"llama runner has terminated"}), StreamCut),
            ("llama.cpp", json!({"error":{"code":500,"type":"exceed_context_size_error"}}), ContextTooLong),
            (
                "a type under a status of its own",
                json!({"error":{"code":429,"type":"context_length_exceeded"}}),
                ContextTooLong,
            ),
            (
                "too many tokens a minute",
                json!({"error":{"code":429,"message":"Too many tokens a minute"}}),
                Throttled,
            ),
            ("an invalid request", json!({"error":{"type":"invalid_request_error","message":"x"}}), Refused),
            (
                "an invalid request with status 500",
                json!({"error":{"code":500,"type":"BadRequestError"}}),
                Refused,
            ),
            ("a key", json!({"error":{"type":"authentication_error","message":"x"}}), Misconfigured),
            ("dashscope", json!({"code":"InvalidParameter","message":"x"}), Refused),
            ("dashscope", json!({"code":"Throttling.RateQuota","message":"x"}), Throttled),
            ("dashscope", json!({"code":"Arrearage","message":"x"}), Misconfigured),
            ("minimax", json!({"base_resp":{"status_code":1004,"status_msg":"x"}}), Misconfigured),
            ("minimax", json!({"base_resp":{"status_code":1002,"status_msg":"x"}}), Throttled),
            ("minimax", json!({"base_resp":{"status_code":1008,"status_msg":"x"}}), Misconfigured),
            ("minimax", json!({"base_resp":{"status_code":2013,"status_msg":"x"}}), Refused),
            (
                "minimax",
                json!({"base_resp":{"status_code":2013,"status_msg":"context window exceeds limit"}}),
                ContextTooLong,
            ),
            ("nothing", json!(null), StreamCut),
        ] {
            assert_eq!(
                ProviderError::from_json(&body).into_model_error("", &ToolNames::default()).kind,
                kind,
                "{why} {body}"
            );
        }
    }

    #[test]
    fn media_is_rejected_only_by_errors_about_the_request() {
        for (status, word, message, is_rejected) in [
            (400, "", "an odd image", true),
            (415, "", "an odd image", true),
            (422, "", "an odd image", true),
            (413, "", "the image is too large", true),
            (500, "invalid_request_error", "an odd image", true),
            (500, "server_error", "an odd image", false),
            (500, "server_error", "image input is not supported", true),
            (403, "", "This model does not support image input", true),
            (403, "", "You have no access to images", false),
            (404, "", "No endpoints found that support image input", true),
            (404, "model_not_found", "The model `gpt-image` does not exist", false),
            (401, "", "image input is not supported", false),
            (429, "", "Too many images per minute, image input is not supported", false),
            (400, "", "Incorrect API key for image input", false),
            (400, "unsupported_image_media_type", "no", true),
            (400, "", "prompt is too long, and holds an image", false),
        ] {
            let body = json!({ "error": { "code": status, "type": word, "message": message } });
            let error = ProviderError::from_json(&body).into_model_error("", &ToolNames::default());
            assert_eq!(error.rejected, is_rejected.then_some(RejectedPart::Media), "{body}");
        }
    }

    #[test]
    fn a_cause_is_short_and_contains_no_key() {
        let message = format!("Incorrect key sk-12345. {}", "x".repeat(5000));
        let error = ProviderError::from_json(
            &json!({"error":{"type":"invalid_request_error","code":"sk-12345","message":message}}),
        );

        let cause = error.cause("sk-12345");
        assert!(cause.starts_with("invalid_request_error, [key], Incorrect key [key]. xxx"), "{cause}");
        assert!(cause.len() < 400);
    }

    #[test]
    fn the_wait_is_read_from_geminis_error_body() {
        let details = json!([{ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s" }]);
        let error = ProviderError::from_json(&json!({"error":{"code":429,"details":details}}));

        assert_eq!(
            error.into_model_error("", &ToolNames::default()).retry_after,
            Some(Duration::from_millis(34500))
        );
    }
}
