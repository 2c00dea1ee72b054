//! Attacks by form: invalid signatures, malformed tokens, and genuine tokens that are sent in another way.

use jsonwebtoken::Algorithm::{ES256, RS256};
use serde_json::json;

use super::{Attack, event_with_headers, invalid_token, logged_as};
use crate::support::function::{TOKEN, url_event, user_input};
use crate::support::jwt_forge::{JwtForge, base64, edited};

const BAD_HEADER: &str = "the header is malformed";
const BAD_SIGNATURE: &str = "the signature is malformed";
const WRONG_SIGNATURE: &str = "the signature is wrong";
const NOT_CONFIGURED: &str = "the algorithm is not configured";
const NOT_THREE_PARTS: &str = "it has not three parts";

/// Attacks by a missing, malformed or wrong signature.
pub(super) fn signature_attacks(forge: &JwtForge<'_>) -> Vec<Attack> {
    let genuine = forge.genuine();
    let [header, payload, signature] = forge.parts(&genuine);
    let signed = |signature: &str| format!("{header}.{payload}.{signature}");
    let raw = forge.signature(&genuine);
    let order = forge.p256_order();
    let one = [vec![0; 31], vec![1]].concat();
    let other = edited(forge.claims(), json!({"sub": "root"}));
    [
        logged_as(
            WRONG_SIGNATURE,
            vec![
                invalid_token(
                    "an altered payload",
                    &format!("{header}.{}.{signature}", base64(other.to_string())),
                ),
                invalid_token("an altered header", &{
                    let header = edited(forge.header_members(ES256), json!({"typ": "at+jwt"}));
                    format!("{}.{payload}.{signature}", base64(header.to_string()))
                }),
                invalid_token("the signature taken away", &signed("")),
                invalid_token(
                    "another token's signature",
                    &signed(&forge.parts(&forge.with_claims(json!({"sub": "eve"})))[2]),
                ),
                invalid_token("half a signature", &signed(&base64(&raw[..32]))),
                invalid_token("a signature and a byte", &signed(&base64([&raw[..], &[0]].concat()))),
                invalid_token("a changed bit", &signed(&base64([&raw[..63], &[raw[63] ^ 1]].concat()))),
                invalid_token("a signature in DER", &signed(&base64(forge.der_signature(&raw)))),
                invalid_token("r and s of 0", &signed(&base64([0; 64]))),
                invalid_token("r of 0", &signed(&base64([&[0; 32][..], &raw[32..]].concat()))),
                invalid_token("s of 0", &signed(&base64([&raw[..32], &[0; 32][..]].concat()))),
                invalid_token(
                    "r and s of the order of the curve",
                    &signed(&base64([&order[..], &order].concat())),
                ),
                invalid_token("r and s of 1", &signed(&base64([&one[..], &one].concat()))),
                invalid_token("an RSA signature of 0", &{
                    let genuine = forge.issuer.sign(RS256, &forge.claims()).unwrap();
                    let [header, payload, _] = forge.parts(&genuine);
                    format!("{header}.{payload}.{}", base64([0; 256]))
                }),
            ],
        ),
        logged_as(
            NOT_CONFIGURED,
            vec![invalid_token(
                "header and payload that change places",
                &format!("{payload}.{header}.{signature}"),
            )],
        ),
        logged_as(
            NOT_THREE_PARTS,
            vec![invalid_token("the signature taken away with its dot", &format!("{header}.{payload}"))],
        ),
    ]
    .concat()
}

