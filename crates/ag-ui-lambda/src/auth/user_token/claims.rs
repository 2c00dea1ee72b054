//! Checks whether the claims of a genuine token are meant for this service and in force.
//!
//! Claims are looked at only after the signature was verified. The times are checked last: a token is reported as expired
//! only if a fresh token with otherwise the same claims would count.

use serde_json::Value;

use super::UserTokenConfig;
use crate::auth::claim_names::ISSUER;
use crate::auth::verify_user::UserTokenError::{self, Refused};
use crate::protocol::JsonObject;

/// How far the clocks of the issuer and of this machine may differ, in seconds.
const LEEWAY_S: f64 = 60.0;
/// The end of the year 9999, in seconds. A larger number is not a time in seconds, but perhaps one in milliseconds.
const MAX_TIME_S: f64 = 253_402_300_799.0;

/// Checks the claims of a token whose signature has been verified: issuer, audience and times. `now` is the time of
/// the check, in seconds since 1970.
///
/// # Errors
/// [`Refused`] with a fixed reason; [`Expired`](UserTokenError::Expired) or
/// [`NotYetValid`](UserTokenError::NotYetValid) if only the times are wrong.
///
/// Source: RFC 7519 section 4.1, RFC 8725 sections 3.8, 3.9 and 3.12, RFC 8417 section 2.2.
pub(super) fn check(claims: &JsonObject, config: &UserTokenConfig, now: u64) -> Result<(), UserTokenError> {
    if text(claims, ISSUER) != Some(config.issuer.as_str()) {
        return Err(Refused("the issuer is another"));
    }
    if claims.get("events").is_some_and(Value::is_object) {
        return Err(Refused("it describes an event, such as a logout"));
    }
    check_audience(claims, &config.audiences)?;
    let expiry = time(claims, "exp")?.ok_or(Refused("it has no expiry"))?;
    let begin = time(claims, "nbf")?;
    let now = now as f64;
    if expiry <= now - LEEWAY_S {
        return Err(UserTokenError::Expired);
    }
    match begin {
        Some(begin) if begin > now + LEEWAY_S => Err(UserTokenError::NotYetValid),
        _ => Ok(()),
    }
}

/// Checks that a token is meant for one of `audiences`, by its claim `aud`. Some issuers write the purpose of a token into
/// `token_use`; their access tokens may name the audience in `client_id` instead.
///
/// # Errors
/// [`Refused`] for another audience, and for any purpose but `id` and `access`.
fn check_audience(claims: &JsonObject, audiences: &[String]) -> Result<(), UserTokenError> {
    let is_ours = |value: &Value| audiences.iter().any(|audience| value == audience);
    let is_in_aud = claims.get("aud").map(|aud| match aud {
        Value::Array(several) => several.iter().any(is_ours),
        one => is_ours(one),
    });
    let is_for_audience = match claims.get("token_use").map(Value::as_str) {
        None | Some(Some("id")) => is_in_aud == Some(true),
        Some(Some("access")) => claims.get("client_id").is_some_and(is_ours) && is_in_aud != Some(false),
        Some(_) => return Err(Refused("it is a token of another use")),
    };
    if is_for_audience { Ok(()) } else { Err(Refused("the audience is another")) }
}

