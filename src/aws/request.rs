//! From a Lambda event to the request that the endpoint reads.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Uri};
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt as _};
use tokio::time::Instant;

use super::identity;
use crate::endpoint::RunDeadline;

/// Makes the endpoint's request of an event: its path without the stage, its bytes, its deadline, and the
/// claims that the front door has proven.
pub(super) fn read(event: lambda_http::Request) -> Request<Bytes> {
    let context = event.request_context_ref().cloned();
    let stage = context.as_ref().and_then(stage);
    let path = without_stage(event.raw_http_path(), stage).to_owned();
    let deadline = event.lambda_context_ref().and_then(|context| remaining(context.deadline()));

    let (head, body) = event.into_parts();
    let bytes = match body {
        Body::Text(text) => text.into(),
        Body::Binary(bytes) => bytes.into(),
        _ => Bytes::new(),
    };
    let mut request = Request::new(bytes);
    *request.method_mut() = head.method;
    *request.uri_mut() = Uri::try_from(path).unwrap_or(head.uri);
    *request.headers_mut() = head.headers;
    // Fresh extensions: nothing reaches the endpoint but what is put here.
    if let Some(claims) = context.as_ref().and_then(identity::claims) {
        request.extensions_mut().insert(claims);
    }
    if let Some(remaining) = deadline {
        request.extensions_mut().insert(RunDeadline(Instant::now() + remaining));
    }
    request
}

fn stage(context: &RequestContext) -> Option<&str> {
    match context {
        // A REST API's `path` comes without the stage.
        RequestContext::ApiGatewayV2(context) => {
            context.stage.as_deref().filter(|stage| *stage != "$default")
        }
        _ => None,
    }
}

fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    match rest {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// Time left until a deadline. One in the past means that there is none: `cargo lambda watch` sends 1970.
fn remaining(deadline: SystemTime) -> Option<Duration> {
    deadline.duration_since(SystemTime::now()).ok().filter(|remaining| !remaining.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_no_part_of_the_path() {
        for (path, stage, expected) in [
            ("/agui", None, "/agui"),
            ("/prod/agui", Some("prod"), "/agui"),
            ("/prod", Some("prod"), "/"),
            ("/prod/", Some("prod"), "/"),
            ("/production/agui", Some("prod"), "/production/agui"),
            ("/agui", Some("prod"), "/agui"),
        ] {
            assert_eq!(without_stage(path, stage), expected, "{path}");
        }
    }

    #[test]
    fn a_deadline_in_the_past_is_none() {
        assert_eq!(remaining(SystemTime::UNIX_EPOCH + Duration::from_secs(600)), None);
        assert!(remaining(SystemTime::now() + Duration::from_secs(60)).is_some());
    }
}
