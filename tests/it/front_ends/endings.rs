//! Runs that carry an answer out and fail, are stopped or refused: the result is there once, and the thread goes on.

use super::{CLIENTS, JSON, KEY, PLAIN, Served};
use crate::support::function::test_function;
use crate::support::played::played;

#[tokio::test]
async fn given_either_client_when_the_run_of_an_answer_ends_badly_then_the_next_message_is_answered() {
    const LIMITS: [(&str, &str); 4] = [
        ("AGUI_MAX_TURNS", "3"),
        ("AGUI_MAX_TOOL_CALLS", "2"),
        ("AGUI_MAX_TOKENS", "1000"),
        ("AGUI_MAX_BODY_BYTES", "2000000"),
    ];
    // The tool runs but where a refusal is never answered again, and where the run is over before it has begun.
    for (scenario, variables, ran) in [
        ("endings", &LIMITS[..], 8),
        ("endingInTime", &[("AGUI_RUN_TIMEOUT_S", "2")], 1),
        ("endingInBytes", &[("AGUI_RESPONSE_MODE", "buffered")], 1),
    ] {
        for client in CLIENTS {
            let variables = [&[JSON, KEY, PLAIN], variables].concat();
            let variables: &'static [(&str, &str)] = variables.leak();
            let served = Served::start(|| test_function(variables)).await;

            played(client, scenario, &served.url(), &format!("{scenario}-{client}")).await;

            let bought = served.lines_of("tea bought").await;
            assert_eq!((bought.len(), bought.values().sum()), (ran, ran), "{scenario}, {client}: {bought:?}");
        }
    }
}
