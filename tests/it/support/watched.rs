//! A function whose log is searched, when it ends, for everything secret that it was given or sent and all that its run
//! said: in every test, not in one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Mutex;

use ag_ui_dev::{Answer, FunctionError, Invocation};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

use super::planted::{planted, texts};

/// A running function, and what its log must not hold.
pub(crate) struct Function {
    inner: ag_ui_dev::Function,
    secrets: Mutex<BTreeSet<String>>,
}

impl Function {
    pub(crate) fn new(inner: ag_ui_dev::Function) -> Self {
        Self { inner, secrets: Mutex::default() }
    }

    pub(crate) async fn invoke(&self, event: &Value) -> Result<Answer, FunctionError> {
        self.invoke_with(event, Invocation::default()).await
    }

    pub(crate) async fn invoke_with(
        &self,
        event: &Value,
        invocation: Invocation,
    ) -> Result<Answer, FunctionError> {
        collect(event, &mut self.secrets.lock().unwrap());
        self.inner.invoke_with(event, invocation).await
    }
}

impl Function {
    /// What a run said: its messages, the arguments of its calls, their results.
    pub(crate) fn said(&self, events: &[Value]) {
        let mut pieces: BTreeMap<String, String> = BTreeMap::new();
        let mut secrets = self.secrets.lock().unwrap();
        for event in events {
            let of = [&event["messageId"], &event["toolCallId"]];
            if let Some(delta) = event["delta"].as_str() {
                pieces.entry(format!("{of:?}")).or_default().push_str(delta);
            }
            texts(&event["content"], &mut secrets);
        }
        pieces.into_values().for_each(|text| texts(&text.into(), &mut secrets));
    }
}

impl Deref for Function {
    type Target = ag_ui_dev::Function;

    fn deref(&self) -> &ag_ui_dev::Function {
        &self.inner
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let secrets = self.secrets.lock().unwrap();
        let planted = planted().clone();
        // A line in JSON holds a text with its quotes escaped.
        let is_in = |line: &str, secret: &str| {
            let escaped = Value::from(secret).to_string();
            line.contains(secret) || line.contains(escaped.trim_matches('"').trim_end_matches('\\'))
        };
        for line in self.inner.logs() {
            let found = secrets.iter().chain(&planted).find(|secret| is_in(&line, secret));
            assert_eq!(found, None, "a secret stands in a log line: {line}");
        }
    }
}

/// Tokens, proven claims, the texts of messages and the arguments of tools, from an event.
fn collect(event: &Value, secrets: &mut BTreeSet<String>) {
    for (name, value) in event["headers"].as_object().into_iter().flatten() {
        let name = name.to_ascii_lowercase();
        if ["x-agui-token", "authorization", "x-agui-user-token", "cookie"].contains(&name.as_str()) {
            value.as_str().into_iter().for_each(|value| token(value, secrets));
        }
    }
    texts(&event["requestContext"]["authorizer"], secrets);
    texts(&event["requestContext"]["identity"]["userArn"], secrets);
    let body = event["body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or(Value::Null);
    for message in body["messages"].as_array().into_iter().flatten() {
        texts(&message["content"], secrets);
        for call in message["toolCalls"].as_array().into_iter().flatten() {
            texts(&call["function"]["arguments"], secrets);
        }
    }
    for entry in ["state", "context", "forwardedProps"] {
        texts(&body[entry], secrets);
    }
}

/// A header's value: each of its words, and of a JWT the signature and the claims too.
fn token(value: &str, secrets: &mut BTreeSet<String>) {
    for word in value.split_whitespace() {
        texts(&word.into(), secrets);
        let [_, claims, signature] = word.split('.').collect::<Vec<_>>()[..] else { continue };
        texts(&signature.into(), secrets);
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok();
        let claims = claims.and_then(|claims| serde_json::from_slice::<Value>(&claims).ok());
        for (name, claim) in claims.as_ref().and_then(Value::as_object).into_iter().flatten() {
            // Whom a token is from and for is in the function's settings.
            if !matches!(name.as_str(), "iss" | "aud") {
                texts(claim, secrets);
            }
        }
    }
}

#[test]
fn what_is_secret_in_an_event_is_collected() {
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

    collect(&event, &mut secrets);

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
