//! The rules for gated calls, every cell of them: what the history has, which answer comes, what stands behind the call,
//! and whether a store remembers approvals. What has to happen is worked out here from the rules as they are written,
//! and compared with what the client is sent, what the model reads and what ran.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::shop::{Asked, Book, KEY, RotatingKey, Shop, Told, UNVERIFIED, calls, refund};

const NEW_KEY: &str = "fedcba9876543210fedcba9876543210";
const DECLINED: &str = r#"{"error":"No result of this call is known. It was not run for this message. If it was approved or needed no approval, it may have run before.","interrupt":"unknown"}"#;

/// What the history has as the result of the call.
#[derive(Debug, Clone, Copy, PartialEq)]
enum History {
    Nothing,
    /// What CopilotKit adds beside the answer.
    Echo,
    Unsigned,
    Signed,
    SignedDecline,
    /// A decline, and behind it the result of a second tab.
    DeclineAndSigned,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    Missing,
    Yes,
    No,
    Cancelled,
    Expired,
    Forged,
    /// Of another user.
    Foreign,
    /// By a key that the function has not read yet.
    NewKey,
    YesAndNo,
    ForAnotherCall,
}

/// What stands behind the call's message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Behind {
    Nothing,
    UserMessage,
    FrontendResult,
}

type Cell = (History, Answer, Behind, bool);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    Runs,
    Unmet(&'static str),
    Stands,
    DeclineStands,
    Unverified,
    StaysOpen,
    Declined,
}

fn is_echo((history, answer, ..): Cell) -> bool {
    history == History::Echo && !matches!(answer, Answer::Missing | Answer::ForAnotherCall)
}

/// The first rule that applies.
fn expected(cell @ (history, answer, behind, has_store): Cell) -> Outcome {
    match history {
        History::Signed | History::DeclineAndSigned => return Outcome::Stands,
        History::SignedDecline => return Outcome::DeclineStands,
        _ => {}
    }
    let has_unsigned = history == History::Unsigned || (history == History::Echo && !is_echo(cell));
    let decided = match answer {
        Answer::Yes | Answer::NewKey => Some(Outcome::Runs),
        Answer::No => Some(Outcome::Unmet("denied")),
        Answer::Cancelled => Some(Outcome::Unmet("cancelled")),
        Answer::Expired => Some(Outcome::Unmet("expired")),
        _ => None,
    };
    match decided {
        Some(outcome) if !has_unsigned || has_store => outcome,
        _ if has_unsigned => Outcome::Unverified,
        _ if answer == Answer::Missing && behind == Behind::FrontendResult => Outcome::StaysOpen,
        _ => Outcome::Declined,
    }
}

fn tool_message(content: impl Into<Value>) -> Value {
    json!({"id": "x1", "role": "tool", "toolCallId": "c1", "content": content.into()})
}

/// The tool message that a client makes of the result of the refund.
fn result_message(told: &Told, id: &str) -> Value {
    let is_result = |event: &&Value| event["type"] == "TOOL_CALL_RESULT" && event["toolCallId"] == "c1";
    let event = told.events.iter().find(is_result).unwrap();
    json!({"id": id, "role": "tool", "toolCallId": "c1", "content": event["content"], "metadata": event["metadata"]})
}

/// A conversation in which a refund waits.
struct Conversation {
    shop: Shop,
    asked: Asked,
    told: Told,
}

impl Conversation {
    async fn begin(behind: Behind, has_store: bool) -> Self {
        let guard = has_store.then(Book::default);
        let shop = Shop { guard, secret: Some(RotatingKey::new(KEY)), ..Shop::new() };
        let made = [refund(), ("paint", json!({}))];
        let count = if behind == Behind::FrontendResult { 2 } else { 1 };
        let mut asked = calls(&made[..count]);
        asked.input["tools"] = json!([{"name": "paint", "description": "Paints."}]);
        let told = shop.send(&asked).await;
        Self { shop, asked, told }
    }

