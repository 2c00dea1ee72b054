//! Signatures that are none, tokens of another form, and genuine ones that come another way.

use jsonwebtoken::Algorithm::{ES256, RS256};
use serde_json::json;

use super::{Attack, asking, attack, for_};
use crate::support::forge::{Forge, base64, edited};
use crate::support::function::{TOKEN, says, url_event};

const BAD_HEADER: &str = "the header is malformed";
const BAD_SIGNATURE: &str = "the signature is malformed";
const WRONG_SIGNATURE: &str = "the signature is wrong";
const NOT_CONFIGURED: &str = "the algorithm is not configured";
const NOT_THREE_PARTS: &str = "it has not three parts";

pub(super) fn on_the_signature(forge: &Forge<'_>) -> Vec<Attack> {
    let genuine = forge.genuine();
    let [header, payload, signature] = forge.parts(&genuine);
    let signed = |signature: &str| format!("{header}.{payload}.{signature}");
    let raw = forge.signature(&genuine);
    let order = forge.p256_order();
    let one = [vec![0; 31], vec![1]].concat();
    let other = edited(forge.claims(), json!({"sub": "root"}));
    [
        for_(
            WRONG_SIGNATURE,
            vec![
                attack("an altered payload", &format!("{header}.{}.{signature}", base64(other.to_string()))),
                attack("an altered header", &{
                    let header = edited(forge.header_members(ES256), json!({"typ": "at+jwt"}));
                    format!("{}.{payload}.{signature}", base64(header.to_string()))
                }),
                attack("the signature taken away", &signed("")),
                attack(
                    "another token's signature",
                    &signed(&forge.parts(&forge.claiming(json!({"sub": "eve"})))[2]),
                ),
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
            ],
        ),
        for_(
            NOT_CONFIGURED,
            vec![attack("header and payload that change places", &format!("{payload}.{header}.{signature}"))],
        ),
        for_(
            NOT_THREE_PARTS,
            vec![attack("the signature taken away with its dot", &format!("{header}.{payload}"))],
        ),
    ]
    .concat()
}

pub(super) fn on_the_form(forge: &Forge<'_>) -> Vec<Attack> {
    let genuine = forge.genuine();
    let [header, payload, signature] = forge.parts(&genuine);
    let json = json!({"protected": header, "payload": payload, "signature": signature});
    let jwe = base64(json!({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "k"}).to_string());
    [
        for_(
            NOT_THREE_PARTS,
            vec![
                attack("an empty token", ""),
                attack("a blank token", " "),
                attack("a word", "undefined"),
                attack("an encrypted token", &format!("{jwe}.a2V5.aXY.{payload}.dGFn")),
                attack("four parts", &format!("{genuine}.{signature}")),
                attack("a dot behind it", &format!("{genuine}.")),
                attack("a dot before it", &format!(".{genuine}")),
                attack("the token in JSON", &json.to_string()),
                attack("percent signs", &genuine.replace('.', "%2E")),
            ],
        ),
        for_(
            BAD_HEADER,
            vec![
                attack("dots", ".."),
                attack("the token in quotes", &format!("\"{genuine}\"")),
                attack("with its scheme", &format!("Bearer {genuine}")),
                attack("white space before it", &format!(" {genuine}")),
            ],
        ),
        for_(
            BAD_SIGNATURE,
            vec![
                attack("white space behind it", &format!("{genuine} ")),
                attack("a tab behind it", &format!("{genuine}\t")),
                attack("padding", &format!("{genuine}==")),
                attack("the standard alphabet", &forge.in_standard_alphabet()),
                attack("bits that no byte has", &forge.with_trailing_bits()),
            ],
        ),
        for_(
            WRONG_SIGNATURE,
            vec![attack("white space within", &format!("{header}. {payload}.{signature}"))],
        ),
        for_(
            "it is too long",
            vec![
                attack(
                    "a genuine token that is too long",
                    &forge.claiming(json!({"padding": "x".repeat(16 * 1024)})),
                ),
                attack("a megabyte", &"a".repeat(1 << 20)),
                attack("a megabyte of dots", &".".repeat(1 << 20)),
            ],
        ),
    ]
    .concat()
}

/// What is wrong with how it is sent. A genuine token is in all of them.
pub(super) fn on_the_way(forge: &Forge<'_>) -> Vec<Attack> {
    let genuine = &forge.genuine();
    let bearer = &format!("Bearer {genuine}");
    let missing = |why, event| Attack { why, event, reason: "token_missing", logged: "" };
    let without = || asking(&[]);
    [
        for_(
            NOT_THREE_PARTS,
            vec![
                // As a function URL joins a header that is sent twice.
                attack("two tokens", &format!("{genuine},{genuine}")),
                attack(
                    "a genuine token and a forged one",
                    &format!("{genuine}, {}", forge.unsigned(json!({"alg": "none"}))),
                ),
            ],
        ),
        for_(
            "token_missing",
            vec![
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
                    event["rawQueryString"] =
                        json!(format!("x-agui-user-token={genuine}&access_token={genuine}"));
                    event
                }),
                missing("the token in the body", {
                    let mut body = says("Hello");
                    body["forwardedProps"] = json!({"x-agui-user-token": genuine, "access_token": genuine});
                    url_event(&[("x-agui-token", TOKEN)], &body)
                }),
            ],
        ),
    ]
    .concat()
}
