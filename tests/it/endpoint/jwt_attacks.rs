//! Attacks on the end user's token, each through the function's process: all are refused, with one of four fixed
//! answers.
//!
//! Each is a token that would count but for what its row says; the first test shows that those do.

use ag_ui_lambda::dev::Issuer;
use jsonwebtoken::Algorithm::{ES256, RS256};
use serde_json::{Value, json};

use crate::support::forge::{Forge, base64, edited};
use crate::support::function::{Function, TOKEN, local_function, says, url_event};

/// The audience of the function.
const AUDIENCE: &str = "app";

/// What is sent, and what is wrong with it as far as the client may know.
struct Attack {
    why: &'static str,
    event: Value,
    reason: &'static str,
}

/// A function that finds the issuer's keys by itself.
async fn function_of(issuer: &Issuer) -> Function {
    local_function(&[("AGUI_JWT_ISSUER", &issuer.url()), ("AGUI_JWT_AUDIENCE", AUDIENCE)]).await
}

fn asking(more: &[(&str, &str)]) -> Value {
    url_event(&[&[("x-agui-token", TOKEN)][..], more].concat(), &says("Hello"))
}

fn with(token: &str) -> Value {
    asking(&[("x-agui-user-token", token)])
}

fn attack(why: &'static str, token: &str) -> Attack {
    Attack { why, event: with(token), reason: "token_invalid" }
}

fn attacks(forge: &Forge<'_>) -> Vec<Attack> {
    let mut attacks = Vec::new();
    attacks.extend(on_times(forge));
    attacks.extend(on_claims(forge));
    attacks.extend(on_the_header(forge));
    attacks.extend(on_the_algorithm(forge));
    attacks.extend(on_the_key(forge));
    attacks.extend(on_the_signature(forge));
    attacks.extend(on_the_form(forge));
    attacks.extend(on_the_way(forge));
    attacks
}

fn on_times(forge: &Forge<'_>) -> Vec<Attack> {
    let now = forge.now;
    let told = |why, changes, reason| Attack { reason, ..attack(why, &forge.claiming(changes)) };
    let refused = |why, changes| told(why, changes, "token_invalid");
    vec![
        told("expired", json!({"exp": now - 3600}), "token_expired"),
        told("expired just beyond the leeway", json!({"exp": now - 61}), "token_expired"),
        told("expired at the beginning of time", json!({"exp": 0}), "token_expired"),
        told("not valid yet", json!({"nbf": now + 300}), "token_not_yet_valid"),
        refused("expired and of another audience", json!({"exp": now - 3600, "aud": "other"})),
        refused("no expiry", json!({"exp": null})),
        refused("an expiry that is text", json!({"exp": (now + 600).to_string()})),
        refused("an expiry that is negative", json!({"exp": -1})),
        refused("an expiry beyond all clocks", json!({"exp": 1e300})),
        refused("an expiry in milliseconds", json!({"exp": (now + 600) * 1000})),
        refused("an expiry in a list", json!({"exp": [now + 600]})),
        refused("a begin that is text", json!({"nbf": "0"})),
        attack(
            "an expiry that is no number",
            &forge.es256(&forge.header(ES256), &forge.claims_with_exp("1e999")),
        ),
    ]
}

