//! Tests of the events of all entry points.

use std::path::Path;

use http::Request;
use serde_json::{Value, json};

use super::{ClaimSet, EntryPoint};

/// Returns claims with a value of each kind.
fn claims() -> ClaimSet {
    let claims = json!({
        "sub": "user-1", "custom:org_id": "acme", "permissions": ["refunds:write", "orders:read"], "mfa": true, "nickname": null,
    });
    claims.as_object().unwrap().clone()
}

/// Returns a request with a query and a repeated header.
fn request() -> Request<bytes::Bytes> {
    let request = Request::post("/agui?a=1")
        .header("x-agui-token", "secret")
        .header("accept", "a")
        .header("accept", "b");
    request.body("{}".into()).unwrap()
}

#[test]
fn claims_have_the_form_of_their_authorizer() {
    for (entry_point, expected) in [
        (
            EntryPoint::RestCognito,
            json!({"claims": {"sub": "user-1", "custom:org_id": "acme", "permissions": "refunds:write,orders:read", "mfa": "true"}}),
        ),
        (
            EntryPoint::RestLambda,
            json!({"principalId": "user-1", "sub": "user-1", "custom:org_id": "acme",
                "permissions": "refunds:write orders:read", "mfa": "true"}),
        ),
        (
            EntryPoint::HttpApiJwt,
            json!({"jwt": {"claims": {"sub": "user-1", "custom:org_id": "acme",
                "permissions": "[refunds:write orders:read]", "mfa": "true"}, "scopes": null}}),
        ),
        (
            EntryPoint::HttpApiLambda,
            json!({"lambda": {"principalId": "user-1", "sub": "user-1", "custom:org_id": "acme",
                "permissions": ["refunds:write", "orders:read"], "mfa": true, "nickname": null}}),
        ),
    ] {
        let event = entry_point.event(&request(), Some(&claims()));
        assert_eq!(event["requestContext"]["authorizer"], expected, "{entry_point:?}");
    }
}

#[test]
fn iam_arn_is_the_claim_or_is_built_from_the_subject() {
    let arn = |claims: &ClaimSet| {
        let event = EntryPoint::FunctionUrlIam.event(&request(), Some(claims));
        event["requestContext"]["authorizer"]["iam"]["userArn"].clone()
    };

    assert_eq!(arn(&claims()), "arn:aws:sts::123456789012:assumed-role/local/user-1");
    let mut named = claims();
    named.insert("userArn".into(), "arn:aws:iam::123456789012:user/alice".into());
    assert_eq!(arn(&named), "arn:aws:iam::123456789012:user/alice");
}

#[test]
fn event_without_claims_has_no_authorizer() {
    for entry_point in EntryPoint::ALL {
        let event = entry_point.event(&request(), None);
        assert_eq!(event["requestContext"].get("authorizer"), None, "{entry_point:?}");
    }
}

#[test]
fn body_that_is_not_utf_8_is_base64() {
    for entry_point in EntryPoint::ALL {
        let request = Request::post("/").body(vec![0xff, 0xfe].into()).unwrap();
        let event = entry_point.event(&request, None);
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!("//4="), &json!(true)),
            "{entry_point:?}"
        );
    }
}

#[test]
fn repeated_header_keeps_all_values() {
    assert_eq!(EntryPoint::FunctionUrl.event(&request(), None)["headers"]["accept"], "a,b");
    let rest = EntryPoint::RestCognito.event(&request(), None);
    assert_eq!(rest["multiValueHeaders"]["accept"], json!(["a", "b"]));
}

/// The samples in `events/` are what AWS sends. The code tells entry points apart by these members.
#[test]
fn event_has_the_members_of_the_sample_event() {
    for (entry_point, sample) in [
        (EntryPoint::FunctionUrl, "function-url-run.json"),
        (EntryPoint::FunctionUrlIam, "function-url-iam.json"),
        (EntryPoint::RestCognito, "rest-cognito.json"),
        (EntryPoint::RestLambda, "rest-lambda-request.json"),
        (EntryPoint::HttpApiJwt, "http-api-jwt.json"),
        (EntryPoint::HttpApiLambda, "http-api-lambda.json"),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events").join(sample);
        let sample: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let event = entry_point.event(&request(), Some(&claims()));
        let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(members(&event), members(&sample), "{entry_point:?}");
        for pointer in ["/requestContext/domainName", "/requestContext/apiId", "/version"] {
            assert_eq!(event.pointer(pointer), sample.pointer(pointer), "{entry_point:?} {pointer}");
        }
        let kinds = |value: &Value| {
            value
                .pointer("/requestContext/authorizer")
                .and_then(Value::as_object)
                .map(|a| a.keys().next().cloned())
        };
        if entry_point != EntryPoint::RestLambda {
            assert_eq!(kinds(&event), kinds(&sample), "{entry_point:?}");
        }
    }
}

#[test]
fn id_is_the_name_that_serde_writes() {
    for entry_point in EntryPoint::ALL {
        assert_eq!(json!(entry_point), entry_point.id());
    }
}
