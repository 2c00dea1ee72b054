//! Reads a provider's error, wherever the provider writes it: in the body of an error response, in an event, or inside
//! the error of another provider.
//!
//! This module only reads; [`error`](super::error) decides what an error means for the turn.

use std::time::Duration;

use serde_json::Value;

use crate::json::normalize;
use crate::model::error_text::contains_phrase;

/// How deep errors may be nested: a gateway wraps the error of a server, which wraps that of a model runner.
const MAX_DEPTH: usize = 3;

/// How many messages of a list of validation errors are read.
const MAX_VALIDATION_MESSAGES: usize = 8;

/// Members that hold an error's message.
const MESSAGE_MEMBERS: &[&str] = &["message", "detail", "msg", "error_msg", "status_msg"];

/// Prefixes of the types of events that belong to an answer, on the wires whose events have types.
const ANSWER_EVENT_PREFIXES: &[&str] = &["response.", "message", "content_block", "ping", "keepalive"];

/// Members of a frame that hold a part of an answer, on any wire.
const ANSWER_MEMBERS: &[&str] = &[
    "choices",
    "candidates",
    "message",
    "delta",
    "content",
    "content_block",
    "item",
    "output",
    "part",
    "response",
    "usage",
    "usageMetadata",
];

/// A provider's error, as its response or frame describes it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ProviderError {
    /// The HTTP status, or the number that an event has instead.
    pub(super) status: Option<u16>,
    /// The provider's words for the error: type, code, reason.
    pub(super) codes: Vec<String>,
    /// The message.
    pub(super) message: String,
    /// The member of the request that the error names.
    pub(super) param: Option<String>,
    /// How long the provider asks to wait before the next request.
    pub(super) retry_after: Option<Duration>,
}

