//! What is left out of generated conversations, and what stays.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::agent::run::history::calls::{DecidedCall, read_calls};
use crate::agent::run::limits::Limits;
use crate::model::ModelSettings;
use crate::protocol::RunAgentInput;

/// The instructions of all requests.
const INSTRUCTIONS: &str = "Be kind.";

/// One turn of a generated conversation: the length of the user's message, and the lengths of the results of the calls that
/// follow, one list for each message of the assistant. The assistant ends the turn with a text of the last length.
#[derive(Debug, Clone)]
struct Exchange {
    question: usize,
    calls: Vec<Vec<usize>>,
    answer: usize,
}

fn exchange() -> impl Strategy<Value = Exchange> {
    (1..400_usize, vec(vec(0..600_usize, 1..3), 0..3), 1..400_usize)
        .prop_map(|(question, calls, answer)| Exchange { question, calls, answer })
}

/// Returns an exchange with texts of this length and without calls.
fn plain(length: usize) -> Exchange {
    Exchange { question: length, calls: Vec::new(), answer: length }
}

/// Returns the messages of a conversation. Its last message is a question.
fn messages(exchanges: &[Exchange], last: usize) -> Vec<Value> {
    let mut messages = Vec::new();
    for (number, Exchange { question, calls, answer }) in exchanges.iter().enumerate() {
        messages.push(
            json!({"id": format!("u{number}"), "role": "user", "content": format!("{number}:{}", "q".repeat(*question))}),
        );
        for (step, results) in calls.iter().enumerate() {
            let id = |call: usize| format!("c{number}_{step}_{call}");
            let calls: Vec<Value> = (0..results.len())
                .map(|call| json!({"id": id(call), "type": "function", "function": {"name": "f", "arguments": "{}"}}))
                .collect();
            messages
                .push(json!({"id": format!("a{number}_{step}"), "role": "assistant", "toolCalls": calls}));
            messages.extend(results.iter().enumerate().map(|(call, length)| {
                json!({"id": format!("r{}", id(call)), "role": "tool", "toolCallId": id(call), "content": "r".repeat(*length)})
            }));
        }
        messages
            .push(json!({"id": format!("a{number}"), "role": "assistant", "content": "a".repeat(*answer)}));
    }
    messages.push(json!({"id": "last", "role": "user", "content": "l".repeat(last)}));
    messages
}

/// Returns the request with these messages. `new_result` is the index of the call, if there is one, that has got its result in
/// this run.
fn request(messages: &[Value], new_result: Option<usize>) -> LongRequest {
    let input = json!({"threadId": "t", "runId": "r", "messages": messages});
    let input = RunAgentInput::read(input).unwrap().input;
    let mut calls = read_calls(&input.messages);
    if let Some(index) = new_result {
        calls[index].has_new_result = true;
    }
    let calls = calls.into_iter().map(DecidedCall::from).collect();
    let request = Request {
        instructions: Some(INSTRUCTIONS.into()),
        history: Vec::new(),
        tools: [].into(),
        settings: ModelSettings::default(),
    };
    LongRequest::new(request, History::read(input, calls, |_| true))
}

/// Returns a budget with these limits.
fn budget(input_bytes: u64, tokens: Option<u64>) -> TurnBudget {
    TurnBudget::new(Limits {
        input_bytes: usize::try_from(input_bytes).unwrap(),
        tokens,
        ..Limits::default()
    })
}

/// Returns the size of a request.
fn size(long: &LongRequest) -> InputSize {
    long.sizes().total
}

/// Returns the number of a turn's question; `None` for the last one, and for a turn of the model.
fn number(turn: &Turn) -> Option<usize> {
    let Turn::User(parts) = turn else { return None };
    parts.iter().find_map(|part| match part {
        UserPart::Content(part) => match &part.kind {
            crate::protocol::PartKind::Text { text } => text.split_once(':')?.0.parse().ok(),
            _ => None,
        },
        _ => None,
    })
}

