use std::convert::Infallible;
use std::future;
use std::sync::{Arc, Mutex};

use ag_ui_dev::loopback::Loopback;
use http::{Request, Response};
use serde_json::{Value, json};

use super::*;

/// The path of the discovery document.
const DOCUMENT: &str = "/.well-known/openid-configuration";

/// A server on this machine that answers the known paths, and never answers any other.
struct Server {
    loopback: Loopback,
    state: Arc<ServerState>,
}

/// What a [`Server`] shares with its handler.
#[derive(Default)]
struct ServerState {
    /// The responses by path.
    responses: OnceLock<Vec<(&'static str, Response<String>)>>,
    /// The paths of the requests so far.
    requested: Mutex<Vec<String>>,
}

impl ServerState {
    /// Answers a request, or never does if its path is unknown.
    async fn respond<B>(self: Arc<Self>, request: Request<B>) -> Result<Response<String>, Infallible> {
        let path = request.uri().path();
        self.requested.lock().unwrap().push(path.to_owned());
        let response = self.responses.get().unwrap().iter().find(|(known, _)| *known == path);
        match response {
            Some((_, response)) => Ok(response.clone()),
            None => future::pending().await,
        }
    }
}

impl Server {
    /// A server with these responses by path, which may depend on its URL.
    fn new(responses: impl FnOnce(&str) -> Vec<(&'static str, Response<String>)>) -> Self {
        let state = Arc::new(ServerState::default());
        let shared = Arc::clone(&state);
        let loopback = Loopback::serve(move |request| Arc::clone(&shared).respond(request)).unwrap();
        state.responses.set(responses(&loopback.url())).unwrap();
        Self { loopback, state }
    }

    /// A server that publishes a key and this discovery document.
    fn discovered(document: impl FnOnce(&str) -> Value) -> Self {
        Self::new(|url| vec![(DOCUMENT, ok(&document(url).to_string())), ("/keys", ok(&key_set()))])
    }

    /// Fetches the keys of this issuer, from this key set if there is one.
    async fn read(&self, issuer: &str, jwks_path: Option<&str>) -> Result<KeySet, String> {
        let issuer = self.loopback.url() + issuer;
        let jwks_url = jwks_path.map(|path| self.loopback.url() + path);
        let issuer = Issuer::new(&config(&issuer, jwks_url.as_deref())).unwrap();
        issuer.fetch_keys().await.map_err(|fault| fault.to_string())
    }

    /// Returns the paths of the requests so far.
    fn requested_paths(&self) -> Vec<String> {
        self.state.requested.lock().unwrap().clone()
    }
}

/// The configuration with this issuer and key set.
fn config(issuer: &str, jwks_url: Option<&str>) -> UserTokenConfig {
    UserTokenConfig {
        issuer: issuer.to_owned(),
        audiences: vec!["app".to_owned()],
        jwks_url: jwks_url.map(ToOwned::to_owned),
        algorithms: Vec::new(),
    }
}

/// A response with the status 200.
fn ok(body: &str) -> Response<String> {
    Response::new(body.to_owned())
}

/// A key set with one key.
fn key_set() -> String {
    json!({"keys": [{"kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB"}]}).to_string()
}

#[tokio::test]
async fn configured_key_set_comes_before_the_discovered_one() {
    let server = Server::discovered(|url| json!({"issuer": url, "jwks_uri": format!("{url}/keys")}));
    server.read("", Some("/keys")).await.unwrap();
    assert_eq!(server.requested_paths(), ["/keys"]);

    let keys = server.read("", None).await.unwrap();

    assert!(keys.contains("k"));
    assert_eq!(server.requested_paths(), ["/keys", DOCUMENT, "/keys"]);
}

#[tokio::test]
async fn discovery_document_is_below_the_issuers_path() {
    for (issuer, document) in [
        ("/pool", "/pool/.well-known/openid-configuration"),
        ("/tenant/v2.0", "/tenant/v2.0/.well-known/openid-configuration"),
        // Auth0's issuers end in one.
        ("/", DOCUMENT),
    ] {
        let server = Server::new(|url| {
            let document_text =
                json!({"issuer": format!("{url}{issuer}"), "jwks_uri": format!("{url}/keys")});
            vec![(document, ok(&document_text.to_string())), ("/keys", ok(&key_set()))]
        });
        assert!(server.read(issuer, None).await.unwrap().contains("k"), "{issuer}");
    }
}

#[tokio::test]
async fn untrusted_discovery_document_is_refused() {
    let other = "the discovery document is of another issuer";
    let astray = "the discovery document names a key set at an address that can't be trusted";
    let malformed = "the discovery document is malformed";
    /// Writes a document of the server at this URL.
    type Document = fn(&str) -> Value;
    let cases: [(&str, Document, &str); 9] = [
        ("another issuer", |_| json!({"issuer": "https://other.example", "jwks_uri": "/keys"}), other),
        (
            "a slash more",
            |url| json!({"issuer": format!("{url}/"), "jwks_uri": format!("{url}/keys")}),
            other,
        ),
        ("a template", |url| json!({"issuer": format!("{url}/{{tenantid}}"), "jwks_uri": "/keys"}), other),
        ("no issuer", |url| json!({"jwks_uri": format!("{url}/keys")}), malformed),
        ("no key set", |url| json!({ "issuer": url }), malformed),
        ("a list of key sets", |url| json!({"issuer": url, "jwks_uri": ["/keys"]}), malformed),
        ("not https", |url| json!({"issuer": url, "jwks_uri": "http://keys.example/keys"}), astray),
        ("a file", |url| json!({"issuer": url, "jwks_uri": "file:///etc/passwd"}), astray),
        ("no address", |url| json!({"issuer": url, "jwks_uri": "/keys"}), astray),
    ];
    for (why, document, fault) in cases {
        let server = Server::discovered(document);

        assert_eq!(server.read("", None).await.unwrap_err(), fault, "{why}");
        assert_eq!(server.requested_paths(), [DOCUMENT], "{why}: nothing else is asked");
    }
}

#[test]
fn key_set_on_this_machine_needs_an_issuer_there() {
    let public = Url::parse("https://accounts.example/.well-known/openid-configuration").unwrap();
    for (jwks_uri, is_taken) in [
        ("https://keys.example/certs", true),
        ("https://accounts.example/keys?version=2", true),
        ("http://keys.example/certs", false),
        ("http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", false),
        ("http://127.1/", false),
        ("http://localhost/", false),
        ("https://localhost/", false),
        ("https://[::1]/", false),
        ("http://169.254.169.254/latest/meta-data/", false),
        ("https://user:password@keys.example/certs", false),
    ] {
        let document = json!({"issuer": "https://accounts.example", "jwks_uri": jwks_uri}).to_string();
        let found = discovered_key_set(document.as_bytes(), "https://accounts.example", &public);
        assert_eq!(found.is_ok(), is_taken, "{jwks_uri}");
    }
}

#[tokio::test]
async fn unusable_response_is_reported_with_its_cause() {
    let large = "x".repeat(MAX_DOCUMENT_BYTES);
    let status = |status: u16| Response::builder().status(status).body(String::new()).unwrap();
    let redirect = Response::builder().status(302).header("location", "/keys").body(String::new());
    let chunked = Response::builder().header("transfer-encoding", "chunked").body(large.repeat(2));
    for (answer, cause) in [
        (ok(&format!("{large}x")), "is over 262144 bytes"),
        // No length is promised, so only counting can tell.
        (chunked.unwrap(), "is over 262144 bytes"),
        (redirect.unwrap(), "was answered with status 302 Found"),
        (status(404), "was answered with status 404 Not Found"),
        (status(503), "was answered with status 503 Service Unavailable"),
    ] {
        let server =
            Server::new(|_| vec![(DOCUMENT, answer.clone()), ("/set", answer), ("/keys", ok(&key_set()))]);

        assert_eq!(server.read("", Some("/set")).await.unwrap_err(), format!("the key set {cause}"));
        assert_eq!(server.read("", None).await.unwrap_err(), format!("the discovery document {cause}"));
        assert_eq!(server.requested_paths(), ["/set", DOCUMENT], "a redirect is not followed");
    }
    let server = Server::new(|_| vec![("/set", ok("<html>"))]);
    assert_eq!(server.read("", Some("/set")).await.unwrap_err(), "the key set is malformed");
}

#[tokio::test(start_paused = true)]
async fn silent_issuer_is_given_up() {
    let server = Server::new(|_| Vec::new());
    let issuer = Issuer::new(&config(&server.loopback.url(), None)).unwrap();

    let fault = issuer.fetch_keys().await.unwrap_err();

    assert!(fault.downcast::<reqwest::Error>().unwrap().is_timeout());
}

#[test]
fn only_a_safe_address_is_accepted() {
    for (url, is_safe) in [
        ("https://issuer.example/jwks.json", true),
        ("http://localhost:5055/pool/jwks.json", true),
        ("http://127.0.0.1:5055/jwks.json", true),
        ("http://[::1]:5055/jwks.json", true),
        ("http://issuer.example/jwks.json", false),
        ("http://localhost.example/jwks.json", false),
        ("http://localhost@issuer.example/jwks.json", false),
        ("https://user:password@issuer.example/jwks.json", false),
        ("file:///etc/passwd", false),
        ("issuer.example", false),
    ] {
        let by_url = Issuer::new(&config("any name", Some(url))).err();
        assert_eq!(by_url, (!is_safe).then_some(UserTokenConfigError::JwksUrl), "{url}");
        let by_issuer = Issuer::new(&config(url, None)).err();
        assert_eq!(by_issuer, (!is_safe).then_some(UserTokenConfigError::Issuer), "{url}");
    }
    for issuer in ["https://issuer.example/?tenant=1", "https://issuer.example/#a"] {
        assert_eq!(Issuer::new(&config(issuer, None)).err(), Some(UserTokenConfigError::Issuer), "{issuer}");
    }
}
