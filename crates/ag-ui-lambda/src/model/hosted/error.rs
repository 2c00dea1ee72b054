//! What went wrong at a provider, from its status, its error body or the network.
//!
//! No body is passed on: a cause is the status, the provider's words for the error and its message, cut short and
//! without the key.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use reqwest::Response;
use tokio::time::timeout;

pub(super) use super::fault::Fault;
use crate::model::rejected::rejected;
use crate::model::told::{for_log, is_too_long, says};
use crate::model::wire::ToolNames;
use crate::model::{ModelError, ModelErrorKind, Rejected};

/// Characters of a provider's word for an error.
const WORD: usize = 80;

/// Bytes of an error's body that are read; providers' have some hundreds.
const MAX_BODY: usize = 64 * 1024;

/// How long an error's body is waited for; the status says enough.
const BODY_TIME: Duration = Duration::from_secs(3);

/// Bytes of the shortest key that is kept out of the log. Local servers are given an `x`.
const SHORTEST_KEY: usize = 8;

/// Words for an error that finds the request at fault, so that it would fail again.
const OF_THE_REQUEST: &[&str] = &[
    "invalid_request",
    "invalid_argument",
    "invalid_parameter",
    "invalid_value",
    "invalid_input",
    "bad_request",
    "bad_input",
    "validation",
    "unprocessable",
    "not_supported",
    "unsupported",
];

/// Seconds beyond which it does not matter how long a provider wants to be left alone.
const A_DAY: f64 = 86_400.0;

/// The failure of a request or of an answer that has begun; `broken` is what a network's failure is by then.
pub(super) fn transport(error: reqwest::Error, broken: ModelErrorKind) -> ModelError {
    let kind = match () {
        () if error.is_builder() => ModelErrorKind::Misconfigured,
        () if error.is_connect() => ModelErrorKind::Unavailable,
        () => broken,
    };
    ModelError::new(kind, error.without_url())
}

/// `retry-after-ms`, else `retry-after` in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| value(name)?.parse::<f64>().ok().filter(|number| *number >= 0.0);
    let seconds = number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number("retry-after"));
    match seconds {
        Some(seconds) => Some(Duration::from_secs_f64(seconds.min(A_DAY))),
        None => httpdate::parse_http_date(value("retry-after")?).ok()?.duration_since(SystemTime::now()).ok(),
    }
}

impl Fault {
    /// Reads an answer whose status tells of an error, as far as it comes.
    pub(super) async fn of_response(mut response: Response) -> Self {
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
        let _ = timeout(BODY_TIME, read).await;
        let fault = Self::of_body(&body);
        // A gateway's status says less than the one that it passes on.
        let passed_on = fault.status.filter(|told| status >= 500 && (400..500).contains(told));
        let status = Some(passed_on.unwrap_or(status));
        Self { status, retry_after: retry_after.or(fault.retry_after), ..fault }
    }

    /// Whether the provider refuses the key.
    pub(super) fn is_unauthorized(&self) -> bool {
        // Gemini and xAI call a wrong key a bad request.
        self.status == Some(401) || (self.status == Some(400) && self.is_bad_key())
    }

    /// The failure, without `key`. `names` are those of the tools that were offered.
    pub(super) fn failure(self, key: &str, names: &ToolNames) -> ModelError {
        let rejected = self.rejected(names);
        // It would fail again, whatever the status says.
        let kind = match (self.kind(), &rejected) {
            (ModelErrorKind::Unavailable | ModelErrorKind::StreamCut, Some(_)) => ModelErrorKind::Refused,
            (kind, _) => kind,
        };
        ModelError::new(kind, self.cause(key)).retry_after(self.retry_after).rejecting(rejected)
    }

    /// What of the request it can't use; nothing of one that is wrong in another way.
    fn rejected(&self, names: &ToolNames) -> Option<Rejected> {
        let kind = self.kind();
        let is_other = self.is_too_long() || self.is_bad_key() || self.is_unpaid();
        if is_other || kind == ModelErrorKind::Throttled || matches!(self.status, Some(401 | 402 | 429)) {
            return None;
        }
        let said = self.words.iter().chain(&self.param).chain([&self.message]);
        let said = said.map(String::as_str).collect::<Vec<_>>().join(": ");
        // A 413 counts as a conversation that is too long, and may be one with a picture that is too large.
        let blames_request = kind == ModelErrorKind::Refused || self.status == Some(413);
        rejected(&said, names, blames_request)
    }

