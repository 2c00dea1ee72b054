//! Random runs: after any calls in any order, clients accept the events and hold the same state as the server.

use ag_ui_lambda::protocol::{Content, CustomName, PartKind, Source, TokenUsage};
use ag_ui_lambda::transcript::{Activity, ClosedCall, OpenCall, OpenStep, RunError};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};

use crate::support::edits::{Edit, edit, json};
use crate::support::{event_order, outline::outline};
use crate::transcript::{cancelled, earlier_call, interrupt, object, predicting, values};

/// A method of the transcript, with numbers that choose what it is applied to.
#[derive(Debug, Clone)]
enum Verb {
    Turn,
    Text(String),
    Reasoning(String),
    SignReasoning,
    HiddenReasoning,
    Call(u8),
    Reserve(u8),
    SignCall(usize),
    Args(usize, String),
    EndCall(usize),
    Result(usize, String),
    ResultInParts(usize, String),
    Leave(usize),
    State(Edit),
    Step(u8),
    EndStep(usize),
    Activity(Value),
    ChangeActivity(usize, Edit),
    Custom(Value),
    Ask(usize),
    Earlier(u8),
    Usage(u32),
    Take(u8),
    ForgetOpen(usize),
    ForgetClosed(usize),
    ForgetStep(usize),
}

/// The number of calls of earlier runs without a result.
const EARLIER: u8 = 3;

/// Returns the ids of the calls of earlier runs.
fn earlier() -> impl Iterator<Item = String> {
    (0..EARLIER).map(|number| format!("e{number}"))
}

/// Returns the client's messages before the run, with the calls without a result and one with a result.
fn history() -> Value {
    let call =
        |id: String| json!({"id": id, "type": "function", "function": {"name": "clock", "arguments": "{}"}});
    let calls: Vec<Value> = earlier().chain(["e9".into()]).map(call).collect();
    json!([
        {"id": "u1", "role": "user", "content": [{"type": "text", "text": "What time is it?"}]},
        {"id": "s1", "role": "reasoning", "content": "Hm.", "encryptedValue": "sealed"},
        {"id": "a1", "role": "assistant", "content": "Let me see.", "toolCalls": calls, "name": "Clockmaker"},
        {"id": "t1", "role": "tool", "toolCallId": "e9", "content": "noon", "metadata": {"a": [1]}},
        {"id": "u2", "role": "user", "content": "And now?"},
    ])
}

/// Generates a verb.
fn verb() -> impl Strategy<Value = Verb> {
    let text = || prop_oneof![Just(String::new()), "[ -~\\n\u{e9}]{1,8}"];
    prop_oneof![
        Just(Verb::Turn),
        text().prop_map(Verb::Text),
        text().prop_map(Verb::Reasoning),
        Just(Verb::SignReasoning),
        Just(Verb::HiddenReasoning),
        (0..6u8).prop_map(Verb::Call),
        (0..6u8).prop_map(Verb::Reserve),
        edit().prop_map(Verb::State),
        (0..3u8).prop_map(Verb::Step),
        any::<usize>().prop_map(Verb::EndStep),
        json().prop_map(Verb::Activity),
        (any::<usize>(), edit()).prop_map(|(which, edit)| Verb::ChangeActivity(which, edit)),
        json().prop_map(Verb::Custom),
        any::<usize>().prop_map(Verb::SignCall),
        (any::<usize>(), arguments()).prop_map(|(which, text)| Verb::Args(which, text)),
        any::<usize>().prop_map(Verb::EndCall),
        (any::<usize>(), text()).prop_map(|(which, text)| Verb::Result(which, text)),
        (any::<usize>(), text()).prop_map(|(which, text)| Verb::ResultInParts(which, text)),
        any::<usize>().prop_map(Verb::Leave),
        any::<usize>().prop_map(Verb::Ask),
        (0..EARLIER).prop_map(Verb::Earlier),
        any::<u32>().prop_map(Verb::Usage),
        (0..4u8).prop_map(Verb::Take),
        any::<usize>().prop_map(Verb::ForgetOpen),
        any::<usize>().prop_map(Verb::ForgetClosed),
        any::<usize>().prop_map(Verb::ForgetStep),
    ]
}

/// Generates pieces of arguments that often form valid JSON together, and sometimes do not.
fn arguments() -> impl Strategy<Value = String> {
    let pieces = [
        "",
        r#"{"text":"#,
        r#"{"text":""#,
        r#"{"text":"all of it"}"#,
        r#"{"other":1,"text":[{"a":"#,
        r#"{"__proto__":"#,
        r"\",
        r"\u00",
        r"\u00e9",
        r"\ud83d",
        r"\ude00",
        "n",
        "e9",
        "word ",
        "12",
        "true",
        "\"",
        ",",
        ":",
        "{",
        "}",
        "[",
        "]",
    ];
    let long = Just("so it went on and on ".repeat(60));
    prop_oneof![8 => prop::sample::select(pieces.to_vec()).prop_map(ToOwned::to_owned), 1 => long]
}

