//! Valid inputs and events, from which hostile ones are made: those of the generators of `ag-ui-wire`, the forms of the
//! specification's fixtures, the sample events of this repository, and conversations that make sense.

use std::fs;
use std::path::{Path, PathBuf};

use ag_ui_wire::protocol::{Event, PatchOperation, any};
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::choices::Choices;
use crate::conversations::conversation;

/// How many inputs and events the generators make at the start of a session.
const GENERATED: usize = 200;

/// Returns a folder of the repository.
pub fn folder(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(name)
}

/// Makes this many values with a generator of `ag-ui-wire`.
pub fn generated<S: Strategy>(seed: u64, count: usize, values: &S) -> Vec<S::Value> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    (0..count).map(|_| values.new_tree(&mut runner).unwrap().current()).collect()
}

/// Makes events of all types.
pub fn events(seed: u64) -> Vec<Event> {
    generated(seed, 2 * GENERATED, &any::any_event())
}

/// Makes operations of JSON Patches.
pub fn operations(seed: u64) -> Vec<PatchOperation> {
    generated(seed, 2 * GENERATED, &any::operation())
}

/// The inputs of runs that a target begins with.
pub struct Inputs {
    /// Those of the generators, of the specification and of the sample events.
    inputs: Vec<Value>,
}

impl Inputs {
    /// Makes and reads the inputs.
    pub fn new(seed: u64) -> Self {
        let generated = generated(seed, GENERATED, &any::input()).into_iter().map(|input| json!(input));
        let fixtures: Value = serde_json::from_str(include_str!("../seeds/run_inputs.json")).unwrap();
        let fixtures = fixtures.as_object().unwrap().values().cloned();
        let samples = sample_events().into_iter().filter_map(|event| body(&event));
        Self { inputs: generated.chain(fixtures).chain(samples).collect() }
    }

    /// Chooses a valid input, or makes a conversation.
    pub fn choose(&self, choices: &mut Choices<'_>) -> Value {
        match choices.number(3) {
            0 => choices.one_of(&self.inputs).clone(),
            1 => {
                // Two merged: members of one in the other.
                let mut input = choices.one_of(&self.inputs).clone();
                let other = conversation(choices);
                for (name, value) in other.as_object().into_iter().flatten() {
                    if choices.is_one_in(2) {
                        input[name] = value.clone();
                    }
                }
                input
            }
            _ => conversation(choices),
        }
    }
}

/// Returns the sample events of this repository.
pub fn sample_events() -> Vec<Value> {
    json_files("events").into_iter().filter(|event| event.get("requestContext").is_some()).collect()
}

/// Reads the JSON files of a folder of the repository, in order of name.
pub fn json_files(name: &str) -> Vec<Value> {
    let files = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files.iter().map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
}

/// Returns the body of an event as JSON; `None` if it is not JSON.
pub fn body(event: &Value) -> Option<Value> {
    use base64::Engine as _;
    let body = event["body"].as_str()?;
    let decoded = match event["isBase64Encoded"] {
        Value::Bool(true) => base64::engine::general_purpose::STANDARD.decode(body).ok()?,
        _ => body.as_bytes().to_vec(),
    };
    read_json(&decoded)
}

/// Reads JSON whose halves of surrogate pairs are replaced as the library does it; `None` if it is not JSON.
pub fn read_json(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(&ag_ui_wire::json::normalize(text)).ok()
}
