//! The source of the ids and timestamps of a run, so that tests can set them.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::protocol::{MessageId, ToolCallId};

/// Gives the events of a run their message ids, tool call ids and timestamps.
///
/// [`RandomIds`] is for servers and [`SequentialIds`] for tests. Another implementation can make ids in the form that
/// a store needs.
pub trait IdSource: Send {
    /// Returns a new id, which no other message of the thread has.
    fn next_message_id(&mut self) -> MessageId;

    /// Returns a new id, which no other tool call of the thread has.
    fn next_tool_call_id(&mut self) -> ToolCallId;

    /// Returns the current time, in milliseconds since the Unix epoch. Each queued event gets this time as its
    /// timestamp.
    fn now_ms(&mut self) -> i64;
}

/// Creates random ids, and takes the time from the machine's clock.
///
/// A message gets a plain UUID (version 4), as clients and stores of threads make them. A tool call gets the prefix `call_`
/// and a UUID without hyphens, as model providers make them: some providers limit the length of the id.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it is a unit struct, which callers name as a value")]
pub struct RandomIds;

impl IdSource for RandomIds {
    /// Returns a random UUID (version 4).
    fn next_message_id(&mut self) -> MessageId {
        Uuid::new_v4().to_string().into()
    }

    /// Returns `call_` and a random UUID without hyphens.
    fn next_tool_call_id(&mut self) -> ToolCallId {
        format!("call_{}", Uuid::new_v4().simple()).into()
    }

    /// Returns the time of the machine's clock; 0 if the clock is before 1970.
    fn now_ms(&mut self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Creates ids and timestamps that count up from 1. Tests use it, because they are the same in each run.
#[derive(Debug, Clone, Copy, Default)]
pub struct SequentialIds {
    messages: u32,
    calls: u32,
    time: i64,
}

impl IdSource for SequentialIds {
    /// Returns `m1`, `m2` and so on.
    fn next_message_id(&mut self) -> MessageId {
        self.messages += 1;
        format!("m{}", self.messages).into()
    }

    /// Returns `renamed1`, `renamed2` and so on.
    fn next_tool_call_id(&mut self) -> ToolCallId {
        self.calls += 1;
        format!("renamed{}", self.calls).into()
    }

    /// Returns 1, 2 and so on.
    fn now_ms(&mut self) -> i64 {
        self.time += 1;
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_a_plain_uuid_and_a_call_id_has_its_prefix() {
        let (message, another) = (RandomIds.next_message_id(), RandomIds.next_message_id());
        let uuid = Uuid::parse_str(message.as_str()).unwrap();
        assert_eq!(uuid.get_version_num(), 4);
        assert_eq!(uuid.hyphenated().to_string(), message.as_str());
        assert_ne!(message, another);

        let call = RandomIds.next_tool_call_id();
        let digits = call.as_str().strip_prefix("call_").unwrap();
        assert!(digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{call}");
    }
}