/// Removes an item, chosen by a number; `None` from an empty list.
fn take<T>(list: &mut Vec<T>, which: usize) -> Option<T> {
    if list.is_empty() { None } else { Some(list.swap_remove(which % list.len())) }
}

/// Returns an initial state that is so long that a patch is shorter.
fn begins_with() -> Value {
    json!({"document": "old", "a": {"b": [1, 2, "long ".repeat(40)]}})
}

/// What the server holds at the end.
#[derive(Default)]
struct ServerState {
    state: Value,
    activities: Vec<Value>,
    /// Whether the client may still hold a prediction from a call that waits for its result or for an approval.
    is_predicted: bool,
}

impl ServerState {
    /// Returns the state without the predicted member, which must be equal at client and server.
    fn common(&self, state: &Value) -> Value {
        let mut common = state.clone();
        if self.is_predicted
            && let Some(members) = common.as_object_mut()
        {
            members.remove("document");
        }
        common
    }
}

/// Returns a result with this text and an image.
fn parts(text: String) -> Content {
    let image = PartKind::Image { source: Source::bytes(text.as_bytes(), "image/png") };
    Content::Parts(vec![PartKind::Text { text }.into(), image.into()])
}

/// Makes a run of these verbs. Returns its events, and what the server holds at the end.
fn apply_verbs(
    RandomRun { verbs, is_before_1_0, answers_interrupts, emits_predict_state, ending }: RandomRun,
) -> (Vec<Value>, ServerState) {
    let Value::Array(messages) = history() else { panic!("a list") };
    let mut run =
        predicting(begins_with()).emit_predict_state(emits_predict_state).with_messages_snapshot(messages);
    if is_before_1_0 {
        run = run.for_client_before_1_0();
    }
    if answers_interrupts {
        run = run.answering_interrupts();
    }
    let mut held = ServerState { state: begins_with(), ..ServerState::default() };
    let mut steps: Vec<OpenStep> = Vec::new();
    let mut activities: Vec<Activity> = Vec::new();
    let custom = CustomName::new("com.acme.event").unwrap();
    let mut open: Vec<OpenCall> = Vec::new();
    let mut closed: Vec<ClosedCall> = Vec::new();
    let mut waiting: Vec<String> = earlier().collect();
    let mut events = Vec::new();
    for verb in verbs {
        match verb {
            Verb::Turn => run.start_turn(),
            Verb::Text(delta) => run.text(&delta),
            Verb::Reasoning(delta) => run.reasoning(&delta),
            Verb::SignReasoning => run.attach_to_reasoning("sealed"),
            Verb::HiddenReasoning => run.encrypted_reasoning("sealed"),
            Verb::SignCall(which) => {
                let count = open.len().max(1);
                if let Some(call) = open.get(which % count) {
                    run.attach_to_call(call, "sealed");
                }
            }
            Verb::Call(id) => {
                let tool = if id % 2 == 0 { "clock" } else { "write" };
                open.push(run.tool_call(format!("c{id}").into(), tool));
            }
            Verb::Reserve(id) => run.reserve_call_id(format!("c{id}").into()),
            Verb::State(edit) => {
                edit.apply(&mut held.state);
                run.set_state(held.state.clone());
            }
            Verb::Step(name) => steps.push(run.start_step(&format!("step {name}"))),
            Verb::EndStep(which) => {
                if let Some(step) = take(&mut steps, which) {
                    run.end_step(step);
                }
            }
            Verb::Activity(content) => {
                let content = json!({ "content": content });
                activities.push(run.start_activity("com.acme.activity", object(content.clone())));
                held.activities.push(content);
            }
            Verb::ChangeActivity(which, edit) => {
                let which = which % activities.len().max(1);
                if let Some(content) = held.activities.get_mut(which) {
                    edit.apply(&mut content["content"]);
                    run.update_activity(&activities[which], object(content.clone()));
                }
            }
            Verb::Custom(value) => run.custom(&custom, value),
            Verb::Args(which, delta) => {
                let count = open.len().max(1);
                if let Some(call) = open.get(which % count) {
                    run.tool_args(call, &delta);
                }
            }
            Verb::EndCall(which) => closed.extend(take(&mut open, which).map(|call| run.end_call(call))),
            Verb::Result(which, content) => {
                if let Some(call) = take(&mut closed, which) {
                    run.tool_result(call, content);
                }
            }
            Verb::ResultInParts(which, text) => {
                if let Some(call) = take(&mut closed, which) {
                    let metadata = object(json!({"ag_ui_lambda": {"signature": text.clone()}}));
                    run.tool_result_with(call, parts(text), Some(metadata));
                }
            }
            Verb::Leave(which) => {
                if let Some(call) = take(&mut closed, which) {
                    held.is_predicted = true;
                    run.defer_to_client(call);
                }
            }
            Verb::Ask(which) => {
                if let Some(call) = take(&mut closed, which) {
                    held.is_predicted |= ending == FINISH;
                    let interrupt = interrupt(&format!("i-{}", call.id()), call.id().as_str());
                    run.interrupt(call, interrupt);
                }
            }
            Verb::Earlier(which) => {
                let call = take(&mut waiting, which.into());
                closed.extend(call.map(|id| run.resume_call(&earlier_call(&id, "clock"))));
            }
            Verb::Usage(count) => {
                run.add_usage(&TokenUsage { input_tokens: Some(count.into()), ..TokenUsage::default() });
            }
            Verb::Take(count) => events.extend((0..count).map_while(|_| run.next_event())),
            Verb::ForgetOpen(which) => drop(take(&mut open, which)),
            Verb::ForgetClosed(which) => drop(take(&mut closed, which)),
            Verb::ForgetStep(which) => drop(take(&mut steps, which)),
        }
    }
    events.extend(match ending {
        FINISH => run.finish(),
        1 => run.cancel(cancelled("STOPPED")),
        _ => run.fail(RunError { code: "INTERNAL", message: "Sorry." }),
    });
    (values(events), held)
}

