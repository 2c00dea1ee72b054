//! How each authorizer writes what it knows about the caller into `requestContext.authorizer`.

use serde_json::{Map, Value, json};

/// What AWS knows about the caller of an event, as JSON.
pub type ClaimSet = Map<String, Value>;

const ACCOUNT: &str = "123456789012";

/// The IAM identity of a function URL. The claim `userArn` is the ARN; without it, it is made of `sub`.
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

/// The claims of a Cognito authorizer: all text, lists joined by commas.
pub(super) fn cognito(claims: &ClaimSet) -> Value {
    json!({ "claims": texts(claims, |items| items.join(",")) })
}

/// The context of a REST API's Lambda authorizer: flat, and all of it text.
pub(super) fn rest_lambda(claims: &ClaimSet) -> Value {
    let mut context = texts(claims, |items| items.join(" "));
    let principal = context.get("sub").cloned().unwrap_or_else(|| "somebody".into());
    context.entry("principalId").or_insert(principal);
    Value::Object(context)
}

/// The claims of an HTTP API's JWT authorizer: all text, lists in brackets with spaces between.
pub(super) fn http_api_jwt(claims: &ClaimSet) -> Value {
    json!({ "jwt": { "claims": texts(claims, |items| format!("[{}]", items.join(" "))), "scopes": null } })
}

/// The context of an HTTP API's Lambda authorizer: JSON, as the authorizer wrote it.
pub(super) fn http_api_lambda(claims: &ClaimSet) -> Value {
    let mut context = claims.clone();
    let principal = context.get("sub").cloned().unwrap_or_else(|| "somebody".into());
    context.entry("principalId").or_insert(principal);
    json!({ "lambda": context })
}

/// The claims as text. Null is left out; an object is written as JSON.
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
