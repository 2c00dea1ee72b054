//! What lets a page of another origin read an answer: the function's word at a REST API, the door's own elsewhere.

use super::{sample, send_tokens};
use crate::support::function::{Reply, local_function};

const HEADER: &str = "access-control-allow-origin";
const ORIGIN: &str = "https://app.example.com";

#[tokio::test]
async fn given_an_allowed_origin_then_all_that_a_rest_api_answers_names_it() {
    for mode in ["stream", "buffered"] {
        let function = local_function(&[("AGUI_ALLOWED_ORIGIN", ORIGIN), ("AGUI_RESPONSE_MODE", mode)]).await;
        let refused = |name: &str| {
            let mut event = sample(name);
            send_tokens(&mut event, &["a-guess"]);
            event
        };
        for (why, event, status, origin) in [
            ("a run", sample("rest-none.json"), 200, Some(ORIGIN)),
            ("a refusal", refused("rest-none.json"), 401, Some(ORIGIN)),
            ("a function URL, which writes its own", sample("function-url-run.json"), 200, None),
            ("its refusal", refused("function-url-run.json"), 401, None),
            ("an HTTP API, which writes its own", sample("http-api-jwt.json"), 200, None),
            ("the same with payload format 1.0", sample("http-api-format-1.json"), 200, None),
        ] {
            let answer = function.invoke(&event).await.unwrap();

            assert_eq!(answer.status(), status, "{mode}: {why}");
            assert_eq!(answer.header(HEADER), origin, "{mode}: {why}");
            Reply::read(answer).await;
        }
    }
}

#[tokio::test]
async fn given_no_allowed_origin_then_none_is_named() {
    let function = local_function(&[]).await;

    let answer = function.invoke(&sample("rest-none.json")).await.unwrap();

    assert_eq!((answer.status(), answer.header(HEADER)), (200, None));
    Reply::read(answer).await;
}