    /// The next request as far as it is the same for all cells.
    fn next(&self) -> Asked {
        self.asked.after(&self.told).in_one_message()
    }

    fn id(&self) -> Value {
        self.told.interrupts()[0]["id"].clone()
    }

    /// The results that this server has signed, of a shop that remembers nothing.
    async fn signed(&self, history: History) -> Vec<Value> {
        let elsewhere = Shop { guard: None, ledger: Arc::default(), ..self.shop.clone() };
        let real = elsewhere.send(&self.next().approve(&self.id())).await;
        let mut without_answer = self.next();
        without_answer.messages().push(json!({"id": "u9", "role": "user", "content": "Hello?"}));
        let declined = elsewhere.send(&without_answer).await;
        let (real, declined) = (result_message(&real, "x2"), result_message(&declined, "x3"));
        match history {
            History::Signed => vec![real],
            History::SignedDecline => vec![declined],
            _ => vec![declined, real],
        }
    }

    async fn answered(&self, answer: Answer) -> Asked {
        let (next, id) = (self.next(), self.id());
        let no = json!({"approved": false});
        match answer {
            Answer::Missing => next,
            Answer::Yes => next.approve(&id),
            Answer::No => next.resolve(&id, no),
            Answer::Cancelled => next.cancel(&id),
            Answer::Expired => {
                self.shop.now.fetch_add(900, Ordering::SeqCst);
                next.approve(&id)
            }
            Answer::Forged => next.approve(&id.as_str().unwrap().replacen(".a.", ".a.1", 1).into()),
            Answer::Foreign => {
                let bob = self.asked.clone().claim("sub", "bob".into());
                next.approve(&self.shop.send(&bob).await.interrupts()[0]["id"])
            }
            Answer::NewKey => {
                self.shop.secret.as_ref().unwrap().rotate(NEW_KEY);
                let newer = self.shop.send(&self.asked).await.interrupts()[0]["id"].clone();
                assert!(newer.as_str().unwrap().contains(".4ba68aa8."), "{newer}");
                next.approve(&newer)
            }
            Answer::YesAndNo => next.approve(&id).resolve(&id, no),
            Answer::ForAnotherCall => {
                let other = self.shop.send(&calls(&[("look", json!({})), refund()])).await;
                next.approve(&other.interrupts()[0]["id"])
            }
        }
    }
}

