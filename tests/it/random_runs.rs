//! Random runs: whatever is said, in whatever order, clients accept it and hold what the server holds.

use ag_ui_lambda::protocol::{Content, CustomName, PartKind, Source, TokenUsage};
use ag_ui_lambda::transcript::{Activity, ClosedCall, OpenCall, OpenStep, RunError};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};

use crate::support::edits::{Edit, edit, json};
use crate::support::{oracle, outline::outline};
use crate::transcript::{earlier_call, interrupt, object, predicting, values};

/// A verb, with numbers that choose among what it may be applied to.
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

/// How many calls of earlier runs have no result.
const EARLIER: u8 = 3;

fn earlier() -> impl Iterator<Item = String> {
    (0..EARLIER).map(|number| format!("e{number}"))
}

/// What the client holds before the run: the calls without a result, and one with.
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

/// Pieces of arguments that often make JSON together, and sometimes do not.
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

fn take<T>(list: &mut Vec<T>, which: usize) -> Option<T> {
    if list.is_empty() { None } else { Some(list.swap_remove(which % list.len())) }
}

/// Long enough for a difference to be shorter.
fn begins_with() -> Value {
    json!({"document": "old", "a": {"b": [1, 2, "long ".repeat(40)]}})
}

/// What the server holds in the end.
#[derive(Default)]
struct Held {
    state: Value,
    activities: Vec<Value>,
    /// Whether the client may still hold what was predicted from a call that waits for it or for a person.
    is_predicted: bool,
}

impl Held {
    /// What the client and the server both know: the state, without the member that is predicted.
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

fn parts(text: String) -> Content {
    let image = PartKind::Image { source: Source::bytes(text.as_bytes(), "image/png") };
    Content::Parts(vec![PartKind::Text { text }.into(), image.into()])
}

fn play(
    Played { verbs, is_before_1_0, answers_interrupts, emits_predict_state, ending }: Played,
) -> (Vec<Value>, Held) {
    let Value::Array(messages) = history() else { panic!("a list") };
    let mut run = predicting(begins_with()).emit_predict_state(emits_predict_state).with_messages(messages);
    if is_before_1_0 {
        run = run.for_client_before_1_0();
    }
    if answers_interrupts {
        run = run.answering_interrupts();
    }
    let mut held = Held { state: begins_with(), ..Held::default() };
    let mut steps: Vec<OpenStep> = Vec::new();
    let mut activities: Vec<Activity> = Vec::new();
    let custom = CustomName::new("com.acme.event").unwrap();
    let mut open: Vec<OpenCall> = Vec::new();
    let mut closed: Vec<ClosedCall> = Vec::new();
    let mut waiting: Vec<String> = earlier().collect();
    let mut events = Vec::new();
    for verb in verbs {
        match verb {
            Verb::Turn => run.turn(),
            Verb::Text(delta) => run.text(&delta),
            Verb::Reasoning(delta) => run.reasoning(&delta),
            Verb::SignReasoning => run.sign_reasoning("sealed"),
            Verb::HiddenReasoning => run.hidden_reasoning("sealed"),
            Verb::SignCall(which) => {
                let count = open.len().max(1);
                if let Some(call) = open.get(which % count) {
                    run.sign_call(call, "sealed");
                }
            }
            Verb::Call(id) => {
                let tool = if id % 2 == 0 { "clock" } else { "write" };
                open.push(run.tool_call(format!("c{id}").into(), tool));
            }
            Verb::Reserve(id) => run.reserve_call(format!("c{id}").into()),
            Verb::State(edit) => {
                edit.make(&mut held.state);
                run.state(held.state.clone());
            }
            Verb::Step(name) => steps.push(run.step(&format!("step {name}"))),
            Verb::EndStep(which) => {
                if let Some(step) = take(&mut steps, which) {
                    run.end_step(step);
                }
            }
            Verb::Activity(content) => {
                let content = json!({ "content": content });
                activities.push(run.activity("com.acme.activity", object(content.clone())));
                held.activities.push(content);
            }
            Verb::ChangeActivity(which, edit) => {
                let which = which % activities.len().max(1);
                if let Some(content) = held.activities.get_mut(which) {
                    edit.make(&mut content["content"]);
                    run.change_activity(&activities[which], object(content.clone()));
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
                    run.left_to_client(call);
                }
            }
            Verb::Ask(which) => {
                if let Some(call) = take(&mut closed, which) {
                    held.is_predicted |= ending == FINISH;
                    let interrupt = interrupt(&format!("i-{}", call.id()), call.id().as_str());
                    run.ask(call, interrupt);
                }
            }
            Verb::Earlier(which) => {
                let call = take(&mut waiting, which.into());
                closed.extend(call.map(|id| run.earlier_call(&earlier_call(&id, "clock"))));
            }
            Verb::Usage(count) => {
                run.usage(&TokenUsage { input_tokens: Some(count.into()), ..TokenUsage::default() });
            }
            Verb::Take(count) => events.extend((0..count).map_while(|_| run.next_event())),
            Verb::ForgetOpen(which) => drop(take(&mut open, which)),
            Verb::ForgetClosed(which) => drop(take(&mut closed, which)),
            Verb::ForgetStep(which) => drop(take(&mut steps, which)),
        }
    }
    events.extend(match ending {
        FINISH => run.finish(),
        1 => run.cancel("STOPPED"),
        _ => run.fail(RunError { code: "INTERNAL", message: "Sorry." }),
    });
    (values(events), held)
}

/// A run: what is said in it, to which client, and how it ends.
#[derive(Debug, Clone)]
struct Played {
    verbs: Vec<Verb>,
    is_before_1_0: bool,
    answers_interrupts: bool,
    emits_predict_state: bool,
    ending: u8,
}

/// The ending that leaves questions open.
const FINISH: u8 = 0;

fn run() -> impl Strategy<Value = Played> {
    let verbs = prop::collection::vec(verb(), 0..60);
    let weighted = prop::bool::weighted;
    (verbs, weighted(0.2), weighted(0.3), weighted(0.2), 0..3u8).prop_map(
        |(verbs, is_before_1_0, answers_interrupts, emits_predict_state, ending)| Played {
            verbs,
            is_before_1_0,
            answers_interrupts,
            emits_predict_state,
            ending,
        },
    )
}

/// `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    ProptestConfig::default().cases.max(4096)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_said_clients_accept_the_order(played in run()) {
        let client = oracle::Client::after(earlier().collect());
        let client = if played.is_before_1_0 { client.before_1_0() } else { client };
        let client = if played.answers_interrupts { client.answering_interrupts() } else { client };
        let (events, held) = play(played);
        let client = client.holding(history().as_array().unwrap().clone()).read(&events);
        prop_assert!(client.is_ok(), "{:?}\n{}", client.err(), outline(&events));
        let client = client.unwrap();
        let state = client.state.unwrap_or_else(begins_with);
        prop_assert_eq!(held.common(&state), held.common(&held.state));
        let contents: Vec<Value> = client.activities.into_iter().map(|(_, content)| content).collect();
        prop_assert_eq!(contents, held.activities);
        prop_assert_eq!(client.restated, Some(client.messages.0));
    }
}

/// The other schemas, which take longer, see a few hundred of the runs.
#[tokio::test]
async fn whatever_is_said_each_event_is_what_the_protocols_schemas_allow() {
    const FOR_ALL_ORACLES: u32 = 300;
    let schema = jsonschema::validator_for(&crate::support::oracles::events_schema().await).unwrap();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut text = String::new();
    for number in 0..cases() {
        let (events, _) = play(run().new_tree(&mut runner).unwrap().current());
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
