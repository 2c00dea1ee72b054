//! Ten thousand bad tokens in a row: they cause no more than one fetch of the keys in 10 s, and the function's memory does not
//! grow.

use std::fs;
use std::ops::Deref as _;
use std::time::Instant;

use ag_ui_dev::Issuer;
use futures_util::future::join_all;
use jsonwebtoken::Algorithm::ES256;
use serde_json::{Value, json};

use crate::support::function::{Function, local_function, url_event, user_input};
use crate::support::jwt_forge::{JwtForge, base64, edited};

/// The number of bad tokens.
const TOKENS: usize = 10_000;
/// The number of bad tokens before the memory is measured: buffers and caches then have their size.
const FIRST_TOKENS: usize = 1_000;
/// The number of requests at the same time.
const AT_ONCE: usize = 8;

/// Returns the memory of a process that is its own, in KiB: without its program and libraries, which are read from files.
fn own_memory_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Returns a bad token. Every other one names a key that does not exist, and none equals another.
fn bad_token(forge: &JwtForge<'_>, number: usize) -> String {
    let claims = edited(forge.claims(), json!({"sub": format!("user-{number}")})).to_string();
    let header = match number % 2 {
        0 => edited(forge.header_members(ES256), json!({"kid": format!("made-up-{number}")})).to_string(),
        _ => forge.header(ES256),
    };
    format!("{}.{}.{}", base64(header), base64(claims), base64([7; 64]))
}

/// Sends the bad tokens with these numbers, some at a time. All are refused.
async fn flood(function: &Function, forge: &JwtForge<'_>, numbers: std::ops::Range<usize>) {
    let send = async |offset: usize| {
        for number in numbers.clone().skip(offset).step_by(AT_ONCE) {
            let bearer = format!("Bearer {}", bad_token(forge, number));
            let event: Value = url_event(&[("authorization", &bearer)], &user_input("Hello"));
            // Not the method of `Function` itself, which keeps each token to search the log for it.
            let answer = function.deref().invoke(&event).await.unwrap();
            assert_eq!(answer.status(), 401, "token {number}");
        }
    };
    join_all((0..AT_ONCE).map(send)).await;
}

#[tokio::test]
async fn bad_tokens_cost_one_fetch_in_10_s_and_no_memory() {
    for auth in ["jwt", "token_or_jwt"] {
        let (issuer, other) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
        let forge = JwtForge::new(&issuer, &other, "app");
        let concurrency = AT_ONCE.to_string();
        let function = local_function(&[
            ("AGUI_AUTH", auth),
            ("AGUI_JWT_ISSUER", &issuer.url()),
            ("AGUI_JWT_AUDIENCE", "app"),
            ("AWS_LAMBDA_MAX_CONCURRENCY", &concurrency),
        ])
        .await;
        let genuine = format!("Bearer {}", forge.genuine());
        let genuine = url_event(&[("authorization", &genuine)], &user_input("Hello"));
        assert_eq!(function.invoke(&genuine).await.unwrap().status(), 200, "{auth}");
        let (began, before) = (Instant::now(), issuer.jwks_fetches());

        flood(&function, &forge, 0..FIRST_TOKENS).await;
        let memory = own_memory_kib(function.pid());
        flood(&function, &forge, FIRST_TOKENS..FIRST_TOKENS + TOKENS).await;

        let grown = own_memory_kib(function.pid()).saturating_sub(memory);
        assert!(grown <= 1024, "{auth}: {TOKENS} bad tokens took {grown} KiB");
        let fetches = issuer.jwks_fetches() - before;
        let allowed = 1 + began.elapsed().as_secs() as usize / 10;
        assert!((1..=allowed).contains(&fetches), "{auth}: {fetches} fetches, of at most {allowed}");
        assert_eq!(function.invoke(&genuine).await.unwrap().status(), 200, "{auth}: the user is served");
    }
}
