//! The streams that both readers get: the frames of the cases, the files in `tests/provider_streams`, and ordinary turns.

use std::fs;
use std::path::{Path, PathBuf};

use ag_ui_dev::provider::{Reply, Wire};
use serde_json::Value;

use super::turns;

/// A stream that is served to both readers.
pub(super) struct Stream {
    /// `case: ..` with the number of the turn, `wire: ..` with the file's name, or the adapter and a description of the turn.
    pub(super) name: String,
    /// The adapter that reads it.
    pub(super) adapter: &'static str,
    pub(super) reply: Reply,
}

/// Returns all streams.
pub(super) fn all() -> Vec<Stream> {
    let streams: Vec<Stream> = cases().into_iter().chain(recordings()).chain(turns::all()).collect();
    assert!(streams.len() > 150, "streams are missing: {}", streams.len());
    streams
}

/// Returns the streamed turns of `tests/cases`, for wires that genai supports. Pauses are left out: both readers wait for the
/// same bytes.
fn cases() -> Vec<Stream> {
    let mut streams = Vec::new();
    for path in files("tests/cases", "json") {
        let case: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let (adapter, wire) = match case["wire"].as_str().unwrap() {
            "chat" => ("openai", Wire::OpenAiChat),
            "openrouter" => ("openrouter", Wire::OpenAiChat),
            "responses" => ("openai-responses", Wire::OpenAiResponses),
            "anthropic" => ("anthropic", Wire::Anthropic),
            "gemini" => ("gemini", Wire::Gemini),
            "ollama" => ("ollama", Wire::Ollama),
            _ => continue,
        };
        for (number, turn) in case["turns"].as_array().into_iter().flatten().enumerate() {
            let Some(frames) = turn["frames"].as_array() else { continue };
            let frames = frames.iter().filter(|frame| !frame.is_number()).cloned().map(completed);
            let frames: Vec<Value> = frames.collect();
            let name = format!("case: {} {}", stem(&path), number + 1);
            streams.push(Stream { name, adapter, reply: Reply::frames(wire, &frames) });
        }
    }
    streams
}

/// Adds the members that every server sends to a frame. The cases leave them out, and genai would skip the frame.
fn completed(mut frame: Value) -> Value {
    if let Some(response) = frame.get_mut("response").and_then(Value::as_object_mut) {
        for member in ["id", "model"] {
            response.entry(member).or_insert_with(|| "m".into());
        }
    }
    frame
}

/// Returns the files of `tests/provider_streams`, for wires that genai supports.
fn recordings() -> Vec<Stream> {
    let files = ["sse", "ndjson"].into_iter().flat_map(|ending| files("tests/provider_streams", ending));
    let streams = files.map(|path| {
        let name = stem(&path);
        let (adapter, wire) = match name.split('-').collect::<Vec<_>>()[..] {
            ["openai", "responses", ..] => ("openai-responses", Wire::OpenAiResponses),
            ["openai", ..] => ("openai", Wire::OpenAiChat),
            ["anthropic", ..] => ("anthropic", Wire::Anthropic),
            ["gemini", ..] => ("gemini", Wire::Gemini),
            ["ollama", ..] => ("ollama", Wire::Ollama),
            _ => panic!("{name} is of no wire"),
        };
        let reply = Reply::recording(wire, fs::read(&path).unwrap());
        Stream { name: format!("wire: {name}"), adapter, reply }
    });
    streams.collect()
}

/// Returns the files of a folder with this extension, in order.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|found| found == ending)).collect();
    files.sort();
    files
}

/// Returns the name of a file without its extension.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}
