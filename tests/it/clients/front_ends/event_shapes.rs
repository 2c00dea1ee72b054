//! Runs that end at each limit, and multipart results: no client drops an event in either set of event shapes.

use super::{CLIENTS, RestartableFunction};
use crate::support::client_run::run_client;
use crate::support::function::test_function;

#[tokio::test]
async fn no_client_drops_an_event_in_any_shape() {
    const LIMITS: [(&str, &str); 4] = [
        ("AGUI_MAX_TURNS", "2"),
        ("AGUI_MAX_TOOL_CALLS", "2"),
        ("AGUI_MAX_TOKENS", "1000000"),
        ("AGUI_RUN_TIMEOUT_S", "2"),
    ];
    const BUFFERED: [(&str, &str); 1] = [("AGUI_RESPONSE_MODE", "buffered")];
    for (compat, scenarios) in [("auto", ["shapes", "wholeShapes"]), ("legacy", ["legacy", "wholeLegacy"])] {
        for (scenario, limits) in scenarios.into_iter().zip([&LIMITS[..], &BUFFERED]) {
            let variables: &'static [(&str, &str)] =
                [limits, &[("AGUI_CLIENT_COMPAT", compat)]].concat().leak();
            let served = RestartableFunction::start(|| test_function(variables)).await;
            for client in CLIENTS {
                run_client(client, scenario, &served.url(), &format!("shown-{client}-{scenario}")).await;
            }
            let is_logged = served.is_logged("before AG-UI 1.0").await;
            assert_eq!(is_logged, compat == "legacy", "the start says it");
        }
    }
}
