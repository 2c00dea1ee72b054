//! Headers that choose what is not theirs to choose: an algorithm, a key, a type.

use jsonwebtoken::Algorithm::{ES256, RS256};
use serde_json::{Value, json};

use super::{Attack, attack, for_};
use crate::support::forge::{Forge, base64, edited};

const BAD_HEADER: &str = "the header is malformed";
const WRONG_SIGNATURE: &str = "the signature is wrong";
const NOT_CONFIGURED: &str = "the algorithm is not configured";
const NO_KEY: &str = "no published key fits";

pub(super) fn on_the_header(forge: &Forge<'_>) -> Vec<Attack> {
    let saying = |why, changes| attack(why, &forge.saying(changes));
    let mallory = forge.mallory;
    // Mallory's token says where Mallory's key is.
    let of_mallory = |why, changes: Value| {
        let kid = json!({"kid": mallory.public_key(ES256).common.key_id});
        let header = edited(edited(forge.header_members(ES256), kid), changes);
        attack(why, &mallory.sign_text(ES256, &header.to_string(), &forge.claims().to_string()).unwrap())
    };
    let key_set = mallory.jwks_url();
    let beginning = |why, member: &str| {
        let header = forge.header(ES256).replacen('{', &format!("{{{member},"), 1);
        attack(why, &forge.es256(&header, &forge.claims().to_string()))
    };
    let lists = format!(r#""nested":{}{}"#, "[".repeat(2000), "]".repeat(2000));
    [
        for_(
            "the header names a key set",
            vec![
                of_mallory("a key set of the attacker's", json!({"jku": key_set})),
                saying("our own key set, named", json!({"jku": forge.issuer.jwks_url()})),
            ],
        ),
        for_(
            "the header names a certificate",
            vec![of_mallory("a certificate at the attacker's", json!({"x5u": key_set}))],
        ),
        for_(
            "the header brings a key",
            vec![
                of_mallory("a key of its own", json!({"jwk": mallory.public_key(ES256)})),
                saying("our own key, brought along", json!({"jwk": forge.issuer.public_key(ES256)})),
            ],
        ),
        for_(
            "the header brings a certificate",
            vec![of_mallory("a certificate of its own", json!({"x5c": ["MIIB"]}))],
        ),
        for_(
            "the header has critical extensions",
            vec![
                saying("critical extensions", json!({"crit": ["exp"]})),
                saying("a payload that is not encoded", json!({"crit": ["b64"], "b64": false})),
                saying("no critical extension, said so", json!({"crit": []})),
            ],
        ),
        for_(
            "it is a token of another type",
            vec![
                saying("a logout token", json!({"typ": "logout+jwt"})),
                saying("a proof of possession", json!({"typ": "dpop+jwt"})),
                saying("a security event", json!({"typ": "application/secevent+jwt"})),
                saying("a type that is no text", json!({"typ": ["JWT"]})),
            ],
        ),
        for_(
            BAD_HEADER,
            vec![
                beginning("two algorithms", r#""alg":"none""#),
                beginning("two key ids", r#""kid":"k""#),
                beginning("2000 lists, one in the other", &lists),
                attack("a header that is a list", &forge.es256("[]", &forge.claims().to_string())),
            ],
        ),
    ]
    .concat()
}

pub(super) fn on_the_algorithm(forge: &Forge<'_>) -> Vec<Attack> {
    let key = forge.issuer.public_key(RS256);
    let none = |why, name: &str| attack(why, &forge.unsigned(json!({"alg": name})));
    let keyed = |why, secret: &[u8]| attack(why, &forge.hs256(secret));
    let by = |why, header: String, signer| {
        let claims = forge.claims().to_string();
        attack(why, &forge.issuer.sign_text(signer, &header, &claims).unwrap())
    };
    let named =
        |algorithm, name: &str| edited(forge.header_members(algorithm), json!({ "alg": name })).to_string();
    [
        for_(
            NOT_CONFIGURED,
            vec![
                none("no algorithm", "none"),
                none("no algorithm, with a capital", "None"),
                none("no algorithm, in capitals", "NONE"),
                none("no algorithm, in mixed case", "nOnE"),
                none("an empty algorithm", ""),
                attack("no algorithm at all", &forge.unsigned(json!({"alg": null}))),
                attack("no algorithm, the signature left", &{
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
            ],
        ),
        for_(
            NO_KEY,
            vec![
                by("an EC key with RSA's name", named(ES256, "RS256"), ES256),
                by("an RSA key with ECDSA's name", named(RS256, "ES256"), RS256),
            ],
        ),
        for_(
            WRONG_SIGNATURE,
            vec![
                by("an EC key under the RSA key's id", forge.header(RS256), ES256),
                by("another padding than is said", forge.header(RS256), jsonwebtoken::Algorithm::PS256),
            ],
        ),
    ]
    .concat()
}

pub(super) fn on_the_key(forge: &Forge<'_>) -> Vec<Attack> {
    let saying = |why, changes| attack(why, &forge.saying(changes));
    [
        for_(
            NO_KEY,
            vec![
                saying("an unknown key id", json!({"kid": "0"})),
                saying("a key id that is a path", json!({"kid": "../../../dev/null"})),
                saying("a key id that is a query", json!({"kid": "' UNION SELECT 'key"})),
                saying("a key id that is an address", json!({"kid": forge.mallory.jwks_url()})),
            ],
        ),
        for_(
            "the header has no key id",
            vec![
                saying("no key id", json!({"kid": null})),
                saying("an empty key id", json!({"kid": ""})),
                saying(
                    "a key id that is no text",
                    json!({"kid": [forge.issuer.public_key(ES256).common.key_id]}),
                ),
            ],
        ),
        for_(
            WRONG_SIGNATURE,
            vec![
                attack("another's key under our key's id", &{
                    let claims = forge.claims().to_string();
                    forge.mallory.sign_text(ES256, &forge.header(ES256), &claims).unwrap()
                }),
                attack("another's RSA key under our key's id", &{
                    let claims = forge.claims().to_string();
                    forge.mallory.sign_text(RS256, &forge.header(RS256), &claims).unwrap()
                }),
            ],
        ),
    ]
    .concat()
}