impl ProviderError {
    /// Reads an error from the body of a response with an error status: JSON or plain text. An HTML page gives an error
    /// without a message.
    pub(super) fn from_body(body: &[u8]) -> Self {
        match serde_json::from_slice(&normalize(body)) {
            Ok(body) => Self::from_json(&body),
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

    /// Reads an error from JSON: `{"error":{..}}`, `{"error":".."}`, a list of which the first entry counts, or the
    /// error itself.
    pub(super) fn from_json(body: &Value) -> Self {
        Self::read(body, 0)
    }

    /// Reads the error in a frame of a successful response. Returns `None` if the frame does not report an error; it is
    /// then decoded as a part of the answer.
    pub(super) fn from_frame(frame: &Value) -> Option<Self> {
        // OpenRouter may also put the error into the choice.
        let choice =
            || frame.pointer("/choices/0").filter(|choice| choice.get("error").is_some_and(is_present));
        // Older versions of vLLM, and Mistral, have no member `error`.
        let is_error = frame.get("error").is_some_and(is_present)
            || frame.get("object").is_some_and(|object| object == "error")
            || is_minimax_error(frame)
            || (is_flat_error(frame) && !is_answer_frame(frame));
        is_error.then_some(frame).or_else(choice).map(Self::from_json)
    }

    /// Reads an error from JSON. `depth` is the number of other errors that contain this one; from [`MAX_DEPTH`] on,
    /// errors inside this one are not read.
    fn read(body: &Value, depth: usize) -> Self {
        let body = first_entry(body);
        let member = |name| body.get(name).map(first_entry).filter(|error| is_present(error));
        let minimax = || body.get("base_resp").filter(|_| is_minimax_error(body));
        // `"error": true` only says that the body is an error.
        let error = member("error").filter(|error| !error.is_boolean() && !error.is_number());
        let error = error.or_else(|| member("errors")).or_else(minimax).unwrap_or(body);
        let mut result = Self::default();
        if let Value::String(message) = error {
            result.read_codes(body);
            result.read_message(message, depth);
            return result;
        }
        result.read_codes(error);
        let details = error.get("details").and_then(Value::as_array).into_iter().flatten();
        let reasons = details.clone().filter_map(|detail| detail.get("reason")?.as_str());
        result.codes.extend(reasons.map(ToOwned::to_owned));
        let delay = details.filter_map(|detail| detail.get("retryDelay")?.as_str()).next();
        let seconds = delay.and_then(|delay| delay.strip_suffix('s')?.parse().ok());
        result.retry_after = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        match MESSAGE_MEMBERS.iter().filter_map(|name| error.get(name)).find(|message| is_present(message)) {
            Some(Value::String(message)) => result.read_message(message, depth),
            // FastAPI and Mistral send a list of validation errors.
            Some(message @ (Value::Object(_) | Value::Array(_))) => {
                result.message = validation_messages(message).unwrap_or_else(|| message.to_string());
            }
            _ => {}
        }
        // OpenRouter's own message only says that a provider has failed.
        if let Some(raw) = error.pointer("/metadata/raw") {
            result.add_upstream(raw, depth);
        }
        result
    }

    /// Takes type, code and status from the JSON of an error: a number becomes the status, and a word one of the codes.
    fn read_codes(&mut self, error: &Value) {
        for name in ["type", "code", "status", "error_type", "error_code"] {
            match error.get(name) {
                // In Anthropic's events and vLLM's responses the type only means that they are errors.
                Some(Value::String(word)) if word == "error" || word.is_empty() => {}
                Some(Value::String(word)) => match word.parse() {
                    Ok(number) => self.set_status(number),
                    Err(_) => self.codes.push(word.clone()),
                },
                Some(Value::Number(number)) => self.set_status(number.as_u64().unwrap_or_default()),
                _ => {}
            }
        }
        if let Some(code) = error.get("status_code").and_then(Value::as_u64) {
            self.codes.extend(minimax_code(code).map(ToOwned::to_owned));
        }
        self.param = error.get("param").and_then(Value::as_str).map(ToOwned::to_owned);
    }

    /// Sets the HTTP status, unless it is already set or the number is not a status from 300 to 599.
    fn set_status(&mut self, number: u64) {
        let status = u16::try_from(number).ok().filter(|number| (300..600).contains(number));
        self.status = self.status.or(status);
    }

    /// Takes the message of an error. If the message is itself an error as JSON text, that error is merged into this
    /// one, unless `depth` has reached [`MAX_DEPTH`].
    fn read_message(&mut self, message: &str, depth: usize) {
        match parse_nested_error(message).filter(|_| depth < MAX_DEPTH) {
            Some(error) => self.merge(Self::read(&error, depth + 1)),
            None => self.message = message.to_owned(),
        }
    }

    /// Merges the error `raw` of another provider into this one; a gateway passes it on as text or JSON. `depth` is the
    /// number of errors that contain this one.
    fn add_upstream(&mut self, raw: &Value, depth: usize) {
        let mut inner = Self::default();
        match raw {
            Value::String(text) => inner.read_message(text, depth + 1),
            Value::Object(_) | Value::Array(_) if depth < MAX_DEPTH => inner = Self::read(raw, depth + 1),
            _ => {}
        }
        self.merge(inner);
    }

    /// Merges an error that this one contains: its codes and message are appended, and it fills in status, parameter
    /// and wait where they are missing.
    fn merge(&mut self, inner: Self) {
        self.status = self.status.or(inner.status);
        self.codes.extend(inner.codes.into_iter().filter(|word| !word.is_empty()));
        self.param = self.param.take().or(inner.param);
        self.retry_after = self.retry_after.or(inner.retry_after);
        if !self.message.is_empty() && !inner.message.is_empty() {
            self.message.push_str(": ");
        }
        self.message.push_str(&inner.message);
    }
}

/// Parses a message that is a JSON object, or a list that begins with one, and so may be an error itself. Returns
/// `None` for any other text.
fn parse_nested_error(text: &str) -> Option<Value> {
    let text = text.trim();
    let value =
        text.starts_with(['{', '[']).then(|| serde_json::from_slice(&normalize(text.as_bytes())).ok());
    value.flatten().filter(|value| first_entry(value).is_object())
}

/// Returns the first entry of a list. A value that is not a list, and an empty list, is returned unchanged.
fn first_entry(value: &Value) -> &Value {
    value.as_array().and_then(|list| list.first()).unwrap_or(value)
}

/// Returns the messages of a list of validation errors as one text, each after the path of the faulty member. The list
/// also quotes the rejected input, which is left out. Returns `None` if there is no message.
fn validation_messages(value: &Value) -> Option<String> {
    match value {
        Value::String(message) => Some(message.clone()),
        Value::Array(items) => {
            let messages: Vec<String> =
                items.iter().take(MAX_VALIDATION_MESSAGES).filter_map(validation_messages).collect();
            (!messages.is_empty()).then(|| messages.join("; "))
        }
        Value::Object(item) => {
            let names = MESSAGE_MEMBERS.iter().chain(&["error"]);
            let message = names.filter_map(|name| item.get(*name)).find_map(validation_messages)?;
            let place = |place: &Value| place.as_str().map_or_else(|| place.to_string(), ToOwned::to_owned);
            let place = item
                .get("loc")
                .and_then(Value::as_array)
                .filter(|place| !place.is_empty())
                .map(|path| path.iter().map(place).collect::<Vec<_>>().join("."));
            Some(place.map_or_else(|| message.clone(), |place| format!("{place}: {message}")))
        }
        _ => None,
    }
}

/// Returns whether a member that may report an error has a value. Some servers send the member with every frame, with
/// an empty value, `false`, 0 or 200.
fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_error) => *is_error,
        Value::Number(code) => !matches!(code.as_u64(), Some(0 | 200)),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_present),
        Value::Object(members) => members.values().any(is_present),
    }
}

