//! Attacks on the user's token, each through the function's process, in each mode that reads it and in each way to send it. All
//! are refused with one of five fixed responses.
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

/// Starts a function in this mode that discovers the issuer's keys.
async fn function_of(issuer: &Issuer, auth: &str) -> Function {
    local_function(&[
        ("AGUI_AUTH", auth),
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
        SHARED_TOKEN => {
            let message = "You are not signed in, or the sign-in is not valid. Please sign in again.";
            return (json!({"error": {"code": "UNAUTHENTICATED", "message": message}}), "Bearer");
        }
        _ => ("Your sign-in is not valid. Please sign in again.", r#"Bearer error="invalid_token""#),
    };
    (json!({"error": {"code": "UNAUTHENTICATED", "message": message, "reason": reason}}), challenge)
}

/// Stands for the reason of what is read as the shared token. Its response has no reason.
const SHARED_TOKEN: &str = "";

/// How a request sends the user's token.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// In its own header, beside the right shared token.
    BesideToken,
    /// In its own header, without the shared token.
    Alone,
    /// As the bearer token of `Authorization`, without the shared token.
    Bearer,
}

/// Each mode with each way in which the user's token can be sent.
const PLACES: [(&str, Place); 6] = [
    ("token", Place::BesideToken),
    ("token_or_jwt", Place::BesideToken),
    ("token_or_jwt", Place::Alone),
    ("token_or_jwt", Place::Bearer),
    ("jwt", Place::Alone),
    ("jwt", Place::Bearer),
];

impl Place {
    /// Returns an event of [`event_with_headers`] whose user token is sent in this way.
    fn of(self, event: &Value) -> Value {
        let mut event = event.clone();
        let headers = event["headers"].as_object_mut().unwrap();
        if self != Self::BesideToken {
            headers.remove("x-agui-token");
        }
        if self == Self::Bearer
            && let Some(token) = headers.remove("x-agui-user-token")
        {
            headers.insert("authorization".into(), format!("Bearer {}", token.as_str().unwrap()).into());
        }
        event
    }

    /// Returns an attack whose token is sent in this way, with the reasons that it then has. `None` if it is no attack in this
    /// mode.
    fn attack(self, auth: &str, attack: &Attack) -> Option<Attack> {
        let is_admitted = match (auth, self, attack.why) {
            ("token", ..) => false,
            // The shared token is enough.
            (_, Self::BesideToken, _) => attack.reason == "token_missing",
            (_, _, "the token as the bearer") => true,
            // White space around a bearer token does not count.
            (_, Self::Bearer, "white space before it" | "white space behind it" | "a tab behind it") => true,
            _ => false,
        };
        let event = self.of(&attack.event);
        let bearer = event["headers"]["authorization"].as_str().and_then(|value| value.split_once(' '));
        let is_jwt = |(_, token): (&str, &str)| token.trim().split('.').count() == 3;
        let (reason, logged) = match bearer {
            Some(bearer) if self == Self::Bearer && !is_jwt(bearer) => (SHARED_TOKEN, ""),
            _ => (attack.reason, attack.logged),
        };
        (!is_admitted).then_some(Attack { why: attack.why, event, reason, logged })
    }
}

#[tokio::test]
async fn genuine_tokens_are_accepted() {
    let (issuer, mallory) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
    let forge = JwtForge::new(&issuer, &mallory, AUDIENCE);
    let now = forge.now;
    let tokens = [
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
    ];
    for (auth, place) in PLACES {
        let function = function_of(&issuer, auth).await;
        for (why, token) in &tokens {
            let answer = function.invoke(&place.of(&event_with_token(token))).await.unwrap();
            assert_eq!(answer.status(), 200, "{auth}, {place:?}, {why}");
        }
    }
}

#[tokio::test]
async fn every_attack_gets_a_fixed_refusal() {
    let (issuer, mallory) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
    let forge = JwtForge::new(&issuer, &mallory, AUDIENCE);
    let attacks = attacks(&forge);
    let names: BTreeSet<_> = attacks.iter().map(|attack| attack.why).collect();
    assert!(names.len() == attacks.len() && names.len() > 100, "{} attacks", attacks.len());
    for (auth, place) in PLACES {
        let function = function_of(&issuer, auth).await;
        let genuine = place.of(&event_with_token(&forge.genuine()));
        assert_eq!(function.invoke(&genuine).await.unwrap().status(), 200, "{auth}, {place:?}");
        let attacks: Vec<Attack> = attacks.iter().filter_map(|attack| place.attack(auth, attack)).collect();
        assert!(attacks.len() > 90, "{} attacks", attacks.len());

        for Attack { why, event, reason, .. } in &attacks {
            let why = format!("{auth}, {place:?}, {why}");
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

        assert_eq!(function.invoke(&genuine).await.unwrap().status(), 200, "{auth}, {place:?}");
        check_log(function, &attacks).await;
    }
    assert_eq!(
        (mallory.jwks_fetches(), mallory.discovery_fetches()),
        (0, 0),
        "no token chooses where keys come from"
    );
}

/// Checks that the log has a line for each attack, with the reason of its row.
async fn check_log(function: Function, attacks: &[Attack]) {
    function.kill().await;
    let log = function.logs();
    let lines = log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let refused: Vec<Value> = lines.filter(|line| line["message"] == "request refused").collect();
    assert_eq!(refused.len(), attacks.len(), "a line for each, at the level that is on by itself");
    for (line, Attack { why, logged, .. }) in refused.iter().zip(attacks) {
        assert_eq!(
            line["reason"].as_str().unwrap_or_default(),
            *logged,
            "{why}: it fails by what its row says, and the operator can tell"
        );
    }
}