fn on_claims(forge: &Forge<'_>) -> Vec<Attack> {
    let claiming = |why, changes| attack(why, &forge.claiming(changes));
    let issuer = &forge.issuer.url();
    let beginning = |why, member: &str| {
        let claims = forge.claims().to_string().replacen('{', &format!("{{{member},"), 1);
        attack(why, &forge.es256(&forge.header(ES256), &claims))
    };
    vec![
        claiming("another audience", json!({"aud": "other"})),
        claiming("an audience that begins like ours", json!({"aud": "app2"})),
        claiming("audiences without ours", json!({"aud": ["other", "another"]})),
        claiming("our audience in a list in a list", json!({"aud": [[AUDIENCE]]})),
        claiming("our audience as a name", json!({"aud": {AUDIENCE: true}})),
        claiming("no audience", json!({"aud": null})),
        claiming(
            "our audience as the client of another kind of token",
            json!({"aud": null, "client_id": AUDIENCE}),
        ),
        claiming("another issuer", json!({"iss": "https://issuer.example"})),
        claiming("our issuer with a slash", json!({"iss": format!("{issuer}/")})),
        claiming("our issuer in capitals", json!({"iss": issuer.to_uppercase()})),
        claiming("our issuer in a list", json!({"iss": [issuer]})),
        claiming("no issuer", json!({"iss": null})),
        claiming("an access token of another client", access("other")),
        claiming(
            "an access token of another client for us",
            edited(access("other"), json!({"aud": AUDIENCE})),
        ),
        claiming("an access token without a client", edited(access("app"), json!({"client_id": null}))),
        claiming(
            "an id token with a client in place of an audience",
            edited(access("app"), json!({"token_use": "id"})),
        ),
        claiming("an id token of another client", json!({"token_use": "id", "aud": "other"})),
        claiming("a token of another use", json!({"token_use": "refresh"})),
        claiming("several uses", json!({"token_use": ["id", "access"], "client_id": AUDIENCE})),
        claiming(
            "a logout token under the usual type",
            json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
        ),
        beginning("two expiries", r#""exp":4102444800"#),
        beginning("two subjects", r#""sub":"root""#),
        beginning("two issuers", r#""iss":"https://issuer.example""#),
        beginning("two organisations", r#""custom:org_id":"acme","custom:org_id":"other""#),
        attack(
            "claims that are a list",
            &forge.es256(&forge.header(ES256), &format!("[{}]", forge.claims())),
        ),
        attack("claims that are a token", &forge.es256(&forge.header(ES256), &forge.genuine())),
        attack("claims that are no JSON", &forge.es256(&forge.header(ES256), "sub=ada&aud=app")),
    ]
}

/// What makes a token an access token of Cognito's.
fn access(client: &str) -> Value {
    json!({"aud": null, "token_use": "access", "client_id": client})
}

fn on_the_header(forge: &Forge<'_>) -> Vec<Attack> {
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
    vec![
        of_mallory("a key set of the attacker's", json!({"jku": key_set})),
        of_mallory("a certificate at the attacker's", json!({"x5u": key_set})),
        of_mallory("a key of its own", json!({"jwk": mallory.public_key(ES256)})),
        of_mallory("a certificate of its own", json!({"x5c": ["MIIB"]})),
        saying("our own key set, named", json!({"jku": forge.issuer.jwks_url()})),
        saying("our own key, brought along", json!({"jwk": forge.issuer.public_key(ES256)})),
        saying("critical extensions", json!({"crit": ["exp"]})),
        saying("a payload that is not encoded", json!({"crit": ["b64"], "b64": false})),
        saying("no critical extension, said so", json!({"crit": []})),
        saying("a logout token", json!({"typ": "logout+jwt"})),
        saying("a proof of possession", json!({"typ": "dpop+jwt"})),
        saying("a security event", json!({"typ": "application/secevent+jwt"})),
        saying("a type that is no text", json!({"typ": ["JWT"]})),
        beginning("two algorithms", r#""alg":"none""#),
        beginning("two key ids", r#""kid":"k""#),
        beginning("2000 lists, one in the other", &lists),
        attack("a header that is a list", &forge.es256("[]", &forge.claims().to_string())),
    ]
}

fn on_the_algorithm(forge: &Forge<'_>) -> Vec<Attack> {
    let key = forge.issuer.public_key(RS256);
    let none = |why, name: &str| attack(why, &forge.unsigned(json!({"alg": name})));
    let keyed = |why, secret: &[u8]| attack(why, &forge.hs256(secret));
    let by = |why, header: String, signer| {
        let claims = forge.claims().to_string();
        attack(why, &forge.issuer.sign_text(signer, &header, &claims).unwrap())
    };
    let named =
        |algorithm, name: &str| edited(forge.header_members(algorithm), json!({ "alg": name })).to_string();
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
        by("an EC key with RSA's name", named(ES256, "RS256"), ES256),
        by("an RSA key with ECDSA's name", named(RS256, "ES256"), RS256),
        by("an EC key under the RSA key's id", forge.header(RS256), ES256),
        by("an algorithm that is not configured", named(RS256, "RS512"), jsonwebtoken::Algorithm::RS512),
        by("another padding", named(RS256, "PS256"), jsonwebtoken::Algorithm::PS256),
        by("another padding than is said", forge.header(RS256), jsonwebtoken::Algorithm::PS256),
        by("an algorithm in small letters", named(ES256, "es256"), ES256),
    ]
}

fn on_the_key(forge: &Forge<'_>) -> Vec<Attack> {
    let saying = |why, changes| attack(why, &forge.saying(changes));
    vec![
        saying("an unknown key id", json!({"kid": "0"})),
        saying("a key id that is a path", json!({"kid": "../../../dev/null"})),
        saying("a key id that is a query", json!({"kid": "' UNION SELECT 'key"})),
        saying("a key id that is an address", json!({"kid": forge.mallory.jwks_url()})),
        saying("no key id", json!({"kid": null})),
        saying("an empty key id", json!({"kid": ""})),
        saying("a key id that is no text", json!({"kid": [forge.issuer.public_key(ES256).common.key_id]})),
        attack("another's key under our key's id", &{
            let claims = forge.claims().to_string();
            forge.mallory.sign_text(ES256, &forge.header(ES256), &claims).unwrap()
        }),
        attack("another's RSA key under our key's id", &{
            let claims = forge.claims().to_string();
            forge.mallory.sign_text(RS256, &forge.header(RS256), &claims).unwrap()
        }),
    ]
}

fn on_the_signature(forge: &Forge<'_>) -> Vec<Attack> {
    let genuine = forge.genuine();
    let [header, payload, signature] = forge.parts(&genuine);
    let signed = |signature: &str| format!("{header}.{payload}.{signature}");
    let raw = forge.signature(&genuine);
    let order = forge.p256_order();
    let one = [vec![0; 31], vec![1]].concat();
    let other = edited(forge.claims(), json!({"sub": "root"}));
    vec![
        attack("an altered payload", &format!("{header}.{}.{signature}", base64(other.to_string()))),
        attack("an altered header", &{
            let header = edited(forge.header_members(ES256), json!({"typ": "at+jwt"}));
            format!("{}.{payload}.{signature}", base64(header.to_string()))
        }),
        attack("header and payload that change places", &format!("{payload}.{header}.{signature}")),
        attack("the signature taken away", &signed("")),
        attack("the signature taken away with its dot", &format!("{header}.{payload}")),
        attack("another token's signature", &signed(&forge.parts(&forge.claiming(json!({"sub": "eve"})))[2])),
        attack("half a signature", &signed(&base64(&raw[..32]))),
        attack("a signature and a byte", &signed(&base64([&raw[..], &[0]].concat()))),
        attack("a changed bit", &signed(&base64([&raw[..63], &[raw[63] ^ 1]].concat()))),
        attack("a signature in DER", &signed(&base64(forge.der_signature(&raw)))),
        attack("r and s of 0", &signed(&base64([0; 64]))),
        attack("r of 0", &signed(&base64([&[0; 32][..], &raw[32..]].concat()))),
        attack("s of 0", &signed(&base64([&raw[..32], &[0; 32][..]].concat()))),
        attack("r and s of the order of the curve", &signed(&base64([&order[..], &order].concat()))),
        attack("r and s of 1", &signed(&base64([&one[..], &one].concat()))),
        attack("an RSA signature of 0", &{
            let genuine = forge.issuer.sign(RS256, &forge.claims()).unwrap();
            let [header, payload, _] = forge.parts(&genuine);
            format!("{header}.{payload}.{}", base64([0; 256]))
        }),
    ]
}

fn on_the_form(forge: &Forge<'_>) -> Vec<Attack> {
    let genuine = forge.genuine();
    let [header, payload, signature] = forge.parts(&genuine);
    let json = json!({"protected": header, "payload": payload, "signature": signature});
    let jwe = base64(json!({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "k"}).to_string());
    vec![
        attack("an empty token", ""),
        attack("a blank token", " "),
        attack("dots", ".."),
        attack("a word", "undefined"),
        attack("an encrypted token", &format!("{jwe}.a2V5.aXY.{payload}.dGFn")),
        attack("four parts", &format!("{genuine}.{signature}")),
        attack("a dot behind it", &format!("{genuine}.")),
        attack("a dot before it", &format!(".{genuine}")),
        attack("the token in JSON", &json.to_string()),
        attack("the token in quotes", &format!("\"{genuine}\"")),
        attack("with its scheme", &format!("Bearer {genuine}")),
        attack("white space before it", &format!(" {genuine}")),
        attack("white space behind it", &format!("{genuine} ")),
        attack("a tab behind it", &format!("{genuine}\t")),
        attack("white space within", &format!("{header}. {payload}.{signature}")),
        attack("padding", &format!("{genuine}==")),
        attack("the standard alphabet", &forge.in_standard_alphabet()),
        attack("bits that no byte has", &forge.with_trailing_bits()),
        attack("percent signs", &genuine.replace('.', "%2E")),
        attack(
            "a genuine token that is too long",
            &forge.claiming(json!({"padding": "x".repeat(16 * 1024)})),
        ),
        attack("a megabyte", &"a".repeat(1 << 20)),
        attack("a megabyte of dots", &".".repeat(1 << 20)),
    ]
}

/// What is wrong with how it is sent. A genuine token is in all of them.
fn on_the_way(forge: &Forge<'_>) -> Vec<Attack> {
    let genuine = &forge.genuine();
    let bearer = &format!("Bearer {genuine}");
    let missing = |why, event| Attack { why, event, reason: "token_missing" };
    let without = || asking(&[]);
    vec![
        // As a function URL joins a header that is sent twice.
        attack("two tokens", &format!("{genuine},{genuine}")),
        attack(
            "a genuine token and a forged one",
            &format!("{genuine}, {}", forge.unsigned(json!({"alg": "none"}))),
        ),
        missing("no token", without()),
        missing("the token as the bearer", asking(&[("authorization", bearer)])),
        missing(
            "the token in another header",
            asking(&[("x-user-token", genuine), ("x-amzn-oidc-data", genuine)]),
        ),
        missing("the token in a cookie", {
            let mut event = without();
            event["cookies"] = json!([format!("x-agui-user-token={genuine}")]);
            event
        }),
        missing("the token in the query", {
            let mut event = without();
            event["rawQueryString"] = json!(format!("x-agui-user-token={genuine}&access_token={genuine}"));
            event
        }),
        missing("the token in the body", {
            let mut body = says("Hello");
            body["forwardedProps"] = json!({"x-agui-user-token": genuine, "access_token": genuine});
            url_event(&[("x-agui-token", TOKEN)], &body)
        }),
    ]
}

/// The whole answer to a token that is refused: nothing in it depends on what was sent.
fn answer(reason: &str) -> (Value, &'static str) {
    let (message, challenge) = match reason {
        "token_missing" => ("the user's token is missing", "Bearer"),
        "token_expired" => ("the user's token has expired", r#"Bearer error="invalid_token""#),
        "token_not_yet_valid" => ("the user's token is not valid yet", r#"Bearer error="invalid_token""#),
        _ => ("the user's token is not valid", r#"Bearer error="invalid_token""#),
    };
    (json!({"error": {"code": "UNAUTHENTICATED", "message": message, "reason": reason}}), challenge)
}

#[tokio::test]
async fn what_the_attacks_begin_with_is_served() {
    let (issuer, mallory) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
    let forge = Forge::new(&issuer, &mallory, AUDIENCE);
    let function = function_of(&issuer).await;
    let now = forge.now;
    for (why, token) in [
        ("ECDSA", forge.genuine()),
        ("RSA", issuer.sign(RS256, &forge.claims()).unwrap()),
        ("written by hand", forge.es256(&forge.header(ES256), &forge.claims().to_string())),
        ("without a type", forge.saying(json!({"typ": null}))),
        ("an access token by its type", forge.saying(json!({"typ": "at+jwt"}))),
        ("one of several audiences", forge.claiming(json!({"aud": ["other", AUDIENCE]}))),
        ("a Cognito id token", forge.claiming(json!({"token_use": "id"}))),
        ("a Cognito access token", forge.claiming(access(AUDIENCE))),
        ("expired within the leeway", forge.claiming(json!({"exp": now - 20}))),
        ("not valid yet within the leeway", forge.claiming(json!({"nbf": now + 50}))),
    ] {
        let answer = function.invoke(&with(&token)).await.unwrap();
        assert_eq!(answer.status(), 200, "{why}");
    }
}

#[tokio::test]
async fn every_attack_is_refused_with_a_fixed_answer_and_a_genuine_token_is_served_before_and_after() {
    let (issuer, mallory) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
    let forge = Forge::new(&issuer, &mallory, AUDIENCE);
    let function = function_of(&issuer).await;
    let attacks = attacks(&forge);
    let names: std::collections::BTreeSet<_> = attacks.iter().map(|attack| attack.why).collect();
    assert!(names.len() == attacks.len() && names.len() > 100, "{} attacks", attacks.len());
    assert_eq!(function.invoke(&with(&forge.genuine())).await.unwrap().status(), 200);

    for Attack { why, event, reason } in &attacks {
        let mut refused = function.invoke(event).await.unwrap();
        let text = refused.text().await;
        let (body, challenge) = answer(reason);

        assert_eq!(refused.status(), 401, "{why}: {text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), body, "{why}");
        assert_eq!(refused.header("www-authenticate"), Some(challenge), "{why}");
    }

    assert_eq!(function.invoke(&with(&forge.genuine())).await.unwrap().status(), 200);
    assert_eq!((mallory.fetches(), mallory.discoveries()), (0, 0), "no token chooses where keys come from");
    let log = function.logs().join("\n");
    for reason in [
        "token_expired",
        "token_not_yet_valid",
        "token_missing",
        "the signature is wrong",
        "the header names a key set",
        "the audience is another",
        "no published key fits",
        "it is too long",
    ] {
        assert!(log.contains(reason), "the operator can tell: {reason}");
    }
}