/// Returns the claim `name` if it is a string; `None` if it is not, or is missing.
fn text<'a>(claims: &'a JsonObject, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// Returns the claim `name`, which is a time in seconds since 1970 and may have a fraction. `None` if there is no
/// such claim.
///
/// # Errors
/// [`Refused`] if the claim is not a number or is outside of the years 1970 to 9999.
fn time(claims: &JsonObject, name: &str) -> Result<Option<f64>, UserTokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..=MAX_TIME_S).contains(seconds));
    seconds.map(Some).ok_or(Refused("a time is malformed"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::UserTokenError::{Expired, NotYetValid};
    use super::*;

    /// The time of the check, in seconds since 1970.
    const NOW: u64 = 1_800_000_000;

    /// Checks good claims with members replaced, or removed where they are `REMOVED`.
    fn check_with(changes: &Value) -> Result<(), UserTokenError> {
        check_for(&["app"], changes)
    }

    /// The same for tokens with these audiences.
    fn check_for(audiences: &[&str], changes: &Value) -> Result<(), UserTokenError> {
        let config = UserTokenConfig {
            issuer: "https://issuer.example".to_owned(),
            audiences: audiences.iter().map(ToString::to_string).collect(),
            jwks_url: None,
            algorithms: Vec::new(),
        };
        let mut claims =
            json!({"iss": "https://issuer.example", "aud": "app", "exp": NOW + 600, "sub": "u1"});
        let members = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            if value == REMOVED {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
        check(members, &config, NOW)
    }

    /// The value that marks a member to remove.
    const REMOVED: &str = "(removed)";

    #[test]
    fn token_for_this_service_and_in_force_counts() {
        for (why, changes) in [
            ("as they are", json!({})),
            ("one of several audiences", json!({"aud": ["other", "app"]})),
            ("expired within the leeway", json!({"exp": NOW - 59})),
            ("not valid yet within the leeway", json!({"nbf": NOW + 60})),
            ("a fraction of a second", json!({"exp": NOW as f64 + 0.5})),
            ("a Cognito id token", json!({"token_use": "id"})),
            ("a Cognito access token", json!({"aud": REMOVED, "token_use": "access", "client_id": "app"})),
            (
                "a Cognito access token that is bound to us",
                json!({"token_use": "access", "client_id": "app"}),
            ),
            ("an application's own word", json!({"events": "all"})),
        ] {
            assert_eq!(check_with(&changes), Ok(()), "{why}");
        }
    }

    #[test]
    fn other_claims_are_refused_with_their_reason() {
        let (issuer, audience) = (Refused("the issuer is another"), Refused("the audience is another"));
        let (time, use_) = (Refused("a time is malformed"), Refused("it is a token of another use"));
        for (changes, expected) in [
            (json!({"exp": NOW - 60}), Expired),
            (json!({"exp": 0}), Expired),
            (json!({"nbf": NOW + 61}), NotYetValid),
            (json!({"exp": NOW - 90, "nbf": NOW + 90}), Expired),
            (json!({"exp": REMOVED}), Refused("it has no expiry")),
            (json!({"exp": "tomorrow"}), time),
            (json!({"exp": (NOW + 600).to_string()}), time),
            (json!({"exp": NOW * 1000}), time),
            (json!({"exp": u64::MAX}), time),
            (json!({"exp": 1e300}), time),
            (json!({"exp": -1}), time),
            (json!({"exp": null}), time),
            (json!({"exp": [NOW + 600]}), time),
            (json!({"exp": true}), time),
            (json!({"nbf": "today"}), time),
            (json!({"nbf": null}), time),
            (json!({"iss": "https://other.example"}), issuer),
            (json!({"iss": "https://issuer.example/"}), issuer),
            (json!({"iss": "HTTPS://ISSUER.EXAMPLE"}), issuer),
            (json!({"iss": ["https://issuer.example"]}), issuer),
            (json!({"iss": REMOVED}), issuer),
            (json!({"aud": "other"}), audience),
            (json!({"aud": "app2"}), audience),
            (json!({"aud": "app other"}), audience),
            (json!({"aud": ["other", 5]}), audience),
            (json!({"aud": [["app"]]}), audience),
            (json!({"aud": {"app": true}}), audience),
            (json!({"aud": []}), audience),
            (json!({"aud": null}), audience),
            (json!({"aud": REMOVED}), audience),
            (json!({"aud": REMOVED, "client_id": "app"}), audience),
            (json!({"aud": REMOVED, "azp": "app"}), audience),
            (json!({"aud": REMOVED, "token_use": "id", "client_id": "app"}), audience),
            (json!({"aud": "other", "token_use": "id"}), audience),
            (json!({"aud": REMOVED, "token_use": "access", "client_id": "other"}), audience),
            (json!({"aud": REMOVED, "token_use": "access"}), audience),
            (json!({"aud": "other", "token_use": "access", "client_id": "app"}), audience),
            (json!({"token_use": "access", "client_id": "other"}), audience),
            (json!({"token_use": "refresh"}), use_),
            (json!({"token_use": "Access", "client_id": "app"}), use_),
            (json!({"token_use": null}), use_),
            (json!({"token_use": ["id"]}), use_),
            (
                json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
                Refused("it describes an event, such as a logout"),
            ),
        ] {
            assert_eq!(check_with(&changes), Err(expected), "{changes}");
        }
    }

    #[test]
    fn any_of_several_audiences_counts() {
        let ours = ["web", "mobile"];
        for (changes, counts) in [
            (json!({"aud": "web"}), true),
            (json!({"aud": "mobile"}), true),
            (json!({"aud": ["mobile"]}), true),
            (json!({"aud": ["other", "mobile"]}), true),
            (json!({"aud": ["web", "mobile"]}), true),
            (json!({"aud": "web", "token_use": "id"}), true),
            (json!({"aud": REMOVED, "token_use": "access", "client_id": "web"}), true),
            (json!({"aud": REMOVED, "token_use": "access", "client_id": "mobile"}), true),
            (json!({"aud": "web", "token_use": "access", "client_id": "mobile"}), true),
            (json!({"aud": "app"}), false),
            (json!({"aud": "web,mobile"}), false),
            (json!({"aud": "web mobile"}), false),
            (json!({"aud": "we"}), false),
            (json!({"aud": ""}), false),
            (json!({"aud": []}), false),
            (json!({"aud": REMOVED}), false),
            (json!({"aud": REMOVED, "client_id": "web"}), false),
            (json!({"aud": REMOVED, "token_use": "access", "client_id": "other"}), false),
            (json!({"aud": REMOVED, "token_use": "access", "client_id": ["web"]}), false),
            (json!({"aud": "other", "token_use": "access", "client_id": "web"}), false),
            (json!({"aud": "web", "token_use": "access", "client_id": "other"}), false),
        ] {
            let expected = if counts { Ok(()) } else { Err(Refused("the audience is another")) };
            assert_eq!(check_for(&ours, &changes), expected, "{changes}");
        }
        assert!(check_for(&[], &json!({"aud": []})).is_err(), "without an audience nothing counts");
    }

    #[test]
    fn expired_token_with_another_fault_is_only_refused() {
        for changes in [
            json!({"exp": 0, "iss": "https://other.example"}),
            json!({"exp": 0, "aud": "other"}),
            json!({"exp": 0, "nbf": "today"}),
            json!({"exp": 0, "token_use": "refresh"}),
        ] {
            assert!(matches!(check_with(&changes), Err(Refused(_))), "{changes}");
        }
    }
}
