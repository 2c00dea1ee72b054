//! Tests of the issuer, with tokens that are verified by its published keys.

use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::json;

use super::{Algorithm, Issuer, JwkSet, Value};

/// Fetches the keys that an issuer publishes.
async fn published(issuer: &Issuer) -> JwkSet {
    let body = reqwest::get(issuer.jwks_url()).await.unwrap().bytes().await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn token_is_verified_with_its_published_key() {
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
    assert_eq!(issuer.jwks_fetches(), 2);
    assert!(issuer.sign(Algorithm::HS256, &claims).is_err());
}

#[tokio::test]
async fn old_keys_stay_published_until_they_are_retired() {
    let issuer = Issuer::start().await.unwrap();
    let kid = |token: String| decode_header(token).unwrap().kid.unwrap();
    let old = kid(issuer.sign(Algorithm::RS256, &json!({})).unwrap());
    let unknown = kid(issuer.sign_with_unknown_kid(Algorithm::RS256, &json!({})).unwrap());
    issuer.rotate().unwrap();
    let new = kid(issuer.sign(Algorithm::RS256, &json!({})).unwrap());

    let keys = published(&issuer).await;
    assert!(keys.find(&old).is_some() && keys.find(&new).is_some() && keys.find(&unknown).is_none());

    issuer.retire_old_keys();
    let keys = published(&issuer).await;
    assert!(keys.find(&old).is_none() && keys.find(&new).is_some());
}

#[tokio::test]
async fn configuration_names_the_issuer_and_its_keys() {
    let issuer = Issuer::start().await.unwrap();
    let address = format!("{}/.well-known/openid-configuration", issuer.url());
    let document = reqwest::get(address).await.unwrap().bytes().await.unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(document, json!({"issuer": issuer.url(), "jwks_uri": issuer.jwks_url()}));
    assert_eq!((issuer.discovery_fetches(), issuer.jwks_fetches()), (1, 0));
}

#[tokio::test]
async fn unavailable_issuer_responds_503_and_counts_fetches() {
    let issuer = Issuer::start().await.unwrap();
    issuer.set_available(false);
    assert_eq!(reqwest::get(issuer.jwks_url()).await.unwrap().status(), 503);
    issuer.set_available(true);
    assert_eq!(reqwest::get(issuer.jwks_url()).await.unwrap().status(), 200);
    assert_eq!(issuer.jwks_fetches(), 2);
}
