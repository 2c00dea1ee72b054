//! What may have changed by the time an answer comes.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::shop::{Shop, Told, calls, refund};

fn kinds(told: &Told) -> Vec<&str> {
    told.events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn given_a_question_that_is_another_one_by_now_then_it_is_put_and_the_old_answer_is_not_used() {
    let shop = Shop::new();
    let asked = calls(&[("shoes", json!({}))]);
    let approval = shop.send(&asked).await;
    let approved = asked.after(&approval).approve(&approval.id());
    let question = shop.send(&approved).await;
    let answer = |told: &Told| approved.after(told).resolve(&told.id(), json!({"size": 42}));

    let changed = shop.later().send(&answer(&question)).await;

    let [interrupt] = changed.interrupts().try_into().unwrap();
    assert_eq!(
        interrupt["message"],
        "The question has changed since it was answered. Which size, for children?"
    );
    assert_ne!(interrupt["id"], question.id());
    assert_eq!(shop.done(), []);
    // An answer to the new one is none to the old one, and counts for its own.
    let old = shop.send(&approved.after(&question).resolve(&interrupt["id"], json!({"size": 36}))).await;
    assert_eq!((old.interrupts().len(), shop.done()), (1, vec![]));
    let told =
        shop.later().send(&approved.after(&question).resolve(&interrupt["id"], json!({"size": 36}))).await;
    assert_eq!(told.result("c1"), Some(json!({"ordered": 36})));
}

#[tokio::test]
async fn given_answers_that_do_not_fit_then_the_question_keeps_its_time() {
    let shop = Shop::new();
    let asked = calls(&[("shoes", json!({}))]);
    let approval = shop.send(&asked).await;
    let passes = |seconds: u64| {
        shop.now.fetch_add(seconds, Ordering::SeqCst);
    };
    let ends = |told: &Told| told.interrupts()[0]["expiresAt"].clone();
    assert_eq!(ends(&approval), "2027-01-15T08:15:00Z");
    let approved = asked.after(&approval).approve(&approval.id());

    // A question has a life of its own, from when it is first put.
    passes(800);
    let mut question = shop.send(&approved).await;
    assert_eq!(ends(&question), "2027-01-15T08:28:20Z");
    for _ in 0..3 {
        passes(200);
        let wrong = approved.after(&question).resolve(&question.id(), json!({"size": 60}));
        question = shop.send(&wrong).await;
        assert_eq!(ends(&question), "2027-01-15T08:28:20Z");
    }
    // A change of the question is no reason for more time either.
    let changed = approved.after(&question).resolve(&question.id(), json!({"size": 42}));
    question = shop.later().send(&changed).await;
    assert_eq!(ends(&question), "2027-01-15T08:28:20Z");

    passes(300);
    let late = approved.after(&question).resolve(&question.id(), json!({"size": 42}));
    assert_eq!(shop.later().send(&late).await.result("c1").unwrap()["interrupt"], "expired");
    assert_eq!(shop.done(), []);
}

#[tokio::test]
async fn given_one_answer_that_counts_and_one_that_does_not_then_the_model_is_not_asked() {
    let shop = Shop::new();
    let asked = calls(&[refund(), refund()]);
    let told = shop.send(&asked).await;
    let [first, second] = told.interrupts().try_into().unwrap();

    let unclear = json!({"approved": "perhaps"});
    let next = asked.after(&told).approve(&first["id"]).resolve(&second["id"], unclear);
    let resumed = shop.send(&next).await;

    assert_eq!(kinds(&resumed), ["RUN_STARTED", "TOOL_CALL_RESULT", "RUN_FINISHED"]);
    assert!(resumed.result("c1").is_some());
    assert_eq!(resumed.id(), second["id"]);
}
