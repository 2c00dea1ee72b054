//! Where an issuer publishes its keys, and how they are read from there: over HTTP, within limits.
//!
//! An address comes from the configuration, or from the discovery document of the configured issuer; nothing of a
//! token ever chooses one. No redirect is followed. It does not cache: [`Cached`](crate::cached::Cached) does.

use std::sync::OnceLock;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::redirect;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;

use super::UserTokenConfig;
use super::keys::Keys;
use crate::cached::{FetchError, Source};

/// The longest document that is read, be it the issuer's or its key set.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// Limit of one request.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Limit of a fetch: two requests.
pub(super) const FETCH_TIMEOUT: Duration = Duration::from_secs(4);

/// Keys of the configured issuer can't be fetched safely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsafeKeys {
    /// The issuer is no address, though its keys have to be found by it.
    #[error(
        "the issuer is neither an https URL nor an http URL of this machine, so its keys can't be found by it"
    )]
    Issuer,
    /// The key set's address is none, or keys from it could not be trusted.
    #[error("the key set's address is neither an https URL nor an http URL of this machine")]
    JwksUrl,
}

/// Why keys could not be read.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0} was answered with status {1}")]
    Status(What, StatusCode),
    #[error("{0} is over {MAX_BODY_BYTES} bytes")]
    TooLarge(What),
    #[error("the discovery document is malformed")]
    Malformed(#[source] serde_json::Error),
    #[error("the discovery document is of another issuer")]
    OtherIssuer,
    #[error("the discovery document names a key set at an address that can't be trusted")]
    UnsafeAddress,
}

/// What is read, for the log.
#[derive(Debug, Clone, Copy)]
enum What {
    Document,
    KeySet,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Document => "the discovery document",
            Self::KeySet => "the key set",
        })
    }
}

/// The issuer, as far as its keys go.
pub(super) struct Issuer {
    /// Where the keys are.
    place: Place,
    /// Built at the first fetch, since it reads the system's certificates.
    client: OnceLock<Client>,
}

enum Place {
    /// At this address.
    KeySet(Url),
    /// Where the issuer's document says. It is read anew for each fetch: an issuer may move its keys.
    Discovered {
        /// What the document has to name, exactly.
        issuer: String,
        /// Where the document is.
        document: Url,
    },
}

impl Issuer {
    /// Source: OpenID Connect Discovery 1.0 section 4.
    pub(super) fn new(config: &UserTokenConfig) -> Result<Self, UnsafeKeys> {
        let place = match &config.jwks_url {
            Some(url) => Place::KeySet(safe_url(url).ok_or(UnsafeKeys::JwksUrl)?),
            None => {
                let issuer = safe_url(&config.issuer).ok_or(UnsafeKeys::Issuer)?;
                if issuer.query().is_some() || issuer.fragment().is_some() {
                    return Err(UnsafeKeys::Issuer);
                }
                let document = format!(
                    "{}/.well-known/openid-configuration",
                    config.issuer.strip_suffix('/').unwrap_or(&config.issuer)
                );
                let document = safe_url(&document).ok_or(UnsafeKeys::Issuer)?;
                Place::Discovered { issuer: config.issuer.clone(), document }
            }
        };
        Ok(Self { place, client: OnceLock::new() })
    }