async fn try_cell(cell @ (history, answer, behind, has_store): Cell) {
    let conversation = Conversation::begin(behind, has_store).await;
    let shop = &conversation.shop;
    // A function that has read the keys before they are rotated.
    let endpoint = shop.endpoint();
    Shop::send_to(&endpoint, &calls(&[refund()])).await;
    let signed = conversation.signed(history).await;
    let mut next = conversation.answered(answer).await;
    if behind == Behind::FrontendResult {
        next.messages().push(json!({"id": "f", "role": "tool", "toolCallId": "c2", "content": "painted"}));
    }
    let echo = match answer {
        Answer::No => r#"{"approved": false}"#,
        Answer::Cancelled => r#"{"status":"cancelled"}"#,
        _ => r#"{"approved":true}"#,
    };
    match history {
        History::Nothing => {}
        History::Echo => next.messages().push(tool_message(echo)),
        History::Unsigned => next.messages().push(tool_message("refunded")),
        _ => next.messages().extend(signed),
    }
    if behind == Behind::UserMessage {
        next.messages().push(json!({"id": "u2", "role": "user", "content": "And now?"}));
    }
    shop.requests.lock().unwrap().clear();

    let told = Shop::send_to(&endpoint, &next).await;

    assert_eq!(told.status, 200, "{cell:?}: {}", told.text);
    let outcome = expected(cell);
    let refunded = json!({"order_id": "1234", "amount": 20.0});
    let unmet = |word: &str| told.result("c1").is_some_and(|result| result["interrupt"] == word);
    let (ran, sent) = match outcome {
        Outcome::Runs => (1, told.result("c1") == Some(refunded.clone())),
        Outcome::Unmet(word) => (0, unmet(word)),
        Outcome::Declined => (0, unmet("unknown")),
        _ => (0, told.result("c1").is_none()),
    };
    assert_eq!((shop.done().len(), sent), (ran, true), "{cell:?} is {outcome:?}\n{}", told.outline());
    let read = what_the_model_read(shop);
    let expected_to_read = match outcome {
        Outcome::Runs | Outcome::Stands => Some(refunded.to_string()),
        Outcome::Unmet(_) => told.result("c1").map(|result| result.to_string()),
        Outcome::Declined | Outcome::DeclineStands => Some(DECLINED.to_owned()),
        Outcome::Unverified => Some(UNVERIFIED.to_owned()),
        Outcome::StaysOpen => None,
    };
    let same =
        |a: &str, b: &str| a == b || serde_json::from_str::<Value>(a).ok() == serde_json::from_str(b).ok();
    let is_read = match (&read, &expected_to_read) {
        (Some(read), Some(expected)) => same(read, expected),
        (read, expected) => read.is_none() && expected.is_none(),
    };
    assert!(is_read, "{cell:?} is {outcome:?}: the model read {read:?}, not {expected_to_read:?}");
    let snapshot = told.events.iter().position(|event| event["type"] == "MESSAGES_SNAPSHOT");
    // A store decides beside a message that nobody signed, whose place the real result takes.
    let is_replaced = history != History::Nothing && matches!(outcome, Outcome::Runs | Outcome::Unmet(_));
    assert_eq!(snapshot, (is_echo(cell) || is_replaced).then_some(1), "{cell:?}\n{}", told.outline());
    if snapshot.is_some() {
        let mut without = next.messages().clone();
        without.retain(|message| message["id"] != "x1");
        assert_eq!(told.events[1]["messages"], Value::Array(without), "{cell:?}");
    }
    assert_eq!(told.events.last().unwrap()["outcome"]["type"], "success", "{cell:?}");

    // The thread goes on, nothing runs again, and the model reads the same of the call.
    let mut later = next.after(&told);
    later.messages().push(json!({"id": "u3", "role": "user", "content": "Thanks."}));
    shop.requests.lock().unwrap().clear();
    let told = Shop::send_to(&endpoint, &later).await;
    assert_eq!(told.events.last().unwrap()["outcome"]["type"], "success", "{cell:?}: {}", told.text);
    assert_eq!(shop.done().len(), ran, "{cell:?}");
    let expected = expected_to_read.unwrap_or_else(|| DECLINED.to_owned());
    let read = what_the_model_read(shop).unwrap_or_default();
    assert!(same(&read, &expected), "{cell:?} is {outcome:?}: the model then read {read}");
    assert_eq!(told.result("c1").is_some(), outcome == Outcome::StaysOpen, "{cell:?}\n{}", told.outline());
}

/// What the model read as the result of the refund in its first request; `None` if it was not asked.
fn what_the_model_read(shop: &Shop) -> Option<String> {
    let requests = shop.requests.lock().unwrap();
    let results = requests.first()?.history.iter().filter_map(|turn| match turn {
        ag_ui_lambda::model::Turn::Results(results) => Some(results),
        _ => None,
    });
    results.flatten().find(|result| result.id.as_str() == "c1").map(|result| result.content.text())
}

#[tokio::test]
async fn every_cell_of_the_rules_has_its_outcome() {
    use Answer::*;
    let histories = [
        History::Nothing,
        History::Echo,
        History::Unsigned,
        History::Signed,
        History::SignedDecline,
        History::DeclineAndSigned,
    ];
    let answers = [Missing, Yes, No, Cancelled, Expired, Forged, Foreign, NewKey, YesAndNo, ForAnotherCall];
    let mut cells = 0;
    for history in histories {
        for answer in answers {
            for behind in [Behind::Nothing, Behind::UserMessage, Behind::FrontendResult] {
                for has_store in [false, true] {
                    try_cell((history, answer, behind, has_store)).await;
                    cells += 1;
                }
            }
        }
    }
    assert_eq!(cells, 360);
}
