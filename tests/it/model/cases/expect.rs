//! Compares the outcome of a case with its expectation.

use ag_ui_dev::provider::{RecordedRequest, Wire};
use serde_json::{Value, json};

use super::super::long_conversation::check;
use crate::support::function::Reply as Run;
use crate::support::provider_rules;

/// Members that other providers add to OpenAI's wire, and other servers to Anthropic's.
const ADDED: &[&str] = &[
    "reasoning_details",
    "reasoning_items",
    "reasoning_content",
    "extra_content",
    "provider_specific_fields",
    "thought_signature",
    "signature",
];

/// The outcome of a case.
pub(super) struct Seen<'a> {
    pub(super) wire: Wire,
    pub(super) run: &'a Run,
    pub(super) requests: &'a [RecordedRequest],
    pub(super) log: &'a [String],
    pub(super) seconds: f64,
}

impl Seen<'_> {
    /// Returns the first difference from the expectation as an error.
    pub(super) fn check(&self, expect: &Value) -> Result<(), String> {
        let status = expect["status"].as_u64().unwrap_or(200);
        ensure(u64::from(self.run.status) == status, || {
            format!("status {}: {}", self.run.status, self.run.text)
        })?;
        for requests in self.requests {
            ensure(requests.rejection.is_none(), || format!("{:?}", requests.rejection))?;
            match self.wire {
                Wire::Gemini => provider_rules::gemini::check("m", &requests.body)?,
                wire => check(wire, &without_added(&requests.body))?,
            }
        }
        self.end(&expect["end"])?;
        self.calls(&expect["calls"], &expect["results"])?;
        for (member, kind) in [("text", "TEXT_MESSAGE_CONTENT"), ("reasoning", "REASONING_MESSAGE_CONTENT")] {
            if let Some(expected) = expect[member].as_str() {
                let actual: String = self
                    .events_of_type(kind)
                    .filter_map(|event| event["delta"].as_str().map(ToOwned::to_owned))
                    .collect();
                ensure(actual == expected, || {
                    format!("{member} is {actual:?}, and {expected:?} is right: {}", self.run.text)
                })?;
            }
        }
        if let Some(requests) = expect["requests"].as_u64() {
            ensure(self.requests.len() as u64 == requests, || format!("{} requests", self.requests.len()))?;
        }
        if let Some(limit) = expect["seconds"].as_f64() {
            ensure(self.seconds <= limit, || format!("took {} s", self.seconds))?;
        }
        if let Some(text) = expect["log"].as_str() {
            let escaped = json!(text).to_string();
            let is_logged =
                self.log.iter().any(|line| line.contains(text) || line.contains(escaped.trim_matches('"')));
            ensure(is_logged, || format!("the log lacks {text:?}:\n{}", self.log.join("\n")))?;
        }
        expect["sent"].as_array().into_iter().flatten().try_for_each(|sent| self.sent(sent))
    }

    /// Returns the events of a type.
    fn events_of_type(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.run.events.iter().filter(move |event| event["type"] == kind)
    }

    /// Compares how the run ended.
    fn end(&self, expected: &Value) -> Result<(), String> {
        let last = self.run.events.last().unwrap_or(&Value::Null);
        let end = if last["code"].is_string() { &last["code"] } else { &last["outcome"]["type"] };
        let is_right = match expected {
            Value::Array(ends) => ends.contains(end),
            Value::Null => true,
            expected => expected == end,
        };
        ensure(is_right, || format!("ended in {end}: {}\n{}", self.run.text, self.log.join("\n")))
    }

    /// Compares the calls and their results.
    fn calls(&self, calls: &Value, results: &Value) -> Result<(), String> {
        let ids: Vec<&Value> =
            self.events_of_type("TOOL_CALL_START").map(|start| &start["toolCallId"]).collect();
        let joined = |id: &Value, kind: &str, member: &str| -> String {
            let own = self.events_of_type(kind).filter(|event| event["toolCallId"] == *id);
            own.filter_map(|event| event[member].as_str().map(ToOwned::to_owned)).collect()
        };
        if !calls.is_null() {
            let calls_made: Value = self
                .events_of_type("TOOL_CALL_START")
                .map(|start| {
                    let arguments = joined(&start["toolCallId"], "TOOL_CALL_ARGS", "delta");
                    let arguments: Value = serde_json::from_str(&arguments).unwrap_or(arguments.into());
                    json!([start["toolCallName"], arguments])
                })
                .collect();
            ensure(calls_made == *calls, || format!("calls {calls_made}: {}", self.run.text))?;
        }
        let Some(results) = results.as_array() else { return Ok(()) };
        // A case that lists results but no calls takes its calls from the script.
        ensure(ids.len() == results.len(), || format!("{} calls", ids.len()))?;
        for (id, expected) in ids.into_iter().zip(results) {
            let count =
                self.events_of_type("TOOL_CALL_RESULT").filter(|event| event["toolCallId"] == *id).count();
            ensure(count == usize::from(!expected.is_null()), || format!("{id} has {count} results"))?;
            let result = joined(id, "TOOL_CALL_RESULT", "content");
            let has = expected.as_str().or(expected["has"].as_str());
            ensure(has.is_none_or(|has| result.contains(has)), || format!("{id} has the result {result}"))?;
            let lacks = expected["lacks"].as_str();
            ensure(lacks.is_none_or(|lacks| !result.contains(lacks)), || {
                format!("{id} has the result {result}")
            })?;
        }
        Ok(())
    }

    /// Compares a request to the provider.
    fn sent(&self, sent: &Value) -> Result<(), String> {
        let number = sent["request"].as_u64().map_or(self.requests.len(), |number| number as usize);
        let body = &self.requests.get(number.wrapping_sub(1)).ok_or("there is no such request")?.body;
        let sent_text = format!("{body} {}", texts(body));
        let fault = |what: &str| format!("request {number}, {what}: {body}");
        for has in list(&sent["has"]) {
            ensure(sent_text.contains(&has), || fault(&format!("lacks {has:?}")))?;
        }
        for lacks in list(&sent["lacks"]) {
            ensure(!sent_text.contains(&lacks), || fault(&format!("has {lacks:?}")))?;
        }
        if !sent["part"].is_null() {
            ensure(count_objects(body, &sent["part"]) > 0, || fault(&format!("has no {}", sent["part"])))?;
        }
        for pair in sent["count"].as_array().into_iter().flatten() {
            let found = count_objects(body, &pair[0]) as u64;
            ensure(Some(found) == pair[1].as_u64(), || fault(&format!("has {found} of {}", pair[0])))?;
        }
        if !sent["roles"].is_null() {
            let roles: Value = body["messages"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|message| message["role"].clone())
                .collect();
            ensure(roles == sent["roles"], || fault(&format!("roles are {roles}")))?;
        }
        Ok(())
    }
}

