//! Attacks on the user's token, each through the function's process. All are refused with one of four fixed responses.
//!
//! Each token is genuine except for what its row names. The first test shows that the genuine tokens are accepted; the log in
//! the second test shows that each attack fails for the reason in its row.

mod claims;
mod form;
mod header;

use std::collections::BTreeSet;

use ag_ui_dev::Issuer;
use jsonwebtoken::Algorithm::{ES256, RS256};
use serde_json::{Value, json};

use crate::support::function::{Function, TOKEN, local_function, url_event, user_input};
use crate::support::jwt_forge::JwtForge;

/// The audience of the function.
const AUDIENCE: &str = "app";

/// An attack: the event, the reason that the client may see, and the reason in the log.
#[derive(Clone)]
struct Attack {
    why: &'static str,
    event: Value,
    reason: &'static str,
    logged: &'static str,
}

/// Starts a function that discovers the issuer's keys.
async fn function_of(issuer: &Issuer) -> Function {
    local_function(&[
        ("AGUI_JWT_ISSUER", &issuer.url()),
        ("AGUI_JWT_AUDIENCE", AUDIENCE),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
    ])
    .await
}

/// Returns the event of a run with the shared token and these headers.
fn event_with_headers(more: &[(&str, &str)]) -> Value {
    url_event(&[&[("x-agui-token", TOKEN)][..], more].concat(), &user_input("Hello"))
}

/// Returns the event of a run with this user token.
fn event_with_token(token: &str) -> Value {
    event_with_headers(&[("x-agui-user-token", token)])
}

/// Returns an attack with this token, which the client sees refused as invalid.
fn invalid_token(why: &'static str, token: &str) -> Attack {
    Attack { why, event: event_with_token(token), reason: "token_invalid", logged: "" }
}

/// Sets the reason that the log must contain for each of these attacks.
fn logged_as(logged: &'static str, mut attacks: Vec<Attack>) -> Vec<Attack> {
    attacks.iter_mut().for_each(|attack| attack.logged = logged);
    attacks
}

/// Returns all attacks.
fn attacks(forge: &JwtForge<'_>) -> Vec<Attack> {
    [
        claims::time_attacks(forge),
        claims::claim_attacks(forge),
        header::header_attacks(forge),
        header::algorithm_attacks(forge),
        header::key_attacks(forge),
        form::signature_attacks(forge),
        form::form_attacks(forge),
        form::transport_attacks(forge),
    ]
    .concat()
}

/// Returns the body and the challenge of the fixed response for a reason. Nothing in it depends on the token.
fn answer(reason: &str) -> (Value, &'static str) {
    let (message, challenge) = match reason {
        "token_missing" => ("You are not signed in. Please sign in.", "Bearer"),
        "token_expired" => {
            ("Your sign-in has expired. Please sign in again.", r#"Bearer error="invalid_token""#)
        }
        "token_not_yet_valid" => (
            "Your sign-in is not valid yet. Please try again in a moment.",
            r#"Bearer error="invalid_token""#,
        ),
        _ => ("Your sign-in is not valid. Please sign in again.", r#"Bearer error="invalid_token""#),
    };
    (json!({"error": {"code": "UNAUTHENTICATED", "message": message, "reason": reason}}), challenge)
}

#[tokio::test]
async fn genuine_tokens_are_accepted() {
    let (issuer, mallory) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
    let forge = JwtForge::new(&issuer, &mallory, AUDIENCE);
    let function = function_of(&issuer).await;
    let now = forge.now;
    for (why, token) in [
        ("ECDSA", forge.genuine()),
        ("RSA", issuer.sign(RS256, &forge.claims()).unwrap()),
        ("written by hand", forge.es256(&forge.header(ES256), &forge.claims().to_string())),
        ("without a type", forge.with_header(json!({"typ": null}))),
        ("an access token by its type", forge.with_header(json!({"typ": "at+jwt"}))),
        ("one of several audiences", forge.with_claims(json!({"aud": ["other", AUDIENCE]}))),
        ("a Cognito id token", forge.with_claims(json!({"token_use": "id"}))),
        ("a Cognito access token", forge.with_claims(claims::cognito_access_changes(AUDIENCE))),
        ("expired within the leeway", forge.with_claims(json!({"exp": now - 20}))),
        ("not valid yet within the leeway", forge.with_claims(json!({"nbf": now + 50}))),
    ] {
        let answer = function.invoke(&event_with_token(&token)).await.unwrap();
        assert_eq!(answer.status(), 200, "{why}");
    }
}

#[tokio::test]
async fn every_attack_gets_a_fixed_refusal() {
    let (issuer, mallory) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
    let forge = JwtForge::new(&issuer, &mallory, AUDIENCE);
    let function = function_of(&issuer).await;
    let attacks = attacks(&forge);
    let names: BTreeSet<_> = attacks.iter().map(|attack| attack.why).collect();
    assert!(names.len() == attacks.len() && names.len() > 100, "{} attacks", attacks.len());
    assert_eq!(function.invoke(&event_with_token(&forge.genuine())).await.unwrap().status(), 200);

    for Attack { why, event, reason, .. } in &attacks {
        let mut refused = function.invoke(event).await.unwrap();
        let text = refused.text().await;
        let (body, challenge) = answer(reason);

        assert_eq!(refused.status(), 401, "{why}: {text}");
        let mut refusal: Value = serde_json::from_str(&text).unwrap();
        // The hint, which only local mode sends, has the reason from the log and no part of the token.
        let hint = refusal["error"].as_object_mut().unwrap().remove("hint").unwrap();
        assert!(!event.to_string().contains(hint.as_str().unwrap()), "{why}: {hint}");
        assert_eq!(refusal, body, "{why}");
        assert_eq!(refused.header("www-authenticate"), Some(challenge), "{why}");
    }

    assert_eq!(function.invoke(&event_with_token(&forge.genuine())).await.unwrap().status(), 200);
    assert_eq!(
        (mallory.jwks_fetches(), mallory.discovery_fetches()),
        (0, 0),
        "no token chooses where keys come from"
    );
    function.kill().await;
    let log = function.logs();
    let lines = log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let refused: Vec<Value> = lines.filter(|line| line["message"] == "request refused").collect();
    assert_eq!(refused.len(), attacks.len(), "a line for each, at the level that is on by itself");
    for (line, Attack { why, logged, .. }) in refused.iter().zip(&attacks) {
        assert_eq!(
            line["reason"], *logged,
            "{why}: it fails by what its row says, and the operator can tell"
        );
    }
}
