//! The streams of model providers: the adapter of each wire reads them from a server on this machine, in pieces of any length.
//! A turn ends or fails, and a run that gets its deltas has one valid end.

use std::convert::Infallible;
use std::fs;
use std::future::ready;
use std::sync::{Arc, Mutex};

use ag_ui_dev::loopback::Loopback;
use ag_ui_dev::provider::{Reply, TurnPart, Usage, Wire};
use ag_ui_lambda::Endpoint;
use ag_ui_lambda::auth::{AuthMode, Claims};
use ag_ui_lambda::model::{
    Delta, Model, ModelErrorKind, ModelSettings, Request, Script, Scripted, Turn, UserPart,
};
use ag_ui_lambda::protocol::{PartKind, Tool};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Response, header};
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::{Value, json};
use test_support::provider_model::provider_model;
use tokio::runtime::Builder;

use super::Session;
use super::agents::{Ledger, agent, paused_runtime, run_request};
use crate::breakage::{break_bytes, break_value, hostile_text, hostile_value, merge, split, to_text};
use crate::choices::Choices;
use crate::responses::serve;
use crate::valid::{folder, json_files};

/// The wires with the names of their recorded streams and of their cases.
const WIRES: [(Wire, &str, &str); 6] = [
    (Wire::OpenAiChat, "openai-chat-", "chat"),
    (Wire::OpenAiResponses, "openai-responses-", "responses"),
    (Wire::Anthropic, "anthropic-", "anthropic"),
    (Wire::Gemini, "gemini-", "gemini"),
    (Wire::Ollama, "ollama-", "ollama"),
    (Wire::Bedrock, "bedrock-", "bedrock"),
];

/// How the deltas of a turn ended.
type Turned = Vec<Result<Delta, ModelErrorKind>>;

/// A wire with its adapter, and valid streams for it.
struct Adapter {
    wire: Wire,
    model: Arc<dyn Model>,
    /// Recorded streams.
    recordings: Vec<Bytes>,
    /// The frames of streams from reports of bugs.
    cases: Vec<Vec<Value>>,
}

/// Prepares the target.
pub(super) fn start(_: u64) -> Session {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let pieces: Arc<Mutex<(u16, Vec<Vec<u8>>)>> = Arc::default();
    let server = runtime.block_on(async { server(Arc::clone(&pieces)) });
    let adapters: Vec<Adapter> = {
        let _inside = runtime.enter();
        WIRES.map(|wire| Adapter::new(wire, &server.url())).into()
    };
    let replayed: Arc<Mutex<Turned>> = Arc::default();
    let (replay_runtime, endpoint) = (paused_runtime(), endpoint(Arc::clone(&replayed)));
    let request = request();
    Box::new(move |choices| {
        // The server ends with the session.
        let _server = &server;
        // The SDK of Bedrock takes more time than all the others.
        let count = if choices.is_one_in(3) { adapters.len() } else { adapters.len() - 1 };
        let adapter = &adapters[choices.number(count)];
        let body = match choices.raw() {
            Some(raw) => raw.to_vec(),
            None => adapter.stream(choices),
        };
        choices.show(&format!("stream of {:?}", adapter.wire), &body);
        let status =
            if choices.is_one_in(12) { *choices.one_of(&[400, 401, 429, 500, 204, 302]) } else { 200 };
        *pieces.lock().unwrap() = (status, split(choices, &body));
        let turn: Turned = runtime.block_on(async {
            adapter.model.stream(&request).map(|delta| delta.map_err(|error| error.kind)).collect().await
        });
        check_turn(&turn)?;
        *replayed.lock().unwrap() = turn;
        let input = json!({ "threadId": "t", "runId": "r", "protocolVersion": "1.0",
            "messages": [{ "id": "u", "role": "user", "content": "Hello" }] });
        let served = replay_runtime.block_on(serve(&endpoint, run_request(input.to_string().into())))?;
        Ok(match served.events.last() {
            Some(end) if end["type"] == "RUN_FINISHED" => crate::responses::Outcome::Accepted,
            _ => crate::responses::Outcome::Refused,
        })
    })
}

