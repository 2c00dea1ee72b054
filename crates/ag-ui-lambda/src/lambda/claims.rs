//! Reads what an entry point has proven about the caller, from an event's `requestContext`.
//!
//! AWS writes `requestContext`. Whoever may invoke the function directly can write it too, so the template allows nobody to
//! do that.

use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayProxyRequestContext, ApiGatewayRequestAuthorizer, ApiGatewayV2httpRequestContext,
};
use serde_json::Value;

use super::claim_source::{COGNITO_AUTHORIZER, COGNITO_IDENTITY_ID, IAM, JWT_AUTHORIZER, LAMBDA_AUTHORIZER};
use crate::auth::{ClaimSource, Claims};
use crate::config::claim_names::USER_ARN;
use crate::protocol::JsonObject;

/// The claim that holds the AWS account of an IAM principal.
const ACCOUNT_ID: &str = "accountId";

/// Parts of the names of CloudFront: its service principal, and the role with which origin access control signs, in an
/// account of AWS (`arn:aws:sts::856369053181:assumed-role/OriginAccessControlRole/OriginAccessSession`).
const CLOUDFRONT: [&str; 2] = ["cloudfront.amazonaws.com", ":assumed-role/OriginAccessControlRole/"];

/// Returns what a REST API has proven by a Cognito authorizer, a Lambda authorizer or IAM; `None` if it has proven nothing.
pub(super) fn from_rest_api(context: &ApiGatewayProxyRequestContext) -> Option<Claims> {
    // `authorizer` is always present, and empty without an authorizer.
    match context.authorizer.fields.get("claims") {
        Some(Value::Object(claims)) => return non_empty(COGNITO_AUTHORIZER, non_null(claims)),
        _ if !context.authorizer.fields.is_empty() => return from_lambda_authorizer(&context.authorizer),
        _ => {}
    }
    // `identity` is always present too; it has an ARN only if the request is signed.
    let identity = &context.identity;
    from_iam([
        (USER_ARN, &identity.user_arn),
        (ACCOUNT_ID, &identity.account_id),
        ("user", &identity.user),
        ("caller", &identity.caller),
        (COGNITO_IDENTITY_ID, &identity.cognito_identity_id),
    ])
}

/// Returns what a function URL or an HTTP API, which write it alike, has proven by a JWT authorizer, a Lambda authorizer or
/// IAM; `None` if it has proven nothing.
pub(super) fn from_url_or_http_api(context: &ApiGatewayV2httpRequestContext) -> Option<Claims> {
    let authorizer = context.authorizer.as_ref()?;
    if let Some(jwt) = &authorizer.jwt {
        let claims = jwt.claims.iter().map(|(name, value)| (name.clone(), Value::String(value.clone())));
        return non_empty(JWT_AUTHORIZER, claims.collect());
    }
    if !authorizer.fields.is_empty() {
        return from_lambda_authorizer(authorizer);
    }
    let principal = authorizer.iam.as_ref()?;
    let cognito = principal.cognito_identity.as_ref().and_then(|cognito| cognito.identity_id.clone());
    from_iam([
        (USER_ARN, &principal.user_arn),
        (ACCOUNT_ID, &principal.account_id),
        ("userId", &principal.user_id),
        ("callerId", &principal.caller_id),
        ("principalOrgId", &principal.principal_org_id),
        (COGNITO_IDENTITY_ID, &cognito),
    ])
}

/// Returns what a Lambda authorizer has returned, without the latency that API Gateway adds.
fn from_lambda_authorizer(authorizer: &ApiGatewayRequestAuthorizer) -> Option<Claims> {
    let fields = authorizer.fields.iter().filter(|(name, _)| *name != "integrationLatency");
    non_empty(LAMBDA_AUTHORIZER, non_null(fields))
}

/// Returns the members that are not null, with numbers and booleans as text, as most authorizers write them. Some APIs write
/// members that are all null when there is no authorizer.
fn non_null<'a>(members: impl IntoIterator<Item = (&'a String, &'a Value)>) -> JsonObject {
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    let text = |value: &Value| match value {
        Value::Number(_) | Value::Bool(_) => value.to_string().into(),
        value => value.clone(),
    };
    members.map(|(name, value)| (name.clone(), text(value))).collect()
}

/// Returns the claims of an IAM principal that has signed the request; `None` if it is not signed, or signed by CloudFront,
/// which signs the requests of anyone.
fn from_iam<const N: usize>(members: [(&str, &Option<String>); N]) -> Option<Claims> {
    let claims: JsonObject = members
        .into_iter()
        .filter_map(|(name, value)| {
            let value = value.as_ref().filter(|value| !value.is_empty())?;
            Some((name.to_owned(), Value::String(value.clone())))
        })
        .collect();
    let is_cloudfront = |value: &str| CLOUDFRONT.iter().any(|name| value.contains(name));
    if claims.values().filter_map(Value::as_str).any(is_cloudfront) || !claims.contains_key(USER_ARN) {
        return None;
    }
    non_empty(IAM, claims)
}

/// Returns claims, or `None` if there are no values.
fn non_empty(source: ClaimSource, values: JsonObject) -> Option<Claims> {
    Some(Claims::new(source, values)).filter(|claims| !claims.is_empty())
}
