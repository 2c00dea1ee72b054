//! Attacks by header: the token chooses an algorithm, a key or a type that the function does not allow.

use jsonwebtoken::Algorithm::{ES256, RS256};
use serde_json::{Value, json};

use super::{Attack, invalid_token, logged_as};
use crate::support::jwt_forge::{JwtForge, base64, edited};

const BAD_HEADER: &str = "the header is malformed";
const WRONG_SIGNATURE: &str = "the signature is wrong";
const NOT_CONFIGURED: &str = "the algorithm is not configured";
const NO_KEY: &str = "no published key fits";

/// Attacks by members of the header.
pub(super) fn header_attacks(forge: &JwtForge<'_>) -> Vec<Attack> {
    let with_header_value = |why, changes| invalid_token(why, &forge.with_header(changes));
    let mallory = forge.unknown_issuer;
    // The token of the unknown issuer names the URL of its own key.
    let of_mallory = |why, changes: Value| {
        let kid = json!({"kid": mallory.public_key(ES256).common.key_id});
        let header = edited(edited(forge.header_members(ES256), kid), changes);
        invalid_token(
            why,
            &mallory.sign_text(ES256, &header.to_string(), &forge.claims().to_string()).unwrap(),
        )
    };
    let key_set = mallory.jwks_url();
    let beginning = |why, member: &str| {
        let header = forge.header(ES256).replacen('{', &format!("{{{member},"), 1);
        invalid_token(why, &forge.es256(&header, &forge.claims().to_string()))
    };
    let lists = format!(r#""nested":{}{}"#, "[".repeat(2000), "]".repeat(2000));
    [
        logged_as(
            "the header names a key set",
            vec![
                of_mallory("a key set of the attacker's", json!({"jku": key_set})),
                with_header_value("our own key set, named", json!({"jku": forge.issuer.jwks_url()})),
            ],
        ),
        logged_as(
            "the header names a certificate",
            vec![of_mallory("a certificate at the attacker's", json!({"x5u": key_set}))],
        ),
        logged_as(
            "the header brings a key",
            vec![
                of_mallory("a key of its own", json!({"jwk": mallory.public_key(ES256)})),
                with_header_value(
                    "our own key, brought along",
                    json!({"jwk": forge.issuer.public_key(ES256)}),
                ),
            ],
        ),
        logged_as(
            "the header brings a certificate",
            vec![of_mallory("a certificate of its own", json!({"x5c": ["MIIB"]}))],
        ),
        logged_as(
            "the header has critical extensions",
            vec![
                with_header_value("critical extensions", json!({"crit": ["exp"]})),
                with_header_value("a payload that is not encoded", json!({"crit": ["b64"], "b64": false})),
                with_header_value("no critical extension, said so", json!({"crit": []})),
            ],
        ),
        logged_as(
            "it is a token of another type",
            vec![
                with_header_value("a logout token", json!({"typ": "logout+jwt"})),
                with_header_value("a proof of possession", json!({"typ": "dpop+jwt"})),
                with_header_value("a security event", json!({"typ": "application/secevent+jwt"})),
                with_header_value("a type that is no text", json!({"typ": ["JWT"]})),
            ],
        ),
        logged_as(
            BAD_HEADER,
            vec![
                beginning("two algorithms", r#""alg":"none""#),
                beginning("two key ids", r#""kid":"k""#),
                beginning("two algorithms, one of them escaped", r#""\u0061lg":"none""#),
                beginning("2000 lists, one in the other", &lists),
                invalid_token("a header that is a list", &forge.es256("[]", &forge.claims().to_string())),
                invalid_token(
                    "a header with something behind it",
                    &forge.es256(&format!("{}{{}}", forge.header(ES256)), &forge.claims().to_string()),
                ),
                invalid_token(
                    "a mark of the byte order before the header",
                    &forge.es256(&format!("\u{feff}{}", forge.header(ES256)), &forge.claims().to_string()),
                ),
                invalid_token("a header with padding", &{
                    let [header, payload, signature] = forge.parts(&forge.genuine());
                    format!("{header}=.{payload}.{signature}")
                }),
            ],
        ),
    ]
    .concat()
}

/// Attacks by the algorithm.
pub(super) fn algorithm_attacks(forge: &JwtForge<'_>) -> Vec<Attack> {
    let key = forge.issuer.public_key(RS256);
    let none = |why, name: &str| invalid_token(why, &forge.unsigned(json!({"alg": name})));
    let keyed = |why, secret: &[u8]| invalid_token(why, &forge.hs256(secret));
    let keyed_longer = |why, name: &str| {
        let named = forge.unsigned(json!({ "alg": name }));
        invalid_token(why, &format!("{named}{}", base64([7; 64])))
    };
    let by = |why, header: String, signer| {
        let claims = forge.claims().to_string();
        invalid_token(why, &forge.issuer.sign_text(signer, &header, &claims).unwrap())
    };
    let named =
        |algorithm, name: &str| edited(forge.header_members(algorithm), json!({ "alg": name })).to_string();
    [
        logged_as(
            NOT_CONFIGURED,
            vec![
                none("no algorithm", "none"),
                none("no algorithm, with a capital", "None"),
                none("no algorithm, in capitals", "NONE"),
                none("no algorithm, in mixed case", "nOnE"),
                none("an empty algorithm", ""),
                invalid_token("no algorithm at all", &forge.unsigned(json!({"alg": null}))),
                invalid_token("no algorithm, the signature left", &{
                    let header = base64(named(ES256, "none"));
                    let genuine = forge.genuine();
                    format!("{header}.{}", genuine.split_once('.').unwrap().1)
                }),
                keyed("the public key's PEM as a shared key", forge.rsa_pem().as_bytes()),
                keyed("the public key's DER as a shared key", &forge.rsa_der()),
                keyed("the public key's modulus as a shared key", &forge.rsa_modulus()),
                keyed("the published key as a shared key", &serde_json::to_vec(&key).unwrap()),
                keyed("an empty shared key", b""),
                by(
                    "an algorithm that is not configured",
                    named(RS256, "RS512"),
                    jsonwebtoken::Algorithm::RS512,
                ),
                by("another padding", named(RS256, "PS256"), jsonwebtoken::Algorithm::PS256),
                by("an algorithm in small letters", named(ES256, "es256"), ES256),
                by("an algorithm with a space", named(ES256, "ES256 "), ES256),
                by("another curve's algorithm", named(ES256, "ES384"), ES256),
                by("the curve of Bitcoin", named(ES256, "ES256K"), ES256),
                by("an algorithm of Edwards' curve", named(ES256, "EdDSA"), ES256),
                by("an algorithm for encryption", named(RS256, "RSA-OAEP"), RS256),
                keyed_longer("a longer shared key", "HS512"),
                invalid_token("algorithms in a list", &forge.with_header(json!({"alg": ["ES256"]}))),
                invalid_token("an algorithm that is a number", &forge.with_header(json!({"alg": 256}))),
                invalid_token(
                    "an algorithm in an object",
                    &forge.with_header(json!({"alg": {"name": "ES256"}})),
                ),
            ],
        ),
        logged_as(
            NO_KEY,
            vec![
                by("an EC key with RSA's name", named(ES256, "RS256"), ES256),
                by("an RSA key with ECDSA's name", named(RS256, "ES256"), RS256),
            ],
        ),
        logged_as(
            WRONG_SIGNATURE,
            vec![
                by("an EC key under the RSA key's id", forge.header(RS256), ES256),
                by("another padding than is said", forge.header(RS256), jsonwebtoken::Algorithm::PS256),
            ],
        ),
    ]
    .concat()
}

/// Attacks by the key.
pub(super) fn key_attacks(forge: &JwtForge<'_>) -> Vec<Attack> {
    let with_header_value = |why, changes| invalid_token(why, &forge.with_header(changes));
    [
        logged_as(
            NO_KEY,
            vec![
                with_header_value("an unknown key id", json!({"kid": "0"})),
                with_header_value("a key id that is a path", json!({"kid": "../../../dev/null"})),
                with_header_value("a key id with a zero byte", json!({"kid": "0\u{0}"})),
                with_header_value("a key id of ten thousand letters", json!({"kid": "k".repeat(10_000)})),
                with_header_value("a blank key id", json!({"kid": " "})),
                with_header_value("the key id in capitals", {
                    let kid = forge.issuer.public_key(ES256).common.key_id.unwrap().to_uppercase();
                    json!({ "kid": kid })
                }),
                with_header_value("a key id that is a query", json!({"kid": "' UNION SELECT 'key"})),
                with_header_value(
                    "a key id that is an address",
                    json!({"kid": forge.unknown_issuer.jwks_url()}),
                ),
            ],
        ),
        logged_as(
            "the header has no key id",
            vec![
                with_header_value("no key id", json!({"kid": null})),
                with_header_value("an empty key id", json!({"kid": ""})),
                with_header_value("a key id that is a number", json!({"kid": 0})),
                with_header_value("a key id that is true", json!({"kid": true})),
                with_header_value("a key id in an object", json!({"kid": {"id": "0"}})),
                with_header_value(
                    "a key id that is no text",
                    json!({"kid": [forge.issuer.public_key(ES256).common.key_id]}),
                ),
            ],
        ),
        logged_as(
            WRONG_SIGNATURE,
            vec![
                invalid_token("another's key under our key's id", &{
                    let claims = forge.claims().to_string();
                    forge.unknown_issuer.sign_text(ES256, &forge.header(ES256), &claims).unwrap()
                }),
                invalid_token("another's RSA key under our key's id", &{
                    let claims = forge.claims().to_string();
                    forge.unknown_issuer.sign_text(RS256, &forge.header(RS256), &claims).unwrap()
                }),
            ],
        ),
    ]
    .concat()
}