    /// What it says comes before its status: servers and gateways fail with 500 over what the request is at fault for.
    fn kind(&self) -> ModelErrorKind {
        match self.status {
            _ if self.is_too_long() => ModelErrorKind::ContextTooLong,
            Some(429 | 400) | None if self.is_unpaid() => ModelErrorKind::Misconfigured,
            Some(400) if self.is_bad_key() => ModelErrorKind::Misconfigured,
            Some(429) => ModelErrorKind::Throttled,
            Some(413) => ModelErrorKind::ContextTooLong,
            Some(500..) if self.is_of_the_request() => ModelErrorKind::Refused,
            Some(408 | 409 | 425 | 500..) => ModelErrorKind::Unavailable,
            Some(300..400 | 401..=405 | 410) => ModelErrorKind::Misconfigured,
            Some(400..) => ModelErrorKind::Refused,
            _ if self.says(&["overloaded", "unavailable"]) => ModelErrorKind::Unavailable,
            _ if self.says(&["rate_limit", "resource_exhausted", "too_many_requests", "throttling"]) => {
                ModelErrorKind::Throttled
            }
            _ if self.says(&[
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
            _ if self.is_of_the_request() => ModelErrorKind::Refused,
            _ => ModelErrorKind::StreamCut,
        }
    }

    fn is_too_long(&self) -> bool {
        // "Too many tokens" of the last minute is another thing.
        let may_be = !matches!(self.status, Some(401..=404 | 429));
        self.words.iter().any(|word| is_too_long(word)) || (may_be && is_too_long(&self.message))
    }

    /// Whether the request is at fault, so that it would fail again.
    fn is_of_the_request(&self) -> bool {
        self.says(OF_THE_REQUEST)
    }

    fn is_bad_key(&self) -> bool {
        let said = ["API key not valid", "Incorrect API key"];
        self.says(&["api_key_invalid", "invalid_api_key"])
            || said.iter().any(|said| self.message.contains(said))
    }

    /// Whether the account has no credit.
    fn is_unpaid(&self) -> bool {
        self.says(&["insufficient_quota", "billing", "arrearage"]) || self.message.contains("credit balance")
    }

    fn says(&self, parts: &[&str]) -> bool {
        self.words.iter().any(|word| says(word, parts))
    }

    fn cause(&self, key: &str) -> String {
        let status = self.status.map(|status| format!("status {status}"));
        let words = self.words.iter().map(|word| scrubbed(word, key));
        let words = words.map(|word| Cow::from(word.chars().take(WORD).collect::<String>()));
        let said = status.map(Cow::from).into_iter().chain(words);
        let message = for_log(&scrubbed(&self.message, key));
        let cause = said.chain((!message.is_empty()).then(|| message.into())).collect::<Vec<_>>().join(", ");
        if cause.is_empty() { "the provider gave no reason".into() } else { cause }
    }
}

/// A text without the key. One of a few characters is no secret, and stands in the words of any text.
pub(super) fn scrubbed<'a>(text: &'a str, key: &str) -> Cow<'a, str> {
    if key.len() < SHORTEST_KEY || !text.contains(key) {
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
    fn an_event_is_classified_by_its_words() {
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
            ("a request at fault", json!({"error":{"type":"invalid_request_error","message":"x"}}), Refused),
            ("a request at fault under 500", json!({"error":{"code":500,"type":"BadRequestError"}}), Refused),
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
            assert_eq!(Fault::of(&body).failure("", &ToolNames::default()).kind, kind, "{why} {body}");
        }
    }

    #[test]
    fn what_is_rejected_depends_on_whether_the_request_is_at_fault() {
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
            let error = Fault::of(&body).failure("", &ToolNames::default());
            assert_eq!(error.rejected, is_rejected.then_some(Rejected::Media), "{body}");
        }
    }

    #[test]
    fn a_cause_is_short_and_holds_no_key() {
        let message = format!("Incorrect key sk-12345. {}", "x".repeat(5000));
        let fault =
            Fault::of(&json!({"error":{"type":"invalid_request_error","code":"sk-12345","message":message}}));

        let cause = fault.cause("sk-12345");
        assert!(cause.starts_with("invalid_request_error, [key], Incorrect key [key]. xxx"), "{cause}");
        assert!(cause.len() < 400);
    }

    #[test]
    fn gemini_says_in_the_body_how_long_to_wait() {
        let details = json!([{ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s" }]);
        let fault = Fault::of(&json!({"error":{"code":429,"details":details}}));

        assert_eq!(fault.failure("", &ToolNames::default()).retry_after, Some(Duration::from_millis(34500)));
    }
}