/// Checks that a turn ends once: with its end, or with an error.
fn check_turn(turn: &Turned) -> Result<(), String> {
    let ends = |delta: &Result<Delta, ModelErrorKind>| matches!(delta, Err(_) | Ok(Delta::End(_)));
    match turn.iter().position(ends) {
        Some(end) if end + 1 == turn.len() => Ok(()),
        end => Err(format!("a turn of {} deltas ends at {end:?}: {turn:?}", turn.len())),
    }
}

/// Starts the server that sends the pieces.
fn server(pieces: Arc<Mutex<(u16, Vec<Vec<u8>>)>>) -> Loopback {
    Loopback::serve(move |_| {
        let (status, pieces) = std::mem::take(&mut *pieces.lock().unwrap());
        let frames = stream::iter(pieces).then(|piece| async {
            // Each piece is written by itself.
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(Frame::data(Bytes::from(piece)))
        });
        let response = Response::builder().status(status).header(header::CONTENT_TYPE, "text/event-stream");
        ready(Ok::<_, Infallible>(response.body(StreamBody::new(frames)).unwrap()))
    })
    .unwrap()
}

/// Creates an endpoint whose model plays a turn again, and then ends.
fn endpoint(replayed: Arc<Mutex<Turned>>) -> Endpoint<()> {
    let model = Scripted::new(move |_| {
        let turn = std::mem::take(&mut *replayed.lock().unwrap());
        if turn.is_empty() {
            return Script::new().text("Done.");
        }
        turn.into_iter().fold(Script::new(), |script, delta| match delta {
            Ok(delta @ Delta::End(_)) => script.delta(delta).cut(),
            Ok(delta) => script.delta(delta),
            Err(kind) => script.fail(kind),
        })
    });
    let agent = agent(model, &Ledger::default()).build().unwrap();
    Endpoint::builder(agent, |_: &Claims| Ok(())).require(AuthMode::Authorizer).build().unwrap()
}

/// Returns the request of a turn, with two tools.
fn request() -> Request {
    let tool = |name: &str| Tool {
        name: name.to_owned(),
        description: "Does something.".to_owned(),
        parameters: Some(json!({ "type": "object", "properties": { "a": { "type": "string" } } })),
        metadata: None,
    };
    let question = PartKind::Text { text: "Hello".to_owned() };
    Request {
        instructions: None,
        history: vec![Turn::User(vec![UserPart::Content(question.into())])],
        tools: [tool("get_weather"), tool("put")].into(),
        settings: ModelSettings::default(),
    }
}