/// Checks that `after` is a valid rest of `before`: whole turns from the end, with one note in place of the others.
fn check_rest(before: &LongRequest, after: &LongRequest) -> Result<(), TestCaseError> {
    let (all, rest) = (&before.request.history, &after.request.history);
    let left_out = all.len() - rest.len();
    let mut expected = all[left_out..].to_vec();
    if left_out > 0 {
        prop_assert!(is_message_of_user(&expected[0]));
        let Turn::User(parts) = &mut expected[0] else { unreachable!("it is a message of the user") };
        parts.insert(0, UserPart::Note(GAP.into()));
    }
    prop_assert_eq!(&expected, rest);
    for pair in rest.windows(2) {
        if let Turn::Assistant { calls, .. } = &pair[0] {
            let Turn::Results(results) = &pair[1] else {
                prop_assert!(calls.is_empty());
                continue;
            };
            let ids: Vec<_> = results.iter().map(|result| &result.id).collect();
            prop_assert_eq!(calls.iter().map(|call| &call.id).collect::<Vec<_>>(), ids);
        }
    }
    prop_assert_eq!(after.request.instructions.as_deref(), Some(INSTRUCTIONS));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn rest_fits_or_the_newest_turn_is_too_large(
        exchanges in vec(exchange(), 0..12),
        last in 1..400_usize,
        limit in 200..4000_u64,
    ) {
        let messages = messages(&exchanges, last);
        let before = request(&messages, None);
        let mut after = request(&messages, None);
        match after.fit(&mut budget(limit, None), 0) {
            Ok(()) => {
                prop_assert!(size(&after).bytes <= limit);
                if size(&before).bytes <= limit {
                    prop_assert_eq!(&after.request, &before.request);
                    prop_assert!(after.take_left_out().is_none());
                } else {
                    let left_out = after.take_left_out().unwrap();
                    prop_assert_eq!(left_out.reason, "MAX_INPUT_BYTES");
                    prop_assert_eq!(left_out.turns + left_out.turns_kept, exchanges.len() + 1);
                    prop_assert_eq!(left_out.bytes_kept, size(&after).bytes);
                    prop_assert_eq!(left_out.bytes, size(&before).bytes - size(&after).bytes);
                }
            }
            Err(reason) => {
                prop_assert_eq!(reason, CancelReason::MaxInputBytes);
                prop_assert!((INSTRUCTIONS.len() + GAP.len() + last) as u64 > limit);
                prop_assert_eq!(&after.request, &before.request);
            }
        }
        check_rest(&before, &after)?;
    }

    #[test]
    fn turn_with_a_new_result_stays(exchanges in vec(exchange(), 1..8), limit in 200..2000_u64, seed: usize) {
        let messages = messages(&exchanges, 10);
        let calls: Vec<usize> = exchanges.iter().enumerate()
            .flat_map(|(number, exchange)| exchange.calls.iter().flatten().map(move |_| number))
            .collect();
        prop_assume!(!calls.is_empty());
        let index = seed % calls.len();
        let before = request(&messages, Some(index));
        let mut after = request(&messages, Some(index));
        while after.halve("TEST") {}
        prop_assert_eq!(number(&after.request.history[0]), Some(calls[index]));
        check_rest(&before, &after)?;
        let _ = after.fit(&mut budget(limit, None), 0);
        prop_assert_eq!(number(&after.request.history[0]), Some(calls[index]));
    }

    #[test]
    fn halving_ends_at_the_newest_turn(exchanges in vec(exchange(), 0..12), last in 1..400_usize) {
        let messages = messages(&exchanges, last);
        let before = request(&messages, None);
        let mut after = request(&messages, None);
        let mut turns = after.request.history.len();
        while after.halve("TEST") {
            prop_assert!(after.request.history.len() < turns);
            turns = after.request.history.len();
        }
        prop_assert_eq!(turns, 1);
        check_rest(&before, &after)?;
        let left_out = after.take_left_out().map_or(0, |left_out| left_out.turns);
        prop_assert_eq!(left_out, exchanges.len());
    }
}

#[test]
fn half_of_the_bytes_stay() {
    let exchanges = vec![plain(50); 100];
    let mut long = request(&messages(&exchanges, 50), None);
    let before = size(&long).bytes;

    assert!(long.halve("TEST"));

    let after = size(&long).bytes;
    assert!(after <= before / 2 && after >= before / 4, "{after} of {before}");
}

#[test]
fn cut_stays_in_its_place_while_the_conversation_grows() {
    let mut first_turns = Vec::new();
    for length in 1..=100 {
        let mut long = request(&messages(&vec![plain(50); length], 50), None);
        long.fit(&mut budget(4000, None), 0).unwrap();
        first_turns.push(number(&long.request.history[0]).unwrap());
    }

    first_turns.dedup();
    assert_eq!(first_turns.len(), 8, "some ten turns are left out at a time: {first_turns:?}");
}

