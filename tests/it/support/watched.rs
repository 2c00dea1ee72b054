//! A function whose log is searched, when it ends, for everything secret that it was sent: in every test, not
//! in one.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Mutex;

use ag_ui_lambda::dev::{self, Answer, FunctionError, Invocation};
use serde_json::Value;

/// Shorter ones stand in log lines by chance.
const SHORTEST: usize = 8;

/// A running function, and what its log must not hold.
pub(crate) struct Function {
    inner: dev::Function,
    secrets: Mutex<BTreeSet<String>>,
}

impl Function {
    /// A function that was started with these secrets.
    pub(crate) fn new(inner: dev::Function, secrets: impl IntoIterator<Item = String>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST).collect();
        Self { inner, secrets: Mutex::new(secrets) }
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

impl Deref for Function {
    type Target = dev::Function;

    fn deref(&self) -> &dev::Function {
        &self.inner
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let secrets = self.secrets.lock().unwrap();
        for line in self.inner.logs() {
            let found = secrets.iter().find(|secret| line.contains(*secret));
            assert_eq!(found, None, "a secret stands in a log line: {line}");
        }
    }
}

/// Tokens, proven claims, the texts of messages and the arguments of tools, from an event.
fn collect(event: &Value, secrets: &mut BTreeSet<String>) {
    for name in ["x-agui-token", "authorization", "x-agui-user-token"] {
        texts(&event["headers"][name], secrets);
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

fn texts(value: &Value, texts_of: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.len() >= SHORTEST => {
            texts_of.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, texts_of)),
        Value::Object(members) => {
            // What kind a part is of is no secret.
            let said = members.iter().filter(|(name, _)| !matches!(name.as_str(), "type" | "mimeType"));
            said.for_each(|(_, member)| texts(member, texts_of));
        }
        _ => {}
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
        "headers": {"x-agui-token": "the-shared-token", "user-agent": "someone's browser"},
        "requestContext": {"authorizer": {"jwt": {"claims": {"email": "ada@example.com", "sub": "short"}}}},
        "body": body.to_string(),
    });
    let mut secrets = BTreeSet::new();

    collect(&event, &mut secrets);

    let expected =
        ["a private text", "ada@example.com", "another private text", "the-shared-token", "{\"private\":1}"];
    assert_eq!(secrets.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}