impl Adapter {
    /// Reads the recorded streams and the cases of a wire.
    fn new((wire, recorded, case): (Wire, &str, &str), url: &str) -> Self {
        let files =
            fs::read_dir(folder("tests/provider_streams")).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(recorded)).collect();
        files.sort();
        let cases = json_files("tests/cases").into_iter().filter(|found| found["wire"] == case);
        let frames = cases.flat_map(|case| case["turns"].as_array().cloned().unwrap_or_default());
        let frames = frames.filter_map(|turn| turn["frames"].as_array().cloned());
        Self {
            wire,
            model: provider_model(wire, url),
            recordings: files.iter().map(|path| fs::read(path).unwrap().into()).collect(),
            // A number is a pause.
            cases: frames
                .map(|frames| frames.into_iter().filter(|frame| !frame.is_number()).collect())
                .collect(),
        }
    }

    /// Makes a stream: a recorded one, one from a report of a bug, or a turn that was chosen. Most are broken.
    fn stream(&self, choices: &mut Choices<'_>) -> Vec<u8> {
        let mut body = match choices.number(3) {
            0 => self.recording(choices),
            1 => self.case(choices),
            _ => Reply::stream(self.wire, &turn(choices)).body().to_vec(),
        };
        match choices.number(8) {
            0 => {}
            1 => {
                let other = self.recording(choices);
                body = merge(choices, &body, &other);
            }
            2 => body = self.with_frames_in_another_order(choices, &body),
            3 if self.wire != Wire::Bedrock => body = with_broken_json(choices, &body),
            4 if self.wire != Wire::Bedrock => body = with_broken_json(choices, &body),
            _ => {
                for _ in 0..=choices.number(3) {
                    break_bytes(choices, &mut body);
                }
            }
        }
        body
    }

    /// Chooses a recorded stream.
    fn recording(&self, choices: &mut Choices<'_>) -> Vec<u8> {
        choices.one_of(&self.recordings).to_vec()
    }

    /// Chooses the frames of a case, and breaks one of them.
    fn case(&self, choices: &mut Choices<'_>) -> Vec<u8> {
        let mut frames = choices.one_of(&self.cases).clone();
        let index = choices.number(frames.len());
        if let Some(frame) = frames.get_mut(index).filter(|frame| frame.is_object() || frame.is_array()) {
            match frame.get_mut(1) {
                Some(payload) => break_value(choices, payload),
                None => break_value(choices, frame),
            }
        }
        frames.retain(|frame| !frame.is_number());
        Reply::frames(self.wire, &frames).body().to_vec()
    }

    /// Repeats, removes or swaps frames of a stream.
    fn with_frames_in_another_order(&self, choices: &mut Choices<'_>, body: &[u8]) -> Vec<u8> {
        let border: &[u8] = if self.wire == Wire::Ollama { b"\n" } else { b"\n\n" };
        let mut frames: Vec<Vec<u8>> = Vec::new();
        let mut rest = body;
        while let Some(at) = rest.windows(border.len()).position(|window| window == border) {
            let (frame, behind) = rest.split_at(at + border.len());
            frames.push(frame.to_vec());
            rest = behind;
        }
        for _ in 0..choices.number(4) {
            let (index, other) = (choices.number(frames.len()), choices.number(frames.len()));
            match choices.number(3) {
                _ if frames.is_empty() => {}
                0 => drop(frames.remove(index)),
                1 => frames.swap(index, other),
                _ => {
                    let copies = if choices.is_one_in(10) { 200 } else { 1 };
                    let frame = frames[other].clone();
                    frames.splice(index..index, std::iter::repeat_n(frame, copies));
                }
            }
        }
        frames.push(rest.to_vec());
        frames.concat()
    }
}

/// Makes a turn of a model.
fn turn(choices: &mut Choices<'_>) -> Vec<TurnPart> {
    (0..choices.number(7))
        .map(|index| match choices.number(8) {
            0 => TurnPart::reasoning(hostile_text(choices)),
            1 => TurnPart::signature(hostile_text(choices)),
            2 => TurnPart::redacted("AAAA"),
            3 => {
                let name = *choices.one_of(&["get_weather", "put", "", "unknown", "Get_Weather"]);
                let arguments = hostile_value(choices).to_string();
                let cut = arguments.floor_char_boundary(choices.number(arguments.len()));
                let (head, tail) = arguments.split_at(cut);
                TurnPart::call(format!("c{}", index / 2), name, [head, tail])
            }
            4 => TurnPart::Usage(Usage {
                input: 1 << 62,
                output: choices.number(1000) as u64,
                ..Usage::default()
            }),
            _ => TurnPart::text(hostile_text(choices)),
        })
        .collect()
}

/// Breaks the JSON of some frames of a stream that has a frame in each line.
fn with_broken_json(choices: &mut Choices<'_>, body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let count = text.lines().count();
    let broken = [choices.number(count), choices.number(count)];
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let (prefix, data) = match line.strip_prefix("data:") {
            Some(data) => ("data:", data),
            None => ("", line),
        };
        match serde_json::from_str::<Value>(data) {
            Ok(mut frame) if broken.contains(&index) || choices.is_one_in(8) => {
                break_value(choices, &mut frame);
                let text = to_text(choices, &frame);
                lines.push([prefix.as_bytes(), b" ", &text].concat());
            }
            _ => lines.push(line.as_bytes().to_vec()),
        }
    }
    lines.push(Vec::new());
    lines.join(&b'\n')
}