/// Returns a request without the members that other providers add, which the wire's own rules do not know.
fn without_added(body: &Value) -> Value {
    match body {
        Value::Array(items) => items.iter().map(without_added).collect(),
        Value::Object(members) => {
            // A signature beside reasoning is Anthropic's own.
            let is_own = |name: &str| name == "signature" && body["type"] == "thinking";
            let kept = members.iter().filter(|(name, _)| !ADDED.contains(&name.as_str()) || is_own(name));
            kept.map(|(name, member)| (name.clone(), without_added(member))).collect()
        }
        other => other.clone(),
    }
}

/// Returns the reason as an error unless it holds.
fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

/// Returns the texts of a value: one text or a list of them.
fn list(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => texts.iter().filter_map(|text| text.as_str().map(ToOwned::to_owned)).collect(),
        _ => Vec::new(),
    }
}

/// Returns all strings of a value, without JSON's escapes.
fn texts(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text}\n"),
        Value::Array(items) => items.iter().map(texts).collect(),
        Value::Object(members) => members.values().map(texts).collect(),
        _ => String::new(),
    }
}

/// Counts the objects in `value` that have at least the members of `part`.
fn count_objects(value: &Value, part: &Value) -> usize {
    let is_one = part.as_object().is_some_and(|part| {
        value.is_object() && part.iter().all(|(name, member)| value.get(name) == Some(member))
    });
    let inner: usize = match value {
        Value::Array(items) => items.iter().map(|item| count_objects(item, part)).sum(),
        Value::Object(members) => members.values().map(|member| count_objects(member, part)).sum(),
        _ => 0,
    };
    usize::from(is_one) + inner
}
