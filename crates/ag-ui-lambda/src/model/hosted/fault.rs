//! What a provider says of an error, wherever it says it: in the body of a refusal, in an event, in an error of another
//! provider that it passes on.
//!
//! Nothing is judged here; what an error means for the turn is for [`error`](super::error).

use std::time::Duration;

use serde_json::Value;

use crate::json::readable;
use crate::model::told::says;

/// How deep errors stand in errors: a gateway wraps a server's, which wraps a runner's.
const MAX_DEPTH: usize = 3;

/// How many sentences of a list of what is wrong are read.
const MAX_LISTED: usize = 8;

/// Members that hold an error's sentence.
const MESSAGES: &[&str] = &["message", "detail", "msg", "error_msg", "status_msg"];

/// How the types of events begin that are part of an answer, on the wires that have types.
const EVENTS: &[&str] = &["response.", "message", "content_block", "ping", "keepalive"];

/// Members of a frame that hold a part of an answer, on any wire.
const PARTS_OF_ANSWERS: &[&str] = &[
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

    /// Reads a frame of an answer, or its whole body, where it tells of an error; None where it is something else.
    pub(super) fn in_frame(frame: &Value) -> Option<Self> {
        // OpenRouter has it in the choice too.
        let choice =
            || frame.pointer("/choices/0").filter(|choice| choice.get("error").is_some_and(is_given));
        // Older vLLM and Mistral have no member for it.
        let is_error = frame.get("error").is_some_and(is_given)
            || frame.get("object").is_some_and(|object| object == "error")
            || is_minimax(frame)
            || (is_flat_error(frame) && !is_answer(frame));
        is_error.then_some(frame).or_else(choice).map(Self::of)
    }

    fn read(body: &Value, depth: usize) -> Self {
        let body = first(body);
        let member = |name| body.get(name).map(first).filter(|error| is_given(error));
        let minimax = || body.get("base_resp").filter(|_| is_minimax(body));
        // An error that is `true` says only that the body is one.
        let error = member("error").filter(|error| !error.is_boolean() && !error.is_number());
        let error = error.or_else(|| member("errors")).or_else(minimax).unwrap_or(body);
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
        match MESSAGES.iter().filter_map(|name| error.get(name)).find(|message| is_given(message)) {
            Some(Value::String(message)) => fault.say(message, depth),
            // FastAPI and Mistral list what is wrong.
            Some(message @ (Value::Object(_) | Value::Array(_))) => {
                fault.message = listed(message).unwrap_or_else(|| message.to_string());
            }
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
        if let Some(code) = error.get("status_code").and_then(Value::as_u64) {
            self.words.extend(minimax_word(code).map(ToOwned::to_owned));
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
            Value::Object(_) | Value::Array(_) if depth < MAX_DEPTH => inner = Self::read(raw, depth + 1),
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

/// A text that is a JSON object, or a list of some.
fn nested(text: &str) -> Option<Value> {
    let text = text.trim();
    let value = text.starts_with(['{', '[']).then(|| serde_json::from_slice(&readable(text.as_bytes())).ok());
    value.flatten().filter(|value| first(value).is_object())
}

/// The first of a list, or the value itself.
fn first(value: &Value) -> &Value {
    value.as_array().and_then(|list| list.first()).unwrap_or(value)
}

/// The sentences of a list of what is wrong, each with the place that it is about. What was sent stands there, too, and is
/// left out.
fn listed(value: &Value) -> Option<String> {
    match value {
        Value::String(sentence) => Some(sentence.clone()),
        Value::Array(items) => {
            let sentences: Vec<String> = items.iter().take(MAX_LISTED).filter_map(listed).collect();
            (!sentences.is_empty()).then(|| sentences.join("; "))
        }
        Value::Object(item) => {
            let names = MESSAGES.iter().chain(&["error"]);
            let sentence = names.filter_map(|name| item.get(*name)).find_map(listed)?;
            let place = |place: &Value| place.as_str().map_or_else(|| place.to_string(), ToOwned::to_owned);
            let place = item
                .get("loc")
                .and_then(Value::as_array)
                .filter(|place| !place.is_empty())
                .map(|path| path.iter().map(place).collect::<Vec<_>>().join("."));
            Some(place.map_or_else(|| sentence.clone(), |place| format!("{place}: {sentence}")))
        }
        _ => None,
    }
}

/// Whether a member of an error says anything. Some servers send one with every frame, empty or with the code 0 or 200.
fn is_given(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_error) => *is_error,
        Value::Number(code) => !matches!(code.as_u64(), Some(0 | 200)),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_given),
        Value::Object(members) => members.values().any(is_given),
    }
}

/// Whether a frame holds a part of an answer, or is an event of one.
fn is_answer(frame: &Value) -> bool {
    let is_part = |part: &Value| (part.is_array() || part.is_object()) && is_given(part);
    let kind = frame.get("type").and_then(Value::as_str).unwrap_or_default();
    EVENTS.iter().any(|event| kind.starts_with(event))
        || PARTS_OF_ANSWERS.iter().filter_map(|name| frame.get(name)).any(is_part)
}

/// Whether a frame is itself an error, if it is no part of an answer.
fn is_flat_error(frame: &Value) -> bool {
    let has = |name: &str| frame.get(name).is_some_and(is_given);
    let is = |name: &str, word: &str| frame.get(name).is_some_and(|value| value == word);
    let has_sentence = || {
        ["message", "msg"]
            .iter()
            .filter_map(|name| frame.get(name))
            .any(|text| text.is_string() && is_given(text))
    };
    let is_failure = || {
        ["code", "status_code"].iter().any(|name| has(name))
            || is("status", "error")
            || frame.get("success").is_some_and(|success| success == false)
            || frame.get("type").and_then(Value::as_str).is_some_and(names_error)
    };
    is("type", "error")
        || ["errors", "detail", "error_code", "error_msg"].iter().any(|name| has(name))
        || (has_sentence() && is_failure())
}

/// Whether a word is one for an error.
fn names_error(word: &str) -> bool {
    says(word, &["error", "exception"])
}

/// Whether MiniMax tells of an error: it sends `base_resp` with every answer.
fn is_minimax(body: &Value) -> bool {
    body.pointer("/base_resp/status_code").and_then(Value::as_u64).is_some_and(|code| code != 0)
}

/// What MiniMax's numbers mean, by the list of error codes in its documentation.
fn minimax_word(code: u64) -> Option<&'static str> {
    match code {
        1002 | 1039 | 1041 => Some("rate_limit"),
        1004 | 2049 => Some("authentication"),
        1008 => Some("insufficient_quota"),
        1026 | 1027 | 2013 => Some("invalid_request"),
        _ => None,
    }
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
                "fastapi's list, without what was sent",
                json!({"detail":[
                    {"type":"t","loc":["body","messages",0],"msg":"m","input":"secret"},
                    {"msg":"n","loc":[]},
                ]}),
                None,
                vec![],
                "body.messages.0: m; n",
            ),
            ("koboldcpp", json!({"detail":{"msg":"m","type":"t"}}), None, vec![], "m"),
            ("a list", json!({"error":[{"message":"m","type":"t"}]}), None, vec!["t"], "m"),
            ("a flag", json!({"error":true,"message":"m","code":"c"}), None, vec!["c"], "m"),
            ("dashscope", json!({"code":"c","message":"m","request_id":"r"}), None, vec!["c"], "m"),
            ("baidu", json!({"error_code":336103,"error_msg":"m"}), None, vec![], "m"),
            (
                "minimax",
                json!({"base_resp":{"status_code":1004,"status_msg":"m"},"choices":null}),
                None,
                vec!["authentication"],
                "m",
            ),
            (
                "an empty error beside a message",
                json!({"error":{"code":null},"message":"m"}),
                None,
                vec![],
                "m",
            ),
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
                "openrouter, with a list of the provider's errors",
                json!({"error":{"message":"m","metadata":{"raw":[inner]}}}),
                Some(400),
                vec!["odd_error"],
                "m: too odd",
            ),
            (
                "openrouter, with a list of texts",
                json!({"error":{"message":"m","metadata":{"raw":["odd"]}}}),
                None,
                vec![],
                "m: odd",
            ),
            (
                "openrouter, with a list as text",
                json!({"error":{"message":"m","metadata":{"raw":json!([inner]).to_string()}}}),
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
    fn a_frame_tells_of_an_error_or_is_part_of_an_answer() {
        for error in [
            json!({"error":"m"}),
            json!({"error":{"message":"m"}}),
            json!({"error":[{"message":"m"}]}),
            json!({"error":true,"message":"m"}),
            json!({"errors":[{"message":"m"}]}),
            json!({"detail":"m"}),
            json!({"detail":[{"msg":"m"}]}),
            json!({"object":"error","message":"m"}),
            json!({"object":"error","message":"m","type":"invalid_request_message_order","code":"3051"}),
            json!({"type":"error","message":"m"}),
            json!({"type":"invalid_request_error","message":"m"}),
            json!({"code":"InvalidParameter","message":"m"}),
            json!({"code":1,"msg":"m"}),
            json!({"code":1,"message":"m","choices":[],"output":null}),
            json!({"status":"error","message":"m"}),
            json!({"success":false,"message":"m"}),
            json!({"type":"about:blank","status":400,"detail":"m"}),
            json!({"error_code":336103,"error_msg":"m"}),
            json!({"base_resp":{"status_code":1004,"status_msg":"m"},"choices":null}),
            json!({"choices":[{"delta":{},"error":{"message":"m"}}]}),
            json!({"choices":[{"delta":{}}],"error":{"message":"m"}}),
        ] {
            assert_eq!(Fault::in_frame(&error).expect("an error is read").message, "m", "{error}");
        }
        let choices = json!([{ "delta": { "content": "Hi" } }]);
        for answer in [
            json!({"choices":choices,"error":[]}),
            json!({"choices":choices,"error":{"message":null,"code":null,"type":null}}),
            json!({"choices":choices,"error":{"message":"","code":0}}),
            json!({"choices":choices,"error":{}}),
            json!({"choices":choices,"error":false}),
            json!({"choices":choices,"code":0,"message":""}),
            json!({"choices":choices,"code":200,"message":"OK"}),
            json!({"choices":choices,"detail":"verbose"}),
            json!({"choices":choices,"base_resp":{"status_code":0,"status_msg":"success"}}),
            json!({"choices":[],"usage":{}}),
            json!({"candidates":[{"index":0,"content":{"role":"model"}}],"code":1,"message":"m"}),
            json!({"type":"content_block_delta","detail":"m"}),
            json!({"type":"response.created","response":{},"error":null}),
            json!({"type":"ping","message":"m"}),
            json!({"message":{"content":"Hi"},"code":7}),
            json!({"code":0,"message":"OK"}),
            json!({"status":"queued","message":"m"}),
            json!({}),
        ] {
            assert_eq!(Fault::in_frame(&answer), None, "{answer}");
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
