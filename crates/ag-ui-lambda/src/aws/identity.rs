//! What each front door has proven about a caller, as one [`Claims`].
//!
//! AWS writes `requestContext`; whoever may invoke the function directly may write it too, so the template
//! lets nobody do that.

use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayProxyRequestContext, ApiGatewayRequestAuthorizer, ApiGatewayV2httpRequestContext,
};
use serde_json::Value;

use crate::endpoint::{ClaimSource, Claims};
use crate::protocol::JsonObject;

/// How CloudFront names itself: by its service's principal, and by the role with which origin access control signs, in
/// whatever account of AWS's that is (`arn:aws:sts::856369053181:assumed-role/OriginAccessControlRole/OriginAccessSession`).
const CLOUDFRONT: [&str; 2] = ["cloudfront.amazonaws.com", ":assumed-role/OriginAccessControlRole/"];

/// What a REST API has proven: Cognito, a Lambda authorizer, or IAM.
pub(super) fn rest(context: &ApiGatewayProxyRequestContext) -> Option<Claims> {
    // `authorizer` is always there, and empty without an authorizer.
    match context.authorizer.fields.get("claims") {
        Some(Value::Object(claims)) => return some(ClaimSource::CognitoAuthorizer, said(claims)),
        _ if !context.authorizer.fields.is_empty() => return lambda_authorizer(&context.authorizer),
        _ => {}
    }
    // `identity` is always there too; only a signed request has an ARN in it.
    let identity = &context.identity;
    iam([
        ("userArn", &identity.user_arn),
        ("accountId", &identity.account_id),
        ("user", &identity.user),
        ("caller", &identity.caller),
        ("cognitoIdentityId", &identity.cognito_identity_id),
    ])
}

/// What a function URL has proven, or an HTTP API, which looks the same: JWT, a Lambda authorizer, or IAM.
pub(super) fn url_or_http_api(context: &ApiGatewayV2httpRequestContext) -> Option<Claims> {
    let authorizer = context.authorizer.as_ref()?;
    if let Some(jwt) = &authorizer.jwt {
        let claims = jwt.claims.iter().map(|(name, value)| (name.clone(), Value::String(value.clone())));
        return some(ClaimSource::JwtAuthorizer, claims.collect());
    }
    if !authorizer.fields.is_empty() {
        return lambda_authorizer(authorizer);
    }
    let principal = authorizer.iam.as_ref()?;
    let cognito = principal.cognito_identity.as_ref().and_then(|cognito| cognito.identity_id.clone());
    iam([
        ("userArn", &principal.user_arn),
        ("accountId", &principal.account_id),
        ("userId", &principal.user_id),
        ("callerId", &principal.caller_id),
        ("principalOrgId", &principal.principal_org_id),
        ("cognitoIdentityId", &cognito),
    ])
}

fn lambda_authorizer(authorizer: &ApiGatewayRequestAuthorizer) -> Option<Claims> {
    let fields = authorizer.fields.iter().filter(|(name, _)| *name != "integrationLatency");
    some(ClaimSource::LambdaAuthorizer, said(fields))
}

/// What members say; a number or a boolean is its text, as most authorizers write it. Without an authorizer some APIs write
/// them all the same, each null.
fn said<'a>(members: impl IntoIterator<Item = (&'a String, &'a Value)>) -> JsonObject {
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    let text = |value: &Value| match value {
        Value::Number(_) | Value::Bool(_) => value.to_string().into(),
        value => value.clone(),
    };
    members.map(|(name, value)| (name.clone(), text(value))).collect()
}

/// An IAM principal, if there is one. CloudFront signs for whoever asks it, so it proves nobody.
fn iam<const N: usize>(members: [(&str, &Option<String>); N]) -> Option<Claims> {
    let claims: JsonObject = members
        .into_iter()
        .filter_map(|(name, value)| {
            let value = value.as_ref().filter(|value| !value.is_empty())?;
            Some((name.to_owned(), Value::String(value.clone())))
        })
        .collect();
    let is_cloudfront = |value: &str| CLOUDFRONT.iter().any(|name| value.contains(name));
    if claims.values().filter_map(Value::as_str).any(is_cloudfront) || !claims.contains_key("userArn") {
        return None;
    }
    some(ClaimSource::Iam, claims)
}

fn some(source: ClaimSource, values: JsonObject) -> Option<Claims> {
    Some(Claims::new(source, values)).filter(|claims| !claims.is_empty())
}
