//! What a case expects, held against what was seen.

use ag_ui_dev::provider::{Asked, Wire};
use serde_json::{Value, json};

use super::super::replay::check;
use crate::support::function::Reply as Run;
use crate::support::rules;

/// Members that other providers add to OpenAI's, and other servers to Anthropic's wire.
const ADDED: &[&str] = &[
    "reasoning_details",
    "reasoning_items",
    "reasoning_content",
    "extra_content",
    "provider_specific_fields",
    "thought_signature",
    "signature",
];

/// What a case led to.
pub(super) struct Seen<'a> {
    pub(super) wire: Wire,
    pub(super) run: &'a Run,
    pub(super) asked: &'a [Asked],
    pub(super) log: &'a [String],
    pub(super) seconds: f64,
}

impl Seen<'_> {
    /// The first thing that is not as expected.
    pub(super) fn check(&self, expect: &Value) -> Result<(), String> {
        let status = expect["status"].as_u64().unwrap_or(200);
        must(u64::from(self.run.status) == status, || {
            format!("status {}: {}", self.run.status, self.run.text)
        })?;
        for asked in self.asked {
            must(asked.refused.is_none(), || format!("{:?}", asked.refused))?;
            match self.wire {
                Wire::Gemini => rules::gemini::check("m", &asked.body)?,
                wire => check(wire, &without_added(&asked.body))?,
            }
        }
        self.end(&expect["end"])?;
        self.calls(&expect["calls"], &expect["results"])?;
        for (member, kind) in [("text", "TEXT_MESSAGE_CONTENT"), ("reasoning", "REASONING_MESSAGE_CONTENT")] {
            if let Some(expected) = expect[member].as_str() {
                let said: String = self
                    .of(kind)
                    .filter_map(|event| event["delta"].as_str().map(ToOwned::to_owned))
                    .collect();
                must(said == expected, || {
                    format!("{member} is {said:?}, and {expected:?} is right: {}", self.run.text)
                })?;
            }
        }
        if let Some(requests) = expect["requests"].as_u64() {
            must(self.asked.len() as u64 == requests, || format!("{} requests", self.asked.len()))?;
        }
        if let Some(limit) = expect["seconds"].as_f64() {
            must(self.seconds <= limit, || format!("took {} s", self.seconds))?;
        }
        if let Some(text) = expect["log"].as_str() {
            let escaped = json!(text).to_string();
            let is_told =
                self.log.iter().any(|line| line.contains(text) || line.contains(escaped.trim_matches('"')));
            must(is_told, || format!("the log lacks {text:?}:\n{}", self.log.join("\n")))?;
        }
        expect["sent"].as_array().into_iter().flatten().try_for_each(|sent| self.sent(sent))
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.run.events.iter().filter(move |event| event["type"] == kind)
    }

    fn end(&self, expected: &Value) -> Result<(), String> {
        let last = self.run.events.last().unwrap_or(&Value::Null);
        let end = if last["code"].is_string() { &last["code"] } else { &last["outcome"]["type"] };
        let is_right = match expected {
            Value::Array(ends) => ends.contains(end),
            Value::Null => true,
            expected => expected == end,
        };
        must(is_right, || format!("ended in {end}: {}\n{}", self.run.text, self.log.join("\n")))
    }

    fn calls(&self, calls: &Value, results: &Value) -> Result<(), String> {
        let ids: Vec<&Value> = self.of("TOOL_CALL_START").map(|start| &start["toolCallId"]).collect();
        let of = |id: &Value, kind: &str, member: &str| -> String {
            let own = self.of(kind).filter(|event| event["toolCallId"] == *id);
            own.filter_map(|event| event[member].as_str().map(ToOwned::to_owned)).collect()
        };
        if !calls.is_null() {
            let made: Value = self
                .of("TOOL_CALL_START")
                .map(|start| {
                    let arguments = of(&start["toolCallId"], "TOOL_CALL_ARGS", "delta");
                    let arguments: Value = serde_json::from_str(&arguments).unwrap_or(arguments.into());
                    json!([start["toolCallName"], arguments])
                })
                .collect();
            must(made == *calls, || format!("calls {made}: {}", self.run.text))?;
        }
        let Some(results) = results.as_array() else { return Ok(()) };
        // A case that counts results without calls has its calls from the script.
        must(ids.len() == results.len(), || format!("{} calls", ids.len()))?;
        for (id, expected) in ids.into_iter().zip(results) {
            let count = self.of("TOOL_CALL_RESULT").filter(|event| event["toolCallId"] == *id).count();
            must(count == usize::from(!expected.is_null()), || format!("{id} has {count} results"))?;
            let result = of(id, "TOOL_CALL_RESULT", "content");
            let has = expected.as_str().or(expected["has"].as_str());
            must(has.is_none_or(|has| result.contains(has)), || format!("{id} has the result {result}"))?;
            let lacks = expected["lacks"].as_str();
            must(lacks.is_none_or(|lacks| !result.contains(lacks)), || {
                format!("{id} has the result {result}")
            })?;
        }
        Ok(())
    }

    fn sent(&self, sent: &Value) -> Result<(), String> {
        let number = sent["request"].as_u64().map_or(self.asked.len(), |number| number as usize);
        let body = &self.asked.get(number.wrapping_sub(1)).ok_or("there is no such request")?.body;
        let whole = format!("{body} {}", texts(body));
        let fault = |what: &str| format!("request {number}, {what}: {body}");
        for has in list(&sent["has"]) {
            must(whole.contains(&has), || fault(&format!("lacks {has:?}")))?;
        }
        for lacks in list(&sent["lacks"]) {
            must(!whole.contains(&lacks), || fault(&format!("has {lacks:?}")))?;
        }
        if !sent["part"].is_null() {
            must(count(body, &sent["part"]) > 0, || fault(&format!("has no {}", sent["part"])))?;
        }
        for pair in sent["count"].as_array().into_iter().flatten() {
            let found = count(body, &pair[0]) as u64;
            must(Some(found) == pair[1].as_u64(), || fault(&format!("has {found} of {}", pair[0])))?;
        }
        if !sent["roles"].is_null() {
            let roles: Value = body["messages"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|message| message["role"].clone())
                .collect();
            must(roles == sent["roles"], || fault(&format!("roles are {roles}")))?;
        }
        Ok(())
    }
}

