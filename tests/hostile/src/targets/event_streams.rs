//! The reader of event streams: what it reads does not depend on how the bytes arrive, and a broken frame is an error.

use ag_ui_wire::protocol::sse::{self, Decoder};
use ag_ui_wire::transcript::Conversation;
use serde_json::{Value, json};

use super::Session;
use crate::breakage::{break_bytes, break_value, split, to_text};
use crate::choices::Choices;
use crate::responses::Outcome;
use crate::valid::events;

/// Prepares the target.
pub(super) fn start(seed: u64) -> Session {
    let frames: Vec<Vec<u8>> = events(seed).iter().map(|event| sse::frame(event).to_vec()).collect();
    Box::new(move |choices| {
        let stream = match choices.raw() {
            Some(raw) => raw.to_vec(),
            None => stream(choices, &frames),
        };
        choices.show("stream", &stream);
        let at_once = read([stream.as_slice()]);
        let pieces = split(choices, &stream);
        let in_pieces = read(pieces.iter().map(Vec::as_slice));
        if at_once != in_pieces {
            return Err(format!("at once: {at_once:?}\nin pieces: {in_pieces:?}"));
        }
        Ok(if at_once.iter().all(Result::is_ok) { Outcome::Accepted } else { Outcome::Refused })
    })
}

/// Makes a stream of up to six frames, and breaks the JSON of some, or the bytes.
fn stream(choices: &mut Choices<'_>, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..choices.number(6) {
        let frame = choices.one_of(frames);
        match choices.number(4) {
            0 => {
                let data = frame.strip_prefix(b"data: ").unwrap_or(frame);
                let mut event: Value = serde_json::from_slice(data).unwrap_or_default();
                break_value(choices, &mut event);
                let text = to_text(choices, &event);
                let begin =
                    *choices.one_of(&["data: ", "data:", "event: x\r\ndata: ", "id: 1\ndata:\ndata: "]);
                stream.extend([begin.as_bytes(), &text, b"\n\n"].concat());
            }
            1 => stream.extend_from_slice(&sse::KEEP_ALIVE),
            _ => stream.extend_from_slice(frame),
        }
    }
    while choices.is_one_in(3) {
        break_bytes(choices, &mut stream);
    }
    stream
}

/// Reads a stream, and keeps the messages as a client does. An error is its sentence.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<Value, String>> {
    let mut decoder = Decoder::new();
    let mut conversation = Conversation::new(Vec::<Value>::new());
    let mut read = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(event) = decoder.next_event() {
            if let Ok(event) = &event {
                conversation.apply(event);
            }
            read.push(event.map(|event| json!(event)).map_err(|error| error.to_string()));
        }
    }
    read.push(Ok(conversation.into_json().into()));
    read
}
