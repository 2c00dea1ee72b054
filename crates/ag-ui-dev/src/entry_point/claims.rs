//! The claims of a caller in the forms in which the authorizers write them into `requestContext.authorizer`.

use serde_json::{Map, Value, json};

/// Holds the claims about the caller of an event, as a JSON object.
pub type ClaimSet = Map<String, Value>;

/// The AWS account in the IAM identities.
const ACCOUNT: &str = "123456789012";

/// Writes claims as the authorizer `iam` in the event of a function URL with IAM. The ARN of the caller is the claim
/// `userArn`, or else one that is built from the claim `sub`.
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

/// Writes claims as the Cognito authorizer of a REST API does: each claim is text, and lists are joined by commas.
pub(super) fn cognito(claims: &ClaimSet) -> Value {
    json!({ "claims": texts(claims, |items| items.join(",")) })
}

/// Writes claims as the context that a Lambda authorizer of a REST API returns: each claim is text, lists are joined by
/// spaces, and `principalId` is added.
pub(super) fn rest_lambda(claims: &ClaimSet) -> Value {
    let mut context = texts(claims, |items| items.join(" "));
    let principal = context.get("sub").cloned().unwrap_or_else(|| "somebody".into());
    context.entry("principalId").or_insert(principal);
    Value::Object(context)
}

/// Writes claims as the JWT authorizer of an HTTP API does: each claim is text, and lists are in brackets with spaces
/// between the elements.
pub(super) fn http_api_jwt(claims: &ClaimSet) -> Value {
    json!({ "jwt": { "claims": texts(claims, |items| format!("[{}]", items.join(" "))), "scopes": null } })
}

/// Writes claims as the context that a Lambda authorizer of an HTTP API returns: the claims stay JSON, and `principalId` is
/// added.
pub(super) fn http_api_lambda(claims: &ClaimSet) -> Value {
    let mut context = claims.clone();
    let principal = context.get("sub").cloned().unwrap_or_else(|| "somebody".into());
    context.entry("principalId").or_insert(principal);
    json!({ "lambda": context })
}

/// Writes each claim as text. `list` joins the elements of a list. A claim that is null is left out, and an object becomes
/// JSON text.
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
