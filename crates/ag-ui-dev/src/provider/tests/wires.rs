//! Tests that a plain parser reads the frames of the stand-in and of the recordings.

use aws_smithy_eventstream::frame::read_message_from;
use bytes::Bytes;
use serde_json::Value;

use super::super::{Reply, StopReason, TurnPart, Wire};
use super::turn;

/// Reads the JSON of each frame; `[DONE]` is skipped.
fn parse(wire: Wire, body: &Bytes) -> Result<Vec<Value>, String> {
    let frames = wire.split_frames(body.clone());
    let values = frames.iter().filter(|frame| !frame.starts_with(b"data: [DONE]")).map(|frame| {
        let text = match wire {
            Wire::Bedrock => {
                let message = read_message_from(&mut frame.clone()).map_err(|error| error.to_string())?;
                return serde_json::from_slice(message.payload()).map_err(|error| error.to_string());
            }
            _ => str::from_utf8(frame).map_err(|error| error.to_string())?,
        };
        let end = match wire {
            Wire::Gemini => "\r\n\r\n",
            Wire::Ollama => "\n",
            _ => "\n\n",
        };
        let text = text.strip_suffix(end).ok_or("a frame has no end")?;
        let text = match (wire, text.split_once('\n')) {
            (Wire::Ollama, None) => text,
            (Wire::Ollama, Some(_)) => return Err("a line has two".into()),
            (_, Some((_, data))) => data.strip_prefix("data: ").ok_or("a second line is not data")?,
            (_, None) => text.strip_prefix("data: ").ok_or("a line is not data")?,
        };
        serde_json::from_str(text).map_err(|error| format!("{error} in {text}"))
    });
    values.collect()
}

#[test]
fn malformed_frame_keeps_the_frames_around_it_readable() {
    for wire in Wire::ALL {
        let body = Reply::stream(wire, &turn()).malformed_after(2).body();
        let frames = wire.split_frames(body.clone());

        assert_eq!(frames.len(), Reply::stream(wire, &turn()).pieces() + 1, "{wire:?}");
        assert!(parse(wire, &body).is_err(), "{wire:?}");
        assert!(parse(wire, &frames[2]).is_err(), "{wire:?}");
        assert!(parse(wire, &frames[3]).is_ok(), "{wire:?}");
    }
}

#[test]
fn every_frame_of_every_turn_can_be_parsed() {
    for wire in Wire::ALL {
        for (why, turn) in [
            ("everything", turn()),
            ("nothing", Vec::new()),
            ("a signature alone", vec![TurnPart::signature("s"), TurnPart::text("t")]),
            ("a stop", vec![TurnPart::text("t"), TurnPart::Stop(StopReason::MaxTokens)]),
            ("a failure", vec![TurnPart::text("t")]),
        ] {
            let reply = Reply::stream(wire, &turn).failure_after(usize::MAX, "some_error", "broke");

            let values = parse(wire, &reply.body()).unwrap_or_else(|error| panic!("{wire:?} {why}: {error}"));

            assert!(!values.is_empty());
        }
    }
}

/// All files of `tests/provider_streams`, each with its wire.
fn recordings() -> Vec<(String, Wire, Bytes)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/provider_streams");
    let mut recordings = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let wire = match name.split_once('-') {
            Some(("openai", rest)) if rest.starts_with("responses") => Wire::OpenAiResponses,
            Some(("openai", _)) => Wire::OpenAiChat,
            Some(("anthropic", _)) => Wire::Anthropic,
            Some(("gemini", _)) => Wire::Gemini,
            Some(("ollama", _)) => Wire::Ollama,
            Some(("bedrock", _)) => Wire::Bedrock,
            _ => continue,
        };
        recordings.push((name, wire, std::fs::read(path).unwrap().into()));
    }
    recordings
}

#[test]
fn every_recording_can_be_parsed_frame_by_frame() {
    let recordings = recordings();
    assert_eq!(recordings.len(), 14, "a file is missing, or has no wire");
    for (name, wire, bytes) in recordings {
        let reply = Reply::recording(wire, bytes.clone());
        assert_eq!(reply.body(), bytes, "{name}");
        // One recording begins with a comment, which has no data.
        let bytes = match bytes.strip_prefix(b": keep-alive\n\n") {
            Some(rest) => bytes.slice_ref(rest),
            None => bytes,
        };

        let values = parse(wire, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));

        assert!(values.len() > 2, "{name}");
        let text = Value::from(values).to_string();
        let expected = if name.contains("-1.") { "get_weather" } else { "Tokyo (東京)" };
        assert!(text.contains(expected), "{name}");
    }
}

#[test]
fn event_name_of_a_recording_is_the_type_of_its_data() {
    for (name, wire, bytes) in recordings() {
        if !matches!(wire, Wire::OpenAiResponses | Wire::Anthropic) {
            continue;
        }
        for frame in wire.split_frames(bytes) {
            let text = str::from_utf8(&frame).unwrap();
            let event = text.strip_prefix("event: ").and_then(|text| text.split_once('\n')).unwrap().0;
            let values = parse(wire, &frame).unwrap();
            assert_eq!(values[0]["type"], event, "{name}");
        }
    }
}

#[test]
fn events_of_a_recorded_response_are_numbered_without_a_gap() {
    for (name, wire, bytes) in recordings() {
        let all = match wire {
            Wire::OpenAiResponses => parse(wire, &bytes).unwrap(),
            _ => continue,
        };
        for (number, event) in all.iter().enumerate() {
            assert_eq!(event["sequence_number"], number, "{name}");
        }
    }
}
