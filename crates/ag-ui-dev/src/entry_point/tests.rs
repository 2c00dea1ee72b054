use std::path::Path;

use http::Request;
use serde_json::{Value, json};

use super::{ClaimSet, EntryPoint};

fn claims() -> ClaimSet {
    let claims = json!({
        "sub": "user-1", "custom:org_id": "acme", "permissions": ["refunds:write", "orders:read"], "mfa": true, "nickname": null,
    });
    claims.as_object().unwrap().clone()
}

fn request() -> Request<bytes::Bytes> {
    let request = Request::post("/agui?a=1")
        .header("x-agui-token", "secret")
        .header("accept", "a")
        .header("accept", "b");
    request.body("{}".into()).unwrap()
}

#[test]
fn each_authorizer_writes_claims_in_its_own_form() {
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
fn iam_has_the_arn_that_is_given_or_one_of_the_subject() {
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
fn without_claims_there_is_no_authorizer() {
    for entry_point in EntryPoint::ALL {
        let event = entry_point.event(&request(), None);
        assert_eq!(event["requestContext"].get("authorizer"), None, "{entry_point:?}");
    }
}

#[test]
fn a_body_that_is_not_text_is_base64() {
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
fn a_repeated_header_keeps_all_its_values() {
    assert_eq!(EntryPoint::FunctionUrl.event(&request(), None)["headers"]["accept"], "a,b");
    let rest = EntryPoint::RestCognito.event(&request(), None);
    assert_eq!(rest["multiValueHeaders"]["accept"], json!(["a", "b"]));
}

/// The samples in `events/` are what AWS sends; an event made here has the members that tell entry points apart.
#[test]
fn an_event_has_the_shape_of_the_sample_of_its_entry_point() {
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
        let made = entry_point.event(&request(), Some(&claims()));
        let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(members(&made), members(&sample), "{entry_point:?}");
        for pointer in ["/requestContext/domainName", "/requestContext/apiId", "/version"] {
            assert_eq!(made.pointer(pointer), sample.pointer(pointer), "{entry_point:?} {pointer}");
        }
        let kinds = |value: &Value| {
            value
                .pointer("/requestContext/authorizer")
                .and_then(Value::as_object)
                .map(|a| a.keys().next().cloned())
        };
        if entry_point != EntryPoint::RestLambda {
            assert_eq!(kinds(&made), kinds(&sample), "{entry_point:?}");
        }
    }
}

#[test]
fn an_id_is_the_name_that_serde_reads_and_writes() {
    for entry_point in EntryPoint::ALL {
        assert_eq!(json!(entry_point), entry_point.id());
    }
}
