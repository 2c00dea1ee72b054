//! Approvals that are sent more than once, without a replay store and with one.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Barrier;

use super::shop::{ReplayStoreDouble, Shop, ShopRequest, ShopResponse, refund_call, request_calls};

/// Returns a request that approves a refund. It can be sent any number of times.
async fn approved_request(shop: &Shop) -> ShopRequest {
    let request = request_calls(&[refund_call()]);
    let response = shop.send(&request).await;
    request.following(&response).approve(&response.interrupt_id())
}

/// Returns a shop with this replay store.
fn shop_with_store(store: ReplayStoreDouble) -> Shop {
    Shop { replay_store: Some(store), ..Shop::new() }
}

#[tokio::test]
async fn replay_without_a_store_runs_again_with_the_same_key() {
    let shop = Shop::new();
    let approved = approved_request(&shop).await;

    for _ in 0..2 {
        shop.send(&approved).await;
    }

    let keys = shop.idempotency_keys();
    assert!(keys.len() == 2 && keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
}

#[tokio::test]
async fn replay_returns_the_stored_outcome() {
    let shop = shop_with_store(ReplayStoreDouble::default());
    let approved = approved_request(&shop).await;

    let results: Vec<ShopResponse> = vec![shop.send(&approved).await, shop.send(&approved).await];

    assert_eq!(shop.executed_calls().len(), 1);
    assert_eq!(results[0].result_of("c1"), results[1].result_of("c1"));
    assert_eq!(results[1].result_of("c1"), Some(json!({"order_id": "1234", "amount": 20.0})));
}

#[tokio::test]
async fn stored_outcome_overrides_later_answers() {
    for why in ["denied", "cancelled", "expired"] {
        let shop = shop_with_store(ReplayStoreDouble::default());
        let request = request_calls(&[refund_call()]);
        let response = shop.send(&request).await;
        let asked_again = || request.following(&response);
        shop.send(&asked_again().approve(&response.interrupt_id())).await;

        let later = match why {
            "denied" => asked_again().resolve(&response.interrupt_id(), json!({"approved": false})),
            "cancelled" => asked_again().cancel(&response.interrupt_id()),
            _ => {
                shop.now.fetch_add(100_000, std::sync::atomic::Ordering::SeqCst);
                asked_again().approve(&response.interrupt_id())
            }
        };

        let result = shop.send(&later).await.result_of("c1");
        assert_eq!(result, Some(json!({"order_id": "1234", "amount": 20.0})), "{why}");
    }
}

#[tokio::test]
async fn stores_a_declined_answer() {
    let shop = shop_with_store(ReplayStoreDouble::default());
    let request = request_calls(&[refund_call()]);
    let response = shop.send(&request).await;
    let denied = request.following(&response).resolve(&response.interrupt_id(), json!({"approved": false}));
    let first = shop.send(&denied).await.result_of("c1").unwrap();

    let then = shop
        .send(&request.following(&response).approve(&response.interrupt_id()))
        .await
        .result_of("c1")
        .unwrap();

    assert_eq!(shop.executed_calls(), []);
    assert_eq!((&first["interrupt"], &then), (&json!("denied"), &first));
}

#[tokio::test]
async fn ten_concurrent_replays_run_the_tool_once() {
    let barrier = Some(Arc::new(Barrier::new(10)));
    let shop = shop_with_store(ReplayStoreDouble { barrier, ..ReplayStoreDouble::default() });
    let approved = approved_request(&shop).await;

    let response = futures_util::future::join_all((0..10).map(|_| shop.send(&approved))).await;

    assert_eq!(shop.executed_calls().len(), 1);
    let results: Vec<Value> = response.iter().map(|response| response.result_of("c1").unwrap()).collect();
    let unknown = results.iter().filter(|result| result["interrupt"] == "outcome_unknown").count();
    assert_eq!(unknown, 9, "nine have claimed before the first had run: {results:?}");
}

#[tokio::test]
async fn reservation_without_outcome_runs_nothing() {
    let shop =
        shop_with_store(ReplayStoreDouble { fails_to_store_outcomes: true, ..ReplayStoreDouble::default() });
    let approved = approved_request(&shop).await;
    assert!(shop.send(&approved).await.text.contains("1234"), "the first has its result all the same");

    let response = shop.send(&approved).await;

    assert_eq!(shop.executed_calls().len(), 1);
    assert_eq!(
        response.result_of("c1"),
        Some(json!({
            "error": "This call was answered before, and what came of that is unknown. Nothing was run for this answer.",
            "interrupt": "outcome_unknown",
        }))
    );
}

#[tokio::test]
async fn failing_store_does_not_claim_that_nothing_ran() {
    let asking = Shop::new();
    let request = request_calls(&[refund_call()]);
    let response = asking.send(&request).await;
    let shop = shop_with_store(ReplayStoreDouble { is_failing: true, ..ReplayStoreDouble::default() });

    let denied = shop
        .send(&request.following(&response).resolve(&response.interrupt_id(), json!({"approved": false})))
        .await;

    assert_eq!(shop.executed_calls(), []);
    assert_eq!(
        denied.result_of("c1"),
        Some(json!({
            "error": "Whether this call was run before is unknown. Nothing was run for this answer.",
            "interrupt": "outcome_unknown",
        })),
        "an earlier yes may have run it"
    );
}

#[tokio::test]
async fn failing_store_runs_nothing() {
    let shop = shop_with_store(ReplayStoreDouble { is_failing: true, ..ReplayStoreDouble::default() });
    let response = shop.send(&approved_request(&shop).await).await;

    assert_eq!(shop.executed_calls(), []);
    assert_eq!(
        response.result_of("c1"),
        Some(json!({
            "error": "The approval could not be registered. Nothing was run for this answer.",
            "interrupt": "not_claimed",
        }))
    );
}

#[tokio::test]
async fn second_token_of_a_call_shares_its_reservation() {
    let shop = shop_with_store(ReplayStoreDouble::default());
    let request = request_calls(&[refund_call()]);
    let first = shop.send(&request).await;
    // The client repeats its run, as after a lost connection, and receives a second interrupt.
    let second = shop.send(&request).await;
    assert_ne!(first.interrupt_id(), second.interrupt_id());

    for response in [&first, &second] {
        shop.send(&request.following(response).approve(&response.interrupt_id())).await;
    }

    assert_eq!(shop.executed_calls().len(), 1);
}

#[tokio::test]
async fn replay_repeats_the_follow_up_question() {
    let shop = shop_with_store(ReplayStoreDouble::default());
    let request = request_calls(&[("shoes", json!({}))]);
    let approval = shop.send(&request).await;
    let approved = request.following(&approval).approve(&approval.interrupt_id());
    let question = shop.send(&approved).await;
    let answer = |response: &ShopResponse, size: u8| {
        approved.following(response).resolve(&response.interrupt_id(), json!({ "size": size }))
    };
    shop.send(&answer(&question, 42)).await;

    let replayed = shop.send(&approved).await;
    assert_eq!(replayed.interrupt_id(), question.interrupt_id());
    let response = shop.send(&answer(&replayed, 43)).await;

    assert_eq!(response.result_of("c1"), Some(json!({"ordered": 42})));
    assert_eq!(shop.executed_calls(), [("shoes".into(), json!(42))]);
}

#[tokio::test]
async fn repeated_run_id_leaves_the_question_answerable() {
    let shop = shop_with_store(ReplayStoreDouble::default());
    let request = request_calls(&[("choose", json!({}))]);
    let question = shop.send(&request).await;
    let mut answers = request.following(&question);
    // All runs happen in one second and have the same run id.
    answers.input["runId"] = request.input["runId"].clone();

    let again = shop.send(&answers.clone().resolve(&question.interrupt_id(), json!({"size": 60}))).await;
    assert_ne!(again.interrupt_id(), question.interrupt_id());
    let response = shop.send(&answers.resolve(&again.interrupt_id(), json!({"size": 42}))).await;

    assert_eq!(response.result_of("c1"), Some(json!({"chosen": 42})));
}

#[tokio::test]
async fn replay_with_edited_arguments_keeps_the_key() {
    let shop = Shop::new();
    let request = request_calls(&[("price", json!({"order_id": "1", "amount": 20}))]);
    let response = shop.send(&request).await;

    for amount in [30, 40] {
        let edit = json!({"approved": true, "editedArgs": {"order_id": "1", "amount": amount}});
        shop.send(&request.following(&response).resolve(&response.interrupt_id(), edit)).await;
    }

    let keys = shop.idempotency_keys();
    assert!(keys.len() == 2 && keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
}

#[tokio::test]
async fn invalid_answer_returns_the_earlier_outcome() {
    let shop = shop_with_store(ReplayStoreDouble::default());
    let request = request_calls(&[refund_call()]);
    let response = shop.send(&request).await;
    let unclear =
        || request.following(&response).resolve(&response.interrupt_id(), json!({"approved": "perhaps"}));

    let again = shop.send(&unclear()).await;
    assert_eq!((again.interrupt_id(), shop.executed_calls().len()), (response.interrupt_id(), 0));
    let approved = shop.send(&request.following(&response).approve(&response.interrupt_id())).await;
    let late = shop.send(&unclear()).await;

    assert_eq!((late.result_of("c1"), shop.executed_calls().len()), (approved.result_of("c1"), 1));
    assert_eq!(late.interrupts(), [] as [Value; 0]);
    // The real result is in the history, but the client has dropped its metadata.
    let mut unsigned = request
        .following(&response)
        .following(&approved)
        .resolve(&response.interrupt_id(), json!({"approved": "perhaps"}));
    let message = unsigned.messages().iter_mut().rfind(|message| message["role"] == "tool").unwrap();
    message["metadata"] = Value::Null;
    let late = shop.send(&unsigned).await;
    assert_eq!((late.result_of("c1"), shop.executed_calls().len()), (approved.result_of("c1"), 1));
}
