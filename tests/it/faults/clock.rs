//! The wall clock jumps, forward and back. The limits of a run count by another clock; what expires does so by this one.

use std::time::{SystemTime, UNIX_EPOCH};

use ag_ui_dev::Issuer;
use jsonwebtoken::Algorithm::ES256;
use serde_json::{Value, json};

use super::{ending, has_nothing_internal, recovers};
use crate::support::clock::Clock;
use crate::support::function::{Reply, TOKEN, local_function, test_function, url_event, user_input};
use crate::support::gated_run::{Gate, Reading};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Returns the event of a run with this id, whose model calls a tool that needs an approval.
fn buying(run_id: &str) -> Value {
    let mut input = user_input("buy");
    input["runId"] = run_id.into();
    url_event(&[("x-agui-token", TOKEN)], &input)
}

/// Returns the event with which a person approves the call that `run` has asked about.
fn approval_of(run: &Reply) -> Value {
    let snapshot = run.events.iter().rfind(|event| event["type"] == "MESSAGES_SNAPSHOT").unwrap();
    let interrupt = &run.events.last().unwrap()["outcome"]["interrupts"][0];
    let mut input = user_input("buy");
    input["runId"] = "r2".into();
    input["messages"] = snapshot["messages"].clone();
    input["resume"] =
        json!([{"interruptId": interrupt["id"], "status": "resolved", "payload": {"approved": true}}]);
    url_event(&[("x-agui-token", TOKEN)], &input)
}

#[tokio::test]
async fn jumps_within_a_run_end_nothing() {
    let clock = Clock::new("run");
    let function = test_function(&clock.variables()).await;
    let gate = Gate::new().await;
    let mut reading = Reading::start(&function, &gate.event()).await;

    for jump in [DAY, -DAY] {
        let held = gate.reached().await;
        clock.jump_to(jump);
        drop(held);
    }
    reading.until(1, "three ").await;

    let received = reading.text.clone();
    assert_eq!(ending(&reading.end().await), "success");
    for jump in [DAY, -DAY, 0] {
        clock.jump_to(jump);
        recovers(&function, &[&received]).await;
    }
}

#[tokio::test]
async fn approvals_expire_by_the_wall_clock() {
    let clock = Clock::new("approval");
    let key = ("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef");
    let function = test_function(&[&clock.variables()[..], &[key]].concat()).await;
    for (jump, expected) in [
        (0, json!({"bought": 2})),
        (-HOUR, json!({"bought": 2})),
        (
            HOUR,
            json!({
                "error": "The time to answer was over. Nothing was run for this answer.",
                "interrupt": "expired",
            }),
        ),
    ] {
        clock.jump_to(0);
        // Each call is of another run, so that none of them is a call that was decided before.
        let asked = Reply::send(&function, &buying(&format!("r{jump}"))).await;
        assert_eq!(ending(&asked.events), "interrupt", "{}", asked.text);

        clock.jump_to(jump);
        let answered = Reply::send(&function, &approval_of(&asked)).await;

        let result = answered.events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
        let result: Value = serde_json::from_str(result["content"].as_str().unwrap()).unwrap();
        assert_eq!(result, expected, "{jump} seconds: {}", answered.text);
        assert_eq!(ending(&answered.events), "success", "{jump} seconds: {}", answered.text);
        recovers(&function, &[&asked.text, &answered.text]).await;
    }
}

#[tokio::test]
async fn user_tokens_expire_by_the_wall_clock() {
    let clock = Clock::new("jwt");
    let issuer = Issuer::start().await.unwrap();
    let url = issuer.url();
    let user_tokens = [("AGUI_JWT_ISSUER", url.as_str()), ("AGUI_JWT_AUDIENCE", "app")];
    let function = local_function(&[&clock.variables()[..], &user_tokens].concat()).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({"iss": url, "aud": "app", "sub": "ada-lovelace", "nbf": now - 600, "exp": now + 600});
    let token = issuer.sign(ES256, &claims).unwrap();
    let event = url_event(&[("x-agui-token", TOKEN), ("x-agui-user-token", &token)], &user_input("Hello"));

    for (jump, status, reason) in [
        (0, 200, None),
        (HOUR, 401, Some("token_expired")),
        (-HOUR, 401, Some("token_not_yet_valid")),
        (0, 200, None),
    ] {
        clock.jump_to(jump);
        let response = Reply::send(&function, &event).await;
        assert_eq!(response.status, status, "{jump} seconds: {}", response.text);
        has_nothing_internal(&response.text);
        match reason {
            Some(reason) => assert_eq!(response.json()["error"]["reason"], reason),
            None => assert_eq!(ending(&response.events), "success"),
        }
    }
    assert!(function.is_running());
}