    fn client(&self) -> Result<&Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            // Five minutes and perhaps a freeze lie between two fetches: an idle connection is dead by then.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(self.client.get_or_init(|| client))
    }

    async fn read(&self) -> Result<Keys, FetchError> {
        let discovered;
        let key_set = match &self.place {
            Place::KeySet(url) => url,
            Place::Discovered { issuer, document } => {
                discovered = key_set_of(&self.body(What::Document, document).await?, issuer, document)?;
                &discovered
            }
        };
        Ok(Keys::parse(&self.body(What::KeySet, key_set).await?)?)
    }

    async fn body(&self, what: What, url: &Url) -> Result<Vec<u8>, FetchError> {
        let mut answer = self.client()?.get(url.clone()).send().await?;
        if answer.status() != StatusCode::OK {
            return Err(Fault::Status(what, answer.status()).into());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(Fault::TooLarge(what).into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl Source<Keys> for Issuer {
    fn fetch(&self) -> BoxFuture<'_, Result<Keys, FetchError>> {
        Box::pin(self.read())
    }
}

/// The key set's address in a discovery document, which has to be the issuer's own.
///
/// The key set may be on another host, as some large issuers have it. It is on this machine only where the issuer is:
/// else a document could point the function at what listens beside it, Lambda's Runtime API first of all.
fn key_set_of(document: &[u8], issuer: &str, at: &Url) -> Result<Url, Fault> {
    #[derive(Deserialize)]
    struct Document {
        issuer: String,
        jwks_uri: String,
    }
    let document: Document = serde_json::from_slice(document).map_err(Fault::Malformed)?;
    if document.issuer != issuer {
        return Err(Fault::OtherIssuer);
    }
    let url = safe_url(&document.jwks_uri).filter(|url| !is_here(url) || is_here(at));
    url.ok_or(Fault::UnsafeAddress)
}

/// An address that nobody between can answer for: `https`, or `http` on this machine; without a user in it.
fn safe_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_safe = match url.scheme() {
        "https" => true,
        "http" => is_here(&url),
        _ => false,
    };
    (is_safe && url.username().is_empty() && url.password().is_none()).then_some(url)
}

fn is_here(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future;
    use std::sync::{Arc, Mutex};

    use ag_ui_dev::loopback::Loopback;
    use http::{Request, Response};
    use serde_json::{Value, json};

    use super::*;

    const DOCUMENT: &str = "/.well-known/openid-configuration";

    /// A server on this machine that answers each path, or leaves it without an answer.
    struct Server {
        loopback: Loopback,
        state: Arc<State>,
    }

    #[derive(Default)]
    struct State {
        answers: OnceLock<Vec<(&'static str, Response<String>)>>,
        /// The paths that it was asked for.
        asked: Mutex<Vec<String>>,
    }

    impl State {
        async fn answer<B>(self: Arc<Self>, request: Request<B>) -> Result<Response<String>, Infallible> {
            let path = request.uri().path();
            self.asked.lock().unwrap().push(path.to_owned());
            let answer = self.answers.get().unwrap().iter().find(|(known, _)| *known == path);
            match answer {
                Some((_, answer)) => Ok(answer.clone()),
                None => future::pending().await,
            }
        }
    }

    impl Server {
        fn new(answers: impl FnOnce(&str) -> Vec<(&'static str, Response<String>)>) -> Self {
            let state = Arc::new(State::default());
            let shared = Arc::clone(&state);
            let loopback = Loopback::serve(move |request| Arc::clone(&shared).answer(request)).unwrap();
            state.answers.set(answers(&loopback.url())).unwrap();
            Self { loopback, state }
        }

        /// One that publishes a key and this document.
        fn discovered(document: impl FnOnce(&str) -> Value) -> Self {
            Self::new(|url| vec![(DOCUMENT, ok(&document(url).to_string())), ("/keys", ok(&a_key()))])
        }

        /// Reads the keys as the configuration with this issuer and key set does.
        async fn read(&self, issuer: &str, jwks_path: Option<&str>) -> Result<Keys, String> {
            let issuer = self.loopback.url() + issuer;
            let jwks_url = jwks_path.map(|path| self.loopback.url() + path);
            let issuer = Issuer::new(&config(&issuer, jwks_url.as_deref())).unwrap();
            issuer.read().await.map_err(|fault| fault.to_string())
        }

        fn asked(&self) -> Vec<String> {
            self.state.asked.lock().unwrap().clone()
        }
    }

    fn config(issuer: &str, jwks_url: Option<&str>) -> UserTokenConfig {
        UserTokenConfig {
            issuer: issuer.to_owned(),
            audience: "app".to_owned(),
            jwks_url: jwks_url.map(ToOwned::to_owned),
            algorithms: Vec::new(),
        }
    }

    fn ok(body: &str) -> Response<String> {
        Response::new(body.to_owned())
    }

    fn a_key() -> String {
        json!({"keys": [{"kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB"}]}).to_string()
    }

    #[tokio::test]
    async fn the_key_set_is_where_the_configuration_says_or_else_where_the_issuer_does() {
        let server = Server::discovered(|url| json!({"issuer": url, "jwks_uri": format!("{url}/keys")}));
        server.read("", Some("/keys")).await.unwrap();
        assert_eq!(server.asked(), ["/keys"]);

        let keys = server.read("", None).await.unwrap();

        assert!(keys.knows("k"));
        assert_eq!(server.asked(), ["/keys", DOCUMENT, "/keys"]);
    }

    #[tokio::test]
    async fn an_issuer_with_a_path_has_its_document_below_that() {
        for (issuer, document) in [
            ("/pool", "/pool/.well-known/openid-configuration"),
            ("/tenant/v2.0", "/tenant/v2.0/.well-known/openid-configuration"),
            // Auth0's issuers end in one.
            ("/", DOCUMENT),
        ] {
            let server = Server::new(|url| {
                let said = json!({"issuer": format!("{url}{issuer}"), "jwks_uri": format!("{url}/keys")});
                vec![(document, ok(&said.to_string())), ("/keys", ok(&a_key()))]
            });
            assert!(server.read(issuer, None).await.unwrap().knows("k"), "{issuer}");
        }
    }

    #[tokio::test]
    async fn a_document_that_is_not_the_issuers_own_or_points_astray_gives_no_keys() {
        let other = "the discovery document is of another issuer";
        let astray = "the discovery document names a key set at an address that can't be trusted";
        let malformed = "the discovery document is malformed";
        type Document = fn(&str) -> Value;
        let cases: [(&str, Document, &str); 9] = [
            ("another issuer", |_| json!({"issuer": "https://other.example", "jwks_uri": "/keys"}), other),
            (
                "a slash more",
                |url| json!({"issuer": format!("{url}/"), "jwks_uri": format!("{url}/keys")}),
                other,
            ),
            (
                "a template",
                |url| json!({"issuer": format!("{url}/{{tenantid}}"), "jwks_uri": "/keys"}),
                other,
            ),
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
            assert_eq!(server.asked(), [DOCUMENT], "{why}: nothing else is asked");
        }
    }

    #[test]
    fn a_key_set_may_be_on_another_host_and_on_this_machine_only_where_the_issuer_is() {
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
            let found = key_set_of(document.as_bytes(), "https://accounts.example", &public);
            assert_eq!(found.is_ok(), is_taken, "{jwks_uri}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_used_is_told_by_its_cause() {
        let large = "x".repeat(MAX_BODY_BYTES);
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
                Server::new(|_| vec![(DOCUMENT, answer.clone()), ("/set", answer), ("/keys", ok(&a_key()))]);

            assert_eq!(server.read("", Some("/set")).await.unwrap_err(), format!("the key set {cause}"));
            assert_eq!(server.read("", None).await.unwrap_err(), format!("the discovery document {cause}"));
            assert_eq!(server.asked(), ["/set", DOCUMENT], "a redirect is not followed");
        }
        let server = Server::new(|_| vec![("/set", ok("<html>"))]);
        assert_eq!(server.read("", Some("/set")).await.unwrap_err(), "the key set is malformed");
    }

    #[tokio::test(start_paused = true)]
    async fn an_issuer_that_says_nothing_is_given_up() {
        let server = Server::new(|_| Vec::new());
        let issuer = Issuer::new(&config(&server.loopback.url(), None)).unwrap();

        let fault = issuer.read().await.unwrap_err();

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
            assert_eq!(by_url, (!is_safe).then_some(UnsafeKeys::JwksUrl), "{url}");
            let by_issuer = Issuer::new(&config(url, None)).err();
            assert_eq!(by_issuer, (!is_safe).then_some(UnsafeKeys::Issuer), "{url}");
        }
        for issuer in ["https://issuer.example/?tenant=1", "https://issuer.example/#a"] {
            assert_eq!(Issuer::new(&config(issuer, None)).err(), Some(UnsafeKeys::Issuer), "{issuer}");
        }
    }
}
