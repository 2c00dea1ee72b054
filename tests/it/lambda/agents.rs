//! Several agents in one function: the path of the event decides, at each entry point.

use ag_ui_dev::EntryPoint;
use http::Request;
use serde_json::Value;

use crate::support::function::{Reply, TOKEN, test_function, user_input};

/// Returns the event of this entry point for a run at this path.
fn event_at(entry_point: EntryPoint, path: &str) -> Value {
    let request =
        Request::post(path).header("content-type", "application/json").header("x-agui-token", TOKEN);
    entry_point.event(&request.body(user_input("recall").to_string().into()).unwrap(), None)
}

#[tokio::test]
async fn path_of_the_event_selects_the_agent() {
    let function = test_function(&[("AGUI_PATH", "/chat")]).await;
    for entry_point in [EntryPoint::FunctionUrl, EntryPoint::RestCognito, EntryPoint::HttpApiJwt] {
        for (path, status, text) in [
            ("/", 200, "nothing"),
            ("/chat", 200, "nothing"),
            ("/second", 200, "the second agent"),
            ("/second/chat", 404, ""),
            ("/agui", 404, ""),
        ] {
            let reply = Reply::send(&function, &event_at(entry_point, path)).await;

            let answer: String = reply.events.iter().filter_map(|event| event["delta"].as_str()).collect();
            assert_eq!((reply.status, answer.as_str()), (status, text), "{entry_point:?} {path}");
        }
    }
}
