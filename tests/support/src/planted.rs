//! Secrets that tests have put where functions read them. No function of this process may ever log one.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// Shorter ones stand in log lines by chance.
const SHORTEST: usize = 8;

static PLANTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Plants the texts in a secret's value, which may be JSON.
pub fn plant(value: &str) {
    let parsed = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    texts(&parsed, &mut planted());
}

/// All that was planted so far.
pub fn planted() -> MutexGuard<'static, BTreeSet<String>> {
    PLANTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts every text of a value that is long enough among the others.
pub fn texts(value: &Value, texts_of: &mut BTreeSet<String>) {
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
