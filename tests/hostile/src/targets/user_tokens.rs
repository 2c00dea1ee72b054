//! Users' tokens and the keys of their issuer: only a token with a valid signature, issuer, audience and time is accepted.

use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, Mutex};

use ag_ui_dev::Issuer;
use ag_ui_dev::loopback::Loopback;
use ag_ui_lambda::auth::{UserTokenConfig, UserTokens};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::Session;
use crate::breakage::{break_bytes, break_value, hostile_text, hostile_value, to_text};
use crate::choices::Choices;
use crate::responses::Outcome;

/// The audience of the tokens.
const AUDIENCE: &str = "orders";
/// When the tokens expire: in the year 2100.
const EXPIRES: u64 = 4_102_444_800;

/// What a token consists of, before it is signed.
struct Parts {
    header: Value,
    claims: Value,
    algorithm: Algorithm,
}

/// Prepares the target.
pub(super) fn start(_: u64) -> Session {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let issuer = runtime.block_on(Issuer::start()).unwrap();
    let published: Arc<Mutex<Vec<u8>>> = Arc::default();
    let server = runtime.block_on(async { key_server(Arc::clone(&published)) });
    let key_sets_url = server.url();
    let url = issuer.url();
    let verifier = move |jwks_url: String| {
        UserTokens::new(UserTokenConfig {
            issuer: url.clone(),
            audiences: vec![AUDIENCE.to_owned()],
            jwks_url: Some(jwks_url),
            algorithms: vec!["ES256".parse().unwrap(), "RS256".parse().unwrap()],
        })
        .unwrap()
    };
    let usual = verifier(issuer.jwks_url());
    Box::new(move |choices| {
        let _server = &server;
        let token = match choices.raw() {
            Some(raw) => String::from_utf8_lossy(raw).into_owned(),
            None => token(choices, &issuer),
        };
        choices.show("token", token.as_bytes());
        let verified = if choices.is_one_in(8) {
            let keys = key_set(choices, &issuer);
            choices.show("keys", &keys);
            *published.lock().unwrap() = keys;
            runtime.block_on(verifier(key_sets_url.clone()).verify(&token))
        } else {
            runtime.block_on(usual.verify(&token))
        };
        match verified {
            Ok(claims) => check_accepted(&token, &claims.into(), &issuer.url()),
            Err(_) => Ok(Outcome::Refused),
        }
    })
}

/// Starts a server that publishes keys.
fn key_server(published: Arc<Mutex<Vec<u8>>>) -> Loopback {
    Loopback::serve(move |_| {
        let keys = std::mem::take(&mut *published.lock().unwrap());
        ready(Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(keys)))))
    })
    .unwrap()
}

/// Makes a token: header and claims are broken before it is signed, or the text is broken after that, or nothing is.
fn token(choices: &mut Choices<'_>, issuer: &Issuer) -> String {
    // RSA takes much longer.
    let algorithm = if choices.is_one_in(20) { Algorithm::RS256 } else { Algorithm::ES256 };
    let key = issuer.public_key(algorithm);
    let mut parts = Parts {
        header: json!({ "alg": format!("{algorithm:?}"), "typ": "JWT", "kid": key.common.key_id }),
        claims: json!({ "iss": issuer.url(), "aud": AUDIENCE, "sub": "ada", "exp": EXPIRES, "iat": 1_800_000_000,
            "groups": ["a"], "org": { "id": 5 } }),
        algorithm,
    };
    let (header, claims) = match choices.number(6) {
        0 => (parts.header.to_string(), parts.claims.to_string()),
        1 => {
            break_header(choices, &mut parts.header);
            (text(choices, &parts.header), parts.claims.to_string())
        }
        2 => {
            break_claims(choices, &mut parts.claims);
            (parts.header.to_string(), text(choices, &parts.claims))
        }
        _ => {
            let signed = sign(issuer, &parts, (&parts.header.to_string(), &parts.claims.to_string()));
            return broken_text(choices, signed);
        }
    };
    sign(issuer, &parts, (&header, &claims))
}

