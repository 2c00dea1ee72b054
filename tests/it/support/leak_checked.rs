//! A function whose log is searched for leaks in every test: when it is dropped, no log line may contain a secret that it
//! received, a text that it was sent, or a text that its runs emitted.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Mutex;

use ag_ui_dev::{FunctionError, FunctionResponse, Invocation};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

use super::secrets::{collect_texts, registered};

/// A running function, and the texts that its log must not contain.
pub(crate) struct Function {
    inner: ag_ui_dev::Function,
    secrets: Mutex<BTreeSet<String>>,
}

impl Function {
    /// Wraps a running function, so that its log is checked when it is dropped.
    pub(crate) fn new(inner: ag_ui_dev::Function) -> Self {
        Self { inner, secrets: Mutex::default() }
    }

    /// Invokes the function with an event. From now on the log must not contain the secrets and texts in the event.
    pub(crate) async fn invoke(&self, event: &Value) -> Result<FunctionResponse, FunctionError> {
        self.invoke_with(event, Invocation::default()).await
    }

    /// Invokes the function as [`invoke`](Self::invoke) does, with a deadline, a trace and ids of the test's choice.
    pub(crate) async fn invoke_with(
        &self,
        event: &Value,
        invocation: Invocation,
    ) -> Result<FunctionResponse, FunctionError> {
        collect_secrets(event, &mut self.secrets.lock().unwrap());
        self.inner.invoke_with(event, invocation).await
    }
}

impl Function {
    /// Adds the texts that a run has emitted to those that the log must not contain: its messages, the arguments of its
    /// calls and their results.
    pub(crate) fn add_run_texts(&self, events: &[Value]) {
        let mut pieces: BTreeMap<String, String> = BTreeMap::new();
        let mut secrets = self.secrets.lock().unwrap();
        for event in events {
            let of = [&event["messageId"], &event["toolCallId"]];
            if let Some(delta) = event["delta"].as_str() {
                pieces.entry(format!("{of:?}")).or_default().push_str(delta);
            }
            collect_texts(&event["content"], &mut secrets);
        }
        pieces.into_values().for_each(|text| collect_texts(&text.into(), &mut secrets));
    }
}

impl Deref for Function {
    type Target = ag_ui_dev::Function;

    /// Returns the wrapped function, for its other methods.
    fn deref(&self) -> &ag_ui_dev::Function {
        &self.inner
    }
}

impl Drop for Function {
    /// Panics if a log line contains a secret or a text that it must not contain.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let secrets = self.secrets.lock().unwrap();
        let known = registered().clone();
        // A JSON line contains a text with escaped quotes.
        let is_in = |line: &str, secret: &str| {
            let escaped = Value::from(secret).to_string();
            line.contains(secret) || line.contains(escaped.trim_matches('"').trim_end_matches('\\'))
        };
        for line in self.inner.logs() {
            let found = secrets.iter().chain(&known).find(|secret| is_in(&line, secret));
            assert_eq!(found, None, "a secret stands in a log line: {line}");
        }
    }
}

/// The claims of a token whose values are in the function's settings, so that they are not secret.
const IN_SETTINGS: [&str; 3] = ["iss", "aud", "client_id"];

/// Adds to `secrets` the tokens, verified claims, message texts, tool arguments and state of an event.
fn collect_secrets(event: &Value, secrets: &mut BTreeSet<String>) {
    for (name, value) in event["headers"].as_object().into_iter().flatten() {
        let name = name.to_ascii_lowercase();
        if ["x-agui-token", "authorization", "x-agui-user-token", "cookie"].contains(&name.as_str()) {
            value.as_str().into_iter().for_each(|value| collect_token(value, secrets));
        }
    }
    let mut authorizer = event["requestContext"]["authorizer"].clone();
    for claims in ["/claims", "/jwt/claims"] {
        if let Some(Value::Object(claims)) = authorizer.pointer_mut(claims) {
            claims.retain(|name, _| !IN_SETTINGS.contains(&name.as_str()));
        }
    }
    collect_texts(&authorizer, secrets);
    collect_texts(&event["requestContext"]["identity"]["userArn"], secrets);
    let body = event["body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or(Value::Null);
    for message in body["messages"].as_array().into_iter().flatten() {
        collect_texts(&message["content"], secrets);
        for call in message["toolCalls"].as_array().into_iter().flatten() {
            collect_texts(&call["function"]["arguments"], secrets);
        }
    }
    for entry in ["state", "context", "forwardedProps"] {
        collect_texts(&body[entry], secrets);
    }
}

/// Adds to `secrets` the words of a header's value, and, if a word is a JWT, its signature and claims.
fn collect_token(value: &str, secrets: &mut BTreeSet<String>) {
    for word in value.split_whitespace() {
        collect_texts(&word.into(), secrets);
        let [_, claims, signature] = word.split('.').collect::<Vec<_>>()[..] else { continue };
        collect_texts(&signature.into(), secrets);
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok();
        let claims = claims.and_then(|claims| serde_json::from_slice::<Value>(&claims).ok());
        for (name, claim) in claims.as_ref().and_then(Value::as_object).into_iter().flatten() {
            if !IN_SETTINGS.contains(&name.as_str()) {
                collect_texts(claim, secrets);
            }
        }
    }
}

#[test]
fn collects_the_secrets_of_an_event() {
    let body = serde_json::json!({
        "threadId": "thread-of-the-run",
        "messages": [{"role": "user", "content": "a private text"}, {"role": "assistant", "toolCalls":
            [{"type": "function", "function": {"name": "f", "arguments": "{\"private\":1}"}}]}],
        "state": {"note": "another private text"},
    });
    let event = serde_json::json!({
        "headers": {
            "X-Agui-Token": "the-shared-token", "user-agent": "someone's browser",
            // {"sub":"grace@example.com","iss":"https://issuer"}
            "authorization": "Bearer head.eyJzdWIiOiJncmFjZUBleGFtcGxlLmNvbSIsImlzcyI6Imh0dHBzOi8vaXNzdWVyIn0.signature",
        },
        "requestContext": {"authorizer": {"jwt": {"claims": {"email": "ada@example.com", "sub": "short"}}}},
        "body": body.to_string(),
    });
    let mut secrets = BTreeSet::new();

    collect_secrets(&event, &mut secrets);

    let expected = [
        "a private text",
        "ada@example.com",
        "another private text",
        "grace@example.com",
        "head.eyJzdWIiOiJncmFjZUBleGFtcGxlLmNvbSIsImlzcyI6Imh0dHBzOi8vaXNzdWVyIn0.signature",
        "signature",
        "the-shared-token",
        "{\"private\":1}",
    ];
    assert_eq!(secrets.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}