/// Attacks by a malformed token.
pub(super) fn form_attacks(forge: &JwtForge<'_>) -> Vec<Attack> {
    let genuine = forge.genuine();
    let [header, payload, signature] = forge.parts(&genuine);
    let json = json!({"protected": header, "payload": payload, "signature": signature});
    let jwe = base64(json!({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "k"}).to_string());
    [
        logged_as(
            NOT_THREE_PARTS,
            vec![
                invalid_token("an empty token", ""),
                invalid_token("a blank token", " "),
                invalid_token("a word", "undefined"),
                invalid_token("an encrypted token", &format!("{jwe}.a2V5.aXY.{payload}.dGFn")),
                invalid_token("four parts", &format!("{genuine}.{signature}")),
                invalid_token("a dot behind it", &format!("{genuine}.")),
                invalid_token("a dot before it", &format!(".{genuine}")),
                invalid_token("the token in JSON", &json.to_string()),
                invalid_token("percent signs", &genuine.replace('.', "%2E")),
            ],
        ),
        logged_as(
            BAD_HEADER,
            vec![
                invalid_token("dots", ".."),
                invalid_token("the token in quotes", &format!("\"{genuine}\"")),
                invalid_token("with its scheme", &format!("Bearer {genuine}")),
                invalid_token("white space before it", &format!(" {genuine}")),
            ],
        ),
        logged_as(
            BAD_SIGNATURE,
            vec![
                invalid_token("white space behind it", &format!("{genuine} ")),
                invalid_token("a tab behind it", &format!("{genuine}\t")),
                invalid_token("padding", &format!("{genuine}==")),
                invalid_token("the standard alphabet", &forge.in_standard_alphabet()),
                invalid_token("bits that no byte has", &forge.with_trailing_bits()),
            ],
        ),
        logged_as(
            WRONG_SIGNATURE,
            vec![
                invalid_token("white space within", &format!("{header}. {payload}.{signature}")),
                invalid_token("claims with padding", &format!("{header}.{payload}=.{signature}")),
                invalid_token("a percent sign within", &format!("{header}.{payload}%0A.{signature}")),
            ],
        ),
        logged_as(
            "it is too long",
            vec![
                invalid_token(
                    "a genuine token that is too long",
                    &forge.with_claims(json!({"padding": "x".repeat(16 * 1024)})),
                ),
                invalid_token("a megabyte", &"a".repeat(1 << 20)),
                invalid_token("a megabyte of dots", &".".repeat(1 << 20)),
            ],
        ),
    ]
    .concat()
}

/// Attacks that send a genuine token in a way that is not accepted.
pub(super) fn transport_attacks(forge: &JwtForge<'_>) -> Vec<Attack> {
    let genuine = &forge.genuine();
    let bearer = &format!("Bearer {genuine}");
    let missing = |why, event| Attack { why, event, reason: "token_missing", logged: "" };
    let without = || event_with_headers(&[]);
    [
        logged_as(
            NOT_THREE_PARTS,
            vec![
                // A function URL joins a header that is sent twice in this way.
                invalid_token("two tokens", &format!("{genuine},{genuine}")),
                invalid_token(
                    "a genuine token and a forged one",
                    &format!("{genuine}, {}", forge.unsigned(json!({"alg": "none"}))),
                ),
            ],
        ),
        logged_as(
            "token_missing",
            vec![
                missing("no token", without()),
                missing("the token as the bearer", event_with_headers(&[("authorization", bearer)])),
                missing(
                    "the token in another header",
                    event_with_headers(&[("x-user-token", genuine), ("x-amzn-oidc-data", genuine)]),
                ),
                missing("the token in a cookie", {
                    let mut event = without();
                    event["cookies"] = json!([format!("x-agui-user-token={genuine}")]);
                    event
                }),
                missing("the token in the query", {
                    let mut event = without();
                    event["rawQueryString"] =
                        json!(format!("x-agui-user-token={genuine}&access_token={genuine}"));
                    event
                }),
                missing("the token in the body", {
                    let mut body = user_input("Hello");
                    body["forwardedProps"] = json!({"x-agui-user-token": genuine, "access_token": genuine});
                    url_event(&[("x-agui-token", TOKEN)], &body)
                }),
            ],
        ),
    ]
    .concat()
}
