//! The secrets that tests give to functions. A test registers each secret, so that another test can check that no secret is
//! ever logged.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// Shorter texts are not registered, since they may be in log lines by chance.
const MIN_LENGTH: usize = 8;

/// The texts that were registered so far.
static REGISTERED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Registers the value of a secret as a text that no log line may contain. If the value is JSON, the texts in it are
/// registered instead. [`collect_texts`] chooses them, so short texts are left out.
pub fn register(value: &str) {
    let parsed = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    collect_texts(&parsed, &mut registered());
}

/// Locks and returns the set of all texts that were registered in this process. Other threads cannot register while the
/// lock is held. When a test's function ends, the test searches its log lines for these texts.
pub fn registered() -> MutexGuard<'static, BTreeSet<String>> {
    REGISTERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds to `texts` the strings in a JSON value that no log line may contain: every value, at any depth, that is a
/// string of at least 8 bytes.
///
/// Left out are the names of members, and the members `type` and `mimeType` with all that is in them. In a message they
/// hold the type of a part, such as `document`, or a media type, which is not secret and may be in a log line.
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
