//! Attacks by claims: the signature is valid, but a claim is not acceptable.

use jsonwebtoken::Algorithm::ES256;
use serde_json::{Value, json};

use super::{AUDIENCE, Attack, invalid_token, logged_as};
use crate::support::jwt_forge::{JwtForge, edited};

const AUDIENCE_IS_ANOTHER: &str = "the audience is another";
const ISSUER_IS_ANOTHER: &str = "the issuer is another";
const BAD_TIME: &str = "a time is malformed";
const BAD_PAYLOAD: &str = "the payload is malformed";

/// Attacks by expiry, start and other times.
pub(super) fn time_attacks(forge: &JwtForge<'_>) -> Vec<Attack> {
    let now = forge.now;
    let refused_with =
        |why, changes, reason| Attack { reason, ..invalid_token(why, &forge.with_claims(changes)) };
    let refused = |why, changes| refused_with(why, changes, "token_invalid");
    [
        logged_as(
            "token_expired",
            vec![
                refused_with("expired", json!({"exp": now - 3600}), "token_expired"),
                refused_with("expired just beyond the leeway", json!({"exp": now - 61}), "token_expired"),
                refused_with("expired at the beginning of time", json!({"exp": 0}), "token_expired"),
            ],
        ),
        logged_as(
            "token_not_yet_valid",
            vec![
                refused_with("not valid yet", json!({"nbf": now + 300}), "token_not_yet_valid"),
                refused_with(
                    "not valid for centuries",
                    json!({"nbf": 200_000_000_000_u64}),
                    "token_not_yet_valid",
                ),
            ],
        ),
        logged_as(
            AUDIENCE_IS_ANOTHER,
            vec![refused("expired and of another audience", json!({"exp": now - 3600, "aud": "other"}))],
        ),
        logged_as("it has no expiry", vec![refused("no expiry", json!({"exp": null}))]),
        logged_as(
            BAD_TIME,
            vec![
                refused("an expiry that is text", json!({"exp": (now + 600).to_string()})),
                refused("an expiry that is negative", json!({"exp": -1})),
                refused("an expiry beyond all clocks", json!({"exp": 1e300})),
                refused("an expiry in milliseconds", json!({"exp": (now + 600) * 1000})),
                refused("an expiry in a list", json!({"exp": [now + 600]})),
                refused("the largest expiry", json!({"exp": u64::MAX})),
                refused("an expiry that is true", json!({"exp": true})),
                refused("a begin in milliseconds", json!({"nbf": now * 1000})),
                refused("a begin that is text", json!({"nbf": "0"})),
            ],
        ),
        logged_as(
            BAD_PAYLOAD,
            vec![invalid_token(
                "an expiry that is no number",
                &forge.es256(&forge.header(ES256), &forge.claims_with_exp("1e999")),
            )],
        ),
    ]
    .concat()
}

/// Attacks by issuer, audience, subject and other claims.
pub(super) fn claim_attacks(forge: &JwtForge<'_>) -> Vec<Attack> {
    let claiming = |why, changes| invalid_token(why, &forge.with_claims(changes));
    let issuer = &forge.issuer.url();
    let beginning = |why, member: &str| {
        let claims = forge.claims().to_string().replacen('{', &format!("{{{member},"), 1);
        invalid_token(why, &forge.es256(&forge.header(ES256), &claims))
    };
    [
        logged_as(
            AUDIENCE_IS_ANOTHER,
            vec![
                claiming("another audience", json!({"aud": "other"})),
                claiming("an audience that begins like ours", json!({"aud": "app2"})),
                claiming("audiences without ours", json!({"aud": ["other", "another"]})),
                claiming("our audience in a list in a list", json!({"aud": [[AUDIENCE]]})),
                claiming("our audience as a name", json!({"aud": {AUDIENCE: true}})),
                claiming("no audience in a list", json!({"aud": []})),
                claiming("our audience with a space", json!({"aud": format!("{AUDIENCE} ")})),
                claiming("our audience in capitals", json!({"aud": AUDIENCE.to_uppercase()})),
                claiming("our audience among others in a text", json!({"aud": format!("{AUDIENCE},other")})),
                claiming("no audience", json!({"aud": null})),
                claiming(
                    "our audience as the client of another kind of token",
                    json!({"aud": null, "client_id": AUDIENCE}),
                ),
                claiming("an access token of another client", cognito_access_changes("other")),
                claiming(
                    "an access token of another client for us",
                    edited(cognito_access_changes("other"), json!({"aud": AUDIENCE})),
                ),
                claiming(
                    "an access token without a client",
                    edited(cognito_access_changes("app"), json!({"client_id": null})),
                ),
                claiming(
                    "an id token with a client in place of an audience",
                    edited(cognito_access_changes("app"), json!({"token_use": "id"})),
                ),
                claiming("an id token of another client", json!({"token_use": "id", "aud": "other"})),
            ],
        ),
        logged_as(
            ISSUER_IS_ANOTHER,
            vec![
                claiming("another issuer", json!({"iss": "https://issuer.example"})),
                claiming("our issuer with a slash", json!({"iss": format!("{issuer}/")})),
                claiming("our issuer in capitals", json!({"iss": issuer.to_uppercase()})),
                claiming("our issuer in a list", json!({"iss": [issuer]})),
                claiming("no issuer", json!({"iss": null})),
            ],
        ),
        logged_as(
            "it is a token of another use",
            vec![
                claiming("a token of another use", json!({"token_use": "refresh"})),
                claiming("several uses", json!({"token_use": ["id", "access"], "client_id": AUDIENCE})),
            ],
        ),
        logged_as(
            "it describes an event, such as a logout",
            vec![claiming(
                "a logout token under the usual type",
                json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
            )],
        ),
        logged_as(
            BAD_PAYLOAD,
            vec![
                beginning("two expiries", r#""exp":4102444800"#),
                beginning("two subjects", r#""sub":"root""#),
                beginning("two subjects, one of them escaped", r#""\u0073ub":"root""#),
                beginning("two groups within a claim", r#""address":{"group":"a","group":"b"}"#),
                beginning("half a character", r#""name":"\ud800""#),
                beginning("two issuers", r#""iss":"https://issuer.example""#),
                beginning("two organisations", r#""custom:org_id":"acme","custom:org_id":"other""#),
                invalid_token(
                    "claims that are a list",
                    &forge.es256(&forge.header(ES256), &format!("[{}]", forge.claims())),
                ),
                invalid_token(
                    "claims that are a token",
                    &forge.es256(&forge.header(ES256), &forge.genuine()),
                ),
                invalid_token("a nested token that says so", &{
                    let header = edited(forge.header_members(ES256), json!({"cty": "JWT"})).to_string();
                    forge.es256(&header, &forge.genuine())
                }),
                invalid_token(
                    "claims with something behind them",
                    &forge.es256(&forge.header(ES256), &format!("{}{{}}", forge.claims())),
                ),
                invalid_token(
                    "claims that are no JSON",
                    &forge.es256(&forge.header(ES256), "sub=ada&aud=app"),
                ),
            ],
        ),
    ]
    .concat()
}

/// Returns the changes that turn a token into a Cognito access token for this client.
pub(super) fn cognito_access_changes(client: &str) -> Value {
    json!({"aud": null, "token_use": "access", "client_id": client})
}
