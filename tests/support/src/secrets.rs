//! The secrets that tests give to functions. A test registers each, so that another test can check that none is ever logged.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// Shorter texts are not registered, since they may be in log lines by chance.
const MIN_LENGTH: usize = 8;

static REGISTERED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Registers all texts in the value of a secret, which may be JSON.
pub fn register(value: &str) {
    let parsed = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    collect_texts(&parsed, &mut registered());
}

/// Locks and returns the texts that were registered so far.
pub fn registered() -> MutexGuard<'static, BTreeSet<String>> {
    REGISTERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds every text of a JSON value that is long enough to `texts`.
pub fn collect_texts(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.len() >= MIN_LENGTH => {
            texts.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        Value::Object(members) => {
            // The type of a part is not a secret.
            let values = members.iter().filter(|(name, _)| !matches!(name.as_str(), "type" | "mimeType"));
            values.for_each(|(_, member)| collect_texts(member, texts));
        }
        _ => {}
    }
}
