//! Connections to the provider: the function opens one while it starts, and reuses it.

use ag_ui_dev::provider::{Provider, Reply};

use super::{WIRES, answering, asking, function};
use crate::support::function::{TOKEN, send_hello};

#[tokio::test]
async fn warm_function_reuses_its_connection() {
    for wire in WIRES {
        let provider = Provider::start().await.unwrap();
        let function = function(wire, &provider, &[]).await;
        provider.wait_for_probes(1).await;
        let mut opened = Vec::new();

        for run in 1..=6 {
            let turns = [asking(wire, run), answering(run)];
            provider.queue(turns.iter().map(|turn| Reply::stream(wire, turn)));
            let reply = send_hello(&function, TOKEN).await;

            assert_eq!(reply.events.last().unwrap()["type"], "RUN_FINISHED", "{wire:?}: {}", reply.text);
            assert_eq!(provider.requests().len(), 2 * run, "{wire:?}");
            opened.push(provider.connections());
        }

        // The first request may start before the response to the probe; then it opens a second connection.
        assert!(opened[0] <= 2 && opened.iter().all(|count| *count == opened[0]), "{wire:?}: {opened:?}");
    }
}
