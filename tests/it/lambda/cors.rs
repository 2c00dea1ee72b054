//! CORS headers: a REST API gets them from the function, other entry points add their own.

use super::{sample_event, send_tokens};
use crate::support::function::{Reply, local_function};

const HEADER: &str = "access-control-allow-origin";
const ORIGIN: &str = "https://app.example.com";

#[tokio::test]
async fn rest_api_responses_name_the_allowed_origin() {
    for mode in ["stream", "buffered"] {
        let function = local_function(&[("AGUI_ALLOWED_ORIGIN", ORIGIN), ("AGUI_RESPONSE_MODE", mode)]).await;
        let refused = |name: &str| {
            let mut event = sample_event(name);
            send_tokens(&mut event, &["a-guess"]);
            event
        };
        for (why, event, status, origin) in [
            ("a run", sample_event("rest-none.json"), 200, Some(ORIGIN)),
            ("a refusal", refused("rest-none.json"), 401, Some(ORIGIN)),
            ("a function URL, which writes its own", sample_event("function-url-run.json"), 200, None),
            ("its refusal", refused("function-url-run.json"), 401, None),
            ("an HTTP API, which writes its own", sample_event("http-api-jwt.json"), 200, None),
            ("the same with payload format 1.0", sample_event("http-api-format-1.json"), 200, None),
        ] {
            let answer = function.invoke(&event).await.unwrap();

            assert_eq!(answer.status(), status, "{mode}: {why}");
            assert_eq!(answer.header(HEADER), origin, "{mode}: {why}");
            Reply::read(answer).await;
        }
    }
}

#[tokio::test]
async fn responses_name_no_origin_unless_configured() {
    let function = local_function(&[]).await;

    let answer = function.invoke(&sample_event("rest-none.json")).await.unwrap();

    assert_eq!((answer.status(), answer.header(HEADER)), (200, None));
    Reply::read(answer).await;
}
