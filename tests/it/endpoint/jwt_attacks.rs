//! Attacks on the end user's token, each through the function's process: all are refused, with one of four fixed
//! answers.
//!
//! Each is a token that would count but for what its row says: the first test shows that those do, and the log of the
//! second that each fails by this and nothing else.

mod claims;
mod form;
mod header;

use std::collections::BTreeSet;

use ag_ui_dev::Issuer;
use jsonwebtoken::Algorithm::{ES256, RS256};
use serde_json::{Value, json};

use crate::support::forge::Forge;
use crate::support::function::{Function, TOKEN, local_function, says, url_event};

/// The audience of the function.
const AUDIENCE: &str = "app";

/// What is sent, what is wrong with it as far as the client may know, and what the operator reads.
#[derive(Clone)]
struct Attack {
    why: &'static str,
    event: Value,
    reason: &'static str,
    logged: &'static str,
}

/// A function that finds the issuer's keys by itself.
async fn function_of(issuer: &Issuer) -> Function {
    local_function(&[
        ("AGUI_JWT_ISSUER", &issuer.url()),
        ("AGUI_JWT_AUDIENCE", AUDIENCE),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
    ])
    .await
}

fn asking(more: &[(&str, &str)]) -> Value {
    url_event(&[&[("x-agui-token", TOKEN)][..], more].concat(), &says("Hello"))
}

fn with(token: &str) -> Value {
    asking(&[("x-agui-user-token", token)])
}

fn attack(why: &'static str, token: &str) -> Attack {
    Attack { why, event: with(token), reason: "token_invalid", logged: "" }
}

/// The same attacks, each refused for this reason.
fn for_(logged: &'static str, mut attacks: Vec<Attack>) -> Vec<Attack> {
    attacks.iter_mut().for_each(|attack| attack.logged = logged);
    attacks
}

fn attacks(forge: &Forge<'_>) -> Vec<Attack> {
    [
        claims::on_times(forge),
        claims::on_claims(forge),
        header::on_the_header(forge),
        header::on_the_algorithm(forge),
        header::on_the_key(forge),
        form::on_the_signature(forge),
        form::on_the_form(forge),
        form::on_the_way(forge),
    ]
    .concat()
}

/// The whole answer to a token that is refused: nothing in it depends on what was sent.
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
async fn what_the_attacks_begin_with_is_served() {
    let (issuer, mallory) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
    let forge = Forge::new(&issuer, &mallory, AUDIENCE);
    let function = function_of(&issuer).await;
    let now = forge.now;
    for (why, token) in [
        ("ECDSA", forge.genuine()),
        ("RSA", issuer.sign(RS256, &forge.claims()).unwrap()),
        ("written by hand", forge.es256(&forge.header(ES256), &forge.claims().to_string())),
        ("without a type", forge.saying(json!({"typ": null}))),
        ("an access token by its type", forge.saying(json!({"typ": "at+jwt"}))),
        ("one of several audiences", forge.claiming(json!({"aud": ["other", AUDIENCE]}))),
        ("a Cognito id token", forge.claiming(json!({"token_use": "id"}))),
        ("a Cognito access token", forge.claiming(claims::access(AUDIENCE))),
        ("expired within the leeway", forge.claiming(json!({"exp": now - 20}))),
        ("not valid yet within the leeway", forge.claiming(json!({"nbf": now + 50}))),
    ] {
        let answer = function.invoke(&with(&token)).await.unwrap();
        assert_eq!(answer.status(), 200, "{why}");
    }
}

#[tokio::test]
async fn every_attack_is_refused_with_a_fixed_answer_and_a_genuine_token_is_served_before_and_after() {
    let (issuer, mallory) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
    let forge = Forge::new(&issuer, &mallory, AUDIENCE);
    let function = function_of(&issuer).await;
    let attacks = attacks(&forge);
    let names: BTreeSet<_> = attacks.iter().map(|attack| attack.why).collect();
    assert!(names.len() == attacks.len() && names.len() > 100, "{} attacks", attacks.len());
    assert_eq!(function.invoke(&with(&forge.genuine())).await.unwrap().status(), 200);

    for Attack { why, event, reason, .. } in &attacks {
        let mut refused = function.invoke(event).await.unwrap();
        let text = refused.text().await;
        let (body, challenge) = answer(reason);

        assert_eq!(refused.status(), 401, "{why}: {text}");
        let mut refusal: Value = serde_json::from_str(&text).unwrap();
        // For the developer, in local mode only. It has the reason that the log has, and nothing of the token.
        let hint = refusal["error"].as_object_mut().unwrap().remove("hint").unwrap();
        assert!(!event.to_string().contains(hint.as_str().unwrap()), "{why}: {hint}");
        assert_eq!(refusal, body, "{why}");
        assert_eq!(refused.header("www-authenticate"), Some(challenge), "{why}");
    }

    assert_eq!(function.invoke(&with(&forge.genuine())).await.unwrap().status(), 200);
    assert_eq!((mallory.fetches(), mallory.discoveries()), (0, 0), "no token chooses where keys come from");
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
