//! Runs that are stopped by each limit, and results in parts: no client drops an event, whichever shapes it is sent.

use super::{CLIENTS, Served};
use crate::support::function::test_function;
use crate::support::played::played;

#[tokio::test]
async fn given_each_setting_of_the_shapes_then_no_client_drops_an_event() {
    const LIMITS: [(&str, &str); 4] = [
        ("AGUI_MAX_TURNS", "2"),
        ("AGUI_MAX_TOOL_CALLS", "2"),
        ("AGUI_MAX_TOKENS", "1000"),
        ("AGUI_RUN_TIMEOUT_S", "2"),
    ];
    const WHOLE: [(&str, &str); 1] = [("AGUI_RESPONSE_MODE", "buffered")];
    for (compat, scenarios) in [("auto", ["shapes", "wholeShapes"]), ("legacy", ["legacy", "wholeLegacy"])] {
        for (scenario, limits) in scenarios.into_iter().zip([&LIMITS[..], &WHOLE]) {
            let variables: &'static [(&str, &str)] =
                [limits, &[("AGUI_CLIENT_COMPAT", compat)]].concat().leak();
            let served = Served::start(|| test_function(variables)).await;
            for client in CLIENTS {
                played(client, scenario, &served.url(), &format!("shown-{client}-{scenario}")).await;
            }
            let is_said = served.is_logged("before AG-UI 1.0").await;
            assert_eq!(is_said, compat == "legacy", "the start says it");
        }
    }
}
