//! What a provider says of an error, wherever it says it: in the body of a refusal, in an event, in an error of another
//! provider that it passes on.
//!
//! Nothing is judged here; what an error means for the turn is for [`error`](super::error).

use std::time::Duration;

use serde_json::Value;

use crate::json::readable;

/// How deep errors stand in errors: a gateway wraps a server's, which wraps a runner's.
const MAX_DEPTH: usize = 3;

/// What a provider says of an error.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fault {
    /// The HTTP status, or the number that stands in its place in an event.
    pub(super) status: Option<u16>,
    /// Its words for the error: type, code, reason.
    pub(super) words: Vec<String>,
    /// Its message.
    pub(super) message: String,
    /// The member of the request that it names.
    pub(super) param: Option<String>,
    /// How long it wants to be left alone.
    pub(super) retry_after: Option<Duration>,
}

impl Fault {
    /// Reads a body: JSON, or a text that is no page.
    pub(super) fn of_body(body: &[u8]) -> Self {
        match serde_json::from_slice(&readable(body)) {
            Ok(body) => Self::of(&body),
            Err(_) => {
                let text = String::from_utf8_lossy(body);
                let is_page = text.trim_start().starts_with('<');
                Self {
                    message: if is_page { String::new() } else { text.trim().to_owned() },
                    ..Self::default()
                }
            }
        }
    }

    /// Reads `{"error":{..}}`, `{"error":".."}`, a list of one of them, or the error itself.
    pub(super) fn of(body: &Value) -> Self {
        Self::read(body, 0)
    }

    fn read(body: &Value, depth: usize) -> Self {
        let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
        let listed = body.get("errors").and_then(Value::as_array).and_then(|list| list.first());
        let error = body.get("error").filter(|error| !error.is_null()).or(listed).unwrap_or(body);
        let mut fault = Self::default();
        if let Value::String(message) = error {
            fault.name(body);
            fault.say(message, depth);
            return fault;
        }
        fault.name(error);
        let details = error.get("details").and_then(Value::as_array).into_iter().flatten();
        let reasons = details.clone().filter_map(|detail| detail.get("reason")?.as_str());
        fault.words.extend(reasons.map(ToOwned::to_owned));
        let delay = details.filter_map(|detail| detail.get("retryDelay")?.as_str()).next();
        let seconds = delay.and_then(|delay| delay.strip_suffix('s')?.parse().ok());
        fault.retry_after = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let message = ["message", "detail", "msg"].into_iter().find_map(|name| error.get(name));
        match message {
            Some(Value::String(message)) => fault.say(message, depth),
            // Mistral lists what is wrong.
            Some(message @ (Value::Object(_) | Value::Array(_))) => fault.message = message.to_string(),
            _ => {}
        }
        // OpenRouter's own sentence says only that a provider has failed.
        if let Some(raw) = error.pointer("/metadata/raw") {
            fault.pass_on(raw, depth);
        }
        fault
    }

    /// The words that an error has for itself.
    fn name(&mut self, error: &Value) {
        for name in ["type", "code", "status", "error_type", "error_code"] {
            match error.get(name) {
                // Anthropic's events and vLLM's answers say no more than that they are errors.
                Some(Value::String(word)) if word == "error" || word.is_empty() => {}
                Some(Value::String(word)) => match word.parse() {
                    Ok(number) => self.number(number),
                    Err(_) => self.words.push(word.clone()),
                },
                Some(Value::Number(number)) => self.number(number.as_u64().unwrap_or_default()),
                _ => {}
            }
        }
        self.param = error.get("param").and_then(Value::as_str).map(ToOwned::to_owned);
    }

    fn number(&mut self, number: u64) {
        let status = u16::try_from(number).ok().filter(|number| (300..600).contains(number));
        self.status = self.status.or(status);
    }

    /// A message, which may be another error as JSON text.
    fn say(&mut self, message: &str, depth: usize) {
        match nested(message).filter(|_| depth < MAX_DEPTH) {
            Some(error) => self.add(Self::read(&error, depth + 1)),
            None => self.message = message.to_owned(),
        }
    }

