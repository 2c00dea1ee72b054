//! Reads what an entry point has proven about the caller, from an event's `requestContext`.
//!
//! AWS writes `requestContext`. Anybody who is allowed to invoke the function directly could forge it, so the template allows
//! nobody to do so.

use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayProxyRequestContext, ApiGatewayRequestAuthorizer, ApiGatewayV2httpRequestContext,
};
use serde_json::{Map, Value};

use super::claim_source::{COGNITO_AUTHORIZER, COGNITO_IDENTITY_ID, IAM, JWT_AUTHORIZER, LAMBDA_AUTHORIZER};
use super::event::EventSource;
use crate::auth::{ClaimSource, Claims};
use crate::config::claim_names::USER_ARN;
use crate::protocol::JsonObject;

/// The claim that holds the AWS account of an IAM principal.
const ACCOUNT_ID: &str = "accountId";

/// The claim that holds the unique id of an IAM principal, as function URLs and HTTP APIs write it.
const USER_ID: &str = "userId";

/// The claim that holds the id of the caller who has signed the request, as function URLs and HTTP APIs write it.
const CALLER_ID: &str = "callerId";

/// The claim that holds the AWS organization of an IAM principal.
const PRINCIPAL_ORG_ID: &str = "principalOrgId";

/// The claim that holds the unique id of an IAM principal, as REST APIs write it.
const REST_USER: &str = "user";

/// The claim that holds the id of the caller who has signed the request, as REST APIs write it.
const REST_CALLER: &str = "caller";

/// Parts of the names of CloudFront: its service principal, and the role with which origin access control signs, in an
/// account of AWS (`arn:aws:sts::856369053181:assumed-role/OriginAccessControlRole/OriginAccessSession`).
const CLOUDFRONT: [&str; 2] = ["cloudfront.amazonaws.com", ":assumed-role/OriginAccessControlRole/"];

/// Returns the claims that an API of `source` has proven in an event of payload format 1.0, by a Cognito or JWT authorizer,
/// a Lambda authorizer or IAM. `None` if the event proves nothing about the caller.
pub(super) fn from_format_1(source: EventSource, context: &ApiGatewayProxyRequestContext) -> Option<Claims> {
    // `authorizer` is always present, and empty without an authorizer.
    let authorizer = &context.authorizer;
    if let Some(claims) = token_claims(source, authorizer) {
        return non_empty(COGNITO_AUTHORIZER, non_null(claims));
    }
    if !authorizer.fields.is_empty() {
        return from_lambda_authorizer(authorizer);
    }
    // `identity` is always present too; it has an ARN only if the request is signed.
    let identity = &context.identity;
    from_iam(&[
        (USER_ARN, &identity.user_arn),
        (ACCOUNT_ID, &identity.account_id),
        (REST_USER, &identity.user),
        (REST_CALLER, &identity.caller),
        (COGNITO_IDENTITY_ID, &identity.cognito_identity_id),
    ])
}

/// Returns the claims that a function URL, or an HTTP API with payload format 2.0, has proven by a JWT authorizer, a
/// Lambda authorizer or IAM. `None` if the event proves nothing about the caller.
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
    from_iam(&[
        (USER_ARN, &principal.user_arn),
        (ACCOUNT_ID, &principal.account_id),
        (USER_ID, &principal.user_id),
        (CALLER_ID, &principal.caller_id),
        (PRINCIPAL_ORG_ID, &principal.principal_org_id),
        (COGNITO_IDENTITY_ID, &cognito),
    ])
}

/// Returns the claims of a token that a Cognito or JWT authorizer has verified. `None` for another authorizer, also if it
/// is a Lambda authorizer that returns an object `claims` of its own.
///
/// The Cognito authorizer of a REST API writes `claims` and nothing else, and its Lambda authorizers cannot write an object.
/// The JWT authorizer of an HTTP API writes `claims` and `scopes`.
fn token_claims(
    source: EventSource,
    authorizer: &ApiGatewayRequestAuthorizer,
) -> Option<&Map<String, Value>> {
    let fields = &authorizer.fields;
    let expected: &[&str] = match source {
        EventSource::HttpApi => &["claims", "scopes"],
        EventSource::RestApi | EventSource::FunctionUrl => &["claims"],
    };
    let is_token = fields.len() == expected.len() && expected.iter().all(|name| fields.contains_key(*name));
    fields.get("claims")?.as_object().filter(|_| is_token)
}

/// Returns the members that a Lambda authorizer has returned as claims, except the latency that API Gateway adds.
/// `None` if there are no other members.
fn from_lambda_authorizer(authorizer: &ApiGatewayRequestAuthorizer) -> Option<Claims> {
    let fields = authorizer.fields.iter().filter(|(name, _)| *name != "integrationLatency");
    non_empty(LAMBDA_AUTHORIZER, non_null(fields))
}

/// Returns the members that are not null, with numbers and booleans as text, because most authorizers write them as
/// text. Some APIs write members that are all null if there is no authorizer.
fn non_null<'a>(members: impl IntoIterator<Item = (&'a String, &'a Value)>) -> JsonObject {
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    let text = |value: &Value| match value {
        Value::Number(_) | Value::Bool(_) => value.to_string().into(),
        value => value.clone(),
    };
    members.map(|(name, value)| (name.clone(), text(value))).collect()
}

/// Returns the claims of the IAM principal that has signed the request, from `members`: the names and values of an
/// event's identity, of which empty ones are left out.
///
/// `None` if the request is not signed, or if CloudFront has signed it, because CloudFront signs the requests of
/// anyone.
fn from_iam(members: &[(&str, &Option<String>)]) -> Option<Claims> {
    let claims: JsonObject = members
        .iter()
        .filter_map(|(name, value)| {
            let value = value.as_ref().filter(|value| !value.is_empty())?;
            Some(((*name).to_owned(), Value::String(value.clone())))
        })
        .collect();
    let is_cloudfront = |value: &str| CLOUDFRONT.iter().any(|name| value.contains(name));
    if claims.values().filter_map(Value::as_str).any(is_cloudfront) || !claims.contains_key(USER_ARN) {
        return None;
    }
    non_empty(IAM, claims)
}

/// Creates claims of `source`; `None` if `values` is empty, because then nothing is proven.
fn non_empty(source: ClaimSource, values: JsonObject) -> Option<Claims> {
    Some(Claims::new(source, values)).filter(|claims| !claims.is_empty())
}