/// Signs a header and claims.
fn sign(issuer: &Issuer, parts: &Parts, (header, claims): (&str, &str)) -> String {
    issuer.sign_text(parts.algorithm, header, claims).unwrap()
}

/// Writes a value, with a broken text one time in four.
fn text(choices: &mut Choices<'_>, value: &Value) -> String {
    String::from_utf8_lossy(&to_text(choices, value)).into_owned()
}

/// Breaks the header of a token.
fn break_header(choices: &mut Choices<'_>, header: &mut Value) {
    match choices.number(4) {
        0 => {
            let algorithm = *choices.one_of(&["none", "HS256", "RS512", "es256", "", "EdDSA", "PS256"]);
            header["alg"] = algorithm.into();
        }
        1 => {
            let name = *choices.one_of(&["crit", "jku", "jwk", "x5u", "b64", "zip", "cty", "kid", "typ"]);
            header[name] = hostile_value(choices);
        }
        _ => break_value(choices, header),
    }
}

/// Breaks the claims of a token.
fn break_claims(choices: &mut Choices<'_>, claims: &mut Value) {
    match choices.number(4) {
        0 => {
            let name = *choices.one_of(&["exp", "nbf", "iat", "iss", "aud", "sub", "token_use", "client_id"]);
            claims[name] = hostile_value(choices);
        }
        1 => claims["exp"] = json!(*choices.one_of(&[0.0, -1.0, 1e300, 4_102_444_800.5, 1e18])),
        2 => claims["aud"] = json!([AUDIENCE, hostile_value(choices)]),
        _ => break_value(choices, claims),
    }
}

/// Breaks the text of a signed token.
fn broken_text(choices: &mut Choices<'_>, token: String) -> String {
    let mut parts: Vec<String> = token.split('.').map(ToOwned::to_owned).collect();
    let index = choices.number(parts.len());
    match choices.number(7) {
        0 => parts.swap(0, index),
        1 => drop(parts.remove(index)),
        2 => parts.push(hostile_text(choices)),
        3 => parts[index] += *choices.one_of(&["=", "A", "\n", " ", "+"]),
        4 => parts[2] = String::new(),
        5 => {
            let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&parts[index]).unwrap();
            break_bytes(choices, &mut bytes);
            parts[index] = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        }
        _ => {
            let mut bytes = token.into_bytes();
            break_bytes(choices, &mut bytes);
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
    parts.join(".")
}

/// Makes the document of an issuer's keys, with the real keys in it most times, and breaks it.
fn key_set(choices: &mut Choices<'_>, issuer: &Issuer) -> Vec<u8> {
    let keys = [Algorithm::ES256, Algorithm::RS256].map(|algorithm| json!(issuer.public_key(algorithm)));
    let mut document = json!({ "keys": keys });
    if choices.is_one_in(4) {
        return document.to_string().into();
    }
    break_value(choices, &mut document);
    to_text(choices, &document)
}

/// Checks that a token that was accepted has the claims that it must have, and that these are in its payload.
fn check_accepted(token: &str, claims: &Value, issuer: &str) -> Result<Outcome, String> {
    let payload = token.split('.').nth(1).and_then(|payload| BASE64_URL_SAFE_NO_PAD.decode(payload).ok());
    let payload: Option<Value> = payload.and_then(|payload| serde_json::from_slice(&payload).ok());
    let audiences = claims["aud"].as_array().cloned().unwrap_or_else(|| vec![claims["aud"].clone()]);
    let is_for_us = audiences.contains(&AUDIENCE.into())
        || (claims["aud"].is_null() && claims["token_use"] == "access" && claims["client_id"] == AUDIENCE);
    let is_in_time = claims["exp"].as_f64().is_some_and(|expires| expires > 1.8e9);
    match claims["iss"] == issuer && is_for_us && is_in_time && payload.as_ref() == Some(claims) {
        true => Ok(Outcome::Accepted),
        false => {
            Err(format!("a token was accepted whose claims are {claims}, and in its payload {payload:?}"))
        }
    }
}