/// A random run: its calls, its client, and its ending.
#[derive(Debug, Clone)]
struct RandomRun {
    verbs: Vec<Verb>,
    is_before_1_0: bool,
    answers_interrupts: bool,
    emits_predict_state: bool,
    ending: u8,
}

/// The ending that leaves interrupts open.
const FINISH: u8 = 0;

/// Generates a run.
fn run() -> impl Strategy<Value = RandomRun> {
    let verbs = prop::collection::vec(verb(), 0..60);
    let weighted = prop::bool::weighted;
    (verbs, weighted(0.2), weighted(0.3), weighted(0.2), 0..3u8).prop_map(
        |(verbs, is_before_1_0, answers_interrupts, emits_predict_state, ending)| RandomRun {
            verbs,
            is_before_1_0,
            answers_interrupts,
            emits_predict_state,
            ending,
        },
    )
}

/// Returns the number of cases, which `PROPTEST_CASES` can raise.
fn cases() -> u32 {
    ProptestConfig::default().cases.max(4096)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn random_runs_have_a_valid_order(random_run in run()) {
        let client = event_order::Client::with_open_calls(earlier().collect());
        let client = if random_run.is_before_1_0 { client.legacy() } else { client };
        let client = if random_run.answers_interrupts { client.resuming() } else { client };
        let (events, held) = apply_verbs(random_run);
        let client = client.with_messages(history().as_array().unwrap().clone()).read(&events);
        prop_assert!(client.is_ok(), "{:?}\n{}", client.err(), outline(&events));
        let client = client.unwrap();
        let state = client.state.unwrap_or_else(begins_with);
        prop_assert_eq!(held.common(&state), held.common(&held.state));
        let contents: Vec<Value> = client.activities.into_iter().map(|(_, content)| content).collect();
        prop_assert_eq!(contents, held.activities);
        prop_assert_eq!(client.snapshot_messages, Some(client.messages.0));
    }
}

/// Checks some of the runs with the protocol's schemas, which take longer.
#[tokio::test]
async fn random_events_fit_the_protocol_schemas() {
    const FOR_ALL_ORACLES: u32 = 300;
    let schema = jsonschema::validator_for(&crate::support::oracles::events_schema().await).unwrap();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut text = String::new();
    for number in 0..cases() {
        let (events, _) = apply_verbs(run().new_tree(&mut runner).unwrap().current());
        for event in &events {
            assert!(schema.is_valid(event), "run {number}: {event}");
        }
        if number < FOR_ALL_ORACLES {
            text.extend(events.iter().map(|event| format!("data: {event}\n\n")));
        }
    }
    assert!(!schema.is_valid(&json!({"type": "RUN_STARTED", "threadId": "t"})), "it would allow anything");
    let recorded = crate::support::recording("random.sse");
    std::fs::write(&recorded, text).unwrap();

    crate::support::oracles::check_frames(&recorded).await.unwrap_or_else(|refusal| panic!("{refusal}"));
}
