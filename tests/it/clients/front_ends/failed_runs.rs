//! Runs that answer an interrupt and then fail, are cancelled or are refused: the result arrives once, and the thread
//! continues.

use super::{CLIENTS, JSON, KEY, PLAIN, RestartableFunction};
use crate::support::client_run::run_client;
use crate::support::function::test_function;

#[tokio::test]
async fn thread_continues_after_a_failed_answer_run() {
    const LIMITS: [(&str, &str); 4] = [
        ("AGUI_MAX_TURNS", "3"),
        ("AGUI_MAX_TOOL_CALLS", "2"),
        ("AGUI_MAX_TOKENS", "1000000"),
        ("AGUI_MAX_BODY_BYTES", "2000000"),
    ];
    // The tool runs, except if the request was refused or the run ended before it began.
    for (scenario, variables, ran) in [
        ("endings", &LIMITS[..], 8),
        ("endingInTime", &[("AGUI_RUN_TIMEOUT_S", "2")], 1),
        // The model reads the long answer, too.
        ("endingInBytes", &[("AGUI_RESPONSE_MODE", "buffered"), ("AGUI_MAX_INPUT_BYTES", "10000000")], 1),
    ] {
        for client in CLIENTS {
            let variables = [&[JSON, KEY, PLAIN], variables].concat();
            let variables: &'static [(&str, &str)] = variables.leak();
            let served = RestartableFunction::start(|| test_function(variables)).await;

            run_client(client, scenario, &served.url(), &format!("{scenario}-{client}")).await;

            let bought = served.count_lines_by_thread("tea bought").await;
            assert_eq!((bought.len(), bought.values().sum()), (ran, ran), "{scenario}, {client}: {bought:?}");
        }
    }
}
