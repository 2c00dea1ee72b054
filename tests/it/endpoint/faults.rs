//! Every fault that a request can have.

use ag_ui_lambda::endpoint::ClaimSource;
use serde_json::json;

use crate::support::endpoint::{Asked, BANNED};

/// The longest body of the endpoints that the faults are put to.
pub(super) const LIMIT: usize = 1000;

pub(super) struct Fault {
    pub(super) why: &'static str,
    pub(super) status: u16,
    pub(super) code: &'static str,
    /// Puts the fault into a request.
    pub(super) put: fn(Asked) -> Asked,
}

const fn fault(status: u16, code: &'static str, why: &'static str, put: fn(Asked) -> Asked) -> Fault {
    Fault { why, status, code, put }
}

/// In the order of the refusals.
pub(super) const FAULTS: &[Fault] = &[
    fault(404, "NOT_FOUND", "no such path", |asked| {
        let method = asked.method;
        asked.at(method, "/nowhere")
    }),
    fault(405, "METHOD_NOT_ALLOWED", "the method", |asked| {
        let path = asked.path.clone();
        asked.at("DELETE", &path)
    }),
    fault(401, "UNAUTHENTICATED", "a wrong token", |asked| asked.header("x-agui-token", "guess")),
    fault(401, "UNAUTHENTICATED", "a wrong user token", |asked| asked.header("x-agui-user-token", "forged")),
    fault(415, "UNSUPPORTED_MEDIA_TYPE", "not JSON by its type", |asked| {
        asked.header("content-type", "text/plain")
    }),
    fault(413, "BODY_TOO_LARGE", "too long", |mut asked| {
        asked.tail.push_str(&" ".repeat(LIMIT));
        asked
    }),
    fault(
        403,
        "FORBIDDEN",
        "a caller whom the mapping refuses, or of whom authorizer and user token disagree",
        |asked| asked.claims(ClaimSource::JwtAuthorizer, json!({ "sub": BANNED })),
    ),
    fault(400, "BAD_JSON", "no JSON", |mut asked| {
        asked.tail.push('}');
        asked
    }),
    fault(400, "BAD_INPUT", "JSON of another shape", |asked| asked.input("messages", json!("hi"))),
    fault(400, "UNSUPPORTED_PROTOCOL_VERSION", "another major version", |asked| {
        asked.input("protocolVersion", json!("2.0"))
    }),
    fault(400, "TOOL_NAME_TAKEN", "a frontend tool with a backend tool's name", |asked| {
        asked.input("tools", json!([{"name": "whoami", "description": ""}]))
    }),
];
