//! Events of Lambda's entry points: each is refused as unknown, or gets a response that is a refusal or a run.

use std::time::Duration;

use ag_ui_dev::{ClaimSet, EntryPoint};
use ag_ui_lambda::auth::{AuthMode, Claims, SharedToken};
use ag_ui_lambda::config::EntryPointConfig;
use ag_ui_lambda::lambda::fuzzing::handle_event;
use ag_ui_lambda::{Endpoint, demo};
use http::Request;
use serde_json::Value;

use super::Session;
use super::agents::{Ledger, agent, paused_runtime};
use super::read_inputs;
use crate::breakage::{break_value, hostile_text, to_text};
use crate::choices::Choices;
use crate::responses::{Outcome, check, drop_ended_tasks};
use crate::valid::{Inputs, body, read_json, sample_events};

/// The shared token of the sample events.
const TOKEN: &str = "sample-token-for-local-use";

/// Names of headers that mean something to the function.
const HEADERS: [&str; 7] = [
    "x-agui-token",
    "authorization",
    "content-type",
    "x-agui-user-token",
    "host",
    "cookie",
    "x-forwarded-for",
];

/// Prepares the target.
pub(super) fn start(seed: u64) -> Session {
    let runtime = paused_runtime();
    let inputs = Inputs::new(seed);
    let samples = sample_events();
    let endpoints = runtime.block_on(async { endpoints() });
    let config = EntryPointConfig::default();
    Box::new(move |choices| {
        let event = match choices.raw() {
            Some(raw) => raw.to_vec(),
            None => event(choices, &samples, &inputs),
        };
        choices.show("event", &event);
        let endpoint = choices.one_of(&endpoints);
        let Ok(text) = String::from_utf8(event) else { return Ok(Outcome::Refused) };
        let input = read_json(text.as_bytes()).and_then(|event| body(&event));
        let handled = runtime.block_on(async {
            let handled = handle_event(endpoint, &config, text).await;
            drop_ended_tasks().await;
            handled
        });
        match handled {
            Ok(response) => Ok(check(response.status, &response.body, input.as_ref())?.outcome),
            Err(sentence) if sentence.is_empty() => Err("an invocation fails without a sentence".into()),
            Err(_) => Ok(Outcome::Refused),
        }
    })
}

/// Creates an endpoint for callers with the token alone, and one that needs an authorizer, too.
fn endpoints() -> Vec<Endpoint<()>> {
    [AuthMode::Token, AuthMode::Both]
        .into_iter()
        .map(|mode| {
            let agent =
                agent(demo(Duration::ZERO), &Ledger::default()).anonymous_approvals(true).build().unwrap();
            Endpoint::builder(agent, |_: &Claims| Ok(()))
                .require(mode)
                .token(SharedToken::literal(TOKEN.to_owned().into()).unwrap())
                .trusted_signers(["arn:aws:sts::*:assumed-role/web-server/*".to_owned()])
                .build()
                .unwrap()
        })
        .collect()
}

/// Makes an event: one of the samples, or one of an entry point with a hostile body, and breaks it most times.
fn event(choices: &mut Choices<'_>, samples: &[Value], inputs: &Inputs) -> Vec<u8> {
    let mut event = match choices.is_one_in(2) {
        true => choices.one_of(samples).clone(),
        false => entry_point_event(choices, inputs),
    };
    if choices.is_one_in(3) {
        return event.to_string().into();
    }
    if choices.is_one_in(3) {
        let name = *choices.one_of(&HEADERS);
        event["headers"][name] = hostile_text(choices).into();
    }
    // One of the parts alone, so that the rest of the event is still valid.
    let part = *choices.one_of(&[
        "/requestContext",
        "/requestContext/authorizer",
        "/headers",
        "/multiValueHeaders",
        "",
    ]);
    match event.pointer_mut(part) {
        Some(part) => break_value(choices, part),
        None => break_value(choices, &mut event),
    }
    to_text(choices, &event)
}

/// Makes the event of an entry point for a request with a hostile body and hostile claims.
fn entry_point_event(choices: &mut Choices<'_>, inputs: &Inputs) -> Value {
    let path = *choices.one_of(&["/", "/agui", "/capabilities", "/health", "/agui/", "//", "/%00", "/a?b=c"]);
    let method = *choices.one_of(&["POST", "POST", "POST", "GET", "OPTIONS", "PUT"]);
    let body = read_inputs::body(choices, inputs);
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = request.header("x-agui-token", TOKEN).body(body.into()).unwrap();
    let mut claims = serde_json::json!({ "sub": "ada", "org": "acme", "groups": ["a", "b,c"], "age": 5 });
    if choices.is_one_in(2) {
        break_value(choices, &mut claims);
    }
    let claims: Option<ClaimSet> = serde_json::from_value(claims).ok();
    choices.one_of(&EntryPoint::ALL).event(&request, claims.as_ref())
}
