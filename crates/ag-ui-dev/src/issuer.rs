//! An identity provider for tests: it signs the tokens of end users, and publishes its keys and an OpenID configuration.
//!
//! It checks no claims and has no users: it signs whatever a test asks it to sign.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{
    Request, Response, StatusCode,
    header::{CONTENT_TYPE, HOST},
};
use http_body_util::Full;
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, EncodingKey, Header, crypto,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::loopback::Loopback;

/// The path of the published keys.
const JWKS_PATH: &str = "/.well-known/jwks.json";
/// The path of the OpenID configuration.
const DOCUMENT_PATH: &str = "/.well-known/openid-configuration";
/// Where the PKCS#1 key, which jsonwebtoken needs, begins in the PKCS#8 document of a 2048-bit RSA key: after the outer
/// header, the version, the algorithm and the header of the octet string.
const PKCS1_OFFSET: usize = 4 + 3 + 15 + 4;

/// An identity provider that has one RS256 key and one ES256 key, and listens on a port of its own. It ends when it is
/// dropped.
pub struct Issuer {
    /// What all connections share.
    state: Arc<IssuerState>,
    /// Ends every connection when dropped.
    server: Loopback,
}

/// The error of an [`Issuer`] that could not start or could not sign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// There is no free port.
    #[error("no port to listen on")]
    Listen(#[source] io::Error),
    /// A key could not be generated.
    #[error("no key could be generated")]
    Key(#[from] aws_lc_rs::error::Unspecified),
    /// Neither key fits the algorithm, or a key is malformed.
    #[error("token could not be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

struct IssuerState {
    /// The published pairs of keys, the oldest pair first. Only the last pair signs. The list is never empty.
    keys: Mutex<Vec<KeySet>>,
    /// Whether the keys and the configuration are served.
    is_available: AtomicBool,
    /// How often the keys were requested.
    fetches: AtomicUsize,
    /// How often the configuration was requested.
    discoveries: AtomicUsize,
}

/// A pair of keys that sign at the same time.
#[derive(Clone)]
struct KeySet {
    rsa: SigningKey,
    ec: SigningKey,
}

/// A private key, and its published form.
#[derive(Clone)]
struct SigningKey {
    key: EncodingKey,
    public: Jwk,
}

impl Issuer {
    /// Generates an RSA key and an EC key, and starts an HTTP server that publishes their public parts.
    ///
    /// # Errors
    /// [`IssuerError`] if there is no free port or if a key cannot be generated.
    pub async fn start() -> Result<Self, IssuerError> {
        let state = Arc::new(IssuerState {
            keys: Mutex::new(vec![KeySet::generate()?]),
            is_available: AtomicBool::new(true),
            fetches: AtomicUsize::new(0),
            discoveries: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        let serve = move |request| std::future::ready(Ok::<_, Infallible>(shared.respond(&request)));
        let server = Loopback::serve(serve).map_err(IssuerError::Listen)?;
        Ok(Self { state, server })
    }

    /// Returns the URL of the issuer, which is the value for the claim `iss`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Returns the URL of the published keys.
    pub fn jwks_url(&self) -> String {
        format!("{}{JWKS_PATH}", self.url())
    }

    /// Returns how many requests for the keys have arrived, including those that were answered with 503. Tests of a
    /// verifier check with this count how often the verifier fetches.
    pub fn jwks_fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    /// Returns how many requests for the OpenID configuration have arrived, including those that were answered with
    /// 503. Tests of a verifier check with this count how often the verifier fetches.
    pub fn discovery_fetches(&self) -> usize {
        self.state.discoveries.load(Ordering::SeqCst)
    }

    /// Sets whether the issuer publishes its keys and its configuration. If `is_available` is false, it answers with
    /// 503. A test imitates an outage of the issuer with this.
    pub fn set_available(&self, is_available: bool) {
        self.state.is_available.store(is_available, Ordering::SeqCst);
    }

    /// Generates new keys, with new ids, which sign from now on. The old keys stay published.
    ///
    /// # Errors
    /// [`IssuerError::Key`] if a key cannot be generated. Then the old keys continue to sign.
    pub fn rotate(&self) -> Result<(), IssuerError> {
        let keys = KeySet::generate()?;
        self.state.keys().push(keys);
        Ok(())
    }

    /// Removes all keys that sign no more from the published ones, so that a verifier refuses tokens signed before the last
    /// [`rotate`](Self::rotate).
    pub fn retire_old_keys(&self) {
        let mut keys = self.state.keys();
        let old = keys.len() - 1;
        *keys = keys.split_off(old);
    }

    /// Returns the public part, as a JWK, of the key that signs with `algorithm`: the EC key for ES*, the RSA key for all
    /// others.
    pub fn public_key(&self, algorithm: Algorithm) -> Jwk {
        self.state.signing_keys().for_algorithm(algorithm).public.clone()
    }

    /// Signs `claims` as a JWT with the published key that fits `algorithm`.
    ///
    /// The RSA key also signs with algorithms that it is not published for, such as RS512. A verifier has to refuse such a
    /// token.
    ///
    /// # Errors
    /// [`IssuerError::Sign`] if neither key fits.
    pub fn sign(&self, algorithm: Algorithm, claims: &Value) -> Result<String, IssuerError> {
        self.sign_as(self.public_key(algorithm).common.key_id, algorithm, claims)
    }

    /// Signs a JWT as [`sign`](Self::sign) does, but the token names a random key id that is not published. A verifier has
    /// to refuse the token.
    ///
    /// # Errors
    /// The same as for [`sign`](Self::sign).
    pub fn sign_with_unknown_kid(&self, algorithm: Algorithm, claims: &Value) -> Result<String, IssuerError> {
        self.sign_as(Some(Uuid::new_v4().to_string()), algorithm, claims)
    }

    /// Signs exactly this header and this payload as a JWT, with the key that fits `algorithm`. They may be malformed, to
    /// test a verifier.
    ///
    /// # Errors
    /// The same as for [`sign`](Self::sign).
    pub fn sign_text(
        &self,
        algorithm: Algorithm,
        header: &str,
        payload: &str,
    ) -> Result<String, IssuerError> {
        let [header, payload] = [header, payload].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        let message = format!("{header}.{payload}");
        let key = self.state.signing_keys().for_algorithm(algorithm).key.clone();
        let signature = crypto::sign(message.as_bytes(), &key, algorithm)?;
        Ok(format!("{message}.{signature}"))
    }

    /// Signs claims as a JWT with the key that fits `algorithm`. `kid` is the key id that the token names, and may be
    /// wrong.
    fn sign_as(
        &self,
        kid: Option<String>,
        algorithm: Algorithm,
        claims: &Value,
    ) -> Result<String, IssuerError> {
        let header = Header { kid, ..Header::new(algorithm) };
        let key = self.state.signing_keys().for_algorithm(algorithm).key.clone();
        Ok(jsonwebtoken::encode(&header, claims, &key)?)
    }
}

impl IssuerState {
    /// Responds to an HTTP request for the published keys or for the OpenID configuration, and counts the request. Any
    /// other path gets 404, and an issuer that is not available responds 503.
    fn respond<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let counter = match request.uri().path() {
            JWKS_PATH => &self.fetches,
            DOCUMENT_PATH => &self.discoveries,
            _ => return empty(StatusCode::NOT_FOUND),
        };
        counter.fetch_add(1, Ordering::SeqCst);
        if !self.is_available.load(Ordering::SeqCst) {
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        let body = match request.uri().path() {
            DOCUMENT_PATH => self.document(request),
            _ => serde_json::to_vec(&JwkSet { keys: self.published() }).unwrap_or_default(),
        };
        let mut response = Response::new(Full::new(body.into()));
        response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        response
    }

    /// Returns the OpenID configuration as JSON. Its URLs begin with `http://` and the value of the request's header
    /// `Host`.
    fn document<B>(&self, request: &Request<B>) -> Vec<u8> {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let issuer = format!("http://{host}");
        json!({"issuer": issuer, "jwks_uri": format!("{issuer}{JWKS_PATH}")}).to_string().into()
    }

    /// Returns the public parts of all keys that the issuer publishes, the oldest first.
    fn published(&self) -> Vec<Jwk> {
        self.keys().iter().flat_map(|keys| [keys.rsa.public.clone(), keys.ec.public.clone()]).collect()
    }

    /// Returns the keys that sign new tokens: the RSA key and the EC key that were generated last. Older keys may still
    /// be published, but they sign nothing.
    fn signing_keys(&self) -> KeySet {
        self.keys().last().expect("there are always keys that sign").clone()
    }

    /// Locks the list of all keys. No code panics while it holds this lock, so the value of a poisoned lock is consistent.
    fn keys(&self) -> MutexGuard<'_, Vec<KeySet>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeySet {
    /// Generates a pair of an RSA key and an EC key, each with a new id.
    fn generate() -> Result<Self, IssuerError> {
        let rsa = AsDer::<Pkcs8V1Der<'_>>::as_der(&KeyPair::generate(KeySize::Rsa2048)?)?;
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
        let pkcs1 = rsa.as_ref().get(PKCS1_OFFSET..).unwrap_or_default();
        Ok(Self {
            rsa: SigningKey::new(EncodingKey::from_rsa_der(pkcs1), Algorithm::RS256)?,
            ec: SigningKey::new(EncodingKey::from_ec_der(ec.as_ref()), Algorithm::ES256)?,
        })
    }

    /// Returns the key that signs with this algorithm: the EC key for ES*, and the RSA key for all others.
    fn for_algorithm(&self, algorithm: Algorithm) -> &SigningKey {
        match algorithm.family() {
            AlgorithmFamily::Ec => &self.ec,
            _ => &self.rsa,
        }
    }
}

impl SigningKey {
    /// Adds to a private key its public part as a JWK, with a new id. `algorithm` is the one that the JWK is published for.
    fn new(key: EncodingKey, algorithm: Algorithm) -> Result<Self, IssuerError> {
        let mut public = Jwk::from_encoding_key(&key, algorithm)?;
        public.common.key_id = Some(Uuid::new_v4().to_string());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { key, public })
    }
}

/// Creates an HTTP response with this status and without a body.
fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests;