#[test]
fn tokens_that_are_left_count_for_the_input_and_the_answer() {
    let exchanges = vec![plain(1000); 10];
    for (why, tokens, used, expected) in [
        ("no limit", None, 0, Ok(None)),
        ("a quarter is enough for the older turns", Some(20_100), 0, Ok(None)),
        ("a quarter is less than the older turns", Some(20_000), 0, Ok(Some("TOKEN_BUDGET"))),
        ("some are used", Some(20_100), 13_000, Ok(None)),
        ("three quarters of the rest are less than all", Some(20_100), 15_000, Ok(Some("TOKEN_BUDGET"))),
        ("the newest turn needs all", Some(60), 0, Ok(Some("TOKEN_BUDGET"))),
        ("the newest turn needs more", Some(30), 0, Err(CancelReason::TokenBudget)),
    ] {
        let mut long = request(&messages(&exchanges, 100), None);
        let fitted = long.fit(&mut budget(1_000_000, tokens), used);
        assert_eq!(fitted.map(|()| long.take_left_out().map(|left_out| left_out.reason)), expected, "{why}");
        if let (Ok(_), Some(tokens)) = (expected, tokens) {
            assert!(size(&long).tokens <= tokens - used, "{why}");
        }
    }
}

#[test]
fn long_newest_turn_does_not_displace_older_turns() {
    let exchanges = vec![plain(1000); 2];
    let mut long = request(&messages(&exchanges, 40_000), None);

    long.fit(&mut budget(1_000_000, Some(20_000)), 0).unwrap();

    assert!(long.take_left_out().is_none());
}

#[test]
fn note_of_the_server_is_no_message_of_the_user() {
    let exchanges = [plain(10), plain(10)];
    let mut messages = messages(&exchanges, 10);
    messages.push(json!({"id": "end", "role": "assistant", "content": "What I said last."}));
    let mut long = request(&messages, None);

    while long.halve("TEST") {}

    assert_eq!(long.request.history.len(), 3, "{:?}", long.request.history);
}

/// Returns the texts of the messages of the user in the first turn of the history, cut to three letters, with the notes.
fn first_turn(long: &LongRequest) -> Vec<String> {
    let Turn::User(parts) = &long.request.history[0] else { panic!("the user begins") };
    let text = |part: &UserPart| match part {
        UserPart::Content(part) => match &part.kind {
            crate::protocol::PartKind::Text { text } => text.clone(),
            _ => panic!("all parts are texts"),
        },
        UserPart::Note(text) | UserPart::ClientContext(text) => text.clone(),
    };
    parts.iter().map(|part| text(part).chars().take(3).collect()).collect()
}

#[test]
fn of_several_messages_in_a_row_only_the_newest_is_needed() {
    let gap = &GAP[..3];
    let messages_in_a_row = |exchanges: &[Exchange]| {
        let mut messages = messages(exchanges, 10_000);
        messages.push(json!({"id": "u", "role": "user", "content": "More of it."}));
        messages.push(json!({"id": "v", "role": "user", "content": "hello?"}));
        messages
    };
    for (why, exchanges, limit, kept, left_out) in [
        ("everything fits", vec![], 20_000, vec!["lll", "Mor", "hel"], None),
        ("the first one is too long", vec![], 1000, vec![gap, "hel"], Some((1, 1))),
        (
            "the older turns are enough",
            vec![plain(9000)],
            12_000,
            vec![gap, "lll", "Mor", "hel"],
            Some((1, 1)),
        ),
        ("the older turns are not enough", vec![plain(10)], 1000, vec![gap, "hel"], Some((2, 1))),
    ] {
        let mut long = request(&messages_in_a_row(&exchanges), None);
        long.fit(&mut budget(limit, None), 0).unwrap();
        assert_eq!(first_turn(&long), kept, "{why}");
        assert!(size(&long).bytes <= limit, "{why}");
        let counts = long.take_left_out().map(|left_out| (left_out.turns, left_out.turns_kept));
        assert_eq!(counts, left_out, "{why}");
    }

    let mut long = request(&messages_in_a_row(&[plain(10), plain(10)]), None);
    while long.halve("TEST") {}
    assert_eq!(first_turn(&long), [gap, "hel"], "the model has refused the rest");
    assert_eq!(long.take_left_out().unwrap().turns, 3);
}

#[test]
fn data_of_the_client_stays_with_the_newest_message() {
    let mut messages = messages(&[], 10_000);
    messages.push(json!({"id": "u", "role": "user", "content": "hello?"}));
    let input = json!({"threadId": "t", "runId": "r", "messages": messages,
        "context": [{"description": "page", "value": "cart"}]});
    let history = History::read(RunAgentInput::read(input).unwrap().input, Vec::new(), |_| true);
    let request = request(&[], None).request;
    let mut long = LongRequest::new(request, history);

    long.fit(&mut budget(1000, None), 0).unwrap();

    assert_eq!(first_turn(&long), [&GAP[..3], "<cl", "hel"]);
}
