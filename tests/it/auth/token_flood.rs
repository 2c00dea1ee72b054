//! Ten thousand bad tokens in a row: they cause no more than one fetch of the keys in 10 s, and the function's memory does not
//! grow, also if the issuer misbehaves meanwhile.

use std::convert::Infallible;
use std::fs;
use std::ops::Deref as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ag_ui_dev::Issuer;
use ag_ui_dev::loopback::Loopback;
use futures_util::future::join_all;
use http::{Request, Response};
use jsonwebtoken::Algorithm::{ES256, RS256};
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
async fn flood(function: &Function, forge: &JwtForge<'_>, numbers: impl Iterator<Item = usize> + Clone) {
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

/// What an issuer does with a request for its keys.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Behaviour {
    Works,
    /// It answers after the function has given up.
    Hangs,
    /// It answers with an error.
    Fails,
    /// It answers with ten megabytes.
    SendsTooMuch,
    /// It answers with a redirect to keys that would fit.
    Redirects,
}

/// A server of published keys that misbehaves on demand.
struct KeyServer {
    server: Loopback,
    state: Arc<KeyServerState>,
}

/// What a [`KeyServer`] shares with its handler.
struct KeyServerState {
    keys: String,
    behaviour: Mutex<Behaviour>,
    requests: AtomicUsize,
    redirected: AtomicUsize,
}

impl KeyServer {
    /// Starts a server that publishes the keys of this issuer.
    fn start(issuer: &Issuer, behaviour: Behaviour) -> Self {
        let keys = [ES256, RS256].map(|algorithm| issuer.public_key(algorithm));
        let keys = json!({ "keys": keys }).to_string();
        let state = Arc::new(KeyServerState {
            keys,
            behaviour: Mutex::new(behaviour),
            requests: AtomicUsize::new(0),
            redirected: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        let server = Loopback::serve(move |request| Arc::clone(&shared).respond(request)).unwrap();
        Self { server, state }
    }

    /// Returns the address of the keys.
    fn url(&self) -> String {
        format!("{}/keys", self.server.url())
    }

    /// Changes how the server behaves.
    fn set(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock().unwrap() = behaviour;
    }

    /// Returns how many requests for the keys have arrived.
    fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }
}

impl KeyServerState {
    /// Answers a request as the behaviour says.
    async fn respond<B>(self: Arc<Self>, request: Request<B>) -> Result<Response<String>, Infallible> {
        if request.uri().path() != "/keys" {
            self.redirected.fetch_add(1, Ordering::SeqCst);
            return Ok(Response::new(self.keys.clone()));
        }
        self.requests.fetch_add(1, Ordering::SeqCst);
        let behaviour = *self.behaviour.lock().unwrap();
        let response = Response::builder();
        Ok(match behaviour {
            Behaviour::Works => Response::new(self.keys.clone()),
            Behaviour::Hangs => std::future::pending().await,
            Behaviour::Fails => response.status(500).body(String::new()).unwrap(),
            Behaviour::SendsTooMuch => Response::new(" ".repeat(10 << 20)),
            Behaviour::Redirects => {
                response.status(302).header("location", "/elsewhere").body(String::new()).unwrap()
            }
        })
    }
}

/// The faults of an issuer.
const FAULTS: [Behaviour; 4] =
    [Behaviour::Fails, Behaviour::SendsTooMuch, Behaviour::Redirects, Behaviour::Hangs];

/// Starts a function whose issuer's keys are at this server.
async fn function_with_keys_of(server: &KeyServer, issuer: &Issuer) -> Function {
    // One more than the bad tokens, for a user.
    let concurrency = (AT_ONCE + 1).to_string();
    local_function(&[
        ("AGUI_AUTH", "jwt"),
        ("AGUI_JWT_ISSUER", &issuer.url()),
        ("AGUI_JWKS_URL", &server.url()),
        ("AGUI_JWT_AUDIENCE", "app"),
        ("AWS_LAMBDA_MAX_CONCURRENCY", &concurrency),
    ])
    .await
}

#[tokio::test]
async fn flood_beside_a_faulty_issuer_refuses_no_user() {
    const BAD_TOKENS: usize = 400;
    let (issuer, other) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
    let forge = JwtForge::new(&issuer, &other, "app");
    let genuine = format!("Bearer {}", forge.genuine());
    let genuine = url_event(&[("authorization", &genuine)], &user_input("Hello"));
    for fault in FAULTS {
        let server = KeyServer::start(&issuer, Behaviour::Works);
        let function = function_with_keys_of(&server, &issuer).await;
        assert_eq!(function.invoke(&genuine).await.unwrap().status(), 200, "{fault:?}");
        // Each names a key that exists, so none of them causes a fetch.
        flood(&function, &forge, (1..2 * BAD_TOKENS).step_by(2)).await;
        assert_eq!(server.requests(), 1, "{fault:?}: while the function started");
        let (began, memory) = (Instant::now(), own_memory_kib(function.pid()));

        server.set(fault);
        let users = async {
            for number in 0..20 {
                assert_eq!(
                    function.invoke(&genuine).await.unwrap().status(),
                    200,
                    "{fault:?}, user {number}"
                );
            }
        };
        tokio::join!(flood(&function, &forge, 0..BAD_TOKENS), users);

        let grown = own_memory_kib(function.pid()).saturating_sub(memory);
        assert!(grown <= 2048, "{fault:?}: the flood took {grown} KiB");
        let (fetches, allowed) = (server.requests() - 1, 1 + began.elapsed().as_secs() as usize / 10);
        assert!((1..=allowed).contains(&fetches), "{fault:?}: {fetches} fetches, of at most {allowed}");
        assert_eq!(server.state.redirected.load(Ordering::SeqCst), 0, "{fault:?}: no redirect is followed");
    }
}

#[tokio::test]
async fn flood_without_keys_asks_a_faulty_issuer_every_10_s() {
    let (issuer, other) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
    let forge = JwtForge::new(&issuer, &other, "app");
    let event =
        |token: &str| url_event(&[("authorization", &format!("Bearer {token}"))], &user_input("Hello"));
    for fault in FAULTS {
        let server = KeyServer::start(&issuer, fault);
        let began = Instant::now();
        let function = function_with_keys_of(&server, &issuer).await;
        for number in 0..200 {
            let token = if number % 5 == 0 { forge.genuine() } else { bad_token(&forge, number) };
            let answer = function.deref().invoke(&event(&token)).await.unwrap();
            assert_eq!(answer.status(), 503, "{fault:?}, token {number}: nothing can be verified");
        }
        // The first fetch, while the function starts, does not count.
        let (fetches, allowed) = (server.requests(), 2 + began.elapsed().as_secs() as usize / 10);
        assert!((1..=allowed).contains(&fetches), "{fault:?}: {fetches} fetches, of at most {allowed}");
        assert_eq!(server.state.redirected.load(Ordering::SeqCst), 0, "{fault:?}: no redirect is followed");
    }
}
