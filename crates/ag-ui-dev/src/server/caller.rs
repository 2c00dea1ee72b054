//! The caller of the function, which a request to the development server chooses with the header `x-agui-dev-as`.

use http::{HeaderMap, HeaderName};
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::Error;

use super::settings::Person;
use crate::{ClaimSet, EntryPoint};

/// The header that chooses the caller: the id of a sample person, or JSON with `entry_point` and `claims`.
pub(super) const CALLER_HEADER: HeaderName = HeaderName::from_static("x-agui-dev-as");

/// The claims of a caller, and the entry point that the caller uses.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Caller {
    #[serde(default)]
    pub(super) entry_point: EntryPoint,
    #[serde(default)]
    pub(super) claims: Option<ClaimSet>,
}

/// The error for a header that chooses no caller. Its message lists the choices.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error(
    "The header x-agui-dev-as must hold the id of a sample person ({people}), or JSON such as \
     {{\"entry_point\": \"rest-cognito\", \"claims\": {{\"sub\": \"user-1\"}}}} with one of the entry points {entry_points}: {problem}."
)]
pub(super) struct CallerError {
    people: String,
    entry_points: String,
    problem: String,
}

impl Caller {
    /// Removes the header `x-agui-dev-as` from a request and reads the caller from it. Without the header the caller is
    /// anonymous and uses a function URL.
    pub(super) fn take(headers: &mut HeaderMap) -> Result<Self, CallerError> {
        headers
            .remove(CALLER_HEADER)
            .map_or_else(|| Ok(Self::default()), |value| Self::read(value.as_bytes()))
    }

    /// Reads the caller from a value of the header `x-agui-dev-as`: the id of a sample person, or JSON. Any other value is
    /// an error.
    pub(super) fn read(value: &[u8]) -> Result<Self, CallerError> {
        let people = Person::samples();
        if let Some(person) = people.iter().find(|person| person.id.as_bytes() == value) {
            let entry_point = match person.claims {
                Some(_) => EntryPoint::RestCognito,
                None => EntryPoint::FunctionUrl,
            };
            return Ok(Self { entry_point, claims: person.claims.clone() });
        }
        let is_object = value.trim_ascii_start().starts_with(b"{");
        let read =
            if is_object { serde_json::from_slice(value) } else { Err(Error::custom("it is neither")) };
        read.map_err(|error| CallerError {
            people: people.iter().map(|person| person.id).collect::<Vec<_>>().join(", "),
            entry_points: EntryPoint::ALL.map(|entry_point| entry_point.id()).join(", "),
            problem: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn caller_is_a_sample_person_or_json() {
        let amelie = Caller::read(b"amelie").unwrap();
        assert_eq!(amelie.entry_point, EntryPoint::RestCognito);
        assert_eq!(amelie.claims.unwrap()["sub"], "amelie");

        assert_eq!(Caller::read(b"nobody").unwrap(), Caller::default());

        let caller = json!({"entry_point": "http-api-lambda", "claims": {"sub": "a"}}).to_string();
        let caller = Caller::read(caller.as_bytes()).unwrap();
        assert_eq!(caller.entry_point, EntryPoint::HttpApiLambda);
    }

    #[test]
    fn unknown_caller_is_refused_with_the_choices() {
        for value in
            ["mallory", r#"{"entry_point": "unknown"}"#, r#"{"claims": 7}"#, r#"{"claim": {}}"#, "[]"]
        {
            let error = Caller::read(value.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("amelie, ben") && error.contains("rest-cognito"), "{error}");
        }
    }

    #[test]
    fn header_is_removed_from_the_request() {
        let mut headers = HeaderMap::from_iter([(CALLER_HEADER, HeaderValue::from_static("ben"))]);
        Caller::take(&mut headers).unwrap();
        assert!(headers.is_empty());
    }
}