/// A request without what other providers add to its wire, which the wire's own schema does not know.
fn without_added(body: &Value) -> Value {
    match body {
        Value::Array(items) => items.iter().map(without_added).collect(),
        Value::Object(members) => {
            // A signature is Anthropic's own where it stands with reasoning.
            let is_own = |name: &str| name == "signature" && body["type"] == "thinking";
            let kept = members.iter().filter(|(name, _)| !ADDED.contains(&name.as_str()) || is_own(name));
            kept.map(|(name, member)| (name.clone(), without_added(member))).collect()
        }
        other => other.clone(),
    }
}

fn must(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => texts.iter().filter_map(|text| text.as_str().map(ToOwned::to_owned)).collect(),
        _ => Vec::new(),
    }
}

/// All strings of a value, as they are and not as JSON escapes them.
fn texts(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text}\n"),
        Value::Array(items) => items.iter().map(texts).collect(),
        Value::Object(members) => members.values().map(texts).collect(),
        _ => String::new(),
    }
}

/// How many objects in `value` have at least the members of `part`.
fn count(value: &Value, part: &Value) -> usize {
    let is_one = part.as_object().is_some_and(|part| {
        value.is_object() && part.iter().all(|(name, member)| value.get(name) == Some(member))
    });
    let inner: usize = match value {
        Value::Array(items) => items.iter().map(|item| count(item, part)).sum(),
        Value::Object(members) => members.values().map(|member| count(member, part)).sum(),
        _ => 0,
    };
    usize::from(is_one) + inner
}
