//! What went wrong at a provider, from its status, its error body or the network.
//!
//! No body is passed on: a cause is the status, the provider's words for the error and its message, cut short and
//! without the key.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

use crate::json::readable;
use crate::model::told::{for_log, is_too_long};
use crate::model::{ModelError, ModelErrorKind};

/// Characters of a provider's word for an error.
const WORD: usize = 80;

/// Bytes of an error's body that are read; providers' have some hundreds.
const MAX_BODY: usize = 64 * 1024;

/// How long an error's body is waited for; the status says enough.
const BODY_TIME: Duration = Duration::from_secs(3);

/// Seconds beyond which it does not matter how long a provider wants to be left alone.
const A_DAY: f64 = 86_400.0;

/// What a provider says of an error.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fault {
    /// The HTTP status, or the number that stands in its place in an event.
    status: Option<u16>,
    /// Its words for the error: type, code, reason.
    words: Vec<String>,
    /// Its message.
    message: String,
    /// How long it wants to be left alone.
    retry_after: Option<Duration>,
}

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
        let fault =
            serde_json::from_slice(&readable(&body)).map_or_else(|_| Self::default(), |body| Self::of(&body));
        Self { status: Some(status), retry_after: retry_after.or(fault.retry_after), ..fault }
    }

    /// Whether the provider refuses the key.
    pub(super) fn is_unauthorized(&self) -> bool {
        // Gemini and xAI call a wrong key a bad request.
        self.status == Some(401) || (self.status == Some(400) && self.is_bad_key())
    }

    /// Reads `{"error":{..}}`, `{"error":".."}`, a list of one of them, or the error itself.
    pub(super) fn of(body: &Value) -> Self {
        let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
        let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
        if let Value::String(message) = error {
            return Self { message: message.clone(), ..Self::default() };
        }
        let mut fault = Self::default();
        let details = error.get("details").and_then(Value::as_array).into_iter().flatten();
        let reasons = details.clone().filter_map(|detail| detail.get("reason"));
        let named = ["type", "code", "status"].into_iter().filter_map(|name| error.get(name));
        for word in named.chain(reasons) {
            match word {
                Value::String(word) => fault.words.push(word.clone()),
                Value::Number(number) => {
                    let number = number.as_u64().and_then(|number| u16::try_from(number).ok());
                    fault.status = number.filter(|number| (300..600).contains(number));
                }
                _ => {}
            }
        }
        fault.message = match error.get("message") {
            Some(Value::String(message)) => message.clone(),
            // Mistral lists what is wrong.
            Some(message @ (Value::Object(_) | Value::Array(_))) => message.to_string(),
            _ => String::new(),
        };
        let delay = details.filter_map(|detail| detail.get("retryDelay")?.as_str()).next();
        let seconds = delay.and_then(|delay| delay.strip_suffix('s')?.parse().ok());
        fault.retry_after = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        fault
    }

    /// The failure, without `key`.
    pub(super) fn failure(self, key: &str) -> ModelError {
        ModelError::new(self.kind(), self.cause(key)).retry_after(self.retry_after)
    }

    fn kind(&self) -> ModelErrorKind {
        match self.status {
            _ if self.is_too_long() => ModelErrorKind::ContextTooLong,
            Some(429 | 400) | None if self.is_unpaid() => ModelErrorKind::Misconfigured,
            Some(400) if self.is_bad_key() => ModelErrorKind::Misconfigured,
            Some(429) => ModelErrorKind::Throttled,
            Some(413) => ModelErrorKind::ContextTooLong,
            Some(408 | 409 | 425 | 500..) => ModelErrorKind::Unavailable,
            Some(300..400 | 401..=405 | 410) => ModelErrorKind::Misconfigured,
            Some(400..) => ModelErrorKind::Refused,
            _ if self.says(&["overloaded", "unavailable"]) => ModelErrorKind::Unavailable,
            _ if self.says(&["rate_limit", "resource_exhausted", "too_many_requests"]) => {
                ModelErrorKind::Throttled
            }
            _ => ModelErrorKind::StreamCut,
        }
    }

    fn is_too_long(&self) -> bool {
        let may_be = !matches!(self.status, Some(401..=404 | 429 | 500..));
        may_be && (self.words.iter().any(|word| is_too_long(word)) || is_too_long(&self.message))
    }

    fn is_bad_key(&self) -> bool {
        let said = ["API key not valid", "Incorrect API key"];
        self.says(&["api_key_invalid"]) || said.iter().any(|said| self.message.contains(said))
    }

    /// Whether the account has no credit.
    fn is_unpaid(&self) -> bool {
        self.says(&["insufficient_quota", "billing"]) || self.message.contains("credit balance")
    }

    fn says(&self, parts: &[&str]) -> bool {
        let words = self.words.iter().map(|word| word.to_ascii_lowercase());
        words.into_iter().any(|word| parts.iter().any(|part| word.contains(part)))
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

/// A text without the key.
pub(super) fn scrubbed<'a>(text: &'a str, key: &str) -> Cow<'a, str> {
    if key.is_empty() || !text.contains(key) { text.into() } else { text.replace(key, "[key]").into() }
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
            ("nothing", json!(null), StreamCut),
        ] {
            assert_eq!(Fault::of(&body).failure("").kind, kind, "{why} {body}");
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

        assert_eq!(fault.failure("").retry_after, Some(Duration::from_millis(34500)));
    }
}
