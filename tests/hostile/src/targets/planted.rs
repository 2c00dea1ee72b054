//! Faults that the harness must find: one input in 50 panics, hangs, leaks, takes too much memory, or has a wrong response.
//! And a fault that only some inputs show.

use std::panic::catch_unwind;
use std::sync::mpsc;

use ag_ui_dev::provider::Wire;
use serde_json::Value;

use super::{Session, provider_requests};
use crate::choices::Choices;
use crate::responses::{Outcome, check};

/// Makes a session that calls `fault` for one input in 50.
fn one_in_50(fault: fn() -> Result<Outcome, String>) -> Session {
    Box::new(move |choices: &mut Choices<'_>| match choices.number(50) {
        0 => fault(),
        number if number < 25 => Ok(Outcome::Accepted),
        _ => Ok(Outcome::Refused),
    })
}

/// A target that panics.
pub(super) fn panic(_: u64) -> Session {
    one_in_50(|| panic!("this panic is planted"))
}

/// A target that panics, and catches the panic.
pub(super) fn caught_panic(_: u64) -> Session {
    one_in_50(|| {
        let _ = catch_unwind(|| panic!("this panic is planted"));
        Ok(Outcome::Accepted)
    })
}

/// A target that computes without end.
pub(super) fn hang(_: u64) -> Session {
    one_in_50(|| {
        let mut number = 1_u64;
        loop {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
    })
}

/// A target that waits without end.
pub(super) fn endless_wait(_: u64) -> Session {
    one_in_50(|| {
        let (sender, receiver) = mpsc::channel::<()>();
        let received = receiver.recv();
        drop(sender);
        received.map(|()| Outcome::Accepted).map_err(|error| error.to_string())
    })
}

/// A target that never frees what it allocates.
pub(super) fn leak(_: u64) -> Session {
    one_in_50(|| {
        std::mem::forget(vec![1_u8; 2000]);
        Ok(Outcome::Accepted)
    })
}

/// A target that takes 200 MB for a moment.
pub(super) fn memory(_: u64) -> Session {
    one_in_50(|| {
        let bytes = std::hint::black_box(vec![1_u8; 200_000_000]);
        Ok(if bytes.is_empty() { Outcome::Refused } else { Outcome::Accepted })
    })
}

/// A target whose run has two ends.
pub(super) fn second_end(_: u64) -> Session {
    one_in_50(|| {
        let finished = r#"data: {"type":"RUN_FINISHED","threadId":"t","runId":"r","timestamp":1}"#;
        let started = finished.replace("FINISHED", "STARTED");
        check(200, format!("{started}\n\n{finished}\n\n{finished}\n\n").as_bytes(), None)
            .map(|run| run.outcome)
    })
}

/// A target in which a client's value of the provider replaces any member of a message, where the wire is Chat Completions.
pub(super) fn merged_value(seed: u64) -> Session {
    provider_requests::session(seed, |wire, input, sent| {
        let input: Value = serde_json::from_slice(input).unwrap_or_default();
        let text = |value: &Value| value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let messages = input["messages"].as_array().into_iter().flatten();
        let mut merged = messages.filter_map(|message| {
            let kept = text(&message["encryptedValue"])?;
            text(&kept["turn"])?.as_object().cloned()
        });
        let mut written = sent["messages"].as_array_mut().into_iter().flatten();
        let answer = written.find(|message| message["role"] == "assistant");
        if let (Wire::OpenAiChat, Some(members), Some(answer)) = (wire, merged.next(), answer) {
            members.into_iter().for_each(|(name, value)| answer[name] = value);
        }
    })
}
