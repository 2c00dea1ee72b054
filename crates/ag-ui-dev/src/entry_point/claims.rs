//! The claims of a caller in the forms in which the authorizers write them into `requestContext.authorizer`.

use serde_json::{Map, Value, json};

/// The claims about the caller of an event, as a JSON object.
pub type ClaimSet = Map<String, Value>;

const ACCOUNT: &str = "123456789012";

/// Writes claims as the IAM identity in an event of a function URL. The ARN is the claim `userArn`, or else it is built
/// from `sub`.
pub(super) fn iam(claims: &ClaimSet) -> Value {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let session = text("sub").unwrap_or("somebody");
    let arn = text("userArn")
        .map_or_else(|| format!("arn:aws:sts::{ACCOUNT}:assumed-role/local/{session}"), ToOwned::to_owned);
    json!({ "iam": {
        "accessKey": "ASIAIOSFODNN7EXAMPLE", "accountId": ACCOUNT, "callerId": format!("AROACKCEVSQ6C2EXAMPLE:{session}"),
        "cognitoIdentity": null, "principalOrgId": null, "userArn": arn,
        "userId": format!("AROACKCEVSQ6C2EXAMPLE:{session}"),
    } })
}

/// Writes claims as a Cognito authorizer does: each is text, and lists are joined by commas.
pub(super) fn cognito(claims: &ClaimSet) -> Value {
    json!({ "claims": texts(claims, |items| items.join(",")) })
}

/// Writes claims as the context of a REST API's Lambda authorizer, in which each value is text.
pub(super) fn rest_lambda(claims: &ClaimSet) -> Value {
    let mut context = texts(claims, |items| items.join(" "));
    let principal = context.get("sub").cloned().unwrap_or_else(|| "somebody".into());
    context.entry("principalId").or_insert(principal);
    Value::Object(context)
}

/// Writes claims as an HTTP API's JWT authorizer does: each is text, and lists are in brackets with spaces between the
/// elements.
pub(super) fn http_api_jwt(claims: &ClaimSet) -> Value {
    json!({ "jwt": { "claims": texts(claims, |items| format!("[{}]", items.join(" "))), "scopes": null } })
}

/// Writes claims as the context of an HTTP API's Lambda authorizer, which is the same JSON with a `principalId`.
pub(super) fn http_api_lambda(claims: &ClaimSet) -> Value {
    let mut context = claims.clone();
    let principal = context.get("sub").cloned().unwrap_or_else(|| "somebody".into());
    context.entry("principalId").or_insert(principal);
    json!({ "lambda": context })
}

/// Writes each claim as text, and lists as `list` does. A claim that is null is left out, and an object is written as JSON.
fn texts(claims: &ClaimSet, list: impl Fn(Vec<String>) -> String) -> Map<String, Value> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let claims = claims.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| {
        let value = match value {
            Value::Array(items) => list(items.iter().map(text).collect()),
            other => text(other),
        };
        (name.clone(), value.into())
    });
    claims.collect()
}
