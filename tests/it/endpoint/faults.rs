//! All faults that a request can have, in the order in which they are refused.

use ag_ui_lambda::lambda::claim_source::JWT_AUTHORIZER;
use serde_json::json;

use crate::support::endpoint::{FORBIDDEN_SUBJECT, TestRequest};

/// The limit on the body, in bytes, of the endpoints that these requests are sent to.
pub(super) const LIMIT: usize = 1000;

pub(super) struct Fault {
    pub(super) why: &'static str,
    pub(super) status: u16,
    pub(super) code: &'static str,
    /// Adds the fault to a request.
    pub(super) apply: fn(TestRequest) -> TestRequest,
}

/// Creates a fault.
const fn fault(
    status: u16,
    code: &'static str,
    why: &'static str,
    apply: fn(TestRequest) -> TestRequest,
) -> Fault {
    Fault { why, status, code, apply }
}

/// The faults. An endpoint reports the first one that a request has.
pub(super) const FAULTS: &[Fault] = &[
    fault(404, "NOT_FOUND", "no such path", |request| {
        let method = request.method;
        request.route(method, "/nowhere")
    }),
    fault(405, "METHOD_NOT_ALLOWED", "the method", |request| {
        let path = request.path.clone();
        request.route("DELETE", &path)
    }),
    fault(401, "UNAUTHENTICATED", "a wrong token", |request| request.header("x-agui-token", "guess")),
    fault(401, "UNAUTHENTICATED", "a wrong user token", |request| {
        request.header("x-agui-user-token", "forged")
    }),
    fault(415, "UNSUPPORTED_MEDIA_TYPE", "not JSON by its type", |request| {
        request.header("content-type", "text/plain")
    }),
    fault(413, "BODY_TOO_LARGE", "too long", |mut request| {
        request.tail.push_str(&" ".repeat(LIMIT));
        request
    }),
    fault(
        403,
        "FORBIDDEN",
        "a caller whom the mapping refuses, or of whom authorizer and user token disagree",
        |request| request.claims(JWT_AUTHORIZER, json!({ "sub": FORBIDDEN_SUBJECT })),
    ),
    fault(400, "BAD_JSON", "no JSON", |mut request| {
        request.tail.push('}');
        request
    }),
    fault(400, "BAD_INPUT", "JSON of another shape", |request| request.input("messages", json!("hi"))),
    fault(400, "UNSUPPORTED_PROTOCOL_VERSION", "another major version", |request| {
        request.input("protocolVersion", json!("2.0"))
    }),
    fault(400, "TOOL_NAME_TAKEN", "a frontend tool with a backend tool's name", |request| {
        request.input("tools", json!([{"name": "whoami", "description": ""}]))
    }),
];
