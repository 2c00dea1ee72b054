//! An identity provider for tests: signs end users' tokens and publishes its keys, with the document that tells where.
//!
//! It checks no claim and knows no user: whatever a test wants signed is signed.

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

const JWKS_PATH: &str = "/.well-known/jwks.json";
const DOCUMENT_PATH: &str = "/.well-known/openid-configuration";
/// How far inside a PKCS#8 document of a 2048-bit RSA key the PKCS#1 key begins, which jsonwebtoken wants:
/// the outer header, the version, the algorithm and the header of the octet string.
const PKCS1_OFFSET: usize = 4 + 3 + 15 + 4;

/// An issuer with one RS256 and one ES256 key, on a port of its own; gone when dropped.
pub struct Issuer {
    /// What the server shares.
    state: Arc<State>,
    /// Ends every connection when dropped.
    server: Loopback,
}

/// Why an issuer could not be made or could not sign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// There is no port.
    #[error("no port to listen on")]
    Listen(#[source] io::Error),
    /// A key could not be made.
    #[error("no key could be generated")]
    Key(#[from] aws_lc_rs::error::Unspecified),
    /// Neither key fits the algorithm, or a key is not one.
    #[error("token could not be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

struct State {
    /// The keys that are published, the oldest first; the last ones sign. Never empty.
    keys: Mutex<Vec<Keys>>,
    /// Whether keys and document are served.
    is_available: AtomicBool,
    /// How often the keys were asked for.
    fetches: AtomicUsize,
    /// How often the document was asked for.
    discoveries: AtomicUsize,
}

#[derive(Clone)]
struct Keys {
    rsa: SigningKey,
    ec: SigningKey,
}

#[derive(Clone)]
struct SigningKey {
    key: EncodingKey,
    public: Jwk,
}

impl Issuer {
    /// Makes the keys and publishes them.
    ///
    /// # Errors
    /// [`IssuerError`] when there is no port or no key.
    pub async fn start() -> Result<Self, IssuerError> {
        let state = Arc::new(State {
            keys: Mutex::new(vec![Keys::generate()?]),
            is_available: AtomicBool::new(true),
            fetches: AtomicUsize::new(0),
            discoveries: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        let serve = move |request| std::future::ready(Ok::<_, Infallible>(shared.answer(&request)));
        let server = Loopback::serve(serve).map_err(IssuerError::Listen)?;
        Ok(Self { state, server })
    }

    /// Its address, fit for the claim `iss`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Where it publishes its keys.
    pub fn jwks_url(&self) -> String {
        format!("{}{JWKS_PATH}", self.url())
    }

    /// How often its keys were asked for, successfully or not.
    pub fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    /// How often the document that tells where its keys are was asked for, successfully or not.
    pub fn discoveries(&self) -> usize {
        self.state.discoveries.load(Ordering::SeqCst)
    }

    /// Whether it publishes its keys and its document or answers 503.
    pub fn set_available(&self, is_available: bool) {
        self.state.is_available.store(is_available, Ordering::SeqCst);
    }

    /// Makes new keys, with new ids, that sign from now on; the old ones stay published.
    ///
    /// # Errors
    /// [`IssuerError::Key`] when there is no key; the old ones sign on.
    pub fn rotate(&self) -> Result<(), IssuerError> {
        let keys = Keys::generate()?;
        self.state.keys().push(keys);
        Ok(())
    }

    /// Publishes no longer what does not sign any more.
    pub fn retire(&self) {
        let mut keys = self.state.keys();
        let old = keys.len() - 1;
        *keys = keys.split_off(old);
    }

    /// What is published of the key that fits `algorithm`.
    pub fn public_key(&self, algorithm: Algorithm) -> Jwk {
        self.state.signing().for_algorithm(algorithm).public.clone()
    }

    /// Signs `claims` with the published key that fits `algorithm`.
    ///
    /// The RSA key also signs what it is not published for, RS512 say: a verifier has to refuse that.
    ///
    /// # Errors
    /// [`IssuerError::Sign`] when neither key fits.
    pub fn sign(&self, algorithm: Algorithm, claims: &Value) -> Result<String, IssuerError> {
        self.sign_as(self.public_key(algorithm).common.key_id, algorithm, claims)
    }

    /// Signs as [`sign`](Self::sign) does, under a key id that is not published.
    ///
    /// # Errors
    /// As for [`sign`](Self::sign).
    pub fn sign_with_unknown_kid(&self, algorithm: Algorithm, claims: &Value) -> Result<String, IssuerError> {
        self.sign_as(Some(Uuid::new_v4().to_string()), algorithm, claims)
    }

    /// Signs this header and this payload as they are, whatever they say, with the key that fits `algorithm`.
    ///
    /// # Errors
    /// As for [`sign`](Self::sign).
    pub fn sign_text(
        &self,
        algorithm: Algorithm,
        header: &str,
        payload: &str,
    ) -> Result<String, IssuerError> {
        let [header, payload] = [header, payload].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        let message = format!("{header}.{payload}");
        let key = self.state.signing().for_algorithm(algorithm).key.clone();
        let signature = crypto::sign(message.as_bytes(), &key, algorithm)?;
        Ok(format!("{message}.{signature}"))
    }

    fn sign_as(
        &self,
        kid: Option<String>,
        algorithm: Algorithm,
        claims: &Value,
    ) -> Result<String, IssuerError> {
        let header = Header { kid, ..Header::new(algorithm) };
        let key = self.state.signing().for_algorithm(algorithm).key.clone();
        Ok(jsonwebtoken::encode(&header, claims, &key)?)
    }
}

impl State {
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
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

    /// Tells of itself by the address that it was asked at.
    fn document<B>(&self, request: &Request<B>) -> Vec<u8> {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let issuer = format!("http://{host}");
        json!({"issuer": issuer, "jwks_uri": format!("{issuer}{JWKS_PATH}")}).to_string().into()
    }

    fn published(&self) -> Vec<Jwk> {
        self.keys().iter().flat_map(|keys| [keys.rsa.public.clone(), keys.ec.public.clone()]).collect()
    }

    fn signing(&self) -> Keys {
        self.keys().last().expect("there are always keys that sign").clone()
    }

    /// No panic happens under this lock, so a poisoned one is whole.
    fn keys(&self) -> MutexGuard<'_, Vec<Keys>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn generate() -> Result<Self, IssuerError> {
        let rsa = AsDer::<Pkcs8V1Der<'_>>::as_der(&KeyPair::generate(KeySize::Rsa2048)?)?;
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
        let pkcs1 = rsa.as_ref().get(PKCS1_OFFSET..).unwrap_or_default();
        Ok(Self {
            rsa: SigningKey::new(EncodingKey::from_rsa_der(pkcs1), Algorithm::RS256)?,
            ec: SigningKey::new(EncodingKey::from_ec_der(ec.as_ref()), Algorithm::ES256)?,
        })
    }

    fn for_algorithm(&self, algorithm: Algorithm) -> &SigningKey {
        match algorithm.family() {
            AlgorithmFamily::Ec => &self.ec,
            _ => &self.rsa,
        }
    }
}

impl SigningKey {
    fn new(key: EncodingKey, algorithm: Algorithm) -> Result<Self, IssuerError> {
        let mut public = Jwk::from_encoding_key(&key, algorithm)?;
        public.common.key_id = Some(Uuid::new_v4().to_string());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { key, public })
    }
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
    use serde_json::json;

    use super::{Algorithm, Issuer, JwkSet, Value};

    async fn published(issuer: &Issuer) -> JwkSet {
        let body = reqwest::get(issuer.jwks_url()).await.unwrap().bytes().await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[tokio::test]
    async fn a_token_is_verified_with_the_key_that_is_published_for_it() {
        let issuer = Issuer::start().await.unwrap();
        let claims = json!({ "sub": "u-1", "iss": issuer.url(), "exp": 4_102_444_800_u64 });
        for algorithm in [Algorithm::RS256, Algorithm::ES256] {
            let token = issuer.sign(algorithm, &claims).unwrap();
            let kid = decode_header(&token).unwrap().kid.unwrap();
            let keys = published(&issuer).await;
            let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
            let verified = decode::<Value>(&token, &key, &Validation::new(algorithm)).unwrap();
            assert_eq!(verified.claims, claims);
        }
        assert_eq!(issuer.fetches(), 2);
        assert!(issuer.sign(Algorithm::HS256, &claims).is_err());
    }

    #[tokio::test]
    async fn given_a_rotation_then_new_keys_sign_and_the_old_ones_are_published_until_they_retire() {
        let issuer = Issuer::start().await.unwrap();
        let kid = |token: String| decode_header(token).unwrap().kid.unwrap();
        let old = kid(issuer.sign(Algorithm::RS256, &json!({})).unwrap());
        let unknown = kid(issuer.sign_with_unknown_kid(Algorithm::RS256, &json!({})).unwrap());
        issuer.rotate().unwrap();
        let new = kid(issuer.sign(Algorithm::RS256, &json!({})).unwrap());

        let keys = published(&issuer).await;
        assert!(keys.find(&old).is_some() && keys.find(&new).is_some() && keys.find(&unknown).is_none());

        issuer.retire();
        let keys = published(&issuer).await;
        assert!(keys.find(&old).is_none() && keys.find(&new).is_some());
    }

    #[tokio::test]
    async fn its_document_names_itself_and_its_keys() {
        let issuer = Issuer::start().await.unwrap();
        let address = format!("{}/.well-known/openid-configuration", issuer.url());
        let document = reqwest::get(address).await.unwrap().bytes().await.unwrap();
        let document: Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(document, json!({"issuer": issuer.url(), "jwks_uri": issuer.jwks_url()}));
        assert_eq!((issuer.discoveries(), issuer.fetches()), (1, 0));
    }

    #[tokio::test]
    async fn given_an_outage_when_the_keys_are_fetched_then_it_is_503_and_counted() {
        let issuer = Issuer::start().await.unwrap();
        issuer.set_available(false);
        assert_eq!(reqwest::get(issuer.jwks_url()).await.unwrap().status(), 503);
        issuer.set_available(true);
        assert_eq!(reqwest::get(issuer.jwks_url()).await.unwrap().status(), 200);
        assert_eq!(issuer.fetches(), 2);
    }
}