    /// What another provider has said.
    fn pass_on(&mut self, raw: &Value, depth: usize) {
        let mut inner = Self::default();
        match raw {
            Value::String(text) => inner.say(text, depth + 1),
            Value::Object(_) if depth < MAX_DEPTH => inner = Self::read(raw, depth + 1),
            _ => {}
        }
        self.add(inner);
    }

    fn add(&mut self, inner: Self) {
        self.status = self.status.or(inner.status);
        self.words.extend(inner.words.into_iter().filter(|word| !word.is_empty()));
        self.param = self.param.take().or(inner.param);
        self.retry_after = self.retry_after.or(inner.retry_after);
        if !self.message.is_empty() && !inner.message.is_empty() {
            self.message.push_str(": ");
        }
        self.message.push_str(&inner.message);
    }
}

/// A text that is a JSON object.
fn nested(text: &str) -> Option<Value> {
    let text = text.trim();
    text.starts_with('{').then(|| serde_json::from_slice(&readable(text.as_bytes())).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_is_read_in_every_form() {
        let inner = json!({ "error": { "code": 400, "message": "too odd", "type": "odd_error" } });
        for (why, body, status, words, message) in [
            ("openai", json!({"error":{"type":"t","code":"c","message":"m"}}), None, vec!["t", "c"], "m"),
            ("llama.cpp", json!({"error":{"type":"t","code":500,"message":"m"}}), Some(500), vec!["t"], "m"),
            ("a number as text", json!({"error":{"code":"400","message":"m"}}), Some(400), vec![], "m"),
            (
                "vllm",
                json!({"object":"error","type":"BadRequestError","code":400,"message":"m"}),
                Some(400),
                vec!["BadRequestError"],
                "m",
            ),
            ("ollama", json!({"error":"m"}), None, vec![], "m"),
            ("tgi", json!({"error":"m","error_type":"validation"}), None, vec!["validation"], "m"),
            ("fastapi", json!({"detail":"m"}), None, vec![], "m"),
            (
                "cloudflare",
                json!({"errors":[{"code":7009,"message":"m"}],"success":false}),
                None,
                vec![],
                "m",
            ),
            ("gemini", json!([{"error":{"code":400,"status":"S","message":"m"}}]), Some(400), vec!["S"], "m"),
            (
                "openrouter",
                json!({"error":{"code":400,"message":"m","metadata":{"raw":"odd"}}}),
                Some(400),
                vec![],
                "m: odd",
            ),
            (
                "openrouter, with the provider's JSON as text",
                json!({"error":{"code":502,"message":"m","metadata":{"raw":inner.to_string()}}}),
                Some(502),
                vec!["odd_error"],
                "m: too odd",
            ),
            (
                "openrouter, with the provider's JSON",
                json!({"error":{"message":"m","metadata":{"raw":inner}}}),
                Some(400),
                vec!["odd_error"],
                "m: too odd",
            ),
            (
                "a runner's error as text",
                json!({"error":inner.to_string()}),
                Some(400),
                vec!["odd_error"],
                "too odd",
            ),
            (
                "a message that is an error",
                json!({"error":{"message":inner.to_string()}}),
                Some(400),
                vec!["odd_error"],
                "too odd",
            ),
        ] {
            let fault = Fault::of(&body);
            let words: Vec<String> = words.into_iter().map(Into::into).collect();
            assert_eq!(
                (fault.status, fault.words, fault.message.as_str()),
                (status, words, message),
                "{why}"
            );
        }
    }

    #[test]
    fn errors_in_errors_have_an_end_and_a_page_says_nothing() {
        let mut text = "m".to_owned();
        for _ in 0..9 {
            text = json!({ "error": text }).to_string();
        }
        assert!(Fault::of_body(text.as_bytes()).message.starts_with('{'));
        assert_eq!(Fault::of_body(b"<html>no").message, "");
        assert_eq!(Fault::of_body(b" prompt is too long\n").message, "prompt is too long");
    }
}