/// Returns whether a frame is a part of an answer, by its type or its members, and so does not report an error.
fn is_answer_frame(frame: &Value) -> bool {
    let is_part = |part: &Value| (part.is_array() || part.is_object()) && is_present(part);
    let kind = frame.get("type").and_then(Value::as_str).unwrap_or_default();
    ANSWER_EVENT_PREFIXES.iter().any(|event| kind.starts_with(event))
        || ANSWER_MEMBERS.iter().filter_map(|name| frame.get(name)).any(is_part)
}

/// Returns whether the members of a frame itself, without a member `error`, describe an error. The caller must check
/// that the frame is not a part of an answer, which may have such members, too.
fn is_flat_error(frame: &Value) -> bool {
    let has = |name: &str| frame.get(name).is_some_and(is_present);
    let is = |name: &str, word: &str| frame.get(name).is_some_and(|value| value == word);
    let has_message = || {
        ["message", "msg"]
            .iter()
            .filter_map(|name| frame.get(name))
            .any(|text| text.is_string() && is_present(text))
    };
    let is_failure = || {
        ["code", "status_code"].iter().any(|name| has(name))
            || is("status", "error")
            || frame.get("success").is_some_and(|success| success == false)
            || frame.get("type").and_then(Value::as_str).is_some_and(names_error)
    };
    is("type", "error")
        || ["errors", "detail", "error_code", "error_msg"].iter().any(|name| has(name))
        || (has_message() && is_failure())
}

/// Returns whether a type contains `error` or `exception`.
fn names_error(word: &str) -> bool {
    contains_phrase(word, &["error", "exception"])
}

/// Returns whether `base_resp` reports an error of MiniMax. MiniMax sends this member with every response, with the
/// code 0 if there is no error.
fn is_minimax_error(body: &Value) -> bool {
    body.pointer("/base_resp/status_code").and_then(Value::as_u64).is_some_and(|code| code != 0)
}

/// Returns the common error code for one of MiniMax's numbers, by the list in its documentation; `None` for other
/// numbers.
fn minimax_code(code: u64) -> Option<&'static str> {
    match code {
        1002 | 1039 | 1041 => Some("rate_limit"),
        1004 | 2049 => Some("authentication"),
        1008 => Some("insufficient_quota"),
        1026 | 1027 | 2013 => Some("invalid_request"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
