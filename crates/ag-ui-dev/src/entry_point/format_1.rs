//! Payload format 1.0: the events of REST APIs.

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value, json};

use super::format_2;

/// The id of the REST API, with which its domain begins.
const DOMAIN_PREFIX: &str = "f6g7h8i9j0";

/// Makes the Lambda event that a REST API with Lambda proxy integration, in its stage `prod`, sends for an HTTP request.
/// `authorizer` is the member of that name in the event; `None` leaves it out.
pub(super) fn rest_api(request: &Request<Bytes>, authorizer: Option<Value>) -> Value {
    let (path, method) = (request.uri().path(), request.method().as_str());
    let mut last = Map::new();
    let mut all: Map<String, Value> = Map::new();
    for (name, value) in request.headers() {
        let value = format_2::text(value);
        last.insert(name.to_string(), value.clone().into());
        match all.get_mut(name.as_str()).and_then(Value::as_array_mut) {
            Some(values) => values.push(value.into()),
            None => drop(all.insert(name.to_string(), json!([value]))),
        }
    }
    let (body, is_base64) = format_2::body(request.body());
    let mut event = json!({
        "resource": "/{proxy+}", "path": path, "httpMethod": method,
        "headers": last, "multiValueHeaders": all,
        "queryStringParameters": null, "multiValueQueryStringParameters": null,
        "pathParameters": null, "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012", "apiId": DOMAIN_PREFIX, "resourceId": "k3x9ab", "resourcePath": "/{proxy+}",
            "domainName": format!("{DOMAIN_PREFIX}.execute-api.us-east-1.amazonaws.com"), "domainPrefix": DOMAIN_PREFIX,
            "extendedRequestId": "Kq9XKEVaIAMF2mQ=", "requestId": "0783afe3-9656-4635-a0f7-57245494f6cb",
            "httpMethod": method, "path": format!("/prod{path}"), "protocol": "HTTP/1.1", "stage": "prod",
            "requestTime": "23/Nov/2026:09:33:51 +0000", "requestTimeEpoch": 1_795_426_431_000_i64,
            "identity": { "sourceIp": "127.0.0.1", "userAgent": "ag-ui-dev", "userArn": null },
        },
        "body": body, "isBase64Encoded": is_base64,
    });
    if let Some(authorizer) = authorizer {
        event["requestContext"]["authorizer"] = authorizer;
    }
    event
}
