//! Approvals that are brought again, without a guard and with one.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Barrier;

use super::shop::{Asked, Book, Shop, Told, calls, refund};

/// A refund that was asked for and approved; the request can be sent any number of times.
async fn approved(shop: &Shop) -> Asked {
    let asked = calls(&[refund()]);
    let told = shop.send(&asked).await;
    asked.after(&told).approve(&told.id())
}

fn guarded(book: Book) -> Shop {
    Shop { guard: Some(book), ..Shop::new() }
}

#[tokio::test]
async fn without_a_guard_a_replay_runs_again_under_the_same_key() {
    let shop = Shop::new();
    let approved = approved(&shop).await;

    for _ in 0..2 {
        shop.send(&approved).await;
    }

    let keys = shop.keys();
    assert!(keys.len() == 2 && keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
}

#[tokio::test]
async fn with_a_guard_a_replay_is_answered_with_what_came_of_the_first() {
    let shop = guarded(Book::default());
    let approved = approved(&shop).await;

    let results: Vec<Told> = vec![shop.send(&approved).await, shop.send(&approved).await];

    assert_eq!(shop.done().len(), 1);
    assert_eq!(results[0].result("c1"), results[1].result("c1"));
    assert_eq!(results[1].result("c1"), Some(json!({"order_id": "1234", "amount": 20.0})));
}

#[tokio::test]
async fn with_a_guard_what_came_of_a_call_is_told_whatever_a_later_answer_says() {
    for why in ["denied", "cancelled", "expired"] {
        let shop = guarded(Book::default());
        let asked = calls(&[refund()]);
        let told = shop.send(&asked).await;
        let asked_again = || asked.after(&told);
        shop.send(&asked_again().approve(&told.id())).await;

        let later = match why {
            "denied" => asked_again().resolve(&told.id(), json!({"approved": false})),
            "cancelled" => asked_again().cancel(&told.id()),
            _ => {
                shop.now.fetch_add(100_000, std::sync::atomic::Ordering::SeqCst);
                asked_again().approve(&told.id())
            }
        };

        let result = shop.send(&later).await.result("c1");
        assert_eq!(result, Some(json!({"order_id": "1234", "amount": 20.0})), "{why}");
    }
}

#[tokio::test]
async fn with_a_guard_a_no_is_remembered() {
    let shop = guarded(Book::default());
    let asked = calls(&[refund()]);
    let told = shop.send(&asked).await;
    let denied = asked.after(&told).resolve(&told.id(), json!({"approved": false}));
    let first = shop.send(&denied).await.result("c1").unwrap();

    let then = shop.send(&asked.after(&told).approve(&told.id())).await.result("c1").unwrap();

    assert_eq!(shop.done(), []);
    assert_eq!((&first["interrupt"], &then), (&json!("denied"), &first));
}

#[tokio::test]
async fn given_ten_at_once_then_the_tool_runs_once() {
    let together = Some(Arc::new(Barrier::new(10)));
    let shop = guarded(Book { together, ..Book::default() });
    let approved = approved(&shop).await;

    let told = futures_util::future::join_all((0..10).map(|_| shop.send(&approved))).await;

    assert_eq!(shop.done().len(), 1);
    let results: Vec<Value> = told.iter().map(|told| told.result("c1").unwrap()).collect();
    let unknown = results.iter().filter(|result| result["interrupt"] == "outcome_unknown").count();
    assert_eq!(unknown, 9, "nine have claimed before the first had run: {results:?}");
}

#[tokio::test]
async fn given_a_claim_without_an_outcome_then_the_outcome_is_unknown_and_the_tool_does_not_run() {
    let shop = guarded(Book { forgets_outcomes: true, ..Book::default() });
    let approved = approved(&shop).await;
    assert!(shop.send(&approved).await.text.contains("1234"), "the first has its result all the same");

    let told = shop.send(&approved).await;

    assert_eq!(shop.done().len(), 1);
    assert_eq!(
        told.result("c1"),
        Some(json!({
            "error": "This call was answered before, and what came of that is unknown. Nothing was run for this answer.",
            "interrupt": "outcome_unknown",
        }))
    );
}

#[tokio::test]
async fn with_a_guard_that_fails_a_no_does_not_claim_that_nothing_ran() {
    let asking = Shop::new();
    let asked = calls(&[refund()]);
    let told = asking.send(&asked).await;
    let shop = guarded(Book { is_failing: true, ..Book::default() });

    let denied = shop.send(&asked.after(&told).resolve(&told.id(), json!({"approved": false}))).await;

    assert_eq!(shop.done(), []);
    assert_eq!(
        denied.result("c1"),
        Some(json!({
            "error": "Whether this call was run before is unknown. Nothing was run for this answer.",
            "interrupt": "outcome_unknown",
        })),
        "an earlier yes may have run it"
    );
}

#[tokio::test]
async fn given_a_guard_that_fails_then_nothing_runs() {
    let shop = guarded(Book { is_failing: true, ..Book::default() });
    let told = shop.send(&approved(&shop).await).await;

    assert_eq!(shop.done(), []);
    assert_eq!(
        told.result("c1"),
        Some(json!({
            "error": "The approval could not be registered. Nothing was run for this answer.",
            "interrupt": "not_claimed",
        }))
    );
}

#[tokio::test]
async fn given_a_second_proof_of_the_same_call_then_it_counts_as_the_first_one() {
    let shop = guarded(Book::default());
    let asked = calls(&[refund()]);
    let first = shop.send(&asked).await;
    // The client sends its run once more, as after a lost connection, and is asked once more.
    let second = shop.send(&asked).await;
    assert_ne!(first.id(), second.id());

    for told in [&first, &second] {
        shop.send(&asked.after(told).approve(&told.id())).await;
    }

    assert_eq!(shop.done().len(), 1);
}

#[tokio::test]
async fn given_an_approval_that_led_to_a_question_when_it_is_brought_again_then_the_same_question_stands() {
    let shop = guarded(Book::default());
    let asked = calls(&[("shoes", json!({}))]);
    let approval = shop.send(&asked).await;
    let approved = asked.after(&approval).approve(&approval.id());
    let question = shop.send(&approved).await;
    let answer = |told: &Told, size: u8| approved.after(told).resolve(&told.id(), json!({ "size": size }));
    shop.send(&answer(&question, 42)).await;

    let replayed = shop.send(&approved).await;
    assert_eq!(replayed.id(), question.id());
    let told = shop.send(&answer(&replayed, 43)).await;

    assert_eq!(told.result("c1"), Some(json!({"ordered": 42})));
    assert_eq!(shop.done(), [("shoes".into(), json!(42))]);
}

#[tokio::test]
async fn given_a_client_that_uses_a_run_id_twice_when_a_question_is_put_again_then_it_can_be_answered() {
    let shop = guarded(Book::default());
    let asked = calls(&[("choose", json!({}))]);
    let question = shop.send(&asked).await;
    let mut answers = asked.after(&question);
    // All in one second, and each run bears the first one's name.
    answers.input["runId"] = asked.input["runId"].clone();

    let again = shop.send(&answers.clone().resolve(&question.id(), json!({"size": 60}))).await;
    assert_ne!(again.id(), question.id());
    let told = shop.send(&answers.resolve(&again.id(), json!({"size": 42}))).await;

    assert_eq!(told.result("c1"), Some(json!({"chosen": 42})));
}

#[tokio::test]
async fn without_a_guard_an_approval_brought_again_with_other_arguments_has_the_same_key() {
    let shop = Shop::new();
    let asked = calls(&[("price", json!({"order_id": "1", "amount": 20}))]);
    let told = shop.send(&asked).await;

    for amount in [30, 40] {
        let edit = json!({"approved": true, "editedArgs": {"order_id": "1", "amount": amount}});
        shop.send(&asked.after(&told).resolve(&told.id(), edit)).await;
    }

    let keys = shop.keys();
    assert!(keys.len() == 2 && keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_told_what_an_earlier_one_came_to_and_claims_nothing() {
    let shop = guarded(Book::default());
    let asked = calls(&[refund()]);
    let told = shop.send(&asked).await;
    let unclear = || asked.after(&told).resolve(&told.id(), json!({"approved": "perhaps"}));

    let again = shop.send(&unclear()).await;
    assert_eq!((again.id(), shop.done().len()), (told.id(), 0));
    let approved = shop.send(&asked.after(&told).approve(&told.id())).await;
    let late = shop.send(&unclear()).await;

    assert_eq!((late.result("c1"), shop.done().len()), (approved.result("c1"), 1));
    assert_eq!(late.interrupts(), [] as [Value; 0]);
    // Beside the real result, whose metadata the client has dropped.
    let mut unsigned =
        asked.after(&told).after(&approved).resolve(&told.id(), json!({"approved": "perhaps"}));
    let message = unsigned.messages().iter_mut().rfind(|message| message["role"] == "tool").unwrap();
    message["metadata"] = Value::Null;
    let late = shop.send(&unsigned).await;
    assert_eq!((late.result("c1"), shop.done().len()), (approved.result("c1"), 1));
}
