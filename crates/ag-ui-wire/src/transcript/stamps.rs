//! Where the ids and times of a run come from.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::protocol::{MessageId, ToolCallId};

/// A source of message ids, call ids and times.
pub trait Stamps: Send {
    /// An id that no other message of the thread has.
    fn message_id(&mut self) -> MessageId;

    /// An id that no other call of the thread has.
    fn tool_call_id(&mut self) -> ToolCallId;

    /// Milliseconds since the Unix epoch.
    fn now_ms(&mut self) -> i64;
}

/// Random ids and the machine's clock.
///
/// A message's id is a plain UUID (version 4), as clients and stores of threads make them. A call's id has the prefix
/// `call_`, as model providers make them, and no hyphens: some providers limit its length.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Stamps for Clock {
    fn message_id(&mut self) -> MessageId {
        Uuid::new_v4().to_string().into()
    }

    fn tool_call_id(&mut self) -> ToolCallId {
        format!("call_{}", Uuid::new_v4().simple()).into()
    }

    fn now_ms(&mut self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Ids and times that count up, the same in each run: for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counting {
    messages: u32,
    calls: u32,
    time: i64,
}

impl Stamps for Counting {
    fn message_id(&mut self) -> MessageId {
        self.messages += 1;
        format!("m{}", self.messages).into()
    }

    fn tool_call_id(&mut self) -> ToolCallId {
        self.calls += 1;
        format!("renamed{}", self.calls).into()
    }

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
        let (message, another) = (Clock.message_id(), Clock.message_id());
        let uuid = Uuid::parse_str(message.as_str()).unwrap();
        assert_eq!(uuid.get_version_num(), 4);
        assert_eq!(uuid.hyphenated().to_string(), message.as_str());
        assert_ne!(message, another);

        let call = Clock.tool_call_id();
        let digits = call.as_str().strip_prefix("call_").unwrap();
        assert!(digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{call}");
    }
}
